/* SPDX-License-Identifier: ISC */
#include "ringspan/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/clock.h"

#define AGING (300 * NS_PER_SEC)
#define NOW   (1000 * NS_PER_SEC)
#define PORTS 8

#define A          UINT64_C(0x02000000000a)
#define B          UINT64_C(0x02000000000b)
#define GROUP      UINT64_C(0x01005e000001)
#define LLDP       UINT64_C(0x0180c200000e)
#define PAUSE      UINT64_C(0x0180c2000001)
#define LEARNING   6 /* this port learns only */
#define DOWN       7 /* this one does nothing */
#define FORWARDING 6 /* ports 0..5 forward: so many */

/* A small bridge's tables, with no bridge around them. */
struct world {
    struct fdb *fdb;
    struct policy_table policy;
    uint8_t activity[PORTS];
    struct reserved_policy policies[PORTS];
    struct forward_tables tables;
    uint8_t bytes[64];
    struct frame frame;
    struct decision decision;
};

static void set_activity(struct world *w, port_id port, enum port_activity activity)
{
    w->activity[port] = (uint8_t)activity;
    policy_table_set_forwarding(&w->policy, port, activity == PORT_ACTIVITY_FORWARD);
}

static void set_reserved(struct world *w, const struct reserved_settings *bridge)
{
    const struct reserved_settings unsaid = reserved_settings_of(RESERVED_N_PRESETS);

    for (port_id port = 0; port < PORTS; port++)
        w->policies[port] = reserved_policy_of(bridge, &unsaid);
}

static void set_preset(struct world *w, enum reserved_preset preset)
{
    const struct reserved_settings settings = reserved_settings_of(preset);

    set_reserved(w, &settings);
}

static int set_up(void **state)
{
    static struct world world;
    static const struct fdb_params params = {
        .max_entries = 16, .max_ports = PORTS, .aging_ns = AGING, .key = {1, 2}};
    struct world *w = &world;

    memset(w, 0, sizeof(*w));
    assert_int_equal(fdb_new(&params, &w->fdb), 0);
    assert_int_equal(policy_table_init(&w->policy, PORTS), 0);
    for (port_id port = 0; port < FORWARDING; port++)
        set_activity(w, port, PORT_ACTIVITY_FORWARD);
    set_activity(w, LEARNING, PORT_ACTIVITY_LEARN);
    w->tables = (struct forward_tables){
        .fdb = w->fdb,
        .reserved = w->policies,
        .activity = w->activity,
        .policy = &w->policy,
    };
    set_preset(w, RESERVED_TRANSPARENT);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    assert_null(fdb_check(w->fdb));
    fdb_free(w->fdb);
    policy_table_fini(&w->policy);
    return 0;
}

static void make_frame(struct world *w, port_id ingress, uint64_t dst, uint64_t src)
{
    memset(w->bytes, 0, sizeof(w->bytes));
    mac_store(dst, w->bytes);
    mac_store(src, w->bytes + 6);
    w->frame = (struct frame){.data = w->bytes, .len = 60, .ingress = ingress};
}

static void decide_at(struct world *w, uint64_t now)
{
    memset(&w->decision, 0xa5, sizeof(w->decision)); /* nothing is left to chance */
    forward_decide(&w->tables, &w->frame, now, &w->decision);
    if (w->decision.reason != DROP_MAC_LIMIT)
        assert_int_equal(w->decision.port_action, PORT_ACTION_NONE);
}

static void decide(struct world *w, port_id ingress, uint64_t dst, uint64_t src)
{
    make_frame(w, ingress, dst, src);
    decide_at(w, NOW);
}

static void learn(struct world *w, port_id port, uint64_t mac)
{
    struct fdb_plan plan;

    fdb_plan_learn(w->fdb, 0, mac, port, NOW, &plan);
    fdb_commit(w->fdb, &plan);
}

static void expect_drop(const struct world *w, enum drop_reason reason, enum fdb_action learns)
{
    assert_int_equal(w->decision.verdict, VERDICT_DROP);
    assert_int_equal(w->decision.reason, reason);
    assert_int_equal(w->decision.fanout, 0);
    assert_int_equal(w->decision.learn.action, learns);
    assert_int_equal(w->decision.ingress, w->frame.ingress);
}

