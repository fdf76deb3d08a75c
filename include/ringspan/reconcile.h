/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_RECONCILE_H
#define RINGSPAN_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/link_watch.h"
#include "ringspan/port.h"

/*
 * Reconcile: where a port should be, given the world; and the next step towards it.
 *
 * Pure: the wish (an interface's name) and the links go in, a target comes out; actual and target
 * go in, a step comes out. Nothing here touches a socket, so each rule is a line of a table test:
 *
 *   no interface of that name      waiting      let go of whatever it was bound to
 *   not Ethernet, or loopback      error        let go
 *   enslaved to something else     error        let go: two masters would both forward
 *   administratively down          down         stay bound: the same ring serves the next up
 *   no carrier                     down         stay bound
 *   else                           forwarding   bound to the interface that has the name now
 *
 * A tap port (tap.h) makes its interface:
 *
 *   no interface of that name      waiting      make it
 *   ours has another name now      waiting      make none: whoever renamed it may rename it back
 *   not a tap                      error        let go
 *   nobody has opened it           down         stay bound: that is what no carrier means here
 *
 * and all else as above. One that is deleted is missing, and is made again.
 *
 * A port that is asked to be down is disabled, whatever the interface is like, and stays bound as
 * above: its ring is still read, so that what arrives is accounted for.
 *
 * One that was shut down, for what arrived on it, is in error in the same way.
 *
 * A port follows a name. After a rename the interface that has the name now is another one, and
 * the port lets go of the first; after deletion and re-creation the ifindex differs, and the same
 * socket and ring are bound to the new one. Sockets stay in the network namespace that they were
 * made in: when the port's namespace is another one, or none, they are closed.
 */

struct port_target {
    enum port_state state;
    bool makes_device; /* there is none, and the port is one that makes its own */
    uint32_t ifindex;  /* to be bound to; 0: to none */
    uint32_t mtu;
    char why[PORT_WHY_SIZE];
};

enum port_step {
    PORT_STEP_NONE,   /* it is where it should be, as far as sockets go */
    PORT_STEP_DETACH, /* let go of the device, read the ring empty; then look again */
    PORT_STEP_CLOSE,  /* free what belongs to the namespace; after letting go */
    PORT_STEP_ATTACH, /* (open it if it is not,) bind to the target */
    PORT_STEP_MAKE,   /* make the interface; then look again */
};

/** @netns: as configured, for what people are told; NULL for the daemon's own. @link: the interface
 * that is called @ifname there now, or NULL; @master: its master, or NULL. */
void reconcile_port(const char *ifname, const char *netns, const struct link *link,
                    const struct link *master, struct port_target *ret_target);

/** The same for a tap port. @ours: the interface that has the port's mark, or NULL; it may be
 * @link. */
void reconcile_tap(const char *ifname, const char *netns, const struct link *link,
                   const struct link *master, const struct link *ours,
                   struct port_target *ret_target);

/** Whether an interface can become a port because its name matches a pattern: what a port with a
 * name shows as an error is none of a pattern's business. */
bool reconcile_may_match(const struct link *link);

/** What becomes of @target if the port called @name is asked to be down. */
void reconcile_disabled(const char *name, struct port_target *target);

/** What becomes of @target if the port is shut down for what arrived on it. */
void reconcile_shut(const char *why, struct port_target *target);

/* Where a port is. */
struct port_position {
    uint32_t bound;    /* ifindex, 0: to none */
    bool is_elsewhere; /* it has sockets, and they are in another namespace than the target */
};

enum port_step reconcile_step(struct port_position position, const struct port_target *target);

#endif
