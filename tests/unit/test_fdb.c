/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fdb_fixture.h"
#include "ringspan/limits.h"
#include "ringspan/mac.h"

static uint32_t count_live(const struct fdb *fdb, uint64_t from, uint32_t n, uint64_t now)
{
    uint32_t live = 0;

    for (uint64_t mac = from; mac < from + n; mac++)
        live += fdb_lookup(fdb, 0, mac, now) != PORT_NONE;
    return live;
}

static void test_new_refuses_impossible_sizes(void **state)
{
    struct fdb_params params = {.max_entries = 0, .max_ports = PORTS, .aging_ns = AGING};
    struct fdb *fdb = NULL;

    assert_int_equal(fdb_new(&params, &fdb), -EINVAL);
    params.max_entries = LIMIT_FDB_ENTRIES_MAX + 1;
    assert_int_equal(fdb_new(&params, &fdb), -EINVAL);
    params.max_entries = 16;
    params.max_ports = PORT_NONE + 1;
    assert_int_equal(fdb_new(&params, &fdb), -EINVAL);
    assert_null(fdb);
    fdb_free(NULL);
}

static void test_learned_address_is_found_in_its_vlan_only(void **state)
{
    struct fdb *fdb = new_table(16);

    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), PORT_NONE);
    assert_int_equal(learn(fdb, 0x02, 3, 0).action, FDB_INSERT);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 3);
    assert_int_equal(fdb_lookup(fdb, 1, 0x02, 0), PORT_NONE);
    assert_int_equal(fdb_lookup(fdb, 0, 0x03, 0), PORT_NONE);
    check_and_free(fdb);
}

static void test_group_and_zero_addresses_are_keys_like_any(void **state)
{
    struct fdb *fdb = new_table(16);

    learn(fdb, 0, 1, 0);
    learn(fdb, MAC_BROADCAST, 2, 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0, 0), 1);
    assert_int_equal(fdb_lookup(fdb, 0, MAC_BROADCAST, 0), 2);
    check_and_free(fdb);
}

static void test_port_out_of_range_is_not_learned(void **state)
{
    struct fdb *fdb = new_table(16);

    assert_int_equal(learn(fdb, 0x02, PORTS, 0).action, FDB_NOTHING);
    assert_int_equal(learn(fdb, 0x02, PORT_NONE, 0).action, FDB_NOTHING);
    assert_int_equal(fdb_used(fdb), 0);
    fdb_flush_port(fdb, PORTS);
    check_and_free(fdb);
}

static void test_table_without_ports_learns_nothing(void **state)
{
    struct fdb_params params = {.max_entries = 1, .max_ports = 0, .aging_ns = AGING};
    struct fdb *fdb;

    assert_int_equal(fdb_new(&params, &fdb), 0);
    assert_int_equal(learn(fdb, 0x02, 0, 0).action, FDB_NOTHING);
    fdb_flush_all(fdb);
    assert_int_equal(fdb_sweep(fdb, 0, 1), 0);
    check_and_free(fdb);
}

static void test_entry_expires_unless_its_address_speaks(void **state)
{
    struct fdb *fdb = new_table(16);

    learn(fdb, 0x02, 1, 1000);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 1000 + AGING - 1), 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 1000 + AGING), PORT_NONE);
    assert_int_equal(learn(fdb, 0x02, 1, 1200).action, FDB_REFRESH);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 1200 + AGING - 1), 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 1200 + AGING), PORT_NONE);
    assert_int_equal(fdb_count(fdb, 1200 + AGING), 0);
    assert_int_equal(fdb_used(fdb), 1);
    check_and_free(fdb);
}

static void test_expired_address_is_learned_anew_in_its_own_entry(void **state)
{
    struct fdb *fdb = new_table(16);
    struct fdb_plan plan;
    uint32_t entry = learn(fdb, 0x02, 1, 0).entry;

    plan = learn(fdb, 0x02, 2, AGING);
    assert_int_equal(plan.action, FDB_INSERT);
    assert_int_equal(plan.room, FDB_ROOM_OWN);
    assert_int_equal(plan.entry, entry);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, AGING), 2);
    assert_int_equal(fdb_used(fdb), 1);
    assert_int_equal(fdb_counters(fdb).expired, 1);
    assert_int_equal(fdb_counters(fdb).inserted, 2);
    check_and_free(fdb);
}

