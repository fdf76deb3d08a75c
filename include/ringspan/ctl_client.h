/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_CLIENT_H
#define RINGSPAN_CTL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/ctl_protocol.h"
#include "ringspan/json_text.h"

/*
 * Control client: the other end of ctl_server.h, for tools. It blocks, with a bound: no call waits
 * longer than its timeout for the next byte.
 *
 * An answer is one line, kept as text: a list may be long, and whoever wants it row by row cuts it
 * with json_text.h. A line that is cut short is no answer, so nobody ever sees half of one.
 */

struct ctl_client;

struct ctl_reply {
    char *line; /* owns `result` */
    struct json_slice result;
    bool is_fault;
    struct ctl_fault fault; /* if it is one */
};

/** 0; -ENOENT or -ECONNREFUSED (nobody serves @path), -EACCES, -ETIMEDOUT, or -errno. */
int ctl_client_open(const char *path, uint64_t timeout_ns, struct ctl_client **ret);
/** NULL is fine. */
void ctl_client_close(struct ctl_client *client);

/** @fd, which stays the caller's, goes with the next call, which is not to be the first: the daemon
 * takes none before it has looked at who asks. */
void ctl_client_pass_fd(struct ctl_client *client, int fd);

/** The descriptor that came with the last answer, which is the caller's from now on; -1: none. */
int ctl_client_take_fd(struct ctl_client *client);

/**
 * Calls @method with @params, a JSON object as text, or NULL. 0 and an answer, which may be a
 * fault: release it with ctl_reply_fini(). -ETIMEDOUT; -ECONNRESET if the daemon hung up;
 * -EPROTO if what came is no answer; or -errno. After an error the client is of no more use.
 */
int ctl_client_call(struct ctl_client *client, const char *method, const char *params,
                    uint64_t timeout_ns, struct ctl_reply *ret_reply);
void ctl_reply_fini(struct ctl_reply *reply);

/*
 * After a call that began a stream. Whoever waits for more than the daemon polls the descriptor,
 * once nothing is left that was read already.
 */
int ctl_client_fd(const struct ctl_client *client);
bool ctl_client_has_line(const struct ctl_client *client);
/** The next line, without its newline; valid until the next call. 0; -EAGAIN if no whole line has
 * come yet; -ECONNRESET if the daemon hung up; or -errno. */
int ctl_client_read(struct ctl_client *client, struct json_slice *ret_line);

#endif
