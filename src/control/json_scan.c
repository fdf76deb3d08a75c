/* SPDX-License-Identifier: ISC */
#include "ringspan/json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_explain.h"
#include "json_nodes.h"
#include "ringspan/limits.h"

struct scanner {
    const char *text;
    size_t len;
    size_t at;
    struct json_node *nodes; /* NULL in the first pass, which counts */
    uint32_t n_nodes;
    uint32_t depth;
    struct json_error *error;
};

/* Says what is wrong, and is false. Every scan function is true, or false and has said why. */
#define fail(...) (json_error_set(__VA_ARGS__), false)

static bool scan_value(struct scanner *s, uint32_t key);

static bool has_ended(const struct scanner *s)
{
    return s->at == s->len;
}

static bool is_at(const struct scanner *s, char c)
{
    return s->at < s->len && s->text[s->at] == c;
}

static bool is_digit(const struct scanner *s)
{
    return s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9';
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->len && s->text[s->at] && strchr(" \t\r\n", s->text[s->at]))
        s->at++;
}

static bool explain(struct scanner *s, enum json_expected expected)
{
    json_explain(s->text, s->len, s->at, expected, s->error);
    return false;
}

/* The text ends inside of what began at @opener: the place to show is where it stops, not the
 * blank line below. */
static bool explain_open_end(struct scanner *s, size_t opener)
{
    struct json_position position = json_position(s->text, s->len, opener);
    size_t end = s->len;

    while (end > 0 && strchr(" \t\r\n", s->text[end - 1]))
        end--;
    return fail(s->error, end, s->text[opener] == '{' ? "a '}' is missing" : "a ']' is missing",
                "the text ends inside of the %s that begins in line %u, column %u",
                s->text[opener] == '{' ? "object" : "list", position.line, position.column);
}

static bool scan_unicode_escape(struct scanner *s, uint32_t *ret_unit)
{
    if (s->len - s->at < 6 || s->text[s->at] != '\\' || s->text[s->at + 1] != 'u')
        return false;
    for (size_t i = 2; i < 6; i++) {
        char c = s->text[s->at + i];

        if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
            return false;
    }
    *ret_unit = json_hex4(s->text + s->at + 2);
    s->at += 6;
    return true;
}

static bool scan_escape(struct scanner *s)
{
    size_t start = s->at;
    uint32_t unit;
    uint32_t low;

    if (s->len - s->at >= 2 && s->text[s->at + 1] && strchr("\"\\/bfnrt", s->text[s->at + 1])) {
        s->at += 2;
        return true;
    }
    if (!scan_unicode_escape(s, &unit)) {
        json_explain_escape(s->text, s->len, s->at, s->error);
        return false;
    }
    if (unit == 0)
        return fail(s->error, start, NULL, "a string cannot contain \\u0000");
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    if (unit < 0xdc00 && scan_unicode_escape(s, &low) && low >= 0xdc00 && low <= 0xdfff)
        return true;
    return fail(s->error, start, "characters above U+FFFF are written as they are, or as a pair",
                "\\u%04x is half of a surrogate pair", unit);
}

/* A character below U+0020 at the scanner's place, in the string that began at @opener. */
static bool explain_control(struct scanner *s, size_t opener)
{
    uint8_t c = (uint8_t)s->text[s->at];

    if (c == '\n' || c == '\r')
        return fail(s->error, opener, "close it with '\"'; a line break in it is written \\n",
                    "this string does not end in its line");
    if (c == '\t')
        return fail(s->error, s->at, "write \\t", "a tab stands inside of a string");
    return fail(s->error, s->at, NULL, "the control character U+%04X stands inside of a string", c);
}

static bool scan_string(struct scanner *s)
{
    size_t opener = s->at++;

    while (!has_ended(s) && s->text[s->at] != '"') {
        uint32_t c;
        uint32_t n = json_utf8(s->text, s->len, s->at, &c);

        if (n == 0) {
            json_explain_utf8(s->text, s->at, s->error);
            return false;
        }
        if (c < 0x20)
            return explain_control(s, opener);
        if (c != '\\')
            s->at += n;
        else if (!scan_escape(s))
            return false;
    }
    if (has_ended(s))
        return fail(s->error, opener, "close it with '\"'", "the text ends inside of this string");
    s->at++;
    return true;
}

