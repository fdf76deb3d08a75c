/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_FDB_STATIC_H
#define RINGSPAN_FDB_STATIC_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/bridge.h"
#include "ringspan/config.h"

/*
 * FDB static: the static entries that a configuration names, and a bridge's table.
 *
 * The configuration is the truth, and tables follow it by differences: what is in both lists is not
 * touched, so neither its age nor anything that was learned suffers from a reload. Lists may have
 * tens of thousands of entries and bridges thousands of ports, so both are sorted, and never
 * searched from end to end for each element of the other.
 */

struct fdb_static_changes {
    const struct config_static *
        *del; /* in the first list, and nothing of that address in the other */
    uint32_t n_del;
    const struct config_static **add; /* new, or in any way different; by port */
    uint32_t n_add;
};

/** What leads from @now (NULL: nothing) to @next. 0 or -ENOMEM; release it with
 * fdb_static_changes_fini(). Valid as long as both are. */
int fdb_static_changes_make(const struct config_bridge *now, const struct config_bridge *next,
                            struct fdb_static_changes *ret_changes);
void fdb_static_changes_fini(struct fdb_static_changes *changes);
bool fdb_static_changes_any(const struct fdb_static_changes *changes);

/** Carries @changes out: the bridge has the ports that they name. Cannot fail, because a
 * configuration has no more static entries than the table has room for. */
void fdb_static_changes_apply(const struct fdb_static_changes *changes, struct bridge *bridge,
                              uint64_t now);

#endif
