/* SPDX-License-Identifier: ISC */
#include "model_private.h"

#include <string.h>

#define BILLION INT64_C(1000000000)
#define CISCO   16 /* beside the last digits of IEEE's addresses */

const uint16_t model_vids[MODEL_N_VIDS] = {0, 1, 2, 3, 63, 64, 4094};

static bool is_group(uint64_t mac)
{
    return mac >> 40 & 1;
}

void model_init(struct model *m, uint64_t now, uint64_t aging)
{
    *m = (struct model){.now = now, .aging = aging};
    m->reserved.preset = RESERVED_TRANSPARENT;
    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        m->reserved.actions[i] = RESERVED_N_ACTIONS;
}

static uint32_t lowest_free_id(const struct model *m)
{
    uint32_t id = 0;

    for (uint32_t i = 0; i < m->n_ports; i++) {
        if (m->ports[i].exists && m->ports[i].id == id) {
            id++;
            i = UINT32_MAX; /* from the first again */
        }
    }
    return id;
}

uint32_t model_add_port(struct model *m)
{
    uint32_t id = lowest_free_id(m);
    struct model_port *port = &m->ports[m->n_ports++];

    *port = (struct model_port){.exists = true, .id = id, .state = PORT_FORWARDING, .mtu = 1500};
    port->policy.learning = true;
    for (int i = 0; i < FLOOD_N_CLASSES; i++)
        port->policy.flood[i] = true;
    port->vlan.mode = VLAN_MODE_NONE;
    port->reserved.preset = RESERVED_N_PRESETS;
    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        port->reserved.actions[i] = RESERVED_N_ACTIONS;
    return m->n_ports - 1;
}

/* ---- reserved addresses ---- */

/* The last digit, CISCO, or -1 for an address that is not reserved. */
static int reserved_address(uint64_t mac)
{
    if (mac >= UINT64_C(0x0180c2000000) && mac <= UINT64_C(0x0180c200000f))
        return (int)(mac & 15);
    return mac == UINT64_C(0x01000ccccccc) || mac == UINT64_C(0x01000ccccccd) ? CISCO : -1;
}

static enum reserved_protocol protocol_of(uint64_t mac)
{
    switch (reserved_address(mac)) {
    case -1:
        return RESERVED_N_PROTOCOLS;
    case 0:
        return RESERVED_STP;
    case 1:
        return RESERVED_PAUSE;
    case 2:
        return RESERVED_LACP;
    case 3:
        return RESERVED_DOT1X;
    case 14:
        return RESERVED_LLDP;
    case CISCO:
        return RESERVED_CISCO;
    default:
        return RESERVED_OTHER;
    }
}

bool model_is_reserved(uint64_t mac)
{
    return reserved_address(mac) >= 0;
}

/* BPDUs, LACP, 802.1X and LLDP. */
static bool is_exempt(uint64_t mac)
{
    int address = reserved_address(mac);

    return address == 0 || address == 8 || address == 2 || address == 3 || address == 14;
}

static bool preset_forwards(enum reserved_preset preset, int address)
{
    switch (preset) {
    case RESERVED_TRANSPARENT:
        return address != 1;
    case RESERVED_CUSTOMER_BRIDGE:
        return address == CISCO;
    case RESERVED_PROVIDER_BRIDGE:
        return address == CISCO || address == 0 || (address >= 11 && address <= 13) ||
               address == 15;
    case RESERVED_ALL:
    case RESERVED_N_PRESETS:
        break;
    }
    return true;
}

/* RESERVED_N_ACTIONS if they do not say. */
static enum reserved_action action_by(const struct reserved_settings *settings,
                                      enum reserved_protocol protocol, uint64_t mac)
{
    enum reserved_action action = settings->actions[protocol];

    if (action != RESERVED_N_ACTIONS || settings->preset == RESERVED_N_PRESETS)
        return action;
    return preset_forwards(settings->preset, reserved_address(mac)) ? RESERVED_FORWARD
                                                                    : RESERVED_DROP;
}

static enum reserved_action action_on(const struct passage *p)
{
    enum reserved_action action;