static bool take_digits(struct scanner *s)
{
    size_t start = s->at;

    while (is_digit(s))
        s->at++;
    return s->at > start;
}

static bool fits_int64(const char *digits, size_t n)
{
    bool is_negative = digits[0] == '-';
    int64_t value = 0;

    for (size_t i = is_negative; i < n; i++) {
        int64_t digit = digits[i] - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, is_negative ? -digit : digit, &value))
            return false;
    }
    return true;
}

/* @start to the scanner's place is a number; true if nothing that looks like more of it follows. */
static bool scan_number_end(struct scanner *s, size_t start)
{
    char c = has_ended(s) ? ' ' : s->text[s->at];

    if (json_is_word_char(c) || c == ':' || c == '%') {
        json_explain_number(s->text, s->len, start, s->at, s->error);
        return false;
    }
    return true;
}

static bool scan_number(struct scanner *s, enum json_kind *ret_kind)
{
    size_t start = s->at;
    bool is_integer = true;

    if (is_at(s, '-'))
        s->at++;
    if (!is_digit(s)) {
        s->at = start;
        return explain(s, JSON_EXPECT_VALUE);
    }
    if (is_at(s, '0'))
        s->at++;
    else
        take_digits(s);
    if (is_at(s, '.')) {
        is_integer = false;
        s->at++;
        if (!take_digits(s))
            return fail(s->error, start, NULL, "a digit is missing behind '.'");
    }
    if (is_at(s, 'e') || is_at(s, 'E')) {
        is_integer = false;
        s->at++;
        if (is_at(s, '+') || is_at(s, '-'))
            s->at++;
        if (!take_digits(s))
            return fail(s->error, start, NULL, "the exponent of this number has no digits");
    }
    if (!is_integer)
        *ret_kind = JSON_FRACTION;
    else
        *ret_kind = fits_int64(s->text + start, s->at - start) ? JSON_INTEGER : JSON_BIG_INTEGER;
    return scan_number_end(s, start);
}

/* Takes the keyword @word if it stands here as a whole. */
static bool take_keyword(struct scanner *s, const char *word)
{
    size_t n = strlen(word);

    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return false;
    if (s->len - s->at > n && json_is_word_char(s->text[s->at + n]))
        return false;
    s->at += n;
    return true;
}

static bool enter(struct scanner *s)
{
    if (s->depth == LIMIT_CONFIG_DEPTH)
        return fail(s->error, s->at, NULL, "this is nested more than %d levels deep",
                    LIMIT_CONFIG_DEPTH);
    s->depth++;
    s->at++;
    return true;
}

static bool leave(struct scanner *s)
{
    s->depth--;
    s->at++;
    return true;
}

/* Behind an element or member: true and *ret_done if @closer is taken, or if a ',' with something
 * behind it is. */
static bool scan_separator(struct scanner *s, size_t opener, char closer, bool *ret_done)
{
    size_t comma;

    skip_blanks(s);
    *ret_done = is_at(s, closer);
    if (*ret_done)
        return leave(s);
    if (has_ended(s))
        return explain_open_end(s, opener);
    if (!is_at(s, ','))
        return explain(s, JSON_EXPECT_COMMA);
    comma = s->at++;
    skip_blanks(s);
    if (has_ended(s))
        return explain_open_end(s, opener);
    if (is_at(s, ']') || is_at(s, '}'))
        return fail(s->error, comma, "remove this ','", "a ',' stands before '%c'", s->text[s->at]);
    return true;
}

