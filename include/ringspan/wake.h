/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_WAKE_H
#define RINGSPAN_WAKE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Wake: how a thread that serves rings in memory waits for the next frame.
 *
 * Whoever sleeps in the kernel is woken for each frame, on the CPU of the sender, which costs both
 * of them microseconds: nothing at a thousand frames per second, most of the machine at a million.
 * So the thread waits in one of three ways, chosen by what arrived of late:
 *
 *   cold   It sleeps until it is woken: the only way that costs nothing when no frame comes.
 *   warm   Many small frames: it naps for a quarter of a millisecond and takes what came meanwhile
 *          in one go. Nobody has to wake it.
 *   hot    So many, or so many bytes, that the next frame is there in no time: it goes on looking
 *          for some microseconds, and then naps for a few more. It is hardly ever woken on the
 *          sender's CPU, and the scheduler leaves it on another one.
 *
 * In each of them a pass that found frames is followed by one more look at the rings, which costs
 * no system call; a nap that finds nothing ends in sleep. So without frames there are no wake-ups.
 *
 * Naps are for senders that do not care. Bulk data in superframes is few frames and many bytes, and
 * a nap would only keep TCP waiting: with many bytes nobody naps for long. Small frames may be
 * requests, whose senders wait for answers: if the first naps make less arrive, there are none for
 * a second. And while it is cold such senders are why it may not sleep at once: where a wake-up is
 * an interrupt to an idle CPU, two of them are most of a round trip. Who waits for answers cannot
 * be seen, but found out. Now and then it looks on for some microseconds before it sleeps, and if
 * that makes more arrive, it goes on doing so for a second; senders that come anyhow are slept for.
 * Bursts that come by themselves may look like answers, which costs such a second in five or ten;
 * to believe less would be to believe less of those who do wait beside them. Whoever has one CPU
 * never spins, which would keep the senders from sending.
 *
 * This is a state machine and nothing else: it reads no clock and makes no system call. One thread
 * uses it like this:
 *
 *     for (;;) {
 *         wake_note(&wake, n_frames, n_bytes);     what a pass over the rings took
 *         wait = wake_next(&wake, clock_now());
 *         switch (wait.action) {
 *         case WAKE_LOOK:                          look at the rings in memory again; now and then
 *             continue;                            epoll_wait(..., 0) for everything else
 *         case WAKE_NAP:                           until wait.until, whatever arrives
 *         case WAKE_SLEEP:                         epoll_wait(..., -1)
 *         }
 *         wake_waited(&wake, clock_now());
 *     }
 */

enum wake_regime {
    WAKE_COLD,
    WAKE_WARM,
    WAKE_HOT,
    WAKE_N_REGIMES,
};

/* Whether it spins while it is cold. */
enum wake_patience {
    WAKE_PATIENCE_NONE,
    WAKE_PATIENCE_TRIED,
    WAKE_PATIENCE_PAYS,
};

enum wake_action {
    WAKE_LOOK,
    WAKE_NAP,
    WAKE_SLEEP,
};

struct wake_wait {
    enum wake_action action;
    uint64_t until; /* of a nap, in ns */
};

struct wake_counters {
    uint64_t sleeps; /* each ended by a wake-up */
    uint64_t naps;
    uint64_t spins;
    uint64_t idle_ns; /* asleep or napping */
};

struct wake {
    enum wake_regime regime;
    bool may_spin;
    bool has_found;   /* frames, since it waited last */
    bool is_looking;  /* since look_since, and has found nothing */
    bool is_spinning; /* so long that it counts */
    uint64_t look_since;
    uint64_t wait_since; /* of the wait that is not over */
    uint64_t window_start;
    uint64_t frames, bytes; /* of the window */
    uint64_t probation_start, probation_frames;
    uint64_t probation_rate; /* frames per second before the first naps; 0: they are not new */
    uint64_t no_nap_until, penalty_ns;
    enum wake_patience patience;
    uint64_t patience_since, patience_frames;
    uint64_t patience_rate;                       /* frames per second without it */
    uint64_t patience_until, patience_penalty_ns; /* it pays, or is not tried again */
    uint32_t smallest_ring;
    struct wake_counters counters;
};

/** Cold; with @may_spin false it is never hot. */
void wake_init(struct wake *wake, bool may_spin, uint64_t now);
/** Takes effect with the next wake_next(). */
void wake_set_may_spin(struct wake *wake, bool may_spin);
/** A ring of this many slots is among those served: naps must not overflow it. */
void wake_note_ring(struct wake *wake, uint32_t slots);
/** A pass took this many frames, and bytes; it may be none. */
void wake_note(struct wake *wake, uint32_t frames, uint64_t bytes);
/** How to wait after a pass. */
struct wake_wait wake_next(struct wake *wake, uint64_t now);
/** A nap, or sleep, is over. */
void wake_waited(struct wake *wake, uint64_t now);
/** "cold", "warm" or "hot". */
const char *wake_regime_name(enum wake_regime regime);

#endif
