/* SPDX-License-Identifier: ISC */
#include "ringspan/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge_private.h"

#define SWEEP_BUDGET 2048 /* entries per call: tens of microseconds */
#define SETTLE_NS    UINT64_C(1000000)

int bridge_new_fdb(const struct bridge *bridge, uint32_t max_entries, struct fdb **ret_fdb)
{
    const struct fdb_params params = {
        .max_entries = max_entries,
        .max_ports = bridge->max_ports,
        .aging_ns = bridge->aging_ns,
        .key = bridge->fdb_key,
    };

    return fdb_new(&params, ret_fdb);
}

static int allocate(struct bridge *bridge, const struct bridge_params *params)
{
    int r;

    bridge->ports = calloc(params->max_ports, sizeof(bridge->ports[0]));
    bridge->activity = calloc(params->max_ports, sizeof(bridge->activity[0]));
    bridge->reserved_policies = calloc(params->max_ports, sizeof(bridge->reserved_policies[0]));
    bridge->to_flush = calloc(params->max_ports, sizeof(bridge->to_flush[0]));
    bridge->meters = calloc(params->max_ports, sizeof(bridge->meters[0]));
    if (!bridge->ports || !bridge->activity || !bridge->reserved_policies || !bridge->to_flush ||
        !bridge->meters)
        return -ENOMEM;
    r = policy_table_init(&bridge->port_policies, params->max_ports);
    if (r == 0 && params->ethertype != 0)
        r = bridge_new_vlans(bridge, params->ethertype, &bridge->vlans);
    if (r < 0)
        return r;
    return bridge_new_fdb(bridge, params->max_entries, &bridge->fdb);
}

int bridge_new(const struct bridge_params *params, struct bridge **ret)
{
    struct bridge *bridge;
    int r;

    if (params->max_ports == 0 || params->max_ports > LIMIT_PORTS)
        return -EINVAL;
    bridge = calloc(1, sizeof(*bridge));
    if (!bridge)
        return -ENOMEM;
    snprintf(bridge->name, sizeof(bridge->name), "%s", params->name);
    bridge->max_ports = params->max_ports;
    bridge->aging_ns = params->aging_ns;
    bridge->reserved = params->reserved;
    bridge->fdb_key = params->fdb_key;
    r = allocate(bridge, params);
    if (r < 0) {
        bridge_free(bridge);
        return r;
    }
    bridge->tables = (struct forward_tables){
        .mode = params->mode,
        .fdb = bridge->fdb,
        .reserved = bridge->reserved_policies,
        .activity = bridge->activity,
        .policy = &bridge->port_policies,
        .vlans = bridge->vlans,
    };
    *ret = bridge;
    return 0;
}

void bridge_free(struct bridge *bridge)
{
    if (!bridge)
        return;
    for (uint32_t i = 0; i < bridge->id_limit; i++)
        port_free(bridge->ports[i]);
    mirrors_free(bridge->mirrors);
    fdb_free(bridge->fdb);
    vlan_table_free(bridge->vlans);
    policy_table_fini(&bridge->port_policies);
    latency_free(bridge->latency);
    free(bridge->meters);
    free(bridge->to_flush);
    free(bridge->reserved_policies);
    free(bridge->activity);
    free(bridge->ports);
    free(bridge);
}

const char *bridge_name(const struct bridge *bridge)
{
    return bridge->name;
}

uint64_t bridge_aging_ns(const struct bridge *bridge)
{
    return bridge->aging_ns;
}

const struct reserved_settings *bridge_reserved(const struct bridge *bridge)
{
    return &bridge->reserved;
}

void bridge_set_aging(struct bridge *bridge, uint64_t aging_ns)
{
    bridge->aging_ns = aging_ns;
    fdb_set_aging(bridge->fdb, aging_ns);
}

static void set_reserved_policy(struct bridge *bridge, port_id id)
{
    const struct reserved_settings all = reserved_settings_of(RESERVED_ALL);

    if (bridge->tables.mode == BRIDGE_WIRE)
        bridge->reserved_policies[id] = reserved_policy_of(&all, &all);
    else
        bridge->reserved_policies[id] =
            reserved_policy_of(&bridge->reserved, &bridge->ports[id]->reserved);
}

