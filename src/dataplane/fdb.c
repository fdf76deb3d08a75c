/* SPDX-License-Identifier: ISC */
#include "ringspan/fdb.h"

#include <errno.h>
#include <stdlib.h>

#include "fdb_private.h"
#include "ringspan/mac.h"

#define CACHE_LINE       64
#define EXPIRED_LOOKS    8
#define SECOND_CHANCES   8
#define FORGETTING_COSTS 16 /* looks at an entry */

static uint64_t key_of(uint16_t vid, uint64_t mac)
{
    return (uint64_t)vid << 48 | mac;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Birth and death */

static size_t entries_size(uint32_t max_entries)
{
    size_t lines = (max_entries * sizeof(struct entry) + CACHE_LINE - 1) / CACHE_LINE;

    return lines * CACHE_LINE;
}

/* The power of two that keeps the index at most half full. */
static uint32_t index_size(uint32_t max_entries)
{
    uint32_t size = 2;

    while (size < 2 * max_entries)
        size *= 2;
    return size;
}

uint64_t fdb_memory_bytes(uint32_t max_entries, uint32_t max_ports)
{
    return sizeof(struct fdb) + entries_size(max_entries) +
           sizeof(struct moves) * (uint64_t)max_entries +
           sizeof(struct bucket) * (uint64_t)index_size(max_entries) +
           (sizeof(struct fdb_port) + sizeof(uint32_t) + sizeof(struct fdb_port_counters) +
            sizeof(port_id)) *
               (uint64_t)max_ports;
}

static void reset_ports(struct fdb *fdb)
{
    for (uint32_t i = 0; i < fdb->max_ports; i++) {
        fdb->ports[i].head = NO_ENTRY;
        fdb->ports[i].rank = i;
        fdb->fixed[i] = NO_ENTRY;
        fdb->by_held[i] = (port_id)i;
    }
}

int fdb_new(const struct fdb_params *params, struct fdb **ret)
{
    struct fdb *fdb;
    uint32_t buckets;

    if (params->max_entries == 0 || params->max_entries > LIMIT_FDB_ENTRIES_MAX ||
        params->max_ports > PORT_NONE)
        return -EINVAL;
    fdb = calloc(1, sizeof(*fdb));
    if (!fdb)
        return -ENOMEM;
    buckets = index_size(params->max_entries);
    fdb->index = calloc(buckets, sizeof(*fdb->index));
    fdb->moves = calloc(params->max_entries, sizeof(*fdb->moves));
    fdb->ports = calloc(params->max_ports + 1u, sizeof(*fdb->ports));
    fdb->fixed = calloc(params->max_ports + 1u, sizeof(*fdb->fixed));
    fdb->tallies = calloc(params->max_ports + 1u, sizeof(*fdb->tallies));
    fdb->by_held = calloc(params->max_ports + 1u, sizeof(*fdb->by_held));
    /* Not zeroed: an entry's first use initialises it, so a big table that stays empty costs the
     * machine nothing. */
    fdb->entries = aligned_alloc(CACHE_LINE, entries_size(params->max_entries));
    if (!fdb->index || !fdb->moves || !fdb->ports || !fdb->fixed || !fdb->tallies ||
        !fdb->by_held || !fdb->entries) {
        fdb_free(fdb);
        return -ENOMEM;
    }
    fdb->hash_key = params->key;
    fdb->aging_ns = params->aging_ns;
    fdb->index_mask = buckets - 1;
    fdb->max_entries = params->max_entries;
    fdb->max_ports = params->max_ports;
    fdb->free = NO_ENTRY;
    fdb->stale = NO_ENTRY;
    reset_ports(fdb);
    *ret = fdb;
    return 0;
}

void fdb_free(struct fdb *fdb)
{
    if (!fdb)
        return;
    free(fdb->entries);
    free(fdb->by_held);
    free(fdb->tallies);
    free(fdb->fixed);
    free(fdb->ports);
    free(fdb->moves);
    free(fdb->index);
    free(fdb);
}

/* Lookup */

port_id fdb_lookup(const struct fdb *fdb, uint16_t vid, uint64_t mac, uint64_t now)
{
    uint32_t found = fdb_find(fdb, key_of(vid, mac));

    if (found == NO_ENTRY || !is_live(fdb, &fdb->entries[found], now))
        return PORT_NONE;
    return fdb->entries[found].port;
}

bool fdb_is_static(const struct fdb *fdb, uint16_t vid, uint64_t mac)
{
    uint32_t found = fdb_find(fdb, key_of(vid, mac));

    return found != NO_ENTRY && is_static(&fdb->entries[found]);
}

/* Static entries are of any age. */
static port_id port_after(const struct fdb *fdb, const struct fdb_plan *plan, uint64_t now)
{
    bool outlives = plan->action == FDB_REFRESH && is_static(&fdb->entries[plan->entry]);

    return !outlives && has_expired(fdb, plan->now, now) ? PORT_NONE : plan->port;
}

port_id fdb_lookup_after(const struct fdb *fdb, const struct fdb_plan *plan, uint16_t vid,
                         uint64_t mac, uint64_t now)
{
    uint64_t key = key_of(vid, mac);

    if (plan && plan->action >= FDB_REFRESH) {
        if (key == key_of(plan->vid, plan->mac))
            return port_after(fdb, plan, now);
        if (plan->action == FDB_INSERT && plan->room >= FDB_ROOM_STALE &&
            key == fdb->entries[plan->entry].key)
            return PORT_NONE;
    }
    return fdb_lookup(fdb, vid, mac, now);
}

/* Planning */

/* Only for a full table with nothing stale in it. */
static uint32_t find_expired(const struct fdb *fdb, uint64_t now)
{
    uint32_t looks = smaller(EXPIRED_LOOKS, fdb->max_entries);

    for (uint32_t i = 0; i < looks; i++) {
        uint32_t at = (fdb->hand + i) % fdb->max_entries;

        if (!is_live(fdb, &fdb->entries[at], now))
            return at;
    }
    return NO_ENTRY;
}

static port_id fullest_port(const struct fdb *fdb, port_id learning)
{
    port_id top = fdb->by_held[0];

    return fdb->ports[learning].held == fdb->ports[top].held ? learning : top;
}

/* Goes round once at most: those that it passed have had their second chance. */
static uint32_t find_evictable(const struct fdb *fdb, port_id port, uint64_t now)
{
    uint32_t chances = smaller(SECOND_CHANCES, fdb->ports[port].held - 1);
    uint32_t at = fdb->ports[port].head;

    for (; chances > 0 && fdb->entries[at].refreshed && is_live(fdb, &fdb->entries[at], now);
         chances--)
        at = fdb->entries[at].next;
    return at;
}

/* False if there is none: all entries are static. */
static bool find_room(const struct fdb *fdb, struct fdb_plan *plan)
{
    if (fdb->n_static == fdb->max_entries)
        return false;
    if (fdb->used < fdb->max_entries) {
        plan->room = FDB_ROOM_FREE;
        plan->entry = fdb->free != NO_ENTRY ? fdb->free : fdb->touched;
        return true;
    }
    plan->room = FDB_ROOM_STALE;
    plan->entry = fdb->stale;
    if (plan->entry == NO_ENTRY) {
        plan->room = FDB_ROOM_EXPIRED;
        plan->entry = find_expired(fdb, plan->now);
    }
    if (plan->entry == NO_ENTRY) {
        plan->room = FDB_ROOM_FULLEST;
        plan->entry = find_evictable(fdb, fullest_port(fdb, plan->port), plan->now);
    }
    return true;
}

static enum fdb_action action_on_known(const struct fdb *fdb, const struct entry *entry,
                                       port_id port, uint64_t now)
{
    if (!is_live(fdb, entry, now))
        return FDB_INSERT;
    if (entry->port == port)
        return FDB_REFRESH;
    return fdb_action_on_move(fdb, entry, now);
}

static bool is_at_limit(const struct fdb *fdb, port_id port, uint64_t now)
{
    const struct fdb_port *p = &fdb->ports[port];

    return p->limit != 0 && p->held >= p->limit &&
           !has_expired(fdb, fdb->entries[p->head].seen, now);
}

/* The plan is built in place: copying one together out of what was just written to it costs as much
 * as finding the entry. */
void fdb_plan_learn(const struct fdb *fdb, uint16_t vid, uint64_t mac, port_id port, uint64_t now,
                    struct fdb_plan *ret_plan)
{
    uint32_t found = port < fdb->max_ports ? fdb_find(fdb, key_of(vid, mac)) : NO_ENTRY;

    ret_plan->room = FDB_ROOM_OWN;
    ret_plan->vid = vid;
    ret_plan->port = port;
    ret_plan->entry = found;
    ret_plan->mac = mac;
    ret_plan->now = now;
    if (port >= fdb->max_ports)
        ret_plan->action = FDB_NOTHING;
    else if (found != NO_ENTRY)
        ret_plan->action = action_on_known(fdb, &fdb->entries[found], port, now);
    else
        ret_plan->action = find_room(fdb, ret_plan) ? FDB_INSERT : FDB_REFUSE_INSERT;
    if (ret_plan->action >= FDB_MOVE && is_at_limit(fdb, port, now))
        ret_plan->action = FDB_REFUSE_LIMIT;
}

/* Committing */

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

static void attach(struct fdb *fdb, uint32_t entry, port_id port)
{
    struct fdb_port *to = &fdb->ports[port];

    fdb->entries[entry].port = port;
    fdb->entries[entry].generation = to->generation;
    if (is_static(&fdb->entries[entry])) {
        fdb_list_append(fdb, &fdb->fixed[port], entry);
        fdb->n_static++;
    } else {
        fdb_list_append(fdb, &to->head, entry);
        fdb_port_set_held(fdb, port, to->held + 1);
    }
}

static void detach(struct fdb *fdb, uint32_t entry)
{
    port_id port = fdb->entries[entry].port;
    struct fdb_port *from = &fdb->ports[port];

    if (is_static(&fdb->entries[entry])) {
        fdb_list_remove(fdb, &fdb->fixed[port], entry);
        fdb->n_static--;
    } else if (is_stale(fdb, &fdb->entries[entry])) {
        fdb_list_remove(fdb, &fdb->stale, entry);
    } else {
        fdb_list_remove(fdb, &from->head, entry);
        fdb_port_set_held(fdb, port, from->held - 1);
    }
}

static void note(struct fdb *fdb, enum fdb_change_kind kind, const struct entry *entry,
                 port_id from)
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

/* Counts why an entry that is about to be written over or freed is no longer known; @kind is what
 * happens to those that would have lived. A stale one was counted when its port was flushed, and
 * static ones are not counted. */
static void count_end(struct fdb *fdb, const struct entry *entry, uint64_t now,
                      enum fdb_change_kind kind)
{
    bool would_live = is_live(fdb, entry, now);

    if (!is_static(entry)) {
        if (!would_live && is_stale(fdb, entry))
            return;
        if (!would_live)
            fdb->counters.expired++;
        else if (kind == FDB_CHANGE_EVICT)
            fdb->counters.evicted++;
        else
            fdb->counters.flushed++;
    }
    note(fdb, would_live ? kind : FDB_CHANGE_AGE, entry, PORT_NONE);
}

/* What the search for a victim, which was const, would have written on its way. */
static void advance_hands(struct fdb *fdb, const struct fdb_plan *plan)
{
    if (plan->room == FDB_ROOM_EXPIRED) {
        fdb->hand = (plan->entry + 1) % fdb->max_entries;
    } else if (plan->room == FDB_ROOM_FULLEST) {
        struct fdb_port *port = &fdb->ports[fdb->entries[plan->entry].port];

        fdb->hand = (fdb->hand + EXPIRED_LOOKS) % fdb->max_entries;
        for (; port->head != plan->entry; port->head = fdb->entries[port->head].next)
            fdb->entries[port->head].refreshed = false;
    }
}

static void take_free(struct fdb *fdb, uint32_t entry)
{
    if (entry == fdb->touched)
        fdb->touched++;
    else
        fdb->free = fdb->entries[entry].next;
    fdb->used++;
}

/* Frees the entry's memory. */
static void reclaim(struct fdb *fdb, uint32_t entry)
{
    detach(fdb, entry);
    index_del(fdb, entry);
    fdb->entries[entry].port = PORT_NONE;
    fdb->entries[entry].next = fdb->free;
    fdb->free = entry;
    fdb->used--;
}

/* What a port holds above its limit: an expired entry, in the place of which another was learned;
 * or the one that was not heard of for longest, if somebody put one there. */
static void trim(struct fdb *fdb, port_id port, uint64_t now)
{
    const struct fdb_port *p = &fdb->ports[port];

    if (p->limit == 0 || p->held <= p->limit)
        return;
    count_end(fdb, &fdb->entries[p->head], now, FDB_CHANGE_EVICT);
    reclaim(fdb, p->head);
}

static void commit_insert(struct fdb *fdb, const struct fdb_plan *plan, uint8_t kind)
{
    struct entry *entry = &fdb->entries[plan->entry];

    if (plan->room == FDB_ROOM_FREE) {
        take_free(fdb, plan->entry);
    } else {
        advance_hands(fdb, plan);
        count_end(fdb, entry, plan->now, FDB_CHANGE_EVICT);
        detach(fdb, plan->entry);
    }
    if (plan->room >= FDB_ROOM_STALE)
        index_del(fdb, plan->entry);
    entry->key = key_of(plan->vid, plan->mac);
    if (plan->room != FDB_ROOM_OWN)
        index_add(fdb, plan->entry);
    entry->seen = plan->now;
    entry->refreshed = false;
    entry->kind = kind;
    attach(fdb, plan->entry, plan->port);
    if (!is_static(entry))
        fdb->counters.inserted++;
    note(fdb, kind ? FDB_CHANGE_ADD : FDB_CHANGE_LEARN, entry, PORT_NONE);
    trim(fdb, plan->port, plan->now);
}

static void commit_hold(struct fdb *fdb, const struct fdb_plan *plan)
{
    struct entry *entry = &fdb->entries[plan->entry];

    entry->kind |= ENTRY_HELD;
    fdb->moves[plan->entry].since = plan->now;
    fdb->counters.held++;
    fdb->counters.refused_moves++;
    note(fdb, FDB_CHANGE_HOLD, entry, plan->port);
}

static void commit_move(struct fdb *fdb, const struct fdb_plan *plan)
{
    struct entry *entry = &fdb->entries[plan->entry];
    port_id from = entry->port;

    detach(fdb, plan->entry);
    entry->seen = plan->now;
    entry->refreshed = false;
    attach(fdb, plan->entry, plan->port);
    if (fdb->move_limit.max != 0)
        fdb_count_move(fdb, plan->entry, plan->now);
    fdb->counters.moved++;
    fdb->tallies[from].moved_out++;
    fdb->tallies[plan->port].moved_in++;
    note(fdb, FDB_CHANGE_MOVE, entry, from);
    trim(fdb, plan->port, plan->now);
}

static void commit_refresh(struct fdb *fdb, const struct fdb_plan *plan)
{
    struct entry *entry = &fdb->entries[plan->entry];
    struct fdb_port *port = &fdb->ports[entry->port];

    entry->seen = plan->now;
    entry->refreshed = port->limit == 0; /* its list says it, else */
    if (port->limit == 0 || is_static(entry))
        return;
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
        commit_insert(fdb, plan, 0);
        break;
    }
}

