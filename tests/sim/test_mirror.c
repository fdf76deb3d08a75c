/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "../support/sim_test.h"
#include "ringspan/explain.h"

/*
 * Mirrors: which frames they copy, what the copies look like, where they go, and what is counted.
 * The sim holds the ledger, the mirrors' own counters and the explanations against each other
 * after every step.
 */

#define A     0
#define B     1
#define C     2
#define PROBE 3

#define MULTICAST UINT64_C(0x01005e000001)
#define LLDP      UINT64_C(0x0180c200000e)
#define PAUSE     UINT64_C(0x0180c2000001)

/* Copies of what @from (SIM_PORTS_MAX: any port) takes in, sends, or both, for the probe. */
struct wish {
    struct mirror_settings settings;
    struct mirror_source source;
};

static struct mirror_settings *want(struct wish *wish, const char *name, uint32_t from,
                                    enum mirror_direction direction)
{
    *wish = (struct wish){.settings = {.direction = direction, .vlans = vidset_all()}};
    snprintf(wish->settings.name, sizeof(wish->settings.name), "%s", name);
    snprintf(wish->settings.output_port, sizeof(wish->settings.output_port), "p%u", PROBE);
    wish->source.direction = MIRROR_N_DIRECTIONS;
    snprintf(wish->source.port, sizeof(wish->source.port), "p%u", from % SIM_PORTS_MAX);
    if (from < SIM_PORTS_MAX) {
        wish->settings.from = &wish->source;
        wish->settings.n_from = 1;
    }
    return &wish->settings;
}

static void set_two(struct sim *sim, const struct mirror_settings *a,
                    const struct mirror_settings *b)
{
    const struct mirror_settings settings[] = {*a, *b};

    sim_set_mirrors(sim, settings, 2);
}

static const struct mirror_counters *counters(struct sim *sim, uint32_t i)
{
    return &bridge_mirrors(sim_bridge(sim))->list[i].counters;
}

/* Host 1 is known behind B, and host 2 behind A; the fourth port is the probe's. */
static struct sim *sim_with(uint32_t from, enum mirror_direction direction)
{
    struct sim *sim = sim_test_new(4);
    struct wish wish;

    sim_test_flood(sim, B, MAC_BROADCAST, SIM_HOST(1));
    sim_test_flood(sim, A, MAC_BROADCAST, SIM_HOST(2));
    sim_set_mirrors(sim, want(&wish, "probe", from, direction), 1);
    return sim;
}

/* @ingress sends to host 1 behind B; the probe sees it just if @copied. */
static void cross(struct sim *sim, uint32_t ingress, uint64_t src, bool copied)
{
    struct sim_frame frame;

    sim_frame_make(&frame, SIM_HOST(1), src, 60);
    sim_send(sim, ingress, &frame);
    sim_expect(sim, B, &frame);
    if (copied)
        sim_expect(sim, PROBE, &frame);
    sim_expect_nothing(sim);
}

static void test_ingress_of_one_port(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);

    cross(sim, A, SIM_HOST(2), true);
    cross(sim, C, SIM_HOST(3), false);
    assert_int_equal(counters(sim, 0)->selected, 1);
    assert_int_equal(counters(sim, 0)->packets, 1);
    assert_int_equal(counters(sim, 0)->bytes, 60);
    assert_int_equal(counters(sim, 0)->dropped, 0);
    assert_int_equal(sim_port(sim, PROBE)->ledger.mirrored, 1);
    assert_int_equal(sim_port(sim, PROBE)->ledger.decided, 2);
    sim_free(sim);
}

static void test_egress_of_one_port(void **state)
{
    struct sim *sim = sim_with(B, MIRROR_EGRESS);

    cross(sim, A, SIM_HOST(2), true);
    cross(sim, C, SIM_HOST(3), true);
    sim_free(sim);
}

