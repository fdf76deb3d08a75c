/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CONFIG_SCHEMA_H
#define RINGSPAN_CONFIG_SCHEMA_H

#include "ringspan/json_writer.h"

/*
 * Config schema: the table of keys (config_keys.h) as a JSON Schema, draft-07, for editors.
 *
 * It refuses what the parser refuses, as far as a schema can say it. It cannot say
 *   - which keys go with which type of port, mode of a bridge or VLAN mode of a port;
 *   - what VLANs ask of each other: that a range does not run backwards, that translations are one
 *     to one and of VLANs that the port has, that a static entry's port is in its VLAN;
 *   - that no output of a mirror is its source;
 *   - that names are unique or those of something that there is, that an interface is used once,
 *     that an address has one static entry, that a key stands once;
 *   - how many ports there are in all, and static entries beside max_entries;
 *   - that a limit's burst is in the unit of its rate;
 *   - that brackets of a pattern are closed and that a name can match it, that 300.0 is no integer,
 *     that a length is one of bytes, and which characters contain the byte 0xA0.
 * What the parser takes, the schema takes.
 */

/** Writes the schema as one JSON value. */
void config_schema_write(struct json_writer *writer);

#endif
