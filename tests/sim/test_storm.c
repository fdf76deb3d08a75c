/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../support/sim_test.h"

/*
 * Storm control and policing of a whole bridge: how much passes at ten times what is allowed, what
 * is out of reach, and what becomes of the rest.
 */

enum {
    STORM, /* the port with limits */
    PEER,
    OTHER,
    N_PORTS
};

#define STORM_HOST SIM_HOST(1)
#define PEER_HOST  SIM_HOST(2)
#define MULTICAST  UINT64_C(0x01005e000001)
#define UNKNOWN    SIM_HOST(99)
#define LACP       UINT64_C(0x0180c2000002)

#define FRAME_LEN 1000
#define PER_TURN  10 /* of a millisecond, at a thousand per second allowed */
#define TURNS     3000

struct limits {
    struct meter_settings settings[METER_N_USES];
};

static void limit(struct limits *limits, enum meter_use use, const char *rate, const char *burst)
{
    struct meter_settings *settings = &limits->settings[use];

    assert_true(rate_parse(rate, &settings->rate));
    settings->burst = burst_of(settings->rate, LIMIT_STORM_BURST_MS);
    if (burst)
        assert_true(burst_parse(burst, &settings->burst));
}

static struct sim *new_sim(enum meter_use use, const char *rate, const char *burst)
{
    struct sim *sim = sim_test_new(N_PORTS);
    struct limits limits = {0};

    limit(&limits, use, rate, burst);
    sim_set_meters(sim, STORM, limits.settings);
    sim_test_flood(sim, PEER, MAC_BROADCAST, PEER_HOST); /* it is known where it is */
    return sim;
}

static uint64_t address_of(enum meter_use use)
{
    static const uint64_t addresses[METER_N_USES] = {
        [METER_BROADCAST] = MAC_BROADCAST, [METER_MULTICAST] = MULTICAST,
        [METER_UNKNOWN_UNICAST] = UNKNOWN, [METER_INGRESS] = MULTICAST,
        [METER_EGRESS] = STORM_HOST,
    };

    return addresses[use];
}

static enum drop_reason reason_of(enum meter_use use)
{
    static const enum drop_reason reasons[METER_N_USES] = {
        [METER_BROADCAST] = DROP_STORM_BROADCAST,
        [METER_MULTICAST] = DROP_STORM_MULTICAST,
        [METER_UNKNOWN_UNICAST] = DROP_STORM_UNKNOWN_UNICAST,
        [METER_INGRESS] = DROP_POLICED_IN,
        [METER_EGRESS] = DROP_POLICED_OUT,
    };

    return reasons[use];
}

static uint64_t dropped(struct sim *sim, enum meter_use use)
{
    return use == METER_EGRESS ? sim_out_dropped(sim, STORM, DROP_POLICED_OUT)
                               : sim_in_dropped(sim, STORM, reason_of(use));
}

static void send_many(struct sim *sim, uint32_t port, const struct sim_frame *frame, uint32_t n)
{
    while (n-- > 0)
        assert_true(sim_inject(sim, port, frame));
    while (sim_poll(sim, port) > 0)
        ;
}

/* Known unicast on its way out of the port with limits, all of which must arrive. */
static void send_unicast(struct sim *sim)
{
    struct sim_frame frame;

    sim_frame_make(&frame, PEER_HOST, STORM_HOST, 60);
    sim_discard(sim);
    send_many(sim, STORM, &frame, 1);
    sim_expect(sim, PEER, &frame);
    sim_expect_nothing(sim);
}

/* ---- how much ---- */

struct overload {
    const char *name;
    enum meter_use use;
    const char *rate; /* a thousand frames of FRAME_LEN per second, or so many segments */
    const char *burst;
    uint32_t burst_frames;
    bool is_super; /* ten segments each, a tenth of the frames */
};

