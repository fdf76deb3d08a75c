/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/fdb.h"

/*
 * Random operations on a table and on a naive reference of it, compared after every step.
 *
 * The reference is an array of slots that is searched from end to end. It follows the plans to know
 * which slot holds what, and judges them: what may be written over, and whom eviction may choose.
 * What it cannot see is which dead entries a sweep with a small budget reclaimed: such slots are
 * doubtful until a full table, which has no free ones, or a whole sweep settles it.
 */

#define MAX_SLOTS 512
#define MAX_PORTS 64
#define N_PROBES  4

enum slot_state {
    SLOT_EMPTY,
    SLOT_HELD,
    SLOT_DOUBTFUL, /* dead, and perhaps reclaimed */
};

struct slot {
    enum slot_state state;
    bool stale;
    bool doomed; /* its VLAN was flushed, and the sweep is to reclaim it */
    bool is_static;
    bool is_sticky;
    uint16_t vid;
    port_id port;
    uint64_t mac;
    uint64_t seen;
    uint32_t passed_over; /* insertions that took a live entry although this one had expired */
};

struct shape {
    const char *what;
    uint32_t max_entries;
    uint32_t max_ports;
    uint32_t n_macs;
    uint32_t n_vids;
    uint32_t step; /* time passes by up to this much at a time */
    bool partial_sweeps;
    uint32_t n_operations;
};

struct model {
    const struct shape *shape;
    struct fdb *fdb;
    struct slot slots[MAX_SLOTS];
    uint64_t now;
    uint64_t aging;
    uint64_t random;
    uint64_t inserted;
    uint64_t inserted_in[FDB_ROOM_FULLEST + 1];
    uint64_t moved;
    uint64_t evicted;
    uint64_t refused_moves;
    uint64_t refused_inserts;
    uint64_t settled;
};

/* SplitMix64: the same sequence on every machine. */
static uint32_t below(struct model *m, uint32_t bound)
{
    uint64_t z = m->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 32) % bound;
}

static uint16_t random_vid(struct model *m)
{
    return (uint16_t)(below(m, m->shape->n_vids) * 4095);
}

static uint64_t random_mac(struct model *m)
{
    return UINT64_C(0x020000000000) + below(m, m->shape->n_macs) * UINT64_C(0x010001);
}

/* Every second time the noisy one. */
static port_id random_port(struct model *m)
{
    return below(m, 2) ? 0 : (port_id)below(m, m->shape->max_ports);
}

static bool slot_has_expired(const struct model *m, const struct slot *slot)
{
    return !slot->is_static && m->now - slot->seen >= m->aging;
}

static bool slot_is_live(const struct model *m, const struct slot *slot)
{
    return slot->state != SLOT_EMPTY && !slot->stale && !slot->doomed && !slot_has_expired(m, slot);
}

static struct slot *find_slot(struct model *m, uint16_t vid, uint64_t mac)
{
    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        struct slot *slot = &m->slots[i];

        if (slot->state != SLOT_EMPTY && slot->vid == vid && slot->mac == mac)
            return slot;
    }
    return NULL;
}

static port_id expected_port(struct model *m, uint16_t vid, uint64_t mac)
{
    const struct slot *slot = find_slot(m, vid, mac);

    return slot && slot_is_live(m, slot) ? slot->port : PORT_NONE;
}

static uint32_t count_state(const struct model *m, enum slot_state state)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->shape->max_entries; i++)
        n += m->slots[i].state == state;
    return n;
}

static uint32_t count_static(const struct model *m)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->shape->max_entries; i++)
        n += m->slots[i].state != SLOT_EMPTY && m->slots[i].is_static;
    return n;
}

static uint32_t count_live(const struct model *m)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->shape->max_entries; i++)
        n += slot_is_live(m, &m->slots[i]);
    return n;
}

static void check_used(const struct model *m)
{
    uint32_t held = count_state(m, SLOT_HELD);

    assert_in_range(fdb_used(m->fdb), held, held + count_state(m, SLOT_DOUBTFUL));
}

/* Judging a full table's choice. All its slots are known to be held. */

static uint32_t held_by(const struct model *m, port_id port)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->shape->max_entries; i++)
        n += !m->slots[i].is_static && !m->slots[i].stale && m->slots[i].port == port;
    return n;
}

static void settle_full_table(struct model *m)
{
    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        assert_int_not_equal(m->slots[i].state, SLOT_EMPTY);
        m->slots[i].state = SLOT_HELD;
    }
}

