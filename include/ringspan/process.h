/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PROCESS_H
#define RINGSPAN_PROCESS_H

/*
 * Process: what the daemon needs from its process before it begins, and a sentence where that is
 * missing. Both log what they find.
 */

/** EX_OK; EX_NOPERM if packet sockets are not permitted, naming the capability; EX_UNAVAILABLE if
 * there are none. */
int process_check_capabilities(void);
/** To the hard limit: a port has three descriptors, and a login's soft limit is a thousand. */
void process_raise_descriptor_limit(void);

#endif
