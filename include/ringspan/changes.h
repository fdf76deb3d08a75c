/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CHANGES_H
#define RINGSPAN_CHANGES_H

#include <json-c/json_object.h>
#include <stdbool.h>

#include "ringspan/daemon.h"

/*
 * Changes: whatever alters the configuration of a running daemon, one after another.
 *
 * SIGHUP, `ringspan reload` and every run-time command are changes. Each makes the next
 * configuration out of something, and a plan that leads to it from the one that runs, in a helper
 * thread, so that a large one holds up no frame; then the plan is run, in one turn of the loop.
 * What is not valid changes nothing.
 *
 *   reload   out of the daemon's file
 *   apply    out of a file that a client passed as a descriptor
 *   edit     out of what runs: as a document (config_print.h), altered in one place, and parsed and
 *            judged as a file is. So a run-time command takes what a file takes, and is refused
 *            with the same sentences; nobody has to check anything twice.
 *
 * The file as it was loaded last is remembered: changes_diff() says what became of it since.
 *
 * What was applied may be on trial: unless changes_confirm() is called in time, the configuration
 * before is restored, as one more change, which is tried again and again if memory is short. Until
 * then everything else that would change something is refused, for what would it be restored to?
 *
 * Changes wait for one another in the order in which they came, and nothing else replaces the
 * daemon's configuration: the one that a helper thread looks at stays what runs until it is done.
 *
 * What a running daemon cannot change (daemon.control) keeps its old value, with a warning; a log
 * level given on the command line wins over the file here too. The file wins over run-time
 * commands: a reload undoes them.
 */

struct changes;
struct change; /* one that has not been answered yet */

struct change_result {
    int error;               /* 0; -EINVAL: not valid, or refused; -EBUSY: on trial; -errno */
    const char *report;      /* for people: the errors, or the sentence; "" if all went well */
    const struct plan *plan; /* what was run; NULL on error */
};

/* Called once, from the loop, and never by the function that began the change; @result is valid
 * during the call. */
typedef void (*change_fn)(void *arg, const struct change_result *result);

struct changes_params {
    struct event_loop *loop;
    struct daemon *daemon;
    const char *path;   /* as given at start; "-" cannot be read again */
    bool has_log_level; /* the command line's, which wins over the file's */
    enum log_level log_level;
};

/** 0 or -errno. A relative path is one of the directory that is current now; links are followed at
 * each reload. Free before the daemon; NULL is fine. */
int changes_new(const struct changes_params *params, struct changes **ret);
void changes_free(struct changes *changes);

/** 0, and @fn is called when it is done; -ENXIO if the configuration came from standard input; or
 * -errno. What comes of it is logged besides. @fn may be NULL, and @ret_change too: several such
 * that wait are one. */
int changes_reload(struct changes *changes, change_fn fn, void *arg, struct change **ret_change);

/** Changes nothing: the plan that @fn is told leads from the file, as it was loaded last, to what
 * runs. It has its turn like any change. */
int changes_diff(struct changes *changes, change_fn fn, void *arg, struct change **ret_change);

/** @fd is a sealed file (config_load_sealed()) that is called @source in reports; it is taken over,
 * always. @confirm_ns: how long it is on trial, 0: not at all. 0, and @fn is called when it is
 * done; or -errno. */
int changes_apply(struct changes *changes, int fd, const char *source, uint64_t confirm_ns,
                  change_fn fn, void *arg, struct change **ret_change);
/** Ends the trial: what runs stays. 0; -ENOENT: nothing is on trial; -EALREADY: too late, what was
 * before is being restored. */
int changes_confirm(struct changes *changes);
/** Whether something is on trial, and for how many ns more. */
bool changes_on_trial(const struct changes *changes, uint64_t *ret_left_ns);

#define CHANGE_WHY_SIZE 256

struct change_edit {
    const char *what; /* for the log: the command, "port.set" */
    /* Alters @document: what `ringspan config show` prints, as json-c's tree. Called in a helper
     * thread, so @state is the edit's own and shares nothing, not even json-c's references. 0; or
     * -errno and, unless that is -ENOMEM, a sentence. */
    int (*alter)(void *state, struct json_object *document, char ret_why[CHANGE_WHY_SIZE]);
    void (*free)(void *state); /* called once, in the loop */
    /* NULL; or called in the loop when it was made, even if it made no difference. */
    void (*made)(void *state, struct daemon *daemon);
};

/** Takes @state over, always. 0, and @fn is called when it is done; or -errno. */
int changes_edit(struct changes *changes, const struct change_edit *edit, void *state, change_fn fn,
                 void *arg, struct change **ret_change);

/** Its function is not called: its @arg is about to go. @change goes on, unless all that it is for
 * is to be told, and is no longer the caller's. */
void change_forget(struct change *change);

#endif
