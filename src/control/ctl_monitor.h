/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_CTL_MONITOR_H
#define SRC_CONTROL_CTL_MONITOR_H

#include "ctl_selection.h"
#include "ringspan/bus.h"
#include "ringspan/ctl_server.h"
#include "ringspan/daemon.h"

/*
 * Monitors: clients that are told what happens, one line per event.
 *
 * One listener on the bus serves all of them: an event is written once, and its line is handed to
 * each client that wants it. A client that does not read loses events and nobody waits for it: from
 * the first line that its queue has no room for, everything is counted, until it has read nearly
 * all; then one line says how many are missing, at the place where they are.
 *
 * A snapshot is made row by row, over many turns, while things go on happening. So that a client
 * that applies its lines in order ends up with exactly what there is, an event is left out if it is
 * about something that the snapshot has not come to yet: the row that comes will show it. Of what
 * no row shows, that a limit is exceeded, everything is told.
 *
 * This header is shared by ctl_monitor.c (clients), ctl_monitor_snapshot.c and ctl_monitor_line.c
 * (what is written).
 */

/* How far the snapshot is; the first three are the kinds that have one. */
enum monitor_stage {
    MONITOR_PORTS = BUS_PORT,
    MONITOR_LINKS = BUS_LINK,
    MONITOR_FDB = BUS_FDB,
    MONITOR_END,
    MONITOR_LIVE,
};

struct ctl_monitors;

/* One client. */
struct ctl_monitor {
    struct ctl_monitor *next;
    struct ctl_monitors *all;
    struct ctl_call *call;
    uint32_t kinds;
    struct ctl_selection selection;
    uint64_t lost;     /* since the last line that it got */
    uint64_t lost_seq; /* the number of the last one lost */
    enum monitor_stage stage;
    uint64_t bridge; /* where the snapshot goes on: the number of a bridge, */
    uint32_t slot;   /* and in it a port's id, or an entry's slot */
};

struct ctl_monitors {
    struct daemon *daemon;
    struct bus_listener *listener;
    struct ctl_monitor *first;
    struct byte_queue line; /* of the event that is being told */
};

/* What a client asks for. The names may be nobody's. */
struct ctl_monitor_wish {
    uint32_t kinds;
    bool wants_snapshot;
    const char *bridge; /* in the parameters; NULL: all */
    const char *port;
};

/** False, and a fault, if @params (which may be NULL) are not those of monitor.start. */
bool ctl_monitor_parse(const struct json_object *params, struct ctl_monitor_wish *ret_wish,
                       struct ctl_fault *ret_fault);

/** 0 or -errno. Finish it after the last client and before the daemon. */
int ctl_monitors_init(struct ctl_monitors *monitors, struct daemon *daemon);
/** Of one that was never initialised, too, if it is zeroed. */
void ctl_monitors_fini(struct ctl_monitors *monitors);

/** Whether @bridge and @port (which may be NULL) are among what the client asked for. */
bool ctl_monitor_selects(const struct ctl_monitor *monitor, const struct bridge *bridge,
                         const struct port *port);
/** Whether the snapshot has passed what @event is about. */
bool ctl_monitor_has_passed(const struct ctl_monitor *monitor, const struct bus_event *event);
/** For ctl_call_stream(): the next row of the snapshot. */
enum ctl_row ctl_monitor_next(struct ctl_monitor *monitor, struct json_writer *writer);

/* Lines. */

void ctl_monitor_write_event(struct json_writer *writer, const struct bus_event *event);
void ctl_monitor_write_lost(struct json_writer *writer, uint64_t seq, uint64_t count);
void ctl_monitor_write_end(struct json_writer *writer, uint64_t seq);
void ctl_monitor_write_port(struct json_writer *writer, uint64_t seq, const struct bridge *bridge,
                            const struct port *port);
void ctl_monitor_write_link(struct json_writer *writer, uint64_t seq, const struct bridge *bridge,
                            const struct port *port, const struct link *link);
void ctl_monitor_write_entry(struct json_writer *writer, uint64_t seq, const struct bridge *bridge,
                             const struct port *port, const struct fdb_entry *entry);

#endif
