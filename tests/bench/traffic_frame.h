/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_FRAME_H
#define TESTS_BENCH_TRAFFIC_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Traffic frame: bytes of which every one is known to the receiver.
 *
 * Addresses and what a frame has in front are followed by a label: which run, which stream, which
 * of its frames, when it was sent, and a check over all that and the length. The rest of the frame
 * is a pattern that depends on the place alone, so that a shift or a cut by any amount is a
 * difference and a sender writes it once per slot of its ring. The smallest frame has room for an
 * IPv4 and a UDP header and the label, to the byte.
 *
 * A label is written in the machine's byte order: sender and receiver are one process.
 */

#define TRAFFIC_SIZE_MIN 60 /* without the checksum of the wire: 64 there */
#define TRAFFIC_SIZE_MAX 9014

#define TRAFFIC_ETHERTYPE      0x88b5 /* for local experiments: no host's stack looks at it */
#define TRAFFIC_ETHERTYPE_PING 0x88b6
#define TRAFFIC_ETHERTYPE_TEST 0x88b7 /* frames that only teach addresses */

#define TRAFFIC_STAMP_SHIFT 4 /* stamps count 16 ns and start over after 68 seconds */

struct traffic_shape {
    uint32_t size;
    uint16_t ethertype;
    bool is_ip; /* IPv4 and UDP in front of the label; the ethertype is not used then */
};

struct traffic_label {
    uint16_t run;
    uint16_t stream;
    uint32_t seq;
    uint32_t stamp;
};

enum traffic_verdict {
    TRAFFIC_INTACT,
    TRAFFIC_CORRUPTED, /* ours, but not as it was sent */
    TRAFFIC_FOREIGN,   /* nothing says that it is ours */
};

static inline uint32_t traffic_stamp_of(uint64_t ns)
{
    return (uint32_t)(ns >> TRAFFIC_STAMP_SHIFT);
}

/** Writes everything that all frames of @shape have in common. */
void traffic_frame_fill(uint8_t *ret_bytes, const struct traffic_shape *shape);
/** Writes the rest into a filled frame. */
void traffic_frame_label(uint8_t *bytes, const struct traffic_shape *shape, uint64_t dst,
                         uint64_t src, const struct traffic_label *label);

/** What the @len bytes of a frame are that should be of @shape. @ret_label is set whenever the
 * frame is ours, and is to be believed only if it is intact. */
enum traffic_verdict traffic_frame_read(const uint8_t *bytes, uint32_t len,
                                        const struct traffic_shape *shape,
                                        struct traffic_label *ret_label);

#endif
