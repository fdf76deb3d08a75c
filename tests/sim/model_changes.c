/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model_run.h"

void run_pass_time(struct run *run)
{
    uint64_t ns =
        one_in(run, 50) ? run->model.aging - 1 + below(run, 3) : below(run, 800) * NS_PER_MS;

    run->doing = "time";
    run->model.now += ns;
    sim_pass_time(run->sim, ns);
    if (one_in(run, 8))
        (void)sim_age(run->sim);
}

/* A longer time would bring back what has expired and is still there. */
static void do_set_aging(struct run *run)
{
    run->doing = "aging time";
    (void)sim_age(run->sim);
    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            if (!model_is_live(&run->model, &run->model.known[v][h]))
                run->model.known[v][h].is_known = false;
        }
    }
    run->model.aging = (10 + below(run, 50)) * NS_PER_SEC;
    bridge_set_aging(sim_bridge(run->sim), run->model.aging);
}

static void do_set_state(struct run *run)
{
    uint32_t port = random_port(run);
    enum port_state state =
        one_in(run, 4) ? (enum port_state)below(run, PORT_N_STATES) : PORT_FORWARDING;

    run->doing = "state of a port";
    model_set_state(&run->model, port, state);
    sim_set_state(run->sim, port, state);
}

static void do_set_device(struct run *run)
{
    static const enum drop_reason failures[] = {DROP_TX_QUEUE_FULL, DROP_TX_BUSY, DROP_TX_REJECTED,
                                                DROP_EGRESS_GONE};
    uint32_t port = random_port(run);
    struct model_port *m = &run->model.ports[port];

    run->doing = "device";
    if (one_in(run, 2)) {
        m->n_failing = 1 + below(run, 3);
        m->failure = failures[below(run, LENGTH(failures))];
        sim_fail_tx(run->sim, port, m->n_failing, m->failure);
    } else {
        m->mtu = 1440 + below(run, 120);
        sim_set_mtu(run->sim, port, m->mtu);
    }
}

static enum vlan_frame_types random_frame_types(struct run *run, enum vlan_mode mode)
{
    if (mode == VLAN_MODE_DOT1Q_TUNNEL || !one_in(run, 3))
        return VLAN_FRAMES_ALL;
    if (mode == VLAN_MODE_ACCESS)
        return VLAN_FRAMES_UNTAGGED_AND_PRIORITY;
    if (mode == VLAN_MODE_TRUNK || one_in(run, 2))
        return VLAN_FRAMES_VLAN_TAGGED;
    return VLAN_FRAMES_UNTAGGED_AND_PRIORITY;
}

/* One to one; where the pvid leaves tagged it needs a VID outside. */
static void make_translations(struct run *run, struct vlan_settings *vlan)
{
    uint32_t first = below(run, MODEL_N_VIDS);
    uint32_t shift = 1 + below(run, MODEL_N_VIDS - 2);
    uint32_t n = below(run, 4);

    for (uint32_t i = 0; i < n; i++) {
        uint16_t inside = model_vids[1 + (first + i) % (MODEL_N_VIDS - 1)];
        uint16_t outside = model_vids[1 + (first + i + shift) % (MODEL_N_VIDS - 1)];

        vlan->translations.list[vlan->translations.n++] =
            (struct vlan_translation){.outside = outside, .inside = inside};
        vidset_add(&vlan->allowed, inside);
    }
    for (uint32_t i = 0; vlan->mode == VLAN_MODE_NATIVE_TAGGED && i < n; i++) {
        if (vlan->translations.list[i].outside == vlan->pvid)
            vlan->translations = (struct vlan_translations){.n = 0};
    }
}

static void do_set_vlan(struct run *run, uint32_t port)
{
    struct vlan_settings vlan = {.mode = (enum vlan_mode)below(run, VLAN_N_MODES)};

    run->doing = "VLANs of a port";
    vlan.acceptable_frame_types = random_frame_types(run, vlan.mode);
    if (vlan.mode != VLAN_MODE_TRUNK)
        vlan.pvid = random_vid(run);
    for (int i = 1; i < MODEL_N_VIDS; i++) {
        if (one_in(run, 2))
            vidset_add(&vlan.allowed, model_vids[i]);
    }
    if (vlan.mode != VLAN_MODE_ACCESS && vlan.mode != VLAN_MODE_DOT1Q_TUNNEL)
        make_translations(run, &vlan);
    model_set_vlan(&run->model, port, &vlan);
    sim_set_vlan(run->sim, port, &vlan);
}

