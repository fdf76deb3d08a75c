/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_private.h"
#include "ringspan/clock.h"

#define COMMENT_SIZE 128

/* Words of a packet's block: its type, its length, its interface. */
#define LENGTH_AT    4
#define INTERFACE_AT 8

/* What a turn of the loop copies at most. */
#define PUMP_MAX ((size_t)256 << 10)

/* Blocks and the memory are multiples of 4 bytes: no word wraps around. */
static uint32_t word_at(const struct capture_reader *recorder, uint64_t at)
{
    uint32_t word;

    memcpy(&word, recorder->bytes + at % recorder->params.buffer, sizeof(word));
    return word;
}

/* ---- forgetting ---- */

/* Who was to get that one next has lost it. */
static void tell_of_loss(struct capture_reader *reader, const struct capture_reader *recorder,
                         uint32_t len)
{
    struct capture_interface *interface;

    if (!reader || reader->source != recorder || reader->source_at != recorder->tail ||
        reader->source_at == reader->source_end)
        return;
    interface = &reader->interfaces[word_at(recorder, recorder->tail + INTERFACE_AT)];
    interface->lost++;
    interface->recorded--;
    reader->source_at += len;
}

void capture_recorder_evict(struct capture_reader *recorder)
{
    uint32_t len = word_at(recorder, recorder->tail + LENGTH_AT);

    for (uint32_t i = 0; i < LIMIT_CAPTURES; i++)
        tell_of_loss(recorder->capture->readers[i], recorder, len);
    if (recorder->tail >= recorder->begin) {
        recorder->n_packets--;
        recorder->interfaces[word_at(recorder, recorder->tail + INTERFACE_AT)].recorded--;
    }
    recorder->tail += len;
}

/* ---- remembering ---- */

/* Why it is frozen, for whoever finds the file; nothing if it is not. */
static const char *describe(const struct capture *capture, char comment[COMMENT_SIZE])
{
    struct recorder_status status = recorder_status(capture);
    bool has_port = status.port[0] != '\0';

    if (status.state != RECORDER_FROZEN)
        return NULL;
    snprintf(comment, COMMENT_SIZE, "frozen by %s%s%s, at %" PRIu64 ".%09" PRIu64,
             recorder_trigger_name(status.trigger), has_port ? " on port " : "", status.port,
             status.time / NS_PER_SEC, status.time % NS_PER_SEC);
    return comment;
}

int capture_recorder_open(struct capture_reader *recorder, struct capture_reader *reader)
{
    size_t size = recorder->n_interfaces * sizeof(reader->interfaces[0]);
    char comment[COMMENT_SIZE];

    reader->interfaces = calloc(recorder->n_interfaces + 1, sizeof(reader->interfaces[0]));
    if (!reader->interfaces)
        return -ENOMEM;
    memcpy(reader->interfaces, recorder->interfaces, size);
    reader->n_interfaces = recorder->n_interfaces;
    for (uint32_t i = 0; i < reader->n_interfaces; i++) {
        struct capture_interface *interface = &reader->interfaces[i];

        interface->port = NULL;
        interface->ring_drops = 0; /* who knows since when */
        interface->received = 0;
        interface->dropped = 0;
        interface->accepted = 0;
        interface->delivered = 0;
        interface->lost = 0;
    }
    capture_reader_head(reader, describe(reader->capture, comment));
    reader->source = recorder;
    reader->source_at = recorder->tail > recorder->begin ? recorder->tail : recorder->begin;
    reader->source_end = recorder->head;
    return 0;
}

static void copy(struct capture_reader *reader, uint64_t at, size_t len)
{
    const struct capture_reader *recorder = reader->source;
    size_t from = (size_t)(at % recorder->params.buffer);
    size_t first = recorder->params.buffer - from;

    if (first > len)
        first = len;
    capture_reader_append(reader, recorder->bytes + from, first);
    capture_reader_append(reader, recorder->bytes, len - first);
}

static bool pump_one(struct capture_reader *reader)
{
    uint32_t len = word_at(reader->source, reader->source_at + LENGTH_AT);
    struct capture_interface *interface;

    if (len > capture_reader_room(reader))
        return false;
    interface = &reader->interfaces[word_at(reader->source, reader->source_at + INTERFACE_AT)];
    interface->delivered++;
    interface->recorded--;
    copy(reader, reader->source_at, len);
    reader->source_at += len;
    return true;
}

void capture_recorder_leave(struct capture_reader *reader)
{
    for (uint32_t i = 0; i < reader->n_interfaces; i++) {
        struct capture_interface *interface = &reader->interfaces[i];

        if (interface->recorded > 0 && !reader->is_asked_to_end)
            reader->is_cut_off = true;
        interface->lost += interface->recorded;
        interface->recorded = 0;
        interface->accepted = interface->delivered + interface->lost;
        interface->received = interface->accepted;
    }
    reader->source = NULL;
    reader->is_ending = true;
}

void capture_recorder_pump(struct capture_reader *reader)
{
    uint64_t end = reader->source_at + PUMP_MAX;

    if (!capture_reader_describe(reader))
        return;
    while (!reader->is_ending && reader->source_at < reader->source_end &&
           reader->source_at < end) {
        if (!pump_one(reader))
            return;
    }
    if (reader->is_ending || reader->source_at >= reader->source_end)
        capture_recorder_leave(reader);
}

/* ---- life ---- */

void capture_recorder_close(struct capture *capture)
{
    for (uint32_t i = 0; i < LIMIT_CAPTURES; i++) {
        if (capture->readers[i] && capture->readers[i]->source)
            capture_recorder_leave(capture->readers[i]);
    }
}

void capture_recorder_restart(struct capture_reader *recorder)
{
    recorder->begin = recorder->head;
    recorder->n_packets = 0;
    for (uint32_t i = 0; i < recorder->n_interfaces; i++)
        recorder->interfaces[i].recorded = 0;
}

void capture_recorder_begin_anew(struct capture_reader *recorder)
{
    uint32_t n = 0;

    capture_recorder_close(recorder->capture);
    recorder->tail = recorder->head;
    capture_recorder_restart(recorder);
    for (uint32_t i = 0; i < recorder->n_interfaces; i++) {
        const struct port *port = recorder->interfaces[i].port;

        if (!port)
            continue;
        port->capture->interface[CAPTURE_RECORDER] = n;
        recorder->interfaces[n++] = recorder->interfaces[i];
    }
    recorder->n_interfaces = n;
}
