/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "cli_command.h"
#include "ringspan/config_schema.h"

static int run(const struct cli *cli, int argc, char **argv)
{
    struct cli as_file = *cli;
    struct byte_queue out;
    struct json_writer writer;
    int status = CLI_OK;

    if (argc)
        return cli_fail(CLI_USAGE, "`ringspan schema` takes no words: '%s'", argv[0]);
    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    config_schema_write(&writer);
    as_file.pretty = cli->pretty || !cli->json;
    if (out.overflowed)
        status = cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    else
        cli_print_json(&as_file, (struct json_slice){byte_queue_data(&out), out.len});
    byte_queue_fini(&out);
    return status;
}

const struct cli_command cli_schema = {
    .name = "schema",
    .summary = "of configurations, for editors",
    .help = "Usage: ringspan schema\n\n"
            "Prints the JSON Schema (draft-07) that editors check configurations by. Needs no\n"
            "daemon. With -j it is in one line.\n\n"
            "Example: ringspan schema > ringspan.schema.json\n",
    .run = run,
};
