/* SPDX-License-Identifier: ISC */
#include "ringspan/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* SipHash-c-d as its paper has it: any message, any number of rounds. It shares nothing with the
 * specialised one, and is itself held to the paper's vector for SipHash-2-4. */
struct reference {
    uint64_t v0, v1, v2, v3;
};

static void reference_rounds(struct reference *s, int n)
{
    while (n-- > 0) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = s->v1 << 13 | s->v1 >> 51;
        s->v3 = s->v3 << 16 | s->v3 >> 48;
        s->v1 ^= s->v0;
        s->v3 ^= s->v2;
        s->v0 = s->v0 << 32 | s->v0 >> 32;
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = s->v1 << 17 | s->v1 >> 47;
        s->v3 = s->v3 << 21 | s->v3 >> 43;
        s->v1 ^= s->v2;
        s->v3 ^= s->v0;
        s->v2 = s->v2 << 32 | s->v2 >> 32;
    }
}

static uint64_t load_le64(const uint8_t *bytes, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static uint64_t reference_siphash(int c, int d, const uint8_t key[16], const uint8_t *bytes,
                                  size_t size)
{
    uint64_t k0 = load_le64(key, 8), k1 = load_le64(key + 8, 8);
    struct reference s = {
        k0 ^ UINT64_C(0x736f6d6570736575),
        k1 ^ UINT64_C(0x646f72616e646f6d),
        k0 ^ UINT64_C(0x6c7967656e657261),
        k1 ^ UINT64_C(0x7465646279746573),
    };

    for (size_t at = 0; at <= size; at += 8) {
        size_t n = size - at < 8 ? size - at : 8;
        uint64_t m = load_le64(bytes + at, n);

        if (n < 8)
            m |= (uint64_t)size << 56;
        s.v3 ^= m;
        reference_rounds(&s, c);
        s.v0 ^= m;
    }
    s.v2 ^= 0xff;
    reference_rounds(&s, d);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static void reference_matches_the_paper(void **state)
{
    uint8_t bytes[16];

    for (uint8_t i = 0; i < 16; i++)
        bytes[i] = i;
    assert_true(reference_siphash(2, 4, bytes, bytes, 15) == UINT64_C(0xa129ca6149be45e5));
}

/* What CPython 3.11 (whose hash of bytes is SipHash-1-3) says with PYTHONHASHSEED=0, a zero key. */
static void matches_another_implementation(void **state)
{
    const struct hash_key zero = {0, 0};

    assert_true(hash_u64(&zero, 0) == UINT64_C(0xbd60acb658c79e45));
    assert_true(hash_u64(&zero, UINT64_C(0x0706050403020100)) == UINT64_C(0xead411e67ebe2eea));
    assert_true(hash_u64(&zero, UINT64_C(0x0000ffffffffffff)) == UINT64_C(0x8053f1c5b2b1f64a));
}

static void matches_the_reference(void **state)
{
    uint64_t random = 1;

    for (int i = 0; i < 10000; i++) {
        uint8_t bytes[24];
        struct hash_key key;

        for (size_t j = 0; j < sizeof(bytes); j++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[j] = (uint8_t)(random >> 56);
        }
        key = (struct hash_key){load_le64(bytes, 8), load_le64(bytes + 8, 8)};
        assert_true(hash_u64(&key, load_le64(bytes + 16, 8)) ==
                    reference_siphash(1, 3, bytes, bytes + 16, 8));
    }
}

static void random_keys_differ(void **state)
{
    struct hash_key a = {0}, b = {0};

    assert_int_equal(hash_key_random(&a), 0);
    assert_int_equal(hash_key_random(&b), 0);
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_true(hash_u64(&a, 1) != hash_u64(&b, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_matches_the_paper),
        cmocka_unit_test(matches_another_implementation),
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(random_keys_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
