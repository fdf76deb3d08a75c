/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"

/* How often addresses move, and whether they may. */

static bool has_moved(const struct fdb *fdb, const struct entry *entry)
{
    return (entry->kind & ENTRY_MOVED) && fdb->moves[entry - fdb->entries].era == fdb->move_era;
}

enum fdb_action fdb_action_on_move(const struct fdb *fdb, const struct entry *entry, uint64_t now)
{
    const struct fdb_move_limit *limit = &fdb->move_limit;
    const struct moves *moves = &fdb->moves[entry - fdb->entries];

    if (entry->kind & ENTRY_FIXED)
        return FDB_REFUSE_MOVE;
    if (limit->max == 0 || !has_moved(fdb, entry))
        return FDB_MOVE;
    if (entry->kind & ENTRY_HELD)
        return now - moves->since < limit->hold_ns ? FDB_REFUSE_MOVE : FDB_MOVE;
    return moves->count < limit->max || now - moves->since >= limit->interval_ns ? FDB_MOVE
                                                                                 : FDB_HOLD;
}

void fdb_count_move(struct fdb *fdb, uint32_t at, uint64_t now)
{
    struct entry *entry = &fdb->entries[at];
    struct moves *moves = &fdb->moves[at];
    bool goes_on = has_moved(fdb, entry) && !(entry->kind & ENTRY_HELD) &&
                   now - moves->since < fdb->move_limit.interval_ns;

    if (!goes_on)
        *moves = (struct moves){.since = now, .era = fdb->move_era};
    moves->count++;
    entry->kind = (uint8_t)((entry->kind & ~ENTRY_HELD) | ENTRY_MOVED);
}

void fdb_set_move_limit(struct fdb *fdb, const struct fdb_move_limit *limit)
{
    if (limit->max == 0)
        fdb->move_era++;
    fdb->move_limit = *limit;
}
