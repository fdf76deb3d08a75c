/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PROGRESS_H
#define RINGSPAN_PROGRESS_H

#include <stdbool.h>

#include "ringspan/ledger.h"

/*
 * Progress: does the data path move?
 *
 * A daemon whose loop turns is alive, and may still forward nothing: its timers and its control
 * socket answer while nobody reads a ring. So all ports are looked at now and then, and a port is
 * stalled if frames waited in its ring at the last look, frames wait there now, and not one was
 * received between the two. A port that is slow, flooded or idle is not stalled; nor is one that
 * was not judged at the last look.
 *
 * What it cannot see: a ring into which the kernel puts nothing, and a copy that was accepted and
 * never left. Both are the device's and not the loop's.
 *
 * Pure: who looks when, and what follows, is watchdog.h.
 */

struct progress;

/** NULL for want of memory. free() it. */
struct progress *progress_new(void);
/** A new look at all ports begins. */
void progress_begin(struct progress *progress);
/**
 * The next port in this look. @snapshot is NULL if the port is not to be judged. Ports are told
 * from each other by name and place: one that moved in the order is new. False if it is stalled.
 */
bool progress_note(struct progress *progress, const char *port,
                   const struct ledger_snapshot *snapshot);

#endif