static void set_reserved_policies(struct bridge *bridge)
{
    for (uint32_t id = 0; id < bridge->id_limit; id++) {
        if (bridge->ports[id])
            set_reserved_policy(bridge, (port_id)id);
    }
}

void bridge_set_reserved(struct bridge *bridge, const struct reserved_settings *settings)
{
    bridge->reserved = *settings;
    set_reserved_policies(bridge);
}

enum bridge_mode bridge_get_mode(const struct bridge *bridge)
{
    return bridge->tables.mode;
}

void bridge_set_mode(struct bridge *bridge, enum bridge_mode mode)
{
    bridge->tables.mode = mode;
    set_reserved_policies(bridge);
    fdb_flush_all(bridge->fdb);
}

void bridge_set_port_reserved(struct bridge *bridge, port_id id,
                              const struct reserved_settings *settings)
{
    bridge->ports[id]->reserved = *settings;
    set_reserved_policy(bridge, id);
}

void bridge_set_fdb(struct bridge *bridge, struct fdb *fdb)
{
    fdb_set_aging(fdb, bridge->aging_ns); /* may have changed since the table was made */
    fdb_set_journal(fdb, bridge->journal, bridge);
    fdb_succeed(fdb, bridge->fdb);
    for (uint32_t id = 0; id < bridge->id_limit; id++)
        fdb_del_port(bridge->fdb, (port_id)id); /* its static entries: for the journal */
    fdb_free(bridge->fdb);
    bridge->fdb = fdb;
    bridge->tables.fdb = fdb;
}

void bridge_set_journal(struct bridge *bridge, struct fdb_journal *journal)
{
    bridge->journal = journal;
    fdb_set_journal(bridge->fdb, journal, bridge);
}

void bridge_on_port_state(struct bridge *bridge, bridge_port_state_fn fn, void *arg)
{
    bridge->on_port_state = fn;
    bridge->on_port_state_arg = arg;
}

void bridge_on_port_shut(struct bridge *bridge, bridge_port_shut_fn fn, void *arg)
{
    bridge->on_port_shut = fn;
    bridge->on_port_shut_arg = arg;
}

void bridge_on_hold(struct bridge *bridge, bridge_hold_fn fn, void *arg)
{
    bridge->on_hold = fn;
    bridge->on_hold_arg = arg;
}

void bridge_set_move_limit(struct bridge *bridge, const struct fdb_move_limit *limit)
{
    fdb_set_move_limit(bridge->fdb, limit);
}

/* ---- VLANs ---- */

static const struct vlan_settings no_vlans = {.mode = VLAN_MODE_NONE};
static const struct meter_settings no_meters[METER_N_USES];

uint16_t bridge_ethertype(const struct bridge *bridge)
{
    return bridge->vlans ? bridge->vlans->ethertype : 0;
}

const struct vlan_table *bridge_vlans(const struct bridge *bridge)
{
    return bridge->vlans;
}

/* Each port's edge takes off what this bridge interprets. */
static void set_edges(struct bridge *bridge)
{
    for (uint32_t i = 0; i < bridge->id_limit; i++) {
        if (bridge->ports[i])
            bridge->ports[i]->edge_tpid = bridge_ethertype(bridge);
    }
}

int bridge_new_vlans(const struct bridge *bridge, uint16_t ethertype, struct vlan_table **ret)
{
    return vlan_table_new(ethertype, bridge->max_ports, ret);
}

void bridge_set_vlans(struct bridge *bridge, struct vlan_table *vlans)
{
    vlan_table_free(bridge->vlans);
    bridge->vlans = vlans;
    bridge->tables.vlans = vlans;
    set_edges(bridge);
    fdb_flush_all(bridge->fdb);
    bridge_apply_flood_vlans(bridge, 0);
}

