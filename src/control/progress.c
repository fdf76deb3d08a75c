/* SPDX-License-Identifier: ISC */
#include "ringspan/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/limits.h"

struct mark {
    char port[LIMIT_NAME_SIZE];
    bool has_unread;
    uint64_t received;
};

struct progress {
    uint32_t next;
    struct mark marks[LIMIT_PORTS]; /* of the last look; up to `next`, of this one */
};

struct progress *progress_new(void)
{
    return calloc(1, sizeof(struct progress));
}

void progress_begin(struct progress *progress)
{
    progress->next = 0;
}

bool progress_note(struct progress *progress, const char *port,
                   const struct ledger_snapshot *snapshot)
{
    struct mark now = {.has_unread = snapshot && snapshot->unread_min > 0};
    struct mark *mark;
    bool is_stalled;

    if (progress->next == LIMIT_PORTS)
        return true;
    mark = &progress->marks[progress->next++];
    snprintf(now.port, sizeof(now.port), "%s", port);
    now.received = snapshot ? snapshot->counters.received.frames : 0;
    is_stalled = now.has_unread && mark->has_unread && now.received == mark->received &&
                 strcmp(now.port, mark->port) == 0;
    *mark = now;
    return !is_stalled;
}