/* A's name is said, B is of the first pattern, C and one that comes later of the second alone. */
static void test_ports_of_patterns(void **state)
{
    struct mirror_source sources[] = {
        {.match = "p[01]", .direction = MIRROR_EGRESS},
        {.match = "p?", .direction = MIRROR_BOTH},
        {.port = "p0", .direction = MIRROR_INGRESS},
    };
    struct sim *sim = sim_with(SIM_PORTS_MAX, MIRROR_BOTH);
    struct sim_frame frame;
    struct wish wish;

    want(&wish, "probe", SIM_PORTS_MAX, MIRROR_BOTH);
    wish.settings.from = sources;
    wish.settings.n_from = 3;
    sim_set_mirrors(sim, &wish.settings, 1);
    sim_frame_make(&frame, SIM_HOST(2), SIM_HOST(1), 60);
    sim_send(sim, B, &frame);
    sim_expect(sim, A, &frame);
    sim_expect_nothing(sim);
    cross(sim, A, SIM_HOST(2), true);
    cross(sim, C, SIM_HOST(3), true);
    cross(sim, sim_add_port(sim), SIM_HOST(4), true);
    assert_int_equal(counters(sim, 0)->packets, 3);
    sim_free(sim);
}

static void test_a_frame_is_copied_once(void **state)
{
    struct sim *sim = sim_with(SIM_PORTS_MAX, MIRROR_BOTH);
    struct sim_frame frame;

    cross(sim, A, SIM_HOST(2), true);
    sim_frame_make(&frame, MULTICAST, SIM_HOST(2), 60);
    sim_send(sim, A, &frame);
    sim_expect(sim, B, &frame);
    sim_expect(sim, C, &frame);
    sim_expect(sim, PROBE, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(counters(sim, 0)->packets, 2);
    sim_free(sim);
}

static void test_of_a_flood_one_copy(void **state)
{
    struct sim *sim = sim_with(SIM_PORTS_MAX, MIRROR_EGRESS);

    sim_test_flood(sim, A, MAC_BROADCAST, SIM_HOST(2)); /* the probe's copy is a mirror's */
    assert_int_equal(counters(sim, 0)->packets, 1);
    assert_int_equal(sim_port(sim, PROBE)->ledger.decided, 2);
    sim_free(sim);
}

static void test_two_mirrors_make_two_copies(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);
    struct sim_frame frame;
    struct wish wishes[2];

    set_two(sim, want(&wishes[0], "in", A, MIRROR_INGRESS),
            want(&wishes[1], "out", B, MIRROR_EGRESS));
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    sim_send(sim, A, &frame);
    sim_expect(sim, B, &frame);
    sim_expect(sim, PROBE, &frame);
    sim_expect(sim, PROBE, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_port(sim, PROBE)->ledger.mirrored, 2);
    sim_free(sim);
}

/* @frame is dropped where it comes in, and the probe sees it just if @copied. */
static void drop(struct sim *sim, const struct sim_frame *frame, enum drop_reason reason,
                 bool copied)
{
    uint64_t before = sim_in_dropped(sim, A, reason);

    sim_send(sim, A, frame);
    if (copied)
        sim_expect(sim, PROBE, frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, A, reason), before + 1);
}

static void test_what_is_dropped_was_seen(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_BOTH);
    struct sim_frame frame;

    sim_frame_make(&frame, PAUSE, SIM_HOST(2), 60);
    drop(sim, &frame, DROP_MAC_CONTROL, true);
    sim_frame_make(&frame, SIM_HOST(1), MULTICAST, 60);
    drop(sim, &frame, DROP_SOURCE_GROUP, true);
    sim_frame_make(&frame, SIM_HOST(2), SIM_HOST(2), 60);
    drop(sim, &frame, DROP_SAME_PORT, true);
    sim_set_state(sim, A, PORT_LEARNING);
    drop(sim, &frame, DROP_INGRESS_DOWN, true);
    assert_int_equal(counters(sim, 0)->packets, 4);
    sim_free(sim);
}

static void test_what_is_no_frame_was_not(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_BOTH);
    struct sim_frame frame;

    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 13);
    drop(sim, &frame, DROP_RUNT, false);
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    assert_true(sim_inject_defect(sim, A, &frame, DROP_TRUNCATED));
    assert_int_equal(sim_poll(sim, A), 1);
    sim_expect_nothing(sim);
    sim_set_state(sim, A, PORT_DOWN);
    drop(sim, &frame, DROP_INGRESS_DOWN, false);
    assert_int_equal(counters(sim, 0)->selected, 0);
    sim_free(sim);
}

