/* SPDX-License-Identifier: ISC */
#include "ringspan/plan.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config_stages.h"
#include "ringspan/fdb_static.h"

struct planner {
    const struct config *now;
    const struct config *next;
    struct plan plan;
    uint32_t room;
};

static int add(struct planner *planner, const struct plan_step *step)
{
    struct plan *plan = &planner->plan;

    if (plan->n_steps == planner->room) {
        uint32_t room = planner->room > 0 ? planner->room * 2 : 16;
        struct plan_step *steps = realloc(plan->steps, room * sizeof(*steps));

        if (!steps)
            return -ENOMEM;
        plan->steps = steps;
        planner->room = room;
    }
    plan->steps[plan->n_steps++] = *step;
    return 0;
}

static const struct config_bridge *find_bridge(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->n_bridges; i++) {
        if (strcmp(config->bridges[i].name, name) == 0)
            return &config->bridges[i];
    }
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What it is to be another one for a plan: the interface of a tap and the namespace of a pattern
 * are part of them. */
static bool is_same_port(const struct config_port *a, const struct config_port *b)
{
    bool has_same_netns = same_text(a->netns, b->netns);

    if (strcmp(a->name, b->name) != 0 || strcmp(a->match, b->match) != 0 || a->type != b->type)
        return false;
    if (*a->match)
        return has_same_netns;
    return a->type != CONFIG_PORT_TAP || (has_same_netns && strcmp(a->ifname, b->ifname) == 0);
}

/* Looks from @cursor on, and leaves it behind what was found: ports mostly stand in the same order,
 * and thousands of them are found in one pass. */
static const struct config_port *find_port(const struct config_bridge *bridge,
                                           const struct config_port *wanted, uint32_t *cursor)
{
    for (uint32_t n = bridge ? bridge->n_ports : 0; n > 0; n--) {
        const struct config_port *port = &bridge->ports[*cursor % bridge->n_ports];

        *cursor = (*cursor + 1) % bridge->n_ports;
        if (is_same_port(port, wanted))
            return port;
    }
    return NULL;
}

static void set_port(struct plan_step *step, const struct config_port *port)
{
    if (*port->match)
        step->match = port->match;
    else
        step->port = port->name;
}

/* The ports of @from that are not in @other's bridge of the same name. */
static int add_port_steps(struct planner *planner, enum plan_op op, const struct config *from,
                          const struct config *other)
{
    int r = 0;

    for (uint32_t b = 0; r == 0 && b < from->n_bridges; b++) {
        const struct config_bridge *bridge = &from->bridges[b];
        const struct config_bridge *others = find_bridge(other, bridge->name);
        uint32_t cursor = 0;

        for (uint32_t i = 0; r == 0 && i < bridge->n_ports; i++) {
            struct plan_step step = {.op = op, .bridge = bridge->name};

            if (find_port(others, &bridge->ports[i], &cursor))
                continue;
            set_port(&step, &bridge->ports[i]);
            step.next_bridge = op == PLAN_ADD ? bridge : NULL;
            step.next_port = op == PLAN_ADD ? &bridge->ports[i] : NULL;
            r = add(planner, &step);
        }
    }
    return r;
}

static int add_bridge_steps(struct planner *planner, enum plan_op op, const struct config *from,
                            const struct config *other)
{
    int r = 0;

    for (uint32_t b = 0; r == 0 && b < from->n_bridges; b++) {
        const struct config_bridge *bridge = &from->bridges[b];
        struct plan_step step = {.op = op, .bridge = bridge->name};

        step.next_bridge = op == PLAN_ADD ? bridge : NULL;
        if (!find_bridge(other, bridge->name))
            r = add(planner, &step);
    }
    return r;
}

static int add_change(struct planner *planner, const struct config_bridge *bridge,
                      const struct config_port *port, const char *key,
                      enum plan_disruption disruption)
{
    struct plan_step step = {
        .op = PLAN_CHANGE,
        .disruption = disruption,
        .bridge = bridge ? bridge->name : NULL,
        .key = key,
        .next_bridge = bridge,
        .next_port = port,
    };

