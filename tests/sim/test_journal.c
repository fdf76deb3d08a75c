/* SPDX-License-Identifier: ISC */
#include "../support/random.h"
#include "../support/sim_test.h"

/*
 * What the journal tells, replayed onto a naive list, gives the table.
 *
 * The list is changed by nothing but the journal's notes, and each note has to make sense: nothing
 * is learned twice, nothing is forgotten that is not there, a flush counts what it takes. After
 * every step all live entries are in the list, under the port that they have; there are as many as
 * the table's counters say; and after a whole sweep, which forgets what has expired, the list and
 * the table are the same.
 */

#define N_STEPS     60000
#define N_PORTS     6
#define N_HOSTS     120
#define MAX_ENTRIES 64
#define AGING       (30 * NS_PER_SEC)

struct listed {
    uint64_t mac;
    port_id port;
    bool is_there;
    bool is_static;
};

struct replay {
    struct sim *sim;
    struct fdb_journal *journal;
    uint64_t random;
    struct listed list[N_HOSTS];
    uint64_t n_notes[FDB_N_CHANGE_KINDS];
    uint64_t n_flushed;
    uint32_t n_static;
    uint64_t n_replaced; /* entries of tables that were replaced, and their counters with them */
};

static uint32_t below(struct replay *r, uint32_t bound)
{
    return random_below(&r->random, bound);
}

static struct listed *find(struct replay *r, uint64_t mac)
{
    assert_in_range(mac, SIM_HOST(0), SIM_HOST(N_HOSTS - 1));
    return &r->list[mac - SIM_HOST(0)];
}

static void replay_flush(struct replay *r, const struct fdb_change *change)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < N_HOSTS; i++) {
        struct listed *listed = &r->list[i];

        if (!listed->is_there || listed->is_static ||
            (change->port != PORT_NONE && change->port != listed->port))
            continue;
        listed->is_there = false;
        count++;
    }
    assert_int_equal(change->count, count);
    assert_true(count > 0);
    r->n_flushed += count;
}

static void replay_one(struct replay *r, const struct fdb_change *change)
{
    struct listed *listed;

    assert_ptr_equal(change->owner, sim_bridge(r->sim));
    r->n_notes[change->kind]++;
    switch ((enum fdb_change_kind)change->kind) {
    case FDB_CHANGE_LEARN:
    case FDB_CHANGE_ADD:
        listed = find(r, change->mac);
        assert_false(listed->is_there);
        *listed = (struct listed){change->mac, change->port, true, change->is_static};
        r->n_static += change->is_static;
        break;
    case FDB_CHANGE_MOVE:
        listed = find(r, change->mac);
        assert_true(listed->is_there);
        assert_int_equal(listed->port, change->from);
        assert_int_not_equal(change->port, change->from);
        listed->port = change->port;
        break;
    case FDB_CHANGE_AGE:
    case FDB_CHANGE_EVICT:
    case FDB_CHANGE_DEL:
        listed = find(r, change->mac);
        assert_true(listed->is_there);
        assert_int_equal(listed->port, change->port);
        assert_int_equal(listed->is_static, change->is_static);
        listed->is_there = false;
        r->n_static -= change->is_static;
        break;
    case FDB_CHANGE_HOLD:
        listed = find(r, change->mac);
        assert_true(listed->is_there);
        assert_int_equal(listed->port, change->port);
        assert_int_not_equal(change->port, change->from);
        break;
    case FDB_CHANGE_FLUSH:
        replay_flush(r, change);
        break;
    case FDB_N_CHANGE_KINDS:
        fail();
    }
}

static uint32_t count_list(const struct replay *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < N_HOSTS; i++)
        n += r->list[i].is_there;
    return n;
}

static void check(struct replay *r)
{
    const struct fdb *fdb = bridge_fdb(sim_bridge(r->sim));
    struct fdb_counters counters = fdb_counters(fdb);
    struct fdb_entry entry;
    uint32_t cursor = 0;

    assert_int_equal(r->journal->lost, 0);
    for (uint32_t i = 0; i < r->journal->n; i++)
        replay_one(r, &r->journal->changes[i]);
    fdb_journal_clear(r->journal);
    while (fdb_next(fdb, sim_now(r->sim), &cursor, &entry)) {
        assert_true(find(r, entry.mac)->is_there);
        assert_int_equal(find(r, entry.mac)->port, entry.port);
    }
    assert_int_equal(count_list(r) - r->n_static,
                     counters.inserted - counters.expired - counters.evicted - counters.flushed);
}

