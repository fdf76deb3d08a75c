/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CLI_EXPLAIN_H
#define RINGSPAN_CLI_EXPLAIN_H

#include <stdbool.h>

#include "ringspan/json_text.h"
#include "ringspan/table.h"

/*
 * Explanations for people: one in full, or many with a row each.
 */

/** Prints one answer of the method `explain`. False if there is no memory. */
bool cli_print_explanation(struct json_slice explanation);

/** The columns of a table of many, or NULL if there is no memory. */
struct table *cli_new_explanations(void);
/** Adds a row to it. False if there is no memory. */
bool cli_add_explanation(struct table *table, uint64_t frame, struct json_slice explanation);

#endif
