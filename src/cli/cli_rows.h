/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CLI_ROWS_H
#define RINGSPAN_CLI_ROWS_H

#include <json-c/json_object.h>

#include "ringspan/json_text.h"
#include "ringspan/table.h"

/*
 * Rows of an answer, one at a time: the list may be long, a row is not.
 */

#define CLI_CELL_SIZE 256

/** Cuts the next row off the inside of an array and parses it. NULL at the end. Release with
 * json_object_put(). */
struct json_object *cli_next_row(struct json_slice *rest);
/** The field called @name, in any case; a dot leads into an object. NULL if it is null or absent.
 */
struct json_object *cli_field(struct json_object *row, const char *name);
/** For people: "-" for null, "yes" and "no", a list with commas. Long values are cut. */
void cli_format_cell(struct json_object *value, char ret_cell[CLI_CELL_SIZE]);
/** An integer field; 0 if absent. */
uint64_t cli_number(struct json_object *row, const char *name);
/** A string field; "-" if absent or null. */
const char *cli_string(struct json_object *row, const char *name);

/** Prints a table of the rows of an array, whose inside is @rest: @add puts a row into it, in as
 * many lines as it likes, and is false for want of memory. CLI_OK, or it has been said. */
int cli_print_table(const struct table_column *columns, uint32_t n_columns, struct json_slice rest,
                    bool (*add)(struct table *table, struct json_object *row, const void *arg),
                    const void *arg);

#endif
