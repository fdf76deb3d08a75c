/* SPDX-License-Identifier: ISC */
#include "ringspan/port.h"

#include <stdio.h>
#include <string.h>

#include "ringspan/log.h"

static const char *const state_names[] = {
    [PORT_WAITING] = "waiting",       [PORT_DOWN] = "down",
    [PORT_BLOCKING] = "blocking",     [PORT_LEARNING] = "learning",
    [PORT_FORWARDING] = "forwarding", [PORT_DISABLED] = "disabled",
    [PORT_ERROR] = "error",
};

_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == PORT_N_STATES, "one name a state");

const char *port_state_name(enum port_state state)
{
    return state_names[state];
}

const char *port_admin_state_name(enum port_admin_state state)
{
    return state == PORT_ADMIN_DOWN ? "down" : "up";
}

void port_init(struct port *port, const struct port_ops *ops, const char *name, const char *ifname)
{
    memset(port, 0, sizeof(*port));
    port->ops = ops;
    port->type = ops->type;
    port->id = PORT_NONE;
    port->state = PORT_WAITING;
    port->reserved = reserved_settings_of(RESERVED_N_PRESETS);
    snprintf(port->name, sizeof(port->name), "%s", name);
    snprintf(port->ifname, sizeof(port->ifname), "%s", ifname);
}

void port_free(struct port *port)
{
    if (port)
        port->ops->free(port);
}

int port_bring_up(struct port *port)
{
    int r = port->ops->open(port);

    if (r == 0)
        r = port->ops->configure(port);
    if (r == 0)
        r = port->ops->map(port);
    if (r < 0)
        port->ops->close(port);
    return r;
}

static void log_state(const struct port *port, enum port_state before)
{
    enum log_level level = port->is_quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    const char *separator = port->why[0] ? ": " : "";

    if (before == port->state)
        log_debug("port %s: %s: %s", port->name, state_names[before], port->why);
    else
        log_line(level, "port %s: %s -> %s%s%s", port->name, state_names[before],
                 state_names[port->state], separator, port->why);
}

bool port_set_state(struct port *port, enum port_state state, const char *why)
{
    enum port_state before = port->state;
    char kept[PORT_WHY_SIZE]; /* as the port keeps it: @why may be longer, or the port's own */

    snprintf(kept, sizeof(kept), "%s", why);
    if (before == state && strcmp(port->why, kept) == 0)
        return false;
    port->state = state;
    memcpy(port->why, kept, sizeof(kept));
    log_state(port, before);
    return true;
}

static void offer(struct port *port, const struct frame *frame)
{
    if (frame_fits_mtu(frame, port->mtu))
        port->ops->tx(port, frame);
    else
        port_count_out_dropped(port, DROP_TOO_LONG, frame->tally);
}

void port_tx(struct port *port, const struct frame *frame)
{
    port->ledger.decided++;
    offer(port, frame);
}

void port_tx_mirrored(struct port *port, const struct frame *frame)
{
    port->ledger.mirrored++;
    offer(port, frame);
}

void port_flush(struct port *port)
{
    port->ops->flush(port);
}

struct port_ring_info port_rings(const struct port *port)
{
    return port->busy ? (struct port_ring_info){0} : port->ops->ring_info(port);
}

void port_snapshot(struct port *port, struct ledger_snapshot *ret_snapshot)
{
    memset(ret_snapshot, 0, sizeof(*ret_snapshot));
    if (!port->busy)
        port->ops->snapshot(port, ret_snapshot);
    ret_snapshot->counters = port->ledger;
}
