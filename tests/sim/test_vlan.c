/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../support/sim_test.h"

/*
 * VLAN-aware bridges, beside the matrix (test_vlan_matrix.c): learning, changes, reserved
 * addresses, frame types, lengths, and what is different from Linux and Open vSwitch.
 */

static struct sim *new_sim(uint32_t n_ports)
{
    const struct sim_params params = {
        .n_ports = n_ports,
        .max_ports = n_ports + 8,
        .max_entries = 1024,
        .aging_ns = SIM_AGING,
        .ethertype = VLAN_TPID_C,
        .fail = sim_test_fail,
    };

    return sim_new(&params);
}

static void set(struct sim *sim, uint32_t port, enum vlan_mode mode, uint16_t pvid, uint16_t first,
                uint16_t last)
{
    struct vlan_settings settings = {.mode = mode, .pvid = pvid};

    if (first)
        vidset_add_range(&settings.allowed, first, last);
    sim_set_vlan(sim, port, &settings);
}

static void set_access(struct sim *sim, uint32_t port, uint16_t pvid)
{
    set(sim, port, VLAN_MODE_ACCESS, pvid, 0, 0);
}

static void set_trunk(struct sim *sim, uint32_t port, uint16_t first, uint16_t last)
{
    set(sim, port, VLAN_MODE_TRUNK, 0, first, last);
}

/* A frame and what it looks like with a tag of @vid. */
static void make_pair(struct sim_frame *untagged, struct sim_frame *tagged, uint64_t dst,
                      uint64_t src, uint16_t vid)
{
    sim_frame_make(untagged, dst, src, 60);
    *tagged = *untagged;
    sim_frame_tag(tagged, VLAN_TPID_C, vid);
}

static void drops(struct sim *sim, uint32_t port, const struct sim_frame *frame,
                  enum drop_reason reason)
{
    uint64_t before = sim_in_dropped(sim, port, reason);

    sim_send(sim, port, frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, port, reason), before + 1);
}

static void test_two_vlans_on_one_trunk(void **state)
{
    struct sim *sim = new_sim(5);
    struct sim_frame untagged;
    struct sim_frame tagged;

    set_access(sim, 0, 10);
    set_access(sim, 1, 20);
    set_trunk(sim, 2, 10, 20);
    set_access(sim, 3, 10);
    set_access(sim, 4, 20);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 10);
    sim_send(sim, 0, &untagged);
    sim_expect(sim, 2, &tagged);
    sim_expect(sim, 3, &untagged);
    sim_expect_nothing(sim);
    make_pair(&untagged, &tagged, SIM_HOST(1), SIM_HOST(2), 10);
    sim_send(sim, 2, &tagged);
    sim_expect(sim, 0, &untagged);
    sim_expect_nothing(sim);
    /* The same address in another VLAN is another one. */
    make_pair(&untagged, &tagged, SIM_HOST(1), SIM_HOST(2), 20);
    sim_send(sim, 2, &tagged);
    sim_expect(sim, 1, &untagged);
    sim_expect(sim, 4, &untagged);
    sim_expect_nothing(sim);
    sim_free(sim);
}

static void test_one_address_in_two_vlans(void **state)
{
    struct sim *sim = new_sim(4);
    struct sim_frame untagged;
    struct sim_frame tagged;

    set_access(sim, 0, 10);
    set_access(sim, 1, 20);
    set_trunk(sim, 2, 10, 20);
    set_trunk(sim, 3, 10, 20);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 10);
    sim_send(sim, 0, &untagged);
    sim_discard(sim);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 20);
    sim_send(sim, 1, &untagged);
    sim_discard(sim);
    for (uint16_t vid = 10; vid <= 20; vid += 10) {
        make_pair(&untagged, &tagged, SIM_HOST(1), SIM_HOST(9), vid);
        sim_send(sim, 2, &tagged);
        sim_expect(sim, vid == 10 ? 0 : 1, &untagged);
        sim_expect_nothing(sim);
    }
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).moved, 0);
    sim_free(sim);
}

