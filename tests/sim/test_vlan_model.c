/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../support/random.h"
#include "../support/sim_test.h"

/*
 * Random traffic and random changes on a VLAN-aware bridge, and a naive model of it: for every
 * frame the exact set of ports that it leaves by, and its exact bytes there. As in test_model.c the
 * model is a list that is searched from the front, and a handful of ifs; addresses are few, and the
 * table is bigger than they are.
 */

#define N_STEPS  60000
#define N_PORTS  10
#define N_HOSTS  12
#define MAX_TAGS 3
#define AGING    (30 * NS_PER_SEC)

/* A few VLANs, so that frames meet. */
static const uint16_t vids[] = {1, 2, 3, 63, 64, 4094};

struct known {
    uint64_t mac;
    uint16_t vid;
    uint32_t port;
    uint64_t when;
};

struct port_model {
    bool forwards;
    enum vlan_mode mode;
    uint16_t pvid;
    bool allowed[VID_LIMIT];
};

struct model {
    struct sim *sim;
    uint64_t random;
    uint16_t tpid;
    struct port_model ports[N_PORTS];
    struct known known[1024];
    uint32_t n_known;
    uint32_t n_delivered;
};

static uint32_t below(struct model *m, uint32_t bound)
{
    return random_below(&m->random, bound);
}

/* ---- the model ---- */

static bool is_in(const struct port_model *port, uint16_t vid)
{
    if (port->mode == VLAN_MODE_ACCESS || port->mode == VLAN_MODE_DOT1Q_TUNNEL)
        return vid == port->pvid;
    if (port->mode == VLAN_MODE_TRUNK)
        return port->allowed[vid];
    return port->allowed[vid] || vid == port->pvid;
}

static bool sends_tagged(const struct port_model *port, uint16_t vid)
{
    if (port->mode == VLAN_MODE_TRUNK || port->mode == VLAN_MODE_NATIVE_TAGGED)
        return true;
    return port->mode == VLAN_MODE_NATIVE_UNTAGGED && vid != port->pvid;
}

static struct known *find(struct model *m, uint64_t mac, uint16_t vid)
{
    for (uint32_t i = 0; i < m->n_known; i++) {
        if (m->known[i].mac == mac && m->known[i].vid == vid)
            return &m->known[i];
    }
    return NULL;
}

static void learn(struct model *m, uint64_t mac, uint16_t vid, uint32_t port)
{
    struct known *known = find(m, mac, vid);

    if (!known) {
        assert_true(m->n_known < LENGTH(m->known));
        known = &m->known[m->n_known++];
    }
    *known = (struct known){.mac = mac, .vid = vid, .port = port, .when = sim_now(m->sim)};
}

struct tags {
    uint32_t n;
    uint16_t tpid[MAX_TAGS]; /* outermost first */
    uint16_t tci[MAX_TAGS];
};

/* 0 if the frame does not come in; else PCP, DEI and VID inside. */
static uint16_t classify(const struct model *m, const struct port_model *port,
                         const struct tags *tags, uint32_t *ret_popped)
{
    uint16_t tci;

    *ret_popped = 0;
    if (port->mode == VLAN_MODE_DOT1Q_TUNNEL)
        return port->pvid;
    if (tags->n == 0 || tags->tpid[0] != m->tpid)
        return port->mode == VLAN_MODE_TRUNK ? 0 : port->pvid;
    tci = tags->tci[0];
    *ret_popped = 1;
    if (tci % 4096 == 0)
        return port->mode == VLAN_MODE_TRUNK ? 0 : (uint16_t)(tci + port->pvid);
    if (tci % 4096 == 4095 || port->mode == VLAN_MODE_ACCESS || !is_in(port, tci % 4096))
        return 0;
    return tci;
}

/* Whether frames that were in the VLAN before are now somewhere else, or nowhere. */
static bool loses_frames(const struct model *m, const struct port_model *before,
                         const struct port_model *now, uint16_t vid)
{
    for (uint32_t i = 0; i <= LENGTH(vids); i++) {
        struct tags tags = {.n = i > 0, .tpid = {m->tpid}, .tci = {i > 0 ? vids[i - 1] : 0}};
        uint32_t popped;

        if (classify(m, before, &tags, &popped) == vid && classify(m, now, &tags, &popped) != vid)
            return true;
    }
    return false;
}

/* What is known behind the port, as its VLANs change; or all of it, if @now is NULL. */
static void forget(struct model *m, uint32_t port, const struct port_model *before,
                   const struct port_model *now)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->n_known; i++) {
        uint16_t vid = m->known[i].vid;
        bool stays = m->known[i].port != port ||
                     (now && is_in(now, vid) && !loses_frames(m, before, now, vid));

        if (stays)
            m->known[n++] = m->known[i];
    }
    m->n_known = n;
}

/* ---- steps ---- */

static void wear(const struct sim_frame *base, const struct tags *tags, uint32_t from,
                 struct sim_frame *ret)
{
    *ret = *base;
    for (uint32_t i = tags->n; i > from; i--)
        sim_frame_tag(ret, tags->tpid[i - 1], tags->tci[i - 1]);
}

