/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "ringspan/http_request.h"
#include "ringspan/loopback.h"

/*
 * Any bytes are a head or the beginning of one; a head has a status, the same each time, and what
 * stands behind it makes no difference. Any text is a loopback address or a sentence.
 */

static void check_head(const char *text, size_t size)
{
    size_t len = http_head_len(text, size);
    struct http_request request;
    struct http_request again;
    char *alone;

    fuzz_require(len <= size);
    if (len == 0)
        return;
    fuzz_require(len >= 4 && memcmp(text + len - 4, "\r\n\r\n", 4) == 0);
    alone = malloc(len);
    fuzz_require(alone);
    memcpy(alone, text, len);
    request = http_request_parse(text, len, "/metrics");
    again = http_request_parse(alone, len, "/metrics");
    fuzz_require(*http_status_line(request.status));
    fuzz_require(request.status == again.status && request.is_chunkable == again.is_chunkable &&
                 request.likes_openmetrics == again.likes_openmetrics);
    if (request.status == HTTP_OK)
        fuzz_require(memcmp(text, "GET /metrics", 12) == 0);
    free(alone);
}

static void check_address(const char *bytes, size_t size)
{
    struct loopback where = {.len = 0};
    char *text = strndup(bytes, size);
    const char *complaint;

    fuzz_require(text);
    complaint = loopback_parse(text, &where);
    fuzz_require(complaint ? where.len == 0 : where.len > 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_head((const char *)data, size);
    check_address((const char *)data, size);
    return 0;
}
