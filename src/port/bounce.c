/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "packet.h"

#define BUFFER_ALIGN 64u /* a line of cache is nobody else's */

struct bounce_pool {
    uint8_t *memory; /* untouched pages of it cost nothing */
    size_t size;
    size_t used;
    uint32_t n_out;
};

int bounce_pool_new(uint32_t bytes, struct bounce_pool **ret)
{
    struct bounce_pool *pool = calloc(1, sizeof(*pool));

    if (!pool)
        return -ENOMEM;
    pool->size = bytes;
    pool->memory =
        mmap(NULL, pool->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool->memory == MAP_FAILED) {
        free(pool);
        return -ENOMEM;
    }
    *ret = pool;
    return 0;
}

void bounce_pool_free(struct bounce_pool *pool)
{
    if (!pool)
        return;
    munmap(pool->memory, pool->size);
    free(pool);
}

uint8_t *bounce_pool_take(struct bounce_pool *pool, uint32_t size)
{
    uint8_t *buffer = pool->memory + pool->used;
    size_t rounded = (size + BUFFER_ALIGN - 1) & ~(size_t)(BUFFER_ALIGN - 1);

    if (rounded > pool->size - pool->used)
        return NULL;
    pool->used += rounded;
    pool->n_out++;
    return buffer;
}

void bounce_pool_give(struct bounce_pool *pool, uint32_t n_buffers)
{
    pool->n_out -= n_buffers;
    if (pool->n_out == 0)
        pool->used = 0;
}
