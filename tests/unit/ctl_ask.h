/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_ASK_H
#define RINGSPAN_CTL_ASK_H

#include "ctl_lab.h"

/*
 * Control ask: a client of the lab's, one question at a time.
 */

void send_request(int i, const char *method, const char *params);
/** The answer from behind the id on, up to the closing brace; valid until the next one. */
const char *ask(const char *method, const char *params);
void assert_has(const char *answer, const char *part);
void assert_error(const char *method, const char *params, const char *error);

#endif
