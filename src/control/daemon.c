/* SPDX-License-Identifier: ISC */
#include "ringspan/daemon.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_globs.h"
#include "ringspan/capture.h"
#include "ringspan/clock.h"
#include "ringspan/ctl_path.h"
#include "ringspan/fdb_static.h"
#include "ringspan/log.h"

/* ---- birth ---- */

/* Room for @n pointers in a list, and one more: no list is empty to realloc(3). */
static int grow(void *list, uint32_t n)
{
    void **pointers = list;
    void *grown = realloc(*pointers, (n + 1) * sizeof(void *));

    if (!grown)
        return -ENOMEM;
    *pointers = grown;
    return 0;
}

int daemon_reserve(struct daemon *daemon, uint32_t n_bridges, uint32_t n_ports)
{
    int r = grow(&daemon->bridges, daemon->n_bridges + n_bridges);

    return r < 0 ? r : grow(&daemon->ports, daemon->n_ports + n_ports);
}

static void free_but_port(struct managed_port *mp)
{
    managed_tap_free(mp->tap);
    netns_unref(mp->netns);
    netns_unref(mp->made_in);
    netns_name_release(mp->netns_name);
    free(mp);
}

int managed_port_new(struct daemon *daemon, const struct config_port *config,
                     uint32_t n_ports_of_all, struct managed_port **ret)
{
    struct port_ring_info share = packet_ring_share(n_ports_of_all, daemon->ring_bytes);
    struct packet_port_params params = {
        .name = config->name,
        .ifname = config->ifname,
        .type = config_port_type_name(config->type),
        .opener = packet_opener_here(),
        .pool = daemon->pool,
        .isolator = daemon->isolator,
        .gro_keeper = daemon->gro_keeper,
        .is_one_of_many = n_ports_of_all > LIMIT_TCX_PORTS,
        .rx_slots = share.rx_slots,
        .tx_slots = share.tx_slots,
    };
    struct managed_port *mp = calloc(1, sizeof(*mp));
    int r;

    if (!mp)
        return -ENOMEM;
    mp->daemon = daemon;
    mp->settings = managed_port_settings(config);
    r = netns_name_take(daemon->netns, config->netns, &mp->netns_name);
    if (r == 0 && config->type == CONFIG_PORT_TAP)
        r = managed_tap_new(daemon, config, &mp->tap);
    if (r == 0)
        r = packet_port_new(&params, &mp->port);
    if (r < 0) {
        free_but_port(mp);
        return r;
    }
    mp->port->admin_state = config->admin_state;
    mp->port->owner = mp;
    mp->ring_bytes = share.bytes;
    daemon->ring_bytes += share.bytes;
    *ret = mp;
    return 0;
}

void managed_port_free(struct managed_port *mp)
{
    if (!mp)
        return;
    mp->daemon->ring_bytes -= mp->ring_bytes;
    port_free(mp->port);
    free_but_port(mp);
}

void daemon_adopt_port(struct daemon *daemon, struct managed_bridge *mb, struct managed_port *mp,
                       const struct config_port *config)
{
    uint64_t now = event_now(daemon->loop);
    int r = bridge_add_port(mb->bridge, mp->port);

    assert(r == 0); /* config_check() lets no name pass twice, nor too many ports */
    (void)r;
    bridge_set_port_vlan(mb->bridge, mp->port->id, &config->vlan, now);
    bridge_set_port_reserved(mb->bridge, mp->port->id, &config->reserved);
    bridge_set_port_policy(mb->bridge, mp->port->id, &config->policy, now);
    mp->home = mb;
    managed_port_set_meters(mp, config);
    mp->place = daemon->n_ports;
    daemon->ports[daemon->n_ports++] = mp;
    managed_port_offer(mp);
    managed_port_tell(mp, BUS_PORT_ADD);
}

static int new_bridge(const struct config_bridge *config, struct bridge **ret)
{
    struct bridge_params params = {
        .name = config->name,
        .mode = config->mode,
        .max_ports = LIMIT_PORTS, /* a reload may add any number */
        .max_entries = config->fdb.max_entries,
        .aging_ns = config->aging_time * NS_PER_SEC,
        .reserved = config->reserved,
        .ethertype = config->vlan_aware ? vlan_ethertype_tpid(config->ethertype) : 0,
    };
    int r = hash_key_random(&params.fdb_key);

    return r < 0 ? r : bridge_new(&params, ret);
}

