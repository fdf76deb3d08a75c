/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_JSON_TEXT_H
#define RINGSPAN_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * JSON text: walking JSON without building a tree.
 *
 * An answer may list a million addresses. The command-line tool cuts it into rows and parses one
 * row at a time, or prints it as it came. This is a cutter, not a validator: the text comes from
 * our own daemon, and text that is not JSON merely ends the walk early. It never reads outside of
 * the slice.
 */

struct json_slice {
    const char *text;
    size_t len;
};

/** Cuts the next value off @rest, an array's or object's inside; false at its end. @ret_key is the
 * key with its quotes, or empty inside an array. */
bool json_text_next(struct json_slice *rest, struct json_slice *ret_key,
                    struct json_slice *ret_value);
/** The inside of the array or object @value; empty if it is neither. */
struct json_slice json_text_inside(struct json_slice value);
/** The value of member @key of @object; false if there is none. */
bool json_text_member(struct json_slice object, const char *key, struct json_slice *ret_value);

/** Prints @value with line breaks and four spaces per level. */
void json_text_print_pretty(struct json_slice value, FILE *stream);

#endif
