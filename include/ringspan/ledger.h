/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LEDGER_H
#define RINGSPAN_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Ledger: double-entry bookkeeping for frames.
 *
 * Each frame that reaches a port's ring moves exactly one of that port's ingress counters; each
 * copy that a decision sends to a port moves exactly one of that port's egress counters. Four sums
 * then hold, always and exactly, over one snapshot:
 *
 *   in:      received = unicast + flooded + consumed + Σ in_dropped[reason] + held_in
 *   across:  Σ fan-out of the decisions = Σ decided over the egress ports + retired
 *   out:     decided + originated + mirrored + duplicated
 *                = accepted + Σ out_dropped[reason] + held_out
 *   kernel:  tp_packets = received + tp_drops + not yet read
 *
 * "Originated" are frames that the egress made itself: a superframe that it had to cut counts as
 * decided once, and each segment beyond the first as originated. "Mirrored" are the copies that
 * mirrors sent to the port (mirror.h), which no decision is about. "Accepted" means that the kernel
 * took the copy; it is not "delivered": a device may still drop it, and says so in its own
 * counters. A superframe (GSO) is one frame here; the segments that it stands for and its bytes are
 * counted beside it. There is no reason called "unknown".
 *
 * Counters are plain numbers, written by the thread of the loop alone. They belong to the name of
 * a port, not to a socket: they survive re-binding, and they never go back.
 *
 * The reasons come from one list, RINGSPAN_DROP_REASONS, which makes the enum, the counter's name,
 * its class and the sentence that people read. Class `filtered`: the rules say so; `lost`: the
 * frame should have crossed and did not. From TOO_LONG on they are those of the egress.
 */

/*      symbol            name                class     sentence */
#define RINGSPAN_DROP_REASONS(X)                                                                   \
    X(TRUNCATED, "truncated", LOST, "only a part of the frame was captured")                       \
    X(MALFORMED, "malformed", LOST, "the ring slot or its offload header made no sense")           \
    X(RUNT, "runt", FILTERED, "the frame ends within its Ethernet header or its tag")              \
    X(INGRESS_DOWN, "ingress_down", FILTERED, "the port it arrived on is not forwarding")          \
    X(MIRROR_DESTINATION, "mirror_destination", FILTERED,                                          \
      "the port it arrived on is the output_port of a mirror, and is for nothing else")            \
    X(SOURCE_GROUP, "source_group", FILTERED, "the source address is a group address")             \
    X(SOURCE_ZERO, "source_zero", FILTERED, "the source address is 00:00:00:00:00:00")             \
    X(MAC_CONTROL, "mac_control", FILTERED,                                                        \
      "'reserved' keeps 01:80:c2:00:00:01 (PAUSE and other MAC control) from crossing")            \
    X(RESERVED, "reserved", FILTERED,                                                              \
      "'reserved' of its port or bridge keeps its destination from crossing")                      \
    X(NO_PVID, "no_pvid", FILTERED, "it has no VID, and the port it arrived on no pvid")           \
    X(VLAN_TAGGED, "vlan_tagged", FILTERED,                                                        \
      "it has a VID, and the port it arrived on is an access port")                                \
    X(FRAME_TYPE, "frame_type", FILTERED,                                                          \
      "acceptable_frame_types of the port it arrived on excludes it")                              \
    X(VID_RESERVED, "vid_reserved", FILTERED, "its tag has VID 4095, which is reserved")           \
    X(VLAN_NOT_ALLOWED, "vlan_not_allowed", FILTERED,                                              \
      "vlan.allowed or translate of the port it arrived on excludes its VID")                      \
    X(MAC_LIMIT, "mac_limit", FILTERED,                                                            \
      "its source is one address more than mac_limit of the port it arrived on")                   \
    X(VLAN_EGRESS, "vlan_egress", FILTERED,                                                        \
      "the port that its destination is on is not in its VLAN")                                    \
    X(POLICED_IN, "policed_in", FILTERED, "policing.ingress of the port it arrived on is used up") \
    X(STORM_BROADCAST, "storm_broadcast", FILTERED,                                                \
      "storm_control.broadcast of the port it arrived on is used up")                              \
    X(STORM_MULTICAST, "storm_multicast", FILTERED,                                                \
      "storm_control.multicast of the port it arrived on is used up")                              \
    X(STORM_UNKNOWN_UNICAST, "storm_unknown_unicast", FILTERED,                                    \
      "storm_control.unknown_unicast of the port it arrived on is used up")                        \
    X(SAME_PORT, "same_port", FILTERED,                                                            \
      "the destination is on the port it came from, which has no hairpin")                         \
    X(ISOLATED, "isolation_group", FILTERED,                                                       \
      "all that it could leave by is in the isolation_group of the port it came from")             \
    X(FLOOD_OFF, "flood_off", FILTERED,                                                            \
      "its destination is on no known port, and 'flood' of all others excludes it")                \
    X(NO_EGRESS, "no_egress", FILTERED,                                                            \
      "no other port of the bridge, or of its VLAN, is forwarding")                                \
    X(STATIC_DOWN, "static_down", FILTERED,                                                        \
      "the port of the destination's static entry is not forwarding")                              \
    X(TOO_LONG, "too_long", FILTERED, "the frame is longer than the egress port's MTU allows")     \
    X(POLICED_OUT, "policed_out", FILTERED,                                                        \
      "policing.egress of the port it was to leave by is used up")                                 \
    X(EGRESS_DOWN, "egress_down", LOST, "the egress port went down before the frame was sent")     \
    X(EGRESS_GONE, "egress_gone", LOST, "the egress interface vanished before the frame was sent") \
    X(TX_QUEUE_FULL, "tx_queue_full", LOST,                                                        \
      "the egress device or its queue refused it: full, or over the peer's MTU")                   \
    X(TX_BUSY, "tx_busy", LOST, "the egress socket's send buffer is full")                         \
    X(TX_REJECTED, "tx_rejected", LOST, "the kernel refused the frame as malformed")               \
    X(TX_ERROR, "tx_error", LOST, "the kernel had no memory for it, or could not segment it")

