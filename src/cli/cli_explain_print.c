/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli_explain.h"
#include "cli_rows.h"

static struct json_object *parse(struct json_slice text)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *value = NULL;

    if (tokener)
        value = json_tokener_parse_ex(tokener, text.text, (int)text.len);
    json_tokener_free(tokener);
    return value;
}

/* "0x8100:10", with a priority "0x8100:10/5", one behind the other. */
static const char *format_tags(struct json_object *row, char ret_text[CLI_CELL_SIZE])
{
    struct json_object *tags = cli_field(row, "tags");
    size_t n = json_object_is_type(tags, json_type_array) ? json_object_array_length(tags) : 0;
    size_t len = 0;

    strcpy(ret_text, n > 0 ? "" : "-");
    for (size_t i = 0; i < n && len < CLI_CELL_SIZE; i++) {
        struct json_object *tag = json_object_array_get_idx(tags, i);
        const char *pcp = cli_string(tag, "pcp");

        len += (size_t)snprintf(ret_text + len, CLI_CELL_SIZE - len, "%s%s:%s%s%s", i ? " " : "",
                                cli_string(tag, "ethertype"), cli_string(tag, "vlan"),
                                strcmp(pcp, "0") ? "/" : "", strcmp(pcp, "0") ? pcp : "");
    }
    return ret_text;
}

/* Rows of the list called @name, made by @add. */
static bool print_list(struct json_object *explanation, const char *name,
                       const struct table_column *columns, uint32_t n_columns,
                       bool (*add)(struct table *table, struct json_object *row))
{
    struct json_object *list = cli_field(explanation, name);
    struct table *table = table_new(columns, n_columns);
    bool ok = table != NULL;

    if (!json_object_is_type(list, json_type_array))
        list = NULL;
    for (size_t i = 0; ok && list && i < json_object_array_length(list); i++)
        ok = add(table, json_object_array_get_idx(list, i));
    if (ok && !table_is_empty(table)) {
        fputc('\n', stdout);
        table_print(table, stdout);
    }
    table_free(table);
    return ok;
}

static bool add_step(struct table *table, struct json_object *row)
{
    return table_add(table, cli_string(row, "step")) &&
           table_add(table, cli_string(row, "outcome")) &&
           table_add(table, cli_string(row, "text"));
}

static bool add_copy(struct table *table, struct json_object *row)
{
    char tags[CLI_CELL_SIZE];
    char what[CLI_CELL_SIZE];
    const char *reason = cli_string(row, "reason");

    if (strcmp(reason, "-") == 0)
        snprintf(what, sizeof(what), "sent");
    else
        snprintf(what, sizeof(what), "dropped, %s: %s", reason, cli_string(row, "sentence"));
    return table_add(table, cli_string(row, "port")) &&
           table_add(table, cli_string(row, "ifname")) &&
           table_add(table, format_tags(row, tags)) &&
           table_add(table, cli_string(row, "tagging")) &&
           table_add(table, cli_string(row, "size")) && table_add(table, cli_string(row, "mtu")) &&
           table_add(table, what);
}

static bool add_mirrored(struct table *table, struct json_object *row)
{
    char tags[CLI_CELL_SIZE];
    char seen[CLI_CELL_SIZE];
    char what[CLI_CELL_SIZE];
    const char *at = cli_string(row, "seen_at");
    const char *port = cli_string(row, "port");
    const char *reason = cli_string(row, "reason");

    snprintf(seen, sizeof(seen), "%s%s%s", cli_string(row, "direction"), *at == '-' ? "" : " of ",
             *at == '-' ? "" : at);
    if (strcmp(port, "-") == 0)
        snprintf(what, sizeof(what), "dropped: its output is not forwarding");
    else if (strcmp(reason, "-") == 0)
        snprintf(what, sizeof(what), "sent");
    else
        snprintf(what, sizeof(what), "dropped, %s: %s", reason, cli_string(row, "sentence"));
    return table_add(table, cli_string(row, "mirror")) && table_add(table, seen) &&
           table_add(table, port) && table_add(table, format_tags(row, tags)) &&
           table_add(table, cli_string(row, "size")) && table_add(table, what);
}

static bool add_excluded(struct table *table, struct json_object *row)
{
    return table_add(table, cli_string(row, "port")) &&
           table_add(table, cli_string(row, "ifname")) &&
           table_add(table, cli_string(row, "state")) &&
           table_add(table, cli_string(row, "reason"));
}