static void judge_fullest(struct model *m, const struct slot *victim, port_id learning)
{
    uint32_t held = held_by(m, victim->port);

    for (uint32_t port = 0; port < m->shape->max_ports; port++)
        assert_true(held_by(m, (port_id)port) <= held);
    if (held_by(m, learning) == held)
        assert_int_equal(victim->port, learning);
    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        struct slot *slot = &m->slots[i];

        if (slot != victim && slot_has_expired(m, slot))
            assert_in_range(++slot->passed_over, 0, (m->shape->max_entries - 1) / 8);
    }
}

static void judge_victim(struct model *m, const struct fdb_plan *plan)
{
    const struct slot *victim = &m->slots[plan->entry];
    bool has_stale = false;

    settle_full_table(m);
    assert_false(victim->is_static);
    for (uint32_t i = 0; i < m->shape->max_entries; i++)
        has_stale = has_stale || m->slots[i].stale;
    assert_int_equal(victim->stale, has_stale);
    assert_int_equal(plan->room == FDB_ROOM_STALE, has_stale);
    if (plan->room == FDB_ROOM_EXPIRED)
        assert_true(victim->doomed || slot_has_expired(m, victim));
    if (plan->room == FDB_ROOM_FULLEST)
        judge_fullest(m, victim, plan->port);
    if (slot_is_live(m, victim))
        m->evicted++;
}

static void judge_insertion(struct model *m, const struct fdb_plan *plan, struct slot *own)
{
    assert_in_range(plan->entry, 0, m->shape->max_entries - 1);
    if (plan->room == FDB_ROOM_OWN) {
        assert_ptr_equal(own, &m->slots[plan->entry]);
    } else {
        if (own) {
            assert_int_equal(own->state, SLOT_DOUBTFUL);
            own->state = SLOT_EMPTY;
        }
        if (fdb_used(m->fdb) < m->shape->max_entries) {
            assert_int_equal(plan->room, FDB_ROOM_FREE);
            assert_int_not_equal(m->slots[plan->entry].state, SLOT_HELD);
        } else {
            judge_victim(m, plan);
        }
    }
    m->inserted++;
    m->inserted_in[plan->room]++;
}

static void judge_plan(struct model *m, const struct fdb_plan *plan)
{
    struct slot *own = find_slot(m, plan->vid, plan->mac);

    if (own && slot_is_live(m, own)) {
        bool is_fixed = own->is_static || own->is_sticky;

        assert_int_equal(plan->action, own->port == plan->port ? FDB_REFRESH
                                       : is_fixed              ? FDB_REFUSE_MOVE
                                                               : FDB_MOVE);
        assert_ptr_equal(own, &m->slots[plan->entry]);
    } else if (count_static(m) == m->shape->max_entries) {
        assert_int_equal(plan->action, FDB_REFUSE_INSERT);
    } else {
        assert_int_equal(plan->action, FDB_INSERT);
        judge_insertion(m, plan, own);
    }
}

/* Writes to the reference what committing @plan should write to the table. */
static void follow_plan(struct model *m, const struct fdb_plan *plan)
{
    struct slot *slot = plan->action >= FDB_REFRESH ? &m->slots[plan->entry] : NULL;
    struct slot learned = {
        .state = SLOT_HELD,
        .vid = plan->vid,
        .port = plan->port,
        .mac = plan->mac,
        .seen = plan->now,
    };

    switch (plan->action) {
    case FDB_NOTHING:
        break;
    case FDB_REFUSE_MOVE:
        m->refused_moves++;
        break;
    case FDB_REFUSE_INSERT:
        m->refused_inserts++;
        break;
    case FDB_REFUSE_LIMIT: /* those are for the simulated model */
    case FDB_HOLD:
        fail_msg("a limit that nobody set");
        break;
    case FDB_REFRESH:
        slot->state = SLOT_HELD;
        slot->seen = plan->now;
        slot->passed_over = 0;
        break;
    case FDB_MOVE:
        m->moved++;
        *slot = learned;
        break;
    case FDB_INSERT:
        *slot = learned;
        break;
    }
}

/* Operations */

