/* SPDX-License-Identifier: ISC */
/*
 * Superframes of every kind that is cut in software. Each segment is judged by a reader of its own:
 * it walks the headers from the outside in, wants each length to end where the segment ends and
 * each checksum to be right, and gives back what was inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/segment.h"

#define MSS     100
#define PAYLOAD 250  /* three segments: 100, 100, 50 */
#define TCP_ALL 0x99 /* CWR, ACK, PSH, FIN */

struct packet {
    uint8_t bytes[2048];
    uint32_t len;
    struct frame frame;
};

/* What surrounds the inner IP header. */
enum shape {
    PLAIN,
    VXLAN,
    VXLAN_CHECKSUM,
    GRE_PLAIN,
    GRE_EVERYTHING, /* checksum, key, sequence number */
    IP_IN_IP,
};

static void put(struct packet *p, const void *bytes, uint32_t len)
{
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

#define PUT(p, ...) \
    put(p, (const uint8_t[]){__VA_ARGS__}, (uint32_t)sizeof((const uint8_t[]){__VA_ARGS__}))

static void put16_at(struct packet *p, uint32_t at, uint32_t value)
{
    p->bytes[at] = (uint8_t)(value >> 8);
    p->bytes[at + 1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t get32(const uint8_t *bytes)
{
    return get16(bytes) << 16 | get16(bytes + 2);
}

static uint32_t put_ip(struct packet *p, int version, uint8_t protocol)
{
    uint32_t at = p->len;

    if (version == 4) {
        PUT(p, 0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, protocol, 0, 0);
        PUT(p, 10, 0, 0, 1, 10, 0, 0, 2);
    } else {
        PUT(p, 0x60, 0, 0, 0, 0, 0, protocol, 64);
        PUT(p, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
        PUT(p, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
    }
    return at;
}

static void end_ip(struct packet *p, uint32_t at)
{
    if (p->bytes[at] >> 4 == 4)
        put16_at(p, at + 2, p->len - at);
    else
        put16_at(p, at + 4, p->len - at - 40);
}

static uint8_t protocol_of(enum shape shape, int inner_version)
{
    switch (shape) {
    case PLAIN:
        return 6;
    case VXLAN:
    case VXLAN_CHECKSUM:
        return 17;
    case GRE_PLAIN:
    case GRE_EVERYTHING:
        return 47;
    case IP_IN_IP:
        break;
    }
    return inner_version == 4 ? 4 : 41;
}

static void put_tunnel(struct packet *p, enum shape shape, int inner_version)
{
    static const uint8_t inner_ether[] = {2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3};

    switch (shape) {
    case VXLAN:
    case VXLAN_CHECKSUM:
        PUT(p, 0xc0, 0, 0x12, 0xb5, 0, 0, 0, shape == VXLAN ? 0 : 1);
        PUT(p, 8, 0, 0, 0, 0, 0, 5, 0);
        put(p, inner_ether, sizeof(inner_ether));
        put16_at(p, p->len, inner_version == 4 ? 0x0800 : 0x86dd);
        p->len += 2;
        break;
    case GRE_PLAIN:
        PUT(p, 0, 0, inner_version == 4 ? 8 : 0x86, inner_version == 4 ? 0 : 0xdd);
        break;
    case GRE_EVERYTHING:
        PUT(p, 0xb0, 0, inner_version == 4 ? 8 : 0x86, inner_version == 4 ? 0 : 0xdd);
        PUT(p, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0xff, 0xff);
        break;
    case PLAIN:
    case IP_IN_IP:
        break;
    }
}

static void put_tcp(struct packet *p)
{
    PUT(p, 0x30, 0x39, 0, 80, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 1, 0x80, TCP_ALL, 1, 0, 0xaa, 0xaa,
        0, 0);
    PUT(p, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
}

/* A TCP superframe of three segments, in @shape. */
static void make(struct packet *p, enum shape shape, int outer_version, int inner_version)
{
    uint32_t outer = 0;
    uint32_t inner;
    uint32_t tcp;

    memset(p, 0, sizeof(*p));
    PUT(p, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1);
    put16_at(p, p->len, (shape == PLAIN ? inner_version : outer_version) == 4 ? 0x0800 : 0x86dd);
    p->len += 2;
    if (shape != PLAIN) {
        outer = put_ip(p, outer_version, protocol_of(shape, inner_version));
        put_tunnel(p, shape, inner_version);
    }
    inner = put_ip(p, inner_version, 6);
    tcp = p->len;
    put_tcp(p);
    for (uint32_t i = 0; i < PAYLOAD; i++)
        PUT(p, (uint8_t)(i * 7));
    end_ip(p, inner);
    if (outer)
        end_ip(p, outer);
    p->frame = (struct frame){
        .data = p->bytes,
        .len = p->len,
        .vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                 .gso_type =
                     inner_version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
                 .gso_size = MSS,
                 .csum_start = (uint16_t)tcp,
                 .csum_offset = 16},
    };
    frame_push_tag(&p->frame, (struct vlan_tag){.tpid = VLAN_TPID_C, .tci = 7});
}

/* ---- the reader ---- */

static uint32_t add(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static uint32_t pseudo(const uint8_t *ip, uint32_t protocol, uint32_t len)
{
    uint32_t sum = ip[0] >> 4 == 4 ? add(0, ip + 12, 8) : add(0, ip + 8, 32);

    sum += protocol + len;
    return (sum & 0xffff) + (sum >> 16);
}

/* Returns where the next header is. */
static uint32_t read_ip(const struct frame *f, uint32_t at, uint32_t i)
{
    const uint8_t *ip = f->data + at;

    if (ip[0] >> 4 == 6) {
        assert_int_equal(get16(ip + 4), f->len - at - 40);
        return at + 40;
    }
    assert_int_equal(get16(ip + 2), f->len - at);
    assert_int_equal(get16(ip + 4), 0x1234 + i);
    assert_int_equal(add(0, ip, 20), 0xffff);
    return at + 20;
}

static uint32_t read_tunnel(const struct frame *f, enum shape shape, uint32_t ip, uint32_t at,
                            uint32_t i)
{
    const uint8_t *l4 = f->data + at;
    uint32_t len = f->len - at;

    switch (shape) {
    case VXLAN:
    case VXLAN_CHECKSUM:
        assert_int_equal(get16(l4 + 4), len);
        if (shape == VXLAN)
            assert_int_equal(get16(l4 + 6), 0);
        else
            assert_int_equal(add(pseudo(f->data + ip, 17, len), l4, len), 0xffff);
        return at + 8 + 8 + 14;
    case GRE_PLAIN:
        return at + 4;
    case GRE_EVERYTHING:
        assert_int_equal(add(0, l4, len), 0xffff);
        assert_int_equal(get32(l4 + 8), 7);
        assert_int_equal(get32(l4 + 12), 0xffff + i);
        return at + 16;
    case PLAIN:
    case IP_IN_IP:
        break;
    }
    return at;
}

/* The checksum, after the kernel has done what the offload header leaves to it. */
static void read_checksum(struct frame *f, uint8_t *bytes, uint32_t ip, uint32_t at)
{
    uint32_t len = f->len - at;

    if (f->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        uint32_t sum;

        assert_int_equal(f->vnet.csum_start, at);
        sum = ~add(0, f->data + at, len) & 0xffff;
        bytes[at + f->vnet.csum_offset] = (uint8_t)(sum >> 8);
        bytes[at + f->vnet.csum_offset + 1] = (uint8_t)sum;
    }
    assert_int_equal(
        add(pseudo(f->data + ip, f->vnet.csum_offset == 6 ? 17 : 6, len), f->data + at, len),
        0xffff);
}

static void read_tcp(const uint8_t *tcp, uint32_t i)
{
    assert_int_equal(get32(tcp + 4), 0xfffffff0u + i * MSS);
    assert_int_equal(get32(tcp + 8), 1);
    assert_int_equal(tcp[13], i == 0 ? 0x90 : i == 1 ? 0x10 : 0x19);
}

static void check_cut(enum shape shape, int outer_version, int inner_version)
{
    struct segmenter segmenter;
    struct packet p;
    uint8_t payload[PAYLOAD];
    uint32_t n = 0;

    make(&p, shape, outer_version, inner_version);
    assert_true(segmenter_init(&segmenter, &p.frame));
    assert_int_equal(segmenter.tunnel == SEGMENT_TUNNEL_NONE, shape == PLAIN);
    assert_int_equal(segmenter.n_segments, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t bytes[1024];
        struct frame f;
        uint32_t ip = 14;
        uint32_t at;

        assert_true(segmenter_room(&segmenter) <= sizeof(bytes));
        segmenter_cut(&segmenter, i, bytes, &f);
        assert_ptr_equal(f.data, bytes);
        assert_int_equal(f.n_tags, 1);
        assert_int_equal(f.tags[0].tci, 7);
        assert_false(frame_is_superframe(&f));
        assert_true(frame_vnet_is_sane(&f));
        assert_memory_equal(f.data, p.bytes, 14);
        at = read_ip(&f, ip, i);
        if (shape != PLAIN) {
            ip = read_tunnel(&f, shape, ip, at, i);
            at = read_ip(&f, ip, i);
        }
        read_checksum(&f, bytes, ip, at);
        read_tcp(f.data + at, i);
        assert_int_equal(f.len - at - 32, i < 2 ? 100 : 50);
        memcpy(payload + n, f.data + at + 32, f.len - at - 32);
        n += f.len - at - 32;
    }
    assert_memory_equal(payload, p.bytes + p.len - PAYLOAD, PAYLOAD);
}

static void each_shape_in_each_version(void **state)
{
    for (enum shape shape = PLAIN; shape <= IP_IN_IP; shape++) {
        for (int outer = 4; outer <= 6; outer += 2) {
            check_cut(shape, outer, 4);
            check_cut(shape, outer, 6);
        }
    }
}

static void udp_segments_have_lengths_and_checksums(void **state)
{
    struct segmenter segmenter;
    struct packet p = {0};
    uint32_t ip;

    PUT(&p, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0);
    ip = put_ip(&p, 4, 17);
    PUT(&p, 0x30, 0x39, 0, 53, 0, 0, 0xaa, 0xaa);
    p.len += PAYLOAD;
    end_ip(&p, ip);
    p.frame = (struct frame){.data = p.bytes,
                             .len = p.len,
                             .vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                      .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
                                      .gso_size = MSS,
                                      .csum_start = 34,
                                      .csum_offset = 6}};
    assert_true(segmenter_init(&segmenter, &p.frame));
    assert_int_equal(segmenter.n_segments, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t bytes[1024];
        struct frame f;
        uint32_t at;

        segmenter_cut(&segmenter, i, bytes, &f);
        at = read_ip(&f, 14, i);
        assert_int_equal(get16(f.data + at + 4), f.len - at);
        read_checksum(&f, bytes, 14, at);
    }
}

static void extension_headers_and_tags_in_the_bytes_are_passed_over(void **state)
{
    static const uint8_t ipv6_with_options[] = {
        2,    0, 0, 0, 0, 2, 2, 0,  0, 0, 0, 1, 0x88, 0xa8, 0, 9, 0x86, 0xdd, /* */
        0x60, 0, 0, 0, 0, 0, 0, 64,
    };
    struct segmenter segmenter;
    struct packet p = {0};

    put(&p, ipv6_with_options, sizeof(ipv6_with_options));
    p.len += 32;
    PUT(&p, 60, 0, 0, 0, 0, 0, 0, 0);                        /* hop by hop */
    PUT(&p, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0); /* destination, sixteen bytes */
    put_tcp(&p);
    p.len += PAYLOAD;
    end_ip(&p, 18);
    p.frame = (struct frame){.data = p.bytes,
                             .len = p.len,
                             .vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                      .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
                                      .gso_size = MSS,
                                      .csum_start = 82,
                                      .csum_offset = 16}};
    assert_true(segmenter_init(&segmenter, &p.frame));
    assert_int_equal(segmenter.tunnel, SEGMENT_TUNNEL_NONE);
    assert_int_equal(segmenter.ip, 18);
    assert_int_equal(segmenter.l4, 82);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct segmenter segmenter;
    struct packet p;

    make(&p, VXLAN, 4, 4);
    p.frame.vnet.gso_type = VIRTIO_NET_HDR_GSO_NONE;
    assert_false(segmenter_init(&segmenter, &p.frame));

    make(&p, VXLAN, 4, 4);
    p.frame.vnet.gso_size = 0;
    assert_false(segmenter_init(&segmenter, &p.frame));

    make(&p, VXLAN, 4, 4);
    put16_at(&p, 12, 0x0806); /* no IP outside */
    assert_false(segmenter_init(&segmenter, &p.frame));

    make(&p, VXLAN, 4, 4);
    p.bytes[14 + 9] = 50; /* a tunnel that nobody here knows */
    assert_false(segmenter_init(&segmenter, &p.frame));

    make(&p, VXLAN, 4, 4);
    p.frame.len--; /* no IP header whose length ends at the frame's end */
    assert_false(segmenter_init(&segmenter, &p.frame));

    make(&p, VXLAN, 4, 6);
    p.frame.len--;
    assert_false(segmenter_init(&segmenter, &p.frame));

    make(&p, PLAIN, 4, 4);
    p.bytes[14] = 0x42; /* an IP header of eight bytes */
    assert_false(segmenter_init(&segmenter, &p.frame));

    make(&p, PLAIN, 4, 4);
    p.frame.vnet.csum_start = 20; /* inside of the IP header */
    assert_false(segmenter_init(&segmenter, &p.frame));
}

/* Whatever the bytes are, neither finding headers nor cutting leaves the buffers: for sanitizers.
 */
static void damaged_frames_stay_in_bounds(void **state)
{
    uint32_t random = 1;

    for (uint32_t round = 0; round < 20000; round++) {
        struct segmenter segmenter;
        uint8_t bytes[2048];
        struct packet p;
        struct frame f;

        make(&p, (enum shape)(round % 6), round & 8 ? 4 : 6, round & 16 ? 4 : 6);
        for (int i = 0; i < 4; i++) {
            random = random * 1664525u + 1013904223u;
            p.bytes[12 + (random >> 8) % 120] = (uint8_t)(random >> 24);
        }
        if (round % 3 == 0)
            p.frame.len = 20 + (random >> 8) % (p.len - 20);
        if (!segmenter_init(&segmenter, &p.frame))
            continue;
        assert_true(segmenter_room(&segmenter) <= sizeof(bytes));
        for (uint32_t i = 0; i < segmenter.n_segments; i++) {
            segmenter_cut(&segmenter, i, bytes, &f);
            assert_true(f.len <= segmenter_room(&segmenter));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_in_each_version),
        cmocka_unit_test(udp_segments_have_lengths_and_checksums),
        cmocka_unit_test(extension_headers_and_tags_in_the_bytes_are_passed_over),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(damaged_frames_stay_in_bounds),
    };

    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