/* Nobody else's entries are touched: not of another port, not of another VLAN. */
static void test_leaving_a_vlan(void **state)
{
    struct sim *sim = new_sim(3);
    struct fdb *fdb = bridge_fdb(sim_bridge(sim));
    struct sim_frame frame;

    set_trunk(sim, 0, 10, 30);
    set_trunk(sim, 1, 10, 30);
    set_trunk(sim, 2, 10, 30);
    for (uint32_t port = 0; port < 2; port++) {
        for (uint16_t vid = 10; vid <= 30; vid++) {
            sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(port), 60);
            sim_frame_tag(&frame, VLAN_TPID_C, vid);
            sim_send(sim, port, &frame);
            sim_discard(sim);
        }
    }
    set_trunk(sim, 0, 10, 19);
    for (uint16_t vid = 10; vid <= 30; vid++) {
        assert_int_equal(fdb_lookup(fdb, vid, SIM_HOST(0), sim_now(sim)), vid < 20 ? 0 : PORT_NONE);
        assert_int_equal(fdb_lookup(fdb, vid, SIM_HOST(1), sim_now(sim)), 1);
    }
    assert_int_equal(fdb_counters(fdb).flushed, 11);
    /* A frame to it in a VLAN that it left floods, and does not go there. */
    sim_frame_make(&frame, SIM_HOST(0), SIM_HOST(1), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, 25);
    sim_send(sim, 1, &frame);
    sim_expect(sim, 2, &frame);
    sim_expect_nothing(sim);
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(0), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, 25);
    drops(sim, 0, &frame, DROP_VLAN_NOT_ALLOWED);
    /* Another mode with the same VLANs forgets nothing. */
    set(sim, 0, VLAN_MODE_NATIVE_TAGGED, 10, 11, 19);
    assert_int_equal(fdb_counters(fdb).flushed, 11);
    sim_free(sim);
}

/* More than are looked at in one turn: they are missed at once, and reclaimed and counted in the
 * turns that follow. */
static void test_leaving_a_vlan_of_many_hosts(void **state)
{
    enum {
        HOSTS = 1500
    };
    const struct sim_params params = {
        .n_ports = 3,
        .max_ports = 3,
        .max_entries = 4096,
        .aging_ns = SIM_AGING,
        .ethertype = VLAN_TPID_C,
        .fail = sim_test_fail,
    };
    struct sim *sim = sim_new(&params);
    struct fdb *fdb = bridge_fdb(sim_bridge(sim));
    struct sim_frame frame;

    for (uint32_t port = 0; port < 3; port++)
        set_trunk(sim, port, 10, 20);
    for (uint32_t host = 0; host < HOSTS; host++) {
        for (uint16_t vid = 10; vid <= 20; vid += 10) {
            struct fdb_plan plan;

            fdb_plan_learn(fdb, vid, SIM_HOST(100 + host), 0, sim_now(sim), &plan);
            fdb_commit(fdb, &plan);
        }
    }
    set_trunk(sim, 0, 11, 20);
    assert_int_equal(fdb_counters(fdb).flushed, 0);
    assert_int_equal(fdb_count(fdb, sim_now(sim)), HOSTS);
    set_trunk(sim, 0, 10, 20);
    for (uint32_t host = 0; host < HOSTS; host += 100) {
        for (uint16_t vid = 10; vid <= 20; vid += 10) {
            sim_frame_make(&frame, SIM_HOST(100 + host), SIM_HOST(1), 60);
            sim_frame_tag(&frame, VLAN_TPID_C, vid);
            sim_send(sim, 1, &frame);
            sim_expect(sim, 0, &frame);
            if (vid == 10)
                sim_expect(sim, 2, &frame);
            sim_expect_nothing(sim);
        }
        if (host == HOSTS / 2)
            (void)sim_age(sim);
    }
    while (fdb_is_settling(fdb))
        (void)sim_age(sim);
    assert_int_equal(fdb_counters(fdb).flushed, HOSTS);
    assert_int_equal(fdb_used(fdb), HOSTS + 2);
    sim_free(sim);
}

static void learn_in(struct sim *sim, uint16_t vid, uint32_t port)
{
    struct fdb_plan plan;

    fdb_plan_learn(bridge_fdb(sim_bridge(sim)), vid, SIM_HOST(port), (port_id)port, sim_now(sim),
                   &plan);
    fdb_commit(bridge_fdb(sim_bridge(sim)), &plan);
}

/* Of the VLANs that a port stays in, it forgets those that some of its frames are not in any more:
 * nobody knows whether it was these that taught an entry. */
