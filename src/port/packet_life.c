/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device.h"
#include "packet.h"
#include "ringspan/container.h"

/* A superframe is charged to the socket's buffer with up to 90 KiB until it is read. */
#define RECEIVE_BUFFER (8 << 20)
/* What a qdisc may hold of ours; with the default a shaped port stops at a hundred frames. */
#define SEND_BUFFER (8 << 20)

static struct packet_port *packet_of(const struct port *port)
{
    return container_of(port, struct packet_port, port);
}

static int open_here(void *arg)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 ? -errno : fd;
}

struct packet_opener packet_opener_here(void)
{
    return (struct packet_opener){.open = open_here};
}

static uint32_t power_of_two_below(uint64_t n, uint32_t min, uint32_t max)
{
    uint32_t power = min;

    while (power < max && power * 2u <= n)
        power *= 2;
    return power;
}

struct port_ring_info packet_ring_share(uint32_t n_ports, uint64_t bytes_in_use)
{
    uint64_t left = bytes_in_use < LIMIT_RING_BYTES ? LIMIT_RING_BYTES - bytes_in_use : 0;
    uint64_t equal = LIMIT_RING_BYTES / (n_ports > 0 ? n_ports : 1);
    uint64_t share = equal < left ? equal : left;
    uint32_t tx =
        power_of_two_below(share / 8 / LIMIT_RING_SLOT, LIMIT_TX_SLOTS_MIN, LIMIT_TX_SLOTS_MAX);
    uint64_t tx_bytes = (uint64_t)tx * LIMIT_RING_SLOT;
    uint64_t rx_bytes = share > tx_bytes ? share - tx_bytes : 0;
    uint32_t rx =
        power_of_two_below(rx_bytes / LIMIT_RING_SLOT, LIMIT_RX_SLOTS_MIN, LIMIT_RX_SLOTS_MAX);

    return (struct port_ring_info){
        .rx_slots = rx, .tx_slots = tx, .bytes = (uint64_t)(rx + tx) * LIMIT_RING_SLOT};
}

/* Without CAP_NET_ADMIN in the initial namespace the limit of net.core applies. */
static int set_buffer(int fd, int forced, int limited, int bytes)
{
    int r = packet_set_int(fd, SOL_SOCKET, forced, bytes);

    return r == -EPERM ? packet_set_int(fd, SOL_SOCKET, limited, bytes) : r;
}

/* Nothing passes: a socket with this filter counts nothing and copies nothing. */
static int shut_reception(int fd)
{
    struct sock_filter reject = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &reject};

    return packet_set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open_reception(int fd)
{
    return packet_set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
}

static int packet_open(struct port *port)
{
    struct packet_port *p = packet_of(port);
    int fd = p->opener.open(p->opener.arg);

    if (fd < 0)
        return fd;
    p->rx_fd = fd;
    fd = p->opener.open(p->opener.arg);
    if (fd < 0)
        return fd;
    p->tx_fd = fd;
    return 0;
}

static int make_ring(int fd, int which, uint32_t n_slots)
{
    struct tpacket_req request = {
        .tp_block_size = PACKET_BLOCK_SIZE,
        .tp_block_nr = n_slots * LIMIT_RING_SLOT / PACKET_BLOCK_SIZE,
        .tp_frame_size = LIMIT_RING_SLOT,
        .tp_frame_nr = n_slots,
    };

    return packet_set_option(fd, SOL_PACKET, which, &request, sizeof(request));
}

