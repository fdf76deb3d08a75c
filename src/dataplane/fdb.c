/* SPDX-License-Identifier: ISC */
#include "ringspan/fdb.h"

#include <errno.h>
#include <stdlib.h>

#include "fdb_private.h"

/* Entries; with their buckets half a megabyte, which a core's own cache holds beside the rest. */
#define PREFETCH_FROM 8192

#define CACHE_LINE     64
#define SECOND_CHANCES 8

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
               (uint64_t)max_ports +
           sizeof(struct flushed_vlans) * (uint64_t)smaller(max_ports, FLUSHED_PORTS);
}

static void reset_ports(struct fdb *fdb)
{
    for (uint32_t i = 0; i < fdb->max_ports; i++) {
        fdb->ports[i].head = NO_ENTRY;
        fdb->ports[i].added = NO_ENTRY;
        fdb->ports[i].doomed = NO_ENTRY;
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
    fdb->vlans = calloc(smaller(params->max_ports, FLUSHED_PORTS) + 1u, sizeof(*fdb->vlans));
    /* Not zeroed: an entry's first use initialises it, so a big table that stays empty costs the
     * machine nothing. */
    fdb->entries = aligned_alloc(CACHE_LINE, entries_size(params->max_entries));
    if (!fdb->index || !fdb->moves || !fdb->ports || !fdb->fixed || !fdb->tallies ||
        !fdb->by_held || !fdb->vlans || !fdb->entries) {
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
    fdb->round = 1;
    reset_ports(fdb);
    *ret = fdb;
    return 0;
}

void fdb_free(struct fdb *fdb)
{
    if (!fdb)
        return;
    free(fdb->entries);
    free(fdb->vlans);
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
    uint32_t found = fdb_find(fdb, fdb_key(vid, mac));

    if (found == NO_ENTRY || !is_live(fdb, &fdb->entries[found], now))
        return PORT_NONE;
    return fdb->entries[found].port;
}

bool fdb_wants_prefetch(const struct fdb *fdb)
{
    return fdb->used >= PREFETCH_FROM;
}

/* First the buckets, each a line of its own; when the last of them is asked for the first is there,
 * and says which entry. The wrong one, where two collide: that costs no more than none. */
void fdb_prefetch(const struct fdb *fdb, const uint64_t *keys, uint32_t n)
{
    uint32_t places[FDB_PREFETCH_MAX];

    for (uint32_t i = 0; i < n; i++) {
        places[i] = (uint32_t)hash_u64(&fdb->hash_key, keys[i]) & fdb->index_mask;
        __builtin_prefetch(&fdb->index[places[i]]);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t occupant = fdb->index[places[i]].occupant;

        if (occupant != 0)
            __builtin_prefetch(&fdb->entries[occupant - 1]);
    }
}

bool fdb_is_static(const struct fdb *fdb, uint16_t vid, uint64_t mac)
{
    uint32_t found = fdb_find(fdb, fdb_key(vid, mac));

    return found != NO_ENTRY && is_static(&fdb->entries[found]);
}

/* Static entries are of any age. */
static port_id port_after(const struct fdb *fdb, const struct fdb_plan *plan, uint64_t now)
{
    bool outlives = plan->action == FDB_REFRESH && is_static(&fdb->entries[plan->entry]);

    return !outlives && has_expired(fdb, plan->now, now) ? PORT_NONE : plan->port;
}

/* Whether the entry of @key would go for it; or is dead anyway. */
static bool makes_way(const struct fdb *fdb, const struct fdb_plan *plan, uint64_t key)
{
    const struct fdb_port *p = &fdb->ports[plan->port];
    const struct entry *entry = &fdb->entries[plan->entry];
    bool is_its_own;

    if (plan->action == FDB_REFRESH)
        return false;
    if (plan->action == FDB_INSERT && plan->room >= FDB_ROOM_STALE)
        return key == entry->key;
    if (p->limit == 0 || n_learned(p) < p->limit)
        return false;
    is_its_own = entry->port == plan->port && !is_stale(fdb, entry) &&
                 !is_above_limit(fdb, entry) && !is_added(entry);
    return !is_its_own && key == fdb->entries[p->head].key;
}

port_id fdb_lookup_after(const struct fdb *fdb, const struct fdb_plan *plan, uint16_t vid,
                         uint64_t mac, uint64_t now)
{
    uint64_t key = fdb_key(vid, mac);

    if (plan && plan->action >= FDB_REFRESH) {
        if (key == fdb_key(plan->vid, plan->mac))
            return port_after(fdb, plan, now);
        if (makes_way(fdb, plan, key))
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
    const struct fdb_port *p = &fdb->ports[port];
    uint32_t length = n_learned(p) > 0 ? n_learned(p) : p->n_added;
    uint32_t chances = smaller(SECOND_CHANCES, length - 1);
    uint32_t at = n_learned(p) > 0 ? p->head : p->added;

    if (p->n_doomed > 0)
        return p->doomed;
    for (; chances > 0 && fdb->entries[at].refreshed && is_live(fdb, &fdb->entries[at], now);
         chances--)
        at = fdb->entries[at].next;
    return at;
}

bool fdb_find_room(const struct fdb *fdb, struct fdb_plan *plan)
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

/* A port that holds as many as it may takes its own oldest, dead or not; is_at_limit() judges. */
static bool find_room_to_learn(const struct fdb *fdb, struct fdb_plan *plan)
{
    const struct fdb_port *p = &fdb->ports[plan->port];

    if (p->limit == 0 || n_learned(p) < p->limit)
        return fdb_find_room(fdb, plan);
    plan->room = FDB_ROOM_OLDEST;
    plan->entry = p->head;
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

    return p->limit != 0 && n_learned(p) >= p->limit && !is_settling(fdb, p) &&
           !has_expired(fdb, fdb->entries[p->head].seen, now);
}

/* The plan is built in place: copying one together out of what was just written to it costs as much
 * as finding the entry. */
void fdb_plan_learn(const struct fdb *fdb, uint16_t vid, uint64_t mac, port_id port, uint64_t now,
                    struct fdb_plan *ret_plan)
{
    uint32_t found = port < fdb->max_ports ? fdb_find(fdb, fdb_key(vid, mac)) : NO_ENTRY;

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
        ret_plan->action = find_room_to_learn(fdb, ret_plan) ? FDB_INSERT : FDB_REFUSE_INSERT;
    if (ret_plan->action >= FDB_MOVE && is_at_limit(fdb, port, now))
        ret_plan->action = FDB_REFUSE_LIMIT;
}

/* Settings */

void fdb_set_aging(struct fdb *fdb, uint64_t aging_ns)
{
    fdb->aging_ns = aging_ns;
}

void fdb_set_journal(struct fdb *fdb, struct fdb_journal *journal, const void *owner)
{
    fdb->journal = journal;
    fdb->owner = owner;
}