void bridge_set_ethertype(struct bridge *bridge, uint16_t ethertype)
{
    if (!bridge->vlans)
        return;
    bridge->vlans->ethertype = ethertype;
    set_edges(bridge);
    fdb_flush_all(bridge->fdb);
}

void bridge_set_port_vlan(struct bridge *bridge, port_id id, const struct vlan_settings *settings,
                          uint64_t now)
{
    struct vidset left;

    if (!bridge->vlans)
        return;
    left = vlan_table_set_port(bridge->vlans, id, settings);
    fdb_flush_port_vlans(bridge->fdb, id, &left, now, FLUSH_BUDGET);
}

/* ---- policies of ports ---- */

const struct port_policy *bridge_port_policy(const struct bridge *bridge, port_id id)
{
    return &bridge->port_policies.ports[id];
}

void bridge_set_port_policy(struct bridge *bridge, port_id id, const struct port_policy *policy,
                            uint64_t now)
{
    bool forgets = bridge->port_policies.ports[id].learning && !policy->learning;

    policy_table_set(&bridge->port_policies, id, policy);
    if (forgets)
        fdb_flush_port(bridge->fdb, id);
    fdb_set_limit(bridge->fdb, id, policy->mac_limit.max, now, FLUSH_BUDGET);
}

/* ---- meters ---- */

void bridge_note_detour(struct bridge *bridge)
{
    bridge->is_watched = bridge->capture || bridge->mirrors;
    bridge->has_detour = bridge->tables.meters || bridge->is_watched;
}

void bridge_set_port_meters(struct bridge *bridge, port_id id,
                            const struct meter_settings *settings, uint64_t now)
{
    struct port_meters *meters = &bridge->meters[id];

    bridge->n_metered -= meters->in_use != 0;
    port_meters_set(meters, settings, now);
    bridge->n_metered += meters->in_use != 0;
    bridge->tables.meters = bridge->n_metered > 0 ? bridge->meters : NULL;
    bridge_note_detour(bridge);
}

const struct meter_settings *bridge_port_meter(const struct bridge *bridge, port_id id,
                                               enum meter_use use)
{
    const struct port_meters *meters = &bridge->meters[id];

    return port_meters_has(meters, use) ? &meters->meters[use].settings : NULL;
}

/* ---- ports ---- */

int bridge_add_port(struct bridge *bridge, struct port *port)
{
    uint32_t id = 0;

    if (bridge_port_by_name(bridge, port->name))
        return -EEXIST;
    while (id < bridge->max_ports && bridge->ports[id])
        id++;
    if (id == bridge->max_ports)
        return -ENOSPC;
    bridge->ports[id] = port;
    bridge->activity[id] = PORT_ACTIVITY_NONE;
    bridge->n_ports++;
    if (bridge->id_limit <= id)
        bridge->id_limit = id + 1;
    port->id = (port_id)id;
    set_reserved_policy(bridge, port->id);
    port->edge_tpid = bridge_ethertype(bridge);
    if (bridge->mirrors)
        mirrors_add_port(bridge->mirrors, port->id, port->name);
    return 0;
}

void bridge_del_port(struct bridge *bridge, port_id id)
{
    struct port *port = bridge->ports[id];

    policy_table_set_forwarding(&bridge->port_policies, id, false);
    policy_table_set(&bridge->port_policies, id, &PORT_POLICY_DEFAULT);
    bridge->activity[id] = PORT_ACTIVITY_NONE;
    fdb_del_port(bridge->fdb, id);
    bridge_set_port_vlan(bridge, id, &no_vlans, 0);
    bridge_set_port_meters(bridge, id, no_meters, 0);
    bridge->retired.fanout += port->ledger.fanout;
    bridge->retired.decided += port->ledger.decided;
    if (bridge->mirrors)
        mirrors_del_port(bridge->mirrors, id);
    bridge->ports[id] = NULL;
    bridge->n_ports--;
    port->id = PORT_NONE;
}

struct port *bridge_port(const struct bridge *bridge, port_id id)
{
    return id < bridge->id_limit ? bridge->ports[id] : NULL;
}

