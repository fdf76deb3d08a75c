/* SPDX-License-Identifier: ISC */
#include "ringspan/config_keys.h"

#include <assert.h>
#include <string.h>
#include <sys/un.h>

#include "config_stages.h"
#include "ringspan/config.h"
#include "ringspan/glob.h"
#include "ringspan/mac.h"
#include "ringspan/tap.h"

#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define GROUP_NAME_MAX  32
#define FILE_NAME_MAX   255
#define PATH_BYTES_MAX  4095
#define N_ELEMENTS(x)   (sizeof(x) / sizeof((x)[0]))

/*
 * What a text may be is said twice: by a function, which can say what is wrong, and by a pattern
 * for the schema. The schema's test asks both about every character that matters.
 */

#define CONTROLS        "\\u0000-\\u001f\\u007f-\\u009f"
#define TEXT_PATTERN    "^[^" CONTROLS "]*$"
#define NAME_CHARACTERS "[^" CONTROLS " /:%]*$"
#define NAME_PATTERN    "^(?!\\.{1,2}$)" NAME_CHARACTERS
#define PORT_PATTERN    "^(?!(\\.{1,2}|lo)$)" NAME_CHARACTERS
#define MATCH_PATTERN   "^(?!\\.{1,2}$)(?=.*[*?\\[])" NAME_CHARACTERS
#define SOCKET_PATTERN  "^/[^" CONTROLS "]*[^" CONTROLS "/]$"
#define MAC_PATTERN     "^(?!00(:00){5}$)[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$"
#define NETNS_PATTERN   "^(/[^" CONTROLS "]*[^" CONTROLS "/]|(?!\\.{1,2}$)[^" CONTROLS "/]{1,255})$"
#define GROUP_PATTERN   "^(?!-)[^" CONTROLS " :,/]*$"

#define TAPS "ports of type tap"

/* C0, DEL, and C1 as UTF-8 has it: names and descriptions are shown on terminals. */
static const char *complain_control(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
            return "contains a control character";
    }
    return NULL;
}

/* What dev_valid_name() and dev_alloc_name() of the kernel refuse. */
static const char *complain_name(const char *text)
{
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "is no name that an interface can have";
    if (strpbrk(text, " \t\n\v\f\r"))
        return "contains a blank, which an interface's name cannot";
    if (strchr(text, '\xa0'))
        return "contains the byte 0xA0 in UTF-8, which the kernel takes for a blank";
    if (strchr(text, '/'))
        return "contains '/', which an interface's name cannot";
    if (strchr(text, ':'))
        return "contains ':', which an interface's name cannot";
    if (strchr(text, '%'))
        return "contains '%', which an interface's name cannot";
    return complain_control(text);
}

static const char *complain_port_name(const char *text)
{
    return strcmp(text, "lo") == 0 ? "is the loopback interface, which cannot be a port"
                                   : complain_name(text);
}

static const char *complain_match(const char *text)
{
    const char *complaint;

    if (!glob_has_wildcard(text))
        return "has no '*', '?' or '[' and is one name: write \"name\" instead of \"match\"";
    complaint = complain_name(text);
    if (!complaint)
        complaint = glob_complain(text);
    if (!complaint && glob_shortest(text) >= LIMIT_NAME_SIZE)
        return "matches nothing: an interface's name has at most 15 bytes";
    return complaint;
}

static const char *complain_socket(const char *text)
{
    if (text[0] != '/')
        return "is not an absolute path";
    if (text[strlen(text) - 1] == '/')
        return "names a directory; the socket needs a name in it";
    return complain_control(text);
}

static const char *complain_netns(const char *text)
{
    if (text[0] == '/' && text[strlen(text) - 1] == '/')
        return "names a directory, and not the file of a network namespace";
    if (text[0] != '/' && strchr(text, '/'))
        return "is neither a name, as in 'ip netns', nor an absolute path";
    if (text[0] != '/' && strlen(text) > FILE_NAME_MAX)
        return "is longer than the 255 bytes that a name can have";
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "is no name that a network namespace can have";
    return complain_control(text);
}

static const char *complain_group(const char *text)
{
    if (strpbrk(text, ":,/ \t\n") || text[0] == '-')
        return "is no name that a group can have";
    return complain_control(text);
}