static void expect_unicast(const struct world *w, port_id egress, enum fdb_action learns)
{
    assert_int_equal(w->decision.verdict, VERDICT_UNICAST);
    assert_int_equal(w->decision.reason, DROP_NONE);
    assert_int_equal(w->decision.egress, egress);
    assert_int_equal(w->decision.fanout, 1);
    assert_int_equal(w->decision.vid, 0);
    assert_int_equal(w->decision.learn.action, learns);
}

static void expect_flood(const struct world *w, uint32_t fanout, enum fdb_action learns)
{
    assert_int_equal(w->decision.verdict, VERDICT_FLOOD);
    assert_int_equal(w->decision.reason, DROP_NONE);
    assert_int_equal(w->decision.egress, PORT_NONE);
    assert_int_equal(w->decision.fanout, fanout);
    assert_int_equal(w->decision.learn.action, learns);
}

/* Admit: what is wrong with a frame, and what is said of one with which several things are. The
 * rows are in the order of the checks: each carries all the faults of the rows below it, if it
 * can. */
static const struct {
    enum drop_reason defect;
    uint32_t len;
    port_id ingress;
    uint64_t dst;
    uint64_t src;
    enum drop_reason reason;
} faults[] = {
    {DROP_TRUNCATED, 0, DOWN, PAUSE, GROUP, DROP_TRUNCATED},
    {DROP_MALFORMED, 13, DOWN, PAUSE, GROUP, DROP_MALFORMED},
    {DROP_TRUNCATED, 60, 0, B, A, DROP_TRUNCATED},
    {DROP_NONE, 0, DOWN, PAUSE, GROUP, DROP_RUNT},
    {DROP_NONE, 13, DOWN, PAUSE, GROUP, DROP_RUNT},
    {DROP_NONE, 13, 0, B, A, DROP_RUNT},
    {DROP_NONE, 60, DOWN, PAUSE, GROUP, DROP_INGRESS_DOWN},
    {DROP_NONE, 60, DOWN, B, A, DROP_INGRESS_DOWN},
    {DROP_NONE, 60, 0, PAUSE, GROUP, DROP_SOURCE_GROUP},
    {DROP_NONE, 60, 0, B, MAC_BROADCAST, DROP_SOURCE_GROUP},
    {DROP_NONE, 60, LEARNING, B, UINT64_C(0x010000000000), DROP_SOURCE_GROUP},
    {DROP_NONE, 60, 0, PAUSE, 0, DROP_SOURCE_ZERO},
    {DROP_NONE, 60, LEARNING, B, 0, DROP_SOURCE_ZERO},
    {DROP_NONE, 60, 0, PAUSE, A, DROP_MAC_CONTROL},
    {DROP_NONE, 60, LEARNING, PAUSE, A, DROP_MAC_CONTROL},
};

static void test_what_is_not_admitted_teaches_nothing(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        make_frame(w, faults[i].ingress, faults[i].dst, faults[i].src);
        w->frame.defect = faults[i].defect;
        w->frame.len = faults[i].len;
        decide_at(w, NOW);
        expect_drop(w, faults[i].reason, FDB_NOTHING);
        forward_commit(w->fdb, NULL, &w->decision);
        assert_int_equal(fdb_used(w->fdb), 0);
    }
}

static void test_shortest_frame_is_admitted(void **state)
{
    struct world *w = *state;

    make_frame(w, 0, B, A);
    w->frame.len = 14;
    decide_at(w, NOW);
    expect_flood(w, FORWARDING - 1, FDB_INSERT);
}

static void test_reserved_addresses_by_preset(void **state)
{
    struct world *w = *state;

    for (int preset = 0; preset < RESERVED_N_PRESETS; preset++) {
        set_preset(w, (enum reserved_preset)preset);
        for (uint64_t dst = RESERVED_MAC_BASE; dst < RESERVED_MAC_BASE + 16; dst++) {
            decide(w, 0, dst, A);
            if (reserved_action_of(w->policies[0], dst) == RESERVED_FORWARD)
                expect_flood(w, FORWARDING - 1, FDB_INSERT);
            else
                expect_drop(w, reserved_reason(reserved_protocol_of(dst)), FDB_NOTHING);
            assert_int_equal(w->decision.reserved, reserved_protocol_of(dst));
        }
        /* The seventeenth is an ordinary group. */
        decide(w, 0, RESERVED_MAC_BASE + 16, A);
        expect_flood(w, FORWARDING - 1, FDB_INSERT);
        assert_int_equal(w->decision.reserved, RESERVED_N_PROTOCOLS);
    }
}

