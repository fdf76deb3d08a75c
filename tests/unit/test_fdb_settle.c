/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../support/random.h"
#include "ringspan/fdb.h"

/*
 * A part of what a port has is forgotten by rule, and reclaimed by the sweep: what it applies to is
 * a miss at once, whatever the sweep has done, and everything else stays. Each entry is counted and
 * noted once, for what it was when it was reclaimed.
 */

#define AGING   1000
#define PORTS   70
#define NOTES   8192
#define ENTRIES 4096
#define MAC(n)  (UINT64_C(0x020000000000) + (n))

static struct fdb_journal *journal;

static struct fdb *new_table(uint32_t max_entries)
{
    const struct fdb_params params = {
        .max_entries = max_entries,
        .max_ports = PORTS,
        .aging_ns = AGING,
        .key = {.k0 = 1, .k1 = 2},
    };
    struct fdb *fdb = NULL;

    assert_int_equal(fdb_new(&params, &fdb), 0);
    fdb_journal_clear(journal);
    fdb_set_journal(fdb, journal, NULL);
    return fdb;
}

static void check_and_free(struct fdb *fdb)
{
    assert_null(fdb_check(fdb));
    fdb_free(fdb);
}

static struct fdb_plan learn(struct fdb *fdb, uint16_t vid, uint64_t mac, port_id port,
                             uint64_t now)
{
    struct fdb_plan plan;

    fdb_plan_learn(fdb, vid, mac, port, now, &plan);
    fdb_commit(fdb, &plan);
    return plan;
}

static void learn_range(struct fdb *fdb, uint16_t vid, uint64_t from, uint32_t n, port_id port,
                        uint64_t now)
{
    for (uint64_t mac = from; mac < from + n; mac++)
        learn(fdb, vid, mac, port, now);
    assert_null(fdb_check(fdb));
}

static uint32_t count_hits(const struct fdb *fdb, uint16_t vid, uint64_t from, uint32_t n,
                           uint64_t now)
{
    uint32_t hits = 0;

    for (uint64_t mac = from; mac < from + n; mac++)
        hits += fdb_lookup(fdb, vid, mac, now) != PORT_NONE;
    return hits;
}

static struct vidset one_vid(uint16_t vid)
{
    struct vidset vids = {{0}};

    vidset_add(&vids, vid);
    return vids;
}

static void flush_vid(struct fdb *fdb, port_id port, uint16_t vid, uint64_t now, uint32_t budget)
{
    struct vidset vids = one_vid(vid);

    fdb_flush_port_vlans(fdb, port, &vids, now, budget);
    assert_null(fdb_check(fdb));
}

/* Returns how many calls it took. */
static uint32_t settle(struct fdb *fdb, uint64_t now, uint32_t budget)
{
    uint32_t calls = 0;

    for (; fdb_is_settling(fdb); calls++) {
        fdb_sweep(fdb, now, budget);
        assert_null(fdb_check(fdb));
    }
    return calls;
}

static uint32_t count_notes(enum fdb_change_kind kind)
{
    uint32_t n = 0;

    assert_int_equal(journal->lost, 0);
    for (uint32_t i = 0; i < journal->n; i++)
        n += journal->changes[i].kind == kind;
    return n;
}

static void assert_counts(const struct fdb *fdb, uint32_t expired, uint32_t flushed)
{
    assert_int_equal(fdb_counters(fdb).expired, expired);
    assert_int_equal(fdb_counters(fdb).flushed, flushed);
    assert_int_equal(count_notes(FDB_CHANGE_AGE), expired);
    assert_int_equal(count_notes(FDB_CHANGE_DEL), flushed);
}

