/* SPDX-License-Identifier: ISC */
#include "ringspan/daemon.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "ringspan/clock.h"
#include "ringspan/log.h"
#include "ringspan/port_packet.h"
#include "ringspan/reconcile.h"
#include "ringspan/workers.h"

/* A port that failed for a reason that no link event will tell the end of is tried again. */
#define RETRY_NS (2 * NS_PER_SEC)

struct managed_bridge {
    struct daemon *daemon;
    struct bridge *bridge;
    struct event_timer *aging;
};

/* A port and the step that it is in. While a helper thread has it (port->busy) only the job's own
 * fields and the port's name may be looked at. */
struct managed_port {
    struct daemon *daemon;
    struct managed_bridge *home;
    struct port *port;
    struct event *readable;
    uint32_t bound; /* ifindex, 0: none */
    bool is_open;
    bool is_deferred;  /* another port still holds the device */
    bool has_settled;  /* it was where it could be, once */
    uint64_t retry_at; /* 0: not waiting for another try */

    enum port_step step;
    struct port_device device;
    int result;
};

struct daemon {
    struct event_loop *loop;
    const struct config *config;
    struct workers *workers;
    struct bounce_pool *pool;
    struct link_watch *links;
    struct event_timer *retry;
    struct managed_bridge *bridges;
    uint32_t n_bridges;
    struct managed_port *ports;
    uint32_t n_ports;
    bool knows_links; /* the first snapshot is complete */
    bool is_ready;
    atomic_bool is_dying; /* steps that are under way end, and none begins; threads look, too */
    void (*on_ready)(void *arg);
    void *on_ready_arg;
    void (*on_change)(void *arg, struct bridge *bridge, const struct port *port);
    void *on_change_arg;
};

static bool is_overtaken(const struct managed_port *mp);
static void look_at(struct managed_port *mp);

/* ---- frames ---- */

static void on_aging(void *arg)
{
    struct managed_bridge *mb = arg;

    event_timer_set(mb->aging, bridge_age(mb->bridge, event_now(mb->daemon->loop)));
}

/* With an empty table nothing wakes the daemon up; the first address that is learned does. */
static void keep_aging(struct managed_bridge *mb)
{
    if (!event_timer_is_armed(mb->aging) && fdb_used(bridge_fdb(mb->bridge)) > 0)
        on_aging(mb);
}

static void on_readable(void *arg, uint32_t epoll_events)
{
    struct managed_port *mp = arg;
    struct rx_source *source = mp->port->source;

    /* Which error it was does not matter: netlink says what happened to the device. */
    if (epoll_events & EPOLLERR)
        (void)source->ops->take_error(source);
    bridge_poll(mp->home->bridge, source, event_now(mp->daemon->loop));
    keep_aging(mp->home);
}

/* What is left in the ring of a port that let go of its device, so that it is accounted for. */
static void drain(struct managed_port *mp)
{
    while (bridge_poll(mp->home->bridge, mp->port->source, event_now(mp->daemon->loop)) > 0)
        ;
}

/* ---- state ---- */

static void set_state(struct managed_port *mp, enum port_state state, const char *why)
{
    struct daemon *daemon = mp->daemon;
    struct bridge *bridge = mp->home->bridge;

    if (bridge_set_port_state(bridge, mp->port->id, state, why) && daemon->on_change)
        daemon->on_change(daemon->on_change_arg, bridge, mp->port);
}

/* The log has every change of state; waiting is what a port is before its first one. */
static void log_waiting_ports(const struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        const struct port *port = daemon->ports[i].port;

        if (port->state == PORT_WAITING)
            log_info("port %s: %s: %s", port->name, port_state_name(port->state), port->why);
    }
}

static void check_ready(struct daemon *daemon)
{
    if (daemon->is_ready || !daemon->knows_links)
        return;
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (!daemon->ports[i].has_settled)
            return;
    }
    daemon->is_ready = true;
    log_waiting_ports(daemon);
    if (daemon->on_ready)
        daemon->on_ready(daemon->on_ready_arg);
}

/* ---- retrying ---- */

static void arm_retry(struct daemon *daemon)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        uint64_t port_at = daemon->ports[i].retry_at;

        if (port_at != 0 && (at == 0 || port_at < at))
            at = port_at;
    }
    event_timer_set(daemon->retry, at);
}