static bool add_frame(struct table *table, struct json_object *row)
{
    char tags[CLI_CELL_SIZE];

    return table_add(table, cli_string(row, "port")) &&
           table_add(table, cli_string(row, "master")) &&
           table_add(table, cli_string(row, "dst")) && table_add(table, cli_string(row, "src")) &&
           table_add(table, cli_string(row, "ethertype")) &&
           table_add(table, format_tags(row, tags)) && table_add(table, cli_string(row, "size"));
}

static bool print_frame(struct json_object *explanation)
{
    static const struct table_column columns[] = {
        {"PORT", false},      {"MASTER", false}, {"DST", false}, {"SRC", false},
        {"ETHERTYPE", false}, {"TAGS", false},   {"SIZE", true}};
    struct table *table = table_new(columns, sizeof(columns) / sizeof(*columns));
    bool ok = table && add_frame(table, explanation);

    if (ok)
        table_print(table, stdout);
    table_free(table);
    return ok;
}

static void print_verdict(struct json_object *explanation)
{
    const char *reason = cli_string(explanation, "reason");

    printf("\n%s", cli_string(explanation, "verdict"));
    if (strcmp(reason, "-") != 0)
        printf(", %s: %s", reason, cli_string(explanation, "sentence"));
    fputc('\n', stdout);
}

bool cli_print_explanation(struct json_slice text)
{
    static const struct table_column steps[] = {
        {"STEP", false}, {"OUTCOME", false}, {"WHY", false}};
    static const struct table_column copies[] = {
        {"EGRESS", false}, {"IFNAME", false}, {"TAGS", false},   {"TAGGING", false},
        {"SIZE", true},    {"MTU", true},     {"OUTCOME", false}};
    static const struct table_column mirrors[] = {{"MIRROR", false},      {"SEEN", false},
                                                  {"MIRRORED TO", false}, {"TAGS", false},
                                                  {"SIZE", true},         {"OUTCOME", false}};
    static const struct table_column excluded[] = {
        {"EXCLUDED", false}, {"IFNAME", false}, {"STATE", false}, {"REASON", false}};
    struct json_object *explanation = parse(text);
    bool ok = explanation && print_frame(explanation) &&
              print_list(explanation, "steps", steps, 3, add_step);

    if (ok) {
        print_verdict(explanation);
        ok = print_list(explanation, "egress", copies, 7, add_copy) &&
             print_list(explanation, "mirrors", mirrors, 6, add_mirrored) &&
             print_list(explanation, "excluded", excluded, 4, add_excluded);
    }
    json_object_put(explanation);
    return ok;
}

struct table *cli_new_explanations(void)
{
    static const struct table_column columns[] = {
        {"FRAME", true}, {"DST", false},     {"SRC", false},    {"TAGS", false},
        {"SIZE", true},  {"VERDICT", false}, {"REASON", false}, {"EGRESS", false}};

    return table_new(columns, sizeof(columns) / sizeof(*columns));
}

/* The ports, and for those that refuse it why. */
static void format_egress(struct json_object *explanation, char ret_text[CLI_CELL_SIZE])
{
    struct json_object *list = cli_field(explanation, "egress");
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    size_t len = 0;

    strcpy(ret_text, n > 0 ? "" : "-");
    for (size_t i = 0; i < n && len < CLI_CELL_SIZE; i++) {
        struct json_object *copy = json_object_array_get_idx(list, i);
        const char *reason = cli_string(copy, "reason");
        bool is_sent = strcmp(reason, "-") == 0;

        len += (size_t)snprintf(ret_text + len, CLI_CELL_SIZE - len, "%s%s%s%s%s", i ? " " : "",
                                cli_string(copy, "port"), is_sent ? "" : "(", is_sent ? "" : reason,
                                is_sent ? "" : ")");
    }
}

bool cli_add_explanation(struct table *table, uint64_t frame, struct json_slice text)
{
    struct json_object *explanation = parse(text);
    char number[24];
    char tags[CLI_CELL_SIZE];
    char egress[CLI_CELL_SIZE];
    bool ok = explanation != NULL;

    snprintf(number, sizeof(number), "%llu", (unsigned long long)frame);
    if (ok)
        format_egress(explanation, egress);
    ok = ok && table_add(table, number) && table_add(table, cli_string(explanation, "dst")) &&
         table_add(table, cli_string(explanation, "src")) &&
         table_add(table, format_tags(explanation, tags)) &&
         table_add(table, cli_string(explanation, "size")) &&
         table_add(table, cli_string(explanation, "verdict")) &&
         table_add(table, cli_string(explanation, "reason")) && table_add(table, egress);
    json_object_put(explanation);
    return ok;
}
