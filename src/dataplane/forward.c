/* SPDX-License-Identifier: ISC */
#include "ringspan/forward.h"

static enum drop_reason why_nothing_enters(const struct forward_tables *tables, port_id ingress)
{
    return tables->activity[ingress] == PORT_ACTIVITY_MIRROR ? DROP_MIRROR_DESTINATION
                                                             : DROP_INGRESS_DOWN;
}

static enum drop_reason admit(const struct forward_tables *tables, const struct frame *frame,
                              struct decision *decision)
{
    uint64_t src;

    if (frame->defect != DROP_NONE)
        return frame->defect;
    if (frame->len < ETHER_HEADER_SIZE)
        return DROP_RUNT;
    if (frame->n_tags == VLAN_STACK_SIZE)
        return DROP_MALFORMED;
    decision->reserved = reserved_protocol_of(frame_dst(frame));
    if (tables->activity[frame->ingress] < PORT_ACTIVITY_LEARN)
        return why_nothing_enters(tables, frame->ingress);
    if (tables->mode == BRIDGE_WIRE)
        return DROP_NONE;
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
    if (vlan_table_floods(tables->vlans, decision->vid))
        decision->looks_up = false;
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

/* A port that may have so many addresses does not learn those of the link's own protocols: of a
 * bond's members, of bridges. */
static bool teaches(const struct decision *decision, const struct port_policy *policy, uint64_t dst)
{
    return policy->learning && decision->looks_up &&
           (policy->mac_limit.max == 0 || !reserved_is_vital(dst));
}

/* What becomes of a frame from an address that its port may not have: true if it takes the ordinary
 * path, else the decision is made. */
static bool passes_mac_limit(const struct port_policy *policy, struct decision *decision)
{
    switch (policy->mac_limit.action) {
    case MAC_LIMIT_FLOOD:
        return true;
    case MAC_LIMIT_SHUTDOWN:
        decision->port_action = PORT_ACTION_SHUT_DOWN;
        break;
    case MAC_LIMIT_DROP:
    case MAC_LIMIT_N_ACTIONS:
        break;
    }
    drop(decision, DROP_MAC_LIMIT);
    return false;
}

static bool is_isolated(const struct forward_tables *tables, const struct decision *decision,
                        port_id egress)
{
    return decision->isolation_group != ISOLATION_GROUP_NONE &&
           tables->policy->ports[egress].isolation_group == decision->isolation_group;
}

static bool is_member(const struct forward_tables *tables, const struct decision *decision,
                      port_id egress)
{
    return !tables->vlans || vlan_table_has(tables->vlans, decision->vid, egress);
}

/* The one place that says whether a copy may leave by a port. */
static inline enum drop_reason obstacle(const struct forward_tables *tables,
                                        const struct decision *decision, port_id egress)
{
    if (egress == decision->ingress && !decision->hairpin)
        return DROP_SAME_PORT;
    if (tables->activity[egress] != PORT_ACTIVITY_FORWARD)
        return DROP_NO_EGRESS;
    if (!is_member(tables, decision, egress))
        return DROP_VLAN_EGRESS;
    return is_isolated(tables, decision, egress) ? DROP_ISOLATED : DROP_NONE;
}

enum drop_reason forward_obstacle(const struct forward_tables *tables,
                                  const struct decision *decision, port_id egress)
{
    return obstacle(tables, decision, egress);
}

static const struct portset *flood_set(const struct forward_tables *tables,
                                       const struct decision *decision)
{
    return &tables->policy->flood[decision->flood];
}

/* Of @bits, 64 ports, those that are in the frame's VLAN and not where it comes from. */
static uint64_t others_of_vlan(const struct forward_tables *tables, const struct decision *decision,
                               uint32_t word, uint64_t bits)
{
    if (tables->vlans)
        bits &= vlan_table_word(tables->vlans, decision->vid, word);
    if (word == decision->ingress / 64u && !decision->hairpin)
        bits &= ~(UINT64_C(1) << (decision->ingress % 64u));
    return bits;
}

static uint64_t not_isolated(const struct forward_tables *tables, const struct decision *decision,
                             uint32_t word, uint64_t bits)
{
    if (decision->isolation_group != ISOLATION_GROUP_NONE)
        bits &= ~policy_table_group_word(tables->policy, decision->isolation_group, word);
    return bits;
}

/* Of 64 ports those that the frame's flood leaves by. */
static uint64_t flood_word(const struct forward_tables *tables, const struct decision *decision,
                           uint32_t word)
{
    uint64_t bits = flood_set(tables, decision)->words[word];

    return not_isolated(tables, decision, word, others_of_vlan(tables, decision, word, bits));
}

port_id forward_next_egress(const struct forward_tables *tables, const struct decision *decision,
                            uint32_t from)
{
    uint32_t n_words = flood_set(tables, decision)->n_used;

    for (uint32_t w = from / 64u; w < n_words; w++) {
        uint64_t bits = flood_word(tables, decision, w);

        if (w == from / 64u)
            bits &= ~UINT64_C(0) << (from % 64u);
        if (bits)
            return (port_id)(w * 64u + (uint32_t)__builtin_ctzll(bits));
    }
    return PORT_NONE;
}

static uint32_t count_flood(const struct forward_tables *tables, const struct decision *decision)
{
    const struct portset *set = flood_set(tables, decision);
    bool is_narrowed = tables->vlans || decision->isolation_group != ISOLATION_GROUP_NONE;
    uint32_t n = 0;

    if (!is_narrowed)
        return set->n_members - (portset_has(set, decision->ingress) && !decision->hairpin);
    for (uint32_t w = 0; w < set->n_used; w++)
        n += (uint32_t)__builtin_popcountll(flood_word(tables, decision, w));
    return n;
}

static void egress_unicast(const struct forward_tables *tables, struct decision *decision,
                           port_id egress, uint64_t dst)
{
    enum drop_reason reason = obstacle(tables, decision, egress);

    if (reason == DROP_NO_EGRESS && fdb_is_static(tables->fdb, decision->vid, dst))
        reason = DROP_STATIC_DOWN;
    if (reason != DROP_NONE) {
        drop(decision, reason);
        return;
    }
    decision->verdict = VERDICT_UNICAST;
    decision->egress = egress;
    decision->fanout = 1;
}

/* Of a flood that leaves by no port: what keeps it from leaving by those that forward. By words, as
 * the flood itself: one host alone in its VLAN must not make each of its frames dear. */
static enum drop_reason why_no_flood(const struct forward_tables *tables,
                                     const struct decision *decision)
{
    const struct portset *forwarding = &tables->policy->forwarding;
    enum drop_reason reason = DROP_NO_EGRESS;

    for (uint32_t w = 0; w < forwarding->n_used; w++) {
        uint64_t bits = others_of_vlan(tables, decision, w, forwarding->words[w]);

        if (not_isolated(tables, decision, w, bits))
            return DROP_FLOOD_OFF;
        if (bits)
            reason = DROP_ISOLATED;
    }
    return reason;
}

static enum flood_class flood_class_of(uint64_t dst)
{
    if (dst == MAC_BROADCAST)
        return FLOOD_BROADCAST;
    return mac_is_group(dst) ? FLOOD_MULTICAST : FLOOD_UNKNOWN_UNICAST;
}

static void egress_flood(const struct forward_tables *tables, struct decision *decision,
                         uint64_t dst)
{
    decision->flood = flood_class_of(dst);
    decision->fanout = count_flood(tables, decision);
    if (decision->fanout == 0)
        drop(decision, why_no_flood(tables, decision));
    else
        decision->verdict = VERDICT_FLOOD;
}

static enum meter_use storm_of(enum flood_class class)
{
    static const enum meter_use uses[FLOOD_N_CLASSES] = {
        [FLOOD_UNKNOWN_UNICAST] = METER_UNKNOWN_UNICAST,
        [FLOOD_MULTICAST] = METER_MULTICAST,
        [FLOOD_BROADCAST] = METER_BROADCAST,
    };

