/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_HOST_USE_H
#define RINGSPAN_HOST_USE_H

#include <stdint.h>

/*
 * Host use: whether this host itself lives on an interface.
 *
 * An interface that carries an address or a default route is somebody's uplink, and isolating it
 * would cut that host off. An IPv6 link-local address does not count: the kernel gives one to every
 * interface. Asked once, when a port is about to isolate an interface; what is added later is not
 * noticed before the next time.
 */

#define HOST_USE_SIZE 64

/**
 * In the calling thread's network namespace. 1 and "carries 192.0.2.1/24" or "carries the default
 * route" in @ret_use (HOST_USE_SIZE bytes); 0 if the host does not use the interface; or -errno.
 */
int host_use_find(uint32_t ifindex, char *ret_use);

#endif
