/* SPDX-License-Identifier: ISC */
#include "traffic_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "ringspan/netns.h"

#define VNET_SIZE     10 /* struct virtio_net_hdr */
#define TX_OFFSET     (TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))
#define TX_SLOTS_MIN  64u
#define TX_BLOCK_SIZE 4096u
/* An interface that refuses for longer than this is not busy but stuck. */
#define TX_PATIENCE_NS (2 * NS_PER_SEC)

#define RX_BLOCK_SIZE    (256u << 10)
#define RX_FRAMES        65536u /* that a ring holds, if that is not too large: */
#define RX_BYTES_MAX     (64u << 20)
#define RX_ALL_BYTES_MAX (512u << 20)
#define RX_BLOCKS_MIN    4u
#define RX_OVERHEAD      96u /* of V3, per frame */
#define RX_RETIRE_MS     10

static int complain(const struct traffic_end *end, const char *what, int r)
{
    fprintf(stderr, "ringspan-traffic: %s: %s: %s\n", end->name, what, strerror(-r));
    return r;
}

static int enter(const struct traffic_end *end, int *ret_home)
{
    struct netns_id id;
    char *path;
    int fd;
    int r;

    if (!end->netns)
        return netns_enter(-1, ret_home);
    r = netns_path(end->netns, &path);
    if (r < 0)
        return r;
    r = netns_open(path, &fd, &id);
    free(path);
    if (r < 0)
        return r;
    r = netns_enter(fd, ret_home);
    close(fd);
    return r;
}

static int set_int(int fd, int option, int value)
{
    return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* A socket of the end's namespace, which hears nothing yet. */
static int open_inside(const struct traffic_end *end, int *ret_ifindex, int *ret_mtu)
{
    struct ifreq request = {0};
    int home;
    int fd;
    int r = enter(end, &home);

    if (r < 0)
        return complain(end, "cannot enter the network namespace", r);
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0)
        r = -errno;
    netns_leave(home);
    if (r < 0)
        return complain(end, "cannot open a packet socket", r);
    strcpy(request.ifr_name, end->ifname);
    if (ioctl(fd, SIOCGIFMTU, &request) < 0) {
        r = complain(end, "cannot find the interface", -errno);
        goto fail;
    }
    *ret_mtu = request.ifr_mtu;
    if (ioctl(fd, SIOCGIFINDEX, &request) < 0) {
        r = complain(end, "cannot find the interface", -errno);
        goto fail;
    }
    *ret_ifindex = request.ifr_ifindex;
    return fd;

fail:
    close(fd);
    return r;
}

static int bind_to(const struct traffic_end *end, int fd, int ifindex, uint16_t ethertype)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ethertype),
        .sll_ifindex = ifindex,
    };

    return bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0
               ? complain(end, "cannot bind to the interface", -errno)
               : 0;
}

/* Addresses of a stream need not be those of the interface. */
static int hear_all(int fd, int ifindex)
{
    struct packet_mreq request = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};

    return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) < 0 ? -errno
                                                                                            : 0;
}

static int map_ring(int fd, size_t bytes, uint8_t **ret_map)
{
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

    if (map == MAP_FAILED)
        return -errno;
    *ret_map = map;
    return 0;
}

static uint32_t power_of_two_from(uint32_t n)
{
    uint32_t power = 1;

    while (power < n)
        power *= 2;
    return power;
}

static struct tpacket2_hdr *tx_slot(const struct traffic_tx *tx, uint32_t i)
{
    return (struct tpacket2_hdr *)(void *)(tx->map +
                                           (size_t)(i & (tx->n_slots - 1)) * tx->slot_size);
}

static uint32_t tx_status(const struct tpacket2_hdr *slot)
{
    return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
}

static uint8_t *tx_frame(struct tpacket2_hdr *slot)
{
    return (uint8_t *)slot + TX_OFFSET + VNET_SIZE;
}

static int make_tx_ring(struct traffic_tx *tx)
{
    uint32_t block = tx->slot_size > TX_BLOCK_SIZE ? tx->slot_size : TX_BLOCK_SIZE;
    struct tpacket_req request = {
        .tp_block_size = block,
        .tp_block_nr = (uint32_t)(tx->map_bytes / block),
        .tp_frame_size = tx->slot_size,
        .tp_frame_nr = tx->n_slots,
    };
    int r = set_int(tx->fd, PACKET_VERSION, TPACKET_V2);

    if (r == 0)
        r = set_int(tx->fd, PACKET_VNET_HDR, 1);
    if (r == 0 && setsockopt(tx->fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)) < 0)
        r = -errno;
    if (r == 0)
        r = map_ring(tx->fd, tx->map_bytes, &tx->map);
    return r;
}

