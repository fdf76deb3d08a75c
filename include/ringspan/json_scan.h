/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_JSON_SCAN_H
#define RINGSPAN_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Json scan: is this text JSON, and where in it is everything?
 *
 * json-c builds trees, but it is a lenient reader: it takes the last of two equal keys, clamps
 * integers, cuts keys at \u0000, accepts 'quotes' and NaN, and does not know what stood where. The
 * scan goes first. It accepts RFC 8259 to the letter, and less in three places:
 *
 *   - the text is at most LIMIT_CONFIG_BYTES long, LIMIT_CONFIG_DEPTH deep and has at most
 *     LIMIT_CONFIG_NODES values;
 *   - no string or key contains U+0000;
 *   - there is no byte order mark (which the RFC lets a reader ignore).
 *
 * It passes over the text twice: the first pass checks everything and allocates nothing, the
 * second fills in a table of exactly the size that the first one counted.
 *
 * The table has a node for every value, in the order of the text, so a node's first child, if it
 * has children, is the node behind it, and `after` leads on past its last one. Whoever walks
 * json-c's tree in this order has the position of each value beside it. One complication: json-c
 * keeps one of the members with equal keys. The scan does not refuse them, so that they can be
 * reported with all other errors, but marks them; a walker must step over all but the first.
 *
 * Positions are offsets in bytes; json_position() turns them into what editors show. Everything
 * here is pure and may be called from any thread.
 */

enum json_kind {
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_INTEGER,
    JSON_BIG_INTEGER, /* one that does not fit int64_t: json-c would clamp it */
    JSON_FRACTION,    /* a number with a point or an exponent */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

#define JSON_NONE UINT32_MAX

struct json_node {
    uint32_t start;   /* of the value's first byte */
    uint32_t end;     /* just behind its last byte */
    uint32_t key;     /* of the quote that opens its key; JSON_NONE outside of objects */
    uint32_t after;   /* index of the first node that is not inside of this one */
    uint32_t earlier; /* index of the first member with the same key: its own if later ones follow,
                       * JSON_NONE if there is no other */
    enum json_kind kind;
};

struct json_scan {
    struct json_node *nodes; /* [0] is the document */
    uint32_t n_nodes;
};

#define JSON_MESSAGE_SIZE 160

struct json_error {
    size_t offset; /* at most the length of the text */
    char message[JSON_MESSAGE_SIZE];
    char hint[JSON_MESSAGE_SIZE]; /* what to do about it, or "" */
};

/** 0 and a table (release with json_scan_fini()); -EINVAL and the first error in @ret_error; or
 * -ENOMEM. @text need not end in NUL. */
int json_scan(const char *text, size_t len, struct json_scan *ret_scan,
              struct json_error *ret_error);
void json_scan_fini(struct json_scan *scan);

/** "an object", "a string", … */
const char *json_kind_name(enum json_kind kind);

/** The first child of @node, or JSON_NONE. */
uint32_t json_first_child(const struct json_scan *scan, uint32_t node);
/** The child of @parent that follows its child @node, or JSON_NONE. */
uint32_t json_next_child(const struct json_scan *scan, uint32_t parent, uint32_t node);
uint32_t json_n_children(const struct json_scan *scan, uint32_t node);
/** The first member of @node whose key is @key (in ASCII); JSON_NONE if there is none, or if @node
 * is no object. */
uint32_t json_member(const struct json_scan *scan, const char *text, uint32_t node,
                     const char *key);

struct json_position {
    uint32_t line;   /* from 1 */
    uint32_t column; /* in characters, from 1 */
    size_t line_start;
};

struct json_position json_position(const char *text, size_t len, size_t offset);

/** Reads one character of the UTF-8 text at @at < @len and returns its length in bytes: 1 to 4, or
 * 0 if it is not valid (overlong, a surrogate, above U+10FFFF, or cut off). */
uint32_t json_utf8(const char *text, size_t len, size_t at, uint32_t *ret_char);

#endif
