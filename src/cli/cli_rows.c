/* SPDX-License-Identifier: ISC */
#include "cli_rows.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli_command.h"

#define FIELD_NAME_SIZE 32

struct json_object *cli_next_row(struct json_slice *rest)
{
    struct json_tokener *tokener;
    struct json_object *row;
    struct json_slice key;
    struct json_slice value;

    if (!json_text_next(rest, &key, &value))
        return NULL;
    tokener = json_tokener_new();
    if (!tokener)
        return NULL;
    row = json_tokener_parse_ex(tokener, value.text, (int)value.len);
    json_tokener_free(tokener);
    return row;
}

struct json_object *cli_field(struct json_object *row, const char *name)
{
    struct json_object *value = row;
    char key[FIELD_NAME_SIZE];
    size_t len = 0;

    for (;; name++) {
        if (*name && *name != '.') {
            if (len + 1 < sizeof(key))
                key[len++] = (char)tolower((unsigned char)*name);
            continue;
        }
        key[len] = '\0';
        if (!json_object_is_type(value, json_type_object) ||
            !json_object_object_get_ex(value, key, &value))
            return NULL;
        if (!*name)
            return value;
        len = 0;
    }
}

static void format_list(struct json_object *list, char ret_cell[CLI_CELL_SIZE])
{
    size_t len = 0;

    *ret_cell = '\0';
    for (size_t i = 0; i < json_object_array_length(list) && len < CLI_CELL_SIZE; i++)
        len += (size_t)snprintf(ret_cell + len, CLI_CELL_SIZE - len, "%s%s", i ? "," : "",
                                json_object_get_string(json_object_array_get_idx(list, i)));
    if (!len)
        strcpy(ret_cell, "-");
}

void cli_format_cell(struct json_object *value, char ret_cell[CLI_CELL_SIZE])
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        strcpy(ret_cell, "-");
        return;
    case json_type_boolean:
        strcpy(ret_cell, json_object_get_boolean(value) ? "yes" : "no");
        return;
    case json_type_array:
        format_list(value, ret_cell);
        return;
    case json_type_int:
    case json_type_double:
    case json_type_string:
    case json_type_object:
        snprintf(ret_cell, CLI_CELL_SIZE, "%s", json_object_get_string(value));
        if (!*ret_cell)
            strcpy(ret_cell, "-");
        return;
    }
}

uint64_t cli_number(struct json_object *row, const char *name)
{
    return json_object_get_uint64(cli_field(row, name));
}

const char *cli_string(struct json_object *row, const char *name)
{
    const char *string = json_object_get_string(cli_field(row, name));

    return string ? string : "-";
}

int cli_print_table(const struct table_column *columns, uint32_t n_columns, struct json_slice rest,
                    bool (*add)(struct table *table, struct json_object *row, const void *arg),
                    const void *arg)
{
    struct table *table = table_new(columns, n_columns);
    struct json_object *row;
    bool ok = table != NULL;

    while (ok && (row = cli_next_row(&rest))) {
        ok = add(table, row, arg);
        json_object_put(row);
    }
    if (ok)
        table_print(table, stdout);
    table_free(table);
    return ok ? CLI_OK : cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}
