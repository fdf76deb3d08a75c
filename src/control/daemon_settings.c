/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/log.h"

/* How a port uses its interface: isolation from the host, and the qdisc. A change of it is no step:
 * the port stays in the loop, and steps wait until it is done. */

struct port_settings managed_port_settings(const struct config_port *config)
{
    return (struct port_settings){
        .qdisc_bypass = config->qdisc_bypass,
        .isolate_host = config->isolate_host,
        .isolate_host_is_asked = config->isolate_host_is_asked,
    };
}

int managed_port_refuse_uplink(struct managed_port *mp, const struct port_settings *settings,
                               uint32_t ifindex)
{
    int r;

    mp->use[0] = '\0';
    if (settings->isolate_host_is_asked)
        return 0;
    r = host_use_find(ifindex, mp->use);
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

    if (settings->isolate_host && strcmp(port->isolation.why, isolation.why) != 0)
        warn_of_isolation(mp, &isolation);
    port->settings = *settings;
    port->isolation = isolation;
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
           mp->settings.isolate_host == mp->adjusted.isolate_host;
}

void managed_port_adjust(struct managed_port *mp)
{
    int r;

    if (mp->bound == 0 || mp->is_adjusting || has_its_settings(mp))
        return;
    mp->adjusted = mp->settings;
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
