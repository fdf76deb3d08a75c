/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/ctl_protocol.h"

struct refusal {
    const char *text;
    enum ctl_code code;
    const char *message; /* a part of it */
    const char *id;      /* as it is echoed */
};

static const struct refusal refusals[] = {
    {"", CTL_PARSE_ERROR, "not JSON", "null"},
    {"   ", CTL_PARSE_ERROR, "not JSON", "null"},
    {"hello", CTL_PARSE_ERROR, "not JSON", "null"},
    {"{\"id\":1", CTL_PARSE_ERROR, "not JSON", "null"},
    {"{\"id\":1} {}", CTL_PARSE_ERROR, "not JSON", "null"},
    {"{'id':1}", CTL_PARSE_ERROR, "not JSON", "null"},
    {"{\"id\":NaN}", CTL_PARSE_ERROR, "not JSON", "null"},
    {"{\"id\":\"\x01\"}", CTL_PARSE_ERROR, "not JSON", "null"},
    {"{\"id\":\"\xff\"}", CTL_PARSE_ERROR, "not JSON", "null"},
    {"[]", CTL_INVALID_REQUEST, "batches", "null"},
    {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}]", CTL_INVALID_REQUEST, "batches", "null"},
    {"1", CTL_INVALID_REQUEST, "object", "null"},
    {"null", CTL_INVALID_REQUEST, "object", "null"},
    {"\"x\"", CTL_INVALID_REQUEST, "object", "null"},
    {"{}", CTL_INVALID_REQUEST, "'id' is missing", "null"},
    {"{\"id\":1.5}", CTL_INVALID_REQUEST, "'id'", "null"},
    {"{\"id\":[]}", CTL_INVALID_REQUEST, "'id'", "null"},
    {"{\"id\":true}", CTL_INVALID_REQUEST, "'id'", "null"},
    {"{\"id\":1,\"id\":2}", CTL_INVALID_REQUEST, "twice", "null"},
    {"{\"id\":99999999999999999999}", CTL_INVALID_REQUEST, "64 bits", "null"},
    {"{\"id\":7}", CTL_INVALID_REQUEST, "'jsonrpc'", "7"},
    {"{\"id\":7,\"jsonrpc\":2.0}", CTL_INVALID_REQUEST, "'jsonrpc'", "7"},
    {"{\"id\":7,\"jsonrpc\":\"1.0\"}", CTL_INVALID_REQUEST, "'jsonrpc'", "7"},
    {"{\"id\":\"a\\\"b\",\"jsonrpc\":\"2.0\"}", CTL_INVALID_REQUEST, "'method'", "\"a\\\"b\""},
    {"{\"id\":-1,\"jsonrpc\":\"2.0\",\"method\":1}", CTL_INVALID_REQUEST, "'method'", "-1"},
    {"{\"id\":null,\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":[]}", CTL_INVALID_REQUEST,
     "'params'", "null"},
    {"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":null}", CTL_INVALID_REQUEST,
     "'params'", "1"},
    {"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"x\",\"param\":{}}", CTL_INVALID_REQUEST,
     "unknown member 'param'", "1"},
    {"{\"id\":1,\"a\":[[[[[[[[[[]]]]]]]]]]}", CTL_INVALID_REQUEST, "", "null"},
};

static void assert_fault(struct json_object *id, const struct ctl_fault *fault, const char *text)
{
    struct byte_queue out;
    struct json_writer writer;

    byte_queue_init(&out, 4096);
    json_writer_init(&writer, &out);
    ctl_answer_fault(&writer, id, fault);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(byte_queue_data(&out), text, out.len);
    byte_queue_fini(&out);
}

static void test_refusals(void **state)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const struct refusal *refusal = &refusals[i];
        struct ctl_request request;
        struct ctl_fault fault;
        char expected[256];

        assert_int_equal(ctl_request_parse(refusal->text, strlen(refusal->text), &request, &fault),
                         -EINVAL);
        assert_int_equal(fault.code, refusal->code);
        assert_non_null(strstr(fault.message, refusal->message));
        ctl_fault_set(&fault, CTL_REFUSED, "no");
        snprintf(expected, sizeof(expected),
                 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32000,\"message\":\"no\"}}\n",
                 refusal->id);
        assert_fault(request.id, &fault, expected);
        ctl_request_fini(&request);
    }
}

static void test_request(void **state)
{
    static const char text[] = " {\"method\":\"fdb.show\",\"params\":{\"vlan\":10,\"port\":\"r1\"},"
                               "\"id\":\"x\",\"jsonrpc\":\"2.0\"}\r";
    static const char *const known[] = {"vlan", "port", NULL};
    static const char *const fewer[] = {"vlan", NULL};
    struct ctl_request request;
    struct ctl_fault fault;
    const char *port = "untouched";
    int64_t vlan = -1;

    assert_int_equal(ctl_request_parse(text, strlen(text), &request, &fault), 0);
    assert_string_equal(request.method, "fdb.show");
    assert_true(ctl_params_known(request.params, known, &fault));
    assert_false(ctl_params_known(request.params, fewer, &fault));
    assert_string_equal(fault.message, "unknown parameter 'port'");
    assert_true(ctl_params_string(request.params, "absent", &port, &fault));
    assert_string_equal(port, "untouched");
    assert_true(ctl_params_string(request.params, "port", &port, &fault));
    assert_string_equal(port, "r1");
    assert_false(ctl_params_string(request.params, "vlan", &port, &fault));
    assert_int_equal(fault.code, CTL_INVALID_PARAMS);
    assert_true(ctl_params_integer(request.params, "vlan", 10, 10, &vlan, &fault));
    assert_int_equal(vlan, 10);
    assert_false(ctl_params_integer(request.params, "vlan", 11, 20, &vlan, &fault));
    assert_string_equal(fault.message, "vlan: not within 11..20");
    assert_false(ctl_params_integer(request.params, "port", 0, 20, &vlan, &fault));
    ctl_request_fini(&request);
}

static void test_absent_params(void **state)
{
    static const char *const known[] = {NULL};
    struct ctl_fault fault;
    const char *string = NULL;
    int64_t integer = 5;

    assert_true(ctl_params_known(NULL, known, &fault));
    assert_true(ctl_params_string(NULL, "x", &string, &fault));
    assert_true(ctl_params_integer(NULL, "x", 0, 1, &integer, &fault));
    assert_null(string);
    assert_int_equal(integer, 5);
}

static void assert_refused(const char *text, size_t len, const char *message)
{
    struct ctl_request request;
    struct ctl_fault fault;

    assert_int_equal(ctl_request_parse(text, len, &request, &fault), -EINVAL);
    assert_non_null(strstr(fault.message, message));
    ctl_request_fini(&request);
}

/* json-c would build some megabytes out of these. */
static void test_costly_requests(void **state)
{
    static const char head[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"a\":[{}";
    char text[60000];
    char id[200];
    size_t len = strlen(head);

    memcpy(text, head, len);
    for (; len + 6 < sizeof(text); len += 3)
        memcpy(text + len, ",{}", 3);
    memcpy(text + len, "]}}", 3);
    assert_refused(text, len + 3, "more than 1024 values");
    memset(id, 'i', sizeof(id));
    memcpy(id, "{\"id\":\"", 7);
    memcpy(id + sizeof(id) - 2, "\"}", 2);
    assert_refused(id, sizeof(id), "64 bytes");
    memset(text, '[', sizeof(text));
    assert_refused(text, sizeof(text), "deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_absent_params),
        cmocka_unit_test(test_costly_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
