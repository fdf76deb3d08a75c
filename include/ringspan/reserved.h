/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_RESERVED_H
#define RINGSPAN_RESERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/ledger.h"

/*
 * Reserved addresses: 01-80-C2-00-00-00 to -0F, which IEEE 802.1Q keeps for protocols between
 * neighbours (table 8-1 for C-VLAN components, table 8-2 for S-VLAN components).
 *
 * A standard bridge does not forward them. A lab usually wants the opposite: LLDP, LACP, STP and
 * 802.1X between the hosts as if the bridge were a cable. A preset is a mask of the sixteen, one
 * bit each; the destination address decides, whether or not the frame is tagged.
 *
 *   transparent        all but 01 (MAC control: PAUSE, PFC), which is about one link only
 *   all                all sixteen: the bridge as a cable
 *   customer_bridge    none
 *   provider_bridge    00, 0B, 0C, 0D, 0F
 */

enum reserved_preset {
    RESERVED_TRANSPARENT,
    RESERVED_ALL,
    RESERVED_CUSTOMER_BRIDGE,
    RESERVED_PROVIDER_BRIDGE,
    RESERVED_N_PRESETS,
};

struct reserved_policy {
    uint16_t forward_mask; /* bit n: 01-80-C2-00-00-0n takes the ordinary path */
};

#define RESERVED_MAC_BASE UINT64_C(0x0180c2000000)

static inline bool reserved_is(uint64_t dst)
{
    return (dst & ~UINT64_C(0xf)) == RESERVED_MAC_BASE;
}

struct reserved_policy reserved_policy_of(enum reserved_preset preset);
/** DROP_NONE if a frame to @dst, a reserved address, takes the ordinary path; else why not. */
enum drop_reason reserved_check(struct reserved_policy policy, uint64_t dst);

/** The configuration's word for it. */
const char *reserved_preset_name(enum reserved_preset preset);
bool reserved_preset_from_name(const char *name, enum reserved_preset *ret_preset);

#endif
