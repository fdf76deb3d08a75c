/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../support/random.h"
#include "../support/sim_test.h"
#include "ringspan/latency.h"

/* Which frames of a bridge are timed, and from when until when: their arrivals are set by the test,
 * and each look at the clock takes a microsecond. */

#define NOON (12 * 3600 * NS_PER_SEC)
#define LOOK 1000

static uint64_t clock_at;
static uint32_t n_looks;

static uint64_t wall(void)
{
    n_looks++;
    clock_at += LOOK;
    return clock_at;
}

static struct sim *timed(uint32_t n_ports, uint32_t every)
{
    struct sim *sim = sim_test_new(n_ports);
    struct latency *latency;

    assert_int_equal(latency_new(every, n_ports + 8, wall, &latency), 0);
    bridge_set_latency(sim_bridge(sim), latency);
    clock_at = NOON;
    n_looks = 0;
    return sim;
}

static const struct latency_histogram *histogram_of(struct sim *sim)
{
    return latency_histogram(bridge_latency(sim_bridge(sim)));
}

/* What is counted, in buckets as in sums. */
static void expect_counts(struct sim *sim, uint64_t count, uint64_t skewed)
{
    const struct latency_histogram *histogram = histogram_of(sim);

    assert_int_equal(histogram->count, count);
    assert_int_equal(histogram->skewed, skewed);
    assert_int_equal(latency_count_up_to(histogram, LATENCY_MAX_BITS), count);
}

static void inject(struct sim *sim, uint32_t port, uint64_t dst, uint64_t src, uint64_t arrival)
{
    struct sim_frame frame;

    memory_port_set_time(sim_port(sim, port), arrival);
    sim_frame_make(&frame, dst, src, 60);
    assert_true(sim_inject(sim, port, &frame));
}

static void send(struct sim *sim, uint32_t port, uint64_t dst, uint64_t src, uint64_t arrival)
{
    inject(sim, port, dst, src, arrival);
    assert_int_equal(sim_poll(sim, port), 1);
    sim_discard(sim);
}

/* Hosts 0, 1, 2, … are behind the ports of these numbers. */
static void teach(struct sim *sim, uint32_t n_ports)
{
    for (uint32_t i = 0; i < n_ports; i++)
        sim_test_flood(sim, i, MAC_BROADCAST, SIM_HOST(i));
}

static void test_unicast(void **state)
{
    struct sim *sim = timed(3, 1);

    send(sim, 0, SIM_HOST(9), SIM_HOST(0), NOON - 4000); /* flooded */
    expect_counts(sim, 1, 0);
    clock_at = NOON + NS_PER_SEC;
    send(sim, 1, SIM_HOST(0), SIM_HOST(1), NOON);
    expect_counts(sim, 2, 0);
    assert_int_equal(histogram_of(sim)->max, NS_PER_SEC + LOOK);
    assert_int_equal(histogram_of(sim)->sum, 4000 + LOOK + NS_PER_SEC + LOOK);
    sim_free(sim);
}

/* A flooded frame has left when its last copy has; others of the turn, with their own. */
static void test_last_flush(void **state)
{
    struct sim *sim = timed(4, 1);

    teach(sim, 4);
    expect_counts(sim, 0, 4); /* their arrival is not known */
    clock_at = NOON;
    n_looks = 0;
    inject(sim, 0, SIM_HOST(2), SIM_HOST(0), NOON);
    inject(sim, 0, SIM_HOST(1), SIM_HOST(0), NOON);
    inject(sim, 0, SIM_HOST(2), SIM_HOST(0), NOON);
    assert_int_equal(sim_poll(sim, 0), 3);
    sim_discard(sim);
    assert_int_equal(n_looks, 2);
    assert_int_equal(histogram_of(sim)->sum, 1000 + 2000 + 1000);
    clock_at = NOON;
    inject(sim, 0, SIM_HOST(3), SIM_HOST(0), NOON);
    inject(sim, 0, MAC_BROADCAST, SIM_HOST(0), NOON);
    assert_int_equal(sim_poll(sim, 0), 2);
    sim_discard(sim);
    assert_int_equal(histogram_of(sim)->sum, 4000 + 1000 + 2000); /* ports 3, 1, 2: two looks */
    expect_counts(sim, 5, 4);
    sim_free(sim);
}

/* What did not leave is not counted, and nobody looks at a clock for what was not sent. */
static void test_drops(void **state)
{
    struct sim *sim = timed(3, 1);

    teach(sim, 3);
    n_looks = 0;
    clock_at = NOON;
    send(sim, 0, SIM_HOST(0), SIM_HOST(0), NOON); /* where it came from */
    assert_int_equal(n_looks, 0);
    sim_fail_tx(sim, 1, 1, DROP_TX_QUEUE_FULL);
    send(sim, 0, SIM_HOST(1), SIM_HOST(0), NOON);
    expect_counts(sim, 0, 3);
    sim_fail_tx(sim, 1, 1, DROP_TX_QUEUE_FULL);
    send(sim, 0, MAC_BROADCAST, SIM_HOST(0), NOON); /* the other copy leaves */
    expect_counts(sim, 1, 3);
    sim_free(sim);
}

