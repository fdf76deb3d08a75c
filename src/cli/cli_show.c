/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <stdio.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "ringspan/table.h"

/* bridge, port and fdb: ask for a list, print it. */

struct show {
    const char *method;
    const char *bare;
    const struct cli_keyword *keywords;
    const struct table_column *columns; /* a title is the field's name in capitals */
    uint32_t n_columns;
    int (*print_statistics)(struct json_slice result); /* behind the table, for -s; or NULL */
    const struct show *counters;                       /* or this is printed there, all of it */
};

#define COLUMNS(array) .columns = (array), .n_columns = sizeof(array) / sizeof(*(array))

static bool add_row(struct table *table, struct json_object *row, const void *arg)
{
    const struct show *show = arg;
    bool ok = true;

    for (uint32_t i = 0; ok && i < show->n_columns; i++) {
        char cell[CLI_CELL_SIZE];

        cli_format_cell(cli_field(row, show->columns[i].title), cell);
        ok = table_add(table, cell);
    }
    return ok;
}

static int print_table(const struct show *show, struct json_slice result)
{
    return cli_print_table(show->columns, show->n_columns, json_text_inside(result), add_row, show);
}

static int print_all(const struct cli *cli, const struct show *show)
{
    struct ctl_reply reply;
    int status = cli_call(cli, show->method, NULL, CLI_TIMEOUT_NS, &reply);

    if (status != CLI_OK)
        return status;
    status = print_table(show, reply.result);
    ctl_reply_fini(&reply);
    return status;
}

const struct cli_keyword cli_port_filters[] = {
    {"bridge", "bridge", false},
    {"master", "bridge", false},
    {"port", "port", false},
    {"dev", "port", false},
    {0},
};

static int run_show(const struct cli *cli, const struct show *show, int argc, char **argv)
{
    struct ctl_reply reply;
    int status = cli_query(cli, show->method, show->keywords, show->bare, argc, argv, &reply);

    if (status != CLI_OK)
        return status;
    if (cli->json)
        cli_print_json(cli, reply.result);
    else
        status = print_table(show, reply.result);
    if (status == CLI_OK && cli->statistics && !cli->json) {
        putchar('\n');
        status =
            show->counters ? print_all(cli, show->counters) : show->print_statistics(reply.result);
    }
    ctl_reply_fini(&reply);
    return status;
}

static int run_bridge(const struct cli *cli, int argc, char **argv)
{
    static const struct cli_keyword keywords[] = {{0}};
    static const struct table_column columns[] = {
        {"NAME", false},     {"N_PORTS", true},     {"LEFT_OUT", true},        {"AGING_TIME", true},
        {"RESERVED", false}, {"FDB.ENTRIES", true}, {"FDB.MAX_ENTRIES", true},
    };
    static const struct show show = {"bridge.show", "bridge", keywords, COLUMNS(columns),
                                     cli_print_latency};

    return run_show(cli, &show, argc, argv);
}

static int run_port(const struct cli *cli, int argc, char **argv)
{
    static const struct table_column columns[] = {
        {"NAME", false}, {"IFNAME", false},   {"MASTER", false}, {"STATE", false},
        {"MTU", true},   {"ISOLATED", false}, {"REASON", false},
    };
    static const struct show show = {"port.show", "port", cli_port_filters, COLUMNS(columns),
                                     cli_print_reserved};

    return run_show(cli, &show, argc, argv);
}

static int run_fdb(const struct cli *cli, int argc, char **argv)
{
    static const struct table_column columns[] = {
        {"MAC", false},    {"VLAN", true}, {"PORT", false},  {"IFNAME", false},
        {"MASTER", false}, {"AGE", true},  {"FLAGS", false}, {"STATE", false},
    };
    static const struct table_column port_columns[] = {
        {"NAME", false},
        {"MASTER", false},
        {"FDB.ENTRIES", true},
        {"FDB.MAC_LIMIT", true},
        {"FDB.MOVED_IN", true},
        {"FDB.MOVED_OUT", true},
        {"FDB.REFUSED_LIMITS", true},
    };
    static const struct show counters = {.method = "port.show", COLUMNS(port_columns)};
    static const struct show show = {
        .method = "fdb.show", .keywords = cli_fdb_filters, COLUMNS(columns), .counters = &counters};

    return run_show(cli, &show, argc, argv);
}

static int run_vlan_stats(const struct cli *cli, int argc, char **argv)
{
    static const struct cli_keyword keywords[] = {
        {"bridge", "bridge", false},
        {"master", "bridge", false},
        {"vlan", "vlan", true},
        {"vid", "vlan", true},
        {0},
    };
    static const struct table_column columns[] = {
        {"MASTER", false},  {"VLAN", true},       {"N_PORTS", true},  {"RX_PACKETS", true},
        {"RX_BYTES", true}, {"TX_PACKETS", true}, {"TX_BYTES", true},
    };
    static const struct show show = {"vlan.stats", NULL, keywords, COLUMNS(columns)};

    return run_show(cli, &show, argc, argv);
}

