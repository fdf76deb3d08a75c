/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CLOCK_H
#define RINGSPAN_CLOCK_H

#include <stdint.h>

/*
 * Clock: the one place that reads time.
 *
 * Time is CLOCK_MONOTONIC in nanoseconds, an unsigned 64-bit number called `now`. The event loop
 * samples it once per turn (event_now()); everything below takes it as an argument, which is what
 * lets a simulation age a table by a week in a millisecond. No other file calls clock_gettime();
 * a lint test holds that.
 */

#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_SEC UINT64_C(1000000000)

/** The current CLOCK_MONOTONIC time in nanoseconds. For the event loop and for tools, not for the
 * data path. */
uint64_t clock_now(void);

/** The time of day in nanoseconds since 1970 (UTC), which may jump: only to be shown to people. */
uint64_t clock_wall(void);
/** The same in microseconds. */
uint64_t clock_wall_us(void);

#endif
