/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_globs.h"
#include "ringspan/capture.h"
#include "ringspan/clock.h"
#include "ringspan/log.h"

static void find_target(const struct managed_port *mp, struct port_target *ret_target);
static bool is_overtaken(const struct managed_port *mp);

/* ---- state ---- */

static void set_state(struct managed_port *mp, enum port_state state, const char *why)
{
    if (state != mp->port->state)
        managed_port_limit_log(mp);
    bridge_set_port_state(mp->home->bridge, mp->port->id, state, why);
}

/* The log has every change of state; waiting is what a port is before its first one. */
static void log_waiting_ports(const struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        const struct port *port = daemon->ports[i]->port;

        if (port->state == PORT_WAITING)
            log_info("port %s: %s: %s", port->name, port_state_name(port->state), port->why);
    }
}

/* Interfaces of a daemon that was killed, which no port of this one wants. */
static void sweep_gro(void *arg)
{
    struct daemon *daemon = arg;

    gro_keeper_sweep(daemon->gro_keeper);
}

void managed_ports_check_ready(struct daemon *daemon)
{
    if (daemon->is_ready)
        return;
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (!daemon->ports[i]->has_settled && !daemon->ports[i]->is_leaving)
            return;
    }
    if (!globs_have_settled(daemon))
        return;
    daemon->is_ready = true;
    log_waiting_ports(daemon);
    (void)workers_submit(daemon->workers, sweep_gro, NULL, daemon);
    if (daemon->on_ready)
        daemon->on_ready(daemon->on_ready_arg);
}

/* ---- retrying ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

void managed_ports_arm_retry(struct daemon *daemon)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        const struct managed_port *mp = daemon->ports[i];

        at = earlier(at, mp->retry_at);
        at = earlier(at, mp->recover_at);
        if (mp->tap)
            at = earlier(at, mp->tap->retry_at);
    }
    event_timer_set(daemon->retry, at);
}

/* True if it was time for @at, which is 0 then. */
static bool is_due(uint64_t *at, uint64_t now)
{
    if (*at == 0 || *at > now)
        return false;
    *at = 0;
    return true;
}

void managed_ports_on_retry(void *arg)
{
    struct daemon *daemon = arg;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];
        bool is_time = is_due(&mp->retry_at, event_now(daemon->loop));

        if (is_due(&mp->recover_at, event_now(daemon->loop)))
            managed_port_recover(mp);

        if (mp->tap && is_due(&mp->tap->retry_at, event_now(daemon->loop))) {
            mp->tap->made = 0;
            is_time = true;
        }
        if (is_time)
            managed_port_look_at(mp);
    }
    managed_ports_arm_retry(daemon);
}

static void fail(struct managed_port *mp)
{
    char why[PORT_WHY_SIZE];

    if (mp->step == PORT_STEP_MAKE && mp->tap->step.outcome.why[0] != '\0')
        snprintf(why, sizeof(why), "%s", mp->tap->step.outcome.why);
    else if (managed_port_is_refused(mp, mp->result))
        snprintf(why, sizeof(why), "%s %s: %s; write \"isolate_host\": true or false for this port",
                 mp->port->ifname, mp->use,
                 mp->settings.isolate_host ? "isolating it would cut this host off"
                                           : "a default does not say that it is meant");
    else if (mp->result == -EADDRINUSE)
        snprintf(why, sizeof(why), "%s is in use by another ringspand or port", mp->port->ifname);
    else
        snprintf(why, sizeof(why), "cannot use %s: %s", mp->port->ifname, strerror(-mp->result));
    set_state(mp, PORT_ERROR, why);
    mp->retry_at = event_now(mp->daemon->loop) + RETRY_NS;
    managed_ports_arm_retry(mp->daemon);
}

/* ---- steps, in helper threads ---- */

static void attach(struct managed_port *mp)
{
    struct port *port = mp->port;

    mp->result = managed_port_refuse_uplink(mp, &mp->device.settings, mp->device.ifindex);
    if (mp->result == 0 && !mp->is_open)
        mp->result = port_bring_up(port);
    if (mp->result < 0)
        return;
    mp->is_open = true;
    mp->result = port->ops->start(port, &mp->device);
}

static void take_step(struct managed_port *mp)
{
    struct port *port = mp->port;

    switch (mp->step) {
    case PORT_STEP_NONE:
        break;
    case PORT_STEP_DETACH:
        port->ops->stop(port);
        break;
    case PORT_STEP_CLOSE:
        port->ops->close(port);
        mp->is_open = false;
        break;
    case PORT_STEP_ATTACH:
        attach(mp);
        break;
    case PORT_STEP_MAKE:
        mp->result = tap_make(&mp->tap->step.tap, &mp->tap->step.outcome);
        break;
    }
}

