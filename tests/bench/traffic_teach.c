/* SPDX-License-Identifier: ISC */
#include "traffic_teach.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "ringspan/mac.h"
#include "traffic_socket.h"

#define CHUNK    64u
#define TRIES    3
#define PATIENCE (300 * NS_PER_MS)

static const struct traffic_shape shape = {.size = TRAFFIC_SIZE_MIN,
                                           .ethertype = TRAFFIC_ETHERTYPE_TEST};

struct school {
    const struct traffic_layout *layout;
    int fds[TRAFFIC_ENDS_MAX];
    uint32_t seq;
    uint64_t pps; /* 0: no limit */
    uint64_t patience_ns;
    uint64_t untaught;
};

/* Addresses from..from+n-1 of one end, and where their frames go. */
struct lesson {
    uint32_t end;
    uint64_t mac;
    uint64_t n;
    uint32_t to_end;
    uint64_t to_mac;
};

static int wait_readable(int fd, uint64_t until)
{
    uint64_t now = clock_now();
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    struct timespec left = {0};

    if (now < until)
        left = (struct timespec){.tv_sec = (time_t)((until - now) / NS_PER_SEC),
                                 .tv_nsec = (long)((until - now) % NS_PER_SEC)};
    return ppoll(&ready, fd < 0 ? 0 : 1, &left, NULL);
}

/* False if the frame number @seq did not come in time. */
static bool await(const struct school *school, int fd, uint32_t seq)
{
    uint64_t until = clock_now() + school->patience_ns;

    while (wait_readable(fd, until) > 0) {
        uint8_t bytes[TRAFFIC_SIZE_MIN];
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        struct traffic_label label;

        if (n > 0 && traffic_frame_read(bytes, (uint32_t)n, &shape, &label) == TRAFFIC_INTACT &&
            label.seq == seq)
            return true;
    }
    return false;
}

static int send_chunk(struct school *school, const struct lesson *lesson, uint64_t first,
                      uint64_t n)
{
    uint8_t bytes[TRAFFIC_SIZE_MIN];

    traffic_frame_fill(bytes, &shape);
    for (uint64_t i = first; i < first + n; i++) {
        const struct traffic_label label = {.seq = ++school->seq};

        traffic_frame_label(bytes, &shape, lesson->to_mac, lesson->mac + i, &label);
        if (send(school->fds[lesson->end], bytes, sizeof(bytes), 0) < 0 && errno != ENOBUFS) {
            int r = -errno;

            fprintf(stderr, "ringspan-traffic: %s: cannot send: %s\n",
                    school->layout->ends[lesson->end].name, strerror(-r));
            return r;
        }
    }
    return 0;
}

static int teach_chunk(struct school *school, const struct lesson *lesson, uint64_t first,
                       uint64_t n)
{
    for (int i = 0; i < TRIES; i++) {
        int r = send_chunk(school, lesson, first, n);

        if (r < 0)
            return r;
        if (await(school, school->fds[lesson->to_end], school->seq))
            return 0;
    }
    school->untaught += n;
    return 0;
}

static int teach(struct school *school, const struct lesson *lesson)
{
    uint64_t due = clock_now();
    int r = 0;

    for (uint64_t i = 0; r == 0 && i < lesson->n; i += CHUNK) {
        uint64_t n = lesson->n - i < CHUNK ? lesson->n - i : CHUNK;

        while (clock_now() < due)
            wait_readable(-1, due);
        if (school->pps > 0)
            due += n * NS_PER_SEC / school->pps;
        r = teach_chunk(school, lesson, i, n);
    }
    return r;
}

static int teach_stream(struct school *school, const struct traffic_stream *stream, uint64_t n_src,
                        uint64_t n_dst)
{
    bool is_broadcast = stream->to.end == TRAFFIC_TO_ALL;
    /* Anybody who heard it will do. */
    uint32_t far = !is_broadcast ? stream->to.end : stream->from.end == 0 ? 1 : 0;
    const struct lesson hello = {stream->from.end, stream->from.mac, 1, far, MAC_BROADCAST};
    const struct lesson answers = {far, stream->to.mac, n_dst, stream->from.end, stream->from.mac};
    const struct lesson others = {stream->from.end, stream->from.mac, n_src, far, stream->to.mac};
    int r = teach(school, &hello);

    if (r == 0 && !is_broadcast)
        r = teach(school, &answers);
    if (r == 0 && !is_broadcast && n_src > 1)
        r = teach(school, &others);
    return r;
}

static int open_ends(struct school *school)
{
    const struct traffic_layout *layout = school->layout;

    for (uint32_t i = 0; i < layout->n_ends; i++) {
        int fd = traffic_plain_open(&layout->ends[i], TRAFFIC_ETHERTYPE_TEST);

        if (fd < 0)
            return fd;
        school->fds[i] = fd;
    }
    return 0;
}

static void close_ends(struct school *school)
{
    for (uint32_t i = 0; i < TRAFFIC_ENDS_MAX; i++) {
        if (school->fds[i] >= 0)
            close(school->fds[i]);
    }
}

int traffic_teach(const struct traffic_options *options, uint64_t *ret_untaught)
{
    struct school *school = calloc(1, sizeof(*school));
    int r;

    if (!school)
        return -ENOMEM;
    school->layout = &options->layout;
    school->pps = options->learn_pps;
    school->patience_ns = options->patience_ns > PATIENCE ? options->patience_ns : PATIENCE;
    memset(school->fds, 0xff, sizeof(school->fds));
    r = options->teaches_nothing ? 0 : open_ends(school);
    for (uint32_t i = 0; r == 0 && !options->teaches_nothing && i < options->layout.n_streams; i++)
        r = teach_stream(school, &options->layout.streams[i],
                         options->learns_all ? options->n_src_macs : 1,
                         options->learns_all ? options->n_dst_macs : 1);
    if (r == 0)
        *ret_untaught = school->untaught;
    close_ends(school);
    free(school);
    return r;
}