    if (port)
        set_port(&step, port);
    return add(planner, &step);
}

/* An owner or a group that was set cannot be taken away: the interface is made anew. Without both
 * the owner is the daemon's user. */
static bool is_made_anew(const struct config_port *before, const struct config_port *port)
{
    bool had_owner = before->owner || !before->group;
    bool has_owner = port->owner || !port->group;

    return (had_owner && !has_owner) || (before->group && !port->group);
}

static int compare_taps(struct planner *planner, const struct config_bridge *next,
                        const struct config_port *before, const struct config_port *port)
{
    enum plan_disruption disruption =
        is_made_anew(before, port) ? PLAN_DISRUPTS_REOPEN : PLAN_DISRUPTS_NONE;
    int r = 0;

    if (!same_text(before->owner, port->owner))
        r = add_change(planner, next, port, "owner", disruption);
    if (r == 0 && !same_text(before->group, port->group))
        r = add_change(planner, next, port, "group", disruption);
    if (r == 0 && before->mtu != port->mtu)
        r = add_change(planner, next, port, "mtu", PLAN_DISRUPTS_NONE);
    if (r == 0 && before->mac != port->mac)
        r = add_change(planner, next, port, "mac", PLAN_DISRUPTS_NONE);
    if (r == 0 && before->speed != port->speed)
        r = add_change(planner, next, port, "speed", PLAN_DISRUPTS_NONE);
    if (r == 0 && before->persist != port->persist)
        r = add_change(planner, next, port, "persist", PLAN_DISRUPTS_NONE);
    return r;
}

/* What disturbs somebody is that what was learned in a VLAN goes. */
static int compare_vlans(struct planner *planner, const struct config_bridge *bridge,
                         const struct config_port *now, const struct config_port *next)
{
    const struct vidset left = vlan_settings_left(&now->vlan, &next->vlan);
    enum plan_disruption disruption =
        vidset_is_empty(&left) ? PLAN_DISRUPTS_NONE : PLAN_DISRUPTS_FLUSH;
    int r = 0;

    if (now->vlan.mode != next->vlan.mode)
        r = add_change(planner, bridge, next, "vlan.mode", disruption);
    if (r == 0 && now->vlan.pvid != next->vlan.pvid)
        r = add_change(planner, bridge, next, "vlan.pvid", disruption);
    if (r == 0 && !vidset_equals(&now->vlan.allowed, &next->vlan.allowed))
        r = add_change(planner, bridge, next, "vlan.allowed", disruption);
    if (r == 0 && !same_text(now->vlan_description, next->vlan_description))
        r = add_change(planner, bridge, next, "vlan.description", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->vlan.acceptable_frame_types != next->vlan.acceptable_frame_types)
        r = add_change(planner, bridge, next, "vlan.acceptable_frame_types", disruption);
    if (r == 0 && memcmp(&now->vlan.translations, &next->vlan.translations,
                         sizeof(now->vlan.translations)) != 0)
        r = add_change(planner, bridge, next, "translate", disruption);
    return r;
}

static const struct {
    enum reserved_protocol protocol;
    const char *key;
} reserved_keys[] = {
    {RESERVED_STP, "reserved.stp"},     {RESERVED_PAUSE, "reserved.pause"},
    {RESERVED_LACP, "reserved.lacp"},   {RESERVED_DOT1X, "reserved.dot1x"},
    {RESERVED_LLDP, "reserved.lldp"},   {RESERVED_OTHER, "reserved.other"},
    {RESERVED_CISCO, "reserved.cisco"},
};

static_assert(sizeof(reserved_keys) / sizeof(*reserved_keys) == RESERVED_N_PROTOCOLS,
              "each protocol has a key");

