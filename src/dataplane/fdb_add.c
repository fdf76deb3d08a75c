/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "fdb_private.h"
#include "ringspan/mac.h"

static bool is_as_wanted(const struct entry *entry, const struct fdb_entry *wanted, uint8_t kind)
{
    return is_static(entry) && entry->kind == kind && entry->port == wanted->port;
}

int fdb_add(struct fdb *fdb, const struct fdb_entry *wanted)
{
    uint8_t kind = (uint8_t)((wanted->is_static ? ENTRY_STATIC : ENTRY_ADDED) |
                             (wanted->is_sticky ? ENTRY_STICKY : 0));
    struct fdb_plan plan = {.action = FDB_INSERT,
                            .vid = wanted->vid,
                            .mac = wanted->mac,
                            .port = wanted->port,
                            .now = wanted->seen};
    uint32_t known = fdb_find(fdb, fdb_key(wanted->vid, wanted->mac));

    if (wanted->port >= fdb->max_ports)
        return -EINVAL;
    if (known != NO_ENTRY && !wanted->is_static && is_static(&fdb->entries[known]))
        return -EEXIST;
    if (known != NO_ENTRY && is_as_wanted(&fdb->entries[known], wanted, kind))
        return 0;
    if (known != NO_ENTRY)
        fdb_forget(fdb, known, wanted->seen);
    if (!fdb_find_room(fdb, &plan))
        return -ENOSPC;
    fdb_insert(fdb, &plan, kind);
    return 0;
}