int managed_port_enter_netns(const struct managed_port *mp, int *ret_home)
{
    return netns_enter(mp->netns ? mp->netns->fd : -1, ret_home);
}

static bool needs_netns(enum port_step step)
{
    return step == PORT_STEP_ATTACH || step == PORT_STEP_MAKE;
}

/* What is open has to be closed, wherever the thread is: a namespace that let us in once refuses
 * only for want of memory. */
static void run_step(void *arg)
{
    struct managed_port *mp = arg;
    int home = -1;

    mp->result = 0;
    if (mp->daemon->is_dying)
        return;
    mp->result = managed_port_enter_netns(mp, &home);
    if (mp->result == 0 || !needs_netns(mp->step))
        take_step(mp);
    netns_leave(home);
}

/* Ports whose device was still another port's, which may have let go of it now. */
static void look_at_deferred(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (daemon->ports[i]->is_deferred)
            managed_port_look_at(daemon->ports[i]);
    }
}

static void watch_ring(struct managed_port *mp)
{
    mp->result = managed_port_watch_ring(mp);
    if (mp->result < 0) {
        mp->port->ops->stop(mp->port);
        return;
    }
    mp->bound = mp->device.ifindex;
    managed_port_note_settings(mp, &mp->device.settings);
    managed_port_offer(mp);
}

/* Whatever keeps a namespace alive is let go of as soon as nothing of the port is there. */
static void move_to(struct managed_port *mp, struct netns *netns)
{
    struct netns *before = mp->netns;

    mp->netns = netns ? netns_ref(netns) : NULL;
    netns_unref(before);
}

static void settle_step(struct managed_port *mp)
{
    switch (mp->step) {
    case PORT_STEP_NONE:
        break;
    case PORT_STEP_DETACH:
        mp->bound = 0;
        mp->must_let_go = false;
        mp->result = 0;
        managed_port_drain_ring(mp);
        break;
    case PORT_STEP_CLOSE:
        mp->bound = 0;
        mp->must_reopen = false;
        mp->result = 0;
        move_to(mp, NULL);
        break;
    case PORT_STEP_ATTACH:
        if (mp->result == 0)
            watch_ring(mp);
        break;
    case PORT_STEP_MAKE:
        if (mp->result == 0)
            managed_tap_made(mp);
        break;
    }
}

static void step_done(void *arg)
{
    struct managed_port *mp = arg;
    bool is_made;

    mp->port->busy = false;
    if (mp->daemon->is_dying)
        return;
    if (mp->is_leaving) {
        managed_port_begin_close(mp);
        return;
    }
    settle_step(mp);
    is_made = mp->step == PORT_STEP_MAKE && mp->result == 0;
    if (mp->result < 0 && !is_overtaken(mp))
        fail(mp);
    else
        managed_port_look_at(mp);
    /* An interface that flaps must not keep the daemon from being ready. */
    mp->has_settled = mp->has_settled || !is_made;
    look_at_deferred(mp->daemon);
    managed_ports_check_ready(mp->daemon);
}

static void begin_step(struct managed_port *mp, enum port_step step,
                       const struct port_target *target)
{
    int r;

    mp->step = step;
    mp->device = (struct port_device){
        .ifindex = target->ifindex, .mtu = target->mtu, .settings = mp->settings};
    if (step == PORT_STEP_ATTACH) {
        mp->adjusted = mp->settings;
        managed_port_note_uppers(mp, target->ifindex);
    }
    if (needs_netns(step) && !mp->is_open)
        move_to(mp, mp->netns_name->netns);
    if (step == PORT_STEP_MAKE)
        managed_tap_prepare(mp->tap);
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
    managed_port_unwatch_ring(mp);
}

/* ---- where a port should be ---- */

static bool is_elsewhere(const struct managed_port *mp)
{
    return mp->netns != mp->netns_name->netns;
}

/* Bound to it, or on the way. */
static bool holds(const struct managed_port *mp, const struct netns *netns, uint32_t ifindex)
{
    bool is_attaching = mp->port->busy && mp->step == PORT_STEP_ATTACH;

    return mp->netns == netns &&
           (mp->bound == ifindex || (is_attaching && mp->device.ifindex == ifindex));
}

/* Two names of one namespace may give two ports the same interface: then nobody will let go, and
 * the device's lock says so. */
static bool will_let_go(const struct managed_port *mp, uint32_t ifindex)
{
    struct port_target target;

    if (mp->is_leaving || is_elsewhere(mp))
        return true;
    find_target(mp, &target);
    return target.ifindex != ifindex;
}

