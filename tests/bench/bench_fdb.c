/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "bench_uthash.h"
#include "ringspan/clock.h"
#include "ringspan/fdb.h"

/*
 * What one operation on the forwarding table costs, by how many addresses it
 * knows, beside a hash table of uthash's with the same keys and the same
 * questions: which port, if it is not too old.
 *
 * Addresses come in random order, so a table that outgrows the caches is seen
 * to. `frame` is what the pipeline does for a frame between two known hosts, `burst` the same for
 * 64 frames at a time, which uthash has no way to make use of.
 */

#define PORTS      64
#define KNOWN      UINT64_C(0x020000000000)
#define UNKNOWN    UINT64_C(0x060000000000)
#define OPERATIONS (1u << 19)
#define AGING      (300 * NS_PER_SEC)

struct bench {
    uint32_t max_entries;
    uint32_t n_known;      /* addresses KNOWN + 0..n_known-1 are in the tables */
    const uint32_t *order; /* random numbers, OPERATIONS of them */
    struct fdb *fdb;
    struct ut_table *uthash;
};

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

static void fdb_hit(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++)
        bench_use(fdb_lookup(b->fdb, 0, known(b, i), 1));
}

static void fdb_miss(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++)
        bench_use(fdb_lookup(b->fdb, 0, UNKNOWN + b->order[i], 1));
}

static void fdb_refresh(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++)
        learn(b, known(b, i));
}

static void fdb_frame(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint64_t src = known(b, i);
        struct fdb_plan plan;

        fdb_plan_learn(b->fdb, 0, src, (port_id)(src % PORTS), 1, &plan);
        bench_use(fdb_lookup_after(b->fdb, &plan, 0, known(b, OPERATIONS - 1 - i), 1));
        fdb_commit(b->fdb, &plan);
    }
}

/* As fdb_frame(), for a burst at a time. */
static void fdb_burst(void *arg)
{
    const struct bench *b = arg;
    uint64_t keys[FDB_PREFETCH_MAX];

    for (uint32_t i = 0; i < OPERATIONS; i += FDB_PREFETCH_MAX / 2) {
        for (uint32_t j = 0; j < FDB_PREFETCH_MAX / 2; j++) {
            keys[2 * j] = known(b, i + j);
            keys[2 * j + 1] = known(b, OPERATIONS - 1 - i - j);
        }
        if (fdb_wants_prefetch(b->fdb))
            fdb_prefetch(b->fdb, keys, FDB_PREFETCH_MAX);
        for (uint32_t j = 0; j < FDB_PREFETCH_MAX; j += 2) {
            struct fdb_plan plan;

            fdb_plan_learn(b->fdb, 0, keys[j], (port_id)(keys[j] % PORTS), 1, &plan);
            bench_use(fdb_lookup_after(b->fdb, &plan, 0, keys[j + 1], 1));
            fdb_commit(b->fdb, &plan);
        }
    }
}

static void fdb_fill(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < b->n_known; i++)
        learn(b, KNOWN + i);
}

static void fdb_renew(void *arg)
{
    struct bench *b = arg;
    struct fdb_params params = {
        .max_entries = b->max_entries,
        .max_ports = PORTS,
        .aging_ns = AGING,
    };

    fdb_free(b->fdb);
    b->fdb = NULL;
    if (hash_key_random(&params.key) < 0 || fdb_new(&params, &b->fdb) < 0)
        exit(EXIT_FAILURE);
}

static void uthash_hit(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++)
        bench_use(ut_table_lookup(b->uthash, known(b, i), 1, AGING));
}

static void uthash_miss(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++)
        bench_use(ut_table_lookup(b->uthash, UNKNOWN + b->order[i], 1, AGING));
}

static void uthash_refresh(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint64_t mac = known(b, i);

        ut_table_learn(b->uthash, mac, (uint16_t)(mac % PORTS), 1);
    }
}

static void uthash_frame(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint64_t src = known(b, i);

        ut_table_learn(b->uthash, src, (uint16_t)(src % PORTS), 1);
        bench_use(ut_table_lookup(b->uthash, known(b, OPERATIONS - 1 - i), 1, AGING));
    }
}

static void uthash_fill(void *arg)
{
    const struct bench *b = arg;

    for (uint32_t i = 0; i < b->n_known; i++)
        ut_table_learn(b->uthash, KNOWN + i, (uint16_t)((KNOWN + i) % PORTS), 1);
}

static void uthash_renew(void *arg)
{
    struct bench *b = arg;

    ut_table_free(b->uthash);
    b->uthash = ut_table_new(b->max_entries);
    if (!b->uthash)
        exit(EXIT_FAILURE);
}

static void bench_tables(struct bench *b)
{
    /* Filling comes first: it leaves the tables full for the rest. */
    static const struct {
        const char *fdb_operation;
        void (*fdb)(void *arg);
        const char *uthash_operation;
        void (*uthash)(void *arg);
    } operations[] = {
        {"insert", fdb_fill, "uthash_insert", uthash_fill},
        {"lookup_hit", fdb_hit, "uthash_hit", uthash_hit},
        {"lookup_miss", fdb_miss, "uthash_miss", uthash_miss},
        {"refresh", fdb_refresh, "uthash_refresh", uthash_refresh},
        {"frame", fdb_frame, "uthash_frame", uthash_frame},
        {"burst", fdb_burst, "uthash_burst", uthash_frame},
    };
    char details[64];

    snprintf(details, sizeof(details), "\"max_entries\": %" PRIu32 ", \"load\": %.1f",
             b->max_entries, (double)b->n_known / b->max_entries);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        const struct bench_contestant contestants[] = {
            {operations[i].fdb_operation, b, i == 0 ? fdb_renew : NULL, operations[i].fdb},
            {operations[i].uthash_operation, b, i == 0 ? uthash_renew : NULL, operations[i].uthash},
        };

        bench_compare(details, i == 0 ? b->n_known : OPERATIONS, contestants, HAVE_UTHASH ? 2 : 1);
    }
    fdb_free(b->fdb);
    ut_table_free(b->uthash);
}

int main(void)
{
    const uint32_t sizes[] = {1024, 65536, 262144};
    uint32_t *order = malloc(OPERATIONS * sizeof(*order));

    if (!order)
        return EXIT_FAILURE;
    if (!HAVE_UTHASH)
        puts("{\"skipped\": \"uthash: it was not there when this was built "
             "(uthash-dev)\"}");
    for (size_t i = 0; i < OPERATIONS; i++)
        order[i] = (uint32_t)(bench_random() >> 32);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint32_t halves = 1; halves <= 2; halves++) {
            struct bench b = {
                .max_entries = sizes[i], .n_known = sizes[i] / 2 * halves, .order = order};

            bench_tables(&b);
        }
    }
    free(order);
    return EXIT_SUCCESS;
}