/* Forgetting */

/* Returns how many entries that were. */
static uint32_t forget_port(struct fdb *fdb, port_id port)
{
    struct fdb_port *flushed = &fdb->ports[port];
    uint32_t held = flushed->held;

    if (held == 0)
        return 0;
    fdb->counters.flushed += held;
    fdb_list_splice(fdb, &fdb->stale, &flushed->head);
    flushed->generation++;
    fdb_port_set_held(fdb, port, 0);
    return held;
}

static void note_flush(struct fdb *fdb, port_id port, uint32_t count)
{
    const struct fdb_change change = {
        .owner = fdb->owner,
        .port = port,
        .from = PORT_NONE,
        .count = count,
        .kind = FDB_CHANGE_FLUSH,
    };

    if (fdb->journal && count > 0)
        fdb_journal_note(fdb->journal, &change);
}

void fdb_flush_port(struct fdb *fdb, port_id port)
{
    if (port < fdb->max_ports)
        note_flush(fdb, port, forget_port(fdb, port));
}

void fdb_flush_all(struct fdb *fdb)
{
    uint32_t count = 0;

    for (uint32_t port = 0; port < fdb->max_ports; port++)
        count += forget_port(fdb, (port_id)port);
    note_flush(fdb, PORT_NONE, count);
}

