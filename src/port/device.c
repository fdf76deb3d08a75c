/* SPDX-License-Identifier: ISC */
#include "device.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ringspan/mac.h"

#define REQUEST_SIZE 1024
#define ANSWER_SIZE  32768
#define KIND         "tun" /* rtnetlink's word for taps, and for tuns */
/* The kernel says so if links changed while it listed them. */
#define DUMP_TRIES 10

struct request {
    _Alignas(struct nlmsghdr) uint8_t bytes[REQUEST_SIZE];
    struct nlmsghdr *message;
};

/* One who asks at a time: the port number tells answers apart. */
#define SEQUENCE 1

static void begin(struct request *request, uint16_t type, uint16_t flags, uint32_t ifindex)
{
    struct ifinfomsg *info;

    request->message = mnl_nlmsg_put_header(request->bytes);
    request->message->nlmsg_type = type;
    request->message->nlmsg_flags = NLM_F_REQUEST | flags;
    request->message->nlmsg_seq = SEQUENCE;
    info = mnl_nlmsg_put_extra_header(request->message, sizeof(*info));
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = (int)ifindex;
}

static int converse(struct mnl_socket *socket, const struct request *request, mnl_cb_t fn,
                    void *arg)
{
    char answer[ANSWER_SIZE];
    ssize_t n;
    int r;

    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    if (mnl_socket_sendto(socket, request->message, request->message->nlmsg_len) < 0)
        return -errno;
    do {
        n = mnl_socket_recvfrom(socket, answer, sizeof(answer));
        if (n < 0)
            return -errno;
        r = mnl_cb_run(answer, (size_t)n, SEQUENCE, mnl_socket_get_portid(socket), fn, arg);
        if (r < 0)
            return -errno;
    } while (r > MNL_CB_STOP);
    return 0;
}

/* Ends with the acknowledgement, or with the end of a dump. 0 or -errno. */
static int ask(const struct request *request, mnl_cb_t fn, void *arg)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    int r;

    if (!socket)
        return -errno;
    r = converse(socket, request, fn, arg);
    mnl_socket_close(socket);
    return r;
}

/* ---- reading ---- */

struct link_attributes {
    const struct nlattr *of[IFLA_MAX + 1];
};

static int collect(const struct nlattr *attribute, void *arg)
{
    struct link_attributes *attributes = arg;
    uint16_t type = mnl_attr_get_type(attribute);

    if (type <= IFLA_MAX)
        attributes->of[type] = attribute;
    return MNL_CB_OK;
}

static void read_tun(const struct nlattr *data, struct device *device)
{
    const struct nlattr *attribute;

    mnl_attr_for_each_nested(attribute, data)
    {
        uint16_t type = mnl_attr_get_type(attribute);

        if (type == IFLA_TUN_TYPE) {
            device->is_tap = mnl_attr_get_u8(attribute) == IFF_TAP;
        } else if (type == IFLA_TUN_MULTI_QUEUE) {
            device->is_multi_queue = mnl_attr_get_u8(attribute);
        } else if (type == IFLA_TUN_OWNER) {
            device->has_owner = true;
            device->owner = mnl_attr_get_u32(attribute);
        } else if (type == IFLA_TUN_GROUP) {
            device->has_group = true;
            device->group = mnl_attr_get_u32(attribute);
        }
    }
}

static void read_linkinfo(const struct nlattr *linkinfo, struct device *device)
{
    const struct nlattr *attribute;
    const struct nlattr *data = NULL;
    bool is_tun = false;

    mnl_attr_for_each_nested(attribute, linkinfo)
    {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
            is_tun = strcmp(mnl_attr_get_str(attribute), KIND) == 0;
        else if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA)
            data = attribute;
    }
    if (is_tun && data)
        read_tun(data, device);
}

