/* SPDX-License-Identifier: ISC */
#include "ringspan/bridge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/clock.h"
#include "ringspan/log.h"
#include "ringspan/port_memory.h"

/* What a bridge does besides forwarding, which is simulated in tests/sim. */

#define NOW   (1000 * NS_PER_SEC)
#define AGING (300 * NS_PER_SEC)

/* More than one turn of the sweep, or a few, can look at. */
#define N_ADDRESSES 20000

static const struct port_device device = {.ifindex = 1, .mtu = 1500};

static struct bridge_params params_of(uint32_t max_ports)
{
    return (struct bridge_params){
        .name = "br0",
        .max_ports = max_ports,
        .max_entries = N_ADDRESSES,
        .aging_ns = AGING,
        .reserved = reserved_settings_of(RESERVED_PROVIDER_BRIDGE),
        .fdb_key = {1, 2},
    };
}

static int set_up(void **state)
{
    struct bridge_params params = params_of(3);
    struct bridge *bridge = NULL;

    assert_int_equal(bridge_new(&params, &bridge), 0);
    *state = bridge;
    return 0;
}

static int tear_down(void **state)
{
    struct bridge *bridge = *state;

    for (uint32_t id = 0; id < bridge_id_limit(bridge); id++) {
        if (bridge_port(bridge, (port_id)id))
            bridge_port(bridge, (port_id)id)->ops->close(bridge_port(bridge, (port_id)id));
    }
    bridge_free(bridge);
    return 0;
}

static struct port *new_port(const char *name)
{
    struct port *port = NULL;

    assert_int_equal(memory_port_new(name, &port), 0);
    assert_int_equal(port_bring_up(port), 0);
    assert_int_equal(port->ops->start(port, &device), 0);
    return port;
}

static struct port *add_port(struct bridge *bridge, const char *name)
{
    struct port *port = new_port(name);

    assert_int_equal(bridge_add_port(bridge, port), 0);
    return port;
}

static void send_from(struct bridge *bridge, struct port *port, uint64_t dst, uint64_t src)
{
    uint8_t bytes[60] = {0};

    mac_store(dst, bytes);
    mac_store(src, bytes + 6);
    assert_true(memory_port_inject(port, bytes, sizeof(bytes), NULL));
    assert_int_equal(bridge_poll(bridge, port->source, NOW).frames, 1);
}

static void test_refuses_impossible_sizes(void **state)
{
    struct bridge *bridge = (struct bridge *)state; /* anything that must not be touched */
    struct bridge_params params = params_of(0);

    assert_int_equal(bridge_new(&params, &bridge), -EINVAL);
    params = params_of(LIMIT_PORTS + 1);
    assert_int_equal(bridge_new(&params, &bridge), -EINVAL);
    params = params_of(3);
    params.max_entries = 0;
    assert_int_equal(bridge_new(&params, &bridge), -EINVAL);
    assert_ptr_equal(bridge, state);
    bridge_free(NULL);
}

static void test_is_what_it_was_asked_to_be(void **state)
{
    struct bridge *bridge = *state;

    assert_string_equal(bridge_name(bridge), "br0");
    assert_int_equal(bridge_aging_ns(bridge), AGING);
    assert_int_equal(bridge_reserved(bridge)->preset, RESERVED_PROVIDER_BRIDGE);
    assert_int_equal(bridge_id_limit(bridge), 0);
    assert_int_equal(bridge_n_ports(bridge), 0);
    assert_int_equal(fdb_max_entries(bridge_fdb(bridge)), N_ADDRESSES);
    assert_ptr_equal(bridge_tables(bridge)->fdb, bridge_fdb(bridge));
    assert_null(bridge_port(bridge, 0));
    assert_null(bridge_port(bridge, PORT_NONE));
    assert_null(bridge_port_by_name(bridge, "a"));
}

