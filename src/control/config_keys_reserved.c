/* SPDX-License-Identifier: ISC */
#include "config_rows.h"

/* Reserved addresses: the same keys for a bridge and for each of its ports. */

static const char *reserved_word(uint32_t i)
{
    return reserved_preset_name((enum reserved_preset)i);
}

static const char *reserved_action_word(uint32_t i)
{
    return reserved_action_name((enum reserved_action)i);
}

static const struct config_words reserved_action_words = {.name = reserved_action_word,
                                                          .n = RESERVED_N_ACTIONS};
static const struct config_words reserved_words = {.name = reserved_word, .n = RESERVED_N_PRESETS};

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

const struct config_object config_bridge_reserved = {
    .what = "a bridge's reserved",
    .keys = bridge_reserved_keys,
    .n_keys = N_ELEMENTS(bridge_reserved_keys),
};

static const struct config_key port_reserved_keys[] =
    RESERVED_KEYS(config_port, RESERVED_N_PRESETS,
                  "What becomes of frames of protocols that have no word of their own here; what "
                  "the bridge says if absent.");

const struct config_object config_port_reserved = {
    .what = "a port's reserved",
    .keys = port_reserved_keys,
    .n_keys = N_ELEMENTS(port_reserved_keys),
};
