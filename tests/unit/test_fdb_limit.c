/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fdb_fixture.h"

/* What a port may hold, at the sizes and in the moments that a simulation does not come by. */

/* An expired entry of its own makes room for it, though the table is full and another port holds
 * more. */
static void test_port_at_its_limit_costs_others_nothing(void **state)
{
    struct fdb *fdb = new_table(64);
    struct fdb_plan plan;

    fdb_set_limit(fdb, 0, 3, 0, 64);
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
    assert_int_equal(held_by(fdb, 1, AGING), 61);
    assert_int_equal(held_by(fdb, 0, AGING), 3);
    assert_int_equal(fdb_counters(fdb).evicted, 0);
    assert_int_equal(fdb_counters(fdb).expired, 3);
    check_and_free(fdb);
}

static void add_range(struct fdb *fdb, uint64_t from, uint32_t n, port_id port)
{
    for (uint64_t mac = from; mac < from + n; mac++) {
        const struct fdb_entry entry = {.mac = mac, .port = port};

        assert_int_equal(fdb_add(fdb, &entry), 0);
        assert_null(fdb_check(fdb));
    }
}

/* What somebody added gives way last among those of its port, and goes where
 * they all go. */
static void test_added_entries(void **state)
{
    struct fdb *fdb = new_table(16);

    fdb_set_limit(fdb, 0, 4, 0, 64);
    learn_range(fdb, 0x100, 4, 0, 0);
    add_range(fdb, 0x200, 8, 0);
    assert_int_equal(learn(fdb, 0x300, 0, 0).action, FDB_REFUSE_LIMIT);
    fdb_set_limit(fdb, 0, 2, 0, 64);
    assert_int_equal(held_by(fdb, 0, 0), 10);
    assert_int_equal(fdb_held(fdb, 0), 10);
    assert_int_equal(fdb_lookup(fdb, 0, 0x101, 0), PORT_NONE);
    assert_int_equal(fdb_lookup(fdb, 0, 0x102, 0), 0);

    learn_range(fdb, 0x400, 8, 1, 0); /* six fit in; two learned ones go, and no other */
    assert_int_equal(fdb_lookup(fdb, 0, 0x102, 0), PORT_NONE);
    assert_int_equal(fdb_lookup(fdb, 0, 0x103, 0), PORT_NONE);
    assert_int_equal(held_by(fdb, 0, 0), 8);
    add_range(fdb, 0x500, 1, 0);
    assert_int_equal(held_by(fdb, 0, 0), 8);
    assert_int_equal(fdb_lookup(fdb, 0, 0x200, 0), PORT_NONE);
    assert_int_equal(held_by(fdb, 1, 0), 8);

    /* Heard of, it stays added; heard of elsewhere, it is learned there. */
    assert_int_equal(learn(fdb, 0x201, 0, 1).action, FDB_REFRESH);
    fdb_set_limit(fdb, 2, 1, 0, 64);
    assert_int_equal(learn(fdb, 0x202, 2, 1).action, FDB_MOVE);
    assert_int_equal(learn(fdb, 0x203, 2, 1).action, FDB_REFUSE_LIMIT);
    fdb_flush_port(fdb, 0);
    assert_int_equal(held_by(fdb, 0, 1), 0);
    assert_null(fdb_check(fdb));
    check_and_free(fdb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_at_its_limit_costs_others_nothing),
        cmocka_unit_test(test_added_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
