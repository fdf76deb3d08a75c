/* SPDX-License-Identifier: ISC */
#include "ringspan/bus.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct bus_listener {
    struct bus *bus;
    struct bus_listener *next;
    uint32_t kinds;
    bus_fn fn;
    void *arg;
};

struct bus {
    struct bus_listener *listeners;
    bus_demand_fn demand;
    void *demand_arg;
    uint32_t kinds; /* that anybody listens to */
    uint64_t seq;
    bool is_publishing;
};

static const struct {
    enum bus_kind kind;
    const char *name;
} whats[] = {
    [BUS_PORT_ADD] = {BUS_PORT, "add"},
    [BUS_PORT_DEL] = {BUS_PORT, "del"},
    [BUS_PORT_STATE] = {BUS_PORT, "state"},
    [BUS_PORT_LIMIT_BEGIN] = {BUS_PORT, "limit_begin"},
    [BUS_PORT_LIMIT_END] = {BUS_PORT, "limit_end"},
    [BUS_PORT_RENEW] = {BUS_PORT, "renew"},
    [BUS_LINK_ADD] = {BUS_LINK, "add"},
    [BUS_LINK_CHANGE] = {BUS_LINK, "change"},
    [BUS_LINK_DEL] = {BUS_LINK, "del"},
    [BUS_LINK_RESYNC] = {BUS_LINK, "resync"},
    [BUS_FDB_CHANGE] = {BUS_FDB, NULL}, /* the change's own name */
    [BUS_FDB_LOST] = {BUS_FDB, "lost"},
    [BUS_CONFIG_CHANGE] = {BUS_CONFIG, "change"},
    [BUS_CONFIG_REFUSED] = {BUS_CONFIG, "refused"},
    [BUS_RECORDER_TRIGGER] = {BUS_RECORDER, "trigger"},
    [BUS_RECORDER_FREEZE] = {BUS_RECORDER, "freeze"},
    [BUS_RECORDER_ARM] = {BUS_RECORDER, "arm"},
};

_Static_assert(sizeof(whats) / sizeof(*whats) == BUS_N_WHATS, "one row an event");

enum bus_kind bus_kind_of(enum bus_what what)
{
    return whats[what].kind;
}

const char *bus_kind_name(enum bus_kind kind)
{
    static const char *const names[] = {"port", "link", "fdb", "config", "recorder"};

    _Static_assert(sizeof(names) / sizeof(*names) == BUS_N_KINDS, "one name a kind");
    return names[kind];
}

const char *bus_event_name(const struct bus_event *event)
{
    if (event->what == BUS_FDB_CHANGE)
        return fdb_change_name((enum fdb_change_kind)event->fdb->kind);
    return whats[event->what].name;
}

int bus_new(bus_demand_fn demand, void *arg, struct bus **ret)
{
    struct bus *bus = calloc(1, sizeof(*bus));

    if (!bus)
        return -ENOMEM;
    bus->demand = demand;
    bus->demand_arg = arg;
    *ret = bus;
    return 0;
}

void bus_free(struct bus *bus)
{
    if (!bus)
        return;
    assert(!bus->listeners);
    free(bus);
}

/* What is demanded once @changed listens to @kinds. */
static uint32_t kinds_with(const struct bus *bus, const struct bus_listener *changed,
                           uint32_t kinds)
{
    for (const struct bus_listener *i = bus->listeners; i; i = i->next) {
        if (i != changed)
            kinds |= i->kinds;
    }
    return kinds;
}

int bus_listen_to(struct bus_listener *listener, uint32_t kinds)
{
    struct bus *bus = listener->bus;
    uint32_t demanded = kinds_with(bus, listener, kinds);
    int r = 0;

    assert(!bus->is_publishing);
    if (demanded != bus->kinds && bus->demand)
        r = bus->demand(bus->demand_arg, demanded);
    if (r < 0)
        return r;
    bus->kinds = demanded;
    listener->kinds = kinds;
    return 0;
}

int bus_listen(struct bus *bus, uint32_t kinds, bus_fn fn, void *arg, struct bus_listener **ret)
{
    struct bus_listener *listener = calloc(1, sizeof(*listener));
    int r;

    if (!listener)
        return -ENOMEM;
    *listener = (struct bus_listener){.bus = bus, .fn = fn, .arg = arg};
    r = bus_listen_to(listener, kinds);
    if (r < 0) {
        free(listener);
        return r;
    }
    listener->next = bus->listeners;
    bus->listeners = listener;
    *ret = listener;
    return 0;
}

void bus_unlisten(struct bus_listener *listener)
{
    struct bus_listener **link;

    if (!listener)
        return;
    (void)bus_listen_to(listener, 0);
    for (link = &listener->bus->listeners; *link != listener;)
        link = &(*link)->next;
    *link = listener->next;
    free(listener);
}

void bus_publish(struct bus *bus, const struct bus_event *event)
{
    uint32_t mask = BUS_MASK(bus_kind_of(event->what));
    struct bus_event numbered = *event;

    assert(!bus->is_publishing);
    bus->seq += event->what == BUS_FDB_LOST ? event->count : 1;
    if (!(bus->kinds & mask))
        return;
    numbered.seq = bus->seq;
    bus->is_publishing = true;
    for (const struct bus_listener *i = bus->listeners; i; i = i->next) {
        if (i->kinds & mask)
            i->fn(i->arg, &numbered);
    }
    bus->is_publishing = false;
}

uint64_t bus_seq(const struct bus *bus)
{
    return bus->seq;
}
