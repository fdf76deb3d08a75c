/* SPDX-License-Identifier: ISC */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/explain.h"
#include "ringspan/log.h"
#include "sim_capture.h"

#define START   (1000 * NS_PER_SEC)
#define PENDING 4096 /* as many as a memory port holds */

/* A copy of what a host sent, until the bridge took it. */
struct injected {
    uint8_t *bytes;
    uint32_t len;
    uint32_t header_len;
    struct virtio_net_hdr vnet;
    enum drop_reason defect;
};

struct sim_port {
    struct port *port; /* NULL once deleted */
    struct injected *pending;
    uint32_t n_pending;
    size_t n_expected; /* of what it sent */
    struct ledger_port before;
};

struct sim {
    struct bridge *bridge;
    uint64_t now;
    void (*fail)(const char *sentence);
    bool is_captured;
    struct sim_capture capture;
    uint64_t n_deleted; /* frames and copies of ports that are gone */
    uint32_t n_ports;
    struct sim_port ports[SIM_PORTS_MAX];
};

static void fail(const struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

static void fail(const struct sim *sim, const char *format, ...)
{
    char sentence[256];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    sim->fail(sentence);
    abort();
}

/* ---- what holds after every step ---- */

static void check_ledger(const struct sim *sim)
{
    struct bridge_ledger ledger;
    char what[64];

    if (bridge_ledger_snapshot(sim->bridge, &ledger) < 0)
        fail(sim, "no memory for a snapshot");
    if (!bridge_ledger_balances(&ledger, what, sizeof(what)))
        fail(sim, "the ledger does not balance: %s", what);
    for (uint32_t i = 0; i < ledger.n_ports; i++) {
        if (ledger.snapshots[i].held_in != 0 || ledger.snapshots[i].held_out != 0)
            fail(sim, "%s holds frames between turns", ledger.ports[i]->name);
    }
    bridge_ledger_fini(&ledger);
}

_Static_assert(sizeof(struct ledger_port) % sizeof(uint64_t) == 0, "made of counters alone");

static void check_counters_never_go_back(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        struct sim_port *p = &sim->ports[i];
        uint64_t before[sizeof(p->before) / sizeof(uint64_t)];
        uint64_t after[sizeof(p->before) / sizeof(uint64_t)];

        if (!p->port)
            continue;
        memcpy(before, &p->before, sizeof(before));
        memcpy(after, &p->port->ledger, sizeof(after));
        for (size_t c = 0; c < sizeof(before) / sizeof(before[0]); c++) {
            if (after[c] < before[c])
                fail(sim, "counter %zu of port %u went back", c, i);
        }
        p->before = p->port->ledger;
    }
}

/* They are a part of what the ledger counts, and all of what is consumed. What was dropped may have
 * been dropped where it was to leave. */
static void check_reserved_counters(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        const struct port *port = sim->ports[i].port;
        struct reserved_counters sum = {0};

        for (int protocol = 0; port && protocol < RESERVED_N_PROTOCOLS; protocol++) {
            sum.forwarded += port->reserved_counters[protocol].forwarded;
            sum.dropped += port->reserved_counters[protocol].dropped;
            sum.consumed += port->reserved_counters[protocol].consumed;
        }
        if (port && (sum.consumed != port->ledger.consumed ||
                     sum.forwarded > port->ledger.unicast + port->ledger.flooded ||
                     sum.forwarded + sum.dropped > port->ledger.received.frames))
            fail(sim, "port %u counts more reserved frames than frames", i);
    }
}

static void check(struct sim *sim)
{
    const char *complaint = fdb_check(bridge_fdb(sim->bridge));

    if (complaint)
        fail(sim, "the table is broken: %s", complaint);
    check_ledger(sim);
    check_counters_never_go_back(sim);
    check_reserved_counters(sim);
}

/* ---- comparing what left with what came ---- */

