/* SPDX-License-Identifier: ISC */
#include "ringspan/frame.h"

#include <string.h>

#define ETHERTYPE_IPV4  0x0800
#define ETHERTYPE_IPV6  0x86dd
#define IPV4_HEADER_MIN 20
#define IPV6_HEADER     40
#define TCP_HEADER_MIN  20
#define UDP_HEADER      8

void frame_push_tag(struct frame *frame, struct vlan_tag tag)
{
    for (uint8_t i = frame->n_tags; i > 0; i--)
        frame->tags[i] = frame->tags[i - 1];
    frame->tags[0] = tag;
    frame->n_tags++;
}

void frame_pop_tag(struct frame *frame)
{
    frame->n_tags--;
    for (uint8_t i = 0; i < frame->n_tags; i++)
        frame->tags[i] = frame->tags[i + 1];
}

static uint32_t load_be16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

/* Where the network header begins: behind the addresses and the tags that are still in the bytes.
 */
uint32_t frame_network_offset(const struct frame *frame, uint32_t *ret_ethertype)
{
    uint32_t at = 12;

    while (at + 2 <= frame->len) {
        uint32_t ethertype = load_be16(frame->data + at);

        if (ethertype != VLAN_TPID_C && ethertype != VLAN_TPID_S) {
            *ret_ethertype = ethertype;
            return at + 2;
        }
        at += VLAN_TAG_SIZE;
    }
    return 0;
}

