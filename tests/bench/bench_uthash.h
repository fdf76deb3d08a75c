/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_BENCH_UTHASH_H
#define TESTS_BENCH_BENCH_UTHASH_H

#include <stdint.h>

/*
 * The table that a program would have that took uthash for it: the same key, a port, and when it
 * was seen. Without uthash these do nothing.
 */

#define UT_TABLE_NO_PORT UINT16_MAX

struct ut_table;

/** Room for @max_entries, taken at once as the other table's is. NULL: out of memory. */
struct ut_table *ut_table_new(uint32_t max_entries);
void ut_table_free(struct ut_table *table);
void ut_table_learn(struct ut_table *table, uint64_t mac, uint16_t port, uint64_t now);
uint16_t ut_table_lookup(const struct ut_table *table, uint64_t mac, uint64_t now, uint64_t aging);

#endif
