/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_FDB_H
#define RINGSPAN_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/fdb_journal.h"
#include "ringspan/hash.h"
#include "ringspan/portset.h"
#include "ringspan/vidset.h"

/*
 * FDB: the forwarding database, a dictionary from (vid, mac) to a port.
 *
 * It knows no sockets, no configuration and no clock. All of its memory is taken when it is made.
 *
 * Aging. An entry is live while now - seen < aging time, and only frames *from* an address refresh
 * it. An expired entry is a miss at lookup, at once; fdb_sweep() merely reclaims its memory, a
 * bounded number of entries per call. `now` must not go back from one call to the next.
 *
 * Flushing a port is a generation: fdb_flush_port() advances the port's generation, and entries of
 * an older one, called stale, are misses from then on. It costs the same for one entry as for a
 * million.
 *
 * Forgetting a part of what a port has, for its VLANs or a lower limit, is done at once where that
 * means no more than a budget of entries. Otherwise only the rule is written down: what it applies
 * to is a miss from then on, and called doomed. The table is settling then: fdb_sweep() reclaims
 * the doomed in one round, and counts and notes each of them, as expired or as flushed. Until then
 * they are among those that their port holds, and like expired ones they make room. VLANs of a port
 * may be flushed again meanwhile: what was learned in between stays unless the new rule is about
 * it.
 *
 * Planning and committing. fdb_plan_learn() is const: it says what learning an address would do
 * (refresh, move, insert, and whom it would evict); fdb_lookup_after() looks up as if that had been
 * done; fdb_commit() does it. The pipeline decides with the first two, so that `explain` can run
 * the very same code and change nothing. A plan is valid until the next change to the table.
 *
 * When full. Stale entries go first, then expired ones, then one of the port that holds most: the
 * host that invents addresses evicts its own. The work per insertion is bounded, so two searches
 * are not exhaustive:
 *
 *   expired   Each insertion into a full table looks at the next 8 slots, and takes an expired
 *             entry if it finds one there. The whole table has been looked at after
 *             max_entries / 8 such insertions; until then an expired entry may outlast a live one,
 *             and counts among those that its port holds.
 *   fullest   Exact, and a tie counts against the port that learns. Within it, the entries are
 *             considered in turn; one that was refreshed since its last turn gets a second chance,
 *             but after 8 of these the ninth goes regardless. It is not a strict LRU.
 *
 * Static entries are put there by fdb_add() and go with fdb_del() or their port. They are of any
 * age, are neither flushed nor evicted, count among max_entries, and fix their address: learning it
 * on another port changes nothing but a counter. Sticky entries age and are evicted like learned
 * ones, but as long as they live their address does not move either. When all entries are static
 * nothing is learned.
 *
 * Limits. A port may be given a most that it holds of entries that it has learned. What fdb_add()
 * put there does not count, static or not, until it moves to another port and is learned there; of
 * the entries of its port it is evicted last. What would be one more is refused, but an entry that
 * has expired holds no room, whether its memory has been reclaimed or not. So that this is exact,
 * and costs the same for any number, the list of such a port is kept in the order in which
 * addresses were heard of: an expired one is at its head. What a port at its limit learns goes
 * there, and never costs another port an entry. While VLANs of such a port are being flushed it
 * refuses nothing: nobody knows yet how many of its entries are doomed, so the oldest gives way.
 *
 * Moves. An address that comes from several ports in turn, for a loop or because two hosts have it,
 * may be held: once it has moved `max` times within `interval` its next move is refused, and so is
 * every other until `hold` is over. Then it may move again, and counting begins anew. An address
 * that is forgotten is not held any more.
 *
 * Refreshing an entry writes that entry and nothing else, but for the list of a port with a limit.
 * A lookup that hits reads one cache line of the index and one of the entries, besides the port's
 * generation.
 */

struct fdb;

struct fdb_params {
    uint32_t max_entries; /* exact */
    uint32_t max_ports;   /* port ids are below this */
    uint64_t aging_ns;
    struct hash_key key;
};

/* Those before FDB_REFRESH leave the table as it is. */
enum fdb_action {
    FDB_NOTHING,       /* the port id is out of range; committing it changes nothing */
    FDB_REFUSE_MOVE,   /* a static or sticky entry has the address on another port */
    FDB_REFUSE_INSERT, /* all entries are static */
    FDB_REFUSE_LIMIT,  /* the port holds as many as it may */
    FDB_HOLD,          /* the address has moved too often: from now on it stays, for a time */
    FDB_REFRESH,
    FDB_MOVE,
    FDB_INSERT,
};

