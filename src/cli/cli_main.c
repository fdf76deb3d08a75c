/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli_command.h"

static const struct cli_command *const commands[] = {
    &cli_bridge,  &cli_port,    &cli_fdb,     &cli_vlan,    &cli_mirror,  &cli_ledger,
    &cli_explain, &cli_capture, &cli_wait,    &cli_monitor, &cli_metrics, &cli_graph,
    &cli_doctor,  &cli_top,     &cli_check,   &cli_plan,    &cli_reload,  &cli_recorder,
    &cli_config,  &cli_apply,   &cli_confirm, &cli_schema,  &cli_version,
};

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

enum long_only {
    OPTION_FOR = 256,
    OPTION_TIMEOUT,
    OPTION_CONFIRM,
    OPTION_FORMAT,
    OPTION_HOSTS,
    OPTION_BATCH,
    OPTION_OWN, /* of a command: what word and value mean is its business */
};

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"pretty", no_argument, NULL, 'p'},
    {"statistics", no_argument, NULL, 's'},
    {"socket", required_argument, NULL, 'S'},
    {"Version", no_argument, NULL, 'V'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {"for", required_argument, NULL, OPTION_FOR},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"confirm", required_argument, NULL, OPTION_CONFIRM},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"hosts", no_argument, NULL, OPTION_HOSTS},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"port", required_argument, NULL, OPTION_OWN},
    {"dst", required_argument, NULL, OPTION_OWN},
    {"src", required_argument, NULL, OPTION_OWN},
    {"vlan", required_argument, NULL, OPTION_OWN},
    {"pcp", required_argument, NULL, OPTION_OWN},
    {"ethertype", required_argument, NULL, OPTION_OWN},
    {"size", required_argument, NULL, OPTION_OWN},
    {"gso-size", required_argument, NULL, OPTION_OWN},
    {"hex", required_argument, NULL, OPTION_OWN},
    {"pcap", required_argument, NULL, OPTION_OWN},
    {"frame", required_argument, NULL, OPTION_OWN},
    {"bridge", required_argument, NULL, OPTION_OWN},
    {"drops-only", no_argument, NULL, OPTION_OWN},
    {"reason", required_argument, NULL, OPTION_OWN},
    {"filter", required_argument, NULL, OPTION_OWN},
    {"segment", no_argument, NULL, OPTION_OWN},
    {"recorder", no_argument, NULL, OPTION_OWN},
    {"wait", no_argument, NULL, OPTION_OWN},
    {"snaplen", required_argument, NULL, OPTION_OWN},
    {"buffer", required_argument, NULL, OPTION_OWN},
    {"count", required_argument, NULL, 'c'},
    {"write", required_argument, NULL, 'w'},
    {"dump", no_argument, NULL, 'x'},
    {0},
};

static void print_help(FILE *stream)
{
    fputs("Usage: ringspan [OPTIONS] OBJECT [COMMAND]\n\n", stream);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(stream, "  %-10s%s\n", commands[i]->name, commands[i]->summary);
    fputs("\nOPTIONS\n"
          "  -j, --json           print JSON\n"
          "  -p, --pretty         print JSON with line breaks\n"
          "  -s, --statistics     show counters, too\n"
          "  -S, --socket SOCKET  a path, or a name for /run/ringspan/NAME.sock\n"
          "  -V, --version        the version of this tool\n"
          "  -h, --help           this text, or that of an OBJECT\n"
          "\nWords may be shortened: `ringspan p s` is `ringspan port show`.\n"
          "\nExample: ringspan port show\n",
          stream);
}

static const struct cli_command *find_command(const char *word)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (cli_matches(word, commands[i]->name))
            return commands[i];
    }
    return NULL;
}

static int take_given(struct cli *cli, const char *word)
{
    if (cli->n_given == CLI_GIVEN_MAX)
        return cli_fail(CLI_USAGE, "--%s: that is more than any command takes", word);
    cli->given[cli->n_given++] = (struct cli_given){word, optarg};
    return -1;
}

/* -1 to go on, else an exit status. @index is that of a long option. */
static int take_option(struct cli *cli, int option, int index)
{
    switch (option) {
    case 'p':
        cli->pretty = true;
        cli->json = true;
        return -1;
    case 'j':
        cli->json = true;
        return -1;
    case 's':
        cli->statistics = true;
        return -1;
    case 'S':
        cli->socket = optarg;
        return -1;
    case 'h':
        cli->wants_help = true;
        return -1;
    case OPTION_FOR:
        cli->state = optarg;
        return -1;
    case OPTION_TIMEOUT:
        cli->timeout = optarg;
        return -1;
    case OPTION_CONFIRM:
        cli->confirm = optarg;
        return -1;
    case OPTION_FORMAT:
        cli->format = optarg;
        return -1;
    case OPTION_BATCH:
        cli->batch = optarg;
        return -1;
    case OPTION_HOSTS:
        cli->hosts = true;
        return -1;
    case OPTION_OWN:
        return take_given(cli, options[index].name);
    case 'c':
        return take_given(cli, "count");
    case 'w':
        return take_given(cli, "write");
    case 'x':
        return take_given(cli, "dump");
    case 'V':
        puts("ringspan " RINGSPAN_VERSION);
        return CLI_OK;
    default:
        fputs("Try `ringspan help`.\n", stderr);
        return CLI_USAGE;
    }
}

