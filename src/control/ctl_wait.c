/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"
#include "ringspan/clock.h"

/*
 * port.wait: an answer when all of some ports are in a state. Nothing polls: a change of any port
 * arms one timer for the next turn, in which all waiters look once, however many ports changed.
 */

#define TIMEOUT_DEFAULT 30
#define TIMEOUT_MAX     86400

/* Ports that an error names before it only counts. */
#define LAGGARDS_NAMED 8

/* Each look at a waiter finds its ports by name again. */
#define NAMES_MAX 256

struct ctl_waiter {
    struct ctl_waiter *next;
    struct ctl_commands *commands;
    struct ctl_call *call;
    struct event_timer *timer;
    enum port_state state;
    uint64_t cursor; /* of the rows, once it is over */
    uint32_t n_names;
    char (*names)[LIMIT_NAME_SIZE]; /* NULL: all ports */
};

/* One of the ports that a waiter waits for. */
struct awaited {
    struct bridge *bridge;
    const struct port *port; /* NULL: it is gone */
    const char *name;
};

static void waiter_free(struct ctl_waiter *waiter)
{
    event_timer_free(waiter->timer);
    free(waiter->names);
    free(waiter);
}

static void waiter_unlink(struct ctl_waiter *waiter)
{
    struct ctl_waiter **link = &waiter->commands->waiters;

    while (*link && *link != waiter)
        link = &(*link)->next;
    if (*link)
        *link = waiter->next;
}

static void waiter_cancel(void *arg)
{
    waiter_unlink(arg);
    waiter_free(arg);
}

static bool next_by_name(const struct ctl_waiter *waiter, uint64_t *cursor,
                         struct awaited *ret_awaited)
{
    if (*cursor == waiter->n_names)
        return false;
    ret_awaited->name = waiter->names[(*cursor)++];
    ret_awaited->port =
        ctl_find_port(waiter->commands->daemon, ret_awaited->name, &ret_awaited->bridge);
    return true;
}

/* The cursor is a bridge's number and, in its lower 16 bits, a port id. */
static bool next_of_all(const struct daemon *daemon, uint64_t *cursor, struct awaited *ret_awaited)
{
    uint64_t number = *cursor >> 16;
    struct bridge *bridge;

    for (; (bridge = daemon_bridge_from(daemon, &number)); *cursor = ++number << 16) {
        if (*cursor >> 16 != number)
            *cursor = number << 16;
        while ((*cursor & 0xffff) < bridge_id_limit(bridge)) {
            const struct port *port = bridge_port(bridge, (port_id)(*cursor)++);

            if (!port)
                continue;
            *ret_awaited = (struct awaited){bridge, port, port->name};
            return true;
        }
    }
    return false;
}

/* Start with *cursor = 0, call until false. */
static bool next_awaited(const struct ctl_waiter *waiter, uint64_t *cursor,
                         struct awaited *ret_awaited)
{
    if (waiter->names)
        return next_by_name(waiter, cursor, ret_awaited);
    return next_of_all(waiter->commands->daemon, cursor, ret_awaited);
}

static bool has_arrived(const struct ctl_waiter *waiter, const struct awaited *awaited)
{
    return awaited->port && awaited->port->state == waiter->state;
}

static bool all_have_arrived(const struct ctl_waiter *waiter)
{
    struct awaited awaited;
    uint64_t cursor = 0;

    while (next_awaited(waiter, &cursor, &awaited)) {
        if (!has_arrived(waiter, &awaited))
            return false;
    }
    return true;
}

static enum ctl_row next_row(void *state, struct json_writer *writer)
{
    struct ctl_waiter *waiter = state;
    struct awaited awaited;

    if (!next_awaited(waiter, &waiter->cursor, &awaited))
        return CTL_ROW_END;
    if (!awaited.port)
        return CTL_ROW_NONE;
    json_open_object(writer, NULL);
    json_put_string(writer, "name", awaited.name);
    json_put_string(writer, "master", bridge_name(awaited.bridge));
    json_put_string(writer, "state", port_state_name(awaited.port->state));
    json_put_string(writer, "reason", awaited.port->why);
    json_close_object(writer);
    return CTL_ROW_WRITTEN;
}

static void free_row_state(void *state)
{
    waiter_free(state);
}

static void answer_arrived(struct ctl_waiter *waiter)
{
    static const struct ctl_rows rows = {next_row, free_row_state};

    event_timer_set(waiter->timer, 0);
    ctl_call_rows(waiter->call, &rows, waiter);
}

void ctl_wait_check(struct ctl_commands *commands)
{
    struct ctl_waiter *next;

    for (struct ctl_waiter *waiter = commands->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (!all_have_arrived(waiter))
            continue;
        waiter_unlink(waiter);
        answer_arrived(waiter);
    }
}

__attribute__((format(printf, 2, 3))) static void append(struct ctl_fault *fault,
                                                         const char *format, ...)
{
    size_t len = strlen(fault->message);
    va_list args;

    va_start(args, format);
    vsnprintf(fault->message + len, sizeof(fault->message) - len, format, args);
    va_end(args);
}

