/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_COMMANDS_H
#define RINGSPAN_CTL_COMMANDS_H

#include "ringspan/ctl_server.h"
#include "ringspan/daemon.h"

/*
 * Control commands: what clients can ask a daemon. Method by method:
 *
 *   daemon.show                              one object: version, pid, uptime, ports by state,
 * netlink bridge.show  {bridge}                    an array, one object per bridge port.show
 * {bridge, port}              an array, one object per port fdb.show     {bridge, port, vlan, mac}
 * an array, one object per live entry ledger.show  {bridge, port}              an array: per bridge
 * the sum "across", per port "in", "out" and, if it has a socket, "kernel" port.wait    {ports,
 * state, timeout}     an array, one object per port, when all are in @state; an error naming those
 * that are not, after @timeout s
 *   daemon.reload                            one object: whether it was applied, the report of an
 *                                            invalid file, the steps of the plan that was run
 *
 * All parameters may be absent and narrow the list; a name that does not exist is an error, not an
 * empty list. Lists are made row by row (ctl_rows): a dump sees each entry as it is when its row is
 * made. Only the rows of one bridge's ledger are of one moment.
 *
 * Field names are those of the configuration and of iproute2; `ringspan(1)` lists them.
 */

struct ctl_commands;
struct changes;

/** For ctl_server_params. */
const struct ctl_command *ctl_commands_table(uint32_t *ret_n);

/** The context for that table. 0 or -errno. Free it after the server. */
int ctl_commands_new(struct event_loop *loop, struct daemon *daemon, struct ctl_commands **ret);
/** For daemon.reload, which is refused without it. It outlives the server. */
void ctl_commands_set_changes(struct ctl_commands *commands, struct changes *changes);
/** NULL is fine. */
void ctl_commands_free(struct ctl_commands *commands);

/** To be called when any port has changed its state: wakes port.wait. Cheap. */
void ctl_commands_port_changed(struct ctl_commands *commands);

#endif
