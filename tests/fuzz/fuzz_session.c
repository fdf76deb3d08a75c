/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "ringspan/ctl_server.h"
#include "ringspan/json_scan.h"
#include "ringspan/log.h"

/*
 * A client sends any bytes in any pieces, with descriptors. What it hears is lines of strict JSON,
 * and when it has gone none of its descriptors is left open, whoever took them.
 *
 * The input is pieces: a byte with the number of descriptors (2 bits) and of bytes, and those.
 */

#define MAX_FDS   3
#define TURNS_MAX 10000

static struct {
    struct event_loop *loop;
    struct ctl_server *server;
    char path[64];
    char heard[1 << 16];
    size_t n_heard;
} bench;

/* ---- the server ---- */

static void echo(struct ctl_call *call, const struct json_object *params, void *context)
{
    const char *text = "nothing";
    struct ctl_fault fault;

    if (!ctl_params_string(params, "text", &text, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    json_put_string(ctl_call_open(call), NULL, text);
    ctl_call_close(call);
}

static void take(struct ctl_call *call, const struct json_object *params, void *context)
{
    int fd = ctl_call_take_fd(call);

    json_put_bool(ctl_call_open(call), NULL, fd >= 0);
    ctl_call_close(call);
    if (fd >= 0)
        fuzz_require(close(fd) == 0);
}

static void ignore(void *arg)
{
}

/* Never answered: it ends with the client. */
static void later(struct ctl_call *call, const struct json_object *params, void *context)
{
    ctl_call_defer(call, ignore, NULL);
}

static void quiet(void *arg, enum log_level level, const char *line)
{
}

static void start(void)
{
    static const struct ctl_command commands[] = {
        {"echo", false, echo}, {"take", true, take}, {"later", false, later}};
    struct ctl_server_params params;

    snprintf(bench.path, sizeof(bench.path), "/tmp/ringspan-fuzz-%d.sock", (int)getpid());
    log_set_sink(quiet, NULL);
    params = ctl_server_params_default(bench.path, NULL);
    params.commands = commands;
    params.n_commands = sizeof(commands) / sizeof(*commands);
    fuzz_require(event_loop_new(&bench.loop) == 0);
    fuzz_require(ctl_server_new(bench.loop, &params, &bench.server) == 0);
    fuzz_require(ctl_server_listen(bench.server) == 0);
}

static void stop(void)
{
    ctl_server_free(bench.server);
    event_loop_free(bench.loop);
}

/* ---- the client ---- */

/* Before the server has it, and knows whose it is, the kernel takes no descriptors. */
static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, bench.path, sizeof(bench.path));
    fuzz_require(client >= 0);
    fuzz_require(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
    for (unsigned i = 0; ctl_server_n_clients(bench.server) == 0; i++) {
        fuzz_require(i < TURNS_MAX);
        fuzz_require(event_loop_turn(bench.loop, 0) == 0);
    }
    return client;
}

static void check_line(const char *line, size_t len)
{
    struct json_error error;
    struct json_scan scan;

    fuzz_require(json_scan(line, len, &scan, &error) == 0);
    fuzz_require(json_member(&scan, line, 0, "id") != JSON_NONE);
    json_scan_fini(&scan);
}

static void hear(int client)
{
    ssize_t n = recv(client, bench.heard + bench.n_heard, sizeof(bench.heard) - bench.n_heard, 0);
    char *line = bench.heard;
    char *end;

    bench.n_heard += n > 0 ? (size_t)n : 0;
    while ((end = memchr(line, '\n', bench.n_heard - (size_t)(line - bench.heard)))) {
        check_line(line, (size_t)(end - line));
        line = end + 1;
    }
    bench.n_heard -= (size_t)(line - bench.heard);
    memmove(bench.heard, line, bench.n_heard);
}

static void turn(int client)
{
    fuzz_require(event_loop_turn(bench.loop, 0) == 0);
    hear(client);
}

/* Returns how many bytes the socket took. */
static size_t say(int client, const uint8_t *bytes, size_t len, int fd, unsigned n_fds)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    for (unsigned i = 0; i < n_fds; i++)
        memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &fd, sizeof(fd));
    if (n_fds > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_LEN(n_fds * sizeof(int));
    }
    n = sendmsg(client, &message, MSG_NOSIGNAL);
    fuzz_require(n >= 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
    return n > 0 ? (size_t)n : 0;
}

/* Until there is room in the socket, or the server has cut it. */
static void say_piece(int client, const uint8_t *bytes, size_t len, int fd, unsigned n_fds)
{
    for (unsigned i = 0; len > 0 && i < 64; i++) {
        size_t n = say(client, bytes, len, fd, n_fds);

        n_fds = n > 0 ? 0 : n_fds;
        bytes += n;
        len -= n;
        turn(client);
    }
}

static void say_all(int client, int fd, const uint8_t *data, size_t size)
{
    while (size > 1) {
        size_t len = (size_t)(*data & 63) + 1;
        unsigned n_fds = *data >> 6;

        len = len < size - 1 ? len : size - 1;
        say_piece(client, data + 1, len, fd, n_fds);
        data += len + 1;
        size -= len + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pollfd end = {.events = POLLIN};
    int client;
    int ends[2];

    if (!bench.server) {
        start();
        atexit(stop);
    }
    fuzz_require(pipe(ends) == 0);
    client = dial();
    bench.n_heard = 0;
    say_all(client, ends[1], data, size);
    close(ends[1]);
    for (unsigned i = 0; i < 64; i++)
        turn(client);
    close(client);
    for (unsigned i = 0; ctl_server_n_clients(bench.server) > 0; i++) {
        fuzz_require(i < TURNS_MAX);
        fuzz_require(event_loop_turn(bench.loop, 0) == 0);
    }
    /* The last one that could write to it has gone. */
    end.fd = ends[0];
    fuzz_require(poll(&end, 1, 0) == 1 && end.revents & POLLHUP);
    close(ends[0]);
    return 0;
}
