/* SPDX-License-Identifier: ISC */
#include "ringspan/segment.h"

#include <string.h>

/* Where the checksum is in the header. */
#define TCP_CHECKSUM 16
#define UDP_CHECKSUM 6

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define IPV4_HEADER    20
#define IPV6_HEADER    40
#define UDP_HEADER     8
#define GRE_HEADER     4
#define GRE_CHECKSUM   0x8000
#define GRE_KEY        0x2000
#define GRE_SEQUENCE   0x1000
#define TCP_FIN        0x01
#define TCP_PSH        0x08
#define TCP_CWR        0x80

enum ip_protocol {
    PROTOCOL_HOP_OPTIONS = 0,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_GRE = 47,
    PROTOCOL_DESTINATION_OPTIONS = 60,
};

static uint32_t load16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static void store16(uint8_t *ret_bytes, uint32_t value)
{
    ret_bytes[0] = (uint8_t)(value >> 8);
    ret_bytes[1] = (uint8_t)value;
}

static uint32_t load32(const uint8_t *bytes)
{
    return load16(bytes) << 16 | load16(bytes + 2);
}

static void store32(uint8_t *ret_bytes, uint32_t value)
{
    store16(ret_bytes, value >> 16);
    store16(ret_bytes + 2, value);
}

/* ---- the Internet checksum (RFC 1071) ---- */

static uint64_t sum_bytes(uint64_t sum, const uint8_t *bytes, uint32_t len)
{
    for (; len > 1; bytes += 2, len -= 2)
        sum += load16(bytes);
    return len > 0 ? sum + ((uint32_t)bytes[0] << 8) : sum;
}

static uint32_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

static bool is_ipv4(const uint8_t *ip)
{
    return ip[0] >> 4 == 4;
}

/* Of the pseudo header: addresses, protocol, length. */
static uint64_t sum_pseudo(const uint8_t *ip, uint32_t protocol, uint32_t len)
{
    uint64_t sum = protocol + (uint64_t)len;

    return is_ipv4(ip) ? sum_bytes(sum, ip + 12, 8) : sum_bytes(sum, ip + 8, 32);
}

/* ---- finding the headers ---- */

/* The transport header behind the IP header at @ip, and its protocol; 0 if there is none. */
static uint32_t behind_ip(const struct frame *frame, uint32_t ip, uint32_t *ret_protocol)
{
    const uint8_t *at = frame->data + ip;
    uint32_t end;

    if (ip + IPV4_HEADER > frame->len)
        return 0;
    if (is_ipv4(at)) {
        *ret_protocol = at[9];
        end = ip + (at[0] & 0x0fu) * 4;
        return (at[0] & 0x0f) < 5 ? 0 : end;
    }
    if (ip + IPV6_HEADER > frame->len || at[0] >> 4 != 6)
        return 0;
    *ret_protocol = at[6];
    end = ip + IPV6_HEADER;
    while (*ret_protocol == PROTOCOL_HOP_OPTIONS || *ret_protocol == PROTOCOL_ROUTING ||
           *ret_protocol == PROTOCOL_DESTINATION_OPTIONS) {
        if (end + 8 > frame->len)
            return 0;
        *ret_protocol = frame->data[end];
        end += 8 + frame->data[end + 1] * 8u;
    }
    return end;
}

static bool is_ipv4_that_ends_at(const struct frame *frame, uint32_t ip, uint32_t end)
{
    const uint8_t *at = frame->data + ip;

    return at[0] == (0x40 | (end - ip) / 4) && load16(at + 2) == frame->len - ip;
}

/* The IP header that ends where the transport header begins: it says how long it is only to who
 * reads it from its beginning, so each length is tried, and its own account of the frame's rest
 * must be right. 0 if there is none at or behind @from. */
static uint32_t ip_before(const struct frame *frame, uint32_t from, uint32_t l4)
{
    for (uint32_t len = IPV4_HEADER; len <= 60 && from + len <= l4; len += 4) {
        if (is_ipv4_that_ends_at(frame, l4 - len, l4))
            return l4 - len;
    }
    if (from + IPV6_HEADER <= l4) {
        const uint8_t *at = frame->data + l4 - IPV6_HEADER;

        if (at[0] >> 4 == 6 && load16(at + 4) == frame->len - l4)
            return l4 - IPV6_HEADER;
    }
    return 0;
}