static void test_frames_that_change_their_vlan(void **state)
{
    static const struct {
        enum vlan_mode from, to;
        uint16_t from_pvid, to_pvid;
        enum vlan_frame_types to_types;
        bool forgets_10, forgets_20;
    } cases[] = {
        {VLAN_MODE_NATIVE_UNTAGGED, VLAN_MODE_NATIVE_UNTAGGED, 10, 20, VLAN_FRAMES_ALL, true,
         false},
        {VLAN_MODE_NATIVE_TAGGED, VLAN_MODE_NATIVE_UNTAGGED, 20, 10, VLAN_FRAMES_ALL, false, true},
        {VLAN_MODE_NATIVE_TAGGED, VLAN_MODE_NATIVE_UNTAGGED, 10, 10, VLAN_FRAMES_ALL, false, false},
        {VLAN_MODE_NATIVE_TAGGED, VLAN_MODE_TRUNK, 10, 0, VLAN_FRAMES_ALL, true, false},
        {VLAN_MODE_TRUNK, VLAN_MODE_NATIVE_TAGGED, 0, 10, VLAN_FRAMES_ALL, false, false},
        {VLAN_MODE_ACCESS, VLAN_MODE_TRUNK, 10, 0, VLAN_FRAMES_ALL, true, false},
        {VLAN_MODE_ACCESS, VLAN_MODE_NATIVE_UNTAGGED, 10, 10, VLAN_FRAMES_ALL, false, false},
        {VLAN_MODE_ACCESS, VLAN_MODE_NATIVE_UNTAGGED, 10, 20, VLAN_FRAMES_ALL, true, false},
        {VLAN_MODE_NATIVE_UNTAGGED, VLAN_MODE_ACCESS, 10, 10, VLAN_FRAMES_ALL, true, true},
        {VLAN_MODE_ACCESS, VLAN_MODE_DOT1Q_TUNNEL, 10, 10, VLAN_FRAMES_ALL, false, false},
        {VLAN_MODE_DOT1Q_TUNNEL, VLAN_MODE_ACCESS, 10, 10, VLAN_FRAMES_ALL, true, false},
        {VLAN_MODE_NATIVE_TAGGED, VLAN_MODE_DOT1Q_TUNNEL, 10, 10, VLAN_FRAMES_ALL, false, true},
        {VLAN_MODE_NATIVE_TAGGED, VLAN_MODE_NATIVE_TAGGED, 10, 10, VLAN_FRAMES_VLAN_TAGGED, true,
         false},
        {VLAN_MODE_NATIVE_TAGGED, VLAN_MODE_NATIVE_TAGGED, 10, 10,
         VLAN_FRAMES_UNTAGGED_AND_PRIORITY, true, true},
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct sim *sim = new_sim(2);
        struct fdb *fdb = bridge_fdb(sim_bridge(sim));
        struct vlan_settings settings = {.mode = cases[i].to,
                                         .pvid = cases[i].to_pvid,
                                         .acceptable_frame_types = cases[i].to_types};

        set(sim, 0, cases[i].from, cases[i].from_pvid, 10, 20);
        set_trunk(sim, 1, 10, 20);
        for (uint16_t vid = 10; vid <= 20; vid += 10) {
            /* An access or tunnel port learns nothing but in its pvid. */
            if (vlan_table_has(bridge_vlans(sim_bridge(sim)), vid, 0))
                learn_in(sim, vid, 0);
            learn_in(sim, vid, 1);
        }
        vidset_add_range(&settings.allowed, 10, 20);
        sim_set_vlan(sim, 0, &settings);
        assert_int_equal(fdb_counters(fdb).flushed, cases[i].forgets_10 + cases[i].forgets_20);
        assert_int_equal(fdb_lookup(fdb, 10, SIM_HOST(0), sim_now(sim)),
                         cases[i].forgets_10 ? PORT_NONE : 0);
        assert_int_equal(fdb_lookup(fdb, 10, SIM_HOST(1), sim_now(sim)), 1);
        assert_int_equal(fdb_lookup(fdb, 20, SIM_HOST(1), sim_now(sim)), 1);
        sim_free(sim);
    }
}

/* The host of before is in another VLAN now, and what is sent to it in the old one must not go to
 * its port as if it were there. */
static void test_a_host_that_sends_untagged_as_the_pvid_changes(void **state)
{
    struct sim *sim = new_sim(3);
    struct sim_frame frame;

    set(sim, 0, VLAN_MODE_NATIVE_UNTAGGED, 10, 10, 20);
    set_trunk(sim, 1, 10, 20);
    set_trunk(sim, 2, 10, 20);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(0), 60);
    sim_send(sim, 0, &frame);
    sim_discard(sim);
    set(sim, 0, VLAN_MODE_NATIVE_UNTAGGED, 20, 10, 20);
    sim_frame_make(&frame, SIM_HOST(0), SIM_HOST(1), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, 10);
    sim_send(sim, 1, &frame);
    sim_expect(sim, 0, &frame);
    sim_expect(sim, 2, &frame);
    sim_expect_nothing(sim);
    sim_free(sim);
}

