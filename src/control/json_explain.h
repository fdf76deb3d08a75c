/* SPDX-License-Identifier: ISC */
#ifndef JSON_EXPLAIN_H
#define JSON_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "ringspan/json_scan.h"

/*
 * Json explain: the scan's sentences about text that is not JSON. It looks at what stands there,
 * because the people who write it have Python, JavaScript, YAML or C in their fingers.
 */

enum json_expected {
    JSON_EXPECT_VALUE,
    JSON_EXPECT_KEY,
    JSON_EXPECT_COLON,
    JSON_EXPECT_COMMA,
    JSON_EXPECT_END,
};

/** Says in @ret_error why the character at @at < @len cannot stand where @expected should. */
void json_explain(const char *text, size_t len, size_t at, enum json_expected expected,
                  struct json_error *ret_error);
/** Says in @ret_error why the escape whose backslash is at @at is none. */
void json_explain_escape(const char *text, size_t len, size_t at, struct json_error *ret_error);
/** Says in @ret_error what is wrong behind a number that began at @start and seemed to end at @at.
 */
void json_explain_number(const char *text, size_t len, size_t start, size_t at,
                         struct json_error *ret_error);
/** Says in @ret_error which bytes at @at are not UTF-8. */
void json_explain_utf8(const char *text, size_t at, struct json_error *ret_error);
/** True, and *ret_error says why, if the text begins like a file that is not UTF-8 text. */
bool json_explain_encoding(const char *text, size_t len, struct json_error *ret_error);

/** What words and numbers are made of, ours and those of other languages. */
bool json_is_word_char(char c);
/** Fills in *ret_error; a NULL @hint is none. */
void json_error_set(struct json_error *ret_error, size_t offset, const char *hint,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