/* A header length as long as the frame: the kernel copies it into one piece, which veth needs not
 * copy again (packet_snd's pages would be). */
static void fill_slots(struct traffic_tx *tx, const struct traffic_shape *shape)
{
    const struct virtio_net_hdr vnet = {.hdr_len = (uint16_t)shape->size};

    for (uint32_t i = 0; i < tx->n_slots; i++) {
        struct tpacket2_hdr *slot = tx_slot(tx, i);

        slot->tp_len = VNET_SIZE + shape->size;
        memcpy((uint8_t *)slot + TX_OFFSET, &vnet, VNET_SIZE);
        traffic_frame_fill(tx_frame(slot), shape);
    }
}

int traffic_tx_open(const struct traffic_end *end, const struct traffic_shape *shape,
                    uint32_t burst, struct traffic_tx *ret_tx)
{
    uint32_t slot_size = power_of_two_from(TX_OFFSET + VNET_SIZE + shape->size);
    uint32_t n_slots = power_of_two_from(2 * burst < TX_SLOTS_MIN ? TX_SLOTS_MIN : 2 * burst);
    struct traffic_tx tx = {
        .slot_size = slot_size, .n_slots = n_slots, .map_bytes = (size_t)slot_size * n_slots};
    int ifindex;
    int mtu;
    int r = open_inside(end, &ifindex, &mtu);

    if (r < 0)
        return r;
    tx.fd = r;
    if (shape->size > (uint32_t)mtu + ETH_HLEN) {
        r = complain(end, "its MTU is too small for such frames", -EMSGSIZE);
        goto fail;
    }
    r = make_tx_ring(&tx);
    if (r < 0) {
        complain(end, "cannot make a ring to send from", r);
        goto fail;
    }
    r = bind_to(end, tx.fd, ifindex, 0);
    if (r < 0)
        goto fail;
    fill_slots(&tx, shape);
    *ret_tx = tx;
    return 0;

fail:
    traffic_tx_close(&tx);
    return r;
}

void traffic_tx_close(struct traffic_tx *tx)
{
    if (tx->map)
        munmap(tx->map, tx->map_bytes);
    if (tx->fd >= 0)
        close(tx->fd);
    *tx = (struct traffic_tx){.fd = -1};
}

uint8_t *traffic_tx_next(struct traffic_tx *tx)
{
    struct tpacket2_hdr *slot = tx_slot(tx, tx->head);

    return tx_status(slot) == TP_STATUS_AVAILABLE ? tx_frame(slot) : NULL;
}