struct port *bridge_port_by_name(const struct bridge *bridge, const char *name)
{
    for (uint32_t i = 0; i < bridge->id_limit; i++) {
        if (bridge->ports[i] && strcmp(bridge->ports[i]->name, name) == 0)
            return bridge->ports[i];
    }
    return NULL;
}

uint32_t bridge_id_limit(const struct bridge *bridge)
{
    return bridge->id_limit;
}

uint32_t bridge_n_ports(const struct bridge *bridge)
{
    return bridge->n_ports;
}

static enum port_activity activity_of(enum port_state state)
{
    switch (state) {
    case PORT_FORWARDING:
        return PORT_ACTIVITY_FORWARD;
    case PORT_LEARNING:
        return PORT_ACTIVITY_LEARN;
    case PORT_WAITING:
    case PORT_DOWN:
    case PORT_BLOCKING:
    case PORT_DISABLED:
    case PORT_ERROR:
    case PORT_N_STATES:
        break;
    }
    return PORT_ACTIVITY_NONE;
}

/* Nothing but copies of frames leaves by the output port of a mirror. */
void bridge_set_activity(struct bridge *bridge, port_id id)
{
    enum port_activity before = bridge->activity[id];
    enum port_activity after = activity_of(bridge->ports[id]->state);

    if (mirrors_has_output(bridge->mirrors, id))
        after = after == PORT_ACTIVITY_FORWARD ? PORT_ACTIVITY_MIRROR : PORT_ACTIVITY_NONE;
    bridge->activity[id] = (uint8_t)after;
    policy_table_set_forwarding(&bridge->port_policies, id, after == PORT_ACTIVITY_FORWARD);
    if (before >= PORT_ACTIVITY_LEARN && after < PORT_ACTIVITY_LEARN)
        fdb_flush_port(bridge->fdb, id);
}

bool bridge_set_port_state(struct bridge *bridge, port_id id, enum port_state state,
                           const char *why)
{
    enum port_state was = bridge->ports[id]->state;
    bool changed = port_set_state(bridge->ports[id], state, why);

    bridge_set_activity(bridge, id);
    if (changed && bridge->on_port_state)
        bridge->on_port_state(bridge->on_port_state_arg, bridge, bridge->ports[id], was);
    return changed;
}

void bridge_set_capture(struct bridge *bridge, struct capture *capture)
{
    bridge->capture = capture;
    bridge_note_detour(bridge);
}

void bridge_set_latency(struct bridge *bridge, struct latency *latency)
{
    latency_free(bridge->latency);
    bridge->latency = latency;
}

struct latency *bridge_latency(const struct bridge *bridge)
{
    return bridge->latency;
}

/* The whole table once per aging time: memory of dead entries is held twice as long at most. A
 * small one is looked at as a whole, and not before something in it expires: nobody is woken for
 * less. */
static uint64_t next_aging(const struct bridge *bridge, uint64_t now)
{
    uint32_t turns = fdb_max_entries(bridge->fdb) / SWEEP_BUDGET + 1;
    uint64_t next = now + bridge->aging_ns / turns;
    uint64_t first = fdb_first_expiry(bridge->fdb, SWEEP_BUDGET);

    if (first <= next)
        return next;
    return first < now + bridge->aging_ns ? first : now + bridge->aging_ns;
}

uint64_t bridge_age(struct bridge *bridge, uint64_t now)
{
    fdb_sweep(bridge->fdb, now, SWEEP_BUDGET);
    if (fdb_is_settling(bridge->fdb))
        return now + SETTLE_NS;
    return fdb_used(bridge->fdb) == 0 ? 0 : next_aging(bridge, now);
}

struct fdb *bridge_fdb(struct bridge *bridge)
{
    return bridge->fdb;
}

const struct forward_tables *bridge_tables(const struct bridge *bridge)
{
    return &bridge->tables;
}

const struct ledger_retired *bridge_retired(const struct bridge *bridge)
{
    return &bridge->retired;
}
