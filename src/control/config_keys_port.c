/* SPDX-License-Identifier: ISC */
#include <assert.h>

#include "config_rows.h"
#include "ringspan/mac.h"
#include "ringspan/tap.h"

#define PATH_BYTES_MAX 4095

#define TAPS "ports of type tap"

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

static const char *frame_types_word(uint32_t i)
{
    return vlan_frame_types_name((enum vlan_frame_types)i);
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

static bool says_reserved(const void *port)
{
    const struct reserved_settings unsaid = reserved_settings_of(RESERVED_N_PRESETS);
    const struct config_port *config = port;

    return config->reserved_description || !reserved_settings_equal(&config->reserved, &unsaid);
}

static const struct config_planned_word planned_port_types[] = {
    {"udp", NULL},
    {NULL, NULL},
};

static const char *gro_word(uint32_t i)
{
    return gro_wish_name((enum gro_wish)i);
}

static const struct config_words gro_words = {.name = gro_word, .n = GRO_N_WISHES};
static const struct config_words admin_state_words = {.name = admin_state_word,
                                                      .n = PORT_N_ADMIN_STATES};
static const struct config_words vlan_mode_words = {.name = vlan_mode_word, .n = VLAN_N_MODES};
static const struct config_words frame_types_words = {.name = frame_types_word,
                                                      .n = VLAN_N_FRAME_TYPES};
static const struct config_words port_type_words = {
    .name = port_type_word, .n = CONFIG_N_PORT_TYPES, .planned = planned_port_types};

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

/* The first N_INDIVIDUAL_KEYS have no defaults: no two ports say the same. */
#define N_INDIVIDUAL_KEYS 6

static const struct config_key port_keys[] = {
    {
        .name = "name",
        .type = CONFIG_NAME,
        .required = true,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct config_port, name),
        .complain = config_complain_port_name,
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
        .complain = config_complain_port_name,
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
        .complain = config_complain_match,
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
        .complain = config_complain_netns,
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
        .name = "gro",
        .type = CONFIG_WORD,
        .default_value = GRO_AUTO,
        .offset = offsetof(struct config_port, gro),
        .words = &gro_words,
        .help = "Whether the kernel merges TCP segments before the port gets them: 'auto' does so "
                "on a veth and leaves other interfaces as they are.",
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
        .object = &config_port_reserved,
        .is_set = says_reserved,
        .help = "What becomes of frames to reserved addresses that arrive on the port, where it is "
                "not what the bridge says: a preset, or an object.",
    },
    {
        .name = "vlan",
        .type = CONFIG_OBJECT,
        .object = &vlan_object,
        .is_set = has_vlan,
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
        .object = &config_flood,
        .help = "Which floods leave by the port.",
    },
    {
        .name = "hairpin",
        .type = CONFIG_BOOLEAN,
        .offset = offsetof(struct config_port, policy.hairpin),
        .help = "Whether frames may leave by the port that they came by.",
    },
    {
        .name = "isolation_group",
        .type = CONFIG_INTEGER,
        .min = 1,
        .max = ISOLATION_GROUP_MAX,
        .default_value = ISOLATION_GROUP_NONE,
        .offset = offsetof(struct config_port, policy.isolation_group),
        .help = "A number: ports of one bridge that have the same exchange no frames.",
    },
    {
        .name = "mac_limit",
        .type = CONFIG_OBJECT,
        .object = &config_mac_limit,
        .is_set = config_has_mac_limit,
        .help = "How many addresses may be behind the port.",
    },
    {
        .name = "storm_control",
        .type = CONFIG_OBJECT,
        .object = &config_storm_control,
        .said_offset = offsetof(struct config_port, says_storm_control),
        .is_set = config_has_storm_control,
        .help = "Limits for what arrives on the port and is flooded.",
    },
    {
        .name = "policing",
        .type = CONFIG_OBJECT,
        .object = &config_policing,
        .said_offset = offsetof(struct config_port, says_policing),
        .is_set = config_has_policing,
        .help = "Limits for all that arrives on the port, and for all that leaves by it.",
    },
    DESCRIPTION(offsetof(struct config_port, description)),
    {
        .name = "owner",
        .type = CONFIG_TEXT,
        .min = 1,
        .max = TAP_ACCOUNT_SIZE - 1,
        .offset = offsetof(struct config_port, owner),
        .complain = config_complain_account,
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
        .complain = config_complain_account,
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
    PLANNED("impair"),
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

bool config_key_can_be_none(const struct config_object *object, const struct config_key *key)
{
    return object == &config_port && key >= config_port_defaults.keys && !key->is_own &&
           key->type != CONFIG_PLANNED;
}

uint64_t config_key_none_bit(const struct config_key *key)
{
    return UINT64_C(1) << (key - config_port_defaults.keys);
}