static int configure_rx(const struct packet_port *p)
{
    int r = shut_reception(p->rx_fd);

    if (r == 0)
        r = packet_set_int(p->rx_fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
    if (r == 0)
        r = packet_set_int(p->rx_fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    if (r == 0)
        r = packet_set_int(p->rx_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    if (r == 0)
        r = packet_set_int(p->rx_fd, SOL_PACKET, PACKET_COPY_THRESH, 1);
    if (r == 0)
        r = set_buffer(p->rx_fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER);
    if (r == 0)
        r = set_buffer(p->rx_fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
    if (r == 0)
        r = make_ring(p->rx_fd, PACKET_RX_RING, p->rx.n_slots);
    return r;
}

static int configure_tx(const struct packet_port *p)
{
    int r = packet_set_int(p->tx_fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);

    if (r == 0)
        r = packet_set_int(p->tx_fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    if (r == 0)
        r = set_buffer(p->tx_fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
    if (r == 0)
        r = make_ring(p->tx_fd, PACKET_TX_RING, p->tx.n_slots);
    return r;
}

static int packet_configure(struct port *port)
{
    const struct packet_port *p = packet_of(port);
    int r = configure_rx(p);

    return r < 0 ? r : configure_tx(p);
}

static int map_ring(int fd, struct packet_ring *ring)
{
    size_t bytes = (size_t)ring->n_slots * LIMIT_RING_SLOT;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (map == MAP_FAILED)
        return -errno;
    ring->slots = map;
    ring->head = 0;
    return 0;
}

/* A mapping keeps the socket alive. */
static void unmap_ring(struct packet_ring *ring)
{
    if (ring->slots)
        munmap(ring->slots, (size_t)ring->n_slots * LIMIT_RING_SLOT);
    ring->slots = NULL;
}

static int packet_map(struct port *port)
{
    struct packet_port *p = packet_of(port);
    int r = map_ring(p->rx_fd, &p->rx);

    if (r == 0)
        r = map_ring(p->tx_fd, &p->tx);
    if (r < 0)
        return r;
    p->tx_first = 0;
    p->hearing = (struct hearing){0};
    p->source.fd = p->rx_fd;
    port->source = &p->source;
    return 0;
}

int packet_lock_device(uint32_t ifindex)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "ringspan/device/%u", ifindex);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    /* Before anybody can find it: what strangers sent to it, close() would have to let go of. */
    if (shutdown(fd, SHUT_RD) < 0 || bind(fd, (struct sockaddr *)&name, size) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

static int set_promiscuous(struct packet_port *p, int option, uint32_t ifindex)
{
    struct packet_mreq request = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC};

    return packet_set_option(p->rx_fd, SOL_PACKET, option, &request, sizeof(request));
}

static int bind_to(int fd, uint16_t protocol, uint32_t ifindex)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(protocol),
        .sll_ifindex = (int)ifindex,
    };

    return bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* Lets go of the device but keeps socket and ring. An AF_PACKET socket cannot be unbound; one whose
 * filter rejects everything costs its device next to nothing. The membership and the lock are gone
 * with a device that vanished, so failing to drop them is no failure. */
static void packet_stop(struct port *port)
{
    struct packet_port *p = packet_of(port);

    if (p->rx_fd >= 0)
        (void)shut_reception(p->rx_fd);
    if (p->promisc_ifindex != 0)
        (void)set_promiscuous(p, PACKET_DROP_MEMBERSHIP, p->promisc_ifindex);
    p->promisc_ifindex = 0;
    packet_end_isolation(p); /* before another port may have the device */
    gro_restore(&p->gro);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
    p->lock_fd = -1;
    port->ifindex = 0;
}

static int packet_start(struct port *port, const struct port_device *device)
{
    struct packet_port *p = packet_of(port);
    int r = packet_lock_device(device->ifindex);

    if (r < 0)
        return r;
    p->lock_fd = r;
    r = packet_apply(p, &device->settings, device->ifindex);
    if (r < 0)
        goto fail;
    r = bind_to(p->rx_fd, ETH_P_ALL, device->ifindex);
    if (r == 0)
        r = bind_to(p->tx_fd, 0, device->ifindex); /* receives nothing */
    if (r < 0)
        goto fail;
    r = set_promiscuous(p, PACKET_ADD_MEMBERSHIP, device->ifindex);
    if (r < 0)
        goto fail;
    p->promisc_ifindex = device->ifindex;
    r = open_reception(p->rx_fd);
    if (r < 0)
        goto fail;
    port->ifindex = device->ifindex;
    port->mtu = device->mtu;
    port->speed = device_speed(p->rx_fd, device->ifindex);
    return 0;

fail:
    packet_stop(port);
    return r;
}

/* With the device the kernel takes the binding away, and the socket says so. */
static bool packet_has_device(const struct port *port)
{
    const struct packet_port *p = packet_of(port);
    struct sockaddr_ll bound;
    socklen_t len = sizeof(bound);

    if (getsockname(p->rx_fd, (struct sockaddr *)&bound, &len) < 0)
        return false;
    return bound.sll_ifindex == (int)port->ifindex;
}

/* The kernel's counters start over with each read. What was read is not in the ledger yet: others
 * look at that while a helper thread closes the ring. */
static void take_statistics(struct packet_port *p)
{
    struct tpacket_stats stats = {0};
    socklen_t len = sizeof(stats);

    if (getsockopt(p->rx_fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0)
        return;
    p->tp_packets += stats.tp_packets;
    p->tp_drops += stats.tp_drops;
    hearing_note(&p->hearing, stats.tp_packets, stats.tp_drops);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void packet_close(struct port *port)
{
    struct packet_port *p = packet_of(port);

    packet_stop(port);
    port->source = NULL;
    p->source.fd = -1;
    if (p->rx.slots)
        take_statistics(p);
    unmap_ring(&p->rx);
    unmap_ring(&p->tx);
    close_fd(&p->rx_fd);
    close_fd(&p->tx_fd);
}

/* The kernel counts a frame before it has filled the slot: on another CPU one may be half way. */
static uint32_t count_unread_after(const struct packet_port *p)
{
    const struct ledger_port *l = &p->port.ledger;
    uint64_t expected = l->tp_packets - l->tp_drops - l->received.frames;
    uint32_t unread = packet_rx_unread(p);

    for (int tries = 0; tries < 1000 && unread < expected; tries++)
        unread = packet_rx_unread(p);
    return unread;
}

static void enter_statistics(struct packet_port *p)
{
    p->port.ledger.tp_packets += p->tp_packets;
    p->port.ledger.tp_drops += p->tp_drops;
    p->tp_packets = 0;
    p->tp_drops = 0;
}

static void packet_snapshot(struct port *port, struct ledger_snapshot *ret_snapshot)
{
    struct packet_port *p = packet_of(port);

    ret_snapshot->has_kernel = true;
    ret_snapshot->held_out = packet_tx_held(p);
    if (port->source) {
        ret_snapshot->unread_min = packet_rx_unread(p);
        take_statistics(p);
    }
    enter_statistics(p);
    if (port->source)
        ret_snapshot->unread_max = count_unread_after(p);
}

static uint64_t frames_in_ring(const struct ledger_port *l)
{
    return l->tp_packets - l->tp_drops - l->received.frames;
}

static bool packet_is_deaf(struct port *port)
{
    struct packet_port *p = packet_of(port);

    take_statistics(p);
    if (p->hearing.dropped > 0)
        take_statistics(p); /* the kernel reads drops last: what filled the ring in between */
    enter_statistics(p);
    return hearing_is_lost(&p->hearing, frames_in_ring(&port->ledger), p->rx.n_slots);
}

/* An interface that comes up while the kernel makes a ring leaves the socket without frames, and
 * binding it is what looks again; but not if nothing is to change. So for a moment it has another
 * protocol, by which frames that are sent are still taken for Ethernet. */
static int bind_again(const struct packet_port *p)
{
    int r;

    if (!packet_has_device(&p->port))
        return 0; /* the next step lets go of it */
    r = bind_to(p->rx_fd, ETH_P_TEB, p->port.ifindex);
    if (r == 0)
        r = bind_to(p->rx_fd, ETH_P_ALL, p->port.ifindex);
    return r == -ENODEV ? 0 : r;
}

/* Another ring for the same socket: the promiscuity and what sends by it stay. Between the two
 * rings frames would be queued like those of a socket that never had one. */
static int packet_renew(struct port *port)
{
    struct packet_port *p = packet_of(port);
    int r = shut_reception(p->rx_fd);

    if (r < 0)
        return r;
    unmap_ring(&p->rx);
    r = make_ring(p->rx_fd, PACKET_RX_RING, 0);
    if (r == 0)
        r = make_ring(p->rx_fd, PACKET_RX_RING, p->rx.n_slots);
    if (r == 0)
        r = map_ring(p->rx_fd, &p->rx);
    return r < 0 ? r : bind_again(p);
}

/* Reception is shut, so whatever was counted and not read was in the other ring. */
static int packet_resume(struct port *port)
{
    struct packet_port *p = packet_of(port);
    int r;

    take_statistics(p);
    enter_statistics(p);
    port->ledger.tp_drops += frames_in_ring(&port->ledger);
    p->hearing = (struct hearing){0};
    r = open_reception(p->rx_fd);
    if (r == 0)
        port->source = &p->source;
    return r;
}

static struct port_ring_info packet_ring_info(const struct port *port)
{
    const struct packet_port *p = packet_of(port);

    if (!port->source)
        return (struct port_ring_info){0};
    return (struct port_ring_info){
        .rx_slots = p->rx.n_slots,
        .tx_slots = p->tx.n_slots,
        .bytes = (uint64_t)(p->rx.n_slots + p->tx.n_slots) * LIMIT_RING_SLOT,
    };
}

static void packet_free(struct port *port)
{
    packet_close(port);
    free(packet_of(port)->tallies);
    free(packet_of(port));
}

static const struct port_ops packet_ops = {
    .type = "netdev",
    .open = packet_open,
    .configure = packet_configure,
    .map = packet_map,
    .start = packet_start,
    .has_device = packet_has_device,
    .adjust = packet_adjust,
    .isolation = packet_isolation,
    .gro = packet_gro,
    .is_deaf = packet_is_deaf,
    .renew = packet_renew,
    .resume = packet_resume,
    .stop = packet_stop,
    .close = packet_close,
    .tx = packet_tx,
    .flush = packet_flush,
    .snapshot = packet_snapshot,
    .ring_info = packet_ring_info,
    .free = packet_free,
};

int packet_port_new(const struct packet_port_params *params, struct port **ret)
{
    struct packet_port *p = calloc(1, sizeof(*p));

    if (p)
        p->tallies = calloc(params->tx_slots, sizeof(p->tallies[0]));
    if (!p || !p->tallies) {
        free(p);
        return -ENOMEM;
    }
    port_init(&p->port, &packet_ops, params->name, params->ifname);
    if (params->type)
        p->port.type = params->type;
    p->source = (struct rx_source){.ops = &packet_rx_ops, .fd = -1};
    p->opener = params->opener;
    p->pool = params->pool;
    p->isolator = params->isolator;
    p->is_one_of_many = params->is_one_of_many;
    isolation_init(&p->isolation);
    gro_init(&p->gro, params->gro_keeper);
    p->rx.n_slots = params->rx_slots;
    p->tx.n_slots = params->tx_slots;
    p->rx_fd = -1;
    p->tx_fd = -1;
    p->lock_fd = -1;
    *ret = &p->port;
    return 0;
}
