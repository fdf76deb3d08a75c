/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../support/sim.h"
#include "fuzz.h"

/*
 * Any sequence of frames, state changes, failures, pauses and ports that come and go: after each
 * step the simulation's invariants hold (tests/support/sim.h).
 *
 * The input is read as operations of one byte, each followed by its operands; a read past the end
 * gives zeros. An operation's low five bits say which it is.
 */

#define MAX_PORTS   8
#define MAX_FRAME   9000
#define MAX_STEPS   4096
#define MAX_ENTRIES 16
#define AGING       (10 * NS_PER_SEC)

struct input {
    const uint8_t *at;
    const uint8_t *end;
};

static void end_process(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    abort();
}

static uint8_t take8(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static uint16_t take16(struct input *in)
{
    uint16_t high = take8(in);

    return (uint16_t)(high << 8 | take8(in));
}

static uint32_t take_port(struct sim *sim, struct input *in)
{
    uint32_t n = sim_n_ports(sim);
    uint32_t port = take8(in) % n;

    while (!sim_port(sim, port))
        port = (port + 1) % n;
    return port;
}

/* A few hosts, so that they meet again; and every kind of address that is special. */
static uint64_t take_address(struct input *in)
{
    uint8_t byte = take8(in);

    if (byte < 0xc0)
        return SIM_HOST(byte % 32);
    if (byte < 0xde)
        return UINT64_C(0x0180c2000000) + byte % 17;
    if (byte < 0xe0)
        return RESERVED_MAC_CISCO + byte % 2;
    if (byte < 0xf0)
        return MAC_BROADCAST;
    return byte < 0xf8 ? 0 : UINT64_C(0x01005e000000) + byte;
}

static void take_bytes(struct input *in, struct sim_frame *ret)
{
    size_t left = (size_t)(in->end - in->at);
    uint32_t n;

    memset(ret, 0, offsetof(struct sim_frame, bytes) + MAX_FRAME);
    ret->len = take16(in) % (MAX_FRAME + 1);
    n = take8(in);
    left = (size_t)(in->end - in->at);
    if (n > left)
        n = (uint32_t)left;
    if (n > ret->len)
        n = ret->len;
    memcpy(ret->bytes, in->at, n);
    in->at += n;
}

static void take_vnet(struct input *in, struct virtio_net_hdr *ret)
{
    ret->flags = take8(in);
    ret->gso_type = take8(in);
    ret->hdr_len = take16(in);
    ret->gso_size = take16(in);
    ret->csum_start = take16(in);
    ret->csum_offset = take16(in);
}

static void take_tags(struct input *in, struct sim_frame *frame)
{
    static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100, 0x0800};

    for (uint8_t n = take8(in) % 4; n > 0; n--) {
        uint16_t tpid = tpids[take8(in) % 4];

        sim_frame_tag(frame, tpid, take16(in));
    }
}

static struct sim_frame frame; /* too big for the stack */

static void send_short(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);
    uint64_t dst = take_address(in);

    sim_frame_make(&frame, dst, take_address(in), 14 + take8(in));
    (void)sim_inject(sim, port, &frame);
}

static void send_tagged(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);
    uint64_t dst = take_address(in);

    sim_frame_make(&frame, dst, take_address(in), 14 + take16(in) % 1600);
    take_tags(in, &frame);
    (void)sim_inject(sim, port, &frame);
}

static void send_any(struct sim *sim, struct input *in, bool has_vnet)
{
    uint32_t port = take_port(sim, in);

    take_bytes(in, &frame);
    if (has_vnet)
        take_vnet(in, &frame.vnet);
    (void)sim_inject(sim, port, &frame);
}

static void send_bytes(struct sim *sim, struct input *in)
{
    send_any(sim, in, false);
}

static void send_vnet(struct sim *sim, struct input *in)
{
    send_any(sim, in, true);
}