/* What useradd(8) takes is less; a number is fine. */
static const char *complain_account(const char *text)
{
    if (strpbrk(text, ":,/ \t\n") || text[0] == '-')
        return "is no name that a user or a group can have";
    return complain_control(text);
}

static const char *reserved_word(uint32_t i)
{
    return reserved_preset_name((enum reserved_preset)i);
}

static const char *log_level_word(uint32_t i)
{
    return log_level_name((enum log_level)i);
}

const char *config_port_type_name(enum config_port_type type)
{
    static const char *const names[CONFIG_N_PORT_TYPES] = {
        [CONFIG_PORT_NETDEV] = "netdev", [CONFIG_PORT_TAP] = "tap"};

    return names[type];
}

static const char *port_type_word(uint32_t i)
{
    return config_port_type_name((enum config_port_type)i);
}

/* A word that was refused is some other type. */
static bool may_be_tap(const void *port)
{
    return ((const struct config_port *)port)->type != CONFIG_PORT_NETDEV;
}

static const char *admin_state_word(uint32_t i)
{
    return port_admin_state_name((enum port_admin_state)i);
}

static const char *vlan_mode_word(uint32_t i)
{
    return vlan_mode_name((enum vlan_mode)i);
}

static const char *mac_limit_word(uint32_t i)
{
    return mac_limit_action_name((enum mac_limit_action)i);
}

static const char *frame_types_word(uint32_t i)
{
    return vlan_frame_types_name((enum vlan_frame_types)i);
}

static const char *ethertype_word(uint32_t i)
{
    return vlan_ethertype_name((enum vlan_ethertype)i);
}

static bool is_vlan_aware(const void *bridge)
{
    return ((const struct config_bridge *)bridge)->vlan_aware;
}

static bool has_vlan(const void *port)
{
    return ((const struct config_port *)port)->vlan.mode != VLAN_MODE_NONE;
}

static bool has_pvid(const void *port)
{
    return vlan_mode_has_pvid(((const struct config_port *)port)->vlan.mode);
}

static bool has_allowed(const void *port)
{
    return vlan_mode_has_allowed(((const struct config_port *)port)->vlan.mode);
}

static bool has_frame_types(const void *port)
{
    return vlan_mode_interprets(((const struct config_port *)port)->vlan.mode);
}

static bool has_translations(const void *port)
{
    return ((const struct config_port *)port)->vlan.translations.n > 0;
}

static bool has_port_defaults(const void *config)
{
    return ((const struct config *)config)->defaults.port.written != 0;
}

static bool has_defaults(const void *config)
{
    return has_port_defaults(config) || ((const struct config *)config)->defaults.description;
}

static const struct config_planned_word planned_port_types[] = {
    {"udp", NULL},
    {NULL, NULL},
};

static const char *bridge_mode_word(uint32_t i)
{
    return bridge_mode_name((enum bridge_mode)i);
}

static bool is_no_wire(const void *bridge)
{
    return ((const struct config_bridge *)bridge)->mode != BRIDGE_WIRE;
}

static const struct config_words bridge_mode_words = {.name = bridge_mode_word,
                                                      .n = BRIDGE_N_MODES};

static const char *reserved_action_word(uint32_t i)
{
    return reserved_action_name((enum reserved_action)i);
}

static bool says_reserved(const void *port)
{
    const struct reserved_settings unsaid = reserved_settings_of(RESERVED_N_PRESETS);
    const struct config_port *config = port;

    return config->reserved_description || !reserved_settings_equal(&config->reserved, &unsaid);
}

static const struct config_words reserved_action_words = {.name = reserved_action_word,
                                                          .n = RESERVED_N_ACTIONS};
static const struct config_words reserved_words = {.name = reserved_word, .n = RESERVED_N_PRESETS};
static const struct config_words admin_state_words = {.name = admin_state_word,
                                                      .n = PORT_N_ADMIN_STATES};
static const struct config_words vlan_mode_words = {.name = vlan_mode_word, .n = VLAN_N_MODES};
static const struct config_words mac_limit_words = {.name = mac_limit_word,
                                                    .n = MAC_LIMIT_N_ACTIONS};
static const struct config_words frame_types_words = {.name = frame_types_word,
                                                      .n = VLAN_N_FRAME_TYPES};
