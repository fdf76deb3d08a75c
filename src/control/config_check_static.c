/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_stages.h"
#include "ringspan/config.h"
#include "ringspan/mac.h"

/* What spans the static entries of a bridge: their ports and whether these are in their VLANs,
 * their number, and that none is there twice. */

#define PATH_SIZE 64
#define HINT_SIZE 192

/* An entry, and where it is. What was wrong by itself is empty here, and has been reported. */
struct placed {
    const struct config_static *entry;
    uint32_t node;
    uint32_t index;
};

struct static_checker {
    const struct config_text *text;
    struct config_report *report;
    const struct config *config;
    uint32_t bridge;
    struct placed *entries;
    uint32_t n_entries;
    const struct config_port **ports; /* by name */
};

static const char *path_of(const struct static_checker *c, const struct placed *placed,
                           const char *key, char ret_path[PATH_SIZE])
{
    snprintf(ret_path, PATH_SIZE, "bridges[%" PRIu32 "].fdb.static[%" PRIu32 "]%s", c->bridge,
             placed->index, key);
    return ret_path;
}

static size_t place_of(const struct static_checker *c, const struct placed *placed, const char *key)
{
    uint32_t node = json_member(&c->text->scan, c->text->bytes, placed->node, key);

    return c->text->scan.nodes[node].start;
}

static int compare_names(const void *a, const void *b)
{
    const struct config_port *const *one = a;
    const struct config_port *const *other = b;

    return strcmp((*one)->name, (*other)->name);
}

static int compare_with_name(const void *name, const void *port)
{
    return strcmp(name, (*(const struct config_port *const *)port)->name);
}

static const struct config_port *find_port(const struct static_checker *c, const char *name)
{
    uint32_t n_ports = c->config->bridges[c->bridge].n_ports;
    const struct config_port *const *found =
        bsearch(name, c->ports, n_ports, sizeof(*c->ports), compare_with_name);

    return found ? *found : NULL;
}

/* In the order of the text within equal addresses. */
static int compare_addresses(const void *a, const void *b)
{
    const struct placed *one = a;
    const struct placed *other = b;

    if (one->entry->vlan != other->entry->vlan)
        return one->entry->vlan < other->entry->vlan ? -1 : 1;
    if (one->entry->mac != other->entry->mac)
        return one->entry->mac < other->entry->mac ? -1 : 1;
    return one->index < other->index ? -1 : 1;
}

static void report_port(const struct static_checker *c, const struct placed *placed)
{
    const char *name = placed->entry->port;
    char path[PATH_SIZE];
    char hint[CONFIG_PORT_HINT_SIZE];

    config_hint_port(c->config, &c->config->bridges[c->bridge], name, "have no static entries",
                     hint);
    config_report_add(c->report, place_of(c, placed, "port"), path_of(c, placed, ".port", path),
                      *hint ? hint : NULL, "this bridge has no port named '%s'", name);
}

/* How the port could come to be in the VLAN, or why not. */
static void hint_membership(const struct config_port *port, uint16_t vid, char ret_hint[HINT_SIZE])
{
    const struct vlan_settings *vlan = &port->vlan;

    if (!vlan_mode_has_allowed(vlan->mode))
        snprintf(ret_hint, HINT_SIZE, "a port of mode '%s' is in the VLAN of its pvid alone, %u",
                 vlan_mode_name(vlan->mode), vlan->pvid);
    else if (!vidset_has(&vlan->allowed, vid))
        snprintf(ret_hint, HINT_SIZE, "add %u to its vlan.allowed", vid);
    else
        snprintf(ret_hint, HINT_SIZE, "its 'translate' uses VID %u for another VLAN", vid);
}

/* Frames to the address would all be dropped, and flooded nowhere. */
static void report_outsider(const struct static_checker *c, const struct placed *placed,
                            const struct config_port *port)
{
    uint16_t vid = (uint16_t)placed->entry->vlan;
    char mac[MAC_STRING_SIZE];
    char path[PATH_SIZE];
    char hint[HINT_SIZE];

    hint_membership(port, vid, hint);
    config_report_add(c->report, place_of(c, placed, "vlan"), path_of(c, placed, ".vlan", path),
                      hint, "nothing would reach %s: port '%s' is not in VLAN %u",
                      mac_format(placed->entry->mac, mac), port->name, vid);
}

/* False if something about it is missing or wrong, which has been reported. */
static bool is_outsider(const struct static_checker *c, const struct placed *placed,
                        const struct config_port *port)
{
    struct vidset members;

    if (!c->config->bridges[c->bridge].vlan_aware || placed->entry->vlan == VID_NONE ||
        port->vlan.mode == VLAN_MODE_NONE ||
        (vlan_mode_has_pvid(port->vlan.mode) && port->vlan.pvid == VID_NONE))
        return false;
    members = vlan_settings_members(&port->vlan);
    return !vidset_has(&members, (uint16_t)placed->entry->vlan);
}

static void check_ports(const struct static_checker *c)
{
    for (uint32_t i = 0; i < c->n_entries; i++) {
        const struct placed *placed = &c->entries[i];
        const struct config_port *port = find_port(c, placed->entry->port);

        if (!*placed->entry->port || (port && !is_outsider(c, placed, port)))
            continue;
        if (!config_report_keeps(c->report, place_of(c, placed, port ? "vlan" : "port")))
            c->report->n_more++;
        else if (port)
            report_outsider(c, placed, port);
        else
            report_port(c, placed);
    }
}