static bool is_help(const char *word)
{
    return !strcmp(word, "help");
}

/* Output that did not arrive is no success: a full disk, say. */
static int flush_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    return status ? status : cli_fail(CLI_REFUSED, "standard output: %s", strerror(errno));
}

/* `show` comes first, as in `ringspan p s`; and a word alone that is only the beginning of a verb
 * is a name. */
static const struct cli_verb *find_verb(const struct cli_command *command, int argc, char **argv)
{
    const char *word;

    if (argc == 0 || !command->verbs || cli_matches(argv[0], "show"))
        return NULL;
    word = strcmp(argv[0], "delete") == 0 ? "del" : argv[0]; /* ip(8) takes both */
    for (const struct cli_verb *verb = command->verbs; verb->name; verb++) {
        if (argc == 1 ? !strcmp(word, verb->name) : cli_matches(word, verb->name))
            return verb;
    }
    return NULL;
}

static int print_usage(const char *help)
{
    fputs(help, stdout);
    return CLI_OK;
}

static bool takes(const struct cli_command *command, const char *word)
{
    const char *const *own = command->options;

    while (own && *own && strcmp(*own, word) != 0)
        own++;
    return own && *own;
}

static bool has_foreign_option(const struct cli *cli, const struct cli_command *command)
{
    for (uint32_t i = 0; i < cli->n_given; i++) {
        const char *word = cli->given[i].word;
        size_t owner = 0;

        if (takes(command, word))
            continue;
        while (!takes(commands[owner], word))
            owner++;
        cli_fail(CLI_USAGE, "--%s belongs to `ringspan %s`", word, commands[owner]->name);
        return true;
    }
    return false;
}

static int run_words(const struct cli *cli, const struct cli_command *command, int argc,
                     char **argv)
{
    const struct cli_verb *verb = find_verb(command, argc, argv);

    if (verb && (cli->wants_help || (argc == 2 && is_help(argv[1])))) {
        print_usage(verb->help);
        if (verb->print_more)
            verb->print_more();
        return CLI_OK;
    }
    if (cli->wants_help || (argc > 0 && is_help(argv[0])))
        return print_usage(command->help);
    if ((cli->state || cli->timeout) && !command->takes_waiting)
        return cli_fail(CLI_USAGE, "--for and --timeout belong to `ringspan wait`");
    if (cli->confirm && !command->takes_confirm)
        return cli_fail(CLI_USAGE, "--confirm belongs to `ringspan apply`");
    if (cli->batch && !command->takes_batch)
        return cli_fail(CLI_USAGE, "--batch belongs to `ringspan top`");
    if ((cli->format || cli->hosts) && !command->takes_graph)
        return cli_fail(CLI_USAGE, "--format and --hosts belong to `ringspan graph`");
    if (has_foreign_option(cli, command))
        return CLI_USAGE;
    if (cli->statistics && (verb || !command->takes_statistics))
        return cli_fail(
            CLI_USAGE,
            "--statistics belongs to `ringspan port show`, `fdb show` and `bridge show`");
    return verb ? verb->run(cli, argc - 1, argv + 1) : command->run(cli, argc, argv);
}

static int fail_without_object(const char *word)
{
    char names[256] = "";
    size_t len = 0;

    for (size_t i = 0; i < N_COMMANDS && len < sizeof(names); i++)
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "",
                                commands[i]->name);
    return cli_fail(CLI_USAGE, "there is no object '%s', but %s; see `ringspan help`", word, names);
}

static int run_command(const struct cli *cli, int argc, char **argv)
{
    const struct cli_command *command = find_command(argv[0]);

    if (!command)
        return fail_without_object(argv[0]);
    return run_words(cli, command, argc - 1, argv + 1);
}

static int parse_and_run(int argc, char **argv)
{
    struct cli cli = {0};
    int index = 0;
    int option;

    optind = 0; /* glibc: start afresh, whoever parsed before */
    while ((option = getopt_long(argc, argv, "jpsS:Vhc:w:x", options, &index)) != -1) {
        int status = take_option(&cli, option, index);

        if (status >= 0)
            return status;
    }
    argc -= optind;
    argv += optind;
    if (argc == 0 && !cli.wants_help) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (argc > 1 && is_help(argv[0])) {
        cli.wants_help = true;
        return run_command(&cli, argc - 1, argv + 1);
    }
    if (argc == 0 || is_help(argv[0])) {
        print_help(stdout);
        return CLI_OK;
    }
    return run_command(&cli, argc, argv);
}

int cli_main(int argc, char **argv)
{
    return flush_output(parse_and_run(argc, argv));
}
