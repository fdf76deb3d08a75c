/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_BYTE_QUEUE_H
#define RINGSPAN_BYTE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Byte queue: bytes that wait for somebody, up to a bound.
 *
 * Appending is all or nothing. What does not fit, for the bound or for want of memory, is refused
 * and remembered in `overflowed`, so that a writer of many small pieces checks once at the end.
 * Memory grows with need and goes back when the queue runs empty.
 */

struct byte_queue {
    char *bytes;
    size_t start; /* of what is queued, within bytes */
    size_t len;
    size_t capacity;
    size_t max_len;
    bool overflowed;
};

void byte_queue_init(struct byte_queue *queue, size_t max_len);
void byte_queue_fini(struct byte_queue *queue);

/** False if it was refused; then nothing was appended and `overflowed` is set for good. */
bool byte_queue_append(struct byte_queue *queue, const void *bytes, size_t len);
/** The first of `len` queued bytes, NULL if there are none; valid until the next call. */
static inline const char *byte_queue_data(const struct byte_queue *queue)
{
    return queue->start ? queue->bytes + queue->start : queue->bytes;
}
/** Takes @len bytes, which are there, off the front. */
void byte_queue_consume(struct byte_queue *queue, size_t len);

#endif
