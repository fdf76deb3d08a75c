/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_NETNS_TABLE_H
#define SRC_CONTROL_NETNS_TABLE_H

#include "ringspan/link_watch.h"
#include "ringspan/netns.h"
#include "ringspan/port.h"
#include "ringspan/workers.h"

/*
 * Netns table: the network namespaces that ports are in, and which name means which of them.
 *
 * Two kinds of things. A netns_name is what a configuration says ("blue", "/proc/77/ns/net", or
 * nothing for the daemon's own namespace); all ports that say the same share one. A netns is a
 * namespace itself: its descriptor and one link watch, shared by all names that mean it now. A name
 * means one namespace, or none and says why; and that changes while the daemon runs.
 *
 * Letting go. Whoever holds a descriptor or a socket in a namespace keeps its interfaces alive. So
 * as soon as a name means nothing, or something else, the watch goes, and ports have to close their
 * sockets; the last one to call netns_unref() closes the descriptor. A namespace that is made again
 * under the same name is another one.
 *
 * Noticing. `ip netns add` and `del` mount and unmount, and the kernel tells of every change of the
 * mount table (poll(2) on /proc/self/mountinfo). Nothing tells of the other ways in which a name
 * can come to mean something: a symbolic link that is made, a process that begins or ends. A name
 * that is no mount point, or means nothing yet, is therefore looked up once a second.
 *
 * Looking a name up may block, and enters the namespace: helper threads do it. Callbacks come from
 * the loop; they may take and release names and references, but not free the table.
 */

struct netns_table;
struct netns_lookup;

struct netns {
    struct netns_table *table;
    struct netns *next;
    int fd; /* -1: the daemon's own, nobody has to go there */
    struct netns_id id;
    struct link_watch *links; /* NULL once no name means it any more */
    bool knows_links;         /* the first snapshot is complete */
    uint32_t n_synced;        /* snapshots that were: each but the first made up for a loss */
    struct netns_name *names; /* that mean it now */
    uint32_t n_refs;          /* names, and whoever called netns_ref() */
};

struct netns_name {
    struct netns_table *table;
    struct netns_name *next;
    char *text; /* NULL: the daemon's own */
    char *path;
    uint32_t n_users;
    struct netns *netns; /* NULL: it means none */
    struct netns_name *next_of_netns;
    bool is_known;         /* it was looked up */
    enum port_state state; /* without a namespace: waiting, or error */
    char why[PORT_WHY_SIZE];

    /* The table's own. */
    bool is_mounted;             /* the mount table tells of its end */
    bool is_due;                 /* changed while it was being looked up */
    uint64_t strange_since;      /* its file is no network namespace, since then; 0: it is */
    struct netns_lookup *lookup; /* under way */
};

/* All functions are needed. */
struct netns_listener {
    void (*link_changed)(void *arg, const struct netns *netns, const struct link *before,
                         const struct link *after);
    void (*links_synced)(void *arg, struct netns *netns);
    /* @name means another namespace now, or none, or none for another reason. */
    void (*name_changed)(void *arg, const struct netns_name *name);
    void *arg;
};

/** Watches the daemon's own namespace at once. 0 or -errno. */
int netns_table_new(struct event_loop *loop, struct workers *workers,
                    const struct netns_listener *listener, struct netns_table **ret);
/** Stops watching; nothing is called any more. References stay good. */
void netns_table_stop(struct netns_table *table);
/** When every name is released and no lookup is under way. NULL is fine. */
void netns_table_free(struct netns_table *table);

/** @text: a name, a path, or NULL. A new name is looked up as soon as the loop runs. 0 or -ENOMEM.
 */
int netns_name_take(struct netns_table *table, const char *text, struct netns_name **ret);
/** NULL is fine. */
void netns_name_release(struct netns_name *name);

/** Returns @netns. For whoever has sockets in it, or is about to. */
struct netns *netns_ref(struct netns *netns);
/** NULL is fine. */
void netns_unref(struct netns *netns);

/** The sum over all that are watched or ever were. */
struct link_watch_counters netns_table_counters(const struct netns_table *table);

#endif
