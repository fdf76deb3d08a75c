/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_STATUS_H
#define RINGSPAN_STATUS_H

#include "ringspan/daemon.h"

/*
 * Status: the one line that says how the daemon is doing ("4 ports: 3 forwarding, 1 waiting"), for
 * the log once and for the service manager whenever it changes. However many ports change in a turn
 * of the loop, the manager gets one message: its queue is short, and the last word is what counts.
 */

struct status;

/** 0 or -errno. Free before the daemon; NULL is fine. */
int status_new(struct event_loop *loop, const struct daemon *daemon, struct status **ret);
void status_free(struct status *status);

/** The daemon is ready: logs the line, and tells the service manager. */
void status_ready(struct status *status);

#endif
