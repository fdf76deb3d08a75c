/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "model_run.h"

/*
 * Random traffic and random changes: after each step the switch and the model (model.h) agree about
 * everything that can be seen: the exact ports that frames left by and their exact bytes there, all
 * counters of all ports, protocols, VLANs and mirrors, what is in the forwarding table, and the
 * states of ports.
 *
 * A run is made by its seed alone, kinds of bridges included. `test_sim_model SEED` does one run
 * again, and `test_sim_model SEED COUNT` as many as one likes. A failure says which it was.
 */

#define N_RUNS  14
#define N_STEPS 5000

static struct run the_run;

static void end_run(const char *sentence)
{
    require(&the_run, false, sentence);
}

/* ---- what both must agree about ---- */

static void check_ports(struct run *run)
{
    for (uint32_t i = 0; i < run->model.n_ports; i++) {
        const struct model_port *m = &run->model.ports[i];
        const struct port *port = sim_port(run->sim, i);

        require(run, m->exists == (port != NULL), "a port is missing");
        if (!port)
            continue;
        require(run, m->state == port->state, "a port is in another state");
        require(run, memcmp(&m->ledger, &port->ledger, sizeof(m->ledger)) == 0,
                "a port's ledger differs");
        require(run, memcmp(m->protocols, port->reserved_counters, sizeof(m->protocols)) == 0,
                "the counters of protocols differ");
    }
}

static void check_moves(struct run *run)
{
    for (uint32_t i = 0; i < run->model.n_ports; i++) {
        struct fdb_port_counters counters;

        if (!sim_port(run->sim, i))
            continue;
        counters = fdb_port_counters(bridge_fdb(sim_bridge(run->sim)), id_of(run, i));
        require(run,
                counters.moved_in == run->model.ports[i].moved_in &&
                    counters.moved_out == run->model.ports[i].moved_out,
                "other addresses have moved");
    }
}

static void check_vlans(struct run *run)
{
    const struct vlan_table *vlans = bridge_vlans(sim_bridge(run->sim));

    require(run, (vlans != NULL) == (run->model.tpid != 0), "it is VLAN-aware, or not");
    for (int i = 1; vlans && i < MODEL_N_VIDS; i++)
        require(run,
                memcmp(&vlans->counters[model_vids[i]], &run->model.vlans[i],
                       sizeof(run->model.vlans[i])) == 0,
                "the counters of VLANs differ");
}

static void check_mirrors(struct run *run)
{
    const struct mirrors *mirrors = bridge_mirrors(sim_bridge(run->sim));

    for (uint32_t i = 0; i < run->model.n_mirrors; i++)
        require(run,
                memcmp(&mirrors->list[i].counters, &run->model.mirrors[i].counters,
                       sizeof(mirrors->list[i].counters)) == 0,
                "the counters of a mirror differ");
}

static void check_entry(struct run *run, const struct fdb_entry *entry)
{
    const struct model_known *known = model_known(&run->model, entry->vid, entry->mac);

    require(run, known && model_is_live(&run->model, known), "an entry that should not be there");
    require(run, entry->port == id_of(run, known->port), "an entry is on another port");
    require(run, entry->seen == known->when, "an entry has another age");
    require(run, entry->is_static == known->is_static && entry->is_sticky == known->is_sticky,
            "an entry is of another kind");
}

static uint32_t count_live(const struct model *m)
{
    uint32_t n = 0;

    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++)
            n += model_is_live(m, &m->known[v][h]);
    }
    return n;
}

static void check_fdb(struct run *run)
{
    const struct fdb *fdb = bridge_fdb(sim_bridge(run->sim));
    struct fdb_entry entry;
    uint32_t cursor = 0;
    uint32_t n = 0;

    for (; fdb_next(fdb, run->model.now, &cursor, &entry); n++)
        check_entry(run, &entry);
    require(run, n == count_live(&run->model), "an entry is missing");
}

static void check(struct run *run)
{
    sim_expect_nothing(run->sim);
    require(run, run->n_holds == 0, "nobody was told that an address is held");
    check_ports(run);
    check_moves(run);
    check_vlans(run);
    check_mirrors(run);
    check_fdb(run);
}

/* ---- frames ---- */