static void test_whole_bridge_changes(void **state)
{
    struct sim *sim = new_sim(2);
    struct bridge *bridge = sim_bridge(sim);
    struct sim_frame untagged;
    struct sim_frame tagged;

    set_access(sim, 0, 10);
    set_trunk(sim, 1, 10, 10);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 10);
    sim_send(sim, 0, &untagged);
    sim_expect(sim, 1, &tagged);
    bridge_set_ethertype(bridge, VLAN_TPID_S);
    assert_int_equal(fdb_count(bridge_fdb(bridge), sim_now(sim)), 0);
    sim_frame_make(&untagged, MAC_BROADCAST, SIM_HOST(1), 60);
    tagged = untagged;
    sim_frame_tag(&tagged, VLAN_TPID_S, 10);
    sim_send(sim, 0, &untagged);
    sim_expect(sim, 1, &tagged);
    bridge_set_vlans(bridge, NULL);
    assert_int_equal(fdb_count(bridge_fdb(bridge), sim_now(sim)), 0);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 10);
    sim_send(sim, 0, &tagged);
    sim_expect(sim, 1, &tagged);
    sim_free(sim);
}

/* Its number is given to another port, its VLANs are not. */
static void test_deleted_port_leaves_its_vlans(void **state)
{
    struct sim *sim = new_sim(2);
    struct sim_frame frame;

    set_access(sim, 0, 10);
    set_access(sim, 1, 10);
    sim_del_port(sim, 1);
    assert_int_equal(sim_add_port(sim), 2);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 60);
    drops(sim, 0, &frame, DROP_NO_EGRESS);
    drops(sim, 2, &frame, DROP_NO_PVID);
    sim_frame_tag(&frame, VLAN_TPID_C, 10);
    drops(sim, 2, &frame, DROP_VLAN_NOT_ALLOWED);
    sim_free(sim);
}

static void test_reserved_addresses_obey(void **state)
{
    struct sim *sim = new_sim(4);
    struct sim_frame untagged;
    struct sim_frame tagged;

    set_access(sim, 0, 10);
    set_access(sim, 1, 20);
    set_trunk(sim, 2, 10, 20);
    set_access(sim, 3, 10);
    make_pair(&untagged, &tagged, 0x0180c200000e, SIM_HOST(1), 10);
    sim_send(sim, 0, &untagged);
    sim_expect(sim, 2, &tagged);
    sim_expect(sim, 3, &untagged);
    sim_expect_nothing(sim);
    drops(sim, 2, &untagged, DROP_NO_PVID);
    /* Whether it is tagged or not: PAUSE stays where it is. */
    make_pair(&untagged, &tagged, 0x0180c2000001, SIM_HOST(2), 10);
    drops(sim, 0, &untagged, DROP_MAC_CONTROL);
    drops(sim, 2, &tagged, DROP_MAC_CONTROL);
    assert_int_equal(fdb_lookup(bridge_fdb(sim_bridge(sim)), 10, SIM_HOST(2), sim_now(sim)),
                     PORT_NONE);
    sim_free(sim);
}

static void test_acceptable_frame_types(void **state)
{
    struct sim *sim = new_sim(2);
    struct vlan_settings settings = {.mode = VLAN_MODE_NATIVE_UNTAGGED, .pvid = 10};
    struct sim_frame untagged;
    struct sim_frame priority;
    struct sim_frame tagged;

    set_trunk(sim, 1, 1, 4094);
    vidset_add(&settings.allowed, 20);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 20);
    priority = untagged;
    sim_frame_tag(&priority, VLAN_TPID_C, 7 << 13);

    settings.acceptable_frame_types = VLAN_FRAMES_VLAN_TAGGED;
    sim_set_vlan(sim, 0, &settings);
    drops(sim, 0, &untagged, DROP_FRAME_TYPE);
    drops(sim, 0, &priority, DROP_FRAME_TYPE);
    sim_send(sim, 0, &tagged);
    sim_expect(sim, 1, &tagged);

    settings.acceptable_frame_types = VLAN_FRAMES_UNTAGGED_AND_PRIORITY;
    sim_set_vlan(sim, 0, &settings);
    drops(sim, 0, &tagged, DROP_FRAME_TYPE);
    tagged = untagged;
    sim_frame_tag(&tagged, VLAN_TPID_C, 10);
    sim_send(sim, 0, &untagged);
    sim_expect(sim, 1, &tagged);
    tagged = untagged;
    sim_frame_tag(&tagged, VLAN_TPID_C, 7 << 13 | 10);
    sim_send(sim, 0, &priority);
    sim_expect(sim, 1, &tagged);
    sim_free(sim);
}

