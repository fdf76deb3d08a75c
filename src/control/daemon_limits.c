/* SPDX-License-Identifier: ISC */
#include <inttypes.h>

#include "daemon_private.h"
#include "ringspan/clock.h"

/* What is over the limits of ports: told when it begins and when it is over. The data path only
 * counts; the counters are looked at now and then while any port has a limit. */

#define LOOK_NS NS_PER_SEC

static const struct {
    const char *key;
    enum drop_reason reason; /* DROP_NONE: the table counts it */
} limits[PORT_N_LIMITS] = {
    [METER_BROADCAST] = {"storm_control.broadcast", DROP_STORM_BROADCAST},
    [METER_MULTICAST] = {"storm_control.multicast", DROP_STORM_MULTICAST},
    [METER_UNKNOWN_UNICAST] = {"storm_control.unknown_unicast", DROP_STORM_UNKNOWN_UNICAST},
    [METER_INGRESS] = {"policing.ingress", DROP_POLICED_IN},
    [METER_EGRESS] = {"policing.egress", DROP_POLICED_OUT},
    [PORT_MAC_LIMIT] = {"mac_limit", DROP_NONE},
};

/* Frames that were over the limit, ever. */
static uint64_t count_of(const struct managed_port *mp, uint32_t limit)
{
    const struct ledger_port *ledger = &mp->port->ledger;

    if (limit == PORT_MAC_LIMIT)
        return fdb_port_counters(bridge_fdb(mp->home->bridge), mp->port->id).refused_limits;
    if (limit == METER_EGRESS)
        return ledger->out_dropped[limits[limit].reason];
    return ledger->in_dropped[limits[limit].reason];
}

static bool has_limits(const struct managed_port *mp)
{
    const struct bridge *bridge = mp->home->bridge;
    bool has = bridge_port_policy(bridge, mp->port->id)->mac_limit.max > 0;

    for (uint32_t use = 0; use < METER_N_USES; use++)
        has = has || bridge_port_meter(bridge, mp->port->id, (enum meter_use)use);
    for (uint32_t limit = 0; limit < PORT_N_LIMITS; limit++)
        has = has || mp->over[limit].is_on;
    return has;
}

static void tell(struct managed_port *mp, uint32_t limit, enum bus_what what)
{
    const struct bus_event event = {
        .what = what,
        .bridge = mp->home->bridge,
        .port = mp->port,
        .limit = limits[limit].key,
        .count = alarm_growth(&mp->over[limit]),
    };

    daemon_tell(mp->daemon, &event);
}

static void look_at(struct managed_port *mp, uint32_t limit, uint64_t now)
{
    struct log_ratelimit *lines = &mp->daemon->limit_lines;
    struct alarm *over = &mp->over[limit];

    switch (alarm_look(over, count_of(mp, limit), now)) {
    case ALARM_BEGINS:
        log_ratelimited(lines, now, LOG_LEVEL_NOTICE, "port %s: frames are over its %s",
                        mp->port->name, limits[limit].key);
        tell(mp, limit, BUS_PORT_LIMIT_BEGIN);
        break;
    case ALARM_ENDS:
        log_ratelimited(lines, now, LOG_LEVEL_NOTICE,
                        "port %s: no frame is over its %s any more: %" PRIu64 " were",
                        mp->port->name, limits[limit].key, alarm_growth(over));
        tell(mp, limit, BUS_PORT_LIMIT_END);
        break;
    case ALARM_NOTHING_NEW:
        break;
    }
}

void daemon_on_limits(void *arg)
{
    struct daemon *daemon = arg;
    uint64_t now = event_now(daemon->loop);
    bool have_limits = false;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];

        if (mp->is_leaving || !has_limits(mp))
            continue;
        have_limits = true;
        for (uint32_t limit = 0; limit < PORT_N_LIMITS; limit++)
            look_at(mp, limit, now);
    }
    event_timer_set(daemon->limits, have_limits ? now + LOOK_NS : 0);
}

void managed_port_watch_limits(struct managed_port *mp)
{
    struct daemon *daemon = mp->daemon;

    if (!event_timer_is_armed(daemon->limits) && has_limits(mp))
        event_timer_set(daemon->limits, event_now(daemon->loop) + LOOK_NS);
}
