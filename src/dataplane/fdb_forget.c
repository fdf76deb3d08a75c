/* SPDX-License-Identifier: ISC */
#include "fdb_private.h"
#include "ringspan/mac.h"

#define FORGETTING_COSTS 16 /* looks at an entry */

bool fdb_is_spared(const struct fdb *fdb, const struct entry *entry)
{
    const struct fdb_port *port = &fdb->ports[entry->port];

    if (is_stale(fdb, entry) || is_above_limit(fdb, entry))
        return false;
    return !is_settling(fdb, port) ||
           entry->generation >= fdb->vlans[port->vlans].generation[entry->key >> 48];
}

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
    fdb_list_splice(fdb, &fdb->stale, &flushed->doomed);
    flushed->n_added = 0;
    flushed->n_doomed = 0;
    flushed->since = ++flushed->generation;
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
static void flush_vlans_of(struct fdb *fdb, uint32_t at, uint32_t left, const struct vidset *vids,
                           uint64_t now)
{
    for (; left > 0; left--) {
        uint32_t next = fdb->entries[at].next;

        if (vidset_has(vids, (uint16_t)(fdb->entries[at].key >> 48)))
            fdb_forget(fdb, at, now);
        at = next;
    }
}

/* Where the VLANs of @port that were flushed in this round are; NULL if too many ports have some.
 */
static struct flushed_vlans *vlans_of(struct fdb *fdb, struct fdb_port *port)
{
    if (!is_settling(fdb, port)) {
        if (fdb->n_vlans == FLUSHED_PORTS)
            return NULL;
        port->round = fdb->round;
        port->vlans = fdb->n_vlans++;
        fdb->vlans[port->vlans] = (struct flushed_vlans){{0}};
    }
    return &fdb->vlans[port->vlans];
}

static bool doom_vlans(struct fdb *fdb, port_id port, const struct vidset *vids)
{
    struct flushed_vlans *flushed = vlans_of(fdb, &fdb->ports[port]);
    uint16_t first;
    uint16_t last;

    if (!flushed)
        return false;
    fdb->ports[port].generation++;
    for (uint32_t from = 0; vidset_next_range(vids, from, &first, &last); from = last + 1u) {
        for (uint32_t vid = first; vid <= last; vid++)
            flushed->generation[vid] = fdb->ports[port].generation;
    }
    fdb->left = fdb->touched;
    return true;
}

void fdb_flush_port_vlans(struct fdb *fdb, port_id port, const struct vidset *vids, uint64_t now,
                          uint32_t budget)
{
    const struct fdb_port *p;

    if (port >= fdb->max_ports || fdb->ports[port].held == 0 || vidset_is_empty(vids))
        return;
    p = &fdb->ports[port];
    if (p->held <= budget) {
        flush_vlans_of(fdb, p->head, n_learned(p), vids, now);
        flush_vlans_of(fdb, p->added, p->n_added, vids, now);
    } else if (!doom_vlans(fdb, port, vids)) {
        fdb_flush_port(fdb, port);
    }
}

/* Of what @port has learned all but the newest, no more than @most. */
static void doom_all_but(struct fdb *fdb, port_id port, uint32_t most, uint64_t now)
{
    struct fdb_port *p = &fdb->ports[port];
    uint32_t kept = NO_ENTRY;
    uint32_t n_kept = 0;

    for (uint32_t left = most; left > 0; left--) {
        uint32_t newest = fdb->entries[p->head].prev;

        if (!is_live(fdb, &fdb->entries[newest], now)) {
            fdb_forget(fdb, newest, now);
            continue;
        }
        fdb_list_remove(fdb, &p->head, newest);
        fdb_list_append(fdb, &kept, newest);
        kept = newest; /* the oldest comes first */
        fdb->entries[newest].generation = p->generation + 1;
        n_kept++;
    }
    p->n_doomed = p->held - p->n_added - n_kept;
    fdb_list_splice(fdb, &p->doomed, &p->head);
    p->head = kept;
    p->floor = ++p->generation;
    fdb->left = fdb->touched;
}

void fdb_set_limit(struct fdb *fdb, port_id port, uint32_t max, uint64_t now, uint32_t budget)
{
    struct fdb_port *p;

    if (port >= fdb->max_ports)
        return;
    p = &fdb->ports[port];
    if (p->limit == 0 && max != 0)
        fdb_flush_port(fdb, port); /* its list is in another order */
    p->limit = max;
    if (max == 0 || n_learned(p) <= max)
        return;
    if (n_learned(p) - max > budget)
        doom_all_but(fdb, port, smaller(max, budget), now);
    while (n_learned(p) > max)
        fdb_forget(fdb, p->head, now);
}

static bool sweep_slot(struct fdb *fdb, uint32_t at, uint64_t now)
{
    struct entry *entry = &fdb->entries[at];

    if (entry->port == PORT_NONE)
        return false;
    if (is_live(fdb, entry, now)) {
        if (entry->generation != fdb->ports[entry->port].generation)
            entry->generation = fdb->ports[entry->port].generation;
        return false;
    }
    fdb_count_end(fdb, entry, now, FDB_CHANGE_EVICT);
    fdb_reclaim(fdb, at);
    return true;
}

/* The hand passes over nothing that is doomed, whoever moves it: what was is reclaimed by now. */
static void go_on_with_round(struct fdb *fdb, uint32_t swept)
{
    if (fdb->left == 0)
        return;
    fdb->left -= smaller(fdb->left, swept);
    if (fdb->left > 0)
        return;
    fdb->round++;
    fdb->n_vlans = 0;
}

uint32_t fdb_sweep(struct fdb *fdb, uint64_t now, uint32_t budget)
{
    uint32_t slots = smaller(budget, fdb->touched);
    uint32_t reclaimed = 0;

    for (uint32_t i = 0; i < slots; i++) {
        uint32_t at = fdb->hand;

        fdb->hand = (at + 1) % fdb->touched;
        reclaimed += sweep_slot(fdb, at, now);
    }
    go_on_with_round(fdb, slots);
    return reclaimed;
}

bool fdb_is_settling(const struct fdb *fdb)
{
    return fdb->left > 0;
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