/* Of @bridge, or of @port if it is not NULL. */
static int compare_reserved(struct planner *planner, const struct config_bridge *bridge,
                            const struct config_port *port, const struct reserved_settings *now,
                            const struct reserved_settings *next)
{
    int r = 0;

    if (now->preset != next->preset)
        r = add_change(planner, bridge, port, "reserved", PLAN_DISRUPTS_NONE);
    for (size_t i = 0; r == 0 && i < RESERVED_N_PROTOCOLS; i++) {
        enum reserved_protocol protocol = reserved_keys[i].protocol;

        if (now->actions[protocol] != next->actions[protocol])
            r = add_change(planner, bridge, port, reserved_keys[i].key, PLAN_DISRUPTS_NONE);
    }
    return r;
}

static int compare_floods(struct planner *planner, const struct config_bridge *bridge,
                          const struct config_port *now, const struct config_port *next)
{
    static const char *const keys[FLOOD_N_CLASSES] = {
        [FLOOD_UNKNOWN_UNICAST] = "flood.unknown_unicast",
        [FLOOD_MULTICAST] = "flood.multicast",
        [FLOOD_BROADCAST] = "flood.broadcast",
    };
    int r = 0;

    for (int i = 0; r == 0 && i < FLOOD_N_CLASSES; i++) {
        if (now->policy.flood[i] != next->policy.flood[i])
            r = add_change(planner, bridge, next, keys[i], PLAN_DISRUPTS_NONE);
    }
    if (r == 0 && !same_text(now->flood_description, next->flood_description))
        r = add_change(planner, bridge, next, "flood.description", PLAN_DISRUPTS_NONE);
    return r;
}

static bool is_tighter(uint32_t limit, uint32_t before)
{
    return limit != 0 && (before == 0 || limit < before);
}

static int compare_mac_limits(struct planner *planner, const struct config_bridge *bridge,
                              const struct config_port *now, const struct config_port *next)
{
    const struct mac_limit *before = &now->policy.mac_limit;
    const struct mac_limit *after = &next->policy.mac_limit;
    int r = 0;

    if (before->max != after->max)
        r = add_change(planner, bridge, next, "mac_limit.max",
                       is_tighter(after->max, before->max) ? PLAN_DISRUPTS_FLUSH
                                                           : PLAN_DISRUPTS_NONE);
    if (r == 0 && before->action != after->action)
        r = add_change(planner, bridge, next, "mac_limit.action", PLAN_DISRUPTS_NONE);
    if (r == 0 && before->recovery != after->recovery)
        r = add_change(planner, bridge, next, "mac_limit.recovery", PLAN_DISRUPTS_NONE);
    if (r == 0 && !same_text(now->mac_limit_description, next->mac_limit_description))
        r = add_change(planner, bridge, next, "mac_limit.description", PLAN_DISRUPTS_NONE);
    return r;
}

static int compare_policies(struct planner *planner, const struct config_bridge *bridge,
                            const struct config_port *now, const struct config_port *next)
{
    int r = 0;

    if (now->policy.learning != next->policy.learning)
        r = add_change(planner, bridge, next, "learning",
                       next->policy.learning ? PLAN_DISRUPTS_NONE : PLAN_DISRUPTS_FLUSH);
    if (r == 0)
        r = compare_floods(planner, bridge, now, next);
    if (r == 0 && now->policy.hairpin != next->policy.hairpin)
        r = add_change(planner, bridge, next, "hairpin", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->policy.isolation_group != next->policy.isolation_group)
        r = add_change(planner, bridge, next, "isolation_group", PLAN_DISRUPTS_NONE);
    return r == 0 ? compare_mac_limits(planner, bridge, now, next) : r;
}

/* Each key has a text of its own, which outlives the plan. */
static const struct {
    const char *key;
    const char *description;
} meter_keys[METER_N_USES] = {
    [METER_BROADCAST] = {"storm_control.broadcast", "storm_control.broadcast.description"},
    [METER_MULTICAST] = {"storm_control.multicast", "storm_control.multicast.description"},
    [METER_UNKNOWN_UNICAST] = {"storm_control.unknown_unicast",
                               "storm_control.unknown_unicast.description"},
    [METER_INGRESS] = {"policing.ingress", "policing.ingress.description"},
    [METER_EGRESS] = {"policing.egress", "policing.egress.description"},
};