static void test_a_tag_does_not_hide_a_reserved_address(void **state)
{
    struct world *w = *state;

    set_preset(w, RESERVED_CUSTOMER_BRIDGE);
    make_frame(w, 0, LLDP, A);
    frame_push_tag(&w->frame, (struct vlan_tag){VLAN_TPID_C, 10});
    decide_at(w, NOW);
    expect_drop(w, DROP_RESERVED, FDB_NOTHING);
}

static void test_what_is_consumed_goes_nowhere_and_teaches_nothing(void **state)
{
    struct reserved_settings settings = reserved_settings_of(RESERVED_TRANSPARENT);
    struct world *w = *state;

    settings.actions[RESERVED_LLDP] = RESERVED_CONSUME;
    set_reserved(w, &settings);
    decide(w, 0, LLDP, A);
    assert_int_equal(w->decision.verdict, VERDICT_CONSUME);
    assert_int_equal(w->decision.reason, DROP_NONE);
    assert_int_equal(w->decision.fanout, 0);
    assert_int_equal(w->decision.learn.action, FDB_NOTHING);
    /* It has to be a frame that the port takes at all. */
    decide(w, DOWN, LLDP, A);
    expect_drop(w, DROP_INGRESS_DOWN, FDB_NOTHING);
    assert_int_equal(w->decision.reserved, RESERVED_LLDP);
    decide(w, 0, LLDP, GROUP);
    expect_drop(w, DROP_SOURCE_GROUP, FDB_NOTHING);
    decide(w, 0, LLDP - 1, A);
    expect_flood(w, FORWARDING - 1, FDB_INSERT);
}

static void test_the_policy_is_the_ingress_ports(void **state)
{
    struct reserved_settings drops = reserved_settings_of(RESERVED_CUSTOMER_BRIDGE);
    struct world *w = *state;

    w->policies[1] = reserved_policy_of(&drops, &drops);
    decide(w, 1, LLDP, A);
    expect_drop(w, DROP_RESERVED, FDB_NOTHING);
    decide(w, 0, LLDP, A);
    expect_flood(w, FORWARDING - 1, FDB_INSERT);
}

/* Not even if something had put one into the table. */
static void test_groups_are_flooded_and_never_looked_up(void **state)
{
    static const uint64_t groups[] = {MAC_BROADCAST, GROUP, LLDP};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        decide(w, (port_id)i, groups[i], A);
        expect_flood(w, FORWARDING - 1, FDB_INSERT);
        learn(w, 4, groups[i]);
        decide(w, (port_id)i, groups[i], A);
        expect_flood(w, FORWARDING - 1, FDB_INSERT);
    }
}

static void test_unknown_is_flooded(void **state)
{
    struct world *w = *state;

    decide(w, 3, B, A);
    expect_flood(w, FORWARDING - 1, FDB_INSERT);
}

static void test_known_is_sent_to_its_port(void **state)
{
    struct world *w = *state;

    learn(w, 4, B);
    decide(w, 0, B, A);
    expect_unicast(w, 4, FDB_INSERT);
    learn(w, 0, A);
    decide(w, 0, B, A);
    expect_unicast(w, 4, FDB_REFRESH);
    decide(w, 2, B, A);
    expect_unicast(w, 4, FDB_MOVE);
}

static void test_known_until_its_last_nanosecond(void **state)
{
    struct world *w = *state;

    learn(w, 4, B);
    make_frame(w, 0, B, A);
    decide_at(w, NOW + AGING - 1);
    expect_unicast(w, 4, FDB_INSERT);
    decide_at(w, NOW + AGING);
    expect_flood(w, FORWARDING - 1, FDB_INSERT);
}

static void test_destination_on_the_port_it_came_from(void **state)
{
    struct world *w = *state;

    learn(w, 3, B);
    decide(w, 3, B, A);
    expect_drop(w, DROP_SAME_PORT, FDB_INSERT);
}

/* The lookup sees what this very frame teaches. */
static void test_frame_to_its_own_source(void **state)
{
    struct world *w = *state;

    decide(w, 3, A, A);
    expect_drop(w, DROP_SAME_PORT, FDB_INSERT);
    learn(w, 1, A);
    decide(w, 3, A, A);
    expect_drop(w, DROP_SAME_PORT, FDB_MOVE);
}

