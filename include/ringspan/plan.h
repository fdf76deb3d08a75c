/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PLAN_H
#define RINGSPAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/config.h"
#include "ringspan/json_writer.h"

/*
 * Plan: what leads from one configuration to another, as data.
 *
 * Pure: two values go in, an ordered list of steps comes out, and nothing happens. Running it is
 * the daemon's business; printing it is `ringspan plan`. What is the same in both does not appear,
 * which is why a reload touches only what changed.
 *
 * Order: deletions first (ports, then bridges), then changes, then additions (bridges, then ports),
 * so that names and interfaces are free before somebody wants them. A port that is in another
 * bridge now is a deletion and an addition. A pattern (match, of a netns) is one thing, whatever
 * ports it makes: which interfaces there are is not the plan's business. Where two match the same
 * interface the first takes it, so their order is a setting of theirs. Each step says what it
 * disturbs:
 *
 *   none     no frame is lost, nothing is forgotten
 *   flush    what the bridge has learned is forgotten, or of a port what was learned in VLANs that
 *            it leaves, without learning, or under another mac_limit, or what was learned where
 *            mirrors send copies; such frames flood until it is learned again
 *   reopen   the port lets go of its interface and binds to another
 *   restart  not possible while the daemon runs: it keeps the old value until it is started again
 */

enum plan_op {
    PLAN_DEL,
    PLAN_CHANGE,
    PLAN_ADD,
};

enum plan_disruption {
    PLAN_DISRUPTS_NONE,
    PLAN_DISRUPTS_FLUSH,
    PLAN_DISRUPTS_REOPEN,
    PLAN_DISRUPTS_RESTART,
};

/* The daemon, a bridge (port and match are NULL), a port, or a pattern. The pointers belong to the
 * two configurations. */
struct plan_step {
    enum plan_op op;
    enum plan_disruption disruption;
    const char *bridge; /* NULL: the daemon itself */
    const char *port;
    const char *match;
    const char
        *key; /* what changes, as the configuration calls it; NULL for PLAN_DEL and PLAN_ADD */
    const struct config_bridge *next_bridge; /* of PLAN_CHANGE and PLAN_ADD */
    const struct config_port *next_port;
};

struct plan {
    struct plan_step *steps;
    uint32_t n_steps;
};

/** 0 or -ENOMEM. Valid as long as both configurations are. Release with plan_fini(). */
int plan_make(const struct config *now, const struct config *next, struct plan *ret_plan);
void plan_fini(struct plan *plan);

/** What leads from one port to another that has the same name, as far as its keys go; one of
 * @bridge. As plan_make() else. */
int plan_make_of_port(const struct config_bridge *bridge, const struct config_port *now,
                      const struct config_port *next, struct plan *ret_plan);

/** The steps as an array of objects with op, bridge, port, key and disruption, and match if it is
 * one; @key names it inside of an object, NULL elsewhere. */
void plan_write(const struct plan *plan, struct json_writer *writer, const char *key);

/** "del", "change", "add"; "none", "flush", "reopen", "restart". */
const char *plan_op_name(enum plan_op op);
const char *plan_disruption_name(enum plan_disruption disruption);

#endif
