/* SPDX-License-Identifier: ISC */
#ifndef NETLINK_BATCH_H
#define NETLINK_BATCH_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Netlink batch: messages about links as the kernel would send them, in the order of sending.
 */

struct batch {
    alignas(struct nlmsghdr) uint8_t bytes[60u << 10];
    size_t len;
};

/** A message to which attributes may be put; goes with end_message(). */
struct nlmsghdr *put_message(struct batch *batch, uint16_t type, uint16_t flags, uint32_t seq);
/** The same with an ifinfomsg of an Ethernet link that is up. */
struct nlmsghdr *put_info(struct batch *batch, uint16_t type, uint16_t flags, uint32_t seq,
                          int ifindex);
void end_message(struct batch *batch, const struct nlmsghdr *message);

void put_link(struct batch *batch, uint16_t type, uint16_t flags, uint32_t seq, int ifindex,
              const char *ifname, uint32_t mtu);
/** Events. */
void put_new(struct batch *batch, int ifindex, const char *ifname, uint32_t mtu);
void put_del(struct batch *batch, int ifindex, const char *ifname);
/** A row of a dump, and its end. */
void put_row(struct batch *batch, uint32_t seq, int ifindex, const char *ifname);
void put_done(struct batch *batch, uint32_t seq, uint16_t flags, int32_t outcome);
void put_error(struct batch *batch, uint32_t seq, int error);
void put_overrun(struct batch *batch);

#endif
