/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ringspan/event.h"
#include "ringspan/mac.h"

/*
 * The switch to compare ringspand with: frames are read from the same kind of ring, in the same
 * batches, by the same loop that waits in the same way, and sent out of the slots that they arrived
 * in, with sendmmsg(2). It learns addresses and does nothing else that a switch has to do: no
 * aging, no tags, no superframes, no counters. What remains of the difference is what a TX ring is
 * worth.
 *
 *     sendmmsg_switch IFNAME IFNAME...
 */

#define SLOT_SIZE  2048u
#define BLOCK_SIZE (64u << 10)
#define N_SLOTS    8192u
#define BATCH      64u
#define WIRES_MAX  64u
#define VNET_SIZE  10

#define STATIONS (1u << 18)
#define PROBES   8u
#define NOWHERE  UINT32_MAX

struct station {
    uint64_t mac;
    uint32_t wire;
};

struct engine;

struct wire {
    struct engine *engine;
    uint32_t number;
    int fd;
    uint8_t *ring;
    uint32_t head;
    struct sockaddr_ll address;
    struct event *readable;
};

struct engine {
    struct event_loop *loop;
    int send_fd;
    struct wire wires[WIRES_MAX];
    uint32_t n_wires;
    struct station *stations; /* STATIONS of them */
    struct iovec frames[BATCH];
    struct mmsghdr messages[BATCH * WIRES_MAX];
    uint32_t n_messages;
};

static struct tpacket2_hdr *slot_of(const struct wire *wire, uint32_t i)
{
    return (struct tpacket2_hdr *)(void *)(wire->ring + (size_t)(i & (N_SLOTS - 1)) * SLOT_SIZE);
}

static bool is_filled(const struct tpacket2_hdr *slot)
{
    return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

/* The place of @mac, or the one that it would get; the last of its places if all are taken. */
static struct station *station_of(const struct engine *e, uint64_t mac)
{
    uint32_t place = (uint32_t)(mac * UINT64_C(0x9e3779b97f4a7c15) >> 46);
    struct station *station = NULL;

    for (uint32_t i = 0; i < PROBES; i++) {
        station = &e->stations[(place + i) & (STATIONS - 1)];
        if (station->mac == mac || station->mac == 0)
            break;
    }
    return station;
}

static uint32_t where_is(const struct engine *e, uint64_t mac)
{
    const struct station *station = station_of(e, mac);

    return mac_is_group(mac) || station->mac != mac ? NOWHERE : station->wire;
}

static void learn(struct engine *e, uint64_t mac, uint32_t wire)
{
    struct station *station = station_of(e, mac);

    if (station->mac != mac || station->wire != wire)
        *station = (struct station){.mac = mac, .wire = wire};
}

static void queue(struct engine *e, struct wire *to, struct iovec *frame)
{
    e->messages[e->n_messages++].msg_hdr = (struct msghdr){
        .msg_name = &to->address,
        .msg_namelen = sizeof(to->address),
        .msg_iov = frame,
        .msg_iovlen = 1,
    };
}

/* The offload header stands in front of the frame: together they are what a send wants. */
static void forward(struct engine *e, struct wire *from, struct tpacket2_hdr *slot,
                    struct iovec *frame)
{
    uint8_t *bytes = (uint8_t *)slot + slot->tp_mac;
    uint32_t to;

    if (slot->tp_snaplen < slot->tp_len || slot->tp_snaplen < ETH_HLEN)
        return;
    *frame = (struct iovec){.iov_base = bytes - VNET_SIZE, .iov_len = slot->tp_snaplen + VNET_SIZE};
    learn(e, mac_load(bytes + ETH_ALEN), from->number);
    to = where_is(e, mac_load(bytes));
    if (to == from->number)
        return;
    if (to != NOWHERE) {
        queue(e, &e->wires[to], frame);
        return;
    }
    for (uint32_t i = 0; i < e->n_wires; i++) {
        if (i != from->number)
            queue(e, &e->wires[i], frame);
    }
}

static void send_all(struct engine *e)
{
    uint32_t i = 0;

    while (i < e->n_messages) {
        int sent = sendmmsg(e->send_fd, e->messages + i, e->n_messages - i, MSG_DONTWAIT);

        i += sent > 0 ? (uint32_t)sent : 1; /* one that cannot be sent is dropped */
    }
    e->n_messages = 0;
}

static uint32_t read_ring(struct wire *wire)
{
    struct engine *e = wire->engine;
    uint64_t bytes = 0;
    uint32_t n = 0;

    for (; n < BATCH; n++) {
        struct tpacket2_hdr *slot = slot_of(wire, wire->head + n);

        if (!is_filled(slot))
            break;
        bytes += slot->tp_snaplen;
        forward(e, wire, slot, &e->frames[n]);
    }
    send_all(e);
    for (uint32_t i = 0; i < n; i++)
        __atomic_store_n(&slot_of(wire, wire->head + i)->tp_status, TP_STATUS_KERNEL,
                         __ATOMIC_RELEASE);
    wire->head += n;
    wake_note(event_loop_wake(e->loop), n, bytes);
    return n;
}

static void on_readable(void *arg, uint32_t epoll_events)
{
    struct wire *wire = arg;
    int error;
    socklen_t len = sizeof(error);

    if (epoll_events & EPOLLERR)
        getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    read_ring(wire);
}

static bool look(void *arg)
{
    struct engine *e = arg;
    bool has_found = false;

    for (uint32_t i = 0; i < e->n_wires; i++) {
        struct wire *wire = &e->wires[i];

        if (is_filled(slot_of(wire, wire->head)))
            has_found |= read_ring(wire) > 0;
    }
    return has_found;
}

static void on_signal(void *arg, int signo)
{
    struct engine *e = arg;

    event_loop_stop(e->loop, EXIT_SUCCESS);
}

static int set_int(int fd, int option, int value)
{
    return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value));
}

