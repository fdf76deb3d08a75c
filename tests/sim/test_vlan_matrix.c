/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../support/sim_test.h"

/*
 * Every port mode against every kind of frame, and what arrives at ports of every mode: the exact
 * set of ports, and the exact bytes.
 *
 * What is expected stands in two tables that were written by hand out of the rules in
 * ringspan.json(5): which VLAN a frame is in and what is left of it there, and how a port sends
 * frames of a VLAN. They share nothing with the program.
 *
 * 'B' is a tag with the bridge's ethertype, 'F' one with another. Ports that have a pvid have 10,
 * and those that have a list of allowed VLANs allow 20 and 4094.
 */

#define MAX_TAGS 3

struct tag_spec {
    char tpid; /* 'B', 'F', or 0: there is none */
    uint16_t tci;
};

/* Outermost first. */
struct stack {
    struct tag_spec tags[MAX_TAGS];
};

enum kind {
    UNTAGGED,
    PRIORITY_0,
    PRIORITY_5,
    ALLOWED,
    PVID,
    NOT_ALLOWED,
    LAST,
    RESERVED,
    OTHER_TPID,
    OTHER_TPID_ZERO,
    DOUBLE,
    DOUBLE_OTHER,
    DOUBLE_PRIORITY,
    TRIPLE,
    N_KINDS,
};

#define PCP(n) ((n) << 13)
#define DEI    (1 << 12)

static const struct stack kinds[N_KINDS] = {
    [UNTAGGED] = {{{0}}},
    [PRIORITY_0] = {{{'B', 0}}},
    [PRIORITY_5] = {{{'B', PCP(5) | DEI}}},
    [ALLOWED] = {{{'B', PCP(3) | 20}}},
    [PVID] = {{{'B', PCP(7) | DEI | 10}}},
    [NOT_ALLOWED] = {{{'B', 30}}},
    [LAST] = {{{'B', PCP(1) | 4094}}},
    [RESERVED] = {{{'B', 4095}}},
    [OTHER_TPID] = {{{'F', PCP(6) | 20}}},
    [OTHER_TPID_ZERO] = {{{'F', 0}}},
    [DOUBLE] = {{{'B', PCP(2) | 20}, {'B', PCP(4) | 30}}},
    [DOUBLE_OTHER] = {{{'F', 30}, {'B', 20}}},
    [DOUBLE_PRIORITY] = {{{'B', PCP(4)}, {'B', 20}}},
    [TRIPLE] = {{{'B', 20}, {'F', 7}, {'B', 8}}},
};

/* What a frame is inside: its VLAN and priority, and how many of its tags are taken off. */
struct inside {
    uint16_t tci; /* 0: dropped */
    uint8_t popped;
    enum drop_reason reason;
};

#define IN(tci_, popped_)                   \
    {                                       \
        .tci = (tci_), .popped = (popped_), \
    }
#define DROP(why)       \
    {                   \
        .reason = (why) \
    }