static void name_laggard(const struct awaited *awaited, struct ctl_fault *fault)
{
    const struct port *port = awaited->port;

    if (!port)
        append(fault, "; %s is gone", awaited->name);
    else if (*port->why)
        append(fault, "; %s is %s (%s)", port->name, port_state_name(port->state), port->why);
    else
        append(fault, "; %s is %s", port->name, port_state_name(port->state));
}

static void describe_laggards(const struct ctl_waiter *waiter, struct ctl_fault *ret_fault)
{
    struct awaited awaited;
    uint32_t n_ports = 0;
    uint32_t n_laggards = 0;
    uint32_t named = 0;

    for (uint64_t cursor = 0; next_awaited(waiter, &cursor, &awaited); n_ports++)
        n_laggards += !has_arrived(waiter, &awaited);
    ctl_fault_set(ret_fault, CTL_TIMEOUT, "%u of %u ports not %s", n_laggards, n_ports,
                  port_state_name(waiter->state));
    for (uint64_t cursor = 0; named < LAGGARDS_NAMED && next_awaited(waiter, &cursor, &awaited);) {
        if (has_arrived(waiter, &awaited))
            continue;
        name_laggard(&awaited, ret_fault);
        named++;
    }
    if (n_laggards > named)
        append(ret_fault, "; and %u more", n_laggards - named);
}

static void on_timeout(void *arg)
{
    struct ctl_waiter *waiter = arg;
    struct ctl_fault fault;

    describe_laggards(waiter, &fault);
    waiter_unlink(waiter);
    ctl_call_fault(waiter->call, &fault);
    waiter_free(waiter);
}

static bool parse_state(const struct json_object *params, enum port_state *ret_state,
                        struct ctl_fault *ret_fault)
{
    const char *name = "forwarding";

    if (!ctl_params_string(params, "state", &name, ret_fault))
        return false;
    for (unsigned i = 0; i < PORT_N_STATES; i++) {
        if (!strcmp(name, port_state_name((enum port_state)i))) {
            *ret_state = (enum port_state)i;
            return true;
        }
    }
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "state: ports have no state '%.64s'", name);
    return false;
}

static bool take_port(struct ctl_waiter *waiter, struct json_object *name,
                      struct ctl_fault *ret_fault)
{
    const struct port *port;

    if (!json_object_is_type(name, json_type_string)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "ports: not an array of names");
        return false;
    }
    port = ctl_find_port(waiter->commands->daemon, json_object_get_string(name), NULL);
    if (!port) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "there is no port named '%.64s'",
                      json_object_get_string(name));
        return false;
    }
    strcpy(waiter->names[waiter->n_names++], port->name);
    return true;
}

static bool take_ports(struct ctl_waiter *waiter, const struct json_object *params,
                       struct ctl_fault *ret_fault)
{
    struct json_object *ports;
    size_t n;

    if (!params || !json_object_object_get_ex(params, "ports", &ports))
        return true;
    if (!json_object_is_type(ports, json_type_array)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "ports: not an array of names");
        return false;
    }
    n = json_object_array_length(ports);
    if (n > NAMES_MAX) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                      "ports: more than %d names (all ports are meant if it is absent)", NAMES_MAX);
        return false;
    }
    waiter->names = calloc(n + 1, sizeof(*waiter->names));
    if (!waiter->names) {
        ctl_fault_set(ret_fault, CTL_INTERNAL_ERROR, "out of memory");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!take_port(waiter, json_object_array_get_idx(ports, i), ret_fault))
            return false;
    }
    return true;
}

static bool parse_wait(struct ctl_waiter *waiter, const struct json_object *params,
                       struct ctl_fault *ret_fault)
{
    static const char *const known[] = {"ports", "state", "timeout", NULL};
    int64_t timeout = TIMEOUT_DEFAULT;

    if (!ctl_params_known(params, known, ret_fault) ||
        !parse_state(params, &waiter->state, ret_fault) ||
        !ctl_params_integer(params, "timeout", 0, TIMEOUT_MAX, &timeout, ret_fault) ||
        !take_ports(waiter, params, ret_fault))
        return false;
    if (event_timer_new(waiter->commands->loop, on_timeout, waiter, &waiter->timer) < 0) {
        ctl_fault_set(ret_fault, CTL_INTERNAL_ERROR, "out of memory");
        return false;
    }
    event_timer_set(waiter->timer,
                    event_now(waiter->commands->loop) + (uint64_t)timeout * NS_PER_SEC);
    return true;
}

void ctl_wait_port(struct ctl_call *call, const struct json_object *params, void *context)
{
    struct ctl_commands *commands = context;
    struct ctl_waiter *waiter = calloc(1, sizeof(*waiter));
    struct ctl_fault fault;

    if (!waiter) {
        ctl_fault_set(&fault, CTL_INTERNAL_ERROR, "out of memory");
        ctl_call_fault(call, &fault);
        return;
    }
    waiter->commands = commands;
    waiter->call = call;
    if (!parse_wait(waiter, params, &fault)) {
        waiter_free(waiter);
        ctl_call_fault(call, &fault);
        return;
    }
    if (all_have_arrived(waiter)) {
        answer_arrived(waiter);
        return;
    }
    waiter->next = commands->waiters;
    commands->waiters = waiter;
    ctl_call_defer(call, waiter_cancel, waiter);
}
