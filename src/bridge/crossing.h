/* SPDX-License-Identifier: ISC */
#ifndef SRC_BRIDGE_CROSSING_H
#define SRC_BRIDGE_CROSSING_H

#include <stdint.h>

#include "ringspan/forward.h"
#include "ringspan/limits.h"
#include "ringspan/port.h"
#include "ringspan/vlan_table.h"

/*
 * Crossings: what is counted of frames beside the ledger, by VLAN and by reserved protocol.
 *
 * Both say what crossed the bridge, and that is known when the egress ports have been flushed. So
 * each frame of a turn of which somebody counts has a crossing, with a tally that its copies take
 * along (frame.h); settling the turn adds what the tallies came to. A VLAN's sent packets and bytes
 * are then those that the ledgers of its ports call accepted, and a frame to a reserved address was
 * forwarded if one of its copies is among them.
 */

struct crossing {
    struct frame_tally tally;
    struct port *ingress;
    uint16_t vid;                    /* VID_NONE: on a bridge without VLANs */
    enum reserved_protocol reserved; /* RESERVED_N_PROTOCOLS: none */
};

/* Those of one turn; zeroed when it begins. */
struct crossings {
    uint32_t n;
    struct crossing list[LIMIT_RX_BATCH];
};

/** Counts the arrival of @frame from @ingress, which was decided about, and gives it a tally, if
 * there is anything to count of its copies. @vlans: NULL on a bridge without. */
void crossings_add(struct crossings *crossings, struct port *ingress, struct vlan_table *vlans,
                   const struct decision *decision, struct frame *frame);
/** All copies have been accepted or dropped. */
void crossings_settle(struct crossings *crossings, struct vlan_table *vlans);

#endif
