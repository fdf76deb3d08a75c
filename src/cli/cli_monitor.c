/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli_command.h"
#include "cli_rows.h"

/* ---- what is asked for ---- */

static const char *const kinds[] = {"port", "link", "fdb", "config", "recorder"};

#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

struct wish {
    bool has_kind[N_KINDS];
    bool has_any_kind;
    bool wants_snapshot;
    const char *bridge;
    const char *port;
};

static bool is_reserved(const char *word)
{
    static const char *const words[] = {"snapshot", "bridge", "master", "dev"};

    for (size_t i = 0; i < N_KINDS; i++) {
        if (!strcmp(word, kinds[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (!strcmp(word, words[i]))
            return true;
    }
    return false;
}

static bool take_kind(struct wish *wish, const char *word)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (!cli_matches(word, kinds[i]))
            continue;
        wish->has_kind[i] = true;
        wish->has_any_kind = true;
        return true;
    }
    return false;
}

/* What @word takes a value for; NULL: it takes none. "port" is a kind of event, and with a name
 * behind it the port that events are about. */
static const char **value_of(struct wish *wish, const char *word, const char *after)
{
    if (cli_matches(word, "bridge") || cli_matches(word, "master"))
        return &wish->bridge;
    if (cli_matches(word, "dev"))
        return &wish->port;
    if (cli_matches(word, "port") && after && !is_reserved(after))
        return &wish->port;
    return NULL;
}

static int parse_wish(int argc, char **argv, struct wish *ret_wish)
{
    for (int i = 0; i < argc; i++) {
        const char *after = i + 1 < argc ? argv[i + 1] : NULL;
        const char **value = value_of(ret_wish, argv[i], after);

        if (value && !after)
            return cli_fail(CLI_USAGE, "'%s' wants a value", argv[i]);
        if (value && *value)
            return cli_fail(CLI_USAGE, "what is '%s'? '%s' is given already", after, argv[i]);
        if (value) {
            *value = after;
            i++;
        } else if (cli_matches(argv[i], "snapshot")) {
            ret_wish->wants_snapshot = true;
        } else if (!take_kind(ret_wish, argv[i])) {
            return cli_fail(CLI_USAGE, "what is '%s'? See `ringspan help monitor`", argv[i]);
        }
    }
    return CLI_OK;
}

static void write_params(const struct wish *wish, struct byte_queue *out)
{
    struct json_writer writer;

    json_writer_init(&writer, out);
    json_open_object(&writer, NULL);
    json_put_bool(&writer, "snapshot", wish->wants_snapshot);
    if (wish->has_any_kind) {
        json_open_array(&writer, "kinds");
        for (size_t i = 0; i < N_KINDS; i++) {
            if (wish->has_kind[i])
                json_put_string(&writer, NULL, kinds[i]);
        }
        json_close_array(&writer);
    }
    if (wish->bridge)
        json_put_string(&writer, "bridge", wish->bridge);
    if (wish->port)
        json_put_string(&writer, "port", wish->port);
    json_close_object(&writer);
    byte_queue_append(out, "", 1);
}

/* ---- lines for people ---- */

/* What an event is about stands first, without its name. */
static const char *subject_of(const char *kind)
{
    static const char *const subjects[N_KINDS] = {"port", "ifname", "mac", "command", "trigger"};

    for (size_t i = 0; i < N_KINDS; i++) {
        if (!strcmp(kind, kinds[i]))
            return subjects[i];
    }
    return "";
}

static bool is_among(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

/* Nothing, an empty text or list, or no VLAN. */
static bool says_nothing(const char *key, struct json_object *value)
{
    if (json_object_is_type(value, json_type_array))
        return json_object_array_length(value) == 0;
    if (json_object_is_type(value, json_type_int))
        return !strcmp(key, "vlan") && json_object_get_int(value) == 0;
    return !value || !*json_object_get_string(value);
}

static void print_value(struct json_object *value)
{
    char cell[CLI_CELL_SIZE];
    bool is_list = json_object_is_type(value, json_type_array);

    cli_format_cell(value, cell);
    for (char *c = cell; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    printf(is_list ? "<%s>" : "%s", cell);
}

static void print_time(struct json_object *row)
{
    double time = json_object_get_double(cli_field(row, "time"));
    time_t seconds = (time_t)time;
    char text[32] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    printf("[%s.%06d] ", text, (int)((time - (double)seconds) * 1e6 + 0.5) % 1000000);
}

static void print_members(struct json_object *row, const char *subject)
{
    static const char *const head[] = {"seq", "time", "kind", "event", "reason", NULL};

    json_object_object_foreach(row, key, value)
    {
        if (is_among(key, head) || !strcmp(key, subject) || says_nothing(key, value))
            continue;
        printf(" %s ", key);
        print_value(value);
    }
}

static void print_row(struct json_object *row)
{
    const char *kind = cli_string(row, "kind");
    const char *subject = subject_of(kind);
    struct json_object *about = *subject ? cli_field(row, subject) : NULL;
    struct json_object *reason = cli_field(row, "reason");

    print_time(row);
    printf("%" PRIu64 ": %s %s", cli_number(row, "seq"), kind, cli_string(row, "event"));
    if (about) {
        putchar(' ');
        print_value(about);
    }
    print_members(row, subject);
    if (!says_nothing("reason", reason)) {
        fputs(": ", stdout);
        print_value(reason);
    }
    putchar('\n');
}

static void print_line(const struct cli *cli, struct json_slice line)
{
    struct json_slice event;
    struct json_slice rest;
    struct json_object *row;

    if (!json_text_member(line, "params", &event))
        return;
    if (cli->json) {
        cli_print_json(cli, event);
        return;
    }
    rest = event;
    row = cli_next_row(&rest);
    if (row)
        print_row(row);
    json_object_put(row);
}

/* ---- the stream ---- */

/* Whoever read our output has gone: that is an end like any other. */
static int reader_is_gone(void)
{
    __fpurge(stdout);
    clearerr(stdout);
    return CLI_OK;
}

/* Before anything is written: whoever reads may have stopped for good. */
static bool has_room(int signals)
{
    return cli_await_room(STDOUT_FILENO, signals, -1) == 0;
}

/* CLI_OK to end, -1 to go on. */
static int await_more(const struct ctl_client *client, int signals)
{
    struct pollfd fds[] = {
        {.fd = ctl_client_fd(client), .events = POLLIN},
        {.fd = signals, .events = POLLIN},
        {.fd = STDOUT_FILENO}, /* the end of a pipe shows as an error */
    };

    if (!has_room(signals))
        return reader_is_gone();
    if (fflush(stdout) != 0)
        return errno == EPIPE ? reader_is_gone() : CLI_OK;
    if (poll(fds, sizeof(fds) / sizeof(*fds), -1) < 0 && errno != EINTR)
        return cli_fail(CLI_REFUSED, "%s", strerror(errno));
    if (fds[1].revents)
        return CLI_OK;
    return fds[2].revents & POLLERR ? reader_is_gone() : -1;
}

static int follow(const struct cli *cli, struct ctl_client *client, int signals)
{
    for (;;) {
        struct json_slice line;
        int status = ctl_client_has_line(client) ? -1 : await_more(client, signals);
        int r;

        if (status >= 0)
            return status;
        r = ctl_client_read(client, &line);
        if (r == 0 && !has_room(signals))
            return reader_is_gone();
        if (r == 0)
            print_line(cli, line);
        else if (r == -ECONNRESET)
            return cli_fail(CLI_UNREACHABLE, "the daemon hung up");
        else if (r != -EAGAIN)
            return cli_fail(CLI_UNREACHABLE, "%s", strerror(-r));
    }
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct wish wish = {0};
    struct byte_queue params;
    struct ctl_client *client;
    struct ctl_reply reply;
    int status = parse_wish(argc, argv, &wish);
    int signals;

    if (status != CLI_OK)
        return status;
    byte_queue_init(&params, SIZE_MAX);
    write_params(&wish, &params);
    status =
        cli_begin(cli, "monitor.start", byte_queue_data(&params), CLI_TIMEOUT_NS, &client, &reply);
    byte_queue_fini(&params);
    if (status != CLI_OK)
        return status;
    ctl_reply_fini(&reply);
    signals = cli_open_signals(); /* it ends between two lines, not within one */
    if (signals < 0) {
        status = cli_fail(CLI_REFUSED, "%s", strerror(errno));
    } else {
        status = follow(cli, client, signals);
        close(signals);
    }
    ctl_client_close(client);
    return status;
}

const struct cli_command cli_monitor = {
    .name = "monitor",
    .summary = "what happens, as it happens",
    .help =
        "Usage: ringspan monitor [snapshot] [port] [link] [fdb] [config] [recorder]\n"
        "                        [bridge BRIDGE]\n"
        "       ringspan monitor [port PORT] [dev PORT]\n\n"
        "One line per event, until it is interrupted: of the kinds that are given, or of all, and\n"
        "about one bridge or port, if that is given. `port` with a name behind it is that port;\n"
        "`dev` is another word for it. `snapshot` shows first what there is. Ends with status 3\n"
        "if the daemon does.\n\n"
        "Example: ringspan monitor\n"
        "         ringspan monitor fdb port r1\n"
        "         ringspan -j monitor snapshot port | jq -c 'select(.state != \"forwarding\")'\n",
    .run = run,
};