#define CLASSES(label, rate, burst, frames)                                             \
    {"broadcasts, " label, METER_BROADCAST, rate, burst, frames, false},                \
        {"multicasts, " label, METER_MULTICAST, rate, burst, frames, false},            \
        {"unknown unicast, " label, METER_UNKNOWN_UNICAST, rate, burst, frames, false}, \
        {"ingress, " label, METER_INGRESS, rate, burst, frames, false},                 \
    {                                                                                   \
        "egress, " label, METER_EGRESS, rate, burst, frames, false                      \
    }

static const struct overload overloads[] = {
    CLASSES("packets", "1000pps", NULL, 50),
    CLASSES("packets, one at once", "1000pps", "1packets", 1),
    CLASSES("packets, many at once", "1000pps", "1000packets", 1000),
    CLASSES("bits", "8mbit", NULL, 50),
    CLASSES("bits, hardly any at once", "8mbit", "1B", 0),
    CLASSES("bits, many at once", "8mbit", "1000000B", 1000),
    {"superframes, packets", METER_MULTICAST, "1000pps", NULL, 50, true},
    {"superframes, more than a burst", METER_UNKNOWN_UNICAST, "1000pps", "3packets", 3, true},
    {"superframes, bits", METER_MULTICAST, "8mbit", NULL, 50, true},
    {"superframes, more bits than a burst", METER_INGRESS, "8mbit", "1B", 0, true},
    {"superframes, egress", METER_EGRESS, "8mbit", NULL, 50, true},
};

/* FRAME_LEN bytes; or a superframe of ten segments that long: 66 bytes of headers in each. */
static void make_storm(struct sim_frame *frame, const struct overload *c)
{
    uint64_t src = c->use == METER_EGRESS ? PEER_HOST : STORM_HOST;
    uint16_t mss = FRAME_LEN - 66;

    if (c->is_super)
        sim_frame_make_tcp(frame, address_of(c->use), src, 10u * mss, mss);
    else
        sim_frame_make(frame, address_of(c->use), src, FRAME_LEN);
}

static void test_overload(void **state)
{
    const struct overload *c = *state;
    struct sim *sim = new_sim(c->use, c->rate, c->burst);
    uint32_t port = c->use == METER_EGRESS ? PEER : STORM;
    uint32_t segments = c->is_super ? 10 : 1;
    uint32_t offered = TURNS * PER_TURN / segments;
    uint32_t allowed = c->burst_frames + TURNS - 1;
    struct sim_frame frame;
    uint64_t passed;

    make_storm(&frame, c);
    if (c->use == METER_EGRESS)
        sim_test_flood(sim, STORM, MAC_BROADCAST, STORM_HOST);
    for (uint32_t i = 0; i < TURNS; i++) {
        send_many(sim, port, &frame, PER_TURN / segments);
        if (c->use < METER_INGRESS)
            send_unicast(sim);
        sim_discard(sim);
        sim_pass_time(sim, NS_PER_MS);
    }
    passed = (offered - dropped(sim, c->use)) * segments;
    assert_in_range(passed, allowed - allowed / 10, allowed + allowed / 10);
    assert_in_range(passed, allowed - 1, allowed + segments); /* and it is much closer */
    sim_free(sim);
}

/* A batch of one turn decides as frame by frame would. */
static void test_batches_decide_alike(void **state)
{
    struct sim *sims[2];
    struct sim_frame frame;

    for (uint32_t i = 0; i < 2; i++)
        sims[i] = new_sim(METER_BROADCAST, "1000pps", "7packets");
    sim_frame_make(&frame, MAC_BROADCAST, STORM_HOST, 60);
    for (uint32_t turn = 0; turn < 20; turn++) {
        send_many(sims[0], STORM, &frame, 20);
        for (uint32_t i = 0; i < 20; i++)
            send_many(sims[1], STORM, &frame, 1);
        assert_int_equal(dropped(sims[0], METER_BROADCAST), dropped(sims[1], METER_BROADCAST));
        for (uint32_t i = 0; i < 2; i++) {
            sim_discard(sims[i]);
            sim_pass_time(sims[i], turn * NS_PER_MS);
        }
    }
    assert_in_range(dropped(sims[0], METER_BROADCAST), 200, 399);
    for (uint32_t i = 0; i < 2; i++)
        sim_free(sims[i]);
}

