/* SPDX-License-Identifier: ISC */
#include "ringspan/json_text.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_opening(char c)
{
    return c == '{' || c == '[';
}

static bool is_closing(char c)
{
    return c == '}' || c == ']';
}

static void skip_space(struct json_slice *rest)
{
    while (rest->len && is_space(*rest->text)) {
        rest->text++;
        rest->len--;
    }
}

/* Length of the string at the start of @slice, quotes included. */
static size_t string_len(struct json_slice slice)
{
    for (size_t i = 1; i < slice.len; i++) {
        if (slice.text[i] == '\\')
            i++;
        else if (slice.text[i] == '"')
            return i + 1;
    }
    return slice.len;
}

static struct json_slice tail(struct json_slice slice, size_t skip)
{
    return (struct json_slice){slice.text + skip, slice.len - skip};
}

static size_t container_len(struct json_slice slice)
{
    size_t depth = 0;
    size_t i = 0;

    while (i < slice.len) {
        char c = slice.text[i];

        if (c == '"') {
            i += string_len(tail(slice, i));
            continue;
        }
        i++;
        if (is_opening(c))
            depth++;
        else if (is_closing(c) && --depth == 0)
            return i;
    }
    return slice.len;
}

static size_t scalar_len(struct json_slice slice)
{
    size_t i = 0;

    while (i < slice.len && slice.text[i] != ',' && slice.text[i] != ':' &&
           !is_space(slice.text[i]) && !is_closing(slice.text[i]))
        i++;
    return i;
}

static struct json_slice cut_value(struct json_slice *rest)
{
    struct json_slice value = *rest;

    if (!rest->len)
        return value;
    if (*rest->text == '"')
        value.len = string_len(*rest);
    else if (is_opening(*rest->text))
        value.len = container_len(*rest);
    else
        value.len = scalar_len(*rest);
    *rest = tail(*rest, value.len);
    skip_space(rest);
    return value;
}

bool json_text_next(struct json_slice *rest, struct json_slice *ret_key,
                    struct json_slice *ret_value)
{
    struct json_slice key = {0};
    struct json_slice value;

    skip_space(rest);
    if (rest->len && *rest->text == ',')
        *rest = tail(*rest, 1);
    skip_space(rest);
    value = cut_value(rest);
    if (rest->len && *rest->text == ':') {
        key = value;
        *rest = tail(*rest, 1);
        skip_space(rest);
        value = cut_value(rest);
    }
    if (!value.len)
        return false;
    *ret_key = key;
    *ret_value = value;
    return true;
}

struct json_slice json_text_inside(struct json_slice value)
{
    if (value.len < 2 || !is_opening(value.text[0]))
        return (struct json_slice){0};
    return (struct json_slice){value.text + 1, value.len - 2};
}

bool json_text_member(struct json_slice object, const char *key, struct json_slice *ret_value)
{
    struct json_slice rest = json_text_inside(object);
    size_t key_len = strlen(key);
    struct json_slice name;
    struct json_slice value;

    while (json_text_next(&rest, &name, &value)) {
        if (name.len == key_len + 2 && !memcmp(name.text + 1, key, key_len)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static void new_line(size_t depth, FILE *stream)
{
    fprintf(stream, "\n%*s", (int)(4 * depth), "");
}

/* Length of the empty container at the start of @rest, else 0. */
static size_t empty_container_len(struct json_slice rest)
{
    struct json_slice inside = tail(rest, 1);

    if (!is_opening(*rest.text))
        return 0;
    skip_space(&inside);
    return inside.len && is_closing(*inside.text) ? rest.len - inside.len + 1 : 0;
}

static size_t token_len(struct json_slice rest)
{
    if (*rest.text == '"')
        return string_len(rest);
    if (is_opening(*rest.text) || is_closing(*rest.text) || strchr(",:", *rest.text))
        return 1;
    return scalar_len(rest);
}

void json_text_print_pretty(struct json_slice value, FILE *stream)
{
    size_t depth = 0;

    for (skip_space(&value); value.len; skip_space(&value)) {
        char c = *value.text;
        size_t empty_len = empty_container_len(value);
        size_t len = empty_len ? empty_len : token_len(value);

        if (is_closing(c) && depth)
            new_line(--depth, stream);
        if (empty_len)
            fprintf(stream, "%c%c", c, value.text[len - 1]);
        else
            fwrite(value.text, 1, len, stream);
        if (is_opening(c) && !empty_len)
            new_line(++depth, stream);
        else if (c == ',')
            new_line(depth, stream);
        else if (c == ':')
            fputc(' ', stream);
        value = tail(value, len);
    }
    fputc('\n', stream);
}
