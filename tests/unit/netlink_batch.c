/* SPDX-License-Identifier: ISC */
#include "netlink_batch.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>

struct nlmsghdr *put_message(struct batch *batch, uint16_t type, uint16_t flags, uint32_t seq)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(batch->bytes + batch->len);

    message->nlmsg_type = type;
    message->nlmsg_flags = flags;
    message->nlmsg_seq = seq;
    return message;
}

void end_message(struct batch *batch, const struct nlmsghdr *message)
{
    batch->len += MNL_ALIGN(message->nlmsg_len);
    assert(batch->len < sizeof(batch->bytes) - 1024);
}

struct nlmsghdr *put_info(struct batch *batch, uint16_t type, uint16_t flags, uint32_t seq,
                          int ifindex)
{
    struct nlmsghdr *message = put_message(batch, type, flags, seq);
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

    info->ifi_index = ifindex;
    info->ifi_type = 1;
    info->ifi_flags = IFF_UP;
    return message;
}

void put_link(struct batch *batch, uint16_t type, uint16_t flags, uint32_t seq, int ifindex,
              const char *ifname, uint32_t mtu)
{
    struct nlmsghdr *message = put_info(batch, type, flags, seq, ifindex);

    mnl_attr_put_strz(message, IFLA_IFNAME, ifname);
    mnl_attr_put_u32(message, IFLA_MTU, mtu);
    end_message(batch, message);
}

void put_new(struct batch *batch, int ifindex, const char *ifname, uint32_t mtu)
{
    put_link(batch, RTM_NEWLINK, 0, 0, ifindex, ifname, mtu);
}

void put_del(struct batch *batch, int ifindex, const char *ifname)
{
    put_link(batch, RTM_DELLINK, 0, 0, ifindex, ifname, 1500);
}

void put_row(struct batch *batch, uint32_t seq, int ifindex, const char *ifname)
{
    put_link(batch, RTM_NEWLINK, NLM_F_MULTI, seq, ifindex, ifname, 1500);
}

void put_done(struct batch *batch, uint32_t seq, uint16_t flags, int32_t outcome)
{
    struct nlmsghdr *message = put_message(batch, NLMSG_DONE, NLM_F_MULTI | flags, seq);
    int32_t *payload = mnl_nlmsg_put_extra_header(message, sizeof(*payload));

    *payload = outcome;
    end_message(batch, message);
}

void put_error(struct batch *batch, uint32_t seq, int error)
{
    struct nlmsghdr *message = put_message(batch, NLMSG_ERROR, 0, seq);
    struct nlmsgerr *payload = mnl_nlmsg_put_extra_header(message, sizeof(*payload));

    payload->error = error;
    end_message(batch, message);
}

void put_overrun(struct batch *batch)
{
    end_message(batch, put_message(batch, NLMSG_OVERRUN, 0, 0));
}
