/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_RUN_H
#define TESTS_BENCH_TRAFFIC_RUN_H

#include <stdint.h>

#include "traffic_cpu.h"
#include "traffic_net.h"
#include "traffic_options.h"
#include "traffic_times.h"

/*
 * Run: all streams at once for some time, and what became of every frame.
 *
 * For each stream sent = offered - refused, and what was expected is either received or lost;
 * corrupted and late frames are lost ones. Rates and CPU times are of the steady part, which begins
 * when the warm-up is over.
 */

/** What every stream sends. */
struct traffic_load {
    double pps; /* 0: as fast as it goes */
    uint64_t duration_ns;
    uint64_t
        limit; /* frames after which it ends earlier; 0: none. Rates and CPU times are 0 then */
};

struct traffic_counts {
    uint64_t offered;
    uint64_t refused;
    uint64_t sent;
    uint64_t received;
    uint64_t expected;
    uint64_t lost;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted;
    uint64_t late;
    uint64_t misdelivered;
    uint64_t flooded;
    double tx_pps;
    double rx_pps;
};

/** What came of any number of runs, and what was wrong with it. */
struct traffic_damage {
    uint64_t received;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted;
    uint64_t late;
    uint64_t misdelivered;
};

struct traffic_result {
    uint64_t intended_pps; /* of all streams together; 0: as fast as it goes */
    uint64_t duration_ns;
    uint64_t steady_ns;
    uint64_t sending_ns; /* from the first frame to the last */
    struct traffic_counts total;
    struct traffic_counts *streams;
    uint64_t stale;
    uint64_t sink_dropped;
    struct traffic_quantiles one_way;
    struct traffic_quantiles skew; /* of a broadcast that is the only stream */
    struct traffic_cpu cpu;
    uint64_t tx_cpu_ns; /* of the generator's threads */
    uint64_t rx_cpu_ns;
};

/** 0, and @ret_result is to be freed; or -errno, said already. */
int traffic_run(struct traffic_net *net, const struct traffic_options *options,
                const struct traffic_load *load, struct traffic_result *ret_result);
void traffic_result_fini(struct traffic_result *result);
void traffic_damage_add(struct traffic_damage *damage, const struct traffic_counts *counts);

static inline double traffic_loss(const struct traffic_counts *counts)
{
    return counts->expected > 0 ? (double)counts->lost / (double)counts->expected : 0;
}

#endif