    if (p->m->mode == BRIDGE_WIRE || p->protocol == RESERVED_N_PROTOCOLS)
        return RESERVED_FORWARD;
    action = action_by(&p->in->reserved, p->protocol, p->frame->dst);
    if (action == RESERVED_N_ACTIONS)
        action = action_by(&p->m->reserved, p->protocol, p->frame->dst);
    return action;
}

/* ---- VLANs ---- */

static bool has_list(const struct vlan_settings *vlan)
{
    return vlan->mode == VLAN_MODE_TRUNK || vlan->mode == VLAN_MODE_NATIVE_UNTAGGED ||
           vlan->mode == VLAN_MODE_NATIVE_TAGGED;
}

/* What VID a VLAN of the bridge has in the tags outside; 0: none, another VLAN has it. */
static uint16_t outside_of(const struct vlan_settings *vlan, uint16_t vid)
{
    uint16_t outside = vid;

    for (uint32_t i = 0; i < vlan->translations.n; i++) {
        if (vlan->translations.list[i].inside == vid)
            return vlan->translations.list[i].outside;
        if (vlan->translations.list[i].outside == vid)
            outside = 0;
    }
    return outside;
}

bool model_is_in(const struct vlan_settings *vlan, uint16_t vid)
{
    if (vlan->mode != VLAN_MODE_TRUNK && vlan->mode != VLAN_MODE_NONE && vid == vlan->pvid)
        return true;
    return has_list(vlan) && (vlan->allowed.words[vid / 64] >> vid % 64 & 1) &&
           outside_of(vlan, vid) != 0;
}

/* The VLAN that is meant by a VID outside; 0: none. */
static uint16_t meant_by(const struct vlan_settings *vlan, uint16_t outside)
{
    for (int i = 1; i < MODEL_N_VIDS; i++) {
        if (model_is_in(vlan, model_vids[i]) && outside_of(vlan, model_vids[i]) == outside)
            return model_vids[i];
    }
    return 0;
}

static bool leaves_tagged(const struct vlan_settings *vlan, uint16_t vid)
{
    if (vlan->mode == VLAN_MODE_TRUNK || vlan->mode == VLAN_MODE_NATIVE_TAGGED)
        return true;
    return vlan->mode == VLAN_MODE_NATIVE_UNTAGGED && vid != vlan->pvid;
}

static struct arrival arrive_untagged(const struct vlan_settings *vlan, uint16_t priority,
                                      bool pops)
{
    if (vlan->acceptable_frame_types == VLAN_FRAMES_VLAN_TAGGED)
        return (struct arrival){.reason = DROP_FRAME_TYPE};
    if (vlan->mode == VLAN_MODE_TRUNK || vlan->mode == VLAN_MODE_NONE)
        return (struct arrival){.reason = DROP_NO_PVID};
    return (struct arrival){.tci = (uint16_t)(priority + vlan->pvid), .pops = pops};
}

struct arrival model_arrive(const struct vlan_settings *vlan, uint16_t tpid,
                            const struct model_tags *tags)
{
    uint16_t vid = tags->tci[0] % 4096;
    uint16_t priority = (uint16_t)(tags->tci[0] - vid);

    if (vlan->mode == VLAN_MODE_DOT1Q_TUNNEL || tags->n == 0 || tags->tpid[0] != tpid)
        return arrive_untagged(vlan, 0, false);
    if (vid == 4095)
        return (struct arrival){.reason = DROP_VID_RESERVED};
    if (vid == 0)
        return arrive_untagged(vlan, priority, true);
    if (vlan->acceptable_frame_types == VLAN_FRAMES_UNTAGGED_AND_PRIORITY)
        return (struct arrival){.reason = DROP_FRAME_TYPE};
    if (vlan->mode == VLAN_MODE_ACCESS)
        return (struct arrival){.reason = DROP_VLAN_TAGGED};
    if (meant_by(vlan, vid) == 0)
        return (struct arrival){.reason = DROP_VLAN_NOT_ALLOWED};
    return (struct arrival){.tci = (uint16_t)(priority + meant_by(vlan, vid)), .pops = true};
}

