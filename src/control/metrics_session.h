/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_METRICS_SESSION_H
#define SRC_CONTROL_METRICS_SESSION_H

#include "ringspan/byte_queue.h"
#include "ringspan/event.h"
#include "ringspan/log.h"
#include "ringspan/loopback.h"
#include "ringspan/metrics.h"

/*
 * Inside of metrics over HTTP: metrics_http.c (the listener, and who is connected) and
 * metrics_session.c (one client).
 */

enum session_phase {
    SESSION_READS,   /* the request */
    SESSION_ANSWERS, /* there is some of it to make or to send */
    SESSION_DRAINS,  /* all is sent; what the client still says is read, so that closing does not
                      * make the kernel discard what he has not read yet */
};

struct metrics_session {
    struct metrics_http *http;
    int fd;
    struct event *event;
    struct event_timer *deadline;
    uint64_t since; /* when it came */
    enum session_phase phase;
    struct byte_queue in;
    struct byte_queue out;
    struct metrics_scrape *scrape; /* while there is more to be made */
    uint64_t answer_until;
    bool is_chunked;
    bool is_dead;
};

struct metrics_http {
    struct event_loop *loop;
    struct daemon *daemon;
    struct metrics_source source;
    struct bus_listener *news;
    struct event_timer *settle; /* armed when the configuration changed, or to try again */
    char *address;              /* that it listens on, or tries to; NULL: none */
    int fd;
    struct event *listener;
    bool is_paused; /* there is no place, or no descriptor */
    struct event_timer *resume;
    struct log_ratelimit complaints;
    struct byte_queue piece; /* for all sessions: lines that become a chunk */
    uint32_t n_sessions;
    struct metrics_session *sessions[LIMIT_METRICS_SCRAPES]; /* as they came */
};

/** Takes @fd over if it succeeds. 0 or -errno. */
int metrics_session_new(struct metrics_http *http, int fd, struct metrics_session **ret);
void metrics_session_free(struct metrics_session *session);
/** For one that has not sent all of its request, and is not asked for it any more: it is told so as
 * far as that needs no waiting, and freed. */
void metrics_session_turn_away(struct metrics_session *session);
/** Implemented by the server: forgets and frees @session. */
void metrics_http_drop(struct metrics_http *http, struct metrics_session *session);

#endif
