/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_command.h"
#include "cli_rows.h"

/* fdb add, replace, del, flush. */

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
    struct ctl_reply reply;
    int status = cli_query(cli, "fdb.flush", cli_fdb_filters, NULL, argc, argv, &reply);

    if (status != CLI_OK)
        return status;
    print_flushed(cli, reply.result);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

static bool is_port(const char *word)
{
    return cli_matches(word, "port") || strcmp(word, "dev") == 0;
}

/* Words that stand for themselves. The port's bridge is its master: that needs no saying, but who
 * knows bridge(8) will. */
static bool put_flag(struct json_writer *writer, const char *word)
{
    if (strcmp(word, "dynamic") == 0 || strcmp(word, "sticky") == 0)
        json_put_bool(writer, word, true);
    return strcmp(word, "dynamic") == 0 || strcmp(word, "sticky") == 0 ||
           strcmp(word, "static") == 0 || strcmp(word, "master") == 0;
}

static int put_vlan(struct json_writer *writer, const char *text)
{
    char *end;
    unsigned long vlan = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end)
        return cli_fail(CLI_USAGE, "vlan: '%s' is not a number", text);
    json_put_u64(writer, "vlan", vlan);
    return CLI_OK;
}

static int put_entry(struct json_writer *writer, int argc, char **argv, bool takes_flags)
{
    int status = CLI_OK;

    json_put_string(writer, "mac", argv[0]);
    for (int i = 1; status == CLI_OK && i < argc; i++) {
        bool has_value = i + 1 < argc;

        if (takes_flags && put_flag(writer, argv[i]))
            continue;
        if (is_port(argv[i]) && has_value)
            json_put_string(writer, "port", argv[++i]);
        else if (cli_matches(argv[i], "vlan") && has_value)
            status = put_vlan(writer, argv[++i]);
        else if (is_port(argv[i]) || cli_matches(argv[i], "vlan"))
            status = cli_fail(CLI_USAGE, "'%s' wants a value", argv[i]);
        else
            status = cli_fail(CLI_USAGE, "what is '%s'? See `ringspan help fdb`", argv[i]);
    }
    return status;
}

static int change_entry(const struct cli *cli, const char *method, int argc, char **argv,
                        bool replaces)
{
    struct json_writer writer;
    struct byte_queue params;
    int status;

    if (argc == 0)
        return cli_fail(CLI_USAGE, "which address? ringspan fdb add 02:00:00:00:00:01 port r1");
    byte_queue_init(&params, SIZE_MAX);
    json_writer_init(&writer, &params);
    json_open_object(&writer, NULL);
    status = put_entry(&writer, argc, argv, strcmp(method, "fdb.add") == 0);
    if (replaces)
        json_put_bool(&writer, "replace", true);
    json_close_object(&writer);
    if (status == CLI_OK)
        status = cli_change(cli, method, &params);
    byte_queue_fini(&params);
    return status;
}

static int run_add(const struct cli *cli, int argc, char **argv)
{
    return change_entry(cli, "fdb.add", argc, argv, false);
}

static int run_replace(const struct cli *cli, int argc, char **argv)
{
    return change_entry(cli, "fdb.add", argc, argv, true);
}

static int run_del(const struct cli *cli, int argc, char **argv)
{
    return change_entry(cli, "fdb.del", argc, argv, false);
}

const struct cli_verb cli_fdb_verbs[] = {
    {
        .name = "add",
        .help =
            "Usage: ringspan fdb add MAC port PORT [vlan VLAN] [static|dynamic] [sticky]\n\n"
            "Fixes the port of an address, until the next reload or start, which return to\n"
            "the file. A dynamic entry is as if the address had been heard there: it ages, and\n"
            "does not move meanwhile if it is sticky. A static one never moves.\n\n"
            "Example: ringspan fdb add 02:00:00:00:00:01 port r1\n",
        .run = run_add,
    },
    {
        .name = "replace",
        .help =
            "Usage: ringspan fdb replace MAC port PORT [vlan VLAN] [static|dynamic] [sticky]\n\n"
            "As `ringspan fdb add`, and in the place of a static entry that the address has.\n\n"
            "Example: ringspan fdb replace 02:00:00:00:00:01 port r2\n",
        .run = run_replace,
    },
    {
        .name = "del",
        .help = "Usage: ringspan fdb del MAC [port PORT] [vlan VLAN]\n\n"
                "Forgets an address, learned or static; the latter until the next reload or\n"
                "start, which return to the file. Of several conditions all must hold.\n\n"
                "Example: ringspan fdb del 02:00:00:00:00:01 port r1\n",
        .run = run_del,
    },
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
