/* SPDX-License-Identifier: ISC */
#include "ctl_bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ringspan/log.h"

struct bench bench;

/* ---- commands ---- */

void bench_echo(struct ctl_call *call, const struct json_object *params, void *context)
{
    struct ctl_fault fault;
    const char *text = "nothing";

    if (!ctl_params_string(params, "text", &text, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    json_put_string(ctl_call_open(call), NULL, text);
    ctl_call_close(call);
}

struct list {
    uint32_t next;
};

static enum ctl_row list_next(void *state, struct json_writer *writer)
{
    struct list *list = state;

    if (list->next == LONG_LIST)
        return CTL_ROW_END;
    if (list->next++ % 2)
        return CTL_ROW_NONE;
    json_put_u64(writer, NULL, list->next - 1);
    if (writer->out->len > bench.most_queued)
        bench.most_queued = writer->out->len;
    return CTL_ROW_WRITTEN;
}

static void list_free(void *state)
{
    bench.n_lists_freed++;
    free(state);
}

static void list_show(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const struct ctl_rows rows = {list_next, list_free};

    ctl_call_rows(call, &rows, calloc(1, sizeof(struct list)));
}

static enum ctl_row endless_next(void *state, struct json_writer *writer)
{
    json_put_string(writer, NULL, "again");
    return CTL_ROW_WRITTEN;
}

static void endless_show(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const struct ctl_rows rows = {endless_next, list_free};

    ctl_call_rows(call, &rows, calloc(1, sizeof(struct list)));
}

static enum ctl_row abort_next(void *state, struct json_writer *writer)
{
    struct list *list = state;

    if (list->next == 3)
        return CTL_ROW_ABORT;
    json_put_u64(writer, NULL, list->next++);
    return CTL_ROW_WRITTEN;
}

static void abort_show(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const struct ctl_rows rows = {abort_next, list_free};

    ctl_call_rows(call, &rows, calloc(1, sizeof(struct list)));
}

static void cancel(void *arg)
{
    bench.n_canceled++;
    bench.deferred = NULL;
}

static void later(struct ctl_call *call, const struct json_object *params, void *context)
{
    bench.deferred = call;
    ctl_call_defer(call, cancel, NULL);
}

void bench_flood(struct ctl_call *call, const struct json_object *params, void *context)
{
    struct json_writer *writer = ctl_call_open(call);

    json_open_array(writer, NULL);
    for (uint32_t i = 0; i < LONG_LIST; i++)
        json_put_u64(writer, NULL, UINT64_MAX);
    json_close_array(writer);
    ctl_call_close(call);
}

static const struct ctl_command commands[] = {
    {"echo", false, bench_echo},      {"write", true, bench_echo}, {"list", false, list_show},
    {"abort", false, abort_show},     {"later", false, later},     {"flood", false, bench_flood},
    {"endless", false, endless_show},
};

/* ---- the bench ---- */

static void quiet(void *arg, enum log_level level, const char *line)
{
}

struct ctl_server_params bench_params(void)
{
    struct ctl_server_params params = ctl_server_params_default(bench.path, NULL);

    params.commands = commands;
    params.n_commands = sizeof(commands) / sizeof(*commands);
    params.max_clients_per_uid = BENCH_CLIENTS;
    params.timeout_ns = PATIENCE;
    return params;
}

int bench_start(struct ctl_server_params params)
{
    int r = ctl_server_new(bench.loop, &params, &bench.server);

    return r < 0 ? r : ctl_server_listen(bench.server);
}

int bench_setup(void **state)
{
    memset(&bench, 0, sizeof(bench));
    for (int i = 0; i < BENCH_CLIENTS; i++)
        bench.clients[i] = -1;
    strcpy(bench.dir, "/tmp/ringspan-test-XXXXXX");
    if (!mkdtemp(bench.dir))
        return -1;
    snprintf(bench.path, sizeof(bench.path), "%s/c.sock", bench.dir);
    log_set_sink(quiet, NULL);
    return event_loop_new(&bench.loop);
}

int bench_teardown(void **state)
{
    for (int i = 0; i < BENCH_CLIENTS; i++) {
        if (bench.clients[i] >= 0)
            close(bench.clients[i]);
    }
    ctl_server_free(bench.server);
    event_loop_free(bench.loop);
    log_set_sink(NULL, NULL);
    return rmdir(bench.dir);
}

void bench_turn(void)
{
    assert_int_equal(event_loop_turn(bench.loop, 5), 0);
}

void bench_turns(int n)
{
    while (n--)
        bench_turn();
}

void bench_dial(int i)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, bench.path);
    bench.clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(bench.clients[i] >= 0);
    assert_int_equal(connect(bench.clients[i], (struct sockaddr *)&address, sizeof(address)), 0);
}

void bench_hang_up(int i)
{
    close(bench.clients[i]);
    bench.clients[i] = -1;
}

void bench_say(int i, const char *text)
{
    assert_int_equal(send(bench.clients[i], text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

#define MAX_FDS 8

void bench_say_with_fds(int i, const char *text, const int *fds, uint32_t n_fds)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {.iov_base = (void *)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_LEN(n_fds * sizeof(int))};
    ssize_t sent;

    assert_true(n_fds <= MAX_FDS);
    memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
    /* The server takes them when it has accepted the client. */
    TURN_UNTIL((sent = sendmsg(bench.clients[i], &message, MSG_NOSIGNAL)) >= 0 || errno != EPERM);
    assert_int_equal(sent, strlen(text));
}

bool bench_hear(int i)
{
    ssize_t n = recv(bench.clients[i], bench.text + bench.text_len,
                     sizeof(bench.text) - 1 - bench.text_len, 0);

    if (n > 0)
        bench.text_len += (size_t)n;
    bench.text[bench.text_len] = '\0';
    return n > 0 || (n < 0 && errno == EAGAIN);
}

uint32_t bench_count_lines(void)
{
    uint32_t n = 0;

    for (const char *c = bench.text; (c = strchr(c, '\n')); c++)
        n++;
    return n;
}

const char *bench_hear_lines(int i, uint32_t n)
{
    bench.text_len = 0;
    bench.text[0] = '\0';
    TURN_UNTIL((bench_hear(i), bench_count_lines() >= n));
    assert_int_equal(bench_count_lines(), n);
    return bench.text;
}

void bench_hear_the_end(int i)
{
    bench.text_len = 0;
    TURN_UNTIL(!bench_hear(i));
}

void bench_start_and_dial(void)
{
    assert_int_equal(bench_start(bench_params()), 0);
    bench_dial(0);
}
