/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CAPTURE_H
#define RINGSPAN_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/bpf.h"
#include "ringspan/event.h"
#include "ringspan/forward.h"
#include "ringspan/port.h"

/*
 * Capture: copies of frames for those who look on, with what became of each.
 *
 * A reader has ports. It gets each frame that arrives on one of them, with the decision about it,
 * and each copy that was decided for one of them, with what became of that: also those that were
 * dropped, which nobody can see on an interface. A frame and its copies have one number, which is
 * in the file as the packet's id. Frames are as on the wire, tags in place, and as the switch has
 * them otherwise: superframes in one piece and with checksums that are not computed yet, unless the
 * reader wants neither.
 *
 * What became of a copy is known when its port was flushed. So the bridge tells of frames and
 * copies as it goes along, which are noted, and settles when all has been flushed and nothing is
 * given back yet: then they are written. A noted copy carries a tally (frame.h) to its port.
 *
 * A reader is one end of a socket; its other end is the client's, who reads a pcapng file from it.
 * What he has not read yet is kept, up to a bound; when that is used up frames are lost to him, and
 * counted in the file, and to nobody else. He ends the capture by shutting down his side for
 * writing: then he gets the rest, and the statistics. Or he just closes it.
 *
 * The recorder (recorder.h) is a reader without a client. Who wants to know afterwards gets what it
 * has at that moment, or when it is frozen, bit by bit, while it goes on; what it forgets before
 * that is counted as lost.
 *
 * All that is paid for only by the ports of bridges that anybody looks at. A bridge that has a port
 * with a capture_point is to be told (bridge_set_capture()), and others are not: whoever offers
 * ports does that, and capture_on_end() says when to look again. Everything belongs to
 * the thread of the loop.
 */

struct capture;

struct capture_params {
    char bridge[LIMIT_NAME_SIZE]; /* only its ports; "": those of all */
    char ports[LIMIT_CAPTURE_PORTS][LIMIT_NAME_SIZE];
    uint32_t n_ports; /* only these; 0: all */
    uint64_t reasons; /* only what was dropped for one of these, bits by enum drop_reason; 0: all */
    bool recorded;    /* no frames to come, but all that the recorder has */
    bool waits;       /* what it has when it is frozen */
    bool segments;    /* superframes as the frames that they stand for, all with whole checksums */
    uint64_t count;   /* ends after so many; 0: never */
    uint32_t snaplen; /* bytes of each frame at most; 0: all */
    uint32_t buffer;  /* bytes of memory for what was not read yet */
    struct bpf_code filter; /* of frames, superframes in one piece */
};

/* Stands in the file's comments if its reader, who did not want it, does not get all of it. */
#define CAPTURE_CUT_OFF "cut off before its end"

/* All reasons that there are: only frames that were dropped. */
#define CAPTURE_DROPS ((UINT64_C(1) << DROP_N_REASONS) - 2)

/** @wall: the time of day in ns, for when copies leave. 0 or -ENOMEM. */
int capture_new(struct event_loop *loop, uint64_t (*wall)(void), struct capture **ret);
/** Ends all captures. NULL is fine. */
void capture_free(struct capture *capture);
/** Calls @fn when a capture has ended, and perhaps a port lost its capture_point. */
void capture_on_end(struct capture *capture, void (*fn)(void *arg), void *arg);
/** Calls @fn with memory that takes its time to be freed, for @fn to free; NULL: it is freed at
 * once. */
void capture_release_by(struct capture *capture, void (*fn)(void *arg, void *memory), void *arg);
/** Ends all captures, as far as it goes without waiting for who reads. */
void capture_end_all(struct capture *capture);

/** A capture of no ports yet: offer those that there are. 0, and the client's end of the socket,
 * which is the caller's; -EUSERS: there are LIMIT_CAPTURES; -ENOENT: there is no recorder; or
 * -errno. */
int capture_start(struct capture *capture, const struct capture_params *params, int *ret_fd);
/** A port that there is now: those readers that it is for, and that do not have it, get its frames
 * from now on, as of an interface that has its name and @description. To be called again when it
 * was bound to a device: what is not in a file yet is of that, then. 0; -ENOMEM; or -ENOSPC, and
 * one goes on without it, because it has had LIMIT_CAPTURE_INTERFACES. */
int capture_offer_port(struct capture *capture, const char *bridge, struct port *port,
                       const char *description);
/** The port is going to be freed. Not to be called before a turn has settled. */
void capture_forget_port(struct capture *capture, struct port *port);

/*
 * For the bridge, in the turn of one source, whose frames and their copies are valid until it has
 * settled.
 */

void capture_begin(struct capture *capture, const struct rx_source *source);
/** False: flush and settle first, before a frame with so many copies is noted. */
bool capture_has_room(const struct capture *capture, uint32_t n_copies);
/** Frame @i of the source's batch has arrived on @ingress, and was decided about. @egress: where
 * to, of unicast. */
void capture_arrival(struct capture *capture, const struct port *ingress, uint32_t i,
                     const struct frame *frame, const struct decision *decision,
                     const struct port *egress);
/** A copy of the last arrival is for @port, which has a capture_point: decided, or made by the
 * mirror @mirror, which outlives the turn. To be sent instead of it: the copy as in @noted. */
const struct frame *capture_copy(struct capture *capture, struct port *port,
                                 const struct frame *copy, const char *mirror, struct frame *noted);
/** All copies were flushed. */
void capture_settle(struct capture *capture);

#endif
