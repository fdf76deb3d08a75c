/* SPDX-License-Identifier: ISC */
#include "ringspan/port_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/container.h"

#define QUEUE_FRAMES 4096
#define MEMORY_MTU   1500

/* A frame that the host sent and the switch has not taken yet, as the edge hands it out. */
struct arrival {
    uint8_t *bytes;
    struct frame frame;
    uint64_t time;
    uint32_t length; /* before it was cut */
};

struct memory_port {
    struct port port;
    struct rx_source source;
    bool started;
    uint64_t time; /* what arrivals are stamped with */

    struct arrival arrivals[QUEUE_FRAMES];
    uint32_t first;
    uint32_t n_arrivals;
    uint32_t n_borrowed;

    /* [0, n_sent) left the switch; [n_sent, n_queued) wait for flush(). */
    struct memory_frame sent[QUEUE_FRAMES];
    struct frame_weight weights[QUEUE_FRAMES];
    size_t n_sent;
    size_t n_queued;

    uint32_t n_failures;
    enum drop_reason failure;
};

static struct memory_port *memory_of(const struct port *port)
{
    return container_of(port, struct memory_port, port);
}

static uint32_t memory_batch(struct rx_source *source, struct frame *ret_frames, uint32_t max)
{
    struct memory_port *m = container_of(source, struct memory_port, source);
    uint32_t n = m->n_arrivals < max ? m->n_arrivals : max;

    for (uint32_t i = 0; i < n; i++) {
        const struct arrival *arrival = &m->arrivals[(m->first + i) % QUEUE_FRAMES];

        ret_frames[i] = arrival->frame;
        ret_frames[i].ingress = m->port.id;
        if (arrival->frame.defect != DROP_NONE || !m->port.edge_tpid)
            continue;
        frame_take_tag(&ret_frames[i], arrival->bytes, m->port.edge_tpid);
        if (ret_frames[i].defect == DROP_NONE && !frame_vnet_is_sane(&ret_frames[i]))
            ret_frames[i].defect = DROP_MALFORMED;
    }
    m->n_borrowed = n;
    return n;
}

static uint64_t memory_arrival(const struct rx_source *source, uint32_t i)
{
    const struct memory_port *m = container_of(source, struct memory_port, source);

    return m->arrivals[(m->first + i) % QUEUE_FRAMES].time;
}

static uint32_t memory_length(const struct rx_source *source, uint32_t i)
{
    const struct memory_port *m = container_of(source, struct memory_port, source);

    return m->arrivals[(m->first + i) % QUEUE_FRAMES].length;
}

static void memory_release(struct rx_source *source)
{
    struct memory_port *m = container_of(source, struct memory_port, source);

    for (; m->n_borrowed > 0; m->n_borrowed--) {
        free(m->arrivals[m->first].bytes);
        m->first = (m->first + 1) % QUEUE_FRAMES;
        m->n_arrivals--;
    }
}

static bool memory_has_news(const struct rx_source *source)
{
    return container_of(source, struct memory_port, source)->n_arrivals > 0;
}

static int memory_take_error(struct rx_source *source)
{
    return 0;
}

static const struct rx_source_ops memory_source_ops = {
    .batch = memory_batch,
    .arrival = memory_arrival,
    .length = memory_length,
    .release = memory_release,
    .has_news = memory_has_news,
    .take_error = memory_take_error,
};

static int memory_open(struct port *port)
{
    return 0;
}

static int memory_map(struct port *port)
{
    port->source = &memory_of(port)->source;
    return 0;
}

static int memory_start(struct port *port, const struct port_device *device)
{
    memory_of(port)->started = true;
    port->ifindex = device->ifindex;
    port->mtu = device->mtu;
    return 0;
}

static bool memory_has_device(const struct port *port)
{
    return port->ifindex != 0;
}

static void memory_stop(struct port *port)
{
    memory_of(port)->started = false;
    port->ifindex = 0;
}

static void memory_close(struct port *port)
{
    struct memory_port *m = memory_of(port);

    memory_stop(port);
    m->n_borrowed = m->n_arrivals;
    memory_release(&m->source);
    port->source = NULL;
}

static void memory_tx(struct port *port, const struct frame *frame)
{
    struct memory_port *m = memory_of(port);
    struct memory_frame *slot = &m->sent[m->n_queued];

    if (!m->started) {
        port_count_out_dropped(port, DROP_EGRESS_GONE, frame->tally);
        return;
    }
    if (m->n_failures > 0) {
        m->n_failures--;
        port_count_out_dropped(port, m->failure, frame->tally);
        return;
    }
    if (m->n_queued == QUEUE_FRAMES) {
        port_count_out_dropped(port, DROP_TX_QUEUE_FULL, frame->tally);
        return;
    }
    slot->bytes = malloc(frame_wire_len(frame));
    if (!slot->bytes) {
        port_count_out_dropped(port, DROP_TX_ERROR, frame->tally);
        return;
    }
    slot->len = frame_write_wire(frame, slot->bytes);
    slot->vnet = frame_wire_vnet(frame);
    m->weights[m->n_queued] = frame_weigh(frame);
    m->n_queued++;
}

