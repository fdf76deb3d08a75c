/* SPDX-License-Identifier: ISC */
#include "ringspan/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define TCPV4    VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6    VIRTIO_NET_HDR_GSO_TCPV6
#define UDP_L4   VIRTIO_NET_HDR_GSO_UDP_L4
#define UFO      VIRTIO_NET_HDR_GSO_UDP
#define ECN      VIRTIO_NET_HDR_GSO_ECN
#define NEEDS    VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID    VIRTIO_NET_HDR_F_DATA_VALID
#define IPV4     0x0800
#define IPV6     0x86dd
#define TCP_CSUM 16
#define UDP_CSUM 6

static const struct vlan_tag c_tag = {.tpid = VLAN_TPID_C, .tci = 0xb064}; /* PCP 5, DEI, VID 100 */
static const struct vlan_tag s_tag = {.tpid = VLAN_TPID_S, .tci = 0x2fff};

/* A frame in a buffer of its own, of @len bytes, each different from its neighbours. */
struct sample {
    uint8_t bytes[70000];
    struct frame frame;
};

static struct sample sample;

static struct frame *frame_of(uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        sample.bytes[i] = (uint8_t)(i * 7 + 1);
    sample.frame = (struct frame){.data = sample.bytes, .len = len};
    return &sample.frame;
}

static void store_be16(uint32_t at, uint32_t value)
{
    sample.bytes[at] = (uint8_t)(value >> 8);
    sample.bytes[at + 1] = (uint8_t)value;
}

/* What stands in a superframe, and what follows from it. */
struct super {
    const char *what;
    uint8_t gso_type;
    uint8_t flags;
    uint16_t ethertype;
    uint32_t inner_tags;
    uint32_t ip_len; /* of its header; for IPv6 with extensions */
    uint32_t doff;   /* TCP data offset in words */
    uint32_t len;
    uint32_t header_len;
};

static struct frame *superframe_of(const struct super *super)
{
    struct frame *frame = frame_of(super->len);
    uint32_t at = 12;
    uint32_t transport;

    for (uint32_t i = 0; i < super->inner_tags; i++, at += VLAN_TAG_SIZE)
        store_be16(at, i == 0 ? VLAN_TPID_S : VLAN_TPID_C);
    store_be16(at, super->ethertype);
    at += 2;
    sample.bytes[at] = super->ethertype == IPV4 ? (uint8_t)(0x40 | super->ip_len / 4) : 0x60;
    transport = at + super->ip_len;
    sample.bytes[transport + 12] = (uint8_t)(super->doff << 4 | 0xf);
    frame->vnet.gso_type = super->gso_type;
    frame->vnet.gso_size = 1400;
    frame->vnet.flags = super->flags;
    if (super->flags & NEEDS) {
        frame->vnet.csum_start = (uint16_t)transport;
        frame->vnet.csum_offset = 6;
    }
    frame->vnet.hdr_len = 9999; /* how much was linear once: nobody may believe it */
    return frame;
}