static uint16_t outer_tag_size(const uint8_t *bytes, uint32_t len)
{
    uint32_t tpid = len < 16 ? 0 : (uint32_t)bytes[12] << 8 | bytes[13];

    return tpid == VLAN_TPID_C || tpid == VLAN_TPID_S ? VLAN_TAG_SIZE : 0;
}

/* The offload header that must leave beside @f, @sent_len bytes long then. */
static bool vnet_matches(const struct injected *f, const struct virtio_net_hdr *out,
                         uint32_t sent_len)
{
    const struct virtio_net_hdr *in = &f->vnet;
    uint32_t shift = sent_len - (f->len - outer_tag_size(f->bytes, f->len));
    bool needs_csum = in->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

    if (out->flags != (needs_csum ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0) ||
        out->gso_type != in->gso_type || out->gso_size != in->gso_size)
        return false;
    if (needs_csum &&
        (out->csum_start != in->csum_start + shift || out->csum_offset != in->csum_offset))
        return false;
    if (in->gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return out->hdr_len == 0;
    return f->header_len == 0 || out->hdr_len == f->header_len + shift;
}

static bool frame_matches(const struct injected *f, const struct memory_frame *sent)
{
    return f->len == sent->len && memcmp(f->bytes, sent->bytes, f->len) == 0 &&
           vnet_matches(f, &sent->vnet, sent->len);
}

/* How many bytes of the frame's outermost tag are a tag with @tpid. */
static uint32_t tag_size(const uint8_t *bytes, uint32_t len, uint16_t tpid)
{
    return len >= 18 && (bytes[12] << 8 | bytes[13]) == tpid ? VLAN_TAG_SIZE : 0;
}

static bool same_without(const uint8_t *a, uint32_t a_len, uint32_t a_skip, const uint8_t *b,
                         uint32_t b_len, uint32_t b_skip)
{
    return a_len - a_skip == b_len - b_skip && memcmp(a, b, 12) == 0 &&
           memcmp(a + 12 + a_skip, b + 12 + b_skip, a_len - 12 - a_skip) == 0;
}

/* The same, whatever tag of the bridge's ethertype was added or taken off. */
static bool frame_matches_inside(const struct sim *sim, const struct injected *f,
                                 const struct memory_frame *sent)
{
    uint16_t tpid = bridge_ethertype(sim->bridge);
    uint32_t in = tag_size(f->bytes, f->len, tpid);
    uint32_t out = tag_size(sent->bytes, sent->len, tpid);

    if (tpid == 0 || f->len < ETHER_HEADER_SIZE)
        return frame_matches(f, sent);
    return (same_without(f->bytes, f->len, in, sent->bytes, sent->len, out) ||
            same_without(f->bytes, f->len, in, sent->bytes, sent->len, 0) ||
            same_without(f->bytes, f->len, 0, sent->bytes, sent->len, out)) &&
           vnet_matches(f, &sent->vnet, sent->len);
}

/* What @egress sent since it had sent @from frames is made of the first @n frames of @ingress, in
 * order. */
static void check_sent(const struct sim *sim, uint32_t ingress, uint32_t n, uint32_t egress,
                       size_t from)
{
    const struct sim_port *in = &sim->ports[ingress];
    const struct sim_port *out = &sim->ports[egress];
    size_t n_sent = memory_port_n_sent(out->port);
    uint32_t next = 0;

    if (egress == ingress && n_sent != from &&
        !bridge_port_policy(sim->bridge, in->port->id)->hairpin)
        fail(sim, "a frame returned to port %u, where it came from", ingress);
    for (size_t i = from; i < n_sent; i++) {
        while (next < n &&
               !frame_matches_inside(sim, &in->pending[next], memory_port_sent(out->port, i)))
            next++;
        if (next == n)
            fail(sim, "frame %zu of port %u is none that port %u got, or late, or twice", i, egress,
                 ingress);
        next++;
    }
}

static void forget_pending(struct sim_port *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(p->pending[i].bytes);
    p->n_pending -= n;
    memmove(p->pending, p->pending + n, p->n_pending * sizeof(p->pending[0]));
}

/* Frames that were all expected make room for new ones. */
static void clear_expected(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        struct sim_port *p = &sim->ports[i];

        if (p->port && p->n_expected == memory_port_n_sent(p->port)) {
            memory_port_clear_sent(p->port);
            p->n_expected = 0;
        }
    }
}

