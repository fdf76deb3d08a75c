/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_FDB_PRIVATE_H
#define RINGSPAN_FDB_PRIVATE_H

#include "ringspan/fdb.h"
#include "ringspan/limits.h"

/*
 * The inside of the forwarding table, shared by what looks up and plans (fdb.c), what carries plans
 * out (fdb_commit.c, fdb_add.c, fdb_moves.c) and what forgets (fdb_forget.c), what orders its ports
 * (fdb_ports.c), what others may see of it (fdb_look.c) and what checks it (fdb_check.c).
 *
 * Every used entry is in the index and on exactly one circular list: one of its port's two, of what
 * was learned and of what somebody added, in the order in which eviction considers them; or that of
 * what a lower limit made its port forget; or, once its port was flushed, that of the stale ones;
 * or, if it is static, that of its port's static ones, which neither eviction nor the generations
 * reach.
 *
 * Whatever is forgotten without being looked at advances the port's generation. An entry of the
 * generation of now lives; what became of an older one is asked out of line: it is stale if it is
 * from before the last flush (`since`), doomed if it was learned before the limit was lowered
 * (`floor`) or before its VLAN was flushed, and spared if nothing of it applies. A round of the
 * sweep reclaims the doomed and gives the spared the generation of now. It is over before what it
 * must know of VLANs is forgotten, or else the dead would rise.
 */

#define NO_ENTRY UINT32_MAX

#define EXPIRED_LOOKS 8 /* of an insertion into a full table */

/* 32 bytes, so that an aligned array never has one across two cache lines. */
struct entry {
    uint64_t key;        /* vid << 48 | mac */
    uint64_t seen;       /* ns */
    uint32_t generation; /* its port's when it was learned; the port has another now: stale */
    uint32_t next;       /* of the list; of a free entry, the next free one */
    uint32_t prev;
    port_id port;   /* PORT_NONE: the entry is free */
    bool refreshed; /* since eviction last considered it */
    uint8_t kind;   /* ENTRY_ bits */
};

#define ENTRY_STATIC 1
#define ENTRY_STICKY 2
#define ENTRY_MOVED  4  /* `moves` says something about it */
#define ENTRY_HELD   8  /* it stays until then */
#define ENTRY_ADDED  16 /* somebody put it there, and it ages: no limit counts it */
#define ENTRY_FIXED  (ENTRY_STATIC | ENTRY_STICKY)

_Static_assert(sizeof(struct entry) == 32, "two entries to a cache line");

/* Beside the entry, because few ever move. */
struct moves {
    uint64_t since; /* when the first of them was, or it was held */
    uint32_t count;
    uint32_t era; /* the table's when it was written; the table has another now: nothing counts */
};

/* Open addressing with linear probing, at most half full. The hash is kept to recognise most
 * mismatches without reading the entry, and to know where a bucket may move when one before it
 * empties. */
struct bucket {
    uint32_t hash;
    uint32_t occupant; /* entry + 1; 0: empty */
};

_Static_assert(LIMIT_FDB_ENTRIES_MAX <= UINT32_MAX / 4, "32 bits of hash place a bucket");

struct fdb_port {
    uint32_t generation; /* 2^32 flushes of one port are taken to be impossible */
    uint32_t since;      /* older ones are stale */
    uint32_t floor;      /* older ones that were learned are doomed */
    uint32_t round;  /* the table's when VLANs were flushed last: `vlans` counts until its end */
    uint32_t vlans;  /* in the table's `vlans` */
    uint32_t head;   /* of those learned, the one that eviction considers next, or NO_ENTRY */
    uint32_t added;  /* of those added, the same */
    uint32_t doomed; /* of those that a lower limit made it forget, the oldest, or NO_ENTRY */
    uint32_t n_added;
    uint32_t n_doomed;
    uint32_t held; /* entries that are not stale, live or not, learned or added */
    uint32_t rank; /* its place in `by_held` */
    uint32_t
        limit; /* of those learned; 0: none. Their list is in the order of `seen` if it is set */
};

#define FLUSHED_PORTS 64 /* whose VLANs may be flushed in one round */

/* Of a port, by VID: its generation after the VLAN was flushed, 0 if it was not. */
struct flushed_vlans {
    uint32_t generation[VID_LIMIT];
};

struct fdb {
    struct hash_key hash_key;
    struct bucket *index;
    struct entry *entries;
    struct moves *moves; /* by entry */
    struct fdb_move_limit move_limit;
    uint32_t move_era; /* ends with a limit, so that no hold outlasts it */
    struct fdb_port *ports;
    uint32_t *fixed; /* by port: the list of its static entries; no lookup reads this */
    struct fdb_port_counters *tallies; /* by port */
    struct flushed_vlans *vlans;       /* FLUSHED_PORTS, or one of each port */
    uint32_t n_vlans;                  /* of those in use in this round */
    uint32_t round;
    uint32_t left; /* slots that the round has still to look at; 0: there is none */
    uint64_t aging_ns;
    uint32_t index_mask;
    uint32_t max_entries;
    uint32_t max_ports;
    uint32_t touched; /* entries from here on were never used */
    uint32_t used;
    uint32_t n_static;
    uint32_t free;    /* list of entries below `touched` that hold nothing, or NO_ENTRY */
    uint32_t stale;   /* the longest stale, or NO_ENTRY */
    uint32_t hand;    /* where sweep and eviction look next for expired entries */
    port_id *by_held; /* all ports as a binary heap, the one that holds most on top */
    struct fdb_counters counters;
    struct fdb_journal *journal; /* NULL: nobody wants to know */
    const void *owner;           /* what the journal calls this table */
};