void traffic_tx_queue(struct traffic_tx *tx)
{
    __atomic_store_n(&tx_slot(tx, tx->head)->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
    tx->head++;
}

static void count_accepted(struct traffic_tx *tx)
{
    while (tx->tail != tx->head && tx_status(tx_slot(tx, tx->tail)) != TP_STATUS_SEND_REQUEST)
        tx->tail++;
}

int traffic_tx_kick(const struct traffic_end *end, struct traffic_tx *tx)
{
    uint64_t give_up_at = 0;

    while (tx->tail != tx->head) {
        int error = send(tx->fd, NULL, 0, MSG_DONTWAIT) < 0 ? errno : 0;
        uint32_t before = tx->tail;

        count_accepted(tx);
        if (tx->tail != before)
            give_up_at = 0;
        if (tx->tail == tx->head || error == EINTR)
            continue;
        /* The frame was dropped, and stands in its slot still. */
        if (error == ENOBUFS)
            tx->refused++;
        else if (error != 0 && error != EAGAIN)
            return complain(end, "cannot send", -error);
        if (give_up_at == 0)
            give_up_at = clock_now() + TX_PATIENCE_NS;
        else if (clock_now() > give_up_at)
            return complain(end, "sends nothing any more", -ETIMEDOUT);
    }
    return 0;
}

static uint32_t rx_blocks_for(const struct traffic_shape *shape, uint32_t n_ends)
{
    uint32_t bytes = RX_FRAMES * (RX_OVERHEAD + (shape->size < 900 ? shape->size : 900));
    uint32_t share = RX_ALL_BYTES_MAX / (n_ends > 0 ? n_ends : 1);

    if (bytes > RX_BYTES_MAX)
        bytes = RX_BYTES_MAX;
    if (bytes > share)
        bytes = share;
    return bytes / RX_BLOCK_SIZE > RX_BLOCKS_MIN ? bytes / RX_BLOCK_SIZE : RX_BLOCKS_MIN;
}

static int make_rx_ring(struct traffic_rx *rx)
{
    const uint32_t frame_size = 2048; /* V3 packs them: this only has to divide the block */
    struct tpacket_req3 request = {
        .tp_block_size = RX_BLOCK_SIZE,
        .tp_block_nr = rx->n_blocks,
        .tp_frame_size = frame_size,
        .tp_frame_nr = rx->n_blocks * (RX_BLOCK_SIZE / frame_size),
        .tp_retire_blk_tov = RX_RETIRE_MS,
    };
    int r = set_int(rx->fd, PACKET_VERSION, TPACKET_V3);

    if (r == 0)
        r = set_int(rx->fd, PACKET_IGNORE_OUTGOING, 1);
    if (r == 0 && setsockopt(rx->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
        r = -errno;
    if (r == 0)
        r = map_ring(rx->fd, rx->map_bytes, &rx->map);
    return r;
}

int traffic_rx_open(const struct traffic_end *end, const struct traffic_shape *shape,
                    uint32_t n_ends, struct traffic_rx *ret_rx)
{
    uint32_t n_blocks = rx_blocks_for(shape, n_ends);
    struct traffic_rx rx = {.n_blocks = n_blocks, .map_bytes = (size_t)n_blocks * RX_BLOCK_SIZE};
    int ifindex;
    int mtu;
    int r = open_inside(end, &ifindex, &mtu);

    if (r < 0)
        return r;
    rx.fd = r;
    r = make_rx_ring(&rx);
    if (r == 0)
        r = hear_all(rx.fd, ifindex);
    if (r < 0) {
        complain(end, "cannot make a ring to receive into", r);
        goto fail;
    }
    r = bind_to(end, rx.fd, ifindex, shape->is_ip ? ETH_P_IP : shape->ethertype);
    if (r < 0)
        goto fail;
    *ret_rx = rx;
    return 0;

fail:
    traffic_rx_close(&rx);
    return r;
}

void traffic_rx_close(struct traffic_rx *rx)
{
    if (rx->map)
        munmap(rx->map, rx->map_bytes);
    if (rx->fd >= 0)
        close(rx->fd);
    *rx = (struct traffic_rx){.fd = -1};
}

static struct traffic_arrival arrival_of(const struct tpacket3_hdr *slot)
{
    return (struct traffic_arrival){
        .bytes = (const uint8_t *)slot + slot->tp_mac,
        .len = slot->tp_snaplen,
        .is_whole = slot->tp_snaplen == slot->tp_len && !(slot->tp_status & TP_STATUS_VLAN_VALID),
        .wall_ns = slot->tp_sec * NS_PER_SEC + slot->tp_nsec,
    };
}

bool traffic_rx_read(struct traffic_rx *rx,
                     void (*take)(const struct traffic_arrival *arrival, void *arg), void *arg)
{
    uint8_t *block = rx->map + (size_t)rx->head * RX_BLOCK_SIZE;
    struct tpacket_hdr_v1 *header = &((struct tpacket_block_desc *)(void *)block)->hdr.bh1;
    const uint8_t *place;

    if (!(__atomic_load_n(&header->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
        return false;
    place = block + header->offset_to_first_pkt;
    for (uint32_t i = 0; i < header->num_pkts; i++) {
        const struct tpacket3_hdr *slot = (const struct tpacket3_hdr *)(const void *)place;
        struct traffic_arrival arrival = arrival_of(slot);

        take(&arrival, arg);
        place += slot->tp_next_offset;
    }
    __atomic_store_n(&header->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    rx->head = (rx->head + 1) % rx->n_blocks;
    return true;
}

uint64_t traffic_rx_dropped(struct traffic_rx *rx)
{
    struct tpacket_stats_v3 stats;
    socklen_t len = sizeof(stats);

    return getsockopt(rx->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0 ? 0 : stats.tp_drops;
}

int traffic_frame_limit(const struct traffic_end *end)
{
    int ifindex;
    int mtu;
    int fd = open_inside(end, &ifindex, &mtu);

    if (fd < 0)
        return fd;
    close(fd);
    return mtu + ETH_HLEN;
}

int traffic_plain_open(const struct traffic_end *end, uint16_t ethertype)
{
    const int deep = 4 << 20;
    int ifindex;
    int mtu;
    int r;
    int fd = open_inside(end, &ifindex, &mtu);

    if (fd < 0)
        return fd;
    r = set_int(fd, PACKET_IGNORE_OUTGOING, 1);
    if (r == 0)
        r = hear_all(fd, ifindex);
    if (r == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &deep, sizeof(deep)) < 0)
        r = -errno;
    if (r < 0)
        complain(end, "cannot set up a packet socket", r);
    else
        r = bind_to(end, fd, ifindex, ethertype);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}