/* 14 + MTU, and four more if it leaves with a tag, wherever that tag is. */
static void test_lengths(void **state)
{
    struct sim *sim = new_sim(3);
    struct sim_frame untagged;
    struct sim_frame tagged;
    struct sim_frame twice;

    set_access(sim, 0, 10);
    set_access(sim, 1, 10);
    set_trunk(sim, 2, 10, 10);
    sim_frame_make(&untagged, MAC_BROADCAST, SIM_HOST(1), 1514);
    tagged = untagged;
    sim_frame_tag(&tagged, VLAN_TPID_C, 10);
    sim_send(sim, 0, &untagged);
    sim_expect(sim, 1, &untagged);
    sim_expect(sim, 2, &tagged);
    sim_expect_nothing(sim);
    sim_frame_make(&untagged, MAC_BROADCAST, SIM_HOST(1), 1515);
    sim_send(sim, 0, &untagged);
    sim_expect_nothing(sim);
    assert_int_equal(sim_out_dropped(sim, 1, DROP_TOO_LONG), 1);
    assert_int_equal(sim_out_dropped(sim, 2, DROP_TOO_LONG), 1);
    /* The inner tag of a full frame is the outer one where the other was taken off. */
    sim_frame_make(&untagged, MAC_BROADCAST, SIM_HOST(2), 1514);
    tagged = untagged;
    sim_frame_tag(&tagged, VLAN_TPID_C, 77);
    twice = tagged;
    sim_frame_tag(&twice, VLAN_TPID_C, 10);
    sim_send(sim, 2, &twice);
    sim_expect(sim, 0, &tagged);
    sim_expect(sim, 1, &tagged);
    sim_expect_nothing(sim);
    sim_free(sim);
}

/* More ports than one word of a set has. */
static void test_many_ports(void **state)
{
    struct sim *sim = new_sim(100);
    struct sim_frame frame;

    for (uint32_t i = 0; i < 100; i++)
        set_access(sim, i, i % 3 ? 10 : 20);
    for (uint32_t sender = 0; sender < 100; sender += 33) {
        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(sender), 60);
        sim_send(sim, sender, &frame);
        for (uint32_t i = 0; i < 100; i++) {
            if (i != sender && (i % 3 == 0) == (sender % 3 == 0))
                sim_expect(sim, i, &frame);
        }
        sim_expect_nothing(sim);
    }
    sim_free(sim);
}

static void test_differences_to_others(void **state)
{
    struct sim *sim = new_sim(4);
    struct sim_frame untagged;
    struct sim_frame tagged;
    struct sim_frame inner;

    set_access(sim, 0, 10);
    set_trunk(sim, 1, 1, 4094);
    set(sim, 2, VLAN_MODE_NATIVE_UNTAGGED, 10, 10, 10);
    set(sim, 3, VLAN_MODE_DOT1Q_TUNNEL, 10, 0, 0);
    /* Linux: a port takes frames that are tagged with its pvid. */
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 10);
    drops(sim, 0, &tagged, DROP_VLAN_TAGGED);
    sim_send(sim, 2, &tagged);
    sim_expect(sim, 0, &untagged);
    sim_expect(sim, 1, &tagged);
    sim_expect(sim, 3, &untagged);
    /* Open vSwitch: a trunk of all VLANs takes untagged frames. */
    drops(sim, 1, &untagged, DROP_NO_PVID);
    /* Open vSwitch: an access port emits no frame with a tag inside; a tunnel's tag is 0x88a8. */
    sim_frame_make(&inner, MAC_BROADCAST, SIM_HOST(1), 60);
    sim_frame_tag(&inner, VLAN_TPID_C, 33);
    tagged = inner;
    sim_frame_tag(&tagged, VLAN_TPID_C, 10);
    sim_send(sim, 3, &inner);
    sim_expect(sim, 0, &inner);
    sim_expect(sim, 1, &tagged);
    sim_expect(sim, 2, &inner);
    sim_free(sim);
}

