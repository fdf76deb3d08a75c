/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_METER_H
#define RINGSPAN_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/frame.h"
#include "ringspan/rate.h"

/*
 * Meter: what keeps storms and ports to a rate.
 *
 * A meter is a bucket of packets or bits. It starts full with its burst, fills at its rate, and
 * never holds more than the burst. A frame passes if there is a whole packet, or any bit, in it,
 * and takes all that it costs: then the bucket may owe something, which it earns back before the
 * next frame passes. So in any time T no more than burst + rate * T passes and what is left over of
 * one frame; a superframe that is larger than the burst is neither cut nor starved; and at any
 * burst the rate is met over time.
 *
 * What a frame costs is what it is on the wire, for a superframe all its segments with the headers
 * that each repeats: one packet per segment, or the bits from the destination address to the end,
 * tags included, without preamble, frame check sequence and gap.
 *
 * The level is kept in billionths of a packet or bit, which is what one per second brings in a
 * nanosecond: all sums are exact in integers, and nothing drifts. A frame that does not pass takes
 * nothing.
 *
 * Pure, as all of the data path: asking and taking are two steps, time is passed in, and a time
 * before the last one is the last one. A port has one meter for each purpose in `enum meter_use`;
 * those that no rate was given are not looked at.
 */

enum meter_use {
    METER_BROADCAST, /* storm control: frames that are flooded, by their destination */
    METER_MULTICAST,
    METER_UNKNOWN_UNICAST,
    METER_INGRESS, /* policing: all that the port takes in, */
    METER_EGRESS,  /* and all copies that it is to send */
    METER_N_USES,
};

struct meter_settings {
    struct rate rate;   /* 0: no limit */
    struct burst burst; /* in what the rate is in; above 0 */
};

struct meter {
    struct meter_settings settings;
    int64_t level; /* at `at`, in billionths */
    uint64_t at;
};

struct port_meters {
    uint8_t in_use; /* a bit per enum meter_use */
    struct meter meters[METER_N_USES];
};

/* What a frame would take, and from which of its ingress port's meters. */
struct meter_charge {
    uint8_t uses; /* a bit per enum meter_use; 0: from none, and nothing else is set */
    uint32_t packets;
    uint32_t bytes;
    uint64_t now;
};

/** The configuration's words: "broadcast", "ingress"; and "storm_control" or "policing", which it
 * is a part of. */
const char *meter_use_name(enum meter_use use);
const char *meter_use_purpose(enum meter_use use);

/** A meter that has these settings already goes on as it is; any other starts full. */
bool meter_settings_equal(const struct meter_settings *a, const struct meter_settings *b);
void meter_set(struct meter *meter, const struct meter_settings *settings, uint64_t now);

/** Whether a frame would pass. */
bool meter_passes(const struct meter *meter, uint64_t now);
/** Takes what @charge says, whatever its `uses` are. */
void meter_take(struct meter *meter, const struct meter_charge *charge);

/** Packets and bytes of @frame, which has no defect, at @now; `uses` is 0. */
struct meter_charge meter_charge_of(const struct frame *frame, uint64_t now);

/** All of a port's meters; @settings has METER_N_USES of them. */
void port_meters_set(struct port_meters *port, const struct meter_settings *settings, uint64_t now);

static inline bool port_meters_has(const struct port_meters *port, enum meter_use use)
{
    return port->in_use >> use & 1;
}

/** Takes what @charge says from the meters that it names. */
void port_meters_take(struct port_meters *port, const struct meter_charge *charge);

#endif
