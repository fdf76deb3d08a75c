/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_CTL_CHANGE_H
#define SRC_CONTROL_CTL_CHANGE_H

#include "ctl_show.h"
#include "ringspan/changes.h"

/*
 * What the methods that change something share: a change is begun and the call put off, until
 * ctl_change_answer() says what became of it.
 */

/** For changes_edit(), with the call as its argument: answers with the steps that were run, or with
 * the sentence that says why there are none. */
void ctl_change_answer(void *call, const struct change_result *result);
/** @r and @change: what changes_edit() returned. Puts the call off, or answers it with an error. */
void ctl_change_deferred(struct ctl_call *call, int r, struct change *change);
void ctl_change_forget(void *change);

/* Where a port is in the document that an edit alters. */
struct ctl_place {
    struct json_object *bridge;
    struct json_object *ports;
    size_t i; /* of the port among them */
};

/** False if no port has that name. */
bool ctl_find_place(struct json_object *document, const char *port, struct ctl_place *ret_place);
/** -EINVAL, and a sentence: one that a pattern makes is none that the configuration has. */
int ctl_no_such_port(struct json_object *document, const char *name, char ret_why[CHANGE_WHY_SIZE]);

#endif