static bool make_ring(struct wire *wire)
{
    const struct tpacket_req request = {
        .tp_block_size = BLOCK_SIZE,
        .tp_block_nr = N_SLOTS * SLOT_SIZE / BLOCK_SIZE,
        .tp_frame_size = SLOT_SIZE,
        .tp_frame_nr = N_SLOTS,
    };
    const struct packet_mreq promiscuous = {.mr_ifindex = wire->address.sll_ifindex,
                                            .mr_type = PACKET_MR_PROMISC};
    void *map;

    if (set_int(wire->fd, PACKET_VERSION, TPACKET_V2) < 0 ||
        set_int(wire->fd, PACKET_VNET_HDR, 1) < 0 ||
        set_int(wire->fd, PACKET_IGNORE_OUTGOING, 1) < 0 ||
        setsockopt(wire->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0 ||
        setsockopt(wire->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) <
            0)
        return false;
    map = mmap(NULL, (size_t)N_SLOTS * SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, wire->fd, 0);
    wire->ring = map;
    return map != MAP_FAILED &&
           bind(wire->fd, (const struct sockaddr *)&wire->address, sizeof(wire->address)) == 0;
}

static bool add_wire(struct engine *e, const char *ifname)
{
    struct wire *wire = &e->wires[e->n_wires];

    *wire = (struct wire){
        .engine = e,
        .number = e->n_wires,
        .fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
        .address = {.sll_family = AF_PACKET,
                    .sll_protocol = htons(ETH_P_ALL),
                    .sll_ifindex = (int)if_nametoindex(ifname)},
    };
    if (wire->fd < 0 || wire->address.sll_ifindex == 0 || !make_ring(wire) ||
        event_add(e->loop, wire->fd, EPOLLIN, on_readable, wire, &wire->readable) < 0)
        return false;
    e->n_wires++;
    return true;
}

static bool start(struct engine *e)
{
    const int deep = 8 << 20;

    e->stations = calloc(STATIONS, sizeof(*e->stations));
    e->send_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (!e->stations || e->send_fd < 0 || set_int(e->send_fd, PACKET_VNET_HDR, 1) < 0 ||
        setsockopt(e->send_fd, SOL_SOCKET, SO_SNDBUFFORCE, &deep, sizeof(deep)) < 0 ||
        event_loop_new(&e->loop) < 0 || event_signal_add(e->loop, SIGTERM, on_signal, e) < 0 ||
        event_signal_add(e->loop, SIGINT, on_signal, e) < 0)
        return false;
    event_loop_set_look(e->loop, look, e);
    return true;
}

int main(int argc, char **argv)
{
    static struct engine engine;

    if (argc < 3 || argc > (int)WIRES_MAX + 1) {
        fputs("usage: sendmmsg_switch IFNAME IFNAME...\n", stderr);
        return 64;
    }
    if (!start(&engine)) {
        perror("sendmmsg_switch");
        return EXIT_FAILURE;
    }
    for (int i = 1; i < argc; i++) {
        if (!add_wire(&engine, argv[i])) {
            fprintf(stderr, "sendmmsg_switch: %s: cannot be used: %s\n", argv[i], strerror(errno));
            return EXIT_FAILURE;
        }
    }
    puts("ready");
    fflush(stdout);
    return event_loop_run(engine.loop) == EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
