/* SPDX-License-Identifier: ISC */
#include "ringspan/byte_queue.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)512)

void byte_queue_init(struct byte_queue *queue, size_t max_len)
{
    *queue = (struct byte_queue){.max_len = max_len};
}

void byte_queue_fini(struct byte_queue *queue)
{
    free(queue->bytes);
    byte_queue_init(queue, queue->max_len);
}

static bool make_room(struct byte_queue *queue, size_t len)
{
    size_t capacity = queue->capacity ? queue->capacity : FIRST_CAPACITY;
    char *bytes;

    if (len > queue->max_len - queue->len)
        return false;
    if (queue->start && queue->start + queue->len + len > queue->capacity) {
        memmove(queue->bytes, queue->bytes + queue->start, queue->len);
        queue->start = 0;
    }
    while (capacity < queue->len + len)
        capacity *= 2;
    if (capacity == queue->capacity)
        return true;
    bytes = realloc(queue->bytes, capacity);
    if (!bytes)
        return false;
    queue->bytes = bytes;
    queue->capacity = capacity;
    return true;
}

bool byte_queue_append(struct byte_queue *queue, const void *bytes, size_t len)
{
    if (!len)
        return true;
    if (!make_room(queue, len)) {
        queue->overflowed = true;
        return false;
    }
    memcpy(queue->bytes + queue->start + queue->len, bytes, len);
    queue->len += len;
    return true;
}

void byte_queue_consume(struct byte_queue *queue, size_t len)
{
    queue->start += len;
    queue->len -= len;
    if (queue->len)
        return;
    queue->start = 0;
    if (queue->capacity > FIRST_CAPACITY) {
        free(queue->bytes);
        queue->bytes = NULL;
        queue->capacity = 0;
    }
}
