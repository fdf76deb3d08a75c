/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_monitor.h"
#include "ctl_show.h"
#include "ringspan/clock.h"
#include "ringspan/mac.h"

/* A notification of JSON-RPC 2.0 per line, its `params` the event. */

#define REASON_SIZE 256

static void open_line(struct json_writer *writer, uint64_t seq, const char *kind, const char *event)
{
    uint64_t now = clock_wall_us();
    char time[32];

    snprintf(time, sizeof(time), "%" PRIu64 ".%06" PRIu64, now / 1000000, now % 1000000);
    json_open_object(writer, NULL);
    json_put_string(writer, "jsonrpc", "2.0");
    json_put_string(writer, "method", "event");
    json_open_object(writer, "params");
    json_put_u64(writer, "seq", seq);
    json_put_raw(writer, "time", time, strlen(time));
    json_put_string(writer, "kind", kind);
    json_put_string(writer, "event", event);
}

static void close_line(struct json_writer *writer)
{
    json_close_object(writer);
    json_close_object(writer);
    byte_queue_append(writer->out, "\n", 1);
    writer->needs_comma = false;
}

static void put_place(struct json_writer *writer, const struct bridge *bridge,
                      const struct port *port)
{
    json_put_string(writer, "port", port ? port->name : NULL);
    json_put_string(writer, "master", bridge_name(bridge));
}

static void put_state(struct json_writer *writer, const struct port *port)
{
    json_put_string(writer, "state", port_state_name(port->state));
    json_put_string(writer, "reason", port->why);
}

static void put_link(struct json_writer *writer, const struct link *link)
{
    char mac[MAC_STRING_SIZE];

    json_put_string(writer, "ifname", link->ifname);
    json_put_u64(writer, "ifindex", link->ifindex);
    json_put_u64(writer, "mtu", link->mtu);
    json_put_string(writer, "mac", mac_format(link->mac, mac));
    ctl_put_flags(writer, link);
}

static void put_address(struct json_writer *writer, uint64_t mac, uint16_t vlan)
{
    char text[MAC_STRING_SIZE];

    json_put_string(writer, "mac", mac_format(mac, text));
    json_put_u64(writer, "vlan", vlan);
}

static void put_change(struct json_writer *writer, const struct bus_event *event)
{
    const struct fdb_change *change = event->fdb;
    const struct port *from;

    if (change->kind == FDB_CHANGE_FLUSH) {
        put_place(writer, event->bridge, event->port);
        json_put_u64(writer, "count", change->count);
        return;
    }
    put_address(writer, change->mac, change->vid);
    put_place(writer, event->bridge, event->port);
    if (change->kind == FDB_CHANGE_MOVE || change->kind == FDB_CHANGE_HOLD) {
        from = bridge_port(event->bridge, change->from);
        json_put_string(writer, "from", from ? from->name : NULL);
    }
    ctl_put_entry_kind(writer, change->is_static, change->is_sticky);
}

static void put_plan(struct json_writer *writer, const struct plan *plan)
{
    uint32_t n[PLAN_ADD + 1] = {0};

    for (uint32_t i = 0; i < plan->n_steps; i++)
        n[plan->steps[i].op]++;
    json_put_u64(writer, "deleted", n[PLAN_DEL]);
    json_put_u64(writer, "changed", n[PLAN_CHANGE]);
    json_put_u64(writer, "added", n[PLAN_ADD]);
}

/* The first line: the rest is the excerpt with its caret, and further errors. */
static void put_reason(struct json_writer *writer, const char *reason)
{
    char line[REASON_SIZE];

    snprintf(line, sizeof(line), "%.*s", (int)strcspn(reason, "\n"), reason);
    json_put_string(writer, "reason", line);
}

static void put_details(struct json_writer *writer, const struct bus_event *event)
{
    switch (event->what) {
    case BUS_PORT_STATE:
        put_place(writer, event->bridge, event->port);
        json_put_string(writer, "was", port_state_name(event->was));
        put_state(writer, event->port);
        break;
    case BUS_PORT_LIMIT_BEGIN:
    case BUS_PORT_LIMIT_END:
        put_place(writer, event->bridge, event->port);
        json_put_string(writer, "limit", event->limit);
        json_put_u64(writer, "count", event->count);
        break;
    case BUS_PORT_RENEW:
        put_place(writer, event->bridge, event->port);
        json_put_u64(writer, "count", event->count);
        break;
    case BUS_PORT_ADD:
    case BUS_PORT_DEL:
        put_place(writer, event->bridge, event->port);
        put_state(writer, event->port);
        break;
    case BUS_LINK_ADD:
    case BUS_LINK_CHANGE:
    case BUS_LINK_DEL:
        put_place(writer, event->bridge, event->port);
        put_link(writer, event->link);
        break;
    case BUS_FDB_CHANGE:
        put_change(writer, event);
        break;
    case BUS_FDB_LOST:
        json_put_u64(writer, "count", event->count);
        break;
    case BUS_CONFIG_CHANGE:
        json_put_string(writer, "command", event->command);
        put_plan(writer, event->plan);
        break;
    case BUS_CONFIG_REFUSED:
        json_put_string(writer, "command", event->command);
        put_reason(writer, event->reason);
        break;
    case BUS_RECORDER_TRIGGER:
    case BUS_RECORDER_FREEZE:
    case BUS_RECORDER_ARM:
        ctl_put_recorder(writer, event->recorder);
        break;
    case BUS_LINK_RESYNC:
    case BUS_N_WHATS:
        break;
    }
}

void ctl_monitor_write_event(struct json_writer *writer, const struct bus_event *event)
{
    /* That some are missing is one event for clients, wherever they went. */
    const char *kind =
        event->what == BUS_FDB_LOST ? "monitor" : bus_kind_name(bus_kind_of(event->what));

    open_line(writer, event->seq, kind, bus_event_name(event));
    put_details(writer, event);
    close_line(writer);
}

void ctl_monitor_write_lost(struct json_writer *writer, uint64_t seq, uint64_t count)
{
    ctl_monitor_write_event(writer,
                            &(struct bus_event){.what = BUS_FDB_LOST, .seq = seq, .count = count});
}

void ctl_monitor_write_end(struct json_writer *writer, uint64_t seq)
{
    open_line(writer, seq, "monitor", "end");
    close_line(writer);
}

void ctl_monitor_write_port(struct json_writer *writer, uint64_t seq, const struct bridge *bridge,
                            const struct port *port)
{
    open_line(writer, seq, "port", "snapshot");
    put_place(writer, bridge, port);
    put_state(writer, port);
    close_line(writer);
}

void ctl_monitor_write_link(struct json_writer *writer, uint64_t seq, const struct bridge *bridge,
                            const struct port *port, const struct link *link)
{
    open_line(writer, seq, "link", "snapshot");
    put_place(writer, bridge, port);
    put_link(writer, link);
    close_line(writer);
}

void ctl_monitor_write_entry(struct json_writer *writer, uint64_t seq, const struct bridge *bridge,
                             const struct port *port, const struct fdb_entry *entry)
{
    open_line(writer, seq, "fdb", "snapshot");
    put_address(writer, entry->mac, entry->vid);
    put_place(writer, bridge, port);
    ctl_put_entry_kind(writer, entry->is_static, entry->is_sticky);
    close_line(writer);
}
