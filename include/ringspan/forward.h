/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_FORWARD_H
#define RINGSPAN_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/fdb.h"
#include "ringspan/frame.h"
#include "ringspan/ledger.h"
#include "ringspan/meter.h"
#include "ringspan/port_policy.h"
#include "ringspan/portset.h"
#include "ringspan/reserved.h"
#include "ringspan/vlan_table.h"

/*
 * Forward: where a frame goes, and why. The pure part of the switch.
 *
 *   admit ─► classify ─► learn ─► lookup ─► egress ─► meter
 *
 *   admit     whole, with one tag taken off at most, from a port that takes part, from an
 *             individual source, not to a reserved address that the port's policy drops or
 *             consumes (reserved.h). What ends here teaches nothing.
 *   classify  which VLAN: 0 on a bridge that is transparent to tags, else by the port's VLAN mode
 *             (vlan_table.h). What fails here teaches nothing either.
 *   learn     what the table would note about the source (a plan, not a change), if the port
 *             learns, and the VLAN is not one of those that only flood. A port with as many
 *             addresses as it may have ends the path here, if its mac_limit says so; frames that
 *             are vital (reserved.h) pass, and teach nothing there.
 *   lookup    where the destination is, as if that had been noted already.
 *   egress    which ports get a copy: not the one it came from, unless it is a hairpin; only
 *             members of its VLAN; none of the same isolation group; and of a flood those that take
 *             its class (port_policy.h). None left: a drop, with its reason. What tags a copy wears
 *             is decided per port, by forward_dress().
 *   meter     whether the ingress port's rates let it pass: what is left to cross, of all that it
 *             takes in and, if it is flooded, of its kind. So known unicast is out of the reach of
 *             storm control, frames that cross in any case nowhere use up nothing, and a frame that
 *             is dropped here teaches nothing either. Vital frames are not asked.
 *
 * forward_decide() makes no system call, reads no clock, allocates nothing, logs nothing and
 * changes nothing: tables, frame and `now` go in, a decision comes out. forward_commit() applies
 * the decision's effects. `explain` is the first without the second, on the same code.
 */

/* Ordered: each state does all that those before it do, but for what mirrors send copies to, which
 * does nothing else (mirror.h). What a port that is waiting, down, disabled or in error does is
 * nothing: PORT_ACTIVITY_NONE. */
enum port_activity {
    PORT_ACTIVITY_NONE,
    PORT_ACTIVITY_MIRROR,
    PORT_ACTIVITY_LEARN,
    PORT_ACTIVITY_FORWARD,
};

/*
 * What a bridge does with addresses. A hub learns nothing and floods everything; all else is as in
 * a switch. A wire has two ports, and what has an Ethernet header and comes in by one leaves by the
 * other: to reserved addresses, from sources that no host has, whatever it is.
 */
enum bridge_mode {
    BRIDGE_SWITCH,
    BRIDGE_HUB,
    BRIDGE_WIRE,
    BRIDGE_N_MODES,
};

/* The tables that a decision reads; owned by the bridge. */
struct forward_tables {
    enum bridge_mode mode;
    const struct fdb *fdb;
    const struct reserved_policy *reserved; /* by port_id of the ingress */
    const uint8_t *activity;                /* enum port_activity by port_id */
    const struct policy_table *policy;      /* its ports forward whose activity does */
    const struct vlan_table *vlans;         /* NULL: the bridge is transparent to tags */
    const struct port_meters *meters;       /* by port_id; NULL: no port has any */
};

enum verdict {
    VERDICT_DROP,
    VERDICT_UNICAST,
    VERDICT_FLOOD,
    VERDICT_CONSUME, /* for a protocol of this bridge */
};

/* What a frame does to the port that it came from. */
enum port_action {
    PORT_ACTION_NONE,
    PORT_ACTION_SHUT_DOWN, /* its mac_limit says so */
};

struct decision {
    enum verdict verdict;
    enum drop_reason reason;         /* why, for VERDICT_DROP; else DROP_NONE */
    enum reserved_protocol reserved; /* RESERVED_N_PROTOCOLS: it is to no reserved address */
    uint16_t vid;
    bool looks_up; /* addresses count: the bridge is a switch, and the VLAN not one for floods */
    struct vlan_class class; /* of a VLAN-aware bridge: how it came to be in that VLAN */
    port_id ingress;
    bool hairpin; /* of the ingress port, as is the next */
    uint32_t isolation_group;
    enum flood_class flood;       /* VERDICT_FLOOD: the class whose ports it leaves by */
    port_id egress;               /* VERDICT_UNICAST: the one port */
    uint32_t fanout;              /* how many ports get a copy */
    enum port_action port_action; /* effect, for the bridge to carry out */
    struct fdb_plan learn;        /* effect: FDB_NOTHING if the frame teaches nothing */
    struct meter_charge charge;   /* effect: what it takes from the ingress port's meters */
};

/** Before a burst is decided frame by frame: begins to fetch what deciding will read. Changes no
 * decision. */
void forward_prefetch(const struct forward_tables *tables, const struct frame *frames, uint32_t n);

void forward_decide(const struct forward_tables *tables, const struct frame *frame, uint64_t now,
                    struct decision *ret_decision);

/** Applies the effects of @decision to @fdb and @meters, the tables that it was decided with. */
void forward_commit(struct fdb *fdb, struct port_meters *meters, const struct decision *decision);

/** The ports that VERDICT_FLOOD sends copies to, one after the other: the first at or after @from,
 * or PORT_NONE. */
port_id forward_next_egress(const struct forward_tables *tables, const struct decision *decision,
                            uint32_t from);

/** What keeps a copy from leaving by @egress, or DROP_NONE. Whether the port takes such floods is
 * not asked. */
enum drop_reason forward_obstacle(const struct forward_tables *tables,
                                  const struct decision *decision, port_id egress);

/** @frame as it leaves by @egress, one of the ports that @decision sends a copy to: @frame itself,
 * or @dressed, filled in, with other tags beside the same bytes. */
const struct frame *forward_dress(const struct forward_tables *tables,
                                  const struct decision *decision, port_id egress,
                                  const struct frame *frame, struct frame *dressed);

/** "switch", "hub", "wire". */
const char *bridge_mode_name(enum bridge_mode mode);
/** "drop", "unicast", "flood", "consume". */
const char *verdict_name(enum verdict verdict);

#endif
