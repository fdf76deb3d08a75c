/* SPDX-License-Identifier: ISC */
#include "traffic_net.h"

#include <errno.h>
#include <stdlib.h>

static int open_all(struct traffic_net *net, uint32_t burst)
{
    const struct traffic_layout *layout = net->layout;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < layout->n_ends; i++)
        r = traffic_rx_open(&layout->ends[i], &net->shape, layout->n_ends, &net->rx[i]);
    for (uint32_t i = 0; r == 0 && i < layout->n_streams; i++) {
        uint32_t end = layout->streams[i].from.end;

        if (net->tx[end].fd < 0)
            r = traffic_tx_open(&layout->ends[end], &net->shape, burst, &net->tx[end]);
    }
    return r;
}

int traffic_net_open(const struct traffic_layout *layout, const struct traffic_shape *shape,
                     uint32_t burst, struct traffic_net *ret_net)
{
    struct traffic_net net = {
        .layout = layout,
        .shape = *shape,
        .tx = calloc(layout->n_ends, sizeof(*net.tx)),
        .rx = calloc(layout->n_ends, sizeof(*net.rx)),
    };
    int r = net.tx && net.rx ? 0 : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < layout->n_ends; i++)
        net.tx[i].fd = net.rx[i].fd = -1;
    if (r == 0)
        r = open_all(&net, burst);
    if (r < 0)
        traffic_net_close(&net);
    else
        *ret_net = net;
    return r;
}

void traffic_net_close(struct traffic_net *net)
{
    for (uint32_t i = 0; net->tx && net->rx && i < net->layout->n_ends; i++) {
        traffic_tx_close(&net->tx[i]);
        traffic_rx_close(&net->rx[i]);
    }
    free(net->tx);
    free(net->rx);
    *net = (struct traffic_net){0};
}
