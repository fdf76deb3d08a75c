/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/json_scan.h"
#include "ringspan/limits.h"

/* Messages and positions of refused texts are in config_corpus/; this is about the table, and the
 * bounds. */

static struct json_scan scan_of(const char *text)
{
    struct json_scan scan;
    struct json_error error;

    assert_int_equal(json_scan(text, strlen(text), &scan, &error), 0);
    return scan;
}

static void assert_node(const struct json_scan *scan, const char *text, uint32_t node,
                        enum json_kind kind, const char *value)
{
    const struct json_node *n = &scan->nodes[node];

    assert_int_equal(n->kind, kind);
    assert_int_equal(n->end - n->start, strlen(value));
    assert_memory_equal(text + n->start, value, strlen(value));
}

static void test_every_kind(void **state)
{
    const char *text = " [ null, true , -12, 1.5, 2E+3, \"\\u00e9\", [ ], { } ] ";
    struct json_scan scan = scan_of(text);

    assert_int_equal(scan.n_nodes, 9);
    assert_int_equal(scan.nodes[0].kind, JSON_ARRAY);
    assert_node(&scan, text, 1, JSON_NULL, "null");
    assert_node(&scan, text, 2, JSON_BOOLEAN, "true");
    assert_node(&scan, text, 3, JSON_INTEGER, "-12");
    assert_node(&scan, text, 4, JSON_FRACTION, "1.5");
    assert_node(&scan, text, 5, JSON_FRACTION, "2E+3");
    assert_node(&scan, text, 6, JSON_STRING, "\"\\u00e9\"");
    assert_node(&scan, text, 7, JSON_ARRAY, "[ ]");
    assert_node(&scan, text, 8, JSON_OBJECT, "{ }");
    assert_int_equal(scan.nodes[0].key, JSON_NONE);
    assert_int_equal(scan.nodes[8].key, JSON_NONE);
    json_scan_fini(&scan);
}

static void test_every_kind_has_a_name(void **state)
{
    assert_string_equal(json_kind_name(JSON_NULL), "null");
    assert_string_equal(json_kind_name(JSON_OBJECT), "an object");
}

static void test_children(void **state)
{
    struct json_scan scan = scan_of("{\"a\": [1, [2]], \"b\": {}, \"c\": 3}");
    uint32_t a = json_first_child(&scan, 0);
    uint32_t b = json_next_child(&scan, 0, a);
    uint32_t c = json_next_child(&scan, 0, b);

    assert_int_equal(json_n_children(&scan, 0), 3);
    assert_int_equal(scan.nodes[a].kind, JSON_ARRAY);
    assert_int_equal(json_n_children(&scan, a), 2);
    assert_int_equal(json_n_children(&scan, b), 0);
    assert_int_equal(json_first_child(&scan, b), JSON_NONE);
    assert_int_equal(scan.nodes[c].kind, JSON_INTEGER);
    assert_int_equal(json_next_child(&scan, 0, c), JSON_NONE);
    json_scan_fini(&scan);
}

static void test_members_by_key(void **state)
{
    const char *text = "{\"aa\": 1, \"\\u0061\": 2, \"\": 3, \"b\": [{\"c\": 4}]}";
    struct json_scan scan = scan_of(text);
    uint32_t list = json_member(&scan, text, 0, "b");

    assert_node(&scan, text, json_member(&scan, text, 0, "aa"), JSON_INTEGER, "1");
    assert_node(&scan, text, json_member(&scan, text, 0, "a"), JSON_INTEGER, "2");
    assert_node(&scan, text, json_member(&scan, text, 0, ""), JSON_INTEGER, "3");
    assert_int_equal(json_member(&scan, text, 0, "c"), JSON_NONE);
    assert_int_equal(json_member(&scan, text, 0, "aaa"), JSON_NONE);
    assert_int_equal(json_member(&scan, text, list, "c"), JSON_NONE);
    assert_int_equal(text[scan.nodes[list].key], '"');
    json_scan_fini(&scan);
}

static void test_equal_keys_are_marked(void **state)
{
    struct json_scan scan = scan_of("{\"a\": 1, \"b\": 2, \"\\u0061\": 3, \"a\": {\"a\": 4}}");

    assert_int_equal(scan.nodes[1].earlier, 1);
    assert_int_equal(scan.nodes[2].earlier, JSON_NONE);
    assert_int_equal(scan.nodes[3].earlier, 1);
    assert_int_equal(scan.nodes[4].earlier, 1);
    assert_int_equal(scan.nodes[5].earlier, JSON_NONE);
    json_scan_fini(&scan);
}

static void test_equal_keys_beyond_ascii_are_marked(void **state)
{
    struct json_scan scan = scan_of("{\"\xc3\xa9\": 1, \"\\u00e9\": 2, \"\\ud83d\\ude00\": 3,"
                                    " \"\xf0\x9f\x98\x80\": 4, \"e\": 5}");

    assert_int_equal(scan.nodes[2].earlier, 1);
    assert_int_equal(scan.nodes[4].earlier, 3);
    assert_int_equal(scan.nodes[5].earlier, JSON_NONE);
    json_scan_fini(&scan);
}