static void send_tcp(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);
    uint64_t dst = take_address(in);
    uint64_t src = take_address(in);
    uint32_t payload = take16(in) % MAX_FRAME;

    sim_frame_make_tcp(&frame, dst, src, payload, (uint16_t)(1 + take16(in) % 2000));
    take_tags(in, &frame);
    frame.header_len = 0; /* behind a tag that nobody knows there is no telling */
    (void)sim_inject(sim, port, &frame);
}

static void send_defect(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);
    enum drop_reason defect = take8(in) % 2 ? DROP_TRUNCATED : DROP_MALFORMED;

    take_bytes(in, &frame);
    (void)sim_inject_defect(sim, port, &frame, defect);
}

static uint32_t n_alive(struct sim *sim)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < sim_n_ports(sim); i++)
        n += sim_port(sim, i) != NULL;
    return n;
}

static void fail_tx(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);
    enum drop_reason reason = DROP_EGRESS_DOWN + take8(in) % (DROP_N_REASONS - DROP_EGRESS_DOWN);

    sim_fail_tx(sim, port, take8(in), reason);
}

static void set_state(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);

    sim_set_state(sim, port, (enum port_state)(take8(in) % PORT_N_STATES));
}

/* Of a VLAN-aware bridge one of those that a pvid can be here; else there is one VLAN, 0. */
static uint16_t take_vid(struct sim *sim, struct input *in)
{
    uint8_t byte = take8(in);

    return bridge_ethertype(sim_bridge(sim)) == 0 ? VID_NONE : VID_MIN + byte % 8;
}

static void add_entry(struct sim *sim, struct input *in, uint16_t vid)
{
    const struct port *port = sim_port(sim, take_port(sim, in));
    uint8_t kind = take8(in);
    struct fdb_entry entry = {
        .mac = take_address(in),
        .vid = vid,
        .port = port->id,
        .seen = sim_now(sim),
        .is_static = kind & 1,
        .is_sticky = kind & 2,
    };

    if (!mirrors_has_output(bridge_mirrors(sim_bridge(sim)), port->id)) /* nobody may */
        (void)fdb_add(bridge_fdb(sim_bridge(sim)), &entry);
}

static void add_some(struct sim *sim, struct input *in)
{
    add_entry(sim, in, VID_NONE);
}

static void add_some_in_vlan(struct sim *sim, struct input *in)
{
    add_entry(sim, in, take_vid(sim, in));
}

static void del_entry(struct sim *sim, struct input *in, uint16_t vid)
{
    (void)fdb_del(bridge_fdb(sim_bridge(sim)), vid, take_address(in), sim_now(sim));
}

static void del_some(struct sim *sim, struct input *in)
{
    del_entry(sim, in, VID_NONE);
}

static void del_some_in_vlan(struct sim *sim, struct input *in)
{
    del_entry(sim, in, take_vid(sim, in));
}

static void flush_all(struct sim *sim, struct input *in)
{
    fdb_flush_all(bridge_fdb(sim_bridge(sim)));
}

static void flush_some(struct sim *sim, struct input *in)
{
    const struct port *port = sim_port(sim, take_port(sim, in));
    uint8_t bits = take8(in);
    uint16_t vid = take_vid(sim, in);
    const struct fdb_filter filter = {
        .port = bits & 1 ? port->id : PORT_NONE,
        .has_vid = bits & 2,
        .has_mac = bits & 4,
        .vid = vid,
        .mac = take_address(in),
    };
    uint32_t cursor = 0;
    uint64_t count = 0;

    while (fdb_flush_some(bridge_fdb(sim_bridge(sim)), &filter, sim_now(sim), 1u + (bits >> 3),
                          &cursor, &count))
        ;
}

static void replace_fdb(struct sim *sim, struct input *in)
{
    struct fdb *fdb;

    fuzz_require(bridge_new_fdb(sim_bridge(sim), 1u + take8(in) % 32, &fdb) == 0);
    bridge_set_fdb(sim_bridge(sim), fdb);
}

