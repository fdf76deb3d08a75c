/* SPDX-License-Identifier: ISC */
#include "packet_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ringspan/clock.h"

#define SKIPPED     77
#define PATIENCE_MS 10000
#define LAST_NUMBER 65534

int enter_namespace(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0)
        return 0;
    printf("SKIP: cannot make a network namespace: %s\n", strerror(errno));
    return SKIPPED;
}

void run(const char *format, ...)
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

void bring_cable_up(void)
{
    run("ip link set p0 up && ip link set " PEER " up");
    wait_until_operational("p0");
    wait_until_operational(PEER);
}

int open_tap_device(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

    assert_true(fd >= 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
    return fd;
}

int listen_on(const char *ifname)
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

void start_on(struct fixture *f, const char *ifname, uint32_t mtu)
{
    struct port_device device = {.ifindex = if_nametoindex(ifname), .mtu = mtu};

    assert_int_equal(f->port->ops->start(f->port, &device), 0);
}

void new_port(struct fixture *f, uint32_t rx_slots, uint32_t tx_slots)
{
    struct packet_port_params params = {
        .name = "p0",
        .ifname = "p0",
        .opener = packet_opener_here(),
        .pool = f->pool,
        .rx_slots = rx_slots,
        .tx_slots = tx_slots,
    };

    assert_int_equal(packet_port_new(&params, &f->port), 0);
    assert_int_equal(port_bring_up(f->port), 0);
}

int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    run("ip link add p0 type veth peer name " PEER);
    /* No address, no IPv6: nothing but our frames on the wire. */
    run("sysctl -qw net.ipv6.conf.p0.disable_ipv6=1 net.ipv6.conf." PEER ".disable_ipv6=1");
    bring_cable_up();
    assert_int_equal(bounce_pool_new(LIMIT_BOUNCE_BYTES, &f->pool), 0);
    new_port(f, 64, 64);
    start_on(f, "p0", 1500);
    f->peer_fd = listen_on(PEER);
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *f = *state;

    port_free(f->port);
    bounce_pool_free(f->pool);
    close(f->peer_fd);
    free(f);
    return system("ip link del p0 2>/dev/null; true");
}

void make_frame(struct test_frame *t, uint16_t number, uint32_t len)
{
    static const uint8_t header[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

    memset(t, 0, sizeof(*t));
    memcpy(t->bytes, header, sizeof(header));
    t->bytes[14] = (uint8_t)(number >> 8);
    t->bytes[15] = (uint8_t)number;
    t->frame = (struct frame){.data = t->bytes, .len = len};
}

void send_one(struct fixture *f, uint16_t number, uint32_t len)
{
    static struct test_frame frames[LIMIT_RX_BATCH];
    static unsigned next;
    struct test_frame *t = &frames[next++ % LIMIT_RX_BATCH];

    make_frame(t, number, len);
    port_tx(f->port, &t->frame);
}

int number_there(struct fixture *f)
{
    uint8_t bytes[2048];
    ssize_t n = recv(f->peer_fd, bytes, sizeof(bytes), 0);

    return n < 16 ? -1 : bytes[14] << 8 | bytes[15];
}

bool await_frame(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    return poll(&ready, 1, PATIENCE_MS) == 1;
}

int next_number(struct fixture *f)
{
    return await_frame(f->peer_fd) ? number_there(f) : -1;
}

void let_pass(struct fixture *f)
{
    int number;

    send_one(f, LAST_NUMBER, 60);
    port_flush(f->port);
    do {
        number = next_number(f);
        assert_int_not_equal(number, -1);
    } while (number != LAST_NUMBER);
}

void expect_numbers(struct fixture *f, int first, int last)
{
    for (int i = first; i <= last; i++)
        assert_int_equal(next_number(f), i);
}

void expect_balance(struct fixture *f)
{
    struct ledger_snapshot snapshot;

    port_snapshot(f->port, &snapshot);
    assert_int_equal(snapshot.held_out, 0);
    assert_true(ledger_out_balances(&snapshot));
    assert_true(ledger_kernel_balances(&snapshot));
}

void expect_works_again(struct fixture *f)
{
    for (uint16_t i = 900; i < 910; i++)
        send_one(f, i, 60);
    port_flush(f->port);
    expect_numbers(f, 900, 909);
    assert_int_equal(number_there(f), -1);
    expect_balance(f);
}

uint64_t out_dropped(const struct fixture *f, enum drop_reason reason)
{
    return f->port->ledger.out_dropped[reason];
}

int sender_with_offloads(void)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(PEER)};
    int one = 1;
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

size_t make_superframe(uint8_t *bytes)
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

uint32_t receive(struct fixture *f, struct frame *frames)
{
    return f->port->source->ops->batch(f->port->source, frames, LIMIT_RX_BATCH);
}

void release(struct fixture *f, uint32_t n)
{
    f->port->source->ops->release(f->port->source);
    f->port->ledger.received.frames += n; /* as the bridge does */
}
