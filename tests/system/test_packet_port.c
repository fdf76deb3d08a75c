/* SPDX-License-Identifier: ISC */
/*
 * Packet ports on real devices: everything that KERNEL knows to stop a TX ring, provoked, and what
 * must hold afterwards: each frame counted once, good neighbours unharmed, order kept, and the next
 * batch leaves as if nothing had happened.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "packet_fixture.h"
#include "ringspan/clock.h"

static void batch_leaves_in_order_with_one_kick(void **state)
{
    struct fixture *f = *state;

    for (uint16_t i = 0; i < 64; i++)
        send_one(f, i, 60 + i);
    assert_int_equal(number_there(f), -1); /* nothing before the kick */
    port_flush(f->port);
    expect_numbers(f, 0, 63);
    assert_int_equal(f->port->ledger.accepted.frames, 64);
    expect_balance(f);
}

static void frames_beyond_a_slot_keep_their_place(void **state)
{
    struct fixture *f = *state;

    run("ip link set " PEER " mtu 9000 && ip link set p0 mtu 9000");
    f->port->mtu = 9000;
    send_one(f, 0, 60);
    send_one(f, 1, 2040); /* no slot has room for it */
    send_one(f, 2, 60);
    send_one(f, 3, 2040);
    send_one(f, 4, 60);
    port_flush(f->port);
    expect_numbers(f, 0, 4);
    expect_works_again(f);
}

/* The checksum begins behind the frame's end. */
static void send_malformed(struct fixture *f)
{
    struct test_frame bad;

    make_frame(&bad, 99, 60);
    bad.frame.vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    bad.frame.vnet.csum_start = 5000;
    port_tx(f->port, &bad.frame);
}

/* Frames that the ring refused only because a bad one stood before them go by plain send; a frame
 * that takes this way from the start must not overtake them. */
static void what_the_ring_refused_is_not_overtaken(void **state)
{
    struct fixture *f = *state;

    run("ip link set " PEER " mtu 4000 && ip link set p0 mtu 4000");
    f->port->mtu = 4000;
    for (uint16_t i = 0; i < 3; i++) {
        send_malformed(f);
        send_one(f, 2 * i, 60);
        send_one(f, 2 * i + 1, 2040);
        port_flush(f->port);
    }
    expect_numbers(f, 0, 5);
    assert_int_equal(out_dropped(f, DROP_TX_REJECTED), 3);
    expect_works_again(f);
}

/* After frame 0 and a bad one: frame 2 leaves beside 0, and the bad one is counted. */
static void expect_harm_to_itself_alone(struct fixture *f, enum drop_reason reason)
{
    send_one(f, 2, 60);
    port_flush(f->port);
    assert_int_equal(next_number(f), 0);
    assert_int_equal(next_number(f), 2);
    assert_int_equal(out_dropped(f, reason), 1);
    expect_works_again(f);
}

static void frame_over_the_mtu_is_dropped_before_the_ring(void **state)
{
    struct fixture *f = *state;

    send_one(f, 0, 1514);
    send_one(f, 1, 1515);
    expect_harm_to_itself_alone(f, DROP_TOO_LONG);
}

static void frame_over_the_peers_mtu_harms_only_itself(void **state)
{
    struct fixture *f = *state;

    run("ip link set " PEER " mtu 1000");
    for (uint16_t i = 0; i < 64; i++)
        send_one(f, i, i % 8 == 3 ? 1400 : 60);
    port_flush(f->port);
    for (int i = 0; i < 64; i++) {
        if (i % 8 != 3)
            assert_int_equal(next_number(f), i);
    }
    assert_int_equal(out_dropped(f, DROP_TX_QUEUE_FULL), 8);
    assert_int_equal(f->port->ledger.accepted.frames, 56);
    expect_works_again(f);
}

static void malformed_offload_header_harms_only_itself(void **state)
{
    struct fixture *f = *state;

    send_one(f, 0, 60);
    send_malformed(f);
    expect_harm_to_itself_alone(f, DROP_TX_REJECTED);
}

static void too_short_frame_harms_only_itself(void **state)
{
    struct fixture *f = *state;

    send_one(f, 0, 60);
    send_one(f, 1, 13);
    expect_harm_to_itself_alone(f, DROP_TX_REJECTED);
}

static void device_down_leaves_nothing_to_be_sent_later(void **state)
{
    struct fixture *f = *state;

    run("ip link set p0 down");
    for (uint16_t i = 0; i < 10; i++)
        send_one(f, i, 60);
    port_flush(f->port);
    assert_int_equal(out_dropped(f, DROP_EGRESS_DOWN), 10);
    bring_cable_up();
    assert_int_not_equal(f->port->source->ops->take_error(f->port->source), 0);
    assert_int_equal(f->port->source->ops->take_error(f->port->source), 0);
    expect_works_again(f);
}

