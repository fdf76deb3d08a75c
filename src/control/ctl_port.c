/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_change.h"

/* port.set, port.add, port.del: edits of what stands in "ports" of a bridge. */

/* ---- finding things in the document ---- */

static const char *name_of(struct json_object *object)
{
    return json_object_get_string(json_object_object_get(object, "name"));
}

static bool find_named(struct json_object *list, const char *name, size_t *ret_i)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (strcmp(name_of(json_object_array_get_idx(list, i)), name) == 0) {
            *ret_i = i;
            return true;
        }
    }
    return false;
}

/* A place in the document. */
struct place {
    struct json_object *bridge;
    struct json_object *ports;
    size_t i; /* of the port among them */
};

static bool find_port(struct json_object *document, const char *name, struct place *ret_place)
{
    struct json_object *bridges = json_object_object_get(document, "bridges");

    for (size_t i = 0; i < json_object_array_length(bridges); i++) {
        struct place place = {.bridge = json_object_array_get_idx(bridges, i)};

        place.ports = json_object_object_get(place.bridge, "ports");
        if (find_named(place.ports, name, &place.i)) {
            *ret_place = place;
            return true;
        }
    }
    return false;
}

static int no_such_port(char ret_why[CHANGE_WHY_SIZE], const char *name)
{
    snprintf(ret_why, CHANGE_WHY_SIZE, "there is no port named '%s'", name);
    return -EINVAL;
}

/* ---- the edits; the state is a copy of the call's parameters ---- */

static void free_params(void *state)
{
    json_object_put(state);
}

static const char *string_of(struct json_object *params, const char *key)
{
    return json_object_get_string(json_object_object_get(params, key));
}

static int alter_by_set(void *state, struct json_object *document, char ret_why[CHANGE_WHY_SIZE])
{
    struct json_object *params = state;
    const char *name = string_of(params, "port");
    struct json_object *port;
    struct place place;

    if (!find_port(document, name, &place))
        return no_such_port(ret_why, name);
    port = json_object_array_get_idx(place.ports, place.i);
    json_object_object_foreach(params, key, value)
    {
        if (strcmp(key, "port") == 0)
            continue;
        if (!value)
            json_object_object_del(port, key); /* back to its default */
        else if (json_object_object_add(port, key, json_object_get(value)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static const struct change_edit edit_set = {"port.set", alter_by_set, free_params};

/* ---- the methods ---- */

static bool needs_string(const struct json_object *params, const char *key,
                         struct ctl_fault *ret_fault)
{
    const char *value = NULL;

    if (!ctl_params_string(params, key, &value, ret_fault))
        return false;
    if (!value)
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: missing", key);
    return value != NULL;
}

static void begin(struct ctl_call *call, const struct json_object *params,
                  struct ctl_commands *commands, const struct change_edit *edit)
{
    struct json_object *copy = NULL;
    struct change *change = NULL;
    int r = -ENOMEM;

    if (json_object_deep_copy((struct json_object *)params, &copy, NULL) == 0)
        r = changes_edit(commands->changes, edit, copy, ctl_change_answer, call, &change);
    ctl_change_deferred(call, r, change);
}

void ctl_port_set(struct ctl_call *call, const struct json_object *params, void *context)
{
    struct ctl_fault fault;

    if (needs_string(params, "port", &fault))
        begin(call, params, context, &edit_set);
    else
        ctl_call_fault(call, &fault);
}
