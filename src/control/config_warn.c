/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/config.h"
#include "ringspan/glob.h"

/* What is valid, and does not do what whoever wrote it has in mind. */

struct warner {
    const struct config *config;
    struct config_warnings *warnings;
    bool has_failed; /* for want of memory */
};

__attribute__((format(printf, 4, 5))) static void add(struct warner *warner,
                                                      const struct config_warning *about,
                                                      const char *cure, const char *format, ...)
{
    struct config_warnings *warnings = warner->warnings;
    struct config_warning *bigger =
        reallocarray(warnings->list, warnings->n + 1, sizeof(*warnings->list));
    va_list args;

    if (!bigger) {
        warner->has_failed = true;
        return;
    }
    warnings->list = bigger;
    bigger[warnings->n] = *about;
    bigger[warnings->n].cure = cure;
    va_start(args, format);
    vsnprintf(bigger[warnings->n].message, sizeof(bigger->message), format, args);
    va_end(args);
    warnings->n++;
}

/* How many ports can be made to stop by one PAUSE; 0 if it crosses between two at most, as on a
 * cable. */
static uint32_t n_paused(const struct config_bridge *bridge)
{
    struct reserved_policy policy = reserved_policy_of(&bridge->reserved, &bridge->reserved);
    uint32_t n = 0;

    if (reserved_policy_action(policy, RESERVED_PAUSE) != RESERVED_FORWARD)
        return 0;
    for (uint32_t i = 0; i < bridge->n_ports; i++)
        n += config_port_places(&bridge->ports[i]);
    return n > 2 ? n : 0;
}

static void look_at_pause(struct warner *warner, const struct config_bridge *bridge, uint32_t i)
{
    struct config_warning about = {0};
    uint32_t n = n_paused(bridge);

    if (n == 0)
        return;
    snprintf(about.of, sizeof(about.of), "bridge %s", bridge->name);
    snprintf(about.path, sizeof(about.path), "bridges[%" PRIu32 "].reserved", i);
    add(warner, &about, "\"reserved\": { \"pause\": \"drop\" } keeps it out",
        "PAUSE crosses it, and it can have %" PRIu32
        " ports: a host that is told to pause stops sending to all of them",
        n);
}

static bool has_member(const struct config_bridge *bridge, uint16_t vid)
{
    bool has_one = false;

    for (uint32_t i = 0; !has_one && i < bridge->n_ports; i++) {
        struct vidset members = vlan_settings_members(&bridge->ports[i].vlan);

        has_one = vidset_has(&members, vid);
    }
    return has_one;
}

/* Others may come. */
static bool has_patterns(const struct config_bridge *bridge)
{
    uint32_t i = 0;

    while (i < bridge->n_ports && !*bridge->ports[i].match)
        i++;
    return i < bridge->n_ports;
}

static bool matches_any(const struct config_bridge *bridge, const char *match)
{
    uint32_t i = 0;

    while (i < bridge->n_ports && !glob_matches(match, bridge->ports[i].name))
        i++;
    return i < bridge->n_ports;
}

static void look_at_sources(struct warner *warner, const struct config_bridge *bridge, uint32_t b,
                            uint32_t m)
{
    const struct mirror_settings *mirror = &bridge->mirrors[m];

    for (uint32_t i = 0; i < mirror->n_from; i++) {
        const char *match = mirror->from[i].match;
        struct config_warning about = {0};

        if (!*match || has_patterns(bridge) || matches_any(bridge, match))
            continue;
        snprintf(about.of, sizeof(about.of), "mirror %s of %s", mirror->name, bridge->name);
        snprintf(about.path, sizeof(about.path),
                 "bridges[%" PRIu32 "].mirror[%" PRIu32 "].from[%" PRIu32 "].match", b, m, i);
        add(warner, &about, "it is for names of ports", "'%s' matches no port of the bridge",
            match);
    }
}

static void look_at_mirrors(struct warner *warner, const struct config_bridge *bridge, uint32_t b)
{
    for (uint32_t i = 0; i < bridge->n_mirrors; i++) {
        const struct mirror_settings *mirror = &bridge->mirrors[i];
        struct config_warning about = {0};

        look_at_sources(warner, bridge, b, i);
        if (mirror->output_vlan == VID_NONE || has_member(bridge, (uint16_t)mirror->output_vlan))
            continue;
        snprintf(about.of, sizeof(about.of), "mirror %s of %s", mirror->name, bridge->name);
        snprintf(about.path, sizeof(about.path),
                 "bridges[%" PRIu32 "].mirror[%" PRIu32 "].output_vlan", b, i);
        add(warner, &about, "add it to the \"allowed\" of a trunk port",
            "no port of the bridge is in VLAN %" PRIu32 ": copies leave by none",
            mirror->output_vlan);
    }
}

static bool limits_moves(const struct config *config)
{
    uint32_t i = 0;

    while (i < config->n_bridges && config->bridges[i].fdb.move_limit.max == 0)
        i++;
    return i < config->n_bridges;
}

/* An address that has moved too often is what the recorder waits for. */
static void look_at_recorder(struct warner *warner)
{
    const struct config_warning about = {.of = "recorder", .path = "daemon.recorder.triggers"};
    uint64_t triggers = warner->config->daemon.recorder.triggers << CONFIG_FIRST_TRIGGER;

    if (triggers & RECORDER_TRIGGER(RECORDER_MOVE) && !limits_moves(warner->config))
        add(warner, &about, "give a bridge \"fdb\": { \"move_limit\": { \"max\": 10 } }",
            "\"move\" never freezes it: no bridge limits how often an address may move");
}

int config_warn(const struct config *config, struct config_warnings *ret)
{
    struct config_warnings warnings = {0};
    struct warner warner = {.config = config, .warnings = &warnings};

    for (uint32_t i = 0; i < config->n_bridges; i++) {
        look_at_pause(&warner, &config->bridges[i], i);
        look_at_mirrors(&warner, &config->bridges[i], i);
    }
    look_at_recorder(&warner);
    if (warner.has_failed) {
        config_warnings_fini(&warnings);
        return -ENOMEM;
    }
    *ret = warnings;
    return 0;
}

void config_warnings_fini(struct config_warnings *warnings)
{
    free(warnings->list);
    *warnings = (struct config_warnings){0};
}

/* Its message may have a number that is another one now. */
bool config_warnings_have(const struct config_warnings *warnings,
                          const struct config_warning *wanted)
{
    uint32_t i = 0;

    while (i < warnings->n && (strcmp(warnings->list[i].of, wanted->of) != 0 ||
                               strcmp(warnings->list[i].cure, wanted->cure) != 0))
        i++;
    return i < warnings->n;
}
