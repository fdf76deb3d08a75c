/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_DAEMON_PRIVATE_H
#define SRC_CONTROL_DAEMON_PRIVATE_H

#include <stdatomic.h>

#include "netns_table.h"
#include "port_log.h"
#include "ringspan/alarm.h"
#include "ringspan/daemon.h"
#include "ringspan/host_use.h"
#include "ringspan/log.h"
#include "ringspan/port_packet.h"
#include "ringspan/reconcile.h"
#include "ringspan/recorder.h"
#include "ringspan/tap.h"
#include "ringspan/workers.h"

/*
 * Inside of the daemon, shared by its files: daemon.c (birth, death, what others may know),
 * daemon_ports.c (a port's steps towards where it should be), daemon_settings.c (how a port uses
 * its interface), daemon_rings.c (frames come in), daemon_taps.c (interfaces that ports make),
 * daemon_globs.c (ports that patterns make, see daemon_globs.h), daemon_reload.c (running a plan),
 * daemon_limits.c (what is over the limits of ports), daemon_capture.c (who looks on, and times),
 * daemon_shut.c (ports that protect the bridge from what is behind them), daemon_hearing.c (ports
 * into whose rings the kernel puts nothing any more), daemon_news.c (telling what happened) and
 * daemon_log.c (what of it is logged).
 */

struct globs;
struct managed_glob;

struct managed_bridge {
    struct daemon *daemon;
    struct bridge *bridge;
    struct event_timer *aging;
    struct log_ratelimit holds;          /* log lines about addresses that are held */
    struct config_move_limit move_limit; /* as configured, for them */
    uint64_t number; /* of all bridges that there were; those that are there are in its order */
};

/* What a helper thread is told about a tap, and what it says. */
struct tap_job {
    struct netns *netns; /* a reference, or NULL */
    struct tap tap;
    struct tap_outcome outcome;
    int result;
};

/* The interface of a tap port. Making and removing it are steps of the port. Settling, that is
 * changing what it is like, is a job of its own beside them: the port's frames do not notice. */
struct managed_tap {
    struct tap wish;
    bool is_persistent;
    struct tap_job step;
    bool is_unwanted; /* to be removed when the port is closed */
    uint32_t made;    /* ifindex of what was made and has not been heard of; 0: nothing */

    struct tap_job settling;
    bool is_settling;
    uint32_t settled;  /* ifindex of what is as it should be */
    bool is_held_open; /* whoever opened it has to close it first */
    uint64_t retry_at; /* 0: not waiting for another try */
    char complaint[PORT_WHY_SIZE];
};

/* Interfaces that stand on a device (VLANs of it, macvlans), also by way of others, and what those
 * are enslaved to: cut off with it. */
struct uppers {
    uint32_t n;
    bool are_more;
    struct upper {
        uint32_t ifindex;
        char ifname[LIMIT_NAME_SIZE];
    } list[LIMIT_UPPERS];
};

/* "is below eth0.7, which " and what host_use.h says of that. */
#define PORT_HOST_USE_SIZE (HOST_USE_SIZE + LIMIT_NAME_SIZE + 24)

/* Whose being exceeded is told: one for each meter (meter.h), and */
#define PORT_MAC_LIMIT METER_N_USES
#define PORT_N_LIMITS  (METER_N_USES + 1)

/* A port and the step that it is in. While a helper thread has it (port->busy) only the job's own
 * fields and the port's name may be looked at. */
struct managed_port {
    struct daemon *daemon;
    uint32_t place; /* in the daemon's list */
    uint64_t ring_bytes;
    struct managed_bridge *home;
    struct port *port;
    struct port_log log;
    struct managed_tap *tap; /* NULL: its interface is others' business */
    struct event *readable;
    bool is_active;     /* it is in the daemon's list of those that had frames a moment ago, */
    uint64_t active_at; /* then */
    struct netns_name *netns_name; /* where it should be, as the configuration says */
    struct netns *netns;           /* where its sockets are, or were to be made last; or NULL */
    uint32_t bound;                /* ifindex, 0: none */
    struct port_settings settings; /* as the configuration wants them */
    bool is_open;
    bool is_deferred;    /* another port still holds the device */
    bool has_settled;    /* it was where it could be, once */
    bool is_leaving;     /* it has no bridge any more, and goes when it is closed */
    uint64_t retry_at;   /* 0: not waiting for another try */
    bool is_shut;        /* down for what arrived on it, */
    uint64_t recover_at; /* until then; 0: until somebody asks for it */
    char why_shut[PORT_WHY_SIZE];
    struct alarm over[PORT_N_LIMITS];  /* frames that were over them */
    struct link told_link;             /* what the bus was told last; ifindex 0: there is none */
    const struct netns *told_netns;    /* of told_link; perhaps gone: only to be compared */
    struct managed_glob *glob;         /* that made it; NULL: it has a name in the configuration */
    const struct config_port *made_of; /* by a glob: whose keys it has */
    struct netns *made_in;             /* by a glob: where its interface is, with */
    uint32_t made_for;                 /* this ifindex */

