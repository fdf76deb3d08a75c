/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_DAEMON_H
#define RINGSPAN_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/bridge.h"
#include "ringspan/bus.h"
#include "ringspan/config.h"
#include "ringspan/event.h"
#include "ringspan/link_watch.h"
#include "ringspan/plan.h"
#include "ringspan/recorder.h"

/*
 * Daemon: the bridges of one process, and what keeps their ports in line with the world.
 *
 * It turns a configuration into bridges and ports, watches the links of each network namespace that
 * a port is in, and moves each port step by step
 * to where reconcile.h says it should be. Steps that block (opening rings, binding) run in helper
 * threads, one at a time per port; when one is done, the port is looked at again, because the world
 * may have changed meanwhile. Frames flow as soon as a port is forwarding.
 *
 * What the control commands may read of it is here; what they may change goes through a plan.
 */

struct daemon;

/** Bridges, ports and the link watch; nothing is opened before the loop runs. 0, and @config is the
 * daemon's, or -errno, and it is still the caller's. */
int daemon_new(struct event_loop *loop, struct config *config, struct daemon **ret);
/** Stops forwarding, closes all rings in parallel, frees everything. Blocks. NULL is fine. */
void daemon_free(struct daemon *daemon);

/**
 * Runs @plan, which leads from daemon_config() to @config: all of it in this turn of the loop, but
 * for opening and closing rings, which helper threads do. Ports that it does not name lose no frame
 * and forget nothing. The daemon takes @config over, and gives back the one before, which the plan
 * refers to. daemon.control stays as it is. 0; or -ENOMEM, nothing
 * changed, and @config is still the caller's.
 */
int daemon_reload(struct daemon *daemon, struct config *config, const struct plan *plan,
                  struct config **ret_before);

/** Calls @fn once, from the loop, when the first plan has run: every port is where it can be for
 * now. */
void daemon_on_ready(struct daemon *daemon, void (*fn)(void *arg), void *arg);
bool daemon_is_ready(const struct daemon *daemon);

uint32_t daemon_n_bridges(const struct daemon *daemon);
struct bridge *daemon_bridge(const struct daemon *daemon, uint32_t i);
/** Walks the bridges over many turns of the loop, between which some may come and go: start with
 * *cursor = 0, call until NULL. *cursor becomes the number of the bridge returned, and stays it as
 * long as that is wanted again; from there, *cursor + 1 leads to the next. Numbers are not reused.
 */
struct bridge *daemon_bridge_from(const struct daemon *daemon, uint64_t *cursor);
struct bridge *daemon_bridge_by_name(const struct daemon *daemon, const char *name);
/** fdb_add() to the table of one of its bridges, of an entry that ages. */
int daemon_add_entry(struct daemon *daemon, struct bridge *bridge, const struct fdb_entry *entry);
/** The configuration it runs. */
const struct config *daemon_config(const struct daemon *daemon);
/** The number of one of its bridges, as daemon_bridge_from() counts. */
uint64_t daemon_bridge_number(const struct daemon *daemon, const struct bridge *bridge);
/** The interface that has the name that a port names, as the bus knows it, or NULL. */
const struct link *daemon_named_link(const struct port *port);
/** A port that is shut down for what arrived on it is tried again; nothing happens to others. */
void daemon_recover_port(struct daemon *daemon, const char *name);
/** The interface that a port is bound to now, or NULL. */
const struct link *daemon_port_link(const struct daemon *daemon, const struct port *port);
/** The network namespace that a port is configured to be in: a name, a path, or NULL for the
 * daemon's own. */
const char *daemon_port_netns(const struct port *port);
/** The pattern that made a port, or NULL: it is configured by its name. */
const char *daemon_port_match(const struct port *port);

/* What a pattern of the configuration ("match") made. */
struct daemon_match {
    const char *match;
    const char *netns; /* NULL: the daemon's own */
    uint32_t max;
    uint32_t n_ports;
    uint32_t n_left_out; /* interfaces that match and got no port */
};
/** The patterns of one bridge: start with *cursor = 0, call until false. */
bool daemon_next_match(const struct daemon *daemon, const struct bridge *bridge, uint32_t *cursor,
                       struct daemon_match *ret_match);

struct capture_params;
/** Begins a capture: see capture_start(). Ports that come later are part of it. */
int daemon_start_capture(struct daemon *daemon, const struct capture_params *params, int *ret_fd);
/** The recorder (recorder.h): what it is, by hand, and as recorder_counts() has it. */
struct recorder_status daemon_recorder(const struct daemon *daemon);
bool daemon_freeze_recorder(struct daemon *daemon);
bool daemon_arm_recorder(struct daemon *daemon);
const uint64_t *daemon_recorder_counts(const struct daemon *daemon);

/** What the link watches of all namespaces went through: overruns are harmless, and worth knowing.
 */
struct link_watch_counters daemon_link_counters(const struct daemon *daemon);
/** That the loop runs on. */
const struct cpus *daemon_cpus(const struct daemon *daemon);
uint64_t daemon_now(const struct daemon *daemon);

/* How many ports are in each state, for the summary line and STATUS=. */
struct daemon_summary {
    uint32_t n_ports;
    uint32_t by_state[PORT_N_STATES];
};
struct daemon_summary daemon_summary(const struct daemon *daemon);
/** "4 ports: 3 forwarding, 1 waiting" */
void daemon_summary_format(const struct daemon_summary *summary, char *ret_text, size_t size);

/** Where it tells what happens. Listeners go before the daemon. */
struct bus *daemon_bus(const struct daemon *daemon);
/** Tells the bus now what forwarding tables noted and the bus would learn at the end of the turn.
 */
void daemon_tell_fdb(struct daemon *daemon);
/** Tells the bus that @command changed the configuration by @plan, or (@plan is NULL) was refused,
 * and why. */
void daemon_tell_config(struct daemon *daemon, const char *command, const struct plan *plan,
                        const char *reason);

#endif
