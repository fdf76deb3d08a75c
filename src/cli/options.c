/* SPDX-License-Identifier: ISC */
#include "ringspan/options.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

static const char usage[] = "usage: ringspand --config FILE [--log-level LEVEL]\n";

static const char help[] =
    "\n"
    "Bridges the interfaces that FILE names. Stays in the foreground, logs to standard error.\n"
    "\n"
    "  -c, --config FILE      the configuration, JSON (see ringspan.json(5)); - is standard input\n"
    "  -l, --log-level LEVEL  error, warning, notice, info or debug; wins over the file\n"
    "  -V, --version          print the version\n"
    "  -h, --help             print this\n"
    "\n"
    "Example: ringspand --config /etc/ringspan/ringspan.json\n"
    "\n"
    "Exit codes: 0 ended by SIGTERM or SIGINT, 64 usage, 69 cannot start (socket taken),\n"
    "77 a capability is missing, 78 the configuration is invalid.\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"log-level", required_argument, NULL, 'l'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static enum options_outcome wrong(const char *message)
{
    if (message)
        fprintf(stderr, "ringspand: %s\n", message);
    fputs(usage, stderr);
    return OPTIONS_WRONG;
}

static enum options_outcome take_option(int option, struct options *options)
{
    switch (option) {
    case 'c':
        options->config = optarg;
        return OPTIONS_RUN;
    case 'l':
        options->has_log_level = true;
        if (log_level_from_name(optarg, &options->log_level))
            return OPTIONS_RUN;
        return wrong("--log-level takes error, warning, notice, info or debug");
    case 'V':
        puts("ringspand " RINGSPAN_VERSION);
        return OPTIONS_DONE;
    case 'h':
        fputs(usage, stdout);
        fputs(help, stdout);
        return OPTIONS_DONE;
    default:
        return wrong(NULL); /* getopt said why */
    }
}

enum options_outcome options_parse(int argc, char **argv, struct options *ret_options)
{
    struct options options = {.log_level = LOG_LEVEL_INFO};
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "c:l:Vh", long_options, NULL)) != -1) {
        enum options_outcome outcome = take_option(option, &options);

        if (outcome != OPTIONS_RUN)
            return outcome;
    }
    if (optind < argc)
        return wrong("there is an argument too many");
    if (!options.config)
        return wrong("--config is required");
    *ret_options = options;
    return OPTIONS_RUN;
}

int options_read_config(const struct options *options, struct config **ret_config)
{
    struct config_report report;
    int r = config_load(options->config, ret_config, &report);

    if (r < 0)
        config_report_print(&report, stderr);
    config_report_fini(&report);
    if (r < 0)
        return EX_CONFIG;
    if (options->has_log_level)
        (*ret_config)->daemon.log.level = options->log_level;
    return EX_OK;
}