static const struct inside insides[VLAN_N_MODES][N_KINDS] =
    {
        [VLAN_MODE_ACCESS] =
            {
                [UNTAGGED] = IN(10, 0),
                [PRIORITY_0] = IN(10, 1),
                [PRIORITY_5] = IN(PCP(5) | DEI | 10, 1),
                [ALLOWED] = DROP(DROP_VLAN_TAGGED),
                [PVID] = DROP(DROP_VLAN_TAGGED),
                [NOT_ALLOWED] = DROP(DROP_VLAN_TAGGED),
                [LAST] = DROP(DROP_VLAN_TAGGED),
                [RESERVED] = DROP(DROP_VID_RESERVED),
                [OTHER_TPID] = IN(10, 0),
                [OTHER_TPID_ZERO] = IN(10, 0),
                [DOUBLE] = DROP(DROP_VLAN_TAGGED),
                [DOUBLE_OTHER] = IN(10, 0),
                [DOUBLE_PRIORITY] = IN(PCP(4) | 10, 1),
                [TRIPLE] = DROP(DROP_VLAN_TAGGED),
            },
        [VLAN_MODE_TRUNK] =
            {
                [UNTAGGED] = DROP(DROP_NO_PVID),
                [PRIORITY_0] = DROP(DROP_NO_PVID),
                [PRIORITY_5] = DROP(DROP_NO_PVID),
                [ALLOWED] = IN(PCP(3) | 20, 1),
                [PVID] = DROP(DROP_VLAN_NOT_ALLOWED),
                [NOT_ALLOWED] = DROP(DROP_VLAN_NOT_ALLOWED),
                [LAST] = IN(PCP(1) | 4094, 1),
                [RESERVED] = DROP(DROP_VID_RESERVED),
                [OTHER_TPID] = DROP(DROP_NO_PVID),
                [OTHER_TPID_ZERO] = DROP(DROP_NO_PVID),
                [DOUBLE] = IN(PCP(2) | 20, 1),
                [DOUBLE_OTHER] = DROP(DROP_NO_PVID),
                [DOUBLE_PRIORITY] = DROP(DROP_NO_PVID),
                [TRIPLE] = IN(20, 1),
            },
        [VLAN_MODE_NATIVE_UNTAGGED] =
            {
                [UNTAGGED] = IN(10, 0),
                [PRIORITY_0] = IN(10, 1),
                [PRIORITY_5] = IN(PCP(5) | DEI | 10, 1),
                [ALLOWED] = IN(PCP(3) | 20, 1),
                [PVID] = IN(PCP(7) | DEI | 10, 1),
                [NOT_ALLOWED] = DROP(DROP_VLAN_NOT_ALLOWED),
                [LAST] = IN(PCP(1) | 4094, 1),
                [RESERVED] = DROP(DROP_VID_RESERVED),
                [OTHER_TPID] = IN(10, 0),
                [OTHER_TPID_ZERO] = IN(10, 0),
                [DOUBLE] = IN(PCP(2) | 20, 1),
                [DOUBLE_OTHER] = IN(10, 0),
                [DOUBLE_PRIORITY] = IN(PCP(4) | 10, 1),
                [TRIPLE] = IN(20, 1),
            },
        [VLAN_MODE_NATIVE_TAGGED] =
            {
                [UNTAGGED] = IN(10, 0),
                [PRIORITY_0] = IN(10, 1),
                [PRIORITY_5] = IN(PCP(5) | DEI | 10, 1),
                [ALLOWED] = IN(PCP(3) | 20, 1),
                [PVID] = IN(PCP(7) | DEI | 10, 1),
                [NOT_ALLOWED] = DROP(DROP_VLAN_NOT_ALLOWED),
                [LAST] = IN(PCP(1) | 4094, 1),
                [RESERVED] = DROP(DROP_VID_RESERVED),
                [OTHER_TPID] = IN(10, 0),
                [OTHER_TPID_ZERO] = IN(10, 0),
                [DOUBLE] = IN(PCP(2) | 20, 1),
                [DOUBLE_OTHER] = IN(10, 0),
                [DOUBLE_PRIORITY] = IN(PCP(4) | 10, 1),
                [TRIPLE] = IN(20, 1),
            },
        [VLAN_MODE_DOT1Q_TUNNEL] =
            {
                [UNTAGGED] = IN(10, 0),
                [PRIORITY_0] = IN(10, 0),
                [PRIORITY_5] = IN(10, 0),
                [ALLOWED] = IN(10, 0),
                [PVID] = IN(10, 0),
                [NOT_ALLOWED] = IN(10, 0),
                [LAST] = IN(10, 0),
                [RESERVED] = IN(10, 0),
                [OTHER_TPID] = IN(10, 0),
                [OTHER_TPID_ZERO] = IN(10, 0),
                [DOUBLE] = IN(10, 0),
                [DOUBLE_OTHER] = IN(10, 0),
                [DOUBLE_PRIORITY] = IN(10, 0),
                [TRIPLE] = IN(10, 0),
            },
};

/* The ports, and how each sends frames of VLAN 10, 20, 30 and 4094: tagged, untagged, or never. */
enum {
    IN_10,
    IN_20,
    IN_30,
    IN_4094,
    N_VLANS,
};

