/* SPDX-License-Identifier: ISC */
#include "ringspan/explain.h"

void explain_arrival(const struct port *port, uint8_t *bytes, uint32_t len,
                     const struct virtio_net_hdr *vnet, struct frame *ret_frame)
{
    struct frame frame = {.data = bytes, .len = len, .ingress = port->id};

    if (vnet)
        frame.vnet = *vnet;
    frame_take_outer_tag(&frame, bytes);
    if (port->edge_tpid)
        frame_take_tag(&frame, bytes, port->edge_tpid);
    if (frame.defect == DROP_NONE && !frame_vnet_is_sane(&frame))
        frame.defect = DROP_MALFORMED;
    *ret_frame = frame;
}

/* Where forward.c gives this reason. */
static enum explain_stage stage_of(enum drop_reason reason, enum port_activity activity)
{
    switch (reason) {
    case DROP_TRUNCATED:
    case DROP_MALFORMED:
    case DROP_RUNT:
    case DROP_MIRROR_DESTINATION:
    case DROP_SOURCE_GROUP:
    case DROP_SOURCE_ZERO:
        return EXPLAIN_ADMIT;
    case DROP_INGRESS_DOWN: /* a port that learns and does not forward learned from it first */
        return activity == PORT_ACTIVITY_NONE ? EXPLAIN_ADMIT : EXPLAIN_LEARN;
    case DROP_MAC_CONTROL:
    case DROP_RESERVED:
        return EXPLAIN_RESERVED;
    case DROP_NO_PVID:
    case DROP_VLAN_TAGGED:
    case DROP_FRAME_TYPE:
    case DROP_VID_RESERVED:
    case DROP_VLAN_NOT_ALLOWED:
        return EXPLAIN_CLASSIFY;
    case DROP_MAC_LIMIT:
        return EXPLAIN_LEARN;
    case DROP_VLAN_EGRESS:
    case DROP_SAME_PORT:
    case DROP_ISOLATED:
    case DROP_FLOOD_OFF:
    case DROP_NO_EGRESS:
    case DROP_STATIC_DOWN:
        return EXPLAIN_EGRESS;
    case DROP_POLICED_IN:
    case DROP_STORM_BROADCAST:
    case DROP_STORM_MULTICAST:
    case DROP_STORM_UNKNOWN_UNICAST:
    case DROP_NONE:
        return EXPLAIN_METER;
    case DROP_TOO_LONG: /* of copies, not of frames */
    case DROP_POLICED_OUT:
    case DROP_EGRESS_DOWN:
    case DROP_EGRESS_GONE:
    case DROP_TX_QUEUE_FULL:
    case DROP_TX_BUSY:
    case DROP_TX_REJECTED:
    case DROP_TX_ERROR:
    case DROP_N_REASONS:
        break;
    }
    return EXPLAIN_N_STAGES;
}

/* What the lookup hit, told as if learning had been committed: the source may be the destination,
 * or lose its entry to it. */
static bool look_up(const struct forward_tables *tables, struct explanation *e)
{
    const struct decision *decision = &e->decision;
    uint64_t dst = frame_dst(&e->frame);
    port_id port;

    if (!decision->looks_up || mac_is_group(dst))
        return false;
    port = fdb_lookup_after(tables->fdb, &decision->learn, decision->vid, dst, e->now);
    if (port == PORT_NONE)
        return false;
    if (!fdb_look(tables->fdb, decision->vid, dst, e->now, &e->destination) ||
        e->destination.port != port)
        e->destination =
            (struct fdb_entry){.mac = dst, .vid = decision->vid, .port = port, .seen = e->now};
    return true;
}

void bridge_explain(const struct bridge *bridge, const struct frame *frame, uint64_t now,
                    struct explanation *ret_explanation)
{
    const struct forward_tables *tables = bridge_tables(bridge);
    struct explanation *e = ret_explanation;

    *e = (struct explanation){.frame = *frame, .now = now};
    forward_decide(tables, frame, now, &e->decision);
    if (e->decision.verdict == VERDICT_CONSUME)
        e->stage = EXPLAIN_RESERVED;
    else
        e->stage = stage_of(e->decision.reason, tables->activity[frame->ingress]);
    if (e->stage >= EXPLAIN_LEARN)
        e->is_known = fdb_look(tables->fdb, e->decision.vid, frame_src(frame), now, &e->source);
    if (e->stage >= EXPLAIN_LOOKUP)
        e->is_found = look_up(tables, e);
}

port_id explain_next_egress(const struct bridge *bridge, const struct explanation *explanation,
                            uint32_t from)
{
    const struct decision *decision = &explanation->decision;

    switch (decision->verdict) {
    case VERDICT_UNICAST:
        if (decision->egress >= from && bridge_port(bridge, decision->egress))
            return decision->egress;
        break;
    case VERDICT_FLOOD:
        return forward_next_egress(bridge_tables(bridge), decision, from);
    case VERDICT_DROP:
    case VERDICT_CONSUME:
        break;
    }
    return PORT_NONE;
}

