/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_VIDSET_H
#define RINGSPAN_VIDSET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Vidset: a set of VLAN identifiers, as bits.
 *
 * A value of fixed size, copied and compared like a number. VID 0 (a priority tag) and 4095
 * (reserved by IEEE 802.1Q) name no VLAN; whoever fills a set sees to it that they are not in it.
 */

#define VID_MIN   1
#define VID_MAX   4094
#define VID_LIMIT 4096 /* VIDs have twelve bits */
#define VID_NONE  0

struct vidset {
    uint64_t words[VID_LIMIT / 64];
};

static inline bool vidset_has(const struct vidset *set, uint16_t vid)
{
    return set->words[vid / 64u] >> (vid % 64u) & 1;
}

static inline void vidset_add(struct vidset *set, uint16_t vid)
{
    set->words[vid / 64u] |= UINT64_C(1) << (vid % 64u);
}

static inline void vidset_del(struct vidset *set, uint16_t vid)
{
    set->words[vid / 64u] &= ~(UINT64_C(1) << (vid % 64u));
}

/** @first to @last, both of them in. */
void vidset_add_range(struct vidset *set, uint16_t first, uint16_t last);
/** The members of @others become members, too. */
void vidset_add_all(struct vidset *set, const struct vidset *others);
/** All VLANs that there can be: 1 to 4094. */
struct vidset vidset_all(void);
/** Members of @a that are not in @b. */
struct vidset vidset_minus(const struct vidset *a, const struct vidset *b);
bool vidset_is_empty(const struct vidset *set);
bool vidset_equals(const struct vidset *a, const struct vidset *b);

/** The next run of members at or after @from: true, and its first and last. Start with 0, go on
 * behind the last. */
bool vidset_next_range(const struct vidset *set, uint32_t from, uint16_t *ret_first,
                       uint16_t *ret_last);

#endif