/* The socket that receives has an error pending after this, which is no frame's fault. */
static void superframe_is_first_to_leave_after_a_flap(void **state)
{
    static uint8_t bytes[LIMIT_SUPERFRAME_SIZE];
    struct fixture *f = *state;
    struct frame super = {.data = bytes + FRAME_VNET_SIZE};

    super.len = (uint32_t)make_superframe(bytes) - FRAME_VNET_SIZE;
    memcpy(&super.vnet, bytes, FRAME_VNET_SIZE);
    run("ip link set p0 down");
    bring_cable_up();
    port_tx(f->port, &super);
    port_flush(f->port);
    assert_int_equal(next_number(f), 0x4500); /* where an IP header begins */
    assert_int_equal(f->port->ledger.accepted.frames, 1);
    assert_int_equal(ledger_sum_dropped(f->port->ledger.out_dropped), 0);
    expect_works_again(f);
}

static void device_down_between_queueing_and_kick(void **state)
{
    struct fixture *f = *state;

    for (uint16_t i = 0; i < 10; i++)
        send_one(f, i, 60);
    run("ip link set p0 down");
    port_flush(f->port);
    assert_int_equal(out_dropped(f, DROP_EGRESS_DOWN), 10);
    bring_cable_up();
    expect_works_again(f);
}

static void device_gone_is_its_own_reason_and_the_ring_serves_the_next(void **state)
{
    struct fixture *f = *state;

    run("ip link del p0");
    for (uint16_t i = 0; i < 10; i++)
        send_one(f, i, 60);
    port_flush(f->port);
    assert_int_equal(out_dropped(f, DROP_EGRESS_GONE), 10);

    f->port->ops->stop(f->port);
    run("ip link add p0 type veth peer name " PEER);
    run("sysctl -qw net.ipv6.conf.p0.disable_ipv6=1 net.ipv6.conf." PEER ".disable_ipv6=1");
    bring_cable_up();
    close(f->peer_fd);
    f->peer_fd = listen_on(PEER);
    start_on(f, "p0", 1500);
    expect_works_again(f);
}

static void no_carrier_loses_frames_but_not_the_ring(void **state)
{
    struct fixture *f = *state;

    run("ip link set " PEER " down");
    for (uint16_t i = 0; i < 100; i++) {
        send_one(f, i, 60);
        port_flush(f->port);
    }
    bring_cable_up();
    while (recv(f->peer_fd, &(char){0}, 1, 0) >= 0 || errno == ENETDOWN)
        ;
    expect_works_again(f);
}

static void full_qdisc_is_counted_and_passes(void **state)
{
    struct fixture *f = *state;
    uint64_t refused;

    run("tc qdisc add dev p0 root tbf rate 8mbit burst 2000 limit 5000");
    for (uint16_t i = 0; i < 64; i++)
        send_one(f, i, 1400);
    port_flush(f->port);
    refused = out_dropped(f, DROP_TX_QUEUE_FULL);
    assert_in_range(refused, 50, 63);
    assert_int_equal(f->port->ledger.accepted.frames, 64 - refused);
    expect_balance(f);

    run("tc qdisc del dev p0 root");
    let_pass(f);
    expect_works_again(f);
}

/* What a qdisc releases later goes through the backlog of the CPU that its timer runs on, and a
 * veth has one of those for each: who moves in between sees frames change places. */
