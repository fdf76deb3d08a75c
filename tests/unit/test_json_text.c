/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/json_text.h"

static struct json_slice slice(const char *text)
{
    return (struct json_slice){text, strlen(text)};
}

static void assert_slice(struct json_slice actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.text, expected, actual.len);
}

static void test_rows(void **state)
{
    struct json_slice rest =
        json_text_inside(slice("[ {\"a\":\"]}\"} , 12,\"x\\\"]\",[1,[2]],null]"));
    static const char *const expected[] = {"{\"a\":\"]}\"}", "12", "\"x\\\"]\"", "[1,[2]]", "null"};
    struct json_slice key;
    struct json_slice value;

    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        assert_true(json_text_next(&rest, &key, &value));
        assert_int_equal(key.len, 0);
        assert_slice(value, expected[i]);
    }
    assert_false(json_text_next(&rest, &key, &value));
}

static void test_empty(void **state)
{
    static const char *const texts[] = {"[]", "{}", "[ ]", "", "12", "\"\"", "["};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct json_slice rest = json_text_inside(slice(texts[i]));
        struct json_slice key;
        struct json_slice value;

        assert_false(json_text_next(&rest, &key, &value));
    }
}

static void test_members(void **state)
{
    struct json_slice object =
        slice("{\"id\":1, \"error\" : {\"result\":2},\"resul\":3,\"result\":[\"a:b\"]}");
    struct json_slice value;

    assert_true(json_text_member(object, "result", &value));
    assert_slice(value, "[\"a:b\"]");
    assert_true(json_text_member(object, "error", &value));
    assert_slice(value, "{\"result\":2}");
    assert_false(json_text_member(object, "results", &value));
    assert_false(json_text_member(slice("[1]"), "id", &value));
}

/* Text that is cut off anywhere must end the walk, inside of the slice. */
static void test_cut_off(void **state)
{
    static const char text[] = "[{\"a\":\"b\\\\\"},[[]],{\"c\":[1,2,{\"d\":null}]}]";

    for (size_t len = 0; len < sizeof(text); len++) {
        char *copy = malloc(len ? len : 1);
        struct json_slice rest;
        struct json_slice key;
        struct json_slice value;
        int n = 0;

        assert_non_null(copy);
        memcpy(copy, text, len);
        rest = json_text_inside((struct json_slice){copy, len});
        while (json_text_next(&rest, &key, &value))
            n++;
        assert_in_range(n, 0, 6);
        json_text_member((struct json_slice){copy, len}, "a", &value);
        free(copy);
    }
}

static void assert_pretty(const char *text, const char *expected)
{
    char *printed = NULL;
    size_t size;
    FILE *stream = open_memstream(&printed, &size);

    assert_non_null(stream);
    json_text_print_pretty(slice(text), stream);
    fclose(stream);
    assert_string_equal(printed, expected);
    free(printed);
}

static void test_pretty(void **state)
{
    assert_pretty("[]", "[]\n");
    assert_pretty("12", "12\n");
    assert_pretty("[{\"a\":1,\"b\":[],\"c\":[\"x,y:[\",{ }],\"d\":{\"e\":null}}]",
                  "[\n"
                  "    {\n"
                  "        \"a\": 1,\n"
                  "        \"b\": [],\n"
                  "        \"c\": [\n"
                  "            \"x,y:[\",\n"
                  "            {}\n"
                  "        ],\n"
                  "        \"d\": {\n"
                  "            \"e\": null\n"
                  "        }\n"
                  "    }\n"
                  "]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_empty),
        cmocka_unit_test(test_members), cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_pretty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
