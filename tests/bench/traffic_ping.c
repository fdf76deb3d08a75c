/* SPDX-License-Identifier: ISC */
#include "traffic_ping.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "traffic_cpu.h"
#include "traffic_socket.h"
#include "traffic_times.h"

#define WARMUP     100u
#define TIMEOUT_NS (250 * NS_PER_MS)
#define SLACK_NS   1000ul

enum {
    REQUEST,
    ANSWER
};

struct pinger {
    const struct traffic_ping *ping;
    struct traffic_shape shape;
    int fd_a;
    int fd_b;
    uint64_t *times;
    uint64_t n;
    uint64_t lost;
    uint64_t corrupted; /* of both threads */
    uint64_t elapsed_ns;
    struct traffic_cpu cpu;
    int error;
    bool is_over;
};

/* Waits for a frame of the wanted kind. False if none came in time. */
static bool receive(struct pinger *p, int fd, uint16_t kind, uint32_t *ret_seq)
{
    uint8_t bytes[TRAFFIC_SIZE_MAX];
    struct traffic_label label;
    enum traffic_verdict verdict;

    do {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        if (n < 0)
            return false;
        verdict = traffic_frame_read(bytes, (uint32_t)n, &p->shape, &label);
        if (verdict == TRAFFIC_CORRUPTED)
            __atomic_fetch_add(&p->corrupted, 1, __ATOMIC_RELAXED);
    } while (verdict != TRAFFIC_INTACT || label.stream != kind);
    *ret_seq = label.seq;
    return true;
}

static int send_one(const struct pinger *p, int fd, uint8_t *bytes, uint16_t kind, uint32_t seq)
{
    const struct traffic_stream *stream = &p->ping->stream;
    const struct traffic_label label = {.stream = kind, .seq = seq};
    uint64_t dst = kind == REQUEST ? stream->to.mac : stream->from.mac;
    uint64_t src = kind == REQUEST ? stream->from.mac : stream->to.mac;

    traffic_frame_label(bytes, &p->shape, dst, src, &label);
    return send(fd, bytes, p->shape.size, 0) < 0 && errno != ENOBUFS ? -errno : 0;
}

static void *answer(void *arg)
{
    struct pinger *p = arg;
    uint8_t bytes[TRAFFIC_SIZE_MAX];

    traffic_cpu_pin(p->ping->cpu_b);
    traffic_frame_fill(bytes, &p->shape);
    while (!__atomic_load_n(&p->is_over, __ATOMIC_RELAXED)) {
        uint32_t seq;

        if (receive(p, p->fd_b, REQUEST, &seq))
            (void)send_one(p, p->fd_b, bytes, ANSWER, seq); /* who asked will miss it */
    }
    return NULL;
}

static void rest(uint64_t ns)
{
    const struct timespec wait = {.tv_sec = (time_t)(ns / NS_PER_SEC),
                                  .tv_nsec = (long)(ns % NS_PER_SEC)};

    if (ns > 0)
        ppoll(NULL, 0, &wait, NULL);
}

/* One round trip. Answers to earlier questions, which were given up, are passed over. */
static int ask(struct pinger *p, uint8_t *bytes, uint32_t seq, uint64_t *ret_ns)
{
    uint64_t start = clock_now();
    uint32_t answered;
    int r = send_one(p, p->fd_a, bytes, REQUEST, seq);

    if (r < 0)
        return r;
    do {
        if (!receive(p, p->fd_a, ANSWER, &answered))
            return -ETIMEDOUT;
    } while (answered != seq);
    *ret_ns = clock_now() - start;
    return 0;
}

static void ask_until(struct pinger *p, uint64_t until)
{
    uint8_t bytes[TRAFFIC_SIZE_MAX];

    traffic_frame_fill(bytes, &p->shape);
    for (uint32_t i = 0; p->n + p->lost < p->ping->count && clock_now() < until; i++) {
        uint64_t ns;
        int r = ask(p, bytes, i, &ns);

        if (r < 0 && r != -ETIMEDOUT) {
            p->error = r;
            break;
        }
        if (i >= WARMUP && r == 0)
            p->times[p->n++] = ns;
        else if (i >= WARMUP)
            p->lost++;
        rest(p->ping->interval_ns);
    }
}