void explain_copy(const struct bridge *bridge, const struct explanation *explanation,
                  port_id egress, struct explained_copy *ret_copy)
{
    const struct frame *copy;

    copy = forward_dress(bridge_tables(bridge), &explanation->decision, egress, &explanation->frame,
                         &ret_copy->frame);
    ret_copy->refusal = bridge_refusal(bridge, bridge_port(bridge, egress), copy, explanation->now);
    if (copy != &ret_copy->frame)
        ret_copy->frame = *copy;
}

static uint32_t add_mirrors(const struct mirrors *mirrors, uint32_t set, port_id seen_at,
                            struct explained_mirror *ret_mirrors)
{
    uint32_t n = 0;

    for (uint32_t left = set; left; left &= left - 1)
        ret_mirrors[n++] = (struct explained_mirror){&mirrors->list[__builtin_ctz(left)], seen_at};
    return n;
}

uint32_t explain_mirrors(const struct bridge *bridge, const struct explanation *explanation,
                         struct explained_mirror *ret_mirrors)
{
    const struct mirrors *mirrors = bridge_mirrors(bridge);
    const struct forward_tables *tables = bridge_tables(bridge);
    uint32_t taken;
    uint32_t n;

    if (!mirrors)
        return 0;
    taken = mirrors_of_arrival(mirrors, tables, &explanation->frame);
    n = add_mirrors(mirrors, taken, PORT_NONE, ret_mirrors);
    for (port_id id = explain_next_egress(bridge, explanation, 0); id != PORT_NONE;
         id = explain_next_egress(bridge, explanation, id + 1u)) {
        struct explained_copy copy;
        uint32_t set =
            mirrors_of_copy(mirrors, tables, &explanation->frame, explanation->decision.vid, id);

        set &= ~taken;
        if (set == 0) /* what leaves by most of a thousand ports is of no interest */
            continue;
        explain_copy(bridge, explanation, id, &copy);
        if (copy.refusal != DROP_NONE)
            continue;
        n += add_mirrors(mirrors, set, id, ret_mirrors + n);
        taken |= set;
    }
    return n;
}

port_id explain_next_mirror_egress(const struct bridge *bridge,
                                   const struct explanation *explanation,
                                   const struct explained_mirror *mirror, uint32_t from)
{
    const struct port *port;

    if (mirror->mirror->vid != VID_NONE)
        return mirror_next_egress(mirror->mirror, bridge_tables(bridge), explanation->frame.ingress,
                                  from);
    port = bridge_mirror_port(bridge, mirror->mirror);
    return port && port->id >= from ? port->id : PORT_NONE;
}

void explain_mirror_copy(const struct bridge *bridge, const struct explanation *explanation,
                         const struct explained_mirror *mirror, port_id egress,
                         struct explained_copy *ret_copy)
{
    if (mirror->mirror->vid != VID_NONE)
        mirror_dress(mirror->mirror, bridge_tables(bridge), egress, &explanation->frame,
                     &ret_copy->frame);
    else if (mirror->seen_at != PORT_NONE)
        explain_copy(bridge, explanation, mirror->seen_at, ret_copy);
    else
        ret_copy->frame = explanation->frame;
    mirror_cut(mirror->mirror, &ret_copy->frame);
    ret_copy->refusal =
        bridge_refusal(bridge, bridge_port(bridge, egress), &ret_copy->frame, explanation->now);
}

enum drop_reason explain_excluded(const struct bridge *bridge,
                                  const struct explanation *explanation, port_id egress)
{
    const struct forward_tables *tables = bridge_tables(bridge);
    const struct decision *decision = &explanation->decision;
    enum drop_reason obstacle;

    if (explanation->stage < EXPLAIN_EGRESS || explanation->is_found)
        return DROP_NONE;
    if (tables->activity[egress] == PORT_ACTIVITY_MIRROR)
        return DROP_MIRROR_DESTINATION; /* it does forward, and is for nothing else */
    obstacle = forward_obstacle(tables, decision, egress);
    if (obstacle != DROP_NONE)
        return obstacle;
    return tables->policy->ports[egress].flood[decision->flood] ? DROP_NONE : DROP_FLOOD_OFF;
}

const char *explain_stage_name(enum explain_stage stage)
{
    static const char *const names[] = {
        [EXPLAIN_ADMIT] = "admit", [EXPLAIN_RESERVED] = "reserved", [EXPLAIN_CLASSIFY] = "classify",
        [EXPLAIN_LEARN] = "learn", [EXPLAIN_LOOKUP] = "lookup",     [EXPLAIN_EGRESS] = "egress",
        [EXPLAIN_METER] = "meter",
    };

    _Static_assert(sizeof(names) / sizeof(names[0]) == EXPLAIN_N_STAGES, "one name a stage");
    return names[stage];
}
