/* SPDX-License-Identifier: ISC */
#include "../support/sim_test.h"

/*
 * Reserved addresses through a whole bridge: what crosses, what is learned, and which counter
 * moves.
 */

#define PAUSE UINT64_C(0x0180c2000001)
#define LACP  UINT64_C(0x0180c2000002)
#define LLDP  UINT64_C(0x0180c200000e)
#define CDP   UINT64_C(0x01000ccccccc)
#define PVST  UINT64_C(0x01000ccccccd)

static void expect_counters(struct sim *sim, uint32_t port, enum reserved_protocol protocol,
                            uint64_t forwarded, uint64_t dropped, uint64_t consumed)
{
    const struct reserved_counters *counters = &sim_port(sim, port)->reserved_counters[protocol];

    assert_int_equal(counters->forwarded, forwarded);
    assert_int_equal(counters->dropped, dropped);
    assert_int_equal(counters->consumed, consumed);
}

static void set_bridge(struct sim *sim, enum reserved_preset preset,
                       enum reserved_protocol protocol, enum reserved_action action)
{
    struct reserved_settings settings = reserved_settings_of(preset);

    settings.actions[protocol] = action;
    bridge_set_reserved(sim_bridge(sim), &settings);
}

static void set_port(struct sim *sim, uint32_t port, enum reserved_preset preset,
                     enum reserved_protocol protocol, enum reserved_action action)
{
    struct reserved_settings settings = reserved_settings_of(preset);

    settings.actions[protocol] = action;
    bridge_set_port_reserved(sim_bridge(sim), sim_port(sim, port)->id, &settings);
}

/* It goes nowhere and no drop is counted. */
static void expect_consumed(struct sim *sim, uint32_t ingress, uint64_t dst, uint64_t src)
{
    const struct ledger_port *ledger = &sim_port(sim, ingress)->ledger;
    uint64_t consumed = ledger->consumed;
    struct sim_frame frame;

    sim_frame_make(&frame, dst, src, 60);
    sim_send(sim, ingress, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(ledger->consumed, consumed + 1);
    assert_int_equal(ledger_sum_dropped(ledger->in_dropped), 0);
}

static void test_did_my_lacp_cross(void **state)
{
    struct sim *sim = sim_test_new(3);

    sim_test_flood(sim, 0, LACP, SIM_HOST(1));
    sim_test_flood(sim, 0, LACP, SIM_HOST(1));
    sim_test_drop(sim, 0, PAUSE, SIM_HOST(1), DROP_MAC_CONTROL);
    expect_counters(sim, 0, RESERVED_LACP, 2, 0, 0);
    expect_counters(sim, 0, RESERVED_PAUSE, 0, 1, 0);
    expect_counters(sim, 0, RESERVED_LLDP, 0, 0, 0);
    expect_counters(sim, 1, RESERVED_LACP, 0, 0, 0);
    sim_free(sim);
}

/* Whatever the reason: it did not cross. */
static void test_forwarded_needs_a_port_to_leave_by(void **state)
{
    struct sim *sim = sim_test_new(2);
    uint64_t group = UINT64_C(0x030000000001);

    sim_set_state(sim, 1, PORT_DOWN);
    sim_test_drop(sim, 0, LACP, SIM_HOST(1), DROP_NO_EGRESS);
    sim_test_drop(sim, 0, LACP, group, DROP_SOURCE_GROUP);
    sim_test_drop(sim, 1, LACP, SIM_HOST(2), DROP_INGRESS_DOWN);
    expect_counters(sim, 0, RESERVED_LACP, 0, 2, 0);
    expect_counters(sim, 1, RESERVED_LACP, 0, 1, 0);
    sim_free(sim);
}

/* What no kernel took did not cross; what one of them took did, once. */
static void test_forwarded_means_that_a_copy_was_sent(void **state)
{
    struct sim *sim = sim_test_new(3);
    struct sim_frame frame;

    sim_frame_make(&frame, LACP, SIM_HOST(1), 200);
    sim_set_mtu(sim, 1, 100);
    sim_set_mtu(sim, 2, 100);
    sim_send(sim, 0, &frame);
    sim_expect_nothing(sim);
    expect_counters(sim, 0, RESERVED_LACP, 0, 1, 0);
    sim_set_mtu(sim, 1, 1500);
    sim_fail_tx(sim, 1, 1, DROP_TX_BUSY);
    sim_send(sim, 0, &frame);
    sim_expect_nothing(sim);
    expect_counters(sim, 0, RESERVED_LACP, 0, 2, 0);
    sim_send(sim, 0, &frame);
    sim_expect(sim, 1, &frame);
    sim_expect_nothing(sim);
    expect_counters(sim, 0, RESERVED_LACP, 1, 2, 0);
    /* Each frame of a batch for itself. */
    sim_fail_tx(sim, 1, 2, DROP_TX_QUEUE_FULL);
    for (uint32_t i = 0; i < 5; i++)
        assert_true(sim_inject(sim, 0, &frame));
    assert_int_equal(sim_poll(sim, 0), 5);
    sim_discard(sim);
    expect_counters(sim, 0, RESERVED_LACP, 4, 4, 0);
    sim_free(sim);
}

static void test_what_is_consumed_goes_no_further(void **state)
{
    struct sim *sim = sim_test_new(3);

    set_bridge(sim, RESERVED_TRANSPARENT, RESERVED_LLDP, RESERVED_CONSUME);
    expect_consumed(sim, 0, LLDP, SIM_HOST(1));
    expect_counters(sim, 0, RESERVED_LLDP, 0, 0, 1);
    /* Its source was not learned. */
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));
    sim_free(sim);
}