static bool scan_member(struct scanner *s, size_t opener)
{
    size_t key = s->at;

    if (!is_at(s, '"'))
        return explain(s, JSON_EXPECT_KEY);
    if (!scan_string(s))
        return false;
    skip_blanks(s);
    if (has_ended(s))
        return explain_open_end(s, opener);
    if (!is_at(s, ':'))
        return explain(s, JSON_EXPECT_COLON);
    s->at++;
    skip_blanks(s);
    if (has_ended(s))
        return explain_open_end(s, opener);
    return scan_value(s, (uint32_t)key);
}

static bool scan_container(struct scanner *s, char closer)
{
    size_t opener = s->at;
    bool done = false;

    if (!enter(s))
        return false;
    skip_blanks(s);
    if (has_ended(s))
        return explain_open_end(s, opener);
    if (is_at(s, closer))
        return leave(s);
    while (!done) {
        if (!(closer == '}' ? scan_member(s, opener) : scan_value(s, JSON_NONE)) ||
            !scan_separator(s, opener, closer, &done))
            return false;
    }
    return true;
}

static bool scan_content(struct scanner *s, enum json_kind *ret_kind)
{
    char c = s->text[s->at];

    if (c == '{' || c == '[') {
        *ret_kind = c == '{' ? JSON_OBJECT : JSON_ARRAY;
        return scan_container(s, c == '{' ? '}' : ']');
    }
    if (c == '"') {
        *ret_kind = JSON_STRING;
        return scan_string(s);
    }
    if (c == '-' || is_digit(s))
        return scan_number(s, ret_kind);
    *ret_kind = JSON_BOOLEAN;
    if (take_keyword(s, "true") || take_keyword(s, "false"))
        return true;
    *ret_kind = JSON_NULL;
    return take_keyword(s, "null") || explain(s, JSON_EXPECT_VALUE);
}

/* The value at the scanner's place, which is not the end of the text. */
static bool scan_value(struct scanner *s, uint32_t key)
{
    uint32_t index = s->n_nodes;
    uint32_t start = (uint32_t)s->at;
    enum json_kind kind = JSON_NULL;

    if (index == LIMIT_CONFIG_NODES)
        return fail(s->error, s->at, NULL, "the text has more than %d values", LIMIT_CONFIG_NODES);
    s->n_nodes++;
    if (!scan_content(s, &kind))
        return false;
    if (s->nodes)
        s->nodes[index] = (struct json_node){
            .start = start,
            .end = (uint32_t)s->at,
            .key = key,
            .after = s->n_nodes,
            .earlier = JSON_NONE,
            .kind = kind,
        };
    return true;
}

static bool scan_document(struct scanner *s)
{
    if (s->len > LIMIT_CONFIG_BYTES)
        return fail(s->error, 0, NULL, "the text has %zu bytes; at most %u are read", s->len,
                    LIMIT_CONFIG_BYTES);
    if (s->len == 0)
        return fail(s->error, 0, "a configuration is one object: { \"version\": 1, ... }",
                    "the text is empty");
    if (json_explain_encoding(s->text, s->len, s->error))
        return false;
    skip_blanks(s);
    if (has_ended(s))
        return fail(s->error, 0, "a configuration is one object: { \"version\": 1, ... }",
                    "the text has nothing but blanks");
    if (!scan_value(s, JSON_NONE))
        return false;
    skip_blanks(s);
    return has_ended(s) || explain(s, JSON_EXPECT_END);
}

int json_scan(const char *text, size_t len, struct json_scan *ret_scan,
              struct json_error *ret_error)
{
    struct scanner counter = {.text = text, .len = len, .error = ret_error};
    struct scanner filler = counter;
    struct json_scan scan;
    int r;

    if (!scan_document(&counter))
        return -EINVAL;
    scan.n_nodes = counter.n_nodes;
    scan.nodes = calloc(scan.n_nodes, sizeof(*scan.nodes));
    if (!scan.nodes)
        return -ENOMEM;
    filler.nodes = scan.nodes;
    scan_document(&filler);
    r = json_mark_duplicates(&scan, text);
    if (r < 0) {
        json_scan_fini(&scan);
        return r;
    }
    *ret_scan = scan;
    return 0;
}
