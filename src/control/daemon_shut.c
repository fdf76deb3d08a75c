/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/clock.h"

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
