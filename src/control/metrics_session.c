/* SPDX-License-Identifier: ISC */
#include "metrics_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "ringspan/http_request.h"

#define PATH     "/metrics"
#define HEAD_MAX 512

/* Lines that all sessions together make in one turn of the loop: one costs about a microsecond. */
#define LINES_PER_TURN 128u

/* Lines are made while less than this is queued. */
#define OUT_WATERMARK ((size_t)64 << 10)
#define OUT_MAX       ((size_t)1 << 20)

#define DRAIN_NS NS_PER_SEC

static const char type_openmetrics[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";
static const char type_text[] = "text/plain; version=0.0.4; charset=utf-8";
static const char type_plain[] = "text/plain; charset=utf-8";

static void set_deadline(struct metrics_session *session, uint64_t ns)
{
    event_timer_set(session->deadline, event_now(session->http->loop) + ns);
}

/* While the answer is being taken: progress puts the end off, but not for ever. */
static void put_off_deadline(struct metrics_session *session)
{
    uint64_t at = event_now(session->http->loop) + LIMIT_METRICS_REQUEST_NS;

    event_timer_set(session->deadline, at < session->answer_until ? at : session->answer_until);
}

static void begin_answer(struct metrics_session *session)
{
    session->phase = SESSION_ANSWERS;
    session->answer_until = event_now(session->http->loop) + LIMIT_METRICS_ANSWER_NS;
    put_off_deadline(session);
}

static void append(struct metrics_session *session, const char *text)
{
    byte_queue_append(&session->out, text, strlen(text));
}

static void append_head(struct metrics_session *session, enum http_status status, const char *type,
                        const char *more)
{
    char head[HEAD_MAX];

    snprintf(head, sizeof(head),
             "HTTP/1.1 %s\r\n"
             "Content-Type: %s\r\n"
             "Cache-Control: no-store\r\n"
             "X-Content-Type-Options: nosniff\r\n"
             "Connection: close\r\n"
             "%s"
             "\r\n",
             http_status_line(status), type, more);
    append(session, head);
}

static void refuse(struct metrics_session *session, enum http_status status)
{
    char more[96];
    char body[96];
    int len = snprintf(body, sizeof(body), "%s: there is GET " PATH " here, and nothing else\n",
                       http_status_line(status));

    snprintf(more, sizeof(more), "%sContent-Length: %d\r\n",
             status == HTTP_METHOD_NOT_ALLOWED ? "Allow: GET\r\n" : "", len);
    append_head(session, status, type_plain, more);
    append(session, body);
    begin_answer(session);
}

static void answer(struct metrics_session *session, const struct http_request *request)
{
    enum metrics_format format = request->likes_openmetrics ? METRICS_OPENMETRICS : METRICS_TEXT;
    int r = 0;

    if (request->status == HTTP_OK)
        r = metrics_scrape_new(&session->http->source, format, &session->scrape);
    if (request->status != HTTP_OK || r < 0) {
        refuse(session, r < 0 ? HTTP_UNAVAILABLE : request->status);
        return;
    }
    session->is_chunked = request->is_chunkable;
    append_head(session, HTTP_OK, format == METRICS_OPENMETRICS ? type_openmetrics : type_text,
                session->is_chunked ? "Transfer-Encoding: chunked\r\nVary: Accept\r\n"
                                    : "Vary: Accept\r\n");
    begin_answer(session);
}

/* ---- input ---- */

static void take_request(struct metrics_session *session)
{
    const char *text = byte_queue_data(&session->in);
    size_t len = http_head_len(text, session->in.len);
    struct http_request request;

    if (len == 0) {
        if (session->in.len == session->in.max_len)
            refuse(session, HTTP_HEAD_TOO_LARGE);
        return;
    }
    request = http_request_parse(text, len, PATH);
    byte_queue_consume(&session->in, session->in.len);
    answer(session, &request);
}

/* What comes when the request is over is read and forgotten. */
static void session_read(struct metrics_session *session)
{
    char chunk[LIMIT_METRICS_REQUEST_BYTES];
    size_t room = sizeof(chunk);
    ssize_t n;

    if (session->phase == SESSION_READS)
        room = session->in.max_len - session->in.len;
    n = recv(session->fd, chunk, room, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            session->is_dead = true;
        return;
    }
    if (n == 0)
        session->is_dead = true;
    if (n == 0 || session->phase != SESSION_READS)
        return;
    if (byte_queue_append(&session->in, chunk, (size_t)n))
        take_request(session);
    else
        session->is_dead = true;
}

/* ---- output ---- */

static bool makes_lines(const struct metrics_session *session)
{
    return session->scrape && session->out.len < OUT_WATERMARK;
}

static uint32_t lines_share(const struct metrics_http *http)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < http->n_sessions; i++)
        n += makes_lines(http->sessions[i]);
    return n > 1 ? LINES_PER_TURN / n : LINES_PER_TURN;
}