static void on_retry(void *arg)
{
    struct daemon *daemon = arg;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = &daemon->ports[i];

        if (mp->retry_at == 0 || mp->retry_at > event_now(daemon->loop))
            continue;
        mp->retry_at = 0;
        look_at(mp);
    }
    arm_retry(daemon);
}

static void fail(struct managed_port *mp)
{
    char why[PORT_WHY_SIZE];

    if (mp->result == -EADDRINUSE)
        snprintf(why, sizeof(why), "%s is in use by another ringspand or port", mp->port->ifname);
    else
        snprintf(why, sizeof(why), "cannot use %s: %s", mp->port->ifname, strerror(-mp->result));
    set_state(mp, PORT_ERROR, why);
    mp->retry_at = event_now(mp->daemon->loop) + RETRY_NS;
    arm_retry(mp->daemon);
}

/* ---- steps, in helper threads ---- */

static void run_step(void *arg)
{
    struct managed_port *mp = arg;
    struct port *port = mp->port;

    mp->result = 0;
    if (mp->daemon->is_dying)
        return;
    if (mp->step == PORT_STEP_DETACH) {
        port->ops->stop(port);
        return;
    }
    if (!mp->is_open)
        mp->result = port_bring_up(port);
    if (mp->result < 0)
        return;
    mp->is_open = true;
    mp->result = port->ops->start(port, &mp->device);
}

/* Ports whose device was still another port's, which may have let go of it now. */
static void look_at_deferred(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (daemon->ports[i].is_deferred)
            look_at(&daemon->ports[i]);
    }
}

static void watch_ring(struct managed_port *mp)
{
    mp->result =
        event_add(mp->daemon->loop, mp->port->source->fd, EPOLLIN, on_readable, mp, &mp->readable);
    if (mp->result == 0)
        mp->bound = mp->device.ifindex;
    else
        mp->port->ops->stop(mp->port);
}

static void step_done(void *arg)
{
    struct managed_port *mp = arg;

    mp->port->busy = false;
    if (mp->daemon->is_dying)
        return;
    if (mp->step == PORT_STEP_DETACH) {
        mp->bound = 0;
        drain(mp);
    } else if (mp->result == 0) {
        watch_ring(mp);
    }
    if (mp->result < 0 && !is_overtaken(mp))
        fail(mp);
    else
        look_at(mp);
    mp->has_settled = true; /* an interface that flaps must not keep the daemon from being ready */
    look_at_deferred(mp->daemon);
    check_ready(mp->daemon);
}

static void begin_step(struct managed_port *mp, enum port_step step,
                       const struct port_target *target)
{
    int r;

    mp->step = step;
    mp->device = (struct port_device){.ifindex = target->ifindex, .mtu = target->mtu};
    mp->port->busy = true;
    r = workers_submit(mp->daemon->workers, run_step, step_done, mp);
    if (r < 0) {
        mp->port->busy = false;
        mp->has_settled = true;
        mp->result = r;
        fail(mp);
        return;
    }
    /* Not before: a port that could not be handed over stays bound, and is still to be read. */
    event_del(mp->readable);
    mp->readable = NULL;
}

/* ---- where a port should be ---- */

/* Bound to it, or on the way. */
static bool holds(const struct managed_port *mp, uint32_t ifindex)
{
    bool is_attaching = mp->port->busy && mp->step == PORT_STEP_ATTACH;

    return mp->bound == ifindex || (is_attaching && mp->device.ifindex == ifindex);
}

/* After two names were swapped each port waits for the other to let go. */
static bool is_held_by_another(const struct managed_port *mp, uint32_t ifindex)
{
    const struct daemon *daemon = mp->daemon;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (&daemon->ports[i] != mp && holds(&daemon->ports[i], ifindex))
            return true;
    }
    return false;
}

/* A number that was given to another device while nobody looked is no match: the port must let go
 * before it can bind again. */
static enum port_step next_step(const struct managed_port *mp, const struct port_target *target)
{
    if (mp->bound != 0 && !mp->port->ops->has_device(mp->port))
        return PORT_STEP_DETACH;
    return reconcile_step(mp->bound, target);
}

/* A port that failed stays in error with its reason until a try succeeds: that one is under way
 * again every few seconds is no news. */