static const struct super supers[] = {
    {"tcp4", TCPV4, NEEDS, IPV4, 0, 20, 5, 9000, 54},
    {"tcp4, parsed", TCPV4, 0, IPV4, 0, 20, 5, 9000, 54},
    {"tcp4, checksum verified", TCPV4, VALID, IPV4, 0, 20, 5, 9000, 54},
    {"tcp4, timestamps", TCPV4, NEEDS, IPV4, 0, 20, 8, 9000, 66},
    {"tcp4, all options", TCPV4, 0, IPV4, 0, 60, 15, 9000, 134},
    {"tcp4, congestion", TCPV4 | ECN, NEEDS, IPV4, 0, 20, 5, 9000, 54},
    {"tcp4, congestion, parsed", TCPV4 | ECN, 0, IPV4, 0, 20, 5, 9000, 54},
    {"tcp6", TCPV6, NEEDS, IPV6, 0, 40, 5, 9000, 74},
    {"tcp6, parsed", TCPV6, 0, IPV6, 0, 40, 8, 9000, 86},
    {"tcp6, congestion", TCPV6 | ECN, NEEDS, IPV6, 0, 40, 5, 9000, 74},
    {"tcp6, extension header", TCPV6, NEEDS, IPV6, 0, 48, 5, 9000, 82},
    {"tcp4 in a tag", TCPV4, 0, IPV4, 1, 20, 5, 9000, 58},
    {"tcp6 in two tags", TCPV6, 0, IPV6, 2, 40, 5, 9000, 82},
    {"tcp4 in a tag, partial", TCPV4, NEEDS, IPV4, 1, 20, 5, 9000, 58},
    {"udp4", UDP_L4, NEEDS, IPV4, 0, 20, 0, 9000, 42},
    {"udp4, parsed", UDP_L4, 0, IPV4, 0, 20, 0, 9000, 42},
    {"udp6", UDP_L4, NEEDS, IPV6, 0, 40, 0, 9000, 62},
    {"fragments to be", UFO, NEEDS, IPV4, 0, 20, 0, 9000, 34},
    {"fragments to be, parsed", UFO, 0, IPV4, 0, 24, 0, 9000, 38},
    {"headers and not a byte more", TCPV4, NEEDS, IPV4, 0, 20, 5, 54, 54},
    {"a byte of TCP missing", TCPV4, NEEDS, IPV4, 0, 20, 5, 53, 0},
    {"options cut off", TCPV4, NEEDS, IPV4, 0, 20, 8, 65, 0},
    {"options cut off, parsed", TCPV4, 0, IPV4, 0, 20, 15, 73, 0},
    {"a byte of UDP missing", UDP_L4, NEEDS, IPV4, 0, 20, 0, 41, 0},
    {"doff below the least", TCPV4, NEEDS, IPV4, 0, 20, 4, 9000, 0},
    {"doff of zero", TCPV6, 0, IPV6, 0, 40, 0, 9000, 0},
    {"cut in IP, parsed", TCPV4, 0, IPV4, 0, 20, 5, 30, 0},
    {"cut before IP, parsed", TCPV4, 0, IPV4, 0, 20, 5, 14, 0},
    {"cut in IPv6, parsed", UDP_L4, 0, IPV6, 0, 40, 0, 61, 0},
    {"not IP, parsed", TCPV4, 0, 0x0806, 0, 20, 5, 9000, 0},
    {"header length of IPv4 too small", TCPV4, 0, IPV4, 0, 16, 5, 9000, 0},
    {"unknown type", 2, NEEDS, IPV4, 0, 20, 5, 9000, 0},
    {"congestion alone", ECN, NEEDS, IPV4, 0, 20, 5, 9000, 0},
};

static void test_header_of_a_superframe(void **state)
{
    for (size_t i = 0; i < LENGTH(supers); i++) {
        const struct super *super = &supers[i];
        uint32_t header_len = frame_gso_header_len(superframe_of(super));

        if (header_len != super->header_len)
            fail_msg("%s: %u, not %u", super->what, header_len, super->header_len);
        assert_int_equal(frame_vnet_is_sane(&sample.frame), super->header_len > 0);
    }
}

static void test_tags_only_and_never_a_network_header(void **state)
{
    struct frame *frame = frame_of(18);

    store_be16(12, VLAN_TPID_C);
    store_be16(16, VLAN_TPID_S);
    frame->vnet.gso_type = TCPV4;
    assert_int_equal(frame_gso_header_len(frame), 0);
    frame->len = 12;
    assert_int_equal(frame_gso_header_len(frame), 0);
    frame->len = 0;
    assert_int_equal(frame_gso_header_len(frame), 0);
}

static void test_push_puts_on_top(void **state)
{
    struct frame *frame = frame_of(60);

    frame_push_tag(frame, c_tag);
    assert_int_equal(frame->n_tags, 1);
    assert_int_equal(frame->tags[0].tpid, c_tag.tpid);
    frame_push_tag(frame, s_tag);
    assert_int_equal(frame->n_tags, 2);
    assert_int_equal(frame->tags[0].tpid, s_tag.tpid);
    assert_int_equal(frame->tags[0].tci, s_tag.tci);
    assert_int_equal(frame->tags[1].tpid, c_tag.tpid);
    assert_int_equal(frame->tags[1].tci, c_tag.tci);
}

