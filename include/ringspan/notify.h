/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_NOTIFY_H
#define RINGSPAN_NOTIFY_H

#include <stdint.h>

/*
 * Notify: tells the service manager how far the daemon is.
 *
 * The manager names a datagram socket in NOTIFY_SOCKET: a path, or "@" and an abstract name. What
 * is sent is lines of VARIABLE=value, as sd_notify(3) describes them. The protocol is stable and
 * smaller than the library that would be linked for it. Without the variable every call does
 * nothing and succeeds: a daemon started by hand is told nothing else.
 *
 * A status is one line for people. Control characters in it are replaced, so that text from
 * elsewhere cannot become a variable, and a long one is cut.
 */

/** READY=1, and a status if @status is not NULL. Waits for room in the manager's queue, because
 * the unit would never be started without it. 0 or -errno. */
int notify_ready(const char *status);
/** Does not wait: -EAGAIN if the manager's queue is full. 0 or -errno. */
int notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** STOPPING=1. Does not wait either. 0 or -errno. */
int notify_stopping(void);

/** WATCHDOG=1. Does not wait either: there is another one soon. 0 or -errno. */
int notify_watchdog(void);
/** The time in ns within which the manager wants to hear notify_watchdog() again; 0 if it does not
 * ask this process. From WATCHDOG_USEC and WATCHDOG_PID. */
uint64_t notify_watchdog_interval(void);

#endif
