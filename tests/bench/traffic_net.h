/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_NET_H
#define TESTS_BENCH_TRAFFIC_NET_H

#include "traffic_layout.h"
#include "traffic_socket.h"

/*
 * Net: the rings of all ends of a layout, opened once for as many runs as there are: opening them
 * takes the kernel tens of milliseconds each. Every end listens; those that streams come from send.
 */

struct traffic_net {
    const struct traffic_layout *layout;
    struct traffic_shape shape;
    struct traffic_tx *tx; /* by end; fd -1 if it sends nothing */
    struct traffic_rx *rx;
};

/** 0, or -errno, said already. */
int traffic_net_open(const struct traffic_layout *layout, const struct traffic_shape *shape,
                     uint32_t burst, struct traffic_net *ret_net);
void traffic_net_close(struct traffic_net *net);

#endif