/* A full table makes room for the source; if that costs the destination its entry, this frame is
 * flooded already. */
static void test_lookup_sees_whom_the_source_displaces(void **state)
{
    struct world *w = *state;
    uint32_t flooded = 0;

    for (uint64_t i = 0; i < 16; i++)
        learn(w, 4, B + i);
    for (uint64_t i = 0; i < 16; i++) {
        port_id after;

        decide(w, 0, B + i, A);
        after = fdb_lookup_after(w->fdb, &w->decision.learn, 0, B + i, NOW);
        if (after == PORT_NONE) {
            expect_flood(w, FORWARDING - 1, FDB_INSERT);
            flooded++;
        } else {
            expect_unicast(w, 4, FDB_INSERT);
        }
    }
    assert_int_equal(flooded, 1);
}

static void test_known_behind_a_port_that_does_not_forward(void **state)
{
    struct world *w = *state;

    learn(w, LEARNING, B);
    decide(w, 0, B, A);
    expect_drop(w, DROP_NO_EGRESS, FDB_INSERT);
    learn(w, DOWN, B);
    decide(w, 0, B, A);
    expect_drop(w, DROP_NO_EGRESS, FDB_INSERT);
}

static void add_static(struct world *w, port_id port, uint64_t mac)
{
    const struct fdb_entry entry = {.mac = mac, .port = port, .seen = NOW, .is_static = true};

    assert_int_equal(fdb_add(w->fdb, &entry), 0);
}

static void test_static_behind_a_port_that_does_not_forward(void **state)
{
    struct world *w = *state;

    add_static(w, DOWN, B);
    decide(w, 0, B, A);
    expect_drop(w, DROP_STATIC_DOWN, FDB_INSERT);
    add_static(w, LEARNING, B);
    decide(w, 0, B, A);
    expect_drop(w, DROP_STATIC_DOWN, FDB_INSERT);
    add_static(w, 0, B);
    decide(w, 0, B, A);
    expect_drop(w, DROP_SAME_PORT, FDB_INSERT);
}

static void test_source_that_is_fixed_elsewhere(void **state)
{
    struct world *w = *state;

    add_static(w, 4, A);
    decide(w, 0, B, A);
    expect_flood(w, FORWARDING - 1, FDB_REFUSE_MOVE);
    /* Its own address is not where the frame came from. */
    decide(w, 0, A, A);
    expect_unicast(w, 4, FDB_REFUSE_MOVE);
    decide(w, 4, A, A);
    expect_drop(w, DROP_SAME_PORT, FDB_REFRESH);
}

static void test_learning_port_learns_and_passes_nothing(void **state)
{
    struct world *w = *state;

    learn(w, 4, B);
    decide(w, LEARNING, B, A);
    expect_drop(w, DROP_INGRESS_DOWN, FDB_INSERT);
    decide(w, LEARNING, MAC_BROADCAST, A);
    expect_drop(w, DROP_INGRESS_DOWN, FDB_INSERT);
    forward_commit(w->fdb, NULL, &w->decision);
    assert_int_equal(fdb_lookup(w->fdb, 0, A, NOW), LEARNING);
}

static void test_alone_there_is_no_egress(void **state)
{
    struct world *w = *state;

    for (port_id port = 1; port < PORTS; port++)
        set_activity(w, port, PORT_ACTIVITY_NONE);
    decide(w, 0, B, A);
    expect_drop(w, DROP_NO_EGRESS, FDB_INSERT);
    decide(w, 0, MAC_BROADCAST, A);
    expect_drop(w, DROP_NO_EGRESS, FDB_INSERT);
    set_activity(w, 1, PORT_ACTIVITY_LEARN);
    decide(w, 0, MAC_BROADCAST, A);
    expect_drop(w, DROP_NO_EGRESS, FDB_INSERT);
    set_activity(w, 1, PORT_ACTIVITY_FORWARD);
    decide(w, 0, MAC_BROADCAST, A);
    expect_flood(w, 1, FDB_INSERT);
}