static void memory_flush(struct port *port)
{
    struct memory_port *m = memory_of(port);

    for (; m->n_sent < m->n_queued; m->n_sent++)
        port_count_accepted(port, m->weights[m->n_sent]);
}

static void memory_snapshot(struct port *port, struct ledger_snapshot *ret_snapshot)
{
    const struct memory_port *m = memory_of(port);

    ret_snapshot->held_out = m->n_queued - m->n_sent;
}

static struct port_ring_info memory_ring_info(const struct port *port)
{
    return (struct port_ring_info){0};
}

static void memory_free(struct port *port)
{
    struct memory_port *m = memory_of(port);

    memory_close(port);
    memory_flush(port);
    memory_port_clear_sent(port);
    free(m);
}

static const struct port_ops memory_ops = {
    .type = "memory",
    .open = memory_open,
    .configure = memory_open,
    .map = memory_map,
    .start = memory_start,
    .has_device = memory_has_device,
    .stop = memory_stop,
    .close = memory_close,
    .tx = memory_tx,
    .flush = memory_flush,
    .snapshot = memory_snapshot,
    .ring_info = memory_ring_info,
    .free = memory_free,
};

int memory_port_new(const char *name, struct port **ret)
{
    struct memory_port *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    port_init(&m->port, &memory_ops, name, name);
    m->port.mtu = MEMORY_MTU;
    m->source = (struct rx_source){.ops = &memory_source_ops, .fd = -1};
    *ret = &m->port;
    return 0;
}

static bool inject(struct memory_port *m, const uint8_t *bytes, uint32_t len,
                   const struct virtio_net_hdr *vnet, enum drop_reason defect)
{
    struct arrival *arrival = &m->arrivals[(m->first + m->n_arrivals) % QUEUE_FRAMES];
    uint8_t *copy;

    if (!m->started || m->n_arrivals == QUEUE_FRAMES)
        return false;
    copy = malloc(len > 0 ? len : 1);
    if (!copy)
        return false;
    memcpy(copy, bytes, len);
    arrival->bytes = copy;
    arrival->time = m->time;
    arrival->frame = (struct frame){.data = copy, .len = len, .defect = defect};
    if (vnet)
        arrival->frame.vnet = *vnet;
    frame_take_outer_tag(&arrival->frame, copy);
    arrival->length = arrival->frame.len;
    if (defect == DROP_NONE && !frame_vnet_is_sane(&arrival->frame))
        arrival->frame.defect = DROP_MALFORMED;
    m->n_arrivals++;
    return true;
}

bool memory_port_inject(struct port *port, const uint8_t *bytes, uint32_t len,
                        const struct virtio_net_hdr *vnet)
{
    return inject(memory_of(port), bytes, len, vnet, DROP_NONE);
}

bool memory_port_inject_defect(struct port *port, const uint8_t *bytes, uint32_t len,
                               enum drop_reason defect)
{
    return inject(memory_of(port), bytes, len, NULL, defect);
}

bool memory_port_inject_cut(struct port *port, const uint8_t *bytes, uint32_t len, uint32_t cut)
{
    struct memory_port *m = memory_of(port);
    struct arrival *arrival = &m->arrivals[(m->first + m->n_arrivals) % QUEUE_FRAMES];

    if (!inject(m, bytes, len, NULL, DROP_TRUNCATED))
        return false;
    arrival->length += cut;
    return true;
}

size_t memory_port_n_sent(const struct port *port)
{
    return memory_of(port)->n_sent;
}

const struct memory_frame *memory_port_sent(const struct port *port, size_t i)
{
    return &memory_of(port)->sent[i];
}

void memory_port_clear_sent(struct port *port)
{
    struct memory_port *m = memory_of(port);

    for (size_t i = 0; i < m->n_sent; i++)
        free(m->sent[i].bytes);
    memmove(m->sent, m->sent + m->n_sent, (m->n_queued - m->n_sent) * sizeof(m->sent[0]));
    memmove(m->weights, m->weights + m->n_sent, (m->n_queued - m->n_sent) * sizeof(m->weights[0]));
    m->n_queued -= m->n_sent;
    m->n_sent = 0;
}

void memory_port_fail_tx(struct port *port, uint32_t n, enum drop_reason reason)
{
    memory_of(port)->n_failures = n;
    memory_of(port)->failure = reason;
}

void memory_port_set_time(struct port *port, uint64_t time)
{
    memory_of(port)->time = time;
}
