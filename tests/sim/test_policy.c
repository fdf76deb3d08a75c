/* SPDX-License-Identifier: ISC */
#include "../support/sim_test.h"

/*
 * What single ports are told about learning, flooding, hairpin and isolation: who gets a frame, to
 * the port, and which counter has it if nobody does. The combinations are for test_model.c.
 */

#define GROUP UINT64_C(0x01005e000001)

/* Hosts: number 1 is behind port 0, and so on. */
#define HOST(port) SIM_HOST((port) + 1)

static void expect_at(struct sim *sim, const struct sim_frame *frame, uint32_t ports)
{
    for (uint32_t port = 0; port < sim_n_ports(sim); port++) {
        if (ports >> port & 1)
            sim_expect(sim, port, frame);
    }
    sim_expect_nothing(sim);
}

/* A frame comes out of @ports, one bit each, and nowhere else. */
static void reaches(struct sim *sim, uint32_t ingress, uint64_t dst, uint32_t ports)
{
    struct sim_frame frame;

    sim_frame_make(&frame, dst, HOST(ingress), 60);
    sim_send(sim, ingress, &frame);
    expect_at(sim, &frame, ports);
}

static void test_a_port_that_does_not_learn(void **state)
{
    struct port_policy policy = PORT_POLICY_DEFAULT;
    struct sim *sim = sim_test_new(3);

    sim_test_flood(sim, 1, MAC_BROADCAST, HOST(1));
    sim_test_unicast(sim, 0, HOST(1), HOST(0), 1);
    policy.learning = false;
    sim_set_policy(sim, 1, &policy);
    /* What it had taught is forgotten, and it teaches nothing: unlike in Linux, where it lingers.
     */
    sim_test_flood(sim, 0, HOST(1), HOST(0));
    sim_test_unicast(sim, 1, HOST(0), HOST(1), 0);
    sim_test_flood(sim, 0, HOST(1), HOST(0));
    /* Nor does it move an address that others taught. */
    sim_test_unicast(sim, 1, HOST(0), HOST(2), 0);
    sim_test_flood(sim, 2, MAC_BROADCAST, HOST(2));
    sim_test_unicast(sim, 1, HOST(0), HOST(2), 0);
    sim_test_unicast(sim, 0, HOST(2), HOST(0), 2);

    policy.learning = true;
    sim_set_policy(sim, 1, &policy);
    sim_test_unicast(sim, 1, HOST(0), HOST(1), 0);
    sim_test_unicast(sim, 0, HOST(1), HOST(0), 1);
    sim_free(sim);
}

/* One switch at a time, on port 2 of 4. */
static void test_flood_switches(void **state)
{
    static const uint64_t destinations[FLOOD_N_CLASSES] = {
        [FLOOD_UNKNOWN_UNICAST] = SIM_HOST(99),
        [FLOOD_MULTICAST] = GROUP,
        [FLOOD_BROADCAST] = MAC_BROADCAST,
    };

    for (int off = 0; off < FLOOD_N_CLASSES; off++) {
        struct port_policy policy = PORT_POLICY_DEFAULT;
        struct sim *sim = sim_test_new(4);

        policy.flood[off] = false;
        sim_set_policy(sim, 2, &policy);
        for (int i = 0; i < FLOOD_N_CLASSES; i++) {
            reaches(sim, 0, destinations[i], i == off ? 0xa : 0xe);
            reaches(sim, 2, destinations[i], 0xb); /* it is about what leaves */
        }
        sim_test_unicast(sim, 0, HOST(2), HOST(0), 2); /* what is known gets there */
        sim_free(sim);
    }
}

static void test_a_flood_that_no_port_takes(void **state)
{
    struct port_policy policy = PORT_POLICY_DEFAULT;
    struct sim *sim = sim_test_new(2);

    policy.flood[FLOOD_UNKNOWN_UNICAST] = false;
    sim_set_policy(sim, 1, &policy);
    sim_test_drop(sim, 0, SIM_HOST(99), HOST(0), DROP_FLOOD_OFF);
    sim_test_flood(sim, 0, MAC_BROADCAST, HOST(0));
    sim_test_unicast(sim, 1, HOST(0), HOST(1), 0); /* what was dropped has taught */
    /* The switch is not the reason where nothing could have left by the port. */
    sim_set_state(sim, 1, PORT_DOWN);
    sim_test_drop(sim, 0, SIM_HOST(99), HOST(0), DROP_NO_EGRESS);
    sim_free(sim);
}

