/* SPDX-License-Identifier: ISC */
#include "ringspan/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ringspan/limits.h"

static int setup(void **state)
{
    *state = progress_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static bool note(struct progress *progress, const char *port, uint64_t received, uint64_t unread)
{
    struct ledger_snapshot snapshot = {
        .counters.received.frames = received, .unread_min = unread, .unread_max = unread};

    return progress_note(progress, port, &snapshot);
}

/* A look at one port. */
static bool look(struct progress *progress, const char *port, uint64_t received, uint64_t unread)
{
    progress_begin(progress);
    return note(progress, port, received, unread);
}

static void test_stalled(void **state)
{
    assert_true(look(*state, "r1", 7, 3));
    assert_false(look(*state, "r1", 7, 3));
    assert_false(look(*state, "r1", 7, 5000));
    assert_true(look(*state, "r1", 8, 4999));
    assert_false(look(*state, "r1", 8, 4999));
    assert_true(look(*state, "r1", 5007, 0));
}

static void test_idle(void **state)
{
    for (int i = 0; i < 3; i++)
        assert_true(look(*state, "r1", 7, 0));
    assert_true(look(*state, "r1", 7, 1)); /* it has just come */
}

static void test_flooded(void **state)
{
    for (uint64_t received = 0; received < 5; received++)
        assert_true(look(*state, "r1", received, 8192));
}

static void test_not_judged(void **state)
{
    assert_true(look(*state, "r1", 7, 3));
    progress_begin(*state);
    assert_true(progress_note(*state, "r1", NULL));
    assert_true(look(*state, "r1", 7, 3));
    assert_false(look(*state, "r1", 7, 3));
}

/* Each port for itself: neither hides another's stall nor is blamed for it. */
static void test_many_ports(void **state)
{
    for (uint64_t turn = 0; turn < 3; turn++) {
        progress_begin(*state);
        assert_true(note(*state, "r1", turn, 9));
        assert_int_equal(note(*state, "r2", 5, 1), turn == 0);
        assert_true(note(*state, "r3", 0, 0));
    }
}

static void test_another_port_in_its_place(void **state)
{
    assert_true(look(*state, "r1", 7, 3));
    assert_true(look(*state, "r2", 7, 3));
    assert_true(look(*state, "r1", 7, 3));
    assert_false(look(*state, "r1", 7, 3));
}

static void test_more_ports_than_there_can_be(void **state)
{
    for (int turn = 0; turn < 2; turn++) {
        progress_begin(*state);
        for (uint32_t i = 0; i <= LIMIT_PORTS; i++)
            assert_int_equal(note(*state, "r1", 1, 1), turn == 0 || i == LIMIT_PORTS);
    }
}

#define PROGRESS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROGRESS_TEST(test_stalled),
        PROGRESS_TEST(test_idle),
        PROGRESS_TEST(test_flooded),
        PROGRESS_TEST(test_not_judged),
        PROGRESS_TEST(test_many_ports),
        PROGRESS_TEST(test_another_port_in_its_place),
        PROGRESS_TEST(test_more_ports_than_there_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