/* ---- what is out of reach ---- */

static void exhaust(struct sim *sim, enum meter_use use)
{
    uint64_t before = dropped(sim, use);
    struct sim_frame frame;

    sim_frame_make(&frame, address_of(use), STORM_HOST, 60);
    send_many(sim, STORM, &frame, 100);
    sim_discard(sim);
    assert_true(dropped(sim, use) > before);
}

/* The last digits of 01-80-C2-00-00-0X that are: BPDUs, LACP, 802.1X and LLDP. */
static const uint64_t vital = 1 << 0x0 | 1 << 0x2 | 1 << 0x3 | 1 << 0x8 | 1 << 0xe;

static void check_exemption_from(enum meter_use use)
{
    struct sim *sim = new_sim(use, "1pps", "1packets");

    exhaust(sim, use);
    for (uint32_t i = 0; i <= 0x10; i++) {
        uint64_t dst = UINT64_C(0x0180c2000000) + i;

        if (i == 1)
            sim_test_drop(sim, STORM, dst, STORM_HOST, DROP_MAC_CONTROL);
        else if (vital >> i & 1)
            sim_test_flood(sim, STORM, dst, STORM_HOST);
        else
            sim_test_drop(sim, STORM, dst, STORM_HOST, reason_of(use));
    }
    sim_free(sim);
}

static void test_vital_protocols_cross_a_storm(void **state)
{
    check_exemption_from(METER_MULTICAST);
}

static void test_vital_protocols_are_not_policed_in(void **state)
{
    check_exemption_from(METER_INGRESS);
}

static void test_vital_protocols_are_not_policed_out(void **state)
{
    struct sim *sim = new_sim(METER_EGRESS, "1pps", "1packets");
    struct sim_frame frame;

    sim_frame_make(&frame, MAC_BROADCAST, PEER_HOST, 60);
    send_many(sim, PEER, &frame, 1);
    sim_discard(sim);
    assert_int_equal(sim_out_dropped(sim, STORM, DROP_POLICED_OUT), 1);
    for (uint32_t i = 2; i <= 0x10; i++) {
        sim_frame_make(&frame, UINT64_C(0x0180c2000000) + i, PEER_HOST, 60);
        sim_send(sim, PEER, &frame);
        if (vital >> i & 1)
            sim_expect(sim, STORM, &frame);
        sim_expect(sim, OTHER, &frame);
        sim_expect_nothing(sim);
    }
    assert_int_equal(sim_out_dropped(sim, STORM, DROP_POLICED_OUT), 12);
    sim_free(sim);
}

/* They take nothing from those that are not, either. */
static void test_vital_protocols_take_nothing(void **state)
{
    static const enum meter_use uses[] = {METER_MULTICAST, METER_INGRESS};

    for (size_t i = 0; i < LENGTH(uses); i++) {
        struct sim *sim = new_sim(uses[i], "1pps", "1packets");

        for (uint32_t n = 0; n < 10; n++)
            sim_test_flood(sim, STORM, LACP, STORM_HOST);
        sim_test_flood(sim, STORM, address_of(uses[i]), STORM_HOST);
        sim_test_drop(sim, STORM, address_of(uses[i]), STORM_HOST, reason_of(uses[i]));
        sim_free(sim);
    }
}

static void test_classes_do_not_share(void **state)
{
    struct sim *sim = new_sim(METER_BROADCAST, "1pps", "1packets");

    exhaust(sim, METER_BROADCAST);
    sim_test_flood(sim, STORM, MULTICAST, STORM_HOST);
    sim_test_flood(sim, STORM, UNKNOWN, STORM_HOST);
    sim_test_flood(sim, OTHER, MAC_BROADCAST, SIM_HOST(3)); /* nor do ports */
    sim_free(sim);
}

