/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_SENDER_H
#define TESTS_BENCH_TRAFFIC_SENDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "traffic_net.h"
#include "traffic_options.h"
#include "traffic_sink.h"

/*
 * Sender: a thread that sends the frames of some streams, each at its own rate.
 *
 * A stream's bursts are due at equal distances. One that comes late, because the machine took the
 * CPU away or the frames take longer than that, does not run after its time for ever: what it is
 * behind by more than a millisecond is forgiven, so that an open loop stays one and a pause does
 * not end in a flood.
 */

/** One stream's part of a run. */
struct traffic_source {
    uint32_t stream;
    uint64_t gap_ns; /* between bursts; 0: as fast as it goes */
    uint64_t limit;  /* frames; 0: none */
    uint64_t due;
    uint32_t seq; /* of the next frame, and so how many were sent */
    uint64_t refused;
    uint64_t steady; /* sent in the steady part */
};

struct traffic_sender {
    struct traffic_net *net;
    const struct traffic_options *options;
    uint16_t run;
    struct traffic_window whole;
    struct traffic_window steady;
    struct traffic_source *sources;
    uint32_t n_sources;

    pthread_t thread;
    bool has_thread;
    uint64_t cpu_ns; /* used in the steady part */
    uint64_t ended;  /* when the last frame was sent */
    int error;       /* why it ended early, said already */
    bool is_stopping;
};

/** The fields above `thread` are set by the caller. 0 or -errno, said already. */
int traffic_sender_start(struct traffic_sender *sender);
/** Returns when the run is over. */
void traffic_sender_join(struct traffic_sender *sender);

#endif