static void test_hairpin(void **state)
{
    struct port_policy policy = PORT_POLICY_DEFAULT;
    struct sim *sim = sim_test_new(3);

    sim_test_flood(sim, 0, MAC_BROADCAST, HOST(0));
    sim_test_drop(sim, 0, HOST(0), SIM_HOST(50), DROP_SAME_PORT);
    policy.hairpin = true;
    sim_set_policy(sim, 0, &policy);
    reaches(sim, 0, MAC_BROADCAST, 0x7);
    reaches(sim, 0, GROUP, 0x7);
    reaches(sim, 0, SIM_HOST(99), 0x7);
    reaches(sim, 0, SIM_HOST(50), 0x1);
    reaches(sim, 1, MAC_BROADCAST, 0x5); /* the others are none */
    /* Its own floods obey its switches. */
    policy.flood[FLOOD_BROADCAST] = false;
    sim_set_policy(sim, 0, &policy);
    reaches(sim, 0, MAC_BROADCAST, 0x6);
    sim_free(sim);
}

/* Ports 0 and 1 are group 7, 2 and 3 are group 1024, 4 is in none. */
static struct sim *isolated(void)
{
    static const uint32_t groups[] = {7, 7, ISOLATION_GROUP_MAX, ISOLATION_GROUP_MAX, 0};
    struct sim *sim = sim_test_new(5);

    for (uint32_t port = 0; port < LENGTH(groups); port++) {
        struct port_policy policy = PORT_POLICY_DEFAULT;

        policy.isolation_group = groups[port];
        sim_set_policy(sim, port, &policy);
    }
    return sim;
}

static void test_isolation_groups(void **state)
{
    static const uint32_t floods[] = {0x1c, 0x1c, 0x13, 0x13, 0x0f};
    struct sim *sim = isolated();

    for (uint32_t from = 0; from < LENGTH(floods); from++) {
        reaches(sim, from, MAC_BROADCAST, floods[from]);
        reaches(sim, from, GROUP, floods[from]);
        reaches(sim, from, SIM_HOST(99), floods[from]);
    }
    for (uint32_t from = 0; from < LENGTH(floods); from++) {
        for (uint32_t to = 0; to < LENGTH(floods); to++) {
            if (from == to)
                sim_test_drop(sim, from, HOST(to), HOST(from), DROP_SAME_PORT);
            else if (floods[from] >> to & 1)
                sim_test_unicast(sim, from, HOST(to), HOST(from), to);
            else
                sim_test_drop(sim, from, HOST(to), HOST(from), DROP_ISOLATED);
        }
    }
    sim_free(sim);
}

static void test_isolation_wins(void **state)
{
    struct port_policy policy = PORT_POLICY_DEFAULT;
    struct sim *sim = sim_test_new(2);

    policy.isolation_group = 1;
    policy.hairpin = true;
    sim_set_policy(sim, 0, &policy);
    sim_set_policy(sim, 1, &policy);
    sim_test_drop(sim, 0, MAC_BROADCAST, HOST(0), DROP_ISOLATED);
    sim_test_drop(sim, 0, HOST(0), SIM_HOST(50), DROP_ISOLATED);
    /* Whoever leaves the group is free at once. */
    policy.isolation_group = 0;
    sim_set_policy(sim, 0, &policy);
    reaches(sim, 0, MAC_BROADCAST, 0x3);
    reaches(sim, 1, MAC_BROADCAST, 0x1);
    sim_free(sim);
}