/* ---- counters that say what crossed ---- */

/* Of the whole bridge at one moment. */
struct crossed {
    struct ledger_volume accepted;
    uint64_t vlan_packets;
    uint64_t vlan_bytes;
    uint64_t reserved;
};

static struct crossed look_at_crossed(const struct sim *sim)
{
    const struct vlan_table *vlans = bridge_vlans(sim->bridge);
    struct crossed crossed = {0};

    for (uint32_t i = 0; i < sim->n_ports; i++) {
        const struct port *port = sim->ports[i].port;

        if (!port)
            continue;
        crossed.accepted.frames += port->ledger.accepted.frames;
        crossed.accepted.bytes += port->ledger.accepted.bytes;
        for (int protocol = 0; protocol < RESERVED_N_PROTOCOLS; protocol++)
            crossed.reserved += port->reserved_counters[protocol].forwarded;
    }
    for (uint32_t vid = 0; vlans && vid < VID_LIMIT; vid++) {
        crossed.vlan_packets += vlans->counters[vid].tx_packets;
        crossed.vlan_bytes += vlans->counters[vid].tx_bytes;
    }
    return crossed;
}

/* VLANs count what the ports' ledgers do; and the only frame of a turn was forwarded, if it was to
 * a reserved address, just if a copy left. */
static void check_crossed(const struct sim *sim, uint32_t n, bool is_reserved,
                          const struct crossed *before)
{
    const struct crossed now = look_at_crossed(sim);
    uint64_t frames = now.accepted.frames - before->accepted.frames;

    if (bridge_vlans(sim->bridge) &&
        (now.vlan_packets - before->vlan_packets != frames ||
         now.vlan_bytes - before->vlan_bytes != now.accepted.bytes - before->accepted.bytes))
        fail(sim, "VLANs count other frames than their ports");
    if (n == 1 && now.reserved - before->reserved != (is_reserved && frames > 0))
        fail(sim, "a frame to a reserved address is counted wrong");
}

/* ---- explanations ---- */

/* What is said of the next frame, before it is taken. */
struct foretold {
    struct explanation explanation;
    bool leaves_by[SIM_PORTS_MAX];
    enum drop_reason refusals[SIM_PORTS_MAX];
    struct ledger_port before[SIM_PORTS_MAX];
};

static void foretell_copies(const struct sim *sim, struct foretold *foretold)
{
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        const struct port *port = sim->ports[i].port;
        struct explained_copy copy = {.refusal = DROP_NONE};

        if (!port)
            continue;
        foretold->before[i] = port->ledger;
        foretold->leaves_by[i] =
            explain_next_egress(sim->bridge, &foretold->explanation, port->id) == port->id;
        if (foretold->leaves_by[i])
            explain_copy(sim->bridge, &foretold->explanation, port->id, &copy);
        foretold->refusals[i] = copy.refusal;
    }
}

static void foretell(const struct sim *sim, const struct sim_port *p, struct foretold *ret)
{
    const struct injected *f = &p->pending[0];
    uint8_t *bytes = malloc(f->len > 0 ? f->len : 1);
    struct frame frame;

    if (!bytes)
        abort();
    memcpy(bytes, f->bytes, f->len);
    explain_arrival(p->port, bytes, f->len, &f->vnet, &frame);
    if (f->defect != DROP_NONE)
        frame.defect = f->defect;
    memset(ret, 0, sizeof(*ret));
    bridge_explain(sim->bridge, &frame, sim->now, &ret->explanation);
    foretell_copies(sim, ret);
    free(bytes);
}

