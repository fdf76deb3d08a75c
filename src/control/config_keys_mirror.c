/* SPDX-License-Identifier: ISC */
#include "config_rows.h"

/* What a bridge is told about mirrors. */

static const char *direction_word(uint32_t i)
{
    return mirror_direction_name((enum mirror_direction)i);
}

static bool has_vlans(const void *mirror)
{
    const struct vidset all = vidset_all();

    return !vidset_equals(&((const struct mirror_settings *)mirror)->vlans, &all);
}

static bool has_sources(const void *mirror)
{
    return ((const struct mirror_settings *)mirror)->n_from > 0;
}

static const struct config_words direction_words = {.name = direction_word,
                                                    .n = MIRROR_N_DIRECTIONS};

static const struct config_key source_keys[] = {
    {
        .name = "port",
        .type = CONFIG_NAME,
        .required = true,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct mirror_source, port),
        .complain = config_complain_port_name,
        .pattern = PORT_PATTERN,
        .without = "match",
        .help = "The name of a port of this bridge, whose frames are copied.",
    },
    {
        .name = "match",
        .type = CONFIG_NAME,
        .min = 1,
        .max = LIMIT_MATCH_SIZE - 1,
        .offset = offsetof(struct mirror_source, match),
        .complain = config_complain_source_match,
        .pattern = MATCH_PATTERN,
        .help = "In place of port: a pattern (*, ?, [...]) for names of ports of this bridge, "
                "whenever they come.",
    },
    {
        .name = "direction",
        .type = CONFIG_WORD,
        .default_value = MIRROR_N_DIRECTIONS,
        .offset = offsetof(struct mirror_source, direction),
        .words = &direction_words,
        .help = "Which of them: what it takes in, what leaves by it, or both; the mirror's "
                "direction if absent.",
    },
};

static const struct config_object source_object = {
    .what = "a source of a mirror",
    .keys = source_keys,
    .n_keys = N_ELEMENTS(source_keys),
    .size = sizeof(struct mirror_source),
};

static const struct config_key mirror_keys[] = {
    {
        .name = "name",
        .type = CONFIG_NAME,
        .required = true,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct mirror_settings, name),
        .complain = config_complain_name,
        .pattern = NAME_PATTERN,
        .help = "The mirror's name, unique among those of its bridge.",
    },
    {
        .name = "from",
        .type = CONFIG_LIST,
        .max = LIMIT_PORTS,
        .offset = offsetof(struct mirror_settings, from),
        .count_offset = offsetof(struct mirror_settings, n_from),
        .object = &source_object,
        .is_set = has_sources,
        .help = "The ports whose frames are copied; all of the bridge if there are none.",
    },
    {
        .name = "direction",
        .type = CONFIG_WORD,
        .default_value = MIRROR_BOTH,
        .offset = offsetof(struct mirror_settings, direction),
        .words = &direction_words,
        .help = "Which frames of these ports: what they take in, what leaves by them, or both.",
    },
    {
        .name = "vlans",
        .type = CONFIG_VIDS,
        .offset = offsetof(struct mirror_settings, vlans),
        .is_set = has_vlans,
        .help = "Only frames of these VLANs: VIDs and ranges like \"20-29\". All frames if absent.",
    },
    {
        .name = "output_port",
        .type = CONFIG_NAME,
        .min = 1,
        .max = LIMIT_NAME_SIZE - 1,
        .offset = offsetof(struct mirror_settings, output_port),
        .complain = config_complain_port_name,
        .pattern = PORT_PATTERN,
        .help = "The port of this bridge that the copies leave by, and nothing else does.",
    },
    {
        .name = "output_vlan",
        .type = CONFIG_INTEGER,
        .required = true,
        .without = "output_port",
        .min = VID_MIN,
        .max = VID_MAX,
        .default_value = VID_NONE,
        .offset = offsetof(struct mirror_settings, output_vlan),
        .help = "In place of output_port: the VLAN that the copies are flooded in (RSPAN).",
    },
    {
        .name = "snaplen",
        .type = CONFIG_INTEGER,
        .min = LIMIT_SNAPLEN_MIN,
        .max = LIMIT_SNAPLEN_MAX,
        .unit = "bytes",
        .offset = offsetof(struct mirror_settings, snaplen),
        .help = "How much of each frame is copied; all if absent.",
    },
    DESCRIPTION(offsetof(struct mirror_settings, description)),
};

const struct config_object config_mirror = {
    .what = "a mirror",
    .keys = mirror_keys,
    .n_keys = N_ELEMENTS(mirror_keys),
    .size = sizeof(struct mirror_settings),
};
