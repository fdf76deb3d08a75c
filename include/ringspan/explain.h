/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_EXPLAIN_H
#define RINGSPAN_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/bridge.h"

/*
 * Explain: what would become of a frame, and why, without anything becoming of it.
 *
 * The pipeline decides and commits in two steps (forward.h), so an explanation is the first without
 * the second: bridge_explain() calls forward_decide() itself, and the same predicates that a
 * copy on its way out goes through. A frame that arrives in the same instant has the same verdict,
 * for the same reason, leaves by the same ports with the same tags, and is refused by the same
 * ones.
 *
 * Everything that people want to know beside it, such as the age of an address, is looked up
 * afterwards, by what the decision says: a frame that nobody asked about pays nothing for it.
 *
 * What the kernel would do to a copy cannot be known before it has it. A copy that is not refused
 * here may still be, by a device that is full or goes down.
 */

/* How far a frame came: the stages of forward.h, and those parts of them that say no on their own.
 */
enum explain_stage {
    EXPLAIN_ADMIT,
    EXPLAIN_RESERVED, /* only of frames to a reserved address */
    EXPLAIN_CLASSIFY,
    EXPLAIN_LEARN,
    EXPLAIN_LOOKUP,
    EXPLAIN_EGRESS,
    EXPLAIN_METER,
    EXPLAIN_N_STAGES,
};

struct explanation {
    struct frame frame; /* as the port's edge hands it over; its bytes are the caller's */
    struct decision decision;
    enum explain_stage stage; /* the last one that it reached: where it ended, if it is dropped */
    bool is_known;            /* `source` is what the table has of the source now */
    bool is_found;            /* `destination` is what it would have when the destination is looked
                                 up: without, the frame is flooded */
    struct fdb_entry source;
    struct fdb_entry destination;
    uint64_t now;
};

/* What becomes of one copy. */
struct explained_copy {
    struct frame frame;       /* as it leaves: its tags, and whose bytes it has, are the frame's */
    enum drop_reason refusal; /* DROP_NONE: the port takes it */
};

/**
 * A frame of @len @bytes, as on the wire, as it is when it has come through the edge of @port: tags
 * come off the bytes, which move. @vnet (NULL: all zero) counts from the frame without its outer
 * tag.
 */
void explain_arrival(const struct port *port, uint8_t *bytes, uint32_t len,
                     const struct virtio_net_hdr *vnet, struct frame *ret_frame);

/** What would become of @frame, which came in by its ingress, a port of @bridge, at @now. */
void bridge_explain(const struct bridge *bridge, const struct frame *frame, uint64_t now,
                    struct explanation *ret_explanation);

/** The ports that copies are decided for, and that there still are, one after the other: the first
 * at or after @from, or PORT_NONE. */
port_id explain_next_egress(const struct bridge *bridge, const struct explanation *explanation,
                            uint32_t from);
/** Of one of these ports. */
void explain_copy(const struct bridge *bridge, const struct explanation *explanation,
                  port_id egress, struct explained_copy *ret_copy);

/* A mirror that copies the frame. */
struct explained_mirror {
    const struct mirror *mirror;
    port_id seen_at; /* the port that the frame leaves by; PORT_NONE: where it comes in */
};

/** Those that do, LIMIT_MIRRORS at most; returns how many. */
uint32_t explain_mirrors(const struct bridge *bridge, const struct explanation *explanation,
                         struct explained_mirror *ret_mirrors);
/** The ports that its copies leave by, one after the other: the first at or after @from, or
 * PORT_NONE. */
port_id explain_next_mirror_egress(const struct bridge *bridge,
                                   const struct explanation *explanation,
                                   const struct explained_mirror *mirror, uint32_t from);
/** Of one of these ports. What other copies take from its meter before is not considered. */
void explain_mirror_copy(const struct bridge *bridge, const struct explanation *explanation,
                         const struct explained_mirror *mirror, port_id egress,
                         struct explained_copy *ret_copy);

/** Of a frame that is flooded, or would be if it left by any port: why it does not leave by
 * @egress, a port of @bridge. DROP_NONE if it does, or if no port was looked for. */
enum drop_reason explain_excluded(const struct bridge *bridge,
                                  const struct explanation *explanation, port_id egress);

/** "admit", "reserved", … */
const char *explain_stage_name(enum explain_stage stage);

#endif