    return uses[class];
}

static enum drop_reason why_over(enum meter_use use)
{
    switch (use) {
    case METER_BROADCAST:
        return DROP_STORM_BROADCAST;
    case METER_MULTICAST:
        return DROP_STORM_MULTICAST;
    case METER_UNKNOWN_UNICAST:
        return DROP_STORM_UNKNOWN_UNICAST;
    case METER_INGRESS:
        return DROP_POLICED_IN;
    case METER_EGRESS:
    case METER_N_USES:
        break;
    }
    return DROP_POLICED_OUT;
}

/* The ingress port's meters that this frame, which is to cross, has to pass. */
static uint32_t meters_for(const struct port_meters *port, const struct decision *decision,
                           uint64_t dst)
{
    uint32_t uses = 1u << METER_INGRESS;

    if (reserved_is_vital(dst))
        return 0;
    if (decision->verdict == VERDICT_FLOOD)
        uses |= 1u << storm_of(decision->flood);
    return uses & port->in_use;
}

static void meter(const struct forward_tables *tables, const struct frame *frame, uint64_t now,
                  struct decision *decision)
{
    const struct port_meters *port = &tables->meters[frame->ingress];
    uint32_t uses = meters_for(port, decision, frame_dst(frame));

    for (uint32_t left = uses; left; left &= left - 1) {
        enum meter_use use = (enum meter_use)__builtin_ctz(left);

        if (!meter_passes(&port->meters[use], now)) {
            drop(decision, why_over(use));
            decision->learn.action = FDB_NOTHING;
            return;
        }
    }
    if (uses) {
        decision->charge = meter_charge_of(frame, now);
        decision->charge.uses = (uint8_t)uses;
    }
}

static uint16_t vid_of(const struct forward_tables *tables, const struct frame *frame)
{
    return tables->vlans ? vlan_table_classify(tables->vlans, frame).tci & VLAN_VID_BITS : 0;
}

void forward_prefetch(const struct forward_tables *tables, const struct frame *frames, uint32_t n)
{
    uint64_t keys[FDB_PREFETCH_MAX];
    uint32_t n_keys = 0;

    if (tables->mode != BRIDGE_SWITCH || !fdb_wants_prefetch(tables->fdb))
        return;
    for (uint32_t i = 0; i < n && n_keys <= FDB_PREFETCH_MAX - 2; i++) {
        uint16_t vid;

        if (frames[i].defect != DROP_NONE || frames[i].len < ETHER_HEADER_SIZE)
            continue;
        vid = vid_of(tables, &frames[i]);
        keys[n_keys++] = fdb_key(vid, frame_src(&frames[i]));
        keys[n_keys++] = fdb_key(vid, frame_dst(&frames[i]));
    }
    fdb_prefetch(tables->fdb, keys, n_keys);
}

void forward_decide(const struct forward_tables *tables, const struct frame *frame, uint64_t now,
                    struct decision *ret_decision)
{
    const struct port_policy *policy = &tables->policy->ports[frame->ingress];
    struct decision *decision = ret_decision;
    port_id egress = PORT_NONE;
    enum drop_reason reason;
    uint64_t dst;

