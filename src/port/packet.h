/* SPDX-License-Identifier: ISC */
#ifndef SRC_PORT_PACKET_H
#define SRC_PORT_PACKET_H

#include <linux/if_packet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "ringspan/hearing.h"
#include "ringspan/limits.h"
#include "ringspan/port.h"
#include "ringspan/port_packet.h"

/*
 * Inside of packet ports, shared by its files: packet_life.c (sockets, rings, binding),
 * packet_settings.c (what changes while frames flow), packet_rx.c and packet_tx.c (the two rings).
 * port_packet.h says what it is all about.
 */

#define PACKET_BLOCK_SIZE (64u << 10)

struct packet_ring {
    uint8_t *slots;   /* NULL: not mapped */
    uint32_t n_slots; /* a power of two */
    uint32_t head;    /* the next slot to read, or to fill */
};

/* A frame on its way out by a plain send. The tag bytes and the offload header are its own, the
 * rest is borrowed. */
struct packet_message {
    struct iovec parts[4];
    uint32_t n_parts;
    struct frame_weight weight;
    struct virtio_net_hdr vnet;
    uint8_t tags[VLAN_STACK_SIZE * VLAN_TAG_SIZE];
};

struct packet_port {
    struct port port;
    struct rx_source source;
    struct packet_opener opener;
    struct bounce_pool *pool;

    int rx_fd; /* also sends what the TX ring cannot carry, or refused */
    int tx_fd;
    int lock_fd; /* holds the device */
    uint32_t promisc_ifindex;
    struct isolator *isolator;
    bool is_one_of_many;
    struct isolation isolation;
    char isolation_why[ISOLATION_WHY_SIZE];
    struct gro gro;
    int gro_error;
    uint64_t tp_packets; /* what the kernel counted and the ledger does not have yet */
    uint64_t tp_drops;

    struct packet_ring rx; /* a helper thread's while the port has no source */
    struct hearing hearing;
    uint32_t n_borrowed;                 /* slots of the current batch */
    struct iovec copies[LIMIT_RX_BATCH]; /* where those of its frames are that no slot holds */
    uint32_t copy_lens[LIMIT_RX_BATCH];
    uint32_t n_copies;

    struct packet_ring tx;
    uint32_t tx_first; /* the oldest slot that was filled and not kicked; == tx.head if none */
    struct frame_tally **tallies; /* by slot, of those */
    struct packet_message messages[LIMIT_RX_BATCH];
    uint32_t n_messages;
};

/* Slot ownership, the only two places that touch tp_status of a ring: acquire before reading what
 * the kernel wrote, release after writing what the kernel will read. */
static inline uint32_t packet_slot_status(const struct tpacket2_hdr *slot)
{
    return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
}

static inline void packet_slot_hand_over(struct tpacket2_hdr *slot, uint32_t status)
{
    __atomic_store_n(&slot->tp_status, status, __ATOMIC_RELEASE);
}

static inline struct tpacket2_hdr *packet_slot(const struct packet_ring *ring, uint32_t i)
{
    return (struct tpacket2_hdr *)(void *)(ring->slots +
                                           (size_t)(i & (ring->n_slots - 1)) * LIMIT_RING_SLOT);
}

/* NULL if what is left is less than that. */
uint8_t *bounce_pool_take(struct bounce_pool *pool, uint32_t size);
/* So many are not needed any more; what they had is there again when the last one comes back. */
void bounce_pool_give(struct bounce_pool *pool, uint32_t n_buffers);

extern const struct rx_source_ops packet_rx_ops;
/* Filled slots that batch() has not seen. */
uint32_t packet_rx_unread(const struct packet_port *p);

/** setsockopt(2): 0 or -errno. */
int packet_set_option(int fd, int level, int option, const void *value, socklen_t len);
int packet_set_int(int fd, int level, int option, int value);

/** Isolation, GRO and options, as the settings want them; 0 or -errno. */
int packet_apply(struct packet_port *p, const struct port_settings *settings, uint32_t ifindex);
void packet_end_isolation(struct packet_port *p);
int packet_adjust(struct port *port, const struct port_settings *settings);
struct port_isolation packet_isolation(const struct port *port);
struct port_gro packet_gro(const struct port *port);

void packet_tx(struct port *port, const struct frame *frame);
void packet_flush(struct port *port);
uint32_t packet_tx_held(const struct packet_port *p);

#endif