static const struct config_words ethertype_words = {.name = ethertype_word, .n = VLAN_N_ETHERTYPES};
static const struct config_words log_level_words = {.name = log_level_word,
                                                    .n = LOG_LEVEL_DEBUG + 1};
static const struct config_words port_type_words = {
    .name = port_type_word, .n = CONFIG_N_PORT_TYPES, .planned = planned_port_types};

#define DESCRIPTION(field_offset)                                                        \
    {                                                                                    \
        .name = "description", .type = CONFIG_TEXT, .max = LIMIT_DESCRIPTION_SIZE - 1,   \
        .offset = (field_offset), .complain = complain_control, .pattern = TEXT_PATTERN, \
        .is_own = true, .help = "Text for people; it changes nothing.",                  \
    }

#define PLANNED(key)                          \
    {                                         \
        .name = (key), .type = CONFIG_PLANNED \
    }

#define RESERVED_PROTOCOL(owner, key, protocol, addresses)                                   \
    {                                                                                        \
        .name = (key), .type = CONFIG_WORD, .default_value = RESERVED_N_ACTIONS,             \
        .offset = offsetof(struct owner, reserved.actions[protocol]),                        \
        .words = &reserved_action_words, .help = "What becomes of frames to " addresses ".", \
    }

#define RESERVED_KEYS(owner, default_preset, preset_help)                                          \
    {                                                                                              \
        {                                                                                          \
            .name = "preset",                                                                      \
            .type = CONFIG_WORD,                                                                   \
            .default_value = (default_preset),                                                     \
            .offset = offsetof(struct owner, reserved.preset),                                     \
            .words = &reserved_words,                                                              \
            .help = (preset_help),                                                                 \
        },                                                                                         \
            RESERVED_PROTOCOL(owner, "stp", RESERVED_STP, "01-80-C2-00-00-00"),                    \
            RESERVED_PROTOCOL(owner, "pause", RESERVED_PAUSE,                                      \
                              "01-80-C2-00-00-01: PAUSE and other MAC control"),                   \
            RESERVED_PROTOCOL(owner, "lacp", RESERVED_LACP,                                        \
                              "01-80-C2-00-00-02: LACP and other slow protocols"),                 \
            RESERVED_PROTOCOL(owner, "dot1x", RESERVED_DOT1X,                                      \
                              "01-80-C2-00-00-03: 802.1X and MACsec key agreement"),               \
            RESERVED_PROTOCOL(owner, "lldp", RESERVED_LLDP, "01-80-C2-00-00-0E"),                  \
            RESERVED_PROTOCOL(owner, "other", RESERVED_OTHER, "01-80-C2-00-00-04 to -0D and -0F"), \
            RESERVED_PROTOCOL(owner, "cisco", RESERVED_CISCO,                                      \
                              "01-00-0C-CC-CC-CC (CDP, VTP and others) and -CD (PVST)"),           \
            DESCRIPTION(offsetof(struct owner, reserved_description)),                             \
    }

static const struct config_key bridge_reserved_keys[] =
    RESERVED_KEYS(config_bridge, RESERVED_TRANSPARENT,
                  "What becomes of frames of protocols that have no word of their own here.");

static const struct config_object bridge_reserved_object = {
    .what = "a bridge's reserved",
    .keys = bridge_reserved_keys,
    .n_keys = N_ELEMENTS(bridge_reserved_keys),
};

static const struct config_key port_reserved_keys[] =
    RESERVED_KEYS(config_port, RESERVED_N_PRESETS,
                  "What becomes of frames of protocols that have no word of their own here; what "
                  "the bridge says if absent.");

static const struct config_object port_reserved_object = {
    .what = "a port's reserved",
    .keys = port_reserved_keys,
    .n_keys = N_ELEMENTS(port_reserved_keys),
};