static bool is_another_try(const struct managed_port *mp, const struct port_target *target)
{
    return mp->port->state == PORT_ERROR && mp->result < 0 && mp->device.ifindex == target->ifindex;
}

static void go_to(struct managed_port *mp, const struct port_target *target)
{
    enum port_step step = next_step(mp, target);

    if (step == PORT_STEP_NONE) {
        mp->has_settled = true;
        mp->port->mtu = target->mtu;
        set_state(mp, target->state, target->why);
        return;
    }
    /* Nothing may use the port while a helper has it: first it leaves the bridge's working set. */
    if (is_another_try(mp, target))
        log_debug("port %s: trying again", mp->port->name);
    else if (target->ifindex == 0)
        set_state(mp, target->state, target->why);
    else
        set_state(mp, PORT_WAITING, "binding");
    mp->is_deferred = step == PORT_STEP_ATTACH && is_held_by_another(mp, target->ifindex);
    if (!mp->is_deferred)
        begin_step(mp, step, target);
}

static void find_target(const struct managed_port *mp, struct port_target *ret_target)
{
    const struct link_watch *links = mp->daemon->links;
    const struct link *link = link_watch_by_name(links, mp->port->ifname);
    const struct link *master =
        link && link->master ? link_watch_by_index(links, link->master) : NULL;

    reconcile_port(mp->port->ifname, link, master, ret_target);
}

/* While a helper thread tried one device, the port's name may have passed to another. */
static bool is_overtaken(const struct managed_port *mp)
{
    struct port_target target;

    find_target(mp, &target);
    return target.ifindex != mp->device.ifindex;
}

static void look_at(struct managed_port *mp)
{
    struct port_target target;

    find_target(mp, &target);
    if (mp->port->busy || (mp->retry_at != 0 && target.ifindex == mp->device.ifindex))
        return;
    mp->retry_at = 0;
    go_to(mp, &target);
}

static void look_at_all(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++)
        look_at(&daemon->ports[i]);
}

/* ---- links ---- */

static bool concerns(const struct managed_port *mp, const struct link *link)
{
    return link && (strcmp(link->ifname, mp->port->ifname) == 0 || link->ifindex == mp->bound);
}

static void on_link_changed(void *arg, const struct link *before, const struct link *after)
{
    struct daemon *daemon = arg;

    if (!daemon->knows_links)
        return;
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (concerns(&daemon->ports[i], before) || concerns(&daemon->ports[i], after))
            look_at(&daemon->ports[i]);
    }
}

static void on_links_synced(void *arg)
{
    struct daemon *daemon = arg;

    daemon->knows_links = true;
    look_at_all(daemon);
    check_ready(daemon);
}

/* ---- birth ---- */

static int add_port(struct daemon *daemon, struct managed_bridge *mb,
                    const struct config_port *config)
{
    struct managed_port *mp = &daemon->ports[daemon->n_ports];
    struct port_ring_info share = packet_ring_share(config_n_ports(daemon->config));
    struct packet_port_params params = {
        .name = config->name,
        .ifname = config->ifname,
        .opener = packet_opener_here(),
        .pool = daemon->pool,
        .rx_slots = share.rx_slots,
        .tx_slots = share.tx_slots,
    };
    struct port *port;
    int r;

    r = packet_port_new(&params, &port);
    if (r < 0)
        return r;
    r = bridge_add_port(mb->bridge, port);
    if (r < 0) {
        port_free(port);
        return r;
    }
    *mp = (struct managed_port){.daemon = daemon, .home = mb, .port = port};
    daemon->n_ports++;
    return 0;
}

static int add_bridge(struct daemon *daemon, const struct config_bridge *config)
{
    struct managed_bridge *mb = &daemon->bridges[daemon->n_bridges];
    struct bridge_params params = {
        .name = config->name,
        .max_ports = config->n_ports > 0 ? config->n_ports : 1,
        .max_entries = config->fdb.max_entries,
        .aging_ns = config->aging_time * NS_PER_SEC,
        .reserved = config->reserved,
    };
    int r;

    r = hash_key_random(&params.fdb_key);
    if (r < 0)
        return r;
    r = bridge_new(&params, &mb->bridge);
    if (r < 0)
        return r;
    mb->daemon = daemon;
    daemon->n_bridges++;
    r = event_timer_new(daemon->loop, on_aging, mb, &mb->aging);
    for (uint32_t i = 0; r == 0 && i < config->n_ports; i++)
        r = add_port(daemon, mb, &config->ports[i]);
    return r;
}

