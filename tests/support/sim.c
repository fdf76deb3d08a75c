/* SPDX-License-Identifier: ISC */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/latency.h"
#include "ringspan/log.h"
#include "sim_private.h"

#define START   (1000 * NS_PER_SEC)
#define PENDING 4096 /* as many as a memory port holds */

void sim_fail(const struct sim *sim, const char *format, ...)
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
        sim_fail(sim, "no memory for a snapshot");
    if (!bridge_ledger_balances(&ledger, what, sizeof(what)))
        sim_fail(sim, "the ledger does not balance: %s", what);
    for (uint32_t i = 0; i < ledger.n_ports; i++) {
        if (ledger.snapshots[i].held_in != 0 || ledger.snapshots[i].held_out != 0)
            sim_fail(sim, "%s holds frames between turns", ledger.ports[i]->name);
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
                sim_fail(sim, "counter %zu of port %u went back", c, i);
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
            sim_fail(sim, "port %u counts more reserved frames than frames", i);
    }
}

static void check_mirrors(const struct sim *sim)
{
    const struct mirrors *mirrors = bridge_mirrors(sim->bridge);

    for (uint32_t i = 0; i < sim->n_ports; i++) {
        const struct port *port = sim->ports[i].port;

        if (port && mirrors_has_output(mirrors, port->id) &&
            fdb_held(bridge_fdb(sim->bridge), port->id))
            sim_fail(sim, "something is learned behind port %u, where mirrors send copies", i);
    }
}

static void check(struct sim *sim)
{
    const char *complaint = fdb_check(bridge_fdb(sim->bridge));

    if (complaint)
        sim_fail(sim, "the table is broken: %s", complaint);
    check_ledger(sim);
    check_counters_never_go_back(sim);
    check_reserved_counters(sim);
    check_mirrors(sim);
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

/* Frames that mirrors cut are not what came. */
static bool has_cut(const struct sim *sim)
{
    const struct mirrors *mirrors = bridge_mirrors(sim->bridge);
    uint32_t i = 0;

    while (mirrors && i < mirrors->n && mirrors->list[i].snaplen == 0)
        i++;
    return mirrors && i < mirrors->n;
}

/* What @egress sent since it had sent @from frames is made of the first @n frames of @ingress, in
 * order, each once, and once more for each mirror. */
static void check_sent(const struct sim *sim, uint32_t ingress, uint32_t n, uint32_t egress,
                       size_t from)
{
    const struct sim_port *in = &sim->ports[ingress];
    const struct sim_port *out = &sim->ports[egress];
    size_t n_sent = memory_port_n_sent(out->port);
    const struct mirrors *mirrors = bridge_mirrors(sim->bridge);
    uint32_t most = 1 + (mirrors ? mirrors->n : 0);
    uint32_t times = 0;
    uint32_t next = 0;

    if (egress == ingress && n_sent != from &&
        !bridge_port_policy(sim->bridge, in->port->id)->hairpin)
        sim_fail(sim, "a frame returned to port %u, where it came from", ingress);
    for (size_t i = from; i < n_sent && !has_cut(sim); i++) {
        while (next < n &&
               (times == most ||
                !frame_matches_inside(sim, &in->pending[next], memory_port_sent(out->port, i)))) {
            next++;
            times = 0;
        }
        if (next == n)
            sim_fail(sim, "frame %zu of port %u is none that port %u got, or late, or twice", i,
                     egress, ingress);
        times++;
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
    uint64_t timed;
    uint64_t copies; /* of mirrors; and of those of ports: */
    uint64_t copies_to_ports;
    uint64_t lost_to_ports;
    uint64_t selected_for_ports;
    uint64_t bytes_to_ports;
};

static void look_at_mirrors(const struct mirrors *mirrors, struct crossed *crossed)
{
    for (uint32_t i = 0; mirrors && i < mirrors->n; i++) {
        const struct mirror *mirror = &mirrors->list[i];

        crossed->copies += mirror->counters.packets;
        if (mirror->vid == VID_NONE) {
            crossed->copies_to_ports += mirror->counters.packets;
            crossed->lost_to_ports += mirror->counters.dropped;
            crossed->selected_for_ports += mirror->counters.selected;
            crossed->bytes_to_ports += mirror->counters.bytes;
        }
    }
}

static struct crossed look_at_crossed(const struct sim *sim)
{
    const struct vlan_table *vlans = bridge_vlans(sim->bridge);
    const struct latency *latency = bridge_latency(sim->bridge);
    struct crossed crossed = {0};

    if (latency)
        crossed.timed = latency_histogram(latency)->count + latency_histogram(latency)->skewed;
    look_at_mirrors(bridge_mirrors(sim->bridge), &crossed);
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

/* If all are timed, those of @n frames are of which any of the @copies were accepted; and what is
 * in buckets is what was counted. */
static void check_timed(const struct sim *sim, uint32_t n, uint64_t copies, uint64_t timed)
{
    const struct latency *latency = bridge_latency(sim->bridge);

    if (!latency)
        return;
    if (latency_every(latency) == 1 && (timed > n || (timed > 0) != (copies > 0)))
        sim_fail(sim, "%" PRIu64 " of %" PRIu32 " frames were timed, for %" PRIu64 " copies", timed,
                 n, copies);
    if (latency_count_up_to(latency_histogram(latency), LATENCY_MAX_BITS) !=
        latency_histogram(latency)->count)
        sim_fail(sim, "the histogram does not add up");
}

/* VLANs count what the ports' ledgers do, but for copies that are in none; and the only frame of a
 * turn was forwarded, if it was to a reserved address, just if a copy left. */
static void check_crossed(const struct sim *sim, uint32_t n, bool is_reserved,
                          const struct crossed *before)
{
    const struct crossed now = look_at_crossed(sim);
    uint64_t frames = now.accepted.frames - before->accepted.frames;
    uint64_t bytes = now.accepted.bytes - before->accepted.bytes;
    uint64_t to_ports = now.copies_to_ports - before->copies_to_ports;

    if (bridge_vlans(sim->bridge) &&
        (now.vlan_packets - before->vlan_packets != frames - to_ports ||
         now.vlan_bytes - before->vlan_bytes !=
             bytes - (now.bytes_to_ports - before->bytes_to_ports)))
        sim_fail(sim, "VLANs count other frames than their ports");
    if (now.selected_for_ports - before->selected_for_ports !=
        to_ports + now.lost_to_ports - before->lost_to_ports)
        sim_fail(sim, "mirrors lost count");
    frames -= now.copies - before->copies;
    if (n == 1 && now.reserved - before->reserved != (is_reserved && frames > 0))
        sim_fail(sim, "a frame to a reserved address is counted wrong");
    check_timed(sim, n, frames, now.timed - before->timed);
}

/* ---- birth and death ---- */

static uint64_t wall(void)
{
    return START;
}

static void begin_timing(struct sim *sim, const struct sim_params *params)
{
    struct latency *latency;

    if (latency_new(1, params->max_ports, wall, &latency) < 0)
        sim_fail(sim, "no latency");
    bridge_set_latency(sim->bridge, latency);
}

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
        sim_fail(sim, "no bridge");
    sim->is_captured = params->is_captured;
    if (sim->is_captured && sim_capture_begin(&sim->capture, sim->bridge) < 0)
        sim_fail(sim, "no capture");
    if (params->is_timed)
        begin_timing(sim, params);
    for (uint32_t i = 0; i < params->n_ports; i++)
        sim_add_port(sim);
    return sim;
}

/* What somebody who looks on from the beginning has seen there. */
static uint64_t n_seen(const struct port *port)
{
    return port->ledger.received.frames + port->ledger.decided + port->ledger.mirrored;
}

/* Nothing was overlooked, and nothing was told twice. */
static void end_capture(struct sim *sim)
{
    uint64_t n = sim->n_deleted;
    uint64_t n_told = sim_capture_end(&sim->capture);

    for (uint32_t i = 0; i < sim->n_ports; i++)
        n += sim->ports[i].port ? n_seen(sim->ports[i].port) : 0;
    if (n_told != n)
        sim_fail(sim, "a capture counted %" PRIu64 " frames of %" PRIu64, n_told, n);
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
        sim_foretell(sim, p, &foretold);
    clear_expected(sim);
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        if (sim->ports[i].port)
            from[i] = memory_port_n_sent(sim->ports[i].port);
    }
    n = bridge_poll(sim->bridge, p->port->source, sim->now).frames;
    if (n > p->n_pending || n > LIMIT_RX_BATCH || p->port->ledger.received.frames != received + n)
        sim_fail(sim, "port %u: %u frames taken of %u", port, n, p->n_pending);
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        if (sim->ports[i].port)
            check_sent(sim, port, n, i, from[i]);
    }
    check_crossed(sim, n, is_reserved, &crossed);
    if (n == 1)
        sim_check_foretold(sim, port, &foretold);
    forget_pending(p, n);
    check(sim);
    return n;
}