/* Between a tunnel, or a trunk, and a port that takes the tag off; and what keeps VLANs apart. */
static void test_inner_tag_is_the_outer_one_where_the_other_comes_off(void **state)
{
    struct sim *sim = new_sim(3);
    struct sim_frame inner;
    struct sim_frame twice;

    set(sim, 0, VLAN_MODE_DOT1Q_TUNNEL, 10, 0, 0);
    set(sim, 1, VLAN_MODE_NATIVE_UNTAGGED, 10, 20, 20);
    set_trunk(sim, 2, 10, 10);
    sim_frame_make(&inner, MAC_BROADCAST, SIM_HOST(1), 60);
    sim_frame_tag(&inner, VLAN_TPID_C, 20);
    twice = inner;
    sim_frame_tag(&twice, VLAN_TPID_C, 10);
    sim_send(sim, 0, &inner);
    sim_expect(sim, 1, &inner);
    sim_expect(sim, 2, &twice);
    sim_send(sim, 2, &twice);
    sim_expect(sim, 0, &inner);
    sim_expect(sim, 1, &inner);
    sim_expect_nothing(sim);
    /* A port that takes no tag off. */
    set(sim, 1, VLAN_MODE_NATIVE_TAGGED, 10, 20, 20);
    sim_send(sim, 0, &inner);
    sim_expect(sim, 1, &twice);
    sim_expect(sim, 2, &twice);
    sim_expect_nothing(sim);
    /* Tags that are not the bridge's: outermost or not, it is untagged, and in the pvid. */
    set(sim, 1, VLAN_MODE_NATIVE_UNTAGGED, 10, 20, 20);
    bridge_set_ethertype(sim_bridge(sim), VLAN_TPID_S);
    twice = inner;
    sim_frame_tag(&twice, VLAN_TPID_S, 10);
    sim_send(sim, 0, &inner);
    sim_expect(sim, 1, &inner);
    sim_expect(sim, 2, &twice);
    sim_send(sim, 1, &inner);
    sim_expect(sim, 0, &inner);
    sim_expect(sim, 2, &twice);
    sim_expect_nothing(sim);
    sim_free(sim);
}

/* The kernel drops such frames of its own tags; this one is taken off here. */
static void test_frame_that_ends_in_its_tag(void **state)
{
    struct sim *sim = new_sim(2);
    struct sim_frame frame;

    set(sim, 0, VLAN_MODE_NATIVE_UNTAGGED, 10, 10, 10);
    set_access(sim, 1, 10);
    bridge_set_ethertype(sim_bridge(sim), 0x9100);
    for (uint32_t len = 14; len < 18; len++) {
        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 60);
        sim_frame_tag(&frame, 0x9100, 10);
        frame.len = len;
        drops(sim, 0, &frame, DROP_RUNT);
    }
    assert_int_equal(fdb_count(bridge_fdb(sim_bridge(sim)), sim_now(sim)), 0);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 14);
    sim_frame_tag(&frame, 0x9100, 10);
    sim_send(sim, 0, &frame);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 14);
    sim_expect(sim, 1, &frame);
    sim_free(sim);
}

static void set_native_translating(struct sim *sim, uint32_t port, enum vlan_mode mode,
                                   uint16_t pvid, const struct vlan_translation *list, uint32_t n)
{
    struct vlan_settings settings = {.mode = mode, .pvid = pvid, .allowed = vidset_all()};

    settings.translations.n = n;
    memcpy(settings.translations.list, list, n * sizeof(*list));
    sim_set_vlan(sim, port, &settings);
}

static void set_translating(struct sim *sim, uint32_t port, const struct vlan_translation *list,
                            uint32_t n)
{
    set_native_translating(sim, port, VLAN_MODE_TRUNK, 0, list, n);
}