/* The time of day is set back, and forth. */
static void test_clock_steps(void **state)
{
    struct sim *sim = timed(2, 1);

    send(sim, 0, SIM_HOST(1), SIM_HOST(0), NOON + NS_PER_SEC);
    expect_counts(sim, 0, 1);
    clock_at = NOON + 3600 * NS_PER_SEC;
    send(sim, 0, SIM_HOST(1), SIM_HOST(0), NOON);
    expect_counts(sim, 0, 2);
    send(sim, 0, SIM_HOST(1), SIM_HOST(0), clock_at);
    expect_counts(sim, 1, 2);
    assert_int_equal(histogram_of(sim)->max, LOOK);
    sim_free(sim);
}

/* Tallies that somebody else gave the frame say the same. */
static void test_with_others(void **state)
{
    const struct vlan_settings access = {.mode = VLAN_MODE_ACCESS, .pvid = 10};
    struct sim_params params = {
        .n_ports = 3,
        .max_ports = 8,
        .max_entries = 64,
        .aging_ns = SIM_AGING,
        .ethertype = VLAN_TPID_C,
        .fail = sim_test_fail,
    };

    for (int is_captured = 0; is_captured < 2; is_captured++) {
        struct latency *latency;
        struct sim *sim;

        params.is_captured = is_captured;
        sim = sim_new(&params);
        assert_int_equal(latency_new(1, 8, wall, &latency), 0);
        bridge_set_latency(sim_bridge(sim), latency);
        clock_at = NOON;
        for (uint32_t i = 0; i < 3; i++)
            sim_set_vlan(sim, i, &access);
        for (uint32_t i = 0; i < LIMIT_RX_BATCH; i++)
            inject(sim, 0, i % 2 ? MAC_BROADCAST : SIM_HOST(100 + i), SIM_HOST(i), NOON);
        assert_int_equal(sim_poll(sim, 0), LIMIT_RX_BATCH);
        sim_discard(sim);
        expect_counts(sim, LIMIT_RX_BATCH, 0);
        sim_fail_tx(sim, 1, 1, DROP_TX_QUEUE_FULL);
        send(sim, 2, SIM_HOST(77), SIM_HOST(88), NOON);
        expect_counts(sim, LIMIT_RX_BATCH + 1, 0);
        sim_free(sim);
    }
}

/* Whoever looks on may need a flush in the middle of a frame: behind its copies, and before those
 * of a mirror. */
static void test_with_mirrors(void **state)
{
    const struct mirror_settings settings = {
        .name = "m", .output_port = "p5", .direction = MIRROR_BOTH, .vlans = vidset_all()};
    const struct sim_params params = {
        .n_ports = 6,
        .max_ports = 6,
        .max_entries = 64,
        .aging_ns = SIM_AGING,
        .reserved = RESERVED_TRANSPARENT,
        .is_captured = true,
        .fail = sim_test_fail,
    };
    struct sim *sim = sim_new(&params);
    struct latency *latency;
    uint64_t random = 9;
    uint64_t expected = 0;

    sim_set_mirrors(sim, &settings, 1);
    assert_int_equal(latency_new(1, 6, wall, &latency), 0);
    bridge_set_latency(sim_bridge(sim), latency);
    clock_at = NOON;
    for (uint32_t round = 0; round < 100; round++) {
        const struct ledger_port *ledger = &sim_port(sim, round % 5)->ledger;
        uint64_t before = ledger->unicast + ledger->flooded;

        for (uint32_t i = 0; i < LIMIT_RX_BATCH; i++)
            inject(sim, round % 5, SIM_HOST(random_below(&random, 9)), SIM_HOST(round % 5), NOON);
        assert_int_equal(sim_poll(sim, round % 5), LIMIT_RX_BATCH);
        sim_discard(sim);
        expected += ledger->unicast + ledger->flooded - before;
        expect_counts(sim, expected, 0);
    }
    assert_true(expected > 3000);
    sim_free(sim);
}

/* Every frame of random bursts of which a copy left, and no other. */
static void test_sums(void **state)
{
    struct sim *sim = timed(6, 1);
    uint64_t random = 5;
    uint64_t expected = 0;

    for (uint32_t round = 0; round < 300; round++) {
        uint32_t ingress = random_below(&random, 6);
        uint32_t n = 1 + random_below(&random, LIMIT_RX_BATCH);
        const struct ledger_port *ledger = &sim_port(sim, ingress)->ledger;
        uint64_t before = ledger->unicast + ledger->flooded;

        for (uint32_t i = 0; i < n; i++)
            inject(sim, ingress, SIM_HOST(random_below(&random, 40)),
                   SIM_HOST(random_below(&random, 40)), clock_at - random_below(&random, 100000));
        assert_int_equal(sim_poll(sim, ingress), n);
        sim_discard(sim);
        expected += ledger->unicast + ledger->flooded - before;
        expect_counts(sim, expected, 0);
    }
    assert_true(expected > 2000);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unicast),     cmocka_unit_test(test_last_flush),
        cmocka_unit_test(test_drops),       cmocka_unit_test(test_clock_steps),
        cmocka_unit_test(test_with_others), cmocka_unit_test(test_with_mirrors),
        cmocka_unit_test(test_sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
