/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "ringspan/plan.h"
#include "ringspan/table.h"

static const struct table_column columns[] = {
    {"OP", false}, {"BRIDGE", false}, {"PORT", false}, {"KEY", false}, {"DISRUPTION", false},
};

static const char *const fields[] = {"op", "bridge", "port", "key", "disruption"};

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

_Static_assert(sizeof(fields) / sizeof(*fields) == N_COLUMNS, "a column per field");

/* A pattern stands where a port's name would. */
static const char *find_cell(struct json_object *row, const char *field)
{
    bool is_of_pattern = strcmp(field, "port") == 0 && !cli_field(row, field);

    return cli_string(row, is_of_pattern ? "match" : field);
}

static bool add_row(struct table *table, struct json_object *row)
{
    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (!table_add(table, find_cell(row, fields[i])))
            return false;
    }
    return true;
}

static int print_table(struct json_slice steps)
{
    struct table *table = table_new(columns, N_COLUMNS);
    struct json_slice rest = json_text_inside(steps);
    struct json_object *row;
    bool ok = table != NULL;

    while (ok && (row = cli_next_row(&rest))) {
        ok = add_row(table, row);
        json_object_put(row);
    }
    if (ok && table_is_empty(table))
        puts("nothing to change");
    else if (ok)
        table_print(table, stdout);
    table_free(table);
    return ok ? CLI_OK : cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}

int cli_print_steps(const struct cli *cli, struct json_slice steps)
{
    if (!cli->json)
        return print_table(steps);
    cli_print_json(cli, steps);
    return CLI_OK;
}

/* What `check` would say; the daemon has cut control characters out of it. */
static int print_report(struct json_slice result)
{
    struct json_slice rest = result;
    struct json_object *answer = cli_next_row(&rest);

    fputs(cli_string(answer, "report"), stderr);
    json_object_put(answer);
    return cli_fail(CLI_INVALID, "nothing changed");
}

int cli_print_applied(const struct cli *cli, struct json_slice result)
{
    struct json_slice applied;
    struct json_slice steps;

    if (!json_text_member(result, "applied", &applied) ||
        !json_text_member(result, "steps", &steps))
        return cli_fail(CLI_UNREACHABLE, "the daemon's answer makes no sense");
    if (*applied.text != 't')
        return print_report(result);
    return cli_print_steps(cli, steps);
}

static int run_reload(const struct cli *cli, int argc, char **argv)
{
    struct ctl_reply reply;
    int status;

    if (argc > 0)
        return cli_fail(CLI_USAGE, "`ringspan reload` takes no arguments: the daemon reads its own "
                                   "file again");
    status = cli_call(cli, "daemon.reload", NULL, CLI_TIMEOUT_NS, &reply);
    if (status != CLI_OK)
        return status;
    status = cli_print_applied(cli, reply.result);
    ctl_reply_fini(&reply);
    return status;
}

const struct cli_command cli_reload = {
    .name = "reload",
    .summary = "the daemon reads its file again, and changes what changed",
    .help =
        "Usage: ringspan reload\n\n"
        "Prints what was deleted, changed and added, and what that disturbed: none, flush (what\n"
        "the bridge learned is forgotten), reopen (the port binds to another interface),\n"
        "restart (takes effect when the daemon is started again). Ports that are not listed\n"
        "lose no frame. A file that is not valid changes nothing: status 4, and every error.\n\n"
        "Example: ringspan reload\n",
    .run = run_reload,
};

/* ---- plan ---- */

static int load(const char *path, struct config **ret_config)
{
    struct config_report report;
    int r = config_load(path, ret_config, &report);

    if (r < 0)
        config_report_print(&report, stderr);
    config_report_fini(&report);
    return r < 0 ? CLI_INVALID : CLI_OK;
}

static int ask_for_config(const struct cli *cli, struct config **ret_config)
{
    struct config_report report;
    struct ctl_reply reply;
    int status = cli_call(cli, "config.show", NULL, CLI_TIMEOUT_NS, &reply);
    int r;

    if (status != CLI_OK)
        return status;
    r = config_parse("the daemon", reply.result.text, reply.result.len, ret_config, &report);
    config_report_fini(&report);
    ctl_reply_fini(&reply);
    return r < 0 ? cli_fail(CLI_REFUSED, "the daemon runs what this version does not understand")
                 : CLI_OK;
}

static int print_plan(const struct cli *cli, const struct config *now, const struct config *next)
{
    struct byte_queue out;
    struct json_writer writer;
    struct plan plan;
    int status;

    if (plan_make(now, next, &plan) < 0)
        return cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    plan_write(&plan, &writer, NULL);
    status = cli_print_steps(cli, (struct json_slice){byte_queue_data(&out), out.len});
    byte_queue_fini(&out);
    plan_fini(&plan);
    return status;
}

static int run_plan(const struct cli *cli, int argc, char **argv)
{
    struct config *next = NULL;
    struct config *now = NULL;
    int status;

    if (argc != 1)
        return cli_fail(CLI_USAGE, "`ringspan plan` takes one FILE (or -)");
    status = load(argv[0], &next);
    if (status == CLI_OK)
        status = ask_for_config(cli, &now);
    if (status == CLI_OK)
        status = print_plan(cli, now, next);
    config_free(now);
    config_free(next);
    return status;
}

const struct cli_command cli_plan = {
    .name = "plan",
    .summary = "what a reload of another file would change",
    .help =
        "Usage: ringspan plan FILE\n\n"
        "Compares what the daemon runs with FILE (- is standard input) and prints the steps of\n"
        "a reload, as `ringspan reload` does. Changes nothing. Ends with status 4 if FILE is not\n"
        "valid.\n\n"
        "Example: ringspan plan /etc/ringspan/new.json\n",
    .run = run_plan,
};
