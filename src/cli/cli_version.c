/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "cli_command.h"
#include "ringspan/ctl_path.h"

/* The daemon's answer to daemon.show, or an empty slice: it need not be there. */
static struct json_slice ask_daemon(const struct cli *cli, struct ctl_reply *ret_reply)
{
    struct ctl_path_env env = ctl_path_env_here();
    struct ctl_client *client;
    struct ctl_path path;
    struct json_slice result = {0};

    if (ctl_path_of_client(&env, cli->socket, &path) < 0 ||
        ctl_client_open(path.text, CLI_TIMEOUT_NS, &client) < 0)
        return result;
    if (ctl_client_call(client, "daemon.show", NULL, CLI_TIMEOUT_NS, ret_reply) == 0 &&
        !ret_reply->is_fault)
        result = ret_reply->result;
    ctl_client_close(client);
    return result;
}

static void print_text(struct json_slice version)
{
    puts("ringspan " RINGSPAN_VERSION);
    if (version.len > 2)
        printf("ringspand %.*s\n", (int)version.len - 2, version.text + 1);
    else
        puts("ringspand: not reachable");
}

static void print_json(const struct cli *cli, struct json_slice version)
{
    struct byte_queue out;
    struct json_writer writer;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    json_open_array(&writer, NULL);
    json_open_object(&writer, NULL);
    json_put_string(&writer, "ringspan", RINGSPAN_VERSION);
    if (version.len)
        json_put_raw(&writer, "ringspand", version.text, version.len);
    else
        json_put_null(&writer, "ringspand");
    json_close_object(&writer);
    json_close_array(&writer);
    cli_print_json(cli, (struct json_slice){byte_queue_data(&out), out.len});
    byte_queue_fini(&out);
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct ctl_reply reply = {0};
    struct json_slice version = {0};

    if (argc)
        return cli_fail(CLI_USAGE, "`ringspan version` takes no words: '%s'", argv[0]);
    json_text_member(ask_daemon(cli, &reply), "version", &version);
    if (cli->json)
        print_json(cli, version);
    else
        print_text(version);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

const struct cli_command cli_version = {
    .name = "version",
    .summary = "of this tool, and of the daemon if there is one",
    .help = "Usage: ringspan version\n\n"
            "Example: ringspan -j version\n",
    .run = run,
};
