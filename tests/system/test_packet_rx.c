/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet_fixture.h"
#include "ringspan/clock.h"

/* What packet ports take from real devices, and when. */

/* On a CPU that is busy with others' frames, those that were sent arrive some time later. */
static void wait_for_frames(struct fixture *f, uint32_t n)
{
    uint64_t deadline = clock_now() + 10 * NS_PER_SEC;
    struct ledger_snapshot snapshot;

    do {
        port_snapshot(f->port, &snapshot);
        assert_true(clock_now() < deadline);
    } while (snapshot.unread_min < n);
}

static void superframe_arrives_whole_with_its_header(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[65536];
    size_t len = make_superframe(bytes);
    int fd = sender_with_offloads();
    struct frame frames[LIMIT_RX_BATCH];

    assert_int_equal(send(fd, bytes, len, 0), len);
    wait_for_frames(f, 1);
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
    wait_for_frames(f, 40);
    while ((n = receive(f, frames)) > 0) {
        for (uint32_t i = 0; i < n; i++) {
            n_whole += frames[i].defect == DROP_NONE;
            n_truncated += frames[i].defect == DROP_TRUNCATED;
            if (frames[i].defect == DROP_NONE)
                assert_int_equal(frames[i].len, len - FRAME_VNET_SIZE);
            else
                assert_true(frames[i].len > 1000 && frames[i].len < LIMIT_RING_SLOT);
            assert_int_equal(f->port->source->ops->length(f->port->source, i),
                             len - FRAME_VNET_SIZE);
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
    const uint32_t n_at_once = LIMIT_BOUNCE_BYTES / LIMIT_SUPERFRAME_SIZE;
    const uint32_t n_sent = 2 * n_at_once + 1;
    int fd = sender_with_offloads();
    struct frame frames[LIMIT_RX_BATCH];
    uint32_t n;

    for (uint32_t i = 0; i < n_sent; i++)
        assert_int_equal(send(fd, bytes, len, 0), len);
    wait_for_frames(f, n_sent);
    for (uint32_t left = n_sent; left > 0; left -= n) {
        n = receive(f, frames);
        assert_int_equal(n, left < n_at_once ? left : n_at_once);
        release(f, n);
    }
    assert_int_equal(receive(f, frames), 0);
    release(f, 0);
    expect_balance(f);
    close(fd);
}

/* Of frame number @i: every third fits a slot, the others do not. */
static uint32_t length_of(uint32_t i)
{
    return i % 3 == 0 ? 60 + i : 9014 - i;
}

static uint8_t byte_of(uint32_t i, uint32_t at)
{
    return (uint8_t)(i * 31 + at * 7 + (at >> 8));
}

/* What crossed is told apart by all of its bytes. */
static void send_numbered(int fd, uint32_t i)
{
    static uint8_t bytes[FRAME_VNET_SIZE + 9014];
    uint8_t *frame = bytes + FRAME_VNET_SIZE;
    uint32_t len = length_of(i);

    memset(bytes, 0, FRAME_VNET_SIZE);
    memcpy(frame, (uint8_t[]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}, 14);
    for (uint32_t at = 14; at < len; at++)
        frame[at] = byte_of(i, at);
    assert_int_equal(send(fd, bytes, FRAME_VNET_SIZE + len, 0), FRAME_VNET_SIZE + len);
}

static void expect_numbered(const struct frame *frame, uint32_t i)
{
    assert_int_equal(frame->defect, DROP_NONE);
    assert_int_equal(frame->len, length_of(i));
    for (uint32_t at = 14; at < frame->len; at++)
        assert_int_equal(frame->data[at], byte_of(i, at));
}

static int sender_of_jumbo_frames(void)
{
    run("ip link set p0 mtu 9000 && ip link set " PEER " mtu 9000");
    return sender_with_offloads();
}

static void jumbo_frames_come_many_at_a_time_among_others(void **state)
{
    struct fixture *f = *state;
    int fd = sender_of_jumbo_frames();
    struct frame frames[LIMIT_RX_BATCH];
    const uint32_t n_sent = 64; /* as many as the ring has slots */
    uint32_t n_batches = 0;

    for (uint32_t i = 0; i < n_sent; i++)
        send_numbered(fd, i);
    wait_for_frames(f, n_sent);
    for (uint32_t done = 0; done < n_sent; n_batches++) {
        uint32_t n = receive(f, frames);

        assert_true(n > 0);
        for (uint32_t i = 0; i < n; i++)
            expect_numbered(&frames[i], done + i);
        release(f, n);
        done += n;
    }
    assert_int_equal(n_batches, 2); /* the pool has room for 30 that fit no slot */
    assert_int_equal(receive(f, frames), 0);
    release(f, 0);
    expect_balance(f);
    close(fd);
}

/* The socket has an error pending for each of them, and reports it in place of a frame. */
static void copies_are_there_behind_errors(void **state)
{
    struct fixture *f = *state;
    int fd = sender_of_jumbo_frames();
    struct frame frames[LIMIT_RX_BATCH];
    uint32_t n;

    for (uint32_t i = 0; i < 10; i++)
        send_numbered(fd, i);
    wait_for_frames(f, 10);
    run("ip link set p0 down");
    n = receive(f, frames);
    assert_int_equal(n, 10);
    for (uint32_t i = 0; i < n; i++)
        expect_numbered(&frames[i], i);
    release(f, n);
    bring_cable_up();
    for (uint32_t i = 10; i < 20; i++)
        send_numbered(fd, i);
    wait_for_frames(f, 10);
    n = receive(f, frames);
    assert_int_equal(n, 10);
    for (uint32_t i = 0; i < n; i++)
        expect_numbered(&frames[i], 10 + i);
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
    uint64_t deadline = clock_now() + 10 * NS_PER_SEC;
    struct ledger_snapshot snapshot;

    bytes[FRAME_VNET_SIZE + 6] = 2;
    for (int i = 0; i < 100; i++)
        assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    wait_for_frames(f, 64);
    do {
        port_snapshot(f->port, &snapshot);
        assert_true(clock_now() < deadline);
    } while (snapshot.counters.tp_packets < 100);
    assert_int_equal(snapshot.unread_min, 64);
    assert_int_equal(snapshot.counters.tp_drops, 36);
    assert_int_equal(snapshot.counters.tp_packets, 100);
    assert_true(ledger_kernel_balances(&snapshot));
    assert_int_equal(receive(f, frames), 64);
    release(f, 64);
    expect_balance(f);
    close(fd);
}

/* A tap that takes an offload header with each frame, as a guest's. */
static int open_guest(void)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, .ifr_name = "guest"};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
    run("sysctl -qw net.ipv6.conf.guest.disable_ipv6=1 && ip link set guest up");
    return fd;
}

