/* SPDX-License-Identifier: ISC */
#include "fdb_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fdb *new_table(uint32_t max_entries)
{
    struct fdb_params params = {
        .max_entries = max_entries,
        .max_ports = PORTS,
        .aging_ns = AGING,
        .key = {.k0 = 1, .k1 = 2},
    };
    struct fdb *fdb = NULL;

    assert_int_equal(fdb_new(&params, &fdb), 0);
    return fdb;
}

void check_and_free(struct fdb *fdb)
{
    assert_null(fdb_check(fdb));
    fdb_free(fdb);
}

struct fdb_plan learn(struct fdb *fdb, uint64_t mac, port_id port, uint64_t now)
{
    struct fdb_plan plan;

    fdb_plan_learn(fdb, 0, mac, port, now, &plan);
    fdb_commit(fdb, &plan);
    return plan;
}

void learn_range(struct fdb *fdb, uint64_t from, uint32_t n, port_id port, uint64_t now)
{
    for (uint64_t mac = from; mac < from + n; mac++)
        learn(fdb, mac, port, now);
    assert_null(fdb_check(fdb));
}

uint32_t held_by(const struct fdb *fdb, port_id port, uint64_t now)
{
    struct fdb_entry entry;
    uint32_t cursor = 0;
    uint32_t held = 0;

    while (fdb_next(fdb, now, &cursor, &entry))
        held += entry.port == port;
    return held;
}
