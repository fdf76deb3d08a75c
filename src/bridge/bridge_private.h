/* SPDX-License-Identifier: ISC */
#ifndef SRC_BRIDGE_BRIDGE_PRIVATE_H
#define SRC_BRIDGE_BRIDGE_PRIVATE_H

#include "crossing.h"
#include "ringspan/bridge.h"
#include "ringspan/capture.h"
#include "ringspan/latency.h"
#include "ringspan/mirror.h"

/*
 * Inside of a bridge: bridge.c makes it and changes what it is told, bridge_poll.c is the data
 * path, and bridge_mirror.c what mirrors add to both.
 */

#define FLUSH_BUDGET 1024 /* entries that a change may forget at once; ringspan.json(5) says it */

struct bridge {
    char name[LIMIT_NAME_SIZE];
    struct reserved_settings reserved;
    uint64_t aging_ns;
    struct hash_key fdb_key;
    uint32_t max_ports;
    uint32_t id_limit; /* no port has had an id from here on */
    uint32_t n_ports;
    struct port **ports;                       /* by id; NULL where there is none */
    uint8_t *activity;                         /* by id */
    struct reserved_policy *reserved_policies; /* by id */
    struct policy_table port_policies;
    struct fdb *fdb;
    struct vlan_table *vlans;   /* NULL: transparent to tags */
    struct port_meters *meters; /* by id */
    uint32_t n_metered;         /* ports that have any */
    struct forward_tables tables;
    struct ledger_retired retired;
    struct fdb_journal *journal;
    bridge_port_state_fn on_port_state;
    void *on_port_state_arg;
    bridge_port_shut_fn on_port_shut;
    void *on_port_shut_arg;
    bridge_hold_fn on_hold;
    void *on_hold_arg;

    struct capture *capture; /* NULL: nobody looks on */
    struct latency *latency; /* NULL: nobody asks how long frames take */
    struct mirrors *mirrors; /* NULL: there are none */
    struct vidset flood_vlans;
    bool has_detour; /* copies do not go straight to their ports: a meter, or who looks on */
    bool is_watched; /* by a capture, by mirrors, or by the clock */
    const struct rx_source *timed; /* the source of the frame under way, if that one is timed */
    struct port **to_flush;
    uint32_t n_to_flush;
    struct crossings crossings;
    struct frame batch[LIMIT_RX_BATCH];
};

/** What the port does follows from its state and from mirrors; leaving PORT_LEARNING or
 * PORT_FORWARDING it forgets what was learned behind it. */
void bridge_set_activity(struct bridge *bridge, port_id id);
void bridge_note_detour(struct bridge *bridge);
/** There are other VLANs that only flood. */
void bridge_apply_flood_vlans(struct bridge *bridge, uint64_t now);

/** The mirrors look at a frame that was decided about, */
void bridge_mirror_arrival(struct bridge *bridge, const struct frame *frame);
/** and at @copy of it, which @egress has taken; */
void bridge_mirror_copy(struct bridge *bridge, const struct decision *decision, port_id egress,
                        const struct frame *copy);
/** and send copies to where they go. */
void bridge_mirror_send(struct bridge *bridge, const struct frame *frame, uint64_t now);
/** Sends a mirror's copy, or counts it as dropped. */
void bridge_send_mirrored(struct bridge *bridge, const struct mirror *mirror, struct port *port,
                          const struct frame *copy, uint64_t now);

#endif
