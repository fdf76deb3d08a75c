/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli_command.h"
#include "cli_rows.h"

/* fdb flush. */

const struct cli_keyword cli_fdb_filters[] = {
    {"bridge", "bridge", false}, {"master", "bridge", false},
    {"port", "port", false},     {"vlan", "vlan", true},
    {"mac", "mac", false},       {"dev", "port", false},
    {"brport", "port", false},   {0},
};

static void print_flushed(const struct cli *cli, struct json_slice result)
{
    struct json_slice rest = json_text_inside(result);
    struct json_object *row;
    uint64_t n = 0;

    if (cli->json) {
        cli_print_json(cli, result);
        return;
    }
    while ((row = cli_next_row(&rest))) {
        n += cli_number(row, "flushed");
        json_object_put(row);
    }
    printf("flushed %" PRIu64 " %s\n", n, n == 1 ? "entry" : "entries");
}

static int run_flush(const struct cli *cli, int argc, char **argv)
{
    struct byte_queue params;
    struct ctl_reply reply;
    int status;

    byte_queue_init(&params, SIZE_MAX);
    status = cli_parse_filters(argc, argv, cli_fdb_filters, NULL, &params);
    if (status == CLI_OK)
        status = cli_call(cli, "fdb.flush", byte_queue_data(&params), CLI_TIMEOUT_NS, &reply);
    byte_queue_fini(&params);
    if (status != CLI_OK)
        return status;
    print_flushed(cli, reply.result);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

const struct cli_verb cli_fdb_verbs[] = {
    {
        .name = "flush",
        .help =
            "Usage: ringspan fdb flush [bridge BRIDGE] [port PORT] [vlan VLAN] [mac MAC]\n\n"
            "Forgets learned addresses; of several conditions all must hold, and without any it is\n"
            "all of them. Static entries stay: they are configured. Frames to what is forgotten\n"
            "are flooded until it is learned again.\n\n"
            "Example: ringspan fdb flush port r1 vlan 10\n",
        .run = run_flush,
    },
    {0},
};
