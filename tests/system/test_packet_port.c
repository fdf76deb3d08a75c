/* SPDX-License-Identifier: ISC */
/*
 * Packet ports on real devices: everything that KERNEL knows to stop a TX ring, provoked, and what
 * must hold afterwards: each frame counted once, good neighbours unharmed, order kept, and the next
 * batch leaves as if nothing had happened.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ringspan/clock.h"
#include "ringspan/port_packet.h"

#define SKIPPED 77
#define PEER    "peer"

struct fixture {
    struct bounce_pool *pool;
    struct port *port;
    int peer_fd; /* a packet socket on the other end of the veth */
};

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char command[256];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* The kernel declares a link operational some time after its carrier is there (link_watch.c), and
 * until then what is sent to it is dropped without a word. */
static void wait_until_operational(const char *ifname)
{
    uint64_t deadline = clock_now() + 10 * NS_PER_SEC;
    char command[128];

    snprintf(command, sizeof(command), "ip link show dev %s | grep -q 'state UP'", ifname);
    while (system(command) != 0) {
        if (clock_now() > deadline)
            fail_msg("%s is not operational", ifname);
    }
}

static void bring_cable_up(void)
{
    run("ip link set p0 up && ip link set " PEER " up");
    wait_until_operational("p0");
    wait_until_operational(PEER);
}

static int open_tap_device(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

    assert_true(fd >= 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
    return fd;
}

static int listen_on(const char *ifname)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex(ifname),
    };
    int one = 1;
    int bytes = 64 << 20;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void start_on(struct fixture *f, const char *ifname, uint32_t mtu)
{
    struct port_device device = {.ifindex = if_nametoindex(ifname), .mtu = mtu};

    assert_int_equal(f->port->ops->start(f->port, &device), 0);
}

