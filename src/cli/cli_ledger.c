/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "ringspan/ledger.h"
#include "ringspan/table.h"

/* The ledger's sums, written out, and the drops with their reasons; status 6 if a sum fails. */

static const struct table_column sum_columns[] = {
    {"MASTER", false}, {"PORT", false}, {"DIRECTION", false}, {"BALANCED", false}, {"SUM", false},
};
static const struct table_column drop_columns[] = {
    {"MASTER", false}, {"PORT", false},   {"DIRECTION", false},
    {"DROPPED", true}, {"REASON", false}, {"MEANING", false},
};

#define N_COLUMNS(array) ((uint32_t)(sizeof(array) / sizeof(*(array))))

struct ledger_view {
    struct table *sums;
    struct table *drops;
    uint32_t n_failed;
    bool out_of_memory;
};

static void format_sum(struct json_object *row, char *ret_text, size_t size)
{
    const char *direction = cli_string(row, "direction");
    uint64_t dropped = cli_number(row, "dropped_total");

    if (!strcmp(direction, "in"))
        snprintf(ret_text, size,
                 "%" PRIu64 " received = %" PRIu64 " unicast + %" PRIu64 " flooded + %" PRIu64
                 " consumed + %" PRIu64 " dropped + %" PRIu64 " held_in",
                 cli_number(row, "received"), cli_number(row, "unicast"),
                 cli_number(row, "flooded"), cli_number(row, "consumed"), dropped,
                 cli_number(row, "held_in"));
    else if (!strcmp(direction, "out"))
        snprintf(ret_text, size,
                 "%" PRIu64 " decided + %" PRIu64 " originated + %" PRIu64 " mirrored + %" PRIu64
                 " duplicated = %" PRIu64 " accepted + %" PRIu64 " dropped + %" PRIu64 " held_out",
                 cli_number(row, "decided"), cli_number(row, "originated"),
                 cli_number(row, "mirrored"), cli_number(row, "duplicated"),
                 cli_number(row, "accepted"), dropped, cli_number(row, "held_out"));
    else if (!strcmp(direction, "kernel"))
        snprintf(ret_text, size,
                 "%" PRIu64 " tp_packets = %" PRIu64 " received + %" PRIu64 " tp_drops + %" PRIu64
                 " unread",
                 cli_number(row, "tp_packets"), cli_number(row, "received"),
                 cli_number(row, "tp_drops"), cli_number(row, "unread"));
    else
        snprintf(ret_text, size,
                 "%" PRIu64 " fanout + %" PRIu64 " retired_fanout = %" PRIu64 " decided + %" PRIu64
                 " retired_decided",
                 cli_number(row, "fanout"), cli_number(row, "retired_fanout"),
                 cli_number(row, "decided"), cli_number(row, "retired_decided"));
}

static bool add_head(struct table *table, struct json_object *row)
{
    return table_add(table, cli_string(row, "master")) &&
           table_add(table, cli_string(row, "port")) &&
           table_add(table, cli_string(row, "direction"));
}

/* A daemon of another version may have reasons that this tool has no sentence for. */
static const char *meaning_of(const char *reason)
{
    for (unsigned i = DROP_NONE + 1; i < DROP_N_REASONS; i++) {
        if (!strcmp(reason, drop_reason_name((enum drop_reason)i)))
            return drop_reason_sentence((enum drop_reason)i);
    }
    return "-";
}

static void add_drop(struct ledger_view *view, struct json_object *row, const char *reason,
                     const char *frames)
{
    if (!add_head(view->drops, row) || !table_add(view->drops, frames) ||
        !table_add(view->drops, reason) || !table_add(view->drops, meaning_of(reason)))
        view->out_of_memory = true;
}

static void add_drops(struct ledger_view *view, struct json_object *row)
{
    struct json_object *dropped = cli_field(row, "dropped");
    struct json_object_iterator i;
    struct json_object_iterator end;

    if (!json_object_is_type(dropped, json_type_object))
        return;
    i = json_object_iter_begin(dropped);
    end = json_object_iter_end(dropped);
    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
        add_drop(view, row, json_object_iter_peek_name(&i),
                 json_object_get_string(json_object_iter_peek_value(&i)));
}

static void view_row(struct ledger_view *view, struct json_object *row)
{
    bool balanced = json_object_get_boolean(cli_field(row, "balanced"));
    char sum[256];

    format_sum(row, sum, sizeof(sum));
    if (!balanced) {
        view->n_failed++;
        cli_fail(CLI_IMBALANCE, "the ledger does not balance: bridge %s, port %s, %s: %s",
                 cli_string(row, "master"), cli_string(row, "port"), cli_string(row, "direction"),
                 sum);
    }
    if (!add_head(view->sums, row) || !table_add(view->sums, balanced ? "yes" : "NO") ||
        !table_add(view->sums, sum))
        view->out_of_memory = true;
    add_drops(view, row);
}

static void view_rows(struct ledger_view *view, struct json_slice result)
{
    struct json_slice rest = json_text_inside(result);
    struct json_object *row;

    while (!view->out_of_memory && (row = cli_next_row(&rest))) {
        view_row(view, row);
        json_object_put(row);
    }
}

static void print_view(const struct ledger_view *view)
{
    table_print(view->sums, stdout);
    if (!table_is_empty(view->drops))
        putchar('\n');
    table_print(view->drops, stdout);
}

static int show(const struct cli *cli, struct json_slice result)
{
    struct ledger_view view = {
        .sums = table_new(sum_columns, N_COLUMNS(sum_columns)),
        .drops = table_new(drop_columns, N_COLUMNS(drop_columns)),
    };
    int status = CLI_OK;

    view.out_of_memory = !view.sums || !view.drops;
    view_rows(&view, result);
    if (view.out_of_memory)
        status = cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    else if (cli->json)
        cli_print_json(cli, result);
    else
        print_view(&view);
    if (status == CLI_OK && view.n_failed)
        status = CLI_IMBALANCE;
    table_free(view.sums);
    table_free(view.drops);
    return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct ctl_reply reply;
    int status = cli_query(cli, "ledger.show", cli_port_filters, "port", argc, argv, &reply);

    if (status != CLI_OK)
        return status;
    status = show(cli, reply.result);
    ctl_reply_fini(&reply);
    return status;
}

const struct cli_command cli_ledger = {
    .name = "ledger",
    .summary = "where every frame went, as sums that must hold",
    .help = "Usage: ringspan ledger [show] [PORT] [bridge BRIDGE]\n\n"
            "Ends with status 6 if a sum does not hold, and says which.\n\n"
            "Example: ringspan ledger\n"
            "         ringspan -j ledger | jq '.[] | select(.direction == \"in\") | .dropped'\n",
    .run = run,
};