static void test_an_output_is_for_nothing_else(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);
    const struct fdb_entry fixed = {
        .mac = SIM_HOST(7), .port = PROBE, .seen = sim_now(sim), .is_static = true};
    uint32_t used = fdb_used(bridge_fdb(sim_bridge(sim)));
    struct sim_frame frame;

    sim_test_drop(sim, PROBE, MAC_BROADCAST, SIM_HOST(9), DROP_MIRROR_DESTINATION);
    sim_test_drop(sim, PROBE, SIM_HOST(1), SIM_HOST(9), DROP_MIRROR_DESTINATION);
    sim_test_drop(sim, PROBE, LLDP, SIM_HOST(9), DROP_MIRROR_DESTINATION);
    assert_int_equal(fdb_used(bridge_fdb(sim_bridge(sim))), used);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(3), 60);
    sim_send(sim, C, &frame);
    sim_expect(sim, A, &frame);
    sim_expect(sim, B, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(fdb_add(bridge_fdb(sim_bridge(sim)), &fixed), 0);
    sim_test_drop(sim, C, SIM_HOST(7), SIM_HOST(3), DROP_STATIC_DOWN);
    sim_set_mirrors(sim, NULL, 0);
    sim_test_unicast(sim, C, SIM_HOST(7), SIM_HOST(3), PROBE);
    sim_test_flood(sim, PROBE, MAC_BROADCAST, SIM_HOST(9));
    sim_free(sim);
}

static void test_a_port_that_becomes_an_output_forgets(void **state)
{
    struct sim *sim = sim_test_new(4);
    struct wish wish;

    sim_test_flood(sim, PROBE, MAC_BROADCAST, SIM_HOST(9));
    sim_test_unicast(sim, A, SIM_HOST(9), SIM_HOST(2), PROBE);
    sim_set_mirrors(sim, want(&wish, "probe", A, MIRROR_INGRESS), 1);
    sim_test_flood(sim, A, SIM_HOST(9), SIM_HOST(2));
    sim_set_mirrors(sim, NULL, 0);
    sim_test_flood(sim, A, SIM_HOST(9), SIM_HOST(2));
    sim_free(sim);
}

static void test_what_a_port_refuses_did_not_leave(void **state)
{
    struct sim *sim = sim_with(B, MIRROR_EGRESS);
    struct sim_frame frame;

    sim_set_mtu(sim, B, 500);
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 600);
    sim_send(sim, A, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_out_dropped(sim, B, DROP_TOO_LONG), 1);
    assert_int_equal(counters(sim, 0)->selected, 0);
    sim_free(sim);
}

/* @n of the next copies are dropped. */
static void lose(struct sim *sim, uint32_t n)
{
    uint64_t dropped = counters(sim, 0)->dropped;
    uint64_t packets = counters(sim, 0)->packets;

    for (uint32_t i = 0; i < n; i++)
        cross(sim, A, SIM_HOST(2), false);
    assert_int_equal(counters(sim, 0)->dropped, dropped + n);
    assert_int_equal(counters(sim, 0)->packets, packets);
}

static void test_copies_that_get_nowhere_are_counted(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);

    sim_set_mtu(sim, PROBE, 40);
    lose(sim, 2);
    assert_int_equal(sim_out_dropped(sim, PROBE, DROP_TOO_LONG), 2);
    sim_set_mtu(sim, PROBE, 1500);
    sim_set_state(sim, PROBE, PORT_DOWN);
    lose(sim, 3);
    assert_int_equal(sim_port(sim, PROBE)->ledger.mirrored, 2);
    sim_set_state(sim, PROBE, PORT_LEARNING); /* a port that may not send yet */
    lose(sim, 1);
    sim_test_drop(sim, PROBE, MAC_BROADCAST, SIM_HOST(9), DROP_INGRESS_DOWN);
    sim_set_state(sim, PROBE, PORT_FORWARDING);
    cross(sim, A, SIM_HOST(2), true);
    sim_del_port(sim, PROBE);
    lose(sim, 1);
    assert_int_equal(counters(sim, 0)->selected, 8);
    sim_free(sim);
}