static const struct {
    enum vlan_mode mode;
    uint16_t pvid;
    uint16_t allowed[3];
    char sends[N_VLANS];
} ports[] = {
    {VLAN_MODE_ACCESS, 10, {0}, {'u', '-', '-', '-'}},
    {VLAN_MODE_TRUNK, 0, {20, 4094}, {'-', 't', '-', 't'}},
    {VLAN_MODE_NATIVE_UNTAGGED, 10, {20, 4094}, {'u', 't', '-', 't'}},
    {VLAN_MODE_NATIVE_TAGGED, 10, {20, 4094}, {'t', 't', '-', 't'}},
    {VLAN_MODE_DOT1Q_TUNNEL, 10, {0}, {'u', '-', '-', '-'}},
    /* The first five are those that frames are sent to; these only receive. */
    {VLAN_MODE_ACCESS, 20, {0}, {'-', 'u', '-', '-'}},
    {VLAN_MODE_ACCESS, 30, {0}, {'-', '-', 'u', '-'}},
    {VLAN_MODE_ACCESS, 4094, {0}, {'-', '-', '-', 'u'}},
    {VLAN_MODE_TRUNK, 0, {10, 30}, {'t', '-', 't', '-'}},
    {VLAN_MODE_NATIVE_UNTAGGED, 20, {10, 20, 30}, {'t', 'u', 't', '-'}},
    {VLAN_MODE_NATIVE_TAGGED, 4094, {20}, {'-', 't', '-', 't'}},
    {VLAN_MODE_DOT1Q_TUNNEL, 20, {0}, {'-', 'u', '-', '-'}},
    {VLAN_MODE_DOT1Q_TUNNEL, 4094, {0}, {'-', '-', '-', 'u'}},
};

#define N_PORTS ((uint32_t)LENGTH(ports))

static uint32_t vlan_index(uint16_t vid)
{
    return vid == 10 ? IN_10 : vid == 20 ? IN_20 : vid == 30 ? IN_30 : IN_4094;
}

struct world {
    struct sim *sim;
    uint16_t own;   /* the TPID of 'B' */
    uint16_t other; /* of 'F' */
};

static struct world new_world(uint16_t own, uint16_t other)
{
    const struct sim_params params = {
        .n_ports = N_PORTS,
        .max_ports = N_PORTS,
        .max_entries = 1024,
        .aging_ns = SIM_AGING,
        .ethertype = own,
        .fail = sim_test_fail,
    };
    struct world w = {.sim = sim_new(&params), .own = own, .other = other};

    for (uint32_t i = 0; i < N_PORTS; i++) {
        struct vlan_settings settings = {.mode = ports[i].mode, .pvid = ports[i].pvid};

        for (uint32_t a = 0; a < LENGTH(ports[i].allowed); a++) {
            if (ports[i].allowed[a])
                vidset_add(&settings.allowed, ports[i].allowed[a]);
        }
        sim_set_vlan(w.sim, i, &settings);
    }
    return w;
}

/* @base with the tags of @stack from number @from on. */
static void wear(const struct world *w, const struct sim_frame *base, const struct stack *stack,
                 uint32_t from, struct sim_frame *ret)
{
    *ret = *base;
    for (uint32_t i = MAX_TAGS; i > from; i--) {
        const struct tag_spec *tag = &stack->tags[i - 1];

        if (tag->tpid)
            sim_frame_tag(ret, tag->tpid == 'B' ? w->own : w->other, tag->tci);
    }
}

/* The frame as it leaves by @egress, if it does. */
static bool leaves(const struct world *w, const struct sim_frame *base, const struct stack *stack,
                   const struct inside *inside, uint32_t egress, struct sim_frame *ret)
{
    char how = ports[egress].sends[vlan_index(inside->tci & 0x0fff)];

    if (inside->reason != DROP_NONE || how == '-')
        return false;
    wear(w, base, stack, inside->popped, ret);
    if (how == 't')
        sim_frame_tag(ret, w->own, inside->tci);
    return true;
}

enum shape {
    SHAPE_PLAIN,
    SHAPE_PARTIAL_CHECKSUM,
    SHAPE_SUPERFRAME,
    N_SHAPES,
};

static void make_base(struct sim_frame *ret, enum shape shape, uint64_t dst)
{
    if (shape == SHAPE_PLAIN)
        sim_frame_make(ret, dst, SIM_HOST(1), 60);
    else
        sim_frame_make_tcp(ret, dst, SIM_HOST(1), shape == SHAPE_SUPERFRAME ? 5000 : 500, 1000);
}

