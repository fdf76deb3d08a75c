/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim.h"

#define ETHERTYPE_EXPERIMENT 0x88b5 /* IEEE 802: local experimental */
#define ETHERTYPE_IPV4       0x0800
#define IPV4_HEADER          20
#define TCP_HEADER           32 /* with timestamps */

static void store_be16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A payload that differs from any other's: its number, and a ramp that begins elsewhere. */
static void fill(uint8_t *at, uint32_t len)
{
    static uint8_t ramp[512];
    static uint64_t serial;

    if (serial++ == 0) {
        for (uint32_t i = 0; i < sizeof(ramp); i++)
            ramp[i] = (uint8_t)(i * 31);
    }
    for (uint32_t done = 0; done < len; done += 256)
        memcpy(at + done, ramp + serial % 256, smaller(256, len - done));
    memcpy(at, &serial, smaller(sizeof(serial), len));
}

static void start(struct sim_frame *frame, uint64_t dst, uint64_t src, uint32_t len)
{
    frame->len = len;
    frame->header_len = 0;
    memset(&frame->vnet, 0, sizeof(frame->vnet));
    mac_store(dst, frame->bytes);
    mac_store(src, frame->bytes + 6);
}

void sim_frame_make(struct sim_frame *ret, uint64_t dst, uint64_t src, uint32_t len)
{
    start(ret, dst, src, len);
    store_be16(ret->bytes + 12, ETHERTYPE_EXPERIMENT);
    fill(ret->bytes + ETHER_HEADER_SIZE, len > ETHER_HEADER_SIZE ? len - ETHER_HEADER_SIZE : 0);
}

void sim_frame_make_tcp(struct sim_frame *ret, uint64_t dst, uint64_t src, uint32_t payload,
                        uint16_t mss)
{
    uint32_t transport = ETHER_HEADER_SIZE + IPV4_HEADER;
    uint8_t *ip = ret->bytes + ETHER_HEADER_SIZE;

    start(ret, dst, src, transport + TCP_HEADER + payload);
    store_be16(ret->bytes + 12, ETHERTYPE_IPV4);
    memset(ip, 0, IPV4_HEADER + TCP_HEADER);
    ip[0] = 0x45;
    ip[9] = 6;
    ip[IPV4_HEADER + 12] = TCP_HEADER / 4 << 4;
    fill(ip + IPV4_HEADER + TCP_HEADER, payload);
    ret->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    ret->vnet.csum_start = (uint16_t)transport;
    ret->vnet.csum_offset = 16;
    if (payload > mss) {
        ret->vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        ret->vnet.gso_size = mss;
        ret->vnet.hdr_len = 128; /* what happened to be linear: not the headers' length */
        ret->header_len = transport + TCP_HEADER;
    }
}

/* The tags that the kernel takes out of the bytes. */
static bool is_taken_out(uint32_t tpid)
{
    return tpid == VLAN_TPID_C || tpid == VLAN_TPID_S;
}

void sim_frame_tag(struct sim_frame *frame, uint16_t tpid, uint16_t tci)
{
    uint16_t shift = 0;

    if (is_taken_out((uint32_t)frame->bytes[12] << 8 | frame->bytes[13]))
        shift = VLAN_TAG_SIZE; /* it is not the outer one any more, and stays */
    if (!is_taken_out(tpid))
        shift = (uint16_t)(shift + VLAN_TAG_SIZE);
    if (frame->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        frame->vnet.csum_start = (uint16_t)(frame->vnet.csum_start + shift);
    if (frame->header_len > 0)
        frame->header_len += shift;
    memmove(frame->bytes + 12 + VLAN_TAG_SIZE, frame->bytes + 12, frame->len - 12);
    store_be16(frame->bytes + 12, tpid);
    store_be16(frame->bytes + 14, tci);
    frame->len += VLAN_TAG_SIZE;
}
