/* SPDX-License-Identifier: ISC */
#include "ringspan/http_request.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Of a quality value, in thousandths. */
#define QUALITY_MAX 1000u

struct slice {
    const char *text;
    size_t len;
};

static bool is(struct slice slice, const char *word)
{
    return slice.len == strlen(word) && strncasecmp(slice.text, word, slice.len) == 0;
}

/* Cuts off what stands before the first @separator, or everything; false at the end. */
static bool cut(struct slice *rest, char separator, struct slice *ret)
{
    const char *end;

    if (!rest->text)
        return false;
    end = memchr(rest->text, separator, rest->len);
    *ret = (struct slice){rest->text, end ? (size_t)(end - rest->text) : rest->len};
    if (end)
        *rest = (struct slice){end + 1, rest->len - ret->len - 1};
    else
        *rest = (struct slice){NULL, 0};
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice trim(struct slice slice)
{
    while (slice.len > 0 && is_blank(slice.text[0])) {
        slice.text++;
        slice.len--;
    }
    while (slice.len > 0 && is_blank(slice.text[slice.len - 1]))
        slice.len--;
    return slice;
}

size_t http_head_len(const char *text, size_t len)
{
    const char *end = memmem(text, len, "\r\n\r\n", 4);

    return end ? (size_t)(end - text) + 4 : 0;
}

/* ---- Accept ---- */

/* "0.6"; what makes no sense is nothing. */
static uint32_t parse_quality(struct slice text)
{
    uint32_t unit = QUALITY_MAX;
    uint32_t quality = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.text[i];

        if (i == 1 ? c != '.' : c < '0' || c > '9')
            return 0;
        if (i == 1)
            continue;
        quality += (uint32_t)(c - '0') * unit;
        unit /= 10;
    }
    return quality <= QUALITY_MAX ? quality : 0;
}

struct range {
    struct slice type;
    uint32_t quality;
    struct slice version; /* empty: any */
};

static struct range parse_range(struct slice text)
{
    struct range range = {.quality = QUALITY_MAX};
    struct slice parameter;
    struct slice name;

    cut(&text, ';', &range.type);
    range.type = trim(range.type);
    while (cut(&text, ';', &parameter)) {
        cut(&parameter, '=', &name);
        if (is(trim(name), "q"))
            range.quality = parse_quality(trim(parameter));
        else if (is(trim(name), "version"))
            range.version = trim(parameter);
    }
    return range;
}

static bool is_version(const struct range *range, const char *version)
{
    return range->version.len == 0 || is(range->version, version);
}

/* Only who names OpenMetrics gets it: "anything" is what a browser says, too. */
struct liking {
    uint32_t openmetrics;
    uint32_t text;
};

static void take_accept(struct slice value, struct liking *liking)
{
    struct slice part;

    while (cut(&value, ',', &part)) {
        struct range range = parse_range(part);
        uint32_t *best = NULL;

        if (is(range.type, "application/openmetrics-text") && is_version(&range, "1.0.0"))
            best = &liking->openmetrics;
        else if ((is(range.type, "text/plain") && is_version(&range, "0.0.4")) ||
                 is(range.type, "text/*") || is(range.type, "*/*"))
            best = &liking->text;
        if (best && range.quality > *best)
            *best = range.quality;
    }
}

/* ---- the head ---- */

static enum http_status judge_version(struct slice version, bool *ret_is_chunkable)
{
    if (version.len != strlen("HTTP/1.1") || strncmp(version.text, "HTTP/", 5) != 0)
        return HTTP_BAD_REQUEST;
    if (version.text[5] != '1' || version.text[6] != '.')
        return HTTP_VERSION_NOT_SUPPORTED;
    *ret_is_chunkable = version.text[7] != '0';
    return HTTP_OK;
}

static enum http_status judge_line(struct slice line, const char *path, bool *ret_is_chunkable)
{
    struct slice target = {NULL, 0};
    struct slice method;
    struct slice bare;
    enum http_status status;

    cut(&line, ' ', &method);
    if (method.len == 0 || !cut(&line, ' ', &target) || target.len == 0 || !line.text)
        return HTTP_BAD_REQUEST;
    status = judge_version(line, ret_is_chunkable);
    if (status != HTTP_OK)
        return status;
    cut(&target, '?', &bare);
    if (bare.len != strlen(path) || memcmp(bare.text, path, bare.len) != 0)
        return HTTP_NOT_FOUND;
    return method.len == 3 && memcmp(method.text, "GET", 3) == 0 ? HTTP_OK
                                                                 : HTTP_METHOD_NOT_ALLOWED;
}

/* A line ends in CR LF; a CR or NUL anywhere else is an attempt at something. */
static bool take_line(struct slice *rest, struct slice *ret)
{
    if (!cut(rest, '\n', ret) || ret->len == 0 || ret->text[ret->len - 1] != '\r')
        return false;
    ret->len--;
    return !memchr(ret->text, '\r', ret->len) && !memchr(ret->text, '\0', ret->len);
}

static enum http_status take_fields(struct slice rest, struct liking *liking)
{
    struct slice line;

    while (take_line(&rest, &line)) {
        struct slice name;

        if (line.len == 0)
            return HTTP_OK;
        cut(&line, ':', &name);
        if (!line.text || name.len == 0 || is_blank(name.text[0]) ||
            is_blank(name.text[name.len - 1]))
            return HTTP_BAD_REQUEST;
        if (is(name, "accept"))
            take_accept(line, liking);
    }
    return HTTP_BAD_REQUEST;
}

struct http_request http_request_parse(const char *head, size_t len, const char *path)
{
    struct http_request request = {.status = HTTP_BAD_REQUEST};
    struct slice rest = {head, len};
    struct liking liking = {0};
    enum http_status fields;
    struct slice line;

    if (!take_line(&rest, &line))
        return request;
    request.status = judge_line(line, path, &request.is_chunkable);
    fields = take_fields(rest, &liking);
    if (fields != HTTP_OK)
        request.status = fields;
    request.likes_openmetrics = liking.openmetrics > 0 && liking.openmetrics >= liking.text;
    return request;
}

const char *http_status_line(enum http_status status)
{
    switch (status) {
    case HTTP_OK:
        return "200 OK";
    case HTTP_BAD_REQUEST:
        return "400 Bad Request";
    case HTTP_NOT_FOUND:
        return "404 Not Found";
    case HTTP_METHOD_NOT_ALLOWED:
        return "405 Method Not Allowed";
    case HTTP_REQUEST_TIMEOUT:
        return "408 Request Timeout";
    case HTTP_HEAD_TOO_LARGE:
        return "431 Request Header Fields Too Large";
    case HTTP_INTERNAL_ERROR:
        return "500 Internal Server Error";
    case HTTP_UNAVAILABLE:
        return "503 Service Unavailable";
    case HTTP_VERSION_NOT_SUPPORTED:
        return "505 HTTP Version Not Supported";
    }
    return "";
}