static int compare_meters(struct planner *planner, const struct config_bridge *bridge,
                          const struct config_port *now, const struct config_port *next)
{
    int r = 0;

    for (uint32_t use = 0; r == 0 && use < METER_N_USES; use++) {
        if (!meter_settings_equal(&now->meters[use].settings, &next->meters[use].settings))
            r = add_change(planner, bridge, next, meter_keys[use].key, PLAN_DISRUPTS_NONE);
        if (r == 0 && !same_text(now->meters[use].description, next->meters[use].description))
            r = add_change(planner, bridge, next, meter_keys[use].description, PLAN_DISRUPTS_NONE);
    }
    if (r == 0 && !same_text(now->storm_control_description, next->storm_control_description))
        r = add_change(planner, bridge, next, "storm_control.description", PLAN_DISRUPTS_NONE);
    if (r == 0 && !same_text(now->policing_description, next->policing_description))
        r = add_change(planner, bridge, next, "policing.description", PLAN_DISRUPTS_NONE);
    return r;
}

static int compare_port(struct planner *planner, const struct config_bridge *bridge,
                        const struct config_port *now, const struct config_port *next)
{
    int r = 0;

    if (!same_text(now->description, next->description))
        r = add_change(planner, bridge, next, "description", PLAN_DISRUPTS_NONE);
    if (r == 0 && !same_text(now->netns, next->netns))
        r = add_change(planner, bridge, next, "netns", PLAN_DISRUPTS_REOPEN);
    if (r == 0 && strcmp(now->ifname, next->ifname) != 0)
        r = add_change(planner, bridge, next, "ifname", PLAN_DISRUPTS_REOPEN);
    if (r == 0 && (now->isolate_host != next->isolate_host ||
                   now->isolate_host_is_asked != next->isolate_host_is_asked))
        r = add_change(planner, bridge, next, "isolate_host", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->qdisc_bypass != next->qdisc_bypass)
        r = add_change(planner, bridge, next, "qdisc_bypass", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->gro != next->gro)
        r = add_change(planner, bridge, next, "gro", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->admin_state != next->admin_state)
        r = add_change(planner, bridge, next, "admin_state",
                       next->admin_state == PORT_ADMIN_DOWN ? PLAN_DISRUPTS_FLUSH
                                                            : PLAN_DISRUPTS_NONE);
    if (r == 0)
        r = compare_reserved(planner, bridge, next, &now->reserved, &next->reserved);
    if (r == 0 && !same_text(now->reserved_description, next->reserved_description))
        r = add_change(planner, bridge, next, "reserved.description", PLAN_DISRUPTS_NONE);
    if (r == 0 && next->type == CONFIG_PORT_TAP)
        r = compare_taps(planner, bridge, now, next);
    if (r == 0 && *next->match && now->max != next->max)
        r = add_change(planner, bridge, next, "max", PLAN_DISRUPTS_NONE);
    if (r == 0)
        r = compare_policies(planner, bridge, now, next);
    if (r == 0)
        r = compare_meters(planner, bridge, now, next);
    return r == 0 ? compare_vlans(planner, bridge, now, next) : r;
}

static int compare_ports(struct planner *planner, const struct config_bridge *now,
                         const struct config_bridge *next)
{
    uint32_t cursor = 0;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < next->n_ports; i++) {
        const struct config_port *before = find_port(now, &next->ports[i], &cursor);

        if (before)
            r = compare_port(planner, next, before, &next->ports[i]);
    }
    return r;
}

static int compare_statics(struct planner *planner, const struct config_bridge *now,
                           const struct config_bridge *next)
{
    struct fdb_static_changes changes;
    int r = fdb_static_changes_make(now, next, &changes);

    if (r < 0)
        return r;
    if (fdb_static_changes_any(&changes))
        r = add_change(planner, next, NULL, "fdb.static", PLAN_DISRUPTS_NONE);
    fdb_static_changes_fini(&changes);
    return r;
}