static void report_vlan(const struct static_checker *c, const struct placed *placed)
{
    char path[PATH_SIZE];

    if (placed->entry->vlan != VID_NONE)
        config_report_add(c->report, place_of(c, placed, "vlan"), path_of(c, placed, ".vlan", path),
                          "set vlan_aware of the bridge, or leave it out",
                          "the bridge is transparent to tags: it has no VLANs");
    else
        config_report_add(c->report, c->text->scan.nodes[placed->node].start,
                          path_of(c, placed, "", path), NULL,
                          "a static entry of a VLAN-aware bridge needs the key 'vlan'");
}

/* One that is there and wrong has been reported. */
static bool says_vlan(const struct static_checker *c, const struct placed *placed)
{
    return json_member(&c->text->scan, c->text->bytes, placed->node, "vlan") != JSON_NONE;
}

static void check_vlans(const struct static_checker *c)
{
    bool is_aware = c->config->bridges[c->bridge].vlan_aware;

    for (uint32_t i = 0; i < c->n_entries; i++) {
        const struct placed *placed = &c->entries[i];

        if (is_aware == says_vlan(c, placed) || (!is_aware && placed->entry->vlan == VID_NONE))
            continue;
        if (config_report_keeps(c->report, c->text->scan.nodes[placed->node].start))
            report_vlan(c, placed);
        else
            c->report->n_more++;
    }
}

static void check_addresses(const struct static_checker *c)
{
    const struct placed *first = c->entries;

    qsort(c->entries, c->n_entries, sizeof(*c->entries), compare_addresses);
    for (uint32_t i = 1; i < c->n_entries; i++) {
        const struct placed *later = &c->entries[i];
        char first_path[PATH_SIZE];
        char path[PATH_SIZE];
        char mac[MAC_STRING_SIZE];

        if (first->entry->mac != later->entry->mac || first->entry->vlan != later->entry->vlan)
            first = later;
        else if (later->entry->mac)
            config_report_add(c->report, place_of(c, later, "mac"), path_of(c, later, ".mac", path),
                              NULL, "%s is taken by %s: an address has one static entry%s",
                              mac_format(later->entry->mac, mac), path_of(c, first, "", first_path),
                              later->entry->vlan != VID_NONE ? " per VLAN" : "");
    }
}

static void check_count(const struct static_checker *c)
{
    uint32_t max = c->config->bridges[c->bridge].fdb.max_entries;
    char path[PATH_SIZE];

    if (c->n_entries > max)
        config_report_add(c->report, c->text->scan.nodes[c->entries[max].node].start,
                          path_of(c, &c->entries[max], "", path), NULL,
                          "%" PRIu32 " static entries are too many: the table holds %" PRIu32
                          " (fdb.max_entries)",
                          c->n_entries, max);
}

static void check_bridge(struct static_checker *c, uint32_t node)
{
    const struct config_bridge *bridge = &c->config->bridges[c->bridge];
    const struct json_scan *scan = &c->text->scan;

    node = json_member(scan, c->text->bytes, node, "fdb");
    node = json_member(scan, c->text->bytes, node, "static");
    node = json_first_child(scan, node);
    c->n_entries = bridge->fdb.n_statics;
    for (uint32_t i = 0; i < c->n_entries; i++) {
        c->entries[i] = (struct placed){&bridge->fdb.statics[i], node, i};
        node = scan->nodes[node].after;
    }
    for (uint32_t i = 0; i < bridge->n_ports; i++)
        c->ports[i] = &bridge->ports[i];
    qsort(c->ports, bridge->n_ports, sizeof(*c->ports), compare_names);
    check_count(c);
    check_vlans(c);
    check_ports(c);
    check_addresses(c);
}

static uint32_t most_entries(const struct config *config)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < config->n_bridges; i++) {
        if (config->bridges[i].fdb.n_statics > most)
            most = config->bridges[i].fdb.n_statics;
    }
    return most;
}

static void check_bridges(struct static_checker *c)
{
    const struct json_scan *scan = &c->text->scan;
    uint32_t node = json_first_child(scan, json_member(scan, c->text->bytes, 0, "bridges"));

    for (c->bridge = 0; c->bridge < c->config->n_bridges; c->bridge++) {
        if (c->config->bridges[c->bridge].fdb.n_statics > 0)
            check_bridge(c, node);
        node = scan->nodes[node].after;
    }
}

int config_check_static(const struct config_text *text, const struct config *config,
                        struct config_report *report)
{
    struct static_checker c = {.text = text, .report = report, .config = config};
    uint32_t most = most_entries(config);
    int r = -ENOMEM;

    if (most == 0)
        return 0;
    c.entries = calloc(most, sizeof(*c.entries));
    c.ports = calloc(config_n_ports(config) + 1, sizeof(*c.ports));
    if (c.entries && c.ports) {
        check_bridges(&c);
        r = 0;
    }
    free(c.entries);
    free(c.ports);
    return r;
}