void fdb_flush_port_vlans(struct fdb *fdb, port_id port, const struct vidset *vids)
{
    uint32_t left = port < fdb->max_ports ? fdb->ports[port].held : 0;
    uint32_t at = left > 0 ? fdb->ports[port].head : NO_ENTRY;

    for (; left > 0; left--) {
        uint32_t next = fdb->entries[at].next;

        if (vidset_has(vids, (uint16_t)(fdb->entries[at].key >> 48))) {
            note(fdb, FDB_CHANGE_DEL, &fdb->entries[at], PORT_NONE);
            fdb->counters.flushed++;
            reclaim(fdb, at);
        }
        at = next;
    }
}

void fdb_set_limit(struct fdb *fdb, port_id port, uint32_t max)
{
    struct fdb_port *p;

    if (port >= fdb->max_ports)
        return;
    p = &fdb->ports[port];
    if (p->limit == 0 && max != 0)
        fdb_flush_port(fdb, port); /* its list is in another order */
    p->limit = max;
    while (max != 0 && p->held > max) {
        note(fdb, FDB_CHANGE_DEL, &fdb->entries[p->head], PORT_NONE);
        fdb->counters.flushed++;
        reclaim(fdb, p->head);
    }
}

uint32_t fdb_sweep(struct fdb *fdb, uint64_t now, uint32_t budget)
{
    uint32_t reclaimed = 0;

    for (uint32_t left = smaller(budget, fdb->touched); left > 0; left--) {
        uint32_t at = fdb->hand;
        struct entry *entry = &fdb->entries[at];

        fdb->hand = (at + 1) % fdb->touched;
        if (entry->port == PORT_NONE || is_live(fdb, entry, now))
            continue;
        count_end(fdb, entry, now, FDB_CHANGE_EVICT);
        reclaim(fdb, at);
        reclaimed++;
    }
    return reclaimed;
}

