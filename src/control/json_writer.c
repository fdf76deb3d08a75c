/* SPDX-License-Identifier: ISC */
#include "ringspan/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT_CHARACTER "\xef\xbf\xbd"

void json_writer_init(struct json_writer *writer, struct byte_queue *out)
{
    *writer = (struct json_writer){.out = out};
}

static void put(struct json_writer *writer, const char *text)
{
    byte_queue_append(writer->out, text, strlen(text));
}

/* The length of the well-formed UTF-8 sequence at @s, which ends in NUL; 0 if there is none. */
static size_t utf8_sequence_len(const unsigned char *s)
{
    uint32_t code;
    size_t len;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        len = 2;
    else if ((s[0] & 0xf0) == 0xe0)
        len = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        len = 4;
    else
        return 0;
    code = s[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if ((len == 3 && code < 0x800) || (len == 4 && code < 0x10000) || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return len;
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

static void put_quoted(struct json_writer *writer, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    char buffer[8];

    put(writer, "\"");
    while (*s) {
        size_t plain = 0;
        size_t len;

        while (s[plain] && !needs_escape(s[plain]) && (len = utf8_sequence_len(s + plain)) > 0)
            plain += len;
        byte_queue_append(writer->out, s, plain);
        s += plain;
        if (!*s)
            break;
        put(writer, needs_escape(*s) ? escape_of(*s, buffer) : REPLACEMENT_CHARACTER);
        s++;
    }
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
