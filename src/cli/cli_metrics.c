/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli_command.h"

/* The text is for programs as it is; with -j it is the one string of an array. */
static int print_json(const struct cli *cli, struct json_slice text)
{
    struct byte_queue out;
    struct json_writer writer;
    int status = CLI_OK;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    json_open_array(&writer, NULL);
    json_put_raw(&writer, NULL, text.text, text.len);
    json_close_array(&writer);
    if (out.overflowed)
        status = cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    else
        cli_print_json(cli, (struct json_slice){byte_queue_data(&out), out.len});
    byte_queue_fini(&out);
    return status;
}

static int print_text(struct json_slice text)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *string =
        tokener ? json_tokener_parse_ex(tokener, text.text, (int)text.len) : NULL;
    int status = CLI_OK;

    if (string && json_object_is_type(string, json_type_string))
        fwrite(json_object_get_string(string), 1, (size_t)json_object_get_string_len(string),
               stdout);
    else
        status = cli_fail(CLI_REFUSED, "the daemon's answer is not a text");
    json_object_put(string);
    if (tokener)
        json_tokener_free(tokener);
    return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct ctl_reply reply;
    int status;

    if (argc > 0 && cli_matches(argv[0], "show")) {
        argc--;
        argv++;
    }
    if (argc > 0)
        return cli_fail(CLI_USAGE, "`ringspan metrics` takes no words: '%s'", argv[0]);
    status = cli_call(cli, "metrics.show", NULL, CLI_TIMEOUT_NS, &reply);
    if (status != CLI_OK)
        return status;
    status = cli->json ? print_json(cli, reply.result) : print_text(reply.result);
    ctl_reply_fini(&reply);
    return status;
}

const struct cli_command cli_metrics = {
    .name = "metrics",
    .summary = "all counters and states, as OpenMetrics text",
    .help = "Usage: ringspan metrics [show]\n\n"
            "For Prometheus, or what reads the same; ringspan-metrics(7) lists them.\n"
            "daemon.metrics.listen in the configuration serves them by HTTP.\n\n"
            "Example: ringspan metrics | grep 'ringspan_port_.*_drop_total' | grep -v ' 0$'\n",
    .run = run,
};
