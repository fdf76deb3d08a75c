/* SPDX-License-Identifier: ISC */
#include "ringspan/config_keys.h"

#include <string.h>
#include <sys/un.h>

#include "config_rows.h"
#include "ringspan/limits.h"
#include "ringspan/mac.h"
#include "ringspan/recorder.h"

#define SOCKET_PATH_MAX     (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define GROUP_NAME_MAX      32
#define LISTEN_ADDRESS_MAX  21 /* "127.255.255.255:65535" */
#define RECORDER_MEMORY_MAX 6  /* "999MiB" */

static const char *log_level_word(uint32_t i)
{
    return log_level_name((enum log_level)i);
}

static const char *bridge_mode_word(uint32_t i)
{
    return bridge_mode_name((enum bridge_mode)i);
}

static const char *ethertype_word(uint32_t i)
{
    return vlan_ethertype_name((enum vlan_ethertype)i);
}

static bool is_vlan_aware(const void *bridge)
{
    return ((const struct config_bridge *)bridge)->vlan_aware;
}

static bool is_no_wire(const void *bridge)
{
    return ((const struct config_bridge *)bridge)->mode != BRIDGE_WIRE;
}

static bool has_port_defaults(const void *config)
{
    return ((const struct config *)config)->defaults.port.written != 0;
}

static bool has_defaults(const void *config)
{
    return has_port_defaults(config) || ((const struct config *)config)->defaults.description;
}

static const struct config_words bridge_mode_words = {.name = bridge_mode_word,
                                                      .n = BRIDGE_N_MODES};
static const struct config_words ethertype_words = {.name = ethertype_word, .n = VLAN_N_ETHERTYPES};
static const struct config_words log_level_words = {.name = log_level_word,
                                                    .n = LOG_LEVEL_DEBUG + 1};

static const struct config_key defaults_keys[] = {
    DESCRIPTION(offsetof(struct config, defaults.description)),
    {
        .name = "port",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config, defaults.port),
        .object = &config_port_defaults,
        .is_set = has_port_defaults,
        .help = "What a port has that does not say it: keys of a port, but for those that are each "
                "port's own.",
    },
};

static const struct config_object defaults_object = {
    .what = "defaults",
    .keys = defaults_keys,
    .n_keys = N_ELEMENTS(defaults_keys),
};

static bool has_static_vlan(const void *entry)
{
    return ((const struct config_static *)entry)->vlan != VID_NONE;
}

static const struct config_key static_keys[] = {
    {
        .name = "mac",
        .type = CONFIG_MAC,
        .required = true,
        .min = 1,
        .max = MAC_STRING_SIZE - 1,
        .offset = offsetof(struct config_static, mac),
        .pattern = MAC_PATTERN,
        .help = "The address, like 02:00:00:00:00:01: of one host, so no group address.",
    },
    {
        .name = "vlan",
        .type = CONFIG_INTEGER,
        .min = VID_MIN,
        .max = VID_MAX,
        .default_value = VID_NONE,
        .offset = offsetof(struct config_static, vlan),
        .is_set = has_static_vlan,
        .help = "The VLAN that the address is in. Entries of a VLAN-aware bridge need it; those of "
                "others cannot have it.",
    },
    {
        .name = "port",
        .type = CONFIG_NAME,
        .required = true,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct config_static, port),
        .complain = config_complain_port_name,
        .pattern = PORT_PATTERN,
        .help = "The name of the port, of this bridge, that the address is behind.",
    },
    {
        .name = "sticky",
        .type = CONFIG_BOOLEAN,
        .offset = offsetof(struct config_static, sticky),
        .help = "Shown among the flags; an address with a static entry never moves in any case.",
    },
    DESCRIPTION(offsetof(struct config_static, description)),
};

static const struct config_object static_object = {
    .what = "a static entry",
    .keys = static_keys,
    .n_keys = N_ELEMENTS(static_keys),
    .size = sizeof(struct config_static),
};