/* Mostly nothing special, so that frames still cross; on a wire nothing that it cannot have. */
static void do_set_policy(struct run *run)
{
    uint32_t port = random_port(run);
    struct port_policy policy = PORT_POLICY_DEFAULT;

    run->doing = "policy of a port";
    if (one_in(run, 3))
        policy.mac_limit =
            (struct mac_limit){.max = 1 + below(run, 9),
                               .action = (enum mac_limit_action)below(run, MAC_LIMIT_N_ACTIONS)};
    policy.learning = !one_in(run, 6);
    if (run->model.mode != BRIDGE_WIRE) {
        policy.hairpin = one_in(run, 4);
        for (int i = 0; i < FLOOD_N_CLASSES; i++)
            policy.flood[i] = !one_in(run, 6);
        policy.isolation_group = one_in(run, 4) ? 1 + below(run, 3) : ISOLATION_GROUP_NONE;
    }
    model_set_policy(&run->model, port, &policy);
    sim_set_policy(run->sim, port, &policy);
}

/* Rates that this traffic overtaxes now and then. */
static void do_set_meters(struct run *run)
{
    uint32_t port = random_port(run);
    struct meter_settings settings[METER_N_USES] = {{.rate = {.value = 0}}};

    run->doing = "limits of a port";
    for (int i = 0; i < METER_N_USES; i++) {
        enum rate_unit unit = one_in(run, 2) ? RATE_BITS : RATE_PACKETS;

        settings[i] = (struct meter_settings){
            .rate = {.value = 1 + below(run, unit == RATE_BITS ? 20000 : 8), .unit = unit},
            .burst = {.value = 1 + below(run, unit == RATE_BITS ? 5000 : 10), .unit = unit}};
        if (one_in(run, 4))
            settings[i] = run->model.ports[port].buckets[i].settings; /* goes on as it is */
        else if (!one_in(run, 6))
            settings[i] = (struct meter_settings){.rate = {.value = 0}};
    }
    model_set_meters(&run->model, port, settings);
    sim_set_meters(run->sim, port, settings);
}

static struct reserved_settings random_reserved(struct run *run, uint32_t n_presets)
{
    struct reserved_settings settings = {.preset = (enum reserved_preset)below(run, n_presets)};

    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        settings.actions[i] = one_in(run, 3) ? (enum reserved_action)below(run, RESERVED_N_ACTIONS)
                                             : RESERVED_N_ACTIONS;
    return settings;
}

static void do_set_reserved(struct run *run)
{
    uint32_t port = random_port(run);

    run->doing = "reserved addresses";
    if (one_in(run, 4)) {
        run->model.reserved = random_reserved(run, RESERVED_N_PRESETS);
        bridge_set_reserved(sim_bridge(run->sim), &run->model.reserved);
    } else {
        run->model.ports[port].reserved = random_reserved(run, RESERVED_N_PRESETS + 1);
        bridge_set_port_reserved(sim_bridge(run->sim), id_of(run, port),
                                 &run->model.ports[port].reserved);
    }
}

static void do_set_moves(struct run *run)
{
    const struct fdb_move_limit limit = {
        .max = below(run, 4),
        .interval_ns = (1 + below(run, 20)) * NS_PER_SEC,
        .hold_ns = (1 + below(run, 10)) * NS_PER_SEC,
    };

    run->doing = "move limit";
    model_set_moves(&run->model, &limit);
    bridge_set_move_limit(sim_bridge(run->sim), &limit);
}

/* ---- the forwarding table ---- */

static void do_add_entry(struct run *run)
{
    uint32_t kind = below(run, 4);
    uint32_t port = random_port(run);
    const struct model_known known = {.port = port, .is_static = kind & 1, .is_sticky = kind & 2};
    const struct fdb_entry entry = {
        .mac = random_host(run),
        .vid = random_vid(run),
        .port = id_of(run, port),
        .seen = run->model.now,
        .is_static = known.is_static,
        .is_sticky = known.is_sticky,
    };
    int r;

    run->doing = "an entry is added";
    if (run->model.mode != BRIDGE_SWITCH || model_is_output(&run->model, port))
        return;
    r = fdb_add(bridge_fdb(sim_bridge(run->sim)), &entry);
    require(run, r == (model_fdb_add(&run->model, entry.vid, entry.mac, &known) ? 0 : -EEXIST),
            "adding an entry had another result");
}

static void do_del_entry(struct run *run)
{
    uint64_t mac = random_host(run);
    uint16_t vid = random_vid(run);
    struct model_known *known = model_known(&run->model, vid, mac);
    bool is_live = model_is_live(&run->model, known);

    run->doing = "an entry is deleted";
    require(run, fdb_del(bridge_fdb(sim_bridge(run->sim)), vid, mac, run->model.now) == is_live,
            "deleting an entry had another result");
    *known = (struct model_known){.is_known = false};
}