/* Guards behind the output catch a byte too many. */
static void check_wire(const struct frame *frame, const uint8_t *tags, uint32_t n_tag_bytes)
{
    uint8_t out[128];

    memset(out, 0xee, sizeof(out));
    assert_int_equal(frame_wire_len(frame), frame->len + n_tag_bytes);
    assert_int_equal(frame_write_wire(frame, out), frame->len + n_tag_bytes);
    assert_memory_equal(out, frame->data, 12);
    if (n_tag_bytes > 0)
        assert_memory_equal(out + 12, tags, n_tag_bytes);
    assert_memory_equal(out + 12 + n_tag_bytes, frame->data + 12, frame->len - 12);
    for (size_t i = frame->len + n_tag_bytes; i < sizeof(out); i++)
        assert_int_equal(out[i], 0xee);
}

static void test_tags_go_back_where_they_were(void **state)
{
    static const uint8_t one[] = {0x81, 0x00, 0xb0, 0x64};
    static const uint8_t two[] = {0x88, 0xa8, 0x2f, 0xff, 0x81, 0x00, 0xb0, 0x64};
    static const uint32_t lengths[] = {14, 15, 60, 100};

    for (size_t i = 0; i < LENGTH(lengths); i++) {
        struct frame *frame = frame_of(lengths[i]);

        check_wire(frame, NULL, 0);
        frame_push_tag(frame, c_tag);
        check_wire(frame, one, sizeof(one));
        frame_push_tag(frame, s_tag);
        check_wire(frame, two, sizeof(two));
    }
}

static void test_offload_header_follows_the_tags(void **state)
{
    static const struct super tcp = {"tcp4", TCPV4 | ECN, NEEDS | VALID, IPV4, 0, 20, 8, 9000, 66};
    struct frame *frame = superframe_of(&tcp);
    struct virtio_net_hdr before = frame->vnet;

    for (uint16_t n = 0; n <= VLAN_STACK_SIZE; n++) {
        struct virtio_net_hdr vnet = frame_wire_vnet(frame);

        assert_int_equal(vnet.flags, NEEDS);
        assert_int_equal(vnet.gso_type, TCPV4 | ECN);
        assert_int_equal(vnet.gso_size, 1400);
        assert_int_equal(vnet.csum_start, 34 + 4 * n);
        assert_int_equal(vnet.csum_offset, before.csum_offset);
        assert_int_equal(vnet.hdr_len, 66 + 4 * n);
        if (n < VLAN_STACK_SIZE)
            frame_push_tag(frame, c_tag);
    }
    assert_memory_equal(&frame->vnet, &before, sizeof(before));
}

static void test_offload_header_of_ordinary_frames(void **state)
{
    struct frame *frame = frame_of(100);
    struct virtio_net_hdr zero = {0};
    struct virtio_net_hdr vnet;

    frame_push_tag(frame, c_tag);
    vnet = frame_wire_vnet(frame);
    assert_memory_equal(&vnet, &zero, sizeof(zero));

    /* What a receiver verified means nothing to a sender; where it looked is of no use either. */
    frame->vnet.flags = VALID;
    frame->vnet.hdr_len = 77;
    vnet = frame_wire_vnet(frame);
    assert_memory_equal(&vnet, &zero, sizeof(zero));

    frame->vnet =
        (struct virtio_net_hdr){.flags = NEEDS, .csum_start = 34, .csum_offset = UDP_CSUM};
    vnet = frame_wire_vnet(frame);
    assert_int_equal(vnet.flags, NEEDS);
    assert_int_equal(vnet.csum_start, 38);
    assert_int_equal(vnet.csum_offset, UDP_CSUM);
    assert_int_equal(vnet.hdr_len, 0);
    assert_int_equal(vnet.gso_type, 0);
}

