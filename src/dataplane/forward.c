/* SPDX-License-Identifier: ISC */
#include "ringspan/forward.h"

static enum drop_reason admit(const struct forward_tables *tables, const struct frame *frame,
                              struct decision *decision)
{
    uint64_t src;

    if (frame->defect != DROP_NONE)
        return frame->defect;
    if (frame->len < ETHER_HEADER_SIZE)
        return DROP_RUNT;
    decision->reserved = reserved_protocol_of(frame_dst(frame));
    if (tables->activity[frame->ingress] == PORT_ACTIVITY_NONE)
        return DROP_INGRESS_DOWN;
    src = frame_src(frame);
    if (mac_is_group(src))
        return DROP_SOURCE_GROUP;
    if (src == 0)
        return DROP_SOURCE_ZERO;
    return DROP_NONE;
}

/* A bridge that is transparent to tags is one VLAN, numbered 0. */
static enum drop_reason classify(const struct forward_tables *tables, const struct frame *frame,
                                 struct decision *decision)
{
    if (!tables->vlans)
        return DROP_NONE;
    decision->class = vlan_table_classify(tables->vlans, frame);
    decision->vid = decision->class.tci & VLAN_VID_BITS;
    return decision->class.reason;
}

static void drop(struct decision *decision, enum drop_reason reason)
{
    decision->verdict = VERDICT_DROP;
    decision->reason = reason;
    decision->fanout = 0;
}

/* What the port's policy says about a frame to a reserved address: true if it takes the ordinary
 * path, else the decision is made. */
static bool passes_reserved(const struct forward_tables *tables, const struct frame *frame,
                            struct decision *decision)
{
    struct reserved_policy policy = tables->reserved[frame->ingress];

    switch (reserved_action_of(policy, frame_dst(frame))) {
    case RESERVED_FORWARD:
        return true;
    case RESERVED_CONSUME:
        decision->verdict = VERDICT_CONSUME;
        decision->fanout = 0;
        return false;
    case RESERVED_DROP:
    case RESERVED_N_ACTIONS:
        break;
    }
    drop(decision, reserved_reason(decision->reserved));
    return false;
}

/* The one place that says whether a copy may leave by a port. */
static bool may_leave_by(const struct forward_tables *tables, const struct decision *decision,
                         port_id egress)
{
    return egress != decision->ingress && tables->activity[egress] == PORT_ACTIVITY_FORWARD &&
           (!tables->vlans || vlan_table_has(tables->vlans, decision->vid, egress));
}

/* Of 64 ports those that flood, and are in the frame's VLAN. */
static uint64_t flood_word(const struct forward_tables *tables, uint16_t vid, uint32_t word)
{
    uint64_t bits = tables->flood->words[word];

    return tables->vlans ? bits & vlan_table_word(tables->vlans, vid, word) : bits;
}

port_id forward_next_egress(const struct forward_tables *tables, const struct decision *decision,
                            uint32_t from)
{
    for (uint32_t w = from / 64u; w < tables->flood->n_used; w++) {
        uint64_t bits = flood_word(tables, decision->vid, w);

        if (w == from / 64u)
            bits &= ~UINT64_C(0) << (from % 64u);
        if (w == decision->ingress / 64u)
            bits &= ~(UINT64_C(1) << (decision->ingress % 64u));
        if (bits)
            return (port_id)(w * 64u + (uint32_t)__builtin_ctzll(bits));
    }
    return PORT_NONE;
}

static uint32_t count_flood(const struct forward_tables *tables, uint16_t vid)
{
    uint32_t n = 0;

    if (!tables->vlans)
        return tables->flood->n_members;
    for (uint32_t w = 0; w < tables->flood->n_used; w++)
        n += (uint32_t)__builtin_popcountll(flood_word(tables, vid, w));
    return n;
}

static enum drop_reason why_not_by(const struct forward_tables *tables,
                                   const struct decision *decision, port_id egress, uint64_t dst)
{
    if (egress == decision->ingress)
        return DROP_SAME_PORT;
    if (tables->activity[egress] == PORT_ACTIVITY_FORWARD)
        return DROP_VLAN_EGRESS;
    return fdb_is_static(tables->fdb, decision->vid, dst) ? DROP_STATIC_DOWN : DROP_NO_EGRESS;
}

static void egress_unicast(const struct forward_tables *tables, struct decision *decision,
                           port_id egress, uint64_t dst)
{
    if (!may_leave_by(tables, decision, egress)) {
        drop(decision, why_not_by(tables, decision, egress, dst));
        return;
    }
    decision->verdict = VERDICT_UNICAST;
    decision->egress = egress;
    decision->fanout = 1;
}

static void egress_flood(const struct forward_tables *tables, struct decision *decision)
{
    port_id ingress = decision->ingress;
    bool counts_ingress = portset_has(tables->flood, ingress) &&
                          (!tables->vlans || vlan_table_has(tables->vlans, decision->vid, ingress));

    decision->fanout = count_flood(tables, decision->vid) - (counts_ingress ? 1 : 0);
    if (decision->fanout == 0)
        drop(decision, DROP_NO_EGRESS);
    else
        decision->verdict = VERDICT_FLOOD;
}

void forward_decide(const struct forward_tables *tables, const struct frame *frame, uint64_t now,
                    struct decision *ret_decision)
{
    struct decision *decision = ret_decision;
    port_id egress = PORT_NONE;
    enum drop_reason reason;
    uint64_t dst;

    decision->ingress = frame->ingress;
    decision->egress = PORT_NONE;
    decision->reserved = RESERVED_N_PROTOCOLS;
    decision->vid = 0;
    decision->reason = DROP_NONE;
    decision->learn.action = FDB_NOTHING;

    reason = admit(tables, frame, decision);
    if (reason != DROP_NONE) {
        drop(decision, reason);
        return;
    }
    if (decision->reserved != RESERVED_N_PROTOCOLS && !passes_reserved(tables, frame, decision))
        return;

    reason = classify(tables, frame, decision);
    if (reason != DROP_NONE) {
        drop(decision, reason);
        return;
    }

    fdb_plan_learn(tables->fdb, decision->vid, frame_src(frame), frame->ingress, now,
                   &decision->learn);
    if (tables->activity[frame->ingress] < PORT_ACTIVITY_FORWARD) {
        drop(decision, DROP_INGRESS_DOWN);
        return;
    }

    dst = frame_dst(frame);
    if (!mac_is_group(dst))
        egress = fdb_lookup_after(tables->fdb, &decision->learn, decision->vid, dst, now);

    if (egress != PORT_NONE)
        egress_unicast(tables, decision, egress, dst);
    else
        egress_flood(tables, decision);
}

void forward_commit(struct fdb *fdb, const struct decision *decision)
{
    if (decision->learn.action != FDB_NOTHING)
        fdb_commit(fdb, &decision->learn);
}

const struct frame *forward_dress(const struct forward_tables *tables,
                                  const struct decision *decision, port_id egress,
                                  const struct frame *frame, struct frame *dressed)
{
    if (!tables->vlans)
        return frame;
    vlan_table_dress(tables->vlans, &decision->class, egress, frame, dressed);
    return dressed;
}

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_DROP:
        return "drop";
    case VERDICT_UNICAST:
        return "unicast";
    case VERDICT_FLOOD:
        return "flood";
    case VERDICT_CONSUME:
        return "consume";
    }
    return NULL;
}
