/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CONFIG_SCHEMA_H
#define RINGSPAN_CONFIG_SCHEMA_H

#include "ringspan/json_writer.h"

/*
 * Config schema: the table of keys (config_keys.h) as a JSON Schema, draft-07, for editors.
 *
 * It refuses what the parser refuses, as far as a schema can say it. It cannot say: which keys go
 * with which type of port, that names are unique, that a key stands once, that brackets of a
 * pattern are closed, that 300.0 is no integer,
 * that a length is one of bytes, and which characters contain the byte 0xA0. What the parser takes,
 * the schema takes.
 */

/** Writes the schema as one JSON value. */
void config_schema_write(struct json_writer *writer);

#endif
