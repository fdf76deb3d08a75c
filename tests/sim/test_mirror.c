/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "../support/sim_test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ingress_of_one_port),
        cmocka_unit_test(test_egress_of_one_port),
    };

    return cmocka_run_group_tests_name("sim mirror", tests, NULL, NULL);
}
