/* SPDX-License-Identifier: ISC */
#include "../support/sim_test.h"

/* A full table: the host that invents addresses pays for it, and nobody else. */

#define N_HOSTS       40
#define N_NOISE       100000
#define NOISY         0
#define N_PORTS       9
#define CAPACITY      256
#define PORT_OF(host) (1 + (host) % (N_PORTS - 1))

static void test_noise_evicts_itself(void **state)
{
    const struct sim_params params = {
        .n_ports = N_PORTS,
        .max_ports = N_PORTS,
        .max_entries = CAPACITY,
        .aging_ns = SIM_AGING,
        .fail = sim_test_fail,
    };
    struct sim *sim = sim_new(&params);
    struct sim_frame frame;

    for (uint32_t host = 0; host < N_HOSTS; host++)
        sim_test_flood(sim, PORT_OF(host), MAC_BROADCAST, SIM_HOST(host));
    sim_test_flood(sim, NOISY, MAC_BROADCAST, SIM_HOST(999999));

    for (uint32_t noise = 0; noise < N_NOISE;) {
        uint32_t host = noise / 64 % N_HOSTS;
        uint32_t peer = (host + 17) % N_HOSTS;

        for (uint32_t i = 0; i < 64; i++, noise++) {
            sim_frame_make(&frame, SIM_HOST(host), SIM_HOST(1000000 + noise), 60);
            assert_true(sim_inject(sim, NOISY, &frame));
        }
        assert_int_equal(sim_poll(sim, NOISY), 64);
        assert_int_equal(sim_n_waiting(sim, PORT_OF(host)), 64);
        sim_discard(sim);
        /* Hosts that say nothing else keep their entries all the same. */
        sim_test_unicast(sim, PORT_OF(peer), SIM_HOST(host), SIM_HOST(peer), PORT_OF(host));
        sim_pass_time(sim, 1000);
    }
    /* The noise went to known hosts and none of it was flooded; nor was any answer. */
    assert_int_equal(sim_port(sim, NOISY)->ledger.flooded, 1);
    for (uint32_t port = 1; port < N_PORTS; port++)
        assert_int_equal(sim_port(sim, port)->ledger.flooded, N_HOSTS / (N_PORTS - 1));
    for (uint32_t host = 0; host < N_HOSTS; host++)
        assert_int_equal(fdb_lookup(bridge_fdb(sim_bridge(sim)), 0, SIM_HOST(host), sim_now(sim)),
                         sim_port(sim, PORT_OF(host))->id);
    assert_int_equal(fdb_used(bridge_fdb(sim_bridge(sim))), CAPACITY);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_evicts_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
