/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_GRO_H
#define RINGSPAN_GRO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * GRO: whether the kernel puts TCP segments together before a port's ring sees them.
 *
 * A host whose offloads are off, or a machine behind one, sends TCP in segments of the MTU's size,
 * and each costs the switch as much as a superframe. With generic receive offload on the switch's
 * side of its veth ("ethtool -K p0 gro on") the kernel merges what belongs together on the way to
 * our ring. The receiver gets the same segments: their size travels with the superframe.
 *
 * It is a setting of somebody's interface, and it outlives us; so it is given back when the port
 * lets go of the interface. What it was before is written down first, in a file per interface, and
 * whoever starts after a crash finds it there:
 *
 *   DIRECTORY/NETNS-IFINDEX      "off", and the boot that this was true in
 *
 * NETNS is the namespace's cookie, which is given to one namespace per boot. If the interface is
 * not as we left it when the port lets go, somebody else has set it meanwhile, and it stays. What
 * cannot be written down is not changed.
 *
 * Everything here blocks, and acts in the network namespace of the calling thread, which is the
 * interface's: it is for helper threads. One keeper is shared by all of them; a struct gro belongs
 * to one port.
 */

/* What a port wants. */
enum gro_wish {
    GRO_AUTO, /* on for a veth; others are left as they are */
    GRO_ON,
    GRO_OFF,
    GRO_N_WISHES,
};

struct gro_keeper;

/** Records are kept in @directory, which is made, for us alone, when there is the first one. 0 or
 * -ENOMEM. gro_keeper_free() removes a directory that is empty; NULL is fine. */
int gro_keeper_new(const char *directory, struct gro_keeper **ret);
void gro_keeper_free(struct gro_keeper *keeper);

struct gro {
    struct gro_keeper *keeper;
    uint64_t netns;   /* of ifindex */
    uint32_t ifindex; /* 0: none */
    enum gro_wish wish;
    bool is_changed; /* to is_on, from what was the opposite */
    bool is_on;
};

/** @keeper may be NULL: then nothing is ever changed. It outlives @gro. */
void gro_init(struct gro *gro, struct gro_keeper *keeper);
/** Makes the interface what the port wishes; does nothing if that is what it wished before. 0, or
 * -errno if it could not be changed, which is no news if the wish was GRO_AUTO. */
int gro_apply(struct gro *gro, enum gro_wish wish, uint32_t ifindex);
/** Gives the interface back as it was. */
void gro_restore(struct gro *gro);
/** Interfaces that a daemon which was killed has changed, and that no port uses now, are given
 * back: those of this namespace, and of each that is mounted somewhere. */
void gro_keeper_sweep(struct gro_keeper *keeper);

/** "auto", "on" or "off". */
const char *gro_wish_name(enum gro_wish wish);

#endif