/* Of several reasons that keep a flood in, the one that can be switched is told. */
static void test_reason_of_a_flood_that_leaves_by_no_port(void **state)
{
    struct port_policy grouped = PORT_POLICY_DEFAULT;
    struct port_policy silent = PORT_POLICY_DEFAULT;
    struct sim *sim = sim_test_new(3);

    grouped.isolation_group = 1;
    silent.flood[FLOOD_BROADCAST] = false;
    sim_set_policy(sim, 0, &grouped);
    sim_set_policy(sim, 1, &grouped);
    sim_set_policy(sim, 2, &silent);
    sim_test_drop(sim, 0, MAC_BROADCAST, HOST(0), DROP_FLOOD_OFF);
    silent.isolation_group = 1;
    sim_set_policy(sim, 2, &silent);
    sim_test_drop(sim, 0, MAC_BROADCAST, HOST(0), DROP_ISOLATED);
    sim_del_port(sim, 1);
    sim_del_port(sim, 2);
    sim_test_drop(sim, 0, MAC_BROADCAST, HOST(0), DROP_NO_EGRESS);
    sim_free(sim);
}

/* A port's id is used again, what it was told is not. */
static void test_a_new_port_has_no_past(void **state)
{
    struct port_policy policy = {.isolation_group = 5};
    struct sim *sim = sim_test_new(2);
    uint32_t port;

    sim_set_policy(sim, 0, &policy);
    sim_set_policy(sim, 1, &policy);
    sim_test_drop(sim, 0, MAC_BROADCAST, HOST(0), DROP_ISOLATED);
    sim_del_port(sim, 1);
    port = sim_add_port(sim);
    reaches(sim, 0, MAC_BROADCAST, 1u << port);
    reaches(sim, port, SIM_HOST(99), 0);
    sim_free(sim);
}

/* ---- mac_limit ---- */

#define MAX 3

static struct sim *limited(enum mac_limit_action action)
{
    struct port_policy policy = PORT_POLICY_DEFAULT;
    struct sim *sim = sim_test_new(3);

    policy.mac_limit = (struct mac_limit){.max = MAX, .action = action};
    sim_set_policy(sim, 0, &policy);
    sim_test_flood(sim, 1, MAC_BROADCAST, HOST(1));
    for (uint64_t i = 0; i < MAX; i++) {
        sim_test_unicast(sim, 0, HOST(1), SIM_HOST(100 + i), 1);
        sim_pass_time(sim, NS_PER_SEC);
    }
    return sim;
}

static void test_one_address_too_many_is_dropped(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_DROP);

    sim_test_drop(sim, 0, HOST(1), SIM_HOST(200), DROP_MAC_LIMIT);
    sim_test_flood(sim, 1, SIM_HOST(200), HOST(1));
    for (uint64_t i = 0; i < MAX; i++)
        sim_test_unicast(sim, 0, HOST(1), SIM_HOST(100 + i), 1);
    assert_int_equal(fdb_port_counters(bridge_fdb(sim_bridge(sim)), 0).refused_limits, 1);
    sim_free(sim);
}

static void test_one_address_too_many_is_not_learned(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_FLOOD);

    sim_test_unicast(sim, 0, HOST(1), SIM_HOST(200), 1);
    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(201));
    sim_test_flood(sim, 1, SIM_HOST(200), HOST(1));
    sim_test_unicast(sim, 1, SIM_HOST(100), HOST(1), 0);
    sim_free(sim);
}

static void test_one_address_too_many_shuts_down(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_SHUTDOWN);
    struct sim_frame frame;

    /* In the middle of a burst: what follows finds the port down. */
    for (uint64_t i = 0; i < 4; i++) {
        sim_frame_make(&frame, HOST(1), SIM_HOST(i == 1 ? 200 : 100), 60);
        assert_true(sim_inject(sim, 0, &frame));
    }
    assert_int_equal(sim_poll(sim, 0), 4);
    assert_int_equal(sim_n_waiting(sim, 1), 1);
    sim_discard(sim);
    assert_int_equal(sim_in_dropped(sim, 0, DROP_MAC_LIMIT), 1);
    assert_int_equal(sim_in_dropped(sim, 0, DROP_INGRESS_DOWN), 2);
    assert_int_equal(sim_port(sim, 0)->state, PORT_ERROR);
    assert_string_equal(sim_port(sim, 0)->why, "shut down: more addresses than its mac_limit of 3 "
                                               "(ringspan port set p0 up)");
    /* Nothing of it is left. */
    sim_test_flood(sim, 1, SIM_HOST(100), HOST(1));
    sim_set_state(sim, 0, PORT_FORWARDING);
    sim_test_unicast(sim, 0, HOST(1), SIM_HOST(200), 1);
    sim_free(sim);
}

