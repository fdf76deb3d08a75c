/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "packet.h"
#include "ringspan/container.h"
#include "ringspan/segment.h"

/* Where a frame starts in a TX slot: behind the slot's header, which for V2 is TPACKET2_HDRLEN
 * without the address (af_packet.c, tpacket_parse_header). */
#define TX_OFFSET (TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))
#define TX_ROOM   (LIMIT_RING_SLOT - TX_OFFSET - FRAME_VNET_SIZE)

/* Every errno that a send can end with, sorted once. */
static enum drop_reason reason_of(int error)
{
    switch (error) {
    case ENETDOWN:
        return DROP_EGRESS_DOWN;
    case ENXIO:
    case ENODEV:
        return DROP_EGRESS_GONE;
    case ENOBUFS:
        return DROP_TX_QUEUE_FULL;
    case EAGAIN:
        return DROP_TX_BUSY;
    case EMSGSIZE:
        return DROP_TOO_LONG;
    case EINVAL:
        return DROP_TX_REJECTED;
    default:
        return DROP_TX_ERROR;
    }
}

/* The device takes nothing any more: what follows would fail the same way. */
static bool is_final(enum drop_reason reason)
{
    return reason == DROP_EGRESS_DOWN || reason == DROP_EGRESS_GONE || reason == DROP_TX_BUSY;
}

static void fill_headers(const struct packet_port *p, struct sockaddr_ll *to, uint32_t n,
                         struct mmsghdr *ret_headers)
{
    *to = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = (int)p->port.ifindex};
    for (uint32_t i = 0; i < n; i++) {
        const struct packet_message *message = &p->messages[i];

        ret_headers[i] = (struct mmsghdr){.msg_hdr = {
                                              .msg_name = to,
                                              .msg_namelen = sizeof(*to),
                                              .msg_iov = (struct iovec *)message->parts,
                                              .msg_iovlen = message->n_parts,
                                          }};
    }
}

/* Sends the first of the messages, and those behind it as long as they pass: how many, or -errno.
 * The socket is the one that receives: it may have the news pending that the device went down, of
 * late or long ago, and reports that once in place of sending. */