    enum port_step step;
    struct port_device device;
    int result;
    struct uppers uppers;         /* of the device, when the step began */
    char use[PORT_HOST_USE_SIZE]; /* what the host has it for, which is why it was refused */

    /* Changing settings takes no port away from the loop: it is beside the steps, and they wait. */
    bool is_adjusting;
    bool must_let_go;              /* what it was to become was refused */
    struct port_settings adjusted; /* that it has, or is getting */
    int adjust_result;

    /* Beside the steps, too, and not at the same time: another ring. */
    bool is_renewing;
    bool must_reopen; /* there was none to be had */
    int renew_result;
    uint64_t drops_seen; /* tp_drops, when it was last known to hear */
};

/* Rings that are looked at without the kernel having said so. Each is a cold line of memory. */
#define ACTIVE_RINGS 64

struct daemon {
    struct event_loop *loop;
    struct config *config;
    struct cpus allowed_cpus; /* for the process, when it began */
    struct cpus cpus;         /* of them, the loop's */
    struct workers *workers;
    char tap_prefix[LIMIT_ALIAS_SIZE]; /* of the marks of what is ours */
    struct bounce_pool *pool;
    struct isolator *isolator;
    struct gro_keeper *gro_keeper;
    uint64_t ring_bytes; /* that ports have, or will have when they open */
    struct netns_table *netns;
    struct globs *globs;
    struct event_timer *places; /* set when an interface that was left out may find one */
    struct event_timer *retry;
    struct event_timer *limits; /* looks at what is over them, while there are any */
    struct log_ratelimit limit_lines;
    struct event_timer *hearing;
    bool listens; /* that goes off soon */
    struct log_ratelimit deaf_lines;
    struct event_timer *untold; /* changes of state that the log is to be told of */
    struct managed_bridge **bridges;
    uint32_t n_bridges;
    uint64_t next_number;
    struct managed_port **ports; /* those that leave, too, until they are closed */
    uint32_t n_ports;
    struct managed_port *active[ACTIVE_RINGS];
    uint32_t n_active;
    bool is_ready;
    atomic_bool is_dying; /* steps that are under way end, and none begins; threads look, too */
    void (*on_ready)(void *arg);
    void *on_ready_arg;
    struct capture *capture;
    struct bus *bus;
    struct fdb_journal *journal; /* NULL while nobody listens to changes of tables */
};

/** For the bridge's timer: ages its table, and arms the timer for the next time. */
void managed_bridge_on_aging(void *arg);
/** After a change that may have doomed entries: what it left is reclaimed soon. */
void managed_bridge_settle(struct managed_bridge *mb);

/** From now on frames of a bound port are read as they come. 0 or -errno. */
int managed_port_watch_ring(struct managed_port *mp);
/** No more; nothing happens if it was not. */
void managed_port_unwatch_ring(struct managed_port *mp);
/** Reads what is left in the ring of a port that let go of its device, so that it is accounted for.
 */
void managed_port_drain_ring(struct managed_port *mp);
/** For the loop: reads the rings that had frames a moment ago. True if one has some again. */
bool daemon_look_at_rings(void *arg);

/** A frame was read: all ports are looked at soon, if they hear. */
void daemon_listen(struct daemon *daemon);
/** Nothing is heard: they are looked at all the same, late. */
void daemon_listen_late(struct daemon *daemon);
/** For the timer; @arg is the daemon. */
void daemon_on_hearing(void *arg);

/** Compares the port with where it should be, and begins the next step if there is one. Nothing is
 * compared before the first snapshot of its namespace's links is complete: then all its ports are
 * looked at. */
