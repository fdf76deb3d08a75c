/* SPDX-License-Identifier: ISC */
#include "ctl_session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_socket.h"
#include "ringspan/clock.h"
#include "ringspan/limits.h"

#define READ_CHUNK 16384u

/* Rows are made, and further requests served, while less than this is queued. */
#define OUT_WATERMARK ((size_t)64 << 10)

/* Rows that all sessions together make in one turn of the loop: one costs about a microsecond. */
#define ROWS_PER_TURN 128u

static uint64_t session_now(const struct ctl_session *session)
{
    return event_now(session->server->loop);
}

/* Whether a whole request waits: a line, or what came last before the end of input. */
static bool has_request(struct ctl_session *session, size_t *ret_len)
{
    const char *newline = NULL;

    if (session->in.len > session->scanned)
        newline = memchr(byte_queue_data(&session->in) + session->scanned, '\n',
                         session->in.len - session->scanned);
    if (newline) {
        *ret_len = (size_t)(newline - byte_queue_data(&session->in));
        session->scanned = *ret_len;
        return true;
    }
    session->scanned = session->in.len;
    *ret_len = session->in.len;
    return session->has_eof && session->in.len;
}

/* Whether it has rows to make. */
static bool has_rows(const struct ctl_session *session)
{
    const struct ctl_call *call = &session->call;

    return call->phase == CTL_PHASE_ROWS || (call->phase == CTL_PHASE_STREAM && !call->is_idle);
}

static uint64_t session_deadline(const struct ctl_session *session, bool reads)
{
    uint64_t timeout = session->server->params.timeout_ns;

    if (session->is_dead)
        return session_now(session);
    if (session->call.phase == CTL_PHASE_STREAM)
        return 0;
    if (session->awaits_room)
        return session->room_since + timeout;
    if (reads && session->in.len)
        return session->in_since + timeout;
    return 0;
}

/* Derives what the session waits for from what it is in the middle of. */
static void session_settle(struct ctl_session *session)
{
    bool idle = session->call.phase == CTL_PHASE_IDLE && !session->is_closing;
    size_t len;
    bool pending = idle && has_request(session, &len);
    bool reads = idle && !pending && !session->has_eof;
    bool awaits_room = pending || has_rows(session) || session->out.len;

    if (session->out.overflowed)
        session->is_dead = true;
    if (awaits_room && !session->awaits_room)
        session->room_since = session_now(session);
    session->awaits_room = awaits_room;
    if (event_modify(session->event, (reads ? EPOLLIN : 0) | (awaits_room ? EPOLLOUT : 0)) < 0)
        session->is_dead = true;
    event_timer_set(session->timer, session_deadline(session, reads));
}

static void drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int ctl_call_take_fd(struct ctl_call *call)
{
    int fd = call->fd;

    call->fd = -1;
    return fd;
}

bool ctl_call_give_fd(struct ctl_call *call, int fd)
{
    if (call->session->given_fd >= 0)
        return false;
    call->session->given_fd = fd;
    return true;
}

static void call_end(struct ctl_call *call)
{
    struct ctl_session *session = call->session;

    ctl_request_fini(&call->request);
    drop(&call->fd);
    call->phase = CTL_PHASE_IDLE;
    session->in_since = session_now(session);
}

static struct json_writer *call_begin(struct ctl_call *call)
{
    call->phase = CTL_PHASE_HANDLER;
    json_writer_init(&call->writer, &call->session->out);
    return &call->writer;
}

struct json_writer *ctl_call_open(struct ctl_call *call)
{
    ctl_answer_open(call_begin(call), call->request.id);
    return &call->writer;
}

void ctl_call_close(struct ctl_call *call)
{
    ctl_answer_close(&call->writer);
    call_end(call);
    session_settle(call->session);
}

void ctl_call_fault(struct ctl_call *call, const struct ctl_fault *fault)
{
    ctl_answer_fault(call_begin(call), call->request.id, fault);
    call_end(call);
    session_settle(call->session);
}

static void begin_rows(struct ctl_call *call, const struct ctl_rows *rows, void *state)
{
    call->phase = CTL_PHASE_ROWS;
    call->rows = rows;
    call->rows_state = state;
    session_settle(call->session);
}

void ctl_call_rows(struct ctl_call *call, const struct ctl_rows *rows, void *state)
{
    json_open_array(ctl_call_open(call), NULL);
    call->is_list = true;
    begin_rows(call, rows, state);
}

void ctl_call_pieces(struct ctl_call *call, const struct ctl_rows *pieces, void *state)
{
    ctl_call_open(call);
    call->is_list = false;
    begin_rows(call, pieces, state);
}

void ctl_call_defer(struct ctl_call *call, void (*cancel)(void *arg), void *arg)
{
    call->phase = CTL_PHASE_DEFERRED;
    call->cancel = cancel;
    call->cancel_arg = arg;
}

void ctl_call_stream(struct ctl_call *call, const struct ctl_rows *lines, void *state)
{
    ctl_answer_close(&call->writer);
    ctl_request_fini(&call->request);
    call->phase = CTL_PHASE_STREAM;
    call->rows = lines;
    call->rows_state = state;
    call->is_idle = false;
    session_settle(call->session);
}