static void make_tags(struct model *m, struct tags *ret)
{
    static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100};

    ret->n = below(m, 3) ? 1 + below(m, MAX_TAGS) : 0;
    for (uint32_t i = 0; i < ret->n; i++) {
        uint16_t vid = vids[below(m, LENGTH(vids))];

        if (below(m, 6) == 0)
            vid = below(m, 2) ? 0 : 4095;
        ret->tpid[i] = below(m, 3) ? m->tpid : tpids[below(m, 3)];
        ret->tci[i] = (uint16_t)(below(m, 16) << 12 | vid);
    }
}

static void do_send(struct model *m)
{
    uint32_t ingress = below(m, N_PORTS);
    const struct port_model *in = &m->ports[ingress];
    uint64_t src = SIM_HOST(1 + below(m, N_HOSTS));
    uint64_t dst = below(m, 4) ? SIM_HOST(1 + below(m, N_HOSTS)) : MAC_BROADCAST;
    static struct sim_frame base, frame;
    struct tags tags;
    const struct known *to = NULL;
    uint32_t popped;
    uint16_t tci;

    sim_frame_make(&base, dst, src, 60 + below(m, 200));
    make_tags(m, &tags);
    wear(&base, &tags, 0, &frame);
    tci = in->forwards ? classify(m, in, &tags, &popped) : 0;
    sim_send(m->sim, ingress, &frame);
    if (tci != 0) {
        learn(m, src, tci % 4096, ingress);
        to = find(m, dst, tci % 4096);
        if (to && sim_now(m->sim) - to->when >= AGING)
            to = NULL;
    }
    for (uint32_t i = 0; tci != 0 && i < N_PORTS; i++) {
        const struct port_model *out = &m->ports[i];

        if (i == ingress || !out->forwards || !is_in(out, tci % 4096) || (to && to->port != i))
            continue;
        wear(&base, &tags, popped, &frame);
        if (sends_tagged(out, tci % 4096))
            sim_frame_tag(&frame, m->tpid, tci);
        sim_expect(m->sim, i, &frame);
        m->n_delivered++;
    }
    sim_expect_nothing(m->sim);
}

static void do_set_vlan(struct model *m, uint32_t port)
{
    struct vlan_settings settings = {.mode = (enum vlan_mode)below(m, VLAN_N_MODES)};
    struct port_model *model = &m->ports[port];
    const struct port_model before = *model;

    memset(model->allowed, 0, sizeof(model->allowed));
    model->mode = settings.mode;
    model->pvid = settings.mode == VLAN_MODE_TRUNK ? 0 : vids[below(m, LENGTH(vids))];
    settings.pvid = model->pvid;
    for (uint32_t i = 0; i < LENGTH(vids); i++) {
        if (below(m, 2)) {
            model->allowed[vids[i]] = true;
            vidset_add(&settings.allowed, vids[i]);
        }
    }
    sim_set_vlan(m->sim, port, &settings);
    forget(m, port, &before, model);
}

static void do_something(struct model *m)
{
    uint32_t dice = below(m, 1000);
    uint32_t port = below(m, N_PORTS);

    if (dice < 900) {
        do_send(m);
    } else if (dice < 950) {
        sim_pass_time(m->sim, below(m, 20) ? below(m, 1000) * NS_PER_MS : AGING - 1 + below(m, 3));
        if (below(m, 4) == 0)
            (void)sim_age(m->sim);
    } else if (dice < 985) {
        do_set_vlan(m, port);
    } else {
        m->ports[port].forwards = below(m, 4) != 0;
        sim_set_state(m->sim, port, m->ports[port].forwards ? PORT_FORWARDING : PORT_DOWN);
        if (!m->ports[port].forwards)
            forget(m, port, NULL, NULL);
    }
}

static void run(uint16_t tpid, uint64_t seed)
{
    const struct sim_params params = {
        .n_ports = N_PORTS,
        .max_ports = N_PORTS,
        .max_entries = 256,
        .aging_ns = AGING,
        .ethertype = tpid,
        .fail = sim_test_fail,
    };
    static struct model m;

    m = (struct model){.sim = sim_new(&params), .random = seed, .tpid = tpid};
    for (uint32_t i = 0; i < N_PORTS; i++) {
        m.ports[i].forwards = true;
        do_set_vlan(&m, i);
    }
    for (uint32_t i = 0; i < N_STEPS; i++)
        do_something(&m);
    assert_in_range(m.n_delivered, N_STEPS / 2, N_STEPS * N_PORTS);
    assert_int_equal(fdb_counters(bridge_fdb(sim_bridge(m.sim))).evicted, 0);
    sim_free(m.sim);
}

static void test_c_tags(void **state)
{
    run(VLAN_TPID_C, 1);
}

static void test_s_tags(void **state)
{
    run(VLAN_TPID_S, 2);
}

static void test_other_tags(void **state)
{
    run(0x9100, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c_tags),
        cmocka_unit_test(test_s_tags),
        cmocka_unit_test(test_other_tags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