static const struct config_key vlan_keys[] = {
    {
        .name = "mode",
        .type = CONFIG_WORD,
        .required = true,
        .default_value = VLAN_MODE_NONE,
        .offset = offsetof(struct config_port, vlan.mode),
        .words = &vlan_mode_words,
        .help = "What the port does with tags.",
    },
    {
        .name = "pvid",
        .type = CONFIG_INTEGER,
        .min = VID_MIN,
        .max = VID_MAX,
        .default_value = VID_NONE,
        .offset = offsetof(struct config_port, vlan.pvid),
        .is_set = has_pvid,
        .help = "The VLAN of frames that come without one. All modes but 'trunk' need it.",
    },
    {
        .name = "allowed",
        .type = CONFIG_VIDS,
        .offset = offsetof(struct config_port, vlan.allowed),
        .is_set = has_allowed,
        .help = "The VLANs that cross the port tagged: VIDs and ranges like \"20-29\". All if "
                "absent.",
    },
    {
        .name = "acceptable_frame_types",
        .type = CONFIG_WORD,
        .default_value = VLAN_FRAMES_ALL,
        .offset = offsetof(struct config_port, vlan.acceptable_frame_types),
        .words = &frame_types_words,
        .is_set = has_frame_types,
        .help = "Which frames the port takes, of those that its mode takes.",
    },
    DESCRIPTION(offsetof(struct config_port, vlan_description)),
};

static const struct config_object vlan_object = {
    .what = "a port's vlan",
    .keys = vlan_keys,
    .n_keys = N_ELEMENTS(vlan_keys),
};

#define FLOOD_SWITCH(key, class, frames)                              \
    {                                                                 \
        .name = (key), .type = CONFIG_BOOLEAN, .default_value = true, \
        .offset = offsetof(struct config_port, policy.flood[class]),  \
        .help = "Whether floods of " frames " leave by the port.",    \
    }

static const struct config_key flood_keys[] = {
    FLOOD_SWITCH("unknown_unicast", FLOOD_UNKNOWN_UNICAST, "frames to addresses nobody knows"),
    FLOOD_SWITCH("multicast", FLOOD_MULTICAST, "frames to group addresses but the broadcast one"),
    FLOOD_SWITCH("broadcast", FLOOD_BROADCAST, "frames to the broadcast address"),
    DESCRIPTION(offsetof(struct config_port, flood_description)),
};

static const struct config_object flood_object = {
    .what = "a port's flood",
    .keys = flood_keys,
    .n_keys = N_ELEMENTS(flood_keys),
};

/* Storm control and policing: meters of a port. */

static bool has_meter(const struct config_port *port, enum meter_use use)
{
    return port->meters[use].settings.rate.value > 0;
}

static bool has_broadcast(const void *port)
{
    return has_meter(port, METER_BROADCAST);
}

static bool has_multicast(const void *port)
{
    return has_meter(port, METER_MULTICAST);
}

static bool has_unknown_unicast(const void *port)
{
    return has_meter(port, METER_UNKNOWN_UNICAST);
}

static bool has_ingress(const void *port)
{
    return has_meter(port, METER_INGRESS);
}

static bool has_egress(const void *port)
{
    return has_meter(port, METER_EGRESS);
}

static bool has_storm_control(const void *port)
{
    return has_broadcast(port) || has_multicast(port) || has_unknown_unicast(port) ||
           ((const struct config_port *)port)->says_storm_control;
}

static bool has_policing(const void *port)
{
    return has_ingress(port) || has_egress(port) ||
           ((const struct config_port *)port)->says_policing;
}

static const struct config_key meter_keys[] = {
    {
        .name = "rate",
        .type = CONFIG_RATE,
        .required = true,
        .offset = offsetof(struct config_meter, settings.rate),
        .help = "How much passes, like \"1000pps\" or \"10mbit\".",
    },
    {
        .name = "burst",
        .type = CONFIG_BURST,
        .offset = offsetof(struct config_meter, settings.burst),
        .help =
            "How much of it passes at once, like \"100packets\" or \"64KiB\"; if absent, what the "
            "rate brings in 50 ms for storm control, and in 200 ms for policing.",
    },
    DESCRIPTION(offsetof(struct config_meter, description)),
};

static const struct config_object storm_meter_object = {
    .what = "a limit",
    .keys = meter_keys,
    .n_keys = N_ELEMENTS(meter_keys),
    .finish = config_finish_storm_meter,
};

static const struct config_object policing_meter_object = {
    .what = "a limit",
    .keys = meter_keys,
    .n_keys = N_ELEMENTS(meter_keys),
    .finish = config_finish_policing_meter,
};

