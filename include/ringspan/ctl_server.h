/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_SERVER_H
#define RINGSPAN_CTL_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ringspan/ctl_protocol.h"
#include "ringspan/event.h"

/*
 * Control server: a UNIX stream socket on the event loop, and whoever is connected to it.
 *
 * It knows the protocol (ctl_protocol.h) and a table of commands; what the commands are about it
 * does not know. Clients may mean harm, and frames are forwarded by the same thread, so everything
 * here is bounded:
 *
 *   who      Anybody may connect and is told by peer credentials what he may do: root and the
 *            daemon's user everything, members of the configured group (supplementary groups count,
 *            as of connect) read. Others get one error with a sentence, and the door.
 *   how many Clients in all and per uid. The last few places are for those who may write, so
 *            readers cannot lock root out. Without descriptors left, listening pauses; it does not
 *            spin.
 *   input    One request at a time per client, at most 64 KiB, complete within 5 s of its first
 *            byte. While a request is being answered nothing more is read. A client that may
 *            write can pass one descriptor (SCM_RIGHTS) with a request, once he was answered
 *            something; any other is refused by the kernel, or, by an old one, closed.
 *   output   A bounded queue. A client that takes nothing for 5 s is cut. Lists are produced row by
 *            row when the queue has room, so a dump of any size holds some tens of KiB.
 *   work     Per turn of the loop: one request per client, and a number of rows that all clients
 *            share.
 *
 *   descriptors  An answer can have one. It goes with the first bytes that are sent from then on,
 *            which may be those of an answer before.
 *   streams  A client that takes nothing is not cut, because nothing new is its normal state; what
 *            does not fit into its queue is refused, and whoever feeds the stream counts it.
 *
 * A command's handler is called in the loop with a struct ctl_call and must see to exactly one
 * answer, in one of six ways:
 *
 *   ctl_call_open()…ctl_call_close()  a value, now
 *   ctl_call_fault()                  an error, now
 *   ctl_call_rows()                   an array, row by row, over many turns
 *   ctl_call_pieces()                 any value, piece by piece, over many turns
 *   ctl_call_defer()                  later: one of those before, from any handler of the loop
 *   ctl_call_open()…ctl_call_stream() a value, now, and lines from then on: the connection is used
 *                                     for nothing else any more
 *
 * One daemon per path: a lock file beside the socket (PATH.lock) is held from ctl_server_new() on,
 * which is early, so that a second instance learns that it is one before it touches anything. The
 * socket itself appears with ctl_server_listen(). With the lock in hand an old socket file can only
 * be stale, and is replaced. Both files, and the directory if it was made, go with
 * ctl_server_free(). A process that was killed has its lock until the kernel has closed all that it
 * had open, which may take seconds; so whoever has the lock and answers nobody is waited for.
 */

struct ctl_server;
struct ctl_call;

struct ctl_command {
    const char *method;
    bool needs_write;
    /* @params is a JSON object or NULL, valid until the answer is complete. */
    void (*handler)(struct ctl_call *call, const struct json_object *params, void *context);
};

struct ctl_server_params {
    const char *path;
    const char *group;                  /* name of the group that may read; NULL: none */
    const struct ctl_command *commands; /* outlives the server */
    uint32_t n_commands;
    void *context; /* handed to handlers */
    uint32_t max_clients;
    uint32_t max_clients_per_uid;
    uint64_t timeout_ns;
    uint64_t
        patience_ns; /* for another instance that does not answer to end; it blocks meanwhile */
};

/** With the limits of limits.h, and without patience. */
struct ctl_server_params ctl_server_params_default(const char *path, const char *group);

/** Takes the lock and removes a stale socket. 0; -EADDRINUSE (another instance serves the path),
 * -EEXIST (it is no socket), -ENOENT (no such group), or -errno. Says why in the log. */
int ctl_server_new(struct event_loop *loop, const struct ctl_server_params *params,
                   struct ctl_server **ret);
/** Makes the socket and serves. 0 or -errno, with the reason in the log. */
int ctl_server_listen(struct ctl_server *server);
/** Cuts all clients, cancels what is deferred, removes the files. NULL is fine. */
void ctl_server_free(struct ctl_server *server);

uint32_t ctl_server_n_clients(const struct ctl_server *server);

/** Opens the answer: write exactly one value to the writer, then close. */
struct json_writer *ctl_call_open(struct ctl_call *call);
void ctl_call_close(struct ctl_call *call);

void ctl_call_fault(struct ctl_call *call, const struct ctl_fault *fault);

/** The descriptor that came with the request, which is the caller's from now on; -1 if none did, or
 * if this client may only read. */
int ctl_call_take_fd(struct ctl_call *call);
/** @fd goes with the answer, which is to follow at once, and is the server's from now on. False:
 * the one that went with an earlier answer was not taken yet, and @fd is still the caller's. */
bool ctl_call_give_fd(struct ctl_call *call, int fd);

enum ctl_row {
    CTL_ROW_WRITTEN,
    CTL_ROW_NONE, /* did a bounded piece of work and wrote nothing */
    CTL_ROW_END,
    CTL_ROW_ABORT, /* it cannot go on: the client is cut, for half a list is no answer */
};

struct ctl_rows {
    /* Writes at most one element (a few KiB at most), having done a bounded piece of work. The
     * world may have changed since the last call. */
    enum ctl_row (*next)(void *state, struct json_writer *writer);
    /* Called once, whether or not the end was reached. */
    void (*free)(void *state);
};

/** Answers with an array. Takes @state over. @rows outlives the call. */
void ctl_call_rows(struct ctl_call *call, const struct ctl_rows *rows, void *state);
/** The same for any other value: what @pieces writes, bit by bit, is one value together, brackets
 * and commas included. */
void ctl_call_pieces(struct ctl_call *call, const struct ctl_rows *pieces, void *state);

/** The answer will come later. @cancel(@arg) is called if the client goes before: then the call is
 * no more. */
void ctl_call_defer(struct ctl_call *call, void (*cancel)(void *arg), void *arg);

/**
 * Ends the value in the place of ctl_call_close(). Takes @state over. Lines come in two ways, which
 * may be mixed: @lines->next() is called when there is room, as for rows, and CTL_ROW_END means
 * that none is due; ctl_stream_push() adds one at once. A line ends in a newline.
 */
void ctl_call_stream(struct ctl_call *call, const struct ctl_rows *lines, void *state);
/** False if the queue is too full for it. */
bool ctl_stream_push(struct ctl_call *call, const char *line, size_t len);
/** Has @lines->next() called again, once there is room. */
void ctl_stream_resume(struct ctl_call *call);

#endif
