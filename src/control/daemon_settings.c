/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/log.h"

/* VLANs in VLANs, and a macvlan on top: more is nobody's. */
#define MOST_LAYERS 8

/* How a port uses its interface: isolation from the host, GRO, and the qdisc. A change of it is no
 * step: the port stays in the loop, and steps wait until it is done. */

struct port_settings managed_port_settings(const struct config_port *config)
{
    return (struct port_settings){
        .qdisc_bypass = config->qdisc_bypass,
        .gro = config->gro,
        .isolate_host = config->isolate_host,
        .isolate_host_is_asked = config->isolate_host_is_asked,
    };
}

/* ---- what the host has the device for ---- */

/* Of two ends of a cable each names the other, and neither stands on it. */
static bool is_end_of_cable(const struct link *link)
{
    return strcmp(link->kind, "veth") == 0 || strcmp(link->kind, "netkit") == 0 ||
           strcmp(link->kind, "vxcan") == 0;
}

/* The way down may be a circle: an index is remembered for longer than its link. */
static bool stands_on(const struct link_watch *links, const struct link *link, uint32_t ifindex)
{
    for (int depth = 0; link && depth < MOST_LAYERS && !is_end_of_cable(link); depth++) {
        if (link->peer == ifindex)
            return true;
        link = link->peer ? link_watch_by_index(links, link->peer) : NULL;
    }
    return false;
}

static void add_upper(struct uppers *uppers, const struct link *link)
{
    struct upper *upper = &uppers->list[uppers->n];

    for (uint32_t i = 0; i < uppers->n; i++) {
        if (uppers->list[i].ifindex == link->ifindex)
            return;
    }
    uppers->are_more = uppers->n == LIMIT_UPPERS;
    if (uppers->are_more)
        return;
    upper->ifindex = link->ifindex;
    memcpy(upper->ifname, link->ifname, sizeof(upper->ifname));
    uppers->n++;
}

void managed_port_note_uppers(struct managed_port *mp, uint32_t ifindex)
{
    const struct link_watch *links = mp->netns_name->netns->links;
    const struct link *master;

    mp->uppers = (struct uppers){0};
    for (const struct link *link = NULL; (link = link_watch_next(links, link));) {
        if (!stands_on(links, link, ifindex))
            continue;
        add_upper(&mp->uppers, link);
        master = link->master ? link_watch_by_index(links, link->master) : NULL;
        if (master)
            add_upper(&mp->uppers, master);
    }
}

/* As host_use_find(). */
static int find_use_above(const struct uppers *uppers, char *ret_use)
{
    char use[HOST_USE_SIZE];
    int r = uppers->are_more;

    if (r > 0)
        snprintf(ret_use, PORT_HOST_USE_SIZE, "is below more than %d interfaces", LIMIT_UPPERS);
    for (uint32_t i = 0; r == 0 && i < uppers->n; i++) {
        r = host_use_find(uppers->list[i].ifindex, use);
        if (r > 0)
            snprintf(ret_use, PORT_HOST_USE_SIZE, "is below %s, which %s", uppers->list[i].ifname,
                     use);
        if (r == -ENODEV)
            r = 0; /* gone by now */
    }
    return r;
}

int managed_port_refuse_uplink(struct managed_port *mp, const struct port_settings *settings,
                               uint32_t ifindex)
{
    int r;

    mp->use[0] = '\0';
    if (settings->isolate_host_is_asked)
        return 0;
    r = host_use_find(ifindex, mp->use);
    if (r == 0)
        r = find_use_above(&mp->uppers, mp->use);
    return r > 0 ? -EBUSY : r;
}

bool managed_port_is_refused(const struct managed_port *mp, int result)
{
    return result == -EBUSY && mp->use[0] != '\0';
}

static void warn_of_isolation(const struct managed_port *mp, const struct port_isolation *isolation)
{
    const struct port *port = mp->port;

    if (isolation->means == ISOLATION_NFTABLES_INGRESS)
        log_warning("port %s: this host may still send out of %s: %s", port->name, port->ifname,
                    isolation->why);
    else if (isolation->means == ISOLATION_NONE)
        log_warning("port %s: %s is not isolated from this host: %s", port->name, port->ifname,
                    isolation->why);
}

/* An interface that comes and goes is warned of once. */
void managed_port_note_settings(struct managed_port *mp, const struct port_settings *settings)
{
    struct port *port = mp->port;
    struct port_isolation isolation = port->ops->isolation(port);
    struct port_gro gro = port->ops->gro(port);

    if (settings->isolate_host && strcmp(port->isolation.why, isolation.why) != 0)
        warn_of_isolation(mp, &isolation);
    if (gro.error != 0 && gro.error != port->gro.error)
        log_warning("port %s: cannot turn gro of %s %s: %s", port->name, port->ifname,
                    gro_wish_name(settings->gro), strerror(-gro.error));
    port->settings = *settings;
    port->isolation = isolation;
    port->gro = gro;
}

static void run_adjust(void *arg)
{
    struct managed_port *mp = arg;
    int home = -1;

    mp->adjust_result = managed_port_enter_netns(mp, &home);
    if (mp->adjust_result == 0 && !mp->port->settings.isolate_host && mp->adjusted.isolate_host)
        mp->adjust_result = managed_port_refuse_uplink(mp, &mp->adjusted, mp->bound);
    if (mp->adjust_result == 0)
        mp->adjust_result = mp->port->ops->adjust(mp->port, &mp->adjusted);
    netns_leave(home);
}

static void adjust_done(void *arg)
{
    struct managed_port *mp = arg;

    mp->is_adjusting = false;
    if (mp->daemon->is_dying)
        return;
    if (mp->is_leaving) {
        managed_port_begin_close(mp);
        return;
    }
    mp->must_let_go = managed_port_is_refused(mp, mp->adjust_result);
    if (mp->adjust_result == 0)
        managed_port_note_settings(mp, &mp->adjusted);
    else if (!mp->must_let_go)
        log_warning("port %s: cannot change how it uses %s: %s", mp->port->name, mp->port->ifname,
                    strerror(-mp->adjust_result));
    managed_port_look_at(mp);
}

static bool has_its_settings(const struct managed_port *mp)
{
    return mp->settings.qdisc_bypass == mp->adjusted.qdisc_bypass &&
           mp->settings.isolate_host == mp->adjusted.isolate_host &&
           mp->settings.gro == mp->adjusted.gro;
}

void managed_port_adjust(struct managed_port *mp)
{
    int r;

    if (mp->bound == 0 || mp->is_adjusting || mp->is_renewing || has_its_settings(mp))
        return;
    mp->adjusted = mp->settings;
    managed_port_note_uppers(mp, mp->bound);
    mp->is_adjusting = true;
    r = workers_submit(mp->daemon->workers, run_adjust, adjust_done, mp);
    if (r == 0)
        return;
    mp->adjust_result = r;
    adjust_done(mp);
}

void managed_port_set(struct managed_port *mp, const struct config_port *config)
{
    mp->settings = managed_port_settings(config);
    mp->retry_at = 0;
    if (mp->tap)
        managed_tap_change(mp, config);
    managed_port_look_at(mp);
}

void managed_port_set_meters(struct managed_port *mp, const struct config_port *config)
{
    struct meter_settings settings[METER_N_USES];

    for (uint32_t use = 0; use < METER_N_USES; use++)
        settings[use] = config->meters[use].settings;
    bridge_set_port_meters(mp->home->bridge, mp->port->id, settings, event_now(mp->daemon->loop));
    managed_port_watch_limits(mp);
}
