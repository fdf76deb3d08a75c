/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_TRACK_H
#define TESTS_BENCH_TRAFFIC_TRACK_H

#include <stdint.h>

/*
 * Track: which frames of one stream have arrived at one place.
 *
 * The sequence numbers of a stream count up by one and start over after 2^32. A number behind the
 * highest one seen is either a copy or a frame that was overtaken (RFC 4737: reordered); a bit per
 * number tells, for the last TRAFFIC_WINDOW of them. What is older than that is `late` and
 * nothing else: rings hold a quarter of it.
 */

#define TRAFFIC_WINDOW 32768u

struct traffic_track {
    uint32_t next; /* one above the highest that was seen */
    uint64_t received;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t late;
    uint64_t seen[TRAFFIC_WINDOW / 64];
};

/** The first frame of the stream will have the number @first. */
void traffic_track_init(struct traffic_track *track, uint32_t first);
void traffic_track_take(struct traffic_track *track, uint32_t seq);

#endif