static enum segment_tunnel tunnel_of(uint32_t protocol)
{
    switch (protocol) {
    case PROTOCOL_UDP:
        return SEGMENT_TUNNEL_UDP;
    case PROTOCOL_GRE:
        return SEGMENT_TUNNEL_GRE;
    case PROTOCOL_IPV4:
    case PROTOCOL_IPV6:
        return SEGMENT_TUNNEL_IP;
    default:
        return SEGMENT_TUNNEL_NONE;
    }
}

static uint32_t tunnel_header_len(enum segment_tunnel tunnel)
{
    switch (tunnel) {
    case SEGMENT_TUNNEL_UDP:
        return UDP_HEADER;
    case SEGMENT_TUNNEL_GRE:
        return GRE_HEADER;
    case SEGMENT_TUNNEL_IP:
    case SEGMENT_TUNNEL_NONE:
        break;
    }
    return 0;
}

static bool find_headers(struct segmenter *s)
{
    const struct frame *frame = s->frame;
    uint32_t ethertype = 0;
    uint32_t protocol = 0;
    uint32_t ip = frame_network_offset(frame, &ethertype);
    uint32_t l4;

    if (ip == 0 || (ethertype != ETHERTYPE_IPV4 && ethertype != ETHERTYPE_IPV6))
        return false;
    l4 = behind_ip(frame, ip, &protocol);
    if (l4 == 0)
        return false;
    if (l4 == s->l4 && protocol == (s->is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP)) {
        s->ip = ip;
        return true;
    }
    s->tunnel = tunnel_of(protocol);
    s->outer_ip = ip;
    s->outer_l4 = l4;
    s->ip = ip_before(frame, l4 + tunnel_header_len(s->tunnel), s->l4);
    return s->tunnel != SEGMENT_TUNNEL_NONE && s->ip != 0;
}

bool segmenter_init(struct segmenter *segmenter, const struct frame *frame)
{
    struct segmenter s = {.frame = frame};
    uint32_t type = frame->vnet.gso_type & ~(uint32_t)VIRTIO_NET_HDR_GSO_ECN;

    s.is_tcp = type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6;
    if (!s.is_tcp && type != VIRTIO_NET_HDR_GSO_UDP_L4)
        return false;
    s.header_len = frame_gso_header_len(frame);
    s.l4 = frame_transport_offset(frame);
    if (s.header_len == 0 || frame->vnet.gso_size == 0 || !find_headers(&s))
        return false;
    s.n_segments = frame_weigh(frame).segments;
    *segmenter = s;
    return true;
}

uint32_t segmenter_room(const struct segmenter *segmenter)
{
    uint32_t room = segmenter->header_len + segmenter->frame->vnet.gso_size;

    return room < segmenter->frame->len ? room : segmenter->frame->len;
}

/* ---- putting the headers of one segment right ---- */

static void mend_ip(uint8_t *ip, uint32_t len, uint32_t i)
{
    uint32_t header = (ip[0] & 0x0fu) * 4;

    if (!is_ipv4(ip)) {
        store16(ip + 4, len - IPV6_HEADER);
        return;
    }
    store16(ip + 2, len);
    store16(ip + 4, load16(ip + 4) + i);
    store16(ip + 10, 0);
    store16(ip + 10, ~fold(sum_bytes(0, ip, header)));
}

/* Flags that mean the whole superframe: the last segment ends it, the first one tells of
 * congestion. */
static void mend_tcp(const struct segmenter *s, uint8_t *tcp, uint32_t i)
{
    store32(tcp + 4, load32(tcp + 4) + i * s->frame->vnet.gso_size);
    if (i + 1 < s->n_segments)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (i > 0)
        tcp[13] &= (uint8_t)~TCP_CWR;
}

/* The inner checksum, partial: the sum of the pseudo header, and the kernel adds the rest. */
static void mend_l4(const struct segmenter *s, uint8_t *bytes, uint32_t len, uint32_t i)
{
    uint32_t l4_len = len - s->l4;
    uint8_t *l4 = bytes + s->l4;
    uint32_t protocol = s->is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
    uint32_t pseudo = fold(sum_pseudo(bytes + s->ip, protocol, l4_len));

    if (s->is_tcp) {
        mend_tcp(s, l4, i);
        store16(l4 + 16, pseudo);
    } else {
        store16(l4 + 4, l4_len);
        store16(l4 + 6, pseudo);
    }
}

