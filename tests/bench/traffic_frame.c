/* SPDX-License-Identifier: ISC */
#include "traffic_frame.h"

#include <linux/if_ether.h>
#include <stddef.h>
#include <string.h>

#include "ringspan/mac.h"

#define MAGIC     0x5273
#define IP_SIZE   20
#define UDP_SIZE  8
#define UDP_PORT  9           /* discard */
#define IP_SOURCE 0xc6120001u /* 198.18.0.0/15 is set aside for benchmarks */
#define IP_TARGET 0xc6130001u

struct wire_label {
    uint16_t magic;
    uint16_t run;
    uint16_t stream;
    uint32_t seq;
    uint32_t stamp;
    uint32_t check;
} __attribute__((packed));

#define CHECKED_OF_LABEL offsetof(struct wire_label, check)

static uint32_t label_offset(const struct traffic_shape *shape)
{
    return shape->is_ip ? ETH_HLEN + IP_SIZE + UDP_SIZE : ETH_HLEN;
}

/* Written before there are threads. */
static uint8_t pattern[TRAFFIC_SIZE_MAX];

__attribute__((constructor)) static void write_pattern(void)
{
    for (uint32_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void put_be16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void put_be32(uint8_t *bytes, uint32_t value)
{
    put_be16(bytes, value >> 16);
    put_be16(bytes + 2, value);
}

/* The Internet checksum of an IPv4 header without options. */
static uint32_t ip_checksum(const uint8_t *header)
{
    uint32_t sum = 0;

    for (int i = 0; i < IP_SIZE; i += 2)
        sum += (uint32_t)header[i] << 8 | header[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return 0xffff ^ ((sum & 0xffff) + (sum >> 16));
}

static void fill_ip(uint8_t *ip, uint32_t len)
{
    uint8_t *udp = ip + IP_SIZE;

    memset(ip, 0, IP_SIZE + UDP_SIZE);
    ip[0] = 0x45;
    put_be16(ip + 2, len);
    put_be16(ip + 6, 0x4000); /* not to be fragmented */
    ip[8] = 64;
    ip[9] = 17;
    put_be32(ip + 12, IP_SOURCE);
    put_be32(ip + 16, IP_TARGET);
    put_be16(ip + 10, ip_checksum(ip));
    put_be16(udp, UDP_PORT);
    put_be16(udp + 2, UDP_PORT);
    put_be16(udp + 4, len - IP_SIZE);
}

void traffic_frame_fill(uint8_t *ret_bytes, const struct traffic_shape *shape)
{
    memcpy(ret_bytes, pattern, shape->size);
    put_be16(ret_bytes + 2 * ETH_ALEN, shape->is_ip ? ETH_P_IP : shape->ethertype);
    if (shape->is_ip)
        fill_ip(ret_bytes + ETH_HLEN, shape->size - ETH_HLEN);
}

/* Eight bytes at a time, the last eight once more where the length is no multiple. Each step can be
 * undone, so two inputs that differ in one place differ in the end. */
static uint32_t check_of(const uint8_t *bytes, uint32_t n, uint32_t frame_len)
{
    uint64_t sum = frame_len;

    for (uint32_t i = 0; i < n; i += 8) {
        uint64_t word;

        memcpy(&word, bytes + (i + 8 <= n ? i : n - 8), sizeof(word));
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 32;
    }
    return (uint32_t)sum;
}

void traffic_frame_label(uint8_t *bytes, const struct traffic_shape *shape, uint64_t dst,
                         uint64_t src, const struct traffic_label *label)
{
    uint32_t at = label_offset(shape);
    struct wire_label wire = {
        .magic = MAGIC,
        .run = label->run,
        .stream = label->stream,
        .seq = label->seq,
        .stamp = label->stamp,
    };

    mac_store(dst, bytes);
    mac_store(src, bytes + ETH_ALEN);
    memcpy(bytes + at, &wire, CHECKED_OF_LABEL);
    wire.check = check_of(bytes, at + CHECKED_OF_LABEL, shape->size);
    memcpy(bytes + at + CHECKED_OF_LABEL, &wire.check, sizeof(wire.check));
}

enum traffic_verdict traffic_frame_read(const uint8_t *bytes, uint32_t len,
                                        const struct traffic_shape *shape,
                                        struct traffic_label *ret_label)
{
    uint32_t at = label_offset(shape);
    struct wire_label wire;

    if (len < at + sizeof(wire))
        return TRAFFIC_FOREIGN;
    memcpy(&wire, bytes + at, sizeof(wire));
    if (wire.magic != MAGIC)
        return TRAFFIC_FOREIGN;
    *ret_label = (struct traffic_label){
        .run = wire.run, .stream = wire.stream, .seq = wire.seq, .stamp = wire.stamp};
    if (len != shape->size || wire.check != check_of(bytes, at + CHECKED_OF_LABEL, len) ||
        memcmp(bytes + at + sizeof(wire), pattern + at + sizeof(wire), len - at - sizeof(wire)) !=
            0)
        return TRAFFIC_CORRUPTED;
    return TRAFFIC_INTACT;
}
