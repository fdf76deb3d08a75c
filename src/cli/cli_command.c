/* SPDX-License-Identifier: ISC */
#include "cli_command.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "ringspan/clock.h"
#include "ringspan/ctl_path.h"

#define AWAIT_INTERVAL_MS 20

bool cli_matches(const char *word, const char *name)
{
    return *word && !strncmp(word, name, strlen(word));
}

int cli_fail(int exit, const char *format, ...)
{
    va_list args;

    fputs("ringspan: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return exit;
}

static int fail_to_reach(const char *path, int error)
{
    switch (error) {
    case -ENOENT:
    case -ECONNREFUSED:
        return cli_fail(CLI_UNREACHABLE,
                        "no daemon serves %s (is ringspand running? -S or RINGSPAN_SOCKET choose "
                        "another socket)",
                        path);
    case -EACCES:
    case -EPERM:
        return cli_fail(CLI_PERMISSION, "%s: %s", path, strerror(-error));
    case -ECONNRESET:
        return cli_fail(CLI_UNREACHABLE, "%s: the daemon hung up", path);
    case -ETIMEDOUT:
        return cli_fail(CLI_UNREACHABLE, "%s: the daemon does not answer", path);
    case -EPROTO:
        return cli_fail(CLI_UNREACHABLE, "%s: what answers there is not ringspand", path);
    default:
        return cli_fail(CLI_UNREACHABLE, "%s: %s", path, strerror(-error));
    }
}

static int fail_with_fault(struct ctl_reply *reply)
{
    int exit = reply->fault.code == CTL_PERMISSION ? CLI_PERMISSION : CLI_REFUSED;

    cli_fail(exit, "%s", reply->fault.message);
    ctl_reply_fini(reply);
    return exit;
}

static void warn_if_other_version(struct json_slice daemon)
{
    static const char ours[] = "\"" RINGSPAN_VERSION "\"";
    struct json_slice version;

    if (!json_text_member(daemon, "version", &version))
        return;
    if (version.len != strlen(ours) || memcmp(version.text, ours, version.len) != 0)
        fprintf(stderr, "ringspan: warning: this is version %s, the daemon is version %.*s\n", ours,
                (int)version.len, version.text);
}

/* -errno, or 0 with an answer to the last question asked. */
static int ask(struct ctl_client *client, const char *method, const char *params, int fd,
               uint64_t timeout_ns, struct ctl_reply *ret_reply)
{
    struct ctl_reply daemon;
    int r;

    r = ctl_client_call(client, "daemon.show", NULL, CLI_TIMEOUT_NS, &daemon);
    if (r < 0)
        return r;
    if (daemon.is_fault) {
        *ret_reply = daemon;
        return 0;
    }
    warn_if_other_version(daemon.result);
    ctl_reply_fini(&daemon);
    ctl_client_pass_fd(client, fd);
    return ctl_client_call(client, method, params, timeout_ns, ret_reply);
}

static int begin(const struct cli *cli, const char *method, const char *params, int fd,
                 uint64_t timeout_ns, struct ctl_client **ret_client, struct ctl_reply *ret_reply)
{
    struct ctl_path_env env = ctl_path_env_here();
    struct ctl_client *client;
    struct ctl_path path;
    struct ctl_reply reply;
    int r;

    r = ctl_path_of_client(&env, cli->socket, &path);
    if (r < 0)
        return cli_fail(CLI_USAGE, "%s", ctl_path_strerror(r));
    r = ctl_client_open(path.text, CLI_TIMEOUT_NS, &client);
    if (r < 0)
        return fail_to_reach(path.text, r);
    r = ask(client, method, params, fd, timeout_ns, &reply);
    if (r == 0 && !reply.is_fault) {
        *ret_client = client;
        *ret_reply = reply;
        return CLI_OK;
    }
    ctl_client_close(client);
    return r < 0 ? fail_to_reach(path.text, r) : fail_with_fault(&reply);
}

int cli_begin(const struct cli *cli, const char *method, const char *params, uint64_t timeout_ns,
              struct ctl_client **ret_client, struct ctl_reply *ret_reply)
{
    return begin(cli, method, params, -1, timeout_ns, ret_client, ret_reply);
}

int cli_call(const struct cli *cli, const char *method, const char *params, uint64_t timeout_ns,
             struct ctl_reply *ret_reply)
{
    return cli_call_with_fd(cli, method, params, -1, timeout_ns, ret_reply);
}

int cli_call_with_fd(const struct cli *cli, const char *method, const char *params, int fd,
                     uint64_t timeout_ns, struct ctl_reply *ret_reply)
{
    struct ctl_client *client;
    int status = begin(cli, method, params, fd, timeout_ns, &client, ret_reply);

    if (status == CLI_OK)
        ctl_client_close(client);
    return status;
}

static bool nobody_serves(const char *path)
{
    struct ctl_client *client = NULL;
    int r = ctl_client_open(path, CLI_TIMEOUT_NS, &client);

    ctl_client_close(client);
    return r == -ENOENT || r == -ECONNREFUSED;
}

int cli_await_daemon(const struct cli *cli, uint64_t timeout_ns, uint64_t *ret_waited_ns)
{
    uint64_t began = clock_now();

    for (;;) {
        struct ctl_path_env env = ctl_path_env_here();
        struct ctl_path path;
        int r = ctl_path_of_client(&env, cli->socket, &path);

        if (r < 0)
            return cli_fail(CLI_USAGE, "%s", ctl_path_strerror(r));
        *ret_waited_ns = clock_now() - began;
        if (*ret_waited_ns >= timeout_ns || !nobody_serves(path.text))
            return CLI_OK;
        poll(NULL, 0, AWAIT_INTERVAL_MS);
    }
}

int cli_open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int cli_await_room(int fd, int signals, int timeout_ms)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLOUT}, {.fd = signals, .events = POLLIN}};
        int n = poll(fds, 2, timeout_ms);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -ETIMEDOUT;
        if (n > 0)
            return fds[0].revents ? 0 : -EINTR;
    }
}