static void test_vlans_are_missed_at_once_and_reclaimed_by_budget(void **state)
{
    const struct fdb_entry fixed = {.mac = MAC(0), .vid = 10, .port = 1, .is_static = true};
    const struct fdb_entry added = {.mac = MAC(1), .vid = 10, .port = 1, .seen = 1};
    struct fdb *fdb = new_table(ENTRIES);

    learn_range(fdb, 10, MAC(0x100), 100, 1, 0);
    learn_range(fdb, 10, MAC(0x200), 200, 1, 1);
    learn_range(fdb, 20, MAC(0x200), 200, 1, 1);
    learn_range(fdb, 10, MAC(0x400), 200, 2, 1);
    assert_int_equal(fdb_add(fdb, &fixed), 0);
    assert_int_equal(fdb_add(fdb, &added), 0);
    flush_vid(fdb, 1, 10, AGING, 500); /* of 501 */
    assert_true(fdb_is_settling(fdb));
    /* Not one was looked at. */
    assert_int_equal(fdb_used(fdb), 702);
    assert_int_equal(fdb_held(fdb, 1), 501);
    assert_counts(fdb, 0, 0);

    assert_int_equal(count_hits(fdb, 10, MAC(0x100), 100, 0), 0);
    assert_int_equal(count_hits(fdb, 10, MAC(0x200), 200, AGING), 0);
    assert_int_equal(count_hits(fdb, 20, MAC(0x200), 200, AGING), 200);
    assert_int_equal(count_hits(fdb, 10, MAC(0x400), 200, AGING), 200);
    assert_int_equal(fdb_lookup(fdb, 10, MAC(0), AGING), 1);
    assert_int_equal(fdb_lookup(fdb, 10, MAC(1), AGING), PORT_NONE);
    assert_int_equal(fdb_count(fdb, AGING), 401);
    assert_false(fdb_del(fdb, 10, MAC(0x200), AGING));

    assert_in_range(fdb_sweep(fdb, AGING, 150), 0, 150);
    assert_int_equal(fdb_count(fdb, AGING), 401);
    assert_int_equal(settle(fdb, AGING, 150), 4);
    assert_int_equal(fdb_used(fdb), 401);
    assert_int_equal(fdb_held(fdb, 1), 200);
    assert_counts(fdb, 100, 201);
    assert_int_equal(fdb_count(fdb, AGING), 401);
    check_and_free(fdb);
}

static void test_few_are_done_at_once(void **state)
{
    struct fdb *fdb = new_table(ENTRIES);

    learn_range(fdb, 10, MAC(0x100), 10, 1, 0);
    learn_range(fdb, 10, MAC(0x200), 20, 1, 1);
    learn_range(fdb, 20, MAC(0x200), 20, 1, 1);
    flush_vid(fdb, 1, 10, AGING, 50);
    assert_false(fdb_is_settling(fdb));
    assert_int_equal(fdb_used(fdb), 20);
    assert_counts(fdb, 10, 20);
    /* Nothing to do is nothing to settle. */
    fdb_flush_port_vlans(fdb, 1, &(struct vidset){{0}}, AGING, 0);
    fdb_flush_port_vlans(fdb, 2, &(struct vidset){{1}}, AGING, 0);
    assert_false(fdb_is_settling(fdb));
    check_and_free(fdb);
}

static void test_what_is_learned_meanwhile_stays(void **state)
{
    struct fdb *fdb = new_table(ENTRIES);

    learn_range(fdb, 10, MAC(0x100), 100, 1, 0);
    learn_range(fdb, 20, MAC(0x100), 100, 1, 0);
    flush_vid(fdb, 1, 10, 0, 10);
    /* The port is in it again. In their own entries, and in those of others. */
    learn_range(fdb, 10, MAC(0x120), 100, 1, 0);
    flush_vid(fdb, 1, 20, 0, 10);
    flush_vid(fdb, 1, 30, 0, 10);
    assert_int_equal(count_hits(fdb, 10, MAC(0x100), 0x20, 0), 0);
    assert_int_equal(count_hits(fdb, 10, MAC(0x120), 100, 0), 100);
    assert_int_equal(count_hits(fdb, 20, MAC(0x100), 100, 0), 0);
    learn_range(fdb, 20, MAC(0x100), 10, 1, 0);
    flush_vid(fdb, 1, 10, 0, 10);
    assert_int_equal(fdb_count(fdb, 0), 10);
    settle(fdb, 0, 7);
    assert_int_equal(fdb_count(fdb, 0), 10);
    assert_int_equal(fdb_used(fdb), 10);
    assert_counts(fdb, 0, 300);
    check_and_free(fdb);
}

/* The round ends no sooner than all that was doomed is reclaimed, wherever the hand was and however
 * the table grows. */