/* To the nanosecond, and whether the memory of the expired was reclaimed or not. */
static void test_expired_addresses_hold_no_room(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_DROP);

    /* The first of them is heard of again, so that the second is the one that expires. */
    sim_test_unicast(sim, 0, HOST(1), SIM_HOST(100), 1);
    sim_pass_time(sim, SIM_AGING - 2 * NS_PER_SEC - 1);
    sim_test_unicast(sim, 1, SIM_HOST(100), HOST(1), 0);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(200), DROP_MAC_LIMIT);
    sim_pass_time(sim, 1);
    sim_test_unicast(sim, 0, HOST(1), SIM_HOST(200), 1);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(201), DROP_MAC_LIMIT);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(101), DROP_MAC_LIMIT);
    sim_test_unicast(sim, 1, SIM_HOST(100), HOST(1), 0);
    sim_test_unicast(sim, 1, SIM_HOST(102), HOST(1), 0);
    sim_free(sim);
}

static void test_an_address_that_moves_counts(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_DROP);

    sim_test_drop(sim, 0, MAC_BROADCAST, HOST(1), DROP_MAC_LIMIT);
    sim_test_unicast(sim, 2, HOST(1), HOST(2), 1); /* it stayed where it was */
    /* One that leaves makes room. */
    sim_test_unicast(sim, 2, HOST(1), SIM_HOST(101), 1);
    sim_test_unicast(sim, 0, SIM_HOST(101), SIM_HOST(200), 2);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(101), DROP_MAC_LIMIT);
    assert_int_equal(fdb_port_counters(bridge_fdb(sim_bridge(sim)), 0).moved_out, 1);
    assert_int_equal(fdb_port_counters(bridge_fdb(sim_bridge(sim)), 2).moved_in, 1);
    sim_free(sim);
}

static void test_static_addresses_do_not_count(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_DROP);
    struct fdb_entry entry = {.mac = SIM_HOST(300),
                              .port = sim_port(sim, 0)->id,
                              .seen = sim_now(sim),
                              .is_static = true};

    assert_int_equal(fdb_add(bridge_fdb(sim_bridge(sim)), &entry), 0);
    sim_test_unicast(sim, 0, HOST(1), SIM_HOST(300), 1);
    for (uint64_t i = 0; i < MAX; i++)
        sim_test_unicast(sim, 0, HOST(1), SIM_HOST(100 + i), 1);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(200), DROP_MAC_LIMIT);
    sim_free(sim);
}

static void add_to_port_0(struct sim *sim, uint64_t mac, bool is_sticky)
{
    const struct fdb_entry entry = {
        .mac = mac, .port = 0, .seen = sim_now(sim), .is_sticky = is_sticky};

    assert_int_equal(fdb_add(bridge_fdb(sim_bridge(sim)), &entry), 0);
}

/* Nor those that somebody puts there and that age: they take nobody's place, and hold none, as long
 * as they stay where they were put. */
static void test_added_addresses_do_not_count(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_DROP);

    fdb_flush_port(bridge_fdb(sim_bridge(sim)), 0);
    add_to_port_0(sim, SIM_HOST(301), true);
    add_to_port_0(sim, SIM_HOST(302), false);
    for (uint64_t i = 0; i < MAX; i++)
        sim_test_unicast(sim, 0, HOST(1), SIM_HOST(150 + i), 1);
    add_to_port_0(sim, SIM_HOST(303), false);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(200), DROP_MAC_LIMIT);
    for (uint64_t i = 0; i < MAX; i++)
        sim_test_unicast(sim, 1, SIM_HOST(150 + i), HOST(1), 0);
    for (uint64_t i = 1; i <= 3; i++)
        sim_test_unicast(sim, 0, HOST(1), SIM_HOST(300 + i), 1);
    /* Once it is heard of elsewhere it is an address like any other. */
    sim_test_unicast(sim, 2, HOST(1), SIM_HOST(302), 1);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(302), DROP_MAC_LIMIT);
    sim_free(sim);
}

/* Bonds and spanning tree speak from addresses of their own: BPDUs, LACP, 802.1X and LLDP pass, and
 * neither take a place nor cost one. Those to other reserved addresses are as all others. */