static inline bool is_static(const struct entry *entry)
{
    return entry->kind & ENTRY_STATIC;
}

static inline bool is_added(const struct entry *entry)
{
    return entry->kind & ENTRY_ADDED;
}

/* The next two are not for static ones. */

static inline bool is_stale(const struct fdb *fdb, const struct entry *entry)
{
    return entry->generation < fdb->ports[entry->port].since;
}

/** Its port forgot it for a lower limit. */
static inline bool is_above_limit(const struct fdb *fdb, const struct entry *entry)
{
    return !is_stale(fdb, entry) && !is_added(entry) &&
           entry->generation < fdb->ports[entry->port].floor;
}

/** Of an entry that is of an older generation than its port: neither stale nor doomed. */
bool fdb_is_spared(const struct fdb *fdb, const struct entry *entry);

static inline bool is_known(const struct fdb *fdb, const struct entry *entry)
{
    return entry->generation == fdb->ports[entry->port].generation || fdb_is_spared(fdb, entry);
}

static inline uint32_t n_learned(const struct fdb_port *port)
{
    return port->held - port->n_added - port->n_doomed;
}

/** Some of its VLANs were flushed, and nobody knows how many entries that were. */
static inline bool is_settling(const struct fdb *fdb, const struct fdb_port *port)
{
    return port->round == fdb->round;
}

static inline bool has_expired(const struct fdb *fdb, uint64_t seen, uint64_t now)
{
    return now - seen >= fdb->aging_ns;
}

static inline bool is_live(const struct fdb *fdb, const struct entry *entry, uint64_t now)
{
    return is_static(entry) || (is_known(fdb, entry) && !has_expired(fdb, entry->seen, now));
}

static inline uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/** The entry of @key, live or not, or NO_ENTRY. */
static inline uint32_t fdb_find(const struct fdb *fdb, uint64_t key)
{
    uint32_t hash = (uint32_t)hash_u64(&fdb->hash_key, key);

    for (uint32_t at = hash & fdb->index_mask; fdb->index[at].occupant != 0;
         at = (at + 1) & fdb->index_mask) {
        uint32_t entry = fdb->index[at].occupant - 1;

        if (fdb->index[at].hash == hash && fdb->entries[entry].key == key)
            return entry;
    }
    return NO_ENTRY;
}

/** Where an insertion by @plan goes: sets its room and entry. False if there is none: all entries
 * are static. */
bool fdb_find_room(const struct fdb *fdb, struct fdb_plan *plan);
/** Commits an insertion of an entry of this kind, ENTRY_ bits. */
void fdb_insert(struct fdb *fdb, const struct fdb_plan *plan, uint8_t kind);

void fdb_note(struct fdb *fdb, enum fdb_change_kind kind, const struct entry *entry, port_id from);
/** Counts and notes why an entry that is about to be written over or freed is no longer known;
 * @kind is what happens to those that would have lived. A stale one was counted when its port was
 * flushed, a doomed one is counted as deleted unless it has expired, and static ones are not
 * counted. */
void fdb_count_end(struct fdb *fdb, const struct entry *entry, uint64_t now,
                   enum fdb_change_kind kind);
/** Frees the entry's memory. */
void fdb_reclaim(struct fdb *fdb, uint32_t entry);
/** It is deleted: both of it. */
void fdb_forget(struct fdb *fdb, uint32_t entry, uint64_t now);

/** Makes @entry, which is on no list, the last of the circular list *@head. */
void fdb_list_append(struct fdb *fdb, uint32_t *head, uint32_t entry);
void fdb_list_remove(struct fdb *fdb, uint32_t *head, uint32_t entry);
/** Moves the whole list *@from behind that of *@head, at the same cost for any length. */
void fdb_list_splice(struct fdb *fdb, uint32_t *head, uint32_t *from);

/** What becomes of a move of the live @entry: FDB_MOVE, FDB_REFUSE_MOVE or FDB_HOLD. */
enum fdb_action fdb_action_on_move(const struct fdb *fdb, const struct entry *entry, uint64_t now);
/** Where there is a limit to moves: entry number @at moves. */
void fdb_count_move(struct fdb *fdb, uint32_t at, uint64_t now);

/** Every change of how many entries a port holds goes through here: it keeps the heap. */
void fdb_port_set_held(struct fdb *fdb, port_id port, uint32_t held);

#endif
