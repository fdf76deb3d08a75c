/* SPDX-License-Identifier: ISC */
#include "../support/sim_test.h"

/* Who is learned where, moves, ages and is flooded: a bridge of five ports. */

static void test_first_flood_then_unicast(void **state)
{
    struct sim *sim = sim_test_new(5);

    sim_test_flood(sim, 0, SIM_HOST(2), SIM_HOST(1));
    sim_test_unicast(sim, 3, SIM_HOST(1), SIM_HOST(2), 0);
    sim_test_unicast(sim, 0, SIM_HOST(2), SIM_HOST(1), 3);
    sim_test_unicast(sim, 4, SIM_HOST(2), SIM_HOST(3), 3);
    sim_free(sim);
}

static void test_groups_are_flooded_for_ever(void **state)
{
    struct sim *sim = sim_test_new(5);

    for (int i = 0; i < 3; i++) {
        sim_test_flood(sim, 1, MAC_BROADCAST, SIM_HOST(1));
        sim_test_flood(sim, 2, UINT64_C(0x3333ff000001), SIM_HOST(2));
        sim_test_flood(sim, 3, UINT64_C(0x0180c2000010), SIM_HOST(3));
        sim_test_flood(sim, 3, UINT64_C(0x0180c2000021), SIM_HOST(3));
    }
    sim_free(sim);
}

static void test_host_moves(void **state)
{
    struct sim *sim = sim_test_new(5);

    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_test_unicast(sim, 4, SIM_HOST(1), SIM_HOST(2), 0);
    sim_test_flood(sim, 3, MAC_BROADCAST, SIM_HOST(1));
    sim_test_unicast(sim, 4, SIM_HOST(1), SIM_HOST(2), 3);
    /* To where it is now, from where it was. */
    sim_test_unicast(sim, 0, SIM_HOST(1), SIM_HOST(3), 3);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(sim))).moved, 1);
    sim_free(sim);
}

static void test_same_port(void **state)
{
    struct sim *sim = sim_test_new(5);

    sim_test_flood(sim, 2, MAC_BROADCAST, SIM_HOST(1));
    sim_test_drop(sim, 2, SIM_HOST(1), SIM_HOST(2), DROP_SAME_PORT);
    sim_test_drop(sim, 2, SIM_HOST(3), SIM_HOST(3), DROP_SAME_PORT);
    /* Its address was learned all the same. */
    sim_test_unicast(sim, 0, SIM_HOST(2), SIM_HOST(4), 2);
    sim_test_unicast(sim, 0, SIM_HOST(3), SIM_HOST(4), 2);
    sim_free(sim);
}

static void test_addresses_that_are_no_source(void **state)
{
    struct sim *sim = sim_test_new(3);

    sim_test_drop(sim, 0, MAC_BROADCAST, 0, DROP_SOURCE_ZERO);
    sim_test_drop(sim, 0, SIM_HOST(1), MAC_BROADCAST, DROP_SOURCE_GROUP);
    sim_test_drop(sim, 0, SIM_HOST(1), UINT64_C(0x01005e000001), DROP_SOURCE_GROUP);
    assert_int_equal(fdb_used(bridge_fdb(sim_bridge(sim))), 0);
    /* A destination of zero is an unknown host like any other. */
    sim_test_flood(sim, 0, 0, SIM_HOST(1));
    sim_free(sim);
}

static void test_aging_to_the_nanosecond(void **state)
{
    struct sim *sim = sim_test_new(4);

    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_pass_time(sim, SIM_AGING - 1);
    sim_test_unicast(sim, 1, SIM_HOST(1), SIM_HOST(2), 0);
    sim_pass_time(sim, 1);
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));
    sim_free(sim);
}

static void test_only_sources_refresh(void **state)
{
    struct sim *sim = sim_test_new(4);

    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    for (int i = 0; i < 9; i++) { /* talked to, and silent */
        sim_pass_time(sim, SIM_AGING / 10);
        sim_test_unicast(sim, 1, SIM_HOST(1), SIM_HOST(2), 0);
    }
    sim_pass_time(sim, SIM_AGING / 10);
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));

    sim_test_unicast(sim, 0, SIM_HOST(2), SIM_HOST(1), 1);
    for (int i = 0; i < 20; i++) { /* it speaks */
        sim_pass_time(sim, SIM_AGING - 1);
        sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    }
    sim_pass_time(sim, SIM_AGING - 1);
    sim_test_unicast(sim, 1, SIM_HOST(1), SIM_HOST(2), 0);
    sim_free(sim);
}

