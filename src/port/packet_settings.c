/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "packet.h"
#include "ringspan/container.h"

/* What can be changed while frames flow: the kernel looks at a socket's options at each send. */

int packet_set_option(int fd, int level, int option, const void *value, socklen_t len)
{
    return setsockopt(fd, level, option, value, len) < 0 ? -errno : 0;
}

int packet_set_int(int fd, int level, int option, int value)
{
    return packet_set_option(fd, level, option, &value, sizeof(value));
}

static int set_qdisc_bypass(struct packet_port *p, bool bypass)
{
    int r = packet_set_int(p->rx_fd, SOL_PACKET, PACKET_QDISC_BYPASS, bypass);

    return r < 0 ? r : packet_set_int(p->tx_fd, SOL_PACKET, PACKET_QDISC_BYPASS, bypass);
}

static int set_mark(struct packet_port *p, uint32_t mark)
{
    int r = packet_set_option(p->rx_fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));

    return r < 0 ? r : packet_set_option(p->tx_fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

/* The mark is there before anything asks for it: no frame of ours is lost. For as long as it takes,
 * frames carry it further. */
static int isolate(struct packet_port *p, uint32_t ifindex)
{
    int r = set_mark(p, isolator_mark(p->isolator));

    if (r < 0) {
        snprintf(p->isolation_why, sizeof(p->isolation_why), "SO_MARK: %s", strerror(-r));
        return r;
    }
    if (p->isolation.means != ISOLATION_NONE)
        return 0;
    return isolation_attach(&p->isolation, p->isolator, ifindex, p->is_one_of_many,
                            p->isolation_why);
}

void packet_end_isolation(struct packet_port *p)
{
    isolation_detach(&p->isolation);
    p->isolation_why[0] = '\0';
}

/* Past the qdisc is past tcx, too, which would clear the mark. */
static bool needs_mark(const struct packet_port *p, const struct port_settings *settings)
{
    switch (p->isolation.means) {
    case ISOLATION_TCX:
        return !settings->qdisc_bypass;
    case ISOLATION_NFTABLES:
        return true;
    case ISOLATION_NFTABLES_INGRESS:
    case ISOLATION_NONE:
    case ISOLATION_N_MEANS:
        break;
    }
    return false;
}

int packet_apply(struct packet_port *p, const struct port_settings *settings, uint32_t ifindex)
{
    int r;

    if (!settings->isolate_host)
        packet_end_isolation(p);
    else if (p->isolator && isolate(p, ifindex) == -ENODEV)
        return -ENODEV;
    p->gro_error = gro_apply(&p->gro, settings->gro, ifindex);
    r = set_qdisc_bypass(p, settings->qdisc_bypass);
    if (!needs_mark(p, settings))
        (void)set_mark(p, 0); /* who may not set it has none */
    return r;
}

int packet_adjust(struct port *port, const struct port_settings *settings)
{
    return packet_apply(container_of(port, struct packet_port, port), settings, port->ifindex);
}

struct port_isolation packet_isolation(const struct port *port)
{
    const struct packet_port *p = container_of(port, struct packet_port, port);
    struct port_isolation isolation = {.means = p->isolation.means};

    memcpy(isolation.why, p->isolation_why, sizeof(isolation.why));
    return isolation;
}

struct port_gro packet_gro(const struct port *port)
{
    const struct packet_port *p = container_of(port, struct packet_port, port);

    return (struct port_gro){.is_on = p->gro.is_on, .error = p->gro_error};
}
