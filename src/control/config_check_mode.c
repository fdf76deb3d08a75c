/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>

#include "config_stages.h"

#define PATH_SIZE 96
#define KEY_SIZE  64

/* What a bridge's mode asks of the other keys. */

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

static void check_statics(const struct mode_checker *c)
{
    uint32_t fdb = member(c, c->node, "fdb");

    if (c->bridge->fdb.n_statics > 0)
        report(c, member(c, fdb, "static"), ".fdb.static", "give the bridge \"mode\": \"switch\"",
               "a bridge of this mode looks no address up: it has no static entries");
}

static void check_two_ports(const struct mode_checker *c)
{
    uint32_t n = 0;
    char sentence[64];

    for (uint32_t i = 0; i < c->bridge->n_ports; i++)
        n += config_port_places(&c->bridge->ports[i]);
    snprintf(sentence, sizeof(sentence), "a wire has two ports, and this one has %" PRIu32, n);
    if (n != 2)
        report(c, member(c, c->node, "mode"), ".mode",
               n > c->bridge->n_ports ? "a pattern counts for its 'max'" : NULL, sentence);
}

static void check_key(const struct mode_checker *c, uint32_t port, uint32_t i, const char *key,
                      bool is_harmless)
{
    uint32_t node = member(c, port, key);
    char path[KEY_SIZE];

    snprintf(path, sizeof(path), ".ports[%" PRIu32 "].%s", i, key);
    if (node != JSON_NONE && !is_harmless)
        report(c, node, path, "leave it out", "everything crosses a wire, and nothing comes back");
}

static void check_port(const struct mode_checker *c, uint32_t port, uint32_t i)
{
    const struct port_policy *policy = &c->bridge->ports[i].policy;
    bool floods = true;

    for (int class = 0; class < FLOOD_N_CLASSES; class ++)
        floods = floods && policy->flood[class];
    check_key(c, port, i, "reserved", false);
    check_key(c, port, i, "flood", floods);
    check_key(c, port, i, "hairpin", !policy->hairpin);
    check_key(c, port, i, "isolation_group", policy->isolation_group == ISOLATION_GROUP_NONE);
}

static void check_wire(const struct mode_checker *c)
{
    uint32_t ports = member(c, c->node, "ports");
    uint32_t node = c->bridge->n_ports > 0 ? json_first_child(&c->text->scan, ports) : JSON_NONE;

    check_two_ports(c);
    if (c->bridge->vlan_aware)
        report(c, member(c, c->node, "vlan_aware"), ".vlan_aware",
               "leave it out: frames cross a wire with their tags",
               "a wire does not keep VLANs apart");
    for (uint32_t i = 0; i < c->bridge->n_ports; i++) {
        check_port(c, node, i);
        node = c->text->scan.nodes[node].after;
    }
}

void config_check_mode(const struct config_text *text, const struct config_bridge *bridge,
                       uint32_t index, uint32_t bridge_node, struct config_report *report_to)
{
    const struct mode_checker c = {
        .text = text, .report = report_to, .bridge = bridge, .index = index, .node = bridge_node};

    switch (bridge->mode) {
    case BRIDGE_WIRE:
        check_wire(&c);
        check_statics(&c);
        break;
    case BRIDGE_HUB:
        check_statics(&c);
        break;
    case BRIDGE_SWITCH:
    case BRIDGE_N_MODES: /* no such mode, which has been reported */
        break;
    }
}
