/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_BUS_H
#define RINGSPAN_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/bridge.h"
#include "ringspan/fdb_journal.h"
#include "ringspan/link_watch.h"
#include "ringspan/plan.h"
#include "ringspan/recorder.h"

/*
 * Bus: what happened in a daemon, told once to each of those who want to know.
 *
 * An event is a change that is over: when a listener is told that a port is forwarding, it is.
 * There is exactly one event per change, in the order in which things happened, and each has a
 * number, counted up over all kinds for the life of the daemon. Numbers are given whether or not
 * anybody listens, except to changes of forwarding tables, which are noted only while somebody
 * does.
 *
 * Listeners are called at once and from within whatever changed, so they must be quick and must
 * not change anything themselves: who has more to do notes it and arms a timer. No listener comes,
 * goes or changes its mind during a call. What an event points to is valid during the call.
 *
 * The bus belongs to the thread of the loop. Its one user on the telling side is the daemon.
 */

enum bus_kind {
    BUS_PORT,
    BUS_LINK,
    BUS_FDB,
    BUS_CONFIG,
    BUS_RECORDER,
    BUS_N_KINDS,
};

#define BUS_MASK(kind) (UINT32_C(1) << (kind))
#define BUS_ALL        (BUS_MASK(BUS_N_KINDS) - 1)

enum bus_what {
    BUS_PORT_ADD,
    BUS_PORT_DEL, /* it is still there, for the last time */
    BUS_PORT_STATE,
    BUS_PORT_LIMIT_BEGIN, /* frames are over a limit of the port, and were not before */
    BUS_PORT_LIMIT_END,
    BUS_PORT_RENEW, /* it heard nothing any more, and has another ring */
    BUS_LINK_ADD,   /* the interface that a port names: it appeared, changed, or is gone */
    BUS_LINK_CHANGE,
    BUS_LINK_DEL,
    BUS_LINK_RESYNC, /* netlink lost events; the differences were told before this one */
    BUS_FDB_CHANGE,
    BUS_FDB_LOST, /* `count` changes that the journal had no room for */
    BUS_CONFIG_CHANGE,
    BUS_CONFIG_REFUSED,
    BUS_RECORDER_TRIGGER, /* what comes after it is still recorded */
    BUS_RECORDER_FREEZE,
    BUS_RECORDER_ARM,
    BUS_N_WHATS,
};

struct bus_event {
    enum bus_what what;
    uint64_t seq;          /* given by the bus; of BUS_FDB_LOST: of the last one that is missing */
    struct bridge *bridge; /* NULL where it is about none */
    const struct port *port;
    enum port_state was;          /* BUS_PORT_STATE: the same if only the reason changed */
    const struct link *link;      /* BUS_LINK_…: as it is, or was at last */
    const struct fdb_change *fdb; /* BUS_FDB_CHANGE */
    const char *command;          /* BUS_CONFIG_…: "reload", "port.set", … */
    const struct plan *plan;      /* BUS_CONFIG_CHANGE */
    const char *reason;           /* BUS_CONFIG_REFUSED: for people, many lines perhaps */
    const char *limit;            /* BUS_PORT_LIMIT_…: "storm_control.broadcast", … */
    uint64_t count;               /* BUS_FDB_LOST; BUS_PORT_LIMIT_…: of the frames over it;
                                   * BUS_PORT_RENEW: of those that were dropped meanwhile */
    const struct recorder_status *recorder; /* BUS_RECORDER_… */
};

struct bus;
struct bus_listener;

typedef void (*bus_fn)(void *arg, const struct bus_event *event);
/* Called before the kinds that anybody listens to become @kinds: 0, or -errno to refuse. */
typedef int (*bus_demand_fn)(void *arg, uint32_t kinds);

/** 0 or -ENOMEM. Free it after its listeners; NULL is fine. */
int bus_new(bus_demand_fn demand, void *arg, struct bus **ret);
void bus_free(struct bus *bus);

/** @kinds: a sum of BUS_MASK()s, 0 for none yet. 0 or -errno. */
int bus_listen(struct bus *bus, uint32_t kinds, bus_fn fn, void *arg, struct bus_listener **ret);
/** 0, or -errno and it listens to what it did. Listening to less never fails. */
int bus_listen_to(struct bus_listener *listener, uint32_t kinds);
/** NULL is fine. */
void bus_unlisten(struct bus_listener *listener);

/** Numbers the event and calls whoever listens to its kind. */
void bus_publish(struct bus *bus, const struct bus_event *event);
/** The number of the last event; 0 before the first. */
uint64_t bus_seq(const struct bus *bus);

enum bus_kind bus_kind_of(enum bus_what what);
/** "port", "link", … */
const char *bus_kind_name(enum bus_kind kind);
/** What happened, in a word: "state", "learn", … */
const char *bus_event_name(const struct bus_event *event);

#endif
