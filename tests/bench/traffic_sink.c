/* SPDX-License-Identifier: ISC */
#include "traffic_sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "traffic_cpu.h"

#define BLOCKS_PER_TURN 4
#define POLL_MS         20

struct reader {
    struct traffic_sink *sink;
    uint32_t end;
    uint64_t n;
    uint64_t n_arrived;
};

static bool is_for(const struct traffic_stream *stream, uint32_t end)
{
    return stream->to.end == end || stream->to.end == TRAFFIC_TO_ALL;
}

static void take_time(struct traffic_sink *sink, uint64_t now, uint32_t stamp)
{
    int32_t units = (int32_t)(traffic_stamp_of(now) - stamp);

    traffic_times_add(&sink->times, units > 0 ? (uint64_t)units << TRAFFIC_STAMP_SHIFT : 0);
}

/* An intact frame of this run. */
static void take_intact(struct reader *reader, const struct traffic_label *label, uint64_t wall_ns)
{
    struct traffic_sink *sink = reader->sink;
    uint32_t end = reader->end;
    const struct traffic_stream *stream = &sink->net->layout->streams[label->stream];
    struct traffic_fate *fate = &sink->fates[label->stream];
    uint64_t now = wall_ns - sink->wall_offset;

    if (end == stream->from.end) {
        fate->misdelivered++;
    } else if (!is_for(stream, end)) {
        fate->flooded++;
    } else {
        bool is_broadcast = stream->to.end == TRAFFIC_TO_ALL;

        reader->n_arrived++;
        traffic_track_take(
            &sink->tracks[sink->first_track[label->stream] + (is_broadcast ? end : 0)], label->seq);
        if (sink->skew)
            traffic_skew_take(sink->skew, label->seq, now);
        if (now >= sink->steady.from && now < sink->steady.to)
            fate->steady++;
        take_time(sink, now, label->stamp);
    }
}

static void take(const struct traffic_arrival *arrival, void *arg)
{
    struct reader *reader = arg;
    struct traffic_sink *sink = reader->sink;
    struct traffic_label label;
    enum traffic_verdict verdict =
        traffic_frame_read(arrival->bytes, arrival->len, &sink->net->shape, &label);
    bool is_known;

    if (verdict == TRAFFIC_FOREIGN)
        return;
    reader->n++;
    is_known = label.run == sink->run && label.stream < sink->net->layout->n_streams;
    if (verdict == TRAFFIC_CORRUPTED || !arrival->is_whole) {
        sink->corrupted++;
        if (is_known)
            sink->fates[label.stream].corrupted++;
    } else if (!is_known) {
        sink->stale++;
    } else {
        take_intact(reader, &label, arrival->wall_ns);
    }
}

static void read_all(struct traffic_sink *sink)
{
    struct reader reader = {.sink = sink};

    for (; reader.end < sink->net->layout->n_ends; reader.end++) {
        for (int i = 0; i < BLOCKS_PER_TURN; i++) {
            if (!traffic_rx_read(&sink->net->rx[reader.end], take, &reader))
                break;
        }
    }
    if (reader.n == 0)
        return;
    __atomic_store_n(&sink->arrived, sink->arrived + reader.n_arrived, __ATOMIC_RELAXED);
    __atomic_store_n(&sink->progress, sink->progress + reader.n, __ATOMIC_RELAXED);
}

static void *run(void *arg)
{
    struct traffic_sink *sink = arg;
    struct pollfd fds[TRAFFIC_ENDS_MAX];
    uint32_t n = sink->net->layout->n_ends;

    traffic_cpu_pin(sink->cpus);
    __atomic_store_n(&sink->cpu_fd, traffic_cpu_open_thread(), __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = sink->net->rx[i].fd, .events = POLLIN};
    while (!__atomic_load_n(&sink->is_stopping, __ATOMIC_RELAXED)) {
        poll(fds, n, POLL_MS);
        read_all(sink);
    }
    return NULL;
}