static const struct config_key storm_control_keys[] = {
    {
        .name = "broadcast",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_BROADCAST]),
        .object = &storm_meter_object,
        .is_set = has_broadcast,
        .help = "Frames to ff:ff:ff:ff:ff:ff.",
    },
    {
        .name = "multicast",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_MULTICAST]),
        .object = &storm_meter_object,
        .is_set = has_multicast,
        .help = "Frames to other group addresses.",
    },
    {
        .name = "unknown_unicast",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_UNKNOWN_UNICAST]),
        .object = &storm_meter_object,
        .is_set = has_unknown_unicast,
        .help = "Frames to the address of one host that the forwarding table does not have.",
    },
    DESCRIPTION(offsetof(struct config_port, storm_control_description)),
};

static const struct config_object storm_control_object = {
    .what = "a port's storm_control",
    .keys = storm_control_keys,
    .n_keys = N_ELEMENTS(storm_control_keys),
};

static const struct config_key policing_keys[] = {
    {
        .name = "ingress",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_INGRESS]),
        .object = &policing_meter_object,
        .is_set = has_ingress,
        .help = "What the port takes in.",
    },
    {
        .name = "egress",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_EGRESS]),
        .object = &policing_meter_object,
        .is_set = has_egress,
        .help = "What leaves by the port.",
    },
    DESCRIPTION(offsetof(struct config_port, policing_description)),
};

static const struct config_object policing_object = {
    .what = "a port's policing",
    .keys = policing_keys,
    .n_keys = N_ELEMENTS(policing_keys),
};

/* The first N_INDIVIDUAL_KEYS have no defaults: no two ports say the same. */
#define N_INDIVIDUAL_KEYS 6

static const struct config_key mac_limit_keys[] = {
    {
        .name = "max",
        .type = CONFIG_INTEGER,
        .required = true,
        .min = 1,
        .max = LIMIT_FDB_ENTRIES_MAX,
        .default_value = 0,
        .offset = offsetof(struct config_port, policy.mac_limit.max),
        .help = "How many addresses may be learned behind the port. Static ones do not count.",
    },
    {
        .name = "action",
        .type = CONFIG_WORD,
        .default_value = MAC_LIMIT_DROP,
        .offset = offsetof(struct config_port, policy.mac_limit.action),
        .words = &mac_limit_words,
        .help = "What becomes of frames from one more: dropped, forwarded without being learned, "
                "or the port is shut down.",
    },
    {
        .name = "recovery",
        .type = CONFIG_INTEGER,
        .min = 0,
        .max = LIMIT_RECOVERY_MAX,
        .default_value = LIMIT_RECOVERY_DEFAULT,
        .unit = "seconds",
        .offset = offsetof(struct config_port, policy.mac_limit.recovery),
        .help = "When a port that was shut down is tried again, in seconds; 0: when it is asked "
                "to be up.",
    },
    DESCRIPTION(offsetof(struct config_port, mac_limit_description)),
};

static const struct config_object mac_limit_object = {
    .what = "a port's mac_limit",
    .keys = mac_limit_keys,
    .n_keys = N_ELEMENTS(mac_limit_keys),
};

static bool has_mac_limit(const void *port)
{
    return ((const struct config_port *)port)->policy.mac_limit.max != 0;
}

