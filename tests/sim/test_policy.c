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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_that_does_not_learn), cmocka_unit_test(test_flood_switches),
        cmocka_unit_test(test_a_flood_that_no_port_takes), cmocka_unit_test(test_hairpin),
        cmocka_unit_test(test_isolation_groups),           cmocka_unit_test(test_isolation_wins),
        cmocka_unit_test(test_a_new_port_has_no_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
