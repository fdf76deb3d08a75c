/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bench: what one operation costs, in nanoseconds, beside what another one costs.
 *
 * A machine that others use, too, is faster now and slower then. So contestants take turns, round
 * after round, and what counts is the median of the rounds. One JSON object per line.
 */

#define BENCH_ROUNDS 9

struct bench_contestant {
    const char *operation;
    void *arg;
    void (*prepare)(void *arg); /* not timed; NULL: nothing to do */
    void (*run)(void *arg);     /* all operations of a round */
};

/** Prints one line per contestant. @details are JSON members for each line, with no comma around;
 * @n: operations in a round. */
void bench_compare(const char *details, uint64_t n, const struct bench_contestant *contestants,
                   size_t n_contestants);

/* Random, and the same in each run. */
uint64_t bench_random(void);

/** Keeps the compiler from leaving out what nobody reads. */
static inline void bench_use(uint64_t value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

#endif
