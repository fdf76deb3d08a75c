/* SPDX-License-Identifier: ISC */
#include <sys/epoll.h>

#include "daemon_private.h"

/* Frames come in: rings are read when the kernel says that there is something, and those that had
 * frames a moment ago whenever the loop looks (event.h). */

/* A ring without frames for this long is not looked at any more. It is longer than a round trip, so
 * that a ring that is busy is not forgotten between a frame and the answer to it. */
#define ACTIVE_NS UINT64_C(250000)

/* ---- aging ---- */

void managed_bridge_on_aging(void *arg)
{
    struct managed_bridge *mb = arg;

    event_timer_set(mb->aging, bridge_age(mb->bridge, event_now(mb->daemon->loop)));
}

/* With an empty table nothing wakes the daemon up; the first entry that ages does. */
static void keep_aging(struct managed_bridge *mb)
{
    if (!event_timer_is_armed(mb->aging) && fdb_used(bridge_fdb(mb->bridge)) > 0)
        managed_bridge_on_aging(mb);
}

void managed_bridge_settle(struct managed_bridge *mb)
{
    if (fdb_is_settling(bridge_fdb(mb->bridge)))
        event_timer_set(mb->aging, event_now(mb->daemon->loop));
}

int daemon_add_entry(struct daemon *daemon, struct bridge *bridge, const struct fdb_entry *entry)
{
    int r = fdb_add(bridge_fdb(bridge), entry);

    if (r == 0)
        keep_aging(daemon_find_bridge(daemon, bridge_name(bridge)));
    return r;
}

/* ---- rings ---- */

static void note_active(struct managed_port *mp, uint64_t now)
{
    struct daemon *daemon = mp->daemon;

    mp->active_at = now;
    if (mp->is_active || daemon->n_active == ACTIVE_RINGS)
        return;
    mp->is_active = true;
    daemon->active[daemon->n_active++] = mp;
}

static void forget_active(struct daemon *daemon, uint32_t i)
{
    daemon->active[i]->is_active = false;
    daemon->active[i] = daemon->active[--daemon->n_active];
}

static void read_ring(struct managed_port *mp)
{
    uint64_t now = event_now(mp->daemon->loop);
    struct bridge_taken taken = bridge_poll(mp->home->bridge, mp->port->source, now);

    wake_note(event_loop_wake(mp->daemon->loop), taken.frames, taken.bytes);
    if (taken.frames > 0)
        note_active(mp, now);
    keep_aging(mp->home);
    if (!mp->daemon->listens)
        daemon_listen(mp->daemon);
}

static void on_readable(void *arg, uint32_t epoll_events)
{
    struct managed_port *mp = arg;
    struct rx_source *source = mp->port->source;

    /* Which error it was does not matter: netlink says what happened to the device. */
    if (epoll_events & EPOLLERR)
        (void)source->ops->take_error(source);
    read_ring(mp);
}

static bool look_at_ring(struct daemon *daemon, uint32_t i, uint64_t now)
{
    struct managed_port *mp = daemon->active[i];
    const struct rx_source *source = mp->port->source;

    if (source->ops->has_news(source)) {
        read_ring(mp);
        return true;
    }
    if (now - mp->active_at > ACTIVE_NS)
        forget_active(daemon, i);
    return false;
}

/* From the end: one that leaves the list is replaced by one that was looked at. */
bool daemon_look_at_rings(void *arg)
{
    struct daemon *daemon = arg;
    uint64_t now = event_now(daemon->loop);
    bool has_found = false;

    for (uint32_t i = daemon->n_active; i-- > 0;) {
        if (i < daemon->n_active) /* a frame may take ports out */
            has_found |= look_at_ring(daemon, i, now);
    }
    return has_found;
}

int managed_port_watch_ring(struct managed_port *mp)
{
    struct event_loop *loop = mp->daemon->loop;
    int r = event_add(loop, mp->port->source->fd, EPOLLIN, on_readable, mp, &mp->readable);

    if (r == 0)
        wake_note_ring(event_loop_wake(loop), port_rings(mp->port).rx_slots);
    return r;
}

void managed_port_unwatch_ring(struct managed_port *mp)
{
    struct daemon *daemon = mp->daemon;

    event_del(mp->readable);
    mp->readable = NULL;
    for (uint32_t i = 0; mp->is_active; i++) {
        if (daemon->active[i] == mp)
            forget_active(daemon, i);
    }
}

void managed_port_drain_ring(struct managed_port *mp)
{
    struct bridge_taken taken;

    do
        taken = bridge_poll(mp->home->bridge, mp->port->source, event_now(mp->daemon->loop));
    while (taken.frames > 0);
}
