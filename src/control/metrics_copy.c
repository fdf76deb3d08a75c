/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_private.h"
#include "ringspan/usage.h"

/* VLANs that nothing came into are passed over so many at a time. */
#define VIDS_PER_PIECE 64

_Static_assert(USAGE_UNKNOWN == METRICS_ABSENT, "what is unknown is not told");

static uint64_t is_frozen(const struct daemon *daemon)
{
    enum recorder_state state = daemon_recorder(daemon).state;

    return state == RECORDER_OFF ? METRICS_ABSENT : state == RECORDER_FROZEN;
}

static void copy_daemon(struct metrics_daemon *copy, const struct metrics_source *source)
{
    struct usage usage = usage_of_process();

    *copy = (struct metrics_daemon){
        .ready = daemon_is_ready(source->daemon),
        .n_bridges = daemon_n_bridges(source->daemon),
        .netlink = daemon_link_counters(source->daemon),
        .loop = event_counters(source->loop),
        .cpu_us = usage.cpu_us,
        .resident_bytes = usage.resident_bytes,
        .virtual_bytes = usage.virtual_bytes,
        .open_fds = usage.open_fds,
        .max_fds = usage.max_fds,
        .started_us = source->started_us,
        .recorder_frozen = is_frozen(source->daemon),
    };
    memcpy(copy->recorder_counts, daemon_recorder_counts(source->daemon),
           sizeof(copy->recorder_counts));
}

/* Sums over all ports must be of one moment; two numbers of each are quickly read. */
static bool balances_across(const struct bridge *bridge)
{
    const struct ledger_retired *retired = bridge_retired(bridge);
    uint64_t fanout = retired->fanout;
    uint64_t decided = retired->decided;

    for (uint32_t id = 0; id < bridge_id_limit(bridge); id++) {
        const struct port *port = bridge_port(bridge, (port_id)id);

        if (!port)
            continue;
        fanout += port->ledger.fanout;
        decided += port->ledger.decided;
    }
    return fanout == decided;
}

static void copy_latency(struct metrics_bridge *copy, const struct latency *latency)
{
    copy->has_latency = latency != NULL;
    copy->latency_skewed = METRICS_ABSENT;
    if (!latency)
        return;
    copy->latency = *latency_histogram(latency);
    copy->latency_skewed = copy->latency.skewed;
}

static void copy_mirrors(struct metrics_bridge *copy, const struct mirrors *mirrors)
{
    copy->n_mirrors = mirrors ? mirrors->n : 0;
    for (uint32_t i = 0; i < copy->n_mirrors; i++) {
        strcpy(copy->mirrors[i].name, mirrors->list[i].name);
        copy->mirrors[i].counters = mirrors->list[i].counters;
    }
}

static int copy_bridge(struct metrics_copies *copies, struct bridge *bridge)
{
    const struct fdb *fdb = bridge_fdb(bridge);
    struct metrics_bridge copy = {
        .n_ports = bridge_n_ports(bridge),
        .fdb_entries = fdb_used(fdb),
        .fdb_max_entries = fdb_max_entries(fdb),
        .fdb_static = fdb_n_static(fdb),
        .fdb = fdb_counters(fdb),
        .imbalances[LEDGER_SUM_ACROSS] = !balances_across(bridge),
        .room = bridge_n_ports(bridge),
    };

    strcpy(copy.name, bridge_name(bridge));
    copy_mirrors(&copy, bridge_mirrors(bridge));
    copy_latency(&copy, bridge_latency(bridge));
    copy.ports = calloc(copy.room + 1, sizeof(*copy.ports));
    if (bridge_vlans(bridge))
        copy.vlans = calloc(VID_LIMIT, sizeof(*copy.vlans));
    if (!copy.ports || (bridge_vlans(bridge) && !copy.vlans)) {
        free(copy.ports);
        free(copy.vlans);
        return -ENOMEM;
    }
    copies->bridges[copies->n_bridges++] = copy;
    return 0;
}

static void copy_ledger(struct metrics_port *copy, struct metrics_bridge *bridge, struct port *port)
{
    struct ledger_snapshot snapshot;

    port_snapshot(port, &snapshot);
    bridge->imbalances[LEDGER_SUM_IN] += !ledger_in_balances(&snapshot);
    bridge->imbalances[LEDGER_SUM_OUT] += !ledger_out_balances(&snapshot);
    bridge->imbalances[LEDGER_SUM_KERNEL] += !ledger_kernel_balances(&snapshot);
    copy->ledger = snapshot.counters;
    copy->held_in = snapshot.held_in;
    copy->held_out = snapshot.held_out;
    if (snapshot.has_kernel) {
        copy->kernel_packets = snapshot.counters.tp_packets;
        copy->kernel_drops = snapshot.counters.tp_drops;
        copy->kernel_unread = ledger_unread(&snapshot);
    } else {
        copy->kernel_packets = copy->kernel_drops = copy->kernel_unread = METRICS_ABSENT;
    }
}