static void do_flush(struct run *run)
{
    uint32_t port = one_in(run, 2) ? random_port(run) : SIM_PORTS_MAX;
    uint64_t mac = random_host(run);
    uint16_t vid = random_vid(run);
    const struct fdb_filter filter = {
        .port = port == SIM_PORTS_MAX ? PORT_NONE : id_of(run, port),
        .has_vid = one_in(run, 2),
        .has_mac = one_in(run, 3),
        .vid = vid,
        .mac = mac,
    };
    uint32_t cursor = 0;
    uint64_t count = 0;

    run->doing = "flush";
    while (fdb_flush_some(bridge_fdb(sim_bridge(run->sim)), &filter, run->model.now,
                          1 + below(run, 40), &cursor, &count))
        ;
    require(run,
            count == model_forget(&run->model, port, filter.has_vid ? &vid : NULL,
                                  filter.has_mac ? &mac : NULL),
            "other entries were flushed");
}

static void delete_statics(struct run *run)
{
    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            if (run->model.known[v][h].is_static)
                (void)fdb_del(bridge_fdb(sim_bridge(run->sim)), model_vids[v], SIM_HOST(1 + h),
                              run->model.now);
        }
    }
    model_forget_statics(&run->model);
}

static void forget_all(struct run *run)
{
    (void)model_forget(&run->model, SIM_PORTS_MAX, NULL, NULL);
}

/* Another size. The static entries are put in again by whoever wants it. */
static void do_replace_fdb(struct run *run)
{
    struct fdb *fdb;

    run->doing = "another table";
    require(run, bridge_new_fdb(sim_bridge(run->sim), RUN_ENTRIES + below(run, 100), &fdb) == 0,
            "no memory");
    bridge_set_fdb(sim_bridge(run->sim), fdb);
    forget_all(run);
    model_forget_statics(&run->model);
}

/* ---- mirrors ---- */

/* One, as both are told. */
struct twin {
    struct model_mirror model;
    struct mirror_settings settings;
    struct mirror_source sources[4];
};

static void choose_sources(struct run *run, struct twin *twin)
{
    struct mirror_settings *settings = &twin->settings;

    settings->direction = (enum mirror_direction)below(run, MIRROR_N_DIRECTIONS);
    twin->model.direction = settings->direction;
    twin->model.is_of_all_ports = one_in(run, 3);
    for (uint32_t i = 0; i < SIM_PORTS_MAX; i++)
        twin->model.from[i] = MIRROR_N_DIRECTIONS;
    settings->from = twin->sources;
    for (uint32_t i = 0; !twin->model.is_of_all_ports && i < LENGTH(twin->sources); i++) {
        uint32_t port = random_port(run);
        enum mirror_direction own = (enum mirror_direction)below(run, MIRROR_N_DIRECTIONS + 1);
        struct mirror_source *source = &twin->sources[settings->n_from];

        if (twin->model.from[port] != MIRROR_N_DIRECTIONS)
            continue;
        snprintf(source->port, sizeof(source->port), "p%u", port);
        source->direction = own;
        twin->model.from[port] = own == MIRROR_N_DIRECTIONS ? settings->direction : own;
        settings->n_from++;
    }
}

static void choose_output(struct run *run, struct twin *twin)
{
    twin->settings.vlans = vidset_all();
    twin->model.is_of_vlans = one_in(run, 3);
    if (twin->model.is_of_vlans)
        twin->settings.vlans = (struct vidset){{0}};
    for (int i = 1; twin->model.is_of_vlans && i < MODEL_N_VIDS; i++) {
        twin->model.of_vlan[i] = one_in(run, 2);
        if (twin->model.of_vlan[i])
            vidset_add(&twin->settings.vlans, model_vids[i]);
    }
    if (run->model.tpid != 0 && one_in(run, 2)) {
        twin->model.vid = random_vid(run);
        twin->settings.output_vlan = twin->model.vid;
    } else {
        twin->model.port = random_port(run);
        snprintf(twin->settings.output_port, sizeof(twin->settings.output_port), "p%u",
                 twin->model.port);
    }
}

/* None, as often as not: where there are some, less crosses. */
static void do_set_mirrors(struct run *run)
{
    static struct twin twins[MODEL_MIRRORS];
    struct mirror_settings settings[MODEL_MIRRORS];
    struct model_mirror models[MODEL_MIRRORS];
    uint32_t n = one_in(run, 2) ? 0 : 1 + below(run, MODEL_MIRRORS);

    run->doing = "mirrors";
    for (uint32_t i = 0; i < n; i++) {
        memset(&twins[i], 0, sizeof(twins[i]));
        snprintf(twins[i].settings.name, sizeof(twins[i].settings.name), "m%u", i);
        choose_sources(run, &twins[i]);
        choose_output(run, &twins[i]);
        settings[i] = twins[i].settings;
        models[i] = twins[i].model;
    }
    model_set_mirrors(&run->model, models, n);
    sim_set_mirrors(run->sim, settings, n);
}

