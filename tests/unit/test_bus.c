/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ringspan/bus.h"

struct ear {
    struct bus_listener *listener;
    uint32_t n;
    uint64_t seq;
    enum bus_what what;
};

/* What the one behind the bus is asked for. */
struct demand {
    uint32_t n;
    uint32_t kinds;
    int answer;
};

static int on_demand(void *arg, uint32_t kinds)
{
    struct demand *demand = arg;

    demand->n++;
    demand->kinds = kinds;
    return demand->answer;
}

static void on_event(void *arg, const struct bus_event *event)
{
    struct ear *ear = arg;

    ear->n++;
    ear->seq = event->seq;
    ear->what = event->what;
}

static struct bus *make(struct demand *demand)
{
    struct bus *bus;

    assert_int_equal(bus_new(on_demand, demand, &bus), 0);
    return bus;
}

static void listen_to(struct bus *bus, uint32_t kinds, struct ear *ear)
{
    assert_int_equal(bus_listen(bus, kinds, on_event, ear, &ear->listener), 0);
}

static void publish(struct bus *bus, enum bus_what what, uint64_t count)
{
    bus_publish(bus, &(struct bus_event){.what = what, .count = count});
}

static void each_hears_the_kinds_it_listens_to(void **state)
{
    struct demand demand = {0};
    struct bus *bus = make(&demand);
    struct ear ports = {0};
    struct ear all = {0};

    listen_to(bus, BUS_MASK(BUS_PORT), &ports);
    listen_to(bus, BUS_ALL, &all);
    publish(bus, BUS_PORT_ADD, 0);
    publish(bus, BUS_LINK_RESYNC, 0);
    publish(bus, BUS_CONFIG_CHANGE, 0);
    assert_int_equal(ports.n, 1);
    assert_int_equal(ports.what, BUS_PORT_ADD);
    assert_int_equal(all.n, 3);
    assert_int_equal(all.what, BUS_CONFIG_CHANGE);
    bus_unlisten(all.listener);
    publish(bus, BUS_PORT_DEL, 0);
    assert_int_equal(ports.n, 2);
    assert_int_equal(all.n, 3);
    bus_unlisten(ports.listener);
    bus_free(bus);
}

/* Two listeners, or one that comes later, count alike. */
static void numbers_are_given_whether_or_not_anybody_listens(void **state)
{
    struct demand demand = {0};
    struct bus *bus = make(&demand);
    struct ear ear = {0};

    assert_int_equal(bus_seq(bus), 0);
    publish(bus, BUS_PORT_ADD, 0);
    publish(bus, BUS_PORT_ADD, 0);
    listen_to(bus, BUS_MASK(BUS_PORT), &ear);
    publish(bus, BUS_PORT_STATE, 0);
    assert_int_equal(ear.seq, 3);
    publish(bus, BUS_LINK_ADD, 0);
    publish(bus, BUS_PORT_STATE, 0);
    assert_int_equal(ear.seq, 5);
    assert_int_equal(bus_seq(bus), 5);
    bus_unlisten(ear.listener);
    bus_free(bus);
}

static void what_was_lost_takes_numbers_too(void **state)
{
    struct demand demand = {0};
    struct bus *bus = make(&demand);
    struct ear ear = {0};

    listen_to(bus, BUS_MASK(BUS_FDB), &ear);
    publish(bus, BUS_FDB_LOST, 1000);
    assert_int_equal(ear.n, 1);
    assert_int_equal(ear.seq, 1000);
    publish(bus, BUS_FDB_LOST, 1);
    assert_int_equal(ear.seq, 1001);
    bus_unlisten(ear.listener);
    bus_free(bus);
}

static void demand_follows_the_listeners(void **state)
{
    struct demand demand = {0};
    struct bus *bus = make(&demand);
    struct ear one = {0};
    struct ear other = {0};

    listen_to(bus, 0, &one);
    assert_int_equal(demand.n, 0);
    listen_to(bus, BUS_MASK(BUS_FDB), &other);
    assert_int_equal(demand.kinds, BUS_MASK(BUS_FDB));
    assert_int_equal(bus_listen_to(one.listener, BUS_MASK(BUS_FDB) | BUS_MASK(BUS_PORT)), 0);
    assert_int_equal(demand.kinds, BUS_MASK(BUS_FDB) | BUS_MASK(BUS_PORT));
    bus_unlisten(other.listener); /* the first still wants both */
    assert_int_equal(demand.n, 2);
    assert_int_equal(bus_listen_to(one.listener, BUS_MASK(BUS_PORT)), 0);
    assert_int_equal(demand.kinds, BUS_MASK(BUS_PORT));
    bus_unlisten(one.listener);
    assert_int_equal(demand.kinds, 0);
    bus_free(bus);
}

static void a_refused_demand_changes_nothing(void **state)
{
    struct demand demand = {.answer = -ENOMEM};
    struct bus *bus = make(&demand);
    struct ear ear = {0};

    assert_int_equal(bus_listen(bus, BUS_ALL, on_event, &ear, &ear.listener), -ENOMEM);
    assert_null(ear.listener);
    listen_to(bus, 0, &ear);
    assert_int_equal(bus_listen_to(ear.listener, BUS_ALL), -ENOMEM);
    publish(bus, BUS_PORT_ADD, 0);
    assert_int_equal(ear.n, 0);
    bus_unlisten(ear.listener);
    bus_free(bus);
}

static void events_have_names(void **state)
{
    const struct fdb_change move = {.kind = FDB_CHANGE_MOVE};

    assert_string_equal(bus_kind_name(bus_kind_of(BUS_CONFIG_REFUSED)), "config");
    assert_string_equal(bus_event_name(&(struct bus_event){.what = BUS_CONFIG_REFUSED}), "refused");
    assert_string_equal(bus_kind_name(bus_kind_of(BUS_FDB_CHANGE)), "fdb");
    assert_string_equal(bus_event_name(&(struct bus_event){.what = BUS_FDB_CHANGE, .fdb = &move}),
                        "move");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hears_the_kinds_it_listens_to),
        cmocka_unit_test(numbers_are_given_whether_or_not_anybody_listens),
        cmocka_unit_test(what_was_lost_takes_numbers_too),
        cmocka_unit_test(demand_follows_the_listeners),
        cmocka_unit_test(a_refused_demand_changes_nothing),
        cmocka_unit_test(events_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