static void do_learn(struct model *m)
{
    uint64_t mac = random_mac(m);
    uint16_t vid = random_vid(m);
    port_id port = random_port(m);
    struct fdb_plan plan;
    struct fdb_plan again;
    uint16_t vids[N_PROBES];
    uint64_t macs[N_PROBES];
    port_id after[N_PROBES];

    fdb_plan_learn(m->fdb, vid, mac, port, m->now, &plan);
    for (int i = 0; i < N_PROBES; i++) {
        const struct slot *written = plan.action == FDB_INSERT ? &m->slots[plan.entry] : NULL;
        bool is_victim = i == 1 && written && written->state != SLOT_EMPTY;

        vids[i] = i == 0 ? vid : is_victim ? written->vid : random_vid(m);
        macs[i] = i == 0 ? mac : is_victim ? written->mac : random_mac(m);
        after[i] = fdb_lookup_after(m->fdb, &plan, vids[i], macs[i], m->now);
        assert_int_equal(fdb_lookup(m->fdb, vids[i], macs[i], m->now),
                         expected_port(m, vids[i], macs[i]));
    }
    fdb_plan_learn(m->fdb, vid, mac, port, m->now, &again);
    assert_int_equal(again.action, plan.action);
    assert_int_equal(again.room, plan.room);
    assert_int_equal(again.entry, plan.entry);

    judge_plan(m, &plan);
    follow_plan(m, &plan);
    fdb_commit(m->fdb, &plan);
    for (int i = 0; i < N_PROBES; i++) {
        assert_int_equal(after[i], expected_port(m, vids[i], macs[i]));
        assert_int_equal(after[i], fdb_lookup(m->fdb, vids[i], macs[i], m->now));
    }
}

/* Which entry it takes is what learning the address would take. */
static void do_add(struct model *m)
{
    struct fdb_entry entry = {
        .mac = random_mac(m),
        .vid = random_vid(m),
        .port = random_port(m),
        .seen = m->now,
        .is_static = below(m, 2),
        .is_sticky = below(m, 2),
    };
    struct slot *own = find_slot(m, entry.vid, entry.mac);
    struct fdb_plan plan;

    /* Tables that are all static are worth a visit, not a stay. */
    if (entry.is_static && count_static(m) > m->shape->max_entries / 2 && below(m, 4) > 0)
        return;
    if (own && own->is_static && !entry.is_static) {
        assert_int_equal(fdb_add(m->fdb, &entry), -EEXIST);
        return;
    }
    if (own && own->is_static && own->port == entry.port && own->is_sticky == entry.is_sticky)
        entry.seen = own->seen; /* nothing becomes of it */
    fdb_plan_learn(m->fdb, entry.vid, entry.mac, entry.port, m->now, &plan);
    if (plan.action == FDB_REFUSE_INSERT) {
        assert_int_equal(count_static(m), m->shape->max_entries);
        assert_int_equal(fdb_add(m->fdb, &entry), -ENOSPC);
        return;
    }
    if (plan.action == FDB_INSERT) {
        judge_insertion(m, &plan, own);
        m->inserted -= entry.is_static;
    } else {
        m->inserted += !entry.is_static;
    }
    assert_int_equal(fdb_add(m->fdb, &entry), 0);
    m->slots[plan.entry] = (struct slot){
        .state = SLOT_HELD,
        .vid = entry.vid,
        .port = entry.port,
        .mac = entry.mac,
        .seen = entry.seen,
        .is_static = entry.is_static,
        .is_sticky = entry.is_sticky,
    };
    assert_int_equal(fdb_lookup(m->fdb, entry.vid, entry.mac, m->now), entry.port);
    assert_int_equal(fdb_is_static(m->fdb, entry.vid, entry.mac), entry.is_static);
}

static void do_del(struct model *m)
{
    /* Every second time one that is there. */
    const struct slot *some = &m->slots[below(m, m->shape->max_entries)];
    bool is_there = some->state != SLOT_EMPTY && below(m, 2);
    uint64_t mac = is_there ? some->mac : random_mac(m);
    uint16_t vid = is_there ? some->vid : random_vid(m);
    struct slot *slot = find_slot(m, vid, mac);
    bool is_live = slot && slot_is_live(m, slot);

    assert_int_equal(fdb_del(m->fdb, vid, mac, m->now), is_live);
    if (is_live)
        *slot = (struct slot){.state = SLOT_EMPTY};
    assert_int_equal(fdb_lookup(m->fdb, vid, mac, m->now), PORT_NONE);
}

static void do_del_port(struct model *m)
{
    port_id port = random_port(m);

    if (below(m, m->shape->max_entries) >= 32)
        return;
    fdb_del_port(m->fdb, port);
    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        struct slot *slot = &m->slots[i];

        if (slot->state == SLOT_EMPTY || slot->port != port)
            continue;
        if (slot->is_static)
            *slot = (struct slot){.state = SLOT_EMPTY};
        else
            slot->stale = true;
    }
}