void model_dress(const struct passage *p, const struct arrival *arrival, uint16_t vid,
                 uint32_t egress, struct model_tags *ret)
{
    const struct vlan_settings *vlan = &p->m->ports[egress].vlan;
    const struct model_tags *tags = &p->frame->tags;

    *ret = (struct model_tags){.n = 0};
    if (p->m->tpid != 0 && leaves_tagged(vlan, vid)) {
        ret->tpid[0] = p->m->tpid;
        ret->tci[0] = (uint16_t)(arrival->tci - arrival->tci % 4096 + outside_of(vlan, vid));
        ret->n = 1;
    }
    for (uint32_t i = arrival->pops; i < tags->n; i++) {
        ret->tpid[ret->n] = tags->tpid[i];
        ret->tci[ret->n++] = tags->tci[i];
    }
}

static bool is_vid_of(const struct arrival *arrival, uint16_t vid)
{
    return arrival->reason == DROP_NONE && arrival->tci % 4096 == vid;
}

/* Whether frames that were in the VLAN before are now somewhere else, or nowhere: all kinds of
 * them are tried. */
static bool loses_frames(const struct model *m, const struct vlan_settings *before,
                         const struct vlan_settings *now, uint16_t vid)
{
    for (int i = -1; i < MODEL_N_VIDS; i++) {
        const struct model_tags tags = {
            .n = i >= 0, .tpid = {m->tpid}, .tci = {i < 0 ? 0 : model_vids[i]}};
        const struct arrival was = model_arrive(before, m->tpid, &tags);
        const struct arrival is = model_arrive(now, m->tpid, &tags);

        if (is_vid_of(&was, vid) && !is_vid_of(&is, vid))
            return true;
    }
    return false;
}

void model_set_vlan(struct model *m, uint32_t port, const struct vlan_settings *settings)
{
    const struct vlan_settings before = m->ports[port].vlan;

    m->ports[port].vlan = *settings;
    for (int i = 1; i < MODEL_N_VIDS; i++) {
        uint16_t vid = model_vids[i];
        bool leaves = model_is_in(&before, vid) && !model_is_in(settings, vid);

        if (leaves || loses_frames(m, &before, settings, vid))
            (void)model_forget(m, port, &vid, NULL);
    }
}

/* ---- limits ---- */

static int64_t full(const struct meter_settings *settings)
{
    return (int64_t)settings->burst.value * (settings->rate.unit == RATE_BITS ? 8 : 1) * BILLION;
}

void model_set_meters(struct model *m, uint32_t port, const struct meter_settings *settings)
{
    for (int i = 0; i < METER_N_USES; i++) {
        struct model_bucket *bucket = &m->ports[port].buckets[i];
        bool is_same = bucket->settings.rate.value == settings[i].rate.value &&
                       bucket->settings.rate.unit == settings[i].rate.unit &&
                       bucket->settings.burst.value == settings[i].burst.value &&
                       bucket->settings.burst.unit == settings[i].burst.unit;

        if (!is_same)
            *bucket = (struct model_bucket){
                .settings = settings[i], .level = full(&settings[i]), .at = m->now};
    }
}

/* True if there is a whole packet, or any bit. */
static bool has_some(const struct model *m, struct model_bucket *bucket)
{
    if (bucket->settings.rate.value == 0)
        return true;
    bucket->level += (int64_t)((m->now - bucket->at) * bucket->settings.rate.value);
    bucket->at = m->now;
    if (bucket->level > full(&bucket->settings))
        bucket->level = full(&bucket->settings);
    return bucket->level >= BILLION;
}

static uint32_t n_segments(const struct model_frame *frame)
{
    return frame->mss == 0 ? 1 : (frame->len - frame->header + frame->mss - 1) / frame->mss;
}

static void charge(struct model_bucket *bucket, const struct model_frame *frame, uint32_t n_tags)
{
    uint32_t segments = n_segments(frame);
    uint32_t bytes = frame->len + 4 * n_tags + (segments - 1) * (frame->header + 4 * n_tags);

    if (bucket->settings.rate.value != 0)
        bucket->level -= (bucket->settings.rate.unit == RATE_BITS ? 8 * bytes : segments) * BILLION;
}

