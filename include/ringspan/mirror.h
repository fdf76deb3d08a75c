/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_MIRROR_H
#define RINGSPAN_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/forward.h"
#include "ringspan/limits.h"
#include "ringspan/vidset.h"

/*
 * Mirror (SPAN): copies of the frames of some ports, or VLANs, for who looks on behind another one.
 *
 * A mirror has sources: ports, each with a direction, and of their frames those of some VLANs. A
 * port is a source by its name, or else by the first pattern that matches it, whenever it comes. It
 * has one output: a port, which is then for nothing else, or a VLAN (RSPAN), by which the copies
 * leave like any of its frames, to a probe on some other switch.
 *
 *   ingress   Each frame that a port takes in, as it came, tags in place. What becomes of it does
 *             not matter: one that the rules drop is copied, too. Not so what has no whole Ethernet
 *             header, or was not captured whole, or whose offload header makes no sense; and what
 *             arrives on a port that takes no part.
 *   egress    Each copy that a port takes, as it leaves, with the tags of that port. Not so what
 *             the port refuses, for its length or its policing. Whether the kernel accepts it is
 *             not known at that time.
 *
 * A mirror copies a frame once, however often its rules fit: where it comes in, if they fit there;
 * else on the first port, by id, that it leaves by. Two mirrors make two copies. Copies are sent
 * when the frame itself has been: what a port's meter has left is not for them first.
 *
 * Nothing ever runs in a circle. What a mirror sends is no frame that arrived: it is not learned
 * from, not looked up, and not mirrored. An output port takes in nothing (mirror_destination) and
 * sends nothing but copies. In a VLAN of copies addresses are not learned and everything is
 * flooded, since the same source is behind several ports there. Frames that arrive in such a VLAN,
 * even where their port refuses it, may be copies that somebody else's mirror made: they are
 * mirrored to ports only, never into a VLAN. And no copy leaves by the port that its frame came by.
 * Frames to reserved addresses are not copied into a VLAN, because the next switch would take them
 * for its neighbour's.
 *
 * In a VLAN the tag of the frame's own VLAN is replaced, its priority stays, and other tags stay
 * below. A frame that was in no VLAN, because its port refuses it, keeps all its tags.
 *
 * Copies are the ledger's business like all that leaves: a port counts them as `mirrored`, beside
 * what was decided for it. What became of them is known when ports were flushed, so they carry a
 * tally of their mirror's (frame.h).
 *
 * Everything here is pure but for the counters. The bridge asks which mirrors want a frame, makes
 * copies and sends them; explain.h asks the same questions. A bridge without mirrors has no struct
 * mirrors at all.
 */

enum mirror_direction {
    MIRROR_INGRESS,
    MIRROR_EGRESS,
    MIRROR_BOTH,
    MIRROR_N_DIRECTIONS,
};

/* A port, or each whose name matches. */
struct mirror_source {
    char port[LIMIT_NAME_SIZE];
    char match[LIMIT_MATCH_SIZE];    /* if there is no `port` */
    enum mirror_direction direction; /* MIRROR_N_DIRECTIONS: the mirror's */
};

/* As the configuration has it. */
struct mirror_settings {
    char name[LIMIT_NAME_SIZE];
    char *description;
    struct mirror_source *from; /* none: all ports that copies do not leave by */
    uint32_t n_from;
    enum mirror_direction direction;
    struct vidset vlans;               /* all: also frames that are in none */
    char output_port[LIMIT_NAME_SIZE]; /* "": a VLAN */
    uint32_t output_vlan;              /* VID_NONE: a port */
    uint32_t snaplen;                  /* bytes of each frame at most; 0: all */
};

struct mirror_counters {
    uint64_t selected; /* frames */
    uint64_t packets;  /* copies that were accepted for sending, as the ledger counts them */
    uint64_t bytes;
    uint64_t dropped; /* copies that were not, and frames that had nowhere to go */
};

struct mirror {
    char name[LIMIT_NAME_SIZE];
    port_id port; /* PORT_NONE: a VLAN, or a port that is not there */
    uint16_t vid; /* VID_NONE: a port */
    bool is_of_vlans;
    uint32_t snaplen;
    struct mirror_counters counters;
    struct frame_tally tally; /* of this turn's copies */
    struct frame seen;        /* what it is to send of the frame on hand */
    struct vidset vlans;
    char output_port[LIMIT_NAME_SIZE];
    enum mirror_direction direction;
    struct mirror_source *from; /* ports by name; patterns behind them, as they were written */
    uint32_t n_from;
    uint32_t n_from_ports;
};

/* Those of one bridge. A set of them has a bit for each, by its place. */
struct mirrors {
    uint32_t n;
    struct mirror list[LIMIT_MIRRORS];
    uint32_t max_ports;
    uint32_t *ingress; /* by port_id: the mirrors that want what it takes in, */
    uint32_t *egress;  /* and what leaves by it */
    uint32_t taken;    /* those that want the frame on hand */
};

/** Copies what it needs of @settings. There are no ports yet. 0 or -ENOMEM; release with
 * mirrors_free(), NULL is fine. */
int mirrors_new(const struct mirror_settings *settings, uint32_t n, uint32_t max_ports,
                struct mirrors **ret);
void mirrors_free(struct mirrors *mirrors);
/** Those that have the name of one of @before (NULL: there are none) go on counting. */
void mirrors_succeed(struct mirrors *mirrors, const struct mirrors *before);

/** A port has come, or goes. */
void mirrors_add_port(struct mirrors *mirrors, port_id id, const char *name);
void mirrors_del_port(struct mirrors *mirrors, port_id id);
/** Whether copies leave by the port, and so nothing else does. NULL is fine. */
bool mirrors_has_output(const struct mirrors *mirrors, port_id id);
/** The VLANs that copies are in. NULL is fine. */
struct vidset mirrors_output_vlans(const struct mirrors *mirrors);

/** The mirrors that want @frame, which has arrived and was decided about. */
uint32_t mirrors_of_arrival(const struct mirrors *mirrors, const struct forward_tables *tables,
                            const struct frame *frame);
/** The mirrors that want a copy of @frame, of VLAN @vid, that @egress takes. */
uint32_t mirrors_of_copy(const struct mirrors *mirrors, const struct forward_tables *tables,
                         const struct frame *frame, uint16_t vid, port_id egress);

/** Of a mirror to a VLAN: the ports that a copy leaves by of what came by @ingress, one after the
 * other: the first at or after @from, or PORT_NONE. */
port_id mirror_next_egress(const struct mirror *mirror, const struct forward_tables *tables,
                           port_id ingress, uint32_t from);
/** @frame, which arrived, as it leaves by @egress, one of these ports. */
void mirror_dress(const struct mirror *mirror, const struct forward_tables *tables, port_id egress,
                  const struct frame *frame, struct frame *ret_frame);
/** @frame no longer than the mirror's snaplen; what is cut has no offload header any more. */
void mirror_cut(const struct mirror *mirror, struct frame *frame);

/** Ports have been flushed: what became of this turn's copies is counted. */
void mirrors_settle(struct mirrors *mirrors, struct vlan_table *vlans);

/** "ingress", "egress", "both". */
const char *mirror_direction_name(enum mirror_direction direction);

#endif