static void test_the_kernel_refuses_copies(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);

    sim_fail_tx(sim, PROBE, 2, DROP_TX_QUEUE_FULL);
    lose(sim, 2);
    assert_int_equal(sim_out_dropped(sim, PROBE, DROP_TX_QUEUE_FULL), 2);
    cross(sim, A, SIM_HOST(2), true);
    sim_free(sim);
}

static void test_policing_of_the_output_holds(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);
    struct meter_settings settings[METER_N_USES] = {0};

    settings[METER_EGRESS] =
        (struct meter_settings){.rate = {1, RATE_PACKETS}, .burst = {1, RATE_PACKETS}};
    sim_set_meters(sim, PROBE, settings);
    cross(sim, A, SIM_HOST(2), true);
    lose(sim, 3);
    assert_int_equal(sim_out_dropped(sim, PROBE, DROP_POLICED_OUT), 3);
    sim_free(sim);
}

static void test_superframes_are_copied_whole(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_BOTH);
    struct sim_frame frame;

    sim_frame_make_tcp(&frame, SIM_HOST(1), SIM_HOST(2), 40000, 1400);
    sim_frame_tag(&frame, VLAN_TPID_S, 5);
    sim_frame_tag(&frame, VLAN_TPID_C, 0x600a);
    sim_send(sim, A, &frame);
    sim_expect(sim, B, &frame);
    sim_expect(sim, PROBE, &frame);
    assert_int_equal(counters(sim, 0)->packets, 1);
    assert_int_equal(counters(sim, 0)->bytes, frame.len);
    sim_free(sim);
}

static void test_copies_are_cut(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_BOTH);
    const struct memory_frame *sent;
    struct sim_frame frame;
    struct wish wish;

    want(&wish, "probe", A, MIRROR_BOTH)->snaplen = 64;
    sim_set_mirrors(sim, &wish.settings, 1);
    cross(sim, A, SIM_HOST(2), true);
    sim_frame_make_tcp(&frame, SIM_HOST(1), SIM_HOST(2), 4000, 1400);
    sim_frame_tag(&frame, VLAN_TPID_C, 10);
    sim_send(sim, A, &frame);
    sim_expect(sim, B, &frame);
    assert_int_equal(sim_n_waiting(sim, PROBE), 1);
    sent = memory_port_sent(sim_port(sim, PROBE), memory_port_n_sent(sim_port(sim, PROBE)) - 1);
    assert_int_equal(sent->len, 64);
    assert_memory_equal(sent->bytes, frame.bytes, 64);
    assert_int_equal(sent->vnet.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    assert_int_equal(sent->vnet.flags, 0);
    assert_int_equal(counters(sim, 0)->bytes, 60 + 64);
    sim_free(sim);
}

static void test_counting_goes_on_under_the_same_name(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);
    struct wish wishes[2];

    cross(sim, A, SIM_HOST(2), true);
    set_two(sim, want(&wishes[0], "new", B, MIRROR_INGRESS),
            want(&wishes[1], "probe", C, MIRROR_INGRESS));
    assert_int_equal(counters(sim, 0)->selected, 0);
    assert_int_equal(counters(sim, 1)->selected, 1);
    cross(sim, A, SIM_HOST(2), false);
    cross(sim, C, SIM_HOST(3), true);
    assert_int_equal(counters(sim, 1)->packets, 2);
    sim_free(sim);
}

static void test_a_port_comes_and_goes(void **state)
{
    struct sim *sim = sim_test_new(3);
    struct wish wish;

    sim_test_flood(sim, B, MAC_BROADCAST, SIM_HOST(1));
    sim_set_mirrors(sim, want(&wish, "probe", SIM_PORTS_MAX, MIRROR_INGRESS), 1);
    lose(sim, 1);
    assert_int_equal(sim_add_port(sim), PROBE);
    cross(sim, A, SIM_HOST(2), true);
    sim_free(sim);
}