static void test_aging_time_changes_at_once(void **state)
{
    struct fdb *fdb = new_table(16);

    learn(fdb, 0x02, 1, 0);
    fdb_set_aging(fdb, 100);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 99), 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 100), PORT_NONE);
    fdb_set_aging(fdb, 1000);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 999), 1);
    fdb_set_aging(fdb, 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), PORT_NONE);
    assert_int_equal(fdb_lookup_after(fdb, NULL, 0, 0x02, 0), PORT_NONE);
    check_and_free(fdb);
}

static void test_refresh_changes_seen_alone(void **state)
{
    struct fdb *fdb = new_table(16);
    struct fdb_entry entry;
    uint32_t cursor = 0;

    for (uint64_t now = 10; now <= 200; now += 10) {
        learn(fdb, 0x02, 1, now);
        cursor = 0;
        assert_true(fdb_next(fdb, now, &cursor, &entry));
        assert_int_equal(entry.seen, now);
        assert_int_equal(entry.port, 1);
        assert_int_equal(entry.mac, 0x02);
        assert_int_equal(entry.vid, 0);
    }
    assert_int_equal(fdb_counters(fdb).inserted, 1);
    assert_int_equal(fdb_counters(fdb).moved, 0);
    check_and_free(fdb);
}

static void test_station_moves(void **state)
{
    struct fdb *fdb = new_table(16);
    struct fdb_plan plan;

    learn_range(fdb, 0x10, 4, 1, 0);
    plan = learn(fdb, 0x12, 2, 1);
    assert_int_equal(plan.action, FDB_MOVE);
    assert_int_equal(fdb_lookup(fdb, 0, 0x12, 1), 2);
    assert_int_equal(held_by(fdb, 1, 1), 3);
    assert_int_equal(held_by(fdb, 2, 1), 1);
    assert_int_equal(fdb_counters(fdb).moved, 1);
    assert_null(fdb_check(fdb));

    fdb_flush_port(fdb, 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x12, 1), 2);
    assert_int_equal(fdb_count(fdb, 1), 1);
    check_and_free(fdb);
}

static void test_plan_changes_nothing_until_committed(void **state)
{
    struct fdb *fdb = new_table(16);
    struct fdb_plan plan;

    fdb_plan_learn(fdb, 0, 0x02, 1, 0, &plan);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), PORT_NONE);
    assert_int_equal(fdb_lookup_after(fdb, NULL, 0, 0x02, 0), PORT_NONE);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 0, 0x02, 0), 1);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 1, 0x02, 0), PORT_NONE);
    fdb_commit(fdb, &plan);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 1);

    fdb_plan_learn(fdb, 0, 0x02, 2, 0, &plan);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 1);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 0, 0x02, 0), 2);
    check_and_free(fdb);
}

static void test_lookup_after_misses_the_victim(void **state)
{
    struct fdb *fdb = new_table(1);
    struct fdb_plan plan;

    learn(fdb, 0x02, 1, 0);
    fdb_plan_learn(fdb, 0, 0x03, 2, 0, &plan);
    assert_int_equal(plan.action, FDB_INSERT);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 1);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 0, 0x02, 0), PORT_NONE);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 0, 0x03, 0), 2);
    fdb_commit(fdb, &plan);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), PORT_NONE);
    assert_int_equal(fdb_lookup(fdb, 0, 0x03, 0), 2);
    assert_int_equal(fdb_counters(fdb).evicted, 1);
    check_and_free(fdb);
}

static void test_capacity_is_exact(void **state)
{
    const uint32_t sizes[] = {1, 2, 7, 16, 17, 1000, 4096};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fdb *fdb = new_table(sizes[i]);

        learn_range(fdb, 0x100, sizes[i], 1, 0);
        assert_int_equal(count_live(fdb, 0x100, sizes[i], 0), sizes[i]);
        assert_int_equal(fdb_used(fdb), sizes[i]);
        assert_int_equal(fdb_counters(fdb).evicted, 0);
        learn(fdb, 0x02, 1, 0);
        assert_int_equal(fdb_count(fdb, 0), sizes[i]);
        assert_int_equal(fdb_counters(fdb).evicted, 1);
        assert_int_equal(fdb_max_entries(fdb), sizes[i]);
        check_and_free(fdb);
    }
}

