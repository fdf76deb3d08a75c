/* SPDX-License-Identifier: ISC */
#include "ctl_monitor.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"
#include "ringspan/limits.h"

/* ---- telling ---- */

/* A move concerns both ports, and a flush of all, which is about no port, each. */
static bool selects_fdb(const struct ctl_monitor *monitor, const struct bus_event *event)
{
    const struct fdb_change *change = event->fdb;

    return ctl_monitor_selects(monitor, event->bridge, event->port) ||
           (change->kind == FDB_CHANGE_MOVE &&
            ctl_monitor_selects(monitor, event->bridge, bridge_port(event->bridge, change->from)));
}

static bool wants(const struct ctl_monitor *monitor, const struct bus_event *event)
{
    if (!(monitor->kinds & BUS_MASK(bus_kind_of(event->what))))
        return false;
    if (!event->bridge)
        return true;
    if (event->fdb ? !selects_fdb(monitor, event)
                   : !ctl_monitor_selects(monitor, event->bridge, event->port))
        return false;
    return ctl_monitor_has_passed(monitor, event);
}

static void write_line(struct ctl_monitors *monitors, const struct bus_event *event)
{
    struct json_writer writer;

    byte_queue_consume(&monitors->line, monitors->line.len);
    monitors->line.overflowed = false;
    json_writer_init(&writer, &monitors->line);
    ctl_monitor_write_event(&writer, event);
}

static void tell(struct ctl_monitor *monitor, const struct bus_event *event)
{
    const struct byte_queue *line = &monitor->all->line;

    if (monitor->lost == 0 && !line->overflowed &&
        ctl_stream_push(monitor->call, byte_queue_data(line), line->len))
        return;
    if (monitor->lost == 0)
        ctl_stream_resume(monitor->call);
    monitor->lost += event->what == BUS_FDB_LOST ? event->count : 1;
    monitor->lost_seq = event->seq;
}

static void on_event(void *arg, const struct bus_event *event)
{
    struct ctl_monitors *monitors = arg;
    bool is_written = false;

    for (struct ctl_monitor *monitor = monitors->first; monitor; monitor = monitor->next) {
        if (!wants(monitor, event))
            continue;
        if (!is_written)
            write_line(monitors, event);
        is_written = true;
        tell(monitor, event);
    }
}

static enum ctl_row next_line(void *state, struct json_writer *writer)
{
    struct ctl_monitor *monitor = state;

    if (monitor->lost == 0)
        return ctl_monitor_next(monitor, writer);
    ctl_monitor_write_lost(writer, monitor->lost_seq, monitor->lost);
    monitor->lost = 0;
    return CTL_ROW_WRITTEN;
}

/* ---- clients ---- */

int ctl_monitors_init(struct ctl_monitors *monitors, struct daemon *daemon)
{
    monitors->daemon = daemon;
    byte_queue_init(&monitors->line, LIMIT_CTL_QUEUE_BYTES);
    return bus_listen(daemon_bus(daemon), 0, on_event, monitors, &monitors->listener);
}

void ctl_monitors_fini(struct ctl_monitors *monitors)
{
    bus_unlisten(monitors->listener);
    byte_queue_fini(&monitors->line);
}

static uint32_t kinds_of_all(const struct ctl_monitors *monitors)
{
    uint32_t kinds = 0;

    for (const struct ctl_monitor *monitor = monitors->first; monitor; monitor = monitor->next)
        kinds |= monitor->kinds;
    return kinds;
}

static void monitor_free(void *state)
{
    struct ctl_monitor *monitor = state;
    struct ctl_monitors *monitors = monitor->all;
    struct ctl_monitor **link = &monitors->first;

    while (*link != monitor)
        link = &(*link)->next;
    *link = monitor->next;
    free(monitor);
    (void)bus_listen_to(monitors->listener, kinds_of_all(monitors));
}

/* ---- the request ---- */

