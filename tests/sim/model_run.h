/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SIM_MODEL_RUN_H
#define TESTS_SIM_MODEL_RUN_H

#include "../support/random.h"
#include "../support/sim_test.h"
#include "model.h"

/*
 * Run: a switch and a model of it, to which the same things happen.
 *
 * What happens is up to chance, which is up to the seed. Changes of settings, tables and ports are
 * made by run_change(), for both alike, so that no setting has to be listed twice.
 */

#define RUN_BURST   3   /* frames that the switch finds in one turn */
#define RUN_ENTRIES 512 /* more than there are addresses: nothing is ever evicted */

struct run {
    struct sim *sim;
    struct model model;
    uint64_t seed;
    uint64_t random;
    uint32_t step;
    const char *doing;
    struct model_hold holds[RUN_BURST]; /* what the model says that was not heard of yet */
    uint32_t n_holds;
    uint32_t n_sent;
    uint32_t n_left;
    uint32_t n_mirrored;
};

static inline void require(const struct run *run, bool condition, const char *sentence)
{
    if (!condition)
        fail_msg("%s (seed %llu, step %u: %s)", sentence, (unsigned long long)run->seed, run->step,
                 run->doing);
}

static inline uint32_t below(struct run *run, uint32_t bound)
{
    return random_below(&run->random, bound);
}

static inline bool one_in(struct run *run, uint32_t n)
{
    return below(run, n) == 0;
}

static inline uint32_t random_port(struct run *run)
{
    uint32_t port;

    do
        port = below(run, run->model.n_ports);
    while (!run->model.ports[port].exists);
    return port;
}

static inline port_id id_of(const struct run *run, uint32_t port)
{
    return sim_port(run->sim, port)->id;
}

/* A VLAN that is one, or what a transparent bridge has. */
static inline uint16_t random_vid(struct run *run)
{
    return run->model.tpid == 0 ? 0 : model_vids[1 + below(run, MODEL_N_VIDS - 1)];
}

static inline uint64_t random_host(struct run *run)
{
    return SIM_HOST(1 + below(run, MODEL_HOSTS));
}

/** All VLANs of all ports. */
void run_set_vlans(struct run *run);
/** Time, or anything that is not a frame. */
void run_pass_time(struct run *run);
void run_change(struct run *run);

#endif
