/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_HASH_H
#define RINGSPAN_HASH_H

#include <stdint.h>

/*
 * Hash: a keyed hash of one 64-bit word.
 *
 * The forwarding table is indexed by addresses that any host can choose. Without a secret key a
 * host could choose thousands that share a bucket. This is SipHash-1-3 (Aumasson and Bernstein)
 * specialised to an eight-byte message; the key is random per table.
 */

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

/** Fills @ret_key from getrandom(2). 0 or -errno. */
int hash_key_random(struct hash_key *ret_key);
uint64_t hash_u64(const struct hash_key *key, uint64_t word);

#endif
