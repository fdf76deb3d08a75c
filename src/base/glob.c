/* SPDX-License-Identifier: ISC */
#include "ringspan/glob.h"

#include <string.h>

/* Of "[…]", with the pattern's place behind the '['. */
struct class
{
    const char *end; /* behind the ']'; NULL if there is none */
    bool has;        /* the byte that was asked for */
    bool is_reversed;
};

static struct class read_class(const char *at, unsigned char byte)
{
    bool is_negated = *at == '!' || *at == '^';
    const char *first = is_negated ? at + 1 : at;
    struct class class = {.has = is_negated};

    for (at = first; *at && (*at != ']' || at == first); at++) {
        unsigned char low = (unsigned char)*at;
        unsigned char high = low;

        if (at[1] == '-' && at[2] && at[2] != ']') {
            at += 2;
            high = (unsigned char)*at;
        }
        class.is_reversed |= low > high;
        if (low <= byte && byte <= high)
            class.has = !is_negated;
    }
    if (*at == ']')
        class.end = at + 1;
    return class;
}

/* The pattern's place behind what stands for one byte, if that can be @byte; else NULL. */
static const char *match_byte(const char *pattern, unsigned char byte)
{
    struct class class;

    if (*pattern == '?')
        return pattern + 1;
    if (*pattern != '[')
        return (unsigned char)*pattern == byte ? pattern + 1 : NULL;
    class = read_class(pattern + 1, byte);
    return class.has ? class.end : NULL;
}

/* A star first stands for nothing, and for one byte more each time that the rest does not match.
 * Only the last star can be wrong about that: what an earlier one gave away could have gone to it.
 */
bool glob_matches(const char *pattern, const char *name)
{
    const char *behind_star = NULL;
    const char *next_try = NULL;

    while (*name) {
        const char *next = match_byte(pattern, (unsigned char)*name);

        if (*pattern == '*') {
            behind_star = ++pattern;
            next_try = name + 1;
        } else if (next) {
            pattern = next;
            name++;
        } else if (behind_star) {
            pattern = behind_star;
            name = next_try++;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

const char *glob_complain(const char *pattern)
{
    while ((pattern = strchr(pattern, '['))) {
        struct class class = read_class(pattern + 1, 0);

        if (!class.end)
            return "has a '[' without its ']'";
        if (class.is_reversed)
            return "has a range that ends before it begins";
        pattern = class.end;
    }
    return NULL;
}

bool glob_has_wildcard(const char *pattern)
{
    return strpbrk(pattern, "*?[") != NULL;
}

size_t glob_shortest(const char *pattern)
{
    size_t n = 0;

    while (*pattern) {
        const char *end = *pattern == '[' ? read_class(pattern + 1, 0).end : NULL;

        n += *pattern != '*';
        pattern = end ? end : pattern + 1;
    }
    return n;
}
