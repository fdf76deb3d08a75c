/* SPDX-License-Identifier: ISC */
#include "ringspan/cpus.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_format(const struct cpus *cpus, const char *text)
{
    char found[CPUS_STRING_SIZE];

    assert_string_equal(cpus_format(cpus, found), text);
}

static void test_ranges(void **state)
{
    struct cpus cpus = {{0}};
    uint32_t first, last;

    assert_int_equal(cpus_count(&cpus), 0);
    assert_false(cpus_next_range(&cpus, 0, &first, &last));
    cpus_add_range(&cpus, 0, 0);
    cpus_add_range(&cpus, 62, 65);
    cpus_add_range(&cpus, CPUS_LIMIT - 1, CPUS_LIMIT - 1);
    assert_int_equal(cpus_count(&cpus), 6);
    assert_true(cpus_next_range(&cpus, 1, &first, &last));
    assert_int_equal(first, 62);
    assert_int_equal(last, 65);
    assert_true(cpus_next_range(&cpus, 66, &first, &last));
    assert_int_equal(first, CPUS_LIMIT - 1);
    assert_int_equal(last, CPUS_LIMIT - 1);
    assert_false(cpus_next_range(&cpus, CPUS_LIMIT, &first, &last));
    assert_format(&cpus, "0,62-65,1023");
}

static void test_sets(void **state)
{
    struct cpus a = {{0}}, b = {{0}}, both, rest;

    cpus_add_range(&a, 1, 5);
    cpus_add_range(&b, 4, 9);
    both = cpus_in_both(&a, &b);
    rest = cpus_minus(&a, &b);
    assert_format(&both, "4-5");
    assert_format(&rest, "1-3");
    assert_true(cpus_equal(&a, &a));
    assert_false(cpus_equal(&a, &b));
}

static void test_a_long_text_is_cut(void **state)
{
    struct cpus cpus = {{0}};
    char text[CPUS_STRING_SIZE];

    for (uint32_t cpu = 0; cpu < CPUS_LIMIT; cpu += 3)
        cpus_add_range(&cpus, cpu, cpu + (cpu + 1 < CPUS_LIMIT));
    cpus_format(&cpus, text);
    assert_true(strlen(text) < CPUS_STRING_SIZE);
    assert_string_equal(text + strlen(text) - 3, "...");
    assert_memory_equal(text, "0-1,3-4,", 8);
}

/* In a thread of its own: what it may run on ends with it. */
static void *pin_to_one(void *arg)
{
    struct cpus all, one = {{0}}, none = {{0}}, now;
    uint32_t first, last;

    assert_int_equal(cpus_get(&all), 0);
    assert_true(cpus_next_range(&all, 0, &first, &last));
    cpus_add_range(&one, first, first);
    assert_int_equal(cpus_set(&one), 0);
    assert_int_equal(cpus_get(&now), 0);
    assert_true(cpus_equal(&now, &one));
    assert_true(cpus_set(&none) < 0);
    return NULL;
}

static void test_a_thread_is_pinned(void **state)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, pin_to_one, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_a_long_text_is_cut),
        cmocka_unit_test(test_a_thread_is_pinned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
