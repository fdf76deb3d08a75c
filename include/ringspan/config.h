/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CONFIG_H
#define RINGSPAN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ringspan/cpus.h"
#include "ringspan/forward.h"
#include "ringspan/gro.h"
#include "ringspan/limits.h"
#include "ringspan/log.h"
#include "ringspan/meter.h"
#include "ringspan/mirror.h"
#include "ringspan/port.h"
#include "ringspan/port_policy.h"
#include "ringspan/recorder.h"
#include "ringspan/reserved.h"
#include "ringspan/vlan_table.h"

#define CONFIG_MAX_ERRORS 100

/*
 * Config: a JSON document as a value. Parsing touches nothing in the world.
 *
 * Three stages, each a file:
 *   json_scan      strict RFC 8259 over the bytes, before anything is allocated for them: bounds on
 *                  size, depth and nodes, UTF-8, and the position of every value. The first syntax
 *                  error ends it.
 *   config_parse   json-c's tree against one table of keys (config_keys.h): types, ranges,
 *                  duplicate keys, unknown keys with "did you mean", keys that are planned but not
 *                  supported by this version.
 *   config_check   what spans keys: names that clash, interfaces used twice, too many ports.
 * The last two report every error that there is, in the order of the text; of more than
 * CONFIG_MAX_ERRORS, the first ones.
 *
 * An error has a file, line and column (in characters, from 1), the JSON path, a sentence, the line
 * itself with a caret under the place, and a suggestion where there is one.
 */

enum config_port_type {
    CONFIG_PORT_NETDEV,
    CONFIG_PORT_TAP,
    CONFIG_N_PORT_TYPES,
};

/* A limit; the rate is 0 where the file says nothing. */
struct config_meter {
    struct meter_settings settings;
    char *description;
};

/* A port, or one for each interface that matches: then it has no name of its own. */
struct config_port {
    char name[LIMIT_NAME_SIZE];
    char ifname[LIMIT_NAME_SIZE]; /* the name, if the file says nothing */
    char *netns;                  /* NULL: the daemon's own network namespace */
    char match[LIMIT_MATCH_SIZE]; /* "": a port with a name */
    uint32_t max;                 /* of the ports that `match` makes */
    enum config_port_type type;
    char *description; /* NULL if absent */
    uint64_t none;     /* a bit for each row of config_port_defaults (config_keys.h) that is null */
    bool isolate_host; /* the bridge's, if the file says nothing */
    bool says_isolate_host;
    bool isolate_host_is_asked; /* the file says it, here or in the bridge */
    bool qdisc_bypass;
    enum gro_wish gro;
    enum port_admin_state admin_state;
    struct reserved_settings reserved; /* what the file says here, and not in the bridge */
    char *reserved_description;
    /* Of a tap; NULL and 0 where the file says nothing. */
    char *owner;
    char *group;
    uint64_t mac;
    uint32_t mtu;
    uint32_t speed; /* Mbit/s */
    bool persist;
    struct vlan_settings vlan; /* VLAN_MODE_NONE: the file says nothing */
    char *vlan_description;
    struct port_policy policy;
    char *flood_description;
    char *mac_limit_description;
    struct config_meter meters[METER_N_USES];
    bool says_storm_control; /* if only that there are no limits, whatever the defaults are */
    bool says_policing;
    char *storm_control_description;
    char *policing_description;
};

/* What a port has that does not say it. The ports of a struct config are filled in. */
struct config_port_defaults {
    struct config_port port;
    uint64_t written; /* a bit for each row of config_port_defaults (config_keys.h) */
};

/** "netdev" or "tap". */
const char *config_port_type_name(enum config_port_type type);

/* An entry of a forwarding table that is there from the start, and stays. */
struct config_static {
    uint64_t mac;  /* an individual address */
    uint32_t vlan; /* VID_NONE on a bridge that is transparent to tags */
    char port[LIMIT_NAME_SIZE];
    bool sticky;
    char *description;
};

/* How often an address may move; max 0: as often as it does. In seconds. */
struct config_move_limit {
    uint32_t max;
    uint32_t interval;
    uint32_t hold;
};

struct config_bridge {
    char name[LIMIT_NAME_SIZE];
    char *description;
    uint32_t aging_time; /* seconds */
    enum bridge_mode mode;
    struct reserved_settings reserved; /* with a preset */
    char *reserved_description;
    bool vlan_aware;
    enum vlan_ethertype ethertype;
    bool isolate_host;
    bool says_isolate_host;
    struct {
        char *description;
        uint32_t every; /* 0: no frame is timed */
    } latency;
    struct {
        char *description;
        uint32_t max_entries;
        struct config_static *statics;
        uint32_t n_statics;
        struct config_move_limit move_limit;
        char *move_limit_description;
    } fdb;
    struct mirror_settings *mirrors;
    uint32_t n_mirrors;
    struct vidset flood_vlans;
    struct config_port *ports;
    uint32_t n_ports;
};