static void test_modes_make_no_difference(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);
    struct sim_frame frame;

    bridge_set_mode(sim_bridge(sim), BRIDGE_HUB);
    sim_test_flood(sim, A, SIM_HOST(1), SIM_HOST(2));
    sim_del_port(sim, C);
    bridge_set_mode(sim_bridge(sim), BRIDGE_WIRE);
    sim_frame_make(&frame, PAUSE, 0, 60);
    sim_send(sim, A, &frame);
    sim_expect(sim, B, &frame);
    sim_expect(sim, PROBE, &frame);
    sim_expect_nothing(sim);
    sim_frame_make(&frame, PAUSE, 0, 60);
    sim_send(sim, B, &frame);
    sim_expect(sim, A, &frame);
    sim_expect_nothing(sim);
    sim_test_drop(sim, PROBE, PAUSE, 0, DROP_MIRROR_DESTINATION);
    sim_free(sim);
}

/* Its state does not say why. */
static void test_an_output_is_excluded(void **state)
{
    struct sim *sim = sim_with(A, MIRROR_INGRESS);
    struct explanation explanation;
    struct sim_frame sent;
    struct frame frame;

    sim_frame_make(&sent, MULTICAST, SIM_HOST(2), 60);
    explain_arrival(sim_port(sim, A), sent.bytes, sent.len, NULL, &frame);
    bridge_explain(sim_bridge(sim), &frame, sim_now(sim), &explanation);
    assert_int_equal(explain_excluded(sim_bridge(sim), &explanation, PROBE),
                     DROP_MIRROR_DESTINATION);
    assert_int_equal(explain_excluded(sim_bridge(sim), &explanation, B), DROP_NONE);
    sim_free(sim);
}

/* It is explained piece by piece. */
static void test_a_port_goes_while_a_frame_is_explained(void **state)
{
    struct sim *sim = sim_with(B, MIRROR_EGRESS);
    struct explained_mirror mirrors[LIMIT_MIRRORS];
    struct explanation explanation;
    struct sim_frame sent;
    struct frame frame;

    sim_frame_make(&sent, SIM_HOST(1), SIM_HOST(2), 60);
    explain_arrival(sim_port(sim, A), sent.bytes, sent.len, NULL, &frame);
    bridge_explain(sim_bridge(sim), &frame, sim_now(sim), &explanation);
    assert_int_equal(explain_mirrors(sim_bridge(sim), &explanation, mirrors), 1);
    sim_del_port(sim, B);
    assert_int_equal(explain_next_egress(sim_bridge(sim), &explanation, 0), PORT_NONE);
    assert_int_equal(explain_mirrors(sim_bridge(sim), &explanation, mirrors), 0);
    sim_free(sim);
}

/* More copies in a turn than a capture has room for at once. */
static void test_captures_see_all_copies(void **state)
{
    const struct sim_params params = {.n_ports = 4,
                                      .max_ports = 8,
                                      .max_entries = 64,
                                      .aging_ns = SIM_AGING,
                                      .is_captured = true,
                                      .fail = sim_test_fail};
    struct sim *sim = sim_new(&params);
    struct mirror_settings settings[LIMIT_MIRRORS];
    struct wish wishes[LIMIT_MIRRORS];
    struct sim_frame frame;
    char name[LIMIT_NAME_SIZE];

    for (uint32_t i = 0; i < LIMIT_MIRRORS; i++) {
        snprintf(name, sizeof(name), "m%u", i);
        settings[i] = *want(&wishes[i], name, SIM_PORTS_MAX, MIRROR_BOTH);
    }
    sim_set_mirrors(sim, settings, LIMIT_MIRRORS);
    for (uint32_t i = 0; i < LIMIT_RX_BATCH; i++) {
        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(2), 60);
        assert_true(sim_inject(sim, A, &frame));
    }
    assert_int_equal(sim_poll(sim, A), LIMIT_RX_BATCH);
    assert_int_equal(sim_port(sim, PROBE)->ledger.mirrored, LIMIT_RX_BATCH * LIMIT_MIRRORS);
    for (uint32_t i = 0; i < LIMIT_MIRRORS; i++)
        assert_int_equal(counters(sim, i)->packets, LIMIT_RX_BATCH);
    sim_discard(sim);
    sim_free(sim); /* which counts what the capture was told */
}

/* ---- VLANs ---- */

