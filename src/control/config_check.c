/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_stages.h"
#include "ringspan/config.h"

#define PATH_SIZE 64

/* A name, and where it was given. */
struct named {
    const char *name;
    const char *netns; /* where the name is unique; NULL: everywhere, or in the daemon's own */
    struct config_port *port; /* NULL: the name is the bridge's */
    uint32_t node;            /* of the bridge or port */
    uint32_t bridge_index;
    uint32_t port_index;
};

struct checker {
    const struct config_text *text;
    struct config_report *report;
};

static const char *path_of(const struct named *named, const char *key, char ret_path[PATH_SIZE])
{
    if (named->port)
        snprintf(ret_path, PATH_SIZE, "bridges[%" PRIu32 "].ports[%" PRIu32 "]%s",
                 named->bridge_index, named->port_index, key);
    else
        snprintf(ret_path, PATH_SIZE, "bridges[%" PRIu32 "]%s", named->bridge_index, key);
    return ret_path;
}

static uint32_t member(const struct checker *c, const struct named *named, const char *key)
{
    return json_member(&c->text->scan, c->text->bytes, named->node, key);
}

static int compare_places(const struct named *a, const struct named *b)
{
    int order = strcmp(a->name, b->name);

    return order ? order : strcmp(a->netns ? a->netns : "", b->netns ? b->netns : "");
}

/* In the order of the text within equal names. */
static int compare_names(const void *a, const void *b)
{
    const struct named *named_a = a;
    const struct named *named_b = b;
    int order = compare_places(named_a, named_b);

    return order ? order : named_a->node < named_b->node ? -1 : 1;
}

static void report_name_clash(struct checker *c, const struct named *first,
                              const struct named *later)
{
    char first_path[PATH_SIZE];
    char path[PATH_SIZE];
    uint32_t node = member(c, later, "name");

    config_report_add(c->report, c->text->scan.nodes[node].start, path_of(later, ".name", path),
                      NULL, "the name '%s' is taken by %s: %s names are unique in the daemon",
                      later->name, path_of(first, "", first_path), later->port ? "port" : "bridge");
}

/* An ifname that was not written is the port's name; two equal names have been reported as such. */
static void report_ifname_clash(struct checker *c, const struct named *first,
                                const struct named *later)
{
    char first_path[PATH_SIZE];
    char path[PATH_SIZE];
    uint32_t node = member(c, later, "ifname");
    bool is_written = node != JSON_NONE;

    if (!is_written && strcmp(first->port->name, later->port->name) == 0)
        return;
    if (!is_written)
        node = member(c, later, "name");
    config_report_add(c->report, c->text->scan.nodes[node].start,
                      path_of(later, is_written ? ".ifname" : ".name", path),
                      is_written ? NULL : "ifname is the port's name if it is not given",
                      "the interface '%s' is used by %s already", later->name,
                      path_of(first, "", first_path));
}

static void report_match_clash(struct checker *c, const struct named *first,
                               const struct named *later)
{
    char first_path[PATH_SIZE];
    char path[PATH_SIZE];
    uint32_t node = member(c, later, "match");

    config_report_add(c->report, c->text->scan.nodes[node].start, path_of(later, ".match", path),
                      "an interface becomes a port of the first that matches",
                      "the pattern '%s' is used by %s already", later->name,
                      path_of(first, "", first_path));
}

/* Names that are empty here were missing or wrong in the text, which has been reported; or they are
 * of the other kind of ports. */
static void check_unique(struct checker *c, struct named *names, uint32_t n,
                         void (*report)(struct checker *c, const struct named *first,
                                        const struct named *later))
{
    const struct named *first = names;

    qsort(names, n, sizeof(*names), compare_names);
    for (uint32_t i = 1; i < n; i++) {
        if (compare_places(first, &names[i]) != 0)
            first = &names[i];
        else if (names[i].name[0])
            report(c, first, &names[i]);
    }
}

/* The node of the first element of the list @key in @object; JSON_NONE if there is none. */
static uint32_t first_element(const struct config_text *text, uint32_t object, const char *key)
{
    uint32_t list = json_member(&text->scan, text->bytes, object, key);

    return list == JSON_NONE ? JSON_NONE : json_first_child(&text->scan, list);
}

