/* SPDX-License-Identifier: ISC */
#include "ctl_show.h"

#include <linux/if.h>
#include <stdio.h>
#include <string.h>

#include "ringspan/clock.h"
#include "ringspan/latency.h"

/* bridge.show, port.show, fdb.show: one object per thing. */

static void put_fdb(struct json_writer *writer, const struct fdb *fdb)
{
    struct fdb_counters counters = fdb_counters(fdb);

    json_open_object(writer, "fdb");
    json_put_u64(writer, "entries", fdb_used(fdb));
    json_put_u64(writer, "max_entries", fdb_max_entries(fdb));
    json_put_u64(writer, "static", fdb_n_static(fdb));
    json_put_u64(writer, "inserted", counters.inserted);
    json_put_u64(writer, "moved", counters.moved);
    json_put_u64(writer, "expired", counters.expired);
    json_put_u64(writer, "evicted", counters.evicted);
    json_put_u64(writer, "flushed", counters.flushed);
    json_put_u64(writer, "refused_moves", counters.refused_moves);
    json_put_u64(writer, "refused_inserts", counters.refused_inserts);
    json_put_u64(writer, "refused_limits", counters.refused_limits);
    json_put_u64(writer, "held", counters.held);
    json_close_object(writer);
}

static void put_buckets(struct json_writer *writer, const struct latency_histogram *histogram)
{
    json_open_array(writer, "buckets");
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        json_open_object(writer, NULL);
        json_put_u64(writer, "le_ns", latency_bound(i));
        json_put_u64(writer, "count", histogram->buckets[i]);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void put_latency(struct json_writer *writer, const struct latency *latency)
{
    const struct latency_histogram *histogram;

    if (!latency) {
        json_put_null(writer, "latency");
        return;
    }
    histogram = latency_histogram(latency);
    json_open_object(writer, "latency");
    json_put_u64(writer, "every", latency_every(latency));
    json_put_u64(writer, "count", histogram->count);
    json_put_u64(writer, "skewed", histogram->skewed);
    json_put_u64(writer, "sum_ns", histogram->sum);
    json_put_u64(writer, "p50_ns", latency_percentile(histogram, 500));
    json_put_u64(writer, "p90_ns", latency_percentile(histogram, 900));
    json_put_u64(writer, "p99_ns", latency_percentile(histogram, 990));
    json_put_u64(writer, "max_ns", histogram->max);
    put_buckets(writer, histogram);
    json_close_object(writer);
}

static void put_ethertype(struct json_writer *writer, uint16_t ethertype)
{
    char text[8];

    snprintf(text, sizeof(text), "0x%04x", ethertype);
    json_put_string(writer, "ethertype", ethertype ? text : NULL);
}

static void put_matches(struct json_writer *writer, const struct daemon *daemon,
                        const struct bridge *bridge)
{
    struct daemon_match match;
    uint64_t left_out = 0;

    json_open_array(writer, "matches");
    for (uint32_t cursor = 0; daemon_next_match(daemon, bridge, &cursor, &match);) {
        json_open_object(writer, NULL);
        json_put_string(writer, "match", match.match);
        json_put_string(writer, "netns", match.netns);
        json_put_u64(writer, "n_ports", match.n_ports);
        json_put_u64(writer, "max", match.max);
        json_put_u64(writer, "left_out", match.n_left_out);
        json_close_object(writer);
        left_out += match.n_left_out;
    }
    json_close_array(writer);
    json_put_u64(writer, "left_out", left_out);
}

/* As the configuration has it: the preset, or an object. */
static void put_reserved_settings(struct json_writer *writer,
                                  const struct reserved_settings *settings)
{
    const char *preset = reserved_preset_name(settings->preset);

    if (reserved_settings_are_plain(settings)) {
        json_put_string(writer, "reserved", preset);
        return;
    }
    json_open_object(writer, "reserved");
    json_put_string(writer, "preset", preset);
    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++) {
        if (settings->actions[i] != RESERVED_N_ACTIONS)
            json_put_string(writer, reserved_protocol_name((enum reserved_protocol)i),
                            reserved_action_name(settings->actions[i]));
    }
    json_close_object(writer);
}

static enum ctl_row bridge_step(struct ctl_walk *walk, struct bridge *bridge,
                                struct json_writer *writer)
{
    if (walk->item++)
        return CTL_ROW_END;
    json_open_object(writer, NULL);
    json_put_string(writer, "name", bridge_name(bridge));
    json_put_u64(writer, "n_ports", bridge_n_ports(bridge));
    put_matches(writer, walk->daemon, bridge);
    json_put_u64(writer, "aging_time", bridge_aging_ns(bridge) / NS_PER_SEC);
    json_put_string(writer, "mode", bridge_mode_name(bridge_get_mode(bridge)));
    put_reserved_settings(writer, bridge_reserved(bridge));
    json_put_bool(writer, "vlan_aware", bridge_vlans(bridge) != NULL);
    put_ethertype(writer, bridge_ethertype(bridge));
    put_fdb(writer, bridge_fdb(bridge));
    put_latency(writer, bridge_latency(bridge));
    json_close_object(writer);
    return CTL_ROW_WRITTEN;
}

