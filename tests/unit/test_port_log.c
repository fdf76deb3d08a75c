/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../src/control/port_log.h"

#define START (5 * NS_PER_SEC)

static uint32_t changes(struct port_log *log, uint32_t n, uint64_t now)
{
    uint32_t n_told = 0;

    for (uint32_t i = 0; i < n; i++)
        n_told += port_log_change(log, now);
    return n_told;
}

static void a_few_are_told_one_by_one(void **state)
{
    struct port_log log = {0};

    assert_int_equal(changes(&log, PORT_LOG_LINES, START), PORT_LOG_LINES);
    assert_int_equal(port_log_due(&log), 0);
    assert_int_equal(changes(&log, PORT_LOG_LINES, START + PORT_LOG_INTERVAL), PORT_LOG_LINES);
    assert_int_equal(port_log_due(&log), 0);
}

static void too_many_are_counted_and_told_at_the_end(void **state)
{
    struct port_log log = {0};

    assert_int_equal(changes(&log, PORT_LOG_LINES, START), PORT_LOG_LINES);
    assert_int_equal(changes(&log, 500, START + NS_PER_SEC), 0);
    assert_int_equal(port_log_due(&log), START + PORT_LOG_INTERVAL);
    /* Nobody told yet: the count goes on. */
    assert_int_equal(changes(&log, 1, START + PORT_LOG_INTERVAL), 0);
    assert_int_equal(port_log_tell(&log, START + PORT_LOG_INTERVAL), 501);
    assert_int_equal(port_log_due(&log), 0);
}

static void a_port_that_goes_on_has_as_many_lines_again(void **state)
{
    struct port_log log = {0};
    uint32_t n_told = 0;
    uint32_t n_untold = 0;
    uint64_t now = START;

    for (uint32_t i = 0; i < 6000; i++, now += NS_PER_SEC / 100) {
        if (port_log_due(&log) != 0 && port_log_due(&log) <= now) {
            n_untold += port_log_tell(&log, now);
            n_told++;
        }
        n_told += port_log_change(&log, now);
    }
    assert_in_range(n_told, 50, 60);
    assert_int_equal(n_told - 5 + n_untold + log.n_untold, 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_are_told_one_by_one),
        cmocka_unit_test(too_many_are_counted_and_told_at_the_end),
        cmocka_unit_test(a_port_that_goes_on_has_as_many_lines_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
