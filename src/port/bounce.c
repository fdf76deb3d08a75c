/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "packet.h"

struct bounce_pool {
    uint8_t *memory; /* untouched pages of it cost nothing */
    uint32_t n_buffers;
    uint32_t n_free;
    uint8_t *free[];
};

int bounce_pool_new(uint32_t n_buffers, struct bounce_pool **ret)
{
    struct bounce_pool *pool = calloc(1, sizeof(*pool) + n_buffers * sizeof(pool->free[0]));

    if (!pool)
        return -ENOMEM;
    pool->memory = mmap(NULL, (size_t)n_buffers * LIMIT_SUPERFRAME_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool->memory == MAP_FAILED) {
        free(pool);
        return -ENOMEM;
    }
    pool->n_buffers = n_buffers;
    while (pool->n_free < n_buffers) {
        pool->free[pool->n_free] = pool->memory + (size_t)pool->n_free * LIMIT_SUPERFRAME_SIZE;
        pool->n_free++;
    }
    *ret = pool;
    return 0;
}

void bounce_pool_free(struct bounce_pool *pool)
{
    if (!pool)
        return;
    munmap(pool->memory, (size_t)pool->n_buffers * LIMIT_SUPERFRAME_SIZE);
    free(pool);
}

uint8_t *bounce_pool_take(struct bounce_pool *pool)
{
    return pool->n_free > 0 ? pool->free[--pool->n_free] : NULL;
}

void bounce_pool_give(struct bounce_pool *pool, uint8_t *buffer)
{
    pool->free[pool->n_free++] = buffer;
}