/* Where an inserted entry goes. From FDB_ROOM_STALE on, another address loses its entry. */
enum fdb_room {
    FDB_ROOM_OWN,  /* the address's own entry, which is stale or expired */
    FDB_ROOM_FREE, /* an entry that holds nothing */
    FDB_ROOM_STALE,
    FDB_ROOM_EXPIRED,
    FDB_ROOM_OLDEST,  /* the port's own: it holds as many as it may, and this one has expired or
                         the port is settling */
    FDB_ROOM_FULLEST, /* one of the port that holds most */
};

/* What learning one address would do. Fields other than `action` are the table's own business. */
struct fdb_plan {
    enum fdb_action action;
    enum fdb_room room; /* of an insertion */
    uint16_t vid;
    port_id port;
    uint32_t entry; /* the entry to write: found, free, or a victim's */
    uint64_t mac;
    uint64_t now;
};

struct fdb_entry {
    uint64_t mac;
    uint16_t vid;
    port_id port;
    uint64_t seen; /* ns: when its address was last a source, or it was added */
    bool is_static;
    bool is_sticky;
};

/* inserted - expired - evicted - flushed is what the ports hold: entries that are not stale. Static
 * ones are not counted. */
struct fdb_counters {
    uint64_t inserted;
    uint64_t moved;
    uint64_t expired; /* counted when their memory is reclaimed */
    uint64_t evicted; /* live entries that made room */
    uint64_t flushed; /* counted at the flush; and live or doomed ones that were deleted, replaced
                         or reclaimed */
    uint64_t refused_moves;
    uint64_t refused_inserts;
    uint64_t refused_limits;
    uint64_t held; /* how often an address was: each is a refused move, too */
};

/* The same for one port, from when it came. */
struct fdb_port_counters {
    uint64_t moved_in; /* addresses that came to it from another port */
    uint64_t moved_out;
    uint64_t refused_limits;
};

/**
 * 0, -ENOMEM, or -EINVAL if there are no entries or more than LIMIT_FDB_ENTRIES_MAX, or more ports
 * than a port_id can name. Release with fdb_free() (NULL is fine).
 */
int fdb_new(const struct fdb_params *params, struct fdb **ret);
void fdb_free(struct fdb *fdb);

/** The port of a live entry, or PORT_NONE. */
port_id fdb_lookup(const struct fdb *fdb, uint16_t vid, uint64_t mac, uint64_t now);
bool fdb_is_static(const struct fdb *fdb, uint16_t vid, uint64_t mac);
/** The whole of a live entry; false if there is none. */
bool fdb_look(const struct fdb *fdb, uint16_t vid, uint64_t mac, uint64_t now,
              struct fdb_entry *ret_entry);

/** An address of a VLAN, as fdb_prefetch() takes it. */
static inline uint64_t fdb_key(uint16_t vid, uint64_t mac)
{
    return (uint64_t)vid << 48 | mac;
}

/** Whether the table has outgrown the caches near the CPU, so that fdb_prefetch() pays. */
bool fdb_wants_prefetch(const struct fdb *fdb);
/**
 * Begins to fetch from memory what look-ups of @keys are going to read, for all of them at once,
 * where one after the other would wait. @n is up to FDB_PREFETCH_MAX.
 */
#define FDB_PREFETCH_MAX 128
void fdb_prefetch(const struct fdb *fdb, const uint64_t *keys, uint32_t n);

void fdb_plan_learn(const struct fdb *fdb, uint16_t vid, uint64_t mac, port_id port, uint64_t now,
                    struct fdb_plan *ret_plan);
/** As fdb_lookup() would answer once @plan is committed. @plan may be NULL: plain lookup. */
port_id fdb_lookup_after(const struct fdb *fdb, const struct fdb_plan *plan, uint16_t vid,
                         uint64_t mac, uint64_t now);
void fdb_commit(struct fdb *fdb, const struct fdb_plan *plan);

/** @port holds at most @max entries that it has learned; 0: as many as there is room for. Those
 * that a port already holds are flushed if it had no limit; of those above a lower one, those go
 * that were not heard of for longest. If more than @budget have to go, no more than the newest
 * @budget stay. Out of range: nothing happens. */
void fdb_set_limit(struct fdb *fdb, port_id port, uint32_t max, uint64_t now, uint32_t budget);

struct fdb_move_limit {
    uint32_t max; /* 0: none */
    uint64_t interval_ns;
    uint64_t hold_ns;
};

/** For all addresses, from their next move on. Without, none is held, and what was is forgotten. */
void fdb_set_move_limit(struct fdb *fdb, const struct fdb_move_limit *limit);

