/* SPDX-License-Identifier: ISC */
#include "ringspan/metrics_http.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics_session.h"
#include "ringspan/bus.h"
#include "ringspan/clock.h"

#define BACKLOG  16
#define RETRY_NS (2 * NS_PER_SEC)
#define PAUSE_NS (250 * NS_PER_MS) /* when there are no descriptors left */

/* Lines of one turn, at their longest. */
#define PIECE_MAX ((size_t)256 << 10)

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- clients ---- */

static void pause_listening(struct metrics_http *http)
{
    http->is_paused = true;
    event_modify(http->listener, 0);
}

static void resume_listening(struct metrics_http *http)
{
    http->is_paused = false;
    event_modify(http->listener, EPOLLIN);
}

static bool is_full(const struct metrics_http *http)
{
    return http->n_sessions == LIMIT_METRICS_SCRAPES;
}

/* NULL: all have said what they want. */
static struct metrics_session *oldest_silent(const struct metrics_http *http)
{
    for (uint32_t i = 0; i < http->n_sessions; i++) {
        if (http->sessions[i]->phase == SESSION_READS)
            return http->sessions[i];
    }
    return NULL;
}

/* There is a place when somebody leaves, or when somebody's time to say something is over. */
static void await_place(struct metrics_http *http)
{
    const struct metrics_session *session = oldest_silent(http);

    if (session)
        event_timer_set(http->resume, session->since + LIMIT_METRICS_PATIENCE_NS);
}

static bool somebody_waits(const struct metrics_http *http)
{
    struct pollfd waiting = {.fd = http->fd, .events = POLLIN};

    return poll(&waiting, 1, 0) > 0;
}

/* By a timer, and not when somebody comes: all that the others have sent by now has been read. */
static void make_place(struct metrics_http *http)
{
    struct metrics_session *session = oldest_silent(http);
    uint64_t now = event_now(http->loop);

    if (!session || now < session->since + LIMIT_METRICS_PATIENCE_NS || !somebody_waits(http))
        return;
    log_ratelimited(&http->complaints, now, LOG_LEVEL_WARNING,
                    "metrics: a client that asked for nothing has made way for another");
    metrics_session_turn_away(session);
}

static void on_resume(void *arg)
{
    struct metrics_http *http = arg;

    if (!http->is_paused)
        return;
    if (is_full(http))
        make_place(http);
    resume_listening(http);
}

void metrics_http_drop(struct metrics_http *http, struct metrics_session *session)
{
    for (uint32_t i = 0; i < http->n_sessions; i++) {
        if (http->sessions[i] == session) {
            http->n_sessions--;
            memmove(&http->sessions[i], &http->sessions[i + 1],
                    (http->n_sessions - i) * sizeof(http->sessions[0]));
            break;
        }
    }
    metrics_session_free(session);
    event_timer_set(http->resume, event_now(http->loop));
}

static int take_client(struct metrics_http *http)
{
    int fd = accept4(http->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int r;

    if (fd < 0)
        return -errno;
    r = metrics_session_new(http, fd, &http->sessions[http->n_sessions]);
    if (r < 0)
        close(fd);
    else
        http->n_sessions++;
    return r;
}

static void on_connection(void *arg, uint32_t events)
{
    struct metrics_http *http = arg;
    int r = 0;

    while (r == 0 && !is_full(http)) {
        r = take_client(http);
        if (r == -EINTR || r == -ECONNABORTED)
            r = 0;
    }
    if (r == -EAGAIN)
        return;
    /* Without a pause the loop would spin on those who wait. */
    pause_listening(http);
    if (r == 0) {
        await_place(http);
        return;
    }
    log_ratelimited(&http->complaints, event_now(http->loop), LOG_LEVEL_WARNING,
                    "metrics: cannot accept a client: %s; listening pauses for a moment",
                    strerror(-r));
    event_timer_set(http->resume, event_now(http->loop) + PAUSE_NS);
}

/* ---- the listener ---- */

static void close_listener(struct metrics_http *http)
{
    event_del(http->listener);
    http->listener = NULL;
    if (http->fd >= 0)
        close(http->fd);
    http->fd = -1;
    http->is_paused = false;
}

static int listen_at(int fd, const struct loopback *where)
{
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, &where->address.any, where->len) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return 0;
}

static int open_listener(struct metrics_http *http)
{
    struct loopback where;
    int fd;
    int r;

    if (loopback_parse(http->address, &where))
        return -EINVAL;
    fd = socket(where.address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = listen_at(fd, &where);
    if (r == 0)
        r = event_add(http->loop, fd, EPOLLIN, on_connection, http, &http->listener);
    if (r < 0) {
        close(fd);
        return r;
    }
    http->fd = fd;
    return 0;
}

static void try_to_listen(struct metrics_http *http, bool is_first)
{
    int r = open_listener(http);

    if (r == 0) {
        log_notice("metrics: served at http://%s/metrics", http->address);
        return;
    }
    if (is_first)
        log_error("metrics: cannot listen on %s: %s; it is tried again and again", http->address,
                  strerror(-r));
    event_timer_set(http->settle, event_now(http->loop) + RETRY_NS);
}

/* Makes the listener what the configuration wants. Who is being answered stays. */
static void settle(struct metrics_http *http)
{
    const char *wanted = daemon_config(http->daemon)->daemon.metrics.listen;
    bool is_news = !same_text(http->address, wanted);

    if (is_news) {
        close_listener(http);
        free(http->address);
        http->address = wanted ? strdup(wanted) : NULL;
    }
    if (http->address && http->fd < 0)
        try_to_listen(http, is_news);
    else
        event_timer_set(http->settle, 0);
}

static void on_settle(void *arg)
{
    settle(arg);
}

/* Nothing may be done from within the bus. */
static void on_config(void *arg, const struct bus_event *event)
{
    struct metrics_http *http = arg;

    event_timer_set(http->settle, event_now(http->loop));
}

int metrics_http_new(struct event_loop *loop, struct daemon *daemon, struct metrics_http **ret)
{
    struct metrics_http *http = calloc(1, sizeof(*http));
    int r;

    if (!http)
        return -ENOMEM;
    http->loop = loop;
    http->daemon = daemon;
    http->fd = -1;
    http->complaints = (struct log_ratelimit){.interval_ns = 10 * NS_PER_SEC, .burst = 5};
    byte_queue_init(&http->piece, PIECE_MAX);
    metrics_source_init(&http->source, loop, daemon);
    r = event_timer_new(loop, on_settle, http, &http->settle);
    if (r == 0)
        r = event_timer_new(loop, on_resume, http, &http->resume);
    if (r == 0)
        r = bus_listen(daemon_bus(daemon), BUS_MASK(BUS_CONFIG), on_config, http, &http->news);
    if (r < 0) {
        metrics_http_free(http);
        return r;
    }
    settle(http);
    *ret = http;
    return 0;
}

void metrics_http_free(struct metrics_http *http)
{
    if (!http)
        return;
    bus_unlisten(http->news);
    while (http->n_sessions > 0)
        metrics_http_drop(http, http->sessions[0]);
    close_listener(http);
    event_timer_free(http->settle);
    event_timer_free(http->resume);
    byte_queue_fini(&http->piece);
    free(http->address);
    free(http);
}
