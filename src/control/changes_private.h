/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_CHANGES_PRIVATE_H
#define SRC_CONTROL_CHANGES_PRIVATE_H

#include "ringspan/changes.h"
#include "ringspan/workers.h"

/*
 * Inside of the changes, shared by two files: changes.c (who is next, and running the plan: the
 * loop's) and changes_load.c (making the next configuration and the plan: a helper thread's).
 */

enum change_kind {
    CHANGE_RELOAD,
    CHANGE_EDIT,
    CHANGE_DIFF,
};

struct change {
    struct changes *changes;
    struct change *after; /* in the queue */
    enum change_kind kind;
    const struct change_edit *edit;
    void *state;
    change_fn fn; /* NULL: nobody waits for it */
    void *arg;

    /* The helper thread's, while it has the change. */
    const struct config *now;
    int error;
    char *sentence;      /* why not, for people; NULL: nothing to say but the error's number */
    struct config *next; /* NULL if there is none */
    struct config *file; /* of a reload: a copy of `next` */
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
};

/** For a helper thread: makes `next` and `plan`, or `error` and `sentence`. */
void change_load(void *arg);
/** "reload", or what the edit is called. */
const char *change_name(const struct change *change);

#endif
