/* SPDX-License-Identifier: ISC */
#ifndef FDB_FIXTURE_H
#define FDB_FIXTURE_H

#include "ringspan/fdb.h"

/*
 * FDB fixture: a table of PORTS ports whose entries age in AGING nanoseconds, and
 * what tests do to it, in VLAN 0.
 */

#define AGING 300
#define PORTS 8

struct fdb *new_table(uint32_t max_entries);
/** Its counts are right to the end. */
void check_and_free(struct fdb *fdb);

struct fdb_plan learn(struct fdb *fdb, uint64_t mac, port_id port, uint64_t now);
/** @n addresses from @from on; the counts are right afterwards. */
void learn_range(struct fdb *fdb, uint64_t from, uint32_t n, port_id port, uint64_t now);

/** How many live entries the port has. */
uint32_t held_by(const struct fdb *fdb, port_id port, uint64_t now);

#endif
