/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_FDB_JOURNAL_H
#define RINGSPAN_FDB_JOURNAL_H

#include <stdint.h>

#include "ringspan/portset.h"

/*
 * FDB journal: what changed in forwarding tables since somebody last looked.
 *
 * A table that was given a journal (fdb_set_journal()) notes each change there: no system call, no
 * allocation, no formatting, 32 bytes. Whoever gave it empties it once per turn of the loop. The
 * memory is fixed; of a turn that changes more, the first changes are kept and the others only
 * counted as lost. A table without a journal, which is the normal case, pays one branch.
 *
 * There is exactly one note per change, made where the table's own counters are counted (fdb.h), so
 * the two always agree:
 *
 *   learn   an address that had no live entry has one now       counters.inserted
 *   move    a live entry is another port's now                  counters.moved
 *   age     an expired entry is forgotten: the sweep took its   counters.expired
 *           memory, another address needed it, or the address
 *           itself was learned anew (then `learn` follows)
 *   evict   a live entry made room for another address          counters.evicted
 *   flush   all entries of a port, or of the table, at once:    counters.flushed, by `count`
 *           they are forgotten by generation, not one by one
 *   add     somebody put a static or sticky entry there         (sticky: counters.inserted)
 *   del     a live entry was deleted: by somebody, for an       (not static: counters.flushed)
 *           `add` that follows, or a static one with its port;
 *           or one that is reclaimed because its port
 *           left the VLAN or has a lower limit
 *
 *   hold    an entry moved too often, and stays on its port      counters.held
 *           for a time
 *
 * An entry that has expired is a miss at lookup at once, and its `age` comes when its memory is
 * taken back, at most one aging time later. So is one that is doomed (fdb.h), and its `del` comes
 * when the sweep does, at most a round later.
 */

enum fdb_change_kind {
    FDB_CHANGE_LEARN,
    FDB_CHANGE_MOVE,
    FDB_CHANGE_AGE,
    FDB_CHANGE_EVICT,
    FDB_CHANGE_FLUSH,
    FDB_CHANGE_ADD,
    FDB_CHANGE_DEL,
    FDB_CHANGE_HOLD,
    FDB_N_CHANGE_KINDS,
};

struct fdb_change {
    const void *owner; /* of the table: what fdb_set_journal() was told */
    uint64_t mac;
    uint32_t slot;  /* the entry's, as fdb_next() counts them; not of a flush */
    uint32_t count; /* of a flush */
    uint16_t vid;
    port_id port;      /* PORT_NONE: a flush of all ports */
    port_id from;      /* of a move: the port before; of a hold: the one where it was heard of */
    unsigned kind : 4; /* enum fdb_change_kind */
    unsigned is_static : 1;
    unsigned is_sticky : 1;
};

_Static_assert(sizeof(struct fdb_change) == 32, "two changes to a cache line");

struct fdb_journal {
    struct fdb_change *changes;
    uint32_t size;
    uint32_t n;
    uint64_t lost; /* after the first n */
};

/** Room for @size changes, at least 1. 0 or -ENOMEM. Free it after every table has let go of it;
 * NULL is fine. */
int fdb_journal_new(uint32_t size, struct fdb_journal **ret);
void fdb_journal_free(struct fdb_journal *journal);

/** "learn", "move", … */
const char *fdb_change_name(enum fdb_change_kind kind);

/** For tables. */
static inline void fdb_journal_note(struct fdb_journal *journal, const struct fdb_change *change)
{
    if (journal->n < journal->size)
        journal->changes[journal->n++] = *change;
    else
        journal->lost++;
}

/** Whoever has read the first `n` changes, and `lost`, goes on with an empty journal. */
static inline void fdb_journal_clear(struct fdb_journal *journal)
{
    journal->n = 0;
    journal->lost = 0;
}

#endif