/* The storm control that a flood is subject to. */
static enum meter_use storm_of(uint64_t dst)
{
    if (dst == UINT64_C(0xffffffffffff))
        return METER_BROADCAST;
    return is_group(dst) ? METER_MULTICAST : METER_UNKNOWN_UNICAST;
}

static enum drop_reason ask_meters(const struct passage *p)
{
    static const enum drop_reason reasons[] = {
        [METER_BROADCAST] = DROP_STORM_BROADCAST,
        [METER_MULTICAST] = DROP_STORM_MULTICAST,
        [METER_UNKNOWN_UNICAST] = DROP_STORM_UNKNOWN_UNICAST,
    };
    enum meter_use use = storm_of(p->frame->dst);

    if (is_exempt(p->frame->dst))
        return DROP_NONE;
    if (p->is_flooded && !has_some(p->m, &p->in->buckets[use]))
        return reasons[use];
    if (!has_some(p->m, &p->in->buckets[METER_INGRESS]))
        return DROP_POLICED_IN;
    if (p->is_flooded)
        charge(&p->in->buckets[use], p->frame, p->frame->tags.n);
    charge(&p->in->buckets[METER_INGRESS], p->frame, p->frame->tags.n);
    return DROP_NONE;
}

/* ---- where it goes ---- */

static enum drop_reason why_not(const struct passage *p, uint32_t egress)
{
    const struct model_port *out = &p->m->ports[egress];
    uint32_t group = p->in->policy.isolation_group;

    if (egress == p->ingress && !p->in->policy.hairpin)
        return DROP_SAME_PORT;
    if (!out->exists || out->state != PORT_FORWARDING || model_is_output(p->m, egress))
        return DROP_NO_EGRESS;
    if (p->m->tpid != 0 && !model_is_in(&out->vlan, p->vid))
        return DROP_VLAN_EGRESS;
    return group != 0 && group == out->policy.isolation_group ? DROP_ISOLATED : DROP_NONE;
}

static bool takes_floods(const struct passage *p, uint32_t egress)
{
    const bool *flood = p->m->ports[egress].policy.flood;

    switch (storm_of(p->frame->dst)) {
    case METER_BROADCAST:
        return flood[FLOOD_BROADCAST];
    case METER_MULTICAST:
        return flood[FLOOD_MULTICAST];
    case METER_UNKNOWN_UNICAST:
    case METER_INGRESS:
    case METER_EGRESS:
    case METER_N_USES:
        break;
    }
    return flood[FLOOD_UNKNOWN_UNICAST];
}

static enum drop_reason choose_flood(const struct passage *p)
{
    enum drop_reason reason = DROP_NO_EGRESS;
    bool leaves = false;

    for (uint32_t i = 0; i < p->m->n_ports; i++) {
        enum drop_reason obstacle = why_not(p, i);

        if (obstacle == DROP_NONE && takes_floods(p, i))
            leaves = p->outcome->leaves[i] = true;
        else if (obstacle == DROP_NONE)
            reason = DROP_FLOOD_OFF;
        else if (obstacle == DROP_ISOLATED && reason == DROP_NO_EGRESS)
            reason = DROP_ISOLATED;
    }
    return leaves ? DROP_NONE : reason;
}

static enum drop_reason choose(struct passage *p)
{
    const struct model_known *to = model_known(p->m, p->vid, p->frame->dst);
    enum drop_reason reason;

    if (p->m->mode != BRIDGE_SWITCH || model_floods(p->m, p->vid) || !to ||
        !model_is_live(p->m, to)) {
        p->is_flooded = true;
        return choose_flood(p);
    }
    reason = why_not(p, to->port);
    p->outcome->leaves[to->port] = reason == DROP_NONE;
    return reason == DROP_NO_EGRESS && to->is_static ? DROP_STATIC_DOWN : reason;
}

static enum drop_reason come_in(struct passage *p)
{
    const struct model_frame *frame = p->frame;
    struct arrival arrival;