static const struct config_key move_limit_keys[] = {
    {
        .name = "max",
        .type = CONFIG_INTEGER,
        .required = true,
        .min = 1,
        .max = LIMIT_MOVES_MAX,
        .default_value = 0,
        .offset = offsetof(struct config_bridge, fdb.move_limit.max),
        .help = "How often an address may move from port to port within the interval.",
    },
    {
        .name = "interval",
        .type = CONFIG_INTEGER,
        .min = 1,
        .max = LIMIT_RECOVERY_MAX,
        .default_value = LIMIT_MOVES_SECONDS,
        .unit = "seconds",
        .offset = offsetof(struct config_bridge, fdb.move_limit.interval),
        .help = "The time in which moves are counted, in seconds.",
    },
    {
        .name = "hold",
        .type = CONFIG_INTEGER,
        .min = 1,
        .max = LIMIT_RECOVERY_MAX,
        .default_value = LIMIT_MOVES_SECONDS,
        .unit = "seconds",
        .offset = offsetof(struct config_bridge, fdb.move_limit.hold),
        .help = "How long an address stays where it is that has moved too often, in seconds.",
    },
    DESCRIPTION(offsetof(struct config_bridge, fdb.move_limit_description)),
};

static const struct config_object move_limit_object = {
    .what = "a table's move_limit",
    .keys = move_limit_keys,
    .n_keys = N_ELEMENTS(move_limit_keys),
};

static bool has_move_limit(const void *bridge)
{
    return ((const struct config_bridge *)bridge)->fdb.move_limit.max != 0;
}

static const struct config_key fdb_keys[] = {
    {
        .name = "max_entries",
        .type = CONFIG_INTEGER,
        .min = LIMIT_FDB_ENTRIES_MIN,
        .max = LIMIT_FDB_ENTRIES_MAX,
        .default_value = LIMIT_FDB_ENTRIES_DEFAULT,
        .offset = offsetof(struct config_bridge, fdb.max_entries),
        .help = "How many addresses the table holds.",
    },
    {
        .name = "static",
        .type = CONFIG_LIST,
        .max = LIMIT_FDB_STATIC,
        .offset = offsetof(struct config_bridge, fdb.statics),
        .count_offset = offsetof(struct config_bridge, fdb.n_statics),
        .object = &static_object,
        .help = "Addresses whose port is fixed. They do not age, and are among max_entries.",
    },
    {
        .name = "move_limit",
        .type = CONFIG_OBJECT,
        .object = &move_limit_object,
        .is_set = has_move_limit,
        .help = "How often an address may move. One that moves more often is held, and logged.",
    },
    DESCRIPTION(offsetof(struct config_bridge, fdb.description)),
};

static const struct config_object fdb_object = {
    .what = "a forwarding table",
    .keys = fdb_keys,
    .n_keys = N_ELEMENTS(fdb_keys),
};

static const struct config_key latency_keys[] = {
    {
        .name = "every",
        .type = CONFIG_INTEGER,
        .required = true,
        .min = 1,
        .max = LIMIT_LATENCY_EVERY,
        .default_value = 0,
        .offset = offsetof(struct config_bridge, latency.every),
        .help = "One frame in so many is timed, on average; 1: all.",
    },
    DESCRIPTION(offsetof(struct config_bridge, latency.description)),
};

static const struct config_object latency_object = {
    .what = "a bridge's latency",
    .keys = latency_keys,
    .n_keys = N_ELEMENTS(latency_keys),
};

static bool has_latency(const void *bridge)
{
    return ((const struct config_bridge *)bridge)->latency.every != 0;
}

static bool has_mirrors(const void *bridge)
{
    return ((const struct config_bridge *)bridge)->n_mirrors > 0;
}

static bool has_flood_vlans(const void *bridge)
{
    return !vidset_is_empty(&((const struct config_bridge *)bridge)->flood_vlans);
}