#define RSPAN 99

static struct vlan_settings access_to(uint16_t vid)
{
    return (struct vlan_settings){.mode = VLAN_MODE_ACCESS, .pvid = vid};
}

static struct vlan_settings trunk_of_all(void)
{
    return (struct vlan_settings){.mode = VLAN_MODE_TRUNK, .allowed = vidset_all()};
}

/* A is a trunk, B in VLAN 10, C in VLAN 20; the fourth port is in none, a fifth is a trunk. Host 1
 * is behind B, host 2 behind A in VLAN 10. */
static struct sim *sim_with_vlans(void)
{
    const struct sim_params params = {
        .n_ports = 5,
        .max_ports = 8,
        .max_entries = 64,
        .aging_ns = SIM_AGING,
        .ethertype = VLAN_TPID_C,
        .reserved = RESERVED_TRANSPARENT,
        .fail = sim_test_fail,
    };
    const struct vlan_settings trunk = trunk_of_all();
    const struct vlan_settings ten = access_to(10);
    const struct vlan_settings twenty = access_to(20);
    struct sim *sim = sim_new(&params);
    struct sim_frame frame;

    sim_set_vlan(sim, A, &trunk);
    sim_set_vlan(sim, B, &ten);
    sim_set_vlan(sim, C, &twenty);
    sim_set_vlan(sim, 4, &trunk);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 60);
    sim_send(sim, B, &frame);
    sim_discard(sim);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(2), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, 10);
    sim_send(sim, A, &frame);
    sim_discard(sim);
    return sim;
}

static void test_tags_as_received_and_as_sent(void **state)
{
    struct sim *sim = sim_with_vlans();
    struct sim_frame tagged;
    struct sim_frame plain;
    struct wish wish;

    sim_frame_make(&plain, SIM_HOST(1), SIM_HOST(2), 60);
    tagged = plain;
    sim_frame_tag(&tagged, VLAN_TPID_C, 0x600a);
    sim_set_mirrors(sim, want(&wish, "in", A, MIRROR_INGRESS), 1);
    sim_send(sim, A, &tagged);
    sim_expect(sim, B, &plain);
    sim_expect(sim, PROBE, &tagged);
    sim_expect_nothing(sim);
    sim_set_mirrors(sim, want(&wish, "out", B, MIRROR_EGRESS), 1);
    sim_send(sim, A, &tagged);
    sim_expect(sim, B, &plain);
    sim_expect(sim, PROBE, &plain);
    sim_expect_nothing(sim);
    sim_set_mirrors(sim, want(&wish, "both", SIM_PORTS_MAX, MIRROR_BOTH), 1);
    sim_send(sim, A, &tagged);
    sim_expect(sim, B, &plain);
    sim_expect(sim, PROBE, &tagged); /* where it was seen first */
    sim_expect_nothing(sim);
    sim_free(sim);
}

static void test_of_some_vlans(void **state)
{
    struct sim *sim = sim_with_vlans();
    struct sim_frame frame;
    struct wish wish;

    want(&wish, "ten", SIM_PORTS_MAX, MIRROR_BOTH)->vlans = (struct vidset){{0}};
    vidset_add(&wish.settings.vlans, 10);
    sim_set_mirrors(sim, &wish.settings, 1);
    for (uint16_t vid = 10; vid <= 30; vid += 10) {
        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(2), 60);
        sim_frame_tag(&frame, VLAN_TPID_C, vid);
        sim_send(sim, A, &frame);
        assert_int_equal(sim_n_waiting(sim, PROBE), vid == 10);
        sim_discard(sim);
    }
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(2), 60); /* in no VLAN, on a trunk */
    sim_send(sim, A, &frame);
    sim_expect_nothing(sim);
    sim_frame_make(&frame, PAUSE, SIM_HOST(1), 60); /* dropped before VLANs are looked at */
    sim_send(sim, B, &frame);
    sim_expect(sim, PROBE, &frame);
    sim_expect_nothing(sim);
    sim_free(sim);
}

static struct mirror_settings *want_rspan(struct wish *wish, uint32_t from)
{
    want(wish, "rspan", from, MIRROR_BOTH)->output_port[0] = '\0';
    wish->settings.output_vlan = RSPAN;
    return &wish->settings;
}

