/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"
#include "ringspan/mac.h"

#define FORGETTING_COSTS 16 /* looks at an entry */

/* Returns how many entries that were. */
static uint32_t forget_port(struct fdb *fdb, port_id port)
{
    struct fdb_port *flushed = &fdb->ports[port];
    uint32_t held = flushed->held;

    if (held == 0)
        return 0;
    fdb->counters.flushed += held;
    fdb_list_splice(fdb, &fdb->stale, &flushed->head);
    fdb_list_splice(fdb, &fdb->stale, &flushed->added);
    flushed->n_added = 0;
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

/* Of @left entries of a list, from @at on. */
static void flush_vlans_of(struct fdb *fdb, uint32_t at, uint32_t left, const struct vidset *vids)
{
    for (; left > 0; left--) {
        uint32_t next = fdb->entries[at].next;

        if (vidset_has(vids, (uint16_t)(fdb->entries[at].key >> 48))) {
            fdb_note(fdb, FDB_CHANGE_DEL, &fdb->entries[at], PORT_NONE);
            fdb->counters.flushed++;
            fdb_reclaim(fdb, at);
        }
        at = next;
    }
}

void fdb_flush_port_vlans(struct fdb *fdb, port_id port, const struct vidset *vids)
{
    const struct fdb_port *p;

    if (port >= fdb->max_ports)
        return;
    p = &fdb->ports[port];
    flush_vlans_of(fdb, p->head, n_learned(p), vids);
    flush_vlans_of(fdb, p->added, p->n_added, vids);
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
    while (max != 0 && n_learned(p) > max) {
        fdb_note(fdb, FDB_CHANGE_DEL, &fdb->entries[p->head], PORT_NONE);
        fdb->counters.flushed++;
        fdb_reclaim(fdb, p->head);
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
        fdb_count_end(fdb, entry, now, FDB_CHANGE_EVICT);
        fdb_reclaim(fdb, at);
        reclaimed++;
    }
    return reclaimed;
}

void fdb_forget(struct fdb *fdb, uint32_t entry, uint64_t now)
{
    fdb_count_end(fdb, &fdb->entries[entry], now, FDB_CHANGE_DEL);
    fdb_reclaim(fdb, entry);
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
        fdb_forget(fdb, *cursor, now);
        (*count)++;
        spent += FORGETTING_COSTS;
    }
    return *cursor < fdb->touched;
}

bool fdb_del(struct fdb *fdb, uint16_t vid, uint64_t mac, uint64_t now)
{
    uint32_t found = fdb_find(fdb, fdb_key(vid, mac));

    if (found == NO_ENTRY || !is_live(fdb, &fdb->entries[found], now))
        return false;
    fdb_forget(fdb, found, now);
    return true;
}

void fdb_del_port(struct fdb *fdb, port_id port)
{
    if (port >= fdb->max_ports)
        return;
    fdb_flush_port(fdb, port);
    while (fdb->fixed[port] != NO_ENTRY) {
        fdb_note(fdb, FDB_CHANGE_DEL, &fdb->entries[fdb->fixed[port]], PORT_NONE);
        fdb_reclaim(fdb, fdb->fixed[port]);
    }
    fdb->ports[port].limit = 0;
    fdb->tallies[port] = (struct fdb_port_counters){0};
}
