/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_BRIDGE_H
#define RINGSPAN_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/fdb.h"
#include "ringspan/forward.h"
#include "ringspan/ledger.h"
#include "ringspan/mirror.h"
#include "ringspan/port.h"

/*
 * Bridge: owns the ports, the forwarding table and the ledger of one broadcast domain, and is the
 * place where I/O meets the pure pipeline.
 *
 * bridge_poll() is the data path: take a bounded batch of frames from a source; for each one
 * decide, commit, count, and queue a copy on every egress; flush each egress that got one; give the
 * frames back. It is called when a source is readable, with the time of the turn, and does at most
 * LIMIT_RX_BATCH frames: level-triggered readiness brings it back for the rest.
 *
 * bridge_set_port_state() is the only way a port changes its state. It keeps the flood set right
 * and forgets what was learned behind a port that leaves. A port that does not take part still has
 * its ring read: what arrives is counted and dropped with `ingress_down`.
 *
 * The bridge belongs to the thread of the loop, allocates in _new and _add, and owns its ports.
 */

struct bridge;
struct capture;
struct latency;

typedef void (*bridge_port_state_fn)(void *arg, struct bridge *bridge, const struct port *port,
                                     enum port_state was);

/* @mac moved too often: it stays on @port for a time, and @other is where it was heard of. */
typedef void (*bridge_hold_fn)(void *arg, struct bridge *bridge, uint16_t vid, uint64_t mac,
                               const struct port *port, const struct port *other);
/* @why is a sentence for people; @recovery: seconds, 0: never. */
typedef void (*bridge_port_shut_fn)(void *arg, const struct port *port, const char *why,
                                    uint32_t recovery);

struct bridge_params {
    const char *name;
    enum bridge_mode mode;
    uint32_t max_ports;
    uint32_t max_entries; /* fdb */
    uint64_t aging_ns;
    struct reserved_settings reserved; /* with a preset */
    uint16_t ethertype;                /* of a VLAN-aware bridge; 0: transparent to tags */
    struct hash_key fdb_key;
};

/** 0, -ENOMEM or -EINVAL. bridge_free() frees its ports too, which must be closed; NULL is fine. */
int bridge_new(const struct bridge_params *params, struct bridge **ret);
void bridge_free(struct bridge *bridge);

const char *bridge_name(const struct bridge *bridge);
uint64_t bridge_aging_ns(const struct bridge *bridge);
const struct reserved_settings *bridge_reserved(const struct bridge *bridge);

enum bridge_mode bridge_get_mode(const struct bridge *bridge);
/** Forgets what was learned. A wire has no more than two ports. */
void bridge_set_mode(struct bridge *bridge, enum bridge_mode mode);
/** These take effect with the next frame; what was learned stays. On a wire reserved addresses
 * cross whatever was said. */
void bridge_set_aging(struct bridge *bridge, uint64_t aging_ns);
void bridge_set_reserved(struct bridge *bridge, const struct reserved_settings *settings);
void bridge_set_port_reserved(struct bridge *bridge, port_id id,
                              const struct reserved_settings *settings);
/** The table's changes are noted in @journal from now on, the bridge being their owner; NULL: no
 * more. The table's successors (bridge_set_fdb()) do the same. */
void bridge_set_journal(struct bridge *bridge, struct fdb_journal *journal);
/** Calls @fn after each change of a port's state or reason; @was is the state before. */
void bridge_on_port_state(struct bridge *bridge, bridge_port_state_fn fn, void *arg);
/** Calls @fn when an address is held (fdb.h). */
void bridge_on_hold(struct bridge *bridge, bridge_hold_fn fn, void *arg);
void bridge_set_move_limit(struct bridge *bridge, const struct fdb_move_limit *limit);
/** Calls @fn when a frame has shut its port down. It sets the port's state to PORT_ERROR, and to
 * another one after @recovery. Without it, the state is set and stays. */
void bridge_on_port_shut(struct bridge *bridge, bridge_port_shut_fn fn, void *arg);
/** An empty table for this bridge, and the bridge's table from now on: it takes @fdb over, and
 * everything that was learned is forgotten. Only the first can fail: 0 or -errno. */
int bridge_new_fdb(const struct bridge *bridge, uint32_t max_entries, struct fdb **ret_fdb);
void bridge_set_fdb(struct bridge *bridge, struct fdb *fdb);

/** The ethertype of a VLAN-aware bridge; 0: it is transparent to tags. */
uint16_t bridge_ethertype(const struct bridge *bridge);
const struct vlan_table *bridge_vlans(const struct bridge *bridge);
/** A table for this bridge in which no port has settings yet, and the bridge's table from now on:
 * it takes @vlans over (NULL: it is transparent to tags), and everything that was learned is
 * forgotten. Only the first can fail: 0 or -errno. */
int bridge_new_vlans(const struct bridge *bridge, uint16_t ethertype, struct vlan_table **ret);
void bridge_set_vlans(struct bridge *bridge, struct vlan_table *vlans);
/** Of a VLAN-aware bridge; of another, nothing happens. Everything that was learned is forgotten.
 */
void bridge_set_ethertype(struct bridge *bridge, uint16_t ethertype);
/** Of a port of a VLAN-aware bridge; of another, nothing happens. What was learned behind it in the
 * VLANs that it leaves is forgotten. */