static void test_longest_segment(void **state)
{
    static const struct super tcp = {"tcp4", TCPV4, NEEDS, IPV4, 0, 20, 8, 9000, 66};
    struct frame *frame = frame_of(60);

    assert_int_equal(frame_longest_segment(frame), 60);
    frame_push_tag(frame, c_tag);
    assert_int_equal(frame_longest_segment(frame), 64);

    frame = superframe_of(&tcp);
    assert_int_equal(frame_longest_segment(frame), 66 + 1400);
    frame_push_tag(frame, c_tag);
    frame_push_tag(frame, s_tag);
    assert_int_equal(frame_longest_segment(frame), 66 + 1400 + 8);

    frame = superframe_of(&tcp);
    frame->len = 66 + 1399; /* one segment, and not a full one */
    assert_int_equal(frame_longest_segment(frame), 66 + 1399);
    frame->vnet.gso_size = 0xffff;
    assert_int_equal(frame_longest_segment(frame), 66 + 1399);
}

static void test_mtu_of_ordinary_frames(void **state)
{
    static const uint32_t mtus[] = {68, 1280, 1500, 9000, 65535};

    for (size_t i = 0; i < LENGTH(mtus); i++) {
        uint32_t mtu = mtus[i];
        struct frame *frame = frame_of(14);

        assert_true(frame_fits_mtu(frame, mtu));
        frame->len = mtu + 14;
        assert_true(frame_fits_mtu(frame, mtu));
        frame->len = mtu + 15;
        assert_false(frame_fits_mtu(frame, mtu));
        frame_push_tag(frame, c_tag); /* mtu + 19 with it */
        assert_false(frame_fits_mtu(frame, mtu));
        frame->len = mtu + 14;
        assert_true(frame_fits_mtu(frame, mtu));
        frame_push_tag(frame, s_tag); /* the second one gets no grace */
        assert_false(frame_fits_mtu(frame, mtu));
        frame->len = mtu + 10;
        assert_true(frame_fits_mtu(frame, mtu));
        frame->len = mtu + 11;
        assert_false(frame_fits_mtu(frame, mtu));
    }
}

static void test_mtu_of_superframes_is_that_of_a_segment(void **state)
{
    static const struct super tcp = {"tcp4", TCPV4, NEEDS, IPV4, 0, 20, 8, 65000, 66};
    struct frame *frame = superframe_of(&tcp);

    frame->vnet.gso_size = 1448;
    assert_true(frame_fits_mtu(frame, 1500));
    assert_false(frame_fits_mtu(frame, 1499));
    frame_push_tag(frame, c_tag);
    assert_true(frame_fits_mtu(frame, 1500));
    assert_false(frame_fits_mtu(frame, 1499));
    frame_push_tag(frame, s_tag);
    assert_false(frame_fits_mtu(frame, 1500));
    assert_true(frame_fits_mtu(frame, 1504));
    assert_false(frame_fits_mtu(frame, 1503));
}

static void check_weight(const struct frame *frame, uint32_t bytes, uint32_t segments)
{
    struct frame_weight weight = frame_weigh(frame);

    assert_int_equal(weight.bytes, bytes);
    assert_int_equal(weight.segments, segments);
}

static void test_weight(void **state)
{
    static const struct super tcp = {"tcp4", TCPV4, NEEDS, IPV4, 0, 20, 8, 9000, 66};
    struct frame *frame = frame_of(60);

    check_weight(frame, 60, 1);
    frame_push_tag(frame, c_tag);
    check_weight(frame, 64, 1);

    frame = superframe_of(&tcp);
    frame->len = 66 + 2800;
    check_weight(frame, 66 + 2800, 2);
    frame->len = 66 + 2801;
    check_weight(frame, 66 + 2801, 3);
    frame_push_tag(frame, c_tag);
    check_weight(frame, 66 + 2805, 3);
    frame->len = 66; /* headers alone */
    check_weight(frame, 66 + 4, 1);
}

