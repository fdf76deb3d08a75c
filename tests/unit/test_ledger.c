/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/ledger.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* A port whose sums hold, with every term of them above zero and each a different number. */
static struct ledger_snapshot balanced_snapshot(void)
{
    struct ledger_snapshot snapshot = {
        .held_in = 11,
        .held_out = 13,
        .unread_min = 5,
        .unread_max = 7,
        .has_kernel = true,
    };
    struct ledger_port *port = &snapshot.counters;

    port->unicast = 1000;
    port->flooded = 200;
    port->consumed = 30;
    port->originated = 400;
    port->mirrored = 60;
    port->duplicated = 50;
    port->tp_drops = 17;
    for (int reason = DROP_NONE + 1; reason < DROP_N_REASONS; reason++) {
        port->in_dropped[reason] = (uint64_t)reason;
        port->out_dropped[reason] = 100u + (uint64_t)reason;
    }
    port->received.frames = 1000 + 200 + 30 + ledger_sum_dropped(port->in_dropped) + 11;
    port->accepted.frames = 7000;
    port->decided = 7000 + ledger_sum_dropped(port->out_dropped) + 13 - 400 - 60 - 50;
    port->fanout = port->decided;
    port->tp_packets = port->received.frames + port->tp_drops + 6;
    return snapshot;
}

/* Which of the sums one counter belongs to. */
struct term {
    size_t offset;
    bool in, out, kernel, across;
};

#define TERM(field, ...)                                               \
    {                                                                  \
        .offset = offsetof(struct ledger_snapshot, field), __VA_ARGS__ \
    }

static const struct term terms[] = {
    TERM(counters.received.frames, .in = true, .kernel = true),
    TERM(counters.unicast, .in = true),
    TERM(counters.flooded, .in = true),
    TERM(counters.consumed, .in = true),
    TERM(held_in, .in = true),
    TERM(counters.fanout, .across = true),
    TERM(counters.decided, .out = true, .across = true),
    TERM(counters.originated, .out = true),
    TERM(counters.mirrored, .out = true),
    TERM(counters.duplicated, .out = true),
    TERM(counters.accepted.frames, .out = true),
    TERM(held_out, .out = true),
    TERM(counters.tp_packets, .kernel = true),
    TERM(counters.tp_drops, .kernel = true),
    TERM(counters.received.segments, .in = false),
    TERM(counters.received.bytes, .in = false),
    TERM(counters.accepted.segments, .in = false),
    TERM(counters.accepted.bytes, .in = false),
    /* No reason: not part of any sum. */
    TERM(counters.in_dropped[DROP_NONE], .in = false),
    TERM(counters.out_dropped[DROP_NONE], .in = false),
};

static void check_term(const struct term *term, uint64_t off_by)
{
    const struct ledger_retired retired = {0};
    struct ledger_snapshot snapshot = balanced_snapshot();
    uint64_t *counter = (uint64_t *)((char *)&snapshot + term->offset);

    snapshot.unread_min = snapshot.unread_max = ledger_unread(&snapshot);
    *counter += off_by;
    assert_int_equal(ledger_in_balances(&snapshot), !term->in);
    assert_int_equal(ledger_out_balances(&snapshot), !term->out);
    assert_int_equal(ledger_kernel_balances(&snapshot), !term->kernel);
    assert_int_equal(ledger_across_balances(&snapshot, 1, &retired), !term->across);
}

static void test_sums_hold(void **state)
{
    const struct ledger_retired retired = {0};
    const struct ledger_snapshot zero = {.has_kernel = true};
    struct ledger_snapshot snapshot = balanced_snapshot();

    assert_true(ledger_in_balances(&snapshot));
    assert_true(ledger_out_balances(&snapshot));
    assert_true(ledger_kernel_balances(&snapshot));
    assert_true(ledger_across_balances(&snapshot, 1, &retired));
    assert_true(ledger_in_balances(&zero));
    assert_true(ledger_out_balances(&zero));
    assert_true(ledger_kernel_balances(&zero));
    assert_true(ledger_across_balances(NULL, 0, &retired));
}

