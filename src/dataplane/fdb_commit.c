/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"
#include "ringspan/mac.h"

static void index_add(struct fdb *fdb, uint32_t entry)
{
    uint32_t hash = (uint32_t)hash_u64(&fdb->hash_key, fdb->entries[entry].key);
    uint32_t at = hash & fdb->index_mask;

    while (fdb->index[at].occupant != 0)
        at = (at + 1) & fdb->index_mask;
    fdb->index[at] = (struct bucket){.hash = hash, .occupant = entry + 1};
}

static uint32_t index_place(const struct fdb *fdb, uint32_t entry)
{
    uint32_t at = (uint32_t)hash_u64(&fdb->hash_key, fdb->entries[entry].key) & fdb->index_mask;

    while (fdb->index[at].occupant != entry + 1)
        at = (at + 1) & fdb->index_mask;
    return at;
}

/* Moves later buckets of the run back into the hole, so that no tombstone stays for probes to step
 * over. */
static void index_del(struct fdb *fdb, uint32_t entry)
{
    uint32_t mask = fdb->index_mask;
    uint32_t hole = index_place(fdb, entry);

    for (uint32_t at = (hole + 1) & mask; fdb->index[at].occupant != 0; at = (at + 1) & mask) {
        uint32_t from_home = (at - fdb->index[at].hash) & mask;

        if (from_home >= ((at - hole) & mask)) {
            fdb->index[hole] = fdb->index[at];
            hole = at;
        }
    }
    fdb->index[hole].occupant = 0;
}

/* The list that it is on, or is to be on. */
static uint32_t *list_of(struct fdb *fdb, const struct entry *entry)
{
    struct fdb_port *port = &fdb->ports[entry->port];

    if (is_static(entry))
        return &fdb->fixed[entry->port];
    if (is_stale(fdb, entry))
        return &fdb->stale;
    if (is_above_limit(fdb, entry))
        return &port->doomed;
    return is_added(entry) ? &port->added : &port->head;
}

static void attach(struct fdb *fdb, uint32_t entry, port_id port)
{
    struct entry *e = &fdb->entries[entry];
    struct fdb_port *to = &fdb->ports[port];

    e->port = port;
    e->generation = to->generation;
    fdb_list_append(fdb, list_of(fdb, e), entry);
    if (is_static(e)) {
        fdb->n_static++;
    } else {
        to->n_added += is_added(e);
        fdb_port_set_held(fdb, port, to->held + 1);
    }
}

static void detach(struct fdb *fdb, uint32_t entry)
{
    const struct entry *e = &fdb->entries[entry];
    struct fdb_port *from = &fdb->ports[e->port];

    fdb_list_remove(fdb, list_of(fdb, e), entry);
    if (is_static(e)) {
        fdb->n_static--;
    } else if (!is_stale(fdb, e)) {
        from->n_added -= is_added(e);
        from->n_doomed -= is_above_limit(fdb, e);
        fdb_port_set_held(fdb, e->port, from->held - 1);
    }
}

void fdb_note(struct fdb *fdb, enum fdb_change_kind kind, const struct entry *entry, port_id from)
{
    if (!fdb->journal)
        return;
    fdb_journal_note(fdb->journal, &(struct fdb_change){
                                       .owner = fdb->owner,
                                       .mac = entry->key & MAC_BROADCAST,
                                       .slot = (uint32_t)(entry - fdb->entries),
                                       .vid = (uint16_t)(entry->key >> 48),
                                       .port = entry->port,
                                       .from = from,
                                       .kind = (uint8_t)kind,
                                       .is_static = is_static(entry),
                                       .is_sticky = (entry->kind & ENTRY_STICKY) != 0,
                                   });
}

void fdb_count_end(struct fdb *fdb, const struct entry *entry, uint64_t now,
                   enum fdb_change_kind kind)
{
    if (!is_static(entry)) {
        if (is_stale(fdb, entry))
            return;
        if (has_expired(fdb, entry->seen, now))
            kind = FDB_CHANGE_AGE;
        else if (!is_known(fdb, entry))
            kind = FDB_CHANGE_DEL;
        if (kind == FDB_CHANGE_AGE)
            fdb->counters.expired++;
        else if (kind == FDB_CHANGE_EVICT)
            fdb->counters.evicted++;
        else
            fdb->counters.flushed++;
    }
    fdb_note(fdb, kind, entry, PORT_NONE);
}

/* What the search for a victim, which was const, would have written on its way. */
static void advance_hands(struct fdb *fdb, const struct fdb_plan *plan)
{
    if (plan->room == FDB_ROOM_EXPIRED) {
        fdb->hand = (plan->entry + 1) % fdb->max_entries;
    } else if (plan->room == FDB_ROOM_FULLEST) {
        uint32_t *head = list_of(fdb, &fdb->entries[plan->entry]);

        fdb->hand = (fdb->hand + EXPIRED_LOOKS) % fdb->max_entries;
        for (; *head != plan->entry; *head = fdb->entries[*head].next)
            fdb->entries[*head].refreshed = false;
    }
}

