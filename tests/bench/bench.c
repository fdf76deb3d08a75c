/* SPDX-License-Identifier: ISC */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ringspan/clock.h"

#define CONTESTANTS_MAX 8

uint64_t bench_random(void)
{
    static uint64_t state = 1;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double measure(const struct bench_contestant *contestant, uint64_t n)
{
    uint64_t start;

    if (contestant->prepare)
        contestant->prepare(contestant->arg);
    start = clock_now();
    contestant->run(contestant->arg);
    return (double)(clock_now() - start) / (double)n;
}

void bench_compare(const char *details, uint64_t n, const struct bench_contestant *contestants,
                   size_t n_contestants)
{
    double ns[CONTESTANTS_MAX][BENCH_ROUNDS];

    if (n_contestants > CONTESTANTS_MAX)
        abort();
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        for (size_t i = 0; i < n_contestants; i++)
            ns[i][round] = measure(&contestants[i], n);
    }
    for (size_t i = 0; i < n_contestants; i++) {
        qsort(ns[i], BENCH_ROUNDS, sizeof(ns[i][0]), compare);
        printf("{\"operation\": \"%s\", %s, \"ns\": %.1f, \"ns_min\": %.1f, \"ns_max\": %.1f, "
               "\"rounds\": %d}\n",
               contestants[i].operation, details, ns[i][BENCH_ROUNDS / 2], ns[i][0],
               ns[i][BENCH_ROUNDS - 1], BENCH_ROUNDS);
    }
    fflush(stdout);
}
