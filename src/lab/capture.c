/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_private.h"

/* Sightings beside those that one frame makes at most: what a settling is shared by. */
#define ROOM_TO_SPARE 256

#define WIRE_SIZE    (LIMIT_SUPERFRAME_SIZE + VLAN_STACK_SIZE * VLAN_TAG_SIZE)
#define COMMENT_SIZE 256

_Static_assert(DROP_N_REASONS < 64, "one bit a reason");

/* ---- life ---- */

int capture_new(struct event_loop *loop, uint64_t (*wall)(void), struct capture **ret)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int r;

    if (!capture)
        return -ENOMEM;
    capture->loop = loop;
    capture->wall = wall;
    r = recorder_init(capture);
    if (r < 0) {
        free(capture);
        return r;
    }
    *ret = capture;
    return 0;
}

void capture_free(struct capture *capture)
{
    if (!capture)
        return;
    for (uint32_t i = 0; i < CAPTURE_READERS; i++)
        capture_reader_free(capture->readers[i]);
    recorder_fini(capture);
    free(capture->sightings);
    free(capture->wire);
    free(capture);
}

void capture_on_end(struct capture *capture, void (*fn)(void *arg), void *arg)
{
    capture->on_end = fn;
    capture->on_end_arg = arg;
}

void capture_release_by(struct capture *capture, void (*fn)(void *arg, void *memory), void *arg)
{
    capture->release = fn;
    capture->release_arg = arg;
}

void capture_end_all(struct capture *capture)
{
    for (uint32_t i = 0; i < LIMIT_CAPTURES; i++) {
        if (!capture->readers[i])
            continue;
        capture_reader_finish(capture->readers[i]);
        capture_reader_flush(capture->readers[i]);
    }
}

int capture_make_reader(struct capture *capture, uint32_t number,
                        const struct capture_params *params, int *ret_fd)
{
    if (!capture->wire)
        capture->wire = malloc((size_t)3 * WIRE_SIZE);
    if (!capture->wire)
        return -ENOMEM;
    capture->segment = capture->wire + WIRE_SIZE;
    capture->segment_wire = capture->segment + WIRE_SIZE;
    return capture_reader_new(capture, number, params, ret_fd, &capture->readers[number]);
}

int capture_start(struct capture *capture, const struct capture_params *params, int *ret_fd)
{
    struct capture_reader *recorder = capture->readers[CAPTURE_RECORDER];
    uint32_t number = 0;
    int r;

    while (number < LIMIT_CAPTURES && capture->readers[number])
        number++;
    if (number == LIMIT_CAPTURES)
        return -EUSERS;
    if (params->recorded && !recorder)
        return -ENOENT;
    r = capture_make_reader(capture, number, params, ret_fd);
    if (r < 0 || !params->recorded)
        return r;
    capture->readers[number]->is_waiting = params->waits && !recorder->is_frozen;
    if (capture->readers[number]->is_waiting)
        return 0;
    r = capture_recorder_open(recorder, capture->readers[number]);
    if (r < 0) {
        close(*ret_fd);
        capture_drop(capture, number);
    }
    return r;
}

void capture_drop(struct capture *capture, uint32_t number)
{
    capture_reader_free(capture->readers[number]);
    capture->readers[number] = NULL;
    if (capture->on_end)
        capture->on_end(capture->on_end_arg);
}

/* ---- points ---- */

