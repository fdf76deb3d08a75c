/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ringspan/clock.h"
#include "ringspan/fdb.h"

/*
 * What one operation on the forwarding table costs, by its size and by how full it is.
 *
 * Addresses come in random order, so a table that outgrows the caches is seen to. One JSON object
 * per line; `frame` is what the pipeline does for a frame between two known hosts.
 */

#define PORTS      64
#define KNOWN      UINT64_C(0x020000000000)
#define UNKNOWN    UINT64_C(0x060000000000)
#define OPERATIONS (1u << 20)

/* Keeps the compiler from leaving out lookups that nobody reads. */
static volatile uint64_t sink;

struct bench {
    struct fdb *fdb;
    uint32_t max_entries;
    uint32_t n_known;      /* addresses KNOWN + 0..n_known-1 are in the table */
    const uint32_t *order; /* random numbers */
};

static uint64_t random_u64(void)
{
    static uint64_t state = 1;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t known(const struct bench *b, uint32_t i)
{
    return KNOWN + b->order[i] % b->n_known;
}

static void learn(const struct bench *b, uint64_t mac)
{
    struct fdb_plan plan;

    fdb_plan_learn(b->fdb, 0, mac, (port_id)(mac % PORTS), 1, &plan);
    fdb_commit(b->fdb, &plan);
}

static void run_lookup_hit(const struct bench *b, uint32_t i)
{
    sink += fdb_lookup(b->fdb, 0, known(b, i), 1);
}

static void run_lookup_miss(const struct bench *b, uint32_t i)
{
    sink += fdb_lookup(b->fdb, 0, UNKNOWN + b->order[i], 1);
}

static void run_refresh(const struct bench *b, uint32_t i)
{
    learn(b, known(b, i));
}

static void run_frame(const struct bench *b, uint32_t i)
{
    uint64_t src = known(b, i);
    struct fdb_plan plan;

    fdb_plan_learn(b->fdb, 0, src, (port_id)(src % PORTS), 1, &plan);
    sink += fdb_lookup_after(b->fdb, &plan, 0, known(b, OPERATIONS - 1 - i), 1);
    fdb_commit(b->fdb, &plan);
}

static void run_insert(const struct bench *b, uint32_t i)
{
    learn(b, UNKNOWN + i);
}

static void measure(const struct bench *b, const char *operation,
                    void (*run)(const struct bench *b, uint32_t i), uint32_t n)
{
    uint64_t start = clock_now();

    for (uint32_t i = 0; i < n; i++)
        run(b, i);
    printf("{\"operation\": \"%s\", \"max_entries\": %" PRIu32 ", \"load\": %.1f, \"ns\": %.1f}\n",
           operation, b->max_entries, (double)b->n_known / b->max_entries,
           (double)(clock_now() - start) / n);
}

static void bench_table(struct bench *b)
{
    struct fdb_params params = {
        .max_entries = b->max_entries,
        .max_ports = PORTS,
        .aging_ns = 300 * NS_PER_SEC,
    };

    if (hash_key_random(&params.key) < 0 || fdb_new(&params, &b->fdb) < 0)
        exit(EXIT_FAILURE);
    for (uint32_t i = 0; i < b->n_known; i++)
        learn(b, KNOWN + i);
    measure(b, "lookup_hit", run_lookup_hit, OPERATIONS);
    measure(b, "lookup_miss", run_lookup_miss, OPERATIONS);
    measure(b, "refresh", run_refresh, OPERATIONS);
    measure(b, "frame", run_frame, OPERATIONS);
    /* At half load for as long as about half load lasts. */
    measure(b, "insert", run_insert, b->n_known < b->max_entries ? b->max_entries / 4 : OPERATIONS);
    fdb_free(b->fdb);
}

int main(void)
{
    const uint32_t sizes[] = {1024, 65536, 262144};
    uint32_t *order = malloc(OPERATIONS * sizeof(*order));

    if (!order)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < OPERATIONS; i++)
        order[i] = (uint32_t)(random_u64() >> 32);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint32_t halves = 1; halves <= 2; halves++) {
            struct bench b = {
                .max_entries = sizes[i],
                .n_known = sizes[i] / 2 * halves,
                .order = order,
            };

            bench_table(&b);
        }
    }
    free(order);
    return EXIT_SUCCESS;
}
