/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_CHANGES_PRIVATE_H
#define SRC_CONTROL_CHANGES_PRIVATE_H

#include "ringspan/changes.h"
#include "ringspan/workers.h"

/*
 * Inside of the changes, shared by three files: changes.c (who is next, and running the plan),
 * changes_trial.c (confirming what was applied, or going back), both the loop's; and changes_load.c
 * (making the next configuration and the plan), a helper thread's.
 */

enum change_kind {
    CHANGE_RELOAD,
    CHANGE_APPLY,
    CHANGE_EDIT,
    CHANGE_RESTORE,
    CHANGE_DIFF,
};

struct change {
    struct changes *changes;
    struct change *after; /* in the queue */
    enum change_kind kind;
    int fd; /* of what is applied; -1 */
    char *source;
    uint64_t confirm_ns; /* 0: it is not on trial */
    const struct change_edit *edit;
    void *state;
    change_fn fn; /* NULL: nobody waits for it */
    void *arg;

    /* The helper thread's, while it has the change. */
    const struct config *now;
    int error;
    char *sentence;        /* why not, for people; NULL: nothing to say but the error's number */
    struct config *next;   /* NULL if there is none */
    struct config *file;   /* of a reload: a copy of `next` */
    struct config *before; /* if it goes on trial: a copy of `now` */
    struct plan plan;
};

struct changes {
    struct changes_params params;
    struct workers *workers;
    char *path;
    struct config *file;  /* as it was loaded last */
    struct change *first; /* the one under way; NULL: none is */
    struct change *last;
    bool is_dying;

    struct config *before; /* what is restored if nobody confirms; NULL: nothing is on trial */
    uint64_t restore_at;
    struct event_timer *restore;
    bool is_restoring; /* it is too late to confirm */
};

/** A change of this kind, with nothing in it. 0 or -ENOMEM. */
int change_new(struct changes *changes, enum change_kind kind, struct change **ret);
/** Takes @change over, always; it has its turn. 0 or -errno. */
int change_submit(struct change *change, change_fn fn, void *arg, struct change **ret_change);

/** False, with the reason in @change, if it has to wait for a confirmation. */
bool change_is_allowed(struct change *change);
/** After it was run, or not: a trial begins, or is over. */
void change_note_trial(struct change *change);
/** For the timer; @arg is the changes. */
void changes_on_restore(void *arg);

/** For a helper thread: makes `next` and `plan`, or `error` and `sentence`. */
void change_load(void *arg);
/** "reload", or what the edit is called. */
const char *change_name(const struct change *change);

#endif