static uint64_t random_special(struct run *run)
{
    switch (below(run, 6)) {
    case 0:
        return UINT64_C(0x01005e000000) + below(run, 4);
    case 1:
    case 2:
        return UINT64_C(0x0180c2000000) + below(run, 18);
    case 3:
        return UINT64_C(0x01000ccccccb) + below(run, 4);
    case 4:
        return 0;
    default:
        return MAC_BROADCAST;
    }
}

static void make_tags(struct run *run, struct model_tags *ret)
{
    static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100};
    uint16_t usual = run->model.tpid == 0 ? 0x8100 : run->model.tpid;

    *ret = (struct model_tags){.n = one_in(run, 3) ? 0 : 1 + below(run, 3)};
    if (run->model.tpid == 0 && !one_in(run, 4))
        ret->n = 0;
    for (uint32_t i = 0; i < ret->n; i++) {
        uint32_t vid = model_vids[1 + below(run, MODEL_N_VIDS - 1)];

        if (one_in(run, 6))
            vid = one_in(run, 2) ? 0 : 4095;
        ret->tpid[i] = one_in(run, 3) ? tpids[below(run, 3)] : usual;
        ret->tci[i] = (uint16_t)(below(run, 16) << 12 | vid);
    }
}

/* @base with tags, as on the wire. */
static void wear(const struct sim_frame *base, const struct model_tags *tags, struct sim_frame *ret)
{
    memcpy(ret, base, offsetof(struct sim_frame, bytes) + base->len);
    for (uint32_t i = tags->n; i > 0; i--)
        sim_frame_tag(ret, tags->tpid[i - 1], tags->tci[i - 1]);
}

static void make_base(struct run *run, struct model_frame *frame, struct sim_frame *ret_base)
{
    if (one_in(run, 6)) {
        uint32_t mss = 1380 + below(run, 80);
        uint32_t payload = mss - 2 + below(run, 3000);

        sim_frame_make_tcp(ret_base, frame->dst, frame->src, payload, (uint16_t)mss);
        if (payload > mss) {
            frame->header = ret_base->len - payload;
            frame->mss = mss;
        }
    } else {
        sim_frame_make(ret_base, frame->dst, frame->src,
                       one_in(run, 3) ? 14 + below(run, 1510) : 60 + below(run, 8));
    }
    frame->len = ret_base->len;
}

/* Cuts it within its Ethernet header; so there are no tags to speak of. */
static void cut(struct run *run, struct model_frame *frame, struct sim_frame *base)
{
    frame->defect = DROP_RUNT;
    frame->tags.n = 0;
    frame->mss = 0;
    base->vnet = (struct virtio_net_hdr){0};
    base->len = frame->len = below(run, ETHER_HEADER_SIZE);
}

static void make_frame(struct run *run, struct model_frame *ret, struct sim_frame *ret_base)
{
    *ret = (struct model_frame){
        .dst = one_in(run, 4) ? random_special(run) : random_host(run),
        .src = one_in(run, 30) ? random_special(run) : random_host(run),
    };
    make_tags(run, &ret->tags);
    make_base(run, ret, ret_base);
    if (one_in(run, 60))
        cut(run, ret, ret_base);
    else if (one_in(run, 100))
        ret->defect = one_in(run, 2) ? DROP_TRUNCATED : DROP_MALFORMED;
}

static void inject(struct run *run, uint32_t ingress, const struct model_frame *frame,
                   const struct sim_frame *base)
{
    static struct sim_frame worn;

    wear(base, &frame->tags, &worn);
    if (frame->defect == DROP_NONE || frame->defect == DROP_RUNT)
        (void)sim_inject(run->sim, ingress, &worn);
    else
        (void)sim_inject_defect(run->sim, ingress, &worn, frame->defect);
}

static void expect(struct run *run, const struct sim_frame *base,
                   const struct model_outcome *outcome)
{
    static struct sim_frame worn;

    for (uint32_t i = 0; i < run->model.n_ports; i++) {
        if (!outcome->leaves[i])
            continue;
        wear(base, &outcome->tags[i], &worn);
        sim_expect(run->sim, i, &worn);
        run->n_left++;
    }
}

static void expect_copies(struct run *run, const struct sim_frame *base,
                          const struct model_outcome *outcome)
{
    static struct sim_frame worn;

    for (uint32_t i = 0; i < run->model.n_ports; i++) {
        for (uint32_t k = 0; k < outcome->n_copies[i]; k++) {
            wear(base, &outcome->copies[i][k], &worn);
            sim_expect(run->sim, i, &worn);
            run->n_mirrored++;
        }
    }
}

