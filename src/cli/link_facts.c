/* SPDX-License-Identifier: ISC */
#include "link_facts.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE 16384

int link_talk(struct nlmsghdr *request, mnl_cb_t fn, void *arg)
{
    char buffer[ANSWER_SIZE];
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    ssize_t n = -1;
    int r = 0;

    if (!socket)
        return -errno;
    request->nlmsg_seq = 1;
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(socket, request, request->nlmsg_len) > 0)
        n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
    if (n < 0 || mnl_cb_run(buffer, (size_t)n, 1, mnl_socket_get_portid(socket), fn, arg) < 0)
        r = -errno;
    mnl_socket_close(socket);
    return r;
}

static void copy_name(char to[LINK_NAME_SIZE], const struct nlattr *attr)
{
    snprintf(to, LINK_NAME_SIZE, "%.*s", (int)mnl_attr_get_payload_len(attr),
             (const char *)mnl_attr_get_payload(attr));
}

static void take_info(struct link_facts *facts, const struct nlattr *info)
{
    const struct nlattr *attr;
    const struct nlattr *data;

    mnl_attr_for_each_nested(attr, info)
    {
        if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
            copy_name(facts->kind, attr);
        if (mnl_attr_get_type(attr) != IFLA_INFO_DATA || strcmp(facts->kind, "tun") != 0)
            continue;
        mnl_attr_for_each_nested(data, attr)
        {
            if (mnl_attr_get_type(data) == IFLA_TUN_VNET_HDR)
                facts->has_vnet_header = mnl_attr_get_u8(data) != 0;
        }
    }
}

static int on_link(const struct nlmsghdr *message, void *arg)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    struct link_facts *facts = arg;
    const struct nlattr *attr;

    facts->is_up = info->ifi_flags & IFF_UP;
    facts->has_carrier = info->ifi_flags & IFF_RUNNING;
    mnl_attr_for_each(attr, message, sizeof(*info))
    {
        uint16_t type = mnl_attr_get_type(attr);

        if (type == IFLA_LINK)
            facts->link = mnl_attr_get_u32(attr);
        else if (type == IFLA_LINK_NETNSID)
            facts->link_nsid = (int32_t)mnl_attr_get_u32(attr);
        else if (type == IFLA_MTU)
            facts->mtu = mnl_attr_get_u32(attr);
        else if (type == IFLA_MASTER)
            (void)if_indextoname(mnl_attr_get_u32(attr), facts->master);
        else if (type == IFLA_QDISC)
            copy_name(facts->qdisc, attr);
        else if (type == IFLA_LINKINFO)
            take_info(facts, attr);
    }
    return MNL_CB_OK;
}

int link_facts_get(uint32_t ifindex, struct link_facts *ret)
{
    struct link_facts facts = {.link_nsid = LINK_NO_NSID};
    char buffer[256];
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *info;
    int r;

    message->nlmsg_type = RTM_GETLINK;
    message->nlmsg_flags = NLM_F_REQUEST;
    info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
    info->ifi_index = (int)ifindex;
    r = link_talk(message, on_link, &facts);
    if (r == 0)
        *ret = facts;
    return r;
}

static int ask_ethtool(const char *ifname, void *command)
{
    struct ifreq request = {.ifr_data = command};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
    r = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* The old command, which every driver answers, and which has room for 65 Gbit/s at least. */
uint32_t link_speed(const char *ifname)
{
    struct ethtool_cmd command = {.cmd = ETHTOOL_GSET};
    uint32_t speed;

    if (ask_ethtool(ifname, &command) < 0)
        return 0;
    /* ethtool_cmd_speed() shifts an unknown speed out of an int. */
    speed = (uint32_t)command.speed_hi << 16 | command.speed;
    return speed == (uint32_t)SPEED_UNKNOWN || speed == UINT16_MAX ? 0 : speed;
}

int link_has_lro(const char *ifname)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
    int r = ask_ethtool(ifname, &value);

    return r < 0 ? r : (value.data & ETH_FLAG_LRO) != 0;
}
