/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_SEGMENT_H
#define RINGSPAN_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/frame.h"

/*
 * Segment: cutting a superframe into the frames that it stands for, in software.
 *
 * The kernel does this itself for nearly all superframes, on the way to a device that cannot. The
 * exception are superframes inside a tunnel (VXLAN, Geneve, GRE, IP in IP): a packet socket's
 * offload header can describe the inner TCP stream and nothing around it, so the kernel hands such
 * a frame out, but takes it for a damaged one when it comes back. Those are cut here, with what
 * the tunnel repeats per segment put right: lengths, IP identification and checksum, the outer UDP
 * or GRE checksum, a GRE sequence number.
 *
 * Each segment leaves as an ordinary frame. Its inner checksum is left to the kernel (partial, as
 * the superframe's was), unless an outer checksum covers it: then both are computed here.
 *
 * One level of tunnel, as the kernel's own offloads have. Fields are those of RFC 791, 8200, 9293,
 * 768, 2784 and 2890.
 */

enum segment_tunnel {
    SEGMENT_TUNNEL_NONE,
    SEGMENT_TUNNEL_UDP,
    SEGMENT_TUNNEL_GRE,
    SEGMENT_TUNNEL_IP,
};

/* How one superframe is cut. Offsets count from the frame's data. */
struct segmenter {
    const struct frame *frame; /* borrowed */
    enum segment_tunnel tunnel;
    bool is_tcp;       /* what is cut: TCP, else UDP */
    uint32_t outer_ip; /* only of a tunnel, as is outer_l4 */
    uint32_t outer_l4;
    uint32_t ip; /* of what is cut */
    uint32_t l4;
    uint32_t header_len; /* what each segment repeats, up to the end of the l4 header */
    uint32_t n_segments;
};

/** False if @frame is no superframe of TCP or UDP (USO) whose headers all make sense. */
bool segmenter_init(struct segmenter *segmenter, const struct frame *frame);

/** Bytes of the longest segment, without the tag stack. */
uint32_t segmenter_room(const struct segmenter *segmenter);

/** Writes segment @i to @ret_bytes (segmenter_room() of them) and describes it in @ret_frame, which
 * refers to these bytes and has the superframe's tags. */
void segmenter_cut(const struct segmenter *segmenter, uint32_t i, uint8_t *ret_bytes,
                   struct frame *ret_frame);

/** What the device would do that a frame with a partial checksum leaves by: @bytes, the frame's
 * own, have the whole one, and the offload header says nothing any more. Of a superframe nobody's
 * checksum can be made. */
void segment_complete_checksum(struct frame *frame, uint8_t *bytes);

#endif