static void test_ids_are_dense_and_reused(void **state)
{
    struct bridge *bridge = *state;
    struct port *a = add_port(bridge, "a");
    struct port *b = add_port(bridge, "b");
    struct port *c = add_port(bridge, "c");
    struct port *d = new_port("d");

    assert_int_equal(a->id, 0);
    assert_int_equal(b->id, 1);
    assert_int_equal(c->id, 2);
    assert_int_equal(b->state, PORT_WAITING);
    assert_int_equal(bridge_add_port(bridge, d), -ENOSPC);
    assert_int_equal(d->id, PORT_NONE);
    assert_int_equal(bridge_n_ports(bridge), 3);
    assert_ptr_equal(bridge_port_by_name(bridge, "b"), b);

    b->ops->close(b);
    bridge_del_port(bridge, 1);
    assert_int_equal(b->id, PORT_NONE);
    assert_null(bridge_port(bridge, 1));
    assert_null(bridge_port_by_name(bridge, "b"));
    assert_int_equal(bridge_n_ports(bridge), 2);
    port_free(b);

    assert_int_equal(bridge_add_port(bridge, d), 0);
    assert_int_equal(d->id, 1);
    assert_ptr_equal(bridge_port(bridge, 1), d);
}

static void test_name_is_taken(void **state)
{
    struct bridge *bridge = *state;
    struct port *twin = new_port("a");

    add_port(bridge, "a");
    assert_int_equal(bridge_add_port(bridge, twin), -EEXIST);
    assert_int_equal(bridge_n_ports(bridge), 1);
    port_free(twin);
}

/* The tables that forward.c reads, and the flood set in them, follow each state. */
static void test_states_set_the_flood_set(void **state)
{
    static const enum port_activity expected[PORT_N_STATES] = {
        [PORT_FORWARDING] = PORT_ACTIVITY_FORWARD,
        [PORT_LEARNING] = PORT_ACTIVITY_LEARN,
    };
    struct bridge *bridge = *state;
    const struct forward_tables *tables = bridge_tables(bridge);
    struct port *port = add_port(bridge, "a");

    for (int from = 0; from < PORT_N_STATES; from++) {
        for (int to = 0; to < PORT_N_STATES; to++) {
            bridge_set_port_state(bridge, port->id, (enum port_state)from, "");
            assert_int_equal(bridge_set_port_state(bridge, port->id, (enum port_state)to, ""),
                             from != to);
            assert_int_equal(port->state, to);
            assert_int_equal(tables->activity[0], expected[to]);
            for (int i = 0; i < FLOOD_N_CLASSES; i++) {
                const struct portset *flood = &tables->policy->flood[i];

                assert_int_equal(portset_has(flood, 0), to == PORT_FORWARDING);
                assert_int_equal(flood->n_members, to == PORT_FORWARDING);
            }
        }
    }
}

static void test_leaving_takes_what_was_learned(void **state)
{
    struct bridge *bridge = *state;
    struct fdb *fdb = bridge_fdb(bridge);

    for (int from = PORT_LEARNING; from <= PORT_FORWARDING; from++) {
        for (int to = 0; to < PORT_N_STATES; to++) {
            bool stays = to == PORT_LEARNING || to == PORT_FORWARDING;
            struct port *port = add_port(bridge, "a");

            bridge_set_port_state(bridge, port->id, (enum port_state)from, "");
            send_from(bridge, port, MAC_BROADCAST, 2);
            assert_int_equal(fdb_lookup(fdb, 0, 2, NOW), port->id);
            bridge_set_port_state(bridge, port->id, (enum port_state)to, "");
            assert_int_equal(fdb_lookup(fdb, 0, 2, NOW), stays ? port->id : PORT_NONE);
            port->ops->close(port);
            bridge_del_port(bridge, port->id);
            assert_int_equal(fdb_lookup(fdb, 0, 2, NOW), PORT_NONE);
            port_free(port);
        }
    }
}

