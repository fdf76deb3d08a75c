/* SPDX-License-Identifier: ISC */
#include "ringspan/hearing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_SLOTS 64

/* What the kernel counts between two looks: @came went into the ring, and then a look. */
static bool look(struct hearing *hearing, uint32_t came, uint32_t dropped, uint64_t unread)
{
    hearing_note(hearing, came + dropped, dropped);
    return hearing_is_lost(hearing, unread, N_SLOTS);
}

static void test_silence_and_traffic(void **state)
{
    struct hearing hearing = {0};

    assert_false(look(&hearing, 0, 0, 0));
    assert_false(look(&hearing, 1, 0, 1));
    assert_false(look(&hearing, 100000, 0, 0));
}

/* The frame that does it is dropped itself: that is enough, whatever was heard before it. */
static void test_slot_lost(void **state)
{
    struct hearing hearing = {0};

    assert_false(look(&hearing, 10, 0, 0));
    assert_true(look(&hearing, 5, 1, 0));
    assert_true(look(&hearing, 0, 7, 0)); /* for as long as it is so, and somebody sends */
    assert_false(look(&hearing, 0, 0, 0));
    assert_true(look(&hearing, 0, 1, 0));
}

static void test_overload(void **state)
{
    struct hearing hearing = {0};

    assert_false(look(&hearing, N_SLOTS, 3, N_SLOTS)); /* full, and nobody has read yet */
    assert_false(look(&hearing, 0, 500, N_SLOTS));
    assert_false(look(&hearing, 1, 500, N_SLOTS)); /* one was read, and one came */
    assert_false(look(&hearing, 7 * N_SLOTS, 500, 0));
}

/* Of the last slot that is taken and the first drop, one may be before a look, the other after. */
static void test_full_at_a_look(void **state)
{
    struct hearing hearing = {0};

    assert_false(look(&hearing, N_SLOTS, 0, N_SLOTS));
    assert_false(look(&hearing, 0, 1, 0));
    hearing = (struct hearing){0};
    assert_false(look(&hearing, N_SLOTS - 1, 0, N_SLOTS - 1));
    assert_false(look(&hearing, 1, 1, 0));
}

static void test_one_slot_was_free(void **state)
{
    struct hearing hearing = {0};

    assert_true(look(&hearing, N_SLOTS - 1, 1, N_SLOTS - 1));
}

/* While frames come fast nothing is proved; afterwards the first that is dropped does. */
static void test_slot_lost_among_many_frames(void **state)
{
    struct hearing hearing = {0};

    assert_false(look(&hearing, 3 * N_SLOTS, 9, 0));
    assert_false(look(&hearing, 0, 0, 0));
    assert_true(look(&hearing, 0, 1, 0));
}

/* Statistics are read by others, too, at any time between two looks. */
static void test_notes_add_up(void **state)
{
    struct hearing hearing = {0};

    hearing_note(&hearing, N_SLOTS / 2, 0);
    hearing_note(&hearing, 1, 1);
    assert_false(look(&hearing, N_SLOTS / 2, 0, 0));
    hearing_note(&hearing, 1, 1);
    assert_true(look(&hearing, 0, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_and_traffic),
        cmocka_unit_test(test_slot_lost),
        cmocka_unit_test(test_overload),
        cmocka_unit_test(test_full_at_a_look),
        cmocka_unit_test(test_one_slot_was_free),
        cmocka_unit_test(test_slot_lost_among_many_frames),
        cmocka_unit_test(test_notes_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
