/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_RELOADER_H
#define RINGSPAN_RELOADER_H

#include <stdbool.h>

#include "ringspan/daemon.h"

/*
 * Reloader: reads the daemon's file again and runs what changed.
 *
 * SIGHUP and `ringspan reload` end here. The file is read and judged, and the plan made, in a
 * helper thread, so that a large one holds up no frame; then the plan is run, in one turn of the
 * loop. A file that is not valid changes nothing.
 *
 * What a running daemon cannot change (daemon.control) keeps its old value, with a warning; a log
 * level given on the command line wins over the file here too.
 */

struct reloader;

struct reload_result {
    int error;               /* 0, -EINVAL (the file is not valid), -errno */
    const char *report;      /* for people: the errors, or the sentence; "" if all went well */
    const struct plan *plan; /* what was run; NULL on error */
};

/* Called once, from the loop; @result is valid during the call. */
typedef void (*reload_fn)(void *arg, const struct reload_result *result);

struct reloader_params {
    struct event_loop *loop;
    struct daemon *daemon;
    const char *path;   /* as given at start; "-" cannot be read again */
    bool has_log_level; /* the command line's, which wins over the file's */
    enum log_level log_level;
};

/** 0 or -errno. A relative path is one of the directory that is current now; links are followed at
 * each reload. Free before the daemon; NULL is fine. */
int reloader_new(const struct reloader_params *params, struct reloader **ret);
void reloader_free(struct reloader *reloader);

/** 0, and @fn is called when it is done; -EALREADY while one is under way (without @fn: 0, and
 * another one follows it); -ENXIO if the configuration came from standard input; or -errno. What
 * comes of it is logged besides. */
int reloader_start(struct reloader *reloader, reload_fn fn, void *arg);
/** @fn of the reload under way will not be called: its @arg is about to go. */
void reloader_forget(struct reloader *reloader);

#endif
