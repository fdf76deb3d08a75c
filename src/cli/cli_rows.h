/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CLI_ROWS_H
#define RINGSPAN_CLI_ROWS_H

#include <json-c/json_object.h>

#include "ringspan/json_text.h"

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

#endif
