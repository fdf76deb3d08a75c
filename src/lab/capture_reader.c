/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "capture_private.h"
#include "ringspan/segment.h"

/* What one turn of the loop sends at most: some tens of microseconds. */
#define SEND_MAX ((size_t)256 << 10)

/* Pages go back one by one: a hundred megabytes take tens of milliseconds, and frames would wait.
 */
#define SLOW_TO_FREE ((size_t)8 << 20)

/* What the kernel is asked to keep for the client; it gives less to those without privileges. */
#define SOCKET_BUFFER (1 << 20)

static void on_event(void *arg, uint32_t events);

/* ---- memory ---- */

size_t capture_reader_room(const struct capture_reader *reader)
{
    return reader->params.buffer - (size_t)(reader->head - reader->tail);
}

void capture_reader_append(struct capture_reader *reader, const uint8_t *bytes, size_t len)
{
    size_t at = (size_t)(reader->head % reader->params.buffer);
    size_t first = reader->params.buffer - at;

    if (first > len)
        first = len;
    if (first > 0)
        memcpy(reader->bytes + at, bytes, first);
    if (len > first)
        memcpy(reader->bytes, bytes + first, len - first);
    reader->head += len;
}

static bool append_block(struct capture_reader *reader, const struct pcapng_bytes *block)
{
    if (block->len > capture_reader_room(reader))
        return false;
    capture_reader_append(reader, block->bytes, block->len);
    return true;
}

void capture_reader_head(struct capture_reader *reader, const char *comment)
{
    struct pcapng_bytes section;

    pcapng_section("ringspan " RINGSPAN_VERSION, comment, &section);
    append_block(reader, &section);
}

/* ---- life ---- */

static void allow_buffer(int fd)
{
    const int size = SOCKET_BUFFER;

    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* The other end blocks: it is not ours. */
static int open_sockets(struct capture_reader *reader, int *ret_fd)
{
    int fds[2];
    int r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    allow_buffer(fds[0]);
    reader->epoll_events = EPOLLOUT | EPOLLRDHUP;
    r = event_add(reader->capture->loop, fds[0], reader->epoll_events, on_event, reader,
                  &reader->event);
    if (r < 0) {
        close(fds[0]);
        close(fds[1]);
        return r;
    }
    reader->fd = fds[0];
    *ret_fd = fds[1];
    return 0;
}

int capture_reader_new(struct capture *capture, uint32_t number,
                       const struct capture_params *params, int *ret_fd,
                       struct capture_reader **ret)
{
    struct capture_reader *reader = calloc(1, sizeof(*reader));
    int r = -ENOMEM;

    if (!reader)
        return r;
    reader->capture = capture;
    reader->number = number;
    reader->params = *params;
    reader->is_recorder = !ret_fd;
    reader->left = params->count;
    reader->start = capture->wall();
    reader->fd = -1;
    reader->bytes = malloc(params->buffer);
    if (reader->bytes)
        r = reader->is_recorder ? 0 : open_sockets(reader, ret_fd);
    if (r < 0) {
        capture_reader_free(reader);
        return r;
    }
    if (!reader->is_recorder && !params->recorded)
        capture_reader_head(reader, NULL);
    *ret = reader;
    return 0;
}

static void release(const struct capture_reader *reader)
{
    const struct capture *capture = reader->capture;

    if (reader->bytes && capture->release && reader->params.buffer >= SLOW_TO_FREE)
        capture->release(capture->release_arg, reader->bytes);
    else
        free(reader->bytes);
}

void capture_reader_free(struct capture_reader *reader)
{
    if (!reader)
        return;
    for (uint32_t i = 0; i < reader->n_interfaces; i++) {
        if (reader->interfaces[i].port)
            capture_point_leave(reader->capture, reader->interfaces[i].port, reader->number);
    }
    event_del(reader->event);
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->interfaces);
    release(reader);
    free(reader);
}

/* ---- interfaces ---- */

/* One that was there before is the same again. */
static uint32_t find_interface(const struct capture_reader *reader, const char *name)
{
    uint32_t i = 0;

    while (i < reader->n_interfaces &&
           (reader->interfaces[i].port || strcmp(reader->interfaces[i].name, name) != 0))
        i++;
    return i;
}