static void test_sweep_reclaims_what_expired_and_nothing_else(void **state)
{
    struct sim *sim = sim_test_new(4);
    struct fdb *fdb = bridge_fdb(sim_bridge(sim));

    assert_int_equal(sim_age(sim), 0);
    sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_pass_time(sim, 1);
    sim_test_flood(sim, 1, MAC_BROADCAST, SIM_HOST(2));
    sim_pass_time(sim, SIM_AGING - 1);
    assert_in_range(sim_age(sim), sim_now(sim) + 1, sim_now(sim) + SIM_AGING);
    assert_int_equal(fdb_used(fdb), 1);
    sim_test_unicast(sim, 3, SIM_HOST(2), SIM_HOST(3), 1);
    sim_test_flood(sim, 3, SIM_HOST(1), SIM_HOST(3));
    sim_pass_time(sim, SIM_AGING);
    assert_int_equal(sim_age(sim), 0);
    assert_int_equal(fdb_used(fdb), 0);
    sim_free(sim);
}

/* Every preset, every address, by the tables of 802.1Q: bit n of the mask forwards address n. */
static void test_reserved_addresses(void **state)
{
    static const uint16_t masks[RESERVED_N_PRESETS] = {
        [RESERVED_TRANSPARENT] = 0xfffd,
        [RESERVED_ALL] = 0xffff,
        [RESERVED_CUSTOMER_BRIDGE] = 0x0000,
        [RESERVED_PROVIDER_BRIDGE] = 0xb801,
    };

    for (int preset = 0; preset < RESERVED_N_PRESETS; preset++) {
        const struct sim_params params = {
            .n_ports = 3,
            .max_ports = 3,
            .max_entries = 16,
            .aging_ns = SIM_AGING,
            .reserved = (enum reserved_preset)preset,
            .fail = sim_test_fail,
        };
        struct sim *sim = sim_new(&params);

        for (uint64_t n = 0; n < 16; n++) {
            if (masks[preset] >> n & 1)
                sim_test_flood(sim, 1, UINT64_C(0x0180c2000000) + n, SIM_HOST(1));
            else
                sim_test_drop(sim, 1, UINT64_C(0x0180c2000000) + n, SIM_HOST(2),
                              n == 1 ? DROP_MAC_CONTROL : DROP_RESERVED);
        }
        /* What was dropped taught nothing. */
        sim_test_flood(sim, 0, SIM_HOST(2), SIM_HOST(3));
        sim_free(sim);
    }
}

static void test_64_ports_flood(void **state)
{
    struct sim *sim = sim_test_new(64);

    for (uint32_t ingress = 0; ingress < 64; ingress++)
        sim_test_flood(sim, ingress, MAC_BROADCAST, SIM_HOST(ingress));
    for (uint32_t i = 0; i < 64; i++) {
        const struct ledger_port *ledger = &sim_port(sim, i)->ledger;

        assert_int_equal(ledger->received.frames, 1);
        assert_int_equal(ledger->flooded, 1);
        assert_int_equal(ledger->fanout, 63);
        assert_int_equal(ledger->decided, 63);
        assert_int_equal(ledger->accepted.frames, 63);
        assert_int_equal(ledger->accepted.segments, 63);
        assert_int_equal(ledger->accepted.bytes, 63 * 60);
    }
    for (uint32_t ingress = 0; ingress < 64; ingress++)
        sim_test_unicast(sim, ingress, SIM_HOST((ingress + 31) % 64), SIM_HOST(ingress),
                         (ingress + 31) % 64);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_flood_then_unicast),
        cmocka_unit_test(test_groups_are_flooded_for_ever),
        cmocka_unit_test(test_host_moves),
        cmocka_unit_test(test_same_port),
        cmocka_unit_test(test_addresses_that_are_no_source),
        cmocka_unit_test(test_aging_to_the_nanosecond),
        cmocka_unit_test(test_only_sources_refresh),
        cmocka_unit_test(test_sweep_reclaims_what_expired_and_nothing_else),
        cmocka_unit_test(test_reserved_addresses),
        cmocka_unit_test(test_64_ports_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