static void do_lookup(struct model *m)
{
    uint16_t vid = random_vid(m);
    uint64_t mac = random_mac(m);
    port_id expected = expected_port(m, vid, mac);

    assert_int_equal(fdb_lookup(m->fdb, vid, mac, m->now), expected);
    assert_int_equal(fdb_lookup_after(m->fdb, NULL, vid, mac, m->now), expected);
}

static void do_flush(struct model *m)
{
    bool all = below(m, 8) == 0;
    port_id port = random_port(m);

    /* A big table would never fill. */
    if (below(m, m->shape->max_entries) >= 32)
        return;
    if (all)
        fdb_flush_all(m->fdb);
    else
        fdb_flush_port(m->fdb, port);
    for (uint32_t i = 0; i < m->shape->max_entries; i++)
        m->slots[i].stale =
            m->slots[i].stale || (!m->slots[i].is_static && (all || m->slots[i].port == port));
}

/* Those of a port that holds few are gone at once, and the others whenever the sweep comes by. */
static void do_flush_vlans(struct model *m)
{
    port_id port = random_port(m);
    uint32_t held = fdb_held(m->fdb, port);
    uint32_t budget = below(m, 1 + 2 * held);
    bool at_once = held <= budget;
    struct vidset vids = {{0}};

    vidset_add(&vids, random_vid(m));
    vidset_add(&vids, random_vid(m));
    fdb_flush_port_vlans(m->fdb, port, &vids, m->now, budget);
    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        struct slot *slot = &m->slots[i];

        if (slot->state == SLOT_EMPTY || slot->is_static || slot->stale || slot->port != port ||
            !vidset_has(&vids, slot->vid))
            continue;
        slot->doomed = true;
        if (at_once)
            slot->state = SLOT_EMPTY;
    }
    m->settled += fdb_is_settling(m->fdb);
}

static bool is_meant(const struct model *m, const struct fdb_filter *filter,
                     const struct slot *slot)
{
    return slot_is_live(m, slot) && !slot->is_static &&
           (filter->port == PORT_NONE || filter->port == slot->port) &&
           (!filter->has_vid || filter->vid == slot->vid) &&
           (!filter->has_mac || filter->mac == slot->mac);
}

static void do_flush_some(struct model *m)
{
    struct fdb_filter filter = {
        .port = below(m, 2) ? PORT_NONE : random_port(m),
        .has_vid = below(m, 2),
        .has_mac = below(m, 16) > 0,
        .vid = random_vid(m),
        .mac = random_mac(m),
    };
    uint64_t expected = 0;
    uint64_t count = 0;
    uint32_t cursor = 0;

    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        if (!is_meant(m, &filter, &m->slots[i]))
            continue;
        m->slots[i].state = SLOT_EMPTY;
        expected++;
    }
    while (fdb_flush_some(m->fdb, &filter, m->now, 1 + below(m, 20), &cursor, &count))
        ;
    assert_int_equal(count, expected);
}

static void do_sweep(struct model *m)
{
    bool whole = !m->shape->partial_sweeps || below(m, 4) == 0;
    uint32_t budget = m->shape->max_entries;
    uint32_t used = fdb_used(m->fdb);
    uint32_t reclaimed;

    if (!whole)
        budget = below(m, budget);
    reclaimed = fdb_sweep(m->fdb, m->now, budget);
    assert_in_range(reclaimed, 0, budget);
    assert_int_equal(fdb_used(m->fdb), used - reclaimed);
    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        struct slot *slot = &m->slots[i];

        if (slot_is_live(m, slot))
            continue;
        if (whole)
            slot->state = SLOT_EMPTY;
        else if (reclaimed > 0 && slot->state == SLOT_HELD)
            slot->state = SLOT_DOUBTFUL;
    }
    if (whole)
        assert_int_equal(fdb_used(m->fdb), count_live(m));
}

static void do_pass_time(struct model *m)
{
    m->now += below(m, 10 * m->shape->max_entries) == 0 ? m->aging : below(m, m->shape->step);
}

/* A longer aging time brings expired entries back, if they have not been reclaimed: of the doubtful
 * ones that only the table can tell. */
static void do_set_aging(struct model *m)
{
    m->aging = 50u + below(m, 8) * 100u;
    fdb_set_aging(m->fdb, m->aging);
    for (uint32_t i = 0; i < m->shape->max_entries; i++) {
        struct slot *slot = &m->slots[i];

        if (!slot_is_live(m, slot))
            continue;
        slot->passed_over = 0;
        if (slot->state == SLOT_DOUBTFUL)
            slot->state = fdb_lookup(m->fdb, slot->vid, slot->mac, m->now) == PORT_NONE ? SLOT_EMPTY
                                                                                        : SLOT_HELD;
    }
}