static int make_room(struct capture *capture, uint32_t n_points)
{
    uint32_t capacity = n_points + 1 + ROOM_TO_SPARE;
    struct sighting *grown;

    if (capacity <= capture->capacity)
        return 0;
    grown = realloc(capture->sightings, capacity * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    capture->sightings = grown;
    capture->capacity = capacity;
    return 0;
}

static int make_point(struct capture *capture, struct port *port)
{
    int r = make_room(capture, capture->n_points + 1);

    if (r == 0)
        port->capture = calloc(1, sizeof(*port->capture));
    if (r < 0 || !port->capture)
        return -ENOMEM;
    capture->n_points++;
    return 0;
}

int capture_point_take(struct capture *capture, struct port *port, uint32_t number,
                       uint32_t interface)
{
    int r = port->capture ? 0 : make_point(capture, port);

    if (r < 0)
        return r;
    port->capture->readers |= 1u << number;
    port->capture->interface[number] = interface;
    return 0;
}

void capture_point_leave(struct capture *capture, struct port *port, uint32_t number)
{
    port->capture->readers &= ~(1u << number);
    if (port->capture->readers)
        return;
    free(port->capture);
    port->capture = NULL;
    capture->n_points--;
}

static bool has_port(const struct port *port, uint32_t number)
{
    return port->capture && (port->capture->readers >> number & 1);
}

static int offer_to(struct capture_reader *reader, const char *bridge, struct port *port,
                    const char *description)
{
    if (has_port(port, reader->number)) {
        capture_reader_know_port(reader, port->capture->interface[reader->number], description);
        return 0;
    }
    if (!capture_reader_wants_port(reader, bridge, port))
        return 0;
    return capture_reader_add_port(reader, port, description);
}

int capture_offer_port(struct capture *capture, const char *bridge, struct port *port,
                       const char *description)
{
    int failure = 0;

    for (uint32_t i = 0; i < CAPTURE_READERS; i++) {
        int r = capture->readers[i] ? offer_to(capture->readers[i], bridge, port, description) : 0;

        if (r < 0)
            failure = r;
    }
    return failure;
}

void capture_forget_port(struct capture *capture, struct port *port)
{
    while (port->capture) {
        uint32_t number = (uint32_t)__builtin_ctz(port->capture->readers);

        capture_reader_forget(capture->readers[number], port->capture->interface[number]);
        capture_point_leave(capture, port, number);
    }
}

/* ---- what happens ---- */

void capture_begin(struct capture *capture, const struct rx_source *source)
{
    capture->source = source;
}

bool capture_has_room(const struct capture *capture, uint32_t n_copies)
{
    uint32_t n = n_copies < capture->n_points ? n_copies : capture->n_points;

    return capture->n_sightings + 1 + n <= capture->capacity;
}

static uint32_t cut_of(const struct rx_source *source, uint32_t i, const struct frame *frame)
{
    return frame->defect == DROP_TRUNCATED ? source->ops->length(source, i) - frame->len : 0;
}

void capture_arrival(struct capture *capture, const struct port *ingress, uint32_t i,
                     const struct frame *frame, const struct decision *decision,
                     const struct port *egress)
{
    struct sighting *current = &capture->current;

    current->port = (struct port *)ingress;
    current->id++;
    current->vid = decision->vid;
    if (!ingress->capture)
        return;
    current->frame = *frame;
    current->other = egress;
    current->time = capture->source->ops->arrival(capture->source, i);
    current->cut = cut_of(capture->source, i, frame);
    current->verdict = decision->verdict;
    current->reason = decision->reason;
    current->fanout = decision->fanout;
    capture->sightings[capture->n_sightings++] = *current;
}

const struct frame *capture_copy(struct capture *capture, struct port *port,
                                 const struct frame *copy, const char *mirror, struct frame *noted)
{
    struct sighting *sighting = &capture->sightings[capture->n_sightings++];

    *sighting = (struct sighting){
        .frame = *copy,
        .port = port,
        .other = capture->current.port,
        .id = capture->current.id,
        .is_copy = true,
        .mirror = mirror,
        .vid = capture->current.vid,
        .parent = copy->tally,
    };
    *noted = *copy;
    noted->tally = &sighting->tally;
    return noted;
}

/* ---- what readers are told ---- */

static void describe_drop(enum drop_reason reason, char comment[COMMENT_SIZE])
{
    snprintf(comment, COMMENT_SIZE, "dropped (%s): %s", drop_reason_name(reason),
             drop_reason_sentence(reason));
}

static void describe_arrival(const struct sighting *sighting, struct sight *sight,
                             char comment[COMMENT_SIZE])
{
    sight->reason = sighting->reason;
    sight->verdict = verdict_name(sighting->verdict);
    switch (sighting->verdict) {
    case VERDICT_DROP:
        sight->verdict = drop_reason_name(sighting->reason);
        describe_drop(sighting->reason, comment);
        break;
    case VERDICT_UNICAST:
        snprintf(comment, COMMENT_SIZE, "unicast to %s", sighting->other->name);
        break;
    case VERDICT_FLOOD:
        snprintf(comment, COMMENT_SIZE, "flooded to %" PRIu32 " port%s", sighting->fanout,
                 sighting->fanout == 1 ? "" : "s");
        break;
    case VERDICT_CONSUME:
        snprintf(comment, COMMENT_SIZE, "consumed by this bridge");
        break;
    }
}

/* A superframe that its port had to cut may have been dropped in part. */
static void describe_copy(const struct sighting *sighting, struct sight *sight,
                          char comment[COMMENT_SIZE])
{
    const struct frame_tally *tally = &sighting->tally;

    sight->reason = tally->n_dropped > 0 ? tally->reason : DROP_NONE;
    if (tally->n_dropped == 0) {
        sight->verdict = "sent";
        snprintf(comment, COMMENT_SIZE, "sent, from %s", sighting->other->name);
        return;
    }
    sight->verdict = drop_reason_name(tally->reason);
    describe_drop(tally->reason, comment);
    if (tally->frames > 0) {
        size_t len = strlen(comment);

        snprintf(comment + len, COMMENT_SIZE - len, " (%" PRIu32 " of its segments)",
                 tally->n_dropped);
    }
}

static void prefix_mirror(const char *mirror, char comment[COMMENT_SIZE])
{
    char prefix[LIMIT_NAME_SIZE + sizeof("mirror : ")];
    size_t len;

    snprintf(prefix, sizeof(prefix), "mirror %s: ", mirror);
    len = strlen(prefix);
    memmove(comment + len, comment, COMMENT_SIZE - len);
    memcpy(comment, prefix, len);
    comment[COMMENT_SIZE - 1] = '\0';
}

/* What ends before its addresses do has no place for tags. */
void capture_lay_out(const struct frame *frame, uint8_t *wire, struct sight *sight)
{
    sight->bytes = frame->data;
    sight->len = frame->len;
    if (frame->n_tags == 0 || frame->len < 12)
        return;
    sight->bytes = wire;
    sight->len = frame_write_wire(frame, wire);
}

static void tell(struct capture *capture, struct sighting *sighting)
{
    struct sight sight = {.sighting = sighting};
    char comment[COMMENT_SIZE];

    sight.comment = comment;
    capture_lay_out(&sighting->frame, capture->wire, &sight);
    if (sighting->is_copy)
        describe_copy(sighting, &sight, comment);
    else
        describe_arrival(sighting, &sight, comment);
    if (sighting->mirror)
        prefix_mirror(sighting->mirror, comment);
    for (uint32_t left = sighting->port->capture->readers; left; left &= left - 1) {
        uint32_t number = (uint32_t)__builtin_ctz(left);

        capture_reader_take(capture->readers[number], sighting->port->capture->interface[number],
                            &sight);
    }
}

static void tell_all(struct capture *capture, bool copies, uint64_t now)
{
    for (uint32_t i = 0; i < capture->n_sightings; i++) {
        struct sighting *sighting = &capture->sightings[i];

        if (sighting->is_copy != copies)
            continue;
        if (sighting->time == 0)
            sighting->time = now;
        if (sighting->parent) {
            sighting->parent->frames += sighting->tally.frames;
            sighting->parent->bytes += sighting->tally.bytes;
            sighting->parent->n_dropped += sighting->tally.n_dropped;
        }
        tell(capture, sighting);
    }
}

void capture_settle(struct capture *capture)
{
    uint64_t now;

    if (capture->n_sightings == 0)
        return;
    now = capture->wall();
    tell_all(capture, false, now); /* in order of time: copies leave when all have arrived */
    tell_all(capture, true, now);
    capture->n_sightings = 0;
    for (uint32_t i = 0; i < CAPTURE_READERS; i++) {
        if (capture->readers[i])
            capture_reader_settle(capture->readers[i]);
    }
    recorder_settle(capture);
}