static void test_flush_port_spares_the_others(void **state)
{
    struct fdb *fdb = new_table(64);

    learn_range(fdb, 0x100, 20, 1, 0);
    learn_range(fdb, 0x200, 20, 2, 0);
    fdb_flush_port(fdb, 1);
    assert_int_equal(count_live(fdb, 0x100, 20, 0), 0);
    assert_int_equal(count_live(fdb, 0x200, 20, 0), 20);
    assert_int_equal(fdb_count(fdb, 0), 20);
    assert_int_equal(fdb_used(fdb), 40);
    assert_int_equal(fdb_counters(fdb).flushed, 20);
    assert_null(fdb_check(fdb));

    /* What is learned after the flush belongs to the new generation. */
    learn(fdb, 0x100, 1, 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0x100, 0), 1);
    fdb_flush_all(fdb);
    assert_int_equal(fdb_count(fdb, 0), 0);
    assert_int_equal(fdb_counters(fdb).flushed, 41);
    check_and_free(fdb);
}

static void learn_in(struct fdb *fdb, uint16_t vid, uint64_t mac, port_id port)
{
    struct fdb_plan plan;

    fdb_plan_learn(fdb, vid, mac, port, 0, &plan);
    fdb_commit(fdb, &plan);
}

static void test_flush_of_some_vlans_spares_the_others(void **state)
{
    const struct fdb_entry fixed = {.mac = 0x99, .vid = 3, .port = 1, .is_static = true};
    struct fdb *fdb = new_table(16);
    struct vidset vids = {{0}};

    vidset_add_range(&vids, 2, 4);
    for (uint16_t vid = 1; vid <= 5; vid++) {
        learn_in(fdb, vid, 0x02, 1);
        learn_in(fdb, vid, 0x03, 2);
    }
    assert_int_equal(fdb_add(fdb, &fixed), 0);
    fdb_flush_port_vlans(fdb, 1, &vids, 0, 16);
    for (uint16_t vid = 1; vid <= 5; vid++) {
        bool is_flushed = vid >= 2 && vid <= 4;

        assert_int_equal(fdb_lookup(fdb, vid, 0x02, 0), is_flushed ? PORT_NONE : 1);
        assert_int_equal(fdb_lookup(fdb, vid, 0x03, 0), 2);
    }
    assert_int_equal(fdb_lookup(fdb, 3, 0x99, 0), 1);
    assert_int_equal(fdb_counters(fdb).flushed, 3);
    assert_int_equal(fdb_used(fdb), 8);
    fdb_flush_port_vlans(fdb, 0, &vids, 0, 16);
    fdb_flush_port_vlans(fdb, PORTS, &vids, 0, 16);
    vidset_add_range(&vids, 1, 5);
    fdb_flush_port_vlans(fdb, 1, &vids, 0, 16);
    assert_int_equal(fdb_counters(fdb).flushed, 5);
    learn_in(fdb, 1, 0x02, 1);
    assert_int_equal(fdb_lookup(fdb, 1, 0x02, 0), 1);
    check_and_free(fdb);
}

static void test_sweep_reclaims_by_budget(void **state)
{
    struct fdb *fdb = new_table(64);

    learn_range(fdb, 0x100, 40, 1, 0);
    learn_range(fdb, 0x200, 10, 2, 200);
    assert_int_equal(fdb_sweep(fdb, 200, 64), 0);
    assert_int_equal(fdb_sweep(fdb, AGING, 15), 15);
    assert_int_equal(fdb_used(fdb), 35);
    assert_null(fdb_check(fdb));
    assert_int_equal(fdb_sweep(fdb, AGING, 64), 25);
    assert_int_equal(fdb_used(fdb), 10);
    assert_int_equal(fdb_counters(fdb).expired, 40);

    fdb_flush_port(fdb, 2);
    assert_int_equal(fdb_sweep(fdb, AGING, 64), 10);
    assert_int_equal(fdb_used(fdb), 0);
    assert_int_equal(fdb_counters(fdb).expired, 40);
    assert_int_equal(fdb_counters(fdb).flushed, 10);
    check_and_free(fdb);
}