void managed_port_look_at(struct managed_port *mp);
/** What the configuration says about a port's settings. */
struct port_settings managed_port_settings(const struct config_port *config);
/** Finds what stands on the device, for helper threads, which may not look at links. */
void managed_port_note_uppers(struct managed_port *mp, uint32_t ifindex);
/** An uplink is not isolated before somebody says so: 0, -EBUSY with mp->use, or -errno. For helper
 * threads in the port's namespace. */
int managed_port_refuse_uplink(struct managed_port *mp, const struct port_settings *settings,
                               uint32_t ifindex);
/** Whether @result is that refusal. */
bool managed_port_is_refused(const struct managed_port *mp, int result);
/** The port has them now. */
void managed_port_note_settings(struct managed_port *mp, const struct port_settings *settings);
/** Begins to change what a bound port has into what it shall have, if that differs. */
void managed_port_adjust(struct managed_port *mp);
/** For helper threads: into the port's namespace, see netns_enter(). */
int managed_port_enter_netns(const struct managed_port *mp, int *ret_home);
/** Other settings, at once or as soon as a step that is under way lets them be made. */
void managed_port_set(struct managed_port *mp, const struct config_port *config);
/** For bridges: the port is in error from now on, until @recovery seconds are over; @arg is the
 * daemon. */
void daemon_on_port_shut(void *arg, const struct port *port, const char *why, uint32_t recovery);
/** For bridges: an address moves too often; @arg is the managed bridge. */
void daemon_on_hold(void *arg, struct bridge *bridge, uint16_t vid, uint64_t mac,
                    const struct port *port, const struct port *other);
void managed_bridge_set_move_limit(struct managed_bridge *mb, const struct config_bridge *config);
/** Times frames, or does not. What was counted stays as long as any are. */
void managed_bridge_set_latency(struct managed_bridge *mb, const struct config_bridge *config);
/** A port that is shut goes where it should be. */
void managed_port_recover(struct managed_port *mp);
/** The limits of a port that is in a bridge, from its next frame on. */
void managed_port_set_meters(struct managed_port *mp, const struct config_port *config);
/** For the timer; @arg is the daemon. */
void daemon_on_limits(void *arg);
/** The port may have limits now. */
void managed_port_watch_limits(struct managed_port *mp);
/** The port leaves its bridge and its name is free, at once; its rings are closed as soon as no
 * helper has them, and until then it holds its device. Then it is freed. */
void managed_port_leave(struct managed_port *mp);
/** Closes its rings; blocks. For helper threads. */
void managed_port_close(void *arg);

/* What of a port changes as a whole, with the first of the keys that are about it: half of it is
 * nothing that was asked for, and doing it once for each key costs as often. */
enum port_aspect {
    PORT_ASPECT_TEXT,
    PORT_ASPECT_IFNAME,
    PORT_ASPECT_ADMIN_STATE,
    PORT_ASPECT_VLAN,
    PORT_ASPECT_RESERVED,
    PORT_ASPECT_POLICY,
    PORT_ASPECT_METERS,
    PORT_ASPECT_INTERFACE,
};

/* What a plan has changed of the port that its steps are about. */
struct port_changes {
    const struct managed_port *port;
    uint32_t aspects; /* bits */
};

/** Runs a step of a plan that changes a key. The steps about one port stand together in a plan;
 * @done is zero before the first. */
void managed_port_change(struct managed_port *mp, const struct plan_step *step,
                         struct port_changes *done);
/** Closes it, in a helper thread, and then forgets it: the rest of leaving, for whoever of its
 * helpers is the last. */
void managed_port_begin_close(struct managed_port *mp);
/** The retry timer goes off when the first port wants it to. */
void managed_ports_arm_retry(struct daemon *daemon);

/* A port that failed for a reason that no link event will tell the end of is tried again. */
#define RETRY_NS (2 * NS_PER_SEC)

/** 0 or -ENOMEM. */
int managed_tap_new(const struct daemon *daemon, const struct config_port *config,
                    struct managed_tap **ret);