static void test_protocols_of_the_link_do_not_count(void **state)
{
    static const uint32_t vital[] = {0x0, 0x2, 0x3, 0x8, 0xe};

    for (int action = 0; action < MAC_LIMIT_N_ACTIONS; action++) {
        struct port_policy policy = PORT_POLICY_DEFAULT;
        struct sim *sim = sim_test_new(2);

        policy.mac_limit = (struct mac_limit){.max = 1, .action = (enum mac_limit_action)action};
        sim_set_policy(sim, 0, &policy);
        for (size_t i = 0; i < LENGTH(vital); i++)
            sim_test_flood(sim, 0, RESERVED_MAC_BASE + vital[i], SIM_HOST(100 + i));
        sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1)); /* the one place is its */
        for (size_t i = 0; i < LENGTH(vital); i++)
            sim_test_flood(sim, 0, RESERVED_MAC_BASE + vital[i], SIM_HOST(100 + i));
        sim_test_unicast(sim, 1, SIM_HOST(1), SIM_HOST(2), 0);
        if (action == MAC_LIMIT_FLOOD)
            sim_test_flood(sim, 0, RESERVED_MAC_BASE + 4, SIM_HOST(104));
        else
            sim_test_drop(sim, 0, RESERVED_MAC_BASE + 4, SIM_HOST(104), DROP_MAC_LIMIT);
        assert_int_equal(sim_port(sim, 0)->state == PORT_ERROR, action == MAC_LIMIT_SHUTDOWN);
        sim_free(sim);
    }
}

static void test_another_limit(void **state)
{
    struct sim *sim = limited(MAC_LIMIT_DROP);
    struct port_policy policy = *bridge_port_policy(sim_bridge(sim), 0);

    policy.mac_limit.max = 4;
    sim_set_policy(sim, 0, &policy);
    sim_test_unicast(sim, 0, HOST(1), SIM_HOST(200), 1);
    sim_test_drop(sim, 0, HOST(1), SIM_HOST(201), DROP_MAC_LIMIT);
    /* Fewer: those that were heard of last stay. */
    policy.mac_limit.max = 2;
    sim_set_policy(sim, 0, &policy);
    sim_test_unicast(sim, 1, SIM_HOST(200), HOST(1), 0);
    sim_test_unicast(sim, 1, SIM_HOST(102), HOST(1), 0);
    sim_test_flood(sim, 1, SIM_HOST(101), HOST(1));
    policy.mac_limit.max = 0;
    sim_set_policy(sim, 0, &policy);
    for (uint64_t i = 0; i < 100; i++)
        sim_test_unicast(sim, 0, HOST(1), SIM_HOST(100 + i), 1);
    sim_free(sim);
}

/* ---- addresses that move ---- */

static struct sim *with_move_limit(void)
{
    struct sim *sim = sim_test_new(3);

    bridge_set_move_limit(sim_bridge(sim), &(struct fdb_move_limit){.max = 5,
                                                                    .interval_ns = 180 * NS_PER_SEC,
                                                                    .hold_ns = 60 * NS_PER_SEC});
    sim_test_flood(sim, 2, MAC_BROADCAST, HOST(2));
    return sim;
}

static void expect_at_port(struct sim *sim, uint64_t mac, uint32_t port)
{
    assert_int_equal(fdb_lookup(bridge_fdb(sim_bridge(sim)), 0, mac, sim_now(sim)),
                     sim_port(sim, port)->id);
}

/* It is heard of on port 0, then 1, then 0 again, @n times in all. */
static void flap(struct sim *sim, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        sim_test_unicast(sim, i % 2, HOST(2), SIM_HOST(70), 2);
}