static void test_copies_in_a_vlan(void **state)
{
    struct sim *sim = sim_with_vlans();
    const struct vlan_settings probe = access_to(RSPAN);
    struct sim_frame frame;
    struct sim_frame sent;
    struct sim_frame copy;
    struct wish wish;

    sim_set_vlan(sim, PROBE, &probe);
    sim_set_mirrors(sim, want_rspan(&wish, SIM_PORTS_MAX), 1);
    sim_frame_make(&sent, SIM_HOST(1), SIM_HOST(2), 60);
    frame = sent;
    copy = sent;
    sim_frame_tag(&frame, VLAN_TPID_C, 0x600a);
    sim_frame_tag(&copy, VLAN_TPID_C, 0x6000 | RSPAN);
    sim_send(sim, A, &frame); /* and not back to A */
    sim_expect(sim, B, &sent);
    sim_expect(sim, PROBE, &sent);
    sim_expect(sim, 4, &copy);
    sim_expect_nothing(sim);
    assert_int_equal(counters(sim, 0)->selected, 1);
    assert_int_equal(counters(sim, 0)->packets, 2);
    assert_int_equal(bridge_vlans(sim_bridge(sim))->counters[RSPAN].tx_packets, 2);
    sim_frame_make(&frame, LLDP, SIM_HOST(1), 60); /* the next switch would answer it */
    sim_send(sim, B, &frame);
    assert_int_equal(sim_n_waiting(sim, PROBE), 0);
    sim_discard(sim);
    sim_free(sim);
}

/* A frame that no VLAN takes keeps its tag below the copies'. */
static void test_a_copy_in_a_vlan_of_what_was_in_none(void **state)
{
    struct sim *sim = sim_with_vlans();
    struct sim_frame frame;
    struct sim_frame copy;
    struct wish wish;

    sim_set_mirrors(sim, want_rspan(&wish, B), 1);
    sim_frame_make(&frame, SIM_HOST(2), SIM_HOST(1), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, 0x600a);
    copy = frame;
    sim_frame_tag(&copy, VLAN_TPID_C, RSPAN);
    sim_send(sim, B, &frame);
    sim_expect(sim, A, &copy);
    sim_expect(sim, 4, &copy);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, B, DROP_VLAN_TAGGED), 1);
    sim_free(sim);
}

/* All frames are copied, in the RSPAN VLAN and for the probe. */
static struct sim *sim_with_both(void)
{
    struct sim *sim = sim_with_vlans();
    struct wish wishes[2];

    set_two(sim, want_rspan(&wishes[0], SIM_PORTS_MAX),
            want(&wishes[1], "probe", SIM_PORTS_MAX, MIRROR_INGRESS));
    return sim;
}

static void test_copies_of_others_only_flood(void **state)
{
    struct sim *sim = sim_with_both();
    uint32_t used = fdb_used(bridge_fdb(sim_bridge(sim)));
    struct sim_frame frame;

    for (uint32_t from = 0; from < 5; from += 4) {
        sim_frame_make(&frame, SIM_HOST(5), SIM_HOST(6), 60);
        sim_frame_tag(&frame, VLAN_TPID_C, RSPAN);
        sim_send(sim, from, &frame);
        sim_expect(sim, 4 - from, &frame);
        sim_expect(sim, PROBE, &frame);
        sim_expect_nothing(sim); /* not copied into the VLAN again */
    }
    assert_int_equal(fdb_used(bridge_fdb(sim_bridge(sim))), used);
    assert_int_equal(counters(sim, 0)->selected, 0);
    sim_free(sim);
}

/* Else two switches whose ports refuse each other's copies would copy them to and fro, with one tag
 * more each time. */
static void test_what_is_refused_may_be_a_copy(void **state)
{
    struct sim *sim = sim_with_both();
    struct sim_frame frame;

    sim_frame_make(&frame, SIM_HOST(2), SIM_HOST(1), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, RSPAN);
    sim_send(sim, B, &frame);
    sim_expect(sim, PROBE, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, B, DROP_VLAN_TAGGED), 1);
    assert_int_equal(counters(sim, 0)->selected, 0);
    sim_free(sim);
}