static bool came_true(const struct foretold *foretold, const struct ledger_port *was,
                      const struct ledger_port *is)
{
    const struct decision *decision = &foretold->explanation.decision;

    switch (decision->verdict) {
    case VERDICT_UNICAST:
        return is->unicast == was->unicast + 1;
    case VERDICT_FLOOD:
        return is->flooded == was->flooded + 1;
    case VERDICT_CONSUME:
        return is->consumed == was->consumed + 1;
    case VERDICT_DROP:
        break;
    }
    return is->in_dropped[decision->reason] == was->in_dropped[decision->reason] + 1;
}

/* It was the only frame that was taken. */
static void check_foretold(const struct sim *sim, uint32_t ingress, const struct foretold *foretold)
{
    if (!came_true(foretold, &foretold->before[ingress], &sim->ports[ingress].port->ledger))
        fail(sim, "a frame of port %u came to another end than was explained", ingress);
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        const struct ledger_port *was = &foretold->before[i];
        const struct port *port = sim->ports[i].port;
        enum drop_reason refusal = foretold->refusals[i];

        if (!port)
            continue;
        if (port->ledger.decided != was->decided + foretold->leaves_by[i])
            fail(sim, "whether a frame leaves by port %u was explained otherwise", i);
        if (refusal != DROP_NONE && port->ledger.out_dropped[refusal] == was->out_dropped[refusal])
            fail(sim, "port %u sent what it would refuse by the explanation", i);
    }
}

/* ---- birth and death ---- */

struct sim *sim_new(const struct sim_params *params)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    struct bridge_params bridge = {
        .name = "sim",
        .mode = params->mode,
        .max_ports = params->max_ports,
        .max_entries = params->max_entries,
        .aging_ns = params->aging_ns,
        .reserved = reserved_settings_of(params->reserved),
        .ethertype = params->ethertype,
        .fdb_key = {.k0 = 1, .k1 = 2},
    };

    if (!sim)
        abort();
    log_set_level(LOG_LEVEL_WARNING);
    sim->now = START;
    sim->fail = params->fail;
    if (bridge_new(&bridge, &sim->bridge) < 0)
        fail(sim, "no bridge");
    sim->is_captured = params->is_captured;
    if (sim->is_captured && sim_capture_begin(&sim->capture, sim->bridge) < 0)
        fail(sim, "no capture");
    for (uint32_t i = 0; i < params->n_ports; i++)
        sim_add_port(sim);
    return sim;
}

/* What somebody who looks on from the beginning has seen there. */
static uint64_t n_seen(const struct port *port)
{
    return port->ledger.received.frames + port->ledger.decided;
}

/* Nothing was overlooked, and nothing was told twice. */
static void end_capture(struct sim *sim)
{
    uint64_t n = sim->n_deleted;
    uint64_t n_told = sim_capture_end(&sim->capture);

    for (uint32_t i = 0; i < sim->n_ports; i++)
        n += sim->ports[i].port ? n_seen(sim->ports[i].port) : 0;
    if (n_told != n)
        fail(sim, "a capture counted %" PRIu64 " frames of %" PRIu64, n_told, n);
}

void sim_free(struct sim *sim)
{
    check(sim);
    if (sim->is_captured)
        end_capture(sim);
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        forget_pending(&sim->ports[i], sim->ports[i].n_pending);
        free(sim->ports[i].pending);
        if (sim->ports[i].port)
            sim->ports[i].port->ops->close(sim->ports[i].port);
    }
    bridge_free(sim->bridge);
    free(sim);
}

struct bridge *sim_bridge(struct sim *sim)
{
    return sim->bridge;
}

struct port *sim_port(struct sim *sim, uint32_t port)
{
    return sim->ports[port].port;
}

