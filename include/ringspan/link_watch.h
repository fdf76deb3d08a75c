/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LINK_WATCH_H
#define RINGSPAN_LINK_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/event.h"
#include "ringspan/limits.h"

/*
 * Link watch: what interfaces there are in one network namespace, kept up to date.
 *
 * Netlink is a hint stream over a snapshot, not a log: with a full buffer the kernel drops events
 * and says so once (ENOBUFS), and a dump that raced with a change is marked as interrupted. So the
 * watch subscribes first and dumps second, keeps a table of digests, and reports *differences
 * between digests*: an interface appeared, changed, or is gone. After an overrun or an interrupted
 * dump it dumps again and reports the difference; a listener never needs to know which it was.
 *
 * Identity is the ifindex. An interface that was deleted and made again under the same name is two
 * interfaces: gone, then appeared, in this order, even if both were learned from one dump.
 * A rename is a change. An interface that moved to another namespace is gone.
 *
 * Callbacks come from the loop (or from link_watch_feed()), after the table has changed; the
 * listener may look up anything, and must not free the watch.
 */

struct link_watch;

/* One interface, digested. `ifname`, `mtu`, `flags` as in `ip -j link`. */
struct link {
    uint32_t ifindex;
    uint32_t flags; /* IFF_* */
    uint32_t mtu;
    uint32_t master; /* ifindex of the bridge, bond, … that it is enslaved to; 0: none */
    /* IFLA_LINK: ifindex of a veth's peer, or of what a macvlan stands on. 0: none, unknown (the
     * end of a veth pair that is made first learns its peer with its first change), or in another
     * namespace, where indexes mean other links. */
    uint32_t peer;
    uint16_t type; /* ARPHRD_* */
    uint8_t operstate;
    bool carrier; /* as the kernel reports it; of a link that is not up it says nothing */
    uint64_t mac;
    char ifname[LIMIT_NAME_SIZE];
    char kind[LIMIT_NAME_SIZE];   /* "veth", "tun", …; "" for hardware */
    char alias[LIMIT_ALIAS_SIZE]; /* IFLA_IFALIAS, "" if it has none */
};

/* Both functions are needed. */
struct link_listener {
    /* @before is NULL for an interface that appeared, @after for one that is gone. */
    void (*changed)(void *arg, const struct link *before, const struct link *after);
    /* The first snapshot is complete; later, each time a resynchronisation is. */
    void (*synced)(void *arg);
    void *arg;
};

struct link_watch_counters {
    uint64_t events;
    uint64_t overruns;
    uint64_t interrupted_dumps;
    uint64_t dumps; /* asked for */
};

/**
 * Watches the calling thread's network namespace. Subscribes and sends the first dump request;
 * `synced` follows from the loop. @rcvbuf_bytes: 0 for the default, which is generous.
 * 0 or -errno. Free with link_watch_free() (NULL is fine).
 */
int link_watch_new(struct event_loop *loop, const struct link_listener *listener,
                   uint32_t rcvbuf_bytes, struct link_watch **ret);
/** The first half of it, for helper threads that are in another namespace: a socket that has
 * subscribed there and asked for the first dump, or -errno. Blocks for as long as somebody has the
 * kernel's RTNL lock: while many namespaces go, that is most of the time. */
int link_watch_open_socket(uint32_t rcvbuf_bytes);
/** The second half: takes @fd over, unless it fails. Any thread's namespace will do: a socket stays
 * in the one where it was made. */
int link_watch_new_on(struct event_loop *loop, const struct link_listener *listener, int fd,
                      struct link_watch **ret);
void link_watch_free(struct link_watch *watch);

/** NULL if there is no such interface now. Valid until the next callback. */
const struct link *link_watch_by_name(const struct link_watch *watch, const char *ifname);
const struct link *link_watch_by_index(const struct link_watch *watch, uint32_t ifindex);
/** All of them, in no order: start with NULL, call until NULL. Not across callbacks. */
const struct link *link_watch_next(const struct link_watch *watch, const struct link *link);
uint32_t link_watch_n_links(const struct link_watch *watch);
/** False until the first snapshot is complete, and again from a loss of events until `synced`. */
bool link_watch_is_synced(const struct link_watch *watch);
struct link_watch_counters link_watch_counters(const struct link_watch *watch);

/**
 * Digests a buffer of netlink messages as if it had been received, and the socket drained by it;
 * for tests with recorded bytes. Messages of the dump under way carry the number of dumps (see the
 * counters) as their sequence number. 0, or -errno of the last message that was no good: the others
 * are digested, and a new dump is asked for.
 */
int link_watch_feed(struct link_watch *watch, const void *bytes, size_t len);

#endif
