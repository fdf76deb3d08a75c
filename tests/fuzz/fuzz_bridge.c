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

enum operation {
    OP_SEND_SHORT, /* a plain frame between a few hosts */
    OP_SEND_BYTES, /* any bytes, zeros behind them up to a length */
    OP_SEND_VNET,  /* the same with any offload header */
    OP_SEND_TCP,   /* a superframe, tagged or not */
    OP_SEND_DEFECT,
    OP_POLL,
    OP_SET_STATE,
    OP_PASS_TIME,
    OP_AGE,
    OP_FAIL_TX,
    OP_SET_MTU,
    OP_ADD_PORT,
    OP_DEL_PORT,
    OP_FLUSH_ALL,
    OP_FDB_ADD,
    OP_FDB_DEL,
    OP_SET_VLAN,
    OP_SET_POLICY,
    OP_SET_METERS,
    OP_SET_MODE,
    OP_SET_RESERVED,
    OP_SET_PORT_RESERVED,
    N_OPERATIONS,
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

static void send_short(struct sim *sim, struct input *in, struct sim_frame *frame)
{
    uint32_t port = take_port(sim, in);
    uint64_t dst = take_address(in);

    sim_frame_make(frame, dst, take_address(in), 14 + take8(in));
    (void)sim_inject(sim, port, frame);
}

static void send_bytes(struct sim *sim, struct input *in, struct sim_frame *frame, bool has_vnet)
{
    uint32_t port = take_port(sim, in);

    take_bytes(in, frame);
    if (has_vnet)
        take_vnet(in, &frame->vnet);
    (void)sim_inject(sim, port, frame);
}

static void send_tcp(struct sim *sim, struct input *in, struct sim_frame *frame)
{
    uint32_t port = take_port(sim, in);
    uint64_t dst = take_address(in);
    uint64_t src = take_address(in);
    uint32_t payload = take16(in) % MAX_FRAME;

    sim_frame_make_tcp(frame, dst, src, payload, (uint16_t)(1 + take16(in) % 2000));
    take_tags(in, frame);
    frame->header_len = 0; /* behind a tag that nobody knows there is no telling */
    (void)sim_inject(sim, port, frame);
}

static void send_defect(struct sim *sim, struct input *in, struct sim_frame *frame)
{
    uint32_t port = take_port(sim, in);
    enum drop_reason defect = take8(in) % 2 ? DROP_TRUNCATED : DROP_MALFORMED;

    take_bytes(in, frame);
    (void)sim_inject_defect(sim, port, frame, defect);
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

static void fdb_add_some(struct sim *sim, struct input *in)
{
    const struct port *port = sim_port(sim, take_port(sim, in));
    uint8_t kind = take8(in);
    struct fdb_entry entry = {
        .mac = take_address(in),
        .port = port->id,
        .seen = sim_now(sim),
        .is_static = kind & 1,
        .is_sticky = kind & 2,
    };

    (void)fdb_add(bridge_fdb(sim_bridge(sim)), &entry);
}

/* A pvid where the mode has one, and a range of VLANs: what a configuration can say. */
static void set_vlan(struct sim *sim, struct input *in)
{
    uint32_t port = take_port(sim, in);
    struct vlan_settings settings = {.mode = (enum vlan_mode)(take8(in) % VLAN_N_MODES)};
    uint16_t first = VID_MIN + take16(in) % VID_MAX;
    uint32_t last = first + take8(in);

    settings.acceptable_frame_types = (enum vlan_frame_types)(take8(in) % VLAN_N_FRAME_TYPES);
    if (vlan_mode_has_pvid(settings.mode))
        settings.pvid = VID_MIN + take8(in) % 8;
    vidset_add_range(&settings.allowed, first, (uint16_t)(last < VID_MAX ? last : VID_MAX));
    sim_set_vlan(sim, port, &settings);
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

static void do_operation(struct sim *sim, enum operation operation, struct input *in)
{
    static struct sim_frame frame;
    uint32_t port;

    switch (operation) {
    case OP_SEND_SHORT:
        send_short(sim, in, &frame);
        break;
    case OP_SEND_BYTES:
    case OP_SEND_VNET:
        send_bytes(sim, in, &frame, operation == OP_SEND_VNET);
        break;
    case OP_SEND_TCP:
        send_tcp(sim, in, &frame);
        break;
    case OP_SEND_DEFECT:
        send_defect(sim, in, &frame);
        break;
    case OP_POLL:
        (void)sim_poll(sim, take_port(sim, in));
        break;
    case OP_SET_STATE:
        set_state(sim, in);
        break;
    case OP_PASS_TIME:
        pass_time(sim, in);
        break;
    case OP_AGE:
        (void)sim_age(sim);
        break;
    case OP_FAIL_TX:
        fail_tx(sim, in);
        break;
    case OP_SET_MTU:
        port = take_port(sim, in);
        sim_set_mtu(sim, port, take16(in));
        break;
    case OP_ADD_PORT:
        if (n_alive(sim) < MAX_PORTS && sim_n_ports(sim) < SIM_PORTS_MAX)
            (void)sim_add_port(sim);
        break;
    case OP_DEL_PORT:
        if (n_alive(sim) > 1)
            sim_del_port(sim, take_port(sim, in));
        break;
    case OP_FLUSH_ALL:
        fdb_flush_all(bridge_fdb(sim_bridge(sim)));
        break;
    case OP_FDB_ADD:
        fdb_add_some(sim, in);
        break;
    case OP_FDB_DEL:
        (void)fdb_del(bridge_fdb(sim_bridge(sim)), 0, take_address(in), sim_now(sim));
        break;
    case OP_SET_VLAN:
        set_vlan(sim, in);
        break;
    case OP_SET_POLICY:
        set_policy(sim, in);
        break;
    case OP_SET_METERS:
        set_meters(sim, in);
        break;
    case OP_SET_MODE:
        bridge_set_mode(sim_bridge(sim), (enum bridge_mode)(take8(in) % BRIDGE_N_MODES));
        break;
    case OP_SET_RESERVED:
        set_reserved(sim, in);
        break;
    case OP_SET_PORT_RESERVED:
        set_port_reserved(sim, in);
        break;
    case N_OPERATIONS:
        break;
    }
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
        do_operation(sim, (enum operation)(take8(&in) % 32 % N_OPERATIONS), &in);
    drain(sim);
    sim_free(sim);
    return 0;
}
