/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_TABLE_H
#define RINGSPAN_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Table: text in columns, for people.
 *
 * Cells are collected first, because a column is as wide as its widest cell, and printed by
 * table_print(). The last column is not padded. Widths count characters, not bytes; what is not
 * printable (an interface's name may hold an escape sequence) is shown as '?'.
 */

struct table_column {
    const char *title;
    bool is_number; /* aligned to the right */
};

struct table;

/** @columns outlives the table. NULL if there is no memory. Release with table_free(). */
struct table *table_new(const struct table_column *columns, uint32_t n_columns);
void table_free(struct table *table);

/** Fills the next cell, row by row. False if there is no memory. */
bool table_add(struct table *table, const char *text);
bool table_is_empty(const struct table *table);
/** Titles and rows; nothing at all if there are no rows. */
void table_print(const struct table *table, FILE *stream);

#endif
