/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_SHOW_H
#define RINGSPAN_CTL_SHOW_H

#include <stdbool.h>

#include "ctl_monitor.h"
#include "ctl_selection.h"
#include "ringspan/ctl_commands.h"
#include "ringspan/ctl_server.h"
#include "ringspan/metrics.h"

/*
 * What the files of ctl_commands share: the context, and walking all bridges row by row.
 */

struct ctl_waiter;
struct changes;

struct ctl_commands {
    struct event_loop *loop;
    struct daemon *daemon;
    struct changes *changes;
    uint64_t born;
    struct ctl_waiter *waiters;
    struct bus_listener *listener;
    struct event_timer *wake; /* armed when a port changed: waiters look once per turn */
    struct ctl_monitors monitors;
    struct metrics_source metrics;
};

/* A walk over all bridges; `step` makes the rows of one. */
struct ctl_walk {
    struct daemon *daemon;
    struct ctl_selection selection;
    /* As ctl_rows.next(); CTL_ROW_END ends @bridge. `item`, `extra` and `count` are its own, 0
     * and NULL at first. */
    enum ctl_row (*step)(struct ctl_walk *walk, struct bridge *bridge, struct json_writer *writer);
    void (*drop_extra)(struct ctl_walk *walk); /* and set it to NULL; NULL: nothing to do */
    uint64_t bridge; /* the number of the one that `item` and `extra` are about */
    uint32_t item;
    port_id port; /* a guess where the selected port is */
    void *extra;
    uint64_t count; /* of what was done to it */
};

/** Answers @call with a walk, or with a fault about its parameters. @known: those that this method
 * takes. */
void ctl_walk_answer(struct ctl_call *call, const struct ctl_commands *commands,
                     const struct json_object *params, const char *const *known,
                     const struct ctl_walk *walk);

/** What @params (bridge, port) narrow anything to; false, and a fault, if there is no such thing.
 */
bool ctl_select(const struct daemon *daemon, const struct json_object *params,
                struct ctl_selection *ret_selection, struct ctl_fault *ret_fault);

/** NULL if there is none. @ret_bridge may be NULL. */
struct port *ctl_find_port(const struct daemon *daemon, const char *name,
                           struct bridge **ret_bridge);

/** The interface's current name; NULL while the port has none. */
const char *ctl_current_ifname(const struct daemon *daemon, const struct port *port);
/** Whether @port, which may be NULL, is one that the walk is about. */
bool ctl_port_is_selected(const struct ctl_walk *walk, const struct port *port);
/** `flags` of an interface, which may be NULL. */
void ctl_put_flags(struct json_writer *writer, const struct link *link);
/** `flags` and `state` of an entry of a forwarding table. */
void ctl_put_entry_kind(struct json_writer *writer, bool is_static, bool is_sticky);

/** What became of the recorder, into an object that is open. */
void ctl_put_recorder(struct json_writer *writer, const struct recorder_status *status);
/** There is none, and how to make one. */
void ctl_fault_no_recorder(struct ctl_fault *ret_fault);

/** Handlers; see the table in ctl_commands.c. */
void ctl_show_bridge(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_port(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_fdb(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_fdb_add(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_fdb_del(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_fdb_flush(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_vlan_stats(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_vlan(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_recorder_show(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_recorder_freeze(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_recorder_arm(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_mirror(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_ledger(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_explain(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_capture_start(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_metrics(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_show_config(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_reload_daemon(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_config_apply(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_config_confirm(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_config_diff(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_port_add(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_port_del(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_port_set(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_wait_port(struct ctl_call *call, const struct json_object *params, void *context);
void ctl_monitor_start(struct ctl_call *call, const struct json_object *params, void *context);

/** For methods without parameters: false if there were some, and the client has been told. */
bool ctl_takes_nothing(struct ctl_call *call, const struct json_object *params);

/** How many seconds are left to confirm what was applied, or null. */
void ctl_put_confirm_within(struct json_writer *writer, const struct ctl_commands *commands);

/** Looks at every waiter. */
void ctl_wait_check(struct ctl_commands *commands);

#endif