static void forget(struct fdb *fdb, uint32_t entry, uint64_t now)
{
    count_end(fdb, &fdb->entries[entry], now, FDB_CHANGE_DEL);
    reclaim(fdb, entry);
}

static bool is_meant(const struct fdb_filter *filter, const struct entry *entry)
{
    return !is_static(entry) && (filter->port == PORT_NONE || filter->port == entry->port) &&
           (!filter->has_vid || filter->vid == entry->key >> 48) &&
           (!filter->has_mac || filter->mac == (entry->key & MAC_BROADCAST));
}

bool fdb_flush_some(struct fdb *fdb, const struct fdb_filter *filter, uint64_t now, uint32_t budget,
                    uint32_t *cursor, uint64_t *count)
{
    uint32_t spent = 0;

    for (; spent < budget && *cursor < fdb->touched; (*cursor)++, spent++) {
        const struct entry *entry = &fdb->entries[*cursor];

        if (entry->port == PORT_NONE || !is_meant(filter, entry) || !is_live(fdb, entry, now))
            continue;
        forget(fdb, *cursor, now);
        (*count)++;
        spent += FORGETTING_COSTS;
    }
    return *cursor < fdb->touched;
}

bool fdb_del(struct fdb *fdb, uint16_t vid, uint64_t mac, uint64_t now)
{
    uint32_t found = fdb_find(fdb, key_of(vid, mac));

    if (found == NO_ENTRY || !is_live(fdb, &fdb->entries[found], now))
        return false;
    forget(fdb, found, now);
    return true;
}

