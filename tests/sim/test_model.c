/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "../support/random.h"
#include "../support/sim_test.h"

/*
 * Random traffic through a bridge and through a naive model of one, which is written from the
 * standard's sentences: for every frame the exact set of ports that it leaves by.
 *
 * The model knows nothing of our pipeline: it is a list of (address, port, when), searched from the
 * front, and a handful of ifs. The table is bigger than the number of addresses, so that what the
 * model does not know about, eviction, never happens (the table has a model test of its own).
 */

#define N_STEPS 200000
#define N_PORTS 12
#define N_HOSTS 60
#define AGING   (30 * NS_PER_SEC)

/* An address may move so often, or is held. */
#define MOVES        3
#define MOVES_WITHIN (20 * NS_PER_SEC)
#define HOLD         (10 * NS_PER_SEC)

struct known {
    uint64_t mac;
    uint32_t port;
    uint64_t when;
    uint64_t number;  /* of the frame that said so */
    uint32_t n_moves; /* since then: */
    uint64_t moving_since;
    uint64_t held_until; /* 0: it is not, or has not moved since */
    bool is_known;
};

struct model {
    struct sim *sim;
    uint64_t random;
    uint16_t reserved_mask; /* bit n: 01-80-C2-00-00-0n is filtered */
    enum port_state state[SIM_PORTS_MAX];
    uint32_t mtu[SIM_PORTS_MAX];
    uint32_t failing[SIM_PORTS_MAX]; /* so many copies will be refused */
    struct port_policy policy[SIM_PORTS_MAX];
    struct known known[N_HOSTS + 16];
    uint32_t n_known;
    uint64_t n_sent;
    uint64_t n_flooded;
    uint64_t n_too_many;
    uint64_t n_held;
};

static uint32_t below(struct model *m, uint32_t bound)
{
    return random_below(&m->random, bound);
}

/* ---- the model ---- */

static struct known *find(struct model *m, uint64_t mac)
{
    for (uint32_t i = 0; i < m->n_known; i++) {
        if (m->known[i].mac == mac)
            return &m->known[i];
    }
    return NULL;
}

static bool is_live(const struct model *m, const struct known *known)
{
    return known->is_known && sim_now(m->sim) - known->when < AGING;
}

/* A live address that is heard of on another port: whether it stays where it is. */
static bool stays(struct model *m, struct known *known)
{
    uint64_t now = sim_now(m->sim);

    if (known->held_until != 0)
        return now < known->held_until;
    return known->n_moves >= MOVES && now - known->moving_since < MOVES_WITHIN;
}

static void count_move(struct model *m, struct known *known)
{
    uint64_t now = sim_now(m->sim);

    if (known->n_moves == 0 || known->held_until != 0 ||
        now - known->moving_since >= MOVES_WITHIN) {
        known->n_moves = 0;
        known->moving_since = now;
        known->held_until = 0;
    }
    known->n_moves++;
}

static void learn(struct model *m, uint64_t mac, uint32_t port)
{
    struct known *known = find(m, mac);

    if (!known) {
        assert_true(m->n_known < LENGTH(m->known));
        known = &m->known[m->n_known++];
    }
    if (!is_live(m, known)) {
        *known = (struct known){.mac = mac};
    } else if (known->port != port && stays(m, known)) {
        if (known->held_until == 0) {
            known->held_until = sim_now(m->sim) + HOLD;
            m->n_held++;
        }
        return;
    } else if (known->port != port) {
        count_move(m, known);
    }
    known->port = port;
    known->when = sim_now(m->sim);
    known->number = m->n_sent;
    known->is_known = true;
}

static uint32_t count_behind(const struct model *m, uint32_t port)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->n_known; i++)
        n += m->known[i].port == port && is_live(m, &m->known[i]);
    return n;
}

/* More would be behind the port than may be. */
static bool is_one_too_many(struct model *m, uint64_t mac, uint32_t port)
{
    struct known *known = find(m, mac);
    uint32_t max = m->policy[port].mac_limit.max;

    if (known && is_live(m, known) && known->port != port && stays(m, known))
        return false;

    return max != 0 && !(known && known->port == port && is_live(m, known)) &&
           count_behind(m, port) >= max;
}