static void write_plain_frame(int fd)
{
    uint8_t bytes[FRAME_VNET_SIZE + 60] = {0};

    bytes[FRAME_VNET_SIZE + 6] = 2;
    assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
}

/* With UDP fragmentation offload. */
static void write_unspeakable_frame(int fd)
{
    static const uint8_t header[] = {0x45, 0, 0x0f, 0xbc, 0, 1, 0, 0, 64, 17, 0,    0,    10, 0,
                                     0,    1, 10,   0,    0, 2, 0, 1, 0,  2,  0x0f, 0xa8, 0,  0};
    const struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                        .gso_type = VIRTIO_NET_HDR_GSO_UDP,
                                        .hdr_len = 42,
                                        .gso_size = 1480,
                                        .csum_start = 34,
                                        .csum_offset = 6};
    uint8_t bytes[FRAME_VNET_SIZE + 14 + 4028] = {0};

    memcpy(bytes, &vnet, FRAME_VNET_SIZE);
    bytes[FRAME_VNET_SIZE + 6] = 2;
    bytes[FRAME_VNET_SIZE + 12] = 8;
    memcpy(bytes + FRAME_VNET_SIZE + 14, header, sizeof(header));
    assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
}

static void expect_one(struct fixture *f)
{
    struct frame frames[LIMIT_RX_BATCH];

    wait_for_frames(f, 1);
    assert_int_equal(receive(f, frames), 1);
    release(f, 1);
    expect_balance(f);
}

static void ring_that_lost_a_slot_is_renewed(void **state)
{
    struct fixture *f = *state;
    const struct port_ops *ops = f->port->ops;
    int fd = open_guest();
    uint64_t deadline = clock_now() + 10 * NS_PER_SEC;

    ops->stop(f->port);
    start_on(f, "guest", 1500);
    write_plain_frame(fd);
    expect_one(f);
    assert_false(ops->is_deaf(f->port));
    for (int i = 0; i < 3; i++) {
        write_unspeakable_frame(fd);
        while (!ops->is_deaf(f->port))
            assert_true(clock_now() < deadline);
        f->port->source = NULL;
        assert_int_equal(port_rings(f->port).rx_slots, 0);
        assert_int_equal(ops->renew(f->port), 0);
        expect_balance(f);
        assert_int_equal(ops->resume(f->port), 0);
        assert_false(ops->is_deaf(f->port));
        write_plain_frame(fd);
        expect_one(f);
    }
    assert_int_equal(f->port->ledger.tp_drops, 3);
    assert_int_equal(f->port->ledger.received.frames, 4);
    close(fd);
}

