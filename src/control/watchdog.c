/* SPDX-License-Identifier: ISC */
#include "ringspan/watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ringspan/clock.h"
#include "ringspan/log.h"
#include "ringspan/notify.h"
#include "ringspan/progress.h"

struct watchdog {
    struct event_loop *loop;
    struct daemon *daemon;
    struct event_timer *timer;
    struct progress *progress;
    uint64_t period_ns;
};

static bool port_moves(struct watchdog *watchdog, struct port *port)
{
    bool is_judged = !port->busy && port->state == PORT_FORWARDING;
    struct ledger_snapshot snapshot;

    if (is_judged)
        port_snapshot(port, &snapshot);
    if (progress_note(watchdog->progress, port->name, is_judged ? &snapshot : NULL))
        return true;
    log_error("port %s: %" PRIu64 " frames wait in its ring, and none was read for %" PRIu64
              " ms: the watchdog is not fed",
              port->name, snapshot.unread_min, watchdog->period_ns / NS_PER_MS);
    return false;
}

static bool data_path_moves(struct watchdog *watchdog)
{
    bool moves = true;

    progress_begin(watchdog->progress);
    for (uint32_t i = 0; i < daemon_n_bridges(watchdog->daemon); i++) {
        struct bridge *bridge = daemon_bridge(watchdog->daemon, i);

        for (uint32_t id = 0; id < bridge_id_limit(bridge); id++) {
            struct port *port = bridge_port(bridge, (port_id)id);

            if (port && !port_moves(watchdog, port))
                moves = false;
        }
    }
    return moves;
}

static void on_timer(void *arg)
{
    struct watchdog *watchdog = arg;

    event_timer_set(watchdog->timer, event_now(watchdog->loop) + watchdog->period_ns);
    if (data_path_moves(watchdog))
        notify_watchdog();
}

int watchdog_new(struct event_loop *loop, struct daemon *daemon, struct watchdog **ret)
{
    struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
    int r = -ENOMEM;

    if (!watchdog)
        return -ENOMEM;
    watchdog->loop = loop;
    watchdog->daemon = daemon;
    watchdog->period_ns = notify_watchdog_interval() / 2;
    watchdog->progress = progress_new();
    if (!watchdog->progress)
        goto out;
    r = event_timer_new(loop, on_timer, watchdog, &watchdog->timer);
    if (r < 0)
        goto out;
    if (watchdog->period_ns > 0)
        event_timer_set(watchdog->timer, event_now(loop) + watchdog->period_ns);
    *ret = watchdog;
    return 0;
out:
    watchdog_free(watchdog);
    return r;
}

void watchdog_free(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    event_timer_free(watchdog->timer);
    free(watchdog->progress);
    free(watchdog);
}
