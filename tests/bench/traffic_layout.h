/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_LAYOUT_H
#define TESTS_BENCH_TRAFFIC_LAYOUT_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "traffic_frame.h"

/*
 * Layout: who sends to whom.
 *
 * An end is an interface in a network namespace, written NS/IF; NS is a name as in `ip netns`, a
 * path, or a point for the caller's own. A point of a stream is an end and the first of its
 * addresses, NS/IF:MAC; several points may share an end. Nothing here opens anything.
 */

#define TRAFFIC_ENDS_MAX    1024
#define TRAFFIC_STREAMS_MAX 4096
#define TRAFFIC_TO_ALL      UINT32_MAX /* the receiver of a broadcast */

struct traffic_end {
    char *name;  /* as it was written, for the report */
    char *netns; /* NULL: the caller's own */
    char ifname[IF_NAMESIZE];
};

struct traffic_point {
    uint32_t end; /* its index */
    uint64_t mac;
};

struct traffic_stream {
    struct traffic_point from;
    struct traffic_point to;
};

struct traffic_layout {
    struct traffic_end *ends;
    uint32_t n_ends;
    struct traffic_stream *streams;
    uint32_t n_streams;
};

void traffic_layout_fini(struct traffic_layout *layout);

/** One stream, and all other ends receive it. */
static inline bool traffic_layout_is_broadcast(const struct traffic_layout *layout)
{
    return layout->n_streams == 1 && layout->streams[0].to.end == TRAFFIC_TO_ALL;
}

/* Each of them: 0, -EINVAL if @text is not what it should be, -E2BIG if there are too many,
 * -ENOMEM. What was added before a failure stays. */

/** An end that is already there is the same one. */
int traffic_layout_add_point(struct traffic_layout *layout, const char *text,
                             struct traffic_point *ret_point);
int traffic_layout_add_stream(struct traffic_layout *layout, const struct traffic_stream *stream);
/** POINT>POINT */
int traffic_layout_parse_stream(struct traffic_layout *layout, const char *text);
/** POINT,POINT,...: every one to every other. */
int traffic_layout_parse_mesh(struct traffic_layout *layout, const char *text);
/** POINT,POINT,...; @take is called for each, with its @arg. */
int traffic_layout_parse_points(struct traffic_layout *layout, const char *text,
                                int (*take)(struct traffic_layout *layout,
                                            const struct traffic_point *point, void *arg),
                                void *arg);

#endif
