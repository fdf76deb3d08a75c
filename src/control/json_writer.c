/* SPDX-License-Identifier: ISC */
#include "ringspan/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ringspan/json_scan.h"

#define REPLACEMENT_CHARACTER "\xef\xbf\xbd"

void json_writer_init(struct json_writer *writer, struct byte_queue *out)
{
    *writer = (struct json_writer){.out = out};
}

static void put(struct json_writer *writer, const char *text)
{
    byte_queue_append(writer->out, text, strlen(text));
}

static const char *escape_of(unsigned char c, char ret_buffer[8])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        snprintf(ret_buffer, 8, "\\u%04x", c);
        return ret_buffer;
    }
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == 0x7f || c == '"' || c == '\\';
}

/* How many bytes from @at on can be copied as they are. */
static size_t plain_len(const char *string, size_t len, size_t at)
{
    size_t end = at;
    uint32_t c;

    while (end < len && !needs_escape((unsigned char)string[end])) {
        /* Most text is ASCII, and most of a dump is made here. */
        size_t n = (unsigned char)string[end] < 0x80 ? 1 : json_utf8(string, len, end, &c);

        if (!n)
            break;
        end += n;
    }
    return end - at;
}

static void put_escaped(struct json_writer *writer, const char *string, size_t len)
{
    size_t at = 0;
    char buffer[8];

    while (at < len) {
        size_t plain = plain_len(string, len, at);
        unsigned char c = (unsigned char)string[at + plain];

        byte_queue_append(writer->out, string + at, plain);
        at += plain;
        if (at == len)
            break;
        put(writer, needs_escape(c) ? escape_of(c, buffer) : REPLACEMENT_CHARACTER);
        at++;
    }
}

static void put_quoted(struct json_writer *writer, const char *string)
{
    put(writer, "\"");
    put_escaped(writer, string, strlen(string));
    put(writer, "\"");
}

static void begin_value(struct json_writer *writer, const char *key)
{
    if (writer->needs_comma)
        put(writer, ",");
    if (key) {
        put_quoted(writer, key);
        put(writer, ":");
    }
    writer->needs_comma = true;
}

static void open_container(struct json_writer *writer, const char *key, const char *bracket)
{
    begin_value(writer, key);
    put(writer, bracket);
    writer->needs_comma = false;
}

static void close_container(struct json_writer *writer, const char *bracket)
{
    put(writer, bracket);
    writer->needs_comma = true;
}

void json_open_object(struct json_writer *writer, const char *key)
{
    open_container(writer, key, "{");
}

void json_close_object(struct json_writer *writer)
{
    close_container(writer, "}");
}

void json_open_array(struct json_writer *writer, const char *key)
{
    open_container(writer, key, "[");
}

void json_close_array(struct json_writer *writer)
{
    close_container(writer, "]");
}

void json_put_string(struct json_writer *writer, const char *key, const char *string)
{
    if (!string) {
        json_put_null(writer, key);
        return;
    }
    begin_value(writer, key);
    put_quoted(writer, string);
}

void json_open_string(struct json_writer *writer, const char *key)
{
    begin_value(writer, key);
    put(writer, "\"");
}

void json_put_piece(struct json_writer *writer, const char *text, size_t len)
{
    put_escaped(writer, text, len);
}

void json_close_string(struct json_writer *writer)
{
    put(writer, "\"");
}

void json_put_u64(struct json_writer *writer, const char *key, uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    begin_value(writer, key);
    put(writer, digits);
}

void json_put_bool(struct json_writer *writer, const char *key, bool value)
{
    begin_value(writer, key);
    put(writer, value ? "true" : "false");
}

void json_put_null(struct json_writer *writer, const char *key)
{
    begin_value(writer, key);
    put(writer, "null");
}

void json_put_raw(struct json_writer *writer, const char *key, const char *json, size_t len)
{
    begin_value(writer, key);
    byte_queue_append(writer->out, json, len);
}

void json_put_key(struct json_writer *writer, const char *key)
{
    begin_value(writer, key);
    writer->needs_comma = false;
}
