/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"

void fdb_list_append(struct fdb *fdb, uint32_t *head, uint32_t entry)
{
    struct entry *entries = fdb->entries;

    if (*head == NO_ENTRY)
        *head = entries[entry].prev = entry;
    entries[entry].next = *head;
    entries[entry].prev = entries[*head].prev;
    entries[entries[entry].prev].next = entry;
    entries[*head].prev = entry;
}

void fdb_list_remove(struct fdb *fdb, uint32_t *head, uint32_t entry)
{
    struct entry *entries = fdb->entries;
    uint32_t next = entries[entry].next;

    entries[entries[entry].prev].next = next;
    entries[next].prev = entries[entry].prev;
    if (*head == entry)
        *head = next == entry ? NO_ENTRY : next;
}

void fdb_list_splice(struct fdb *fdb, uint32_t *head, uint32_t *from)
{
    struct entry *entries = fdb->entries;

    if (*from == NO_ENTRY)
        return;
    if (*head == NO_ENTRY) {
        *head = *from;
    } else {
        uint32_t tail = entries[*head].prev;
        uint32_t from_tail = entries[*from].prev;

        entries[tail].next = *from;
        entries[*from].prev = tail;
        entries[from_tail].next = *head;
        entries[*head].prev = from_tail;
    }
    *from = NO_ENTRY;
}

static void heap_put(struct fdb *fdb, uint32_t rank, port_id port)
{
    fdb->by_held[rank] = port;
    fdb->ports[port].rank = rank;
}

static uint32_t held_at(const struct fdb *fdb, uint32_t rank)
{
    return fdb->ports[fdb->by_held[rank]].held;
}

static void heap_rise(struct fdb *fdb, port_id port)
{
    uint32_t rank = fdb->ports[port].rank;

    while (rank > 0 && held_at(fdb, (rank - 1) / 2) < fdb->ports[port].held) {
        heap_put(fdb, rank, fdb->by_held[(rank - 1) / 2]);
        rank = (rank - 1) / 2;
    }
    heap_put(fdb, rank, port);
}

static void heap_sink(struct fdb *fdb, port_id port)
{
    uint32_t rank = fdb->ports[port].rank;

    for (;;) {
        uint32_t child = 2 * rank + 1;

        if (child + 1 < fdb->max_ports && held_at(fdb, child + 1) > held_at(fdb, child))
            child++;
        if (child >= fdb->max_ports || held_at(fdb, child) <= fdb->ports[port].held)
            break;
        heap_put(fdb, rank, fdb->by_held[child]);
        rank = child;
    }
    heap_put(fdb, rank, port);
}

void fdb_port_set_held(struct fdb *fdb, port_id port, uint32_t held)
{
    bool rises = held > fdb->ports[port].held;

    fdb->ports[port].held = held;
    if (rises)
        heap_rise(fdb, port);
    else
        heap_sink(fdb, port);
}