bool ctl_stream_push(struct ctl_call *call, const char *line, size_t len)
{
    struct byte_queue *out = &call->session->out;

    if (len > out->max_len - out->len)
        return false;
    byte_queue_append(out, line, len);
    session_settle(call->session);
    return true;
}

void ctl_stream_resume(struct ctl_call *call)
{
    call->is_idle = false;
    session_settle(call->session);
}

static void rows_end(struct ctl_call *call)
{
    call->rows->free(call->rows_state);
    call->rows = NULL;
}

static void rows_over(struct ctl_call *call)
{
    if (call->phase == CTL_PHASE_STREAM) {
        call->is_idle = true;
        return;
    }
    rows_end(call);
    if (call->is_list)
        json_close_array(&call->writer);
    ctl_answer_close(&call->writer);
    call_end(call);
}

static bool makes_rows(const struct ctl_session *session)
{
    return has_rows(session) && session->out.len < OUT_WATERMARK;
}

/* The turn's rows are shared out, so that many dumps delay a frame no more than one does. Those
 * whose clients do not read get none, and take none from others. */
static uint32_t rows_share(const struct ctl_server *server)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < server->n_sessions; i++)
        n += makes_rows(server->sessions[i]);
    return n < ROWS_PER_TURN ? ROWS_PER_TURN / n : 1;
}

static void call_produce(struct ctl_call *call)
{
    struct ctl_session *session = call->session;
    uint32_t budget = rows_share(session->server);

    while (budget-- && session->out.len < OUT_WATERMARK) {
        enum ctl_row row = call->rows->next(call->rows_state, &call->writer);

        if (row == CTL_ROW_END)
            rows_over(call);
        else if (row == CTL_ROW_ABORT)
            session->is_dead = true;
        if (row == CTL_ROW_END || row == CTL_ROW_ABORT)
            return;
    }
}

static const struct ctl_command *find_command(const struct ctl_server *server, const char *method)
{
    for (uint32_t i = 0; i < server->params.n_commands; i++) {
        if (!strcmp(server->params.commands[i].method, method))
            return &server->params.commands[i];
    }
    return NULL;
}

static void call_dispatch(struct ctl_call *call)
{
    struct ctl_server *server = call->session->server;
    const struct ctl_command *command = find_command(server, call->request.method);
    struct ctl_fault fault;

    if (!command) {
        ctl_fault_set(&fault, CTL_UNKNOWN_METHOD, "no method '%.64s'", call->request.method);
        ctl_call_fault(call, &fault);
    } else if (command->needs_write && !call->session->peer.may_write) {
        ctl_fault_set(&fault, CTL_PERMISSION,
                      "uid %ju may look at things, not change them (%s needs root or the daemon's "
                      "own user)",
                      (uintmax_t)call->session->peer.uid, command->method);
        log_ratelimited(&server->refusals, event_now(server->loop), LOG_LEVEL_WARNING, "ctl: %s",
                        fault.message);
        ctl_call_fault(call, &fault);
    } else {
        command->handler(call, call->request.params, server->params.context);
    }
}

static void session_serve(struct ctl_session *session, size_t len)
{
    struct ctl_call *call = &session->call;
    struct ctl_fault fault;
    int r;

    call->phase = CTL_PHASE_HANDLER;
    call->fd = session->passed_fd;
    session->passed_fd = -1;
    r = ctl_request_parse(byte_queue_data(&session->in), len, &call->request, &fault);
    /* The newline too, which is missing at the end of input. */
    byte_queue_consume(&session->in, len < session->in.len ? len + 1 : len);
    session->scanned = 0;
    if (r < 0)
        ctl_call_fault(call, &fault);
    else
        call_dispatch(call);
}

/* An error about no request in particular, after which the client is not listened to. */
static void session_refuse(struct ctl_session *session, enum ctl_code code, const char *message)
{
    struct json_writer writer;
    struct ctl_fault fault;

    ctl_fault_set(&fault, code, "%s", message);
    json_writer_init(&writer, &session->out);
    ctl_answer_fault(&writer, NULL, &fault);
    session->is_closing = true;
}

/* Room for one: the kernel closes what does not fit. Of those that only read none is wanted. */
union fd_message {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void session_take_fd(struct ctl_session *session, struct msghdr *message)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(message);
    int fd;

    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return;
    memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    if (session->passed_fd < 0 && session->peer.may_write)
        session->passed_fd = fd;
    else
        close(fd);
}

static ssize_t session_receive(struct ctl_session *session, char *chunk, size_t size)
{
    union fd_message control;
    struct iovec part = {.iov_base = chunk, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_LEN(sizeof(int)),
    };
    ssize_t n = recvmsg(session->fd, &message, MSG_CMSG_CLOEXEC);

    if (n >= 0)
        session_take_fd(session, &message);
    return n;
}