/* Interfaces that have other names each time they come must not use up memory for ever. What is
 * frozen, or will be, is not forgotten for that. */
static uint32_t find_place(struct capture_reader *reader, const char *name)
{
    uint32_t i = find_interface(reader, name);

    if (i < LIMIT_CAPTURE_INTERFACES || !reader->is_recorder ||
        reader->capture->recording.last.state != RECORDER_ARMED)
        return i;
    capture_recorder_begin_anew(reader);
    return reader->n_interfaces;
}

static int add_interface(struct capture_reader *reader, const struct port *port,
                         const char *description)
{
    struct capture_interface *interface;
    struct capture_interface *grown;

    if (reader->n_interfaces == LIMIT_CAPTURE_INTERFACES)
        return -ENOSPC;
    grown = realloc(reader->interfaces, (reader->n_interfaces + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    reader->interfaces = grown;
    interface = &grown[reader->n_interfaces++];
    *interface = (struct capture_interface){
        .ring_drops = port->ledger.tp_drops,
    };
    snprintf(interface->name, sizeof(interface->name), "%s", port->name);
    snprintf(interface->description, sizeof(interface->description), "%s", description);
    return 0;
}

static bool describe(struct capture_reader *reader)
{
    const struct capture_interface *interface = &reader->interfaces[reader->n_described];
    const struct pcapng_interface description = {
        .name = interface->name,
        .description = interface->description,
        .speed = interface->speed * UINT64_C(1000000),
        .snaplen = reader->params.snaplen ? reader->params.snaplen : PCAPNG_SNAPLEN_MAX,
    };
    struct pcapng_bytes block;

    pcapng_interface(&description, &block);
    if (!append_block(reader, &block))
        return false;
    reader->n_described++;
    return true;
}

/* Their order in the file is their number. */
static bool describe_up_to(struct capture_reader *reader, uint32_t interface)
{
    while (!reader->is_recorder && reader->n_described <= interface) {
        if (!describe(reader))
            return false;
    }
    return true;
}

bool capture_reader_wants_port(const struct capture_reader *reader, const char *bridge,
                               const struct port *port)
{
    const struct capture_params *params = &reader->params;
    uint32_t i = 0;

    if (params->recorded || (params->bridge[0] && strcmp(params->bridge, bridge) != 0))
        return false;
    while (i < params->n_ports && strcmp(params->ports[i], port->name) != 0)
        i++;
    return i < params->n_ports || params->n_ports == 0;
}

bool capture_reader_describe(struct capture_reader *reader)
{
    return reader->n_interfaces == 0 || describe_up_to(reader, reader->n_interfaces - 1);
}

/* A helper thread that has the port may be writing what it is bound to. */
static bool is_bound(const struct port *port)
{
    return !port->busy && port->ifindex != 0;
}

void capture_reader_know_port(struct capture_reader *reader, uint32_t interface,
                              const char *description)
{
    struct capture_interface *known = &reader->interfaces[interface];

    if (interface < reader->n_described || !is_bound(known->port))
        return;
    known->speed = known->port->speed;
    snprintf(known->description, sizeof(known->description), "%s", description);
}

int capture_reader_add_port(struct capture_reader *reader, struct port *port,
                            const char *description)
{
    uint32_t i = find_place(reader, port->name);
    int r = 0;

    if (i == reader->n_interfaces)
        r = add_interface(reader, port, description);
    if (r == 0)
        r = capture_point_take(reader->capture, port, reader->number, i);
    if (r < 0)
        return r;
    reader->interfaces[i].port = port;
    capture_reader_know_port(reader, i, description);
    describe_up_to(reader, i);
    capture_reader_settle(reader);
    return 0;
}

static uint64_t ring_drops(const struct capture_interface *interface)
{
    struct ledger_snapshot snapshot;

    port_snapshot(interface->port, &snapshot); /* asks the kernel, too */
    return interface->port->ledger.tp_drops - interface->ring_drops;
}

void capture_reader_forget(struct capture_reader *reader, uint32_t interface)
{
    struct capture_interface *gone = &reader->interfaces[interface];

    gone->ring_drops = ring_drops(gone);
    gone->port = NULL;
}

/* ---- frames ---- */

/* The recorder has room for every packet, at the expense of older ones. */
static bool make_room(struct capture_reader *reader, size_t len)
{
    while (reader->is_recorder && len > capture_reader_room(reader))
        capture_recorder_evict(reader);
    return len <= capture_reader_room(reader);
}

static bool append_packet(struct capture_reader *reader, const struct pcapng_packet *packet,
                          const uint8_t *bytes)
{
    struct pcapng_bytes head;
    struct pcapng_bytes tail;

    pcapng_packet(packet, &head, &tail);
    if (!make_room(reader, (size_t)head.len + packet->captured + tail.len))
        return false;
    capture_reader_append(reader, head.bytes, head.len);
    capture_reader_append(reader, bytes, packet->captured);
    capture_reader_append(reader, tail.bytes, tail.len);
    reader->n_packets++;
    return true;
}

static bool wants(const struct capture_reader *reader, const struct sight *sight)
{
    const struct capture_params *params = &reader->params;

    if (reader->is_ending || reader->is_frozen ||
        (params->reasons != 0 && !(params->reasons >> sight->reason & 1)))
        return false;
    return params->filter.n == 0 || bpf_run(&params->filter, sight->bytes, sight->len) != 0;
}

static void deliver(struct capture_reader *reader, uint32_t number, const struct sight *sight)
{
    struct capture_interface *interface = &reader->interfaces[number];
    uint32_t snaplen = reader->params.snaplen;
    struct pcapng_packet packet = {
        .interface = number,
        .time = sight->sighting->time,
        .captured = snaplen > 0 && snaplen < sight->len ? snaplen : sight->len,
        .original = sight->len + sight->sighting->cut,
        .direction = sight->sighting->is_copy ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
        .id = sight->sighting->id,
        .lost = interface->lost_lately,
        .verdict = sight->verdict,
        .comment = sight->comment,
    };

    if (reader->is_ending) /* with the segment before */
        return;
    interface->accepted++;
    if (!describe_up_to(reader, number) || !append_packet(reader, &packet, sight->bytes)) {
        interface->lost++;
        interface->lost_lately++;
        return;
    }
    interface->delivered++;
    interface->recorded += reader->is_recorder;
    interface->lost_lately = 0;
    if (reader->left > 0 && --reader->left == 0)
        capture_reader_finish(reader);
}

static void deliver_frame(struct capture_reader *reader, uint32_t number, const struct frame *frame,
                          const struct sight *sight)
{
    struct sight mended = *sight;

    capture_lay_out(frame, reader->capture->segment_wire, &mended);
    deliver(reader, number, &mended);
}

static void deliver_segments(struct capture_reader *reader, uint32_t number,
                             const struct segmenter *segmenter, const struct sight *sight)
{
    uint8_t *bytes = reader->capture->segment;

    for (uint32_t i = 0; i < segmenter->n_segments; i++) {
        struct frame segment;

        segmenter_cut(segmenter, i, bytes, &segment);
        segment_complete_checksum(&segment, bytes);
        deliver_frame(reader, number, &segment, sight);
    }
}

/* As it would be on a cable: the bytes may differ, what became of it does not. A superframe that
 * nobody can cut stays what it is. */
static void deliver_by_wire(struct capture_reader *reader, uint32_t number,
                            const struct sight *sight)
{
    struct frame frame = sight->sighting->frame;
    uint8_t *bytes = reader->capture->segment;
    struct segmenter segmenter;

    if (frame_is_superframe(&frame) && segmenter_init(&segmenter, &frame)) {
        deliver_segments(reader, number, &segmenter, sight);
    } else if (frame_is_superframe(&frame) || frame.vnet.flags == 0) {
        deliver(reader, number, sight);
    } else {
        memcpy(bytes, frame.data, frame.len);
        frame.data = bytes;
        segment_complete_checksum(&frame, bytes);
        deliver_frame(reader, number, &frame, sight);
    }
}

void capture_reader_take(struct capture_reader *reader, uint32_t number, const struct sight *sight)
{
    struct capture_interface *interface = &reader->interfaces[number];

    interface->received++;
    interface->dropped += sight->reason != DROP_NONE;
    if (!wants(reader, sight))
        return;
    if (reader->params.segments && sight->sighting->frame.defect == DROP_NONE)
        deliver_by_wire(reader, number, sight);
    else
        deliver(reader, number, sight);
    if (reader->is_recorder)
        recorder_note(reader->capture, sight);
}

/* ---- the end ---- */

/* Who waited has a file all the same. */
static void begin_to_end(struct capture_reader *reader)
{
    if (reader->is_waiting)
        capture_reader_head(reader, reader->is_asked_to_end ? "the recorder was not frozen"
                                                            : CAPTURE_CUT_OFF
                                        ": the recorder was not frozen");
    reader->is_waiting = false;
    reader->is_ending = true;
}

void capture_reader_finish(struct capture_reader *reader)
{
    begin_to_end(reader);
    if (reader->source)
        capture_recorder_leave(reader);
    capture_reader_settle(reader);
}

static bool sum_up(struct capture_reader *reader)
{
    const struct capture_interface *interface = &reader->interfaces[reader->n_summed_up];
    struct pcapng_statistics statistics = {
        .interface = reader->n_summed_up,
        .time = reader->capture->wall(),
        .start = reader->start,
        .received = interface->received,
        .dropped = interface->port ? ring_drops(interface) : interface->ring_drops,
        .accepted = interface->accepted,
        .lost = interface->lost,
        .delivered = interface->delivered,
    };
    struct pcapng_bytes block;
    char comment[64];

    snprintf(comment, sizeof(comment), "%" PRIu64 " dropped by the switch%s", interface->dropped,
             reader->is_cut_off ? ", " CAPTURE_CUT_OFF : "");
    statistics.comment = comment;
    pcapng_statistics(&statistics, &block);
    if (!append_block(reader, &block))
        return false;
    reader->n_summed_up++;
    return true;
}

/* As far as there is room. */
static void sum_up_all(struct capture_reader *reader)
{
    if (!capture_reader_describe(reader))
        return;
    while (reader->n_summed_up < reader->n_interfaces && sum_up(reader))
        ;
}

/* ---- the client ---- */

/* 0 or -errno. */
static int send_some(struct capture_reader *reader)
{
    size_t at = (size_t)(reader->tail % reader->params.buffer);
    size_t len = (size_t)(reader->head - reader->tail);
    struct iovec parts[2];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n;

    if (len > SEND_MAX)
        len = SEND_MAX;
    parts[0] = (struct iovec){reader->bytes + at, reader->params.buffer - at};
    if (parts[0].iov_len > len)
        parts[0].iov_len = len;
    parts[1] = (struct iovec){reader->bytes, len - parts[0].iov_len};
    n = sendmsg(reader->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return -errno;
    reader->tail += (uint64_t)n;
    return 0;
}

static bool has_more(const struct capture_reader *reader)
{
    return reader->head != reader->tail || reader->is_ending || reader->source;
}

static bool is_over(const struct capture_reader *reader)
{
    return reader->is_ending && !reader->source && reader->n_summed_up == reader->n_interfaces &&
           reader->head == reader->tail;
}

void capture_reader_settle(struct capture_reader *reader)
{
    uint32_t events = (has_more(reader) ? EPOLLOUT : 0) | (reader->is_ending ? 0 : EPOLLRDHUP);

    if (reader->is_recorder || events == reader->epoll_events)
        return;
    reader->epoll_events = events;
    event_modify(reader->event, events);
}

void capture_reader_flush(struct capture_reader *reader)
{
    do {
        if (reader->is_ending)
            sum_up_all(reader);
    } while (reader->head != reader->tail && send_some(reader) == 0);
}

static void on_event(void *arg, uint32_t events)
{
    struct capture_reader *reader = arg;
    int r = 0;

    if (events & EPOLLRDHUP) {
        reader->is_asked_to_end |= !reader->is_ending;
        begin_to_end(reader);
    }
    if (reader->source)
        capture_recorder_pump(reader);
    if (reader->is_ending && !reader->source)
        sum_up_all(reader);
    if (reader->head != reader->tail)
        r = send_some(reader);
    if (r == -EAGAIN || r == -EINTR)
        r = 0;
    if (r < 0 || events & (EPOLLHUP | EPOLLERR) || is_over(reader))
        capture_drop(reader->capture, reader->number);
    else
        capture_reader_settle(reader);
}
