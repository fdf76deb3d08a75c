/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_stages.h"

/* What spans mirrors: their names, their one output, and the ports that they name. */

#define PATH_SIZE 96

/* A mirror, or one of its sources, and where it is. */
struct placed {
    const struct mirror_settings *mirror;
    const struct mirror_source *source; /* NULL: the mirror itself */
    uint32_t node;
    uint32_t mirror_index;
    uint32_t index;
};

struct mirror_checker {
    const struct config_text *text;
    struct config_report *report;
    const struct config *config;
    const struct config_bridge *bridge;
    uint32_t bridge_index;
    const struct config_port **ports; /* by name */
    struct placed *sources;           /* of one mirror */
    struct placed mirrors[LIMIT_MIRRORS];
};

static const char *path_of(const struct mirror_checker *c, const struct placed *placed,
                           const char *key, char ret_path[PATH_SIZE])
{
    char source[32] = "";

    if (placed->source)
        snprintf(source, sizeof(source), ".from[%" PRIu32 "]", placed->index);
    snprintf(ret_path, PATH_SIZE, "bridges[%" PRIu32 "].mirror[%" PRIu32 "]%s%s", c->bridge_index,
             placed->mirror_index, source, key);
    return ret_path;
}

static uint32_t member(const struct mirror_checker *c, uint32_t object, const char *key)
{
    return json_member(&c->text->scan, c->text->bytes, object, key);
}

#define report_at(c, placed, key, hint, ...)                                                     \
    do {                                                                                         \
        char path_[PATH_SIZE];                                                                   \
        config_report_add((c)->report, place_of(c, placed, key), path_of(c, placed, key, path_), \
                          hint, __VA_ARGS__);                                                    \
    } while (0)

/* Where the value of @key ("" or ".name") is. */
static size_t place_of(const struct mirror_checker *c, const struct placed *placed, const char *key)
{
    uint32_t node = *key ? member(c, placed->node, key + 1) : placed->node;

    return c->text->scan.nodes[node].start;
}

static int compare_ports(const void *a, const void *b)
{
    const struct config_port *const *one = a;
    const struct config_port *const *other = b;

    return strcmp((*one)->name, (*other)->name);
}

static int compare_with_port(const void *name, const void *port)
{
    return strcmp(name, (*(const struct config_port *const *)port)->name);
}

static bool has_port(const struct mirror_checker *c, const char *name)
{
    return bsearch(name, c->ports, c->bridge->n_ports, sizeof(*c->ports), compare_with_port);
}

/* In the order of the text within equal names. */
static int compare_sources(const void *a, const void *b)
{
    const struct placed *one = a;
    const struct placed *other = b;
    int order = strcmp(one->source->port, other->source->port);

    if (order == 0)
        order = strcmp(one->source->match, other->source->match);
    return order ? order : one->index < other->index ? -1 : 1;
}

/* The mirror that @name is the output port of, or NULL. */
static const struct mirror_settings *mirror_to(const struct config_bridge *bridge, const char *name)
{
    for (uint32_t i = 0; i < bridge->n_mirrors; i++) {
        if (*name && strcmp(bridge->mirrors[i].output_port, name) == 0)
            return &bridge->mirrors[i];
    }
    return NULL;
}

bool config_is_mirror_output(const struct config_bridge *bridge, const struct config_port *port)
{
    return mirror_to(bridge, port->name) != NULL;
}

/* Names that are empty here were missing or wrong, which has been reported. */
static void check_port(const struct mirror_checker *c, const struct placed *placed, const char *key,
                       const char *name)
{
    char hint[CONFIG_PORT_HINT_SIZE];

    if (!*name || has_port(c, name))
        return;
    config_hint_port(c->config, c->bridge, name, "are no output_port of a mirror", hint);
    report_at(c, placed, key, *hint ? hint : NULL, "this bridge has no port named '%s'", name);
}

/* It may also be one that a pattern makes, now and then. */
static void check_source(const struct mirror_checker *c, const struct placed *placed)
{
    const char *name = placed->source->port;
    const struct mirror_settings *other = mirror_to(c->bridge, name);

    if (!config_match_of_port(c->bridge, name))
        check_port(c, placed, ".port", name);
    if (other)
        report_at(c, placed, ".port", "a copy is not copied again",
                  "'%s' is the output_port of the mirror '%s': nothing but copies leaves by it",
                  name, other->name);
}

static bool is_same(const struct mirror_source *one, const struct mirror_source *other)
{
    return strcmp(one->port, other->port) == 0 && strcmp(one->match, other->match) == 0;
}

static void check_sources(const struct mirror_checker *c, const struct placed *mirror)
{
    const struct json_scan *scan = &c->text->scan;
    uint32_t n = mirror->mirror->n_from;
    uint32_t node = n > 0 ? json_first_child(scan, member(c, mirror->node, "from")) : JSON_NONE;

    for (uint32_t i = 0; i < n; i++) {
        c->sources[i] = *mirror;
        c->sources[i].source = &mirror->mirror->from[i];
        c->sources[i].node = node;
        c->sources[i].index = i;
        check_source(c, &c->sources[i]);
        node = scan->nodes[node].after;
    }
    qsort(c->sources, n, sizeof(*c->sources), compare_sources);
    for (uint32_t i = 1; i < n; i++) {
        const struct mirror_source *source = c->sources[i].source;
        const char *name = *source->port ? source->port : source->match;

        if (*name && is_same(c->sources[i - 1].source, source))
            report_at(c, &c->sources[i], *source->port ? ".port" : ".match",
                      "\"direction\": \"both\" is both at once",
                      "'%s' is a source of this mirror already", name);
    }
}

