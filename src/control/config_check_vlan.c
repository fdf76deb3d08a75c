/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>

#include "config_stages.h"

#define PATH_SIZE 80
#define HINT_SIZE 128

/* What a bridge's vlan_aware and its ports' modes ask of the other keys. */

struct vlan_checker {
    const struct config_text *text;
    struct config_report *report;
    const struct config_bridge *bridge; /* NULL: what is checked are the defaults */
    uint32_t bridge_index;
    /* The port under consideration. */
    const struct config_port *port;
    uint32_t port_index;
    uint32_t port_node;
    uint32_t vlan_node; /* JSON_NONE: it has no "vlan" of its own */
    bool has_default;   /* and takes that of the defaults */
};

static uint32_t member(const struct vlan_checker *c, uint32_t object, const char *key)
{
    return json_member(&c->text->scan, c->text->bytes, object, key);
}

static bool is_null(const struct vlan_checker *c, uint32_t node)
{
    return node != JSON_NONE && c->text->scan.nodes[node].kind == JSON_NULL;
}

#define report_at(c, node, path, hint, ...) \
    config_report_add((c)->report, (c)->text->scan.nodes[node].start, path, hint, __VA_ARGS__)

static const char *path_of(const struct vlan_checker *c, const char *key, char ret_path[PATH_SIZE])
{
    if (c->bridge)
        snprintf(ret_path, PATH_SIZE, "bridges[%" PRIu32 "].ports[%" PRIu32 "]%s", c->bridge_index,
                 c->port_index, key);
    else
        snprintf(ret_path, PATH_SIZE, "defaults.port%s", key);
    return ret_path;
}

static void report_no_vlan(const struct vlan_checker *c)
{
    char path[PATH_SIZE];

    report_at(c, c->port_node, path_of(c, "", path),
              "write \"vlan\": { \"mode\": \"access\", \"pvid\": 1 }, for one",
              "a port of a VLAN-aware bridge needs the key 'vlan'");
}

static void report_not_aware(const struct vlan_checker *c)
{
    char path[PATH_SIZE];
    char hint[HINT_SIZE];

    snprintf(hint, sizeof(hint), "give the bridge '%s' \"vlan_aware\": true", c->bridge->name);
    report_at(c, c->vlan_node, path_of(c, ".vlan", path), hint,
              "the bridge is transparent to tags: its ports have no VLANs");
}

static void report_translate(const struct vlan_checker *c, uint32_t node)
{
    char path[PATH_SIZE];

    report_at(c, node, path_of(c, ".translate", path), NULL,
              "without the key 'vlan' there is nothing to translate");
}

static void check_pvid(const struct vlan_checker *c)
{
    const char *mode = vlan_mode_name(c->port->vlan.mode);
    uint32_t node = member(c, c->vlan_node, "pvid");
    char path[PATH_SIZE];

    if (node != JSON_NONE && !vlan_mode_has_pvid(c->port->vlan.mode))
        report_at(c, node, path_of(c, ".vlan.pvid", path),
                  "a trunk with a pvid is 'native_untagged' or 'native_tagged'",
                  "a port of mode '%s' has no pvid", mode);
    else if (node == JSON_NONE && vlan_mode_has_pvid(c->port->vlan.mode))
        report_at(c, c->vlan_node, path_of(c, ".vlan", path),
                  "the VLAN of frames that come without one, 1 to 4094",
                  "the mode '%s' needs the key 'pvid'", mode);
}

static void check_allowed(const struct vlan_checker *c)
{
    uint32_t node = member(c, c->vlan_node, "allowed");
    char path[PATH_SIZE];

    if (node != JSON_NONE && !vlan_mode_has_allowed(c->port->vlan.mode))
        report_at(c, node, path_of(c, ".vlan.allowed", path), NULL,
                  "a port of mode '%s' is in the VLAN of its pvid alone",
                  vlan_mode_name(c->port->vlan.mode));
}

/* What is left for the port to take, or NULL if something is. */
static const char *why_nothing_is_left(const struct vlan_settings *vlan)
{
    switch (vlan->acceptable_frame_types) {
    case VLAN_FRAMES_VLAN_TAGGED:
        return vlan->mode == VLAN_MODE_ACCESS ? "tagged" : NULL;
    case VLAN_FRAMES_UNTAGGED_AND_PRIORITY:
        return vlan->mode == VLAN_MODE_TRUNK ? "untagged" : NULL;
    case VLAN_FRAMES_ALL:
    case VLAN_N_FRAME_TYPES:
        break;
    }
    return NULL;
}

static void check_frame_types(const struct vlan_checker *c)
{
    const char *refused = why_nothing_is_left(&c->port->vlan);
    uint32_t node = member(c, c->vlan_node, "acceptable_frame_types");
    char path[PATH_SIZE];

    if (node == JSON_NONE)
        return;
    path_of(c, ".vlan.acceptable_frame_types", path);
    if (!vlan_mode_interprets(c->port->vlan.mode))
        report_at(c, node, path, NULL, "a port of mode '%s' looks at no tag: it takes all frames",
                  vlan_mode_name(c->port->vlan.mode));
    else if (refused)
        report_at(c, node, path, NULL, "a port of mode '%s' takes no %s frames: none are left",
                  vlan_mode_name(c->port->vlan.mode), refused);
}