void ctl_show_bridge(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", NULL};
    static const struct ctl_walk walk = {.step = bridge_step};

    ctl_walk_answer(call, context, params, known, &walk);
}

struct flag_name {
    uint32_t flag;
    const char *name;
};

/* Names and order of `ip -j link`. */
static const struct flag_name flag_names[] = {
    {IFF_LOOPBACK, "LOOPBACK"},
    {IFF_BROADCAST, "BROADCAST"},
    {IFF_POINTOPOINT, "POINTOPOINT"},
    {IFF_MULTICAST, "MULTICAST"},
    {IFF_NOARP, "NOARP"},
    {IFF_ALLMULTI, "ALLMULTI"},
    {IFF_PROMISC, "PROMISC"},
    {IFF_MASTER, "MASTER"},
    {IFF_SLAVE, "SLAVE"},
    {IFF_DYNAMIC, "DYNAMIC"},
    {IFF_UP, "UP"},
    {IFF_LOWER_UP, "LOWER_UP"},
    {IFF_DORMANT, "DORMANT"},
};

void ctl_put_flags(struct json_writer *writer, const struct link *link)
{
    json_open_array(writer, "flags");
    if (link && (link->flags & IFF_UP) && !(link->flags & IFF_RUNNING))
        json_put_string(writer, NULL, "NO-CARRIER");
    for (size_t i = 0; link && i < sizeof(flag_names) / sizeof(*flag_names); i++) {
        if (link->flags & flag_names[i].flag)
            json_put_string(writer, NULL, flag_names[i].name);
    }
    json_close_array(writer);
}

static void put_ring(struct json_writer *writer, const struct port *port)
{
    struct port_ring_info ring = port_rings(port);

    json_open_object(writer, "ring");
    json_put_u64(writer, "rx_slots", ring.rx_slots);
    json_put_u64(writer, "tx_slots", ring.tx_slots);
    json_put_u64(writer, "bytes", ring.bytes);
    json_put_u64(writer, "renewals", port->n_renewals);
    json_close_object(writer);
}

/* A helper thread that binds the port writes these fields. */
static bool is_bound(const struct port *port)
{
    return !port->busy && port->ifindex;
}

static void put_number_if_bound(struct json_writer *writer, const char *key,
                                const struct port *port, const uint32_t *number)
{
    if (is_bound(port))
        json_put_u64(writer, key, *number);
    else
        json_put_null(writer, key);
}

/* What the port has, which after a reload follows what the configuration wants. */
static void put_settings(struct json_writer *writer, const struct port *port)
{
    bool has_any = is_bound(port);
    enum isolation_means means = has_any ? port->isolation.means : ISOLATION_NONE;

    json_put_bool(writer, "isolated", isolation_is_complete(means));
    json_put_string(writer, "isolated_by",
                    means == ISOLATION_NONE ? NULL : isolation_means_name(means));
    json_put_bool(writer, "qdisc_bypass", has_any && port->settings.qdisc_bypass);
    json_put_bool(writer, "gro", has_any && port->gro.is_on);
}

static void put_meter(struct json_writer *writer, const struct bridge *bridge,
                      const struct port *port, enum meter_use use)
{
    const struct meter_settings *settings = bridge_port_meter(bridge, port->id, use);
    char text[RATE_STRING_SIZE];

    if (!settings) {
        json_put_null(writer, meter_use_name(use));
        return;
    }
    json_open_object(writer, meter_use_name(use));
    json_put_string(writer, "rate", rate_format(settings->rate, text));
    json_put_string(writer, "burst", burst_format(settings->burst, text));
    json_close_object(writer);
}

static void put_meters(struct json_writer *writer, const struct bridge *bridge,
                       const struct port *port)
{
    json_open_object(writer, "storm_control");
    put_meter(writer, bridge, port, METER_BROADCAST);
    put_meter(writer, bridge, port, METER_MULTICAST);
    put_meter(writer, bridge, port, METER_UNKNOWN_UNICAST);
    json_close_object(writer);
    json_open_object(writer, "policing");
    put_meter(writer, bridge, port, METER_INGRESS);
    put_meter(writer, bridge, port, METER_EGRESS);
    json_close_object(writer);
}

/* A policy that is not the same for all addresses of a protocol has no word. */
static void put_reserved(struct json_writer *writer, const struct bridge *bridge,
                         const struct port *port)
{
    struct reserved_policy policy = bridge_tables(bridge)->reserved[port->id];

    json_open_object(writer, "reserved");
    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++) {
        enum reserved_protocol protocol = (enum reserved_protocol)i;
        enum reserved_action action = reserved_policy_action(policy, protocol);
        const struct reserved_counters *counters = &port->reserved_counters[i];

        json_open_object(writer, reserved_protocol_name(protocol));
        json_put_string(writer, "policy",
                        action == RESERVED_N_ACTIONS ? NULL : reserved_action_name(action));
        json_put_u64(writer, "forwarded", counters->forwarded);
        json_put_u64(writer, "dropped", counters->dropped);
        json_put_u64(writer, "consumed", counters->consumed);
        json_close_object(writer);
    }
    json_close_object(writer);
}