uint32_t sim_n_ports(const struct sim *sim)
{
    return sim->n_ports;
}

uint64_t sim_now(const struct sim *sim)
{
    return sim->now;
}

/* ---- steps ---- */

static void remember(struct sim *sim, uint32_t port, const struct sim_frame *frame)
{
    struct sim_port *p = &sim->ports[port];
    struct injected *f = &p->pending[p->n_pending];

    f->bytes = malloc(frame->len > 0 ? frame->len : 1);
    if (!f->bytes)
        abort();
    memcpy(f->bytes, frame->bytes, frame->len);
    f->len = frame->len;
    f->header_len = frame->header_len;
    f->vnet = frame->vnet;
    f->defect = DROP_NONE;
    p->n_pending++;
}

bool sim_inject(struct sim *sim, uint32_t port, const struct sim_frame *frame)
{
    if (!memory_port_inject(sim->ports[port].port, frame->bytes, frame->len, &frame->vnet))
        return false;
    remember(sim, port, frame);
    return true;
}

bool sim_inject_defect(struct sim *sim, uint32_t port, const struct sim_frame *frame,
                       enum drop_reason defect)
{
    if (!memory_port_inject_defect(sim->ports[port].port, frame->bytes, frame->len, defect))
        return false;
    remember(sim, port, frame);
    sim->ports[port].pending[sim->ports[port].n_pending - 1].defect = defect;
    return true;
}

uint32_t sim_poll(struct sim *sim, uint32_t port)
{
    struct sim_port *p = &sim->ports[port];
    size_t from[SIM_PORTS_MAX] = {0};
    uint64_t received = p->port->ledger.received.frames;
    const struct crossed crossed = look_at_crossed(sim);
    bool is_reserved = p->n_pending > 0 && p->pending[0].len >= ETHER_HEADER_SIZE &&
                       reserved_is(mac_load(p->pending[0].bytes));
    static struct foretold foretold;
    uint32_t n;

    if (p->n_pending > 0)
        foretell(sim, p, &foretold);
    clear_expected(sim);
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        if (sim->ports[i].port)
            from[i] = memory_port_n_sent(sim->ports[i].port);
    }
    n = bridge_poll(sim->bridge, p->port->source, sim->now).frames;
    if (n > p->n_pending || n > LIMIT_RX_BATCH || p->port->ledger.received.frames != received + n)
        fail(sim, "port %u: %u frames taken of %u", port, n, p->n_pending);
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        if (sim->ports[i].port)
            check_sent(sim, port, n, i, from[i]);
    }
    check_crossed(sim, n, is_reserved, &crossed);
    if (n == 1)
        check_foretold(sim, port, &foretold);
    forget_pending(p, n);
    check(sim);
    return n;
}

void sim_send(struct sim *sim, uint32_t port, const struct sim_frame *frame)
{
    sim_expect_nothing(sim);
    if (!sim_inject(sim, port, frame))
        fail(sim, "port %u does not take a frame", port);
    while (sim_poll(sim, port) > 0)
        ;
}

void sim_pass_time(struct sim *sim, uint64_t ns)
{
    sim->now += ns;
}

uint64_t sim_age(struct sim *sim)
{
    uint64_t next = bridge_age(sim->bridge, sim->now);

    check(sim);
    return next;
}

void sim_set_state(struct sim *sim, uint32_t port, enum port_state state)
{
    bridge_set_port_state(sim->bridge, sim->ports[port].port->id, state, "");
    check(sim);
}

void sim_set_vlan(struct sim *sim, uint32_t port, const struct vlan_settings *settings)
{
    bridge_set_port_vlan(sim->bridge, sim->ports[port].port->id, settings, sim->now);
    check(sim);
}

void sim_set_policy(struct sim *sim, uint32_t port, const struct port_policy *policy)
{
    bridge_set_port_policy(sim->bridge, sim->ports[port].port->id, policy, sim->now);
    check(sim);
}