static const struct config_key bridge_keys[] = {
    {
        .name = "name",
        .type = CONFIG_NAME,
        .required = true,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct config_bridge, name),
        .complain = config_complain_name,
        .pattern = NAME_PATTERN,
        .help = "The bridge's name, unique among bridges.",
    },
    DESCRIPTION(offsetof(struct config_bridge, description)),
    {
        .name = "aging_time",
        .type = CONFIG_INTEGER,
        .min = LIMIT_AGING_TIME_MIN,
        .max = LIMIT_AGING_TIME_MAX,
        .default_value = LIMIT_AGING_TIME_DEFAULT,
        .unit = "seconds",
        .offset = offsetof(struct config_bridge, aging_time),
        .help = "How long an address that is not heard of any more is remembered, in seconds.",
    },
    {
        .name = "mode",
        .type = CONFIG_WORD,
        .default_value = BRIDGE_SWITCH,
        .offset = offsetof(struct config_bridge, mode),
        .words = &bridge_mode_words,
        .help = "Whether the bridge learns addresses (switch), floods everything (hub), or is a "
                "cable between two ports (wire).",
    },
    {
        .name = "reserved",
        .type = CONFIG_WORD_OR_OBJECT,
        .object = &config_bridge_reserved,
        .has_meaning = is_no_wire,
        .meant_for = "bridges that are no wire: everything crosses one",
        .help = "What becomes of frames to the reserved addresses, 01-80-C2-00-00-00 to -0F and "
                "two of Cisco's: a preset, or an object.",
    },
    {
        .name = "vlan_aware",
        .type = CONFIG_BOOLEAN,
        .offset = offsetof(struct config_bridge, vlan_aware),
        .help = "Whether the bridge keeps VLANs apart. If not, it is transparent to tags.",
    },
    {
        .name = "ethertype",
        .type = CONFIG_WORD,
        .default_value = VLAN_ETHERTYPE_8100,
        .offset = offsetof(struct config_bridge, ethertype),
        .words = &ethertype_words,
        .is_set = is_vlan_aware,
        .help = "The TPID of the tags that a VLAN-aware bridge interprets and adds.",
    },
    {
        .name = "isolate_host",
        .type = CONFIG_BOOLEAN,
        .default_value = true,
        .offset = offsetof(struct config_bridge, isolate_host),
        .said_offset = offsetof(struct config_bridge, says_isolate_host),
        .help = "Whether this host's own stack is kept off the ports' interfaces; true if absent, "
                "but then an interface that carries an address is refused.",
    },
    {
        .name = "fdb",
        .type = CONFIG_OBJECT,
        .object = &fdb_object,
        .help = "The forwarding table.",
    },
    {
        .name = "latency",
        .type = CONFIG_OBJECT,
        .object = &latency_object,
        .is_set = has_latency,
        .help = "Times frames, from the ring where they arrive until they are sent; nothing is "
                "timed if absent.",
    },
    {
        .name = "ports",
        .type = CONFIG_LIST,
        .max = LIMIT_PORTS,
        .offset = offsetof(struct config_bridge, ports),
        .count_offset = offsetof(struct config_bridge, n_ports),
        .object = &config_port,
        .is_last = true,
        .help = "The bridge's ports.",
    },
    {
        .name = "mirror",
        .type = CONFIG_LIST,
        .max = LIMIT_MIRRORS,
        .offset = offsetof(struct config_bridge, mirrors),
        .count_offset = offsetof(struct config_bridge, n_mirrors),
        .object = &config_mirror,
        .is_set = has_mirrors,
        .help = "Copies of frames for who looks on (SPAN, RSPAN).",
    },
    {
        .name = "flood_vlans",
        .type = CONFIG_VIDS,
        .default_value = CONFIG_NO_VIDS,
        .offset = offsetof(struct config_bridge, flood_vlans),
        .is_set = has_flood_vlans,
        .help =
            "VLANs in which no address is learned and everything is flooded, as for copies that "
            "mirrors on other switches make.",
    },
};

