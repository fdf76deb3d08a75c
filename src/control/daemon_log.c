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

void daemon_warn(const struct config *before, const struct config *config)
{
    struct config_warnings earlier = {0};
    struct config_warnings warnings = {0};

    if (before && config_warn(before, &earlier) < 0)
        return;
    if (config_warn(config, &warnings) == 0) {
        for (uint32_t i = 0; i < warnings.n; i++) {
            const struct config_warning *warning = &warnings.list[i];

            if (!config_warnings_have(&earlier, warning))
                log_warning("%s: %s (%s)", warning->of, warning->message, warning->cure);
        }
    }
    config_warnings_fini(&warnings);
    config_warnings_fini(&earlier);
}

void managed_port_limit_log(struct managed_port *mp)
{
    struct daemon *daemon = mp->daemon;

    mp->port->is_quiet = !port_log_change(&mp->log, event_now(daemon->loop));
    if (mp->port->is_quiet && !event_timer_is_armed(daemon->untold))
        event_timer_set(daemon->untold, port_log_due(&mp->log));
}
