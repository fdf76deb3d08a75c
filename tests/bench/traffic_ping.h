/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_PING_H
#define TESTS_BENCH_TRAFFIC_PING_H

#include <sched.h>
#include <stdint.h>

#include "traffic_cpu.h"
#include "traffic_layout.h"

/*
 * Ping: round trips, one at a time.
 *
 * Both ends are threads that sleep in recv(2): what a round trip costs is what it costs programs,
 * wake-ups included. The first few are not counted, so that addresses are known and caches warm.
 */

struct traffic_ping {
    const struct traffic_layout *layout;
    struct traffic_stream stream; /* from who asks to who answers */
    uint32_t size;
    uint64_t count;       /* ends after so many, */
    uint64_t duration_ns; /* or after so long */
    uint64_t interval_ns;
    uint64_t patience_ns;   /* with an answer, at least */
    const cpu_set_t *cpu_a; /* who asks */
    const cpu_set_t *cpu_b;
    const int *pids; /* whose CPU time is measured meanwhile */
    uint32_t n_pids;
};

struct traffic_round_trips {
    uint64_t count;
    uint64_t lost;
    uint64_t corrupted; /* questions and answers; those that they belong to are lost */
    uint64_t p50, p99, p99_9, min, max;
    double mean;
    uint64_t elapsed_ns;    /* from before the first question to after the last answer, */
    struct traffic_cpu cpu; /* and what was spent in it */
};

/** Blocks until it is done. 0 or -errno, said already. */
int traffic_ping(const struct traffic_ping *ping, struct traffic_round_trips *ret_trips);

#endif