/** NULL is fine. */
void managed_tap_free(struct managed_tap *tap);
/** What it should be has changed: the port is to be looked at. */
void managed_tap_change(struct managed_port *mp, const struct config_port *config);
/** The interface that has the port's mark, or NULL. */
const struct link *managed_tap_link(const struct managed_port *mp);
/** Begins to settle the interface of its name, @ifindex, if it is not as it should be. */
void managed_tap_look_at(struct managed_port *mp, uint32_t ifindex);
/** The interface is used, but it is not all that was asked for: says so in @why. */
void managed_tap_add_complaint(const struct managed_tap *tap, char why[PORT_WHY_SIZE]);
/** A link is news to the tap. */
void managed_tap_on_link(struct managed_tap *tap, const struct link *link);
/** Tells the helper thread that makes it, in the port's namespace, what to make. */
void managed_tap_prepare(struct managed_tap *tap);
/** It is made, and it is the link watch's turn. */
void managed_tap_made(struct managed_port *mp);
/** To be called before the port is closed: does its interface go with it? */
void managed_tap_decide_end(struct managed_port *mp);
/** Removes it, if that was decided; for helper threads. */
void managed_tap_end(struct managed_tap *tap);
/** Says what became of it. */
void managed_tap_log_end(const struct managed_port *mp);
/** Interfaces that have our mark, and that no port is for, go. */
void managed_taps_sweep(struct daemon *daemon, struct netns *netns);

/** The loop's thread runs on the CPUs that the configuration says, from now on. */
void daemon_apply_cpu(struct daemon *daemon);

/** Tells who waits for it when no port that stays has a step before it. */
void managed_ports_check_ready(struct daemon *daemon);

/** Everything that the daemon publishes goes through here: what tables noted goes first. */
void daemon_tell(struct daemon *daemon, const struct bus_event *event);
/** For captures: some ended; @arg is the daemon. */
void daemon_on_capture_end(void *arg);
/** Keeps the last frames, or does not, as the configuration says. */
void daemon_apply_recorder(struct daemon *daemon);
/** For the recorder: it was triggered, frozen or armed; @arg is the daemon. */
void daemon_on_recorder(void *arg, const struct recorder_status *status);
/** A port that was adopted, or bound: those who look on may want it, and know it better. */
void managed_port_offer(struct managed_port *mp);
/** Something that is about the port and says all by itself. */
void managed_port_tell(const struct managed_port *mp, enum bus_what what);
/** What became of the interface that the port names since this was called last, if anything. */
void managed_port_tell_link(struct managed_port *mp);
/** For bridges and the bus; @arg is the daemon. */
void daemon_on_port_state(void *arg, struct bridge *bridge, const struct port *port,
                          enum port_state was);
int daemon_on_demand(void *arg, uint32_t kinds);

/** Before a change of its state: decides whether the log is told of it now or, of too many, later.
 */
void managed_port_limit_log(struct managed_port *mp);
/** For captures: frees @memory, which takes long. @arg is the daemon. */
void daemon_release_memory(void *arg, void *memory);
/** Logs config_warn(); what ran @before (or NULL) was warned of already. */
void daemon_warn(const struct config *before, const struct config *config);
/** For the timers; @arg is the daemon. */
void managed_ports_on_retry(void *arg);
void managed_ports_on_untold(void *arg);
/** For the table of namespaces. */
struct netns_listener managed_ports_netns_listener(struct daemon *daemon);

/*
 * Things are made first and adopted afterwards: only making them can fail, and adopting needs room
 * that was reserved.
 */

/** Room for so many more. 0 or -ENOMEM. */
int daemon_reserve(struct daemon *daemon, uint32_t n_bridges, uint32_t n_ports);
/** A port that belongs to nobody yet; its rings are the share of one of @n_ports_of_all. */
int managed_port_new(struct daemon *daemon, const struct config_port *config,
                     uint32_t n_ports_of_all, struct managed_port **ret);
void managed_port_free(struct managed_port *mp);
void daemon_adopt_port(struct daemon *daemon, struct managed_bridge *mb, struct managed_port *mp,
                       const struct config_port *config);
/** A bridge without ports. */
int managed_bridge_new(struct daemon *daemon, const struct config_bridge *config,
                       struct managed_bridge **ret);
void managed_bridge_free(struct managed_bridge *mb);
void daemon_adopt_bridge(struct daemon *daemon, struct managed_bridge *mb);
struct managed_bridge *daemon_find_bridge(const struct daemon *daemon, const char *name);

#endif
