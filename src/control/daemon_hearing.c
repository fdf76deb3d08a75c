/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/clock.h"

/*
 * Ports that went deaf (hearing.h) get another ring, beside their steps: state, addresses and
 * isolation stay, and frames leave as before. What arrives during the tens of milliseconds is lost.
 *
 * All ports are looked at soon after a frame was read from any: what made one deaf hardly ever
 * comes alone, and who talks to it is heard. A port of which nothing was heard may go deaf while
 * nobody else says anything, and no frame wakes the daemon then: so there is a late look, too. Who
 * makes a port deaf again and again gets it renewed once per look, and hurts only himself.
 */

#define LOOK_SOON_NS (NS_PER_SEC / 2)
#define LOOK_LATE_NS (30 * NS_PER_SEC)

void daemon_listen_late(struct daemon *daemon)
{
    daemon->listens = false;
    event_timer_set(daemon->hearing, event_now(daemon->loop) + LOOK_LATE_NS);
}

void daemon_listen(struct daemon *daemon)
{
    daemon->listens = true;
    event_timer_set(daemon->hearing, event_now(daemon->loop) + LOOK_SOON_NS);
}

static void tell(struct managed_port *mp)
{
    struct port *port = mp->port;
    uint64_t n_dropped = port->ledger.tp_drops - mp->drops_seen;

    log_ratelimited(&mp->daemon->deaf_lines, event_now(mp->daemon->loop), LOG_LEVEL_WARNING,
                    "port %s: the kernel lost a slot of its ring, for a frame with an offload that "
                    "it cannot hand over (UDP fragmentation, SCTP), and dropped %" PRIu64
                    " frames: the ring was made anew",
                    port->name, n_dropped);
    mp->drops_seen = port->ledger.tp_drops;
    port->n_renewals++;
    daemon_listen(mp->daemon);
    daemon_tell(mp->daemon, &(struct bus_event){.what = BUS_PORT_RENEW,
                                                .bridge = mp->home->bridge,
                                                .port = port,
                                                .count = n_dropped});
}

/* For helper threads. Its sockets are where they are, whatever namespace the thread is in. */
static void run_renewal(void *arg)
{
    struct managed_port *mp = arg;

    mp->renew_result = mp->port->ops->renew(mp->port);
}

static void renewal_done(void *arg)
{
    struct managed_port *mp = arg;
    int r = mp->renew_result;

    mp->is_renewing = false;
    if (mp->daemon->is_dying)
        return;
    if (mp->is_leaving) {
        managed_port_begin_close(mp);
        return;
    }
    if (r == 0)
        r = mp->port->ops->resume(mp->port);
    if (r == 0)
        r = managed_port_watch_ring(mp);
    if (r == 0)
        tell(mp);
    else
        log_error("port %s: cannot make its ring anew: %s", mp->port->name, strerror(-r));
    mp->must_reopen = r < 0;
    managed_port_look_at(mp);
}

/* What came before the slot that is lost is still to be read. */
static void renew(struct managed_port *mp)
{
    struct rx_source *source = mp->port->source;

    managed_port_drain_ring(mp);
    mp->port->source = NULL;
    if (workers_submit(mp->daemon->workers, run_renewal, renewal_done, mp) < 0) {
        mp->port->source = source; /* the next look finds the next frame that was dropped */
        return;
    }
    mp->is_renewing = true;
    managed_port_unwatch_ring(mp);
}

void daemon_on_hearing(void *arg)
{
    struct daemon *daemon = arg;

    daemon_listen_late(daemon);
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];

        if (!mp->readable || mp->is_adjusting || !mp->port->ops->is_deaf)
            continue;
        if (mp->port->ops->is_deaf(mp->port))
            renew(mp);
        else
            mp->drops_seen = mp->port->ledger.tp_drops;
    }
}