static void do_walk(struct model *m)
{
    struct fdb_entry entry;
    uint32_t cursor = 0;
    uint32_t visited = 0;

    while (fdb_next(m->fdb, m->now, &cursor, &entry)) {
        const struct slot *slot = find_slot(m, entry.vid, entry.mac);

        assert_non_null(slot);
        assert_true(slot_is_live(m, slot));
        assert_int_equal(entry.port, slot->port);
        assert_int_equal(entry.seen, slot->seen);
        assert_int_equal(entry.is_static, slot->is_static);
        assert_int_equal(entry.is_sticky, slot->is_sticky);
        visited++;
    }
    assert_int_equal(visited, count_live(m));
    assert_int_equal(fdb_count(m->fdb, m->now), visited);
}

static void do_something(struct model *m)
{
    uint32_t dice = below(m, 1000);

    if (dice < 515)
        do_learn(m);
    else if (dice < 530)
        do_add(m);
    else if (dice < 548)
        do_del(m);
    else if (dice < 550)
        do_del_port(m);
    else if (dice < 554)
        do_flush_some(m);
    else if (dice < 557)
        do_flush_vlans(m);
    else if (dice < 800)
        do_lookup(m);
    else if (dice < 960)
        do_pass_time(m);
    else if (dice < 970)
        do_flush(m);
    else if (dice < 985)
        do_sweep(m);
    else if (dice < 990)
        do_set_aging(m);
    else
        do_walk(m);
}

static void check_counters(const struct model *m)
{
    struct fdb_counters counters = fdb_counters(m->fdb);

    assert_int_equal(counters.inserted, m->inserted);
    assert_int_equal(counters.moved, m->moved);
    assert_int_equal(counters.evicted, m->evicted);
    assert_int_equal(counters.refused_moves, m->refused_moves);
    assert_int_equal(counters.refused_inserts, m->refused_inserts);
}

static void run(const struct shape *shape, uint64_t seed)
{
    struct model m = {.shape = shape, .random = seed, .aging = 300};
    struct fdb_params params = {
        .max_entries = shape->max_entries,
        .max_ports = shape->max_ports,
        .aging_ns = m.aging,
        .key = {.k0 = seed, .k1 = ~seed},
    };

    assert_int_equal(fdb_new(&params, &m.fdb), 0);
    for (uint32_t i = 0; i < shape->n_operations; i++) {
        do_something(&m);
        check_used(&m);
        if (i % 32 == 0)
            assert_null(fdb_check(m.fdb));
    }
    assert_null(fdb_check(m.fdb));
    check_counters(&m);
    /* The run went everywhere. */
    for (int room = FDB_ROOM_OWN; room <= FDB_ROOM_FULLEST; room++)
        assert_true(m.inserted_in[room] > 20 || room == FDB_ROOM_OLDEST);
    assert_true(m.settled > 20);
    assert_true(m.evicted > 1000);
    assert_true(m.moved > 1000 || shape->max_ports == 1);
    assert_true(m.refused_moves > 100 || shape->max_ports == 1);
    assert_true(m.refused_inserts > 100 || shape->max_entries > 1);
    fdb_free(m.fdb);
}

static void test_random_operations(void **state)
{
    run(*state, UINT64_C(0x51f7));
}

static struct shape shapes[] = {
    {"one entry", 1, 3, 4, 1, 20, false, 50000},
    {"nine entries", 9, 3, 20, 2, 4, true, 150000},
    {"sixteen entries", 16, 4, 40, 1, 8, false, 250000},
    {"sixteen entries, partial sweeps", 16, 4, 20, 2, 8, true, 250000},
    {"sixty-four entries, one port", 64, 1, 100, 2, 4, true, 100000},
    {"sixty-four entries", 64, 16, 60, 2, 4, true, 200000},
    {"many ports", 100, 64, 120, 2, 2, true, 100000},
    {"five hundred entries", 500, 16, 1000, 1, 2, true, 60000},
};

int main(void)
{
    struct CMUnitTest tests[sizeof(shapes) / sizeof(shapes[0])];
    size_t n = sizeof(shapes) / sizeof(shapes[0]);

    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){
            .name = shapes[i].what,
            .test_func = test_random_operations,
            .initial_state = &shapes[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
