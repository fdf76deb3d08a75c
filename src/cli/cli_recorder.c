/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli_command.h"
#include "cli_rows.h"

/* recorder: what it is, and by hand. */

/* There may be more of them than a cell of a table has room for. */
static void print_triggers(struct json_object *triggers)
{
    size_t n =
        json_object_is_type(triggers, json_type_array) ? json_object_array_length(triggers) : 0;

    fputs("triggers  ", stdout);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i > 0 ? "," : "",
               json_object_get_string(json_object_array_get_idx(triggers, i)));
    puts(n > 0 ? "" : "-");
}

static void print_moment(double time)
{
    time_t seconds = (time_t)time;
    char text[32] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    printf("%s.%06d", text, (int)((time - (double)seconds) * 1e6));
}

static void print_trigger(struct json_object *row)
{
    struct json_object *port = cli_field(row, "port");

    if (!cli_field(row, "trigger"))
        return;
    printf("trigger   %s", cli_string(row, "trigger"));
    if (port)
        printf(" on port %s", json_object_get_string(port));
    fputs(" at ", stdout);
    print_moment(json_object_get_double(cli_field(row, "triggered_at")));
    putchar('\n');
}

static void print_counts(struct json_object *counts)
{
    const char *before = "frozen by ";

    json_object_object_foreach(counts, name, count)
    {
        printf("%s%s (%" PRIu64 ")", before, name, json_object_get_uint64(count));
        before = ", ";
    }
    if (json_object_object_length(counts) > 0)
        putchar('\n');
}

static void print_row(struct json_object *row)
{
    printf("state     %s\n", cli_string(row, "state"));
    print_trigger(row);
    printf("packets   %" PRIu64 ", %" PRIu64 " of %" PRIu64 " bytes\n", cli_number(row, "packets"),
           cli_number(row, "used"), cli_number(row, "memory"));
    print_triggers(cli_field(row, "triggers"));
    print_counts(cli_field(row, "counts"));
}

static void print(struct json_slice result)
{
    struct json_object *row = cli_next_row(&result);

    if (row)
        print_row(row);
    json_object_put(row);
}

/* What changes it has nothing more to say than that it did. */
static int call(const struct cli *cli, const char *method, int argc, char **argv)
{
    struct ctl_reply reply;
    int status;

    if (argc > 0)
        return cli_fail(CLI_USAGE, "what is '%s'? See `ringspan help recorder`", argv[0]);
    status = cli_call(cli, method, NULL, CLI_TIMEOUT_NS, &reply);
    if (status != CLI_OK)
        return status;
    if (cli->json)
        cli_print_json_row(cli, reply.result);
    else if (strcmp(method, "recorder.show") == 0)
        print(reply.result);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

static int run_show(const struct cli *cli, int argc, char **argv)
{
    if (argc > 0 && cli_matches(argv[0], "show"))
        return call(cli, "recorder.show", argc - 1, argv + 1);
    return call(cli, "recorder.show", argc, argv);
}

static int run_freeze(const struct cli *cli, int argc, char **argv)
{
    return call(cli, "recorder.freeze", argc, argv);
}

static int run_arm(const struct cli *cli, int argc, char **argv)
{
    return call(cli, "recorder.arm", argc, argv);
}

static const struct cli_verb verbs[] = {
    {
        .name = "freeze",
        .help = "Usage: ringspan recorder freeze\n\n"
                "Freezes the recorder, as a trigger does, but at once: it keeps what it has until\n"
                "it is armed. `ringspan capture --recorder` writes it to a file.\n\n"
                "Example: ringspan recorder freeze\n",
        .run = run_freeze,
    },
    {
        .name = "arm",
        .help = "Usage: ringspan recorder arm\n\n"
                "Forgets what the recorder has, frozen or not, and records again. Who is reading\n"
                "it goes on, as far as memory lasts.\n\n"
                "Example: ringspan recorder arm\n",
        .run = run_arm,
    },
    {0},
};

const struct cli_command cli_recorder = {
    .name = "recorder",
    .summary = "the recorder of the last frames: frozen, and by what?",
    .help =
        "Usage: ringspan recorder [show]\n"
        "       ringspan recorder freeze\n"
        "       ringspan recorder arm\n\n"
        "What daemon.recorder of the configuration keeps: if it is recording, armed (it is, and\n"
        "waits for a trigger), triggered (and records what comes after it) or frozen, by which\n"
        "trigger, and when. `ringspan capture --recorder` writes what it has to a file.\n\n"
        "Example: ringspan recorder\n"
        "         ringspan capture --recorder -w late.pcapng && ringspan recorder arm\n",
    .verbs = verbs,
    .run = run_show,
};