static void check_vlans(const struct mirror_checker *c, const struct placed *mirror)
{
    static const char *const keys[] = {".vlans", ".output_vlan"};
    uint32_t output = mirror->mirror->output_vlan;
    bool has_vlans = member(c, mirror->node, "vlans") != JSON_NONE;

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (!c->bridge->vlan_aware && member(c, mirror->node, keys[i] + 1) != JSON_NONE)
            report_at(c, mirror, keys[i], "give the bridge \"vlan_aware\": true",
                      "the bridge is transparent to tags: it has no VLANs");
    }
    if (has_vlans && output != VID_NONE && vidset_has(&mirror->mirror->vlans, (uint16_t)output))
        report_at(c, mirror, ".vlans", NULL,
                  "VLAN %" PRIu32 " is where the copies go: its frames are not copied into it",
                  output);
}

static void check_name(const struct mirror_checker *c, const struct placed *mirror)
{
    for (uint32_t i = 0; i < mirror->mirror_index && *mirror->mirror->name; i++) {
        char first_path[PATH_SIZE];

        if (strcmp(c->mirrors[i].mirror->name, mirror->mirror->name) != 0)
            continue;
        report_at(c, mirror, ".name", NULL, "the name '%s' is taken by %s", mirror->mirror->name,
                  path_of(c, &c->mirrors[i], "", first_path));
        return;
    }
}

/* Frames to such an address would all be dropped. */
static void check_statics(const struct mirror_checker *c, uint32_t bridge_node)
{
    const struct json_scan *scan = &c->text->scan;
    uint32_t n = c->bridge->fdb.n_statics;
    uint32_t node = n > 0 ? member(c, member(c, bridge_node, "fdb"), "static") : JSON_NONE;
    char path[PATH_SIZE];

    node = n > 0 ? json_first_child(scan, node) : JSON_NONE;
    for (uint32_t i = 0; i < n; i++) {
        const char *port = c->bridge->fdb.statics[i].port;
        const struct mirror_settings *mirror = mirror_to(c->bridge, port);

        snprintf(path, sizeof(path), "bridges[%" PRIu32 "].fdb.static[%" PRIu32 "].port",
                 c->bridge_index, i);
        if (mirror)
            config_report_add(c->report, scan->nodes[member(c, node, "port")].start, path, NULL,
                              "nothing would reach the address: '%s' is the output_port of the "
                              "mirror '%s'",
                              port, mirror->name);
        node = scan->nodes[node].after;
    }
}

static void check_bridge(struct mirror_checker *c, uint32_t bridge_node)
{
    const struct json_scan *scan = &c->text->scan;
    uint32_t node = json_first_child(scan, member(c, bridge_node, "mirror"));

    for (uint32_t i = 0; i < c->bridge->n_ports; i++)
        c->ports[i] = &c->bridge->ports[i];
    qsort(c->ports, c->bridge->n_ports, sizeof(*c->ports), compare_ports);
    for (uint32_t i = 0; i < c->bridge->n_mirrors; i++) {
        struct placed *mirror = &c->mirrors[i];

        *mirror =
            (struct placed){.mirror = &c->bridge->mirrors[i], .node = node, .mirror_index = i};
        check_name(c, mirror);
        check_port(c, mirror, ".output_port", mirror->mirror->output_port);
        check_vlans(c, mirror);
        check_sources(c, mirror);
        node = scan->nodes[node].after;
    }
    check_statics(c, bridge_node);
}

static uint32_t most_sources(const struct config *config)
{
    uint32_t most = 0;

    for (uint32_t b = 0; b < config->n_bridges; b++) {
        for (uint32_t i = 0; i < config->bridges[b].n_mirrors; i++) {
            if (config->bridges[b].mirrors[i].n_from > most)
                most = config->bridges[b].mirrors[i].n_from;
        }
    }
    return most;
}

static void check_bridges(struct mirror_checker *c)
{
    const struct json_scan *scan = &c->text->scan;
    uint32_t node = json_first_child(scan, json_member(scan, c->text->bytes, 0, "bridges"));

    for (uint32_t i = 0; i < c->config->n_bridges; i++) {
        c->bridge = &c->config->bridges[i];
        c->bridge_index = i;
        if (c->bridge->n_mirrors > 0)
            check_bridge(c, node);
        node = scan->nodes[node].after;
    }
}

int config_check_mirrors(const struct config_text *text, const struct config *config,
                         struct config_report *report)
{
    struct mirror_checker c = {.text = text, .report = report, .config = config};
    int r = -ENOMEM;

    if (config->n_bridges == 0)
        return 0;
    c.ports = calloc(config_n_ports(config) + 1, sizeof(*c.ports));
    c.sources = calloc(most_sources(config) + 1, sizeof(*c.sources));
    if (c.ports && c.sources) {
        check_bridges(&c);
        r = 0;
    }
    free(c.ports);
    free(c.sources);
    return r;
}
