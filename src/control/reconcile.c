/* SPDX-License-Identifier: ISC */
#include "ringspan/reconcile.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#define IP_COMMAND_SIZE 56

static void set(struct port_target *target, enum port_state state, uint32_t ifindex)
{
    target->state = state;
    target->ifindex = ifindex;
}

/* How to call ip(8) there; what has no room in a reason is left to the reader. */
static void format_ip(const char *netns, char ret_ip[IP_COMMAND_SIZE])
{
    int len;

    if (!netns)
        len = snprintf(ret_ip, IP_COMMAND_SIZE, "ip");
    else if (netns[0] == '/')
        len = snprintf(ret_ip, IP_COMMAND_SIZE, "nsenter --net=%s ip", netns);
    else
        len = snprintf(ret_ip, IP_COMMAND_SIZE, "ip -n %s", netns);
    if (len >= IP_COMMAND_SIZE)
        snprintf(ret_ip, IP_COMMAND_SIZE, "there, ip");
}

static bool is_ethernet(const struct link *link)
{
    return link->type == ARPHRD_ETHER && !(link->flags & IFF_LOOPBACK);
}

bool reconcile_may_match(const struct link *link)
{
    return is_ethernet(link) && link->master == 0;
}

void reconcile_port(const char *ifname, const char *netns, const struct link *link,
                    const struct link *master, struct port_target *ret_target)
{
    struct port_target *target = ret_target;
    char *why = target->why;
    char ip[IP_COMMAND_SIZE];

    format_ip(netns, ip);
    why[0] = '\0';
    target->makes_device = false;
    target->mtu = link ? link->mtu : 0;
    if (!link) {
        set(target, PORT_WAITING, 0);
        snprintf(why, PORT_WHY_SIZE, "no interface named %s%s%s", ifname, netns ? " in " : "",
                 netns ? netns : "");
    } else if (!is_ethernet(link)) {
        set(target, PORT_ERROR, 0);
        snprintf(why, PORT_WHY_SIZE, "%s is not an Ethernet interface", ifname);
    } else if (link->master != 0) {
        set(target, PORT_ERROR, 0);
        snprintf(why, PORT_WHY_SIZE, "enslaved to %s (%s link set %s nomaster)",
                 master ? master->ifname : "another device", ip, ifname);
    } else if (!(link->flags & IFF_UP)) {
        set(target, PORT_DOWN, link->ifindex);
        snprintf(why, PORT_WHY_SIZE, "%s is administratively down (%s link set %s up)", ifname, ip,
                 ifname);
    } else if (!link->carrier) {
        set(target, PORT_DOWN, link->ifindex);
        snprintf(why, PORT_WHY_SIZE, "%s has no carrier", ifname);
    } else {
        set(target, PORT_FORWARDING, link->ifindex);
    }
}

/* rtnetlink has one kind for both. */
static bool is_tap(const struct link *link)
{
    return strcmp(link->kind, "tun") == 0 && link->type == ARPHRD_ETHER;
}

static void refuse(const char *ifname, const struct link *link, struct port_target *target)
{
    set(target, PORT_ERROR, 0);
    if (strcmp(link->kind, "tun") == 0)
        snprintf(target->why, PORT_WHY_SIZE, "%s exists and is not a tap but a tun (layer 3)",
                 ifname);
    else if (link->kind[0] == '\0')
        snprintf(target->why, PORT_WHY_SIZE, "%s exists and is not a tap", ifname);
    else
        snprintf(target->why, PORT_WHY_SIZE, "%s exists and is not a tap (kind %s)", ifname,
                 link->kind);
}

void reconcile_tap(const char *ifname, const char *netns, const struct link *link,
                   const struct link *master, const struct link *ours,
                   struct port_target *ret_target)
{
    struct port_target *target = ret_target;
    char ip[IP_COMMAND_SIZE];

    format_ip(netns, ip);
    reconcile_port(ifname, netns, link, master, target);
    if (!link && ours) {
        snprintf(target->why, PORT_WHY_SIZE, "its tap is called %s now (%s link set %s name %s)",
                 ours->ifname, ip, ours->ifname, ifname);
    } else if (!link) {
        target->makes_device = true;
        snprintf(target->why, PORT_WHY_SIZE, "the tap %s is being made", ifname);
    } else if (!is_tap(link)) {
        refuse(ifname, link, target);
    } else if (target->state == PORT_DOWN && link->flags & IFF_UP) {
        snprintf(target->why, PORT_WHY_SIZE, "%s has no carrier: nobody has opened the tap",
                 ifname);
    }
}

void reconcile_disabled(const char *name, struct port_target *target)
{
    target->state = PORT_DISABLED;
    snprintf(target->why, sizeof(target->why), "asked to be down (ringspan port set %s up)", name);
}

void reconcile_shut(const char *why, struct port_target *target)
{
    target->state = PORT_ERROR;
    snprintf(target->why, sizeof(target->why), "%s", why);
}

enum port_step reconcile_step(struct port_position position, const struct port_target *target)
{
    bool stays = position.bound == target->ifindex && !position.is_elsewhere;

    if (position.bound != 0 && !stays)
        return PORT_STEP_DETACH;
    if (position.is_elsewhere)
        return PORT_STEP_CLOSE;
    if (target->makes_device)
        return PORT_STEP_MAKE;
    return stays ? PORT_STEP_NONE : PORT_STEP_ATTACH;
}
