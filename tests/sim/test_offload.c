/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../support/sim_test.h"

/* What a frame is besides its bytes: tags and the offload header. The sim compares all of it for
 * every frame; these tests see to it that there is something to compare. */

#define A 0
#define B 1
#define C 2

#define MSS 1448

/* Three ports; host 1 is known behind B. */
static struct sim *sim_with_host_behind_b(void)
{
    struct sim *sim = sim_test_new(3);

    sim_test_flood(sim, B, MAC_BROADCAST, SIM_HOST(1));
    return sim;
}

static void cross(struct sim *sim, const struct sim_frame *frame)
{
    sim_send(sim, A, frame);
    sim_expect(sim, B, frame);
    sim_expect_nothing(sim);
}

/* Outermost last, as they are pushed. */
static const struct {
    const char *what;
    uint32_t n_tags;
    struct vlan_tag tags[3];
} stacks[] = {
    {"none", 0, {{0}}},
    {"C", 1, {{0x8100, 100}}},
    {"S", 1, {{0x88a8, 100}}},
    {"PCP, DEI and the highest VID", 1, {{0x8100, 0xffff}}},
    {"priority", 1, {{0x8100, 0xe000}}},
    {"nothing but zeros", 1, {{0x88a8, 0}}},
    {"S around C", 2, {{0x8100, 20}, {0x88a8, 0x7064}}},
    {"C around S", 2, {{0x88a8, 20}, {0x8100, 30}}},
    {"two equal ones", 2, {{0x8100, 7}, {0x8100, 7}}},
    {"two equal S-tags", 2, {{0x88a8, 7}, {0x88a8, 7}}},
    {"three", 3, {{0x8100, 1}, {0x8100, 2}, {0x88a8, 3}}},
    {"an unused TPID", 1, {{0x9100, 5}}},
};

static void tag(struct sim_frame *frame, size_t stack)
{
    for (uint32_t i = 0; i < stacks[stack].n_tags; i++)
        sim_frame_tag(frame, stacks[stack].tags[i].tpid, stacks[stack].tags[i].tci);
}

static void test_tags_cross(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    struct sim_frame frame;

    for (size_t i = 0; i < LENGTH(stacks); i++) {
        sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
        tag(&frame, i);
        cross(sim, &frame);
        assert_int_equal(frame.len, 60 + 4 * stacks[i].n_tags);

        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(2), 14);
        tag(&frame, i);
        sim_send(sim, A, &frame);
        sim_expect(sim, B, &frame);
        sim_expect(sim, C, &frame);
    }
    sim_free(sim);
}

static void test_partial_checksums_cross(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    struct sim_frame frame;

    for (size_t i = 0; i < LENGTH(stacks); i++) {
        sim_frame_make_tcp(&frame, SIM_HOST(1), SIM_HOST(2), 100, MSS);
        assert_int_equal(frame.vnet.gso_type, VIRTIO_NET_HDR_GSO_NONE);
        assert_int_equal(frame.vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
        tag(&frame, i);
        cross(sim, &frame);
    }
    sim_free(sim);
}

/* Written out once, so that the comparison itself is compared with something. */
static void test_offsets_move_by_four_for_the_tag_that_was_outside(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    const struct memory_frame *sent;
    struct sim_frame frame;

    sim_frame_make_tcp(&frame, SIM_HOST(1), SIM_HOST(2), 40000, 1400);
    sim_frame_tag(&frame, 0x8100, 10); /* inner: stays in the bytes */
    sim_frame_tag(&frame, 0x88a8, 20);
    assert_int_equal(frame.vnet.csum_start, 14 + 4 + 20);
    sim_send(sim, A, &frame);
    sent = memory_port_sent(sim_port(sim, B), memory_port_n_sent(sim_port(sim, B)) - 1);
    assert_int_equal(sent->len, 14 + 8 + 20 + 32 + 40000);
    assert_int_equal(sent->vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    assert_int_equal(sent->vnet.csum_start, 14 + 8 + 20);
    assert_int_equal(sent->vnet.csum_offset, 16);
    assert_int_equal(sent->vnet.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    assert_int_equal(sent->vnet.gso_size, 1400);
    assert_int_equal(sent->vnet.hdr_len, 14 + 8 + 20 + 32);
    sim_expect(sim, B, &frame);
    sim_expect_nothing(sim);
    sim_free(sim);
}

static void test_superframes_cross_whole(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    const struct ledger_port *in = &sim_port(sim, A)->ledger;
    const struct ledger_port *out = &sim_port(sim, B)->ledger;
    struct sim_frame frame;

    for (size_t i = 0; i < LENGTH(stacks); i++) {
        struct ledger_port in_before = *in;
        struct ledger_port out_before = *out;

        sim_frame_make_tcp(&frame, SIM_HOST(1), SIM_HOST(2), 60000, MSS - 8);
        tag(&frame, i);
        cross(sim, &frame);
        assert_int_equal(in->received.frames - in_before.received.frames, 1);
        assert_int_equal(in->received.segments - in_before.received.segments, 42);
        assert_int_equal(in->received.bytes - in_before.received.bytes, frame.len);
        assert_int_equal(out->accepted.frames - out_before.accepted.frames, 1);
        assert_int_equal(out->accepted.segments - out_before.accepted.segments, 42);
        assert_int_equal(out->accepted.bytes - out_before.accepted.bytes, frame.len);
    }
    sim_free(sim);
}

/* The MTU is about a superframe's segments: 66 bytes of headers here. */
static void test_too_long_for_one_egress_alone(void **state)
{
    struct sim *sim = sim_test_new(4);
    struct sim_frame frame;

    sim_set_mtu(sim, B, 1499);
    sim_set_mtu(sim, C, 9000);
    sim_frame_make_tcp(&frame, MAC_BROADCAST, SIM_HOST(2), 60000, MSS); /* segments of 1514 */
    sim_send(sim, A, &frame);
    sim_expect(sim, C, &frame);
    sim_expect(sim, 3, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_out_dropped(sim, B, DROP_TOO_LONG), 1);

    sim_frame_make_tcp(&frame, MAC_BROADCAST, SIM_HOST(2), 60000, MSS - 1);
    sim_send(sim, A, &frame);
    for (uint32_t i = 1; i < 4; i++)
        sim_expect(sim, i, &frame);
    sim_expect_nothing(sim);

    sim_frame_make_tcp(&frame, MAC_BROADCAST, SIM_HOST(2), 60000, 8948); /* of 9014 */
    sim_send(sim, A, &frame);
    sim_expect(sim, C, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_out_dropped(sim, B, DROP_TOO_LONG), 2);
    assert_int_equal(sim_out_dropped(sim, 3, DROP_TOO_LONG), 1);
    sim_free(sim);
}

static void test_every_length_up_to_the_mtu(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    struct sim_frame frame;

    for (uint32_t len = 14; len <= 1514 + 8; len++) {
        for (uint32_t n_tags = 0; n_tags < 3; n_tags++) {
            uint32_t wire = len + n_tags * 4;
            uint64_t too_long = sim_out_dropped(sim, B, DROP_TOO_LONG);

            sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), len);
            for (uint32_t i = 0; i < n_tags; i++)
                sim_frame_tag(&frame, 0x8100, (uint16_t)(i + 1));
            if (wire <= (n_tags > 0 ? 1518u : 1514u)) {
                cross(sim, &frame);
                continue;
            }
            sim_send(sim, A, &frame);
            sim_expect_nothing(sim);
            assert_int_equal(sim_out_dropped(sim, B, DROP_TOO_LONG), too_long + 1);
        }
    }
    sim_free(sim);
}

static void test_runts(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    struct sim_frame frame;

    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    for (frame.len = 0; frame.len < 14; frame.len++)
        sim_send(sim, A, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, A, DROP_RUNT), 14);
    assert_int_equal(fdb_used(bridge_fdb(sim_bridge(sim))), 1);
    sim_free(sim);
}