/* A few frames that the bridge finds in one turn: it decides as frame by frame. */
static void do_send(struct run *run)
{
    static struct sim_frame bases[RUN_BURST];
    static struct model_outcome outcomes[RUN_BURST];
    struct model_frame frames[RUN_BURST];
    uint32_t ingress = random_port(run);
    uint32_t n = one_in(run, 4) ? 1 + below(run, RUN_BURST) : 1;

    run->doing = "frames";
    for (uint32_t i = 0; i < n; i++) {
        make_frame(run, &frames[i], &bases[i]);
        inject(run, ingress, &frames[i], &bases[i]);
        model_take(&run->model, ingress, &frames[i], &outcomes[i]);
        if (outcomes[i].hold.is_held)
            run->holds[run->n_holds++] = outcomes[i].hold;
    }
    (void)sim_poll(run->sim, ingress);
    for (uint32_t i = 0; i < n; i++) {
        expect(run, &bases[i], &outcomes[i]);
        expect_copies(run, &bases[i], &outcomes[i]);
    }
    run->n_sent += n;
}

static void on_hold(void *arg, struct bridge *bridge, uint16_t vid, uint64_t mac,
                    const struct port *port, const struct port *other)
{
    struct run *run = arg;
    const struct model_hold *hold = &run->holds[0];

    require(run,
            run->n_holds > 0 && vid == hold->vid && mac == hold->mac &&
                port == sim_port(run->sim, hold->port) && other == sim_port(run->sim, hold->other),
            "an address is held that should not be");
    memmove(run->holds, run->holds + 1, --run->n_holds * sizeof(run->holds[0]));
}

static void do_something(struct run *run)
{
    uint32_t dice = below(run, 1000);

    if (dice < 870)
        do_send(run);
    else if (dice < 940)
        run_pass_time(run);
    else
        run_change(run);
}

/* ---- runs ---- */

/* A column of 64 ports ends where the second begins, and a wire has two. */
static const struct {
    uint32_t n_ports;
    uint16_t tpid;
} kinds[] = {{10, 0x8100}, {2, 0}, {10, 0x88a8}, {12, 0}, {10, 0x9100}, {66, 0x8100}, {66, 0}};

static void begin(struct run *run, uint64_t seed)
{
    uint32_t n_ports = kinds[seed % LENGTH(kinds)].n_ports;
    const struct sim_params params = {
        .n_ports = n_ports,
        .max_ports = n_ports,
        .max_entries = RUN_ENTRIES,
        .aging_ns = 30 * NS_PER_SEC,
        .reserved = RESERVED_TRANSPARENT,
        .ethertype = kinds[seed % LENGTH(kinds)].tpid,
        .is_captured = seed % 2 != 0,
        .is_timed = seed % 4 > 1,
        .fail = end_run,
    };

    *run = (struct run){.sim = sim_new(&params), .seed = seed, .random = seed, .doing = "begin"};
    model_init(&run->model, sim_now(run->sim), params.aging_ns);
    run->model.tpid = params.ethertype;
    bridge_on_hold(sim_bridge(run->sim), on_hold, run);
    for (uint32_t i = 0; i < n_ports; i++)
        (void)model_add_port(&run->model);
    if (run->model.tpid != 0)
        run_set_vlans(run);
}

static uint64_t n_sent;
static uint64_t n_left;
static uint64_t n_mirrored;

static void do_run(uint64_t seed)
{
    struct run *run = &the_run;

    begin(run, seed);
    for (run->step = 0; run->step < N_STEPS; run->step++) {
        do_something(run);
        check(run);
    }
    n_sent += run->n_sent;
    n_left += run->n_left;
    n_mirrored += run->n_mirrored;
    sim_free(run->sim);
}

static uint64_t first_seed = 1;
static uint64_t n_seeds = N_RUNS;

static void test_random_runs(void **state)
{
    for (uint64_t seed = first_seed; seed < first_seed + n_seeds; seed++)
        do_run(seed);
    assert_true(n_left > n_sent);
    assert_true(n_mirrored > n_sent / 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_runs)};

    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        n_seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
