/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/ledger.h"
#include "ringspan/metrics.h"

/* ringspan-metrics(7) lists what there is, in the words of the tables, and nothing else. The
 * argument is the page's source; without one the lists are printed, to be pasted into it. */

#define PAGE_SIZE ((size_t)64 << 10)
#define TEXT_SIZE 1024

static char page[PAGE_SIZE];

static const char *sample_suffix(enum metrics_type type)
{
    return type == METRICS_COUNTER ? "_total" : type == METRICS_INFO ? "_info" : "";
}

static void format_family(const struct metrics_family *family, char text[TEXT_SIZE])
{
    char labels[128];

    metrics_family_labels(family, labels, sizeof(labels));
    snprintf(text, TEXT_SIZE, "*%s%s* (%s%s%s)\n\t%s\n", family->name, sample_suffix(family->type),
             metrics_type_name(family->type), *labels ? ": " : "", labels, family->help);
}

static void format_reason(enum drop_reason reason, char text[TEXT_SIZE])
{
    snprintf(text, TEXT_SIZE, "*%s* (%s, %s)\n\t%s\n", drop_reason_name(reason),
             drop_reason_is_of_egress(reason) ? "transmit" : "receive",
             drop_class_name(drop_reason_class(reason)), drop_reason_sentence(reason));
}

static uint32_t count(const char *needle)
{
    uint32_t n = 0;

    for (const char *at = page; (at = strstr(at, needle)); at++)
        n++;
    return n;
}

static void test_families(void **state)
{
    char text[TEXT_SIZE];
    uint32_t n;
    const struct metrics_family *families = metrics_families(&n);

    for (uint32_t i = 0; i < n; i++) {
        format_family(&families[i], text);
        if (!strstr(page, text))
            fail_msg("the page does not have:\n%s", text);
    }
    assert_int_equal(count("* (counter") + count("* (gauge") + count("* (info") +
                         count("* (stateset") + count("* (histogram"),
                     n);
}

static void test_reasons(void **state)
{
    char text[TEXT_SIZE];

    for (int i = DROP_NONE + 1; i < DROP_N_REASONS; i++) {
        format_reason((enum drop_reason)i, text);
        if (!strstr(page, text))
            fail_msg("the page does not have:\n%s", text);
    }
    assert_int_equal(count("filtered)\n") + count("lost)\n"), DROP_N_REASONS - 1);
}

/* What Prometheus takes for granted. */
static void test_names(void **state)
{
    uint32_t n;
    const struct metrics_family *families = metrics_families(&n);

    for (uint32_t i = 0; i < n; i++) {
        const struct metrics_family *family = &families[i];
        size_t len = strlen(family->name);

        assert_int_equal(strspn(family->name, "abcdefghijklmnopqrstuvwxyz_"), len);
        assert_null(strstr(family->name, "_total"));
        if (family->unit)
            assert_string_equal(family->name + len - strlen(family->unit), family->unit);
        assert_int_equal(family->help[strlen(family->help) - 1], '.');
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(family->name, families[j].name);
    }
}

static int print_lists(void)
{
    char text[TEXT_SIZE];
    uint32_t n;
    const struct metrics_family *families = metrics_families(&n);

    for (uint32_t i = 0; i < n; i++) {
        format_family(&families[i], text);
        fputs(text, stdout);
    }
    for (int i = DROP_NONE + 1; i < DROP_N_REASONS; i++) {
        format_reason((enum drop_reason)i, text);
        fputs(text, stdout);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_names),
    };
    FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
    size_t n = file ? fread(page, 1, sizeof(page) - 1, file) : 0;

    if (argc == 1)
        return print_lists();
    if (n == 0 || n == sizeof(page) - 1) {
        fprintf(stderr, "usage: %s PAGE\n", argv[0]);
        return EXIT_FAILURE;
    }
    fclose(file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
