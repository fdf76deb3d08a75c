/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_stages.h"
#include "ringspan/glob.h"

/* What a number is multiplied with before @unit, as it is written behind it; 0: nobody knows. */
static double factor_of(const struct config_key *key, const char *unit)
{
    static const struct {
        const char *name;
        double seconds;
    } times[] = {{"s", 1}, {"sec", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};

    while (*unit == ' ')
        unit++;
    if (*unit == '\0' || (key->unit && strcasecmp(unit, key->unit) == 0))
        return 1;
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        if (key->unit && strcmp(key->unit, "seconds") == 0 && strcmp(unit, times[i].name) == 0)
            return times[i].seconds;
    }
    return 0;
}

/* Below the range of any key if it is none. */
static double number_in(const struct config_key *key, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    double factor = end > text ? factor_of(key, end) : 0;

    return factor > 0 ? value * factor : -1;
}

/* "300", "300s", "5min" and 3e2 are 300 to whoever wrote them. */
static void hint_integer(const struct config_key *key, const struct json_node *node,
                         struct json_object *json, char ret_hint[CONFIG_HINT_SIZE])
{
    double value = -1;

    if (node->kind == JSON_STRING)
        value = number_in(key, json_object_get_string(json));
    else if (node->kind == JSON_FRACTION)
        value = json_object_get_double(json);
    if (value >= (double)key->min && value <= (double)key->max && value == (double)(int64_t)value)
        snprintf(ret_hint, CONFIG_HINT_SIZE,
                 key->unit ? "write %" PRId64 " (%s)" : "write %" PRId64, (int64_t)value,
                 key->unit);
    else if (node->kind == JSON_FRACTION)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write a whole number%s%s", key->unit ? " of " : "",
                 key->unit ? key->unit : "");
}

/* What people write who come from other formats. */
static void hint_boolean(struct json_object *json, char ret_hint[CONFIG_HINT_SIZE])
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
    const char *text = json ? json_object_get_string(json) : "";

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcmp(text, words[i]) == 0)
            snprintf(ret_hint, CONFIG_HINT_SIZE, "write %s, without quotes",
                     i % 2 ? "true" : "false");
    }
}

/* Whoever gives the rate alone may leave out what is around it, in other formats. */
static bool is_limit(const struct config_key *key)
{
    return key->type == CONFIG_OBJECT && key->object && key->object->keys[0].type == CONFIG_RATE;
}

/* A number where there is an object around the most important one. */
static void hint_object(const struct config_key *key, struct json_object *json,
                        char ret_hint[CONFIG_HINT_SIZE])
{
    const struct config_key *first = &key->object->keys[0];

    if (strcmp(key->name, "vlan") == 0)
        snprintf(ret_hint, CONFIG_HINT_SIZE,
                 "write { \"mode\": \"access\", \"pvid\": %" PRId64 " }",
                 json_object_get_int64(json));
    else if (first->required && first->type == CONFIG_INTEGER)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write { \"%s\": %" PRId64 " }", first->name,
                 json_object_get_int64(json));
}

void config_hint_type(const struct config_key *key, enum json_kind wanted,
                      const struct json_node *node, struct json_object *json,
                      char ret_hint[CONFIG_HINT_SIZE])
{
    ret_hint[0] = '\0';
    if (node->kind == JSON_NULL && !key->required)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "leave it out instead");
    else if (wanted == JSON_INTEGER)
        hint_integer(key, node, json, ret_hint);
    else if (wanted == JSON_BOOLEAN)
        hint_boolean(json, ret_hint);
    else if (key->type == CONFIG_RATE)
        snprintf(ret_hint, CONFIG_HINT_SIZE,
                 "write \"1000pps\" for packets per second; for bits \"10mbit\"");
    else if (wanted == JSON_OBJECT && node->kind == JSON_INTEGER && key->object)
        hint_object(key, json, ret_hint);
    else if (wanted == JSON_OBJECT && node->kind == JSON_STRING && is_limit(key))
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write { \"rate\": %s }",
                 json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
    else if (wanted == JSON_STRING && key->type != CONFIG_WORD && node->kind == JSON_INTEGER)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write \"%" PRId64 "\"", json_object_get_int64(json));
    else if (key->type == CONFIG_VIDS)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write [ 10, \"20-29\" ]: a list, also for one");
    else if (key->type == CONFIG_WORDS && node->kind == JSON_STRING)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write [ %s ]: a list, also for one",
                 json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
    else if (wanted == JSON_ARRAY && node->kind == JSON_OBJECT)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write [ { ... } ]: a list, also for one");
    else if (wanted == JSON_OBJECT && key->type == CONFIG_LIST)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "write { \"%s\": ... }", key->object->keys[0].name);
}