static void test_stale_entries_make_room_first(void **state)
{
    struct fdb *fdb = new_table(64);

    learn_range(fdb, 0x100, 40, 1, 0);
    learn_range(fdb, 0x200, 24, 2, 0);
    fdb_flush_port(fdb, 2);
    learn_range(fdb, 0x300, 24, 3, 0);
    assert_int_equal(fdb_counters(fdb).evicted, 0);
    assert_int_equal(count_live(fdb, 0x100, 40, 0), 40);
    assert_int_equal(count_live(fdb, 0x300, 24, 0), 24);
    check_and_free(fdb);
}

static void test_expired_entries_make_room_before_live_ones(void **state)
{
    struct fdb *fdb = new_table(8);

    /* As many slots as one insertion looks at, so the one expired entry is found wherever it is. */
    for (uint64_t old = 0; old < 8; old++) {
        uint64_t now = old * 10000;

        for (uint64_t i = 0; i < 8; i++)
            learn(fdb, 0x100 + i, 1, i == old ? now : now + 1);
        assert_int_equal(learn(fdb, 0x200, 2, now + AGING).room, FDB_ROOM_EXPIRED);
        assert_int_equal(fdb_counters(fdb).evicted, 0);
        assert_int_equal(count_live(fdb, 0x100, 8, now + AGING), 7);
        fdb_flush_all(fdb);
        fdb_sweep(fdb, now, 8);
        assert_null(fdb_check(fdb));
    }
    fdb_free(fdb);
}

static void test_expired_entry_outlasts_few_insertions(void **state)
{
    enum {
        ENTRIES = 80
    };
    struct fdb *fdb = new_table(ENTRIES);
    uint32_t evicted = 0;

    learn(fdb, 0x50, 2, 0);
    learn_range(fdb, 0x100, ENTRIES - 1, 1, 1);
    while (learn(fdb, 0x1000 + evicted, 1, AGING).room != FDB_ROOM_EXPIRED)
        evicted++;
    assert_in_range(evicted, 0, ENTRIES / 8 - 1);
    assert_int_equal(fdb_counters(fdb).expired, 1);
    check_and_free(fdb);
}

static void test_flood_evicts_its_own(void **state)
{
    struct fdb *fdb = new_table(1024);

    for (uint32_t i = 0; i < 40; i++)
        learn(fdb, 0x100 + i, (port_id)(1 + i % 7), 0);
    learn_range(fdb, 0x100000, 100000, 0, 1);
    assert_int_equal(count_live(fdb, 0x100, 40, 1), 40);
    assert_int_equal(held_by(fdb, 0, 1), 1024 - 40);
    assert_int_equal(fdb_counters(fdb).evicted, 100000 - (1024 - 40));
    check_and_free(fdb);
}

static void test_two_floods_share_the_table(void **state)
{
    struct fdb *fdb = new_table(100);

    learn_range(fdb, 0x10000, 1000, 1, 0);
    learn_range(fdb, 0x20000, 1000, 2, 0);
    assert_int_equal(held_by(fdb, 1, 0), 50);
    assert_int_equal(held_by(fdb, 2, 0), 50);
    /* At a tie the newcomer's own port gives way. */
    learn(fdb, 0x30000, 1, 0);
    assert_int_equal(held_by(fdb, 1, 0), 50);
    learn(fdb, 0x30001, 2, 0);
    assert_int_equal(held_by(fdb, 2, 0), 50);
    check_and_free(fdb);
}

static void test_host_behind_the_flooding_port_gets_a_second_chance(void **state)
{
    struct fdb *fdb = new_table(64);

    learn_range(fdb, 0x100, 4, 0, 0);
    for (uint64_t i = 0; i < 10000; i++) {
        if (i % 16 == 0)
            learn_range(fdb, 0x100, 4, 0, 0);
        learn(fdb, 0x100000 + i, 0, 0);
        assert_int_equal(count_live(fdb, 0x100, 4, 0), 4);
    }
    check_and_free(fdb);
}

