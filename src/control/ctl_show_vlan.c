/* SPDX-License-Identifier: ISC */
#include "ctl_show.h"

/*
 * vlan.show: the VLANs of each port of VLAN-aware bridges, in the shape of `bridge -j vlan show`. A
 * port may be in thousands of separate VLANs, and a row is short: such a port has several.
 * vlan.stats: what crossed each VLAN.
 */

#define VLANS_PER_ROW 64

static uint32_t item_of(uint32_t id, uint32_t vid)
{
    return id * VID_LIMIT + vid;
}

static void put_flags(struct json_writer *writer, const struct vlan_table *vlans, port_id id,
                      uint16_t vid)
{
    json_open_array(writer, "flags");
    if (vlans->ports[id].pvid == vid)
        json_put_string(writer, NULL, "PVID");
    if (vlan_table_untags(vlans, id, vid))
        json_put_string(writer, NULL, "Egress Untagged");
    json_close_array(writer);
}

/* The pvid has flags of its own, so a range ends before it. */
static uint16_t end_of_range(const struct vlan_table *vlans, port_id id, uint16_t first,
                             uint16_t last)
{
    uint16_t pvid = vlans->ports[id].pvid;

    if (first == pvid)
        return first;
    return pvid > first && pvid <= last ? (uint16_t)(pvid - 1) : last;
}

/* Returns the VID to go on from, or VID_LIMIT. */
static uint32_t put_vlans(struct json_writer *writer, const struct ctl_walk *walk,
                          const struct vlan_table *vlans, port_id id, uint32_t from)
{
    struct vidset members = vlan_table_members(vlans, id);
    uint16_t first;
    uint16_t last;

    for (uint32_t n = 0; n < VLANS_PER_ROW; n++) {
        if (!vidset_next_range(&members, from, &first, &last))
            return VID_LIMIT;
        last = end_of_range(vlans, id, first, last);
        from = last + 1u;
        if (walk->selection.has_vlan) {
            if (walk->selection.vlan < first || walk->selection.vlan > last)
                continue;
            first = last = walk->selection.vlan;
        }
        json_open_object(writer, NULL);
        json_put_u64(writer, "vlan", first);
        if (last > first)
            json_put_u64(writer, "vlanEnd", last);
        put_flags(writer, vlans, id, first);
        json_close_object(writer);
    }
    return from;
}

static bool is_wanted(const struct ctl_walk *walk, const struct vlan_table *vlans,
                      const struct port *port)
{
    return vlans && ctl_port_is_selected(walk, port) &&
           (!walk->selection.has_vlan || vlan_table_has(vlans, walk->selection.vlan, port->id));
}

static enum ctl_row vlan_step(struct ctl_walk *walk, struct bridge *bridge,
                              struct json_writer *writer)
{
    const struct vlan_table *vlans = bridge_vlans(bridge);
    uint32_t id = walk->item / VID_LIMIT;
    uint32_t from = walk->item % VID_LIMIT;
    const struct port *port = bridge_port(bridge, (port_id)id);

    if (id >= bridge_id_limit(bridge))
        return CTL_ROW_END;
    walk->item = item_of(id + 1, 0);
    if (!is_wanted(walk, vlans, port))
        return CTL_ROW_NONE;
    json_open_object(writer, NULL);
    json_put_string(writer, "ifname", ctl_current_ifname(walk->daemon, port));
    json_put_string(writer, "port", port->name);
    json_put_string(writer, "master", bridge_name(bridge));
    json_put_string(writer, "mode", vlan_mode_name((enum vlan_mode)vlans->ports[id].mode));
    json_open_array(writer, "vlans");
    from = put_vlans(writer, walk, vlans, (port_id)id, from);
    json_close_array(writer);
    json_close_object(writer);
    if (from < VID_LIMIT)
        walk->item = item_of(id, from);
    return CTL_ROW_WRITTEN;
}

void ctl_show_vlan(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", "port", "vlan", NULL};
    static const struct ctl_walk walk = {.step = vlan_step};

    ctl_walk_answer(call, context, params, known, &walk);
}

/* ---- counters ---- */

#define VIDS_PER_STEP 64

static void put_counters(struct json_writer *writer, const struct bridge *bridge, uint16_t vid)
{
    const struct vlan_table *vlans = bridge_vlans(bridge);
    const struct vlan_counters *counters = &vlans->counters[vid];

    json_open_object(writer, NULL);
    json_put_string(writer, "master", bridge_name(bridge));
    json_put_u64(writer, "vlan", vid);
    json_put_u64(writer, "n_ports", vlan_table_n_members(vlans, vid, bridge_id_limit(bridge)));
    json_put_u64(writer, "rx_packets", counters->rx_packets);
    json_put_u64(writer, "rx_bytes", counters->rx_bytes);
    json_put_u64(writer, "tx_packets", counters->tx_packets);
    json_put_u64(writer, "tx_bytes", counters->tx_bytes);
    json_close_object(writer);
}

/* What nothing has come into since the bridge began is not worth a row: there may be thousands. */
static enum ctl_row stats_step(struct ctl_walk *walk, struct bridge *bridge,
                               struct json_writer *writer)
{
    const struct vlan_table *vlans = bridge_vlans(bridge);
    bool has_vlan = walk->selection.has_vlan;

    if (!vlans || walk->item >= VID_LIMIT)
        return CTL_ROW_END;
    for (uint32_t looks = 0; looks < VIDS_PER_STEP && walk->item < VID_LIMIT; looks++) {
        uint32_t vid = walk->item++;

        if (has_vlan ? vid != walk->selection.vlan : !vlan_counters_any(&vlans->counters[vid]))
            continue;
        put_counters(writer, bridge, (uint16_t)vid);
        return CTL_ROW_WRITTEN;
    }
    return CTL_ROW_NONE;
}

void ctl_show_vlan_stats(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", "vlan", NULL};
    static const struct ctl_walk walk = {.step = stats_step};

    ctl_walk_answer(call, context, params, known, &walk);
}