/* The object, from @object down, of which @name is a key; or NULL. */
static const struct config_object *find_owner(const struct config_object *object, const char *name,
                                              bool planned)
{
    const struct config_key *key = config_key_find(object, name);

    if (key && (key->type == CONFIG_PLANNED) == planned)
        return object;
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_object *inner = object->keys[i].object;
        const struct config_object *owner = inner ? find_owner(inner, name, planned) : NULL;

        if (owner)
            return owner;
    }
    return NULL;
}

static const char *suggest_key(const struct config_object *object, const char *name, bool planned)
{
    const char *candidates[CONFIG_MAX_CANDIDATES];
    uint32_t n = 0;

    for (uint32_t i = 0; i < object->n_keys && n < CONFIG_MAX_CANDIDATES; i++) {
        if ((object->keys[i].type == CONFIG_PLANNED) == planned)
            candidates[n++] = object->keys[i].name;
    }
    return config_suggest(name, candidates, n);
}

bool config_hint_key(const struct config_object *object, const char *name,
                     char ret_hint[CONFIG_HINT_SIZE])
{
    const struct config_object *owner = find_owner(&config_document, name, false);
    const char *suggestion = suggest_key(object, name, false);
    const char *planned = suggest_key(object, name, true);

    ret_hint[0] = '\0';
    if (suggestion)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "did you mean '%s'?", suggestion);
    else if (owner)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "'%s' is a key of %s", name, owner->what);
    else if (planned)
        snprintf(ret_hint, CONFIG_HINT_SIZE, "%s is not supported by this version", planned);
    else
        return find_owner(&config_document, name, true) != NULL;
    return false;
}

static const char *bridge_of_port(const struct config *config, const char *name)
{
    for (uint32_t b = 0; b < config->n_bridges; b++) {
        for (uint32_t i = 0; i < config->bridges[b].n_ports; i++) {
            if (strcmp(config->bridges[b].ports[i].name, name) == 0)
                return config->bridges[b].name;
        }
    }
    return NULL;
}

const char *config_match_of_port(const struct config_bridge *bridge, const char *name)
{
    uint32_t i = 0;

    while (i < bridge->n_ports &&
           !(*bridge->ports[i].match && glob_matches(bridge->ports[i].match, name)))
        i++;
    return i < bridge->n_ports ? bridge->ports[i].match : NULL;
}

void config_hint_port(const struct config *config, const struct config_bridge *bridge,
                      const char *name, const char *cannot, char ret_hint[CONFIG_PORT_HINT_SIZE])
{
    const char *other = bridge_of_port(config, name);
    const char *match = config_match_of_port(bridge, name);

    ret_hint[0] = '\0';
    if (other)
        snprintf(ret_hint, CONFIG_PORT_HINT_SIZE, "'%s' is a port of the bridge '%s'", name, other);
    else if (match)
        snprintf(ret_hint, CONFIG_PORT_HINT_SIZE,
                 "ports that a pattern makes ('%s') %s: add { \"name\": \"%s\" } to its ports",
                 match, cannot, name);
}