static const struct config_object bridge_object = {
    .what = "a bridge",
    .keys = bridge_keys,
    .n_keys = N_ELEMENTS(bridge_keys),
    .size = sizeof(struct config_bridge),
};

static const struct config_key control_keys[] = {
    {
        .name = "socket",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = SOCKET_PATH_MAX,
        .offset = offsetof(struct config, daemon.control.socket),
        .complain = config_complain_socket,
        .pattern = SOCKET_PATTERN,
        .help = "The absolute path of the control socket.",
    },
    {
        .name = "group",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = GROUP_NAME_MAX,
        .offset = offsetof(struct config, daemon.control.group),
        .complain = config_complain_group,
        .pattern = GROUP_PATTERN,
        .help = "The group whose members may read from the control socket.",
    },
    DESCRIPTION(offsetof(struct config, daemon.control.description)),
};

static const struct config_object control_object = {
    .what = "daemon.control",
    .keys = control_keys,
    .n_keys = N_ELEMENTS(control_keys),
};

static const struct config_key log_keys[] = {
    {
        .name = "level",
        .type = CONFIG_WORD,
        .default_value = LOG_LEVEL_INFO,
        .offset = offsetof(struct config, daemon.log.level),
        .words = &log_level_words,
        .help = "The least important lines that are logged.",
    },
    DESCRIPTION(offsetof(struct config, daemon.log.description)),
};

static const struct config_object log_object = {
    .what = "daemon.log",
    .keys = log_keys,
    .n_keys = N_ELEMENTS(log_keys),
};

static const struct config_key metrics_keys[] = {
    {
        .name = "listen",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = LISTEN_ADDRESS_MAX,
        .offset = offsetof(struct config, daemon.metrics.listen),
        .complain = config_complain_listen,
        .pattern = LISTEN_PATTERN,
        .help = "The loopback address and port where they are served by HTTP; nowhere if absent.",
    },
    DESCRIPTION(offsetof(struct config, daemon.metrics.description)),
};

static const struct config_object metrics_object = {
    .what = "daemon.metrics",
    .keys = metrics_keys,
    .n_keys = N_ELEMENTS(metrics_keys),
};

static const char *trigger_word(uint32_t i)
{
    return recorder_trigger_name(i + CONFIG_FIRST_TRIGGER);
}

static const struct config_words trigger_words = {.name = trigger_word,
                                                  .n = RECORDER_N_TRIGGERS - CONFIG_FIRST_TRIGGER};

static const struct config_key recorder_keys[] = {
    {
        .name = "memory",
        .type = CONFIG_TEXT,
        .required = true,
        .min = 1,
        .max = RECORDER_MEMORY_MAX,
        .offset = offsetof(struct config, daemon.recorder.memory),
        .complain = config_complain_recorder,
        .pattern = RECORDER_PATTERN,
        .help = "Memory for the last frames of all ports, like \"16MiB\".",
    },
    {
        .name = "triggers",
        .type = CONFIG_WORDS,
        .words = &trigger_words,
        .offset = offsetof(struct config, daemon.recorder.triggers),
        .help = "What freezes it: a frame that is dropped for a reason, a port that loses its "
                "link, an address that moves too often; nothing if absent.",
    },
    {
        .name = "after",
        .type = CONFIG_INTEGER,
        .min = 0,
        .max = LIMIT_RECORDER_AFTER_MAX,
        .default_value = 1,
        .unit = "seconds",
        .offset = offsetof(struct config, daemon.recorder.after),
        .help = "How long it goes on after a trigger, in seconds, if what comes then does not fill "
                "half of the memory earlier.",
    },
    DESCRIPTION(offsetof(struct config, daemon.recorder.description)),
};

static const struct config_object recorder_object = {
    .what = "daemon.recorder",
    .keys = recorder_keys,
    .n_keys = N_ELEMENTS(recorder_keys),
};