static const struct config_key port_keys[] = {
    {
        .name = "name",
        .type = CONFIG_NAME,
        .required = true,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct config_port, name),
        .complain = complain_port_name,
        .pattern = PORT_PATTERN,
        .without = "match",
        .help = "The port's name, unique in the daemon.",
    },
    {
        .name = "ifname",
        .type = CONFIG_NAME,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct config_port, ifname),
        .complain = complain_port_name,
        .pattern = PORT_PATTERN,
        .without = "match",
        .help = "The interface that the port uses; the port's name if absent. An interface belongs "
                "to one port.",
    },
    {
        .name = "match",
        .type = CONFIG_NAME,
        .min = 1,
        .max = LIMIT_MATCH_SIZE - 1,
        .offset = offsetof(struct config_port, match),
        .complain = complain_match,
        .pattern = MATCH_PATTERN,
        .help = "A pattern (*, ?, [...]): each interface whose name matches becomes a port of that "
                "name, as long as it exists.",
    },
    {
        .name = "max",
        .type = CONFIG_INTEGER,
        .min = 1,
        .max = LIMIT_PORTS,
        .default_value = LIMIT_MATCH_PORTS_DEFAULT,
        .offset = offsetof(struct config_port, max),
        .with = "match",
        .help = "How many ports 'match' makes at most.",
    },
    {
        .name = "mac",
        .type = CONFIG_MAC,
        .min = 1,
        .max = MAC_STRING_SIZE - 1,
        .offset = offsetof(struct config_port, mac),
        .pattern = MAC_PATTERN,
        .has_meaning = may_be_tap,
        .meant_for = TAPS,
        .help = "The address of the tap's end in the host; whoever opens the tap has another one.",
    },
    {
        .name = "translate",
        .type = CONFIG_VID_MAP,
        .max = LIMIT_VLAN_TRANSLATIONS,
        .offset = offsetof(struct config_port, vlan.translations),
        .is_set = has_translations,
        .help = "VIDs of tags outside of the port, and of which VLAN they are inside, as in "
                "{ \"10\": 110 }.",
    },
    {
        .name = "type",
        .type = CONFIG_WORD,
        .default_value = CONFIG_PORT_NETDEV,
        .offset = offsetof(struct config_port, type),
        .without = "match",
        .words = &port_type_words,
        .help = "What stands behind the port: a network interface (netdev), or a tap that the "
                "daemon makes if there is none.",
    },
    {
        .name = "netns",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = PATH_BYTES_MAX,
        .offset = offsetof(struct config_port, netns),
        .complain = complain_netns,
        .pattern = NETNS_PATTERN,
        .help = "The network namespace that the interface is in: a name as in 'ip netns', or an "
                "absolute path; the daemon's own if absent.",
    },
    {
        .name = "isolate_host",
        .type = CONFIG_BOOLEAN,
        .default_value = true,
        .offset = offsetof(struct config_port, isolate_host),
        .said_offset = offsetof(struct config_port, says_isolate_host),
        .help = "Whether this host's own stack is kept off the interface; the bridge's value if "
                "absent.",
    },
    {
        .name = "qdisc_bypass",
        .type = CONFIG_BOOLEAN,
        .offset = offsetof(struct config_port, qdisc_bypass),
        .help = "Whether frames leave past the interface's queueing discipline, and so past its "
                "shaping.",
    },
    {
        .name = "admin_state",
        .type = CONFIG_WORD,
        .default_value = PORT_ADMIN_UP,
        .offset = offsetof(struct config_port, admin_state),
        .words = &admin_state_words,
        .help = "Whether the port takes part. A port that is down drops what arrives and sends "
                "nothing; its interface is left as it is.",
    },
    {
        .name = "reserved",
        .type = CONFIG_WORD_OR_OBJECT,
        .object = &port_reserved_object,
        .is_set = says_reserved,
        .fits = is_no_wire,
        .help = "What becomes of frames to reserved addresses that arrive on the port, where it is "
                "not what the bridge says: a preset, or an object.",
    },
    {
        .name = "vlan",
        .type = CONFIG_OBJECT,
        .object = &vlan_object,
        .is_set = has_vlan,
        .fits = is_vlan_aware,
        .help = "The port's VLANs. The ports of a VLAN-aware bridge need it; those of others "
                "cannot have it.",
    },
    {
        .name = "learning",
        .type = CONFIG_BOOLEAN,
        .default_value = true,
        .offset = offsetof(struct config_port, policy.learning),
        .help = "Whether the bridge learns from what arrives on the port.",
    },
    {
        .name = "flood",
        .type = CONFIG_OBJECT,
        .object = &flood_object,
        .fits = is_no_wire,
        .help = "Which floods leave by the port.",
    },
    {
        .name = "hairpin",
        .type = CONFIG_BOOLEAN,
        .offset = offsetof(struct config_port, policy.hairpin),
        .fits = is_no_wire,
        .help = "Whether frames may leave by the port that they came by.",
    },
    {
        .name = "isolation_group",
        .type = CONFIG_INTEGER,
        .min = 1,
        .max = ISOLATION_GROUP_MAX,
        .default_value = ISOLATION_GROUP_NONE,
        .offset = offsetof(struct config_port, policy.isolation_group),
        .fits = is_no_wire,
        .help = "A number: ports of one bridge that have the same exchange no frames.",
    },
    {
        .name = "mac_limit",
        .type = CONFIG_OBJECT,
        .object = &mac_limit_object,
        .is_set = has_mac_limit,
        .help = "How many addresses may be behind the port.",
    },
    {
        .name = "storm_control",
        .type = CONFIG_OBJECT,
        .object = &storm_control_object,
        .said_offset = offsetof(struct config_port, says_storm_control),
        .is_set = has_storm_control,
        .help = "Limits for what arrives on the port and is flooded.",
    },
    {
        .name = "policing",
        .type = CONFIG_OBJECT,
        .object = &policing_object,
        .said_offset = offsetof(struct config_port, says_policing),
        .is_set = has_policing,
        .help = "Limits for all that arrives on the port, and for all that leaves by it.",
    },
    DESCRIPTION(offsetof(struct config_port, description)),
    {
        .name = "owner",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = TAP_ACCOUNT_SIZE - 1,
        .offset = offsetof(struct config_port, owner),
        .complain = complain_account,
        .pattern = GROUP_PATTERN,
        .has_meaning = may_be_tap,
        .meant_for = TAPS,
        .help = "The user, by name or number, who may open the tap; without owner and group, the "
                "daemon's.",
    },
    {
        .name = "group",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = TAP_ACCOUNT_SIZE - 1,
        .offset = offsetof(struct config_port, group),
        .complain = complain_account,
        .pattern = GROUP_PATTERN,
        .has_meaning = may_be_tap,
        .meant_for = TAPS,
        .help = "The group, by name or number, whose members may open the tap.",
    },
    {
        .name = "mtu",
        .type = CONFIG_INTEGER,
        .min = 68,
        .max = 65521,
        .unit = "bytes",
        .offset = offsetof(struct config_port, mtu),
        .has_meaning = may_be_tap,
        .meant_for = TAPS,
        .help = "The tap's MTU.",
    },
    {
        .name = "speed",
        .type = CONFIG_INTEGER,
        .min = 1,
        .max = 1000000,
        .unit = "Mbit/s",
        .offset = offsetof(struct config_port, speed),
        .has_meaning = may_be_tap,
        .meant_for = TAPS,
        .help = "The speed that the tap says it has. It limits nothing.",
    },
    {
        .name = "persist",
        .type = CONFIG_BOOLEAN,
        .default_value = true,
        .offset = offsetof(struct config_port, persist),
        .has_meaning = may_be_tap,
        .meant_for = TAPS,
        .help = "Whether a tap that the daemon made stays when the daemon ends.",
    },
    PLANNED("gro"),
    PLANNED("impair"),
    PLANNED("mirror"),
};

