/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PROCESS_H
#define RINGSPAN_PROCESS_H

#include "ringspan/config.h"

/*
 * Process: what a program needs from its process before it begins, and a sentence where that is
 * missing.
 */

/** To be called first. A standard descriptor that is closed would be the next file or socket that
 * is opened, and log lines would go there: onto a wire, say. Each is taken by a descriptor that can
 * be neither read nor written. EX_OK or EX_OSERR. */
int process_reserve_standard_descriptors(void);

/** EX_OK; EX_NOPERM if packet sockets are not permitted, or taps if @config has ports of that type,
 * naming the capability; EX_UNAVAILABLE if there are no packet sockets. */
int process_check_capabilities(const struct config *config);
/** To the hard limit: a port has up to five descriptors, and a login's soft limit is a thousand. */
void process_raise_descriptor_limit(void);

#endif
