/* SPDX-License-Identifier: ISC */
#include "ringspan/portset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void starts_empty(void **state)
{
    struct portset set;

    assert_int_equal(portset_init(&set, 130), 0);
    assert_int_equal(set.n_members, 0);
    assert_int_equal(portset_next(&set, 0), PORT_NONE);
    for (port_id id = 0; id < 130; id++)
        assert_false(portset_has(&set, id));
    portset_fini(&set);
    portset_fini(&set);
}

static void holds_nothing_without_capacity(void **state)
{
    struct portset set;

    assert_int_equal(portset_init(&set, 0), 0);
    assert_false(portset_has(&set, 0));
    assert_int_equal(portset_next(&set, 0), PORT_NONE);
    portset_fini(&set);
}

static void adding_and_deleting_are_idempotent(void **state)
{
    struct portset set;

    assert_int_equal(portset_init(&set, 65), 0);
    portset_add(&set, 64);
    portset_add(&set, 64);
    assert_int_equal(set.n_members, 1);
    assert_true(portset_has(&set, 64));
    assert_false(portset_has(&set, 63));
    portset_del(&set, 63);
    assert_int_equal(set.n_members, 1);
    portset_del(&set, 64);
    portset_del(&set, 64);
    assert_int_equal(set.n_members, 0);
    assert_false(portset_has(&set, 64));
    portset_fini(&set);
}

static void membership_beyond_the_capacity_is_false(void **state)
{
    struct portset set;

    assert_int_equal(portset_init(&set, 64), 0);
    assert_false(portset_has(&set, 64));
    assert_false(portset_has(&set, PORT_NONE));
    assert_int_equal(portset_next(&set, 64), PORT_NONE);
    portset_fini(&set);
}

static void walks_in_ascending_order(void **state)
{
    static const port_id members[] = {0, 1, 62, 63, 64, 127, 128, 4095};
    const size_t n_members = sizeof(members) / sizeof(members[0]);
    struct portset set;
    size_t n = 0;

    assert_int_equal(portset_init(&set, 4096), 0);
    for (size_t i = n_members; i > 0; i--)
        portset_add(&set, members[i - 1]);
    assert_int_equal(set.n_members, n_members);
    portset_for_each (id, &set) {
        assert_true(n < n_members);
        assert_int_equal(id, members[n]);
        n++;
    }
    assert_int_equal(n, n_members);
    assert_int_equal(portset_next(&set, 65), 127);
    assert_int_equal(portset_next(&set, 127), 127);
    portset_fini(&set);
}

static void reaches_the_largest_id(void **state)
{
    struct portset set;
    unsigned n = 0;

    assert_int_equal(portset_init(&set, PORT_NONE), 0);
    portset_add(&set, PORT_NONE - 1);
    portset_for_each (id, &set) {
        assert_int_equal(id, PORT_NONE - 1);
        n++;
    }
    assert_int_equal(n, 1);
    portset_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(holds_nothing_without_capacity),
        cmocka_unit_test(adding_and_deleting_are_idempotent),
        cmocka_unit_test(membership_beyond_the_capacity_is_false),
        cmocka_unit_test(walks_in_ascending_order),
        cmocka_unit_test(reaches_the_largest_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
