/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_change.h"
#include "ringspan/config_keys.h"
#include "ringspan/glob.h"

/* port.set, port.add, port.del: edits of what stands in "ports" of a bridge. */

/* ---- finding things in the document ---- */

static const char *name_of(struct json_object *object)
{
    return json_object_get_string(json_object_object_get(object, "name"));
}

static bool find_named(struct json_object *list, const char *name, size_t *ret_i)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *its_name = name_of(json_object_array_get_idx(list, i));

        if (its_name && strcmp(its_name, name) == 0) {
            *ret_i = i;
            return true;
        }
    }
    return false;
}

/* The pattern in "ports" that matches @name, or NULL. */
static const char *find_match(struct json_object *ports, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(ports); i++) {
        struct json_object *port = json_object_array_get_idx(ports, i);
        const char *match = json_object_get_string(json_object_object_get(port, "match"));

        if (match && glob_matches(match, name))
            return match;
    }
    return NULL;
}

static bool find_bridge(struct json_object *document, const char *name,
                        struct json_object **ret_bridge)
{
    struct json_object *bridges = json_object_object_get(document, "bridges");
    size_t i;

    if (!find_named(bridges, name, &i))
        return false;
    *ret_bridge = json_object_array_get_idx(bridges, i);
    return true;
}

bool ctl_find_place(struct json_object *document, const char *name, struct ctl_place *ret_place)
{
    struct json_object *bridges = json_object_object_get(document, "bridges");

    for (size_t i = 0; i < json_object_array_length(bridges); i++) {
        struct ctl_place place = {.bridge = json_object_array_get_idx(bridges, i)};

        place.ports = json_object_object_get(place.bridge, "ports");
        if (find_named(place.ports, name, &place.i)) {
            *ret_place = place;
            return true;
        }
    }
    return false;
}

int ctl_no_such_port(struct json_object *document, const char *name, char ret_why[CHANGE_WHY_SIZE])
{
    struct json_object *bridges = json_object_object_get(document, "bridges");
    const char *match = NULL;

    for (size_t i = 0; !match && i < json_object_array_length(bridges); i++)
        match = find_match(json_object_object_get(json_object_array_get_idx(bridges, i), "ports"),
                           name);
    if (match)
        snprintf(ret_why, CHANGE_WHY_SIZE,
                 "'%s' is no port of its own but one of match %s: `port add %s` makes it one", name,
                 match, name);
    else
        snprintf(ret_why, CHANGE_WHY_SIZE, "there is no port named '%s'", name);
    return -EINVAL;
}

/* A pattern stands once for each namespace, which nobody names here. */
static int find_pattern(struct json_object *document, const char *match,
                        struct ctl_place *ret_place, char ret_why[CHANGE_WHY_SIZE])
{
    struct json_object *bridges = json_object_object_get(document, "bridges");
    uint32_t n = 0;

    for (size_t b = 0; b < json_object_array_length(bridges); b++) {
        struct ctl_place place = {.bridge = json_object_array_get_idx(bridges, b)};

        place.ports = json_object_object_get(place.bridge, "ports");
        for (place.i = 0; place.i < json_object_array_length(place.ports); place.i++) {
            struct json_object *port = json_object_array_get_idx(place.ports, place.i);
            const char *its_match = json_object_get_string(json_object_object_get(port, "match"));

            if (!its_match || strcmp(its_match, match) != 0)
                continue;
            *ret_place = place;
            n++;
        }
    }
    if (n == 1)
        return 0;
    if (n == 0)
        snprintf(ret_why, CHANGE_WHY_SIZE, "there is no pattern '%s'", match);
    else
        snprintf(ret_why, CHANGE_WHY_SIZE,
                 "there are %u patterns '%s', in as many namespaces: only the file can tell them "
                 "apart",
                 n, match);
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

/* The port that is called "port", or the pattern that is "match". */
static int find_subject(struct json_object *params, struct json_object *document,
                        struct ctl_place *ret_place, char ret_why[CHANGE_WHY_SIZE])
{
    const char *name = string_of(params, "port");