struct config {
    uint32_t version;
    char *description;
    struct config_bridge *bridges;
    uint32_t n_bridges;
    struct {
        char *description;
        struct config_port_defaults port;
    } defaults;
    struct {
        char *description;
        struct {
            char *description;
            char *socket; /* NULL: the default, see ctl_path.h */
            char *group;  /* NULL: none */
        } control;
        struct {
            char *description;
            enum log_level level;
        } log;
        struct cpus cpu; /* that the loop runs on; none: all */
        struct {
            char *description;
            char *listen; /* NULL: nowhere; else loopback_parse() takes it */
        } metrics;
        struct {
            char *description;
            char *memory;      /* "16MiB"; NULL: there is none */
            uint64_t triggers; /* bits: of recorder.h, from CONFIG_FIRST_TRIGGER on */
            uint32_t after;    /* seconds */
        } recorder;
    } daemon;
};

struct config_error {
    size_t offset; /* in bytes, at most the length of the text */
    uint32_t line;
    uint32_t column;
    char *path;    /* "bridges[0].ports[3].vlan.pvid"; "" for the document */
    char *message; /* "5000 is above 4094" */
    char *hint;    /* "did you mean 'aging_time'?", or NULL */
    char *excerpt; /* the line, cut to a width that fits around the column, safe to print */
    uint32_t excerpt_column; /* of the caret within it, from 1 */
};

struct config_warning {
    char of[2 * LIMIT_NAME_SIZE + 16]; /* "bridge lab0" */
    char path[64];                     /* "bridges[0].reserved" */
    char message[160];
    const char *cure;
};

struct config_warnings {
    struct config_warning *list;
    uint32_t n;
};

struct config_report {
    char *source;                /* the file's name as the user gave it; "<stdin>" for "-" */
    struct config_error *errors; /* in the order of the text */
    uint32_t n_errors;
    uint32_t n_more; /* found as well, but not kept */
};

/**
 * @text need not end in NUL. 0 and a config (release with config_free()), or -EINVAL and at least
 * one error in @ret_report, or -ENOMEM. @ret_report is always filled in: release it with
 * config_report_fini().
 */
int config_parse(const char *source, const char *text, size_t len, struct config **ret_config,
                 struct config_report *ret_report);
/** Reads @path ("-": standard input) and parses it. A file that cannot be read is -errno with an
 * error in the report. */
int config_load(const char *path, struct config **ret_config, struct config_report *ret_report);
/** The first half of it: 0 and the text (release with free()), or -errno and an error in the
 * report.
 */
int config_read(const char *path, char **ret_text, size_t *ret_len,
                struct config_report *ret_report);
/** Reads and parses a memfd_create(2) file that somebody else may have open as well: it must be
 * sealed against writing, growing and shrinking. @source is what the report calls it. */
int config_load_sealed(int fd, const char *source, struct config **ret_config,
                       struct config_report *ret_report);
/** NULL is fine. */
void config_free(struct config *config);
/** A copy that shares nothing with @config. 0 or -ENOMEM. */
int config_clone(const struct config *config, struct config **ret);
/** Whether the ports' defaults of both say the same. */
bool config_same_defaults(const struct config *a, const struct config *b);

/** What is valid, and does not do what whoever wrote it has in mind. 0 or -ENOMEM. Release with
 * config_warnings_fini(). */
int config_warn(const struct config *config, struct config_warnings *ret);
void config_warnings_fini(struct config_warnings *warnings);
/** Whether one of them says the same of the same thing. */
bool config_warnings_have(const struct config_warnings *warnings,
                          const struct config_warning *wanted);

void config_report_fini(struct config_report *report);
/** "lab.json:17:22: bridges[0].ports[3].pvid: 5000 is above 4094", the line, the caret, the hint,
 * for each error. Nothing that the file contains reaches a terminal as a control character. */
void config_report_print(const struct config_report *report, FILE *stream);

/* Of recorder.h: all but what is done by hand. */
#define CONFIG_FIRST_TRIGGER (RECORDER_BY_HAND + 1)

/** The bytes of daemon.recorder.memory; 0: NULL, or no such size. */
uint32_t config_recorder_bytes(const char *memory);

/** Ports of all bridges; those that a pattern makes are one. */
uint32_t config_n_ports(const struct config *config);
/** How many there can be at one time: a pattern counts for its max. */
uint32_t config_most_ports(const struct config *config);

static inline uint32_t config_port_places(const struct config_port *port)
{
    return *port->match ? port->max : 1;
}

#endif