/* ---- what takes nothing ---- */

static void test_what_crosses_nowhere_takes_nothing(void **state)
{
    struct sim *sim = new_sim(METER_INGRESS, "1pps", "3packets");
    struct sim_frame frame;

    sim_test_flood(sim, STORM, MAC_BROADCAST, STORM_HOST); /* the first of three */
    sim_frame_make(&frame, STORM_HOST, SIM_HOST(4), 60);   /* to where it comes from */
    for (uint32_t i = 0; i < 10; i++)
        send_many(sim, STORM, &frame, 10);
    assert_int_equal(sim_in_dropped(sim, STORM, DROP_SAME_PORT), 100);
    for (uint32_t i = 0; i < 10; i++)
        sim_test_drop(sim, STORM, UINT64_C(0x0180c2000001), STORM_HOST, DROP_MAC_CONTROL);
    sim_test_unicast(sim, STORM, PEER_HOST, STORM_HOST, PEER);
    sim_test_unicast(sim, STORM, PEER_HOST, STORM_HOST, PEER);
    sim_test_drop(sim, STORM, PEER_HOST, STORM_HOST, DROP_POLICED_IN);
    sim_free(sim);
}

static void test_what_a_storm_drops_takes_nothing_of_the_port(void **state)
{
    struct sim *sim = sim_test_new(N_PORTS);
    struct limits limits = {0};

    limit(&limits, METER_BROADCAST, "1pps", "1packets");
    limit(&limits, METER_INGRESS, "1pps", "3packets");
    sim_set_meters(sim, STORM, limits.settings);
    sim_test_flood(sim, STORM, MAC_BROADCAST, STORM_HOST);
    for (uint32_t i = 0; i < 10; i++)
        sim_test_drop(sim, STORM, MAC_BROADCAST, STORM_HOST, DROP_STORM_BROADCAST);
    sim_test_flood(sim, STORM, MULTICAST, STORM_HOST);
    sim_test_flood(sim, STORM, MULTICAST, STORM_HOST);
    sim_test_drop(sim, STORM, MULTICAST, STORM_HOST, DROP_POLICED_IN);
    sim_free(sim);
}

static void test_what_is_too_long_takes_nothing(void **state)
{
    struct sim *sim = new_sim(METER_EGRESS, "1pps", "2packets");
    struct sim_frame frame;

    sim_set_mtu(sim, STORM, 100);
    sim_frame_make(&frame, MAC_BROADCAST, PEER_HOST, 1000);
    send_many(sim, PEER, &frame, 10);
    assert_int_equal(sim_out_dropped(sim, STORM, DROP_TOO_LONG), 10);
    assert_int_equal(sim_out_dropped(sim, STORM, DROP_POLICED_OUT), 0);
    sim_discard(sim);
    sim_free(sim);
}

/* ---- what becomes of the rest ---- */

static void test_what_is_dropped_teaches_nothing(void **state)
{
    static const enum meter_use uses[] = {METER_BROADCAST, METER_MULTICAST, METER_UNKNOWN_UNICAST,
                                          METER_INGRESS};

    for (size_t i = 0; i < LENGTH(uses); i++) {
        struct sim *sim = new_sim(uses[i], "1pps", "1packets");

        exhaust(sim, uses[i]);
        sim_test_drop(sim, STORM, address_of(uses[i]), SIM_HOST(5), reason_of(uses[i]));
        sim_test_flood(sim, OTHER, SIM_HOST(5), SIM_HOST(3));
        sim_pass_time(sim, NS_PER_SEC);
        sim_test_flood(sim, STORM, address_of(uses[i]), SIM_HOST(5));
        sim_test_unicast(sim, OTHER, SIM_HOST(5), SIM_HOST(3), STORM);
        sim_free(sim);
    }
}

