/* SPDX-License-Identifier: ISC */
#include "ringspan/host_use.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_SIZE  (32u << 10) /* as much as the kernel fills at once */
#define REQUEST_SIZE 64

struct search {
    uint32_t ifindex;
    char *use;
    bool is_found;
};

static bool is_link_local(const struct ifaddrmsg *address, const uint8_t *bytes)
{
    return address->ifa_family == AF_INET6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

static int take_address(const struct nlmsghdr *message, void *arg)
{
    struct search *search = arg;
    const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;
    const void *bytes = NULL;
    char text[INET6_ADDRSTRLEN];

    if (message->nlmsg_type != RTM_NEWADDR || address->ifa_index != search->ifindex)
        return MNL_CB_OK;
    /* Of an IPv4 address with a peer, the local one is the host's; of IPv6 there is only the other,
     * which comes first. */
    mnl_attr_for_each(attribute, message, sizeof(*address))
    {
        if (mnl_attr_get_type(attribute) == IFA_LOCAL ||
            (mnl_attr_get_type(attribute) == IFA_ADDRESS && !bytes))
            bytes = mnl_attr_get_payload(attribute);
    }
    if (!bytes || is_link_local(address, bytes) ||
        !inet_ntop(address->ifa_family, bytes, text, sizeof(text)))
        return MNL_CB_OK;
    snprintf(search->use, HOST_USE_SIZE, "carries %s/%u", text, address->ifa_prefixlen);
    search->is_found = true;
    return MNL_CB_STOP;
}

/* The kernel shows only routes by this interface. */
static int take_route(const struct nlmsghdr *message, void *arg)
{
    struct search *search = arg;
    const struct rtmsg *route = mnl_nlmsg_get_payload(message);

    if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len != 0 ||
        route->rtm_type != RTN_UNICAST)
        return MNL_CB_OK;
    snprintf(search->use, HOST_USE_SIZE, "carries the default route");
    search->is_found = true;
    return MNL_CB_STOP;
}

static int dump(struct mnl_socket *socket, const struct nlmsghdr *request, mnl_cb_t take,
                struct search *search)
{
    alignas(struct nlmsghdr) uint8_t bytes[BUFFER_SIZE];
    int r = MNL_CB_OK;

    if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
        return -errno;
    while (r == MNL_CB_OK) {
        ssize_t len = mnl_socket_recvfrom(socket, bytes, sizeof(bytes));

        if (len < 0)
            return -errno;
        r = mnl_cb_run(bytes, (size_t)len, request->nlmsg_seq, 0, take, search);
    }
    return r < 0 ? -errno : 0;
}

static int find_addresses(struct mnl_socket *socket, struct search *search)
{
    alignas(struct nlmsghdr) uint8_t bytes[REQUEST_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(bytes);
    struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(request, sizeof(*address));

    request->nlmsg_type = RTM_GETADDR;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    address->ifa_index = search->ifindex;
    return dump(socket, request, take_address, search);
}

static int find_default_route(struct mnl_socket *socket, uint8_t family, struct search *search)
{
    alignas(struct nlmsghdr) uint8_t bytes[REQUEST_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(bytes);
    struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));

    request->nlmsg_type = RTM_GETROUTE;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = family; /* its own: an answer to another request is told apart */
    route->rtm_family = family;
    mnl_attr_put_u32(request, RTA_OIF, search->ifindex);
    return dump(socket, request, take_route, search);
}

static bool is_without_ipv6(int r)
{
    return r == -EOPNOTSUPP || r == -EAFNOSUPPORT || r == -ENOENT;
}

static int find(struct mnl_socket *socket, struct search *search)
{
    int one = 1;
    int r;

    /* The kernel filters, and does not show us a million routes of others. */
    if (mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one)) < 0 ||
        mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    r = find_addresses(socket, search);
    if (r == 0 && !search->is_found)
        r = find_default_route(socket, AF_INET, search);
    if (r == 0 && !search->is_found)
        r = find_default_route(socket, AF_INET6, search);
    return is_without_ipv6(r) ? 0 : r;
}

int host_use_find(uint32_t ifindex, char *ret_use)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    struct search search = {.ifindex = ifindex, .use = ret_use};
    int r;

    if (!socket)
        return -errno;
    r = find(socket, &search);
    mnl_socket_close(socket);
    return r < 0 ? r : search.is_found;
}
