/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ringspan/reserved.h"

#define FORWARD DROP_NONE
#define CONTROL DROP_MAC_CONTROL
#define FILTER  DROP_RESERVED

/* IEEE 802.1Q tables 8-1 and 8-2, written out. */
static const struct {
    uint64_t dst;
    enum drop_reason transparent, all, customer_bridge, provider_bridge;
} rows[] = {
    {0x0180c2000000, FORWARD, FORWARD, FILTER, FORWARD},
    {0x0180c2000001, CONTROL, FORWARD, CONTROL, CONTROL},
    {0x0180c2000002, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c2000003, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c2000004, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c2000005, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c2000006, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c2000007, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c2000008, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c2000009, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c200000a, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c200000b, FORWARD, FORWARD, FILTER, FORWARD},
    {0x0180c200000c, FORWARD, FORWARD, FILTER, FORWARD},
    {0x0180c200000d, FORWARD, FORWARD, FILTER, FORWARD},
    {0x0180c200000e, FORWARD, FORWARD, FILTER, FILTER},
    {0x0180c200000f, FORWARD, FORWARD, FILTER, FORWARD},
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == 16, "all sixteen");

static enum drop_reason check(enum reserved_preset preset, uint64_t dst)
{
    return reserved_check(reserved_policy_of(preset), dst);
}

static void test_each_address_under_each_preset(void **state)
{
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(check(RESERVED_TRANSPARENT, rows[i].dst), rows[i].transparent);
        assert_int_equal(check(RESERVED_ALL, rows[i].dst), rows[i].all);
        assert_int_equal(check(RESERVED_CUSTOMER_BRIDGE, rows[i].dst), rows[i].customer_bridge);
        assert_int_equal(check(RESERVED_PROVIDER_BRIDGE, rows[i].dst), rows[i].provider_bridge);
    }
}

static void test_exactly_the_sixteen_are_reserved(void **state)
{
    for (size_t i = 0; i < 16; i++)
        assert_true(reserved_is(rows[i].dst));
    assert_false(reserved_is(0x0180c2000010));
    assert_false(reserved_is(0x0180c2000020));
    assert_false(reserved_is(0x0180c2000021));
    assert_false(reserved_is(0x0180c1ffffff));
    assert_false(reserved_is(0x0180c2010000));
    assert_false(reserved_is(0x0080c2000000));
    assert_false(reserved_is(0xffffffffffff));
    assert_false(reserved_is(0));
}

static void test_names(void **state)
{
    enum reserved_preset preset = RESERVED_ALL;

    assert_string_equal(reserved_preset_name(RESERVED_TRANSPARENT), "transparent");
    assert_string_equal(reserved_preset_name(RESERVED_ALL), "all");
    assert_string_equal(reserved_preset_name(RESERVED_CUSTOMER_BRIDGE), "customer_bridge");
    assert_string_equal(reserved_preset_name(RESERVED_PROVIDER_BRIDGE), "provider_bridge");
    for (int i = 0; i < RESERVED_N_PRESETS; i++) {
        const char *name = reserved_preset_name((enum reserved_preset)i);

        assert_true(reserved_preset_from_name(name, &preset));
        assert_int_equal(preset, i);
    }
    preset = RESERVED_ALL;
    assert_false(reserved_preset_from_name("customer-bridge", &preset));
    assert_false(reserved_preset_from_name("ALL", &preset));
    assert_false(reserved_preset_from_name("", &preset));
    assert_int_equal(preset, RESERVED_ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_address_under_each_preset),
        cmocka_unit_test(test_exactly_the_sixteen_are_reserved),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