static void test_egress_drops_a_copy_and_no_more(void **state)
{
    struct sim *sim = new_sim(METER_EGRESS, "1pps", "1packets");
    uint64_t before = sim_port(sim, OTHER)->ledger.accepted.frames;
    struct sim_frame frame;

    sim_frame_make(&frame, MAC_BROADCAST, PEER_HOST, 60);
    send_many(sim, PEER, &frame, 10);
    assert_int_equal(sim_port(sim, OTHER)->ledger.accepted.frames, before + 10);
    assert_int_equal(sim_out_dropped(sim, STORM, DROP_POLICED_OUT), 10);
    assert_int_equal(sim_out_dropped(sim, OTHER, DROP_POLICED_OUT), 0);
    sim_discard(sim);
    sim_free(sim);
}

/* ---- changes ---- */

static void test_a_change_is_about_what_changes(void **state)
{
    struct sim *sim = sim_test_new(N_PORTS);
    struct limits limits = {0};

    limit(&limits, METER_BROADCAST, "1pps", "1packets");
    limit(&limits, METER_MULTICAST, "1pps", "1packets");
    sim_set_meters(sim, STORM, limits.settings);
    exhaust(sim, METER_BROADCAST);
    exhaust(sim, METER_MULTICAST);
    limit(&limits, METER_MULTICAST, "1pps", "2packets");
    sim_set_meters(sim, STORM, limits.settings);
    sim_test_drop(sim, STORM, MAC_BROADCAST, STORM_HOST, DROP_STORM_BROADCAST);
    sim_test_flood(sim, STORM, MULTICAST, STORM_HOST);
    sim_test_flood(sim, STORM, MULTICAST, STORM_HOST);
    sim_test_drop(sim, STORM, MULTICAST, STORM_HOST, DROP_STORM_MULTICAST);
    memset(&limits, 0, sizeof(limits));
    sim_set_meters(sim, STORM, limits.settings);
    sim_test_flood(sim, STORM, MAC_BROADCAST, STORM_HOST);
    sim_free(sim);
}

/* A port that gets the place of another one has none of its limits. */
static void test_limits_go_with_their_port(void **state)
{
    struct sim *sim = new_sim(METER_BROADCAST, "1pps", "1packets");
    uint32_t heir;

    exhaust(sim, METER_BROADCAST);
    sim_del_port(sim, STORM);
    heir = sim_add_port(sim);
    assert_int_equal(sim_port(sim, heir)->id, 0);
    for (uint32_t i = 0; i < 10; i++)
        sim_test_flood(sim, heir, MAC_BROADCAST, STORM_HOST);
    sim_free(sim);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_batches_decide_alike),
        cmocka_unit_test(test_vital_protocols_cross_a_storm),
        cmocka_unit_test(test_vital_protocols_are_not_policed_in),
        cmocka_unit_test(test_vital_protocols_are_not_policed_out),
        cmocka_unit_test(test_vital_protocols_take_nothing),
        cmocka_unit_test(test_classes_do_not_share),
        cmocka_unit_test(test_what_crosses_nowhere_takes_nothing),
        cmocka_unit_test(test_what_a_storm_drops_takes_nothing_of_the_port),
        cmocka_unit_test(test_what_is_too_long_takes_nothing),
        cmocka_unit_test(test_what_is_dropped_teaches_nothing),
        cmocka_unit_test(test_egress_drops_a_copy_and_no_more),
        cmocka_unit_test(test_a_change_is_about_what_changes),
        cmocka_unit_test(test_limits_go_with_their_port),
    };
    struct CMUnitTest tests[LENGTH(overloads) + LENGTH(others)];

    for (size_t i = 0; i < LENGTH(overloads); i++)
        tests[i] = (struct CMUnitTest){.name = overloads[i].name,
                                       .test_func = test_overload,
                                       .initial_state = (void *)&overloads[i]};
    memcpy(&tests[LENGTH(overloads)], others, sizeof(others));
    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