static void switch_interface(const char *ifname, bool is_up)
{
    struct ifreq request = {.ifr_flags = (short)(is_up ? IFF_UP : 0)};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    strcpy(request.ifr_name, ifname);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

static void *renew(void *arg)
{
    struct fixture *f = arg;

    return (void *)(intptr_t)f->port->ops->renew(f->port);
}

/* While the kernel makes a ring it does not notice. */
static void interface_that_comes_up_during_renewal_is_heard(void **state)
{
    struct fixture *f = *state;
    int fd = open_guest();

    f->port->ops->stop(f->port);
    start_on(f, "guest", 1500);
    for (int i = 0; i < 10; i++) {
        pthread_t helper;
        void *result;

        switch_interface("guest", false);
        f->port->source = NULL;
        assert_int_equal(pthread_create(&helper, NULL, renew, f), 0);
        switch_interface("guest", true);
        pthread_join(helper, &result);
        assert_null(result);
        assert_int_equal(f->port->ops->resume(f->port), 0);
        write_plain_frame(fd);
        expect_one(f);
    }
    close(fd);
}

/* Each of thousands of ports has fewer slots than a batch has frames. */
static void ring_smaller_than_a_batch_gives_each_frame_once(void **state)
{
    struct fixture *f = *state;
    int fd = sender_with_offloads();
    uint8_t bytes[FRAME_VNET_SIZE + 60] = {0};
    struct frame frames[LIMIT_RX_BATCH];

    port_free(f->port);
    new_port(f, LIMIT_RX_SLOTS_MIN, LIMIT_TX_SLOTS_MIN);
    start_on(f, "p0", 1500);
    bytes[FRAME_VNET_SIZE + 6] = 2;
    for (int i = 0; i < LIMIT_RX_SLOTS_MIN; i++)
        assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    wait_for_frames(f, LIMIT_RX_SLOTS_MIN);
    assert_int_equal(receive(f, frames), LIMIT_RX_SLOTS_MIN);
    release(f, LIMIT_RX_SLOTS_MIN);
    assert_int_equal(receive(f, frames), 0);
    release(f, 0);
    expect_balance(f);
    close(fd);
}

static void nothing_is_received_before_start_or_after_stop(void **state)
{
    struct fixture *f = *state;
    int fd = sender_with_offloads();
    int witness = listen_on("p0");
    uint8_t bytes[FRAME_VNET_SIZE + 60] = {0};
    struct frame frames[LIMIT_RX_BATCH];
    struct ledger_snapshot snapshot;

    f->port->ops->stop(f->port);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_true(await_frame(witness));
    assert_int_equal(receive(f, frames), 0);
    release(f, 0);
    port_snapshot(f->port, &snapshot);
    assert_int_equal(snapshot.counters.tp_packets, 0);
    start_on(f, "p0", 1500);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    wait_for_frames(f, 1);
    assert_int_equal(receive(f, frames), 1);
    release(f, 1);
    expect_balance(f);
    close(witness);
    close(fd);
}

static void a_device_has_one_port(void **state)
{
    struct fixture *f = *state;
    struct fixture second = {.pool = f->pool};
    struct port_device device = {.ifindex = if_nametoindex("p0"), .mtu = 1500};

    new_port(&second, 64, 32);
    assert_int_equal(second.port->ops->start(second.port, &device), -EADDRINUSE);
    f->port->ops->stop(f->port);
    assert_int_equal(second.port->ops->start(second.port, &device), 0);
    port_free(second.port);
}

/* What it is called is the loop's business, which may change it meanwhile. */
static void speed_is_that_of_the_device(void **state)
{
    struct fixture *f = *state;

    f->port->ops->stop(f->port);
    strcpy(f->port->ifname, "another");
    start_on(f, "p0", 1500);
    assert_int_equal(f->port->speed, 10000); /* as all veth say */
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
    const struct CMUnitTest tests[] = {
        TEST(superframe_arrives_whole_with_its_header),
        TEST(superframes_beyond_the_buffer_are_truncated_and_say_so),
        TEST(pool_smaller_than_a_batch_takes_turns),
        TEST(jumbo_frames_come_many_at_a_time_among_others),
        TEST(copies_are_there_behind_errors),
        TEST(overrun_ring_is_counted_by_the_kernel),
        TEST(ring_that_lost_a_slot_is_renewed),
        TEST(interface_that_comes_up_during_renewal_is_heard),
        TEST(ring_smaller_than_a_batch_gives_each_frame_once),
        TEST(nothing_is_received_before_start_or_after_stop),
        TEST(a_device_has_one_port),
        TEST(speed_is_that_of_the_device),
        TEST(promiscuity_ends_with_the_port),
    };
    int skipped = enter_namespace();

    return skipped ? skipped
                   : cmocka_run_group_tests_name("packet port, receiving", tests, NULL, NULL);
}