void bridge_set_port_vlan(struct bridge *bridge, port_id id, const struct vlan_settings *settings,
                          uint64_t now);
/** What limits the frames of a port, from the next one on: METER_N_USES settings. A limit that
 * stays the same goes on as it is. */
void bridge_set_port_meters(struct bridge *bridge, port_id id,
                            const struct meter_settings *settings, uint64_t now);
/** NULL if the port has no such limit. */
const struct meter_settings *bridge_port_meter(const struct bridge *bridge, port_id id,
                                               enum meter_use use);

/** From the next frame on. What was learned behind a port that does not learn any more is
 * forgotten: nothing would keep it up to date. So is what was learned behind a port that had no
 * mac_limit and gets one, and what is more than a lower one. */
void bridge_set_port_policy(struct bridge *bridge, port_id id, const struct port_policy *policy,
                            uint64_t now);
const struct port_policy *bridge_port_policy(const struct bridge *bridge, port_id id);

/** The mirrors of this bridge (@n may be 0), and the bridge's from its next frame on: it takes
 * @mirrors over. A port that becomes the output of one forgets what was learned behind it, and
 * nothing but copies leaves by it; in a VLAN that becomes one everything is flooded. Only the first
 * can fail: 0 or -ENOMEM. */
int bridge_new_mirrors(const struct bridge *bridge, const struct mirror_settings *settings,
                       uint32_t n, struct mirrors **ret);
void bridge_set_mirrors(struct bridge *bridge, struct mirrors *mirrors, uint64_t now);
/** NULL: there are none. */
const struct mirrors *bridge_mirrors(const struct bridge *bridge);
/** The output port of one of them, if it can send now; or NULL. */
const struct port *bridge_mirror_port(const struct bridge *bridge, const struct mirror *mirror);
/** VLANs of a VLAN-aware bridge in which nothing is learned and everything is flooded, beside those
 * of mirrors. What was learned there is forgotten. */
void bridge_set_flood_vlans(struct bridge *bridge, const struct vidset *vlans, uint64_t now);

/** Who is told of frames from now on (capture.h); NULL: nobody. */
void bridge_set_capture(struct bridge *bridge, struct capture *capture);

/** What takes the time of frames from now on (latency.h), for as many ports as the bridge may have,
 * in place of what did before, which is freed; NULL: nobody. */
void bridge_set_latency(struct bridge *bridge, struct latency *latency);
/** NULL if there is none. */
struct latency *bridge_latency(const struct bridge *bridge);

/** Takes ownership of @port and gives it an id, state waiting, in no VLAN, with the default policy.
 * 0, -ENOSPC, or -EEXIST if the name is taken. */
int bridge_add_port(struct bridge *bridge, struct port *port);
/** Gives up the port (closed by the caller): its entries are forgotten, its totals retire. The
 * caller frees it. */
void bridge_del_port(struct bridge *bridge, port_id id);

/** NULL if there is none. Ids are below bridge_id_limit(), which is no more than the most ports
 * that there were at one time. */
struct port *bridge_port(const struct bridge *bridge, port_id id);
struct port *bridge_port_by_name(const struct bridge *bridge, const char *name);
uint32_t bridge_id_limit(const struct bridge *bridge);
uint32_t bridge_n_ports(const struct bridge *bridge);

/** Sets state and reason; leaving PORT_LEARNING/PORT_FORWARDING flushes what was learned there.
 * True if anything changed. */
bool bridge_set_port_state(struct bridge *bridge, port_id id, enum port_state state,
                           const char *why);

struct bridge_taken {
    uint32_t frames;
    uint64_t bytes;
};

/** One bounded turn on @source at time @now; returns what was taken. */
struct bridge_taken bridge_poll(struct bridge *bridge, struct rx_source *source, uint64_t now);

/** What keeps @copy, dressed for @port, from being handed to the port: DROP_TOO_LONG,
 * DROP_POLICED_OUT, or DROP_NONE. */
enum drop_reason bridge_refusal(const struct bridge *bridge, const struct port *port,
                                const struct frame *copy, uint64_t now);

/** Reclaims some dead entries. Returns when to call it next (ns), or 0 if the table is empty: soon,
 * if a change has doomed entries (fdb.h), which is a reason to call it before it wanted to be. */
uint64_t bridge_age(struct bridge *bridge, uint64_t now);
struct fdb *bridge_fdb(struct bridge *bridge);
const struct forward_tables *bridge_tables(const struct bridge *bridge);

/* The whole ledger of a bridge at one moment. */
struct bridge_ledger {
    uint32_t n_ports;
    struct port **ports; /* beside the snapshots, in order of their ids */
    struct ledger_snapshot *snapshots;
    struct ledger_retired retired;
};

/** What the ports that were deleted had counted. */
const struct ledger_retired *bridge_retired(const struct bridge *bridge);
/** 0 or -ENOMEM. Release with bridge_ledger_fini(). Valid for this turn of the loop. */
int bridge_ledger_snapshot(struct bridge *bridge, struct bridge_ledger *ret_ledger);
void bridge_ledger_fini(struct bridge_ledger *ledger);
/** All four sums over all ports. On failure *ret_what names the sum and the port; it may be NULL.
 */
bool bridge_ledger_balances(const struct bridge_ledger *ledger, char *ret_what, size_t size);

#endif
