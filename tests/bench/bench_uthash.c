/* SPDX-License-Identifier: ISC */
#include "bench_uthash.h"

#include <stddef.h>

#if HAVE_UTHASH

#include <stdlib.h>
#include <uthash.h>

struct entry {
    uint64_t key;
    uint64_t seen;
    uint16_t port;
    UT_hash_handle hh;
};

struct ut_table {
    struct entry *head;
    struct entry *entries;
    uint32_t n;
    uint32_t max;
};

struct ut_table *ut_table_new(uint32_t max_entries)
{
    struct ut_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->max = max_entries;
    table->entries = calloc(max_entries, sizeof(*table->entries));
    if (!table->entries) {
        free(table);
        return NULL;
    }
    return table;
}

void ut_table_free(struct ut_table *table)
{
    if (!table)
        return;
    HASH_CLEAR(hh, table->head);
    free(table->entries);
    free(table);
}

void ut_table_learn(struct ut_table *table, uint64_t mac, uint16_t port, uint64_t now)
{
    struct entry *entry;

    HASH_FIND(hh, table->head, &mac, sizeof(mac), entry);
    if (!entry) {
        if (table->n == table->max)
            return;
        entry = &table->entries[table->n++];
        entry->key = mac;
        HASH_ADD(hh, table->head, key, sizeof(entry->key), entry);
    }
    entry->port = port;
    entry->seen = now;
}

uint16_t ut_table_lookup(const struct ut_table *table, uint64_t mac, uint64_t now, uint64_t aging)
{
    struct entry *entry;

    HASH_FIND(hh, table->head, &mac, sizeof(mac), entry);
    return entry && now - entry->seen < aging ? entry->port : UT_TABLE_NO_PORT;
}

#else

struct ut_table *ut_table_new(uint32_t max_entries)
{
    return NULL;
}

void ut_table_free(struct ut_table *table)
{
}

void ut_table_learn(struct ut_table *table, uint64_t mac, uint16_t port, uint64_t now)
{
}

uint16_t ut_table_lookup(const struct ut_table *table, uint64_t mac, uint64_t now, uint64_t aging)
{
    return UT_TABLE_NO_PORT;
}

#endif