static void test_what_is_dropped_teaches_nothing(void **state)
{
    struct sim *sim = sim_test_new(3);

    set_bridge(sim, RESERVED_TRANSPARENT, RESERVED_CISCO, RESERVED_DROP);
    sim_test_drop(sim, 0, CDP, SIM_HOST(1), DROP_RESERVED);
    sim_test_drop(sim, 0, PVST, SIM_HOST(1), DROP_RESERVED);
    expect_counters(sim, 0, RESERVED_CISCO, 0, 2, 0);
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));
    /* Their neighbours are ordinary groups. */
    sim_test_flood(sim, 0, CDP - 1, SIM_HOST(1));
    sim_test_flood(sim, 0, PVST + 1, SIM_HOST(1));
    sim_free(sim);
}

static void test_a_port_has_its_own_policy(void **state)
{
    struct sim *sim = sim_test_new(3);

    set_port(sim, 0, RESERVED_N_PRESETS, RESERVED_LACP, RESERVED_DROP);
    set_port(sim, 1, RESERVED_CUSTOMER_BRIDGE, RESERVED_LLDP, RESERVED_FORWARD);
    sim_test_drop(sim, 0, LACP, SIM_HOST(1), DROP_RESERVED);
    sim_test_flood(sim, 0, LLDP, SIM_HOST(1));
    sim_test_drop(sim, 1, LACP, SIM_HOST(2), DROP_RESERVED);
    sim_test_flood(sim, 1, LLDP, SIM_HOST(2));
    /* The policy is about what arrives, not about what leaves. */
    sim_test_flood(sim, 2, LACP, SIM_HOST(3));
    sim_free(sim);
}

/* What is said by the bridge holds for ports that it gets later, and leaves alone what ports say.
 */
