/* SPDX-License-Identifier: ISC */
#include "cli_command.h"

static int run(const struct cli *cli, int argc, char **argv)
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

const struct cli_command cli_config = {
    .name = "config",
    .summary = "what the daemon runs, as a file",
    .help = "Usage: ringspan config [show]\n\n"
            "Prints the daemon's configuration, defaults filled in, as a file that it would run\n"
            "the same. With -j it is in one line.\n\n"
            "Example: ringspan config show > lab.json\n",
    .run = run,
};
