/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_SINK_H
#define TESTS_BENCH_TRAFFIC_SINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "traffic_net.h"
#include "traffic_skew.h"
#include "traffic_times.h"
#include "traffic_track.h"

/*
 * Sink: one thread that takes what arrives at all ends and judges it.
 *
 * Its numbers may be read once the thread has ended, except for `progress` and `cpu_fd`.
 */

/** What became of one stream's frames. */
struct traffic_fate {
    uint64_t received; /* distinct and intact, where they belong; of a broadcast, anywhere */
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t late;
    uint64_t corrupted;
    uint64_t misdelivered; /* back at the sender */
    uint64_t flooded;      /* at an end that is neither */
    uint64_t steady;       /* of the received and duplicated, those of the steady part */
};

/** When frames count for rates, by the clock. */
struct traffic_window {
    uint64_t from;
    uint64_t to;
};

struct traffic_sink {
    struct traffic_net *net;
    uint16_t run;
    struct traffic_window steady;
    uint64_t wall_offset; /* time of day less clock_now() */
    const cpu_set_t *cpus;

    struct traffic_fate *fates; /* by stream */
    uint32_t *first_track;      /* by stream; a broadcast has one track per end */
    struct traffic_track *tracks;
    uint64_t stale;
    uint64_t corrupted; /* those that no stream can be blamed for are only here */
    uint64_t sink_dropped;
    struct traffic_times times;
    struct traffic_skew *skew; /* of a broadcast that is the only stream, else NULL */

    pthread_t thread;
    bool has_thread;
    int cpu_fd;
    uint64_t progress; /* frames so far, of whatever kind, */
    uint64_t arrived;  /* and those where they belong */
    bool is_stopping;
};

/** Starts listening. 0 or -errno, said already; @sink is to be given to traffic_sink_free() in any
 * case. */
int traffic_sink_start(struct traffic_net *net, uint16_t run, const struct traffic_window *steady,
                       const cpu_set_t *cpus, struct traffic_sink **ret_sink);
/** Takes what has arrived so far and ends the thread. */
void traffic_sink_stop(struct traffic_sink *sink);
void traffic_sink_free(struct traffic_sink *sink);

static inline uint64_t traffic_sink_progress(const struct traffic_sink *sink)
{
    return __atomic_load_n(&sink->progress, __ATOMIC_RELAXED);
}

static inline uint64_t traffic_sink_arrived(const struct traffic_sink *sink)
{
    return __atomic_load_n(&sink->arrived, __ATOMIC_RELAXED);
}

#endif