const struct config_object config_port = {
    .what = "a port",
    .keys = port_keys,
    .n_keys = N_ELEMENTS(port_keys),
    .size = sizeof(struct config_port),
};

const struct config_object config_port_defaults = {
    .what = "the ports' defaults",
    .keys = port_keys + N_INDIVIDUAL_KEYS,
    .n_keys = N_ELEMENTS(port_keys) - N_INDIVIDUAL_KEYS,
    .written_offset = offsetof(struct config_port_defaults, written),
};

static_assert(N_ELEMENTS(port_keys) - N_INDIVIDUAL_KEYS <= 64, "each has a bit of a uint64_t");

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
        .complain = complain_port_name,
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

static const struct config_key bridge_keys[] = {
    {
        .name = "name",
        .type = CONFIG_NAME,
        .required = true,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct config_bridge, name),
        .complain = complain_name,
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
        .object = &bridge_reserved_object,
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
        .name = "ports",
        .type = CONFIG_LIST,
        .max = LIMIT_PORTS,
        .offset = offsetof(struct config_bridge, ports),
        .count_offset = offsetof(struct config_bridge, n_ports),
        .object = &config_port,
        .is_last = true,
        .help = "The bridge's ports.",
    },
    PLANNED("mirror"),
    PLANNED("recorder"),
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
        .complain = complain_socket,
        .pattern = SOCKET_PATTERN,
        .help = "The absolute path of the control socket.",
    },
    {
        .name = "group",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = GROUP_NAME_MAX,
        .offset = offsetof(struct config, daemon.control.group),
        .complain = complain_group,
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
    PLANNED("cpu"),
    PLANNED("metrics"),
    PLANNED("recorder"),
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
    PLANNED("metrics"),
    PLANNED("recorder"),
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
