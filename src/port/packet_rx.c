/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "packet.h"
#include "ringspan/clock.h"
#include "ringspan/container.h"

/* Each of them clears one pending error; an interface that goes raises two, milliseconds apart. */
#define RECEIVE_TRIES 4

/* Fills in what the slot says besides the bytes. */
static void read_metadata(const struct tpacket2_hdr *slot, uint32_t status, struct frame *ret_frame)
{
    ret_frame->n_tags = 0;
    ret_frame->defect = DROP_NONE;
    ret_frame->tally = NULL;
    if (status & TP_STATUS_VLAN_VALID) {
        ret_frame->tags[0].tci = slot->tp_vlan_tci;
        ret_frame->tags[0].tpid =
            status & TP_STATUS_VLAN_TPID_VALID ? slot->tp_vlan_tpid : VLAN_TPID_C;
        ret_frame->n_tags = 1;
    }
}

/* The frame in the slot itself. Offsets come from shared memory: each is checked before it is used.
 */
static void read_in_place(const struct tpacket2_hdr *slot, struct frame *ret_frame)
{
    const uint8_t *start = (const uint8_t *)slot;
    uint32_t mac = slot->tp_mac;
    uint32_t captured = slot->tp_snaplen;

    ret_frame->data = start;
    ret_frame->len = 0;
    memset(&ret_frame->vnet, 0, sizeof(ret_frame->vnet));
    if (mac < sizeof(*slot) + FRAME_VNET_SIZE || mac > LIMIT_RING_SLOT ||
        captured > LIMIT_RING_SLOT - mac) {
        ret_frame->defect = DROP_MALFORMED;
        return;
    }
    ret_frame->data = start + mac;
    ret_frame->len = captured;
    memcpy(&ret_frame->vnet, ret_frame->data - FRAME_VNET_SIZE, FRAME_VNET_SIZE);
    if (captured < slot->tp_len)
        ret_frame->defect = DROP_TRUNCATED;
}

/* Where the whole copy of a frame goes that did not fit its slot. A superframe has as much as the
 * longest: more of them at a time would not be in the cache any more when they leave. What is
 * longer than that is cut, and shows it by its length. */
static uint8_t *take_buffer(struct packet_port *p, const struct tpacket2_hdr *slot)
{
    uint32_t size = LIMIT_SUPERFRAME_SIZE;
    uint8_t *buffer;

    if (slot->tp_len < LIMIT_BOUNCE_JUMBO)
        size = slot->tp_len + FRAME_VNET_SIZE;
    buffer = bounce_pool_take(p->pool, size);
    if (buffer)
        p->copies[p->n_copies++] = (struct iovec){.iov_base = buffer, .iov_len = size};
    return buffer;
}

/* How many slots there are to read, up to @max, and room for those whose frames are elsewhere. If
 * the pool has none left, the rest waits for the next turn. */
static uint32_t count_ready(struct packet_port *p, uint32_t max)
{
    uint32_t n = 0;

    for (; n < max; n++) {
        const struct tpacket2_hdr *slot = packet_slot(&p->rx, p->rx.head + n);
        uint32_t status = packet_slot_status(slot);

        if (!(status & TP_STATUS_USER) || (status & TP_STATUS_COPY && !take_buffer(p, slot)))
            break;
    }
    return n;
}

/* Reads whole copies, which stand in the order of their slots: one that was left behind would be
 * taken for the next slot's. What can go wrong is a pending error of the socket (the device went
 * down), which the next call reports, whatever that is; behind it the copy is still there. */
static void receive_copies(struct packet_port *p)
{
    struct mmsghdr headers[LIMIT_RX_BATCH];
    uint32_t done = 0;

    for (uint32_t i = 0; i < p->n_copies; i++)
        headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &p->copies[i], .msg_iovlen = 1}};
    for (int tries = 0; done < p->n_copies && tries < RECEIVE_TRIES;) {
        int n =
            recvmmsg(p->rx_fd, headers + done, p->n_copies - done, MSG_DONTWAIT | MSG_TRUNC, NULL);

        if (n > 0)
            done += (uint32_t)n;
        else
            tries++;
    }
    for (uint32_t i = 0; i < p->n_copies; i++)
        p->copy_lens[i] = i < done ? headers[i].msg_len : 0;
}