/* After two names were swapped each port waits for the other to let go. */
static bool is_held_by_another(const struct managed_port *mp, uint32_t ifindex)
{
    const struct daemon *daemon = mp->daemon;
    const struct netns *netns = mp->netns_name->netns;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        const struct managed_port *other = daemon->ports[i];

        if (other != mp && holds(other, netns, ifindex) && will_let_go(other, ifindex))
            return true;
    }
    return false;
}

/* A number that was given to another device while nobody looked is no match: the port must let go
 * before it can bind again. */
static enum port_step next_step(const struct managed_port *mp, const struct port_target *target)
{
    const struct port_position position = {.bound = mp->bound,
                                           .is_elsewhere = mp->is_open && is_elsewhere(mp)};

    if (mp->must_reopen)
        return PORT_STEP_CLOSE;
    if (mp->must_let_go)
        return PORT_STEP_DETACH;
    if (mp->bound != 0 && !mp->port->ops->has_device(mp->port))
        return PORT_STEP_DETACH;
    return reconcile_step(position, target);
}

/* The last try was about the same one. */
static bool is_tried_device(const struct managed_port *mp, const struct port_target *target)
{
    return mp->device.ifindex == target->ifindex && !is_elsewhere(mp);
}

/* A port that failed stays in error with its reason until a try succeeds: that one is under way
 * again every few seconds is no news. */
static bool is_another_try(const struct managed_port *mp, const struct port_target *target)
{
    return mp->port->state == PORT_ERROR && mp->result < 0 && is_tried_device(mp, target);
}

static void go_to(struct managed_port *mp, const struct port_target *target)
{
    enum port_step step = next_step(mp, target);

    if (step == PORT_STEP_NONE) {
        if (!mp->is_open)
            move_to(mp, NULL);
        mp->has_settled = true;
        mp->port->mtu = target->mtu;
        set_state(mp, target->state, target->why);
        managed_port_adjust(mp);
        return;
    }
    /* Nothing may use the port while a helper has it: first it leaves the bridge's working set. */
    if (is_another_try(mp, target))
        log_debug("port %s: trying again", mp->port->name);
    else if (target->ifindex == 0 || target->state == PORT_DISABLED || mp->is_shut)
        set_state(mp, target->state, target->why);
    else
        set_state(mp, PORT_WAITING, "binding");
    mp->is_deferred = step == PORT_STEP_ATTACH && is_held_by_another(mp, target->ifindex);
    if (!mp->is_deferred && !mp->is_adjusting && !mp->is_renewing)
        begin_step(mp, step, target);
}

static void find_target(const struct managed_port *mp, struct port_target *ret_target)
{
    const struct netns_name *name = mp->netns_name;
    const struct link *link;
    const struct link *master;

    if (!name->netns) {
        *ret_target = (struct port_target){.state = name->state};
        memcpy(ret_target->why, name->why, sizeof(name->why));
        return;
    }
    link = link_watch_by_name(name->netns->links, mp->port->ifname);
    master = link && link->master ? link_watch_by_index(name->netns->links, link->master) : NULL;
    if (mp->tap)
        reconcile_tap(mp->port->ifname, name->text, link, master,
                      link ? NULL : managed_tap_link(mp), ret_target);
    else
        reconcile_port(mp->port->ifname, name->text, link, master, ret_target);
    if (mp->tap && ret_target->ifindex != 0)
        managed_tap_add_complaint(mp->tap, ret_target->why);
    if (mp->port->admin_state == PORT_ADMIN_DOWN)
        reconcile_disabled(mp->port->name, ret_target);
    else if (mp->is_shut)
        reconcile_shut(mp->why_shut, ret_target);
}

/* What was just made is there; that it is, the link watch has yet to say. */
static bool awaits_link(const struct managed_port *mp, const struct port_target *target)
{
    return mp->tap && mp->tap->made != 0 && target->makes_device;
}

/* While a helper thread tried one device, the port's name may have passed to another. */
static bool is_overtaken(const struct managed_port *mp)
{
    struct port_target target;

    find_target(mp, &target);
    return !is_tried_device(mp, &target);
}

static bool knows_its_links(const struct managed_port *mp)
{
    const struct netns_name *name = mp->netns_name;

    return name->netns ? name->netns->knows_links : name->is_known;
}

void managed_port_look_at(struct managed_port *mp)
{
    struct port_target target;

    if (mp->is_leaving || !knows_its_links(mp))
        return;
    managed_port_tell_link(mp);
    find_target(mp, &target);
    if (mp->tap && target.ifindex != 0)
        managed_tap_look_at(mp, target.ifindex);
    if (mp->port->busy || awaits_link(mp, &target))
        return;
    if (mp->retry_at != 0 && is_tried_device(mp, &target))
        return;
    mp->retry_at = 0;
    go_to(mp, &target);
}