static void take_free(struct fdb *fdb, uint32_t entry)
{
    if (entry == fdb->touched) {
        fdb->touched++;
        fdb->left += fdb->left > 0; /* the hand comes by it before it is round */
    } else {
        fdb->free = fdb->entries[entry].next;
    }
    fdb->used++;
}

void fdb_reclaim(struct fdb *fdb, uint32_t entry)
{
    detach(fdb, entry);
    index_del(fdb, entry);
    fdb->entries[entry].port = PORT_NONE;
    fdb->entries[entry].next = fdb->free;
    fdb->free = entry;
    fdb->used--;
}

/* What a port has learned above its limit, where another moved to the port or was learned in its
 * own entry: an expired one, or the oldest while the port is settling. */
static void trim(struct fdb *fdb, port_id port, uint64_t now)
{
    const struct fdb_port *p = &fdb->ports[port];

    if (p->limit == 0 || n_learned(p) <= p->limit)
        return;
    fdb_count_end(fdb, &fdb->entries[p->head], now, FDB_CHANGE_EVICT);
    fdb_reclaim(fdb, p->head);
}

void fdb_insert(struct fdb *fdb, const struct fdb_plan *plan, uint8_t kind)
{
    struct entry *entry = &fdb->entries[plan->entry];

    if (plan->room == FDB_ROOM_FREE) {
        take_free(fdb, plan->entry);
    } else {
        advance_hands(fdb, plan);
        fdb_count_end(fdb, entry, plan->now, FDB_CHANGE_EVICT);
        detach(fdb, plan->entry);
    }
    if (plan->room >= FDB_ROOM_STALE)
        index_del(fdb, plan->entry);
    entry->key = fdb_key(plan->vid, plan->mac);
    if (plan->room != FDB_ROOM_OWN)
        index_add(fdb, plan->entry);
    entry->seen = plan->now;
    entry->refreshed = false;
    entry->kind = kind;
    attach(fdb, plan->entry, plan->port);
    if (!is_static(entry))
        fdb->counters.inserted++;
    fdb_note(fdb, kind & ENTRY_FIXED ? FDB_CHANGE_ADD : FDB_CHANGE_LEARN, entry, PORT_NONE);
    trim(fdb, plan->port, plan->now);
}

static void commit_hold(struct fdb *fdb, const struct fdb_plan *plan)
{
    struct entry *entry = &fdb->entries[plan->entry];

    entry->kind |= ENTRY_HELD;
    fdb->moves[plan->entry].since = plan->now;
    fdb->counters.held++;
    fdb->counters.refused_moves++;
    fdb_note(fdb, FDB_CHANGE_HOLD, entry, plan->port);
}

static void commit_move(struct fdb *fdb, const struct fdb_plan *plan)
{
    struct entry *entry = &fdb->entries[plan->entry];
    port_id from = entry->port;

    detach(fdb, plan->entry);
    entry->kind &= (uint8_t)~ENTRY_ADDED; /* that was about the port where it was */
    entry->seen = plan->now;
    entry->refreshed = false;
    attach(fdb, plan->entry, plan->port);
    if (fdb->move_limit.max != 0)
        fdb_count_move(fdb, plan->entry, plan->now);
    fdb->counters.moved++;
    fdb->tallies[from].moved_out++;
    fdb->tallies[plan->port].moved_in++;
    fdb_note(fdb, FDB_CHANGE_MOVE, entry, from);
    trim(fdb, plan->port, plan->now);
}

static void commit_refresh(struct fdb *fdb, const struct fdb_plan *plan)
{
    struct entry *entry = &fdb->entries[plan->entry];
    struct fdb_port *port = &fdb->ports[entry->port];

    entry->seen = plan->now;
    entry->refreshed = true;
    if (port->limit == 0 || entry->kind & (ENTRY_STATIC | ENTRY_ADDED))
        return;
    entry->refreshed = false; /* its list says it */
    fdb_list_remove(fdb, &port->head, plan->entry);
    fdb_list_append(fdb, &port->head, plan->entry);
}

void fdb_commit(struct fdb *fdb, const struct fdb_plan *plan)
{
    switch (plan->action) {
    case FDB_NOTHING:
        break;
    case FDB_REFUSE_MOVE:
        fdb->counters.refused_moves++;
        break;
    case FDB_REFUSE_INSERT:
        fdb->counters.refused_inserts++;
        break;
    case FDB_REFUSE_LIMIT:
        fdb->counters.refused_limits++;
        fdb->tallies[plan->port].refused_limits++;
        break;
    case FDB_HOLD:
        commit_hold(fdb, plan);
        break;
    case FDB_REFRESH:
        commit_refresh(fdb, plan);
        break;
    case FDB_MOVE:
        commit_move(fdb, plan);
        break;
    case FDB_INSERT:
        fdb_insert(fdb, plan, 0);
        break;
    }
}
