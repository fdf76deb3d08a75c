/* SPDX-License-Identifier: ISC */
#include "json_explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is shown of a word of the text. */
#define WORD_MAX 32

struct sentence {
    const char *start;
    const char *message;
    const char *hint;
};

/* Wherever one of these stands outside of a string, it is the mistake. */
static const struct sentence anywhere[] = {
    {"//", "JSON has no comments", "a \"description\" key is legal in every object"},
    {"/*", "JSON has no comments", "a \"description\" key is legal in every object"},
    {"#", "JSON has no comments", "a \"description\" key is legal in every object"},
    {"'", "JSON has no single quotes", "write keys and strings in double quotes"},
    {"`", "JSON has no backquotes", "write keys and strings in double quotes"},
    {"\u201c", "this is a typographic quote", "write keys and strings in plain double quotes"},
    {"\u201d", "this is a typographic quote", "write keys and strings in plain double quotes"},
    {"\u201e", "this is a typographic quote", "write keys and strings in plain double quotes"},
    {"\u2018", "this is a typographic quote", "write keys and strings in plain double quotes"},
    {"\u2019", "this is a typographic quote", "write keys and strings in plain double quotes"},
    {"\u00a0", "a no-break space is no blank in JSON", "replace it with an ordinary space"},
    {"\ufeff", "a byte order mark stands inside of the text", "remove it"},
};

/* Words that are values in other languages. */
static const struct sentence words[] = {
    {"NaN", "JSON has no NaN", NULL},
    {"nan", "JSON has no NaN", NULL},
    {"Infinity", "JSON has no Infinity", NULL},
    {"-Infinity", "JSON has no Infinity", NULL},
    {"inf", "JSON has no Infinity", NULL},
    {"-inf", "JSON has no Infinity", NULL},
    {"True", "JSON is case-sensitive", "did you mean true?"},
    {"TRUE", "JSON is case-sensitive", "did you mean true?"},
    {"yes", "JSON has no 'yes'", "did you mean true?"},
    {"on", "JSON has no 'on'", "did you mean true?"},
    {"False", "JSON is case-sensitive", "did you mean false?"},
    {"FALSE", "JSON is case-sensitive", "did you mean false?"},
    {"no", "JSON has no 'no'", "did you mean false?"},
    {"off", "JSON has no 'off'", "did you mean false?"},
    {"Null", "JSON is case-sensitive", "did you mean null?"},
    {"NULL", "JSON is case-sensitive", "did you mean null?"},
    {"None", "JSON has no None", "leave the key out"},
    {"undefined", "JSON has no undefined", "leave the key out"},
};

void json_error_set(struct json_error *ret_error, size_t offset, const char *hint,
                    const char *format, ...)
{
    va_list args;

    ret_error->offset = offset;
    va_start(args, format);
    vsnprintf(ret_error->message, sizeof(ret_error->message), format, args);
    va_end(args);
    snprintf(ret_error->hint, sizeof(ret_error->hint), "%s", hint ? hint : "");
}

static bool begins_with(const char *text, size_t len, size_t at, const char *start)
{
    size_t n = strlen(start);

    return len - at >= n && memcmp(text + at, start, n) == 0;
}

bool json_is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '$' || c == '.' || c == '+';
}

/* The word at @at, of letters, digits and @more, cut to what is shown of one; "" if there is none.
 */
static void word_at(const char *text, size_t len, size_t at, const char *more,
                    char ret_word[WORD_MAX + 1])
{
    size_t n = 0;

    while (n < WORD_MAX && at + n < len && text[at + n] &&
           (json_is_word_char(text[at + n]) || strchr(more, text[at + n])))
        n++;
    memcpy(ret_word, text + at, n);
    ret_word[n] = '\0';
}

static bool explain_anywhere(const char *text, size_t len, size_t at, struct json_error *ret_error)
{
    for (size_t i = 0; i < sizeof(anywhere) / sizeof(anywhere[0]); i++) {
        if (begins_with(text, len, at, anywhere[i].start)) {
            json_error_set(ret_error, at, anywhere[i].hint, "%s", anywhere[i].message);
            return true;
        }
    }
    return false;
}

/* The character at @at, as something that is safe to show. */
static void explain_character(const char *text, size_t len, size_t at, const char *why,
                              struct json_error *ret_error)
{
    uint32_t c;

    if (!json_utf8(text, len, at, &c))
        json_explain_utf8(text, at, ret_error);
    else if (c > ' ' && c < 0x7f)
        json_error_set(ret_error, at, NULL, "'%c' stands %s", (char)c, why);
    else
        json_error_set(ret_error, at, NULL, "the character U+%04X stands %s", c, why);
}

static void explain_value(const char *text, size_t len, size_t at, struct json_error *ret_error)
{
    char word[WORD_MAX + 1];

    word_at(text, len, at, "", word);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].start) == 0) {
            json_error_set(ret_error, at, words[i].hint, "%s", words[i].message);
            return;
        }
    }
    if (word[0] == '+')
        json_error_set(ret_error, at, "leave the '+' out", "a number does not begin with '+'");
    else if (word[0] == '.')
        json_error_set(ret_error, at, "write a 0 before it", "a number does not begin with '.'");
    else if (word[0] == '-')
        json_error_set(ret_error, at, NULL, "a digit is missing behind '-'");
    else if (word[0])
        json_error_set(ret_error, at, "strings are written in double quotes", "'%s' is no value",
                       word);
    else if (strchr(",:]}", text[at]))
        json_error_set(ret_error, at, NULL, "a value is missing before '%c'", text[at]);
    else
        explain_character(text, len, at, "where a value should be", ret_error);
}