static int compare_move_limits(struct planner *planner, const struct config_bridge *now,
                               const struct config_bridge *next)
{
    const struct config_move_limit *before = &now->fdb.move_limit;
    const struct config_move_limit *after = &next->fdb.move_limit;
    int r = 0;

    if (before->max != after->max)
        r = add_change(planner, next, NULL, "fdb.move_limit.max", PLAN_DISRUPTS_NONE);
    if (r == 0 && before->interval != after->interval)
        r = add_change(planner, next, NULL, "fdb.move_limit.interval", PLAN_DISRUPTS_NONE);
    if (r == 0 && before->hold != after->hold)
        r = add_change(planner, next, NULL, "fdb.move_limit.hold", PLAN_DISRUPTS_NONE);
    if (r == 0 && !same_text(now->fdb.move_limit_description, next->fdb.move_limit_description))
        r = add_change(planner, next, NULL, "fdb.move_limit.description", PLAN_DISRUPTS_NONE);
    return r;
}

/* Whether copies have other outputs: a port that becomes one forgets, and so does a VLAN. */
static bool has_new_outputs(const struct config_bridge *now, const struct config_bridge *next)
{
    uint32_t n_same = 0;

    for (uint32_t i = 0; i < next->n_mirrors; i++) {
        const struct mirror_settings *mirror = &next->mirrors[i];
        uint32_t k = 0;

        while (k < now->n_mirrors &&
               (strcmp(now->mirrors[k].output_port, mirror->output_port) != 0 ||
                now->mirrors[k].output_vlan != mirror->output_vlan))
            k++;
        n_same += k < now->n_mirrors;
    }
    return n_same < next->n_mirrors;
}

static int compare_mirrors(struct planner *planner, const struct config_bridge *now,
                           const struct config_bridge *next)
{
    const struct config_object *bridge = config_key_find(&config_document, "bridges")->object;
    const struct vidset added = vidset_minus(&next->flood_vlans, &now->flood_vlans);
    int r = 0;

    if (!config_same_key(config_key_find(bridge, "mirror"), now, next))
        r = add_change(planner, next, NULL, "mirror",
                       has_new_outputs(now, next) ? PLAN_DISRUPTS_FLUSH : PLAN_DISRUPTS_NONE);
    if (r == 0 && !vidset_equals(&now->flood_vlans, &next->flood_vlans))
        r = add_change(planner, next, NULL, "flood_vlans",
                       vidset_is_empty(&added) ? PLAN_DISRUPTS_NONE : PLAN_DISRUPTS_FLUSH);
    return r;
}

static int compare_bridge(struct planner *planner, const struct config_bridge *now,
                          const struct config_bridge *next)
{
    int r = 0;

    if (!same_text(now->description, next->description))
        r = add_change(planner, next, NULL, "description", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->aging_time != next->aging_time)
        r = add_change(planner, next, NULL, "aging_time", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->mode != next->mode)
        r = add_change(planner, next, NULL, "mode", PLAN_DISRUPTS_FLUSH);
    if (r == 0)
        r = compare_reserved(planner, next, NULL, &now->reserved, &next->reserved);
    if (r == 0 && !same_text(now->reserved_description, next->reserved_description))
        r = add_change(planner, next, NULL, "reserved.description", PLAN_DISRUPTS_NONE);
    if (r == 0 && !same_text(now->fdb.description, next->fdb.description))
        r = add_change(planner, next, NULL, "fdb.description", PLAN_DISRUPTS_NONE);
    if (r == 0 && (now->isolate_host != next->isolate_host ||
                   now->says_isolate_host != next->says_isolate_host))
        r = add_change(planner, next, NULL, "isolate_host", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->fdb.max_entries != next->fdb.max_entries)
        r = add_change(planner, next, NULL, "fdb.max_entries", PLAN_DISRUPTS_FLUSH);
    if (r == 0)
        r = compare_move_limits(planner, now, next);
    if (r == 0 && now->latency.every != next->latency.every)
        r = add_change(planner, next, NULL, "latency.every", PLAN_DISRUPTS_NONE);
    if (r == 0 && !same_text(now->latency.description, next->latency.description))
        r = add_change(planner, next, NULL, "latency.description", PLAN_DISRUPTS_NONE);
    if (r == 0)
        r = compare_statics(planner, now, next);
    if (r == 0 && now->vlan_aware != next->vlan_aware)
        r = add_change(planner, next, NULL, "vlan_aware", PLAN_DISRUPTS_FLUSH);
    if (r == 0 && now->ethertype != next->ethertype)
        r = add_change(planner, next, NULL, "ethertype", PLAN_DISRUPTS_FLUSH);
    if (r == 0)
        r = compare_mirrors(planner, now, next);
    return r == 0 ? compare_ports(planner, now, next) : r;
}

