/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"

static bool is_stale_one(const struct fdb *fdb, const struct entry *entry, port_id port)
{
    return !is_static(entry) && is_stale(fdb, entry);
}

static bool is_fresh_of(const struct fdb *fdb, const struct entry *entry, port_id port)
{
    return !is_static(entry) && entry->port == port && !is_stale(fdb, entry) && !is_added(entry) &&
           !is_above_limit(fdb, entry);
}

static bool is_doomed_of(const struct fdb *fdb, const struct entry *entry, port_id port)
{
    return !is_static(entry) && entry->port == port && is_above_limit(fdb, entry);
}

static bool is_added_to(const struct fdb *fdb, const struct entry *entry, port_id port)
{
    return is_added(entry) && entry->port == port && !is_stale(fdb, entry);
}

static bool is_static_of(const struct fdb *fdb, const struct entry *entry, port_id port)
{
    return is_static(entry) && entry->port == port;
}

/* Returns how many entries the circular list has, or NO_ENTRY if its links are broken or one of
 * them does not belong there. */
static uint32_t list_length(const struct fdb *fdb, uint32_t head,
                            bool (*belongs)(const struct fdb *fdb, const struct entry *entry,
                                            port_id port),
                            port_id port)
{
    uint32_t length = 0;

    for (uint32_t at = head; at != NO_ENTRY;) {
        const struct entry *entry = &fdb->entries[at];

        if (at >= fdb->touched || entry->port == PORT_NONE || length == fdb->used)
            return NO_ENTRY;
        if (!belongs(fdb, entry, port))
            return NO_ENTRY;
        if (entry->next >= fdb->touched || fdb->entries[entry->next].prev != at)
            return NO_ENTRY;
        length++;
        at = entry->next == head ? NO_ENTRY : entry->next;
    }
    return length;
}

/* Of a port with a limit: no more than it may, and those that were heard of first come first. */
static bool keeps_limit(const struct fdb *fdb, const struct fdb_port *port)
{
    uint32_t at = port->head;

    if (port->limit == 0)
        return true;
    for (uint32_t n = 1; n < n_learned(port); n++, at = fdb->entries[at].next) {
        if (fdb->entries[at].seen > fdb->entries[fdb->entries[at].next].seen)
            return false;
    }
    return n_learned(port) <= port->limit;
}

static const char *check_ports(const struct fdb *fdb)
{
    const struct fdb_counters *counters = &fdb->counters;
    uint32_t n_static = 0;
    uint32_t held = 0;

    for (uint32_t i = 0; i < fdb->max_ports; i++) {
        const struct fdb_port *port = &fdb->ports[i];
        uint32_t fixed = list_length(fdb, fdb->fixed[i], is_static_of, (port_id)i);

        if (fixed == NO_ENTRY)
            return "the list of a port's static entries has others";
        n_static += fixed;
        if (list_length(fdb, port->head, is_fresh_of, (port_id)i) != n_learned(port) ||
            list_length(fdb, port->added, is_added_to, (port_id)i) != port->n_added ||
            list_length(fdb, port->doomed, is_doomed_of, (port_id)i) != port->n_doomed)
            return "a port's lists do not have the entries that the port holds";
        if (fdb->left == 0 && (port->n_doomed > 0 || is_settling(fdb, port)))
            return "the round is over, and a port is not done";
        if (!keeps_limit(fdb, port))
            return "a port holds more than its limit, or in another order than that of time";
        if (port->rank >= fdb->max_ports || fdb->by_held[port->rank] != i)
            return "a port's rank is not its place in the heap";
        if (port->rank > 0 && fdb->ports[fdb->by_held[(port->rank - 1) / 2]].held < port->held)
            return "a port holds more than the one above it in the heap";
        held += port->held;
    }
    if (n_static != fdb->n_static)
        return "the static entries were not counted right";
    if (list_length(fdb, fdb->stale, is_stale_one, PORT_NONE) != fdb->used - held - n_static)
        return "used is not what ports hold, what is stale and what is static";
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
    if (fdb->left > fdb->touched || fdb->n_vlans > smaller(fdb->max_ports, FLUSHED_PORTS) ||
        fdb->touched > fdb->max_entries || (fdb->hand != 0 && fdb->hand >= fdb->touched))
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