static void send_piece(struct metrics_session *session)
{
    struct byte_queue *piece = &session->http->piece;
    char size[24];

    if (piece->len == 0)
        return;
    snprintf(size, sizeof(size), "%zx\r\n", piece->len);
    if (session->is_chunked)
        append(session, size);
    byte_queue_append(&session->out, byte_queue_data(piece), piece->len);
    if (session->is_chunked)
        append(session, "\r\n");
    byte_queue_consume(piece, piece->len);
}

static void produce(struct metrics_session *session)
{
    struct byte_queue *piece = &session->http->piece;
    uint32_t budget = lines_share(session->http);
    int r = 1;

    while (r > 0 && budget-- > 0)
        r = metrics_scrape_next(session->scrape, piece);
    send_piece(session);
    if (r < 0)
        session->is_dead = true;
    if (r != 0)
        return;
    metrics_scrape_free(session->scrape);
    session->scrape = NULL;
    if (session->is_chunked)
        append(session, "0\r\n\r\n");
}

static void session_flush(struct metrics_session *session)
{
    ssize_t n;

    if (session->out.len == 0)
        return;
    n = send(session->fd, byte_queue_data(&session->out), session->out.len, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            session->is_dead = true;
        return;
    }
    byte_queue_consume(&session->out, (size_t)n);
    put_off_deadline(session);
}

static void finish_answer(struct metrics_session *session)
{
    session->phase = SESSION_DRAINS;
    shutdown(session->fd, SHUT_WR);
    set_deadline(session, DRAIN_NS);
}

/* ---- turns ---- */

static void session_settle(struct metrics_session *session)
{
    bool answers = session->phase == SESSION_ANSWERS;

    if (session->out.overflowed || session->http->piece.overflowed)
        session->is_dead = true;
    /* While it answers it does not read: closing comes as EPOLLHUP, unasked. */
    if (!session->is_dead && event_modify(session->event, answers ? EPOLLOUT : EPOLLIN) < 0)
        session->is_dead = true;
    if (session->is_dead)
        metrics_http_drop(session->http, session);
}

static void on_event(void *arg, uint32_t events)
{
    struct metrics_session *session = arg;

    if (events & EPOLLIN)
        session_read(session);
    if (makes_lines(session))
        produce(session);
    session_flush(session);
    if (session->phase == SESSION_ANSWERS && !session->scrape && session->out.len == 0)
        finish_answer(session);
    if (events & (EPOLLHUP | EPOLLERR))
        session->is_dead = true;
    session_settle(session);
}

/* A request that does not come is told so; whoever does not read would not read that either. */
static void on_deadline(void *arg)
{
    struct metrics_session *session = arg;

    if (session->phase == SESSION_ANSWERS)
        log_ratelimited(&session->http->complaints, event_now(session->http->loop),
                        LOG_LEVEL_WARNING, "metrics: a client was too slow to read: cut");
    if (session->phase == SESSION_READS)
        refuse(session, HTTP_REQUEST_TIMEOUT);
    else
        session->is_dead = true;
    session_settle(session);
}

void metrics_session_turn_away(struct metrics_session *session)
{
    refuse(session, HTTP_UNAVAILABLE);
    session_flush(session);
    metrics_http_drop(session->http, session);
}

int metrics_session_new(struct metrics_http *http, int fd, struct metrics_session **ret)
{
    struct metrics_session *session = calloc(1, sizeof(*session));
    int r;

    if (!session)
        return -ENOMEM;
    session->http = http;
    session->since = event_now(http->loop);
    session->fd = -1;
    byte_queue_init(&session->in, LIMIT_METRICS_REQUEST_BYTES);
    byte_queue_init(&session->out, OUT_MAX);
    r = event_timer_new(http->loop, on_deadline, session, &session->deadline);
    if (r == 0)
        r = event_add(http->loop, fd, EPOLLIN, on_event, session, &session->event);
    if (r < 0) {
        metrics_session_free(session);
        return r;
    }
    session->fd = fd;
    set_deadline(session, LIMIT_METRICS_REQUEST_NS);
    *ret = session;
    return 0;
}

void metrics_session_free(struct metrics_session *session)
{
    metrics_scrape_free(session->scrape);
    event_del(session->event);
    event_timer_free(session->deadline);
    if (session->fd >= 0)
        close(session->fd);
    byte_queue_fini(&session->in);
    byte_queue_fini(&session->out);
    free(session);
}
