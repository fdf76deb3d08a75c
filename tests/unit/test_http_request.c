/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/http_request.h"

static struct http_request parse(const char *head)
{
    size_t len = http_head_len(head, strlen(head));

    assert_int_equal(len, strlen(head));
    return http_request_parse(head, len, "/metrics");
}

#define LINE "GET /metrics HTTP/1.1\r\n"

static void test_head(void **state)
{
    static const char text[] = LINE "\r\n";

    for (size_t len = 0; len < strlen(text); len++)
        assert_int_equal(http_head_len(text, len), 0);
    assert_int_equal(http_head_len(LINE "\r\nmore\r\n\r\n", strlen(LINE) + 8), strlen(LINE) + 2);
    assert_int_equal(http_head_len("GET /\n\n", 7), 0);
}

static void test_status(void **state)
{
    static const struct {
        const char *head;
        enum http_status status;
    } cases[] = {
        {LINE "\r\n", HTTP_OK},
        {LINE "Host: x\r\nEmpty:\r\nX: a:b\r\n\r\n", HTTP_OK},
        {"GET /metrics?a HTTP/1.1\r\n\r\n", HTTP_OK},
        {"GET /metrics HTTP/1.0\r\n\r\n", HTTP_OK},
        {"GET /metric HTTP/1.1\r\n\r\n", HTTP_NOT_FOUND},
        {"GET /metrics/ HTTP/1.1\r\n\r\n", HTTP_NOT_FOUND},
        {"GET * HTTP/1.1\r\n\r\n", HTTP_NOT_FOUND},
        {"DELETE /metrics HTTP/1.1\r\n\r\n", HTTP_METHOD_NOT_ALLOWED},
        {"GET /metrics HTTP/2.0\r\n\r\n", HTTP_VERSION_NOT_SUPPORTED},
        {"GET /metrics HTTP/11\r\n\r\n", HTTP_BAD_REQUEST},
        {"GET /metrics http/1.1\r\n\r\n", HTTP_BAD_REQUEST},
        {"GET /metrics HTTP/1.1 x\r\n\r\n", HTTP_BAD_REQUEST},
        {"GET /metrics\r\n\r\n", HTTP_BAD_REQUEST},
        {"GET\r\n\r\n", HTTP_BAD_REQUEST},
        {" /metrics HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST},
        {"GET  HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST},
        {"\r\n\r\n", HTTP_BAD_REQUEST},
        {LINE "field\r\n\r\n", HTTP_BAD_REQUEST},
        {LINE ": value\r\n\r\n", HTTP_BAD_REQUEST},
        {LINE "Name : value\r\n\r\n", HTTP_BAD_REQUEST},
        {LINE "A: b\r\n c: d\r\n\r\n", HTTP_BAD_REQUEST},
        {LINE "A: b\rC: d\r\n\r\n", HTTP_BAD_REQUEST},
        {LINE "A: b\nC: d\r\n\r\n", HTTP_BAD_REQUEST},
        {"GET /nothing HTTP/1.1\r\nwrong\r\n\r\n", HTTP_BAD_REQUEST},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (parse(cases[i].head).status != cases[i].status)
            fail_msg("%d: %s", parse(cases[i].head).status, cases[i].head);
    }
}

static void test_chunks(void **state)
{
    assert_true(parse(LINE "\r\n").is_chunkable);
    assert_false(parse("GET /metrics HTTP/1.0\r\n\r\n").is_chunkable);
}

#define OM "application/openmetrics-text"

static void test_accept(void **state)
{
    assert_false(parse(LINE "\r\n").likes_openmetrics);
    assert_true(parse(LINE "Accept: " OM "\r\n\r\n").likes_openmetrics);
    assert_true(parse(LINE "aCCEPT:" OM ";version=1.0.0\r\n\r\n").likes_openmetrics);
    assert_true(parse(LINE "Accept: text/plain\r\nAccept: " OM "\r\n\r\n").likes_openmetrics);
    assert_true(parse(LINE "Accept: */*;q=0.1, " OM ";q=0.2\r\n\r\n").likes_openmetrics);
    assert_true(parse(LINE "Accept: " OM ";q=1.000,*/*;q=0.999\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "Accept: " OM ";version=0.0.1\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "Accept: */*\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "Accept: " OM ";q=0.999, text/*\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "Accept: " OM ";q=0.000\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "Accept: " OM ";q=1.001\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "Accept: " OM ";q=\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "Accept: " OM "x\r\n\r\n").likes_openmetrics);
    assert_false(parse(LINE "X-Accept: " OM "\r\n\r\n").likes_openmetrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_accept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
