/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/random.h"
#include "../support/sim_test.h"
#include "ringspan/explain.h"

/*
 * What is explained is what happens. Bridges with random settings take random frames; immediately
 * before each one it is explained, which must change nothing; then verdict, reason, what is
 * learned, the ports that it leaves by, what they refuse, and every byte of what they send are
 * compared. All together every reason that a bridge has to drop a frame must have come up.
 */

#define N_BRIDGES 120
#define N_FRAMES  60 /* to each */
#define N_PORTS   6
#define N_HOSTS   6
#define N_MIRRORS 3
#define AGING     (30 * NS_PER_SEC)

struct trial {
    struct sim *sim;
    uint64_t random;
    uint16_t ethertype;
    uint32_t seen[DROP_N_REASONS];
    uint32_t n_sent; /* copies that left */
    uint32_t n_mirrored;
    uint32_t by_verdict[VERDICT_CONSUME + 1];
    bool learned[FDB_INSERT + 1];
};

static const uint16_t tpids[] = {VLAN_TPID_C, VLAN_TPID_S, 0x9100};

static uint32_t below(struct trial *t, uint32_t bound)
{
    return random_below(&t->random, bound);
}

static bool one_in(struct trial *t, uint32_t n)
{
    return below(t, n) == 0;
}

/* ---- settings ---- */

static void choose_vlan(struct trial *t, uint32_t port)
{
    struct vlan_settings settings = {.mode = (enum vlan_mode)below(t, VLAN_N_MODES)};

    settings.acceptable_frame_types =
        one_in(t, 4) ? (enum vlan_frame_types)below(t, VLAN_N_FRAME_TYPES) : VLAN_FRAMES_ALL;
    if (vlan_mode_has_pvid(settings.mode))
        settings.pvid = 1 + below(t, 3);
    if (vlan_mode_has_allowed(settings.mode))
        vidset_add_range(&settings.allowed, 1, (uint16_t)(1 + below(t, 4)));
    if (vlan_mode_has_allowed(settings.mode) && one_in(t, 3)) {
        settings.translations.n = 1;
        settings.translations.list[0] = (struct vlan_translation){.outside = 77, .inside = 1};
    }
    sim_set_vlan(t->sim, port, &settings);
}

static void choose_policy(struct trial *t, uint32_t port)
{
    struct port_policy policy = PORT_POLICY_DEFAULT;

    policy.learning = !one_in(t, 6);
    policy.hairpin = one_in(t, 6);
    for (uint32_t class = 0; class < FLOOD_N_CLASSES; class ++)
        policy.flood[class] = !one_in(t, 4);
    policy.isolation_group = one_in(t, 3) ? 1 : ISOLATION_GROUP_NONE;
    if (one_in(t, 4)) {
        policy.mac_limit.max = 1 + below(t, 2);
        policy.mac_limit.action = (enum mac_limit_action)below(t, MAC_LIMIT_N_ACTIONS);
    }
    sim_set_policy(t->sim, port, &policy);
}

static void choose_meters(struct trial *t, uint32_t port)
{
    struct meter_settings settings[METER_N_USES] = {0};

    for (uint32_t use = 0; use < METER_N_USES; use++) {
        if (!one_in(t, use < METER_INGRESS ? 2 : 4))
            continue;
        settings[use].rate = (struct rate){1 + below(t, 3), RATE_PACKETS};
        settings[use].burst = (struct burst){1 + below(t, 3), RATE_PACKETS};
    }
    sim_set_meters(t->sim, port, settings);
}

static void choose_state(struct trial *t, uint32_t port)
{
    static const enum port_state states[] = {PORT_FORWARDING, PORT_FORWARDING, PORT_FORWARDING,
                                             PORT_FORWARDING, PORT_LEARNING,   PORT_DOWN};

    sim_set_state(t->sim, port, states[below(t, LENGTH(states))]);
}

static void choose_reserved(struct trial *t)
{
    struct reserved_settings settings =
        reserved_settings_of((enum reserved_preset)below(t, RESERVED_N_PRESETS));

    for (uint32_t i = 0; i < RESERVED_N_PROTOCOLS; i++) {
        if (one_in(t, 4))
            settings.actions[i] = (enum reserved_action)below(t, RESERVED_N_ACTIONS);
    }
    bridge_set_reserved(sim_bridge(t->sim), &settings);
}