static void check_flood(const struct world *w, uint32_t ingress, const struct sim_frame *base,
                        enum kind kind)
{
    const struct inside *inside = &insides[ports[ingress].mode][kind];
    static struct sim_frame sent;
    static struct sim_frame expected;
    uint64_t dropped = sim_in_dropped(w->sim, ingress, inside->reason);

    wear(w, base, &kinds[kind], 0, &sent);
    fdb_flush_all(bridge_fdb(sim_bridge(w->sim)));
    sim_send(w->sim, ingress, &sent);
    for (uint32_t i = 0; i < N_PORTS; i++) {
        if (i != ingress && leaves(w, base, &kinds[kind], inside, i, &expected))
            sim_expect(w->sim, i, &expected);
    }
    sim_expect_nothing(w->sim);
    if (inside->reason != DROP_NONE)
        assert_int_equal(sim_in_dropped(w->sim, ingress, inside->reason), dropped + 1);
    /* What was dropped taught nothing, and what was not, in its VLAN alone. */
    assert_int_equal(fdb_count(bridge_fdb(sim_bridge(w->sim)), sim_now(w->sim)),
                     inside->reason == DROP_NONE);
    assert_int_equal(fdb_lookup(bridge_fdb(sim_bridge(w->sim)), inside->tci & 0x0fff, SIM_HOST(1),
                                sim_now(w->sim)),
                     inside->reason == DROP_NONE ? ingress : PORT_NONE);
}

/* As if the destination had been learned on @egress, in the VLAN that the frame is in. */
static void check_unicast(const struct world *w, uint32_t ingress, uint32_t egress,
                          const struct sim_frame *base, enum kind kind)
{
    const struct inside *inside = &insides[ports[ingress].mode][kind];
    uint16_t vid = inside->tci & 0x0fff;
    static struct sim_frame sent;
    static struct sim_frame expected;
    uint64_t dropped = sim_in_dropped(w->sim, ingress, DROP_VLAN_EGRESS);
    struct fdb_plan plan;

    wear(w, base, &kinds[kind], 0, &sent);
    fdb_flush_all(bridge_fdb(sim_bridge(w->sim)));
    fdb_plan_learn(bridge_fdb(sim_bridge(w->sim)), vid, SIM_HOST(2), (port_id)egress,
                   sim_now(w->sim), &plan);
    fdb_commit(bridge_fdb(sim_bridge(w->sim)), &plan);
    sim_send(w->sim, ingress, &sent);
    if (leaves(w, base, &kinds[kind], inside, egress, &expected))
        sim_expect(w->sim, egress, &expected);
    else if (inside->reason == DROP_NONE)
        assert_int_equal(sim_in_dropped(w->sim, ingress, DROP_VLAN_EGRESS), dropped + 1);
    sim_expect_nothing(w->sim);
}

static void run(uint16_t own, uint16_t other, enum shape shape)
{
    struct world w = new_world(own, other);
    static struct sim_frame to_all;
    static struct sim_frame to_one;

    make_base(&to_all, shape, MAC_BROADCAST);
    make_base(&to_one, shape, SIM_HOST(2));
    for (uint32_t ingress = 0; ingress < VLAN_N_MODES; ingress++) {
        for (int kind = 0; kind < N_KINDS; kind++) {
            check_flood(&w, ingress, &to_all, (enum kind)kind);
            for (uint32_t egress = 0; egress < N_PORTS; egress++) {
                if (egress != ingress)
                    check_unicast(&w, ingress, egress, &to_one, (enum kind)kind);
            }
        }
    }
    sim_free(w.sim);
}

static void run_shapes(uint16_t own, uint16_t other)
{
    for (int shape = 0; shape < N_SHAPES; shape++)
        run(own, other, (enum shape)shape);
}

static void test_c_tags(void **state)
{
    run_shapes(0x8100, 0x88a8);
    run_shapes(0x8100, 0x9100);
}

static void test_s_tags(void **state)
{
    run_shapes(0x88a8, 0x8100);
    run_shapes(0x88a8, 0x9100);
}

static void test_tags_that_the_kernel_leaves_in_place(void **state)
{
    run_shapes(0x9100, 0x8100);
    run_shapes(0x9100, 0x88a8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c_tags),
        cmocka_unit_test(test_s_tags),
        cmocka_unit_test(test_tags_that_the_kernel_leaves_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
