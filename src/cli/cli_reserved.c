/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "ringspan/table.h"

/* port show -s: what became of frames to reserved addresses, a row per port and protocol. */

static const struct table_column columns[] = {
    {"PORT", false},     {"PROTOCOL", false}, {"POLICY", false},
    {"FORWARDED", true}, {"DROPPED", true},   {"CONSUMED", true},
};

static bool add_protocol(struct table *table, struct json_object *row, const char *protocol,
                         struct json_object *counters)
{
    return table_add(table, cli_string(row, "name")) && table_add(table, protocol) &&
           table_add(table, cli_string(counters, "policy")) &&
           table_add(table, cli_string(counters, "forwarded")) &&
           table_add(table, cli_string(counters, "dropped")) &&
           table_add(table, cli_string(counters, "consumed"));
}

static bool add_port(struct table *table, struct json_object *row)
{
    struct json_object *reserved = cli_field(row, "reserved");
    struct json_object_iterator at;
    struct json_object_iterator end;
    bool ok = true;

    if (!json_object_is_type(reserved, json_type_object))
        return true;
    at = json_object_iter_begin(reserved);
    end = json_object_iter_end(reserved);
    for (; ok && !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
        ok = add_protocol(table, row, json_object_iter_peek_name(&at),
                          json_object_iter_peek_value(&at));
    return ok;
}

int cli_print_reserved(struct json_slice ports)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(*columns));
    struct json_slice rest = json_text_inside(ports);
    struct json_object *row;
    bool ok = table != NULL;

    while (ok && (row = cli_next_row(&rest))) {
        ok = add_port(table, row);
        json_object_put(row);
    }
    if (ok)
        table_print(table, stdout);
    table_free(table);
    return ok ? CLI_OK : cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}
