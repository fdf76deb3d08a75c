/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_DAEMON_GLOBS_H
#define SRC_CONTROL_DAEMON_GLOBS_H

#include "daemon_private.h"
#include "ringspan/claims.h"

/*
 * Globs: the ports that patterns ("match") make, one for each interface that a pattern claims.
 *
 * A glob's port belongs to one interface, by name and ifindex: with either gone, so is the port.
 * Ports with names (claims.h) come first, then globs in the order of the file: of several that
 * match, the first takes the interface, or leaves it out if it is full.
 *
 * Whoever has a place keeps it; an interface that finds none is left out, remembered, and gets the
 * next one that is free, the lowest ifindex first. A port that leaves has its place until its rings
 * are closed, so that no storm of interfaces has more rings open than the file allows.
 *
 * Two ends of a veth pair in one bridge would be a loop, and so would an interface and the one that
 * it stands on: of the two only one becomes a port of a glob, and none beside a port with a name.
 */

struct managed_glob {
    const struct config_bridge *bridge;
    const struct config_port *config;
    struct netns_name *netns_name;
    struct managed_bridge *home;
    uint32_t n_ports;
    uint32_t n_leaving; /* until their rings are closed */
    uint32_t n_left_out;
    bool has_said_full; /* since nobody was left out */
};

struct globs;

/** Of a configuration that the daemon is to run. 0 or -ENOMEM. NULL is fine for globs_free(). */
int globs_new(const struct daemon *daemon, const struct config *config, struct globs **ret);
void globs_free(struct globs *globs);

/** The first half of a reload, before any step of its plan is run: @globs are the daemon's, and
 * ports that are nobody's any more leave. */
void globs_adopt(struct daemon *daemon, struct globs *globs);
/** The second half: keys that changed are set, and ports for what is claimed now are made. */
void globs_settle(struct daemon *daemon);

/** False until the interfaces that patterns are for are known, where their namespaces exist. */
bool globs_have_settled(const struct daemon *daemon);

/** From the listener of namespaces; before the ports' own, so that one that goes takes no step. */
void globs_look_at_links(struct daemon *daemon, const struct netns *netns);
void globs_on_link_changed(struct daemon *daemon, const struct netns *netns,
                           const struct link *before, const struct link *after);
void globs_on_netns_name_changed(struct daemon *daemon, const struct netns_name *name);
/** A port of a glob is closed, and about to be freed. */
void globs_on_closed(struct managed_port *mp);
/** For the daemon's timer: who was left out gets the places that are free now. */
void globs_on_places(void *arg);

#endif
