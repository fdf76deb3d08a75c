/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CONFIG_PRINT_H
#define RINGSPAN_CONFIG_PRINT_H

#include "ringspan/config.h"
#include "ringspan/json_writer.h"

/*
 * Config print: a configuration as a document that config_parse() takes, and makes the same value
 * of. It is written by the table of keys (config_keys.h), in the table's order.
 *
 * Every key that applies is there, those that the file left to their defaults included, except for
 * text that has no default: a description, the control socket, the group. A port that has none of
 * what the defaults say has null there. $schema is gone: the parser checks it and forgets it.
 */

/** Writes @config as one JSON value. */
void config_print(struct json_writer *writer, const struct config *config);

#endif
