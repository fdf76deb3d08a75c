/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "ringspan/config.h"
#include "ringspan/config_print.h"
#include "ringspan/glob.h"
#include "ringspan/mac.h"

/*
 * Any text is either a configuration that keeps its promises and can be printed as one, or has
 * errors that point into it and print as plain text.
 */

static void check_error(const struct config_error *error, size_t len)
{
    fuzz_require(error->offset <= len);
    fuzz_require(error->line >= 1 && error->column >= 1);
    fuzz_require(error->path && error->message && error->message[0]);
    fuzz_require(error->excerpt);
    fuzz_require(error->excerpt_column >= 1);
    fuzz_require(error->excerpt_column <= strlen(error->excerpt) + 1);
}

static void check_printed(const struct config_report *report)
{
    char *output = NULL;
    size_t size;
    FILE *stream = open_memstream(&output, &size);

    fuzz_require(stream);
    config_report_print(report, stream);
    fclose(stream);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)output[i];

        fuzz_require(c == '\n' || c == '\t' || (c >= ' ' && c != 0x7f));
    }
    free(output);
}

static void check_report(const struct config_report *report, size_t len)
{
    fuzz_require(report->n_errors > 0 && report->n_errors <= CONFIG_MAX_ERRORS);
    for (uint32_t i = 0; i < report->n_errors; i++) {
        check_error(&report->errors[i], len);
        fuzz_require(i == 0 || report->errors[i - 1].offset <= report->errors[i].offset);
    }
    check_printed(report);
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);

    return len >= 1 && len < LIMIT_NAME_SIZE && !strpbrk(name, "/:% \t\n") &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool is_same_netns(const struct config_port *a, const struct config_port *b)
{
    return strcmp(a->netns ? a->netns : "", b->netns ? b->netns : "") == 0;
}

static void check_pair(const struct config_port *a, const struct config_port *b)
{
    if (*a->match || *b->match) {
        fuzz_require(strcmp(a->match, b->match) != 0 || !is_same_netns(a, b));
    } else {
        fuzz_require(strcmp(a->name, b->name) != 0);
        fuzz_require(strcmp(a->ifname, b->ifname) != 0 || !is_same_netns(a, b));
    }
}

static void check_reserved(const struct reserved_settings *settings)
{
    fuzz_require(settings->preset <= RESERVED_N_PRESETS);
    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        fuzz_require(settings->actions[i] <= RESERVED_N_ACTIONS);
}

static void check_port(const struct config *config, const struct config_port *port)
{
    if (*port->match) {
        fuzz_require(!*port->name && !*port->ifname);
        fuzz_require(glob_has_wildcard(port->match) && !glob_complain(port->match));
        fuzz_require(port->max >= 1 && port->max <= LIMIT_PORTS);
    } else {
        fuzz_require(is_name(port->name) && is_name(port->ifname));
        fuzz_require(strcmp(port->ifname, "lo") != 0);
    }
    check_reserved(&port->reserved);
    for (uint32_t i = 0; i < config->n_bridges; i++) {
        for (uint32_t j = 0; j < config->bridges[i].n_ports; j++) {
            if (&config->bridges[i].ports[j] != port)
                check_pair(&config->bridges[i].ports[j], port);
        }
    }
}

static void check_static(const struct config_bridge *bridge, const struct config_static *entry)
{
    bool has_port = false;

    fuzz_require(entry->mac != 0 && !mac_is_group(entry->mac) && entry->mac <= MAC_BROADCAST);
    for (uint32_t i = 0; i < bridge->n_ports; i++)
        has_port = has_port || strcmp(bridge->ports[i].name, entry->port) == 0;
    fuzz_require(has_port);
    fuzz_require(bridge->vlan_aware == (entry->vlan != VID_NONE));
    for (uint32_t i = 0; i < bridge->fdb.n_statics; i++)
        fuzz_require(&bridge->fdb.statics[i] == entry || bridge->fdb.statics[i].mac != entry->mac ||
                     bridge->fdb.statics[i].vlan != entry->vlan);
}

static void check_bridge(const struct config *config, const struct config_bridge *bridge)
{
    fuzz_require(is_name(bridge->name));
    fuzz_require(bridge->aging_time >= LIMIT_AGING_TIME_MIN &&
                 bridge->aging_time <= LIMIT_AGING_TIME_MAX);
    fuzz_require(bridge->fdb.max_entries >= LIMIT_FDB_ENTRIES_MIN &&
                 bridge->fdb.max_entries <= LIMIT_FDB_ENTRIES_MAX);
    fuzz_require(bridge->reserved.preset < RESERVED_N_PRESETS);
    check_reserved(&bridge->reserved);
    fuzz_require(bridge->fdb.n_statics <= bridge->fdb.max_entries);
    for (uint32_t i = 0; i < bridge->n_ports; i++)
        check_port(config, &bridge->ports[i]);
    for (uint32_t i = 0; i < bridge->fdb.n_statics; i++)
        check_static(bridge, &bridge->fdb.statics[i]);
}

static void check_config(const struct config *config)
{
    fuzz_require(config->version == 1);
    fuzz_require(config->n_bridges >= 1 && config->n_bridges <= LIMIT_BRIDGES);
    fuzz_require(config_most_ports(config) <= LIMIT_PORTS);
    fuzz_require(config->daemon.log.level <= LOG_LEVEL_DEBUG);
    for (uint32_t i = 0; i < config->n_bridges; i++)
        check_bridge(config, &config->bridges[i]);
}

static void print(const struct config *config, struct byte_queue *ret_text)
{
    struct json_writer writer;

    byte_queue_init(ret_text, SIZE_MAX);
    json_writer_init(&writer, ret_text);
    config_print(&writer, config);
    fuzz_require(!ret_text->overflowed);
}

static void check_print(const struct config *config)
{
    struct config_report report;
    struct config *again = NULL;
    struct byte_queue first;
    struct byte_queue second;

    print(config, &first);
    fuzz_require(config_parse("printed", byte_queue_data(&first), first.len, &again, &report) == 0);
    print(again, &second);
    fuzz_require(first.len == second.len);
    fuzz_require(memcmp(byte_queue_data(&first), byte_queue_data(&second), first.len) == 0);
    config_report_fini(&report);
    config_free(again);
    byte_queue_fini(&first);
    byte_queue_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct config_report report;
    int r = config_parse("fuzz.json", (const char *)data, size, &config, &report);

    fuzz_require(report.source);
    if (r < 0) {
        fuzz_require(!config);
        check_report(&report, size);
    } else {
        fuzz_require(config && report.n_errors == 0 && report.n_more == 0);
        check_config(config);
        check_print(config);
    }
    config_report_fini(&report);
    config_free(config);
    return 0;
}