/* What concerns no bridge is text, but for two. */
static const struct {
    const char *key;
    size_t offset;
    enum plan_disruption disruption;
} texts[] = {
    {"description", offsetof(struct config, description), PLAN_DISRUPTS_NONE},
    {"defaults.description", offsetof(struct config, defaults.description), PLAN_DISRUPTS_NONE},
    {"daemon.description", offsetof(struct config, daemon.description), PLAN_DISRUPTS_NONE},
    {"daemon.control.socket", offsetof(struct config, daemon.control.socket),
     PLAN_DISRUPTS_RESTART},
    {"daemon.control.group", offsetof(struct config, daemon.control.group), PLAN_DISRUPTS_RESTART},
    {"daemon.control.description", offsetof(struct config, daemon.control.description),
     PLAN_DISRUPTS_NONE},
    {"daemon.log.description", offsetof(struct config, daemon.log.description), PLAN_DISRUPTS_NONE},
    {"daemon.metrics.listen", offsetof(struct config, daemon.metrics.listen), PLAN_DISRUPTS_NONE},
    {"daemon.metrics.description", offsetof(struct config, daemon.metrics.description),
     PLAN_DISRUPTS_NONE},
    {"daemon.recorder.memory", offsetof(struct config, daemon.recorder.memory), PLAN_DISRUPTS_NONE},
    {"daemon.recorder.description", offsetof(struct config, daemon.recorder.description),
     PLAN_DISRUPTS_NONE},
};

static const char *text_at(const struct config *config, size_t offset)
{
    const char *text;

    memcpy(&text, (const char *)config + offset, sizeof(text));
    return text;
}

static int compare_daemon(struct planner *planner)
{
    const struct config *now = planner->now;
    const struct config *next = planner->next;
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(texts) / sizeof(*texts); i++) {
        if (!same_text(text_at(now, texts[i].offset), text_at(next, texts[i].offset)))
            r = add_change(planner, NULL, NULL, texts[i].key, texts[i].disruption);
    }
    if (r == 0 && now->daemon.log.level != next->daemon.log.level)
        r = add_change(planner, NULL, NULL, "daemon.log.level", PLAN_DISRUPTS_NONE);
    if (r == 0 && !cpus_equal(&now->daemon.cpu, &next->daemon.cpu))
        r = add_change(planner, NULL, NULL, "daemon.cpu", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->daemon.recorder.triggers != next->daemon.recorder.triggers)
        r = add_change(planner, NULL, NULL, "daemon.recorder.triggers", PLAN_DISRUPTS_NONE);
    if (r == 0 && now->daemon.recorder.after != next->daemon.recorder.after)
        r = add_change(planner, NULL, NULL, "daemon.recorder.after", PLAN_DISRUPTS_NONE);
    if (r == 0 && !config_same_defaults(now, next)) /* what they do to ports are steps of these */
        r = add_change(planner, NULL, NULL, "defaults.port", PLAN_DISRUPTS_NONE);
    return r;
}