/* 10 outside is 110 inside, in both directions, and neither stands for anything else there. */
static void test_translation(void **state)
{
    static const struct vlan_translation map[] = {{.outside = 10, .inside = 110}};
    struct sim *sim = new_sim(3);
    struct fdb *fdb = bridge_fdb(sim_bridge(sim));
    struct sim_frame untagged;
    struct sim_frame outside;
    struct sim_frame inside;

    set_translating(sim, 0, map, 1);
    set_access(sim, 1, 110);
    set_trunk(sim, 2, 1, 4094);
    make_pair(&untagged, &outside, MAC_BROADCAST, SIM_HOST(1), 5 << 13 | 10);
    inside = untagged;
    sim_frame_tag(&inside, VLAN_TPID_C, 5 << 13 | 110);
    sim_send(sim, 0, &outside);
    sim_expect(sim, 1, &untagged);
    sim_expect(sim, 2, &inside);
    sim_expect_nothing(sim);
    assert_int_equal(fdb_lookup(fdb, 110, SIM_HOST(1), sim_now(sim)), 0);
    make_pair(&untagged, &outside, SIM_HOST(1), SIM_HOST(2), 10);
    sim_send(sim, 1, &untagged);
    sim_expect(sim, 0, &outside);
    sim_expect_nothing(sim);
    /* 110 outside is nothing, and 10 inside has no way out. */
    make_pair(&untagged, &inside, MAC_BROADCAST, SIM_HOST(3), 110);
    drops(sim, 0, &inside, DROP_VLAN_NOT_ALLOWED);
    make_pair(&untagged, &outside, MAC_BROADCAST, SIM_HOST(4), 10);
    drops(sim, 2, &outside, DROP_NO_EGRESS);
    /* All other VLANs are what they were. */
    make_pair(&untagged, &outside, MAC_BROADCAST, SIM_HOST(3), 4094);
    sim_send(sim, 0, &outside);
    sim_expect(sim, 2, &outside);
    sim_expect_nothing(sim);
    sim_free(sim);
}

static void test_swapped_vlans(void **state)
{
    static const struct vlan_translation map[] = {{10, 20}, {20, 10}};
    struct sim *sim = new_sim(2);
    struct fdb *fdb = bridge_fdb(sim_bridge(sim));
    struct sim_frame untagged;
    struct sim_frame outside;
    struct sim_frame inside;

    set_translating(sim, 0, map, 2);
    set_trunk(sim, 1, 1, 4094);
    for (uint32_t i = 0; i < 2; i++) {
        make_pair(&untagged, &outside, MAC_BROADCAST, SIM_HOST(1), map[i].outside);
        inside = untagged;
        sim_frame_tag(&inside, VLAN_TPID_C, map[i].inside);
        sim_send(sim, 0, &outside);
        sim_expect(sim, 1, &inside);
        sim_send(sim, 1, &inside);
        sim_expect(sim, 0, &outside);
        make_pair(&untagged, &outside, MAC_BROADCAST, SIM_HOST(2), 30);
        sim_send(sim, 0, &outside);
        sim_expect(sim, 1, &outside);
    }
    sim_expect_nothing(sim);
    /* Without the translation what was learned is somewhere else; 30 was never meant. */
    set_trunk(sim, 0, 1, 4094);
    assert_int_equal(fdb_lookup(fdb, 10, SIM_HOST(1), sim_now(sim)), 1);
    assert_int_equal(fdb_lookup(fdb, 30, SIM_HOST(2), sim_now(sim)), 0);
    set_translating(sim, 1, map, 2);
    assert_int_equal(fdb_lookup(fdb, 10, SIM_HOST(1), sim_now(sim)), PORT_NONE);
    sim_free(sim);
}

/* A pvid that leaves untagged needs no VID outside, so its own may be another VLAN's there. */
static void test_translation_of_the_pvid(void **state)
{
    static const struct vlan_translation map[] = {{.outside = 10, .inside = 110}};
    struct sim *sim = new_sim(3);
    struct sim_frame untagged;
    struct sim_frame tagged;

    set_native_translating(sim, 0, VLAN_MODE_NATIVE_UNTAGGED, 10, map, 1);
    set_access(sim, 1, 10);
    set_access(sim, 2, 110);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 10);
    sim_send(sim, 0, &untagged);
    sim_expect(sim, 1, &untagged);
    sim_expect_nothing(sim);
    sim_send(sim, 0, &tagged);
    sim_expect(sim, 2, &untagged);
    sim_expect_nothing(sim);
    sim_send(sim, 1, &untagged);
    sim_expect(sim, 0, &untagged);
    sim_expect_nothing(sim);
    sim_send(sim, 2, &untagged);
    sim_expect(sim, 0, &tagged);
    sim_expect_nothing(sim);
    sim_free(sim);
}