static void test_an_address_that_moves_too_often_is_held(void **state)
{
    struct sim *sim = with_move_limit();

    flap(sim, 6);
    expect_at_port(sim, SIM_HOST(70), 1);
    sim_test_unicast(sim, 0, HOST(2), SIM_HOST(70), 2); /* forwarded, and not believed */
    expect_at_port(sim, SIM_HOST(70), 1);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).held, 1);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).moved, 5);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).refused_moves, 1);
    sim_test_unicast(sim, 2, SIM_HOST(70), HOST(2), 1);

    sim_pass_time(sim, 60 * NS_PER_SEC - 1);
    sim_test_unicast(sim, 0, HOST(2), SIM_HOST(70), 2);
    expect_at_port(sim, SIM_HOST(70), 1);
    sim_pass_time(sim, 1);
    flap(sim, 6); /* five moves again, from port 1 */
    expect_at_port(sim, SIM_HOST(70), 0);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).held, 2);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).moved, 10);
    /* Others are not concerned. */
    sim_test_drop(sim, 0, SIM_HOST(70), SIM_HOST(71), DROP_SAME_PORT);
    sim_free(sim);
}

static void test_seldom_moves_are_only_counted(void **state)
{
    struct sim *sim = with_move_limit();

    flap(sim, 1);
    for (uint32_t i = 1; i < 100; i++) {
        sim_test_unicast(sim, i % 2, HOST(2), SIM_HOST(70), 2);
        sim_test_unicast(sim, 2, SIM_HOST(70), HOST(2), i % 2);
        sim_pass_time(sim, 36 * NS_PER_SEC);
    }
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).held, 0);
    assert_int_equal(fdb_port_counters(bridge_fdb(sim_bridge(sim)), 0).moved_in, 49);
    assert_int_equal(fdb_port_counters(bridge_fdb(sim_bridge(sim)), 1).moved_in, 50);
    sim_free(sim);
}

/* What is forgotten is not held, and another address in its memory is not either. */
static void test_a_flush_ends_a_hold(void **state)
{
    struct sim *sim = with_move_limit();

    flap(sim, 7);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).held, 1);
    fdb_flush_all(bridge_fdb(sim_bridge(sim)));
    sim_test_flood(sim, 2, MAC_BROADCAST, HOST(2));
    flap(sim, 6);
    expect_at_port(sim, SIM_HOST(70), 1);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).held, 1);
    sim_free(sim);
}

/* Without a limit nothing is held; and when there is one again counting begins anew, for those that
 * moved meanwhile and for those that did not. */
static void test_a_hold_ends_with_the_limit(void **state)
{
    struct fdb_move_limit limit = {
        .max = 5, .interval_ns = 180 * NS_PER_SEC, .hold_ns = 60 * NS_PER_SEC};

    for (uint32_t moves = 0; moves < 2; moves++) {
        struct sim *sim = with_move_limit();

        flap(sim, 7);
        expect_at_port(sim, SIM_HOST(70), 1);
        bridge_set_move_limit(sim_bridge(sim), &(struct fdb_move_limit){0});
        flap(sim, 2 * moves); /* back where it was */
        bridge_set_move_limit(sim_bridge(sim), &limit);
        flap(sim, 5);
        expect_at_port(sim, SIM_HOST(70), 0);
        assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).held, 1);
        flap(sim, 2);
        expect_at_port(sim, SIM_HOST(70), 0);
        assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).held, 2);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_that_does_not_learn),
        cmocka_unit_test(test_flood_switches),
        cmocka_unit_test(test_a_flood_that_no_port_takes),
        cmocka_unit_test(test_hairpin),
        cmocka_unit_test(test_isolation_groups),
        cmocka_unit_test(test_isolation_wins),
        cmocka_unit_test(test_reason_of_a_flood_that_leaves_by_no_port),
        cmocka_unit_test(test_a_new_port_has_no_past),
        cmocka_unit_test(test_one_address_too_many_is_dropped),
        cmocka_unit_test(test_one_address_too_many_is_not_learned),
        cmocka_unit_test(test_one_address_too_many_shuts_down),
        cmocka_unit_test(test_expired_addresses_hold_no_room),
        cmocka_unit_test(test_an_address_that_moves_counts),
        cmocka_unit_test(test_static_addresses_do_not_count),
        cmocka_unit_test(test_added_addresses_do_not_count),
        cmocka_unit_test(test_protocols_of_the_link_do_not_count),
        cmocka_unit_test(test_another_limit),
        cmocka_unit_test(test_an_address_that_moves_too_often_is_held),
        cmocka_unit_test(test_seldom_moves_are_only_counted),
        cmocka_unit_test(test_a_flush_ends_a_hold),
        cmocka_unit_test(test_a_hold_ends_with_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
