/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ringspan/alarm.h"

#define S NS_PER_SEC

static void test_nothing(void **state)
{
    struct alarm alarm = {0};

    assert_int_equal(alarm_look(&alarm, 0, 1 * S), ALARM_NOTHING_NEW);
    assert_int_equal(alarm_look(&alarm, 0, 1000 * S), ALARM_NOTHING_NEW);
}

static void test_one(void **state)
{
    struct alarm alarm = {0};

    assert_int_equal(alarm_look(&alarm, 5, 100 * S), ALARM_BEGINS);
    assert_int_equal(alarm_growth(&alarm), 5);
    assert_int_equal(alarm_look(&alarm, 7, 101 * S), ALARM_NOTHING_NEW);
    assert_int_equal(alarm_look(&alarm, 7, 101 * S + ALARM_QUIET_NS - 1), ALARM_NOTHING_NEW);
    assert_int_equal(alarm_look(&alarm, 7, 101 * S + ALARM_QUIET_NS), ALARM_ENDS);
    assert_int_equal(alarm_growth(&alarm), 7);
    assert_int_equal(alarm_look(&alarm, 7, 1000 * S), ALARM_NOTHING_NEW);
    assert_int_equal(alarm_look(&alarm, 8, 1001 * S), ALARM_BEGINS);
    assert_int_equal(alarm_growth(&alarm), 1);
}

/* What comes and goes for an hour is one beginning and one end. */
static void test_it_does_not_flood(void **state)
{
    struct alarm alarm = {0};
    uint32_t n[3] = {0};

    for (uint64_t now = 0; now < 3600; now++)
        n[alarm_look(&alarm, 1 + now / 9, now * S)]++;
    assert_int_equal(n[ALARM_BEGINS], 1);
    assert_int_equal(n[ALARM_ENDS], 0);
    assert_int_equal(alarm_growth(&alarm), 400);
    assert_int_equal(alarm_look(&alarm, 400, 3620 * S), ALARM_ENDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_it_does_not_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
