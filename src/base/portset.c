/* SPDX-License-Identifier: ISC */
#include "ringspan/portset.h"

#include <assert.h>
#include <errno.h>

int portset_init(struct portset *set, uint32_t capacity)
{
    uint32_t n_words = (capacity + 63u) / 64u;
    /* calloc(0) may return NULL without being out of memory. */
    uint64_t *words = calloc(n_words ? n_words : 1, sizeof(*words));

    if (!words)
        return -ENOMEM;
    *set = (struct portset){.n_words = n_words, .words = words};
    return 0;
}

void portset_fini(struct portset *set)
{
    free(set->words);
    *set = (struct portset){0};
}

void portset_add(struct portset *set, port_id id)
{
    assert(id / 64u < set->n_words);
    if (portset_has(set, id))
        return;
    set->words[id / 64u] |= UINT64_C(1) << (id % 64u);
    set->n_members++;
    if (set->n_used <= id / 64u)
        set->n_used = id / 64u + 1;
}

void portset_del(struct portset *set, port_id id)
{
    assert(id / 64u < set->n_words);
    if (!portset_has(set, id))
        return;
    set->words[id / 64u] &= ~(UINT64_C(1) << (id % 64u));
    set->n_members--;
    while (set->n_used > 0 && set->words[set->n_used - 1] == 0)
        set->n_used--;
}
