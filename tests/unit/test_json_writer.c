/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/json_writer.h"

struct page {
    struct byte_queue queue;
    struct json_writer writer;
};

static int page_open(void **state)
{
    static struct page page;

    byte_queue_init(&page.queue, 4096);
    json_writer_init(&page.writer, &page.queue);
    *state = &page;
    return 0;
}

static int page_close(void **state)
{
    struct page *page = *state;

    byte_queue_fini(&page->queue);
    return 0;
}

static void assert_page(struct page *page, const char *expected)
{
    assert_int_equal(page->queue.len, strlen(expected));
    assert_memory_equal(byte_queue_data(&page->queue), expected, page->queue.len);
}

static void test_nesting_and_commas(void **state)
{
    struct page *page = *state;
    struct json_writer *writer = &page->writer;

    json_open_array(writer, NULL);
    json_open_object(writer, NULL);
    json_put_string(writer, "name", "r1");
    json_put_string(writer, "ifname", NULL);
    json_put_u64(writer, "big", UINT64_MAX);
    json_put_bool(writer, "up", true);
    json_put_bool(writer, "down", false);
    json_open_array(writer, "flags");
    json_close_array(writer);
    json_open_object(writer, "ring");
    json_put_null(writer, "x");
    json_put_raw(writer, "y", "[1,2]", 5);
    json_close_object(writer);
    json_close_object(writer);
    json_open_object(writer, NULL);
    json_put_key(writer, "k");
    json_put_u64(writer, NULL, 0);
    json_put_u64(writer, "l", 1);
    json_close_object(writer);
    json_put_u64(writer, NULL, 2);
    json_close_array(writer);
    assert_page(page, "[{\"name\":\"r1\",\"ifname\":null,\"big\":18446744073709551615,\"up\":true,"
                      "\"down\":false,\"flags\":[],\"ring\":{\"x\":null,\"y\":[1,2]}},"
                      "{\"k\":0,\"l\":1},2]");
}

struct escape_case {
    const char *string;
    const char *json;
};

static void test_escapes(void **state)
{
    static const struct escape_case cases[] = {
        {"", "\"\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\n\r\t", "\"\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\x1b[31m", "\"\\u001b[31m\""},
        {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    struct page *page = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_put_string(&page->writer, NULL, cases[i].string);
        assert_page(page, cases[i].json);
        byte_queue_consume(&page->queue, page->queue.len);
        json_writer_init(&page->writer, &page->queue);
    }
}

static void test_bound(void **state)
{
    struct page *page = *state;
    char long_string[3000];

    memset(long_string, 'x', sizeof(long_string) - 1);
    long_string[sizeof(long_string) - 1] = '\0';
    json_put_string(&page->writer, NULL, long_string);
    assert_false(page->queue.overflowed);
    json_put_string(&page->writer, NULL, long_string);
    assert_true(page->queue.overflowed);
    assert_true(page->queue.len <= 4096);
}

static void test_queue_keeps_order(void **state)
{
    struct page *page = *state;
    struct byte_queue *queue = &page->queue;
    uint8_t next_in = 0;
    uint8_t next_out = 0;

    for (int round = 0; round < 2000; round++) {
        size_t put = (size_t)(round * 7 % 61);
        size_t take;

        for (size_t i = 0; i < put; i++, next_in++)
            assert_true(byte_queue_append(queue, &next_in, 1));
        take = queue->len < 29 ? queue->len : 29;
        for (size_t i = 0; i < take; i++, next_out++)
            assert_int_equal((uint8_t)byte_queue_data(queue)[i], next_out);
        byte_queue_consume(queue, take);
    }
    assert_int_equal((uint8_t)queue->len, (uint8_t)(next_in - next_out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nesting_and_commas, page_open, page_close),
        cmocka_unit_test_setup_teardown(test_escapes, page_open, page_close),
        cmocka_unit_test_setup_teardown(test_bound, page_open, page_close),
        cmocka_unit_test_setup_teardown(test_queue_keeps_order, page_open, page_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
