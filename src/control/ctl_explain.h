/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_CTL_EXPLAIN_H
#define SRC_CONTROL_CTL_EXPLAIN_H

#include <json-c/json_object.h>

#include "ringspan/ctl_protocol.h"
#include "ringspan/explain.h"

/*
 * The two ends of the method `explain`: the frame that a client describes, and the sentences about
 * what would become of it.
 */

/* As on the wire. */
struct described_frame {
    uint8_t *bytes; /* to be freed */
    uint32_t len;
    struct virtio_net_hdr vnet;
};

/** The parameters that describe a frame; a tag that they ask for has TPID @ethertype. False, and a
 * fault, if they make no sense. */
bool ctl_describe_frame(const struct json_object *params, uint16_t ethertype,
                        struct described_frame *ret_frame, struct ctl_fault *ret_fault);

/** One object for each stage that the frame came through. */
void ctl_put_steps(struct json_writer *writer, const struct bridge *bridge,
                   const struct explanation *explanation);
/** The tags of a frame, outermost first, those in its bytes included. */
void ctl_put_tags(struct json_writer *writer, const struct frame *frame);

/** What learning would do: "insert", "refresh", … */
const char *ctl_fdb_action_name(enum fdb_action action);

#endif
