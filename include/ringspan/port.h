/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PORT_H
#define RINGSPAN_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/frame.h"
#include "ringspan/gro.h"
#include "ringspan/isolation.h"
#include "ringspan/ledger.h"
#include "ringspan/limits.h"
#include "ringspan/portset.h"
#include "ringspan/reserved.h"

/*
 * Port: where frames enter and leave the switch.
 *
 * A port is a name with a state and counters; behind it stands a backend, reached through one
 * table of operations: a packet ring on a network device (port_packet.h) or memory (port_memory.h).
 * Nothing above the table knows what is behind it, or assumes that a port has a socket.
 *
 * Life, in named steps, each undone by its counterpart:
 *
 *   open ─► configure ─► map ─► start ─► stop ─► close
 *
 *   open       the sockets exist                   close   frees everything, from any step
 *   configure  options are set, rings are made     stop    nothing more is received; ring and
 *   map        rings are in our memory                     socket stay, start may follow again
 *   start      bound to a device and receiving; nothing is received before
 *
 * Packet rings block for tens of milliseconds in open, configure, start, stop and close: whoever
 * calls these does so from a helper thread (workers.h), and lets nobody touch the port meanwhile.
 * The thread is in the device's network namespace, from open to close: a backend does what it does
 * to its device in the namespace of the calling thread, and needs to know of no other.
 * The data operations never block and belong to the thread of the loop.
 *
 * Receiving has an object of its own, the rx_source, because a backend may serve many ports out of
 * one ring: each frame says which port it arrived on. The frames of a batch are borrowed until
 * release().
 *
 * Sending is two steps: tx() for each frame, flush() once per batch. Between the two a backend may
 * refer to the frame's memory, so flush every egress before releasing the ingress. After flush()
 * nothing is left waiting in user space: each frame was accepted by the kernel, which its tally is
 * told (frame.h), or counted as dropped, with a reason. Within one port, frames leave in the order
 * of tx().
 */

enum port_state {
    PORT_WAITING,    /* no such interface */
    PORT_DOWN,       /* administratively down, or no carrier */
    PORT_BLOCKING,   /* a protocol keeps it out of the topology */
    PORT_LEARNING,   /* learns, does not forward */
    PORT_FORWARDING, /* takes part */
    PORT_DISABLED,   /* asked for */
    PORT_ERROR,      /* see the reason */
    PORT_N_STATES,
};

/* What was asked for: the port's own state, which never touches the device. */
enum port_admin_state {
    PORT_ADMIN_UP,
    PORT_ADMIN_DOWN,
    PORT_N_ADMIN_STATES,
};

/* How a port uses its device. */
struct port_settings {
    bool qdisc_bypass; /* frames leave past the interface's queueing discipline */
    bool isolate_host; /* the host's own stack is kept off it, if there is a way (isolation.h) */
    bool isolate_host_is_asked; /* in so many words: even if the host lives on it (host_use.h) */
    enum gro_wish gro;
};

/* How far that is so. */
struct port_isolation {
    enum isolation_means means;
    char why[ISOLATION_WHY_SIZE]; /* why not by better means, or "" */
};

struct port_gro {
    bool is_on;
    int error; /* -errno: why it is not as wished; 0 */
};

/* What start() binds to, and how. */
struct port_device {
    uint32_t ifindex;
    uint32_t mtu;
    struct port_settings settings;
};

/* What a port's rings are; zeros for a port without rings. Fixed while the port is open. */
struct port_ring_info {
    uint32_t rx_slots;
    uint32_t tx_slots;
    uint64_t bytes;
};

struct port;
struct rx_source;

struct rx_source_ops {
    /* Up to @max frames, borrowed until release(). */
    uint32_t (*batch)(struct rx_source *source, struct frame *ret_frames, uint32_t max);
    /* When frame @i of the last batch() arrived, in ns since 1970 (UTC); 0 if that is not known.
     */
    uint64_t (*arrival)(const struct rx_source *source, uint32_t i);
    /* How long that frame was before it was cut (DROP_TRUNCATED), without the tags that were taken
     * off its bytes. */
    uint32_t (*length)(const struct rx_source *source, uint32_t i);
    /* Gives the frames of the last batch() back. */
    void (*release)(struct rx_source *source);
    /* Whether a frame waits, as far as memory tells: no system call. */
    bool (*has_news)(const struct rx_source *source);
    /* Reads away a pending error of the descriptor (EPOLLERR); returns it as a positive errno, or
     * 0. */
    int (*take_error)(struct rx_source *source);
};

struct rx_source {
    const struct rx_source_ops *ops;
    int fd; /* readable when frames wait; -1 if there is nothing to poll */
};

struct port_ops {
    const char *type; /* the configuration's word: "netdev", … */

    int (*open)(struct port *port);
    int (*configure)(struct port *port);
    int (*map)(struct port *port);
    int (*start)(struct port *port, const struct port_device *device);
    /* Between start() and stop(): false once the device that start() bound to is gone, even if
     * another one has its ifindex now. */
    bool (*has_device)(const struct port *port);
    /* Between start() and stop(): changes the settings, from a helper thread, while the loop goes
     * on using the port; no frame is lost by it. That it cannot be isolated is no failure. NULL if
     * there are no settings. */
    int (*adjust)(struct port *port, const struct port_settings *settings);
    /* After start() and adjust(): what became of isolate_host, and of gro. NULL if there are no
     * settings. */
    struct port_isolation (*isolation)(const struct port *port);
    struct port_gro (*gro)(const struct port *port);
    /* Between start() and stop(): true if nothing can arrive any more until renew() (hearing.h).
     * NULL, as the next two, if that never happens. */
    bool (*is_deaf)(struct port *port);
    /* Then: makes the ring anew, in a helper thread, while the loop goes on sending: it has set the
     * source to NULL. If it fails the port must be closed. Else resume() is the loop's next call:
     * the frames that were lost are in the ledger, the source is back, and frames arrive. */
    int (*renew)(struct port *port);
    int (*resume)(struct port *port);
    void (*stop)(struct port *port);
    void (*close)(struct port *port);

