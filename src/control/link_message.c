/* SPDX-License-Identifier: ISC */
#include "link_message.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>

#include "ringspan/mac.h"

/* memcmp() on digests needs a struct without padding. */
static_assert(sizeof(struct link) ==
                  6 * sizeof(uint32_t) + sizeof(uint64_t) + 2 * LIMIT_NAME_SIZE + LIMIT_ALIAS_SIZE,
              "struct link has padding");

/* What is read of a link; everything else is skipped unseen. */
static const enum mnl_attr_data_type attribute_types[IFLA_MAX + 1] = {
    [IFLA_IFNAME] = MNL_TYPE_NUL_STRING, [IFLA_MTU] = MNL_TYPE_U32,
    [IFLA_LINK] = MNL_TYPE_U32,          [IFLA_MASTER] = MNL_TYPE_U32,
    [IFLA_OPERSTATE] = MNL_TYPE_U8,      [IFLA_CARRIER] = MNL_TYPE_U8,
    [IFLA_LINKINFO] = MNL_TYPE_NESTED,   [IFLA_IFALIAS] = MNL_TYPE_NUL_STRING,
};

uint32_t link_message_dump_request(void *buffer, uint32_t seq)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *info;

    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = seq;
    info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
    info->ifi_family = AF_UNSPEC;
    /* A quarter of each row is statistics that nobody here reads. */
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return request->nlmsg_len;
}

/* False if an attribute is not of its type, or if bytes are left over that are no attribute. */
static bool collect_attributes(const struct nlmsghdr *message, const struct nlattr **ret_attributes)
{
    const struct nlattr *attribute;

    mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg))
    {
        uint16_t type = mnl_attr_get_type(attribute);

        if (type > IFLA_MAX)
            continue;
        if (attribute_types[type] != MNL_TYPE_UNSPEC &&
            mnl_attr_validate(attribute, attribute_types[type]) < 0)
            return false;
        ret_attributes[type] = attribute;
    }
    return (const void *)attribute == mnl_nlmsg_get_payload_tail(message);
}

static uint32_t u32_or_zero(const struct nlattr *attribute)
{
    return attribute ? mnl_attr_get_u32(attribute) : 0;
}

static uint8_t u8_or_zero(const struct nlattr *attribute)
{
    return attribute ? mnl_attr_get_u8(attribute) : 0;
}

static void copy_kind(const struct nlattr *linkinfo, char *ret_kind)
{
    const struct nlattr *attribute;

    mnl_attr_for_each_nested(attribute, linkinfo)
    {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
            strncpy(ret_kind, mnl_attr_get_str(attribute), LIMIT_NAME_SIZE - 1);
    }
}

static bool is_name(const struct nlattr *attribute)
{
    size_t len = attribute ? strlen(mnl_attr_get_str(attribute)) : 0;

    return len > 0 && len < LIMIT_NAME_SIZE;
}

static void digest(const struct ifinfomsg *info, const struct nlattr **attributes,
                   struct link *ret_link)
{
    const struct nlattr *mac = attributes[IFLA_ADDRESS];
    struct link link = {
        .ifindex = (uint32_t)info->ifi_index,
        .flags = info->ifi_flags,
        .mtu = u32_or_zero(attributes[IFLA_MTU]),
        .master = u32_or_zero(attributes[IFLA_MASTER]),
        .type = info->ifi_type,
        .operstate = u8_or_zero(attributes[IFLA_OPERSTATE]),
        .carrier = info->ifi_flags & IFF_LOWER_UP || u8_or_zero(attributes[IFLA_CARRIER]),
    };

    /* The peer's index counts in the peer's namespace: elsewhere it would name a stranger here. */
    if (!attributes[IFLA_LINK_NETNSID])
        link.peer = u32_or_zero(attributes[IFLA_LINK]);
    if (mac && mnl_attr_get_payload_len(mac) == 6)
        link.mac = mac_load(mnl_attr_get_payload(mac));
    strncpy(link.ifname, mnl_attr_get_str(attributes[IFLA_IFNAME]), LIMIT_NAME_SIZE - 1);
    if (attributes[IFLA_IFALIAS])
        strncpy(link.alias, mnl_attr_get_str(attributes[IFLA_IFALIAS]), LIMIT_ALIAS_SIZE - 1);
    if (attributes[IFLA_LINKINFO])
        copy_kind(attributes[IFLA_LINKINFO], link.kind);
    *ret_link = link;
}

enum link_message_kind link_message_read(const struct nlmsghdr *message, struct link *ret_link)
{
    const struct nlattr *attributes[IFLA_MAX + 1] = {0};
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

    if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
        return LINK_MESSAGE_MALFORMED;
    /* AF_BRIDGE tells of bridge ports: its RTM_DELLINK means that a link left its bridge. */
    if (info->ifi_family != AF_UNSPEC)
        return LINK_MESSAGE_UNRELATED;
    if (info->ifi_index <= 0)
        return LINK_MESSAGE_MALFORMED;
    if (message->nlmsg_type == RTM_DELLINK) {
        *ret_link = (struct link){.ifindex = (uint32_t)info->ifi_index};
        return LINK_MESSAGE_LINK;
    }
    if (!collect_attributes(message, attributes))
        return LINK_MESSAGE_MALFORMED;
    if (attributes[IFLA_WIRELESS])
        return LINK_MESSAGE_UNRELATED;
    /* The kernel leaves out what is zero or does not apply, but never these two. */
    if (!is_name(attributes[IFLA_IFNAME]) || !attributes[IFLA_MTU])
        return LINK_MESSAGE_MALFORMED;
    digest(info, attributes, ret_link);
    return LINK_MESSAGE_LINK;
}
