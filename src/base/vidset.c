/* SPDX-License-Identifier: ISC */
#include "ringspan/vidset.h"

#include <string.h>

#define N_WORDS (VID_LIMIT / 64)

void vidset_add_range(struct vidset *set, uint16_t first, uint16_t last)
{
    for (uint32_t vid = first; vid <= last; vid++)
        vidset_add(set, (uint16_t)vid);
}

void vidset_add_all(struct vidset *set, const struct vidset *others)
{
    for (uint32_t i = 0; i < N_WORDS; i++)
        set->words[i] |= others->words[i];
}

struct vidset vidset_all(void)
{
    struct vidset set = {{0}};

    vidset_add_range(&set, VID_MIN, VID_MAX);
    return set;
}

struct vidset vidset_minus(const struct vidset *a, const struct vidset *b)
{
    struct vidset left;

    for (uint32_t i = 0; i < N_WORDS; i++)
        left.words[i] = a->words[i] & ~b->words[i];
    return left;
}

bool vidset_is_empty(const struct vidset *set)
{
    for (uint32_t i = 0; i < N_WORDS; i++) {
        if (set->words[i])
            return false;
    }
    return true;
}

bool vidset_equals(const struct vidset *a, const struct vidset *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool vidset_next_range(const struct vidset *set, uint32_t from, uint16_t *ret_first,
                       uint16_t *ret_last)
{
    uint32_t first = from;
    uint32_t last;

    while (first < VID_LIMIT && !vidset_has(set, (uint16_t)first))
        first++;
    if (first == VID_LIMIT)
        return false;
    for (last = first; last + 1 < VID_LIMIT && vidset_has(set, (uint16_t)(last + 1));)
        last++;
    *ret_first = (uint16_t)first;
    *ret_last = (uint16_t)last;
    return true;
}
