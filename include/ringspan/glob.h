/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_GLOB_H
#define RINGSPAN_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Glob: patterns for names, as a shell has them for files.
 *
 *   *         any bytes, none included
 *   ?         one byte
 *   [abc]     one of these bytes; [a-z] a range; [!a-z] or [^a-z] any other byte
 *   the rest  itself
 *
 * Within brackets a ']' that comes first is a byte like others, and so is a '-' that comes first
 * or last. Nothing escapes: a star in brackets, [*], is a star. A pattern is for the whole name.
 *
 * fnmatch(3) would do for matching, but it takes "[ab" for three letters, and what is a mistake
 * should be one. Its classes ([[:alpha:]]) and its locale are no loss for names of interfaces.
 */

/** NULL, or what is wrong with @pattern: "has …". */
const char *glob_complain(const char *pattern);
/** False for all names if glob_complain() complains of its brackets. Time is at most proportional
 * to the product of the lengths. */
bool glob_matches(const char *pattern, const char *name);
/** Without one, the pattern is a name. */
bool glob_has_wildcard(const char *pattern);
/** The bytes of the shortest name that can match. */
size_t glob_shortest(const char *pattern);

#endif