    void (*tx)(struct port *port, const struct frame *frame);
    void (*flush)(struct port *port);

    /* Fills in what is on its way and, if there is a kernel side, totals and unread frames. */
    void (*snapshot)(struct port *port, struct ledger_snapshot *ret_snapshot);
    struct port_ring_info (*ring_info)(const struct port *port);
    void (*free)(struct port *port);
};

#define PORT_WHY_SIZE 224

struct port {
    const struct port_ops *ops;
    const char *type;         /* the backend's, or a more exact word */
    struct rx_source *source; /* set between map() and close(); NULL: receives nothing, now */
    struct ledger_port ledger;
    struct reserved_counters reserved_counters[RESERVED_N_PROTOCOLS]; /* as lasting as the ledger */
    struct reserved_settings reserved; /* of its own; see bridge_set_port_reserved() */
    uint32_t mtu;
    uint32_t speed;                /* Mbit/s, when it was bound; 0: unknown */
    uint32_t ifindex;              /* 0 while not bound */
    uint32_t n_renewals;           /* so often its ring was made anew. Its owner's note */
    struct port_settings settings; /* while bound: that it has. Its owner's notes, both */
    struct port_isolation isolation;
    struct port_gro gro;
    port_id id;                    /* in its bridge; PORT_NONE outside of one */
    void *owner;                   /* for whoever made it */
    struct capture_point *capture; /* who keeps copies of its frames (capture.h); NULL: nobody */
    uint16_t edge_tpid; /* what the bridge interprets; the edge takes it off if nobody else has */
    enum port_state state;
    enum port_admin_state admin_state;
    bool busy;     /* a helper thread has it: the loop looks at name, state and counters only */
    bool is_quiet; /* a change of its state is a debug line: there were too many */
    uint32_t
        flush_place; /* the bridge's note: which of the next flushes is its own, from 1; or 0 */
    char name[LIMIT_NAME_SIZE];
    char ifname[LIMIT_NAME_SIZE];
    char why[PORT_WHY_SIZE]; /* why it is in its state: what to do about it */
};

/** For backends: fills in the common part. */
void port_init(struct port *port, const struct port_ops *ops, const char *name, const char *ifname);
/** Frees a closed port through its backend. NULL is fine. */
void port_free(struct port *port);

/** open, configure and map in order; closes again on failure. May block. 0 or -errno. */
int port_bring_up(struct port *port);

/** Names the state in output: "waiting", "down", … */
const char *port_state_name(enum port_state state);
/** "up" or "down". */
const char *port_admin_state_name(enum port_admin_state state);
/** The one writer of a port's state: logs old → new with the reason; a new reason for the same
 * state is a debug line, as is everything about a quiet port. @why is copied. True if anything
 * changed. */
bool port_set_state(struct port *port, enum port_state state, const char *why);

/**
 * One copy of a frame, decided for this port: counted as decided, and queued, or dropped with its
 * reason if it does not fit the port's MTU. The frame's bytes stay borrowed until port_flush(); the
 * struct that describes them is not referred to after the call.
 */
void port_tx(struct port *port, const struct frame *frame);
/** The same for a mirror's copy, which is counted as mirrored. */
void port_tx_mirrored(struct port *port, const struct frame *frame);
void port_flush(struct port *port);

/** For backends: the outcome of a frame that port_tx() handed over. */
static inline void port_count_accepted(struct port *port, struct frame_weight weight)
{
    port->ledger.accepted.frames++;
    port->ledger.accepted.segments += weight.segments;
    port->ledger.accepted.bytes += weight.bytes;
    if (weight.tally) {
        weight.tally->frames++;
        weight.tally->bytes += weight.bytes;
    }
}

/** @tally is the frame's, or NULL. */
static inline void port_count_out_dropped(struct port *port, enum drop_reason reason,
                                          struct frame_tally *tally)
{
    port->ledger.out_dropped[reason]++;
    if (tally) {
        tally->n_dropped++;
        tally->reason = reason;
    }
}

/** In place of port_tx(), for a copy that is dropped before it gets there. */
static inline void port_refuse(struct port *port, enum drop_reason reason,
                               const struct frame *frame)
{
    port->ledger.decided++;
    port_count_out_dropped(port, reason, frame->tally);
}

/** In place of port_tx_mirrored(). */
static inline void port_refuse_mirrored(struct port *port, enum drop_reason reason,
                                        const struct frame *frame)
{
    port->ledger.mirrored++;
    port_count_out_dropped(port, reason, frame->tally);
}

/** What the port's rings are; zeros while it is busy. */
struct port_ring_info port_rings(const struct port *port);

/** A consistent copy of counters and of what is on its way; of a busy port, of its counters alone.
 */
void port_snapshot(struct port *port, struct ledger_snapshot *ret_snapshot);

#endif