static void session_read(struct ctl_session *session)
{
    char chunk[READ_CHUNK];
    size_t room = session->in.max_len - session->in.len;
    ssize_t n;

    n = session_receive(session, chunk, room < sizeof(chunk) ? room : sizeof(chunk));
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            session->is_dead = true;
        return;
    }
    if (n == 0)
        session->has_eof = true;
    if (!session->in.len)
        session->in_since = session_now(session);
    if (!byte_queue_append(&session->in, chunk, (size_t)n))
        session->is_dead = true;
}

/* A descriptor goes with the first byte. */
static ssize_t session_send(const struct ctl_session *session)
{
    union fd_message control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                                           .cmsg_level = SOL_SOCKET,
                                           .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {.iov_base = (void *)byte_queue_data(&session->out),
                         .iov_len = session->out.len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (session->given_fd >= 0) {
        memcpy(CMSG_DATA(&control.header), &session->given_fd, sizeof(session->given_fd));
        message.msg_control = &control;
        message.msg_controllen = CMSG_LEN(sizeof(int));
    }
    return sendmsg(session->fd, &message, MSG_NOSIGNAL);
}

static void session_flush(struct ctl_session *session)
{
    ssize_t n;

    if (!session->out.len)
        return;
    n = session_send(session);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            session->is_dead = true;
        return;
    }
    drop(&session->given_fd);
    byte_queue_consume(&session->out, (size_t)n);
}

static void session_work(struct ctl_session *session)
{
    size_t len;

    if (session->call.phase == CTL_PHASE_IDLE && !session->is_closing &&
        session->out.len < OUT_WATERMARK) {
        if (has_request(session, &len) && len <= LIMIT_CTL_REQUEST_BYTES)
            session_serve(session, len);
        else if (session->in.len > LIMIT_CTL_REQUEST_BYTES)
            session_refuse(session, CTL_INVALID_REQUEST, "the request is longer than 64 KiB");
    }
    if (makes_rows(session))
        call_produce(&session->call);
}

static bool session_is_over(const struct ctl_session *session)
{
    if (session->is_dead || session->out.overflowed)
        return true;
    if (session->out.len || session->call.phase != CTL_PHASE_IDLE)
        return false;
    return session->is_closing || (session->has_eof && !session->in.len);
}

static void session_finish_turn(struct ctl_session *session)
{
    if (session_is_over(session))
        ctl_server_drop(session->server, session);
    else
        session_settle(session);
}

static void session_on_event(void *arg, uint32_t events)
{
    struct ctl_session *session = arg;

    if (events & EPOLLOUT)
        session->room_since = session_now(session);
    if (events & EPOLLIN)
        session_read(session);
    session_work(session);
    session_flush(session);
    /* Nobody is left to read an answer. A client that only shut down its sending side is not this
     * case. */
    if (events & (EPOLLHUP | EPOLLERR))
        session->is_dead = true;
    session_finish_turn(session);
}

static void session_on_timer(void *arg)
{
    struct ctl_session *session = arg;

    if (session->awaits_room && !session->is_dead) {
        log_ratelimited(&session->server->refusals, session_now(session), LOG_LEVEL_WARNING,
                        "ctl: client with pid %jd, uid %ju took nothing for too long: cut",
                        (intmax_t)session->peer.pid, (uintmax_t)session->peer.uid);
        session->is_dead = true;
    } else if (!session->is_dead) {
        session_refuse(session, CTL_TIMEOUT, "the request did not arrive completely in time");
        session_flush(session);
    }
    session_finish_turn(session);
}

int ctl_session_new(struct ctl_server *server, int fd, const struct ctl_peer *peer,
                    struct ctl_session **ret)
{
    struct ctl_session *session = calloc(1, sizeof(*session));
    int r;

    if (!session)
        return -ENOMEM;
    session->server = server;
    session->peer = *peer;
    session->call.session = session;
    session->fd = -1;
    session->passed_fd = -1;
    session->given_fd = -1;
    session->call.fd = -1;
    byte_queue_init(&session->in, LIMIT_CTL_REQUEST_BYTES + 1);
    byte_queue_init(&session->out, LIMIT_CTL_QUEUE_BYTES);
    r = event_timer_new(server->loop, session_on_timer, session, &session->timer);
    if (r == 0)
        r = event_add(server->loop, fd, EPOLLIN, session_on_event, session, &session->event);
    if (r < 0) {
        ctl_session_free(session);
        return r;
    }
    session->fd = fd;
    ctl_socket_take_fds(fd, peer->may_write);
    *ret = session;
    return 0;
}

void ctl_session_free(struct ctl_session *session)
{
    struct ctl_call *call = &session->call;

    if (call->rows)
        rows_end(call);
    if (call->phase == CTL_PHASE_DEFERRED)
        call->cancel(call->cancel_arg);
    ctl_request_fini(&call->request);
    drop(&call->fd);
    drop(&session->passed_fd);
    drop(&session->given_fd);
    event_del(session->event);
    event_timer_free(session->timer);
    if (session->fd >= 0)
        close(session->fd);
    byte_queue_fini(&session->in);
    byte_queue_fini(&session->out);
    free(session);
}
