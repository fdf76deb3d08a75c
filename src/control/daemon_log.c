/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "daemon_private.h"
#include "ringspan/log.h"

static void arm_untold(struct daemon *daemon)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        uint64_t due = port_log_due(&daemon->ports[i]->log);

        if (due != 0 && (at == 0 || due < at))
            at = due;
    }
    event_timer_set(daemon->untold, at);
}

static void tell(struct managed_port *mp)
{
    uint32_t n_untold = port_log_tell(&mp->log, event_now(mp->daemon->loop));
    const struct port *port = mp->port;

    log_info("port %s: %s%s%s (%u changes of state were not logged)", port->name,
             port_state_name(port->state), port->why[0] ? ": " : "", port->why, n_untold);
}

void managed_ports_on_untold(void *arg)
{
    struct daemon *daemon = arg;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];
        uint64_t due = port_log_due(&mp->log);

        if (due != 0 && due <= event_now(daemon->loop))
            tell(mp);
    }
    arm_untold(daemon);
}

/* How many ports can be made to stop by one PAUSE; 0 if it crosses between two at most, as on a
 * cable. */
static uint32_t n_paused(const struct config_bridge *bridge)
{
    struct reserved_policy policy = reserved_policy_of(&bridge->reserved, &bridge->reserved);
    uint32_t n = 0;

    if (reserved_policy_action(policy, RESERVED_PAUSE) != RESERVED_FORWARD)
        return 0;
    for (uint32_t i = 0; i < bridge->n_ports; i++)
        n += config_port_places(&bridge->ports[i]);
    return n > 2 ? n : 0;
}

static bool was_warned_of(const struct config *before, const char *name)
{
    for (uint32_t i = 0; before && i < before->n_bridges; i++) {
        if (strcmp(before->bridges[i].name, name) == 0)
            return n_paused(&before->bridges[i]) > 0;
    }
    return false;
}

void daemon_warn_of_pause(const struct config *before, const struct config *config)
{
    for (uint32_t i = 0; i < config->n_bridges; i++) {
        const struct config_bridge *bridge = &config->bridges[i];
        uint32_t n = n_paused(bridge);

        if (n > 0 && !was_warned_of(before, bridge->name))
            log_warning("bridge %s: PAUSE crosses it, and it can have %u ports: a host that is "
                        "told to pause stops sending to all of them (reserved)",
                        bridge->name, n);
    }
}

void managed_port_limit_log(struct managed_port *mp)
{
    struct daemon *daemon = mp->daemon;

    mp->port->is_quiet = !port_log_change(&mp->log, event_now(daemon->loop));
    if (mp->port->is_quiet && !event_timer_is_armed(daemon->untold))
        event_timer_set(daemon->untold, port_log_due(&mp->log));
}