/* Whatever the table is like: deciding twice gives the same decision, and changes nothing. */
static void test_deciding_changes_nothing(void **state)
{
    struct world *w = *state;

    for (uint64_t i = 0; i < 40; i++) {
        struct fdb_counters before = fdb_counters(w->fdb);
        struct fdb_counters after;
        uint32_t used = fdb_used(w->fdb);
        struct decision first;

        decide(w, (port_id)(i % FORWARDING), A + (i * 7) % 40, A + i % 25);
        first = w->decision;
        for (int again = 0; again < 5; again++)
            decide(w, (port_id)(i % FORWARDING), A + (i * 7) % 40, A + i % 25);
        assert_int_equal(first.learn.action, w->decision.learn.action);
        assert_int_equal(first.learn.room, w->decision.learn.room);
        assert_int_equal(first.learn.entry, w->decision.learn.entry);
        assert_int_equal(first.verdict, w->decision.verdict);
        assert_int_equal(first.reason, w->decision.reason);
        assert_int_equal(first.egress, w->decision.egress);
        after = fdb_counters(w->fdb);
        assert_memory_equal(&before, &after, sizeof(before));
        assert_int_equal(fdb_used(w->fdb), used);
        assert_null(fdb_check(w->fdb));
        forward_commit(w->fdb, NULL, &w->decision);
    }
    assert_true(fdb_counters(w->fdb).evicted > 0);
}

static void test_committing_learns(void **state)
{
    struct world *w = *state;

    decide(w, 2, B, A);
    assert_int_equal(fdb_lookup(w->fdb, 0, A, NOW), PORT_NONE);
    forward_commit(w->fdb, NULL, &w->decision);
    assert_int_equal(fdb_lookup(w->fdb, 0, A, NOW), 2);
    decide(w, 5, B, A);
    forward_commit(w->fdb, NULL, &w->decision);
    assert_int_equal(fdb_lookup(w->fdb, 0, A, NOW), 5);
}

/* While bridges are transparent to tags all of them share one VLAN, numbered 0. */
static void test_tags_do_not_separate(void **state)
{
    struct world *w = *state;

    learn(w, 4, B);
    make_frame(w, 0, B, A);
    frame_push_tag(&w->frame, (struct vlan_tag){VLAN_TPID_C, 100});
    decide_at(w, NOW);
    expect_unicast(w, 4, FDB_INSERT);
    assert_int_equal(w->decision.learn.vid, 0);
}

/* The stack keeps room for the tag that the frame may have to wear where it leaves. */
static void test_a_frame_comes_with_one_tag_taken_off_at_most(void **state)
{
    struct world *w = *state;

    make_frame(w, 0, B, A);
    frame_push_tag(&w->frame, (struct vlan_tag){VLAN_TPID_C, 100});
    frame_push_tag(&w->frame, (struct vlan_tag){VLAN_TPID_S, 200});
    decide_at(w, NOW);
    expect_drop(w, DROP_MALFORMED, FDB_NOTHING);
}

static void test_verdicts_have_names(void **state)
{
    assert_string_equal(verdict_name(VERDICT_DROP), "drop");
    assert_string_equal(verdict_name(VERDICT_UNICAST), "unicast");
    assert_string_equal(verdict_name(VERDICT_FLOOD), "flood");
    assert_string_equal(verdict_name(VERDICT_CONSUME), "consume");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_not_admitted_teaches_nothing),
        TEST(test_shortest_frame_is_admitted),
        TEST(test_reserved_addresses_by_preset),
        TEST(test_a_tag_does_not_hide_a_reserved_address),
        TEST(test_what_is_consumed_goes_nowhere_and_teaches_nothing),
        TEST(test_the_policy_is_the_ingress_ports),
        TEST(test_groups_are_flooded_and_never_looked_up),
        TEST(test_unknown_is_flooded),
        TEST(test_known_is_sent_to_its_port),
        TEST(test_known_until_its_last_nanosecond),
        TEST(test_destination_on_the_port_it_came_from),
        TEST(test_frame_to_its_own_source),
        TEST(test_lookup_sees_whom_the_source_displaces),
        TEST(test_known_behind_a_port_that_does_not_forward),
        TEST(test_learning_port_learns_and_passes_nothing),
        TEST(test_static_behind_a_port_that_does_not_forward),
        TEST(test_source_that_is_fixed_elsewhere),
        TEST(test_alone_there_is_no_egress),
        TEST(test_deciding_changes_nothing),
        TEST(test_committing_learns),
        TEST(test_tags_do_not_separate),
        TEST(test_a_frame_comes_with_one_tag_taken_off_at_most),
        TEST(test_verdicts_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
