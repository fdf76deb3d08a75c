/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_COMMANDS_H
#define RINGSPAN_CTL_COMMANDS_H

#include "ringspan/ctl_server.h"
#include "ringspan/daemon.h"

/*
 * Control commands: what clients can ask a daemon, and tell it. ringspan-protocol(7) describes them
 * method by method, and a test holds it to that.
 *
 * What only reads answers from the daemon (ctl_show.h). What changes something is a change
 * (changes.h), which is put off until it is done.
 *
 * Parameters of lists may be absent and narrow them; a name that does not exist is an error, not an
 * empty list. Lists are made row by row (ctl_rows): a dump sees each entry as it is when its row is
 * made. Only the rows of one bridge's ledger are of one moment.
 *
 * Field names are those of the configuration and of iproute2; `ringspan(1)` lists them.
 */

struct ctl_commands;
struct changes;

/** For ctl_server_params. */
const struct ctl_command *ctl_commands_table(uint32_t *ret_n);

/** The context for that table. 0 or -errno. Free it after the server, and before @changes. */
int ctl_commands_new(struct event_loop *loop, struct daemon *daemon, struct changes *changes,
                     struct ctl_commands **ret);
/** NULL is fine. */
void ctl_commands_free(struct ctl_commands *commands);

#endif
