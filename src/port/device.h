/* SPDX-License-Identifier: ISC */
#ifndef SRC_PORT_DEVICE_H
#define SRC_PORT_DEVICE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/limits.h"

/*
 * Device: questions and wishes about one interface of the calling thread's namespace, by rtnetlink.
 * Each call makes a socket of its own and blocks until the kernel has answered.
 */

struct device {
    uint32_t ifindex;
    uint32_t mtu;
    uint64_t mac;
    char ifname[LIMIT_NAME_SIZE];
    char alias[LIMIT_ALIAS_SIZE];
    bool is_tap;
    /* Of a tap. */
    bool is_multi_queue;
    bool has_owner;
    bool has_group;
    uint32_t owner;
    uint32_t group;
};

/** 0, -ENODEV, or -errno. */
int device_by_name(const char *ifname, struct device *ret_device);
/** Among taps: the one whose alias is @alias. 0, -ENODEV, or -errno. */
int device_by_alias(const char *alias, struct device *ret_device);

/** Sets one attribute (IFLA_MTU, IFLA_ADDRESS, IFLA_IFALIAS). 0 or -errno. */
int device_set(uint32_t ifindex, uint16_t attribute, const void *value, size_t len);
int device_set_up(uint32_t ifindex);
int device_del(uint32_t ifindex);

/** Mbit/s, as the driver says; 0: it does not know, or has no carrier. @fd: any socket of the
 * interface's namespace. */
uint32_t device_speed(int fd, uint32_t ifindex);

/* One port of one daemon on the machine may use a device: an abstract name in the namespace that
 * the device lives in, which is the calling thread's. It vanishes with the process, whatever ends
 * it. A descriptor to close; or -errno, -EADDRINUSE if somebody has it. */
int packet_lock_device(uint32_t ifindex);

#endif
