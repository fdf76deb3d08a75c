/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_EVENT_H
#define RINGSPAN_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/wake.h"

/*
 * Event: one level-triggered epoll loop, and the contract of being called by it.
 *
 *  - A turn waits, samples the clock once (event_now()), then calls each ready handler once:
 *    descriptors first, then the timers that are due, earliest first. (Of more than 256 ready
 *    descriptors the rest comes first in the next turn.) A handler does a bounded piece of work and
 *    returns; what it leaves undone makes its descriptor ready again in the next turn, so nobody
 *    starves anybody.
 *  - A handler may delete any event, its own included, and add new ones. A deleted event is not
 *    called again, not even later in the same turn; one that was added during a turn is first
 *    called in the next. event_del() does not close the descriptor: delete first, then close. A
 *    handler does not run the loop.
 *  - A handler must read away whatever made it ready. For EPOLLERR this means SO_ERROR: epoll
 *    reports it whether asked for or not, again and again until it is read.
 *  - Timers are one-shot, absolute, all on one timerfd. An idle loop with no timer armed makes no
 *    wake-ups. A timer handler may arm its own timer again, or free it; a timer that is armed,
 *    disarmed or freed by any handler is not called in this turn any more.
 *  - One function may be called at the end of each turn, after all handlers, for what they left to
 *    be done once for all of them; and after a look that found something.
 *  - Whoever has rings in memory gives the loop a function that looks at them without asking the
 *    kernel, and tells the loop's wake (wake.h) what it found. It is called like a handler, between
 *    turns, for some microseconds at most before the kernel is asked about everything else; then
 *    the wake says how to wait. A nap keeps descriptors waiting for its quarter of a millisecond,
 *    and timers not at all.
 *  - Signals arrive through a signalfd: handlers run in the loop like any other.
 *  - The loop belongs to one thread. workers.h is how other threads report to it.
 */

struct event_loop;
struct event;
struct event_timer;

typedef void (*event_fn)(void *arg, uint32_t epoll_events);
typedef void (*event_timer_fn)(void *arg);
typedef void (*event_signal_fn)(void *arg, int signo);

/** Returns 0 or -errno; *ret is untouched on failure. Free with event_loop_free() (NULL is fine)
 * after every event and timer. */
int event_loop_new(struct event_loop **ret);
void event_loop_free(struct event_loop *loop);

/** Time of this turn, CLOCK_MONOTONIC in ns. Outside of event_loop_run(): of the last turn, or of
 * event_loop_new(). */
uint64_t event_now(const struct event_loop *loop);

/* What the loop has done since it was made. */
struct event_counters {
    uint64_t turns;
    uint64_t descriptors; /* handlers called for one that was ready */
    uint64_t timers;
};

struct event_counters event_counters(const struct event_loop *loop);

/** Calls @fn(@arg) when @fd has @epoll_events (EPOLLIN, …). 0 or -errno. */
int event_add(struct event_loop *loop, int fd, uint32_t epoll_events, event_fn fn, void *arg,
              struct event **ret);
/** What @event no longer asks for is not reported any more, not even later in the same turn. */
int event_modify(struct event *event, uint32_t epoll_events);
/** NULL is fine. @event is invalid afterwards. */
void event_del(struct event *event);

int event_timer_new(struct event_loop *loop, event_timer_fn fn, void *arg,
                    struct event_timer **ret);
/** Arms @timer for the absolute time @at (ns); 0 disarms; a time in the past fires in the next
 * turn. */
void event_timer_set(struct event_timer *timer, uint64_t at);
/** False inside its own handler, unless that armed it again. */
bool event_timer_is_armed(const struct event_timer *timer);
/** NULL is fine. @timer is invalid afterwards. */
void event_timer_free(struct event_timer *timer);

/** Blocks @signo, in this thread and those made by it later, and calls @fn from the loop instead.
 * One handler per signal (-EEXIST). It stays blocked when the loop is freed. 0 or -errno. */
int event_signal_add(struct event_loop *loop, int signo, event_signal_fn fn, void *arg);

/** Calls @fn at the end of each turn, this one included; NULL: nothing any more. */
void event_loop_after_turn(struct event_loop *loop, void (*fn)(void *arg), void *arg);

/** True if anything was found and done. */
typedef bool (*event_look_fn)(void *arg);
/** From now on turns without a time limit wait as the loop's wake says, and call @fn when that says
 * to look; NULL: they sleep until something is ready. */
void event_loop_set_look(struct event_loop *loop, event_look_fn fn, void *arg);
/** For wake_note(). Can spin if the calling thread of event_loop_new() had several CPUs. */
struct wake *event_loop_wake(struct event_loop *loop);

/** Runs until the turn in which event_loop_stop() was called is over, not at all if that was
 * before; returns its @status, or -errno if epoll itself fails. */
int event_loop_run(struct event_loop *loop);
/** One turn that waits at most @timeout_ms (-1: as long as it takes). 0 or -errno. For tests and
 * for draining. */
int event_loop_turn(struct event_loop *loop, int timeout_ms);
void event_loop_stop(struct event_loop *loop, int status);

#endif
