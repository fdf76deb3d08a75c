/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_TIMES_H
#define TESTS_BENCH_TRAFFIC_TIMES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Times: what many durations come to.
 *
 * Round trips are few enough to keep them all; one-way times are one per frame and go into buckets
 * whose width grows with the duration, 64 to each doubling, so that a quantile is right to 1.6 %.
 */

#define TRAFFIC_BUCKETS_PER_DOUBLING 64
#define TRAFFIC_BUCKETS              ((64 - 5) * TRAFFIC_BUCKETS_PER_DOUBLING)

struct traffic_times {
    uint64_t n;
    uint64_t max;
    uint64_t buckets[TRAFFIC_BUCKETS];
};

/** What each result says of them, in nanoseconds. */
struct traffic_quantiles {
    uint64_t p50;
    uint64_t p99;
    uint64_t p99_9;
    uint64_t max;
};

void traffic_times_add(struct traffic_times *times, uint64_t ns);
/** All 0 if there are none. */
struct traffic_quantiles traffic_times_quantiles(const struct traffic_times *times);

void traffic_sort(uint64_t *durations, size_t n);
/** The nearest rank: the least of the @n sorted ones that at least @per_mille of them do not
 * exceed. 0 if there are none. */
uint64_t traffic_quantile(const uint64_t *sorted, size_t n, uint32_t per_mille);

#endif