static void set_move_limit(struct sim *sim, struct input *in)
{
    uint8_t byte = take8(in);
    const struct fdb_move_limit limit = {.max = byte % 4,
                                         .interval_ns = (1u + byte / 4 % 8) * NS_PER_SEC,
                                         .hold_ns = (1u + byte / 32) * NS_PER_SEC};

    bridge_set_move_limit(sim_bridge(sim), &limit);
}

static uint16_t take_ethertype(struct input *in)
{
    static const uint16_t ethertypes[] = {VLAN_TPID_C, VLAN_TPID_S, VLAN_TPID_OLD};

    return ethertypes[take8(in) % 3];
}

/* It has its ports in no VLAN then; one that is not VLAN-aware is to be so, and the reverse. */
static void set_vlan_aware(struct sim *sim, struct input *in)
{
    struct bridge *bridge = sim_bridge(sim);
    struct vlan_table *vlans = NULL;
    uint16_t ethertype = take_ethertype(in);

    if (bridge_ethertype(bridge) == 0)
        fuzz_require(bridge_new_vlans(bridge, ethertype, &vlans) == 0);
    bridge_set_vlans(bridge, vlans);
}

/* One to one, as a configuration has to be. */
static void take_translations(struct input *in, struct vlan_translations *ret)
{
    uint16_t outside = VID_MIN + take16(in) % 8;
    uint16_t inside = VID_MIN + take16(in) % 8;

    ret->n = take8(in) % 8;
    for (uint16_t i = 0; i < ret->n; i++)
        ret->list[i] = (struct vlan_translation){.outside = VID_MIN + (outside + i) % 8,
                                                 .inside = VID_MIN + (inside + 3 * i) % 8};
}

/* A pvid where the mode has one, and a range of VLANs: what a configuration can say. */
static void set_vlan_of_port(struct sim *sim, struct input *in, bool is_translated)
{
    uint32_t port = take_port(sim, in);
    struct vlan_settings settings = {.mode = (enum vlan_mode)(take8(in) % VLAN_N_MODES)};
    uint16_t first = VID_MIN + take16(in) % VID_MAX;
    uint32_t last = first + take8(in);

    settings.acceptable_frame_types = (enum vlan_frame_types)(take8(in) % VLAN_N_FRAME_TYPES);
    if (vlan_mode_has_pvid(settings.mode))
        settings.pvid = VID_MIN + take8(in) % 8;
    vidset_add_range(&settings.allowed, first, (uint16_t)(last < VID_MAX ? last : VID_MAX));
    if (is_translated && vlan_mode_has_allowed(settings.mode))
        take_translations(in, &settings.translations);
    sim_set_vlan(sim, port, &settings);
}

static void set_vlan(struct sim *sim, struct input *in)
{
    set_vlan_of_port(sim, in, false);
}

static void set_vlan_translated(struct sim *sim, struct input *in)
{
    set_vlan_of_port(sim, in, true);
}

static void set_policy(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);
    uint8_t bits = take8(in);
    uint8_t limit = take8(in);
    const struct port_policy policy = {
        .learning = !(bits & 1),
        .hairpin = bits & 2,
        .flood = {!(bits & 4), !(bits & 8), !(bits & 16)},
        .isolation_group = bits >> 5 == 7 ? ISOLATION_GROUP_MAX : bits >> 5,
        .mac_limit = {.max = limit & 7,
                      .action = (enum mac_limit_action)(limit >> 3) % MAC_LIMIT_N_ACTIONS},
    };

    sim_set_policy(sim, port, &policy);
}

