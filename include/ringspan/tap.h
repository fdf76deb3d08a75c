/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_TAP_H
#define RINGSPAN_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/limits.h"
#include "ringspan/port.h"

/*
 * Tap: an interface that ports make for themselves, and whose other end is a program.
 *
 * The switch's side of a tap is a network interface like any other: packet rings serve it
 * (port_packet.h). The other side is whoever opens it through /dev/net/tun, a virtual machine, say.
 * So a tap is made persistent and its descriptor is closed at once: it outlives the daemon, and the
 * machine behind it does not notice when the daemon is started again.
 *
 * Whose is it? What we make carries our mark, the interface's alias:
 *
 *   ringspan:/run/ringspan/lab0.sock:vm1
 *
 * that is the control socket, of which there is one per daemon, and the name under which it was
 * made. The mark is all that decides: an interface that has it is ours, after a restart, a crash or
 * a rename; one that has none, or another daemon's, is not, and is never removed and only changed
 * where a setting says so. Writing another alias over the mark takes the interface from us.
 *
 * A tap is made whole or not at all: until the very last step it lives as long as its descriptor,
 * so a process that is killed half way leaves nothing.
 *
 * Who may open it: an owner, the members of a group, or, if both are set, whoever is both. With
 * neither the kernel would let everybody; so what we make without either is owned by the daemon's
 * user. Neither can be taken away again: to lose one, an interface has to be made anew. They can be
 * changed only while nobody has opened the tap.
 *
 * It is made with one queue, as IFF_TAP | IFF_NO_PI. Offload header and packet information are the
 * choice of each who opens it; IFF_MULTI_QUEUE is not, and has to be what it was made with.
 *
 * All functions block and act in the network namespace of the calling thread: they are for helper
 * threads. They keep nothing.
 */

/* Linux has 32, and numbers fit as well. */
#define TAP_ACCOUNT_SIZE 64

#define TAP_MTU_DEFAULT   1500
#define TAP_SPEED_DEFAULT 10000

/* What a tap should be. Empty, or zero: nobody said. */
struct tap {
    char ifname[LIMIT_NAME_SIZE];
    char mark[LIMIT_ALIAS_SIZE];
    char owner[TAP_ACCOUNT_SIZE]; /* a name or a number */
    char group[TAP_ACCOUNT_SIZE];
    uint64_t mac;
    uint32_t mtu;
    uint32_t speed; /* Mbit/s */
};

struct tap_outcome {
    uint32_t ifindex;
    char why[PORT_WHY_SIZE]; /* a sentence, if it failed */
};

/** Writes what all marks of the daemon behind @socket begin with. */
void tap_mark_prefix(const char *socket, char ret_prefix[LIMIT_ALIAS_SIZE]);

/** Makes it and brings it up. 0; -EEXIST if there is an interface of that name; or -errno. */
int tap_make(const struct tap *tap, struct tap_outcome *ret_outcome);

/**
 * Makes the interface of that name what it should be: ours entirely, with defaults where nobody
 * said; another's only where somebody said. If that is not possible (see above), ours is removed
 * instead. 0 even if there is no such interface any more; -EBUSY if what is left to do has to wait
 * for whoever has opened it to close it; or -errno.
 */
int tap_settle(const struct tap *tap, struct tap_outcome *ret_outcome);

/** Removes the interface that has the mark, whatever its name is. 0, with ifindex 0 if there was
 * none; -EBUSY if it is another ringspand's port now; or -errno. */
int tap_remove(const struct tap *tap, struct tap_outcome *ret_outcome);

#endif
