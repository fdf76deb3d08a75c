/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PORT_POLICY_H
#define RINGSPAN_PORT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/portset.h"

/*
 * Port policy: what a port is told about learning, flooding, and whom it may talk to.
 *
 *   learning          off: frames from the port teach nothing
 *   flood             per class of frame, whether floods leave by the port: an egress switch
 *   hairpin           on: a frame may leave by the port that it came by
 *   isolation_group   ports of the same group exchange no frames, neither unicast nor floods. A
 *                     port of a group does not exchange frames with itself either, hairpin or not.
 *
 *   mac_limit         how many addresses may be learned behind the port, and what becomes of frames
 *                     from one more: they are dropped; or forwarded, and teach nothing; or the
 *                     first of them shuts the port down. Counting is the table's business (fdb.h).
 *                     Vital protocols (reserved.h) are exempt, and take no place.
 *
 * The policies of a bridge's ports stand in one table, which keeps ready what a frame needs: for
 * each class of flood the set of the ports that it leaves by, and for each group the set of its
 * members, in columns of 64 ports. So a flood reads one word per 64 ports, and another one if the
 * port that it comes from is in a group; a bridge that uses nothing of this pays for one
 * comparison.
 */

#define ISOLATION_GROUP_NONE 0
#define ISOLATION_GROUP_MAX  1024

/* The switches of `flood`. */
enum flood_class {
    FLOOD_UNKNOWN_UNICAST,
    FLOOD_MULTICAST,
    FLOOD_BROADCAST,
    FLOOD_N_CLASSES,
};

enum mac_limit_action {
    MAC_LIMIT_DROP,
    MAC_LIMIT_FLOOD,
    MAC_LIMIT_SHUTDOWN,
    MAC_LIMIT_N_ACTIONS,
};

struct mac_limit {
    uint32_t max; /* 0: none */
    enum mac_limit_action action;
    uint32_t recovery; /* seconds, of a port that was shut down; 0: it stays so until asked */
};

struct port_policy {
    bool learning;
    bool hairpin;
    bool flood[FLOOD_N_CLASSES];
    uint32_t isolation_group;
    struct mac_limit mac_limit;
};

/* What a port does that was told nothing. */
#define PORT_POLICY_DEFAULT ((struct port_policy){.learning = true, .flood = {true, true, true}})

struct policy_table {
    uint32_t max_ports;
    struct port_policy *ports;             /* by id */
    struct portset forwarding;             /* the ports that frames may leave by */
    struct portset flood[FLOOD_N_CLASSES]; /* those of them by which such floods leave */
    uint64_t *members; /* bit id % 64 of members[id / 64 * (ISOLATION_GROUP_MAX + 1) + group] */
};

/** All ports have the default, and none forwards. 0 or -ENOMEM. Release with policy_table_fini(),
 * which takes a zeroed table, too. */
int policy_table_init(struct policy_table *table, uint32_t max_ports);
void policy_table_fini(struct policy_table *table);

/** From the next frame on. */
void policy_table_set(struct policy_table *table, port_id port, const struct port_policy *policy);
/** Whether frames may leave by the port at all. */
void policy_table_set_forwarding(struct policy_table *table, port_id port, bool forwards);

/** Of 64 ports, from 64 * @word on, the members of @group. */
static inline uint64_t policy_table_group_word(const struct policy_table *table, uint32_t group,
                                               uint32_t word)
{
    return table->members[(uint64_t)word * (ISOLATION_GROUP_MAX + 1) + group];
}

bool mac_limit_equal(const struct mac_limit *a, const struct mac_limit *b);
/** "drop", "flood", "shutdown". */
const char *mac_limit_action_name(enum mac_limit_action action);

#endif
