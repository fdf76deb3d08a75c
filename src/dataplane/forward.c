/* SPDX-License-Identifier: ISC */
#include "ringspan/forward.h"

static enum drop_reason admit(const struct forward_tables *tables, const struct frame *frame)
{
    uint64_t src;

    if (frame->defect != DROP_NONE)
        return frame->defect;
    if (frame->len < ETHER_HEADER_SIZE)
        return DROP_RUNT;
    if (tables->activity[frame->ingress] == PORT_ACTIVITY_NONE)
        return DROP_INGRESS_DOWN;
    src = frame_src(frame);
    if (mac_is_group(src))
        return DROP_SOURCE_GROUP;
    if (src == 0)
        return DROP_SOURCE_ZERO;
    if (reserved_is(frame_dst(frame)))
        return reserved_check(tables->reserved, frame_dst(frame));
    return DROP_NONE;
}

/* A bridge that is transparent to tags is one VLAN, numbered 0. */
static uint16_t classify(void)
{
    return 0;
}

static void drop(struct decision *decision, enum drop_reason reason)
{
    decision->verdict = VERDICT_DROP;
    decision->reason = reason;
    decision->fanout = 0;
}

/* The one place that says whether a copy may leave by a port. */
static bool may_leave_by(const struct forward_tables *tables, const struct decision *decision,
                         port_id egress)
{
    return egress != decision->ingress && tables->activity[egress] == PORT_ACTIVITY_FORWARD;
}

static enum drop_reason why_not_by(const struct forward_tables *tables,
                                   const struct decision *decision, port_id egress, uint64_t dst)
{
    if (egress == decision->ingress)
        return DROP_SAME_PORT;
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
    const struct portset *flood = tables->flood;

    decision->fanout = flood->n_members - (portset_has(flood, decision->ingress) ? 1 : 0);
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
    decision->vid = 0;
    decision->reason = DROP_NONE;
    decision->learn.action = FDB_NOTHING;

    reason = admit(tables, frame);
    if (reason != DROP_NONE) {
        drop(decision, reason);
        return;
    }

    decision->vid = classify();

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