const struct cli_verb cli_vlan_verbs[] = {
    {
        .name = "stats",
        .help =
            "Usage: ringspan vlan stats [bridge BRIDGE] [vlan VLAN]\n\n"
            "What came into each VLAN, and the copies of it that were sent to ports. A VLAN that\n"
            "nothing came into is listed only if it is asked for.\n\n"
            "Example: ringspan vlan stats vlan 10\n",
        .run = run_vlan_stats,
    },
    {0},
};

static int run_mirror(const struct cli *cli, int argc, char **argv)
{
    static const struct cli_keyword keywords[] = {
        {"bridge", "bridge", false},
        {"master", "bridge", false},
        {0},
    };
    static const struct table_column columns[] = {
        {"MASTER", false},  {"MIRROR", false},      {"INGRESS", false},    {"EGRESS", false},
        {"VLANS", false},   {"OUTPUT_PORT", false}, {"OUTPUT_VLAN", true}, {"READY", false},
        {"SELECTED", true}, {"PACKETS", true},      {"BYTES", true},       {"DROPPED", true},
    };
    static const struct show show = {"mirror.show", "bridge", keywords, COLUMNS(columns)};

    return run_show(cli, &show, argc, argv);
}

const struct cli_command cli_mirror = {
    .name = "mirror",
    .summary = "mirrors: what they copy to where, and how much",
    .help = "Usage: ringspan mirror [show] [BRIDGE]\n\n"
            "Of each mirror the ports whose frames it copies as they come in and as they leave,\n"
            "where the copies go and whether they can go there now, how many frames were to be\n"
            "copied, and how many copies were accepted for sending, or dropped.\n\n"
            "Example: ringspan mirror show lab0\n"
            "         ringspan -j mirror | jq '.[] | select(.dropped > 0).mirror'\n",
    .run = run_mirror,
};

const struct cli_command cli_bridge = {
    .name = "bridge",
    .summary = "bridges: how many ports, what they learned",
    .help =
        "Usage: ringspan bridge [show] [NAME] [-s]\n\n"
        "With -s it says how long frames are in each bridge, from the ring where they arrive\n"
        "until they are sent, if the configuration has its `latency`: percentiles, and how many\n"
        "took up to which power of two of nanoseconds.\n\n"
        "Example: ringspan -s bridge show\n"
        "         ringspan -j bridge show | jq '.[].fdb.entries'\n",
    .takes_statistics = true,
    .run = run_bridge,
};

const struct cli_command cli_port = {
    .name = "port",
    .summary = "ports: their state, and why",
    .help = "Usage: ringspan port [show] [NAME] [bridge BRIDGE] [-s]\n"
            "       ringspan port set NAME up|down\n"
            "       ringspan port set NAME KEY VALUE...\n"
            "       ringspan port add NAME [bridge BRIDGE] [up|down] [KEY VALUE...]\n"
            "       ringspan port del NAME\n\n"
            "With -s a second table says what became of frames to reserved addresses.\n\n"
            "Example: ringspan port show bridge lab0\n"
            "         ringspan port set r1 down\n"
            "         ringspan -j port | jq -r '.[] | select(.state != \"forwarding\").reason'\n",
    .takes_statistics = true,
    .verbs = cli_port_verbs,
    .run = run_port,
};

const struct cli_command cli_fdb = {
    .name = "fdb",
    .summary = "addresses: where they are",
    .help = "Usage: ringspan fdb [show] [bridge BRIDGE] [port PORT] [vlan VLAN] [mac MAC] [-s]\n"
            "       ringspan fdb add MAC port PORT [vlan VLAN] [static|dynamic] [sticky]\n"
            "       ringspan fdb replace MAC port PORT [vlan VLAN] [static|dynamic] [sticky]\n"
            "       ringspan fdb del MAC [port PORT] [vlan VLAN]\n"
            "       ringspan fdb flush [bridge BRIDGE] [port PORT] [vlan VLAN] [mac MAC]\n\n"
            "Of several conditions all must hold. `dev` may be said for `port`. With -s a second\n"
            "table says of each port how many addresses it has, may have, and how many moved.\n\n"
            "Example: ringspan fdb show port r1\n"
            "         ringspan fdb add 02:00:00:00:00:01 port r1\n"
            "         ringspan fdb flush port r1\n",
    .takes_statistics = true,
    .verbs = cli_fdb_verbs,
    .run = run_fdb,
};
