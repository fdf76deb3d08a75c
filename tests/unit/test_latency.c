/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/latency.h"

#define START UINT64_C(1000000000000000000)

static uint64_t sum_of_buckets(const struct latency_histogram *histogram)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++)
        sum += histogram->buckets[i];
    return sum;
}

/* The one bucket that a frame of @ns is in. */
static uint32_t bucket_of(uint64_t ns)
{
    struct latency_histogram histogram = {0};
    uint32_t i = 0;

    latency_add(&histogram, START, START + ns);
    assert_int_equal(histogram.count, 1);
    assert_int_equal(sum_of_buckets(&histogram), 1);
    while (histogram.buckets[i] == 0)
        i++;
    return i;
}

/* Bounds are the own bucket's, and one nanosecond more is the next one's. */
static void test_bounds(void **state)
{
    uint64_t before = 0;

    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        uint64_t bound = latency_bound(i);

        assert_true(bound > before);
        assert_int_equal(bucket_of(bound), i);
        assert_int_equal(bucket_of(before + 1), i);
        if (i >= 8) /* at most an eighth too high */
            assert_true((bound - before) * 8 <= before);
        before = bound;
    }
    assert_int_equal(before, LATENCY_MAX_NS);
    assert_int_equal(bucket_of(0), 0);
}

static void test_skewed(void **state)
{
    struct latency_histogram histogram = {0};

    latency_add(&histogram, START, START - 1);
    latency_add(&histogram, START, START + LATENCY_MAX_NS + 1);
    latency_add(&histogram, 0, START);
    latency_add(&histogram, START, 0);
    latency_add(&histogram, UINT64_MAX, 1);
    assert_int_equal(histogram.skewed, 5);
    assert_int_equal(histogram.count, 0);
    assert_int_equal(histogram.sum, 0);
    assert_int_equal(histogram.max, 0);
    assert_int_equal(sum_of_buckets(&histogram), 0);
    latency_add(&histogram, START, START + LATENCY_MAX_NS);
    latency_add(&histogram, START, START);
    assert_int_equal(histogram.skewed, 5);
    assert_int_equal(histogram.count, 2);
}

static void test_percentiles(void **state)
{
    struct latency_histogram histogram = {0};

    assert_int_equal(latency_percentile(&histogram, 500), 0);
    for (uint64_t us = 1; us <= 1000; us++)
        latency_add(&histogram, START, START + us * 1000);
    assert_int_equal(histogram.sum, 500500000);
    assert_int_equal(histogram.max, 1000000);
    for (uint32_t permille = 1; permille <= 1000; permille++) {
        uint64_t is = latency_percentile(&histogram, permille);

        assert_true(is >= permille * UINT64_C(1000));
        assert_true(is <= permille * UINT64_C(1125));
    }
    assert_int_equal(latency_percentile(&histogram, 1000), 1000000);
}

/* Few frames: what 99 % did not exceed is the longest. */
static void test_percentile_of_few(void **state)
{
    struct latency_histogram histogram = {0};

    for (uint64_t i = 1; i <= 10; i++)
        latency_add(&histogram, START, START + (i << 10));
    assert_int_equal(latency_percentile(&histogram, 990), 10 << 10);
    assert_int_equal(latency_percentile(&histogram, 500), 5 << 10);
}

static void test_powers_of_two(void **state)
{
    struct latency_histogram histogram = {0};

    for (uint32_t bits = LATENCY_MIN_BITS; bits <= LATENCY_MAX_BITS; bits++)
        latency_add(&histogram, START, START + (UINT64_C(1) << bits));
    for (uint32_t bits = LATENCY_MIN_BITS; bits <= LATENCY_MAX_BITS; bits++)
        assert_int_equal(latency_count_up_to(&histogram, bits), bits - LATENCY_MIN_BITS + 1);
    latency_add(&histogram, START, START + (1 << 20) + 1);
    assert_int_equal(latency_count_up_to(&histogram, 20), 20 - LATENCY_MIN_BITS + 1);
    assert_int_equal(latency_count_up_to(&histogram, 21), 21 - LATENCY_MIN_BITS + 2);
}

/* ---- which frames ---- */

static uint64_t wall(void)
{
    return START;
}

/* How many of @n_frames are sampled, in turns of different sizes, and at how many distances. */
static uint32_t count_sampled(struct latency *latency, uint32_t n_frames, uint32_t *ret_longest)
{
    uint32_t since = 0;
    uint32_t n = 0;

    *ret_longest = 0;
    for (uint32_t done = 0, turn = 1; done < n_frames; turn = turn % LIMIT_RX_BATCH + 1) {
        uint32_t size = turn < n_frames - done ? turn : n_frames - done;
        uint32_t from = 0;

        while (from < size) {
            uint32_t next = latency_next(latency, from, size);

            since += next - from;
            if (next < size) {
                if (*ret_longest < since)
                    *ret_longest = since;
                since = 0;
                n++;
            }
            from = next + 1;
        }
        done += size;
    }
    return n;
}

static void test_every_frame(void **state)
{
    struct latency *latency;
    uint32_t longest;

    assert_int_equal(latency_new(1, 8, wall, &latency), 0);
    assert_int_equal(count_sampled(latency, 10000, &longest), 10000);
    assert_int_equal(longest, 0);
    latency_free(latency);
}

static void test_one_in_so_many(void **state)
{
    static const uint32_t everies[] = {2, 3, 64, 100, 1000};

    for (size_t i = 0; i < sizeof(everies) / sizeof(*everies); i++) {
        uint32_t every = everies[i];
        struct latency *latency;
        uint32_t longest;
        uint32_t n;

        assert_int_equal(latency_new(every, 8, wall, &latency), 0);
        n = count_sampled(latency, every * 10000, &longest);
        assert_in_range(n, 9700, 10300);
        assert_in_range(longest, every, 2 * (every - 1));
        latency_free(latency);
    }
}

/* A change is for the next frame. */
static void test_change(void **state)
{
    struct latency *latency;
    uint32_t longest;

    assert_int_equal(latency_new(LIMIT_LATENCY_EVERY, 8, wall, &latency), 0);
    latency_set_every(latency, 1);
    assert_int_equal(latency_every(latency), 1);
    assert_int_equal(count_sampled(latency, 100, &longest), 100);
    latency_free(latency);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),         cmocka_unit_test(test_skewed),
        cmocka_unit_test(test_percentiles),    cmocka_unit_test(test_percentile_of_few),
        cmocka_unit_test(test_powers_of_two),  cmocka_unit_test(test_every_frame),
        cmocka_unit_test(test_one_in_so_many), cmocka_unit_test(test_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