static void do_set_floods(struct run *run)
{
    bool floods[MODEL_N_VIDS] = {false};
    struct vidset vlans = {{0}};

    run->doing = "VLANs that only flood";
    for (int i = 1; i < MODEL_N_VIDS; i++) {
        floods[i] = one_in(run, 6);
        if (floods[i])
            vidset_add(&vlans, model_vids[i]);
    }
    model_set_floods(&run->model, floods);
    bridge_set_flood_vlans(sim_bridge(run->sim), &vlans, run->model.now);
}

/* ---- the whole bridge ---- */

static uint32_t n_alive(const struct run *run)
{
    return bridge_n_ports(sim_bridge(run->sim));
}

static void set_default_policies(struct run *run)
{
    for (uint32_t i = 0; i < run->model.n_ports; i++) {
        if (!run->model.ports[i].exists)
            continue;
        model_set_policy(&run->model, i, &PORT_POLICY_DEFAULT);
        sim_set_policy(run->sim, i, &PORT_POLICY_DEFAULT);
    }
}

static void do_set_mode(struct run *run)
{
    enum bridge_mode mode = (enum bridge_mode)below(run, BRIDGE_N_MODES);

    run->doing = "mode";
    if (mode == BRIDGE_WIRE && (n_alive(run) != 2 || run->model.tpid != 0))
        mode = BRIDGE_SWITCH;
    if (mode != BRIDGE_SWITCH)
        delete_statics(run);
    if (mode == BRIDGE_WIRE)
        set_default_policies(run);
    run->model.mode = mode;
    forget_all(run);
    bridge_set_mode(sim_bridge(run->sim), mode);
}

void run_set_vlans(struct run *run)
{
    for (uint32_t i = 0; i < run->model.n_ports; i++) {
        if (run->model.ports[i].exists)
            do_set_vlan(run, i);
    }
}

static void do_set_ethertype(struct run *run)
{
    static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100};

    run->doing = "ethertype";
    if (run->model.tpid == 0)
        return;
    run->model.tpid = tpids[below(run, 3)];
    bridge_set_ethertype(sim_bridge(run->sim), run->model.tpid);
    forget_all(run);
}

/* VLAN-aware from now on, or not any more. */
static void do_set_vlan_aware(struct run *run)
{
    uint16_t tpid = run->model.tpid == 0 ? 0x8100 : 0;
    struct vlan_table *vlans = NULL;

    if (run->model.mode == BRIDGE_WIRE)
        return;
    delete_statics(run);
    require(run, tpid == 0 || bridge_new_vlans(sim_bridge(run->sim), tpid, &vlans) == 0,
            "no memory");
    bridge_set_vlans(sim_bridge(run->sim), vlans);
    run->model.tpid = tpid;
    memset(run->model.vlans, 0, sizeof(run->model.vlans));
    forget_all(run);
    if (tpid != 0)
        run_set_vlans(run);
    run->doing = "vlan_aware";
}

static void do_replace_port(struct run *run)
{
    uint32_t port = random_port(run);

    run->doing = "another port";
    if (run->model.n_ports == SIM_PORTS_MAX)
        return;
    model_del_port(&run->model, port);
    sim_del_port(run->sim, port);
    port = model_add_port(&run->model);
    require(run, sim_add_port(run->sim) == port, "another number");
    if (run->model.tpid != 0 && !one_in(run, 4))
        do_set_vlan(run, port);
}

static void change_bridge(struct run *run)
{
    switch (below(run, 10)) {
    case 0:
        do_set_ethertype(run);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        do_set_mirrors(run);
        break;
    case 7:
        do_set_floods(run);
        break;
    case 1:
        do_set_vlan_aware(run);
        break;
    case 2:
        do_replace_fdb(run);
        break;
    default:
        do_set_mode(run);
    }
}

static void change_table(struct run *run)
{
    switch (below(run, 8)) {
    case 0:
        do_flush(run);
        break;
    case 1:
        do_set_aging(run);
        break;
    case 2:
        do_set_moves(run);
        break;
    case 3:
    case 4:
        do_del_entry(run);
        break;
    default:
        do_add_entry(run);
    }
}

static void change_port(struct run *run)
{
    switch (below(run, 9)) {
    case 0:
        do_set_meters(run);
        break;
    case 1:
        do_set_policy(run);
        break;
    case 2:
        do_set_reserved(run);
        break;
    case 3:
    case 4:
        do_set_device(run);
        break;
    case 5:
    case 6:
        if (run->model.tpid != 0)
            do_set_vlan(run, random_port(run));
        break;
    default:
        do_set_state(run);
    }
}

void run_change(struct run *run)
{
    uint32_t dice = below(run, 60);

    if (dice < 35)
        change_port(run);
    else if (dice < 53)
        change_table(run);
    else if (dice < 56)
        do_replace_port(run);
    else
        change_bridge(run);
}