static int add_changes(struct planner *planner)
{
    int r = compare_daemon(planner);

    for (uint32_t b = 0; r == 0 && b < planner->next->n_bridges; b++) {
        const struct config_bridge *next = &planner->next->bridges[b];
        const struct config_bridge *now = find_bridge(planner->now, next->name);

        if (now)
            r = compare_bridge(planner, now, next);
    }
    return r;
}

/* ---- the order of patterns ---- */

/* Walks the patterns of all bridges in the order of the file. */
struct pattern {
    const struct config *config;
    uint32_t bridge;
    uint32_t port;
};

static const struct config_port *next_pattern(struct pattern *at)
{
    for (; at->bridge < at->config->n_bridges; at->bridge++, at->port = 0) {
        const struct config_bridge *bridge = &at->config->bridges[at->bridge];

        while (at->port < bridge->n_ports) {
            const struct config_port *port = &bridge->ports[at->port++];

            if (*port->match)
                return port;
        }
    }
    return NULL;
}

/* The next one that is in the same bridge of @other too. */
static const struct config_port *next_common(struct pattern *at, const struct config *other)
{
    const struct config_port *port;

    while ((port = next_pattern(at))) {
        uint32_t cursor = at->port - 1;

        if (find_port(find_bridge(other, at->config->bridges[at->bridge].name), port, &cursor))
            return port;
    }
    return NULL;
}

static int compare_order(struct planner *planner)
{
    struct pattern now = {.config = planner->now};
    struct pattern next = {.config = planner->next};
    const struct config_port *port;
    int r = 0;

    while (r == 0 && (port = next_common(&next, planner->now))) {
        if (!is_same_port(next_common(&now, planner->next), port))
            r = add_change(planner, &planner->next->bridges[next.bridge], port, "order",
                           PLAN_DISRUPTS_REOPEN);
    }
    return r;
}

int plan_make_of_port(const struct config_bridge *bridge, const struct config_port *now,
                      const struct config_port *next, struct plan *ret_plan)
{
    struct planner planner = {0};
    int r = compare_port(&planner, bridge, now, next);

    if (r < 0)
        plan_fini(&planner.plan);
    else
        *ret_plan = planner.plan;
    return r;
}

int plan_make(const struct config *now, const struct config *next, struct plan *ret_plan)
{
    struct planner planner = {.now = now, .next = next};
    int r;

    r = add_port_steps(&planner, PLAN_DEL, now, next);
    if (r == 0)
        r = add_bridge_steps(&planner, PLAN_DEL, now, next);
    if (r == 0)
        r = add_changes(&planner);
    if (r == 0)
        r = compare_order(&planner);
    if (r == 0)
        r = add_bridge_steps(&planner, PLAN_ADD, next, now);
    if (r == 0)
        r = add_port_steps(&planner, PLAN_ADD, next, now);
    if (r < 0)
        plan_fini(&planner.plan);
    else
        *ret_plan = planner.plan;
    return r;
}

void plan_fini(struct plan *plan)
{
    free(plan->steps);
    *plan = (struct plan){0};
}

const char *plan_op_name(enum plan_op op)
{
    static const char *const names[] = {"del", "change", "add"};

    return names[op];
}

const char *plan_disruption_name(enum plan_disruption disruption)
{
    static const char *const names[] = {"none", "flush", "reopen", "restart"};

    return names[disruption];
}

void plan_write(const struct plan *plan, struct json_writer *writer, const char *key)
{
    json_open_array(writer, key);
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct plan_step *step = &plan->steps[i];

        json_open_object(writer, NULL);
        json_put_string(writer, "op", plan_op_name(step->op));
        json_put_string(writer, "bridge", step->bridge);
        json_put_string(writer, "port", step->port);
        if (step->match)
            json_put_string(writer, "match", step->match);
        json_put_string(writer, "key", step->key);
        json_put_string(writer, "disruption", plan_disruption_name(step->disruption));
        json_close_object(writer);
    }
    json_close_array(writer);
}