/* Also on ports that are not in the VLAN. */
static void choose_statics(struct trial *t)
{
    for (uint32_t host = 0; host < 2; host++) {
        struct fdb_entry entry = {.mac = SIM_HOST(host), .is_static = true};

        entry.vid = t->ethertype ? (uint16_t)(1 + below(t, 3)) : 0;
        entry.port = sim_port(t->sim, below(t, N_PORTS))->id;
        entry.seen = sim_now(t->sim);
        assert_int_equal(fdb_add(bridge_fdb(sim_bridge(t->sim)), &entry), 0);
    }
}

static void choose_source(struct trial *t, struct mirror_source *source, uint32_t port)
{
    snprintf(source->port, sizeof(source->port), "p%u", port);
    source->direction = (enum mirror_direction)below(t, MIRROR_N_DIRECTIONS + 1);
}

/* Copies for the last port, or for VLAN 2, of what others do. */
static void choose_mirror(struct trial *t, struct mirror_settings *mirror,
                          struct mirror_source *sources)
{
    *mirror = (struct mirror_settings){.vlans = vidset_all(), .from = sources};
    mirror->direction = (enum mirror_direction)below(t, MIRROR_N_DIRECTIONS);
    mirror->n_from = below(t, 3);
    for (uint32_t i = 0; i < mirror->n_from; i++)
        choose_source(t, &sources[i], i * 2 + below(t, 2));
    if (t->ethertype && one_in(t, 3)) {
        mirror->vlans = (struct vidset){{0}};
        vidset_add(&mirror->vlans, (uint16_t)(1 + below(t, 3)));
    }
    if (one_in(t, 4))
        mirror->snaplen = LIMIT_SNAPLEN_MIN + below(t, 1500);
    if (t->ethertype && one_in(t, 2))
        mirror->output_vlan = 2;
    else
        snprintf(mirror->output_port, sizeof(mirror->output_port), "p%u", N_PORTS - 1);
}

static void choose_mirrors(struct trial *t)
{
    struct mirror_settings mirrors[N_MIRRORS];
    struct mirror_source sources[N_MIRRORS][2];

    for (uint32_t i = 0; i < N_MIRRORS; i++) {
        choose_mirror(t, &mirrors[i], sources[i]);
        snprintf(mirrors[i].name, sizeof(mirrors[i].name), "m%u", i);
    }
    sim_set_mirrors(t->sim, mirrors, below(t, N_MIRRORS + 1));
}

static void start(struct trial *t, uint32_t number)
{
    struct sim_params params = {
        .max_ports = N_PORTS,
        .max_entries = 4 + below(t, 60),
        .aging_ns = AGING,
        .mode = number % 8 == 0 ? BRIDGE_HUB : BRIDGE_SWITCH,
        .fail = sim_test_fail,
    };
    const struct fdb_move_limit moves = {2, 20 * NS_PER_SEC, 10 * NS_PER_SEC};

    t->ethertype = number % 2 ? tpids[below(t, LENGTH(tpids))] : 0;
    params.ethertype = t->ethertype;
    params.n_ports = number % 8 == 4 ? 2 : N_PORTS;
    if (params.n_ports == 2)
        params.mode = BRIDGE_WIRE;
    t->sim = sim_new(&params);
    bridge_set_move_limit(sim_bridge(t->sim), &moves);
    choose_reserved(t);
    for (uint32_t port = 0; port < params.n_ports; port++) {
        if (t->ethertype)
            choose_vlan(t, port);
        choose_policy(t, port);
        if (number % 3 < 2)
            choose_meters(t, port);
        sim_set_mtu(t->sim, port, one_in(t, 4) ? 200 + below(t, 1400) : 1500);
    }
    if (params.n_ports == N_PORTS)
        choose_statics(t);
    if (params.n_ports == N_PORTS && one_in(t, 2))
        choose_mirrors(t);
}

/* ---- frames ---- */

static uint64_t choose_dst(struct trial *t)
{
    switch (below(t, 10)) {
    case 0:
    case 1:
        return MAC_BROADCAST;
    case 4:
        return UINT64_C(0x01005e000001);
    case 2:
        return RESERVED_MAC_BASE + below(t, 16);
    case 3:
        return RESERVED_MAC_CISCO + below(t, 2);
    default:
        return SIM_HOST(below(t, N_HOSTS + 1));
    }
}

static uint64_t choose_src(struct trial *t)
{
    if (one_in(t, 40))
        return 0;
    return one_in(t, 40) ? UINT64_C(0x03005e000001) : SIM_HOST(below(t, N_HOSTS));
}

