/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_JSON_WRITER_H
#define RINGSPAN_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/byte_queue.h"

/*
 * JSON writer: compact JSON, straight into a byte queue, with no tree in between.
 *
 * It puts commas, quotes and escapes where they belong; the caller keeps objects and arrays
 * balanced. Every call takes a key first: a name inside an object, NULL inside an array or at the
 * top. Bytes that are not UTF-8 (the kernel allows them in interface names) become U+FFFD, so the
 * output is always valid JSON. Whether everything fitted is asked once, of the queue.
 */

struct json_writer {
    struct byte_queue *out;
    bool needs_comma;
};

void json_writer_init(struct json_writer *writer, struct byte_queue *out);

void json_open_object(struct json_writer *writer, const char *key);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer, const char *key);
void json_close_array(struct json_writer *writer);

/** NULL is written as null. */
void json_put_string(struct json_writer *writer, const char *key, const char *string);
/** A string in pieces; no character of more than one byte is cut. Nothing else comes between. */
void json_open_string(struct json_writer *writer, const char *key);
void json_put_piece(struct json_writer *writer, const char *text, size_t len);
void json_close_string(struct json_writer *writer);
void json_put_u64(struct json_writer *writer, const char *key, uint64_t number);
void json_put_bool(struct json_writer *writer, const char *key, bool value);
void json_put_null(struct json_writer *writer, const char *key);
/** @json is one JSON value and is written as it is. */
void json_put_raw(struct json_writer *writer, const char *key, const char *json, size_t len);
/** The key alone: the next call, with key NULL, writes its value. */
void json_put_key(struct json_writer *writer, const char *key);

#endif
