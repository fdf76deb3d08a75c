/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PORT_MEMORY_H
#define RINGSPAN_PORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/port.h"

/*
 * Memory ports: a port whose wire is an array.
 *
 * A whole switch of them runs in a process with no privileges and a clock that the test turns.
 * memory_port_inject() is the host sending; memory_port_sent() is what the host would have
 * received, tags back in place, offload header beside it. Both directions are bounded; an egress
 * that is full refuses frames with TX_QUEUE_FULL, as a device would, and one that is not started
 * with EGRESS_GONE, as a socket that is bound to nothing would. memory_port_fail_tx() makes the
 * next frames fail with a chosen reason.
 */

/* A frame as on the wire. */
struct memory_frame {
    uint8_t *bytes;
    uint32_t len;
    struct virtio_net_hdr vnet;
};

/** A port named @name, on an imaginary device of the same name. Release with port_free(). 0 or
 * -ENOMEM. */
int memory_port_new(const char *name, struct port **ret);

/**
 * The host sends: @bytes are copied. Like the kernel, the port takes an outer 0x8100 or 0x88a8 tag
 * out of the bytes; @vnet (NULL: all zero) counts from the frame without it. False if the port is
 * not started or its queue is full: nothing arrived then, and nothing is counted.
 */
bool memory_port_inject(struct port *port, const uint8_t *bytes, uint32_t len,
                        const struct virtio_net_hdr *vnet);
/** The same with a defect that the edge would have found. */
bool memory_port_inject_defect(struct port *port, const uint8_t *bytes, uint32_t len,
                               enum drop_reason defect);

/** The same with a frame of which the last @cut bytes were cut off: these are what is left of it.
 */
bool memory_port_inject_cut(struct port *port, const uint8_t *bytes, uint32_t len, uint32_t cut);

/** When the frames that are injected from now on arrive, in ns since 1970; at first 0: unknown. */
void memory_port_set_time(struct port *port, uint64_t time);

/** How many frames left since the last memory_port_clear_sent(). */
size_t memory_port_n_sent(const struct port *port);
/** The @i-th of them; valid until memory_port_clear_sent(). */
const struct memory_frame *memory_port_sent(const struct port *port, size_t i);
void memory_port_clear_sent(struct port *port);

/** The next @n frames handed to the port are refused with @reason. */
void memory_port_fail_tx(struct port *port, uint32_t n, enum drop_reason reason);

#endif