static void forget_oldest(struct model *m, uint32_t port)
{
    struct known *oldest = NULL;

    for (uint32_t i = 0; i < m->n_known; i++) {
        struct known *known = &m->known[i];

        if (known->port == port && is_live(m, known) && (!oldest || known->number < oldest->number))
            oldest = known;
    }
    oldest->is_known = false;
}

static void forget_port(struct model *m, uint32_t port)
{
    for (uint32_t i = 0; i < m->n_known; i++) {
        if (m->known[i].port == port)
            m->known[i].is_known = false;
    }
}

static bool is_filtered(const struct model *m, uint64_t dst)
{
    return dst >= UINT64_C(0x0180c2000000) && dst <= UINT64_C(0x0180c200000f) &&
           (m->reserved_mask >> (dst & 15) & 1);
}

/* BPDUs, LACP, 802.1X and LLDP. */
static bool is_exempt(uint64_t dst)
{
    return dst == UINT64_C(0x0180c2000000) || dst == UINT64_C(0x0180c2000002) ||
           dst == UINT64_C(0x0180c2000003) || dst == UINT64_C(0x0180c2000008) ||
           dst == UINT64_C(0x0180c200000e);
}

/* Of what a frame is made of, what matters to a bridge. */
struct essence {
    uint64_t dst;
    uint64_t src;
    uint32_t len;        /* on the wire, of the longest frame that it stands for */
    uint32_t first_tpid; /* or EtherType */
    bool is_ethernet;    /* it has a whole header */
};

static bool is_too_long(const struct model *m, const struct essence *e, uint32_t port)
{
    uint32_t grace = e->first_tpid == 0x8100 || e->first_tpid == 0x88a8 ? 4 : 0;

    return e->len > 14 + m->mtu[port] + grace;
}

static bool refuses(struct model *m, uint32_t port)
{
    if (m->failing[port] == 0)
        return false;
    m->failing[port]--;
    return true;
}

static bool takes_floods_to(const struct model *m, uint64_t dst, uint32_t port)
{
    const bool *flood = m->policy[port].flood;

    if (dst == MAC_BROADCAST)
        return flood[FLOOD_BROADCAST];
    return dst >> 40 & 1 ? flood[FLOOD_MULTICAST] : flood[FLOOD_UNKNOWN_UNICAST];
}

static bool may_exchange(const struct model *m, uint32_t from, uint32_t to)
{
    uint32_t group = m->policy[from].isolation_group;

    if (group != 0 && group == m->policy[to].isolation_group)
        return false;
    return from != to || m->policy[from].hairpin;
}

/* The ports that a frame leaves by. */
static void predict(struct model *m, uint32_t ingress, const struct essence *e, bool *ret_leaves_by)
{
    bool may_learn = m->state[ingress] == PORT_LEARNING || m->state[ingress] == PORT_FORWARDING;
    bool is_limited = m->policy[ingress].mac_limit.max != 0;
    bool teaches = m->policy[ingress].learning && !(is_limited && is_exempt(e->dst));
    const struct known *to = NULL;

    memset(ret_leaves_by, 0, SIM_PORTS_MAX * sizeof(*ret_leaves_by));
    if (!e->is_ethernet || !may_learn || e->src == 0 || (e->src >> 40 & 1) ||
        is_filtered(m, e->dst))
        return;
    if (teaches && is_one_too_many(m, e->src, ingress)) {
        m->n_too_many++;
        if (m->policy[ingress].mac_limit.action == MAC_LIMIT_SHUTDOWN) {
            m->state[ingress] = PORT_ERROR;
            forget_port(m, ingress);
        }
        if (m->policy[ingress].mac_limit.action != MAC_LIMIT_FLOOD)
            return;
    } else if (teaches) {
        learn(m, e->src, ingress);
    }
    if (m->state[ingress] != PORT_FORWARDING)
        return;
    if (!(e->dst >> 40 & 1))
        to = find(m, e->dst);
    if (to && (!to->is_known || sim_now(m->sim) - to->when >= AGING))
        to = NULL;
    for (uint32_t i = 0; i < sim_n_ports(m->sim); i++) {
        if (m->state[i] != PORT_FORWARDING || !may_exchange(m, ingress, i))
            continue;
        if (to ? to->port != i : !takes_floods_to(m, e->dst, i))
            continue;
        ret_leaves_by[i] = !is_too_long(m, e, i) && !refuses(m, i);
    }
    m->n_flooded += !to;
}