static int set_mirrors(struct bridge *bridge, const struct config_bridge *config)
{
    struct mirrors *mirrors;
    int r = bridge_new_mirrors(bridge, config->mirrors, config->n_mirrors, &mirrors);

    if (r < 0)
        return r;
    bridge_set_mirrors(bridge, mirrors, 0);
    bridge_set_flood_vlans(bridge, &config->flood_vlans, 0);
    return 0;
}

void managed_bridge_free(struct managed_bridge *mb)
{
    if (!mb)
        return;
    event_timer_free(mb->aging);
    bridge_free(mb->bridge);
    free(mb);
}

int managed_bridge_new(struct daemon *daemon, const struct config_bridge *config,
                       struct managed_bridge **ret)
{
    struct managed_bridge *mb = calloc(1, sizeof(*mb));
    int r;

    if (!mb)
        return -ENOMEM;
    mb->daemon = daemon;
    r = new_bridge(config, &mb->bridge);
    if (r == 0)
        r = set_mirrors(mb->bridge, config);
    if (r == 0) {
        bridge_on_port_state(mb->bridge, daemon_on_port_state, daemon);
        bridge_on_port_shut(mb->bridge, daemon_on_port_shut, daemon);
        bridge_on_hold(mb->bridge, daemon_on_hold, mb);
        managed_bridge_set_move_limit(mb, config);
        managed_bridge_set_latency(mb, config);
        r = event_timer_new(daemon->loop, managed_bridge_on_aging, mb, &mb->aging);
    }
    if (r < 0)
        managed_bridge_free(mb);
    else
        *ret = mb;
    return r;
}

void daemon_adopt_bridge(struct daemon *daemon, struct managed_bridge *mb)
{
    mb->number = daemon->next_number++;
    daemon->bridges[daemon->n_bridges++] = mb;
    bridge_set_journal(mb->bridge, daemon->journal);
}

static int add_statics(const struct daemon *daemon, const struct config_bridge *config,
                       struct bridge *bridge)
{
    struct fdb_static_changes statics;
    int r = fdb_static_changes_make(NULL, config, &statics);

    if (r < 0)
        return r;
    fdb_static_changes_apply(&statics, bridge, event_now(daemon->loop));
    fdb_static_changes_fini(&statics);
    return 0;
}

static int add_bridge_with_ports(struct daemon *daemon, const struct config_bridge *config)
{
    struct managed_bridge *mb;
    int r = managed_bridge_new(daemon, config, &mb);

    if (r < 0)
        return r;
    daemon_adopt_bridge(daemon, mb);
    for (uint32_t i = 0; r == 0 && i < config->n_ports; i++) {
        struct managed_port *mp;

        if (*config->ports[i].match)
            continue;
        r = managed_port_new(daemon, &config->ports[i], config_most_ports(daemon->config), &mp);
        if (r == 0)
            daemon_adopt_port(daemon, mb, mp, &config->ports[i]);
    }
    return r < 0 ? r : add_statics(daemon, config, mb->bridge);
}

/* What is whose: there is one daemon behind each control socket. Without a path for it the daemon
 * does not run. */
static int choose_marks(struct daemon *daemon)
{
    const struct ctl_path_env env = ctl_path_env_here();
    struct ctl_path path = {.text = ""};
    char records[CTL_PATH_SIZE + sizeof(".gro")];

    (void)ctl_path_of_daemon(&env, daemon->config->daemon.control.socket, &path);
    tap_mark_prefix(path.text, daemon->tap_prefix);
    snprintf(records, sizeof(records), "%s.gro", path.text);
    return gro_keeper_new(records, &daemon->gro_keeper);
}

static int add_globs(struct daemon *daemon)
{
    struct globs *globs;
    int r = globs_new(daemon, daemon->config, &globs);

    if (r < 0)
        return r;
    globs_adopt(daemon, globs);
    globs_settle(daemon);
    return 0;
}