void sim_set_meters(struct sim *sim, uint32_t port, const struct meter_settings *settings)
{
    bridge_set_port_meters(sim->bridge, sim->ports[port].port->id, settings, sim->now);
    check(sim);
}

void sim_set_mtu(struct sim *sim, uint32_t port, uint32_t mtu)
{
    sim->ports[port].port->mtu = mtu;
}

void sim_fail_tx(struct sim *sim, uint32_t port, uint32_t n, enum drop_reason reason)
{
    memory_port_fail_tx(sim->ports[port].port, n, reason);
}

uint32_t sim_add_port(struct sim *sim)
{
    static const struct port_device device = {.ifindex = 1, .mtu = 1500};
    struct sim_port *p = &sim->ports[sim->n_ports];
    char name[LIMIT_NAME_SIZE];

    if (sim->n_ports == SIM_PORTS_MAX)
        fail(sim, "too many ports");
    snprintf(name, sizeof(name), "p%u", sim->n_ports);
    *p = (struct sim_port){.pending = calloc(PENDING, sizeof(p->pending[0]))};
    if (!p->pending || memory_port_new(name, &p->port) < 0 || port_bring_up(p->port) < 0 ||
        p->port->ops->start(p->port, &device) < 0)
        fail(sim, "no port");
    if (bridge_add_port(sim->bridge, p->port) < 0)
        fail(sim, "the bridge has no room for port %u", sim->n_ports);
    if (sim->is_captured && capture_offer_port(sim->capture.capture, "sim", p->port, "") < 0)
        fail(sim, "port %u cannot be looked at", sim->n_ports);
    sim->n_ports++;
    sim_set_state(sim, sim->n_ports - 1, PORT_FORWARDING);
    return sim->n_ports - 1;
}

void sim_del_port(struct sim *sim, uint32_t port)
{
    struct sim_port *p = &sim->ports[port];

    p->port->ops->stop(p->port);
    p->port->ops->close(p->port);
    sim->n_deleted += n_seen(p->port);
    if (sim->is_captured)
        capture_forget_port(sim->capture.capture, p->port);
    bridge_del_port(sim->bridge, p->port->id);
    port_free(p->port);
    p->port = NULL;
    forget_pending(p, p->n_pending);
    check(sim);
}

/* ---- looking ---- */

void sim_expect(struct sim *sim, uint32_t port, const struct sim_frame *frame)
{
    struct sim_port *p = &sim->ports[port];
    struct injected expected = {
        .bytes = (uint8_t *)frame->bytes,
        .len = frame->len,
        .header_len = frame->header_len,
        .vnet = frame->vnet,
    };

    if (sim_n_waiting(sim, port) == 0)
        fail(sim, "port %u sent nothing", port);
    if (!frame_matches(&expected, memory_port_sent(p->port, p->n_expected)))
        fail(sim, "port %u sent another frame", port);
    p->n_expected++;
}

size_t sim_n_waiting(const struct sim *sim, uint32_t port)
{
    const struct sim_port *p = &sim->ports[port];

    return p->port ? memory_port_n_sent(p->port) - p->n_expected : 0;
}

void sim_expect_nothing(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        if (sim_n_waiting(sim, i) > 0)
            fail(sim, "port %u sent %zu frames that nobody expected", i, sim_n_waiting(sim, i));
    }
}

void sim_discard(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->n_ports; i++)
        sim->ports[i].n_expected += sim_n_waiting(sim, i);
    clear_expected(sim);
}

uint64_t sim_in_dropped(struct sim *sim, uint32_t port, enum drop_reason reason)
{
    return sim->ports[port].port->ledger.in_dropped[reason];
}

uint64_t sim_out_dropped(struct sim *sim, uint32_t port, enum drop_reason reason)
{
    return sim->ports[port].port->ledger.out_dropped[reason];
}
