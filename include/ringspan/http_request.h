/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_HTTP_REQUEST_H
#define RINGSPAN_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * HTTP request: as much of HTTP/1.1 (RFC 9112) as a scrape needs.
 *
 * A request is its head: a request line and fields, up to an empty line. Nothing here takes a body,
 * so whatever follows is nobody's business. What is asked for is told apart into the few cases that
 * are answered differently; and from Accept, which of two texts about the same is liked better.
 *
 * The bytes may be any: this is what everybody on the machine can send.
 */

enum http_status {
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_REQUEST_TIMEOUT = 408,
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_INTERNAL_ERROR = 500,
    HTTP_UNAVAILABLE = 503,
    HTTP_VERSION_NOT_SUPPORTED = 505,
};

struct http_request {
    enum http_status status; /* HTTP_OK, or what to answer instead */
    bool is_chunkable;       /* HTTP/1.1: an answer may come in chunks */
    bool likes_openmetrics;
};

/** The length of the head at the beginning of @text, empty line included; 0 if it is not all there
 * yet. */
size_t http_head_len(const char *text, size_t len);
/** @head as http_head_len() found it; @path is what there is to GET. */
struct http_request http_request_parse(const char *head, size_t len, const char *path);

/** "404 Not Found" */
const char *http_status_line(enum http_status status);

#endif