/* What nothing could cross by, or two VLANs would. */
static void check_translations(const struct vlan_checker *c, uint32_t node)
{
    const struct vlan_settings *vlan = &c->port->vlan;
    const struct vidset members = vlan_settings_members(vlan);
    char path[PATH_SIZE];

    path_of(c, ".translate", path);
    if (!vlan_mode_has_allowed(vlan->mode)) {
        report_at(c, node, path, NULL, "a port of mode '%s' has no tags to translate",
                  vlan_mode_name(vlan->mode));
        return;
    }
    for (uint32_t i = 0; i < vlan->translations.n; i++) {
        uint16_t outside = vlan->translations.list[i].outside;
        uint16_t inside = vlan->translations.list[i].inside;

        if (!vidset_has(&members, inside))
            report_at(c, node, path, NULL, "VLAN %u is not allowed on this port", inside);
        if (vlan->mode == VLAN_MODE_NATIVE_TAGGED && outside == vlan->pvid &&
            !vlan_translates_to(&vlan->translations, outside))
            report_at(c, node, path, "translate it, too, or send it untagged: native_untagged",
                      "the pvid %u has no VID outside: that is VLAN %u's there", outside, inside);
    }
}

/* What a port has by default is checked once, where it stands. */
static void check_own(const struct vlan_checker *c)
{
    check_pvid(c);
    check_allowed(c);
    check_frame_types(c);
}

static bool lacks_vlan(const struct vlan_checker *c)
{
    return c->vlan_node == JSON_NONE && !(c->has_default && c->bridge->vlan_aware);
}

static void check_port(const struct vlan_checker *c)
{
    uint32_t translate = member(c, c->port_node, "translate");

    if (is_null(c, translate)) /* which has been reported */
        translate = JSON_NONE;
    if (lacks_vlan(c) && c->bridge->vlan_aware && !config_is_mirror_output(c->bridge, c->port))
        report_no_vlan(c);
    if (lacks_vlan(c) && translate != JSON_NONE)
        report_translate(c, translate);
    if (lacks_vlan(c))
        return;
    if (!c->bridge->vlan_aware)
        report_not_aware(c);
    if (c->port->vlan.mode == VLAN_MODE_NONE) /* missing or wrong, which has been reported */
        return;
    if (c->vlan_node != JSON_NONE)
        check_own(c);
    if (translate != JSON_NONE)
        check_translations(c, translate);
}

static void check_flood_vlans(const struct vlan_checker *c, uint32_t bridge_node)
{
    uint32_t node = member(c, bridge_node, "flood_vlans");
    char path[PATH_SIZE];

    if (c->bridge->vlan_aware || node == JSON_NONE)
        return;
    snprintf(path, sizeof(path), "bridges[%" PRIu32 "].flood_vlans", c->bridge_index);
    report_at(c, node, path, "give the bridge \"vlan_aware\": true",
              "the bridge is transparent to tags: it has no VLANs");
}

static void check_ethertype(const struct vlan_checker *c, uint32_t bridge_node)
{
    uint32_t node = member(c, bridge_node, "ethertype");
    char path[PATH_SIZE];

    if (c->bridge->vlan_aware || c->bridge->ethertype == VLAN_ETHERTYPE_8100)
        return;
    snprintf(path, sizeof(path), "bridges[%" PRIu32 "].ethertype", c->bridge_index);
    report_at(c, node, path, "give the bridge \"vlan_aware\": true",
              "the bridge is transparent to tags, whatever their ethertype");
}

static uint32_t default_vlan(const struct config_text *text)
{
    uint32_t node = json_member(&text->scan, text->bytes, 0, "defaults");

    node = node == JSON_NONE ? node : json_member(&text->scan, text->bytes, node, "port");
    return node == JSON_NONE ? node : json_member(&text->scan, text->bytes, node, "vlan");
}

void config_check_default_vlan(const struct config_text *text, const struct config *config,
                               struct config_report *report)
{
    struct vlan_checker c = {.text = text, .report = report, .port = &config->defaults.port.port};

    c.vlan_node = default_vlan(text);
    if (c.vlan_node != JSON_NONE && c.port->vlan.mode != VLAN_MODE_NONE)
        check_own(&c);
}

void config_check_vlans(const struct config_text *text, const struct config_bridge *bridge,
                        uint32_t index, uint32_t bridge_node, struct config_report *report)
{
    struct vlan_checker c = {
        .text = text, .report = report, .bridge = bridge, .bridge_index = index};
    uint32_t ports = member(&c, bridge_node, "ports");
    uint32_t node = bridge->n_ports > 0 ? json_first_child(&text->scan, ports) : JSON_NONE;

    check_ethertype(&c, bridge_node);
    check_flood_vlans(&c, bridge_node);
    for (uint32_t i = 0; i < bridge->n_ports; i++) {
        c.port = &bridge->ports[i];
        c.port_index = i;
        c.port_node = node;
        c.vlan_node = member(&c, node, "vlan");
        c.has_default = default_vlan(text) != JSON_NONE && c.vlan_node == JSON_NONE;
        if (is_null(&c, c.vlan_node))
            c.vlan_node = JSON_NONE;
        check_port(&c);
        node = text->scan.nodes[node].after;
    }
}
