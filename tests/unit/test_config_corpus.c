/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/config.h"
#include "ringspan/config_keys.h"
#include "ringspan/config_print.h"

/*
 * Configurations and what is said about them, from files (the arguments) of such cases:
 *
 *   === what it is about
 *   { "version": 01 }
 *   --- 1:14: a number has no leading zeros
 *   ---       hint: if it is text, write "01"
 *
 * The last line break before "---" is not part of the text. Every error is listed, in order; a
 * text without any has "--- ok". In a case whose name ends in "(escaped)", \xNN is a byte.
 */

#define MAX_TEXT  8192
#define MIN_CASES 150

struct corpus_case {
    char name[128];
    char text[MAX_TEXT];
    size_t len;
    char expected[MAX_TEXT];
};

static uint32_t n_cases;
static uint32_t n_failed;

static void append(char *to, const char *from)
{
    size_t len = strlen(to);

    assert_true(len + strlen(from) < MAX_TEXT);
    memcpy(to + len, from, strlen(from) + 1);
}

static void describe(const struct config_report *report, char ret_text[MAX_TEXT])
{
    char line[MAX_TEXT];

    ret_text[0] = '\0';
    for (uint32_t i = 0; i < report->n_errors; i++) {
        const struct config_error *error = &report->errors[i];
        int len = snprintf(line, sizeof(line), "--- %u:%u: ", error->line, error->column);

        append(ret_text, line);
        snprintf(line, sizeof(line), "%s%s%s\n", error->path, error->path[0] ? ": " : "",
                 error->message);
        append(ret_text, line);
        if (error->hint) {
            snprintf(line, sizeof(line), "---%*shint: %s\n", len - 3, "", error->hint);
            append(ret_text, line);
        }
    }
    if (report->n_errors == 0)
        append(ret_text, "--- ok\n");
}

/* Replaces \xNN by the byte. */
static void unescape(struct corpus_case *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->len; i++) {
        if (c->text[i] == '\\' && c->text[i + 1] == 'x') {
            char digits[3] = {c->text[i + 2], c->text[i + 3], '\0'};

            c->text[n++] = (char)strtoul(digits, NULL, 16);
            i += 3;
        } else {
            c->text[n++] = c->text[i];
        }
    }
    c->len = n;
}

/* An exact copy on the heap, so that a sanitizer sees a read behind the end. */
static int parse(const char *text, size_t len, struct config **ret_config,
                 struct config_report *ret_report)
{
    char *copy = malloc(len ? len : 1);
    int r;

    assert_non_null(copy);
    memcpy(copy, text, len);
    r = config_parse("case.json", copy, len, ret_config, ret_report);
    free(copy);
    return r;
}

/* A document that ends early is none: what is left of an accepted text is refused. */
static void check_prefixes(const struct corpus_case *c)
{
    size_t len = c->len;
    struct config_report report;
    struct config *config = NULL;

    while (len > 0 && strchr(" \t\r\n", c->text[len - 1]))
        len--;
    while (len-- > 0) {
        assert_int_equal(parse(c->text, len, &config, &report), -EINVAL);
        assert_int_equal(report.n_errors, 1);
        assert_in_range(report.errors[0].offset, 0, len);
        config_report_fini(&report);
    }
    assert_null(config);
}

static void assert_same_object(const struct config_object *object, const void *a, const void *b);

static void assert_same_list(const struct config_key *key, const char *a, const char *b)
{
    char *elements_a;
    char *elements_b;
    uint32_t n;

    memcpy(&n, a + key->count_offset, sizeof(n));
    assert_memory_equal(a + key->count_offset, b + key->count_offset, sizeof(n));
    memcpy(&elements_a, a + key->offset, sizeof(elements_a));
    memcpy(&elements_b, b + key->offset, sizeof(elements_b));
    for (uint32_t i = 0; i < n; i++)
        assert_same_object(key->object, elements_a + i * key->object->size,
                           elements_b + i * key->object->size);
}

static void assert_same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void assert_same_key(const struct config_key *key, const char *a, const char *b)
{
    char *text_a;
    char *text_b;

    switch (key->type) {
    case CONFIG_OBJECT:
    case CONFIG_WORD_OR_OBJECT:
        assert_same_object(key->object, a + key->offset, b + key->offset);
        break;
    case CONFIG_LIST:
        assert_same_list(key, a, b);
        break;
    case CONFIG_INTEGER:
    case CONFIG_WORD:
        if (key->offset != CONFIG_NO_FIELD)
            assert_memory_equal(a + key->offset, b + key->offset, sizeof(uint32_t));
        break;
    case CONFIG_BOOLEAN:
        assert_memory_equal(a + key->offset, b + key->offset, sizeof(bool));
        if (key->said_offset)
            assert_memory_equal(a + key->said_offset, b + key->said_offset, sizeof(bool));
        break;
    case CONFIG_TEXT:
        if (key->offset == CONFIG_NO_FIELD)
            break;
        memcpy(&text_a, a + key->offset, sizeof(text_a));
        memcpy(&text_b, b + key->offset, sizeof(text_b));
        assert_same_text(text_a, text_b);
        break;
    case CONFIG_NAME:
        assert_string_equal(a + key->offset, b + key->offset);
        break;
    case CONFIG_MAC:
    case CONFIG_WORDS:
        assert_memory_equal(a + key->offset, b + key->offset, sizeof(uint64_t));
        break;
    case CONFIG_RATE:
        assert_int_equal(((const struct rate *)(a + key->offset))->value,
                         ((const struct rate *)(b + key->offset))->value);
        assert_int_equal(((const struct rate *)(a + key->offset))->unit,
                         ((const struct rate *)(b + key->offset))->unit);
        break;
    case CONFIG_BURST:
        assert_int_equal(((const struct burst *)(a + key->offset))->value,
                         ((const struct burst *)(b + key->offset))->value);
        break;
    case CONFIG_VID_MAP:
        assert_memory_equal(a + key->offset, b + key->offset, sizeof(struct vlan_translations));
        break;
    case CONFIG_VIDS:
        assert_memory_equal(a + key->offset, b + key->offset, sizeof(struct vidset));
        break;
    case CONFIG_CPUS:
        assert_memory_equal(a + key->offset, b + key->offset, sizeof(struct cpus));
        break;
    case CONFIG_PLANNED:
        break;
    }
}

