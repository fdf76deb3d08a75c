/* SPDX-License-Identifier: ISC */
#include "ringspan/changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "changes_private.h"
#include "ringspan/log.h"

static void begin_first(struct changes *changes);

/* Not realpath(3): a link on the way may lead to another file by the time of the next reload, which
 * is how a configuration is replaced in one step. */
static int make_absolute(const char *path, char **ret_path)
{
    char *folder = NULL;
    char *absolute;
    int n;

    if (*path != '/') {
        folder = getcwd(NULL, 0);
        if (!folder)
            return -errno;
    }
    n = asprintf(&absolute, "%s%s%s", folder ? folder : "", folder ? "/" : "", path);
    free(folder);
    if (n < 0)
        return -ENOMEM;
    *ret_path = absolute;
    return 0;
}

int changes_new(const struct changes_params *params, struct changes **ret)
{
    struct changes *changes = calloc(1, sizeof(*changes));
    int r = 0;

    if (!changes)
        return -ENOMEM;
    changes->params = *params;
    if (strcmp(params->path, "-") != 0)
        r = make_absolute(params->path, &changes->path);
    if (r == 0)
        r = config_clone(daemon_config(params->daemon), &changes->file);
    if (r == 0)
        r = event_timer_new(params->loop, changes_on_restore, changes, &changes->restore);
    if (r == 0)
        r = workers_new(params->loop, 1, &changes->workers);
    if (r < 0)
        changes_free(changes);
    else
        *ret = changes;
    return r;
}

/* ---- one change ---- */

int change_new(struct changes *changes, enum change_kind kind, struct change **ret)
{
    struct change *change = calloc(1, sizeof(*change));

    if (!change)
        return -ENOMEM;
    change->changes = changes;
    change->kind = kind;
    change->fd = -1;
    *ret = change;
    return 0;
}

static void change_free(struct change *change)
{
    if (change->edit)
        change->edit->free(change->state);
    plan_fini(&change->plan); /* refers to `next`, or to what it replaced */
    config_free(change->next);
    config_free(change->file);
    config_free(change->before);
    free(change->source);
    if (change->fd >= 0)
        close(change->fd);
    free(change->sentence);
    free(change);
}

const char *change_name(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_RELOAD:
        return "reload";
    case CHANGE_APPLY:
        return "apply";
    case CHANGE_EDIT:
        return change->edit->what;
    case CHANGE_RESTORE:
        return "restore";
    case CHANGE_DIFF:
        return "diff";
    }
    return "";
}

void changes_free(struct changes *changes)
{
    struct change *change;

    if (!changes)
        return;
    changes->is_dying = true;
    workers_free(changes->workers);
    change = changes->first;
    while (change) {
        struct change *after = change->after;

        change_free(change);
        change = after;
    }
    event_timer_free(changes->restore);
    config_free(changes->before);
    config_free(changes->file);
    free(changes->path);
    free(changes);
}

/* Before the one that is under way nobody stands. */
static void leave_queue(struct changes *changes, const struct change *change)
{
    struct change *before = changes->first;

    while (before->after != change)
        before = before->after;
    before->after = change->after;
    if (changes->last == change)
        changes->last = before;
}

/* Differences that nobody waits for any more are not looked for: readers could keep those who
 * change something waiting. */
void change_forget(struct change *change)
{
    struct changes *changes = change->changes;

    change->fn = NULL;
    if (change->kind != CHANGE_DIFF || change == changes->first)
        return;
    leave_queue(changes, change);
    change_free(change);
}

/* ---- running it ---- */

static void log_plan(const struct change *change)
{
    uint32_t n[3] = {0};

    for (uint32_t i = 0; i < change->plan.n_steps; i++) {
        const struct plan_step *step = &change->plan.steps[i];

        n[step->op]++;
        if (step->disruption == PLAN_DISRUPTS_RESTART && change->kind == CHANGE_RELOAD)
            log_warning("reload: %s takes effect when the daemon is started again", step->key);
        else if (step->disruption == PLAN_DISRUPTS_RESTART)
            log_warning("%s: %s stays as it is while the daemon runs", change_name(change),
                        step->key);
    }
    log_notice("%s: %u deleted, %u changed, %u added", change_name(change), n[PLAN_DEL],
               n[PLAN_CHANGE], n[PLAN_ADD]);
}

static void answer(const struct change *change)
{
    struct change_result result = {.error = change->error, .report = "", .plan = &change->plan};

    if (change->error < 0) {
        result.report = change->sentence ? change->sentence : strerror(-change->error);
        result.plan = NULL;
    }
    if (change->fn)
        change->fn(change->arg, &result);
}

static void swap_configs(struct config **a, struct config **b)
{
    struct config *was = *a;

    *a = *b;
    *b = was;
}