/* ---- links and namespaces ---- */

static bool concerns(const struct managed_port *mp, const struct link *link)
{
    return link && (strcmp(link->ifname, mp->port->ifname) == 0 || link->ifindex == mp->bound ||
                    (mp->tap && strcmp(link->alias, mp->tap->wish.mark) == 0));
}

static void on_link_changed(void *arg, const struct netns *netns, const struct link *before,
                            const struct link *after)
{
    struct daemon *daemon = arg;

    globs_on_link_changed(daemon, netns, before, after); /* first: a port that goes takes no step */
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];

        if (mp->netns_name->netns != netns || !(concerns(mp, before) || concerns(mp, after)))
            continue;
        if (mp->tap)
            managed_tap_on_link(mp->tap, after ? after : before);
        managed_port_look_at(mp);
    }
}

static void on_links_synced(void *arg, struct netns *netns)
{
    struct daemon *daemon = arg;

    if (netns->n_synced > 1)
        daemon_tell(daemon, &(struct bus_event){.what = BUS_LINK_RESYNC});
    else
        managed_taps_sweep(daemon, netns);
    globs_look_at_links(daemon, netns);
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (daemon->ports[i]->netns_name->netns == netns)
            managed_port_look_at(daemon->ports[i]);
    }
    managed_ports_check_ready(daemon);
}

static void on_netns_name_changed(void *arg, const struct netns_name *name)
{
    struct daemon *daemon = arg;

    globs_on_netns_name_changed(daemon, name);
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (daemon->ports[i]->netns_name == name)
            managed_port_look_at(daemon->ports[i]);
    }
    managed_ports_check_ready(daemon);
}

struct netns_listener managed_ports_netns_listener(struct daemon *daemon)
{
    return (struct netns_listener){
        .link_changed = on_link_changed,
        .links_synced = on_links_synced,
        .name_changed = on_netns_name_changed,
        .arg = daemon,
    };
}

/* ---- leaving ---- */

static void forget_port(struct managed_port *mp)
{
    struct daemon *daemon = mp->daemon;
    struct managed_port *last = daemon->ports[--daemon->n_ports];

    globs_on_closed(mp);
    daemon->ports[mp->place] = last;
    last->place = mp->place;
    managed_port_free(mp);
}

void managed_port_close(void *arg)
{
    struct managed_port *mp = arg;
    int home = -1;

    (void)managed_port_enter_netns(mp, &home); /* as in run_step() */
    mp->port->ops->close(mp->port);
    netns_leave(home);
    if (mp->tap)
        managed_tap_end(mp->tap);
}

static void close_done(void *arg)
{
    struct managed_port *mp = arg;
    struct daemon *daemon = mp->daemon;

    if (daemon->is_dying)
        return;
    if (mp->tap)
        managed_tap_log_end(mp);
    forget_port(mp);
    look_at_deferred(daemon);
}

/* A helper thread has something of it, and will begin to close it. */
static bool is_in_other_hands(const struct managed_port *mp)
{
    return mp->port->busy || mp->is_adjusting || mp->is_renewing ||
           (mp->tap && mp->tap->is_settling);
}

void managed_port_begin_close(struct managed_port *mp)
{
    if (is_in_other_hands(mp))
        return;
    mp->port->busy = true;
    if (mp->tap)
        managed_tap_decide_end(mp);
    if (workers_submit(mp->daemon->workers, managed_port_close, close_done, mp) == 0)
        return;
    managed_port_close(mp);
    close_done(mp);
}

void managed_port_leave(struct managed_port *mp)
{
    struct bridge *bridge = mp->home->bridge;

    log_info("port %s: deleted", mp->port->name);
    managed_port_unwatch_ring(mp);
    fdb_del_port(bridge_fdb(bridge), mp->port->id);
    managed_port_tell(mp, BUS_PORT_DEL);
    capture_forget_port(mp->daemon->capture, mp->port);
    bridge_del_port(bridge, mp->port->id);
    mp->home = NULL;
    mp->daemon->ring_bytes -= mp->ring_bytes; /* who comes next may have it, a moment early */
    mp->ring_bytes = 0;
    mp->is_leaving = true;
    mp->is_deferred = false;
    mp->retry_at = 0;
    mp->log = (struct port_log){0};
    if (mp->port->busy || mp->is_open || mp->tap)
        managed_port_begin_close(mp);
    else
        forget_port(mp); /* thousands whose interfaces never existed go in no time */
}
