/* SPDX-License-Identifier: ISC */
#include "ringspan/fdb_static.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_addresses(const struct config_static *a, const struct config_static *b)
{
    if (a->vlan != b->vlan)
        return a->vlan < b->vlan ? -1 : 1;
    return a->mac == b->mac ? 0 : a->mac < b->mac ? -1 : 1;
}

static int by_address(const void *a, const void *b)
{
    const struct config_static *const *one = a;
    const struct config_static *const *other = b;

    return compare_addresses(*one, *other);
}

static int by_port(const void *a, const void *b)
{
    const struct config_static *const *one = a;
    const struct config_static *const *other = b;

    return strcmp((*one)->port, (*other)->port);
}

static bool is_same(const struct config_static *a, const struct config_static *b)
{
    const char *text_a = a->description ? a->description : "";
    const char *text_b = b->description ? b->description : "";

    return strcmp(a->port, b->port) == 0 && a->sticky == b->sticky && strcmp(text_a, text_b) == 0;
}

static const struct config_static **sorted(const struct config_bridge *bridge, uint32_t *ret_n)
{
    uint32_t n = bridge ? bridge->fdb.n_statics : 0;
    const struct config_static **list = calloc(n + 1, sizeof(*list));

    for (uint32_t i = 0; list && i < n; i++)
        list[i] = &bridge->fdb.statics[i];
    if (list)
        qsort(list, n, sizeof(*list), by_address);
    *ret_n = n;
    return list;
}

/* Both lists are sorted, and keep what is not in the other. */
static void cancel_out(struct fdb_static_changes *changes)
{
    uint32_t n_now = changes->n_del;
    uint32_t n_next = changes->n_add;
    uint32_t k = 0;

    changes->n_del = 0;
    changes->n_add = 0;
    for (uint32_t i = 0; i < n_next; i++) {
        const struct config_static *next = changes->add[i];

        while (k < n_now && compare_addresses(changes->del[k], next) < 0)
            changes->del[changes->n_del++] = changes->del[k++];
        if (k == n_now || compare_addresses(changes->del[k], next) != 0)
            changes->add[changes->n_add++] = next;
        else if (!is_same(changes->del[k++], next))
            changes->add[changes->n_add++] = next;
    }
    while (k < n_now)
        changes->del[changes->n_del++] = changes->del[k++];
}

int fdb_static_changes_make(const struct config_bridge *now, const struct config_bridge *next,
                            struct fdb_static_changes *ret_changes)
{
    struct fdb_static_changes changes;

    changes.del = sorted(now, &changes.n_del);
    changes.add = sorted(next, &changes.n_add);
    if (!changes.del || !changes.add) {
        fdb_static_changes_fini(&changes);
        return -ENOMEM;
    }
    cancel_out(&changes);
    qsort(changes.add, changes.n_add, sizeof(*changes.add), by_port);
    *ret_changes = changes;
    return 0;
}

void fdb_static_changes_fini(struct fdb_static_changes *changes)
{
    free(changes->del);
    free(changes->add);
    *changes = (struct fdb_static_changes){0};
}

bool fdb_static_changes_any(const struct fdb_static_changes *changes)
{
    return changes->n_del > 0 || changes->n_add > 0;
}

/* The first of the entries of @port, or where it would be. */
static uint32_t first_of(const struct fdb_static_changes *changes, const char *port)
{
    uint32_t low = 0;
    uint32_t high = changes->n_add;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (strcmp(changes->add[middle]->port, port) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_those_of(const struct fdb_static_changes *changes, struct fdb *fdb,
                         const struct port *port, uint64_t now)
{
    for (uint32_t i = first_of(changes, port->name);
         i < changes->n_add && strcmp(changes->add[i]->port, port->name) == 0; i++) {
        const struct fdb_entry entry = {
            .mac = changes->add[i]->mac,
            .vid = (uint16_t)changes->add[i]->vlan,
            .port = port->id,
            .seen = now,
            .is_static = true,
            .is_sticky = changes->add[i]->sticky,
        };

        (void)fdb_add(fdb, &entry);
    }
}

void fdb_static_changes_apply(const struct fdb_static_changes *changes, struct bridge *bridge,
                              uint64_t now)
{
    struct fdb *fdb = bridge_fdb(bridge);

    for (uint32_t i = 0; i < changes->n_del; i++) {
        uint16_t vid = (uint16_t)changes->del[i]->vlan;

        if (fdb_is_static(fdb, vid, changes->del[i]->mac))
            (void)fdb_del(fdb, vid, changes->del[i]->mac, now);
    }
    for (uint32_t id = 0; changes->n_add > 0 && id < bridge_id_limit(bridge); id++) {
        const struct port *port = bridge_port(bridge, (port_id)id);

        if (port)
            add_those_of(changes, fdb, port, now);
    }
}
