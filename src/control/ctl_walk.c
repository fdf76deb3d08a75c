/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"

struct port *ctl_find_port(const struct daemon *daemon, const char *name,
                           struct bridge **ret_bridge)
{
    for (uint32_t i = 0; i < daemon_n_bridges(daemon); i++) {
        struct bridge *bridge = daemon_bridge(daemon, i);
        struct port *port = bridge_port_by_name(bridge, name);

        if (!port)
            continue;
        if (ret_bridge)
            *ret_bridge = bridge;
        return port;
    }
    return NULL;
}

/* A name longer than names can be is the name of nothing. */
static void copy_name(char to[LIMIT_NAME_SIZE], const char *from)
{
    strncpy(to, from, LIMIT_NAME_SIZE - 1);
    to[LIMIT_NAME_SIZE - 1] = '\0';
}

static bool select_bridge(const struct daemon *daemon, const struct json_object *params,
                          struct ctl_selection *selection, struct ctl_fault *ret_fault)
{
    const char *name = NULL;

    if (!ctl_params_string(params, "bridge", &name, ret_fault))
        return false;
    if (!name)
        return true;
    if (!daemon_bridge_by_name(daemon, name)) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "there is no bridge named '%.64s'", name);
        return false;
    }
    copy_name(selection->bridge, name);
    return true;
}

/* After select_bridge(): the port must be one of that bridge. */
static bool select_port(const struct daemon *daemon, const struct json_object *params,
                        struct ctl_selection *selection, struct ctl_fault *ret_fault)
{
    struct bridge *bridge;
    const char *name = NULL;

    if (!ctl_params_string(params, "port", &name, ret_fault))
        return false;
    if (!name)
        return true;
    if (!ctl_find_port(daemon, name, &bridge)) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "there is no port named '%.64s'", name);
        return false;
    }
    if (*selection->bridge && strcmp(bridge_name(bridge), selection->bridge) != 0) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "port '%s' belongs to bridge '%s', not to '%s'", name,
                      bridge_name(bridge), selection->bridge);
        return false;
    }
    copy_name(selection->port, name);
    return true;
}

static bool select_entry(const struct json_object *params, struct ctl_selection *selection,
                         struct ctl_fault *ret_fault)
{
    const char *mac = NULL;
    int64_t vlan = -1;

    if (!ctl_params_integer(params, "vlan", 0, 4094, &vlan, ret_fault) ||
        !ctl_params_string(params, "mac", &mac, ret_fault))
        return false;
    selection->has_vlan = vlan >= 0;
    selection->vlan = (uint16_t)(vlan >= 0 ? vlan : 0);
    selection->has_mac = mac != NULL;
    if (mac && !mac_parse(mac, &selection->mac)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                      "mac: '%.64s' is not an address like 02:00:00:00:00:01", mac);
        return false;
    }
    return true;
}

bool ctl_select(const struct daemon *daemon, const struct json_object *params,
                struct ctl_selection *ret_selection, struct ctl_fault *ret_fault)
{
    return select_bridge(daemon, params, ret_selection, ret_fault) &&
           select_port(daemon, params, ret_selection, ret_fault);
}

static void start_over_with(struct ctl_walk *walk, uint64_t bridge)
{
    if (walk->drop_extra)
        walk->drop_extra(walk);
    walk->bridge = bridge;
    walk->item = 0;
    walk->count = 0;
}

static enum ctl_row walk_next(void *state, struct json_writer *writer)
{
    struct ctl_walk *walk = state;
    uint64_t number = walk->bridge;
    struct bridge *bridge = daemon_bridge_from(walk->daemon, &number);
    enum ctl_row row = CTL_ROW_END;

    if (!bridge)
        return CTL_ROW_END;
    /* The one that the walk was in the middle of may be gone. */
    if (number != walk->bridge)
        start_over_with(walk, number);
    if (!*walk->selection.bridge || !strcmp(walk->selection.bridge, bridge_name(bridge)))
        row = walk->step(walk, bridge, writer);
    if (row != CTL_ROW_END)
        return row;
    start_over_with(walk, number + 1);
    return CTL_ROW_NONE;
}

static void walk_free(void *state)
{
    struct ctl_walk *walk = state;

    if (walk->drop_extra)
        walk->drop_extra(walk);
    free(walk);
}

void ctl_walk_answer(struct ctl_call *call, const struct ctl_commands *commands,
                     const struct json_object *params, const char *const *known,
                     const struct ctl_walk *walk)
{
    static const struct ctl_rows rows = {walk_next, walk_free};
    struct ctl_walk *state = malloc(sizeof(*state));
    struct ctl_fault fault;

    if (!state) {
        ctl_fault_set(&fault, CTL_INTERNAL_ERROR, "out of memory");
        goto refuse;
    }
    *state = *walk;
    state->daemon = commands->daemon;
    if (!ctl_params_known(params, known, &fault) ||
        !ctl_select(state->daemon, params, &state->selection, &fault) ||
        !select_entry(params, &state->selection, &fault))
        goto refuse;
    ctl_call_rows(call, &rows, state);
    return;
refuse:
    free(state);
    ctl_call_fault(call, &fault);
}