void fdb_del_port(struct fdb *fdb, port_id port)
{
    if (port >= fdb->max_ports)
        return;
    fdb_flush_port(fdb, port);
    while (fdb->fixed[port] != NO_ENTRY) {
        note(fdb, FDB_CHANGE_DEL, &fdb->entries[fdb->fixed[port]], PORT_NONE);
        reclaim(fdb, fdb->fixed[port]);
    }
    fdb->ports[port].limit = 0;
    fdb->tallies[port] = (struct fdb_port_counters){0};
}

/* Configured */

static bool is_as_wanted(const struct entry *entry, const struct fdb_entry *wanted, uint8_t kind)
{
    return is_static(entry) && entry->kind == kind && entry->port == wanted->port;
}

int fdb_add(struct fdb *fdb, const struct fdb_entry *wanted)
{
    uint8_t kind =
        (uint8_t)((wanted->is_static ? ENTRY_STATIC : 0) | (wanted->is_sticky ? ENTRY_STICKY : 0));
    struct fdb_plan plan = {.action = FDB_INSERT,
                            .vid = wanted->vid,
                            .mac = wanted->mac,
                            .port = wanted->port,
                            .now = wanted->seen};
    uint32_t known = fdb_find(fdb, key_of(wanted->vid, wanted->mac));

    if (wanted->port >= fdb->max_ports)
        return -EINVAL;
    if (known != NO_ENTRY && !wanted->is_static && is_static(&fdb->entries[known]))
        return -EEXIST;
    if (known != NO_ENTRY && is_as_wanted(&fdb->entries[known], wanted, kind))
        return 0;
    if (known != NO_ENTRY)
        forget(fdb, known, wanted->seen);
    if (!find_room(fdb, &plan))
        return -ENOSPC;
    commit_insert(fdb, &plan, kind);
    return 0;
}

void fdb_set_aging(struct fdb *fdb, uint64_t aging_ns)
{
    fdb->aging_ns = aging_ns;
}

void fdb_set_journal(struct fdb *fdb, struct fdb_journal *journal, const void *owner)
{
    fdb->journal = journal;
    fdb->owner = owner;
}