enum drop_reason {
    DROP_NONE,
#define X(symbol, name, class, sentence) DROP_##symbol,
    RINGSPAN_DROP_REASONS(X)
#undef X
    DROP_N_REASONS
};

enum drop_class {
    DROP_CLASS_FILTERED,
    DROP_CLASS_LOST,
};

/** @reason must not be DROP_NONE. Static strings. */
const char *drop_reason_name(enum drop_reason reason);
const char *drop_reason_sentence(enum drop_reason reason);
enum drop_class drop_reason_class(enum drop_reason reason);
const char *drop_class_name(enum drop_class class);

/** Whether a copy meets it on its way out of an egress port, and not a frame where it arrived. */
bool drop_reason_is_of_egress(enum drop_reason reason);

/* Frames, the wire frames that they stand for (a superframe's segments), and bytes with tags,
 * without frame check sequence. */
struct ledger_volume {
    uint64_t frames;
    uint64_t segments;
    uint64_t bytes;
};

struct ledger_port {
    struct ledger_volume received;
    uint64_t unicast;
    uint64_t flooded;
    uint64_t consumed;
    uint64_t in_dropped[DROP_N_REASONS];
    uint64_t fanout; /* copies that this port's frames were decided to make */

    uint64_t decided;
    uint64_t originated;
    uint64_t mirrored;
    uint64_t duplicated;
    struct ledger_volume accepted;
    uint64_t out_dropped[DROP_N_REASONS];

    uint64_t tp_packets; /* running totals: the kernel's own reset on read */
    uint64_t tp_drops;
};

/* What ports that were deleted had counted, so that the sum across still holds. */
struct ledger_retired {
    uint64_t fanout;
    uint64_t decided;
};

/* One port at one moment: its counters, and what is on its way. */
struct ledger_snapshot {
    struct ledger_port counters;
    uint64_t held_in;
    uint64_t held_out;
    /* Frames in the ring that were not read yet: counted before and after the kernel's statistics
     * were read, because the kernel goes on receiving meanwhile. */
    uint64_t unread_min;
    uint64_t unread_max;
    bool has_kernel; /* false for ports with no socket behind them */
};

uint64_t ledger_sum_dropped(const uint64_t dropped[DROP_N_REASONS]);
bool ledger_in_balances(const struct ledger_snapshot *snapshot);
bool ledger_out_balances(const struct ledger_snapshot *snapshot);
/** tp_packets - received - tp_drops lies within [unread_min, unread_max]; true if there is no
 * kernel side. */
bool ledger_kernel_balances(const struct ledger_snapshot *snapshot);
/** The frames that the kernel has put into the ring and nobody has read: from the sum, not from
 * counting. */
uint64_t ledger_unread(const struct ledger_snapshot *snapshot);
/** Over all ports of one bridge. */
bool ledger_across_balances(const struct ledger_snapshot *snapshots, uint32_t n,
                            const struct ledger_retired *retired);

#endif