static void test_table_grows_meanwhile(void **state)
{
    for (uint32_t hand = 0; hand < 40; hand++) {
        struct fdb *fdb = new_table(ENTRIES);

        learn_range(fdb, 10, MAC(0x100), 40, 1, 0);
        fdb_sweep(fdb, 0, hand);
        flush_vid(fdb, 1, 10, 0, 10);
        for (uint32_t i = 0; fdb_is_settling(fdb); i++) {
            if (i < 20)
                learn_range(fdb, 20, MAC(0x1000 + 3 * i), 3, 1, 0);
            fdb_sweep(fdb, 0, 4);
            assert_int_equal(count_hits(fdb, 10, MAC(0x100), 40, 0), 0);
            assert_null(fdb_check(fdb));
        }
        assert_int_equal(count_hits(fdb, 10, MAC(0x100), 40, 0), 0);
        assert_counts(fdb, 0, 40);
        check_and_free(fdb);
    }
}

static void test_flush_of_the_port_counts_the_doomed_once(void **state)
{
    struct fdb *fdb = new_table(ENTRIES);

    fdb_set_limit(fdb, 1, 100, 0, 10);
    learn_range(fdb, 10, MAC(0x100), 50, 1, 0);
    learn_range(fdb, 20, MAC(0x200), 50, 1, 0);
    flush_vid(fdb, 1, 10, 0, 10);
    fdb_set_limit(fdb, 1, 30, 0, 10);
    fdb_sweep(fdb, 0, 20);
    assert_counts(fdb, 0, 20);
    fdb_flush_port(fdb, 1);
    assert_int_equal(fdb_held(fdb, 1), 0);
    settle(fdb, 0, 20);
    assert_int_equal(fdb_counters(fdb).flushed, 100);
    assert_int_equal(count_notes(FDB_CHANGE_DEL), 20);
    assert_int_equal(count_notes(FDB_CHANGE_FLUSH), 1);
    fdb_sweep(fdb, 0, ENTRIES);
    assert_int_equal(fdb_used(fdb), 0);
    check_and_free(fdb);
}

/* So many rules there is room for; the next port forgets more than it has to, and nobody else. */
static void test_vlans_of_too_many_ports(void **state)
{
    struct fdb *fdb = new_table(ENTRIES);

    for (port_id port = 0; port < PORTS; port++) {
        learn_range(fdb, 10, MAC(0x1000 + port * 0x10), 10, port, 0);
        learn_range(fdb, 20, MAC(0x1000 + port * 0x10), 10, port, 0);
    }
    for (port_id port = 0; port < 65; port++)
        flush_vid(fdb, port, 10, 0, 5);
    flush_vid(fdb, 3, 30, 0, 5);
    for (port_id port = 0; port < PORTS; port++) {
        assert_int_equal(count_hits(fdb, 10, MAC(0x1000 + port * 0x10), 10, 0), port < 65 ? 0 : 10);
        assert_int_equal(count_hits(fdb, 20, MAC(0x1000 + port * 0x10), 10, 0),
                         port == 64 ? 0 : 10);
    }
    settle(fdb, 0, 100);
    flush_vid(fdb, 65, 10, 0, 5);
    assert_int_equal(count_hits(fdb, 20, MAC(0x1000 + 65 * 0x10), 10, 0), 10);
    check_and_free(fdb);
}

static void test_lower_limit_keeps_the_newest(void **state)
{
    struct fdb *fdb = new_table(ENTRIES);

    fdb_set_limit(fdb, 1, 1000, 0, 100);
    learn_range(fdb, 10, MAC(0), 300, 1, 0);
    learn_range(fdb, 10, MAC(300), 700, 1, 1);
    learn_range(fdb, 10, MAC(500), 10, 1, 2);
    fdb_set_limit(fdb, 1, 50, AGING, 100);
    assert_null(fdb_check(fdb));
    assert_true(fdb_is_settling(fdb));
    assert_int_equal(fdb_used(fdb), 1000);
    assert_counts(fdb, 0, 0);
    assert_int_equal(fdb_count(fdb, AGING), 50);
    assert_int_equal(count_hits(fdb, 10, MAC(500), 10, AGING), 10);
    assert_int_equal(count_hits(fdb, 10, MAC(960), 40, AGING), 40);
    /* It has as many as it may, and the doomed do not count. */
    assert_int_equal(learn(fdb, 10, MAC(2000), 1, AGING).action, FDB_REFUSE_LIMIT);
    assert_int_equal(learn(fdb, 10, MAC(0), 1, AGING).action, FDB_REFUSE_LIMIT);
    assert_true(fdb_del(fdb, 10, MAC(999), AGING));
    assert_int_equal(learn(fdb, 10, MAC(400), 1, AGING).action, FDB_INSERT);
    assert_int_equal(learn(fdb, 10, MAC(401), 1, AGING).action, FDB_REFUSE_LIMIT);
    assert_int_equal(settle(fdb, AGING, 100), 10);
    assert_int_equal(fdb_used(fdb), 50);
    assert_counts(fdb, 300, 651);
    check_and_free(fdb);
}

