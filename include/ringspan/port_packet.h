/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PORT_PACKET_H
#define RINGSPAN_PORT_PACKET_H

#include <stdint.h>

#include "ringspan/port.h"

/*
 * Packet ports: two AF_PACKET sockets per port, one with an RX ring and one with a TX ring
 * (TPACKET_V2). Two, because whoever waits for a socket is told of each frame that it has sent,
 * too, which costs as much as a look-up: the one that sends is nobody's to wait for.
 *
 * Receiving. Slots have 2048 bytes. A frame that fits is read in place. One that does not (a
 * superframe, a jumbo frame) is queued whole on the socket besides (TP_STATUS_COPY, asked for with
 * PACKET_COPY_THRESH) and read, all of a batch with one recvmmsg(), into memory that all ports
 * share; if the socket's buffer had no room, the slot comes truncated and the frame is dropped,
 * counted. The slot always says which: copies are read in the order of their slots. The kernel
 * strips the outer VLAN tag and reports it in the slot; the offload header stands just before the
 * frame.
 *
 * Sending. An ordinary frame is copied into a TX slot, tags in place. Setting the offload header's
 * hdr_len to the frame's length makes the kernel build a linear buffer, which saves the veth driver
 * a second copy. What the ring cannot carry (superframes, frames over a slot) goes by sendmmsg() on
 * the socket that receives, which has no TX ring, gathered straight from RX memory. Once a batch
 * holds such a frame the rest of the batch follows it there, so order is kept with at most one kick
 * and one sendmmsg().
 *
 * A superframe inside a tunnel is cut into segments here (segment.h), because the kernel would not
 * take it back.
 *
 * The TX ring is never a queue. Only our own send() walks it, strictly in order, and it stops at
 * the first slot that it cannot pass; such a slot would stall all that follow, and after a device
 * went down and up again stale frames would leave. So after the kick, slots that the kernel did not
 * take are taken back at once, and each of those frames is offered one last time by plain send,
 * where one bad frame stops only itself. What fails there is dropped, and the
 * errno says why. Queueing belongs to the qdisc.
 *
 * Ring memory is fixed when a port opens, from the number of ports in the configuration:
 *
 *   share = LIMIT_RING_BYTES / ports, or what other rings leave of LIMIT_RING_BYTES if that is less
 *   tx    = largest power of two <= share/8 / 2048, within 32..256
 *   rx    = largest power of two <= (share - tx * 2048) / 2048, within 32..8192
 *
 * Two ports get 8192 + 256 slots each (16.5 MiB), 64 ports 1024 + 256, 1,000 ports 64 + 32.
 *
 * Both sockets come from the opener and from nobody else.
 */

/* Makes sockets: later from a pool that was filled before privileges were dropped. Called from
 * helper threads; must be thread-safe. */
struct packet_opener {
    /* A fresh AF_PACKET/SOCK_RAW socket, protocol 0, non-blocking, close-on-exec; or -errno. */
    int (*open)(void *arg);
    void *arg;
};

/** socket(2) in the namespace of the calling thread. */
struct packet_opener packet_opener_here(void);

/* Memory for frames that fit no slot, shared by all ports; belongs to the thread of the loop. It
 * has at least LIMIT_SUPERFRAME_SIZE. */
struct bounce_pool;
int bounce_pool_new(uint32_t bytes, struct bounce_pool **ret);
void bounce_pool_free(struct bounce_pool *pool);

struct packet_port_params {
    const char *name;
    const char *ifname;
    const char *type; /* another word than "netdev" for it, or NULL */
    struct packet_opener opener;
    struct bounce_pool *pool;      /* outlives the port */
    struct isolator *isolator;     /* outlives it, too; NULL: isolate_host has no means */
    bool is_one_of_many;           /* see isolation_attach() */
    struct gro_keeper *gro_keeper; /* outlives it; NULL: GRO is left as it is */
    uint32_t rx_slots;             /* powers of two, see the formula */
    uint32_t tx_slots;
};

/** The formula above; @bytes_in_use: of the rings of all other ports. */
struct port_ring_info packet_ring_share(uint32_t n_ports, uint64_t bytes_in_use);

/** A closed port. 0 or -ENOMEM. Release with port_free(). */
int packet_port_new(const struct packet_port_params *params, struct port **ret);

#endif