static void test_changes_take_effect_at_once(void **state)
{
    struct sim *sim = sim_test_new(3);
    uint32_t late;

    set_port(sim, 0, RESERVED_N_PRESETS, RESERVED_LACP, RESERVED_FORWARD);
    set_bridge(sim, RESERVED_CUSTOMER_BRIDGE, RESERVED_LLDP, RESERVED_CONSUME);
    sim_test_flood(sim, 0, LACP, SIM_HOST(1));
    sim_test_drop(sim, 1, LACP, SIM_HOST(2), DROP_RESERVED);
    expect_consumed(sim, 0, LLDP, SIM_HOST(1));
    late = sim_add_port(sim);
    sim_test_drop(sim, late, LACP, SIM_HOST(4), DROP_RESERVED);
    set_bridge(sim, RESERVED_ALL, RESERVED_LLDP, RESERVED_N_ACTIONS);
    sim_test_flood(sim, late, LLDP, SIM_HOST(4));
    sim_test_flood(sim, late, PAUSE, SIM_HOST(4));
    expect_counters(sim, late, RESERVED_LACP, 0, 1, 0);
    sim_free(sim);
}

/* A port that takes the place of another one starts with nothing of it. */
static void test_a_policy_goes_with_its_port(void **state)
{
    struct sim *sim = sim_test_new(3);
    uint32_t other;

    set_port(sim, 1, RESERVED_N_PRESETS, RESERVED_LACP, RESERVED_DROP);
    sim_test_drop(sim, 1, LACP, SIM_HOST(1), DROP_RESERVED);
    sim_del_port(sim, 1);
    other = sim_add_port(sim);
    sim_test_flood(sim, other, LACP, SIM_HOST(1));
    expect_counters(sim, other, RESERVED_LACP, 1, 0, 0);
    sim_free(sim);
}

/* Consumed or dropped before anybody asks for its VLAN; forwarded as any other frame. */
static void test_on_a_bridge_with_vlans(void **state)
{
    const struct sim_params params = {
        .n_ports = 2,
        .max_ports = 4,
        .max_entries = 64,
        .aging_ns = SIM_AGING,
        .reserved = RESERVED_TRANSPARENT,
        .ethertype = VLAN_TPID_C,
        .fail = sim_test_fail,
    };
    const struct vlan_settings trunk = {.mode = VLAN_MODE_TRUNK, .allowed = vidset_all()};
    struct sim *sim = sim_new(&params);
    struct sim_frame frame;

    sim_set_vlan(sim, 0, &trunk);
    sim_set_vlan(sim, 1, &trunk);
    sim_test_drop(sim, 0, LLDP, SIM_HOST(1), DROP_NO_PVID);
    expect_counters(sim, 0, RESERVED_LLDP, 0, 1, 0);
    sim_frame_make(&frame, LLDP, SIM_HOST(1), 60);
    sim_frame_tag(&frame, VLAN_TPID_C, 10);
    sim_send(sim, 0, &frame);
    sim_expect(sim, 1, &frame);
    sim_expect_nothing(sim);
    expect_counters(sim, 0, RESERVED_LLDP, 1, 1, 0);
    set_bridge(sim, RESERVED_TRANSPARENT, RESERVED_LLDP, RESERVED_CONSUME);
    sim_frame_make(&frame, LLDP, SIM_HOST(1), 60);
    sim_send(sim, 0, &frame);
    sim_frame_tag(&frame, VLAN_TPID_C, 4095);
    sim_send(sim, 0, &frame);
    sim_expect_nothing(sim);
    expect_counters(sim, 0, RESERVED_LLDP, 1, 1, 2);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_did_my_lacp_cross),
        cmocka_unit_test(test_forwarded_needs_a_port_to_leave_by),
        cmocka_unit_test(test_forwarded_means_that_a_copy_was_sent),
        cmocka_unit_test(test_what_is_consumed_goes_no_further),
        cmocka_unit_test(test_what_is_dropped_teaches_nothing),
        cmocka_unit_test(test_a_port_has_its_own_policy),
        cmocka_unit_test(test_changes_take_effect_at_once),
        cmocka_unit_test(test_a_policy_goes_with_its_port),
        cmocka_unit_test(test_on_a_bridge_with_vlans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
