/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../support/random.h"
#include "../support/sim_test.h"

/* A burst is decided exactly as frame by frame: two bridges get the same frames, one of them in
 * bursts, and do the same. */

#define N_PORTS  6
#define N_ROUNDS 400

struct twins {
    struct sim *burst;
    struct sim *single;
    uint64_t random;
};

static struct sim *sim_small_table(void)
{
    const struct sim_params params = {
        .n_ports = N_PORTS,
        .max_ports = N_PORTS,
        .max_entries = 16, /* addresses displace one another within a burst */
        .aging_ns = SIM_AGING,
        .fail = sim_test_fail,
    };

    return sim_new(&params);
}

static void compare_sent(const struct twins *t, uint32_t port)
{
    const struct port *a = sim_port(t->burst, port);
    const struct port *b = sim_port(t->single, port);

    assert_int_equal(memory_port_n_sent(a), memory_port_n_sent(b));
    for (size_t i = 0; i < memory_port_n_sent(a); i++) {
        const struct memory_frame *x = memory_port_sent(a, i);
        const struct memory_frame *y = memory_port_sent(b, i);

        assert_int_equal(x->len, y->len);
        assert_memory_equal(x->bytes, y->bytes, x->len);
        assert_memory_equal(&x->vnet, &y->vnet, sizeof(x->vnet));
    }
    assert_memory_equal(&a->ledger, &b->ledger, sizeof(a->ledger));
}

static void compare_tables(const struct twins *t)
{
    struct fdb *a = bridge_fdb(sim_bridge(t->burst));
    struct fdb *b = bridge_fdb(sim_bridge(t->single));
    struct fdb_counters counters_a = fdb_counters(a);
    struct fdb_counters counters_b = fdb_counters(b);
    struct fdb_entry x;
    struct fdb_entry y;
    uint32_t cursor_a = 0;
    uint32_t cursor_b = 0;

    assert_memory_equal(&counters_a, &counters_b, sizeof(counters_a));
    while (fdb_next(a, sim_now(t->burst), &cursor_a, &x)) {
        assert_true(fdb_next(b, sim_now(t->single), &cursor_b, &y));
        assert_int_equal(x.mac, y.mac);
        assert_int_equal(x.port, y.port);
        assert_int_equal(x.seen, y.seen);
    }
    assert_false(fdb_next(b, sim_now(t->single), &cursor_b, &y));
}

/* Hosts that talk to each other from any port: most bursts hold answers to their own questions. */
static void make(struct twins *t, struct sim_frame *ret)
{
    uint64_t dst = SIM_HOST(random_below(&t->random, 24));
    uint64_t src = SIM_HOST(random_below(&t->random, 24));

    if (random_below(&t->random, 16) == 0)
        dst = MAC_BROADCAST;
    if (random_below(&t->random, 8) == 0)
        sim_frame_make_tcp(ret, dst, src, 9000, (uint16_t)(1400 + random_below(&t->random, 100)));
    else
        sim_frame_make(ret, dst, src, 14 + random_below(&t->random, 1600));
    if (random_below(&t->random, 4) == 0)
        sim_frame_tag(ret, 0x8100, 5);
}

static void round_of(struct twins *t)
{
    uint32_t ingress = random_below(&t->random, N_PORTS);
    uint32_t n = 1 + random_below(&t->random, 64);
    struct sim_frame frame;

    for (uint32_t i = 0; i < n; i++) {
        make(t, &frame);
        assert_true(sim_inject(t->burst, ingress, &frame));
        assert_true(sim_inject(t->single, ingress, &frame));
        assert_int_equal(sim_poll(t->single, ingress), 1);
    }
    assert_int_equal(sim_poll(t->burst, ingress), n);
    for (uint32_t port = 0; port < N_PORTS; port++)
        compare_sent(t, port);
    compare_tables(t);
    sim_discard(t->burst);
    sim_discard(t->single);
    sim_pass_time(t->burst, SIM_AGING / 16);
    sim_pass_time(t->single, SIM_AGING / 16);
}

static void test_burst_decides_as_frame_by_frame(void **state)
{
    struct twins t = {.burst = sim_small_table(), .single = sim_small_table(), .random = 41};
    struct fdb_counters counters;

    for (uint32_t i = 0; i < N_ROUNDS; i++)
        round_of(&t);
    counters = fdb_counters(bridge_fdb(sim_bridge(t.burst)));
    assert_true(counters.moved > 100);
    assert_true(counters.evicted > 100);
    sim_free(t.burst);
    sim_free(t.single);
}

static void test_turn_is_bounded(void **state)
{
    struct sim *sim = sim_test_new(2);
    struct sim_frame frame;

    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 60);
    for (int i = 0; i < 150; i++)
        assert_true(sim_inject(sim, 0, &frame));
    assert_int_equal(sim_poll(sim, 0), 64);
    assert_int_equal(sim_n_waiting(sim, 1), 64);
    assert_int_equal(sim_poll(sim, 0), 64);
    assert_int_equal(sim_poll(sim, 0), 22);
    assert_int_equal(sim_poll(sim, 0), 0);
    assert_int_equal(sim_n_waiting(sim, 1), 150);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_decides_as_frame_by_frame),
        cmocka_unit_test(test_turn_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