static void explain_key(const char *text, size_t len, size_t at, struct json_error *ret_error)
{
    char word[WORD_MAX + 1];
    char hint[WORD_MAX + 16];

    word_at(text, len, at, "", word);
    snprintf(hint, sizeof(hint), "write \"%s\"", word);
    if (word[0])
        json_error_set(ret_error, at, hint, "keys are written in double quotes");
    else if (strchr(",:", text[at]))
        json_error_set(ret_error, at, NULL, "a key is missing before '%c'", text[at]);
    else if (strchr("{[", text[at]))
        json_error_set(ret_error, at, "in an object every value has a key",
                       "a key is missing before '%c'", text[at]);
    else
        explain_character(text, len, at, "where a key should be", ret_error);
}

static void explain_colon(const char *text, size_t len, size_t at, struct json_error *ret_error)
{
    if (strchr(",]}", text[at]))
        json_error_set(ret_error, at, "write \"key\": value", "this key has no value");
    else if (strchr("=", text[at]))
        json_error_set(ret_error, at, "write \"key\": value", "'=' stands where ':' should be");
    else if (json_is_word_char(text[at]) || strchr("\"{[", text[at]))
        json_error_set(ret_error, at, "write \"key\": value",
                       "a ':' is missing between a key and its value");
    else
        explain_character(text, len, at, "where ':' should be", ret_error);
}

static void explain_comma(const char *text, size_t len, size_t at, struct json_error *ret_error)
{
    if (json_is_word_char(text[at]) || strchr("\"{[", text[at]))
        json_error_set(ret_error, at, NULL, "a ',' is missing before this");
    else if (strchr("]}", text[at]))
        json_error_set(ret_error, at, NULL, "'%c' closes what '%c' opened", text[at],
                       text[at] == ']' ? '{' : '[');
    else
        explain_character(text, len, at, "where ',' or the end should be", ret_error);
}

static void explain_end(const char *text, size_t at, struct json_error *ret_error)
{
    if (strchr("]}", text[at]))
        json_error_set(ret_error, at, NULL, "'%c' closes nothing", text[at]);
    else
        json_error_set(ret_error, at, "a configuration is one object",
                       "something follows the end of the document");
}

void json_explain(const char *text, size_t len, size_t at, enum json_expected expected,
                  struct json_error *ret_error)
{
    if (text[at] == '\0') {
        json_error_set(ret_error, at, NULL, "a NUL byte stands in the text");
        return;
    }
    if (explain_anywhere(text, len, at, ret_error))
        return;
    switch (expected) {
    case JSON_EXPECT_VALUE:
        explain_value(text, len, at, ret_error);
        break;
    case JSON_EXPECT_KEY:
        explain_key(text, len, at, ret_error);
        break;
    case JSON_EXPECT_COLON:
        explain_colon(text, len, at, ret_error);
        break;
    case JSON_EXPECT_COMMA:
        explain_comma(text, len, at, ret_error);
        break;
    case JSON_EXPECT_END:
        explain_end(text, at, ret_error);
        break;
    }
}

void json_explain_escape(const char *text, size_t len, size_t at, struct json_error *ret_error)
{
    uint32_t c;

    if (at + 1 < len && text[at + 1] == 'u')
        json_error_set(ret_error, at, NULL, "'\\u' is followed by four hexadecimal digits");
    else if (at + 1 < len && json_utf8(text, len, at + 1, &c) == 1 && c > ' ' && c < 0x7f)
        json_error_set(ret_error, at, "a backslash itself is written \\\\",
                       "JSON has no escape '\\%c'", (char)c);
    else
        json_error_set(ret_error, at, "a backslash itself is written \\\\",
                       "nothing that JSON knows follows the backslash");
}

void json_explain_number(const char *text, size_t len, size_t start, size_t at,
                         struct json_error *ret_error)
{
    char word[WORD_MAX + 1];
    char hint[WORD_MAX + 32];
    char last = text[at - 1];

    word_at(text, len, start, ":%/", word);
    snprintf(hint, sizeof(hint), "if it is text, write \"%s\"", word);
    if (text[at] == 'x' || text[at] == 'X' || text[at] == 'o' || text[at] == 'b')
        json_error_set(ret_error, start, "write it as a decimal number",
                       "JSON has only decimal numbers");
    else if (text[at] == '_')
        json_error_set(ret_error, start, "write the digits without '_'",
                       "JSON does not group digits");
    else if (last == '0' && text[at] >= '0' && text[at] <= '9')
        json_error_set(ret_error, start, hint, "a number has no leading zeros");
    else
        json_error_set(ret_error, start, hint, "'%s' is no number", word);
}

void json_explain_utf8(const char *text, size_t at, struct json_error *ret_error)
{
    json_error_set(ret_error, at, "save the file as UTF-8", "the byte 0x%02X is not UTF-8 here",
                   (unsigned char)text[at]);
}

bool json_explain_encoding(const char *text, size_t len, struct json_error *ret_error)
{
    bool is_utf16 = begins_with(text, len, 0, "\xff\xfe") || begins_with(text, len, 0, "\xfe\xff");

    if (is_utf16)
        json_error_set(ret_error, 0, "save the file as UTF-8", "the text is UTF-16");
    else if (begins_with(text, len, 0, "\ufeff"))
        json_error_set(ret_error, 0, "save the file without it (\"UTF-8\", not \"UTF-8 with BOM\")",
                       "the text begins with a byte order mark");
    else if (begins_with(text, len, 0, "\x1f\x8b"))
        json_error_set(ret_error, 0, NULL, "the file is compressed");
    else
        return false;
    return true;
}
