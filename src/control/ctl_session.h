/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_SESSION_H
#define RINGSPAN_CTL_SESSION_H

#include <sys/types.h>

#include "ringspan/byte_queue.h"
#include "ringspan/ctl_server.h"
#include "ringspan/log.h"

/*
 * Control session: one connected client, from its first byte to its end.
 *
 * A session sits on one descriptor and one timer. After every piece of work session_settle()
 * derives from its state what it waits for: input (a request), output (room in the socket, or a
 * turn to go on working in), a deadline. A session that must end is marked as dead and freed by the
 * outermost of its own event handlers, never under the feet of a command.
 */

struct ctl_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
    bool may_write;
};

enum ctl_phase {
    CTL_PHASE_IDLE,
    CTL_PHASE_HANDLER, /* the handler runs, or its answer is open */
    CTL_PHASE_ROWS,
    CTL_PHASE_DEFERRED,
    CTL_PHASE_STREAM,
};

struct ctl_call {
    struct ctl_session *session;
    struct ctl_request request;
    enum ctl_phase phase;
    struct json_writer writer;
    const struct ctl_rows *rows;
    bool is_list; /* rows are elements of an array, not pieces of any value */
    void *rows_state;
    bool is_idle; /* a stream that waits for its next row */
    void (*cancel)(void *arg);
    void *cancel_arg;
    int fd; /* that came with the request, and that nobody took; -1: none */
};

struct ctl_session {
    struct ctl_server *server;
    struct ctl_peer peer;
    int fd;
    int passed_fd; /* that came with what is being read; -1: none */
    int given_fd;  /* that goes with what is sent next; -1: none */
    struct event *event;
    struct event_timer *timer;
    struct byte_queue in;
    struct byte_queue out;
    size_t scanned;      /* bytes of `in` that hold no newline */
    uint64_t in_since;   /* when the request that is being read began */
    uint64_t room_since; /* when the socket last had room, or was first asked for it */
    bool awaits_room;    /* to send, or to go on working: its turns come when the client reads */
    bool has_eof;        /* the client sends nothing more */
    bool is_closing;     /* ends when its output is gone */
    bool is_dead;        /* ends now */
    struct ctl_call call;
};

struct ctl_server {
    struct event_loop *loop;
    struct ctl_server_params params;
    struct ctl_socket *socket;
    struct event *listener;
    struct event_timer *pause; /* armed while listening pauses */
    bool has_group;
    gid_t gid;
    uint32_t n_sessions;
    struct ctl_session **sessions; /* params.max_clients */
    struct log_ratelimit refusals;
};

/** Takes @fd over if it succeeds. 0 or -errno. */
int ctl_session_new(struct ctl_server *server, int fd, const struct ctl_peer *peer,
                    struct ctl_session **ret);
/** Cancels what it waits for. */
void ctl_session_free(struct ctl_session *session);
/** Implemented by the server: forgets and frees @session. */
void ctl_server_drop(struct ctl_server *server, struct ctl_session *session);

#endif