static void test_second_chances_are_bounded(void **state)
{
    struct fdb *fdb = new_table(64);

    learn_range(fdb, 0x100, 64, 0, 0);
    learn_range(fdb, 0x100, 64, 0, 0);
    learn(fdb, 0x200, 0, 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0x108, 0), PORT_NONE);
    assert_int_equal(count_live(fdb, 0x100, 64, 0), 63);

    /* Each of the next six spends eight chances too; then it is the turn of the first eight, who
     * have had theirs. */
    learn_range(fdb, 0x300, 6, 0, 0);
    assert_int_equal(count_live(fdb, 0x100, 8, 0), 8);
    learn(fdb, 0x400, 0, 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0x100, 0), PORT_NONE);
    assert_int_equal(count_live(fdb, 0x101, 7, 0), 7);
    check_and_free(fdb);
}

static void test_second_chances_go_round_once(void **state)
{
    struct fdb *fdb = new_table(4);

    learn_range(fdb, 0x100, 4, 0, 0);
    learn_range(fdb, 0x100, 4, 0, 0);
    learn(fdb, 0x200, 0, 0);
    assert_int_equal(count_live(fdb, 0x100, 3, 0), 3);
    learn(fdb, 0x201, 0, 0);
    assert_int_equal(count_live(fdb, 0x101, 2, 0), 2);
    assert_int_equal(fdb_lookup(fdb, 0, 0x100, 0), PORT_NONE);
    check_and_free(fdb);
}

static void test_second_chance_stays_where_it_was_earned(void **state)
{
    struct fdb *fdb = new_table(4);

    learn_range(fdb, 0x100, 1, 0, 0);
    learn_range(fdb, 0x100, 1, 0, 0);
    learn_range(fdb, 0x100, 1, 1, 0);
    learn_range(fdb, 0x200, 4, 1, 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0x100, 0), PORT_NONE);
    assert_int_equal(count_live(fdb, 0x200, 4, 0), 4);
    check_and_free(fdb);
}

static void test_no_second_chance_for_the_expired(void **state)
{
    struct fdb *fdb = new_table(64);

    learn_range(fdb, 0x100, 64, 1, 0);
    learn(fdb, 0x100, 1, 1);
    learn_range(fdb, 0x101, 63, 1, 200);
    /* So that the insertion looks for expired entries past the one that is. */
    assert_int_equal(fdb_sweep(fdb, 200, 8), 0);
    assert_int_equal(learn(fdb, 0x200, 1, 1 + AGING).room, FDB_ROOM_FULLEST);
    assert_int_equal(fdb_counters(fdb).evicted, 0);
    assert_int_equal(fdb_counters(fdb).expired, 1);
    assert_int_equal(count_live(fdb, 0x101, 63, 1 + AGING), 63);
    check_and_free(fdb);
}

static void test_walk_survives_changes(void **state)
{
    struct fdb *fdb = new_table(64);
    struct fdb_entry entry;
    uint32_t cursor = 0;
    uint32_t visits[64] = {0};

    learn_range(fdb, 0x100, 64, 1, 0);
    learn_range(fdb, 0x100, 32, 2, 0);
    while (fdb_next(fdb, 0, &cursor, &entry)) {
        visits[entry.mac - 0x100]++;
        if (cursor == 10)
            fdb_flush_port(fdb, 1);
        if (cursor == 20)
            fdb_sweep(fdb, 0, 64);
    }
    for (uint32_t i = 0; i < 64; i++)
        assert_int_equal(visits[i], i < 32);
    check_and_free(fdb);
}

static int add(struct fdb *fdb, uint64_t mac, port_id port, bool is_static, bool is_sticky)
{
    const struct fdb_entry entry = {
        .mac = mac, .port = port, .is_static = is_static, .is_sticky = is_sticky};

    return fdb_add(fdb, &entry);
}