/** All entries of @port but the static ones are misses from now on. A @port out of range has none.
 */
void fdb_flush_port(struct fdb *fdb, port_id port);
void fdb_flush_all(struct fdb *fdb);
/** The same for its entries in these VLANs alone: at once if it holds no more than @budget, and
 * otherwise until the table is settled. Where that would be VLANs of more than 64 ports at a time,
 * all entries of the port are flushed. */
void fdb_flush_port_vlans(struct fdb *fdb, port_id port, const struct vidset *vids, uint64_t now,
                          uint32_t budget);

/* Which entries are meant: those to which all of it applies. */
struct fdb_filter {
    port_id port; /* PORT_NONE: of any port */
    bool has_vid;
    bool has_mac;
    uint16_t vid;
    uint64_t mac;
};

/**
 * Forgets live entries that are not static, a piece of the table at a time: start with *cursor = 0,
 * call until false. A call looks at no more than @budget entries, fewer if it finds some to forget,
 * and adds their number to *count. What is learned meanwhile may or may not be among them.
 */
bool fdb_flush_some(struct fdb *fdb, const struct fdb_filter *filter, uint64_t now, uint32_t budget,
                    uint32_t *cursor, uint64_t *count);

/** Puts @entry there, in the place of what is known of its address; a static one that is there
 * already stays as it is. 0; -EINVAL if the port is out of range; -EEXIST if the address has a
 * static entry and the new one is none; -ENOSPC if all others are static. */
int fdb_add(struct fdb *fdb, const struct fdb_entry *entry);
/** Forgets the live entry, static or not; false if there is none. */
bool fdb_del(struct fdb *fdb, uint16_t vid, uint64_t mac, uint64_t now);
/** Forgets all entries of @port, static ones included, its limit and its counters: it is going. */
void fdb_del_port(struct fdb *fdb, port_id port);

/**
 * Reclaims expired, stale and doomed entries among the next @budget slots; returns how many. A
 * @budget of fdb_max_entries() is a whole round.
 */
uint32_t fdb_sweep(struct fdb *fdb, uint64_t now, uint32_t budget);
/** The earliest time at which an entry expires that is not refreshed; UINT64_MAX if none does, and
 * 0 (nobody knows) if that means to look at more than @budget slots. */
uint64_t fdb_first_expiry(const struct fdb *fdb, uint32_t budget);
/** Whether there are doomed entries that the sweep has not come by: it should go on soon. */
bool fdb_is_settling(const struct fdb *fdb);
/** At once, for all entries: a longer time also brings back those that had expired and were not
 * reclaimed yet. Zero: nothing lives. */
void fdb_set_aging(struct fdb *fdb, uint64_t aging_ns);

/** From now on each change is noted in @journal, which outlives the table, as one of @owner's
 * table. NULL: no more. */
void fdb_set_journal(struct fdb *fdb, struct fdb_journal *journal, const void *owner);

/** Live entries at @now, counted exactly: a full scan, for control and tests. */
uint32_t fdb_count(const struct fdb *fdb, uint64_t now);
/** Entries that occupy memory, live or not: cheap. */
uint32_t fdb_used(const struct fdb *fdb);
uint32_t fdb_n_static(const struct fdb *fdb);
uint32_t fdb_max_entries(const struct fdb *fdb);
struct fdb_counters fdb_counters(const struct fdb *fdb);
/** Of a port in range. */
struct fdb_port_counters fdb_port_counters(const struct fdb *fdb, port_id port);
/** Entries of @port that are not static, live, expired or doomed: cheap. */
uint32_t fdb_held(const struct fdb *fdb, port_id port);
/** Forgets all that @before has learned, and goes on with its limits, and counting where it ends;
 * @fdb is new and for as many ports. */
void fdb_succeed(struct fdb *fdb, struct fdb *before);

/**
 * Walks live entries: start with *cursor = 0, call until false. The table may change in between:
 * an entry that lives through the whole walk is visited exactly once, any other at most once. (An
 * address that is forgotten and learned again meanwhile has had two entries.)
 */
bool fdb_next(const struct fdb *fdb, uint64_t now, uint32_t *cursor, struct fdb_entry *ret_entry);

/** Bytes of memory that a table with @max_entries takes. */
uint64_t fdb_memory_bytes(uint32_t max_entries, uint32_t max_ports);

/** Checks every internal invariant; for tests and fuzzers. Returns NULL or a sentence about what is
 * broken. */
const char *fdb_check(const struct fdb *fdb);

#endif