    if (frame->defect != DROP_NONE)
        return frame->defect;
    p->protocol = protocol_of(frame->dst);
    if (!model_takes_part(p->in))
        return DROP_INGRESS_DOWN;
    if (model_is_output(p->m, p->ingress))
        return p->in->state == PORT_FORWARDING ? DROP_MIRROR_DESTINATION : DROP_INGRESS_DOWN;
    if (p->m->mode != BRIDGE_WIRE && is_group(frame->src))
        return DROP_SOURCE_GROUP;
    if (p->m->mode != BRIDGE_WIRE && frame->src == 0)
        return DROP_SOURCE_ZERO;
    if (action_on(p) == RESERVED_DROP)
        return p->protocol == RESERVED_PAUSE ? DROP_MAC_CONTROL : DROP_RESERVED;
    p->is_consumed = action_on(p) == RESERVED_CONSUME;
    if (p->is_consumed || p->m->tpid == 0)
        return DROP_NONE;
    arrival = model_arrive(&p->in->vlan, p->m->tpid, &frame->tags);
    p->tci = arrival.tci;
    p->vid = arrival.tci % 4096;
    p->pops = arrival.pops;
    return arrival.reason;
}

static void learn(const struct passage *p, struct model_known *known)
{
    if (model_learn(p->m, known, p->ingress))
        p->outcome->hold = (struct model_hold){.is_held = true,
                                               .vid = p->vid,
                                               .mac = p->frame->src,
                                               .port = known->port,
                                               .other = p->ingress};
}

/* What learning says about the frame: DROP_NONE or DROP_MAC_LIMIT. */
static enum drop_reason teach(const struct passage *p, struct model_known *known)
{
    const struct port_policy *policy = &p->in->policy;

    if (p->m->mode != BRIDGE_SWITCH || model_floods(p->m, p->vid) || !policy->learning ||
        (policy->mac_limit.max != 0 && is_exempt(p->frame->dst)))
        return DROP_NONE;
    if (!model_is_one_too_many(p->m, known, p->ingress)) {
        learn(p, known);
        return DROP_NONE;
    }
    if (policy->mac_limit.action == MAC_LIMIT_FLOOD)
        return DROP_NONE;
    if (policy->mac_limit.action == MAC_LIMIT_SHUTDOWN)
        model_set_state(p->m, p->ingress, PORT_ERROR);
    return DROP_MAC_LIMIT;
}

static enum drop_reason cross(struct passage *p)
{
    struct model_known *known = model_known(p->m, p->vid, p->frame->src);
    const struct model_known before = known ? *known : (struct model_known){.is_known = false};
    enum drop_reason reason = teach(p, known);
    bool was_live = known && model_is_live(p->m, &before);

    if (reason != DROP_NONE)
        return reason;
    if (p->in->state != PORT_FORWARDING)
        reason = DROP_INGRESS_DOWN;
    else
        reason = choose(p);
    if (reason == DROP_NONE && (reason = ask_meters(p)) != DROP_NONE) {
        p->outcome->hold.is_held = false;
        if (known)
            *known = before; /* it teaches nothing */
    }
    if (was_live && known->port != before.port) {
        p->m->ports[before.port].moved_out++;
        p->in->moved_in++;
    }
    return reason;
}

/* ---- counting ---- */

static void count_volume(struct ledger_volume *volume, const struct model_frame *frame,
                         uint32_t n_tags)
{
    volume->frames++;
    volume->segments += frame->defect == DROP_NONE ? n_segments(frame) : 1;
    volume->bytes += frame->len + 4 * n_tags;
}

/* A tagged frame may be four bytes longer than an untagged one. */
static bool is_too_long(const struct passage *p, uint32_t egress, const struct model_tags *tags)
{
    const struct model_frame *frame = p->frame;
    uint32_t len = frame->mss == 0 || frame->header + frame->mss > frame->len
                       ? frame->len
                       : frame->header + frame->mss;
    bool is_tagged = tags->n > 0;

    return len + 4 * tags->n > 14 + p->m->ports[egress].mtu + (is_tagged ? 4 : 0);
}

enum drop_reason model_send(const struct passage *p, uint32_t egress, const struct model_tags *tags)
{
    struct model_port *out = &p->m->ports[egress];
    struct model_bucket *bucket = &out->buckets[METER_EGRESS];