static bool take_kind(struct json_object *word, uint32_t *kinds, struct ctl_fault *ret_fault)
{
    const char *name =
        json_object_is_type(word, json_type_string) ? json_object_get_string(word) : NULL;

    for (unsigned kind = 0; name && kind < BUS_N_KINDS; kind++) {
        if (strcmp(name, bus_kind_name((enum bus_kind)kind)) != 0)
            continue;
        *kinds |= BUS_MASK(kind);
        return true;
    }
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                  "kinds: not an array of port, link, fdb, config, recorder");
    return false;
}

static bool take_kinds(const struct json_object *params, uint32_t *ret_kinds,
                       struct ctl_fault *ret_fault)
{
    struct json_object *list;
    uint32_t kinds = 0;

    if (!params || !json_object_object_get_ex(params, "kinds", &list))
        return true;
    if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
        return take_kind(NULL, &kinds, ret_fault);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (!take_kind(json_object_array_get_idx(list, i), &kinds, ret_fault))
            return false;
    }
    *ret_kinds = kinds;
    return true;
}

static bool take_snapshot(const struct json_object *params, bool *ret_wants_snapshot,
                          struct ctl_fault *ret_fault)
{
    struct json_object *value = NULL;

    if (!params || !json_object_object_get_ex(params, "snapshot", &value))
        return true;
    if (!json_object_is_type(value, json_type_boolean)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "snapshot: neither true nor false");
        return false;
    }
    *ret_wants_snapshot = json_object_get_boolean(value);
    return true;
}

bool ctl_monitor_parse(const struct json_object *params, struct ctl_monitor_wish *ret_wish,
                       struct ctl_fault *ret_fault)
{
    static const char *const known[] = {"kinds", "bridge", "port", "snapshot", NULL};
    struct ctl_monitor_wish wish = {.kinds = BUS_ALL};

    if (!ctl_params_known(params, known, ret_fault) ||
        !ctl_params_string(params, "bridge", &wish.bridge, ret_fault) ||
        !ctl_params_string(params, "port", &wish.port, ret_fault))
        return false;
    /* What is about no port is not what somebody wants who names one. */
    if (wish.bridge || wish.port)
        wish.kinds &= ~(BUS_MASK(BUS_CONFIG) | BUS_MASK(BUS_RECORDER));
    if (!take_kinds(params, &wish.kinds, ret_fault) ||
        !take_snapshot(params, &wish.wants_snapshot, ret_fault))
        return false;
    *ret_wish = wish;
    return true;
}

static bool enlist(struct ctl_monitor *monitor, const struct ctl_monitor_wish *wish,
                   struct ctl_monitors *monitors, struct ctl_fault *ret_fault)
{
    int r = bus_listen_to(monitors->listener, kinds_of_all(monitors) | wish->kinds);

    if (r < 0) {
        ctl_fault_set(ret_fault, CTL_INTERNAL_ERROR, "%s", strerror(-r));
        return false;
    }
    daemon_tell_fdb(monitors->daemon); /* what was before is not for the one that comes now */
    monitor->all = monitors;
    monitor->kinds = wish->kinds;
    monitor->stage = wish->wants_snapshot ? MONITOR_PORTS : MONITOR_LIVE;
    monitor->next = monitors->first;
    monitors->first = monitor;
    return true;
}

void ctl_monitor_start(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const struct ctl_rows lines = {next_line, monitor_free};
    struct ctl_commands *commands = context;
    struct ctl_monitor *monitor = calloc(1, sizeof(*monitor));
    struct ctl_monitor_wish wish = {0};
    struct json_writer *writer;
    struct ctl_fault fault;

    ctl_fault_set(&fault, CTL_INTERNAL_ERROR, "out of memory");
    if (!monitor || !ctl_monitor_parse(params, &wish, &fault) ||
        !ctl_select(commands->daemon, params, &monitor->selection, &fault) ||
        !enlist(monitor, &wish, &commands->monitors, &fault)) {
        free(monitor);
        ctl_call_fault(call, &fault);
        return;
    }
    monitor->call = call;
    writer = ctl_call_open(call);
    json_open_object(writer, NULL);
    json_put_u64(writer, "seq", bus_seq(daemon_bus(commands->daemon)));
    json_close_object(writer);
    ctl_call_stream(call, &lines, monitor);
}
