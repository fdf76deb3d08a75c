/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"
#include "ringspan/mac.h"

static struct fdb_entry describe(const struct entry *entry)
{
    return (struct fdb_entry){
        .mac = entry->key & MAC_BROADCAST,
        .vid = (uint16_t)(entry->key >> 48),
        .port = entry->port,
        .seen = entry->seen,
        .is_static = is_static(entry),
        .is_sticky = entry->kind & ENTRY_STICKY,
    };
}

bool fdb_look(const struct fdb *fdb, uint16_t vid, uint64_t mac, uint64_t now,
              struct fdb_entry *ret_entry)
{
    uint32_t found = fdb_find(fdb, (uint64_t)vid << 48 | mac);

    if (found == NO_ENTRY || !is_live(fdb, &fdb->entries[found], now))
        return false;
    *ret_entry = describe(&fdb->entries[found]);
    return true;
}

bool fdb_next(const struct fdb *fdb, uint64_t now, uint32_t *cursor, struct fdb_entry *ret_entry)
{
    for (; *cursor < fdb->touched; (*cursor)++) {
        const struct entry *entry = &fdb->entries[*cursor];

        if (entry->port == PORT_NONE || !is_live(fdb, entry, now))
            continue;
        *ret_entry = describe(entry);
        (*cursor)++;
        return true;
    }
    return false;
}

uint32_t fdb_count(const struct fdb *fdb, uint64_t now)
{
    struct fdb_entry entry;
    uint32_t cursor = 0;
    uint32_t count = 0;

    while (fdb_next(fdb, now, &cursor, &entry))
        count++;
    return count;
}

uint64_t fdb_first_expiry(const struct fdb *fdb, uint32_t budget)
{
    uint64_t first = UINT64_MAX;

    if (fdb->touched > budget)
        return 0;
    for (uint32_t i = 0; i < fdb->touched; i++) {
        const struct entry *entry = &fdb->entries[i];

        if (entry->port != PORT_NONE && !is_static(entry) && entry->seen + fdb->aging_ns < first)
            first = entry->seen + fdb->aging_ns;
    }
    return first;
}

uint32_t fdb_used(const struct fdb *fdb)
{
    return fdb->used;
}

uint32_t fdb_n_static(const struct fdb *fdb)
{
    return fdb->n_static;
}

uint32_t fdb_max_entries(const struct fdb *fdb)
{
    return fdb->max_entries;
}

void fdb_succeed(struct fdb *fdb, struct fdb *before)
{
    fdb_flush_all(before);
    fdb->counters = before->counters;
    fdb->move_limit = before->move_limit;
    for (uint32_t port = 0; port < fdb->max_ports; port++) {
        fdb->ports[port].limit = before->ports[port].limit;
        fdb->tallies[port] = before->tallies[port];
    }
}

struct fdb_counters fdb_counters(const struct fdb *fdb)
{
    return fdb->counters;
}

struct fdb_port_counters fdb_port_counters(const struct fdb *fdb, port_id port)
{
    return fdb->tallies[port];
}

uint32_t fdb_held(const struct fdb *fdb, port_id port)
{
    return fdb->ports[port].held;
}