static void test_reason_is_kept_and_changes(void **state)
{
    struct bridge *bridge = *state;
    struct port *port = add_port(bridge, "a");
    char endless[3 * PORT_WHY_SIZE];

    assert_true(bridge_set_port_state(bridge, 0, PORT_DOWN, "unplugged"));
    assert_string_equal(port->why, "unplugged");
    assert_false(bridge_set_port_state(bridge, 0, PORT_DOWN, "unplugged"));
    assert_true(bridge_set_port_state(bridge, 0, PORT_DOWN, "eaten by mice"));
    assert_string_equal(port->why, "eaten by mice");
    /* The reason may be the port's own. */
    assert_true(bridge_set_port_state(bridge, 0, PORT_DISABLED, port->why));
    assert_string_equal(port->why, "eaten by mice");

    memset(endless, 'x', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_true(bridge_set_port_state(bridge, 0, PORT_ERROR, endless));
    assert_int_equal(strlen(port->why), PORT_WHY_SIZE - 1);
    /* Cut, but no news. */
    assert_false(bridge_set_port_state(bridge, 0, PORT_ERROR, endless));
}

static void learn_at(struct bridge *bridge, uint64_t mac, uint64_t now)
{
    struct fdb_plan plan;

    fdb_plan_learn(bridge_fdb(bridge), 0, mac, 0, now, &plan);
    fdb_commit(bridge_fdb(bridge), &plan);
}

static void learn(struct bridge *bridge, uint64_t mac)
{
    learn_at(bridge, mac, NOW);
}

static void test_aging_sleeps_while_there_is_nothing_to_age(void **state)
{
    struct bridge *bridge = *state;
    struct port *port = add_port(bridge, "a");
    uint64_t next;

    assert_int_equal(bridge_age(bridge, NOW), 0);
    bridge_set_port_state(bridge, 0, PORT_FORWARDING, "");
    send_from(bridge, port, MAC_BROADCAST, 2);
    for (uint64_t mac = 4; fdb_used(bridge_fdb(bridge)) < N_ADDRESSES; mac += 2)
        learn(bridge, mac);
    next = bridge_age(bridge, NOW);
    assert_in_range(next, NOW + 1, NOW + AGING);
    /* Called when it asked to be, it has been round the whole table within one more aging time. */
    for (uint64_t now = next; next != 0; now = next) {
        assert_true(now <= NOW + 2 * AGING);
        next = bridge_age(bridge, now);
    }
    assert_int_equal(fdb_used(bridge_fdb(bridge)), 0);
}

static void test_a_small_table_is_not_looked_at_before_something_expires(void **state)
{
    struct bridge *bridge = *state;
    const struct fdb_entry fixed = {.mac = 2, .port = 0, .is_static = true};
    uint64_t next;

    add_port(bridge, "a");
    bridge_set_port_state(bridge, 0, PORT_FORWARDING, "");
    learn(bridge, 4);
    assert_int_equal(fdb_add(bridge_fdb(bridge), &fixed), 0);
    next = bridge_age(bridge, NOW + AGING / 2);
    assert_int_equal(next, NOW + AGING);
    assert_int_equal(fdb_used(bridge_fdb(bridge)), 2);
    next = bridge_age(bridge, next);
    assert_int_equal(fdb_used(bridge_fdb(bridge)), 1);
    /* The static one never expires. */
    assert_int_equal(next, NOW + 2 * AGING);
    /* Soon after each other they expire in one turn. */
    learn_at(bridge, 6, NOW + AGING);
    learn_at(bridge, 8, NOW + AGING + 1);
    next = bridge_age(bridge, NOW + 2 * AGING - 1);
    assert_true(next > NOW + 2 * AGING);
    bridge_age(bridge, next);
    assert_int_equal(fdb_used(bridge_fdb(bridge)), 1);
}

/* What a change has doomed is gone within a millisecond per turn of the sweep, and no turn of the
 * loop does all of it. */
static void test_a_change_that_dooms_many_is_settled_soon(void **state)
{
    struct bridge *bridge = *state;
    struct port_policy policy = PORT_POLICY_DEFAULT;
    uint64_t next;
    uint32_t calls = 0;

    add_port(bridge, "a");
    bridge_set_port_state(bridge, 0, PORT_FORWARDING, "");
    policy.mac_limit = (struct mac_limit){.max = N_ADDRESSES, .action = MAC_LIMIT_DROP};
    bridge_set_port_policy(bridge, 0, &policy, NOW);
    for (uint64_t mac = 2; fdb_used(bridge_fdb(bridge)) < N_ADDRESSES; mac += 2)
        learn(bridge, mac);
    policy.mac_limit.max = N_ADDRESSES / 2;
    bridge_set_port_policy(bridge, 0, &policy, NOW);
    assert_int_equal(fdb_used(bridge_fdb(bridge)), N_ADDRESSES);
    assert_int_equal(fdb_count(bridge_fdb(bridge), NOW), 1024);
    for (next = NOW; fdb_is_settling(bridge_fdb(bridge)); calls++) {
        uint32_t used = fdb_used(bridge_fdb(bridge));
        uint64_t now = next;

        next = bridge_age(bridge, now);
        assert_in_range(used - fdb_used(bridge_fdb(bridge)), 0, 2048);
        if (fdb_is_settling(bridge_fdb(bridge)))
            assert_in_range(next, now + 1, now + NS_PER_MS);
    }
    assert_int_equal(calls, N_ADDRESSES / 2048 + 1);
    assert_int_equal(fdb_used(bridge_fdb(bridge)), 1024);
    assert_true(next > NOW + NS_PER_SEC);
}

/* A table is made before a plan runs, and the plan may change the aging time, too. */
static void test_new_table_has_the_aging_time_of_now(void **state)
{
    struct bridge *bridge = *state;
    struct fdb *fdb;

    add_port(bridge, "a");
    assert_int_equal(bridge_new_fdb(bridge, N_ADDRESSES, &fdb), 0);
    bridge_set_aging(bridge, AGING / 2);
    bridge_set_fdb(bridge, fdb);
    learn(bridge, 2);
    assert_int_equal(fdb_lookup(bridge_fdb(bridge), 0, 2, NOW + AGING / 2 - 1), 0);
    assert_int_equal(fdb_lookup(bridge_fdb(bridge), 0, 2, NOW + AGING / 2), PORT_NONE);
}

static void test_ledger_names_the_sum_that_fails(void **state)
{
    struct bridge *bridge = *state;
    struct bridge_ledger ledger;
    struct port *a = add_port(bridge, "a");
    struct port *b = add_port(bridge, "b");
    char what[64] = "untouched";

    bridge_set_port_state(bridge, a->id, PORT_FORWARDING, "");
    bridge_set_port_state(bridge, b->id, PORT_FORWARDING, "");
    send_from(bridge, a, MAC_BROADCAST, 2);
    assert_int_equal(bridge_ledger_snapshot(bridge, &ledger), 0);
    assert_int_equal(ledger.n_ports, 2);
    assert_ptr_equal(ledger.ports[0], a);
    assert_ptr_equal(ledger.ports[1], b);
    assert_true(bridge_ledger_balances(&ledger, what, sizeof(what)));
    assert_string_equal(what, "untouched");

    ledger.snapshots[1].counters.received.frames++;
    assert_false(bridge_ledger_balances(&ledger, what, sizeof(what)));
    assert_string_equal(what, "in of b");
    assert_false(bridge_ledger_balances(&ledger, NULL, 0));
    ledger.snapshots[1].counters.received.frames--;
    ledger.snapshots[0].counters.accepted.frames++;
    assert_false(bridge_ledger_balances(&ledger, what, sizeof(what)));
    assert_string_equal(what, "out of a");
    ledger.snapshots[0].counters.accepted.frames--;
    ledger.snapshots[0].counters.fanout++;
    assert_false(bridge_ledger_balances(&ledger, what, sizeof(what)));
    assert_string_equal(what, "across of the bridge");
    bridge_ledger_fini(&ledger);
    bridge_ledger_fini(&ledger);
}

static void test_ledger_of_nothing(void **state)
{
    struct bridge_ledger ledger;

    assert_int_equal(bridge_ledger_snapshot(*state, &ledger), 0);
    assert_int_equal(ledger.n_ports, 0);
    assert_true(bridge_ledger_balances(&ledger, NULL, 0));
    bridge_ledger_fini(&ledger);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_impossible_sizes),
        TEST(test_is_what_it_was_asked_to_be),
        TEST(test_ids_are_dense_and_reused),
        TEST(test_name_is_taken),
        TEST(test_states_set_the_flood_set),
        TEST(test_leaving_takes_what_was_learned),
        TEST(test_reason_is_kept_and_changes),
        TEST(test_new_table_has_the_aging_time_of_now),
        TEST(test_aging_sleeps_while_there_is_nothing_to_age),
        TEST(test_a_small_table_is_not_looked_at_before_something_expires),
        TEST(test_a_change_that_dooms_many_is_settled_soon),
        TEST(test_ledger_names_the_sum_that_fails),
        TEST(test_ledger_of_nothing),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
