/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>

#include "cli_command.h"
#include "ringspan/config.h"

static void write_error(struct json_writer *writer, const struct config_report *report,
                        const struct config_error *error)
{
    json_open_object(writer, NULL);
    json_put_string(writer, "file", report->source);
    json_put_u64(writer, "line", error->line);
    json_put_u64(writer, "column", error->column);
    json_put_string(writer, "path", error->path);
    json_put_string(writer, "message", error->message);
    json_put_string(writer, "hint", error->hint);
    json_close_object(writer);
}

static void print_json(const struct cli *cli, const struct config_report *report)
{
    struct byte_queue out;
    struct json_writer writer;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    json_open_array(&writer, NULL);
    for (uint32_t i = 0; i < report->n_errors; i++)
        write_error(&writer, report, &report->errors[i]);
    json_close_array(&writer);
    cli_print_json(cli, (struct json_slice){byte_queue_data(&out), out.len});
    byte_queue_fini(&out);
}

static void print_valid(const char *source, const struct config *config)
{
    uint32_t n_ports = config_most_ports(config);

    printf("%s: valid: %u %s, %s%u %s\n", source, config->n_bridges,
           config->n_bridges == 1 ? "bridge" : "bridges",
           n_ports > config_n_ports(config) ? "up to " : "", n_ports,
           n_ports == 1 ? "port" : "ports");
}

static void print_text(const struct config_report *report, const struct config *config)
{
    if (config)
        print_valid(report->source, config);
    else
        config_report_print(report, stderr);
}

static int print_warnings(const char *source, const struct config *config)
{
    struct config_warnings warnings;
    int r = config_warn(config, &warnings);

    if (r < 0)
        return r;
    for (uint32_t i = 0; i < warnings.n; i++)
        fprintf(stderr, "%s: warning: %s: %s\n    hint: %s\n", source, warnings.list[i].path,
                warnings.list[i].message, warnings.list[i].cure);
    config_warnings_fini(&warnings);
    return 0;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct config *config = NULL;
    struct config_report report;
    int status = CLI_OK;
    int r;

    if (argc != 1)
        return cli_fail(CLI_USAGE, "`ringspan check` takes one FILE (or -)");
    r = config_load(argv[0], &config, &report);
    if (r == 0)
        r = print_warnings(report.source, config);
    if (r == -ENOMEM)
        status = cli_fail(CLI_REFUSED, "out of memory");
    else if (cli->json)
        print_json(cli, &report);
    else
        print_text(&report, config);
    config_report_fini(&report);
    config_free(config);
    return status == CLI_OK && r < 0 ? CLI_INVALID : status;
}

const struct cli_command cli_check = {
    .name = "check",
    .summary = "whether a configuration is valid",
    .help = "Usage: ringspan check FILE\n\n"
            "Reads FILE (- is standard input), touches nothing, needs neither daemon nor\n"
            "privileges. Ends with status 4 if it is not valid, and prints every error; and\n"
            "warnings, which are about what is valid and yet hardly what is wanted.\n\n"
            "Example: ringspan check /etc/ringspan/lab.json\n",
    .run = run,
};
