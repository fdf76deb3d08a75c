/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_NETNS_LOOKUP_H
#define SRC_CONTROL_NETNS_LOOKUP_H

#include "ringspan/netns.h"

/*
 * Netns lookup: one look at which namespace a file is, and at what it takes to watch it.
 *
 * For the table of namespaces: made in the loop, run in a helper thread, read and released in the
 * loop again. A namespace that is known already is only recognised, so that looking is cheap.
 */

struct netns_name;

struct netns_lookup {
    struct netns_name *name; /* for the loop: NULL if it was released meanwhile */
    char *path;
    bool has_known;
    struct netns_id known; /* what the name means so far, kept open by the table */
    bool has_own;
    struct netns_id own; /* the daemon's */

    int result; /* 0 or -errno of netns.h */
    bool is_mounted;
    struct netns_id id;
    int fd;       /* of a namespace that is not known; -1 */
    int links_fd; /* of link_watch_open_socket(), beside it */
};

/** @path is copied. 0 or -ENOMEM. */
int netns_lookup_init(struct netns_lookup *lookup, const char *path);
/** Blocks. */
void netns_lookup_run(struct netns_lookup *lookup);
/** Closes what nobody took out of it (-1 in its place). */
void netns_lookup_fini(struct netns_lookup *lookup);

#endif
