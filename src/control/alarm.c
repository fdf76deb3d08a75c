/* SPDX-License-Identifier: ISC */
#include "ringspan/alarm.h"

enum alarm_news alarm_look(struct alarm *alarm, uint64_t count, uint64_t now)
{
    uint64_t before = alarm->count;

    alarm->count = count;
    if (count != before) {
        bool was_on = alarm->is_on;

        alarm->grew_at = now;
        alarm->is_on = true;
        if (was_on)
            return ALARM_NOTHING_NEW;
        alarm->before = before;
        return ALARM_BEGINS;
    }
    if (!alarm->is_on || now - alarm->grew_at < ALARM_QUIET_NS)
        return ALARM_NOTHING_NEW;
    alarm->is_on = false;
    return ALARM_ENDS;
}