static void test_integers_at_the_bounds(void **state)
{
    struct json_scan scan = scan_of("[9223372036854775807, -9223372036854775808, -0, 0, "
                                    "9223372036854775808, -9223372036854775809]");

    assert_int_equal(scan.n_nodes, 7);
    for (uint32_t i = 1; i <= 4; i++)
        assert_int_equal(scan.nodes[i].kind, JSON_INTEGER);
    assert_int_equal(scan.nodes[5].kind, JSON_BIG_INTEGER);
    assert_int_equal(scan.nodes[6].kind, JSON_BIG_INTEGER);
    json_scan_fini(&scan);
}

/* @n opening brackets, @n closing ones. */
static int scan_nested(uint32_t n)
{
    char text[2 * LIMIT_CONFIG_DEPTH + 2];
    struct json_scan scan = {0};
    struct json_error error;
    int r;

    memset(text, '[', n);
    memset(text + n, ']', n);
    r = json_scan(text, 2 * (size_t)n, &scan, &error);
    json_scan_fini(&scan);
    return r;
}

static void test_depth(void **state)
{
    assert_int_equal(scan_nested(LIMIT_CONFIG_DEPTH), 0);
    assert_int_equal(scan_nested(LIMIT_CONFIG_DEPTH + 1), -EINVAL);
}

/* A list of @n zeros: @n + 1 values. */
static int scan_list(uint32_t n, struct json_error *ret_error)
{
    char *text = malloc(2 * (size_t)n + 1);
    struct json_scan scan = {0};
    int r;

    assert_non_null(text);
    for (uint32_t i = 0; i < n; i++)
        memcpy(text + 2 * (size_t)i, i ? ",0" : "[0", 2);
    text[2 * (size_t)n] = ']';
    r = json_scan(text, 2 * (size_t)n + 1, &scan, ret_error);
    if (r == 0)
        assert_int_equal(scan.n_nodes, n + 1);
    json_scan_fini(&scan);
    free(text);
    return r;
}

static void test_number_of_values(void **state)
{
    struct json_error error;

    assert_int_equal(scan_list(LIMIT_CONFIG_NODES - 1, &error), 0);
    assert_int_equal(scan_list(LIMIT_CONFIG_NODES, &error), -EINVAL);
    assert_string_equal(error.message, "the text has more than 262144 values");
    assert_int_equal(error.offset, 2 * (LIMIT_CONFIG_NODES - 1) + 1);
}

static void test_size(void **state)
{
    char *text = malloc(LIMIT_CONFIG_BYTES + 1);
    struct json_scan scan;
    struct json_error error;

    assert_non_null(text);
    memset(text, ' ', LIMIT_CONFIG_BYTES + 1);
    text[0] = '0';
    assert_int_equal(json_scan(text, LIMIT_CONFIG_BYTES, &scan, &error), 0);
    json_scan_fini(&scan);
    assert_int_equal(json_scan(text, LIMIT_CONFIG_BYTES + 1, &scan, &error), -EINVAL);
    assert_int_equal(error.offset, 0);
    free(text);
}

/* Quadratic work would take minutes here. */
static void test_many_equal_keys(void **state)
{
    const uint32_t n = LIMIT_CONFIG_NODES - 1;
    char *text = malloc(8 * (size_t)n + 1);
    struct json_scan scan;
    struct json_error error;

    assert_non_null(text);
    for (uint32_t i = 0; i < n; i++)
        memcpy(text + 8 * (size_t)i, i ? ",\"key\":0" : "{\"key\":0", 8);
    text[8 * (size_t)n] = '}';
    assert_int_equal(json_scan(text, 8 * (size_t)n + 1, &scan, &error), 0);
    for (uint32_t i = 1; i <= n; i++)
        assert_int_equal(scan.nodes[i].earlier, 1);
    json_scan_fini(&scan);
    free(text);
}

static void test_positions(void **state)
{
    const char *text = "a\n\xc3\xa9"
                       "b\r\n\nc";
    size_t len = strlen(text);
    struct json_position position = json_position(text, len, 4);

    assert_int_equal(position.line, 2);
    assert_int_equal(position.column, 2);
    assert_int_equal(position.line_start, 2);
    position = json_position(text, len, len);
    assert_int_equal(position.line, 4);
    assert_int_equal(position.column, 2);
    position = json_position(text, len, 0);
    assert_int_equal(position.line, 1);
    assert_int_equal(position.column, 1);
}

/* Every code point, encoded by hand, is read back; every other sequence of two bytes is not. */
static void test_utf8(void **state)
{
    for (uint32_t c = 0x10000; c <= 0x10ffff; c += 0x3ff) {
        const char text[] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
                             (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};
        uint32_t found = 0;

        assert_int_equal(json_utf8(text, 4, 0, &found), 4);
        assert_int_equal(found, c);
        assert_int_equal(json_utf8(text, 3, 0, &found), 0);
    }
    for (uint32_t pair = 0x8000; pair <= 0xffff; pair++) {
        const char text[] = {(char)(pair >> 8), (char)pair};
        bool is_valid = (pair & 0xe0c0) == 0xc080 && pair >> 8 >= 0xc2;
        uint32_t found = 0;

        assert_int_equal(json_utf8(text, 2, 0, &found), is_valid ? 2 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_every_kind_has_a_name),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_members_by_key),
        cmocka_unit_test(test_equal_keys_are_marked),
        cmocka_unit_test(test_equal_keys_beyond_ascii_are_marked),
        cmocka_unit_test(test_integers_at_the_bounds),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_number_of_values),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_many_equal_keys),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