static void choose_tags(struct trial *t, struct sim_frame *frame)
{
    static const uint16_t vids[] = {0, 1, 2, 3, 77, 4095};
    uint32_t n = below(t, 4);

    for (uint32_t i = 0; i < n && i < 3; i++) {
        uint16_t tci = vids[below(t, LENGTH(vids))];

        tci = (uint16_t)(tci | below(t, 16) << 12);
        sim_frame_tag(frame, one_in(t, 2) && t->ethertype ? t->ethertype : tpids[below(t, 3)], tci);
    }
}

static void choose_frame(struct trial *t, struct sim_frame *frame)
{
    uint64_t dst = choose_dst(t);
    uint64_t src = choose_src(t);
    uint16_t mss = (uint16_t)(100 + below(t, 1400));

    if (one_in(t, 5))
        sim_frame_make_tcp(frame, dst, src, 100 + below(t, 6000), mss);
    else
        sim_frame_make(frame, dst, src, one_in(t, 20) ? 8 + below(t, 8) : 60 + below(t, 1500));
    if (frame->len >= ETHER_HEADER_SIZE)
        choose_tags(t, frame);
    if (frame->vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE && one_in(t, 60))
        frame->vnet.gso_type = VIRTIO_NET_HDR_GSO_UDP; /* which it is not */
}

/* ---- the comparison ---- */

/* What will leave by each port. */
struct promise {
    struct explained_copy copies[N_PORTS];
    uint32_t n_mirrored[N_PORTS];
    struct explained_copy mirrored[N_PORTS][N_MIRRORS];
};

/* In this order they send. */
static int by_place(const void *a, const void *b)
{
    const struct explained_mirror *one = a;
    const struct explained_mirror *other = b;

    return one->mirror < other->mirror ? -1 : one->mirror > other->mirror;
}

/* All of a bridge that a frame can change and an explanation must not. */
struct imprint {
    struct fdb_counters fdb;
    struct port_meters meters[N_PORTS];
    struct ledger_port ledgers[N_PORTS];
    struct reserved_counters reserved[N_PORTS][RESERVED_N_PROTOCOLS];
    enum port_state states[N_PORTS];
};

static void take_imprint(const struct trial *t, struct imprint *ret)
{
    const struct forward_tables *tables = bridge_tables(sim_bridge(t->sim));

    memset(ret, 0, sizeof(*ret));
    ret->fdb = fdb_counters(tables->fdb);
    for (uint32_t i = 0; i < sim_n_ports(t->sim); i++) {
        const struct port *port = sim_port(t->sim, i);

        if (tables->meters)
            ret->meters[i] = tables->meters[port->id];
        ret->ledgers[i] = port->ledger;
        memcpy(ret->reserved[i], port->reserved_counters, sizeof(ret->reserved[i]));
        ret->states[i] = port->state;
    }
}

static void explain(const struct trial *t, uint32_t ingress, const struct sim_frame *frame,
                    enum drop_reason defect, struct explanation *ret)
{
    static uint8_t bytes[SIM_FRAME_ROOM];
    struct imprint before;
    struct imprint after;
    struct frame arrived;

    memcpy(bytes, frame->bytes, frame->len);
    take_imprint(t, &before);
    explain_arrival(sim_port(t->sim, ingress), bytes, frame->len, &frame->vnet, &arrived);
    if (defect != DROP_NONE)
        arrived.defect = defect;
    bridge_explain(sim_bridge(t->sim), &arrived, sim_now(t->sim), ret);
    take_imprint(t, &after);
    assert_memory_equal(&before, &after, sizeof(before));
}

/* By @egress left, as number @i of what it sent, what was explained, or nothing because of what
 * was. Returns how many frames that is. */
static uint32_t check_copy(struct trial *t, const struct explained_copy *copy, uint32_t egress,
                           uint32_t i)
{
    static uint8_t bytes[SIM_FRAME_ROOM];
    struct port *port = sim_port(t->sim, egress);
    const struct memory_frame *sent;
    struct virtio_net_hdr vnet;

    if (copy->refusal != DROP_NONE) {
        t->seen[copy->refusal]++;
        return 0;
    }
    assert_in_range(i, 0, sim_n_waiting(t->sim, egress) - 1);
    sent = memory_port_sent(port, memory_port_n_sent(port) - sim_n_waiting(t->sim, egress) + i);
    assert_int_equal(sent->len, frame_wire_len(&copy->frame));
    assert_int_equal(frame_write_wire(&copy->frame, bytes), sent->len);
    assert_memory_equal(sent->bytes, bytes, sent->len);
    vnet = frame_wire_vnet(&copy->frame);
    assert_memory_equal(&sent->vnet, &vnet, sizeof(vnet));
    t->n_sent++;
    return 1;
}

