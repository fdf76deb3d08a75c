/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_RECORDER_H
#define RINGSPAN_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/capture.h"
#include "ringspan/ledger.h"
#include "ringspan/limits.h"

/*
 * Recorder: the last frames of all ports, for whoever wants to know afterwards.
 *
 * It is a reader of captures (capture.h) without a client: it takes everything and forgets the
 * oldest. What one wants to know of is over, and forgotten, long before anybody looks. So it can
 * have triggers: when one of them occurs it goes on for a while, and then it is frozen: nothing
 * more is taken, and nothing forgotten, until somebody arms it again. The while ends early when
 * what came after the trigger fills half of the memory, so that what led up to it is still there.
 * Of several triggers the first counts; while it is frozen none does.
 *
 * It stays in memory, and the daemon writes no file: it may not be able to, disks are slow and
 * full, and a trigger that occurs all the time would fill them. Who wants a file starts a capture
 * of what is recorded, which can wait until it is frozen.
 *
 * It belongs to the thread of the loop, as all captures do.
 */

/* What may freeze it: a frame that is dropped for the reason of that number; or these. */
#define RECORDER_BY_HAND    DROP_NONE
#define RECORDER_LINK_DOWN  DROP_N_REASONS
#define RECORDER_MOVE       (DROP_N_REASONS + 1)
#define RECORDER_N_TRIGGERS (DROP_N_REASONS + 2)

#define RECORDER_TRIGGER(number) (UINT64_C(1) << (number))

enum recorder_state {
    RECORDER_OFF,
    RECORDER_RECORDING, /* and it has no triggers */
    RECORDER_ARMED,     /* it is recording, and it has some */
    RECORDER_TRIGGERED, /* and it is recording what comes after it */
    RECORDER_FROZEN,
    RECORDER_N_STATES,
};

struct recorder_params {
    uint32_t memory;   /* bytes, a multiple of 4; 0: there is no recorder */
    uint64_t triggers; /* bits, see RECORDER_TRIGGER() */
    uint64_t after_ns; /* how long it goes on after one */
};

struct recorder_status {
    enum recorder_state state;
    uint32_t memory;
    uint64_t used; /* of the memory */
    uint64_t packets;
    /* Of a recorder that is triggered or frozen, and that alone: */
    unsigned trigger;
    uint64_t time;              /* of day, in ns */
    char port[LIMIT_NAME_SIZE]; /* "": it is about none */
};

/** "hand", "drop:runt", …, "link_down", "move" */
const char *recorder_trigger_name(unsigned trigger);
const char *recorder_state_name(enum recorder_state state);

/** What it is from now on. If there is as much memory as it has, it loses nothing, and stays frozen
 * if it is; else it begins anew: offer all ports. 0, or -ENOMEM, and there is none. */
int recorder_set(struct capture *capture, const struct recorder_params *params);
/** Calls @fn when it was triggered, was frozen or was armed, with what it is then: of what happens
 * within a turn of a bridge soon after it. */
void recorder_on_change(struct capture *capture,
                        void (*fn)(void *arg, const struct recorder_status *status), void *arg);

/** It happened, about @port (NULL: about none); of what it is not to be frozen by it takes no
 * notice. */
void recorder_trigger(struct capture *capture, unsigned trigger, const char *port);
/** By hand, and at once. False: there is nothing to freeze, or it is frozen. */
bool recorder_freeze(struct capture *capture);
/** Begins anew with what comes; who reads what it had goes on. Offer all ports. False: there is no
 * recorder. */
bool recorder_arm(struct capture *capture);

struct recorder_status recorder_status(const struct capture *capture);
/** How often each trigger froze it: RECORDER_N_TRIGGERS of them. */
const uint64_t *recorder_counts(const struct capture *capture);

#endif
