/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_SKEW_H
#define TESTS_BENCH_TRAFFIC_SKEW_H

#include <stdint.h>

#include "traffic_times.h"

/*
 * Skew: how long after the first receiver of a broadcast frame the last one gets its copy.
 *
 * Copies are taken receiver by receiver, not in the order of their arrival, so the frames of
 * TRAFFIC_SKEW_WINDOW numbers are kept open. A frame that does not reach everybody has none.
 */

#define TRAFFIC_SKEW_WINDOW 32768u

struct traffic_skew_frame {
    uint64_t first;
    uint64_t last;
    uint32_t seq;
    uint32_t n_copies;
};

struct traffic_skew {
    uint32_t n_receivers;
    struct traffic_times times;
    struct traffic_skew_frame frames[TRAFFIC_SKEW_WINDOW];
};

/** A copy of the frame @seq came at @now. */
void traffic_skew_take(struct traffic_skew *skew, uint32_t seq, uint64_t now);

#endif