static void test_addresses(void **state)
{
    struct frame *frame = frame_of(14);

    mac_store(UINT64_C(0x020304050607), sample.bytes);
    mac_store(UINT64_C(0xfedcba987654), sample.bytes + 6);
    assert_int_equal(frame_dst(frame), UINT64_C(0x020304050607));
    assert_int_equal(frame_src(frame), UINT64_C(0xfedcba987654));
}

/* Each lie that an offload header can tell about a frame of 100 bytes. */
static const struct {
    const char *what;
    struct virtio_net_hdr vnet;
    bool is_sane;
} headers[] = {
    {"nothing to do", {0}, true},
    {"verified", {.flags = VALID}, true},
    {"offsets that nobody asked for", {.csum_start = 9999, .csum_offset = 9999}, true},
    {"partial", {.flags = NEEDS, .csum_start = 34, .csum_offset = TCP_CSUM}, true},
    {"first byte behind Ethernet", {.flags = NEEDS, .csum_start = 14, .csum_offset = 0}, true},
    {"in the Ethernet header", {.flags = NEEDS, .csum_start = 13, .csum_offset = 6}, false},
    {"at zero", {.flags = NEEDS, .csum_start = 0, .csum_offset = 40}, false},
    {"the last two bytes", {.flags = NEEDS, .csum_start = 82, .csum_offset = TCP_CSUM}, true},
    {"half a sum inside", {.flags = NEEDS, .csum_start = 83, .csum_offset = TCP_CSUM}, false},
    {"start outside", {.flags = NEEDS, .csum_start = 100, .csum_offset = 0}, false},
    {"offset outside", {.flags = NEEDS, .csum_start = 14, .csum_offset = 85}, false},
    {"sum of both wraps", {.flags = NEEDS, .csum_start = 0xffff, .csum_offset = 0xffff}, false},
    {"segments of nothing",
     {.flags = NEEDS, .csum_start = 34, .csum_offset = TCP_CSUM, .gso_type = TCPV4},
     false},
    {"segments",
     {.flags = NEEDS, .csum_start = 34, .csum_offset = TCP_CSUM, .gso_type = TCPV4, .gso_size = 20},
     true},
    {"segments, first byte behind Ethernet",
     {.flags = NEEDS,
      .csum_start = 14,
      .csum_offset = UDP_CSUM,
      .gso_type = UDP_L4,
      .gso_size = 20},
     true},
    {"segments of an unknown kind",
     {.flags = NEEDS, .csum_start = 34, .csum_offset = TCP_CSUM, .gso_type = 9, .gso_size = 20},
     false},
    {"segments, headers outside",
     {.flags = NEEDS, .csum_start = 82, .csum_offset = TCP_CSUM, .gso_type = TCPV4, .gso_size = 20},
     false},
    {"segments, nothing to find the headers by", {.gso_type = TCPV4, .gso_size = 20}, false},
};

static void test_lies_of_the_offload_header(void **state)
{
    for (size_t i = 0; i < LENGTH(headers); i++) {
        struct frame *frame = frame_of(100);

        sample.bytes[34 + 12] = 5 << 4;
        sample.bytes[82 + 12] = 5 << 4;
        frame->vnet = headers[i].vnet;
        if (frame_vnet_is_sane(frame) != headers[i].is_sane)
            fail_msg("%s", headers[i].what);
    }
}

/* Tags shift csum_start, which is a 16-bit number: where it would wrap, the frame must not go. */
static void test_checksum_that_tags_would_push_over_the_edge(void **state)
{
    struct frame *frame = frame_of(66000);

    frame->vnet = (struct virtio_net_hdr){.flags = NEEDS, .csum_start = 0xfffc, .csum_offset = 6};
    frame_push_tag(frame, c_tag);
    assert_false(frame_vnet_is_sane(frame));
    frame->vnet.csum_start = 0xfff7; /* with two tags it is 0xffff */
    assert_true(frame_vnet_is_sane(frame));
}