static void test_much_lower_limit_keeps_a_budget_of_the_newest(void **state)
{
    struct fdb *fdb = new_table(ENTRIES);

    fdb_set_limit(fdb, 1, 1000, 0, 100);
    learn_range(fdb, 10, MAC(0), 1000, 1, 0);
    fdb_set_limit(fdb, 1, 950, 0, 100);
    assert_false(fdb_is_settling(fdb));
    assert_int_equal(fdb_used(fdb), 950);
    fdb_set_limit(fdb, 1, 500, 0, 100);
    assert_int_equal(fdb_count(fdb, 0), 100);
    assert_int_equal(count_hits(fdb, 10, MAC(900), 100, 0), 100);
    learn_range(fdb, 10, MAC(2000), 400, 1, 0);
    assert_int_equal(fdb_count(fdb, 0), 500);
    assert_int_equal(learn(fdb, 10, MAC(3000), 1, 0).action, FDB_REFUSE_LIMIT);
    settle(fdb, 0, 64);
    assert_int_equal(fdb_used(fdb), 500);
    assert_counts(fdb, 0, 900);
    check_and_free(fdb);
}

/* Nobody knows how many of them are left: it refuses nothing, so that it is not shut down for
 * addresses that it has forgotten, and yet never has more than it may. */
static void test_port_at_its_limit_learns_while_settling(void **state)
{
    struct fdb *fdb = new_table(ENTRIES);
    struct fdb_plan plan;

    fdb_set_limit(fdb, 1, 100, 0, 10);
    learn_range(fdb, 20, MAC(0), 50, 1, 0);
    learn_range(fdb, 10, MAC(100), 50, 1, 1);
    assert_int_equal(learn(fdb, 20, MAC(1000), 1, 2).action, FDB_REFUSE_LIMIT);
    flush_vid(fdb, 1, 10, 2, 10);
    fdb_plan_learn(fdb, 20, MAC(1000), 1, 2, &plan);
    assert_int_equal(plan.action, FDB_INSERT);
    assert_int_equal(plan.room, FDB_ROOM_OLDEST);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 20, MAC(0), 2), PORT_NONE);
    fdb_commit(fdb, &plan);
    assert_int_equal(fdb_lookup(fdb, 20, MAC(0), 2), PORT_NONE);
    learn(fdb, 20, MAC(1001), 2, 2);
    fdb_plan_learn(fdb, 20, MAC(1001), 1, 2, &plan);
    assert_int_equal(plan.action, FDB_MOVE);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 20, MAC(1), 2), PORT_NONE);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 20, MAC(2), 2), 1);
    fdb_commit(fdb, &plan);
    assert_int_equal(fdb_lookup(fdb, 20, MAC(1), 2), PORT_NONE);
    assert_int_equal(fdb_counters(fdb).evicted, 2);
    settle(fdb, 2, 10);
    assert_int_equal(fdb_held(fdb, 1), 50);
    learn_range(fdb, 20, MAC(2000), 50, 1, 2);
    assert_int_equal(learn(fdb, 20, MAC(3000), 1, 2).action, FDB_REFUSE_LIMIT);
    check_and_free(fdb);
}

/*
 * Random operations, and what each may do to what is known: all that lives before and after it is
 * compared. A mirror is kept with the journal alone.
 */

#define N_ENTRIES 48
#define N_PORTS   4
#define N_VIDS    3
#define N_MACS    30

struct seen {
    port_id port; /* PORT_NONE: it is not known */
    uint64_t seen;
};

struct known {
    struct seen of[N_VIDS][N_MACS];
};

struct run {
    struct fdb *fdb;
    uint64_t random;
    uint64_t now;
    uint32_t limits[N_PORTS];
    struct known mirror;
    uint32_t n_refused;
    uint32_t n_gave_way;
    uint32_t n_doomed;
};

static uint32_t below(struct run *r, uint32_t bound)
{
    return random_below(&r->random, bound);
}

static struct seen *find(struct known *known, uint16_t vid, uint64_t mac)
{
    return &known->of[vid][mac - MAC(0)];
}

static struct known look(const struct run *r)
{
    struct known known;
    struct fdb_entry entry;
    uint32_t cursor = 0;