static void test_static_entry_fixes_its_address(void **state)
{
    struct fdb *fdb = new_table(16);
    struct fdb_plan plan;

    assert_int_equal(add(fdb, 0x02, 1, true, false), 0);
    assert_true(fdb_is_static(fdb, 0, 0x02));
    assert_false(fdb_is_static(fdb, 1, 0x02));
    assert_int_equal(learn(fdb, 0x02, 1, 5).action, FDB_REFRESH);
    plan = learn(fdb, 0x02, 2, 6);
    assert_int_equal(plan.action, FDB_REFUSE_MOVE);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 0, 0x02, 6), 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 6), 1);
    assert_int_equal(fdb_counters(fdb).refused_moves, 1);
    assert_int_equal(fdb_counters(fdb).moved, 0);
    check_and_free(fdb);
}

static void test_static_entry_is_of_any_age(void **state)
{
    struct fdb *fdb = new_table(16);
    struct fdb_plan plan;

    add(fdb, 0x02, 1, true, false);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 1000 * AGING), 1);
    assert_int_equal(fdb_sweep(fdb, 1000 * AGING, 16), 0);
    assert_int_equal(fdb_count(fdb, 1000 * AGING), 1);
    fdb_set_aging(fdb, 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 1000 * AGING), 1);
    fdb_plan_learn(fdb, 0, 0x02, 1, 1, &plan);
    assert_int_equal(fdb_lookup_after(fdb, &plan, 0, 0x02, 1), 1);
    check_and_free(fdb);
}

static void test_static_entry_survives_flushes(void **state)
{
    struct fdb *fdb = new_table(16);

    add(fdb, 0x02, 1, true, false);
    learn(fdb, 0x03, 1, 0);
    fdb_flush_port(fdb, 1);
    fdb_flush_all(fdb);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x03, 0), PORT_NONE);
    assert_int_equal(fdb_counters(fdb).flushed, 1);
    assert_null(fdb_check(fdb));

    fdb_del_port(fdb, 2);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 1);
    fdb_del_port(fdb, 1);
    fdb_del_port(fdb, PORTS);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), PORT_NONE);
    check_and_free(fdb);
}

static void test_static_entry_replaces_a_learned_one(void **state)
{
    struct fdb *fdb = new_table(16);

    learn(fdb, 0x02, 1, 0);
    assert_int_equal(add(fdb, 0x02, 2, true, false), 0);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 2);
    assert_int_equal(fdb_used(fdb), 1);
    assert_int_equal(fdb_counters(fdb).flushed, 1);
    assert_int_equal(held_by(fdb, 1, 0), 0);

    /* And another static one; but what is not static gives way. */
    assert_int_equal(add(fdb, 0x02, 3, true, true), 0);
    assert_int_equal(add(fdb, 0x02, 4, false, true), -EEXIST);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 3);
    assert_int_equal(add(fdb, 0x02, PORTS, true, false), -EINVAL);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 0), 3);
    check_and_free(fdb);
}

static void test_static_entries_are_never_evicted(void **state)
{
    struct fdb *fdb = new_table(16);

    learn_range(fdb, 0x100, 16, 1, 0);
    for (uint64_t mac = 0x200; mac < 0x200 + 15; mac++)
        assert_int_equal(add(fdb, mac, 2, true, false), 0);
    assert_int_equal(fdb_count(fdb, 0), 16);
    learn_range(fdb, 0x1000, 1000, 3, 0);
    assert_int_equal(count_live(fdb, 0x200, 15, 0), 15);
    assert_int_equal(fdb_count(fdb, 0), 16);
    assert_null(fdb_check(fdb));

    /* The last one, and nothing is learned any more. */
    assert_int_equal(add(fdb, 0x300, 2, true, false), 0);
    assert_int_equal(add(fdb, 0x301, 2, true, false), -ENOSPC);
    assert_int_equal(learn(fdb, 0x50, 1, 0).action, FDB_REFUSE_INSERT);
    assert_int_equal(fdb_lookup(fdb, 0, 0x50, 0), PORT_NONE);
    assert_int_equal(fdb_counters(fdb).refused_inserts, 1);
    assert_true(fdb_del(fdb, 0, 0x300, 0));
    assert_int_equal(learn(fdb, 0x50, 1, 0).action, FDB_INSERT);
    check_and_free(fdb);
}

