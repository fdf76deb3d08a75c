/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ringspan/fdb.h"

#define ROOM    4
#define ENTRIES 64
#define AGING   100
#define MAC(n)  (UINT64_C(0x020000000000) + (n))

struct tables {
    struct fdb *fdb;
    struct fdb_journal *journal;
};

static int setup(void **state)
{
    static struct tables tables;
    const struct fdb_params params = {.max_entries = ENTRIES, .max_ports = 4, .aging_ns = AGING};

    if (fdb_new(&params, &tables.fdb) < 0 || fdb_journal_new(ROOM, &tables.journal) < 0)
        return -1;
    fdb_set_journal(tables.fdb, tables.journal, &tables);
    *state = &tables;
    return 0;
}

static int teardown(void **state)
{
    struct tables *tables = *state;

    fdb_free(tables->fdb);
    fdb_journal_free(tables->journal);
    return 0;
}

static void learn(struct tables *tables, uint64_t mac, port_id port, uint64_t now)
{
    struct fdb_plan plan;

    fdb_plan_learn(tables->fdb, 7, mac, port, now, &plan);
    fdb_commit(tables->fdb, &plan);
}

static void assert_note(const struct tables *tables, uint32_t i, enum fdb_change_kind kind,
                        uint64_t mac, port_id port)
{
    const struct fdb_change *change = &tables->journal->changes[i];

    assert_true(i < tables->journal->n);
    assert_string_equal(fdb_change_name((enum fdb_change_kind)change->kind), fdb_change_name(kind));
    assert_int_equal(change->mac, mac);
    assert_int_equal(change->port, port);
    assert_ptr_equal(change->owner, tables);
}

static void one_note_per_change(void **state)
{
    struct tables *tables = *state;

    learn(tables, MAC(1), 0, 0);
    learn(tables, MAC(1), 0, 1); /* a refresh is none */
    learn(tables, MAC(1), 2, 2);
    assert_int_equal(tables->journal->n, 2);
    assert_note(tables, 0, FDB_CHANGE_LEARN, MAC(1), 0);
    assert_int_equal(tables->journal->changes[0].vid, 7);
    assert_note(tables, 1, FDB_CHANGE_MOVE, MAC(1), 2);
    assert_int_equal(tables->journal->changes[1].from, 0);
}

static void what_expired_and_comes_back_ages_and_is_learned(void **state)
{
    struct tables *tables = *state;

    learn(tables, MAC(1), 0, 0);
    fdb_journal_clear(tables->journal);
    assert_int_equal(fdb_lookup(tables->fdb, 7, MAC(1), AGING), PORT_NONE);
    assert_int_equal(tables->journal->n, 0);
    learn(tables, MAC(1), 1, AGING); /* on another port: not a move, for nothing was there */
    assert_int_equal(tables->journal->n, 2);
    assert_note(tables, 0, FDB_CHANGE_AGE, MAC(1), 0);
    assert_note(tables, 1, FDB_CHANGE_LEARN, MAC(1), 1);
}

static void the_sweep_ages(void **state)
{
    struct tables *tables = *state;

    learn(tables, MAC(1), 3, 0);
    fdb_journal_clear(tables->journal);
    assert_int_equal(fdb_sweep(tables->fdb, AGING - 1, ENTRIES), 0);
    assert_int_equal(tables->journal->n, 0);
    assert_int_equal(fdb_sweep(tables->fdb, AGING, ENTRIES), 1);
    assert_int_equal(tables->journal->n, 1);
    assert_note(tables, 0, FDB_CHANGE_AGE, MAC(1), 3);
}

static void a_flush_is_one_note(void **state)
{
    struct tables *tables = *state;

    for (uint32_t i = 0; i < 10; i++)
        learn(tables, MAC(i), i < 6 ? 0 : 1, 0);
    fdb_journal_clear(tables->journal);
    fdb_flush_port(tables->fdb, 0);
    fdb_flush_port(tables->fdb, 0); /* nothing left: nothing happened */
    fdb_flush_all(tables->fdb);
    fdb_flush_all(tables->fdb);
    assert_int_equal(fdb_sweep(tables->fdb, 0, ENTRIES), 10); /* told already */
    assert_int_equal(tables->journal->n, 2);
    assert_note(tables, 0, FDB_CHANGE_FLUSH, 0, 0);
    assert_int_equal(tables->journal->changes[0].count, 6);
    assert_note(tables, 1, FDB_CHANGE_FLUSH, 0, PORT_NONE);
    assert_int_equal(tables->journal->changes[1].count, 4);
}

/* Of the VLANs that a port left each entry is one, expired or not; nothing else is known of them.
 */
static void a_vlan_that_is_left_deletes(void **state)
{
    struct tables *tables = *state;
    struct vidset vids = {{0}};

    learn(tables, MAC(1), 0, 0);
    learn(tables, MAC(2), 1, 0);
    fdb_journal_clear(tables->journal);
    vidset_add(&vids, 8);
    fdb_flush_port_vlans(tables->fdb, 0, &vids, 0, ENTRIES);
    assert_int_equal(tables->journal->n, 0);
    vidset_add(&vids, 7);
    fdb_flush_port_vlans(tables->fdb, 0, &vids, 0, ENTRIES);
    assert_int_equal(tables->journal->n, 1);
    assert_note(tables, 0, FDB_CHANGE_DEL, MAC(1), 0);
    assert_int_equal(tables->journal->changes[0].vid, 7);
}

static void the_first_are_kept_and_the_rest_is_counted(void **state)
{
    struct tables *tables = *state;

    for (uint32_t i = 0; i < ROOM; i++)
        learn(tables, MAC(i), 0, 0);
    assert_int_equal(tables->journal->lost, 0);
    for (uint32_t i = ROOM; i < ROOM + 9; i++)
        learn(tables, MAC(i), 0, 0);
    assert_int_equal(tables->journal->n, ROOM);
    assert_int_equal(tables->journal->lost, 9);
    assert_note(tables, ROOM - 1, FDB_CHANGE_LEARN, MAC(ROOM - 1), 0);
    fdb_journal_clear(tables->journal);
    learn(tables, MAC(0), 1, 0);
    assert_int_equal(tables->journal->n, 1);
    assert_int_equal(tables->journal->lost, 0);
}

static void a_full_table_evicts(void **state)
{
    struct tables *tables = *state;

    for (uint32_t i = 0; i < ENTRIES; i++)
        learn(tables, MAC(i), 0, 0);
    fdb_journal_clear(tables->journal);
    learn(tables, MAC(ENTRIES), 1, 1);
    assert_int_equal(tables->journal->n, 2);
    assert_note(tables, 0, FDB_CHANGE_EVICT, MAC(0), 0);
    assert_note(tables, 1, FDB_CHANGE_LEARN, MAC(ENTRIES), 1);
    assert_int_equal(tables->journal->changes[0].slot, tables->journal->changes[1].slot);
}

static void without_a_journal_nothing_is_noted(void **state)
{
    struct tables *tables = *state;

    fdb_set_journal(tables->fdb, NULL, NULL);
    learn(tables, MAC(1), 0, 0);
    learn(tables, MAC(1), 1, 0);
    fdb_flush_all(tables->fdb);
    assert_int_equal(tables->journal->n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_note_per_change, setup, teardown),
        cmocka_unit_test_setup_teardown(what_expired_and_comes_back_ages_and_is_learned, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_sweep_ages, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flush_is_one_note, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vlan_that_is_left_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_are_kept_and_the_rest_is_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_full_table_evicts, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_journal_nothing_is_noted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