static void new_port(struct fixture *f, uint32_t tx_slots)
{
    struct packet_port_params params = {
        .name = "p0",
        .ifname = "p0",
        .opener = packet_opener_here(),
        .pool = f->pool,
        .rx_slots = 64,
        .tx_slots = tx_slots,
    };

    assert_int_equal(packet_port_new(&params, &f->port), 0);
    assert_int_equal(port_bring_up(f->port), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    run("ip link add p0 type veth peer name " PEER);
    /* No address, no IPv6: nothing but our frames on the wire. */
    run("sysctl -qw net.ipv6.conf.p0.disable_ipv6=1 net.ipv6.conf." PEER ".disable_ipv6=1");
    bring_cable_up();
    assert_int_equal(bounce_pool_new(LIMIT_BOUNCE_BUFFERS, &f->pool), 0);
    new_port(f, 64);
    start_on(f, "p0", 1500);
    f->peer_fd = listen_on(PEER);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    port_free(f->port);
    bounce_pool_free(f->pool);
    close(f->peer_fd);
    free(f);
    return system("ip link del p0 2>/dev/null; true");
}

/* Frames of this test carry a number behind the header: it tells them apart and shows their order.
 */
struct test_frame {
    uint8_t bytes[2048];
    struct frame frame;
};

static void make_frame(struct test_frame *t, uint16_t number, uint32_t len)
{
    static const uint8_t header[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

    memset(t, 0, sizeof(*t));
    memcpy(t->bytes, header, sizeof(header));
    t->bytes[14] = (uint8_t)(number >> 8);
    t->bytes[15] = (uint8_t)number;
    t->frame = (struct frame){.data = t->bytes, .len = len};
}

static void send_one(struct fixture *f, uint16_t number, uint32_t len)
{
    static struct test_frame frames[LIMIT_RX_BATCH];
    static unsigned next;
    struct test_frame *t = &frames[next++ % LIMIT_RX_BATCH];

    make_frame(t, number, len);
    port_tx(f->port, &t->frame);
}

/* The number of the next frame at the peer, or -1 if none comes. A veth delivers within the send:
 * what was sent before is there, so not waiting is exact. */
static int next_number(struct fixture *f)
{
    uint8_t bytes[2048];
    ssize_t n = recv(f->peer_fd, bytes, sizeof(bytes), 0);

    return n < 16 ? -1 : bytes[14] << 8 | bytes[15];
}

static void expect_numbers(struct fixture *f, int first, int last)
{
    for (int i = first; i <= last; i++)
        assert_int_equal(next_number(f), i);
}

static void expect_balance(struct fixture *f)
{
    struct ledger_snapshot snapshot;

    port_snapshot(f->port, &snapshot);
    assert_int_equal(snapshot.held_out, 0);
    assert_true(ledger_out_balances(&snapshot));
    assert_true(ledger_kernel_balances(&snapshot));
}

static void expect_works_again(struct fixture *f)
{
    for (uint16_t i = 900; i < 910; i++)
        send_one(f, i, 60);
    port_flush(f->port);
    expect_numbers(f, 900, 909);
    assert_int_equal(next_number(f), -1);
    expect_balance(f);
}

static uint64_t out_dropped(const struct fixture *f, enum drop_reason reason)
{
    return f->port->ledger.out_dropped[reason];
}

static void batch_leaves_in_order_with_one_kick(void **state)
{
    struct fixture *f = *state;

    for (uint16_t i = 0; i < 64; i++)
        send_one(f, i, 60 + i);
    assert_int_equal(next_number(f), -1); /* nothing before the kick */
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

/* Frames that the ring refused only because a bad one stood before them go by plain send; a frame
 * that takes this way from the start must not overtake them. */
static void what_the_ring_refused_is_not_overtaken(void **state)
{
    struct fixture *f = *state;

    run("ip link set " PEER " mtu 4000 && ip link set p0 mtu 4000");
    f->port->mtu = 4000;
    for (uint16_t i = 0; i < 3; i++) {
        struct test_frame bad;

        make_frame(&bad, 99, 60);
        bad.frame.vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        bad.frame.vnet.csum_start = 5000;
        port_tx(f->port, &bad.frame);
        send_one(f, 2 * i, 60);
        send_one(f, 2 * i + 1, 2040);
        port_flush(f->port);
    }
    expect_numbers(f, 0, 5);
    assert_int_equal(out_dropped(f, DROP_TX_REJECTED), 3);
    expect_works_again(f);
}

static void frame_over_the_mtu_is_dropped_before_the_ring(void **state)
{
    struct fixture *f = *state;

    send_one(f, 0, 1514);
    send_one(f, 1, 1515);
    send_one(f, 2, 60);
    port_flush(f->port);
    assert_int_equal(next_number(f), 0);
    assert_int_equal(next_number(f), 2);
    assert_int_equal(out_dropped(f, DROP_TOO_LONG), 1);
    expect_works_again(f);
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
    struct test_frame bad;

    send_one(f, 0, 60);
    make_frame(&bad, 1, 60);
    bad.frame.vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    bad.frame.vnet.csum_start = 5000;
    port_tx(f->port, &bad.frame);
    send_one(f, 2, 60);
    port_flush(f->port);
    assert_int_equal(next_number(f), 0);
    assert_int_equal(next_number(f), 2);
    assert_int_equal(out_dropped(f, DROP_TX_REJECTED), 1);
    expect_works_again(f);
}

static void too_short_frame_harms_only_itself(void **state)
{
    struct fixture *f = *state;

    send_one(f, 0, 60);
    send_one(f, 1, 13);
    send_one(f, 2, 60);
    port_flush(f->port);
    assert_int_equal(next_number(f), 0);
    assert_int_equal(next_number(f), 2);
    assert_int_equal(out_dropped(f, DROP_TX_REJECTED), 1);
    expect_works_again(f);
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
    while (next_number(f) >= 0)
        ;
    expect_works_again(f);
}

static int next_number_within(struct fixture *f, int timeout_ms)
{
    struct pollfd ready = {.fd = f->peer_fd, .events = POLLIN};

    return poll(&ready, 1, timeout_ms) == 1 ? next_number(f) : -1;
}

/* Slots that the qdisc still holds are not ours: many more frames than slots cross it, in order. */
static void shaped_port_delivers_what_was_accepted_in_order(void **state)
{
    struct fixture *f = *state;

    run("tc qdisc add dev p0 root tbf rate 200mbit burst 20000 limit 10000000");
    for (uint16_t i = 0; i < 1000; i++) {
        send_one(f, i, 1400);
        if (i % 10 == 9)
            port_flush(f->port);
    }
    assert_int_equal(f->port->ledger.accepted.frames, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(next_number_within(f, 5000), i);
    run("tc qdisc del dev p0 root");
    expect_works_again(f);
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
    while (next_number(f) >= 0)
        ;
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
    new_port(f, 32);
    start_on(f, "p0", 1500);
    for (uint16_t i = 0; i < 64; i++)
        send_one(f, i, 60);
    port_flush(f->port);
    expect_numbers(f, 0, 63);
    expect_works_again(f);
}

/* ---- receiving ---- */

static int sender_with_offloads(void)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(PEER)};
    int one = 1;
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* An IPv4 TCP superframe of 40,000 payload bytes, offload header in front. */
static size_t make_superframe(uint8_t *bytes)
{
    struct virtio_net_hdr vnet = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
        .hdr_len = 54,
        .gso_size = 1448,
        .csum_start = 34,
        .csum_offset = 16,
    };
    uint8_t *frame = bytes + sizeof(vnet);
    size_t len = 54 + 40000;

    memset(bytes, 0, sizeof(vnet) + len);
    memcpy(bytes, &vnet, sizeof(vnet));
    memcpy(frame, (uint8_t[]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}, 14);
    frame[14] = 0x45;
    frame[16] = (uint8_t)((len - 14) >> 8);
    frame[17] = (uint8_t)(len - 14);
    frame[22] = 64;
    frame[23] = IPPROTO_TCP;
    frame[46] = 0x50;
    return sizeof(vnet) + len;
}

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
    assert_true(frame_push_tag(&tagged.frame, (struct vlan_tag){VLAN_TPID_S, 5}));
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

static uint32_t receive(struct fixture *f, struct frame *frames)
{
    return f->port->source->ops->batch(f->port->source, frames, LIMIT_RX_BATCH);
}

static void release(struct fixture *f, uint32_t n)
{
    f->port->source->ops->release(f->port->source);
    f->port->ledger.received.frames += n; /* as the bridge does */
}

static void superframe_arrives_whole_with_its_header(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[65536];
    size_t len = make_superframe(bytes);
    int fd = sender_with_offloads();
    struct frame frames[LIMIT_RX_BATCH];

    assert_int_equal(send(fd, bytes, len, 0), len);
    assert_int_equal(receive(f, frames), 1);
    assert_int_equal(frames[0].defect, DROP_NONE);
    assert_int_equal(frames[0].len, len - FRAME_VNET_SIZE);
    assert_memory_equal(frames[0].data, bytes + FRAME_VNET_SIZE, frames[0].len);
    assert_int_equal(frames[0].vnet.gso_size, 1448);
    assert_int_equal(frames[0].vnet.csum_start, 34);
    assert_int_equal(frame_weigh(&frames[0]).segments, 28);
    release(f, 1);
    expect_balance(f);
    close(fd);
}

static void superframes_beyond_the_buffer_are_truncated_and_say_so(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[65536];
    size_t len = make_superframe(bytes);
    int small = 256 << 10;
    int fd = sender_with_offloads();
    struct frame frames[LIMIT_RX_BATCH];
    uint32_t n_whole = 0;
    uint32_t n_truncated = 0;
    uint32_t n;

    assert_int_equal(setsockopt(f->port->source->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)),
                     0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(send(fd, bytes, len, 0), len);
    while ((n = receive(f, frames)) > 0) {
        for (uint32_t i = 0; i < n; i++) {
            n_whole += frames[i].defect == DROP_NONE;
            n_truncated += frames[i].defect == DROP_TRUNCATED;
            if (frames[i].defect == DROP_NONE)
                assert_int_equal(frames[i].len, len - FRAME_VNET_SIZE);
        }
        release(f, n);
    }
    assert_int_equal(n_whole + n_truncated, 40);
    assert_true(n_whole > 0 && n_truncated > 0);
    expect_balance(f);
    close(fd);
}

static void pool_smaller_than_a_batch_takes_turns(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[65536];
    size_t len = make_superframe(bytes);
    int fd = sender_with_offloads();
    struct frame frames[LIMIT_RX_BATCH];
    uint32_t n;

    for (int i = 0; i < 48; i++)
        assert_int_equal(send(fd, bytes, len, 0), len);
    n = receive(f, frames);
    assert_int_equal(n, LIMIT_BOUNCE_BUFFERS);
    release(f, n);
    n = receive(f, frames);
    assert_int_equal(n, 48 - LIMIT_BOUNCE_BUFFERS);
    release(f, n);
    expect_balance(f);
    close(fd);
}

static void overrun_ring_is_counted_by_the_kernel(void **state)
{
    struct fixture *f = *state;
    int fd = sender_with_offloads();
    uint8_t bytes[FRAME_VNET_SIZE + 60] = {0};
    struct frame frames[LIMIT_RX_BATCH];
    struct ledger_snapshot snapshot;

    bytes[FRAME_VNET_SIZE + 6] = 2;
    for (int i = 0; i < 100; i++)
        assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    port_snapshot(f->port, &snapshot);
    assert_int_equal(snapshot.unread_min, 64);
    assert_int_equal(snapshot.counters.tp_drops, 36);
    assert_int_equal(snapshot.counters.tp_packets, 100);
    assert_true(ledger_kernel_balances(&snapshot));
    assert_int_equal(receive(f, frames), 64);
    release(f, 64);
    expect_balance(f);
    close(fd);
}

static void nothing_is_received_before_start_or_after_stop(void **state)
{
    struct fixture *f = *state;
    int fd = sender_with_offloads();
    uint8_t bytes[FRAME_VNET_SIZE + 60] = {0};
    struct frame frames[LIMIT_RX_BATCH];
    struct ledger_snapshot snapshot;

    f->port->ops->stop(f->port);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(receive(f, frames), 0);
    release(f, 0);
    port_snapshot(f->port, &snapshot);
    assert_int_equal(snapshot.counters.tp_packets, 0);
    start_on(f, "p0", 1500);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(receive(f, frames), 1);
    release(f, 1);
    expect_balance(f);
    close(fd);
}

static void a_device_has_one_port(void **state)
{
    struct fixture *f = *state;
    struct fixture second = {.pool = f->pool};
    struct port_device device = {.ifindex = if_nametoindex("p0"), .mtu = 1500};

    new_port(&second, 32);
    assert_int_equal(second.port->ops->start(second.port, &device), -EADDRINUSE);
    f->port->ops->stop(f->port);
    assert_int_equal(second.port->ops->start(second.port, &device), 0);
    port_free(second.port);
}

static void promiscuity_ends_with_the_port(void **state)
{
    struct fixture *f = *state;

    run("ip -d link show p0 | grep -q 'promiscuity 1'");
    f->port->ops->stop(f->port);
    run("ip -d link show p0 | grep -q 'promiscuity 0'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(batch_leaves_in_order_with_one_kick),
        TEST(frames_beyond_a_slot_keep_their_place),
        TEST(what_the_ring_refused_is_not_overtaken),
        TEST(frame_over_the_mtu_is_dropped_before_the_ring),
        TEST(frame_over_the_peers_mtu_harms_only_itself),
        TEST(malformed_offload_header_harms_only_itself),
        TEST(too_short_frame_harms_only_itself),
        TEST(device_down_leaves_nothing_to_be_sent_later),
        TEST(device_down_between_queueing_and_kick),
        TEST(device_gone_is_its_own_reason_and_the_ring_serves_the_next),
        TEST(no_carrier_loses_frames_but_not_the_ring),
        TEST(full_qdisc_is_counted_and_passes),
        TEST(shaped_port_delivers_what_was_accepted_in_order),
        TEST(full_send_buffer_is_counted_and_passes),
        TEST(tap_nobody_reads_does_not_stop_the_ring),
        TEST(ring_smaller_than_a_batch_loses_nothing),
        TEST(s_tag_at_full_mtu_behind_a_superframe),
        TEST(superframe_arrives_whole_with_its_header),
        TEST(superframes_beyond_the_buffer_are_truncated_and_say_so),
        TEST(pool_smaller_than_a_batch_takes_turns),
        TEST(overrun_ring_is_counted_by_the_kernel),
        TEST(nothing_is_received_before_start_or_after_stop),
        TEST(a_device_has_one_port),
        TEST(promiscuity_ends_with_the_port),
    };

    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
        printf("SKIP: cannot make a network namespace: %s\n", strerror(errno));
        return SKIPPED;
    }
    return cmocka_run_group_tests_name("packet port", tests, NULL, NULL);
}