static void test_sticky_entry_stays_while_it_lives(void **state)
{
    struct fdb *fdb = new_table(16);

    assert_int_equal(add(fdb, 0x02, 1, false, true), 0);
    assert_int_equal(learn(fdb, 0x02, 2, AGING - 1).action, FDB_REFUSE_MOVE);
    assert_int_equal(learn(fdb, 0x02, 1, AGING - 1).action, FDB_REFRESH);
    assert_int_equal(learn(fdb, 0x02, 2, 2 * AGING - 2).action, FDB_REFUSE_MOVE);
    assert_int_equal(fdb_counters(fdb).refused_moves, 2);
    /* When it is too old it is an address like any other. */
    assert_int_equal(learn(fdb, 0x02, 2, 2 * AGING - 1).action, FDB_INSERT);
    assert_int_equal(learn(fdb, 0x02, 3, 2 * AGING - 1).action, FDB_MOVE);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 2 * AGING), 3);

    add(fdb, 0x02, 1, false, true);
    fdb_flush_port(fdb, 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x02, 2 * AGING), PORT_NONE);
    check_and_free(fdb);
}

static void test_del_forgets_what_lives(void **state)
{
    struct fdb *fdb = new_table(16);

    learn(fdb, 0x02, 1, 0);
    add(fdb, 0x03, 1, true, false);
    assert_false(fdb_del(fdb, 1, 0x02, 0));
    assert_false(fdb_del(fdb, 0, 0x04, 0));
    assert_true(fdb_del(fdb, 0, 0x02, 0));
    assert_true(fdb_del(fdb, 0, 0x03, 0));
    assert_false(fdb_del(fdb, 0, 0x02, 0));
    assert_int_equal(fdb_used(fdb), 0);
    assert_int_equal(fdb_counters(fdb).flushed, 1);
    learn(fdb, 0x02, 1, 0);
    assert_false(fdb_del(fdb, 0, 0x02, AGING));
    check_and_free(fdb);
}

static uint64_t flush(struct fdb *fdb, const struct fdb_filter *filter, uint64_t now)
{
    uint64_t count = 0;
    uint32_t cursor = 0;

    while (fdb_flush_some(fdb, filter, now, 1, &cursor, &count))
        assert_null(fdb_check(fdb));
    return count;
}

static void test_flush_takes_what_is_meant(void **state)
{
    struct fdb *fdb = new_table(64);
    const struct fdb_filter behind_1 = {.port = 1};
    const struct fdb_filter one = {
        .port = 2, .has_vid = true, .has_mac = true, .vid = 0, .mac = 0x202};
    const struct fdb_filter all = {.port = PORT_NONE};
    const struct fdb_filter other_vid = {.port = PORT_NONE, .has_vid = true, .vid = 1};
    const struct fdb_filter other_port = {.port = 3, .has_mac = true, .mac = 0x202};

    learn_range(fdb, 0x100, 10, 1, 0);
    learn_range(fdb, 0x200, 10, 2, 0);
    add(fdb, 0x300, 1, true, false);
    add(fdb, 0x301, 1, false, true);
    assert_int_equal(flush(fdb, &other_vid, 0), 0);
    assert_int_equal(flush(fdb, &other_port, 0), 0);
    assert_int_equal(flush(fdb, &one, 0), 1);
    assert_int_equal(fdb_lookup(fdb, 0, 0x202, 0), PORT_NONE);
    assert_int_equal(flush(fdb, &behind_1, 0), 11);
    assert_int_equal(count_live(fdb, 0x200, 10, 0), 9);
    assert_int_equal(fdb_lookup(fdb, 0, 0x300, 0), 1);
    assert_int_equal(fdb_counters(fdb).flushed, 12);
    /* What was forgotten already is not counted once more. */
    fdb_flush_port(fdb, 2);
    learn(fdb, 0x400, 3, 0);
    assert_int_equal(flush(fdb, &all, AGING), 0);
    assert_int_equal(flush(fdb, &all, AGING - 1), 1);
    assert_int_equal(fdb_count(fdb, 0), 1);
    check_and_free(fdb);
}