/* Any of them, from hardly anything to the most that there can be. */
static void set_meters(struct sim *sim, struct input *in)
{
    struct meter_settings settings[METER_N_USES] = {{.rate = {.value = 0}}};
    uint32_t port = take_port(sim, in);
    uint8_t uses = take8(in);
    uint8_t units = take8(in);

    for (uint32_t use = 0; use < METER_N_USES; use++) {
        enum rate_unit unit = units >> use & 1 ? RATE_BITS : RATE_PACKETS;
        uint64_t largest = unit == RATE_BITS ? UINT64_C(999999999999) : 999999999;
        uint8_t size;

        if (!(uses >> use & 1))
            continue;
        size = take8(in);
        settings[use].rate =
            (struct rate){.value = size == 0xff ? largest : 1u + size, .unit = unit};
        size = take8(in);
        settings[use].burst =
            (struct burst){.value = size == 0xff ? 999999999 : 1u + size, .unit = unit};
    }
    sim_set_meters(sim, port, settings);
}

/* One of the first @n_presets, and two bits for each protocol. */
static struct reserved_settings take_reserved(struct input *in, int n_presets)
{
    struct reserved_settings settings =
        reserved_settings_of((enum reserved_preset)(take8(in) % n_presets));
    uint16_t actions = take16(in);

    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        settings.actions[i] = (enum reserved_action)(actions >> (2 * i) & 3);
    return settings;
}

static void set_reserved(struct sim *sim, struct input *in)
{
    const struct reserved_settings settings = take_reserved(in, RESERVED_N_PRESETS);

    bridge_set_reserved(sim_bridge(sim), &settings);
}

static void set_port_reserved(struct sim *sim, struct input *in)
{
    const struct port *port = sim_port(sim, take_port(sim, in));
    const struct reserved_settings settings = take_reserved(in, RESERVED_N_PRESETS + 1);

    bridge_set_port_reserved(sim_bridge(sim), port->id, &settings);
}

static void pass_time(struct sim *sim, struct input *in)
{
    uint8_t byte = take8(in);

    sim_pass_time(sim, byte < 0xf0 ? byte * NS_PER_MS : AGING - 1 + byte % 3);
}

static void set_aging(struct sim *sim, struct input *in)
{
    bridge_set_aging(sim_bridge(sim), (1u + take8(in) % 20) * NS_PER_SEC);
}

static void set_mtu(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);

    sim_set_mtu(sim, port, take16(in));
}

#define MAX_MIRRORS 3

/* Of all ports, or of some of the first eight. */
static void take_sources(struct input *in, struct mirror_settings *mirror,
                         struct mirror_source sources[8])
{
    uint8_t ports = take8(in);

    mirror->from = sources;
    for (uint32_t i = 0; i < 8; i++) {
        struct mirror_source *source = &sources[mirror->n_from];

        if (!(ports >> i & 1))
            continue;
        snprintf(source->port, sizeof(source->port), "p%u", i);
        source->direction = (enum mirror_direction)(take8(in) % (MIRROR_N_DIRECTIONS + 1));
        mirror->n_from++;
    }
}

static void take_mirror(struct sim *sim, struct input *in, struct mirror_settings *mirror,
                        struct mirror_source sources[8])
{
    uint8_t bits = take8(in);
    uint8_t output = take8(in);

    *mirror = (struct mirror_settings){.vlans = vidset_all()};
    mirror->direction = (enum mirror_direction)(bits % MIRROR_N_DIRECTIONS);
    if (bits & 4) {
        mirror->vlans = (struct vidset){{0}};
        vidset_add(&mirror->vlans, VID_MIN + take8(in) % 8);
    }
    if (bits & 8)
        mirror->snaplen = LIMIT_SNAPLEN_MIN + take8(in);
    if (bits & 16)
        mirror->output_vlan = VID_MIN + output % 8;
    else
        snprintf(mirror->output_port, sizeof(mirror->output_port), "p%u",
                 output % sim_n_ports(sim));
    take_sources(in, mirror, sources);
}

static void set_mirrors(struct sim *sim, struct input *in, uint32_t n)
{
    struct mirror_settings mirrors[MAX_MIRRORS];
    struct mirror_source sources[MAX_MIRRORS][8];

    for (uint32_t i = 0; i < n; i++) {
        take_mirror(sim, in, &mirrors[i], sources[i]);
        snprintf(mirrors[i].name, sizeof(mirrors[i].name), "m%u", i);
    }
    sim_set_mirrors(sim, mirrors, n);
}

