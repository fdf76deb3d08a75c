/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "../support/sim.h"
#include "ringspan/bridge.h"

/*
 * Model: a naive switch to hold the real one against.
 *
 * It is written from the sentences of ringspan.json(5) and IEEE 802.1Q, and shares with the program
 * its words (enums, settings, the ledger's counters) and none of its functions. It thinks of a
 * frame as a few numbers and a list of tags, of the forwarding table as an array with a place for
 * each address that can occur, and of a port's VLANs as a question that is asked anew for each
 * frame. model_take() is the heart of it: one frame comes, and the model says where it leaves, with
 * which tags, and moves all the counters that must move.
 *
 * The hosts and VLANs that can occur are few, so that they meet; and the table of the real switch
 * has to have room for all of them, because the model knows nothing of eviction.
 *
 * Settings are fields: whoever changes one that makes the switch forget something calls the
 * function for it.
 */

#define MODEL_HOSTS   24
#define MODEL_N_VIDS  7
#define MODEL_TAGS    4 /* three on arrival, one more on the way out */
#define MODEL_MIRRORS 3

/* VLAN 0 is that of a bridge which is transparent to tags. */
extern const uint16_t model_vids[MODEL_N_VIDS];

struct model_tags {
    uint32_t n;
    uint16_t tpid[MODEL_TAGS]; /* outermost first */
    uint16_t tci[MODEL_TAGS];
};

/* Of what a frame is made of, what matters to a switch. */
struct model_frame {
    enum drop_reason defect; /* DROP_NONE, or what the port's edge says; or DROP_RUNT */
    uint64_t dst;
    uint64_t src;
    uint32_t len;    /* without tags */
    uint32_t header; /* of a superframe: what each segment repeats, without tags */
    uint32_t mss;    /* 0: it is no superframe */
    struct model_tags tags;
};

struct model_known {
    bool is_known;
    bool is_static;
    bool is_sticky;
    bool is_added; /* by hand, static or not, and not learned anywhere since */
    bool is_held;
    uint32_t port;
    uint64_t when;
    uint64_t number; /* of the event that said so */
    uint32_t n_moves;
    uint64_t moving_since; /* or held since */
};

struct model_bucket {
    struct meter_settings settings;
    int64_t level; /* in billionths of a packet or bit */
    uint64_t at;
};

struct model_port {
    bool exists;
    uint32_t id; /* of those that exist at one time, the lowest that was free */
    enum port_state state;
    uint32_t mtu;
    uint32_t n_failing; /* so many copies will be refused, */
    enum drop_reason failure;
    struct port_policy policy;
    struct reserved_settings reserved;
    struct vlan_settings vlan;
    struct model_bucket buckets[METER_N_USES];
    struct ledger_port ledger;
    struct reserved_counters protocols[RESERVED_N_PROTOCOLS];
    uint64_t moved_in;
    uint64_t moved_out;
};

/* Ports are numbers, and VLANs places in model_vids. */
struct model_mirror {
    bool is_of_all_ports;
    enum mirror_direction from[SIM_PORTS_MAX]; /* MIRROR_N_DIRECTIONS: it is no source */
    enum mirror_direction direction;           /* of all ports */
    bool is_of_vlans;
    bool of_vlan[MODEL_N_VIDS];
    uint16_t vid;  /* 0: it goes to */
    uint32_t port; /* this port */
    struct mirror_counters counters;
};

struct model {
    uint64_t now;
    uint64_t aging;
    enum bridge_mode mode;
    uint16_t tpid; /* 0: transparent to tags */
    struct reserved_settings reserved;
    struct fdb_move_limit moves;
    uint32_t n_ports; /* that there ever were */
    struct model_port ports[SIM_PORTS_MAX];
    struct model_known known[MODEL_N_VIDS][MODEL_HOSTS];
    struct vlan_counters vlans[MODEL_N_VIDS];
    bool floods[MODEL_N_VIDS]; /* as asked for, beside those of mirrors */
    uint32_t n_mirrors;
    struct model_mirror mirrors[MODEL_MIRRORS];
    uint64_t number;
};

/* An address that has moved once too often stays on a port, and was heard of on another. */
struct model_hold {
    bool is_held;
    uint16_t vid;
    uint64_t mac;
    uint32_t port;
    uint32_t other;
};

/* What became of one frame. */
struct model_outcome {
    bool leaves[SIM_PORTS_MAX];
    struct model_tags tags[SIM_PORTS_MAX]; /* what it wears there */
    struct model_hold hold;                /* of its source */
    /* What mirrors send there afterwards. */
    uint32_t n_copies[SIM_PORTS_MAX];
    struct model_tags copies[SIM_PORTS_MAX][MODEL_MIRRORS];
};

void model_init(struct model *m, uint64_t now, uint64_t aging);
/** Forwarding, in no VLAN, with everything at its default. */
uint32_t model_add_port(struct model *m);
void model_del_port(struct model *m, uint32_t port);

/** @frame arrives on @ingress. */
void model_take(struct model *m, uint32_t ingress, const struct model_frame *frame,
                struct model_outcome *ret_outcome);

/** Where the table has something about an address; NULL: it never does. */
struct model_known *model_known(struct model *m, uint16_t vid, uint64_t mac);
bool model_is_live(const struct model *m, const struct model_known *known);
/** @port hears of an address. True if that is one move too many: from now on it is held. */
bool model_learn(struct model *m, struct model_known *known, uint32_t port);
/** Whether @port would hold more than its mac_limit by it. */
bool model_is_one_too_many(const struct model *m, const struct model_known *known, uint32_t port);
/** False if a static entry is in the way. */
bool model_fdb_add(struct model *m, uint16_t vid, uint64_t mac, const struct model_known *entry);
/** Of what was learned, and not what is static: behind @port (SIM_PORTS_MAX: any port), in @vid
 * and of @mac if they are not NULL. Returns how many live ones there were. */
uint32_t model_forget(struct model *m, uint32_t port, const uint16_t *vid, const uint64_t *mac);
void model_forget_statics(struct model *m);

/** It learns, at least. */
bool model_takes_part(const struct model_port *port);
void model_set_state(struct model *m, uint32_t port, enum port_state state);
void model_set_vlan(struct model *m, uint32_t port, const struct vlan_settings *settings);
void model_set_policy(struct model *m, uint32_t port, const struct port_policy *policy);
void model_set_meters(struct model *m, uint32_t port, const struct meter_settings *settings);
void model_set_moves(struct model *m, const struct fdb_move_limit *limit);
/** One that has the place of one that there was goes on counting. */
void model_set_mirrors(struct model *m, const struct model_mirror *mirrors, uint32_t n);
void model_set_floods(struct model *m, const bool *floods);
/** Whether mirrors send copies there, and so nothing else goes there. */
bool model_is_output(const struct model *m, uint32_t port);
/** Whether @vid only floods. */
bool model_floods(const struct model *m, uint16_t vid);

#endif
