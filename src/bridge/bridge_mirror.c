/* SPDX-License-Identifier: ISC */
#include "bridge_private.h"

/* ---- what the bridge is told ---- */

int bridge_new_mirrors(const struct bridge *bridge, const struct mirror_settings *settings,
                       uint32_t n, struct mirrors **ret)
{
    if (n > 0)
        return mirrors_new(settings, n, bridge->max_ports, ret);
    *ret = NULL;
    return 0;
}

void bridge_set_mirrors(struct bridge *bridge, struct mirrors *mirrors, uint64_t now)
{
    struct mirrors *before = bridge->mirrors;

    bridge->mirrors = mirrors;
    if (mirrors)
        mirrors_succeed(mirrors, before);
    for (uint32_t id = 0; id < bridge->id_limit; id++) {
        if (mirrors && bridge->ports[id])
            mirrors_add_port(mirrors, (port_id)id, bridge->ports[id]->name);
    }
    for (uint32_t id = 0; id < bridge->id_limit; id++) {
        if (bridge->ports[id])
            bridge_set_activity(bridge, (port_id)id);
    }
    mirrors_free(before);
    bridge_apply_flood_vlans(bridge, now);
    bridge_note_detour(bridge);
}

const struct mirrors *bridge_mirrors(const struct bridge *bridge)
{
    return bridge->mirrors;
}

const struct port *bridge_mirror_port(const struct bridge *bridge, const struct mirror *mirror)
{
    if (mirror->port == PORT_NONE || bridge->activity[mirror->port] != PORT_ACTIVITY_MIRROR)
        return NULL;
    return bridge->ports[mirror->port];
}

void bridge_set_flood_vlans(struct bridge *bridge, const struct vidset *vlans, uint64_t now)
{
    bridge->flood_vlans = *vlans;
    bridge_apply_flood_vlans(bridge, now);
}

/* What was learned in a VLAN that begins to flood would be out of date when it ends. */
void bridge_apply_flood_vlans(struct bridge *bridge, uint64_t now)
{
    const struct vidset outputs = mirrors_output_vlans(bridge->mirrors);
    struct vidset flooded = bridge->flood_vlans;
    struct vidset added;

    if (!bridge->vlans)
        return;
    vidset_add_all(&flooded, &outputs);
    added = vidset_minus(&flooded, &bridge->vlans->flooded);
    vlan_table_set_flooded(bridge->vlans, &flooded);
    if (vidset_is_empty(&added))
        return;
    for (uint32_t id = 0; id < bridge->id_limit; id++) {
        if (bridge->ports[id])
            fdb_flush_port_vlans(bridge->fdb, (port_id)id, &added, now, FLUSH_BUDGET);
    }
}

/* ---- what it does to frames ---- */

static void send(struct bridge *bridge, struct mirror *mirror, struct port *port,
                 struct frame *copy, uint64_t now)
{
    mirror_cut(mirror, copy);
    copy->tally = &mirror->tally;
    bridge_send_mirrored(bridge, mirror, port, copy, now);
}

static void send_to_port(struct bridge *bridge, struct mirror *mirror, uint64_t now)
{
    if (bridge_mirror_port(bridge, mirror))
        send(bridge, mirror, bridge->ports[mirror->port], &mirror->seen, now);
    else
        mirror->counters.dropped++;
}

static void send_to_vlan(struct bridge *bridge, struct mirror *mirror, const struct frame *frame,
                         uint64_t now)
{
    const struct forward_tables *tables = &bridge->tables;
    port_id id = mirror_next_egress(mirror, tables, frame->ingress, 0);

    if (id == PORT_NONE)
        mirror->counters.dropped++;
    for (; id != PORT_NONE; id = mirror_next_egress(mirror, tables, frame->ingress, id + 1u)) {
        struct frame copy;

        mirror_dress(mirror, tables, id, frame, &copy);
        send(bridge, mirror, bridge->ports[id], &copy, now);
    }
}

/* @seen: as a port shows the frame. */
static void take(struct mirrors *mirrors, uint32_t set, const struct frame *seen)
{
    mirrors->taken |= set;
    for (uint32_t left = set; left; left &= left - 1)
        mirrors->list[__builtin_ctz(left)].seen = *seen;
}

void bridge_mirror_arrival(struct bridge *bridge, const struct frame *frame)
{
    struct mirrors *mirrors = bridge->mirrors;

    mirrors->taken = 0;
    take(mirrors, mirrors_of_arrival(mirrors, &bridge->tables, frame), frame);
}

void bridge_mirror_copy(struct bridge *bridge, const struct decision *decision, port_id egress,
                        const struct frame *copy)
{
    struct mirrors *mirrors = bridge->mirrors;
    uint32_t set = mirrors_of_copy(mirrors, &bridge->tables, copy, decision->vid, egress);

    take(mirrors, set & ~mirrors->taken, copy);
}

void bridge_mirror_send(struct bridge *bridge, const struct frame *frame, uint64_t now)
{
    for (uint32_t left = bridge->mirrors->taken; left; left &= left - 1) {
        struct mirror *mirror = &bridge->mirrors->list[__builtin_ctz(left)];

        mirror->counters.selected++;
        if (mirror->vid != VID_NONE)
            send_to_vlan(bridge, mirror, frame, now);
        else
            send_to_port(bridge, mirror, now);
    }
}