static void test_defects_never_leave(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    struct sim_frame frame;

    sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60);
    assert_true(sim_inject_defect(sim, A, &frame, DROP_TRUNCATED));
    assert_true(sim_inject_defect(sim, A, &frame, DROP_MALFORMED));
    assert_int_equal(sim_poll(sim, A), 2);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, A, DROP_TRUNCATED), 1);
    assert_int_equal(sim_in_dropped(sim, A, DROP_MALFORMED), 1);
    assert_int_equal(sim_port(sim, A)->ledger.received.bytes, 120);
    assert_int_equal(fdb_used(bridge_fdb(sim_bridge(sim))), 1);
    sim_free(sim);
}

static void test_offload_header_that_lies(void **state)
{
    struct sim *sim = sim_with_host_behind_b();
    struct sim_frame frame;

    sim_frame_make_tcp(&frame, SIM_HOST(1), SIM_HOST(2), 100, MSS);
    frame.vnet.csum_start = 160;
    sim_send(sim, A, &frame);
    sim_frame_make_tcp(&frame, SIM_HOST(1), SIM_HOST(2), 6000, MSS);
    frame.vnet.gso_size = 0;
    sim_send(sim, A, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, A, DROP_MALFORMED), 2);
    sim_free(sim);
}

/* What happens to a copy is the egress port's business, and nobody else's. */
static void test_refused_copies_are_counted_at_the_egress(void **state)
{
    static const enum drop_reason reasons[] = {
        DROP_EGRESS_DOWN, DROP_EGRESS_GONE, DROP_TX_QUEUE_FULL,
        DROP_TX_BUSY,     DROP_TX_REJECTED, DROP_TX_ERROR,
    };
    struct sim *sim = sim_with_host_behind_b();
    struct sim_frame frame;

    for (size_t i = 0; i < LENGTH(reasons); i++) {
        struct ledger_port in = sim_port(sim, A)->ledger;
        struct ledger_port other = sim_port(sim, C)->ledger;

        sim_fail_tx(sim, B, 1, reasons[i]);
        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(2), 60);
        sim_send(sim, A, &frame);
        sim_expect(sim, C, &frame);
        sim_expect_nothing(sim);
        assert_int_equal(sim_out_dropped(sim, B, reasons[i]), 1);
        assert_int_equal(sim_out_dropped(sim, C, reasons[i]), 0);
        assert_int_equal(sim_port(sim, C)->ledger.accepted.frames, other.accepted.frames + 1);
        assert_int_equal(ledger_sum_dropped(sim_port(sim, A)->ledger.in_dropped), 0);
        assert_int_equal(sim_port(sim, A)->ledger.flooded, in.flooded + 1);
        assert_int_equal(sim_port(sim, A)->ledger.fanout, in.fanout + 2);
        cross(sim, (sim_frame_make(&frame, SIM_HOST(1), SIM_HOST(2), 60), &frame));
    }
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_cross),
        cmocka_unit_test(test_partial_checksums_cross),
        cmocka_unit_test(test_offsets_move_by_four_for_the_tag_that_was_outside),
        cmocka_unit_test(test_superframes_cross_whole),
        cmocka_unit_test(test_too_long_for_one_egress_alone),
        cmocka_unit_test(test_every_length_up_to_the_mtu),
        cmocka_unit_test(test_runts),
        cmocka_unit_test(test_defects_never_leave),
        cmocka_unit_test(test_offload_header_that_lies),
        cmocka_unit_test(test_refused_copies_are_counted_at_the_egress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
