/* SPDX-License-Identifier: ISC */
#include "ringspan/fdb_journal.h"

#include <errno.h>
#include <stdlib.h>

int fdb_journal_new(uint32_t size, struct fdb_journal **ret)
{
    struct fdb_journal *journal = calloc(1, sizeof(*journal));

    if (!journal)
        return -ENOMEM;
    journal->size = size;
    journal->changes = calloc(size, sizeof(*journal->changes));
    if (!journal->changes) {
        fdb_journal_free(journal);
        return -ENOMEM;
    }
    *ret = journal;
    return 0;
}

void fdb_journal_free(struct fdb_journal *journal)
{
    if (!journal)
        return;
    free(journal->changes);
    free(journal);
}

const char *fdb_change_name(enum fdb_change_kind kind)
{
    static const char *const names[] = {"learn", "move", "age", "evict",
                                        "flush", "add",  "del", "hold"};

    _Static_assert(sizeof(names) / sizeof(*names) == FDB_N_CHANGE_KINDS, "one name a kind");
    return names[kind];
}