static void test_each_counter_that_is_off_by_one_breaks_its_sums(void **state)
{
    for (size_t i = 0; i < LENGTH(terms); i++) {
        check_term(&terms[i], 1);
        check_term(&terms[i], UINT64_MAX);
    }
    for (size_t reason = DROP_NONE + 1; reason < DROP_N_REASONS; reason++) {
        const struct term in = {
            .offset = offsetof(struct ledger_snapshot, counters.in_dropped) + reason * 8,
            .in = true,
        };
        const struct term out = {
            .offset = offsetof(struct ledger_snapshot, counters.out_dropped) + reason * 8,
            .out = true,
        };

        check_term(&in, 1);
        check_term(&in, UINT64_MAX);
        check_term(&out, 1);
        check_term(&out, UINT64_MAX);
    }
}

static void test_what_is_unread_lies_between_two_counts(void **state)
{
    struct ledger_snapshot snapshot = balanced_snapshot();

    assert_int_equal(ledger_unread(&snapshot), 6);
    for (uint64_t unread = 4; unread <= 8; unread++) {
        snapshot.counters.tp_packets =
            snapshot.counters.received.frames + snapshot.counters.tp_drops + unread;
        assert_int_equal(ledger_kernel_balances(&snapshot), unread >= 5 && unread <= 7);
    }
    /* More was received than the kernel says it put into the ring. */
    snapshot.unread_min = 0;
    snapshot.counters.tp_packets =
        snapshot.counters.received.frames + snapshot.counters.tp_drops - 1;
    assert_false(ledger_kernel_balances(&snapshot));
}

static void test_port_without_a_kernel_side(void **state)
{
    struct ledger_snapshot snapshot = balanced_snapshot();

    snapshot.has_kernel = false;
    snapshot.counters.tp_packets = 0;
    snapshot.counters.tp_drops = 0;
    assert_true(ledger_kernel_balances(&snapshot));
    assert_int_equal(ledger_unread(&snapshot), 0);
}

static void test_sum_across_ports_that_are_gone(void **state)
{
    struct ledger_retired retired = {.fanout = 10, .decided = 3};
    struct ledger_snapshot snapshots[3] = {0};

    snapshots[0].counters.fanout = 5;
    snapshots[1].counters.decided = 4;
    snapshots[2].counters.decided = 8;
    assert_true(ledger_across_balances(snapshots, 3, &retired));
    assert_false(ledger_across_balances(snapshots, 2, &retired));
    retired.decided++;
    assert_false(ledger_across_balances(snapshots, 3, &retired));
    retired.fanout++;
    assert_true(ledger_across_balances(snapshots, 3, &retired));
}

static void test_reasons_have_names_of_their_own(void **state)
{
    for (int i = DROP_NONE + 1; i < DROP_N_REASONS; i++) {
        const char *name = drop_reason_name((enum drop_reason)i);

        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_true(strlen(drop_reason_sentence((enum drop_reason)i)) > 10);
        for (int other = i + 1; other < DROP_N_REASONS; other++)
            assert_string_not_equal(name, drop_reason_name((enum drop_reason)other));
    }
    assert_string_equal(drop_reason_name(DROP_TRUNCATED), "truncated");
    assert_string_equal(drop_reason_name(DROP_TX_ERROR), "tx_error");
    assert_string_equal(drop_reason_sentence(DROP_SAME_PORT),
                        "the destination is on the port it came from, which has no hairpin");
}

static void test_reasons_have_a_class(void **state)
{
    assert_int_equal(drop_reason_class(DROP_TRUNCATED), DROP_CLASS_LOST);
    assert_int_equal(drop_reason_class(DROP_RESERVED), DROP_CLASS_FILTERED);
    assert_int_equal(drop_reason_class(DROP_TX_ERROR), DROP_CLASS_LOST);
    assert_string_equal(drop_class_name(DROP_CLASS_FILTERED), "filtered");
    assert_string_equal(drop_class_name(DROP_CLASS_LOST), "lost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_hold),
        cmocka_unit_test(test_each_counter_that_is_off_by_one_breaks_its_sums),
        cmocka_unit_test(test_what_is_unread_lies_between_two_counts),
        cmocka_unit_test(test_port_without_a_kernel_side),
        cmocka_unit_test(test_sum_across_ports_that_are_gone),
        cmocka_unit_test(test_reasons_have_names_of_their_own),
        cmocka_unit_test(test_reasons_have_a_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