static void test_vlans_that_flood(void **state)
{
    struct sim *sim = sim_with_vlans();
    struct vidset flooded = {{0}};
    struct sim_frame frame;
    struct sim_frame plain;

    sim_frame_make(&plain, SIM_HOST(1), SIM_HOST(2), 60);
    frame = plain;
    sim_frame_tag(&frame, VLAN_TPID_C, 10);
    vidset_add(&flooded, 10);
    bridge_set_flood_vlans(sim_bridge(sim), &flooded, sim_now(sim));
    assert_int_equal(fdb_held(bridge_fdb(sim_bridge(sim)), B), 0);
    for (int i = 0; i < 2; i++) {
        sim_send(sim, A, &frame);
        sim_expect(sim, B, &plain);
        sim_expect(sim, 4, &frame);
        sim_expect_nothing(sim);
    }
    assert_int_equal(fdb_held(bridge_fdb(sim_bridge(sim)), A), 0);
    flooded = (struct vidset){{0}};
    bridge_set_flood_vlans(sim_bridge(sim), &flooded, sim_now(sim));
    sim_send(sim, A, &frame);
    assert_int_equal(fdb_held(bridge_fdb(sim_bridge(sim)), A), 1);
    sim_discard(sim);
    sim_free(sim);
}

static void test_a_vlan_without_ports(void **state)
{
    struct sim *sim = sim_with_vlans();
    struct vlan_settings ten = trunk_of_all();
    struct sim_frame frame;
    struct wish wish;

    vidset_del(&ten.allowed, RSPAN);
    sim_set_vlan(sim, 4, &ten);
    sim_set_mirrors(sim, want_rspan(&wish, A), 1);
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, 10);
    sim_send(sim, A, &frame);
    sim_discard(sim);
    assert_int_equal(counters(sim, 0)->selected, 1);
    assert_int_equal(counters(sim, 0)->dropped, 1);
    assert_int_equal(counters(sim, 0)->packets, 0);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ingress_of_one_port),
        cmocka_unit_test(test_egress_of_one_port),
        cmocka_unit_test(test_ports_of_patterns),
        cmocka_unit_test(test_a_frame_is_copied_once),
        cmocka_unit_test(test_of_a_flood_one_copy),
        cmocka_unit_test(test_two_mirrors_make_two_copies),
        cmocka_unit_test(test_what_is_dropped_was_seen),
        cmocka_unit_test(test_what_is_no_frame_was_not),
        cmocka_unit_test(test_an_output_is_for_nothing_else),
        cmocka_unit_test(test_a_port_that_becomes_an_output_forgets),
        cmocka_unit_test(test_what_a_port_refuses_did_not_leave),
        cmocka_unit_test(test_copies_that_get_nowhere_are_counted),
        cmocka_unit_test(test_the_kernel_refuses_copies),
        cmocka_unit_test(test_policing_of_the_output_holds),
        cmocka_unit_test(test_superframes_are_copied_whole),
        cmocka_unit_test(test_copies_are_cut),
        cmocka_unit_test(test_counting_goes_on_under_the_same_name),
        cmocka_unit_test(test_a_port_comes_and_goes),
        cmocka_unit_test(test_modes_make_no_difference),
        cmocka_unit_test(test_an_output_is_excluded),
        cmocka_unit_test(test_a_port_goes_while_a_frame_is_explained),
        cmocka_unit_test(test_captures_see_all_copies),
        cmocka_unit_test(test_tags_as_received_and_as_sent),
        cmocka_unit_test(test_of_some_vlans),
        cmocka_unit_test(test_copies_in_a_vlan),
        cmocka_unit_test(test_a_copy_in_a_vlan_of_what_was_in_none),
        cmocka_unit_test(test_copies_of_others_only_flood),
        cmocka_unit_test(test_what_is_refused_may_be_a_copy),
        cmocka_unit_test(test_vlans_that_flood),
        cmocka_unit_test(test_a_vlan_without_ports),
    };

    return cmocka_run_group_tests_name("sim mirror", tests, NULL, NULL);
}