/* ---- the traffic ---- */

static uint64_t random_address(struct model *m)
{
    switch (below(m, 40)) {
    case 0:
        return MAC_BROADCAST;
    case 1:
        return UINT64_C(0x01005e000000) + below(m, 4);
    case 2:
    case 3:
        return UINT64_C(0x0180c2000000) + below(m, 18);
    case 4:
        return 0;
    default:
        return SIM_HOST(1 + below(m, N_HOSTS));
    }
}

static void make(struct model *m, struct sim_frame *frame, struct essence *ret)
{
    static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100};
    uint64_t dst = random_address(m);
    uint64_t src = below(m, 10) ? SIM_HOST(1 + below(m, N_HOSTS)) : random_address(m);
    uint32_t n_tags = below(m, 3) ? 0 : below(m, 4);
    bool is_super = below(m, 6) == 0;

    *ret = (struct essence){.dst = dst, .src = src, .is_ethernet = true};
    if (is_super) {
        uint16_t mss = (uint16_t)(1380 + below(m, 80));

        sim_frame_make_tcp(frame, dst, src, mss + 1 + below(m, 3000), mss);
        ret->len = 14 + 20 + 32 + mss;
    } else {
        sim_frame_make(frame, dst, src, below(m, 3) ? 60 : 14 + below(m, 1550));
        ret->len = frame->len;
    }
    for (uint32_t i = 0; i < n_tags; i++) {
        ret->first_tpid = tpids[below(m, 3)];
        sim_frame_tag(frame, (uint16_t)ret->first_tpid, (uint16_t)below(m, 65536));
    }
    /* A superframe behind a tag that the kernel does not know is none that it would make. */
    ret->len += 4 * n_tags;
    if (!is_super && below(m, 50) == 0) {
        frame->len = below(m, 14);
        ret->is_ethernet = false;
    }
}

/* ---- steps ---- */

static uint32_t random_port(struct model *m)
{
    uint32_t port;

    do
        port = below(m, sim_n_ports(m->sim));
    while (!sim_port(m->sim, port));
    return port;
}

static void do_send(struct model *m)
{
    uint32_t ingress = random_port(m);
    bool leaves_by[SIM_PORTS_MAX];
    struct sim_frame frame;
    struct essence essence;

    make(m, &frame, &essence);
    predict(m, ingress, &essence, leaves_by);
    sim_send(m->sim, ingress, &frame);
    for (uint32_t i = 0; i < sim_n_ports(m->sim); i++) {
        if (leaves_by[i])
            sim_expect(m->sim, i, &frame);
    }
    sim_expect_nothing(m->sim);
    m->n_sent++;
}

static void do_change_state(struct model *m)
{
    static const enum port_state states[] = {
        PORT_FORWARDING, PORT_FORWARDING, PORT_FORWARDING, PORT_LEARNING, PORT_DOWN,
        PORT_BLOCKING,   PORT_WAITING,    PORT_DISABLED,   PORT_ERROR,
    };
    uint32_t port = random_port(m);
    enum port_state state = states[below(m, LENGTH(states))];

    sim_set_state(m->sim, port, state);
    m->state[port] = state;
    if (state != PORT_FORWARDING && state != PORT_LEARNING)
        forget_port(m, port);
}

static void do_replace_port(struct model *m)
{
    uint32_t port = random_port(m);

    if (sim_n_ports(m->sim) == SIM_PORTS_MAX)
        return;
    sim_del_port(m->sim, port);
    forget_port(m, port);
    m->state[port] = PORT_DISABLED;
    port = sim_add_port(m->sim);
    m->state[port] = PORT_FORWARDING;
    m->mtu[port] = 1500;
    m->failing[port] = 0;
    m->policy[port] = PORT_POLICY_DEFAULT;
}

