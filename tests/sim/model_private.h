/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SIM_MODEL_PRIVATE_H
#define TESTS_SIM_MODEL_PRIVATE_H

#include "model.h"

/*
 * Inside of the model: model.c lets a frame through, model_mirror.c makes copies of it.
 */

/* What a frame is to the port where it comes in. */
struct arrival {
    enum drop_reason reason;
    uint16_t tci;
    bool pops;
};

/* One frame on its way through. */
struct passage {
    struct model *m;
    const struct model_frame *frame;
    uint32_t ingress;
    struct model_port *in;
    enum reserved_protocol protocol;
    bool is_consumed;
    bool is_flooded;
    uint16_t vid;
    uint16_t tci;
    bool pops;
    struct model_outcome *outcome;
    /* Of each mirror: whether it wants the frame, as it came or with other tags, and as it leaves
     * by the port with this id. */
    bool is_wanted[MODEL_MIRRORS];
    bool is_wanted_as_it_came[MODEL_MIRRORS];
    struct model_tags seen[MODEL_MIRRORS];
    uint32_t seen_at[MODEL_MIRRORS];
};

struct arrival model_arrive(const struct vlan_settings *vlan, uint16_t tpid,
                            const struct model_tags *tags);
bool model_is_in(const struct vlan_settings *vlan, uint16_t vid);
/** Tags of what came as @arrival says, in VLAN @vid, where it leaves by @egress. */
void model_dress(const struct passage *p, const struct arrival *arrival, uint16_t vid,
                 uint32_t egress, struct model_tags *ret);
/** A copy is for @egress: it takes what it needs there. Why it does not leave, or DROP_NONE. */
enum drop_reason model_send(const struct passage *p, uint32_t egress,
                            const struct model_tags *tags);
/** Whether the port refuses such a copy by itself. */
bool model_is_refusal(enum drop_reason reason);
void model_count_accepted(const struct passage *p, uint32_t egress, const struct model_tags *tags,
                          uint16_t vid);
bool model_is_reserved(uint64_t mac);

/** The frame has come in; what becomes of it does not matter. */
void model_mirror_arrival(struct passage *p);
/** It leaves by @egress with these tags. */
void model_mirror_egress(struct passage *p, uint32_t egress, const struct model_tags *tags);
/** Copies leave. */
void model_mirror_send(struct passage *p);

#endif
