/* SPDX-License-Identifier: ISC */
#include "ringspan/status.h"

#include <errno.h>
#include <stdlib.h>

#include "ringspan/log.h"
#include "ringspan/notify.h"

#define LINE_SIZE 128

struct status {
    struct event_loop *loop;
    const struct daemon *daemon;
    struct event_timer *due;
    struct bus_listener *listener;
};

static void describe(const struct status *status, char ret_line[LINE_SIZE])
{
    struct daemon_summary summary = daemon_summary(status->daemon);

    daemon_summary_format(&summary, ret_line, LINE_SIZE);
}

static void on_due(void *arg)
{
    char line[LINE_SIZE];

    describe(arg, line);
    notify_status("%s", line);
}

static void on_port_event(void *arg, const struct bus_event *event)
{
    const struct status *status = arg;

    (void)event;
    if (daemon_is_ready(status->daemon))
        event_timer_set(status->due, event_now(status->loop));
}

int status_new(struct event_loop *loop, const struct daemon *daemon, struct status **ret)
{
    struct status *status = calloc(1, sizeof(*status));
    int r;

    if (!status)
        return -ENOMEM;
    status->loop = loop;
    status->daemon = daemon;
    r = event_timer_new(loop, on_due, status, &status->due);
    if (r == 0)
        r = bus_listen(daemon_bus(daemon), BUS_MASK(BUS_PORT), on_port_event, status,
                       &status->listener);
    if (r < 0)
        status_free(status);
    else
        *ret = status;
    return r;
}

void status_free(struct status *status)
{
    if (!status)
        return;
    bus_unlisten(status->listener);
    event_timer_free(status->due);
    free(status);
}

void status_ready(struct status *status)
{
    char line[LINE_SIZE];

    describe(status, line);
    log_notice("%s", line);
    notify_ready(line);
}
