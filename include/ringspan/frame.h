/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_FRAME_H
#define RINGSPAN_FRAME_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "ringspan/ledger.h"
#include "ringspan/mac.h"
#include "ringspan/portset.h"
#include "ringspan/vlan.h"

/*
 * Frame: a borrowed view of one Ethernet frame.
 *
 * Three parts travel together: the bytes from the destination address on (captured length, never
 * the length on the wire), the stack of VLAN tags that was taken off them, and the offload header
 * (`struct virtio_net_hdr`, ten bytes). Leave one out and something breaks silently: without the
 * offload header a frame from a local sender has a checksum that was never computed, and a 64 KiB
 * superframe cannot be cut into segments again.
 *
 * The offload header's offsets (csum_start, hdr_len) count from `data`: they are those of the frame
 * without its tag stack. frame_wire_vnet() shifts them for a frame whose tags are back in place.
 *
 * A frame is borrowed from a ring slot or a bounce buffer for one turn of the loop. Whoever keeps
 * it longer copies it into memory of its own.
 *
 * What becomes of its copies is counted by the ports that they leave by (port.h), and in the
 * frame's tally, if it was given one after it arrived.
 */

#define ETHER_HEADER_SIZE 14
#define FRAME_VNET_SIZE   10

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* linux/virtio_net.h before 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

_Static_assert(sizeof(struct virtio_net_hdr) == FRAME_VNET_SIZE,
               "the 10-byte header, not the 12-byte one");

/* The copies that were accepted for sending, as ledgers count them, and those that were not. */
struct frame_tally {
    uint64_t frames;
    uint64_t bytes;
    uint32_t n_dropped;
    enum drop_reason reason; /* of the last one that was dropped */
};

struct frame {
    const uint8_t *data;
    uint32_t len;
    port_id ingress;
    uint8_t n_tags;
    /* DROP_NONE, or what the port's edge found wrong: the frame will be dropped. */
    enum drop_reason defect;
    struct vlan_tag tags[VLAN_STACK_SIZE]; /* [0] is the outermost */
    struct virtio_net_hdr vnet;            /* all zero: complete checksum, no segmentation */
    struct frame_tally *tally;             /* NULL: nobody asks */
};

/* Enough of a frame to say what it weighs, and to whom: for counting it when it is gone. */
struct frame_weight {
    uint32_t bytes;
    uint32_t segments;
    struct frame_tally *tally;
};

static inline uint64_t frame_dst(const struct frame *frame)
{
    return mac_load(frame->data);
}

static inline uint64_t frame_src(const struct frame *frame)
{
    return mac_load(frame->data + 6);
}

static inline bool frame_is_superframe(const struct frame *frame)
{
    return frame->vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

/** Bytes on the wire, tags included, frame check sequence not. */
static inline uint32_t frame_wire_len(const struct frame *frame)
{
    return frame->len + frame->n_tags * (uint32_t)VLAN_TAG_SIZE;
}

/** Puts @tag on top of the stack, which has room: a port's edge takes off one tag at most
 * (forward.h), and the bridge adds one. */
void frame_push_tag(struct frame *frame, struct vlan_tag tag);

/** Takes the outermost tag off the stack, which has one. */
void frame_pop_tag(struct frame *frame);
/** What the kernel does to a frame that arrives: an outer 0x8100 or 0x88a8 tag leaves the bytes.
 * @bytes are the frame's. */
void frame_take_outer_tag(struct frame *frame, uint8_t *bytes);
/**
 * Takes a tag that is still in the bytes onto the stack, if the outermost one has @tpid. For the
 * edge of a port, where nobody else has seen the frame: @bytes are the frame's, and its addresses
 * move in them. A frame without a whole header behind that tag has a defect then.
 */
void frame_take_tag(struct frame *frame, uint8_t *bytes, uint16_t tpid);

/** Where the network header begins: behind the addresses and the tags that are still in the bytes.
 * 0 if the frame ends before. */
uint32_t frame_network_offset(const struct frame *frame, uint32_t *ret_ethertype);

/** Where the transport header of a superframe begins. The sender's kernel says so beside the
 * checksum that it left to do; a frame merged from segments with complete checksums is parsed. 0 if
 * there is none. */
uint32_t frame_transport_offset(const struct frame *frame);

/**
 * Bytes up to the end of the transport header, of a superframe, from `data` on: what each of its
 * segments repeats. Read from the frame itself; the offload header's hdr_len says how much happened
 * to be linear in the sender's kernel and means nothing. 0 if the headers do not fit the frame.
 */
uint32_t frame_gso_header_len(const struct frame *frame);

/** Wire length of the longest frame that this one stands for: a superframe's full segment, else
 * frame_wire_len(). */
uint32_t frame_longest_segment(const struct frame *frame);
struct frame_weight frame_weigh(const struct frame *frame);

/** The TPID of the frame's outermost tag on the wire, on the stack or still in the bytes; 0 if it
 * is untagged. */
uint16_t frame_outer_tpid(const struct frame *frame);

/**
 * Whether the frame may leave a port with @mtu: 14 + mtu bytes, and 4 more if it is tagged (the
 * grace of 802.3ac, which Linux devices grant to the outer tag).
 */
bool frame_fits_mtu(const struct frame *frame, uint32_t mtu);

/** The offload header for the frame with its tags in place: csum_start and hdr_len shifted by 4 per
 * tag. */
struct virtio_net_hdr frame_wire_vnet(const struct frame *frame);

/** Writes the frame as on the wire, tags in place; @ret_bytes has room for frame_wire_len().
 * Returns that length. */
uint32_t frame_write_wire(const struct frame *frame, uint8_t *ret_bytes);

/** Whether the offload header's offsets lie inside the frame, and still would with its tags back in
 * place. A frame that fails must not be sent. */
bool frame_vnet_is_sane(const struct frame *frame);

#endif
