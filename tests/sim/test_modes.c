/* SPDX-License-Identifier: ISC */
#include "../support/sim_test.h"

/* Hubs and wires: what they forward that a switch does not, and that they remember nothing. */

#define GROUP UINT64_C(0x030000000001)

static struct sim *new_sim(enum bridge_mode mode, uint32_t n_ports, enum reserved_preset reserved,
                           uint16_t ethertype)
{
    const struct sim_params params = {
        .n_ports = n_ports,
        .max_ports = n_ports + 1,
        .max_entries = 64,
        .aging_ns = SIM_AGING,
        .mode = mode,
        .reserved = reserved,
        .ethertype = ethertype,
        .fail = sim_test_fail,
    };

    return sim_new(&params);
}

static void expect_nothing_learned(struct sim *sim)
{
    assert_int_equal(fdb_count(bridge_fdb(sim_bridge(sim)), sim_now(sim)), 0);
}

static void test_a_hub_floods_everything(void **state)
{
    struct sim *sim = new_sim(BRIDGE_HUB, 4, RESERVED_TRANSPARENT, 0);

    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));
    sim_test_flood(sim, 0, SIM_HOST(1), SIM_HOST(1));
    expect_nothing_learned(sim);
    sim_free(sim);
}

/* Nothing else is different. */
static void test_a_hub_admits_what_a_switch_does(void **state)
{
    struct sim *sim = new_sim(BRIDGE_HUB, 3, RESERVED_TRANSPARENT, 0);

    sim_test_drop(sim, 0, SIM_HOST(2), GROUP, DROP_SOURCE_GROUP);
    sim_test_drop(sim, 0, SIM_HOST(2), 0, DROP_SOURCE_ZERO);
    sim_test_drop(sim, 0, RESERVED_MAC_BASE + 1, SIM_HOST(1), DROP_MAC_CONTROL);
    sim_set_state(sim, 1, PORT_LEARNING);
    sim_test_drop(sim, 1, SIM_HOST(2), SIM_HOST(1), DROP_INGRESS_DOWN);
    sim_test_flood(sim, 0, SIM_HOST(2), SIM_HOST(1));
    expect_nothing_learned(sim);
    sim_free(sim);
}

static void test_a_hub_keeps_vlans_apart(void **state)
{
    struct sim *sim = new_sim(BRIDGE_HUB, 3, RESERVED_TRANSPARENT, VLAN_TPID_C);
    struct sim_frame frame;

    for (uint32_t i = 0; i < 3; i++) {
        const struct vlan_settings access = {.mode = VLAN_MODE_ACCESS, .pvid = i == 1 ? 20 : 10};

        sim_set_vlan(sim, i, &access);
    }
    sim_frame_make(&frame, SIM_HOST(2), SIM_HOST(1), 60);
    sim_send(sim, 0, &frame);
    sim_expect(sim, 2, &frame);
    sim_expect_nothing(sim);
    sim_free(sim);
}

static void test_everything_crosses_a_wire(void **state)
{
    static const uint64_t sources[] = {SIM_HOST(1), 0, GROUP, MAC_BROADCAST};
    struct sim *sim = new_sim(BRIDGE_WIRE, 2, RESERVED_CUSTOMER_BRIDGE, 0);
    struct sim_frame frame;

    for (size_t i = 0; i < LENGTH(sources); i++) {
        for (uint64_t dst = RESERVED_MAC_BASE; dst < RESERVED_MAC_BASE + 17; dst++)
            sim_test_flood(sim, 0, dst, sources[i]);
        sim_test_flood(sim, 1, RESERVED_MAC_CISCO, sources[i]);
        sim_test_flood(sim, 1, sources[i], sources[i]);
    }
    /* Where a host was heard says nothing. */
    sim_test_flood(sim, 0, SIM_HOST(2), SIM_HOST(1));
    sim_test_flood(sim, 0, SIM_HOST(1), SIM_HOST(2));
    expect_nothing_learned(sim);
    assert_int_equal(sim_port(sim, 0)->reserved_counters[RESERVED_PAUSE].forwarded, 4);
    assert_int_equal(sim_port(sim, 0)->reserved_counters[RESERVED_PAUSE].dropped, 0);
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    for (uint16_t i = 0; i < 3; i++)
        sim_frame_tag(&frame, i ? VLAN_TPID_S : VLAN_TPID_C, (uint16_t)(4095 * i));
    sim_send(sim, 1, &frame);
    sim_expect(sim, 0, &frame);
    sim_free(sim);
}

/* It is no cable to what is no frame, or too long, or where the other end is not there. */
static void test_what_cannot_cross_a_wire(void **state)
{
    struct sim *sim = new_sim(BRIDGE_WIRE, 2, RESERVED_TRANSPARENT, 0);
    struct sim_frame frame;

    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    frame.len = 13;
    sim_send(sim, 0, &frame);
    assert_int_equal(sim_in_dropped(sim, 0, DROP_RUNT), 1);
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    assert_true(sim_inject_defect(sim, 0, &frame, DROP_TRUNCATED));
    assert_int_equal(sim_poll(sim, 0), 1);
    assert_int_equal(sim_in_dropped(sim, 0, DROP_TRUNCATED), 1);
    sim_set_mtu(sim, 1, 1400);
    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 1500);
    sim_send(sim, 0, &frame);
    assert_int_equal(sim_out_dropped(sim, 1, DROP_TOO_LONG), 1);
    sim_set_state(sim, 1, PORT_DOWN);
    sim_test_drop(sim, 0, SIM_HOST(1), SIM_HOST(2), DROP_NO_EGRESS);
    sim_test_drop(sim, 1, SIM_HOST(2), SIM_HOST(1), DROP_INGRESS_DOWN);
    sim_expect_nothing(sim);
    sim_free(sim);
}

static void test_a_change_of_mode_forgets(void **state)
{
    struct sim *sim = new_sim(BRIDGE_SWITCH, 2, RESERVED_CUSTOMER_BRIDGE, 0);
    struct bridge *bridge = sim_bridge(sim);

    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_test_drop(sim, 0, SIM_HOST(1), SIM_HOST(2), DROP_SAME_PORT);
    bridge_set_mode(bridge, BRIDGE_WIRE);
    expect_nothing_learned(sim);
    sim_test_flood(sim, 0, SIM_HOST(1), GROUP);
    sim_test_flood(sim, 0, RESERVED_MAC_BASE, SIM_HOST(1));
    bridge_set_mode(bridge, BRIDGE_HUB);
    sim_test_flood(sim, 0, SIM_HOST(1), SIM_HOST(1));
    sim_test_drop(sim, 0, RESERVED_MAC_BASE, SIM_HOST(1), DROP_RESERVED);
    bridge_set_mode(bridge, BRIDGE_SWITCH);
    sim_test_flood(sim, 0, SIM_HOST(1), SIM_HOST(2));
    sim_test_unicast(sim, 1, SIM_HOST(2), SIM_HOST(3), 0);
    sim_test_drop(sim, 0, SIM_HOST(1), GROUP, DROP_SOURCE_GROUP);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hub_floods_everything),
        cmocka_unit_test(test_a_hub_admits_what_a_switch_does),
        cmocka_unit_test(test_a_hub_keeps_vlans_apart),
        cmocka_unit_test(test_everything_crosses_a_wire),
        cmocka_unit_test(test_what_cannot_cross_a_wire),
        cmocka_unit_test(test_a_change_of_mode_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
