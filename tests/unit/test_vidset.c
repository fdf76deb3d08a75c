/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ringspan/vidset.h"

static void test_members(void **state)
{
    struct vidset set = {{0}};

    assert_true(vidset_is_empty(&set));
    vidset_add(&set, 1);
    vidset_add(&set, 64);
    vidset_add(&set, 4094);
    vidset_add(&set, 64);
    for (uint16_t vid = 0; vid < VID_LIMIT; vid++)
        assert_int_equal(vidset_has(&set, vid), vid == 1 || vid == 64 || vid == 4094);
    vidset_del(&set, 64);
    vidset_del(&set, 65);
    assert_false(vidset_has(&set, 64));
    assert_false(vidset_is_empty(&set));
}

static void test_all_are_those_that_name_a_vlan(void **state)
{
    struct vidset all = vidset_all();

    for (uint16_t vid = 0; vid < VID_LIMIT; vid++)
        assert_int_equal(vidset_has(&all, vid), vid >= 1 && vid <= 4094);
}

static void test_minus(void **state)
{
    struct vidset a = {{0}};
    struct vidset b = {{0}};
    struct vidset left;

    vidset_add_range(&a, 60, 70);
    vidset_add_range(&b, 65, 80);
    left = vidset_minus(&a, &b);
    for (uint16_t vid = 0; vid < VID_LIMIT; vid++)
        assert_int_equal(vidset_has(&left, vid), vid >= 60 && vid < 65);
    assert_false(vidset_equals(&a, &b));
    left = vidset_minus(&a, &a);
    assert_true(vidset_is_empty(&left));
}

static void test_ranges(void **state)
{
    static const uint16_t expected[][2] = {{1, 1}, {63, 65}, {4000, 4094}};
    struct vidset set = {{0}};
    uint16_t first;
    uint16_t last = 0;

    assert_false(vidset_next_range(&set, 0, &first, &last));
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        vidset_add_range(&set, expected[i][0], expected[i][1]);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(vidset_next_range(&set, last + 1u, &first, &last));
        assert_int_equal(first, expected[i][0]);
        assert_int_equal(last, expected[i][1]);
    }
    assert_false(vidset_next_range(&set, last + 1u, &first, &last));
    assert_true(vidset_next_range(&set, 4094, &first, &last));
    assert_int_equal(first, 4094);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_all_are_those_that_name_a_vlan),
        cmocka_unit_test(test_minus),
        cmocka_unit_test(test_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