static void copy_port(struct metrics_bridge *copy_of_bridge, const struct daemon *daemon,
                      struct bridge *bridge, struct port *port)
{
    struct metrics_port *copy = &copy_of_bridge->ports[copy_of_bridge->n_records++];
    const struct link *link = daemon_port_link(daemon, port);
    const struct fdb *fdb = bridge_fdb(bridge);

    strcpy(copy->name, port->name);
    if (link)
        strcpy(copy->ifname, link->ifname);
    copy->type = port->type;
    copy->state = port->state;
    copy->admin_up = port->admin_state == PORT_ADMIN_UP;
    /* A helper thread that has the port may be writing it. */
    copy->mtu = !port->busy && port->ifindex ? port->mtu : METRICS_ABSENT;
    copy->ring_bytes = port_rings(port).bytes;
    copy->fdb_entries = fdb_held(fdb, port->id);
    copy->fdb = fdb_port_counters(fdb, port->id);
    memcpy(copy->reserved, port->reserved_counters, sizeof(copy->reserved));
    copy_ledger(copy, copy_of_bridge, port);
}

static void copy_vlans(struct metrics_bridge *copy, struct metrics_copies *copies,
                       const struct bridge *bridge)
{
    const struct vlan_table *vlans = bridge_vlans(bridge);

    for (uint32_t looks = 0; looks < VIDS_PER_PIECE && copies->vid < VID_LIMIT; looks++) {
        uint16_t vid = (uint16_t)copies->vid++;
        struct metrics_vlan *vlan;

        if (!vlan_counters_any(&vlans->counters[vid]))
            continue;
        vlan = &copy->vlans[copy->n_vlans++];
        snprintf(vlan->vid, sizeof(vlan->vid), "%u", vid);
        vlan->n_ports = vlan_table_n_members(vlans, vid, bridge_id_limit(bridge));
        vlan->counters = vlans->counters[vid];
        return;
    }
}

/* Ports that came since the bridge was copied wait for the next scrape, if there is no room. */
static bool copy_of_bridge_next(struct metrics_copies *copies, const struct daemon *daemon,
                                struct bridge *bridge)
{
    struct metrics_bridge *copy = &copies->bridges[copies->n_bridges - 1];

    if (copies->id < bridge_id_limit(bridge) && copy->n_records < copy->room) {
        struct port *port = bridge_port(bridge, (port_id)copies->id++);

        if (port)
            copy_port(copy, daemon, bridge, port);
        return true;
    }
    /* A reload may have made a bridge transparent meanwhile, or the other way round. */
    if (copy->vlans && bridge_vlans(bridge) && copies->vid < VID_LIMIT) {
        copy_vlans(copy, copies, bridge);
        return true;
    }
    return false;
}

static int begin(struct metrics_copies *copies, const struct metrics_source *source)
{
    copies->bridges = calloc(LIMIT_BRIDGES, sizeof(*copies->bridges));
    if (!copies->bridges)
        return -ENOMEM;
    copies->is_begun = true;
    copy_daemon(&copies->daemon, source);
    return 1;
}

static int begin_bridge(struct metrics_copies *copies, struct bridge *bridge, uint64_t number)
{
    int r;

    if (copies->n_bridges == LIMIT_BRIDGES)
        return 0;
    r = copy_bridge(copies, bridge);
    if (r < 0)
        return r;
    copies->bridge = number;
    copies->is_in_bridge = true;
    copies->id = 0;
    copies->vid = 0;
    return 1;
}

int metrics_copy_next(struct metrics_copies *copies, const struct metrics_source *source)
{
    uint64_t number = copies->bridge;
    struct bridge *bridge;

    if (!copies->is_begun)
        return begin(copies, source);
    bridge = daemon_bridge_from(source->daemon, &number);
    if (!bridge)
        return 0;
    if (!copies->is_in_bridge || number != copies->bridge)
        return begin_bridge(copies, bridge, number);
    if (!copy_of_bridge_next(copies, source->daemon, bridge)) {
        copies->is_in_bridge = false;
        copies->bridge++;
    }
    return 1;
}

void metrics_copies_fini(struct metrics_copies *copies)
{
    for (uint32_t i = 0; i < copies->n_bridges; i++) {
        free(copies->bridges[i].ports);
        free(copies->bridges[i].vlans);
    }
    free(copies->bridges);
}