    decision->ingress = frame->ingress;
    decision->egress = PORT_NONE;
    decision->reserved = RESERVED_N_PROTOCOLS;
    decision->vid = 0;
    decision->looks_up = tables->mode == BRIDGE_SWITCH;
    decision->hairpin = policy->hairpin;
    decision->isolation_group = policy->isolation_group;
    decision->reason = DROP_NONE;
    decision->port_action = PORT_ACTION_NONE;
    decision->learn.action = FDB_NOTHING;
    decision->charge.uses = 0;

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

    dst = frame_dst(frame);
    if (teaches(decision, policy, dst))
        fdb_plan_learn(tables->fdb, decision->vid, frame_src(frame), frame->ingress, now,
                       &decision->learn);
    if (decision->learn.action == FDB_REFUSE_LIMIT && !passes_mac_limit(policy, decision))
        return;
    if (tables->activity[frame->ingress] < PORT_ACTIVITY_FORWARD) {
        drop(decision, DROP_INGRESS_DOWN);
        return;
    }

    if (decision->looks_up && !mac_is_group(dst))
        egress = fdb_lookup_after(tables->fdb, &decision->learn, decision->vid, dst, now);

    if (egress != PORT_NONE)
        egress_unicast(tables, decision, egress, dst);
    else
        egress_flood(tables, decision, dst);
    if (tables->meters && decision->verdict != VERDICT_DROP)
        meter(tables, frame, now, decision);
}

void forward_commit(struct fdb *fdb, struct port_meters *meters, const struct decision *decision)
{
    if (decision->learn.action != FDB_NOTHING)
        fdb_commit(fdb, &decision->learn);
    if (decision->charge.uses)
        port_meters_take(&meters[decision->ingress], &decision->charge);
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

const char *bridge_mode_name(enum bridge_mode mode)
{
    static const char *const names[BRIDGE_N_MODES] = {
        [BRIDGE_SWITCH] = "switch", [BRIDGE_HUB] = "hub", [BRIDGE_WIRE] = "wire"};

    return names[mode];
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