/* What an earlier run left in the rings, and its losses, are nobody's. */
static void ignore(const struct traffic_arrival *arrival, void *arg)
{
}

static void empty_rings(struct traffic_net *net)
{
    for (uint32_t i = 0; i < net->layout->n_ends; i++) {
        while (traffic_rx_read(&net->rx[i], ignore, NULL))
            ;
        traffic_rx_dropped(&net->rx[i]);
    }
}

static int make_tracks(struct traffic_sink *sink)
{
    const struct traffic_layout *layout = sink->net->layout;
    uint32_t n = 0;

    sink->fates = calloc(layout->n_streams, sizeof(*sink->fates));
    sink->first_track = calloc(layout->n_streams, sizeof(*sink->first_track));
    if (!sink->fates || !sink->first_track)
        return -ENOMEM;
    for (uint32_t i = 0; i < layout->n_streams; i++) {
        sink->first_track[i] = n;
        n += layout->streams[i].to.end == TRAFFIC_TO_ALL ? layout->n_ends : 1;
    }
    sink->tracks = calloc(n, sizeof(*sink->tracks));
    if (!sink->tracks)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        traffic_track_init(&sink->tracks[i], 0);
    return 0;
}

static int make_skew(struct traffic_sink *sink)
{
    const struct traffic_layout *layout = sink->net->layout;

    if (!traffic_layout_is_broadcast(layout))
        return 0;
    sink->skew = calloc(1, sizeof(*sink->skew));
    if (!sink->skew)
        return -ENOMEM;
    sink->skew->n_receivers = layout->n_ends - 1;
    return 0;
}

int traffic_sink_start(struct traffic_net *net, uint16_t run_number,
                       const struct traffic_window *steady, const cpu_set_t *cpus,
                       struct traffic_sink **ret_sink)
{
    struct traffic_sink *sink = calloc(1, sizeof(*sink));
    int r;

    *ret_sink = sink;
    if (!sink)
        return -ENOMEM;
    sink->net = net;
    sink->run = run_number;
    sink->steady = *steady;
    sink->cpus = cpus;
    sink->cpu_fd = -1;
    sink->wall_offset = clock_wall_us() * 1000 - clock_now();
    empty_rings(net);
    r = make_tracks(sink);
    if (r == 0)
        r = make_skew(sink);
    if (r == 0)
        r = -pthread_create(&sink->thread, NULL, run, sink);
    if (r < 0) {
        fprintf(stderr, "ringspan-traffic: cannot start the receiver: %s\n", strerror(-r));
        return r;
    }
    sink->has_thread = true;
    return 0;
}

static void add_track(struct traffic_fate *fate, const struct traffic_track *track)
{
    fate->received += track->received;
    fate->duplicated += track->duplicated;
    fate->reordered += track->reordered;
    fate->late += track->late;
}

static void sum_up(struct traffic_sink *sink)
{
    const struct traffic_layout *layout = sink->net->layout;

    for (uint32_t i = 0; i < layout->n_streams; i++) {
        uint32_t n = layout->streams[i].to.end == TRAFFIC_TO_ALL ? layout->n_ends : 1;

        for (uint32_t j = 0; j < n; j++)
            add_track(&sink->fates[i], &sink->tracks[sink->first_track[i] + j]);
    }
    for (uint32_t i = 0; i < layout->n_ends; i++)
        sink->sink_dropped += traffic_rx_dropped(&sink->net->rx[i]);
}

void traffic_sink_stop(struct traffic_sink *sink)
{
    __atomic_store_n(&sink->is_stopping, true, __ATOMIC_RELAXED);
    pthread_join(sink->thread, NULL);
    sink->has_thread = false;
    sum_up(sink);
}

void traffic_sink_free(struct traffic_sink *sink)
{
    if (!sink)
        return;
    if (sink->has_thread)
        traffic_sink_stop(sink);
    if (sink->cpu_fd >= 0)
        close(sink->cpu_fd);
    free(sink->fates);
    free(sink->first_track);
    free(sink->tracks);
    free(sink->skew);
    free(sink);
}
