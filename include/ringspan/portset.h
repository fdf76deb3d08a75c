/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PORTSET_H
#define RINGSPAN_PORTSET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * Portset: a set of a bridge's ports, as bits.
 *
 * A port_id is the port's place in its bridge: small, dense, reused after the port is gone. A set
 * has room for a number of ports fixed when it is made; membership is one bit, and walking a set
 * visits its members in ascending order a word at a time. Sets are made at birth and reconfigure,
 * never per frame.
 */

typedef uint16_t port_id;
#define PORT_NONE ((port_id)0xffff)

struct portset {
    uint32_t n_words;
    uint32_t
        n_used; /* words from here on are zero: a walk ends there, however much room there is */
    uint32_t n_members;
    uint64_t *words;
};

/** Room for ports 0..@capacity-1, all absent. 0 or -ENOMEM. Release with portset_fini(). */
int portset_init(struct portset *set, uint32_t capacity);
void portset_fini(struct portset *set);
/** Both are idempotent; @id must be below the capacity. */
void portset_add(struct portset *set, port_id id);
void portset_del(struct portset *set, port_id id);

static inline bool portset_has(const struct portset *set, port_id id)
{
    return id / 64u < set->n_words && (set->words[id / 64u] >> (id % 64u) & 1);
}

/** The first member at or after @from, or PORT_NONE. */
static inline port_id portset_next(const struct portset *set, uint32_t from)
{
    for (uint32_t w = from / 64u; w < set->n_used; w++) {
        uint64_t bits = set->words[w];

        if (w == from / 64u)
            bits &= ~UINT64_C(0) << (from % 64u);
        if (bits)
            return (port_id)(w * 64u + (uint32_t)__builtin_ctzll(bits));
    }
    return PORT_NONE;
}

#define portset_for_each(id, set) \
    for (port_id id = portset_next(set, 0); id != PORT_NONE; id = portset_next(set, id + 1u))

#endif
