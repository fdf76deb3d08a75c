/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ringspan/fdb.h"

/* What a port may hold, at the sizes and in the moments that a simulation does not come by. */

#define AGING 300
#define PORTS 8

static struct fdb *new_table(uint32_t max_entries)
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

static void check_and_free(struct fdb *fdb)
{
    assert_null(fdb_check(fdb));
    fdb_free(fdb);
}

static struct fdb_plan learn(struct fdb *fdb, uint64_t mac, port_id port, uint64_t now)
{
    struct fdb_plan plan;

    fdb_plan_learn(fdb, 0, mac, port, now, &plan);
    fdb_commit(fdb, &plan);
    assert_null(fdb_check(fdb));
    return plan;
}

static void learn_range(struct fdb *fdb, uint64_t from, uint32_t n, port_id port, uint64_t now)
{
    for (uint64_t mac = from; mac < from + n; mac++)
        learn(fdb, mac, port, now);
}

static uint32_t count_behind(const struct fdb *fdb, port_id port, uint64_t now)
{
    struct fdb_entry entry;
    uint32_t cursor = 0;
    uint32_t n = 0;

    while (fdb_next(fdb, now, &cursor, &entry))
        n += entry.port == port;
    return n;
}

/* An expired entry of its own makes room for it, though the table is full and another port holds
 * more. */
static void test_port_at_its_limit_costs_others_nothing(void **state)
{
    struct fdb *fdb = new_table(64);
    struct fdb_plan plan;

    fdb_set_limit(fdb, 0, 3);
    learn_range(fdb, 0x100, 3, 0, 0);
    learn_range(fdb, 0x200, 61, 1, 1);
    /* So that the insertion does not come by the expired ones. */
    assert_int_equal(fdb_sweep(fdb, 1, 8), 0);
    for (uint64_t i = 0; i < 3; i++) {
        plan = learn(fdb, 0x300 + i, 0, AGING);
        assert_int_equal(plan.action, FDB_INSERT);
        assert_int_equal(fdb_lookup_after(fdb, &plan, 0, 0x300 + i, AGING), 0);
    }
    assert_int_equal(learn(fdb, 0x303, 0, AGING).action, FDB_REFUSE_LIMIT);
    assert_int_equal(count_behind(fdb, 1, AGING), 61);
    assert_int_equal(count_behind(fdb, 0, AGING), 3);
    assert_int_equal(fdb_counters(fdb).evicted, 0);
    assert_int_equal(fdb_counters(fdb).expired, 3);
    check_and_free(fdb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_at_its_limit_costs_others_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