static void do_set_mtu(struct model *m)
{
    uint32_t port = random_port(m);

    m->mtu[port] = 1440 + below(m, 120);
    sim_set_mtu(m->sim, port, m->mtu[port]);
}

static void do_fail_tx(struct model *m)
{
    uint32_t port = random_port(m);

    m->failing[port] = 1 + below(m, 3);
    sim_fail_tx(m->sim, port, m->failing[port], DROP_TX_QUEUE_FULL);
}

/* Mostly nothing special, so that frames still cross. */
static void do_set_policy(struct model *m)
{
    uint32_t port = random_port(m);
    struct port_policy *policy = &m->policy[port];
    uint32_t max_before = policy->mac_limit.max;

    *policy = PORT_POLICY_DEFAULT;
    if (below(m, 2) == 0)
        policy->mac_limit = (struct mac_limit){
            .max = 1 + below(m, 9), .action = (enum mac_limit_action)below(m, MAC_LIMIT_N_ACTIONS)};
    policy->learning = below(m, 6) != 0;
    policy->hairpin = below(m, 4) == 0;
    for (int i = 0; i < FLOOD_N_CLASSES; i++)
        policy->flood[i] = below(m, 4) != 0;
    if (below(m, 3) == 0)
        policy->isolation_group = 1 + below(m, 3);
    sim_set_policy(m->sim, port, policy);
    if (!policy->learning || (max_before == 0 && policy->mac_limit.max != 0))
        forget_port(m, port);
    while (policy->mac_limit.max != 0 && count_behind(m, port) > policy->mac_limit.max)
        forget_oldest(m, port);
}

static void do_pass_time(struct model *m)
{
    sim_pass_time(m->sim, below(m, 50) ? below(m, 1000) * NS_PER_MS : AGING - 1 + below(m, 3));
    if (below(m, 8) == 0)
        (void)sim_age(m->sim);
}

static void do_something(struct model *m)
{
    uint32_t dice = below(m, 1000);

    if (dice < 890)
        do_send(m);
    else if (dice < 960)
        do_pass_time(m);
    else if (dice < 978)
        do_change_state(m);
    else if (dice < 982)
        do_set_policy(m);
    else if (dice < 990)
        do_set_mtu(m);
    else if (dice < 999)
        do_fail_tx(m);
    else
        do_replace_port(m);
}

static void run(enum reserved_preset preset, uint16_t filtered, uint64_t seed)
{
    const struct sim_params params = {
        .n_ports = N_PORTS,
        .max_ports = N_PORTS,
        .max_entries = 128,
        .aging_ns = AGING,
        .reserved = preset,
        .fail = sim_test_fail,
    };
    static struct model m;

    m = (struct model){.sim = sim_new(&params), .random = seed, .reserved_mask = filtered};
    bridge_set_move_limit(
        sim_bridge(m.sim),
        &(struct fdb_move_limit){.max = MOVES, .interval_ns = MOVES_WITHIN, .hold_ns = HOLD});
    for (uint32_t i = 0; i < N_PORTS; i++) {
        m.state[i] = PORT_FORWARDING;
        m.mtu[i] = 1500;
        m.policy[i] = PORT_POLICY_DEFAULT;
    }
    for (uint32_t i = 0; i < N_STEPS / RESERVED_N_PRESETS; i++)
        do_something(&m);
    assert_true(m.n_too_many > 100);
    assert_true(m.n_held > 100);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(m.sim))).held, m.n_held);
    /* Both kinds of forwarding were seen, and the table never had to choose. */
    assert_in_range(m.n_flooded, m.n_sent / 20, m.n_sent / 2);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(m.sim))).evicted, 0);
    sim_free(m.sim);
}

static void test_transparent(void **state)
{
    run(RESERVED_TRANSPARENT, 0x0002, 1);
}

static void test_all(void **state)
{
    run(RESERVED_ALL, 0x0000, 2);
}

static void test_customer_bridge(void **state)
{
    run(RESERVED_CUSTOMER_BRIDGE, 0xffff, 3);
}

static void test_provider_bridge(void **state)
{
    run(RESERVED_PROVIDER_BRIDGE, 0x47fe, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transparent),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_customer_bridge),
        cmocka_unit_test(test_provider_bridge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