    if (!name)
        return find_pattern(document, string_of(params, "match"), ret_place, ret_why);
    return ctl_find_place(document, name, ret_place) ? 0
                                                     : ctl_no_such_port(document, name, ret_why);
}

/* What null says in the file, of those keys of which it may; of others, that they are not there. */
static int set_key(struct json_object *port, const char *name, struct json_object *value)
{
    const struct config_key *key = config_key_find(&config_port, name);

    if (!value && key && !config_key_can_be_none(&config_port, key)) {
        json_object_object_del(port, name);
        return 0;
    }
    return json_object_object_add(port, name, json_object_get(value)) < 0 ? -ENOMEM : 0;
}

static int alter_by_set(void *state, struct json_object *document, char ret_why[CHANGE_WHY_SIZE])
{
    struct json_object *params = state;
    const char *name = string_of(params, "port");
    struct json_object *port;
    struct ctl_place place;
    int r = find_subject(params, document, &place, ret_why);

    if (r < 0)
        return r;
    port = json_object_array_get_idx(place.ports, place.i);
    json_object_object_foreach(params, key, value)
    {
        if (strcmp(key, name ? "port" : "match") == 0)
            continue;
        if (name && strcmp(key, "name") == 0 &&
            (!value || strcmp(json_object_get_string(value), name))) {
            snprintf(ret_why, CHANGE_WHY_SIZE,
                     "port %s: a port keeps its name: delete it and add another", name);
            return -EINVAL;
        }
        r = set_key(port, key, value);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The only bridge, if none is named. */
static int choose_bridge(struct json_object *document, const char *name,
                         struct json_object **ret_bridge, char ret_why[CHANGE_WHY_SIZE])
{
    struct json_object *bridges = json_object_object_get(document, "bridges");

    if (name && find_bridge(document, name, ret_bridge))
        return 0;
    if (!name && json_object_array_length(bridges) == 1) {
        *ret_bridge = json_object_array_get_idx(bridges, 0);
        return 0;
    }
    if (name)
        snprintf(ret_why, CHANGE_WHY_SIZE, "there is no bridge named '%s'", name);
    else
        snprintf(ret_why, CHANGE_WHY_SIZE, "which bridge? There are %zu",
                 json_object_array_length(bridges));
    return -EINVAL;
}

static int alter_by_add(void *state, struct json_object *document, char ret_why[CHANGE_WHY_SIZE])
{
    struct json_object *params = state;
    struct json_object *port = json_object_object_get(params, "port");
    const char *name = string_of(port, "name");
    struct json_object *bridge;
    struct ctl_place place;
    int r;

    if (name && ctl_find_place(document, name, &place)) {
        snprintf(ret_why, CHANGE_WHY_SIZE, "there is a port named '%s' already, in bridge %s", name,
                 name_of(place.bridge));
        return -EEXIST;
    }
    r = choose_bridge(document, string_of(params, "bridge"), &bridge, ret_why);
    if (r < 0)
        return r;
    r = json_object_array_add(json_object_object_get(bridge, "ports"), json_object_get(port));
    return r < 0 ? -ENOMEM : 0;
}

static int alter_by_del(void *state, struct json_object *document, char ret_why[CHANGE_WHY_SIZE])
{
    struct ctl_place place;
    int r = find_subject(state, document, &place, ret_why);

    if (r == 0)
        json_object_array_del_idx(place.ports, place.i, 1);
    return r;
}

/* To be asked to be up is news to a port that is up, but shut down for what arrived on it. */
static void recover_if_up(void *state, struct daemon *daemon)
{
    const char *admin_state = string_of(state, "admin_state");

    if (admin_state && strcmp(admin_state, port_admin_state_name(PORT_ADMIN_UP)) == 0)
        daemon_recover_port(daemon, string_of(state, "port"));
}

static const struct change_edit edit_add = {"port.add", alter_by_add, free_params, NULL};
static const struct change_edit edit_del = {"port.del", alter_by_del, free_params, NULL};
static const struct change_edit edit_set = {"port.set", alter_by_set, free_params, recover_if_up};

/* ---- the methods ---- */

static bool needs_subject(const struct json_object *params, struct ctl_fault *ret_fault)
{
    const char *port = NULL;
    const char *match = NULL;

    if (!ctl_params_string(params, "port", &port, ret_fault) ||
        (!port && !ctl_params_string(params, "match", &match, ret_fault)))
        return false;
    if (!port && !match)
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "port: missing");
    return port || match;
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

    if (needs_subject(params, &fault))
        begin(call, params, context, &edit_set);
    else
        ctl_call_fault(call, &fault);
}

static bool needs_object(const struct json_object *params, const char *key,
                         struct ctl_fault *ret_fault)
{
    struct json_object *value = NULL;

    if (params && json_object_object_get_ex(params, key, &value) &&
        json_object_is_type(value, json_type_object))
        return true;
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: %s", key,
                  value ? "not an object" : "missing");
    return false;
}

void ctl_port_add(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", "port", NULL};
    const char *bridge = NULL;
    struct ctl_fault fault;

    if (ctl_params_known(params, known, &fault) &&
        ctl_params_string(params, "bridge", &bridge, &fault) &&
        needs_object(params, "port", &fault))
        begin(call, params, context, &edit_add);
    else
        ctl_call_fault(call, &fault);
}

void ctl_port_del(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"match", "port", NULL};
    struct ctl_fault fault;

    if (ctl_params_known(params, known, &fault) && needs_subject(params, &fault))
        begin(call, params, context, &edit_del);
    else
        ctl_call_fault(call, &fault);
}
