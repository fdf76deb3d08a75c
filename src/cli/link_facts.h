/* SPDX-License-Identifier: ISC */
#ifndef SRC_CLI_LINK_FACTS_H
#define SRC_CLI_LINK_FACTS_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Link facts: what the kernel says about one interface, asked once, in the network namespace of the
 * calling thread. It needs no privileges, and changes nothing.
 */

#define LINK_NO_NSID   INT32_MIN
#define LINK_NAME_SIZE 64

struct link_facts {
    char kind[LINK_NAME_SIZE]; /* "veth", "tun", …; "": hardware */
    uint32_t link;             /* IFLA_LINK: the other end of a veth pair; 0: none */
    int32_t link_nsid;         /* the namespace of that; LINK_NO_NSID: this one */
    uint32_t mtu;
    char master[LINK_NAME_SIZE]; /* "": none */
    char qdisc[LINK_NAME_SIZE];
    bool is_up;
    bool has_carrier;
    bool has_vnet_header; /* of kind "tun": whoever has it open asked for one */
};

/** Sends @request and calls @fn with what comes back. 0 or -errno. */
int link_talk(struct nlmsghdr *request, mnl_cb_t fn, void *arg);
/** 0 or -errno. */
int link_facts_get(uint32_t ifindex, struct link_facts *ret);
/** Mbit/s; 0: unknown. */
uint32_t link_speed(const char *ifname);
/** 1: on, 0: off, -errno. */
int link_has_lro(const char *ifname);

#endif
