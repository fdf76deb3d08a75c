/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/rate.h"

struct text_case {
    const char *text;
    uint64_t value;
    enum rate_unit unit;
    const char *written; /* NULL: as it was read */
};

static const struct text_case rates[] = {
    {"1pps", 1, RATE_PACKETS, NULL},
    {"1000pps", 1000, RATE_PACKETS, NULL},
    {"999999999pps", 999999999, RATE_PACKETS, NULL},
    {"1bit", 1, RATE_BITS, NULL},
    {"1000bit", 1000, RATE_BITS, "1kbit"},
    {"1500kbit", 1500000, RATE_BITS, NULL},
    {"10mbit", 10000000, RATE_BITS, NULL},
    {"10000kbit", 10000000, RATE_BITS, "10mbit"},
    {"999gbit", UINT64_C(999000000000), RATE_BITS, NULL},
    {"999999999999bit", UINT64_C(999999999999), RATE_BITS, NULL},
};

static const struct text_case bursts[] = {
    {"1packets", 1, RATE_PACKETS, NULL},
    {"999999999packets", 999999999, RATE_PACKETS, NULL},
    {"1B", 1, RATE_BITS, NULL},
    {"1500B", 1500, RATE_BITS, NULL},
    {"64KiB", 65536, RATE_BITS, NULL},
    {"65536B", 65536, RATE_BITS, "64KiB"},
    {"999MiB", UINT64_C(999) << 20, RATE_BITS, NULL},
    {"2048KiB", 2 << 20, RATE_BITS, "2MiB"},
};

static const char *const no_rates[] = {
    "",
    "pps",
    "10",
    "0pps",
    "0",
    "010mbit",
    "-1pps",
    "+1pps",
    "1.5mbit",
    "10 mbit",
    " 10mbit",
    "10mbit ",
    "10Mb",
    "10MBIT",
    "10mbps",
    "1kpps",
    "1000gbit",
    "1tbit",
    "1e3pps",
    "0x10pps",
    "1000000000pps",
    "10mbit\n",
    "1000000000000bit",
    "99999999999999999999999999999999999999bit",
    "10packets",
    "1KiB",
};

static const char *const no_bursts[] = {
    "",       "0B",     "064KiB", "64",      "64k",         "64kb",  "64KB",   "64kib",
    "1.5MiB", "64 KiB", "-1B",    "1000MiB", "1000000000B", "10pps", "10mbit", "10packet",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void test_rates(void **state)
{
    char text[RATE_STRING_SIZE];

    for (size_t i = 0; i < LENGTH(rates); i++) {
        const struct text_case *c = &rates[i];
        struct rate rate;

        assert_true(rate_parse(c->text, &rate));
        assert_int_equal(rate.value, c->value);
        assert_int_equal(rate.unit, c->unit);
        assert_string_equal(rate_format(rate, text), c->written ? c->written : c->text);
    }
}

static void test_bursts(void **state)
{
    char text[RATE_STRING_SIZE];

    for (size_t i = 0; i < LENGTH(bursts); i++) {
        const struct text_case *c = &bursts[i];
        struct burst burst;

        assert_true(burst_parse(c->text, &burst));
        assert_int_equal(burst.value, c->value);
        assert_int_equal(burst.unit, c->unit);
        assert_string_equal(burst_format(burst, text), c->written ? c->written : c->text);
    }
}

static void test_what_is_none(void **state)
{
    struct rate rate = {.value = 7};
    struct burst burst = {.value = 7};

    for (size_t i = 0; i < LENGTH(no_rates); i++)
        assert_false(rate_parse(no_rates[i], &rate));
    for (size_t i = 0; i < LENGTH(no_bursts); i++)
        assert_false(burst_parse(no_bursts[i], &burst));
    assert_int_equal(rate.value, 7);
    assert_int_equal(burst.value, 7);
}

/* Rounded up to whole packets and bytes, within what a burst can be. */
static void test_burst_of_a_time(void **state)
{
    static const struct {
        const char *rate;
        uint32_t ms;
        const char *burst;
    } defaults[] = {
        {"1pps", 50, "1packets"},
        {"1000pps", 50, "50packets"},
        {"1001pps", 50, "51packets"},
        {"1bit", 50, "1B"},
        {"64kbit", 50, "400B"},
        {"10mbit", 50, "62500B"},
        {"10mbit", 200, "250000B"},
        {"999gbit", 200, "999999999B"},
        {"999999999pps", 1000, "999999999packets"},
    };

    for (size_t i = 0; i < LENGTH(defaults); i++) {
        struct burst burst;
        struct rate rate;
        char text[RATE_STRING_SIZE];

        assert_true(rate_parse(defaults[i].rate, &rate));
        burst = burst_of(rate, defaults[i].ms);
        assert_string_equal(burst_format(burst, text), defaults[i].burst);
        assert_true(burst_parse(text, &burst));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_bursts),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_burst_of_a_time),
    };

    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
