/* SPDX-License-Identifier: ISC */
#include "traffic_sender.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "traffic_cpu.h"

#define LATE_NS       NS_PER_MS
#define SLEEP_FROM_NS UINT64_C(200000)
#define SLACK_NS      1000ul

/* The n-th frame's address, in an order that no table's memory likes: a prime above any number of
 * addresses comes by each of them once. */
static uint64_t scattered(uint64_t mac, uint32_t seq, uint64_t n)
{
    return n > 1 ? mac + seq * UINT64_C(2654435761) % n : mac;
}

static uint32_t fill(struct traffic_sender *sender, struct traffic_source *source,
                     struct traffic_tx *tx, uint64_t now)
{
    const struct traffic_stream *stream = &sender->net->layout->streams[source->stream];
    const struct traffic_options *options = sender->options;
    struct traffic_label label = {
        .run = sender->run, .stream = (uint16_t)source->stream, .stamp = traffic_stamp_of(now)};
    uint64_t left = source->limit > 0 ? source->limit - source->seq : options->burst;
    uint32_t n = 0;

    for (; n < options->burst && n < left; n++) {
        uint8_t *bytes = traffic_tx_next(tx);

        if (!bytes)
            break;
        label.seq = source->seq + n;
        traffic_frame_label(bytes, &sender->net->shape,
                            scattered(stream->to.mac, label.seq, options->n_dst_macs),
                            scattered(stream->from.mac, label.seq, options->n_src_macs), &label);
        traffic_tx_queue(tx);
    }
    return n;
}

static int send_burst(struct traffic_sender *sender, struct traffic_source *source, uint64_t now)
{
    uint32_t end = sender->net->layout->streams[source->stream].from.end;
    struct traffic_tx *tx = &sender->net->tx[end];
    uint64_t refused = tx->refused;
    uint32_t n = fill(sender, source, tx, now);
    int r = traffic_tx_kick(&sender->net->layout->ends[end], tx);

    source->seq += n;
    source->refused += tx->refused - refused;
    sender->ended = now;
    if (now >= sender->steady.from && now < sender->steady.to)
        source->steady += n;
    return r;
}

static void set_due(struct traffic_source *source, uint64_t now)
{
    uint64_t patience = LATE_NS > 4 * source->gap_ns ? LATE_NS : 4 * source->gap_ns;

    source->due += source->gap_ns;
    if (source->due + patience < now)
        source->due = now;
    if (source->limit > 0 && source->seq >= source->limit)
        source->due = UINT64_MAX;
}

/* Sends what is due; @ret_next is when there will be more. */
static int send_due(struct traffic_sender *sender, uint64_t *ret_next)
{
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < sender->n_sources; i++) {
        struct traffic_source *source = &sender->sources[i];
        uint64_t now = clock_now();

        if (now >= source->due && now < sender->whole.to) {
            int r = send_burst(sender, source, now);

            if (r < 0)
                return r;
            set_due(source, now);
        }
        if (source->due < next)
            next = source->due;
    }
    *ret_next = next;
    return 0;
}

static void wait_until(const struct traffic_options *options, uint64_t due)
{
    uint64_t now = clock_now();
    uint64_t left = due > now ? due - now : 0;
    struct timespec wait = {.tv_sec = (time_t)(left / NS_PER_SEC),
                            .tv_nsec = (long)(left % NS_PER_SEC)};

    if (options->pace == TRAFFIC_PACE_SPIN || left == 0 ||
        (options->pace == TRAFFIC_PACE_AUTO && left < SLEEP_FROM_NS))
        return;
    ppoll(NULL, 0, &wait, NULL);
}

static void *run(void *arg)
{
    struct traffic_sender *sender = arg;
    uint64_t next = sender->whole.from;
    uint64_t cpu_before = 0;
    int cpu_fd;

    traffic_cpu_pin(&sender->options->cpu_tx);
    prctl(PR_SET_TIMERSLACK, SLACK_NS);
    cpu_fd = traffic_cpu_open_thread();
    while (clock_now() < sender->whole.to && next < UINT64_MAX && !sender->error &&
           !__atomic_load_n(&sender->is_stopping, __ATOMIC_RELAXED)) {
        wait_until(sender->options, next < sender->whole.to ? next : sender->whole.to);
        if (cpu_before == 0 && clock_now() >= sender->steady.from)
            cpu_before = traffic_cpu_of_thread(cpu_fd);
        sender->error = send_due(sender, &next);
    }
    sender->cpu_ns = traffic_cpu_of_thread(cpu_fd) - cpu_before;
    if (cpu_fd >= 0)
        close(cpu_fd);
    return NULL;
}

int traffic_sender_start(struct traffic_sender *sender)
{
    int r;

    /* Streams take turns from the beginning instead of coming all at once. */
    for (uint32_t i = 0; i < sender->n_sources; i++)
        sender->sources[i].due =
            sender->whole.from + sender->sources[i].gap_ns * i / sender->n_sources;
    sender->error = 0;
    r = -pthread_create(&sender->thread, NULL, run, sender);
    if (r < 0)
        fprintf(stderr, "ringspan-traffic: cannot start a sender: %s\n", strerror(-r));
    else
        sender->has_thread = true;
    return r;
}

void traffic_sender_join(struct traffic_sender *sender)
{
    if (sender->has_thread)
        pthread_join(sender->thread, NULL);
    sender->has_thread = false;
}