static void assert_same_object(const struct config_object *object, const void *a, const void *b)
{
    if (object->written_offset)
        assert_memory_equal((const char *)a + object->written_offset,
                            (const char *)b + object->written_offset, sizeof(uint64_t));
    for (uint32_t i = 0; i < object->n_keys; i++)
        assert_same_key(&object->keys[i], a, b);
}

/* What is printed of a configuration is that configuration. */
static void check_printed(const struct config *config)
{
    struct config_report report;
    struct config *again = NULL;
    struct json_writer writer;
    struct byte_queue text;

    byte_queue_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    config_print(&writer, config);
    assert_false(text.overflowed);
    if (parse(byte_queue_data(&text), text.len, &again, &report) < 0)
        fail_msg("%.*s\n%s", (int)text.len, byte_queue_data(&text), report.errors[0].message);
    assert_same_object(&config_document, config, again);
    config_report_fini(&report);
    config_free(again);
    byte_queue_fini(&text);
}

static void run(struct corpus_case *c)
{
    struct config *const untouched = (struct config *)c;
    struct config *config = untouched;
    struct config_report report;
    char found[MAX_TEXT];
    int r;

    if (strstr(c->name, "(escaped)"))
        unescape(c);
    r = parse(c->text, c->len, &config, &report);
    describe(&report, found);
    n_cases++;
    if (strcmp(found, c->expected) != 0) {
        print_error("=== %s\n%.*s\nexpected:\n%sfound:\n%s", c->name, (int)c->len, c->text,
                    c->expected, found);
        n_failed++;
    }
    assert_int_equal(r, report.n_errors ? -EINVAL : 0);
    if (r < 0) {
        assert_ptr_equal(config, untouched);
    } else {
        check_printed(config);
        config_free(config);
        check_prefixes(c);
    }
    config_report_fini(&report);
}

/* Reads the next case; false at the end of the file. @line is the one to begin with, and then the
 * first of the case after. */
static bool read_case(FILE *file, char line[MAX_TEXT], struct corpus_case *ret_case)
{
    bool has_text = false;

    if (strncmp(line, "=== ", 4) != 0)
        return false;
    memset(ret_case, 0, sizeof(*ret_case));
    snprintf(ret_case->name, sizeof(ret_case->name), "%.*s", (int)strcspn(line + 4, "\n"),
             line + 4);
    line[0] = '\0';
    while (fgets(line, MAX_TEXT, file) && strncmp(line, "=== ", 4) != 0) {
        bool is_outcome = strncmp(line, "---", 3) == 0;

        append(is_outcome ? ret_case->expected : ret_case->text, line);
        has_text = has_text || !is_outcome;
        line[0] = '\0';
    }
    ret_case->len = strlen(ret_case->text) - has_text;
    return true;
}

static void test_file(void **state)
{
    FILE *file = fopen(*state, "re");
    struct corpus_case *c = malloc(sizeof(*c));
    char line[MAX_TEXT] = "";

    assert_non_null(file);
    assert_non_null(c);
    n_failed = 0;
    assert_non_null(fgets(line, sizeof(line), file));
    while (read_case(file, line, c))
        run(c);
    assert_int_equal(n_failed, 0);
    free(c);
    fclose(file);
}

static void test_there_are_enough_cases(void **state)
{
    assert_in_range(n_cases, MIN_CASES, UINT32_MAX);
}

int main(int argc, char **argv)
{
    struct CMUnitTest *tests = calloc((size_t)argc, sizeof(*tests));
    int r;

    if (!tests)
        return EXIT_FAILURE;
    for (int i = 1; i < argc; i++)
        tests[i - 1] = (struct CMUnitTest){argv[i], test_file, NULL, NULL, argv[i]};
    tests[argc - 1] = (struct CMUnitTest)cmocka_unit_test(test_there_are_enough_cases);
    r = _cmocka_run_group_tests("config corpus", tests, (size_t)argc, NULL, NULL);
    free(tests);
    return r;
}
