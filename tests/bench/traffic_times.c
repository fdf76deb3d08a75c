/* SPDX-License-Identifier: ISC */
#include "traffic_times.h"

#include <stdlib.h>

#define PER  TRAFFIC_BUCKETS_PER_DOUBLING
#define BITS 6 /* PER is 2 to this */

/* Below 2 * PER each duration has a bucket of its own; above, the highest BITS + 1 bits count. */
static size_t bucket_of(uint64_t ns)
{
    int shift = ns < 2 * PER ? 0 : 63 - __builtin_clzll(ns) - BITS;

    return (size_t)shift * PER + (ns >> shift);
}

static uint64_t highest_in(size_t bucket)
{
    size_t shift = bucket < 2 * PER ? 0 : bucket / PER - 1;

    return ((bucket - shift * PER + 1) << shift) - 1;
}

void traffic_times_add(struct traffic_times *times, uint64_t ns)
{
    times->buckets[bucket_of(ns)]++;
    times->n++;
    if (ns > times->max)
        times->max = ns;
}

static uint64_t rank_of(uint64_t n, uint32_t per_mille)
{
    uint64_t rank = (n * per_mille + 999) / 1000;

    return rank > 0 ? rank : 1;
}

static uint64_t quantile_of(const struct traffic_times *times, uint32_t per_mille)
{
    uint64_t left = rank_of(times->n, per_mille);
    size_t i = 0;

    if (times->n == 0)
        return 0;
    while (times->buckets[i] < left)
        left -= times->buckets[i++];
    return highest_in(i) < times->max ? highest_in(i) : times->max;
}

struct traffic_quantiles traffic_times_quantiles(const struct traffic_times *times)
{
    return (struct traffic_quantiles){
        .p50 = quantile_of(times, 500),
        .p99 = quantile_of(times, 990),
        .p99_9 = quantile_of(times, 999),
        .max = times->max,
    };
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

void traffic_sort(uint64_t *durations, size_t n)
{
    qsort(durations, n, sizeof(*durations), compare);
}

uint64_t traffic_quantile(const uint64_t *sorted, size_t n, uint32_t per_mille)
{
    return n > 0 ? sorted[rank_of(n, per_mille) - 1] : 0;
}
