/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_HASH_H
#define RINGSPAN_HASH_H

#include <stdint.h>

/*
 * Hash: a keyed hash of one 64-bit word.
 *
 * The forwarding table is indexed by addresses that any host can choose. Without a secret key a
 * host could choose thousands that share a bucket. This is SipHash-1-3 (Aumasson and Bernstein)
 * specialised to an eight-byte message; the key is random per table. It is inline because every
 * frame pays for it twice.
 */

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

/** Fills @ret_key from getrandom(2). 0 or -errno. */
int hash_key_random(struct hash_key *ret_key);

static inline uint64_t hash_rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* SipRound. */
static inline void hash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = hash_rotl(v[1], 13) ^ v[0];
    v[0] = hash_rotl(v[0], 32);
    v[2] += v[3];
    v[3] = hash_rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = hash_rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = hash_rotl(v[1], 17) ^ v[2];
    v[2] = hash_rotl(v[2], 32);
}

/** The same on every machine: @word counts as eight little-endian bytes. */
static inline uint64_t hash_u64(const struct hash_key *key, uint64_t word)
{
    const uint64_t length = UINT64_C(8) << 56;
    uint64_t v[4] = {
        key->k0 ^ UINT64_C(0x736f6d6570736575),
        key->k1 ^ UINT64_C(0x646f72616e646f6d),
        key->k0 ^ UINT64_C(0x6c7967656e657261),
        key->k1 ^ UINT64_C(0x7465646279746573),
    };

    v[3] ^= word;
    hash_round(v);
    v[0] ^= word;

    v[3] ^= length;
    hash_round(v);
    v[0] ^= length;

    v[2] ^= 0xff;
    hash_round(v);
    hash_round(v);
    hash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