static int populate(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    const struct link_listener listener = {
        .changed = on_link_changed, .synced = on_links_synced, .arg = daemon};
    uint32_t n_ports = config_n_ports(config);
    int r;

    daemon->bridges = calloc(config->n_bridges, sizeof(daemon->bridges[0]));
    daemon->ports = calloc(n_ports > 0 ? n_ports : 1, sizeof(daemon->ports[0]));
    if (!daemon->bridges || !daemon->ports)
        return -ENOMEM;
    r = bounce_pool_new(LIMIT_BOUNCE_BUFFERS, &daemon->pool);
    if (r == 0)
        r = workers_new(daemon->loop, LIMIT_WORKERS, &daemon->workers);
    if (r == 0)
        r = event_timer_new(daemon->loop, on_retry, daemon, &daemon->retry);
    for (uint32_t i = 0; r == 0 && i < config->n_bridges; i++)
        r = add_bridge(daemon, &config->bridges[i]);
    if (r == 0)
        r = link_watch_new(daemon->loop, &listener, 0, &daemon->links);
    return r;
}

int daemon_new(struct event_loop *loop, const struct config *config, struct daemon **ret)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    int r;

    if (!daemon)
        return -ENOMEM;
    daemon->loop = loop;
    daemon->config = config;
    r = populate(daemon);
    if (r < 0) {
        daemon_free(daemon);
        return r;
    }
    *ret = daemon;
    return 0;
}

/* ---- death ---- */

static void close_port(void *arg)
{
    struct managed_port *mp = arg;

    mp->port->ops->close(mp->port);
}

static void close_all_ports(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = &daemon->ports[i];

        event_del(mp->readable);
        mp->readable = NULL;
        if (workers_submit(daemon->workers, close_port, NULL, mp) < 0)
            close_port(mp);
    }
    workers_drain(daemon->workers);
}

void daemon_free(struct daemon *daemon)
{
    if (!daemon)
        return;
    daemon->is_dying = true;
    link_watch_free(daemon->links);
    if (daemon->workers) {
        workers_drain(daemon->workers);
        close_all_ports(daemon);
        workers_free(daemon->workers);
    }
    for (uint32_t i = 0; i < daemon->n_bridges; i++) {
        event_timer_free(daemon->bridges[i].aging);
        bridge_free(daemon->bridges[i].bridge);
    }
    event_timer_free(daemon->retry);
    bounce_pool_free(daemon->pool);
    free(daemon->ports);
    free(daemon->bridges);
    free(daemon);
}

/* ---- what others may know ---- */

void daemon_on_ready(struct daemon *daemon, void (*fn)(void *arg), void *arg)
{
    daemon->on_ready = fn;
    daemon->on_ready_arg = arg;
}

void daemon_on_port_change(struct daemon *daemon,
                           void (*fn)(void *arg, struct bridge *bridge, const struct port *port),
                           void *arg)
{
    daemon->on_change = fn;
    daemon->on_change_arg = arg;
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
    return daemon->bridges[i].bridge;
}

struct bridge *daemon_bridge_by_name(const struct daemon *daemon, const char *name)
{
    for (uint32_t i = 0; i < daemon->n_bridges; i++) {
        if (strcmp(bridge_name(daemon->bridges[i].bridge), name) == 0)
            return daemon->bridges[i].bridge;
    }
    return NULL;
}

const struct config *daemon_config(const struct daemon *daemon)
{
    return daemon->config;
}

const struct link *daemon_port_link(const struct daemon *daemon, const struct port *port)
{
    if (port->busy || port->ifindex == 0)
        return NULL;
    return link_watch_by_index(daemon->links, port->ifindex);
}

struct link_watch_counters daemon_link_counters(const struct daemon *daemon)
{
    return link_watch_counters(daemon->links);
}

uint64_t daemon_now(const struct daemon *daemon)
{
    return event_now(daemon->loop);
}

struct daemon_summary daemon_summary(const struct daemon *daemon)
{
    struct daemon_summary summary = {.n_ports = daemon->n_ports};

    for (uint32_t i = 0; i < daemon->n_ports; i++)
        summary.by_state[daemon->ports[i].port->state]++;
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