    for (uint32_t i = 0; i < N_VIDS * N_MACS; i++)
        known.of[i / N_MACS][i % N_MACS].port = PORT_NONE;
    while (fdb_next(r->fdb, r->now, &cursor, &entry)) {
        assert_int_equal(find(&known, entry.vid, entry.mac)->port, PORT_NONE);
        *find(&known, entry.vid, entry.mac) = (struct seen){entry.port, entry.seen};
        assert_int_equal(fdb_lookup(r->fdb, entry.vid, entry.mac, r->now), entry.port);
    }
    return known;
}

static uint32_t count_of(const struct known *known, port_id port)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < N_VIDS * N_MACS; i++)
        n += known->of[i / N_MACS][i % N_MACS].port == port;
    return n;
}

static void assert_known(const struct run *r, const struct known *expected)
{
    struct known known = look(r);

    for (uint32_t i = 0; i < N_VIDS * N_MACS; i++)
        assert_int_equal(known.of[i / N_MACS][i % N_MACS].port,
                         expected->of[i / N_MACS][i % N_MACS].port);
}

static void replay(struct run *r)
{
    assert_int_equal(journal->lost, 0);
    for (uint32_t i = 0; i < journal->n; i++) {
        const struct fdb_change *change = &journal->changes[i];
        struct seen *seen;

        if (change->kind == FDB_CHANGE_FLUSH) {
            assert_int_equal(count_of(&r->mirror, change->port), change->count);
            for (uint32_t k = 0; k < N_VIDS * N_MACS; k++) {
                seen = &r->mirror.of[k / N_MACS][k % N_MACS];
                if (seen->port == change->port)
                    seen->port = PORT_NONE;
            }
            continue;
        }
        seen = find(&r->mirror, change->vid, change->mac);
        assert_int_equal(seen->port, change->kind == FDB_CHANGE_LEARN  ? PORT_NONE
                                     : change->kind == FDB_CHANGE_MOVE ? change->from
                                                                       : change->port);
        if (change->kind == FDB_CHANGE_LEARN || change->kind == FDB_CHANGE_MOVE) {
            *seen = (struct seen){change->port, r->now};
            continue;
        }
        assert_int_equal(r->now - seen->seen >= AGING, change->kind == FDB_CHANGE_AGE);
        seen->port = PORT_NONE;
    }
    fdb_journal_clear(journal);
}

static void do_learn(struct run *r)
{
    uint16_t vid = (uint16_t)below(r, N_VIDS);
    uint64_t mac = MAC(below(r, N_MACS));
    port_id port = (port_id)(below(r, 2) ? 0 : below(r, N_PORTS));
    struct known expected;
    struct fdb_plan plan;
    uint32_t n_live;
    uint32_t n_all;
    uint32_t n_lost;
    bool was_live;

    r->now++;
    expected = look(r);
    n_live = count_of(&expected, port);
    n_all = N_VIDS * N_MACS - count_of(&expected, PORT_NONE);
    was_live = find(&expected, vid, mac)->port != PORT_NONE;
    fdb_plan_learn(r->fdb, vid, mac, port, r->now, &plan);
    for (uint32_t i = 0; i < N_VIDS * N_MACS; i++)
        expected.of[i / N_MACS][i % N_MACS].port =
            fdb_lookup_after(r->fdb, &plan, (uint16_t)(i / N_MACS), MAC(i % N_MACS), r->now);
    fdb_commit(r->fdb, &plan);
    assert_known(r, &expected);
    n_lost = n_all + !was_live - (N_VIDS * N_MACS - count_of(&expected, PORT_NONE));
    if (plan.action == FDB_REFUSE_LIMIT) {
        assert_int_equal(n_live, r->limits[port]);
        assert_int_equal(n_lost, !was_live);
        r->n_refused++;
        return;
    }
    assert_int_equal(find(&expected, vid, mac)->port, port);
    assert_in_range(n_lost, 0, 1);
    r->n_gave_way += n_lost == 1 && fdb_used(r->fdb) < N_ENTRIES;
    if (plan.action == FDB_REFRESH)
        find(&r->mirror, vid, mac)->seen = r->now;
}