uint32_t frame_transport_offset(const struct frame *frame)
{
    uint32_t ethertype = 0;
    uint32_t at;
    uint32_t len;

    if (frame->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        return frame->vnet.csum_start;
    at = frame_network_offset(frame, &ethertype);
    if (at == 0 || at >= frame->len)
        return 0;
    if (ethertype == ETHERTYPE_IPV6)
        return at + IPV6_HEADER;
    len = (frame->data[at] & 0x0fu) * 4;
    return ethertype == ETHERTYPE_IPV4 && len >= IPV4_HEADER_MIN ? at + len : 0;
}

static uint32_t tcp_header_len(const struct frame *frame, uint32_t at)
{
    uint32_t len;

    if (at + TCP_HEADER_MIN > frame->len)
        return 0;
    len = (frame->data[at + 12] >> 4) * 4u;
    return len < TCP_HEADER_MIN ? 0 : len;
}

uint32_t frame_gso_header_len(const struct frame *frame)
{
    uint32_t at = frame_transport_offset(frame);
    uint32_t end;

    if (at < ETHER_HEADER_SIZE)
        return 0;
    switch (frame->vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV6: {
        uint32_t len = tcp_header_len(frame, at);

        end = len == 0 ? 0 : at + len;
        break;
    }
    case VIRTIO_NET_HDR_GSO_UDP_L4:
        end = at + UDP_HEADER;
        break;
    case VIRTIO_NET_HDR_GSO_UDP: /* IP fragments: the UDP header is payload of the first */
        end = at;
        break;
    default:
        end = 0;
    }
    return end <= frame->len ? end : 0;
}

uint32_t frame_longest_segment(const struct frame *frame)
{
    uint32_t segment;

    if (!frame_is_superframe(frame))
        return frame_wire_len(frame);
    segment = frame_gso_header_len(frame) + frame->vnet.gso_size;
    if (segment > frame->len)
        segment = frame->len;
    return segment + frame->n_tags * (uint32_t)VLAN_TAG_SIZE;
}

struct frame_weight frame_weigh(const struct frame *frame)
{
    struct frame_weight weight = {
        .bytes = frame_wire_len(frame), .segments = 1, .tally = frame->tally};

    if (frame_is_superframe(frame) && frame->vnet.gso_size > 0) {
        uint32_t header = frame_gso_header_len(frame);
        uint32_t payload = frame->len > header ? frame->len - header : 0;

        weight.segments = (payload + frame->vnet.gso_size - 1) / frame->vnet.gso_size;
        if (weight.segments == 0)
            weight.segments = 1;
    }
    return weight;
}

void frame_take_outer_tag(struct frame *frame, uint8_t *bytes)
{
    struct vlan_tag tag;

    if (frame->len < 12 + VLAN_TAG_SIZE)
        return;
    tag.tpid = (uint16_t)load_be16(bytes + 12);
    tag.tci = (uint16_t)load_be16(bytes + 14);
    if (tag.tpid != VLAN_TPID_C && tag.tpid != VLAN_TPID_S)
        return;
    memmove(bytes + 12, bytes + 12 + VLAN_TAG_SIZE, frame->len - 12 - VLAN_TAG_SIZE);
    frame->len -= VLAN_TAG_SIZE;
    frame_push_tag(frame, tag);
}

void frame_take_tag(struct frame *frame, uint8_t *bytes, uint16_t tpid)
{
    if (frame->n_tags > 0 || frame->len < ETHER_HEADER_SIZE || load_be16(bytes + 12) != tpid)
        return;
    if (frame->len < ETHER_HEADER_SIZE + VLAN_TAG_SIZE) {
        frame->defect = DROP_RUNT;
        return;
    }
    frame->tags[0] = (struct vlan_tag){.tpid = tpid, .tci = (uint16_t)load_be16(bytes + 14)};
    frame->n_tags = 1;
    memmove(bytes + VLAN_TAG_SIZE, bytes, 12);
    frame->data = bytes + VLAN_TAG_SIZE;
    frame->len -= VLAN_TAG_SIZE;
    if (frame->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        frame->vnet.csum_start = (uint16_t)(frame->vnet.csum_start - VLAN_TAG_SIZE);
}

uint16_t frame_outer_tpid(const struct frame *frame)
{
    uint32_t type;

    if (frame->n_tags > 0)
        return frame->tags[0].tpid;
    type = frame->len < ETHER_HEADER_SIZE ? 0 : load_be16(frame->data + 12);
    return type == VLAN_TPID_C || type == VLAN_TPID_S || type == VLAN_TPID_OLD ? (uint16_t)type : 0;
}

bool frame_fits_mtu(const struct frame *frame, uint32_t mtu)
{
    uint32_t limit = mtu + ETHER_HEADER_SIZE;

    /* Most frames are short: a superframe's segment is never longer than the superframe. */
    if (frame_wire_len(frame) <= limit)
        return true;
    limit += frame_outer_tpid(frame) != 0 ? VLAN_TAG_SIZE : 0;
    return frame_wire_len(frame) <= limit ||
           (frame_is_superframe(frame) && frame_longest_segment(frame) <= limit);
}

struct virtio_net_hdr frame_wire_vnet(const struct frame *frame)
{
    struct virtio_net_hdr vnet = frame->vnet;
    uint16_t shift = (uint16_t)(frame->n_tags * VLAN_TAG_SIZE);

    vnet.flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
    if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        vnet.csum_start = (uint16_t)(vnet.csum_start + shift);
    vnet.hdr_len = frame_is_superframe(frame) ? (uint16_t)(frame_gso_header_len(frame) + shift) : 0;
    return vnet;
}

uint32_t frame_write_wire(const struct frame *frame, uint8_t *ret_bytes)
{
    uint8_t *at = ret_bytes;

    if (frame->n_tags == 0) {
        memcpy(at, frame->data, frame->len);
        return frame->len;
    }
    memcpy(at, frame->data, 12);
    at += 12;
    for (uint8_t i = 0; i < frame->n_tags; i++) {
        vlan_tag_store(frame->tags[i], at);
        at += VLAN_TAG_SIZE;
    }
    memcpy(at, frame->data + 12, frame->len - 12);
    return frame_wire_len(frame);
}

bool frame_vnet_is_sane(const struct frame *frame)
{
    const struct virtio_net_hdr *vnet = &frame->vnet;

    if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        if (vnet->csum_start < ETHER_HEADER_SIZE ||
            vnet->csum_start > UINT16_MAX - VLAN_STACK_SIZE * VLAN_TAG_SIZE ||
            (uint32_t)vnet->csum_start + vnet->csum_offset + 2u > frame->len)
            return false;
    }
    if (vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return true;
    return vnet->gso_size > 0 && frame_gso_header_len(frame) > 0;
}