static bool has_recorder(const void *document)
{
    return ((const struct config *)document)->daemon.recorder.memory != NULL;
}

static bool has_metrics(const void *document)
{
    const struct config *config = document;

    return config->daemon.metrics.listen || config->daemon.metrics.description;
}

static bool has_cpu(const void *base)
{
    const struct config *config = base;

    return cpus_count(&config->daemon.cpu) > 0;
}

static const struct config_key daemon_keys[] = {
    DESCRIPTION(offsetof(struct config, daemon.description)),
    {
        .name = "control",
        .type = CONFIG_OBJECT,
        .object = &control_object,
        .help = "The control socket.",
    },
    {
        .name = "log",
        .type = CONFIG_OBJECT,
        .object = &log_object,
        .help = "What the daemon logs.",
    },
    {
        .name = "cpu",
        .type = CONFIG_CPUS,
        .offset = offsetof(struct config, daemon.cpu),
        .is_set = has_cpu,
        .help = "The CPUs that the daemon forwards on: a number, or a list of numbers and ranges; "
                "all that it may run on if absent.",
    },
    {
        .name = "metrics",
        .type = CONFIG_OBJECT,
        .object = &metrics_object,
        .is_set = has_metrics,
        .help = "The daemon's counters, for Prometheus.",
    },
    {
        .name = "recorder",
        .type = CONFIG_OBJECT,
        .object = &recorder_object,
        .is_set = has_recorder,
        .help = "Keeps the last frames, for whoever asks afterwards; nothing is kept if absent.",
    },
};

static const struct config_object daemon_object = {
    .what = "the daemon",
    .keys = daemon_keys,
    .n_keys = N_ELEMENTS(daemon_keys),
};

static const struct config_key document_keys[] = {
    {
        .name = "$schema",
        .type = CONFIG_TEXT,
        .max = LIMIT_CONFIG_BYTES,
        .offset = CONFIG_NO_FIELD,
        .help = "For editors; it is ignored.",
    },
    {
        .name = "version",
        .type = CONFIG_INTEGER,
        .required = true,
        .min = 1,
        .max = 1,
        .offset = offsetof(struct config, version),
        .help = "The version of this format: 1.",
    },
    DESCRIPTION(offsetof(struct config, description)),
    {
        .name = "bridges",
        .type = CONFIG_LIST,
        .required = true,
        .min = 1,
        .max = LIMIT_BRIDGES,
        .offset = offsetof(struct config, bridges),
        .count_offset = offsetof(struct config, n_bridges),
        .object = &bridge_object,
        .is_last = true,
        .help = "The bridges of this daemon.",
    },
    {
        .name = "defaults",
        .type = CONFIG_OBJECT,
        .object = &defaults_object,
        .is_set = has_defaults,
        .help = "What fills in the keys that are not written.",
    },
    {
        .name = "daemon",
        .type = CONFIG_OBJECT,
        .object = &daemon_object,
        .help = "What concerns the process and not a bridge.",
    },
};

const struct config_object config_document = {
    .what = "the document",
    .keys = document_keys,
    .n_keys = N_ELEMENTS(document_keys),
    .size = sizeof(struct config),
};

const struct config_key *config_key_find(const struct config_object *object, const char *name)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        if (strcmp(object->keys[i].name, name) == 0)
            return &object->keys[i];
    }
    return NULL;
}

static bool has_name(const struct config_object *object, const char *name, const void *base)
{
    const struct config_key *key = config_key_find(object, name);

    return key && *((const char *)base + key->offset) != '\0';
}

bool config_key_applies(const struct config_object *object, const struct config_key *key,
                        const void *base)
{
    return (!key->with || has_name(object, key->with, base)) &&
           (!key->without || !has_name(object, key->without, base));
}

bool config_key_is_written(const struct config_object *object, uint32_t i, const void *base)
{
    const uint64_t *written = (const void *)((const char *)base + object->written_offset);

    return *written & UINT64_C(1) << i;
}
