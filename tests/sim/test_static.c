/* SPDX-License-Identifier: ISC */
#include "../support/sim_test.h"

/* Static and sticky entries on a bridge of four ports. */

static void add(struct sim *sim, uint32_t port, uint64_t mac, bool is_static, bool is_sticky)
{
    const struct fdb_entry entry = {
        .mac = mac,
        .port = sim_port(sim, port)->id,
        .seen = sim_now(sim),
        .is_static = is_static,
        .is_sticky = is_sticky,
    };

    assert_int_equal(fdb_add(bridge_fdb(sim_bridge(sim)), &entry), 0);
}

static void test_static_needs_not_be_heard(void **state)
{
    struct sim *sim = sim_test_new(4);

    add(sim, 3, SIM_HOST(1), true, false);
    sim_test_unicast(sim, 0, SIM_HOST(1), SIM_HOST(2), 3);
    sim_pass_time(sim, 1000 * SIM_AGING);
    sim_age(sim);
    sim_test_unicast(sim, 0, SIM_HOST(1), SIM_HOST(2), 3);
    sim_free(sim);
}

static void test_static_on_a_down_port_drops(void **state)
{
    struct sim *sim = sim_test_new(4);

    add(sim, 3, SIM_HOST(1), true, false);
    sim_set_state(sim, 3, PORT_DOWN);
    sim_test_drop(sim, 0, SIM_HOST(1), SIM_HOST(2), DROP_STATIC_DOWN);
    sim_set_state(sim, 3, PORT_WAITING);
    sim_test_drop(sim, 0, SIM_HOST(1), SIM_HOST(2), DROP_STATIC_DOWN);
    sim_set_state(sim, 3, PORT_LEARNING);
    sim_test_drop(sim, 0, SIM_HOST(1), SIM_HOST(2), DROP_STATIC_DOWN);
    sim_set_state(sim, 3, PORT_FORWARDING);
    sim_test_unicast(sim, 0, SIM_HOST(1), SIM_HOST(2), 3);
    /* A learned one floods once its port was down. */
    sim_test_flood(sim, 3, MAC_BROADCAST, SIM_HOST(3));
    sim_set_state(sim, 3, PORT_DOWN);
    sim_test_flood(sim, 0, SIM_HOST(3), SIM_HOST(2));
    sim_free(sim);
}

static void test_static_does_not_move(void **state)
{
    struct sim *sim = sim_test_new(4);

    add(sim, 3, SIM_HOST(1), true, false);
    /* The frame itself is forwarded. */
    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_test_unicast(sim, 2, SIM_HOST(1), SIM_HOST(2), 3);
    sim_test_unicast(sim, 0, SIM_HOST(2), SIM_HOST(1), 2);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).refused_moves, 2);
    sim_free(sim);
}

static void test_sticky_does_not_move_until_it_has_aged(void **state)
{
    struct sim *sim = sim_test_new(4);

    add(sim, 3, SIM_HOST(1), false, true);
    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_test_unicast(sim, 2, SIM_HOST(1), SIM_HOST(2), 3);
    sim_pass_time(sim, SIM_AGING);
    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_test_unicast(sim, 2, SIM_HOST(1), SIM_HOST(2), 0);
    sim_free(sim);
}

static void test_static_goes_with_its_port(void **state)
{
    struct sim *sim = sim_test_new(4);
    uint32_t other;

    add(sim, 3, SIM_HOST(1), true, false);
    sim_del_port(sim, 3);
    other = sim_add_port(sim);
    assert_int_equal(fdb_used(bridge_fdb(sim_bridge(sim))), 0);
    sim_test_flood(sim, 0, SIM_HOST(1), SIM_HOST(2));
    sim_test_flood(sim, other, MAC_BROADCAST, SIM_HOST(1));
    sim_test_unicast(sim, 0, SIM_HOST(1), SIM_HOST(2), other);
    sim_free(sim);
}

static void test_invented_addresses_displace_no_static_one(void **state)
{
    struct sim *sim = sim_test_new(4);

    for (uint64_t i = 0; i < 1000; i++)
        add(sim, 3, SIM_HOST(i), true, false);
    for (uint64_t i = 0; i < 3000; i++)
        sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(100000 + i));
    for (uint64_t i = 0; i < 1000; i++)
        sim_test_unicast(sim, 1, SIM_HOST(i), SIM_HOST(1000000), 3);
    assert_int_equal(fdb_count(bridge_fdb(sim_bridge(sim)), sim_now(sim)), 1024);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_needs_not_be_heard),
        cmocka_unit_test(test_static_on_a_down_port_drops),
        cmocka_unit_test(test_static_does_not_move),
        cmocka_unit_test(test_sticky_does_not_move_until_it_has_aged),
        cmocka_unit_test(test_static_goes_with_its_port),
        cmocka_unit_test(test_invented_addresses_displace_no_static_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
