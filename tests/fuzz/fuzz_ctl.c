/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "../../src/control/ctl_monitor.h"
#include "fuzz.h"
#include "ringspan/ctl_protocol.h"
#include "ringspan/json_scan.h"
#include "ringspan/json_text.h"

/*
 * A line of any bytes is a request or a fault, and what is answered is one line of strict JSON; its
 * parameters are those of a monitor, or a fault;
 * any string can be written as JSON; and cutting text that is not JSON stays inside of it.
 */

#define ANSWER_MAX ((size_t)16 << 20)

static void check_answer(const struct byte_queue *out)
{
    const char *text = byte_queue_data(out);
    struct json_scan scan;
    struct json_error error;

    fuzz_require(!out->overflowed && out->len > 1);
    fuzz_require(memchr(text, '\n', out->len) == text + out->len - 1);
    fuzz_require(json_scan(text, out->len - 1, &scan, &error) == 0);
    fuzz_require(json_member(&scan, text, 0, "id") != JSON_NONE);
    json_scan_fini(&scan);
}

static void check_params(const struct ctl_request *request)
{
    static const char *const known[] = {"port", "vlan", NULL};
    struct ctl_fault fault = {0};
    const char *string = "";
    int64_t integer = 1;

    if (!ctl_params_known(request->params, known, &fault))
        fuzz_require(fault.code == CTL_INVALID_PARAMS && *fault.message);
    if (ctl_params_string(request->params, "port", &string, &fault))
        fuzz_require(string);
    if (ctl_params_integer(request->params, "vlan", 0, 4094, &integer, &fault))
        fuzz_require(integer >= 0 && integer <= 4094);
}

static void check_wish(const struct ctl_request *request)
{
    struct ctl_monitor_wish wish = {0};
    struct ctl_fault fault = {0};

    if (ctl_monitor_parse(request->params, &wish, &fault))
        fuzz_require(wish.kinds != 0 && !(wish.kinds & ~BUS_ALL));
    else
        fuzz_require(fault.code == CTL_INVALID_PARAMS && *fault.message && wish.kinds == 0);
}

static void check_request(const char *text, size_t len)
{
    struct ctl_request request;
    struct ctl_fault fault = {0};
    struct json_writer writer;
    struct byte_queue out;

    byte_queue_init(&out, ANSWER_MAX);
    json_writer_init(&writer, &out);
    if (ctl_request_parse(text, len, &request, &fault) < 0) {
        fuzz_require(fault.code && *fault.message);
        ctl_answer_fault(&writer, request.id, &fault);
    } else {
        fuzz_require(request.method);
        check_params(&request);
        check_wish(&request);
        ctl_answer_open(&writer, request.id);
        json_put_string(&writer, NULL, request.method);
        ctl_answer_close(&writer);
    }
    check_answer(&out);
    ctl_request_fini(&request);
    byte_queue_fini(&out);
}

/* @text ends in NUL here. */
static void check_string(const char *text)
{
    struct json_writer writer;
    struct json_error error;
    struct byte_queue out;
    struct json_scan scan;

    byte_queue_init(&out, ANSWER_MAX);
    json_writer_init(&writer, &out);
    json_put_string(&writer, NULL, text);
    fuzz_require(!out.overflowed);
    fuzz_require(json_scan(byte_queue_data(&out), out.len, &scan, &error) == 0);
    fuzz_require(scan.n_nodes == 1 && scan.nodes[0].kind == JSON_STRING);
    json_scan_fini(&scan);
    byte_queue_fini(&out);
}

static void check_cutting(const char *text, size_t len)
{
    struct json_slice rest = {text, len};
    const char *before = text;
    struct json_slice key;
    struct json_slice value;

    while (json_text_next(&rest, &key, &value)) {
        fuzz_require(value.text >= before && value.text + value.len <= text + len);
        before = value.text;
        json_text_member(value, "id", &key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1); /* its end is where the sanitizer sees it */
    char *string = malloc(size + 1);

    fuzz_require(exact && string);
    memcpy(exact, data, size);
    memcpy(string, data, size);
    string[size] = '\0';
    check_request(exact, size);
    check_cutting(exact, size);
    check_string(string);
    free(exact);
    free(string);
    return 0;
}