/* Who answers ends later, and idles until then: that is not part of what is measured. */
static void *ask_all(void *arg)
{
    struct pinger *p = arg;
    struct traffic_cpu before;
    struct traffic_cpu after;
    uint64_t start;

    traffic_cpu_pin(p->ping->cpu_a);
    prctl(PR_SET_TIMERSLACK, SLACK_NS);
    before = traffic_cpu_read(p->ping->pids, p->ping->n_pids);
    start = clock_now();
    ask_until(p, start + p->ping->duration_ns);
    p->elapsed_ns = clock_now() - start;
    after = traffic_cpu_read(p->ping->pids, p->ping->n_pids);
    p->cpu = traffic_cpu_between(&before, &after);
    __atomic_store_n(&p->is_over, true, __ATOMIC_RELAXED);
    return NULL;
}

static void sum_up(struct pinger *p, struct traffic_round_trips *ret_trips)
{
    double sum = 0;

    traffic_sort(p->times, p->n);
    for (uint64_t i = 0; i < p->n; i++)
        sum += (double)p->times[i];
    *ret_trips = (struct traffic_round_trips){
        .count = p->n,
        .lost = p->lost,
        .corrupted = p->corrupted,
        .p50 = traffic_quantile(p->times, p->n, 500),
        .p99 = traffic_quantile(p->times, p->n, 990),
        .p99_9 = traffic_quantile(p->times, p->n, 999),
        .min = p->n > 0 ? p->times[0] : 0,
        .max = p->n > 0 ? p->times[p->n - 1] : 0,
        .mean = p->n > 0 ? sum / (double)p->n : 0,
        .elapsed_ns = p->elapsed_ns,
        .cpu = p->cpu,
    };
}

static int open_end(const struct traffic_end *end, uint64_t patience_ns)
{
    uint64_t ns = patience_ns > TIMEOUT_NS ? patience_ns : TIMEOUT_NS;
    const struct timeval patience = {.tv_sec = (time_t)(ns / NS_PER_SEC),
                                     .tv_usec = (suseconds_t)(ns % NS_PER_SEC / 1000)};
    int fd = traffic_plain_open(end, TRAFFIC_ETHERTYPE_PING);

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

static int open_pinger(struct pinger *p)
{
    const struct traffic_layout *layout = p->ping->layout;
    int fd = open_end(&layout->ends[p->ping->stream.from.end], p->ping->patience_ns);

    if (fd < 0)
        return fd;
    p->fd_a = fd;
    fd = open_end(&layout->ends[p->ping->stream.to.end], 0);
    if (fd < 0)
        return fd;
    p->fd_b = fd;
    p->times = calloc(p->ping->count, sizeof(*p->times));
    return p->times ? 0 : -ENOMEM;
}

static void close_pinger(struct pinger *p)
{
    if (p->fd_a >= 0)
        close(p->fd_a);
    if (p->fd_b >= 0)
        close(p->fd_b);
    free(p->times);
}

static int run_threads(struct pinger *p)
{
    pthread_t asking;
    pthread_t answering;
    int r = -pthread_create(&answering, NULL, answer, p);

    if (r < 0)
        return r;
    r = -pthread_create(&asking, NULL, ask_all, p);
    if (r == 0)
        pthread_join(asking, NULL);
    else
        __atomic_store_n(&p->is_over, true, __ATOMIC_RELAXED);
    pthread_join(answering, NULL);
    return r < 0 ? r : p->error;
}

int traffic_ping(const struct traffic_ping *ping, struct traffic_round_trips *ret_trips)
{
    struct pinger p = {
        .ping = ping,
        .shape = {.size = ping->size, .ethertype = TRAFFIC_ETHERTYPE_PING},
        .fd_a = -1,
        .fd_b = -1,
    };
    int r = open_pinger(&p);

    if (r == 0) {
        r = run_threads(&p);
        if (r < 0)
            fprintf(stderr, "ringspan-traffic: %s: cannot send: %s\n",
                    ping->layout->ends[ping->stream.from.end].name, strerror(-r));
    }
    if (r == 0)
        sum_up(&p, ret_trips);
    close_pinger(&p);
    return r;
}
