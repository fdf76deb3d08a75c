/* SPDX-License-Identifier: ISC */
#include "json_nodes.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/json_scan.h"

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",           [JSON_BOOLEAN] = "a boolean",
        [JSON_INTEGER] = "a number",    [JSON_BIG_INTEGER] = "a number beyond 64 bits",
        [JSON_FRACTION] = "a fraction", [JSON_STRING] = "a string",
        [JSON_ARRAY] = "a list",        [JSON_OBJECT] = "an object",
    };
    static_assert(sizeof(names) / sizeof(names[0]) == JSON_OBJECT + 1, "every kind has a name");

    return names[kind];
}

uint32_t json_first_child(const struct json_scan *scan, uint32_t node)
{
    return scan->nodes[node].after > node + 1 ? node + 1 : JSON_NONE;
}

uint32_t json_next_child(const struct json_scan *scan, uint32_t parent, uint32_t node)
{
    uint32_t next = scan->nodes[node].after;

    return next < scan->nodes[parent].after ? next : JSON_NONE;
}

uint32_t json_n_children(const struct json_scan *scan, uint32_t node)
{
    uint32_t n = 0;

    for (uint32_t child = json_first_child(scan, node); child != JSON_NONE;
         child = json_next_child(scan, node, child))
        n++;
    return n;
}

uint32_t json_utf8(const char *text, size_t len, size_t at, uint32_t *ret_char)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = (uint8_t)text[at];
    uint32_t n = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? first : first & (0x7fu >> n);

    if (n == 0 || first > 0xf4 || len - at < n)
        return 0;
    for (uint32_t i = 1; i < n; i++) {
        if (((uint8_t)text[at + i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | ((uint8_t)text[at + i] & 0x3f);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret_char = c;
    return n;
}

struct json_position json_position(const char *text, size_t len, size_t offset)
{
    struct json_position position = {.line = 1, .column = 1, .line_start = 0};

    for (size_t i = 0; i < offset && i < len; i++) {
        if (text[i] == '\n') {
            position.line++;
            position.column = 1;
            position.line_start = i + 1;
        } else if (((uint8_t)text[i] & 0xc0) != 0x80) {
            position.column++;
        }
    }
    return position;
}

uint32_t json_hex4(const char *digits)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];

        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* Keys are compared as characters, so that "\u0061" and "a" are equal. The text has passed the
 * scan: escapes are whole and surrogates come in pairs. */

#define KEY_END UINT32_MAX

struct key_cursor {
    const char *text;
    size_t at;
};

static uint32_t next_escaped(struct key_cursor *cursor)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meaning[] = "\"\\/\b\f\n\r\t";
    const char *escape = cursor->text + cursor->at + 1;
    uint32_t high;

    if (*escape != 'u') {
        cursor->at += 2;
        return (uint8_t)meaning[strchr(plain, *escape) - plain];
    }
    cursor->at += 6;
    high = json_hex4(escape + 1);
    if (high < 0xd800 || high > 0xdfff)
        return high;
    cursor->at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (json_hex4(escape + 7) - 0xdc00);
}

static uint32_t next_char(struct key_cursor *cursor)
{
    uint32_t c = 0;

    if (cursor->text[cursor->at] == '"')
        return KEY_END;
    if (cursor->text[cursor->at] == '\\')
        return next_escaped(cursor);
    cursor->at += json_utf8(cursor->text, cursor->at + 4, cursor->at, &c);
    return c;
}

static int compare_keys(const char *text, uint32_t a, uint32_t b)
{
    struct key_cursor cursor_a = {.text = text, .at = (size_t)a + 1};
    struct key_cursor cursor_b = {.text = text, .at = (size_t)b + 1};
    uint32_t char_a;
    uint32_t char_b;

    do {
        char_a = next_char(&cursor_a);
        char_b = next_char(&cursor_b);
    } while (char_a == char_b && char_a != KEY_END);
    return char_a < char_b ? -1 : char_a > char_b;
}

static bool key_is(const char *text, const struct json_node *member, const char *key)
{
    struct key_cursor cursor = {.text = text, .at = (size_t)member->key + 1};

    while (*key && next_char(&cursor) == (uint8_t)*key)
        key++;
    return !*key && next_char(&cursor) == KEY_END;
}

uint32_t json_member(const struct json_scan *scan, const char *text, uint32_t node, const char *key)
{
    if (scan->nodes[node].kind != JSON_OBJECT)
        return JSON_NONE;
    for (uint32_t child = json_first_child(scan, node); child != JSON_NONE;
         child = json_next_child(scan, node, child)) {
        if (key_is(text, &scan->nodes[child], key))
            return child;
    }
    return JSON_NONE;
}

struct sort_context {
    const char *text;
    const struct json_node *nodes;
};

static int compare_members(const void *a, const void *b, void *arg)
{
    const struct sort_context *context = arg;
    uint32_t node_a = *(const uint32_t *)a;
    uint32_t node_b = *(const uint32_t *)b;
    int order = compare_keys(context->text, context->nodes[node_a].key, context->nodes[node_b].key);

    return order ? order : node_a < node_b ? -1 : 1;
}

static void mark_in_object(struct json_scan *scan, const char *text, uint32_t object,
                           uint32_t *scratch)
{
    struct sort_context context = {.text = text, .nodes = scan->nodes};
    uint32_t n = 0;

    for (uint32_t child = json_first_child(scan, object); child != JSON_NONE;
         child = json_next_child(scan, object, child))
        scratch[n++] = child;
    qsort_r(scratch, n, sizeof(*scratch), compare_members, &context);
    for (uint32_t i = 1; i < n; i++) {
        struct json_node *before = &scan->nodes[scratch[i - 1]];
        struct json_node *node = &scan->nodes[scratch[i]];

        if (compare_keys(text, before->key, node->key) != 0)
            continue;
        if (before->earlier == JSON_NONE)
            before->earlier = scratch[i - 1];
        node->earlier = before->earlier;
    }
}

int json_mark_duplicates(struct json_scan *scan, const char *text)
{
    uint32_t *scratch = calloc(scan->n_nodes, sizeof(*scratch));

    if (!scratch)
        return -ENOMEM;
    for (uint32_t i = 0; i < scan->n_nodes; i++) {
        if (scan->nodes[i].kind == JSON_OBJECT)
            mark_in_object(scan, text, i, scratch);
    }
    free(scratch);
    return 0;
}

void json_scan_fini(struct json_scan *scan)
{
    free(scan->nodes);
    scan->nodes = NULL;
    scan->n_nodes = 0;
}