static void do_flush_vlans(struct run *r)
{
    struct known expected = look(r);
    port_id port = (port_id)below(r, N_PORTS);
    struct vidset vids = {{below(r, 1u << N_VIDS)}};

    for (uint16_t vid = 0; vid < N_VIDS; vid++) {
        for (uint32_t i = 0; i < N_MACS; i++) {
            if (vidset_has(&vids, vid) && expected.of[vid][i].port == port)
                expected.of[vid][i].port = PORT_NONE;
        }
    }
    fdb_flush_port_vlans(r->fdb, port, &vids, r->now, below(r, 12));
    assert_known(r, &expected);
    r->n_doomed += fdb_is_settling(r->fdb);
}

/* Leaves what was heard of last, @n of it. */
static void leave_newest(struct known *known, port_id port, uint32_t n)
{
    while (count_of(known, port) > n) {
        struct seen *oldest = NULL;

        for (uint32_t i = 0; i < N_VIDS * N_MACS; i++) {
            struct seen *seen = &known->of[i / N_MACS][i % N_MACS];

            if (seen->port == port && (!oldest || seen->seen < oldest->seen))
                oldest = seen;
        }
        oldest->port = PORT_NONE;
    }
}

static void do_set_limit(struct run *r)
{
    struct known expected = look(r);
    port_id port = (port_id)below(r, N_PORTS);
    uint32_t max = below(r, 3) ? 1 + below(r, 20) : 0;
    uint32_t budget = 1 + below(r, 8);
    uint32_t held = fdb_held(r->fdb, port);
    bool is_exact = !fdb_is_settling(r->fdb);
    struct known after;
    uint32_t most = max;

    if (max != 0 && r->limits[port] == 0)
        most = 0;
    else if (max == 0)
        most = UINT32_MAX;
    else if (held > max + budget && max > budget)
        most = budget;
    fdb_set_limit(r->fdb, port, max, r->now, budget);
    r->limits[port] = max;
    after = look(r);
    assert_true(max == 0 || count_of(&after, port) <= max);
    leave_newest(&expected, port, is_exact ? most : count_of(&after, port));
    assert_known(r, &expected);
    r->n_doomed += fdb_is_settling(r->fdb);
}

static void do_sweep(struct run *r)
{
    struct known expected = look(r);

    fdb_sweep(r->fdb, r->now, below(r, 16));
    assert_known(r, &expected);
}

static void do_something(struct run *r)
{
    uint32_t dice = below(r, 1000);

    if (dice < 800)
        do_learn(r);
    else if (dice < 830)
        do_flush_vlans(r);
    else if (dice < 850)
        do_set_limit(r);
    else if (dice < 960)
        do_sweep(r);
    else if (dice < 970)
        fdb_flush_port(r->fdb, (port_id)below(r, N_PORTS));
    else
        r->now += below(r, AGING / 4);
}

static void test_random_operations(void **state)
{
    struct run r = {.fdb = new_table(N_ENTRIES), .random = 0x5e771e};

    for (uint32_t i = 0; i < N_VIDS * N_MACS; i++)
        r.mirror.of[i / N_MACS][i % N_MACS].port = PORT_NONE;
    for (uint32_t i = 0; i < 60000; i++) {
        struct known known;

        do_something(&r);
        replay(&r);
        assert_null(fdb_check(r.fdb));
        known = look(&r);
        for (port_id port = 0; port < N_PORTS; port++) {
            assert_true(r.limits[port] == 0 || count_of(&known, port) <= r.limits[port]);
            assert_int_equal(fdb_held(r.fdb, port), count_of(&r.mirror, port));
        }
    }
    /* The run went everywhere. */
    assert_true(r.n_refused > 1000);
    assert_true(r.n_gave_way > 100);
    assert_true(r.n_doomed > 100);
    check_and_free(r.fdb);
}

static int set_up(void **state)
{
    return fdb_journal_new(NOTES, &journal);
}

static int tear_down(void **state)
{
    fdb_journal_free(journal);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vlans_are_missed_at_once_and_reclaimed_by_budget),
        cmocka_unit_test(test_few_are_done_at_once),
        cmocka_unit_test(test_what_is_learned_meanwhile_stays),
        cmocka_unit_test(test_table_grows_meanwhile),
        cmocka_unit_test(test_flush_of_the_port_counts_the_doomed_once),
        cmocka_unit_test(test_vlans_of_too_many_ports),
        cmocka_unit_test(test_lower_limit_keeps_the_newest),
        cmocka_unit_test(test_much_lower_limit_keeps_a_budget_of_the_newest),
        cmocka_unit_test(test_port_at_its_limit_learns_while_settling),
        cmocka_unit_test(test_random_operations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
