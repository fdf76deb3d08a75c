/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_HEARING_H
#define RINGSPAN_HEARING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Hearing: does the kernel still put frames into a ring?
 *
 * One frame can end that. tpacket_rcv() of the kernel marks the ring's next slot as taken
 * (rx_owner_map) before it writes the offload header. For a kind of offload that the header has no
 * word for (UDP fragmentation offload, which a guest may write to its tap; SCTP) that fails, the
 * frame is dropped, and the mark stays. Each frame after it finds the slot taken and is dropped,
 * too: the ring is empty, and nobody is woken. Filters see no kind of offload, who makes the frames
 * is no business of ours, and nothing but another ring is free of the mark. Re-binding, link flaps
 * and reading do not help.
 *
 * What the kernel counts shows it. It drops for want of room only when all slots are taken. So, if
 * fewer frames came than there are slots, counted from a look at which the ring held some, there
 * was room all the time, and a drop proves that a slot is lost. Overload proves nothing: rings
 * that are full were filled. Where many frames come between two looks the first look after the last
 * of them proves it, as soon as one more is dropped.
 *
 * Pure: who looks when is src/control/daemon_hearing.c, and what follows is renew() of a port.
 */

/* Zeroed for a new ring. */
struct hearing {
    uint64_t unread;  /* in the ring, at the last look; and since then */
    uint64_t came;    /* into the ring */
    uint64_t dropped; /* by the kernel */
};

/** The kernel counted so many more, with the dropped among the first. */
static inline void hearing_note(struct hearing *hearing, uint32_t tp_packets, uint32_t tp_drops)
{
    hearing->came += tp_packets - tp_drops;
    hearing->dropped += tp_drops;
}

/** A look: true if nothing will ever come into the ring again. @unread: frames in it now. */
bool hearing_is_lost(struct hearing *hearing, uint64_t unread, uint32_t n_slots);

#endif