static void run(struct change *change)
{
    enum log_level log_level;
    struct config *before;

    log_level = change->next->daemon.log.level;
    change->error =
        daemon_reload(change->changes->params.daemon, change->next, &change->plan, &before);
    if (change->error < 0)
        return;
    change->next = before; /* to be released when the plan is not needed any more */
    if (change->kind == CHANGE_RELOAD)
        swap_configs(&change->changes->file, &change->file);
    log_set_level(log_level);
    if (change->edit && change->edit->made)
        change->edit->made(change->state, change->changes->params.daemon);
    log_plan(change);
    daemon_tell_config(change->changes->params.daemon, change_name(change), &change->plan, NULL);
}

/* Not to stdio: standard error may be a pipe that nobody reads. */
static void log_report(const char *text)
{
    while (*text) {
        int len = (int)strcspn(text, "\n");

        log_error("%.*s", len, text);
        text += len;
        text += *text == '\n';
    }
}

static void report_refusal(const struct change *change)
{
    const char *why = change->sentence ? change->sentence : strerror(-change->error);

    if (change->error != -EBUSY && change->sentence &&
        (change->kind == CHANGE_RELOAD || change->kind == CHANGE_APPLY)) {
        log_error("%s: %s is not valid: nothing changed", change_name(change),
                  change->source ? change->source : change->changes->path);
        log_report(why);
    } else {
        log_error("%s: nothing changed: %s", change_name(change), why);
    }
    if (change->kind != CHANGE_DIFF)
        daemon_tell_config(change->changes->params.daemon, change_name(change), NULL, why);
}

static void finish(struct change *change)
{
    struct changes *changes = change->changes;

    if (change->error == 0 && change->kind != CHANGE_DIFF)
        run(change);
    if (change->error < 0)
        report_refusal(change);
    change_note_trial(change);
    answer(change);
    changes->first = change->after;
    change_free(change);
    begin_first(changes);
}

static void on_loaded(void *arg)
{
    struct change *change = arg;

    if (!change->changes->is_dying)
        finish(change);
}

/* ---- who is next ---- */

static int begin(struct change *change)
{
    struct changes *changes = change->changes;

    change->now = daemon_config(changes->params.daemon);
    (void)change_is_allowed(change); /* else nothing is loaded, and the answer is no */
    return workers_submit(changes->workers, change_load, on_loaded, change);
}

/* Of several that cannot even begin each is told. */
static void begin_first(struct changes *changes)
{
    int r = changes->first ? begin(changes->first) : 0;

    if (r == 0)
        return;
    changes->first->error = r;
    finish(changes->first);
}

/* Takes @change over if it succeeds. */
static int submit(struct change *change)
{
    struct changes *changes = change->changes;

    if (changes->first) {
        changes->last->after = change;
    } else {
        int r = begin(change);

        if (r < 0)
            return r;
        changes->first = change;
    }
    changes->last = change;
    return 0;
}

int change_submit(struct change *change, change_fn fn, void *arg, struct change **ret_change)
{
    int r;

    change->fn = fn;
    change->arg = arg;
    r = submit(change);
    if (r < 0)
        change_free(change);
    else if (ret_change)
        *ret_change = change;
    return r;
}

/* A reload that nobody waits for and that has not begun will read the file as it is now. */
static bool has_waiting_reload(const struct changes *changes)
{
    const struct change *change = changes->first ? changes->first->after : NULL;

    while (change && (change->kind != CHANGE_RELOAD || change->fn))
        change = change->after;
    return change != NULL;
}

int changes_reload(struct changes *changes, change_fn fn, void *arg, struct change **ret_change)
{
    struct change *change;
    int r;

    if (!changes->path) {
        log_warning("reload: the configuration came from standard input and cannot be read again");
        return -ENXIO;
    }
    if (!fn && has_waiting_reload(changes))
        return 0;
    r = change_new(changes, CHANGE_RELOAD, &change);
    return r < 0 ? r : change_submit(change, fn, arg, ret_change);
}

int changes_apply(struct changes *changes, int fd, const char *source, uint64_t confirm_ns,
                  change_fn fn, void *arg, struct change **ret_change)
{
    struct change *change;
    int r = change_new(changes, CHANGE_APPLY, &change);

    if (r < 0) {
        close(fd);
        return r;
    }
    change->fd = fd;
    change->confirm_ns = confirm_ns;
    change->source = strdup(source);
    if (!change->source) {
        change_free(change);
        return -ENOMEM;
    }
    return change_submit(change, fn, arg, ret_change);
}

int changes_diff(struct changes *changes, change_fn fn, void *arg, struct change **ret_change)
{
    struct change *change;
    int r = change_new(changes, CHANGE_DIFF, &change);

    return r < 0 ? r : change_submit(change, fn, arg, ret_change);
}

int changes_edit(struct changes *changes, const struct change_edit *edit, void *state, change_fn fn,
                 void *arg, struct change **ret_change)
{
    struct change *change;
    int r = change_new(changes, CHANGE_EDIT, &change);

    if (r < 0) {
        edit->free(state);
        return r;
    }
    change->edit = edit;
    change->state = state;
    return change_submit(change, fn, arg, ret_change);
}
