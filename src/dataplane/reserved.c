/* SPDX-License-Identifier: ISC */
#include "ringspan/reserved.h"

#include <string.h>

#define MAC_CONTROL 0x1

static const struct {
    const char *name;
    uint16_t forward_mask;
} presets[] = {
    [RESERVED_TRANSPARENT] = {"transparent", 0xffff & ~(1 << MAC_CONTROL)},
    [RESERVED_ALL] = {"all", 0xffff},
    [RESERVED_CUSTOMER_BRIDGE] = {"customer_bridge", 0},
    [RESERVED_PROVIDER_BRIDGE] = {"provider_bridge",
                                  1 << 0x0 | 1 << 0xb | 1 << 0xc | 1 << 0xd | 1 << 0xf},
};

_Static_assert(sizeof(presets) / sizeof(presets[0]) == RESERVED_N_PRESETS,
               "one row for each preset");

struct reserved_policy reserved_policy_of(enum reserved_preset preset)
{
    return (struct reserved_policy){.forward_mask = presets[preset].forward_mask};
}

enum drop_reason reserved_check(struct reserved_policy policy, uint64_t dst)
{
    if (policy.forward_mask >> (dst & 0xf) & 1)
        return DROP_NONE;
    return (dst & 0xf) == MAC_CONTROL ? DROP_MAC_CONTROL : DROP_RESERVED;
}

const char *reserved_preset_name(enum reserved_preset preset)
{
    return presets[preset].name;
}

bool reserved_preset_from_name(const char *name, enum reserved_preset *ret_preset)
{
    for (int i = 0; i < RESERVED_N_PRESETS; i++) {
        if (strcmp(presets[i].name, name) == 0) {
            *ret_preset = (enum reserved_preset)i;
            return true;
        }
    }
    return false;
}
