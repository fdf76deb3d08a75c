/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LATENCY_H
#define RINGSPAN_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/frame.h"
#include "ringspan/limits.h"

/*
 * Latency: how long frames are inside of a bridge, as a histogram of a sample of them.
 *
 * It begins with the timestamp that the kernel gave the frame when it put it into the ring of the
 * port where it arrived. It ends when the last of the frame's copies is out of our hands: when the
 * flush of the egress that it was queued for has returned, and with it the system call that made
 * the kernel take the whole batch. What is in between is the wait until the loop wakes up and gets
 * there, the switch's own work, and the kernel's work in sending, which for a veth includes what
 * the receiver does at once. An earlier end, when the copy was queued, would not notice a device
 * that is slow to take frames; a later one is not known to anybody. The clock is read once for a
 * flush that a sampled frame waits for, and for no other. The copies of mirrors are not waited for.
 *
 * Frames of which no copy was accepted by any port are no part of it: they have not left.
 *
 * One frame in `every` is sampled, at distances that vary, so that traffic with a rhythm is not
 * always met at the same beat. With 1 it is every frame.
 *
 * Both ends are times of day, which can be set: the ring has no other clock. A difference that is
 * negative, or longer than LATENCY_MAX_NS, is counted as skewed, and neither in a bucket nor in the
 * sum. A step that is smaller than that cannot be told from a frame that waited.
 *
 * Buckets are eight to a power of two, from above the bound of the one before up to the own,
 * inclusive; so a percentile is never too low, and at most an eighth too high. Sums of them that
 * end at powers of two are exact.
 *
 * All of it is the bridge's, in the thread of the loop. A bridge without it pays for one branch per
 * turn and one per flush.
 */

#define LATENCY_MIN_BITS 3
#define LATENCY_MAX_BITS 34 /* 17 seconds */
#define LATENCY_MAX_NS   (UINT64_C(1) << LATENCY_MAX_BITS)
#define LATENCY_BUCKETS  ((LATENCY_MAX_BITS - LATENCY_MIN_BITS + 1) << LATENCY_MIN_BITS)

/* The sum of the buckets is `count`. Times in ns. */
struct latency_histogram {
    uint64_t count;
    uint64_t skewed; /* not in count */
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[LATENCY_BUCKETS];
};

/** The frame was in the bridge from @arrival to @departure, times of day in ns. */
void latency_add(struct latency_histogram *histogram, uint64_t arrival, uint64_t departure);
/** The most that bucket @i counts, in ns: itself included, that of the bucket before not. */
uint64_t latency_bound(uint32_t i);
/** What @permille of the frames did not exceed: a bound, or the longest of all if that is less. 0
 * if there are none. */
uint64_t latency_percentile(const struct latency_histogram *histogram, uint32_t permille);
/** Frames of up to 1 << @bits ns; from LATENCY_MIN_BITS to LATENCY_MAX_BITS. */
uint64_t latency_count_up_to(const struct latency_histogram *histogram, uint32_t bits);

struct latency;

/** @max_ports: the most that one turn flushes. @wall: the time of day in ns. 0 or -ENOMEM. */
int latency_new(uint32_t every, uint32_t max_ports, uint64_t (*wall)(void), struct latency **ret);
/** NULL is fine. */
void latency_free(struct latency *latency);

uint32_t latency_every(const struct latency *latency);
/** From the next frame on; what was counted stays. */
void latency_set_every(struct latency *latency, uint32_t every);
const struct latency_histogram *latency_histogram(const struct latency *latency);

/*
 * For the bridge, in a turn of up to LIMIT_RX_BATCH frames.
 */

/** Which frame of @n is the next to be sampled, from @from on; @n: none of these. */
uint32_t latency_next(struct latency *latency, uint32_t from, uint32_t n);
/** For frame @i's copies to take along, unless they have one already; valid until settled. */
struct frame_tally *latency_tally(struct latency *latency, uint32_t i);
/** A sampled frame's copies are queued. @last_flush: of those that it waits for, from 1. */
void latency_note(struct latency *latency, uint64_t arrival, const struct frame_tally *tally,
                  uint32_t last_flush);
/** Flush @flush, from 1, has returned. */
void latency_flushed(struct latency *latency, uint32_t flush);
/** All have, and tallies are complete. */
void latency_settle(struct latency *latency);

#endif
