/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"

/* Returns how many entries the circular list has, or NO_ENTRY if its links are broken or one of
 * them is not what the list holds: the fresh ones of @port, or for PORT_NONE the stale ones. */
static uint32_t list_length(const struct fdb *fdb, uint32_t head, port_id port)
{
    uint32_t length = 0;

    for (uint32_t at = head; at != NO_ENTRY;) {
        const struct entry *entry = &fdb->entries[at];

        if (at >= fdb->touched || entry->port == PORT_NONE || length == fdb->used)
            return NO_ENTRY;
        if (port == PORT_NONE ? !is_stale(fdb, entry) : entry->port != port || is_stale(fdb, entry))
            return NO_ENTRY;
        if (entry->next >= fdb->touched || fdb->entries[entry->next].prev != at)
            return NO_ENTRY;
        length++;
        at = entry->next == head ? NO_ENTRY : entry->next;
    }
    return length;
}

static const char *check_ports(const struct fdb *fdb)
{
    const struct fdb_counters *counters = &fdb->counters;
    uint64_t held = 0;

    for (uint32_t i = 0; i < fdb->max_ports; i++) {
        const struct fdb_port *port = &fdb->ports[i];

        if (list_length(fdb, port->head, (port_id)i) != port->held)
            return "a port's list does not have the entries that the port holds";
        if (port->rank >= fdb->max_ports || fdb->by_held[port->rank] != i)
            return "a port's rank is not its place in the heap";
        if (port->rank > 0 && fdb->ports[fdb->by_held[(port->rank - 1) / 2]].held < port->held)
            return "a port holds more than the one above it in the heap";
        held += port->held;
    }
    if (list_length(fdb, fdb->stale, PORT_NONE) != fdb->used - held)
        return "used is not what ports hold and what is stale";
    if (counters->inserted - counters->expired - counters->evicted - counters->flushed != held)
        return "the counters do not add up to what ports hold";
    return NULL;
}

static const char *check_index(const struct fdb *fdb)
{
    uint32_t occupied = 0;

    for (uint32_t at = 0; at <= fdb->index_mask; at++) {
        uint32_t occupant = fdb->index[at].occupant;

        if (occupant == 0)
            continue;
        occupied++;
        if (occupant > fdb->touched || fdb->entries[occupant - 1].port == PORT_NONE)
            return "the index names an entry that holds nothing";
        if (fdb_find(fdb, fdb->entries[occupant - 1].key) != occupant - 1)
            return "an entry cannot be found by its key";
    }
    return occupied == fdb->used ? NULL : "the index does not have all used entries";
}

static const char *check_slots(const struct fdb *fdb)
{
    uint32_t holding = 0;
    uint32_t n_free = 0;

    for (uint32_t i = 0; i < fdb->touched; i++)
        holding += fdb->entries[i].port != PORT_NONE;
    for (uint32_t at = fdb->free; at != NO_ENTRY; at = fdb->entries[at].next) {
        if (at >= fdb->touched || fdb->entries[at].port != PORT_NONE || n_free == fdb->touched)
            return "the free list leaves the free entries";
        n_free++;
    }
    if (holding != fdb->used || holding + n_free != fdb->touched)
        return "an entry is neither used nor free";
    if (fdb->touched > fdb->max_entries || (fdb->hand != 0 && fdb->hand >= fdb->touched))
        return "a cursor is out of range";
    return NULL;
}

const char *fdb_check(const struct fdb *fdb)
{
    const char *broken = check_slots(fdb);

    if (!broken)
        broken = check_index(fdb);
    if (!broken)
        broken = check_ports(fdb);
    return broken;
}
