/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config_stages.h"

#define PATH_SIZE 96
#define KEY_SIZE  64

#define LEAVE_IT_OUT "leave it out"
#define SWITCH       "give the bridge \"mode\": \"switch\""

/* What a bridge's mode asks of the other keys. */

/*
 * Which keys have a meaning in which mode. A key that is not here has one in all of them. Where it
 * has none no default fills it in, and at its place only the value is legal that it has when nobody
 * says anything: that asks for nothing, and a configuration that is shown has it.
 */
static const struct mode_rule {
    const char *key;
    bool is_of_bridge; /* or of each of its ports */
    bool in[BRIDGE_N_MODES];
    const char *sentence;
    const char *hint;
} rules[] = {
    /* clang-format off */
    /*                           switch hub    wire */
    {"learning",        false, { true,  false, false }, "a bridge of this mode learns no addresses", LEAVE_IT_OUT},
    {"mac_limit",       false, { true,  false, false }, "a bridge of this mode learns no addresses", LEAVE_IT_OUT},
    {"flood",           false, { true,  true,  false }, "everything crosses a wire, and nothing comes back", LEAVE_IT_OUT},
    {"hairpin",         false, { true,  true,  false }, "everything crosses a wire, and nothing comes back", LEAVE_IT_OUT},
    {"isolation_group", false, { true,  true,  false }, "everything crosses a wire, and nothing comes back", LEAVE_IT_OUT},
    {"reserved",        false, { true,  true,  false }, "everything crosses a wire, and nothing comes back", LEAVE_IT_OUT},
    {"storm_control",   false, { true,  true,  false }, "a wire floods nothing: all that comes has one way to go", "'policing' limits what crosses it"},
    {"vlan_aware",      true,  { true,  true,  false }, "a wire does not keep VLANs apart", "leave it out: frames cross a wire with their tags"},
    {"fdb.static",      true,  { true,  false, false }, "a bridge of this mode looks no address up: it has no static entries", SWITCH},
    {"fdb.move_limit",  true,  { true,  false, false }, "a bridge of this mode learns no addresses: none moves", SWITCH},
    /* clang-format on */
};

bool config_mode_has(enum bridge_mode mode, const char *port_key)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
        if (!rules[i].is_of_bridge && strcmp(rules[i].key, port_key) == 0)
            return mode >= BRIDGE_N_MODES || rules[i].in[mode];
    }
    return true;
}

struct mode_checker {
    const struct config_text *text;
    struct config_report *report;
    const struct config_bridge *bridge;
    uint32_t index;
    uint32_t node; /* of the bridge */
};

static uint32_t member(const struct mode_checker *c, uint32_t object, const char *key)
{
    return json_member(&c->text->scan, c->text->bytes, object, key);
}

static void report(const struct mode_checker *c, uint32_t node, const char *key, const char *hint,
                   const char *sentence)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "bridges[%" PRIu32 "]%.*s", c->index, KEY_SIZE, key);
    config_report_add(c->report, c->text->scan.nodes[node].start, path, hint, "%s", sentence);
}

static void check_two_ports(const struct mode_checker *c)
{
    uint32_t n = 0;
    char sentence[64];

    for (uint32_t i = 0; i < c->bridge->n_ports; i++) {
        if (!config_is_mirror_output(c->bridge, &c->bridge->ports[i]))
            n += config_port_places(&c->bridge->ports[i]);
    }
    snprintf(sentence, sizeof(sentence), "a wire has two ports, and this one has %" PRIu32, n);
    if (n != 2)
        report(c, member(c, c->node, "mode"), ".mode",
               n > c->bridge->n_ports ? "a pattern counts for its 'max'" : NULL, sentence);
}

/* The row of @path, "fdb.static", within @object. */
static const struct config_key *find_row(const struct config_object *object, const char *path)
{
    const struct config_key *key = NULL;
    char name[KEY_SIZE];

    for (const char *at = path; *at; at += at[0] == '.') {
        size_t len = strcspn(at, ".");

        snprintf(name, sizeof(name), "%.*s", (int)len, at);
        key = config_key_find(object, name);
        object = key->object;
        at += len;
    }
    return key;
}

/* Where the text has the value of @path, from the object @node on; JSON_NONE if it does not. */
static uint32_t find_node(const struct mode_checker *c, uint32_t node, const char *path)
{
    char name[KEY_SIZE];

    for (const char *at = path; node != JSON_NONE && *at; at += at[0] == '.') {
        size_t len = strcspn(at, ".");

        snprintf(name, sizeof(name), "%.*s", (int)len, at);
        node = member(c, node, name);
        at += len;
    }
    return node;
}

/* @base is the C object that @node was read into, @plain one of which nobody said anything, and
 * @where what its path ends in. */
static void check_rule(const struct mode_checker *c, const struct mode_rule *rule,
                       const struct config_key *row, uint32_t node, const void *base,
                       const void *plain, const char *where)
{
    uint32_t place = find_node(c, node, rule->key);
    char path[PATH_SIZE];

    if (rule->in[c->bridge->mode] || place == JSON_NONE || config_same_key(row, base, plain))
        return;
    snprintf(path, sizeof(path), "%s.%s", where, rule->key);
    report(c, place, path, rule->hint, rule->sentence);
}

static void check_port(const struct mode_checker *c, uint32_t node, uint32_t i,
                       const struct config_port *plain)
{
    char where[KEY_SIZE];

    snprintf(where, sizeof(where), ".ports[%" PRIu32 "]", i);
    for (size_t k = 0; k < sizeof(rules) / sizeof(*rules); k++) {
        if (!rules[k].is_of_bridge)
            check_rule(c, &rules[k], config_key_find(&config_port, rules[k].key), node,
                       &c->bridge->ports[i], plain, where);
    }
}

static void check_ports(const struct mode_checker *c)
{
    uint32_t ports = member(c, c->node, "ports");
    uint32_t node = c->bridge->n_ports > 0 ? json_first_child(&c->text->scan, ports) : JSON_NONE;
    struct config_port plain = {0};

    config_set_defaults(&config_port, &plain);
    for (uint32_t i = 0; i < c->bridge->n_ports; i++) {
        check_port(c, node, i, &plain);
        node = c->text->scan.nodes[node].after;
    }
}

static void check_bridge(const struct mode_checker *c)
{
    const struct config_object *object = config_key_find(&config_document, "bridges")->object;
    struct config_bridge plain = {0};

    config_set_defaults(object, &plain);
    for (size_t k = 0; k < sizeof(rules) / sizeof(*rules); k++) {
        if (rules[k].is_of_bridge)
            check_rule(c, &rules[k], find_row(object, rules[k].key), c->node, c->bridge, &plain,
                       "");
    }
}

void config_check_mode(const struct config_text *text, const struct config_bridge *bridge,
                       uint32_t index, uint32_t bridge_node, struct config_report *report_to)
{
    const struct mode_checker c = {
        .text = text, .report = report_to, .bridge = bridge, .index = index, .node = bridge_node};

    if (bridge->mode == BRIDGE_N_MODES) /* no such mode, which has been reported */
        return;
    if (bridge->mode == BRIDGE_WIRE)
        check_two_ports(&c);
    check_bridge(&c);
    check_ports(&c);
}
