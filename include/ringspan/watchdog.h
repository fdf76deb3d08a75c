/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_WATCHDOG_H
#define RINGSPAN_WATCHDOG_H

#include "ringspan/daemon.h"
#include "ringspan/event.h"

/*
 * Watchdog: tells the service manager twice per interval that frames are being forwarded.
 *
 * The word goes out from the loop, so it stops when the loop hangs; and only after a look at all
 * ports (progress.h) that found none stalled, so it stops as well when the loop turns and the data
 * path does not. The manager then ends the daemon and starts another. Where no manager asks for it
 * (notify.h) no timer runs.
 */

struct watchdog;

/** 0 or -errno. Free it before the loop and the daemon. */
int watchdog_new(struct event_loop *loop, struct daemon *daemon, struct watchdog **ret);
/** NULL is fine. */
void watchdog_free(struct watchdog *watchdog);

#endif