void sim_send(struct sim *sim, uint32_t port, const struct sim_frame *frame)
{
    sim_expect_nothing(sim);
    if (!sim_inject(sim, port, frame))
        sim_fail(sim, "port %u does not take a frame", port);
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

void sim_set_mirrors(struct sim *sim, const struct mirror_settings *settings, uint32_t n)
{
    struct mirrors *mirrors;

    if (bridge_new_mirrors(sim->bridge, settings, n, &mirrors) < 0)
        sim_fail(sim, "no mirrors");
    bridge_set_mirrors(sim->bridge, mirrors, sim->now);
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
        sim_fail(sim, "too many ports");
    snprintf(name, sizeof(name), "p%u", sim->n_ports);
    *p = (struct sim_port){.pending = calloc(PENDING, sizeof(p->pending[0]))};
    if (!p->pending || memory_port_new(name, &p->port) < 0 || port_bring_up(p->port) < 0 ||
        p->port->ops->start(p->port, &device) < 0)
        sim_fail(sim, "no port");
    if (bridge_add_port(sim->bridge, p->port) < 0)
        sim_fail(sim, "the bridge has no room for port %u", sim->n_ports);
    if (sim->is_captured && capture_offer_port(sim->capture.capture, "sim", p->port, "") < 0)
        sim_fail(sim, "port %u cannot be looked at", sim->n_ports);
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
        sim_fail(sim, "port %u sent nothing", port);
    if (!frame_matches(&expected, memory_port_sent(p->port, p->n_expected)))
        sim_fail(sim, "port %u sent another frame", port);
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
            sim_fail(sim, "port %u sent %zu frames that nobody expected", i, sim_n_waiting(sim, i));
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
