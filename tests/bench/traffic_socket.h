/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_SOCKET_H
#define TESTS_BENCH_TRAFFIC_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traffic_frame.h"
#include "traffic_layout.h"

/*
 * Sockets at the ends: a ring to send from, a ring to receive into, and plain ones.
 *
 * Each is opened from inside the end's namespace and bound to its interface; the calling thread is
 * back home afterwards. What fails says so on standard error, a sentence that begins with the end's
 * name, and returns -errno.
 *
 * A sender's ring has room for two bursts and no more, so that it stays in the caches; its frames
 * are written once and labelled in place. A receiver's ring (V3, which costs the one who delivers
 * the least) rides out a tenth of a second in which nobody looks; it is bound to the ethertype of
 * its frames, so that no other one is copied.
 */

struct traffic_tx {
    int fd;
    uint8_t *map;
    size_t map_bytes;
    uint32_t slot_size;
    uint32_t n_slots; /* a power of two */
    uint32_t head;    /* the next to fill */
    uint32_t tail;    /* the oldest that was not accepted yet */
    uint64_t refused; /* the interface dropped it; it was sent once more */
};

struct traffic_rx {
    int fd;
    uint8_t *map;
    size_t map_bytes;
    uint32_t n_blocks;
    uint32_t head;
};

/* A frame in the ring of a receiver. */
struct traffic_arrival {
    const uint8_t *bytes;
    uint32_t len;
    bool is_whole;    /* neither cut nor tagged */
    uint64_t wall_ns; /* when it came, time of day */
};

int traffic_tx_open(const struct traffic_end *end, const struct traffic_shape *shape,
                    uint32_t burst, struct traffic_tx *ret_tx);
void traffic_tx_close(struct traffic_tx *tx);
/** The frame to label next; NULL if the kernel still holds it. */
uint8_t *traffic_tx_next(struct traffic_tx *tx);
/** It is to go with the next kick. */
void traffic_tx_queue(struct traffic_tx *tx);
/** Sends what is queued, in order, and all of it. 0 or -errno, said already. */
int traffic_tx_kick(const struct traffic_end *end, struct traffic_tx *tx);

int traffic_rx_open(const struct traffic_end *end, const struct traffic_shape *shape,
                    uint32_t n_ends, struct traffic_rx *ret_rx);
void traffic_rx_close(struct traffic_rx *rx);
/** Hands the frames of the next block that is complete to @take and the block back to the kernel.
 * False if there is none. */
bool traffic_rx_read(struct traffic_rx *rx,
                     void (*take)(const struct traffic_arrival *arrival, void *arg), void *arg);
/** How many frames found the ring full since the last call. */
uint64_t traffic_rx_dropped(struct traffic_rx *rx);

/** The largest frame that the end can send, without checksum. Or -errno, said already. */
int traffic_frame_limit(const struct traffic_end *end);

/** A blocking socket for frames of one ethertype. The descriptor, or -errno. */
int traffic_plain_open(const struct traffic_end *end, uint16_t ethertype);

#endif