static bool read_device(const struct nlmsghdr *message, struct device *ret_device)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    struct link_attributes attributes = {0};
    struct device device = {.ifindex = (uint32_t)info->ifi_index};
    const struct nlattr *mac;

    mnl_attr_parse(message, sizeof(*info), collect, &attributes);
    if (!attributes.of[IFLA_IFNAME] || !attributes.of[IFLA_MTU])
        return false;
    strncpy(device.ifname, mnl_attr_get_str(attributes.of[IFLA_IFNAME]), LIMIT_NAME_SIZE - 1);
    device.mtu = mnl_attr_get_u32(attributes.of[IFLA_MTU]);
    mac = attributes.of[IFLA_ADDRESS];
    if (mac && mnl_attr_get_payload_len(mac) == 6)
        device.mac = mac_load(mnl_attr_get_payload(mac));
    if (attributes.of[IFLA_IFALIAS])
        strncpy(device.alias, mnl_attr_get_str(attributes.of[IFLA_IFALIAS]), LIMIT_ALIAS_SIZE - 1);
    if (attributes.of[IFLA_LINKINFO])
        read_linkinfo(attributes.of[IFLA_LINKINFO], &device);
    *ret_device = device;
    return true;
}

static int take_device(const struct nlmsghdr *message, void *arg)
{
    (void)read_device(message, arg);
    return MNL_CB_OK;
}

int device_by_name(const char *ifname, struct device *ret_device)
{
    struct device found = {0};
    struct request request;
    int r;

    begin(&request, RTM_GETLINK, NLM_F_ACK, 0);
    mnl_attr_put_strz(request.message, IFLA_IFNAME, ifname);
    r = ask(&request, take_device, &found);
    if (r == 0 && found.ifindex == 0)
        r = -ENODEV;
    if (r == 0)
        *ret_device = found;
    return r;
}

struct search {
    const char *alias;
    struct device found;
};

static int compare_device(const struct nlmsghdr *message, void *arg)
{
    struct search *search = arg;
    struct device device;

    if (read_device(message, &device) && strcmp(device.alias, search->alias) == 0)
        search->found = device;
    return MNL_CB_OK;
}

int device_by_alias(const char *alias, struct device *ret_device)
{
    struct search search = {.alias = alias};
    struct request request;
    struct nlattr *linkinfo;
    int r = -EINTR;

    begin(&request, RTM_GETLINK, NLM_F_DUMP, 0);
    linkinfo = mnl_attr_nest_start(request.message, IFLA_LINKINFO);
    mnl_attr_put_strz(request.message, IFLA_INFO_KIND, KIND);
    mnl_attr_nest_end(request.message, linkinfo);
    for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++)
        r = ask(&request, compare_device, &search);
    if (r == 0 && search.found.ifindex == 0)
        r = -ENODEV;
    if (r == 0)
        *ret_device = search.found;
    return r;
}

/* ---- writing ---- */

int device_set(uint32_t ifindex, uint16_t attribute, const void *value, size_t len)
{
    struct request request;

    begin(&request, RTM_NEWLINK, NLM_F_ACK, ifindex);
    mnl_attr_put(request.message, attribute, len, value);
    return ask(&request, NULL, NULL);
}

int device_set_up(uint32_t ifindex)
{
    struct request request;
    struct ifinfomsg *info;

    begin(&request, RTM_NEWLINK, NLM_F_ACK, ifindex);
    info = mnl_nlmsg_get_payload(request.message);
    info->ifi_flags = IFF_UP;
    info->ifi_change = IFF_UP;
    return ask(&request, NULL, NULL);
}

int device_del(uint32_t ifindex)
{
    struct request request;

    begin(&request, RTM_DELLINK, NLM_F_ACK, ifindex);
    return ask(&request, NULL, NULL);
}

/* The old command, which every driver answers. */
uint32_t device_speed(int fd, uint32_t ifindex)
{
    struct ethtool_cmd command = {.cmd = ETHTOOL_GSET};
    struct ifreq request = {.ifr_ifindex = (int)ifindex};
    uint32_t speed;

    if (ioctl(fd, SIOCGIFNAME, &request) < 0)
        return 0;
    request.ifr_data = (void *)&command;
    if (ioctl(fd, SIOCETHTOOL, &request) < 0)
        return 0;
    /* ethtool_cmd_speed() shifts an unknown speed out of an int. */
    speed = (uint32_t)command.speed_hi << 16 | command.speed;
    return speed == (uint32_t)SPEED_UNKNOWN || speed == UINT16_MAX ? 0 : speed;
}