static void set_flood_vlans(struct sim *sim, struct input *in)
{
    const struct vidset vlans = {{(uint64_t)take8(in) << VID_MIN}};

    bridge_set_flood_vlans(sim_bridge(sim), &vlans, sim_now(sim));
}

/* There is no number left for another operation. */
static void set_mode(struct sim *sim, struct input *in)
{
    uint8_t byte = take8(in);

    if (byte >= 0xc0)
        set_flood_vlans(sim, in);
    else if (byte >= 0x80)
        set_mirrors(sim, in, byte % (MAX_MIRRORS + 1));
    else
        bridge_set_mode(sim_bridge(sim), (enum bridge_mode)(byte % BRIDGE_N_MODES));
}

static void set_ethertype(struct sim *sim, struct input *in)
{
    bridge_set_ethertype(sim_bridge(sim), take_ethertype(in));
}

static void add_port(struct sim *sim, struct input *in)
{
    if (n_alive(sim) < MAX_PORTS && sim_n_ports(sim) < SIM_PORTS_MAX)
        (void)sim_add_port(sim);
}

static void del_port(struct sim *sim, struct input *in)
{
    if (n_alive(sim) > 1)
        sim_del_port(sim, take_port(sim, in));
}

static void poll_port(struct sim *sim, struct input *in)
{
    (void)sim_poll(sim, take_port(sim, in));
}

static void age(struct sim *sim, struct input *in)
{
    (void)sim_age(sim);
}

/* The corpus counts on this order: new ones come last. */
static void (*const operations[])(struct sim *sim, struct input *in) = {
    send_short,    send_bytes,        send_vnet,        send_tcp,
    send_defect,   poll_port,         set_state,        pass_time,
    age,           fail_tx,           set_mtu,          add_port,
    del_port,      flush_all,         add_some,         del_some,
    set_vlan,      set_policy,        set_meters,       set_mode,
    set_reserved,  set_port_reserved, send_tagged,      set_vlan_translated,
    set_ethertype, set_vlan_aware,    set_aging,        set_move_limit,
    flush_some,    replace_fdb,       add_some_in_vlan, del_some_in_vlan,
};

_Static_assert(sizeof(operations) / sizeof(operations[0]) == 32, "five bits");

static void do_operation(struct sim *sim, struct input *in)
{
    operations[take8(in) % 32](sim, in);
    sim_discard(sim);
}

/* Whatever was sent and not looked at yet is taken in the end. */
static void drain(struct sim *sim)
{
    for (uint32_t i = 0; i < sim_n_ports(sim); i++) {
        while (sim_port(sim, i) && sim_poll(sim, i) > 0)
            sim_discard(sim);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .end = data + size};
    uint8_t head = take8(&in);
    static const uint16_t ethertypes[] = {0, VLAN_TPID_C, VLAN_TPID_S, 0x9100};
    const struct sim_params params = {
        .n_ports = 1 + head % 4,
        .max_ports = MAX_PORTS,
        .max_entries = MAX_ENTRIES,
        .aging_ns = AGING,
        .reserved = (enum reserved_preset)(head / 4 % RESERVED_N_PRESETS),
        .ethertype = ethertypes[head / 16 % 4],
        .fail = end_process,
    };
    const struct fdb_move_limit moves = {
        .max = head / 64 % 2, .interval_ns = AGING / 2, .hold_ns = NS_PER_SEC};
    struct sim *sim = sim_new(&params);

    bridge_set_move_limit(sim_bridge(sim), &moves);
    for (int step = 0; in.at < in.end && step < MAX_STEPS; step++)
        do_operation(sim, &in);
    drain(sim);
    sim_free(sim);
    return 0;
}
