/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/clock.h"
#include "ringspan/mac.h"

/* Ports that are down, and addresses that stay where they are, for what arrived. */

/* ---- ports ---- */

/* Ports that are down for what arrived on them. Whoever finds that out shares this: one reason, one
 * time after which the port is tried again, and one way to ask for it earlier. */

void daemon_on_port_shut(void *arg, const struct port *port, const char *why, uint32_t recovery)
{
    struct daemon *daemon = arg;
    struct managed_port *mp = port->owner;

    mp->is_shut = true;
    mp->recover_at = recovery > 0 ? event_now(daemon->loop) + recovery * NS_PER_SEC : 0;
    snprintf(mp->why_shut, sizeof(mp->why_shut), "%s", why);
    managed_ports_arm_retry(daemon);
    managed_port_limit_log(mp);
    bridge_set_port_state(mp->home->bridge, port->id, PORT_ERROR, why);
}

void managed_port_recover(struct managed_port *mp)
{
    if (!mp->is_shut)
        return;
    mp->is_shut = false;
    mp->recover_at = 0;
    managed_port_look_at(mp);
}

void daemon_recover_port(struct daemon *daemon, const char *name)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];

        if (!mp->is_leaving && strcmp(mp->port->name, name) == 0)
            managed_port_recover(mp);
    }
}

/* ---- addresses ---- */

void daemon_on_hold(void *arg, struct bridge *bridge, uint16_t vid, uint64_t mac,
                    const struct port *port, const struct port *other)
{
    struct managed_bridge *mb = arg;
    char text[MAC_STRING_SIZE];

    log_ratelimited(&mb->holds, event_now(mb->daemon->loop), LOG_LEVEL_WARNING,
                    "fdb: %s in vlan %u of %s moved %u times in %u s: it stays on %s for %u "
                    "s, though it is on %s, too (a loop, or two hosts with one address?)",
                    mac_format(mac, text), vid, bridge_name(bridge), mb->move_limit.max,
                    mb->move_limit.interval, port->name, mb->move_limit.hold, other->name);
    recorder_trigger(mb->daemon->capture, RECORDER_MOVE, other->name);
}

void managed_bridge_set_move_limit(struct managed_bridge *mb, const struct config_bridge *config)
{
    const struct config_move_limit *limit = &config->fdb.move_limit;

    mb->move_limit = *limit;
    mb->holds = (struct log_ratelimit){.interval_ns = 10 * NS_PER_SEC, .burst = 5};
    bridge_set_move_limit(mb->bridge,
                          &(struct fdb_move_limit){.max = limit->max,
                                                   .interval_ns = limit->interval * NS_PER_SEC,
                                                   .hold_ns = limit->hold * NS_PER_SEC});
}
