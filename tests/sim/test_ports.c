/* SPDX-License-Identifier: ISC */
#include "../support/sim_test.h"

/* Ports that come, go, and change their state. */

static const enum port_state not_taking_part[] = {
    PORT_WAITING, PORT_DOWN, PORT_BLOCKING, PORT_DISABLED, PORT_ERROR,
};

static void test_down_forgets_and_up_begins_anew(void **state)
{
    for (size_t i = 0; i < LENGTH(not_taking_part); i++) {
        struct sim *sim = sim_test_new(4);

        sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
        sim_test_flood(sim, 1, MAC_BROADCAST, SIM_HOST(2));
        sim_set_state(sim, 0, not_taking_part[i]);
        sim_test_flood(sim, 2, SIM_HOST(1), SIM_HOST(3)); /* unknown, and not to port 0 */
        sim_test_unicast(sim, 2, SIM_HOST(2), SIM_HOST(3), 1);
        sim_set_state(sim, 0, PORT_FORWARDING);
        sim_test_flood(sim, 2, SIM_HOST(1), SIM_HOST(3)); /* unknown still */
        sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
        sim_test_unicast(sim, 2, SIM_HOST(1), SIM_HOST(3), 0);
        sim_free(sim);
    }
}

/* What arrives while a port is down is counted, and neither teaches nor leaves, then or later. */
static void test_down_port_passes_nothing(void **state)
{
    struct sim *sim = sim_test_new(3);

    for (size_t i = 0; i < LENGTH(not_taking_part); i++) {
        sim_set_state(sim, 0, not_taking_part[i]);
        sim_test_drop(sim, 0, MAC_BROADCAST, SIM_HOST(1), DROP_INGRESS_DOWN);
        sim_set_state(sim, 0, PORT_FORWARDING);
        sim_expect_nothing(sim);
        sim_test_flood(sim, 2, SIM_HOST(1), SIM_HOST(3));
    }
    sim_free(sim);
}

static void test_no_stale_frame_after_up(void **state)
{
    struct sim *sim = sim_test_new(3);
    struct sim_frame frame;

    sim_set_state(sim, 1, PORT_DOWN);
    for (int i = 0; i < 10; i++)
        sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_set_state(sim, 1, PORT_FORWARDING);
    sim_expect_nothing(sim);
    assert_int_equal(sim_port(sim, 1)->ledger.decided, 0);

    /* Nor does what a port that went down had received get through later. */
    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 60);
    assert_true(sim_inject(sim, 0, &frame));
    sim_set_state(sim, 0, PORT_DOWN);
    assert_int_equal(sim_poll(sim, 0), 1);
    sim_set_state(sim, 0, PORT_FORWARDING);
    assert_int_equal(sim_poll(sim, 0), 0);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, 0, DROP_INGRESS_DOWN), 1);
    sim_free(sim);
}

static void test_learning_port(void **state)
{
    struct sim *sim = sim_test_new(3);

    sim_set_state(sim, 0, PORT_LEARNING);
    sim_test_drop(sim, 0, MAC_BROADCAST, SIM_HOST(1), DROP_INGRESS_DOWN);
    sim_test_drop(sim, 2, SIM_HOST(1), SIM_HOST(3), DROP_NO_EGRESS);
    sim_test_flood(sim, 2, MAC_BROADCAST, SIM_HOST(3)); /* to port 1 alone */
    sim_set_state(sim, 0, PORT_FORWARDING);
    sim_test_unicast(sim, 2, SIM_HOST(1), SIM_HOST(3), 0);
    sim_set_state(sim, 0, PORT_LEARNING); /* keeps what it knows */
    sim_set_state(sim, 0, PORT_FORWARDING);
    sim_test_unicast(sim, 2, SIM_HOST(1), SIM_HOST(3), 0);
    sim_set_state(sim, 0, PORT_LEARNING);
    sim_set_state(sim, 0, PORT_DOWN);
    sim_set_state(sim, 0, PORT_FORWARDING);
    sim_test_flood(sim, 2, SIM_HOST(1), SIM_HOST(3));
    sim_free(sim);
}

static void test_alone(void **state)
{
    struct sim *sim = sim_test_new(2);

    sim_set_state(sim, 1, PORT_DOWN);
    sim_test_drop(sim, 0, MAC_BROADCAST, SIM_HOST(1), DROP_NO_EGRESS);
    sim_test_drop(sim, 0, SIM_HOST(2), SIM_HOST(1), DROP_NO_EGRESS);
    sim_free(sim);
}

/* The sum across holds after a port is gone, whichever side of it was bigger: the sim checks. */
static void test_sums_survive_a_port(void **state)
{
    struct sim *sim = sim_test_new(4);
    uint32_t again;

    for (int i = 0; i < 5; i++)
        sim_test_flood(sim, 0, MAC_BROADCAST, SIM_HOST(1));
    sim_test_flood(sim, 1, MAC_BROADCAST, SIM_HOST(2));
    sim_del_port(sim, 0); /* made 15 copies, was given 1 */
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));
    sim_del_port(sim, 2); /* made none, was given 7 */
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));

    again = sim_add_port(sim); /* takes an id that was used before */
    assert_int_equal(sim_port(sim, again)->id, 0);
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));
    sim_test_flood(sim, again, MAC_BROADCAST, SIM_HOST(9));
    sim_test_unicast(sim, 3, SIM_HOST(9), SIM_HOST(4), again);
    sim_free(sim);
}

static void test_what_a_deleted_port_had_not_been_asked_for_is_nobodys(void **state)
{
    struct sim *sim = sim_test_new(3);
    struct sim_frame frame;

    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 60);
    for (int i = 0; i < 70; i++)
        assert_true(sim_inject(sim, 0, &frame));
    assert_int_equal(sim_poll(sim, 0), 64);
    sim_discard(sim);
    sim_del_port(sim, 0);
    sim_expect_nothing(sim);
    sim_test_flood(sim, 1, SIM_HOST(1), SIM_HOST(2));
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down_forgets_and_up_begins_anew),
        cmocka_unit_test(test_down_port_passes_nothing),
        cmocka_unit_test(test_no_stale_frame_after_up),
        cmocka_unit_test(test_learning_port),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_sums_survive_a_port),
        cmocka_unit_test(test_what_a_deleted_port_had_not_been_asked_for_is_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