static void stay_on_this_cpu(cpu_set_t *ret_before)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_int_equal(sched_getaffinity(0, sizeof(*ret_before), ret_before), 0);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* Slots that the qdisc still holds are not ours: many more frames than slots cross it, in order. */
static void shaped_port_delivers_what_was_accepted_in_order(void **state)
{
    struct fixture *f = *state;
    cpu_set_t before;

    stay_on_this_cpu(&before);
    run("tc qdisc add dev p0 root tbf rate 200mbit burst 20000 limit 10000000");
    for (uint16_t i = 0; i < 1000; i++) {
        send_one(f, i, 1400);
        if (i % 10 == 9)
            port_flush(f->port);
    }
    assert_int_equal(f->port->ledger.accepted.frames, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(next_number(f), i);
    run("tc qdisc del dev p0 root");
    expect_works_again(f);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void full_send_buffer_is_counted_and_passes(void **state)
{
    struct fixture *f = *state;

    /* A qdisc that keeps everything: frames pile up until the sockets' buffers are full. */
    run("tc qdisc add dev p0 root tbf rate 8kbit burst 2000 limit 100000000");
    for (uint32_t i = 0; i < 20000 && out_dropped(f, DROP_TX_BUSY) == 0; i++) {
        send_one(f, (uint16_t)i, 1400);
        port_flush(f->port);
    }
    assert_int_not_equal(out_dropped(f, DROP_TX_BUSY), 0);
    /* More than the ring has slots: the qdisc is the queue, not the ring. */
    assert_true(f->port->ledger.accepted.frames > 1000);
    expect_balance(f);

    run("tc qdisc del dev p0 root");
    let_pass(f);
    expect_works_again(f);
}

static void tap_nobody_reads_does_not_stop_the_ring(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[2048];
    int tap = open_tap_device("t0");
    uint32_t n_read = 0;

    run("sysctl -qw net.ipv6.conf.t0.disable_ipv6=1 && ip link set t0 up");
    f->port->ops->stop(f->port);
    start_on(f, "t0", 1500);
    for (uint32_t i = 0; i < 3000; i++) {
        send_one(f, (uint16_t)i, 60);
        port_flush(f->port);
    }
    expect_balance(f);
    assert_int_equal(f->port->ledger.accepted.frames, 3000);
    while (read(tap, bytes, sizeof(bytes)) > 0)
        n_read++;
    assert_in_range(n_read, 100, 2999); /* the device's queue, and no more */
    send_one(f, 7777, 60);
    port_flush(f->port);
    assert_int_equal(read(tap, bytes, sizeof(bytes)), 60);
    assert_int_equal(bytes[14] << 8 | bytes[15], 7777);
    close(tap);
}

static void ring_smaller_than_a_batch_loses_nothing(void **state)
{
    struct fixture *f = *state;

    port_free(f->port);
    new_port(f, 64, 32);
    start_on(f, "p0", 1500);
    for (uint16_t i = 0; i < 64; i++)
        send_one(f, i, 60);
    port_flush(f->port);
    expect_numbers(f, 0, 63);
    expect_works_again(f);
}

/* ---- receiving ---- */

/* A packet socket grants a C-tag four bytes beyond the MTU and an S-tag none; through the ring both
 * pass. So such a frame takes the ring even where the rest of its batch follows a superframe. */
static void s_tag_at_full_mtu_behind_a_superframe(void **state)
{
    static uint8_t bytes[LIMIT_SUPERFRAME_SIZE];
    struct fixture *f = *state;
    struct frame super = {.data = bytes + FRAME_VNET_SIZE};
    struct test_frame tagged;

    super.len = (uint32_t)make_superframe(bytes) - FRAME_VNET_SIZE;
    memcpy(&super.vnet, bytes, FRAME_VNET_SIZE);
    make_frame(&tagged, 2, 1514);
    frame_push_tag(&tagged.frame, (struct vlan_tag){VLAN_TPID_S, 5});
    send_one(f, 1, 60);
    port_tx(f->port, &super);
    port_tx(f->port, &tagged.frame);
    send_one(f, 3, 60);
    port_tx(f->port, &super);
    send_one(f, 4, 60);
    port_flush(f->port);
    assert_int_equal(next_number(f), 1);
    assert_int_equal(next_number(f), 0x4500); /* where an IP header begins */
    assert_int_equal(next_number(f), 2);
    assert_int_equal(next_number(f), 3);
    assert_int_equal(next_number(f), 0x4500);
    assert_int_equal(next_number(f), 4);
    assert_int_equal(ledger_sum_dropped(f->port->ledger.out_dropped), 0);
    expect_works_again(f);
}

/* The lock's name can be guessed: what strangers sent to it, descriptors too, would be let go of by
 * whoever closes the lock, for as long as they please. */
static void device_lock_takes_no_mail(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "ringspan/device/%u",
                       f->port->ifindex);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, size), 0);
    assert_int_equal(send(fd, "mail", 4, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batch_leaves_in_order_with_one_kick),
        TEST(frames_beyond_a_slot_keep_their_place),
        TEST(what_the_ring_refused_is_not_overtaken),
        TEST(frame_over_the_mtu_is_dropped_before_the_ring),
        TEST(frame_over_the_peers_mtu_harms_only_itself),
        TEST(malformed_offload_header_harms_only_itself),
        TEST(too_short_frame_harms_only_itself),
        TEST(device_down_leaves_nothing_to_be_sent_later),
        TEST(superframe_is_first_to_leave_after_a_flap),
        TEST(device_down_between_queueing_and_kick),
        TEST(device_gone_is_its_own_reason_and_the_ring_serves_the_next),
        TEST(no_carrier_loses_frames_but_not_the_ring),
        TEST(full_qdisc_is_counted_and_passes),
        TEST(shaped_port_delivers_what_was_accepted_in_order),
        TEST(full_send_buffer_is_counted_and_passes),
        TEST(tap_nobody_reads_does_not_stop_the_ring),
        TEST(ring_smaller_than_a_batch_loses_nothing),
        TEST(s_tag_at_full_mtu_behind_a_superframe),
        TEST(device_lock_takes_no_mail),
    };
    int skipped = enter_namespace();

    return skipped ? skipped : cmocka_run_group_tests_name("packet port", tests, NULL, NULL);
}
