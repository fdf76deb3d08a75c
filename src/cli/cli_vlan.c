/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <stdio.h>

#include "cli_command.h"
#include "cli_rows.h"

/* vlan: a port has a list of VLANs; the table has a row for each of them. */

static const struct table_column columns[] = {
    {"PORT", false}, {"IFNAME", false}, {"MASTER", false},
    {"MODE", false}, {"VLAN", true},    {"FLAGS", false},
};

static bool add_vlan(struct table *table, struct json_object *row, struct json_object *vlan)
{
    struct json_object *end;
    char flags[CLI_CELL_SIZE];
    char range[16];

    if (json_object_object_get_ex(vlan, "vlanEnd", &end))
        snprintf(range, sizeof(range), "%s-%s", cli_string(vlan, "vlan"),
                 json_object_get_string(end));
    else
        snprintf(range, sizeof(range), "%s", cli_string(vlan, "vlan"));
    cli_format_cell(cli_field(vlan, "flags"), flags);
    return table_add(table, cli_string(row, "port")) &&
           table_add(table, cli_string(row, "ifname")) &&
           table_add(table, cli_string(row, "master")) &&
           table_add(table, cli_string(row, "mode")) && table_add(table, range) &&
           table_add(table, flags);
}

static bool add_row(struct table *table, struct json_object *row, const void *arg)
{
    struct json_object *vlans = cli_field(row, "vlans");
    bool ok = true;

    if (!json_object_is_type(vlans, json_type_array))
        return true;
    for (size_t i = 0; ok && i < json_object_array_length(vlans); i++)
        ok = add_vlan(table, row, json_object_array_get_idx(vlans, i));
    return ok;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    static const struct cli_keyword keywords[] = {
        {"bridge", "bridge", false},
        {"master", "bridge", false},
        {"port", "port", false},
        {"dev", "port", false},
        {"vlan", "vlan", true},
        {"vid", "vlan", true},
        {0},
    };
    struct ctl_reply reply;
    int status = cli_query(cli, "vlan.show", keywords, "port", argc, argv, &reply);

    if (status != CLI_OK)
        return status;
    if (cli->json)
        cli_print_json(cli, reply.result);
    else
        status = cli_print_table(columns, sizeof(columns) / sizeof(*columns),
                                 json_text_inside(reply.result), add_row, NULL);
    ctl_reply_fini(&reply);
    return status;
}

const struct cli_command cli_vlan = {
    .name = "vlan",
    .summary = "which port is in which VLANs, and how",
    .help = "Usage: ringspan vlan [show] [PORT] [bridge BRIDGE] [vlan VLAN]\n"
            "       ringspan vlan stats [bridge BRIDGE] [vlan VLAN]\n\n"
            "Only ports of VLAN-aware bridges are listed.\n\n"
            "Example: ringspan vlan show vlan 10\n"
            "         ringspan -j vlan | jq -r '.[] | select(.vlans[].flags | "
            "index(\"PVID\")).port'\n",
    .verbs = cli_vlan_verbs,
    .run = run,
};