static int populate(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    const struct netns_listener listener = managed_ports_netns_listener(daemon);
    int r;

    r = choose_marks(daemon);
    if (r == 0)
        r = bus_new(daemon_on_demand, daemon, &daemon->bus);
    if (r == 0)
        r = capture_new(daemon->loop, clock_wall, &daemon->capture);
    if (r == 0)
        r = daemon_reserve(daemon, config->n_bridges, config_n_ports(config));
    if (r == 0)
        r = bounce_pool_new(LIMIT_BOUNCE_BYTES, &daemon->pool);
    if (r == 0)
        r = isolator_new(ISOLATION_ALL_MEANS, &daemon->isolator);
    if (r == 0)
        r = workers_new(daemon->loop, LIMIT_WORKERS, &daemon->workers);
    if (r == 0)
        r = netns_table_new(daemon->loop, daemon->workers, &listener, &daemon->netns);
    if (r == 0)
        r = event_timer_new(daemon->loop, managed_ports_on_retry, daemon, &daemon->retry);
    if (r == 0)
        r = event_timer_new(daemon->loop, managed_ports_on_untold, daemon, &daemon->untold);
    if (r == 0)
        r = event_timer_new(daemon->loop, daemon_on_limits, daemon, &daemon->limits);
    if (r == 0)
        r = event_timer_new(daemon->loop, daemon_on_hearing, daemon, &daemon->hearing);
    if (r == 0)
        r = event_timer_new(daemon->loop, globs_on_places, daemon, &daemon->places);
    for (uint32_t i = 0; r == 0 && i < config->n_bridges; i++)
        r = add_bridge_with_ports(daemon, &config->bridges[i]);
    return r == 0 ? add_globs(daemon) : r;
}

int daemon_new(struct event_loop *loop, struct config *config, struct daemon **ret)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    int r;

    if (!daemon)
        return -ENOMEM;
    daemon->loop = loop;
    daemon->config = config;
    daemon->limit_lines = (struct log_ratelimit){.interval_ns = 10 * NS_PER_SEC, .burst = 10};
    daemon->deaf_lines = (struct log_ratelimit){.interval_ns = 10 * NS_PER_SEC, .burst = 5};
    (void)cpus_get(&daemon->allowed_cpus); /* else there are none, and none is changed */
    daemon->cpus = daemon->allowed_cpus;
    r = populate(daemon);
    if (r < 0) {
        daemon->config = NULL; /* still the caller's */
        daemon_free(daemon);
        return r;
    }
    event_loop_set_look(loop, daemon_look_at_rings, daemon);
    daemon_listen_late(daemon);
    daemon_warn(NULL, config);
    capture_on_end(daemon->capture, daemon_on_capture_end, daemon);
    capture_release_by(daemon->capture, daemon_release_memory, daemon);
    recorder_on_change(daemon->capture, daemon_on_recorder, daemon);
    daemon_apply_recorder(daemon);
    daemon_apply_cpu(daemon);
    *ret = daemon;
    return 0;
}

/* ---- death ---- */

static void close_all_ports(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];

        managed_port_unwatch_ring(mp);
        if (mp->tap)
            managed_tap_decide_end(mp);
        if (workers_submit(daemon->workers, managed_port_close, NULL, mp) < 0)
            managed_port_close(mp);
    }
    workers_drain(daemon->workers);
}

static void log_tap_ends(const struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (daemon->ports[i]->tap)
            managed_tap_log_end(daemon->ports[i]);
    }
}

void daemon_free(struct daemon *daemon)
{
    if (!daemon)
        return;
    daemon->is_dying = true;
    if (daemon->capture)
        capture_end_all(daemon->capture);
    event_loop_set_look(daemon->loop, NULL, NULL);
    if (daemon->netns)
        netns_table_stop(daemon->netns);
    if (daemon->workers) {
        workers_drain(daemon->workers);
        close_all_ports(daemon);
        workers_free(daemon->workers);
        log_tap_ends(daemon);
    }
    capture_free(daemon->capture);
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (daemon->ports[i]->is_leaving)
            port_free(daemon->ports[i]->port);
        free_but_port(daemon->ports[i]);
    }
    globs_free(daemon->globs);
    netns_table_free(daemon->netns);
    for (uint32_t i = 0; i < daemon->n_bridges; i++)
        managed_bridge_free(daemon->bridges[i]);
    event_timer_free(daemon->retry);
    event_timer_free(daemon->untold);
    event_timer_free(daemon->limits);
    event_timer_free(daemon->hearing);
    event_timer_free(daemon->places);
    bounce_pool_free(daemon->pool);
    isolator_free(daemon->isolator);
    gro_keeper_free(daemon->gro_keeper);
    config_free(daemon->config);
    bus_free(daemon->bus);
    free(daemon->ports);
    free(daemon->bridges);
    free(daemon);
}

