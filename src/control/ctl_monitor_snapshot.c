/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "ctl_monitor.h"

bool ctl_monitor_selects(const struct ctl_monitor *monitor, const struct bridge *bridge,
                         const struct port *port)
{
    const struct ctl_selection *selection = &monitor->selection;

    if (*selection->bridge && strcmp(selection->bridge, bridge_name(bridge)) != 0)
        return false;
    return !*selection->port || !port || strcmp(selection->port, port->name) == 0;
}

bool ctl_monitor_has_passed(const struct ctl_monitor *monitor, const struct bus_event *event)
{
    enum bus_kind kind = bus_kind_of(event->what);
    bool is_flush = event->fdb && event->fdb->kind == FDB_CHANGE_FLUSH;
    uint64_t number;
    uint32_t slot;

    if ((unsigned)monitor->stage > (unsigned)kind || is_flush || event->limit)
        return true;
    if ((unsigned)monitor->stage < (unsigned)kind)
        return false;
    number = daemon_bridge_number(monitor->all->daemon, event->bridge);
    slot = event->fdb ? event->fdb->slot : event->port->id;
    return number < monitor->bridge || (number == monitor->bridge && slot < monitor->slot);
}

static void begin_stage(struct ctl_monitor *monitor, enum monitor_stage stage)
{
    monitor->stage = stage;
    monitor->bridge = 0;
    monitor->slot = 0;
}

static enum ctl_row end_bridge(struct ctl_monitor *monitor)
{
    monitor->bridge++;
    monitor->slot = 0;
    return CTL_ROW_NONE;
}

static enum ctl_row next_of_port(struct ctl_monitor *monitor, struct bridge *bridge,
                                 struct json_writer *writer, uint64_t seq)
{
    const struct port *port;
    const struct link *link;

    if (monitor->slot >= bridge_id_limit(bridge))
        return end_bridge(monitor);
    port = bridge_port(bridge, (port_id)monitor->slot++);
    if (!port || !ctl_monitor_selects(monitor, bridge, port))
        return CTL_ROW_NONE;
    if (monitor->stage == MONITOR_PORTS) {
        ctl_monitor_write_port(writer, seq, bridge, port);
        return CTL_ROW_WRITTEN;
    }
    link = daemon_named_link(port);
    if (!link)
        return CTL_ROW_NONE;
    ctl_monitor_write_link(writer, seq, bridge, port, link);
    return CTL_ROW_WRITTEN;
}

static enum ctl_row next_of_fdb(struct ctl_monitor *monitor, struct bridge *bridge,
                                struct json_writer *writer, uint64_t seq)
{
    uint64_t now = daemon_now(monitor->all->daemon);
    const struct port *port;
    struct fdb_entry entry;

    if (!fdb_next(bridge_fdb(bridge), now, &monitor->slot, &entry))
        return end_bridge(monitor);
    port = bridge_port(bridge, entry.port);
    if (!ctl_monitor_selects(monitor, bridge, port))
        return CTL_ROW_NONE;
    ctl_monitor_write_entry(writer, seq, bridge, port, &entry);
    return CTL_ROW_WRITTEN;
}

static enum ctl_row next_of_stage(struct ctl_monitor *monitor, struct json_writer *writer)
{
    struct daemon *daemon = monitor->all->daemon;
    uint64_t number = monitor->bridge;
    struct bridge *bridge = daemon_bridge_from(daemon, &number);
    uint64_t seq;

    if (!bridge || !(monitor->kinds & BUS_MASK(monitor->stage))) {
        begin_stage(monitor, (enum monitor_stage)(monitor->stage + 1));
        return CTL_ROW_NONE;
    }
    /* What was noted up to now is judged by where the snapshot is now. */
    daemon_tell_fdb(daemon);
    seq = bus_seq(daemon_bus(daemon));
    if (number != monitor->bridge)
        monitor->slot = 0;
    monitor->bridge = number;
    if (*monitor->selection.bridge && strcmp(monitor->selection.bridge, bridge_name(bridge)) != 0)
        return end_bridge(monitor);
    if (monitor->stage == MONITOR_FDB)
        return next_of_fdb(monitor, bridge, writer, seq);
    return next_of_port(monitor, bridge, writer, seq);
}

enum ctl_row ctl_monitor_next(struct ctl_monitor *monitor, struct json_writer *writer)
{
    switch (monitor->stage) {
    case MONITOR_PORTS:
    case MONITOR_LINKS:
    case MONITOR_FDB:
        return next_of_stage(monitor, writer);
    case MONITOR_END:
        daemon_tell_fdb(monitor->all->daemon);
        ctl_monitor_write_end(writer, bus_seq(daemon_bus(monitor->all->daemon)));
        monitor->stage = MONITOR_LIVE;
        return CTL_ROW_WRITTEN;
    case MONITOR_LIVE:
        break;
    }
    return CTL_ROW_END;
}