static void test_flush_is_bounded(void **state)
{
    struct fdb *fdb = new_table(1000);
    const struct fdb_filter all = {.port = PORT_NONE};
    uint64_t count = 0;
    uint32_t cursor = 0;
    uint32_t calls = 1;

    learn_range(fdb, 0x100, 1000, 1, 0);
    for (; fdb_flush_some(fdb, &all, 0, 68, &cursor, &count); calls++)
        assert_int_equal(count, 4 * calls);
    assert_int_equal(count, 1000);
    assert_int_equal(calls, 250);
    check_and_free(fdb);
}

static void test_counters_go_on_in_the_next_table(void **state)
{
    struct fdb *before = new_table(16);
    struct fdb *after = new_table(32);

    learn_range(before, 0x100, 20, 1, 0);
    fdb_succeed(after, before);
    check_and_free(before);
    assert_int_equal(fdb_count(after, 0), 0);
    assert_int_equal(fdb_counters(after).inserted, 20);
    assert_int_equal(fdb_counters(after).evicted, 4);
    assert_int_equal(fdb_counters(after).flushed, 16);
    learn(after, 0x100, 1, 0);
    check_and_free(after);
}

static void test_memory_is_told(void **state)
{
    /* 32 bytes of entry, 16 for its moves, and between two and four buckets of 8 for each address.
     */
    assert_in_range(fdb_memory_bytes(65536, 0), 65536 * 64, 65536 * 64 + 4096);
    assert_in_range(fdb_memory_bytes(65537, 0), 65537 * 64, 65537 * 80 + 4096);
    assert_true(fdb_memory_bytes(16, 4096) > fdb_memory_bytes(16, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_refuses_impossible_sizes),
        cmocka_unit_test(test_learned_address_is_found_in_its_vlan_only),
        cmocka_unit_test(test_group_and_zero_addresses_are_keys_like_any),
        cmocka_unit_test(test_port_out_of_range_is_not_learned),
        cmocka_unit_test(test_table_without_ports_learns_nothing),
        cmocka_unit_test(test_entry_expires_unless_its_address_speaks),
        cmocka_unit_test(test_expired_address_is_learned_anew_in_its_own_entry),
        cmocka_unit_test(test_aging_time_changes_at_once),
        cmocka_unit_test(test_refresh_changes_seen_alone),
        cmocka_unit_test(test_station_moves),
        cmocka_unit_test(test_plan_changes_nothing_until_committed),
        cmocka_unit_test(test_lookup_after_misses_the_victim),
        cmocka_unit_test(test_capacity_is_exact),
        cmocka_unit_test(test_flush_port_spares_the_others),
        cmocka_unit_test(test_flush_of_some_vlans_spares_the_others),
        cmocka_unit_test(test_sweep_reclaims_by_budget),
        cmocka_unit_test(test_stale_entries_make_room_first),
        cmocka_unit_test(test_expired_entries_make_room_before_live_ones),
        cmocka_unit_test(test_expired_entry_outlasts_few_insertions),
        cmocka_unit_test(test_flood_evicts_its_own),
        cmocka_unit_test(test_two_floods_share_the_table),
        cmocka_unit_test(test_host_behind_the_flooding_port_gets_a_second_chance),
        cmocka_unit_test(test_second_chances_are_bounded),
        cmocka_unit_test(test_second_chances_go_round_once),
        cmocka_unit_test(test_second_chance_stays_where_it_was_earned),
        cmocka_unit_test(test_no_second_chance_for_the_expired),
        cmocka_unit_test(test_walk_survives_changes),
        cmocka_unit_test(test_static_entry_fixes_its_address),
        cmocka_unit_test(test_static_entry_is_of_any_age),
        cmocka_unit_test(test_static_entry_survives_flushes),
        cmocka_unit_test(test_static_entry_replaces_a_learned_one),
        cmocka_unit_test(test_static_entries_are_never_evicted),
        cmocka_unit_test(test_sticky_entry_stays_while_it_lives),
        cmocka_unit_test(test_del_forgets_what_lives),
        cmocka_unit_test(test_flush_takes_what_is_meant),
        cmocka_unit_test(test_flush_is_bounded),
        cmocka_unit_test(test_counters_go_on_in_the_next_table),
        cmocka_unit_test(test_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