/* ---- what others may know ---- */

struct managed_bridge *daemon_find_bridge(const struct daemon *daemon, const char *name)
{
    for (uint32_t i = 0; i < daemon->n_bridges; i++) {
        if (strcmp(bridge_name(daemon->bridges[i]->bridge), name) == 0)
            return daemon->bridges[i];
    }
    return NULL;
}

void daemon_on_ready(struct daemon *daemon, void (*fn)(void *arg), void *arg)
{
    daemon->on_ready = fn;
    daemon->on_ready_arg = arg;
}

struct bus *daemon_bus(const struct daemon *daemon)
{
    return daemon->bus;
}

bool daemon_is_ready(const struct daemon *daemon)
{
    return daemon->is_ready;
}

uint32_t daemon_n_bridges(const struct daemon *daemon)
{
    return daemon->n_bridges;
}

struct bridge *daemon_bridge(const struct daemon *daemon, uint32_t i)
{
    return daemon->bridges[i]->bridge;
}

struct bridge *daemon_bridge_from(const struct daemon *daemon, uint64_t *cursor)
{
    for (uint32_t i = 0; i < daemon->n_bridges; i++) {
        if (daemon->bridges[i]->number < *cursor)
            continue;
        *cursor = daemon->bridges[i]->number;
        return daemon->bridges[i]->bridge;
    }
    return NULL;
}

struct bridge *daemon_bridge_by_name(const struct daemon *daemon, const char *name)
{
    const struct managed_bridge *mb = daemon_find_bridge(daemon, name);

    return mb ? mb->bridge : NULL;
}

const struct config *daemon_config(const struct daemon *daemon)
{
    return daemon->config;
}

uint64_t daemon_bridge_number(const struct daemon *daemon, const struct bridge *bridge)
{
    uint32_t i = 0;

    while (daemon->bridges[i]->bridge != bridge)
        i++;
    return daemon->bridges[i]->number;
}

const struct link *daemon_port_link(const struct daemon *daemon, const struct port *port)
{
    const struct managed_port *mp = port->owner;

    if (port->busy || port->ifindex == 0 || !mp->netns->links)
        return NULL;
    return link_watch_by_index(mp->netns->links, port->ifindex);
}

const char *daemon_port_netns(const struct port *port)
{
    const struct managed_port *mp = port->owner;

    return mp->netns_name->text;
}

struct link_watch_counters daemon_link_counters(const struct daemon *daemon)
{
    return netns_table_counters(daemon->netns);
}

uint64_t daemon_now(const struct daemon *daemon)
{
    return event_now(daemon->loop);
}

struct daemon_summary daemon_summary(const struct daemon *daemon)
{
    struct daemon_summary summary = {0};

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (daemon->ports[i]->is_leaving)
            continue;
        summary.n_ports++;
        summary.by_state[daemon->ports[i]->port->state]++;
    }
    return summary;
}

void daemon_summary_format(const struct daemon_summary *summary, char *ret_text, size_t size)
{
    /* What matters most first: what works, then what needs a look. */
    static const enum port_state order[PORT_N_STATES] = {
        PORT_FORWARDING, PORT_LEARNING, PORT_BLOCKING, PORT_DOWN,
        PORT_WAITING,    PORT_DISABLED, PORT_ERROR,
    };
    size_t len = (size_t)snprintf(ret_text, size, "%u port%s", summary->n_ports,
                                  summary->n_ports == 1 ? "" : "s");
    const char *separator = ": ";

    for (int i = 0; i < PORT_N_STATES && len < size; i++) {
        uint32_t n = summary->by_state[order[i]];

        if (n == 0)
            continue;
        len += (size_t)snprintf(ret_text + len, size - len, "%s%u %s", separator, n,
                                port_state_name(order[i]));
        separator = ", ";
    }
}