static int send_some(const struct packet_port *p, struct mmsghdr *messages, uint32_t n)
{
    int sent = sendmmsg(p->rx_fd, messages, n, MSG_DONTWAIT);

    if (sent < 0 && errno == ENETDOWN)
        sent = sendmmsg(p->rx_fd, messages, n, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

/* Sends the messages in order. One that fails is dropped with its reason and does not stop those
 * behind it, unless none of them can be sent either. */
static void send_messages(struct packet_port *p)
{
    struct mmsghdr headers[LIMIT_RX_BATCH];
    struct sockaddr_ll to;
    uint32_t n = p->n_messages;
    uint32_t i = 0;

    fill_headers(p, &to, n, headers);
    while (i < n) {
        int sent = send_some(p, headers + i, n - i);
        enum drop_reason reason;

        if (sent > 0) {
            for (uint32_t end = i + (uint32_t)sent; i < end; i++)
                port_count_accepted(&p->port, p->messages[i].weight);
            continue;
        }
        if (sent == -EINTR)
            continue;
        reason = reason_of(-sent);
        do {
            port_count_out_dropped(&p->port, reason, p->messages[i].weight.tally);
            i++;
        } while (i < n && is_final(reason));
    }
    p->n_messages = 0;
}

static void add_part(struct packet_message *message, const void *bytes, size_t len)
{
    message->parts[message->n_parts++] = (struct iovec){.iov_base = (void *)bytes, .iov_len = len};
}

static struct packet_message *next_message(struct packet_port *p)
{
    struct packet_message *message;

    if (p->n_messages == LIMIT_RX_BATCH)
        send_messages(p);
    message = &p->messages[p->n_messages++];
    message->n_parts = 0;
    return message;
}

static void queue_message(struct packet_port *p, const struct frame *frame)
{
    struct packet_message *message = next_message(p);

    message->weight = frame_weigh(frame);
    message->vnet = frame_wire_vnet(frame);
    add_part(message, &message->vnet, FRAME_VNET_SIZE);
    if (frame->n_tags == 0) {
        add_part(message, frame->data, frame->len);
        return;
    }
    for (uint8_t i = 0; i < frame->n_tags; i++)
        vlan_tag_store(frame->tags[i], message->tags + (size_t)i * VLAN_TAG_SIZE);
    add_part(message, frame->data, 12);
    add_part(message, message->tags, (size_t)frame->n_tags * VLAN_TAG_SIZE);
    add_part(message, frame->data + 12, frame->len - 12);
}

/* Of the frame in slot number @i. */
static struct frame_weight slot_weight(const struct packet_port *p, uint32_t i)
{
    return (struct frame_weight){.bytes = packet_slot(&p->tx, i)->tp_len - FRAME_VNET_SIZE,
                                 .segments = 1,
                                 .tally = p->tallies[i & (p->tx.n_slots - 1)]};
}

/* Takes slot number @i back and offers its frame once more, by itself. */
static void queue_refused(struct packet_port *p, uint32_t i)
{
    struct packet_message *message = next_message(p);
    struct tpacket2_hdr *slot = packet_slot(&p->tx, i);

    message->weight = slot_weight(p, i);
    add_part(message, (const uint8_t *)slot + TX_OFFSET, slot->tp_len);
    packet_slot_hand_over(slot, TP_STATUS_AVAILABLE);
}

/* Offers the filled slots to the kernel and judges each by what became of it. The kernel's own
 * cursor stays at the first that it refused, so the ring goes on being filled from there. */
static void kick(struct packet_port *p)
{
    uint32_t refused = p->tx.head;

    if (p->tx_first == p->tx.head)
        return;
    (void)send(p->tx_fd, NULL, 0, MSG_DONTWAIT); /* the slots say more than the result */
    for (uint32_t i = p->tx_first; i != p->tx.head; i++) {
        uint32_t status = packet_slot_status(packet_slot(&p->tx, i));

        if (status & (TP_STATUS_SEND_REQUEST | TP_STATUS_WRONG_FORMAT)) {
            if (refused == p->tx.head)
                refused = i;
            queue_refused(p, i);
        } else {
            port_count_accepted(&p->port, slot_weight(p, i));
        }
    }
    p->tx.head = refused;
    p->tx_first = refused;
    if (p->n_messages > 0)
        send_messages(p);
}

/* The next slot, if it is ours to fill: one of this batch that was not kicked yet is not, nor one
 * that a qdisc still holds. */
static struct tpacket2_hdr *free_slot(const struct packet_port *p)
{
    struct tpacket2_hdr *slot = packet_slot(&p->tx, p->tx.head);

    return packet_slot_status(slot) == TP_STATUS_AVAILABLE ? slot : NULL;
}

static void fill_slot(struct packet_port *p, struct tpacket2_hdr *slot, const struct frame *frame)
{
    uint8_t *at = (uint8_t *)slot + TX_OFFSET;
    struct virtio_net_hdr vnet = frame_wire_vnet(frame);
    uint32_t len = frame_write_wire(frame, at + FRAME_VNET_SIZE);

    vnet.hdr_len = (uint16_t)len; /* makes the kernel's copy linear */
    memcpy(at, &vnet, FRAME_VNET_SIZE);
    slot->tp_len = len + FRAME_VNET_SIZE;
    p->tallies[p->tx.head & (p->tx.n_slots - 1)] = frame->tally;
    packet_slot_hand_over(slot, TP_STATUS_SEND_REQUEST);
    p->tx.head++;
}

/* Beyond the MTU a plain send grants a C-tag four bytes, and an S-tag none (af_packet.c,
 * packet_extra_vlan_len_allowed). With an offload header the ring does not ask. */
static bool is_refused_plainly(const struct packet_port *p, const struct frame *frame)
{
    return frame_wire_len(frame) > p->port.mtu + ETHER_HEADER_SIZE &&
           frame_outer_tpid(frame) != VLAN_TPID_C;
}

static void offer(struct packet_port *p, const struct frame *frame)
{
    bool fits_slot = !frame_is_superframe(frame) && frame_wire_len(frame) <= TX_ROOM;
    struct tpacket2_hdr *slot = NULL;

    if (p->n_messages > 0 && fits_slot && is_refused_plainly(p, frame))
        send_messages(p);
    /* While a message waits, the rest of the batch follows it: order. */
    if (p->n_messages == 0 && fits_slot)
        slot = free_slot(p);
    if (slot) {
        fill_slot(p, slot, frame);
        return;
    }
    kick(p); /* what it refuses becomes a message too, and comes first */
    queue_message(p, frame);
}

/* Cuts a superframe that the kernel would not take back. Segments share one buffer: what was not
 * copied into the ring is sent before the next one is made. */
static void offer_segments(struct packet_port *p, const struct segmenter *segmenter)
{
    uint8_t bytes[LIMIT_SUPERFRAME_SIZE];
    struct frame segment;

    p->port.ledger.originated += segmenter->n_segments - 1;
    for (uint32_t i = 0; i < segmenter->n_segments; i++) {
        segmenter_cut(segmenter, i, bytes, &segment);
        offer(p, &segment);
        if (p->n_messages > 0)
            send_messages(p);
    }
}

void packet_tx(struct port *port, const struct frame *frame)
{
    struct packet_port *p = container_of(port, struct packet_port, port);
    struct segmenter segmenter;

    if (frame_is_superframe(frame) && segmenter_init(&segmenter, frame) &&
        segmenter.tunnel != SEGMENT_TUNNEL_NONE)
        offer_segments(p, &segmenter);
    else
        offer(p, frame);
}

void packet_flush(struct port *port)
{
    struct packet_port *p = container_of(port, struct packet_port, port);

    kick(p);
    if (p->n_messages > 0)
        send_messages(p);
}

uint32_t packet_tx_held(const struct packet_port *p)
{
    return p->tx.head - p->tx_first + p->n_messages;
}
