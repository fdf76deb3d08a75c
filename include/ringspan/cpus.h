/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CPUS_H
#define RINGSPAN_CPUS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * CPUs: a set of them, by the kernel's numbers, as bits; and what a thread may run on.
 *
 * The set is a value of fixed size. A machine with more than CPUS_LIMIT CPUs has some that it
 * cannot name; there a thread stays where the kernel puts it.
 */

#define CPUS_LIMIT       1024
#define CPUS_STRING_SIZE 128

struct cpus {
    uint64_t words[CPUS_LIMIT / 64];
};

/** @first to @last, both of them in, below CPUS_LIMIT. */
void cpus_add_range(struct cpus *cpus, uint32_t first, uint32_t last);
uint32_t cpus_count(const struct cpus *cpus);
bool cpus_equal(const struct cpus *a, const struct cpus *b);
/** Members of @a that are in @b too, or are not in @b. */
struct cpus cpus_in_both(const struct cpus *a, const struct cpus *b);
struct cpus cpus_minus(const struct cpus *a, const struct cpus *b);
/** The next run of members at or after @from: true, and its first and last. Start with 0, go on
 * behind the last. */
bool cpus_next_range(const struct cpus *cpus, uint32_t from, uint32_t *ret_first,
                     uint32_t *ret_last);
/** "0,2-3", cut with "..." if it is long. Returns @ret_text. */
const char *cpus_format(const struct cpus *cpus, char ret_text[CPUS_STRING_SIZE]);

/** What the calling thread may run on, and saying so. 0 or -errno. */
int cpus_get(struct cpus *ret_cpus);
int cpus_set(const struct cpus *cpus);

#endif