void cli_print_json(const struct cli *cli, struct json_slice value)
{
    if (cli->pretty) {
        json_text_print_pretty(value, stdout);
    } else {
        fwrite(value.text, 1, value.len, stdout);
        fputc('\n', stdout);
    }
}

void cli_print_json_row(const struct cli *cli, struct json_slice value)
{
    struct byte_queue list;

    byte_queue_init(&list, SIZE_MAX);
    byte_queue_append(&list, "[", 1);
    byte_queue_append(&list, value.text, value.len);
    byte_queue_append(&list, "]", 1);
    cli_print_json(cli, (struct json_slice){byte_queue_data(&list), list.len});
    byte_queue_fini(&list);
}

static const struct cli_keyword *find_keyword(const struct cli_keyword *keywords, const char *word)
{
    for (const struct cli_keyword *keyword = keywords; keyword->word; keyword++) {
        if (cli_matches(word, keyword->word))
            return keyword;
    }
    return NULL;
}

static int put_value(struct json_writer *writer, const struct cli_keyword *keyword,
                     const char *value)
{
    char *end;
    unsigned long long number;

    if (!keyword->is_number) {
        json_put_string(writer, keyword->param, value);
        return CLI_OK;
    }
    errno = 0;
    number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno)
        return cli_fail(CLI_USAGE, "%s: '%s' is not a number", keyword->word, value);
    json_put_u64(writer, keyword->param, number);
    return CLI_OK;
}

#define FILTERS_MAX 12 /* parameters that any command has */

/* The parameters given so far: each may be given once. */
struct filters {
    struct json_writer writer;
    const char *params[FILTERS_MAX];
    const char *values[FILTERS_MAX];
    uint32_t n_params;
};

static int add_filter(struct filters *filters, const struct cli_keyword *keyword, const char *value)
{
    for (uint32_t i = 0; i < filters->n_params; i++) {
        if (!strcmp(filters->params[i], keyword->param))
            return cli_fail(CLI_USAGE, "what is '%s'? '%s' is the %s already; see `ringspan help`",
                            value, filters->values[i], keyword->param);
    }
    filters->values[filters->n_params] = value;
    filters->params[filters->n_params++] = keyword->param;
    return put_value(&filters->writer, keyword, value);
}

int cli_parse_filters(int argc, char **argv, const struct cli_keyword *keywords, const char *bare,
                      struct byte_queue *out)
{
    const struct cli_keyword bare_keyword = {bare, bare, false};
    struct filters filters = {0};
    int i = 0;

    json_writer_init(&filters.writer, out);
    json_open_object(&filters.writer, NULL);
    if (argc > 0 && cli_matches(argv[0], "show"))
        i++;
    for (; i < argc; i++) {
        const struct cli_keyword *keyword = find_keyword(keywords, argv[i]);
        bool is_last = i + 1 == argc;
        int status;

        /* A last word may be a name that a keyword happens to begin like. */
        if (is_last && keyword && bare && strcmp(argv[i], keyword->word) != 0)
            keyword = NULL;
        if (keyword && is_last)
            return cli_fail(CLI_USAGE, "'%s' wants a value", keyword->word);
        if (!keyword && !bare)
            return cli_fail(CLI_USAGE, "what is '%s'? See `help` of this object", argv[i]);
        if (keyword)
            i++;
        status = add_filter(&filters, keyword ? keyword : &bare_keyword, argv[i]);
        if (status != CLI_OK)
            return status;
    }
    json_close_object(&filters.writer);
    byte_queue_append(out, "", 1);
    return CLI_OK;
}

int cli_query(const struct cli *cli, const char *method, const struct cli_keyword *keywords,
              const char *bare, int argc, char **argv, struct ctl_reply *ret_reply)
{
    struct byte_queue params;
    int status;

    byte_queue_init(&params, SIZE_MAX);
    status = cli_parse_filters(argc, argv, keywords, bare, &params);
    if (status == CLI_OK)
        status = cli_call(cli, method, byte_queue_data(&params), CLI_TIMEOUT_NS, ret_reply);
    byte_queue_fini(&params);
    return status;
}