/* In UDP 0 says that there is none. */
static void complete_checksum(uint8_t *bytes, uint32_t len, uint32_t l4, uint32_t offset)
{
    uint32_t sum = ~fold(sum_bytes(0, bytes + l4, len - l4)) & 0xffff;

    if (offset == UDP_CHECKSUM && sum == 0)
        sum = 0xffff;
    store16(bytes + l4 + offset, sum);
}

void segment_complete_checksum(struct frame *frame, uint8_t *bytes)
{
    const struct virtio_net_hdr *vnet = &frame->vnet;

    if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        complete_checksum(bytes, frame->len, vnet->csum_start, vnet->csum_offset);
    memset(&frame->vnet, 0, sizeof(frame->vnet));
}

static bool has_outer_checksum(const struct segmenter *s)
{
    const uint8_t *outer = s->frame->data + s->outer_l4;

    switch (s->tunnel) {
    case SEGMENT_TUNNEL_UDP:
        return load16(outer + 6) != 0;
    case SEGMENT_TUNNEL_GRE:
        return load16(outer) & GRE_CHECKSUM;
    case SEGMENT_TUNNEL_IP:
    case SEGMENT_TUNNEL_NONE:
        break;
    }
    return false;
}

static void mend_outer_udp(const struct segmenter *s, uint8_t *bytes, uint32_t len)
{
    uint8_t *udp = bytes + s->outer_l4;
    uint32_t udp_len = len - s->outer_l4;
    uint32_t sum;

    store16(udp + 4, udp_len);
    if (!has_outer_checksum(s))
        return;
    store16(udp + 6, 0);
    sum = ~fold(sum_bytes(sum_pseudo(bytes + s->outer_ip, PROTOCOL_UDP, udp_len), udp, udp_len)) &
          0xffff;
    store16(udp + 6, sum == 0 ? 0xffff : sum);
}

/* RFC 2890: checksum and reserved, key, sequence number, each four bytes if its flag is set. */
static void mend_outer_gre(const struct segmenter *s, uint8_t *bytes, uint32_t len, uint32_t i)
{
    uint8_t *gre = bytes + s->outer_l4;
    uint32_t flags = load16(gre);
    uint8_t *sequence =
        gre + GRE_HEADER + (flags & GRE_CHECKSUM ? 4 : 0) + (flags & GRE_KEY ? 4 : 0);

    if (flags & GRE_SEQUENCE && sequence + 4 <= bytes + s->ip)
        store32(sequence, load32(sequence) + i);
    if (flags & GRE_CHECKSUM) {
        store16(gre + 4, 0);
        store16(gre + 4, ~fold(sum_bytes(0, gre, len - s->outer_l4)));
    }
}

static void mend_outer(const struct segmenter *s, uint8_t *bytes, uint32_t len, uint32_t i)
{
    mend_ip(bytes + s->outer_ip, len - s->outer_ip, i);
    switch (s->tunnel) {
    case SEGMENT_TUNNEL_UDP:
        mend_outer_udp(s, bytes, len);
        break;
    case SEGMENT_TUNNEL_GRE:
        mend_outer_gre(s, bytes, len, i);
        break;
    case SEGMENT_TUNNEL_IP:
    case SEGMENT_TUNNEL_NONE:
        break;
    }
}

void segmenter_cut(const struct segmenter *segmenter, uint32_t i, uint8_t *ret_bytes,
                   struct frame *ret_frame)
{
    const struct segmenter *s = segmenter;
    uint32_t at = s->header_len + i * s->frame->vnet.gso_size;
    uint32_t left = s->frame->len - at;
    uint32_t n = left < s->frame->vnet.gso_size ? left : s->frame->vnet.gso_size;
    uint32_t len = s->header_len + n;

    memcpy(ret_bytes, s->frame->data, s->header_len);
    memcpy(ret_bytes + s->header_len, s->frame->data + at, n);
    mend_ip(ret_bytes + s->ip, len - s->ip, i);
    mend_l4(s, ret_bytes, len, i);

    *ret_frame = *s->frame;
    ret_frame->data = ret_bytes;
    ret_frame->len = len;
    memset(&ret_frame->vnet, 0, sizeof(ret_frame->vnet));
    if (has_outer_checksum(s)) {
        complete_checksum(ret_bytes, len, s->l4, s->is_tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
    } else {
        ret_frame->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        ret_frame->vnet.csum_start = (uint16_t)s->l4;
        ret_frame->vnet.csum_offset = s->is_tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
    }
    if (s->tunnel != SEGMENT_TUNNEL_NONE)
        mend_outer(s, ret_bytes, len, i);
}
