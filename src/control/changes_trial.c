/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "changes_private.h"
#include "ringspan/clock.h"
#include "ringspan/log.h"

/* Without memory what was before cannot be restored, and is what everybody waits for. */
#define RETRY_NS NS_PER_SEC

static uint64_t now_of(const struct changes *changes)
{
    return event_now(changes->params.loop);
}

bool changes_on_trial(const struct changes *changes, uint64_t *ret_left_ns)
{
    uint64_t now = now_of(changes);

    if (!changes->before)
        return false;
    *ret_left_ns = changes->restore_at > now ? changes->restore_at - now : 0;
    return true;
}

static bool is_free_to_go(enum change_kind kind)
{
    return kind == CHANGE_DIFF || kind == CHANGE_RESTORE;
}

bool change_is_allowed(struct change *change)
{
    uint64_t left;

    if (is_free_to_go(change->kind) || !changes_on_trial(change->changes, &left))
        return true;
    change->error = -EBUSY;
    if (asprintf(&change->sentence,
                 "what was applied is on trial for %" PRIu64 " s more: `ringspan confirm` keeps it",
                 (left + NS_PER_SEC - 1) / NS_PER_SEC) < 0)
        change->sentence = NULL;
    return false;
}

static void begin_trial(struct changes *changes, struct change *change)
{
    changes->before = change->before;
    change->before = NULL;
    changes->restore_at = now_of(changes) + change->confirm_ns;
    event_timer_set(changes->restore, changes->restore_at);
    log_notice("apply: goes back in %" PRIu64 " s, unless confirmed",
               change->confirm_ns / NS_PER_SEC);
}

static void end_trial(struct changes *changes)
{
    event_timer_set(changes->restore, 0);
    config_free(changes->before);
    changes->before = NULL;
    changes->is_restoring = false;
}

static void retry(struct changes *changes)
{
    event_timer_set(changes->restore, now_of(changes) + RETRY_NS);
}

void change_note_trial(struct change *change)
{
    struct changes *changes = change->changes;

    if (change->kind == CHANGE_RESTORE && change->error < 0)
        retry(changes);
    else if (change->kind == CHANGE_RESTORE)
        end_trial(changes);
    else if (change->error == 0 && change->confirm_ns > 0)
        begin_trial(changes, change);
}

void changes_on_restore(void *arg)
{
    struct changes *changes = arg;
    struct change *change;
    int r;

    if (!changes->is_restoring)
        log_warning("apply: nobody confirmed in time: going back to what was before");
    changes->is_restoring = true;
    r = change_new(changes, CHANGE_RESTORE, &change);
    if (r == 0)
        r = change_submit(change, NULL, NULL, NULL);
    if (r < 0)
        retry(changes);
}

int changes_confirm(struct changes *changes)
{
    if (!changes->before)
        return -ENOENT;
    if (changes->is_restoring)
        return -EALREADY;
    log_notice("apply: confirmed");
    end_trial(changes);
    return 0;
}