/* Copies that mirrors make follow those that were decided. What a meter refuses of them depends on
 * what others took. */
static uint32_t check_mirrored(struct trial *t, const struct promise *promise, uint32_t egress,
                               uint32_t n)
{
    for (uint32_t i = 0; i < promise->n_mirrored[egress]; i++) {
        const struct explained_copy *copy = &promise->mirrored[egress][i];

        if (n == sim_n_waiting(t->sim, egress) && copy->refusal == DROP_NONE) {
            assert_non_null(bridge_tables(sim_bridge(t->sim))->meters);
            continue;
        }
        n += check_copy(t, copy, egress, n);
        t->n_mirrored++;
    }
    return n;
}

static void check_egress(struct trial *t, const struct explanation *e,
                         const struct promise *promise, const struct imprint *before)
{
    const struct bridge *bridge = sim_bridge(t->sim);
    uint32_t n = 0;

    for (uint32_t i = 0; i < sim_n_ports(t->sim); i++) {
        struct port *port = sim_port(t->sim, i);
        bool is_egress = explain_next_egress(bridge, e, port->id) == port->id;
        const struct explained_copy *copy = &promise->copies[i];
        uint32_t n_sent = 0;

        n += is_egress;
        assert_int_equal(port->ledger.decided, before->ledgers[i].decided + is_egress);
        if (is_egress && copy->refusal != DROP_NONE && promise->n_mirrored[i] == 0)
            assert_int_equal(port->ledger.out_dropped[copy->refusal],
                             before->ledgers[i].out_dropped[copy->refusal] + 1);
        if (is_egress)
            n_sent = check_copy(t, copy, i, 0);
        n_sent = check_mirrored(t, promise, i, n_sent);
        assert_int_equal(sim_n_waiting(t->sim, i), n_sent);
    }
    assert_int_equal(n, e->decision.fanout);
}

/* The tables are what they were when it was explained. */
static void check_excluded(const struct trial *t, const struct explanation *e)
{
    const struct bridge *bridge = sim_bridge(t->sim);

    for (uint32_t i = 0; i < sim_n_ports(t->sim); i++) {
        port_id id = sim_port(t->sim, i)->id;
        bool leaves = explain_next_egress(bridge, e, id) == id;
        enum drop_reason why = explain_excluded(bridge, e, id);

        if (e->stage < EXPLAIN_EGRESS || e->is_found)
            assert_int_equal(why, DROP_NONE);
        else if (e->stage == EXPLAIN_METER && e->decision.verdict == VERDICT_FLOOD)
            assert_int_equal(why == DROP_NONE, leaves);
        else if (e->stage == EXPLAIN_EGRESS)
            assert_int_not_equal(why, DROP_NONE);
    }
}

static void check_ingress(struct trial *t, const struct explanation *e, uint32_t ingress,
                          const struct imprint *before)
{
    const struct ledger_port *is = &sim_port(t->sim, ingress)->ledger;
    const struct ledger_port *was = &before->ledgers[ingress];
    enum verdict verdict = e->decision.verdict;

    t->by_verdict[verdict]++;
    t->seen[e->decision.reason]++;
    assert_int_equal(is->unicast, was->unicast + (verdict == VERDICT_UNICAST));
    assert_int_equal(is->flooded, was->flooded + (verdict == VERDICT_FLOOD));
    assert_int_equal(is->consumed, was->consumed + (verdict == VERDICT_CONSUME));
    if (verdict == VERDICT_DROP)
        assert_int_equal(is->in_dropped[e->decision.reason],
                         was->in_dropped[e->decision.reason] + 1);
    assert_int_equal(verdict == VERDICT_DROP, e->decision.reason != DROP_NONE);
    assert_true(e->stage < EXPLAIN_N_STAGES);
    assert_non_null(explain_stage_name(e->stage));
}

