/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_ALARM_H
#define RINGSPAN_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/clock.h"

/*
 * Alarm: when something began, and when it was over, told by a counter alone.
 *
 * Whoever has a counter that grows while something goes on looks at it now and then. It has begun
 * when the counter has grown, and is over when it has not for ALARM_QUIET_NS: what stops and starts
 * all the time is one and the same, so nobody is told of more than one beginning in that time.
 */

#define ALARM_QUIET_NS (10 * NS_PER_SEC)

enum alarm_news {
    ALARM_NOTHING_NEW,
    ALARM_BEGINS,
    ALARM_ENDS,
};

/* Zeroed: nothing has happened, and nothing was counted. */
struct alarm {
    uint64_t count;   /* at the last look */
    uint64_t before;  /* what it was before it began last */
    uint64_t grew_at; /* the last look that saw it grow */
    bool is_on;
};

enum alarm_news alarm_look(struct alarm *alarm, uint64_t count, uint64_t now);
/** By how much the counter has grown since it began; of one that is over, until it was. */
static inline uint64_t alarm_growth(const struct alarm *alarm)
{
    return alarm->count - alarm->before;
}

#endif
