/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LINK_MESSAGE_H
#define RINGSPAN_LINK_MESSAGE_H

#include <linux/netlink.h>
#include <stdint.h>

#include "ringspan/link_watch.h"

/*
 * Link message: RTM_GETLINK, RTM_NEWLINK and RTM_DELLINK as bytes. Private to the link watch.
 */

#define LINK_MESSAGE_REQUEST_SIZE 64

/** Builds a request for all links of the namespace; returns its length. @buffer is
 * LINK_MESSAGE_REQUEST_SIZE bytes, aligned for a header. */
uint32_t link_message_dump_request(void *buffer, uint32_t seq);

enum link_message_kind {
    LINK_MESSAGE_LINK,      /* describes a link whole */
    LINK_MESSAGE_UNRELATED, /* about a bridge's ports, or wireless news */
    LINK_MESSAGE_MALFORMED,
};

/**
 * Reads an RTM_NEWLINK or RTM_DELLINK message, whose nlmsg_len the caller has checked. Of a
 * deleted link only the ifindex is asked for. *ret_link is untouched unless the answer is
 * LINK_MESSAGE_LINK, and has no byte that is not set: two digests can be compared with memcmp().
 */
enum link_message_kind link_message_read(const struct nlmsghdr *message, struct link *ret_link);

#endif