    if (is_too_long(p, egress, tags))
        return DROP_TOO_LONG;
    if (!is_exempt(p->frame->dst)) {
        if (!has_some(p->m, bucket))
            return DROP_POLICED_OUT;
        charge(bucket, p->frame, tags->n);
    }
    if (out->n_failing == 0)
        return DROP_NONE;
    out->n_failing--;
    return out->failure;
}

bool model_is_refusal(enum drop_reason reason)
{
    return reason == DROP_TOO_LONG || reason == DROP_POLICED_OUT;
}

static struct vlan_counters *vlan_counters(const struct passage *p, uint16_t vid)
{
    for (int i = 1; i < MODEL_N_VIDS; i++) {
        if (model_vids[i] == vid)
            return &p->m->vlans[i];
    }
    return NULL;
}

void model_count_accepted(const struct passage *p, uint32_t egress, const struct model_tags *tags,
                          uint16_t vid)
{
    struct vlan_counters *vlan = vlan_counters(p, vid);

    count_volume(&p->m->ports[egress].ledger.accepted, p->frame, tags->n);
    if (vlan) {
        vlan->tx_packets++;
        vlan->tx_bytes += p->frame->len + 4 * tags->n;
    }
}

/* A copy that was chosen. True if it left. */
static bool hand_out(struct passage *p, uint32_t egress)
{
    const struct arrival arrival = {.tci = p->tci, .pops = p->pops};
    struct model_port *out = &p->m->ports[egress];
    struct model_tags *tags = &p->outcome->tags[egress];
    enum drop_reason reason;

    model_dress(p, &arrival, p->vid, egress, tags);
    p->in->ledger.fanout++;
    out->ledger.decided++;
    reason = model_send(p, egress, tags);
    if (!model_is_refusal(reason))
        model_mirror_egress(p, egress, tags);
    if (reason != DROP_NONE) {
        out->ledger.out_dropped[reason]++;
        return false;
    }
    model_count_accepted(p, egress, tags, p->vid);
    return true;
}

static void count_protocol(const struct passage *p, bool has_left)
{
    struct reserved_counters *counters = &p->in->protocols[p->protocol];

    if (p->protocol == RESERVED_N_PROTOCOLS)
        return;
    if (p->is_consumed)
        counters->consumed++;
    else if (has_left)
        counters->forwarded++;
    else
        counters->dropped++;
}

static void count_fate(const struct passage *p, enum drop_reason reason)
{
    struct ledger_port *ledger = &p->in->ledger;
    struct vlan_counters *vlan = vlan_counters(p, p->vid);

    count_volume(&ledger->received, p->frame, p->frame->tags.n);
    if (reason != DROP_NONE)
        ledger->in_dropped[reason]++;
    else if (p->is_consumed)
        ledger->consumed++;
    else if (p->is_flooded)
        ledger->flooded++;
    else
        ledger->unicast++;
    if (vlan) {
        vlan->rx_packets++;
        vlan->rx_bytes += p->frame->len + 4 * p->frame->tags.n;
    }
}

void model_take(struct model *m, uint32_t ingress, const struct model_frame *frame,
                struct model_outcome *ret_outcome)
{
    struct passage p = {
        .m = m,
        .frame = frame,
        .ingress = ingress,
        .in = &m->ports[ingress],
        .protocol = RESERVED_N_PROTOCOLS,
        .outcome = ret_outcome,
    };
    enum drop_reason reason;
    bool has_left = false;

    memset(ret_outcome, 0, sizeof(*ret_outcome));
    m->number++;
    model_mirror_arrival(&p);
    reason = come_in(&p);
    if (reason == DROP_NONE && !p.is_consumed)
        reason = cross(&p);
    count_fate(&p, reason);
    for (uint32_t i = 0; i < m->n_ports; i++) {
        if (reason != DROP_NONE || !ret_outcome->leaves[i])
            ret_outcome->leaves[i] = false;
        else
            has_left |= ret_outcome->leaves[i] = hand_out(&p, i);
    }
    count_protocol(&p, has_left);
    model_mirror_send(&p);
}