static void read_copy(const uint8_t *buffer, uint32_t len, const struct tpacket2_hdr *slot,
                      struct frame *ret_frame)
{
    ret_frame->data = buffer;
    ret_frame->len = 0;
    memset(&ret_frame->vnet, 0, sizeof(ret_frame->vnet));
    if (len < FRAME_VNET_SIZE || len > LIMIT_SUPERFRAME_SIZE) {
        ret_frame->defect = DROP_TRUNCATED;
        return;
    }
    memcpy(&ret_frame->vnet, buffer, FRAME_VNET_SIZE);
    ret_frame->data = buffer + FRAME_VNET_SIZE;
    ret_frame->len = len - FRAME_VNET_SIZE;
    if (ret_frame->len != slot->tp_len)
        ret_frame->defect = DROP_MALFORMED;
}

static void check(const struct packet_port *p, struct frame *frame)
{
    if (frame->defect == DROP_NONE && p->port.edge_tpid)
        frame_take_tag(frame, (uint8_t *)frame->data, p->port.edge_tpid);
    if (frame->defect == DROP_NONE && !frame_vnet_is_sane(frame))
        frame->defect = DROP_MALFORMED;
}

static uint32_t rx_batch(struct rx_source *source, struct frame *ret_frames, uint32_t max)
{
    struct packet_port *p = container_of(source, struct packet_port, source);
    uint32_t n_read = 0;

    if (max > LIMIT_RX_BATCH)
        max = LIMIT_RX_BATCH;
    if (max > p->rx.n_slots) /* what is borrowed still looks like news, once around the ring */
        max = p->rx.n_slots;
    p->n_borrowed = count_ready(p, max);
    if (p->n_copies > 0)
        receive_copies(p);
    for (uint32_t i = 0; i < p->n_borrowed; i++) {
        const struct tpacket2_hdr *slot = packet_slot(&p->rx, p->rx.head + i);
        uint32_t status = packet_slot_status(slot);
        struct frame *frame = &ret_frames[i];

        frame->ingress = p->port.id;
        read_metadata(slot, status, frame);
        if (status & TP_STATUS_COPY) {
            read_copy(p->copies[n_read].iov_base, p->copy_lens[n_read], slot, frame);
            n_read++;
        } else {
            read_in_place(slot, frame);
        }
        check(p, frame);
    }
    return p->n_borrowed;
}

static uint64_t rx_arrival(const struct rx_source *source, uint32_t i)
{
    const struct packet_port *p = container_of(source, struct packet_port, source);
    const struct tpacket2_hdr *slot = packet_slot(&p->rx, p->rx.head + i);

    return slot->tp_sec * NS_PER_SEC + slot->tp_nsec;
}

static uint32_t rx_length(const struct rx_source *source, uint32_t i)
{
    const struct packet_port *p = container_of(source, struct packet_port, source);

    return packet_slot(&p->rx, p->rx.head + i)->tp_len;
}

static void rx_release(struct rx_source *source)
{
    struct packet_port *p = container_of(source, struct packet_port, source);

    for (uint32_t i = 0; i < p->n_borrowed; i++)
        packet_slot_hand_over(packet_slot(&p->rx, p->rx.head + i), TP_STATUS_KERNEL);
    p->rx.head += p->n_borrowed;
    p->n_borrowed = 0;
    bounce_pool_give(p->pool, p->n_copies);
    p->n_copies = 0;
}

static bool rx_has_news(const struct rx_source *source)
{
    const struct packet_port *p = container_of(source, struct packet_port, source);

    return packet_slot_status(packet_slot(&p->rx, p->rx.head)) & TP_STATUS_USER;
}

static int rx_take_error(struct rx_source *source)
{
    struct packet_port *p = container_of(source, struct packet_port, source);
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(p->rx_fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return errno;
    return error;
}

const struct rx_source_ops packet_rx_ops = {
    .batch = rx_batch,
    .arrival = rx_arrival,
    .length = rx_length,
    .release = rx_release,
    .has_news = rx_has_news,
    .take_error = rx_take_error,
};

uint32_t packet_rx_unread(const struct packet_port *p)
{
    uint32_t n = 0;

    while (n < p->rx.n_slots &&
           packet_slot_status(packet_slot(&p->rx, p->rx.head + n)) & TP_STATUS_USER)
        n++;
    return n;
}
