/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "cli_command.h"

static int run_show(const struct cli *cli, int argc, char **argv)
{
    struct cli as_file = *cli;
    struct ctl_reply reply;
    int status;

    if (argc > 0 && !cli_matches(argv[0], "show"))
        return cli_fail(CLI_USAGE, "there is no `ringspan config %s`; try `ringspan help config`",
                        argv[0]);
    if (argc > 1)
        return cli_fail(CLI_USAGE, "`ringspan config show` takes no words: '%s'", argv[1]);
    status = cli_call(cli, "config.show", NULL, CLI_TIMEOUT_NS, &reply);
    if (status != CLI_OK)
        return status;
    as_file.pretty = cli->pretty || !cli->json;
    cli_print_json(&as_file, reply.result);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

/* For people; programs ask daemon.show. */
static int print_trial(const struct cli *cli)
{
    struct json_slice left;
    struct ctl_reply reply;
    int status = cli_call(cli, "daemon.show", NULL, CLI_TIMEOUT_NS, &reply);

    if (status != CLI_OK)
        return status;
    if (json_text_member(reply.result, "confirm_within", &left) && *left.text != 'n')
        printf("on trial for %.*s s more: `ringspan confirm` keeps it\n", (int)left.len, left.text);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

static int run_diff(const struct cli *cli, int argc, char **argv)
{
    struct json_slice steps;
    struct ctl_reply reply;
    int status;

    if (argc > 0)
        return cli_fail(CLI_USAGE, "`ringspan config diff` takes no words: '%s'", argv[0]);
    status = cli_call(cli, "config.diff", NULL, CLI_TIMEOUT_NS, &reply);
    if (status != CLI_OK)
        return status;
    if (json_text_member(reply.result, "steps", &steps))
        status = cli_print_steps(cli, steps);
    if (status == CLI_OK && !cli->json)
        status = print_trial(cli);
    ctl_reply_fini(&reply);
    return status;
}

static const struct cli_verb verbs[] = {
    {
        .name = "diff",
        .help =
            "Usage: ringspan config diff\n\n"
            "Prints what run-time commands changed since the file was read: the steps that lead\n"
            "from the file to what runs. A reload undoes them.\n\n"
            "Example: ringspan config diff\n",
        .run = run_diff,
    },
    {0},
};

const struct cli_command cli_config = {
    .name = "config",
    .summary = "what the daemon runs, as a file, and how it differs from its own",
    .help = "Usage: ringspan config [show]\n"
            "       ringspan config diff\n\n"
            "Prints the daemon's configuration, defaults filled in, as a file that it would run\n"
            "the same. With -j it is in one line. `config diff` prints what run-time commands\n"
            "changed.\n\n"
            "Example: ringspan config show > lab.json\n",
    .verbs = verbs,
    .run = run_show,
};
