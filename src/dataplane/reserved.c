/* SPDX-License-Identifier: ISC */
#include "ringspan/reserved.h"

#include <string.h>

#define MAC_CONTROL 0x1
#define N_IEEE      16
#define CISCO       N_IEEE
#define N_ADDRESSES (N_IEEE + 1) /* Cisco's two count as one */

static const struct {
    const char *name;
    uint16_t forward_mask; /* bit n: 01-80-C2-00-00-0n */
} presets[] = {
    [RESERVED_TRANSPARENT] = {"transparent", 0xffff & ~(1 << MAC_CONTROL)},
    [RESERVED_ALL] = {"all", 0xffff},
    [RESERVED_CUSTOMER_BRIDGE] = {"customer_bridge", 0},
    [RESERVED_PROVIDER_BRIDGE] = {"provider_bridge",
                                  1 << 0x0 | 1 << 0xb | 1 << 0xc | 1 << 0xd | 1 << 0xf},
};

static const char *const action_names[] = {
    [RESERVED_FORWARD] = "forward",
    [RESERVED_DROP] = "drop",
    [RESERVED_CONSUME] = "consume",
};

static const char *const protocol_names[] = {
    [RESERVED_STP] = "stp",     [RESERVED_PAUSE] = "pause", [RESERVED_LACP] = "lacp",
    [RESERVED_DOT1X] = "dot1x", [RESERVED_LLDP] = "lldp",   [RESERVED_OTHER] = "other",
    [RESERVED_CISCO] = "cisco",
};

static const uint8_t protocols[N_ADDRESSES] = {
    [0x0] = RESERVED_STP,   [0x1] = RESERVED_PAUSE,   [0x2] = RESERVED_LACP,
    [0x3] = RESERVED_DOT1X, [0x4] = RESERVED_OTHER,   [0x5] = RESERVED_OTHER,
    [0x6] = RESERVED_OTHER, [0x7] = RESERVED_OTHER,   [0x8] = RESERVED_OTHER,
    [0x9] = RESERVED_OTHER, [0xa] = RESERVED_OTHER,   [0xb] = RESERVED_OTHER,
    [0xc] = RESERVED_OTHER, [0xd] = RESERVED_OTHER,   [0xe] = RESERVED_LLDP,
    [0xf] = RESERVED_OTHER, [CISCO] = RESERVED_CISCO,
};

_Static_assert(sizeof(presets) / sizeof(presets[0]) == RESERVED_N_PRESETS, "a row per preset");
_Static_assert(sizeof(action_names) / sizeof(*action_names) == RESERVED_N_ACTIONS, "one each");
_Static_assert(sizeof(protocol_names) / sizeof(*protocol_names) == RESERVED_N_PROTOCOLS,
               "a name per protocol");
_Static_assert(RESERVED_N_ACTIONS <= 4 && 2 * N_ADDRESSES <= 64, "two bits per address");

static uint32_t address_of(uint64_t dst)
{
    return (dst & ~UINT64_C(0xf)) == RESERVED_MAC_BASE ? (uint32_t)(dst & 0xf) : CISCO;
}

static enum reserved_action action_at(struct reserved_policy policy, uint32_t address)
{
    return (enum reserved_action)(policy.actions >> (2 * address) & 3);
}

enum reserved_protocol reserved_protocol_of(uint64_t dst)
{
    if (!reserved_is(dst))
        return RESERVED_N_PROTOCOLS;
    return (enum reserved_protocol)protocols[address_of(dst)];
}

enum reserved_action reserved_action_of(struct reserved_policy policy, uint64_t dst)
{
    return action_at(policy, address_of(dst));
}

enum drop_reason reserved_reason(enum reserved_protocol protocol)
{
    return protocol == RESERVED_PAUSE ? DROP_MAC_CONTROL : DROP_RESERVED;
}

struct reserved_settings reserved_settings_of(enum reserved_preset preset)
{
    struct reserved_settings settings = {.preset = preset};

    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        settings.actions[i] = RESERVED_N_ACTIONS;
    return settings;
}

bool reserved_settings_equal(const struct reserved_settings *a, const struct reserved_settings *b)
{
    return a->preset == b->preset && memcmp(a->actions, b->actions, sizeof(a->actions)) == 0;
}

bool reserved_settings_are_plain(const struct reserved_settings *settings)
{
    const struct reserved_settings plain = reserved_settings_of(settings->preset);

    return reserved_settings_equal(settings, &plain);
}

/* Cisco's are ordinary group addresses to IEEE. */
static enum reserved_action action_by_preset(enum reserved_preset preset, uint32_t address)
{
    bool is_forwarded = address == CISCO || (presets[preset].forward_mask >> address & 1);

    return is_forwarded ? RESERVED_FORWARD : RESERVED_DROP;
}

/* RESERVED_N_ACTIONS if @settings do not say. */
static enum reserved_action action_by_settings(const struct reserved_settings *settings,
                                               uint32_t address)
{
    enum reserved_action action = settings->actions[protocols[address]];

    if (action == RESERVED_N_ACTIONS && settings->preset != RESERVED_N_PRESETS)
        return action_by_preset(settings->preset, address);
    return action;
}

struct reserved_policy reserved_policy_of(const struct reserved_settings *bridge,
                                          const struct reserved_settings *port)
{
    struct reserved_policy policy = {0};

    for (uint32_t address = 0; address < N_ADDRESSES; address++) {
        enum reserved_action action = action_by_settings(port, address);

        if (action == RESERVED_N_ACTIONS)
            action = action_by_settings(bridge, address);
        policy.actions |= (uint64_t)action << (2 * address);
    }
    return policy;
}

enum reserved_action reserved_policy_action(struct reserved_policy policy,
                                            enum reserved_protocol protocol)
{
    enum reserved_action found = RESERVED_N_ACTIONS;

    for (uint32_t address = 0; address < N_ADDRESSES; address++) {
        enum reserved_action action = action_at(policy, address);

        if (protocols[address] != protocol)
            continue;
        if (found != RESERVED_N_ACTIONS && found != action)
            return RESERVED_N_ACTIONS;
        found = action;
    }
    return found;
}

const char *reserved_preset_name(enum reserved_preset preset)
{
    return presets[preset].name;
}

const char *reserved_action_name(enum reserved_action action)
{
    return action_names[action];
}

const char *reserved_protocol_name(enum reserved_protocol protocol)
{
    return protocol_names[protocol];
}
