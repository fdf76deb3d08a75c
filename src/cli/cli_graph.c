/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "graph.h"

static int out_of_memory(void)
{
    return cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}

/* Into an array that is as long as names get; null is "". */
static void copy_field(char *to, size_t size, struct json_object *row, const char *name)
{
    const char *text = json_object_get_string(cli_field(row, name));

    snprintf(to, size, "%s", text ? text : "");
}

#define COPY_FIELD(to, row, name) copy_field((to), sizeof(to), (row), (name))

/* The number of the bridge that is called so; it is added if it is new. -ENOMEM. */
static int64_t bridge_number(struct graph *graph, const char *name)
{
    char *place;

    for (uint32_t i = graph->n_bridges; i > 0; i--) {
        if (strcmp(graph->bridges[i - 1], name) == 0)
            return i - 1;
    }
    place = graph_add_bridge(graph);
    if (!place)
        return -ENOMEM;
    snprintf(place, GRAPH_NAME_SIZE, "%s", name);
    return graph->n_bridges - 1;
}

static bool take_port(struct graph *graph, struct json_object *row)
{
    int64_t bridge = bridge_number(graph, cli_string(row, "MASTER"));
    struct graph_port *port = graph_add_port(graph);

    if (bridge < 0 || !port)
        return false;
    COPY_FIELD(port->name, row, "NAME");
    COPY_FIELD(port->ifname, row, "IFNAME");
    COPY_FIELD(port->netns, row, "NETNS");
    COPY_FIELD(port->state, row, "STATE");
    COPY_FIELD(port->type, row, "TYPE");
    port->ifindex = (uint32_t)cli_number(row, "IFINDEX");
    port->bridge = (uint32_t)bridge;
    return true;
}

static bool take_bridge(struct graph *graph, struct json_object *row)
{
    return bridge_number(graph, cli_string(row, "NAME")) >= 0;
}

static struct graph_port *find_port(const struct graph *graph, const char *name)
{
    for (uint32_t i = 0; i < graph->n_ports; i++) {
        if (strcmp(graph->ports[i].name, name) == 0)
            return &graph->ports[i];
    }
    return NULL;
}

/* A port that came after the ports were asked for is not in the picture. */
static bool take_host(struct graph *graph, struct json_object *row)
{
    struct graph_port *port = find_port(graph, cli_string(row, "PORT"));
    struct graph_host *host;

    if (!port || port->n_hosts++ >= GRAPH_HOSTS_MAX)
        return true;
    host = &port->hosts[port->n_hosts - 1];
    COPY_FIELD(host->mac, row, "MAC");
    host->vlan = (uint32_t)cli_number(row, "VLAN");
    return true;
}

static bool take_rows(struct graph *graph, struct json_slice result,
                      bool (*take)(struct graph *graph, struct json_object *row))
{
    struct json_slice rest = json_text_inside(result);
    struct json_object *row;
    bool ok = true;

    while (ok && (row = cli_next_row(&rest))) {
        ok = take(graph, row);
        json_object_put(row);
    }
    return ok;
}

struct question {
    const char *method;
    bool (*take)(struct graph *graph, struct json_object *row);
};

static int ask(const struct cli *cli, const struct question *question, const char *params,
               struct graph *graph, pid_t *ret_pid)
{
    struct ctl_client *client;
    struct ctl_reply reply;
    struct ucred daemon;
    socklen_t len = sizeof(daemon);
    int status = cli_begin(cli, question->method, params, CLI_TIMEOUT_NS, &client, &reply);

    if (status != CLI_OK)
        return status;
    if (getsockopt(ctl_client_fd(client), SOL_SOCKET, SO_PEERCRED, &daemon, &len) == 0)
        *ret_pid = daemon.pid;
    if (!take_rows(graph, reply.result, question->take))
        status = out_of_memory();
    ctl_reply_fini(&reply);
    ctl_client_close(client);
    return status;
}

static int ask_all(const struct cli *cli, const char *params, struct graph *graph, pid_t *ret_pid)
{
    static const struct question questions[] = {
        {"bridge.show", take_bridge},
        {"port.show", take_port},
        {"fdb.show", take_host},
    };
    uint32_t n = cli->hosts ? 3 : 2;
    int status = CLI_OK;

    for (uint32_t i = 0; status == CLI_OK && i < n; i++)
        status = ask(cli, &questions[i], params, graph, ret_pid);
    return status;
}

/* Who may not look at other namespaces gets the picture without what is in them. */
static void find_peers(struct graph *graph, pid_t pid)
{
    int r = graph_find_peers(graph, pid);

    if (r < 0)
        fprintf(stderr, "ringspan: warning: what is behind the ports is not shown: %s%s\n",
                strerror(-r), r == -EPERM ? " (root may look)" : "");
}

static int print_graph(const struct cli *cli, const struct graph *graph)
{
    struct byte_queue out;
    int status = CLI_OK;

    byte_queue_init(&out, SIZE_MAX);
    if (cli->json)
        graph_write_json(graph, &out);
    else if (cli->format && strcmp(cli->format, "mermaid") == 0)
        graph_write_mermaid(graph, &out);
    else
        graph_write_dot(graph, &out);
    if (out.overflowed)
        status = out_of_memory();
    else if (cli->json)
        cli_print_json(cli, (struct json_slice){byte_queue_data(&out), out.len});
    else
        fwrite(byte_queue_data(&out), 1, out.len, stdout);
    byte_queue_fini(&out);
    return status;
}

static int draw(const struct cli *cli, const char *params)
{
    struct graph graph = {0};
    pid_t pid = 0;
    int status = ask_all(cli, params, &graph, &pid);

    if (status == CLI_OK) {
        find_peers(&graph, pid);
        status = print_graph(cli, &graph);
    }
    graph_fini(&graph);
    return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    static const struct cli_keyword keywords[] = {
        {"bridge", "bridge", false},
        {"master", "bridge", false},
        {0},
    };
    struct byte_queue params;
    int status;

    if (cli->format && strcmp(cli->format, "dot") != 0 && strcmp(cli->format, "mermaid") != 0)
        return cli_fail(CLI_USAGE, "--format: '%s' is not dot or mermaid", cli->format);
    if (cli->format && cli->json)
        return cli_fail(CLI_USAGE, "--format and -j exclude each other");
    byte_queue_init(&params, SIZE_MAX);
    status = cli_parse_filters(argc, argv, keywords, NULL, &params);
    if (status == CLI_OK)
        status = draw(cli, byte_queue_data(&params));
    byte_queue_fini(&params);
    return status;
}

const struct cli_command cli_graph = {
    .name = "graph",
    .summary = "the bridges, their ports, and what is behind them, as a picture",
    .help =
        "Usage: ringspan graph [show] [bridge BRIDGE] [--format dot|mermaid] [--hosts]\n\n"
        "Prints the text of a picture: for Graphviz (dot), or Mermaid, which many editors and\n"
        "web pages draw. Root sees the other ends of veth pairs, with their namespaces, and\n"
        "which process has a tap open. With --hosts it shows learned addresses, up to 16 for a\n"
        "port. With -j it prints what is known as a list of ports.\n\n"
        "Example: ringspan graph --hosts | dot -Tsvg > lab.svg\n",
    .takes_graph = true,
    .run = run,
};