/* What the bridge says for its ports; it is nearer to them than the document's defaults, which are
 * filled in already, and of which nobody thinks when an uplink becomes a port: they ask nothing. */
static void inherit(const struct config_bridge *bridge, struct config_port *port)
{
    if (!port->says_isolate_host && bridge->says_isolate_host)
        port->isolate_host = bridge->isolate_host;
    port->isolate_host_is_asked = port->says_isolate_host || bridge->says_isolate_host;
}

/* One entry per port, with its ifname filled in if the text gives none. */
static void collect_ports(struct checker *c, struct config_bridge *bridge,
                          const struct named *bridge_name, struct named *ret_ports)
{
    const struct json_scan *scan = &c->text->scan;
    uint32_t node = first_element(c->text, bridge_name->node, "ports");

    for (uint32_t i = 0; i < bridge->n_ports; i++) {
        struct config_port *port = &bridge->ports[i];

        ret_ports[i] = (struct named){
            .name = port->name,
            .port = port,
            .node = node,
            .bridge_index = bridge_name->bridge_index,
            .port_index = i,
        };
        if (json_member(scan, c->text->bytes, node, "ifname") == JSON_NONE)
            memcpy(port->ifname, port->name, sizeof(port->ifname));
        inherit(bridge, port);
        node = scan->nodes[node].after;
    }
}

static void collect(struct checker *c, struct config *config, struct named *ret_bridges,
                    struct named *ret_ports)
{
    uint32_t node = config->n_bridges > 0 ? first_element(c->text, 0, "bridges") : JSON_NONE;
    uint32_t n_ports = 0;

    for (uint32_t i = 0; i < config->n_bridges; i++) {
        struct config_bridge *bridge = &config->bridges[i];

        ret_bridges[i] =
            (struct named){.name = bridge->name, .node = node, .bridge_index = i, .port = NULL};
        collect_ports(c, bridge, &ret_bridges[i], ret_ports + n_ports);
        n_ports += bridge->n_ports;
        node = c->text->scan.nodes[node].after;
    }
}

/* The error is at the port that is one too many. Sums of what a text can hold fit. */
static void check_port_count(struct checker *c, const struct named *ports, uint32_t n_ports)
{
    const struct named *excess = NULL;
    char path[PATH_SIZE];
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_ports; i++) {
        n += config_port_places(ports[i].port);
        if (n > LIMIT_PORTS && !excess)
            excess = &ports[i];
    }
    if (excess)
        config_report_add(
            c->report, c->text->scan.nodes[excess->node].start, path_of(excess, "", path),
            n > n_ports ? "a pattern counts for its 'max'" : NULL,
            "%" PRIu32 " ports are too many: at most %d are allowed in one daemon", n, LIMIT_PORTS);
}

int config_check(const struct config_text *text, struct config *config,
                 struct config_report *report)
{
    struct checker c = {.text = text, .report = report};
    uint32_t n_ports = config_n_ports(config);
    struct named *names = calloc((size_t)config->n_bridges + n_ports + 1, sizeof(*names));
    struct named *ports = names + config->n_bridges;
    int r;

    if (!names)
        return -ENOMEM;
    collect(&c, config, names, ports);
    check_port_count(&c, ports, n_ports);
    config_check_default_vlan(text, config, report);
    check_unique(&c, names, config->n_bridges, report_name_clash);
    check_unique(&c, ports, n_ports, report_name_clash);
    for (uint32_t i = 0; i < config->n_bridges; i++) {
        const struct config_bridge *bridge = &config->bridges[names[i].bridge_index];

        config_check_mode(text, bridge, names[i].bridge_index, names[i].node, report);
        config_check_vlans(text, bridge, names[i].bridge_index, names[i].node, report);
    }
    for (uint32_t i = 0; i < n_ports; i++) {
        ports[i].name = ports[i].port->ifname;
        ports[i].netns = ports[i].port->netns;
    }
    check_unique(&c, ports, n_ports, report_ifname_clash);
    for (uint32_t i = 0; i < n_ports; i++) {
        ports[i].name = ports[i].port->match;
        ports[i].netns = ports[i].port->netns;
    }
    check_unique(&c, ports, n_ports, report_match_clash);
    free(names);
    r = config_check_static(text, config, report);
    return r < 0 ? r : config_check_mirrors(text, config, report);
}