/* Each frame that is in a VLAN is counted there once, and each copy: the sums are the ledger's. */
static void test_counters(void **state)
{
    struct sim *sim = new_sim(4);
    const struct vlan_counters *counters = bridge_vlans(sim_bridge(sim))->counters;
    struct sim_frame untagged;
    struct sim_frame tagged;

    set_access(sim, 0, 10);
    set_access(sim, 1, 10);
    set_trunk(sim, 2, 10, 20);
    set_access(sim, 3, 20);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(1), 10);
    sim_send(sim, 0, &untagged);
    sim_discard(sim);
    assert_int_equal(counters[10].rx_packets, 1);
    assert_int_equal(counters[10].rx_bytes, 60);
    assert_int_equal(counters[10].tx_packets, 2);
    assert_int_equal(counters[10].tx_bytes, 60 + 64);
    /* It came into its VLAN, even if it goes nowhere. */
    make_pair(&untagged, &tagged, SIM_HOST(1), SIM_HOST(1), 10);
    drops(sim, 0, &untagged, DROP_SAME_PORT);
    assert_int_equal(counters[10].rx_packets, 2);
    assert_int_equal(counters[10].tx_packets, 2);
    drops(sim, 0, &tagged, DROP_VLAN_TAGGED);
    make_pair(&untagged, &tagged, MAC_BROADCAST, SIM_HOST(2), 20);
    sim_send(sim, 2, &tagged);
    sim_discard(sim);
    assert_int_equal(counters[20].rx_bytes, 64);
    assert_int_equal(counters[20].tx_bytes, 60);
    for (uint32_t vid = 0; vid < VID_LIMIT; vid++) {
        if (vid != 10 && vid != 20)
            assert_int_equal(counters[vid].rx_packets + counters[vid].tx_packets, 0);
    }
    assert_int_equal(counters[10].rx_packets, 2);
    sim_free(sim);
}

/* As the ledger's `accepted`: what a port refused did not cross its VLAN. */
static void test_copies_that_were_not_sent_are_not_counted(void **state)
{
    static const struct meter_settings limits[METER_N_USES] = {
        [METER_EGRESS] = {.rate = {.value = 1, .unit = RATE_PACKETS},
                          .burst = {.value = 1, .unit = RATE_PACKETS}}};
    struct sim *sim = new_sim(5);
    const struct vlan_counters *counters = bridge_vlans(sim_bridge(sim))->counters;
    struct sim_frame frame;

    for (uint32_t i = 0; i < 5; i++)
        set_access(sim, i, 10);
    sim_set_meters(sim, 4, limits);
    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    assert_int_equal(counters[10].tx_packets, 4);
    assert_int_equal(counters[10].tx_bytes, 4 * 60);
    sim_set_mtu(sim, 1, 100);
    sim_fail_tx(sim, 2, 1, DROP_TX_QUEUE_FULL);
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 1000);
    sim_send(sim, 0, &frame);
    sim_expect(sim, 3, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_out_dropped(sim, 1, DROP_TOO_LONG), 1);
    assert_int_equal(sim_out_dropped(sim, 2, DROP_TX_QUEUE_FULL), 1);
    assert_int_equal(sim_out_dropped(sim, 4, DROP_POLICED_OUT), 1);
    assert_int_equal(counters[10].tx_packets, 5);
    assert_int_equal(counters[10].tx_bytes, 4 * 60 + 1000);
    assert_int_equal(counters[10].rx_packets, 2);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_vlans_on_one_trunk),
        cmocka_unit_test(test_one_address_in_two_vlans),
        cmocka_unit_test(test_leaving_a_vlan),
        cmocka_unit_test(test_leaving_a_vlan_of_many_hosts),
        cmocka_unit_test(test_frames_that_change_their_vlan),
        cmocka_unit_test(test_a_host_that_sends_untagged_as_the_pvid_changes),
        cmocka_unit_test(test_whole_bridge_changes),
        cmocka_unit_test(test_deleted_port_leaves_its_vlans),
        cmocka_unit_test(test_reserved_addresses_obey),
        cmocka_unit_test(test_acceptable_frame_types),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_many_ports),
        cmocka_unit_test(test_inner_tag_is_the_outer_one_where_the_other_comes_off),
        cmocka_unit_test(test_frame_that_ends_in_its_tag),
        cmocka_unit_test(test_translation),
        cmocka_unit_test(test_translation_of_the_pvid),
        cmocka_unit_test(test_swapped_vlans),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_copies_that_were_not_sent_are_not_counted),
        cmocka_unit_test(test_differences_to_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
