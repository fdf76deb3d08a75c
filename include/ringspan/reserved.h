/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_RESERVED_H
#define RINGSPAN_RESERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/ledger.h"

/*
 * Reserved addresses: 01-80-C2-00-00-00 to -0F, which IEEE 802.1Q keeps for protocols between
 * neighbours (table 8-1 for C-VLAN components, table 8-2 for S-VLAN components), and two of Cisco's
 * for the same purpose, 01-00-0C-CC-CC-CC (CDP, VTP, DTP, PAgP, UDLD) and -CD (PVST).
 *
 * A standard bridge does not forward those of IEEE. A lab usually wants the opposite: LLDP, LACP,
 * STP and 802.1X between the hosts as if the bridge were a cable. So each address has an action:
 * forward (the ordinary path), drop, or consume (taken by the bridge, for a protocol of its own).
 * A preset gives one to all of them:
 *
 *   transparent        all forwarded but 01 (MAC control: PAUSE, PFC), which is about one link only
 *   all                all forwarded: the bridge as a cable
 *   customer_bridge    those of IEEE dropped
 *   provider_bridge    00, 0B, 0C, 0D, 0F forwarded, the others of IEEE dropped
 *
 * Settings change it, for protocols: an address, or a few of them, under the name of what mostly
 * goes there. The destination address alone decides, whether or not the frame is tagged and
 * whatever its EtherType: several protocols share an address (LACP, OAM and ESMC are all "lacp"),
 * and one protocol has several (LLDP for the nearest customer bridge goes to 00, and is "stp").
 *
 * What a port says goes before what its bridge says, and there a protocol's action before the
 * preset. The result is a policy: two bits per address, made when settings change.
 */

enum reserved_preset {
    RESERVED_TRANSPARENT,
    RESERVED_ALL,
    RESERVED_CUSTOMER_BRIDGE,
    RESERVED_PROVIDER_BRIDGE,
    RESERVED_N_PRESETS, /* none was chosen */
};

enum reserved_action {
    RESERVED_FORWARD,
    RESERVED_DROP,
    RESERVED_CONSUME,
    RESERVED_N_ACTIONS, /* none was chosen */
};

enum reserved_protocol {
    RESERVED_STP,   /* 00 */
    RESERVED_PAUSE, /* 01 */
    RESERVED_LACP,  /* 02 */
    RESERVED_DOT1X, /* 03 */
    RESERVED_LLDP,  /* 0E */
    RESERVED_OTHER, /* 04 to 0D, 0F */
    RESERVED_CISCO,
    RESERVED_N_PROTOCOLS, /* no reserved address */
};

struct reserved_settings {
    enum reserved_preset preset;
    enum reserved_action actions[RESERVED_N_PROTOCOLS];
};

struct reserved_policy {
    uint64_t actions; /* two bits per address: those of IEEE by their last digit, then Cisco's */
};

/* What became of the frames to a protocol's addresses that arrived on a port: each in one counter.
 */
struct reserved_counters {
    uint64_t forwarded; /* one copy was accepted for sending, at least */
    uint64_t dropped;   /* for whatever reason, where it arrived or where it was to leave */
    uint64_t consumed;
};

#define RESERVED_MAC_BASE  UINT64_C(0x0180c2000000) /* and 15 more */
#define RESERVED_MAC_CISCO UINT64_C(0x01000ccccccc) /* and one more */

/* BPDUs of both kinds of bridges (00, 08), LACP (02), 802.1X (03) and LLDP (0E): what keeps links
 * and topologies up. No limit of a port is about them: neither storm control nor policing nor
 * mac_limit. */
#define RESERVED_VITAL_MASK (1u << 0x0 | 1u << 0x2 | 1u << 0x3 | 1u << 0x8 | 1u << 0xe)

static inline bool reserved_is(uint64_t dst)
{
    return (dst & ~UINT64_C(0xf)) == RESERVED_MAC_BASE ||
           (dst & ~UINT64_C(1)) == RESERVED_MAC_CISCO;
}

static inline bool reserved_is_vital(uint64_t dst)
{
    return reserved_is(dst) && (RESERVED_VITAL_MASK >> (dst & 0xf) & 1);
}

/** RESERVED_N_PROTOCOLS if @dst is not reserved. */
enum reserved_protocol reserved_protocol_of(uint64_t dst);
/** @dst is a reserved address. */
enum reserved_action reserved_action_of(struct reserved_policy policy, uint64_t dst);
/** Why a frame of @protocol that is to be dropped is. */
enum drop_reason reserved_reason(enum reserved_protocol protocol);

/** Settings that say @preset (RESERVED_N_PRESETS: nothing) and nothing about protocols. */
struct reserved_settings reserved_settings_of(enum reserved_preset preset);
bool reserved_settings_equal(const struct reserved_settings *a, const struct reserved_settings *b);
/** True if no protocol has an action of its own. */
bool reserved_settings_are_plain(const struct reserved_settings *settings);

/** The policy of a port. @bridge has a preset; @port may say nothing. */
struct reserved_policy reserved_policy_of(const struct reserved_settings *bridge,
                                          const struct reserved_settings *port);
/** The one action that all addresses of @protocol have, or RESERVED_N_ACTIONS if they differ. */
enum reserved_action reserved_policy_action(struct reserved_policy policy,
                                            enum reserved_protocol protocol);

/** The configuration's words: "transparent", …; "forward", …; "stp", …. */
const char *reserved_preset_name(enum reserved_preset preset);
const char *reserved_action_name(enum reserved_action action);
const char *reserved_protocol_name(enum reserved_protocol protocol);

#endif