static void check_learning(struct trial *t, const struct explanation *e,
                           const struct imprint *before)
{
    struct fdb_counters is = fdb_counters(bridge_fdb(sim_bridge(t->sim)));
    const struct fdb_counters *was = &before->fdb;
    enum fdb_action action = e->decision.learn.action;

    t->learned[action] = true;
    assert_int_equal(is.inserted, was->inserted + (action == FDB_INSERT));
    assert_int_equal(is.moved, was->moved + (action == FDB_MOVE));
    assert_int_equal(is.refused_limits, was->refused_limits + (action == FDB_REFUSE_LIMIT));
    assert_int_equal(is.refused_inserts, was->refused_inserts + (action == FDB_REFUSE_INSERT));
    assert_int_equal(is.held, was->held + (action == FDB_HOLD));
    if (action == FDB_REFRESH)
        assert_true(e->is_known && e->source.port == e->decision.ingress);
}

static void promise_all(const struct trial *t, const struct explanation *e, struct promise *ret)
{
    const struct bridge *bridge = sim_bridge(t->sim);
    struct explained_mirror mirrors[LIMIT_MIRRORS];
    uint32_t n = explain_mirrors(bridge, e, mirrors);

    memset(ret->n_mirrored, 0, sizeof(ret->n_mirrored));
    for (uint32_t i = 0; i < sim_n_ports(t->sim); i++) {
        if (explain_next_egress(bridge, e, i) == i)
            explain_copy(bridge, e, (port_id)i, &ret->copies[i]);
    }
    qsort(mirrors, n, sizeof(*mirrors), by_place);
    for (uint32_t i = 0; i < n; i++) {
        for (port_id id = explain_next_mirror_egress(bridge, e, &mirrors[i], 0); id != PORT_NONE;
             id = explain_next_mirror_egress(bridge, e, &mirrors[i], id + 1u))
            explain_mirror_copy(bridge, e, &mirrors[i], id,
                                &ret->mirrored[id][ret->n_mirrored[id]++]);
    }
}

static void try_frame(struct trial *t)
{
    static struct promise promise;
    uint32_t ingress = below(t, sim_n_ports(t->sim));
    static struct sim_frame frame;
    struct explanation e;
    struct imprint before;
    enum drop_reason defect = one_in(t, 50) ? DROP_TRUNCATED : DROP_NONE;

    choose_frame(t, &frame);
    explain(t, ingress, &frame, defect, &e);
    check_excluded(t, &e);
    promise_all(t, &e, &promise);
    take_imprint(t, &before);
    if (defect != DROP_NONE) {
        assert_true(sim_inject_defect(t->sim, ingress, &frame, defect));
        sim_poll(t->sim, ingress);
    } else {
        sim_send(t->sim, ingress, &frame);
    }
    check_ingress(t, &e, ingress, &before);
    check_learning(t, &e, &before);
    check_egress(t, &e, &promise, &before);
    sim_discard(t->sim);
}

static void change_something(struct trial *t)
{
    if (one_in(t, 8))
        sim_pass_time(t->sim, below(t, 2000) * NS_PER_MS);
    if (one_in(t, 30))
        sim_pass_time(t->sim, AGING);
    if (one_in(t, 6))
        choose_state(t, below(t, sim_n_ports(t->sim)));
}

static bool is_the_kernels(enum drop_reason reason)
{
    return drop_reason_class(reason) == DROP_CLASS_LOST && reason != DROP_TRUNCATED &&
           reason != DROP_MALFORMED;
}

static void check_everything_came_up(const struct trial *t)
{
    for (int reason = DROP_NONE + 1; reason < DROP_N_REASONS; reason++) {
        if ((t->seen[reason] == 0) != is_the_kernels((enum drop_reason)reason))
            fail_msg("%s", drop_reason_name((enum drop_reason)reason));
    }
    for (int verdict = 0; verdict <= VERDICT_CONSUME; verdict++)
        assert_in_range(t->by_verdict[verdict], 20, N_BRIDGES * N_FRAMES);
    for (int action = 0; action <= FDB_INSERT; action++)
        assert_true(t->learned[action] || action == FDB_REFUSE_INSERT);
    assert_in_range(t->n_mirrored, 500, t->n_sent);
    assert_in_range(t->n_sent, 1000, N_BRIDGES * N_FRAMES * N_PORTS);
}

static void test_what_is_explained_happens(void **state)
{
    struct trial t = {.random = 1};

    for (uint32_t i = 0; i < N_BRIDGES; i++) {
        start(&t, i);
        for (uint32_t n = 0; n < N_FRAMES; n++) {
            change_something(&t);
            try_frame(&t);
        }
        sim_free(t.sim);
    }
    check_everything_came_up(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_explained_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