static void sweep(struct replay *r)
{
    (void)sim_age(r->sim);
    check(r);
    assert_int_equal(count_list(r), fdb_count(bridge_fdb(sim_bridge(r->sim)), sim_now(r->sim)));
}

static void do_send(struct replay *r)
{
    /* Most hosts stay where they are, so that entries live to be refreshed. */
    uint32_t host = below(r, N_HOSTS);
    uint32_t port = below(r, 8) ? host % N_PORTS : below(r, N_PORTS);
    struct sim_frame frame;

    sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(host), 60);
    sim_send(r->sim, port, &frame);
    sim_discard(r->sim);
}

static void do_flap(struct replay *r)
{
    uint32_t port = below(r, N_PORTS);

    sim_set_state(r->sim, port, PORT_DOWN);
    check(r);
    sim_set_state(r->sim, port, PORT_FORWARDING);
}

static void do_add(struct replay *r)
{
    const struct fdb_entry entry = {
        .mac = SIM_HOST(below(r, N_HOSTS)),
        .port = (port_id)below(r, N_PORTS),
        .seen = sim_now(r->sim),
        .is_static = below(r, 2) == 0,
        .is_sticky = true,
    };

    if (r->n_static < MAX_ENTRIES / 4 || !entry.is_static)
        (void)fdb_add(bridge_fdb(sim_bridge(r->sim)), &entry);
}

static void do_del(struct replay *r)
{
    (void)fdb_del(bridge_fdb(sim_bridge(r->sim)), 0, SIM_HOST(below(r, N_HOSTS)), sim_now(r->sim));
}

static void do_set_limit(struct replay *r)
{
    struct port_policy policy = PORT_POLICY_DEFAULT;

    if (below(r, 3))
        policy.mac_limit.max = 1 + below(r, 8);
    sim_set_policy(r->sim, below(r, N_PORTS), &policy);
}

static void do_flush_all(struct replay *r)
{
    fdb_flush_all(bridge_fdb(sim_bridge(r->sim)));
}

/* The new table counts from zero, and the list is empty then. */
static void do_replace(struct replay *r)
{
    struct fdb *fdb;

    assert_int_equal(bridge_new_fdb(sim_bridge(r->sim), MAX_ENTRIES, &fdb), 0);
    r->n_replaced += count_list(r);
    bridge_set_fdb(sim_bridge(r->sim), fdb);
}

static void do_something(struct replay *r)
{
    uint32_t dice = below(r, 1000);

    if (dice < 880)
        do_send(r);
    else if (dice < 890)
        do_add(r);
    else if (dice < 908)
        do_del(r);
    else if (dice < 910)
        do_set_limit(r);
    else if (dice < 980)
        sim_pass_time(r->sim, below(r, 20) ? below(r, 1000) * NS_PER_MS : AGING - 1 + below(r, 3));
    else if (dice < 992)
        sweep(r);
    else if (dice < 997)
        do_flap(r);
    else if (dice < 999)
        do_flush_all(r);
    else
        do_replace(r);
    check(r);
}

static void test_replay(void **state)
{
    const struct sim_params params = {
        .n_ports = N_PORTS,
        .max_ports = N_PORTS,
        .max_entries = MAX_ENTRIES,
        .aging_ns = AGING,
        .reserved = RESERVED_TRANSPARENT,
        .fail = sim_test_fail,
    };
    static struct replay r;

    (void)state;
    r = (struct replay){.sim = sim_new(&params), .random = 1};
    assert_int_equal(fdb_journal_new(256, &r.journal), 0);
    bridge_set_journal(sim_bridge(r.sim), r.journal);
    bridge_set_move_limit(
        sim_bridge(r.sim),
        &(struct fdb_move_limit){.max = 1, .interval_ns = AGING, .hold_ns = NS_PER_SEC});
    for (uint32_t i = 0; i < N_STEPS; i++)
        do_something(&r);
    sweep(&r);
    /* All of it happened, and often. */
    for (unsigned kind = 0; kind < FDB_N_CHANGE_KINDS; kind++)
        assert_in_range(r.n_notes[kind], 100, N_STEPS);
    assert_in_range(r.n_replaced, 10, r.n_flushed);
    bridge_set_journal(sim_bridge(r.sim), NULL);
    do_send(&r);
    assert_int_equal(r.journal->n, 0);
    fdb_journal_free(r.journal);
    sim_free(r.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