const char *ctl_current_ifname(const struct daemon *daemon, const struct port *port)
{
    const struct link *link = daemon_port_link(daemon, port);

    if (link)
        return link->ifname;
    return is_bound(port) ? port->ifname : NULL;
}

bool ctl_port_is_selected(const struct ctl_walk *walk, const struct port *port)
{
    return port && (!*walk->selection.port || !strcmp(walk->selection.port, port->name));
}

static void put_port_fdb(struct json_writer *writer, struct bridge *bridge, port_id id)
{
    const struct port_policy *policy = bridge_port_policy(bridge, id);
    const struct fdb *fdb = bridge_fdb(bridge);
    struct fdb_port_counters counters = fdb_port_counters(fdb, id);

    json_open_object(writer, "fdb");
    json_put_u64(writer, "entries", fdb_held(fdb, id));
    if (policy->mac_limit.max != 0)
        json_put_u64(writer, "mac_limit", policy->mac_limit.max);
    else
        json_put_null(writer, "mac_limit");
    json_put_u64(writer, "moved_in", counters.moved_in);
    json_put_u64(writer, "moved_out", counters.moved_out);
    json_put_u64(writer, "refused_limits", counters.refused_limits);
    json_close_object(writer);
}

static enum ctl_row port_step(struct ctl_walk *walk, struct bridge *bridge,
                              struct json_writer *writer)
{
    const struct port *port;

    if (walk->item >= bridge_id_limit(bridge))
        return CTL_ROW_END;
    port = bridge_port(bridge, (port_id)walk->item++);
    if (!ctl_port_is_selected(walk, port))
        return CTL_ROW_NONE;
    json_open_object(writer, NULL);
    json_put_string(writer, "name", port->name);
    json_put_string(writer, "ifname", ctl_current_ifname(walk->daemon, port));
    json_put_string(writer, "configured_ifname", port->ifname);
    json_put_string(writer, "netns", daemon_port_netns(port));
    json_put_string(writer, "match", daemon_port_match(port));
    put_number_if_bound(writer, "ifindex", port, &port->ifindex);
    json_put_string(writer, "master", bridge_name(bridge));
    json_put_string(writer, "type", port->type);
    json_put_string(writer, "admin_state", port_admin_state_name(port->admin_state));
    json_put_string(writer, "state", port_state_name(port->state));
    json_put_string(writer, "reason", port->why);
    json_put_bool(writer, "mirror_destination",
                  mirrors_has_output(bridge_mirrors(bridge), port->id));
    put_number_if_bound(writer, "mtu", port, &port->mtu);
    ctl_put_flags(writer, daemon_port_link(walk->daemon, port));
    put_settings(writer, port);
    put_meters(writer, bridge, port);
    put_ring(writer, port);
    put_port_fdb(writer, bridge, port->id);
    put_reserved(writer, bridge, port);
    json_close_object(writer);
    return CTL_ROW_WRITTEN;
}

void ctl_show_port(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", "port", NULL};
    static const struct ctl_walk walk = {.step = port_step};

    ctl_walk_answer(call, context, params, known, &walk);
}

void ctl_put_entry_kind(struct json_writer *writer, bool is_static, bool is_sticky)
{
    json_open_array(writer, "flags");
    if (is_sticky)
        json_put_string(writer, NULL, "sticky");
    json_close_array(writer);
    json_put_string(writer, "state", is_static ? "static" : "");
}

static bool entry_is_selected(const struct ctl_walk *walk, const struct fdb_entry *entry)
{
    const struct ctl_selection *selection = &walk->selection;

    return (!selection->has_vlan || selection->vlan == entry->vid) &&
           (!selection->has_mac || selection->mac == entry->mac);
}

static enum ctl_row fdb_step(struct ctl_walk *walk, struct bridge *bridge,
                             struct json_writer *writer)
{
    uint64_t now = daemon_now(walk->daemon);
    const struct port *port;
    struct fdb_entry entry;
    char mac[MAC_STRING_SIZE];

    if (!fdb_next(bridge_fdb(bridge), now, &walk->item, &entry))
        return CTL_ROW_END;
    port = bridge_port(bridge, entry.port);
    if (!ctl_port_is_selected(walk, port) || !entry_is_selected(walk, &entry))
        return CTL_ROW_NONE;
    json_open_object(writer, NULL);
    json_put_string(writer, "mac", mac_format(entry.mac, mac));
    json_put_u64(writer, "vlan", entry.vid);
    json_put_string(writer, "port", port->name);
    json_put_string(writer, "ifname", ctl_current_ifname(walk->daemon, port));
    json_put_string(writer, "master", bridge_name(bridge));
    json_put_u64(writer, "age", (now - entry.seen) / NS_PER_SEC);
    ctl_put_entry_kind(writer, entry.is_static, entry.is_sticky);
    json_close_object(writer);
    return CTL_ROW_WRITTEN;
}

void ctl_show_fdb(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", "port", "vlan", "mac", NULL};
    static const struct ctl_walk walk = {.step = fdb_step};

    ctl_walk_answer(call, context, params, known, &walk);
}