static void test_tag_is_taken_out_of_the_bytes(void **state)
{
    static const uint8_t addresses[] = {1, 8, 15, 22, 29, 36, 43, 50, 57, 64, 71, 78};
    struct frame *frame = frame_of(60);
    uint8_t wire[60];

    store_be16(12, 0x9100);
    store_be16(14, 0xb064);
    memcpy(wire, sample.bytes, sizeof(wire));
    frame->vnet = (struct virtio_net_hdr){.flags = NEEDS, .csum_start = 38, .csum_offset = 6};
    frame_take_tag(frame, sample.bytes, 0x8100);
    assert_int_equal(frame->n_tags, 0);
    frame_take_tag(frame, sample.bytes, 0x9100);
    assert_int_equal(frame->n_tags, 1);
    assert_int_equal(frame->tags[0].tpid, 0x9100);
    assert_int_equal(frame->tags[0].tci, 0xb064);
    assert_int_equal(frame->len, 56);
    assert_int_equal(frame->vnet.csum_start, 34);
    assert_memory_equal(frame->data, addresses, 12);
    assert_memory_equal(frame->data + 12, wire + 16, 44);
    frame_take_tag(frame, (uint8_t *)frame->data, 0x9100); /* it has one already */
    assert_int_equal(frame->n_tags, 1);
    assert_int_equal(frame_write_wire(frame, sample.bytes + 100), 60);
    assert_memory_equal(sample.bytes + 100, wire, 60);
}

/* It is not untagged, and in no VLAN either: less than a header is left of it. */
static void test_frame_that_ends_in_its_tag_is_a_runt(void **state)
{
    for (uint32_t len = 13; len <= 18; len++) {
        struct frame *frame = frame_of(len);

        store_be16(12, 0x9100);
        frame_take_tag(frame, sample.bytes, 0x9100);
        assert_int_equal(frame->defect, len >= 14 && len < 18 ? DROP_RUNT : DROP_NONE);
        assert_int_equal(frame->n_tags, len == 18);
        assert_int_equal(frame->len, len == 18 ? 14 : len);
    }
}

/* A frame whose outer tag was taken off for good may have another one in its bytes. */
static void test_tag_in_the_bytes_has_the_grace_too(void **state)
{
    struct frame *frame = frame_of(1518);

    store_be16(12, 0x0800);
    assert_int_equal(frame_outer_tpid(frame), 0);
    assert_false(frame_fits_mtu(frame, 1500));
    store_be16(12, VLAN_TPID_S);
    assert_int_equal(frame_outer_tpid(frame), VLAN_TPID_S);
    store_be16(12, 0x9100);
    assert_int_equal(frame_outer_tpid(frame), 0x9100);
    assert_true(frame_fits_mtu(frame, 1500));
    assert_false(frame_fits_mtu(frame, 1499));
    frame_push_tag(frame, c_tag);
    assert_int_equal(frame_outer_tpid(frame), VLAN_TPID_C);
    frame_push_tag(frame, s_tag);
    frame_pop_tag(frame);
    assert_int_equal(frame_outer_tpid(frame), VLAN_TPID_C);
    frame_pop_tag(frame);
    assert_int_equal(frame->n_tags, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_of_a_superframe),
        cmocka_unit_test(test_tags_only_and_never_a_network_header),
        cmocka_unit_test(test_push_puts_on_top),
        cmocka_unit_test(test_tags_go_back_where_they_were),
        cmocka_unit_test(test_offload_header_follows_the_tags),
        cmocka_unit_test(test_offload_header_of_ordinary_frames),
        cmocka_unit_test(test_longest_segment),
        cmocka_unit_test(test_mtu_of_ordinary_frames),
        cmocka_unit_test(test_mtu_of_superframes_is_that_of_a_segment),
        cmocka_unit_test(test_weight),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tag_is_taken_out_of_the_bytes),
        cmocka_unit_test(test_frame_that_ends_in_its_tag_is_a_runt),
        cmocka_unit_test(test_tag_in_the_bytes_has_the_grace_too),
        cmocka_unit_test(test_lies_of_the_offload_header),
        cmocka_unit_test(test_checksum_that_tags_would_push_over_the_edge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
