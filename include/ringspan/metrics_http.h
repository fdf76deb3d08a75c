/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_METRICS_HTTP_H
#define RINGSPAN_METRICS_HTTP_H

#include "ringspan/daemon.h"
#include "ringspan/event.h"

/*
 * Metrics over HTTP: GET /metrics on a loopback address (daemon.metrics.listen), and nothing else.
 *
 * Everybody on the machine can connect, and nobody is asked who he is; so everything is bounded, as
 * on the control socket (ctl_server.h), and what there is to read is numbers without addresses.
 *
 *   how many   LIMIT_METRICS_SCRAPES clients. Others wait in the kernel until one has left; and who
 *              has had his time for a request, and has not sent all of it, leaves for the next one.
 *   input      One request, its head alone, bounded in bytes and in time: a short one while others
 *              wait, so that who says nothing keeps nobody out.
 *   output     Made line by line while the client reads, so that few of it are queued. The clients
 *              share a number of lines per turn of the loop. Whoever takes nothing of it for a
 *              while, or not all of it in time, is cut.
 *
 * A connection is for one request, and is closed behind the answer. Of HTTP/1.1 the answer comes in
 * chunks, so that one that was cut is not taken for a whole one.
 *
 * The listener follows the configuration: it opens, moves and closes with reloads. An address that
 * cannot be had is no reason not to forward frames: it is logged and tried again.
 */

struct metrics_http;

/** 0 or -errno. Free it before the daemon; NULL is fine. */
int metrics_http_new(struct event_loop *loop, struct daemon *daemon, struct metrics_http **ret);
void metrics_http_free(struct metrics_http *http);

#endif
