/* SPDX-License-Identifier: ISC */
#include "ringspan/wake.h"

#include <assert.h>

#include "ringspan/clock.h"

#define NAP_NS     UINT64_C(250000)
#define HOT_NAP_NS UINT64_C(50000)
#define SPIN_NS    UINT64_C(20000)

/* Rates are judged over at least this time: a burst is no traffic, and what gathered during the nap
 * before it does not count for much. */
#define WINDOW_NS UINT64_C(2000000)

/* Frames per second at which a regime begins, and below which it ends. */
#define WARM_FROM 75000
#define WARM_TO   55000
#define HOT_FROM  350000
#define HOT_TO    280000

/* The same for bytes per second, whatever the frames; and from where on nobody naps. */
#define BULK_FROM   UINT64_C(200000000)
#define BULK_TO     UINT64_C(120000000)
#define BULK_NO_NAP UINT64_C(100000000)

/* Senders that wait for answers send less when they have to wait for them: if the first naps bring
 * less than this part of what came before, there are none for some time, the longer the more often
 * that was so. */
#define PROBATION_NS      UINT64_C(8000000)
#define PROBATION_PERCENT 60
#define PENALTY_MIN_NS    UINT64_C(100000000)
#define PENALTY_MAX_NS    UINT64_C(3200000000)

/* A question and its answer are apart by a wake-up in the station, which takes longer than ours
 * would. Below that many frames per second, trying whether somebody waits for them is not worth
 * it; what it must bring is more than what rates vary by from one moment to the next. */
#define PATIENCE_SPIN_NS UINT64_C(50000)
#define PATIENCE_FROM    8000
#define PATIENCE_PERCENT 120
#define PATIENCE_TRY_NS  UINT64_C(8000000)
#define PATIENCE_PAYS_NS UINT64_C(1000000000)

void wake_init(struct wake *wake, bool may_spin, uint64_t now)
{
    *wake = (struct wake){
        .regime = WAKE_COLD,
        .may_spin = may_spin,
        .smallest_ring = UINT32_MAX,
        .penalty_ns = PENALTY_MIN_NS,
        .patience_since = now,
        .patience_penalty_ns = PENALTY_MIN_NS,
        .window_start = now,
    };
}

void wake_set_may_spin(struct wake *wake, bool may_spin)
{
    wake->may_spin = may_spin;
}

void wake_note_ring(struct wake *wake, uint32_t slots)
{
    if (slots < wake->smallest_ring)
        wake->smallest_ring = slots;
}

void wake_note(struct wake *wake, uint32_t frames, uint64_t bytes)
{
    wake->frames += frames;
    wake->bytes += bytes;
    if (frames > 0) {
        wake->has_found = true;
        wake->is_looking = false;
        wake->is_spinning = false;
    }
}

static bool is_hot(const struct wake *wake, uint64_t frames, uint64_t bytes)
{
    if (wake->regime == WAKE_HOT)
        return frames >= HOT_TO || bytes >= BULK_TO;
    return frames >= HOT_FROM || bytes >= BULK_FROM;
}

/* What comes during a nap fills no ring by more than half, even if it is all for one port. */
static bool fits_rings(const struct wake *wake, uint64_t frames)
{
    return frames * NAP_NS / NS_PER_SEC <= wake->smallest_ring / 2;
}

static bool is_warm(const struct wake *wake, uint64_t frames, uint64_t bytes, uint64_t now)
{
    uint64_t level = wake->regime == WAKE_COLD ? WARM_FROM : WARM_TO;

    return frames >= level && bytes < BULK_NO_NAP && now >= wake->no_nap_until &&
           fits_rings(wake, frames);
}

static enum wake_regime regime_of(const struct wake *wake, uint64_t frames, uint64_t bytes,
                                  uint64_t now)
{
    if (wake->may_spin && is_hot(wake, frames, bytes))
        return WAKE_HOT;
    return is_warm(wake, frames, bytes, now) ? WAKE_WARM : WAKE_COLD;
}

static void begin_probation(struct wake *wake, uint64_t rate, uint64_t now)
{
    wake->probation_start = now;
    wake->probation_frames = 0;
    wake->probation_rate = rate;
}

static void forbid_naps(struct wake *wake, uint64_t now)
{
    wake->no_nap_until = now + wake->penalty_ns;
    if (wake->penalty_ns < PENALTY_MAX_NS)
        wake->penalty_ns *= 2;
    if (wake->regime == WAKE_WARM)
        wake->regime = WAKE_COLD;
}

/* Over when it has lasted long enough, or when the naps are over anyhow. */
static void judge_probation(struct wake *wake, uint64_t now)
{
    uint64_t elapsed = now - wake->probation_start;
    uint64_t rate;

    wake->probation_frames += wake->frames;
    if (wake->probation_rate == 0 || (elapsed < PROBATION_NS && wake->regime == WAKE_WARM))
        return;
    rate = wake->probation_frames * NS_PER_SEC / elapsed;
    if (rate * 100 >= wake->probation_rate * PROBATION_PERCENT)
        wake->penalty_ns = PENALTY_MIN_NS;
    else
        forbid_naps(wake, now);
    wake->probation_rate = 0;
}

static void set_patience(struct wake *wake, enum wake_patience patience, uint64_t now)
{
    wake->patience = patience;
    wake->patience_since = now;
    wake->patience_frames = 0;
}

static void consider_patience(struct wake *wake, uint64_t rate, uint64_t now)
{
    bool is_wanted = wake->may_spin && wake->regime == WAKE_COLD && rate >= PATIENCE_FROM;

    wake->patience_rate = rate;
    set_patience(
        wake, is_wanted && now >= wake->patience_until ? WAKE_PATIENCE_TRIED : WAKE_PATIENCE_NONE,
        now);
}

static void judge_trial(struct wake *wake, uint64_t rate, uint64_t now)
{
    if (rate * 100 >= wake->patience_rate * PATIENCE_PERCENT) {
        set_patience(wake, WAKE_PATIENCE_PAYS, now);
        wake->patience_until = now + PATIENCE_PAYS_NS;
        wake->patience_penalty_ns = PENALTY_MIN_NS;
        return;
    }
    set_patience(wake, WAKE_PATIENCE_NONE, now);
    wake->patience_until = now + wake->patience_penalty_ns;
    if (wake->patience_penalty_ns < PENALTY_MAX_NS)
        wake->patience_penalty_ns *= 2;
}

/* What came without it is compared with what comes with it, each for some time. That it pays is not
 * believed for long: senders, and who else wants the CPU, change. */
static void judge_patience(struct wake *wake, uint64_t now)
{
    uint64_t elapsed = now - wake->patience_since;
    uint64_t rate;

    wake->patience_frames += wake->frames;
    if (elapsed < PATIENCE_TRY_NS && wake->regime == WAKE_COLD)
        return;
    rate = wake->patience_frames * NS_PER_SEC / elapsed;
    switch (wake->patience) {
    case WAKE_PATIENCE_NONE:
        consider_patience(wake, rate, now);
        break;
    case WAKE_PATIENCE_TRIED:
        judge_trial(wake, rate, now);
        break;
    case WAKE_PATIENCE_PAYS:
        if (now >= wake->patience_until)
            set_patience(wake, WAKE_PATIENCE_NONE, now);
        break;
    }
}

static void judge(struct wake *wake, uint64_t now)
{
    uint64_t elapsed = now - wake->window_start;
    enum wake_regime before = wake->regime;
    uint64_t frames;

    if (elapsed < WINDOW_NS)
        return;
    frames = wake->frames * NS_PER_SEC / elapsed;
    wake->regime = regime_of(wake, frames, wake->bytes * NS_PER_SEC / elapsed, now);
    judge_probation(wake, now);
    if (before == WAKE_COLD && wake->regime == WAKE_WARM)
        begin_probation(wake, frames, now);
    judge_patience(wake, now);
    wake->window_start = now;
    wake->frames = 0;
    wake->bytes = 0;
}

static struct wake_wait look(struct wake *wake, uint64_t now)
{
    wake->is_looking = true;
    wake->look_since = now;
    return (struct wake_wait){.action = WAKE_LOOK};
}

static uint64_t spin_limit(const struct wake *wake)
{
    switch (wake->regime) {
    case WAKE_COLD:
        return wake->patience == WAKE_PATIENCE_NONE ? 0 : PATIENCE_SPIN_NS;
    case WAKE_HOT:
        return SPIN_NS;
    case WAKE_WARM:
    case WAKE_N_REGIMES:
        break;
    }
    return 0;
}

static bool may_spin_on(const struct wake *wake, uint64_t now)
{
    return wake->may_spin && wake->has_found && now - wake->look_since < spin_limit(wake);
}

static struct wake_wait spin(struct wake *wake)
{
    wake->counters.spins += !wake->is_spinning;
    wake->is_spinning = true;
    return (struct wake_wait){.action = WAKE_LOOK};
}

static struct wake_wait nap(struct wake *wake, uint64_t until)
{
    wake->counters.naps++;
    return (struct wake_wait){.action = WAKE_NAP, .until = until};
}

struct wake_wait wake_next(struct wake *wake, uint64_t now)
{
    judge(wake, now);
    if (wake->has_found && !wake->is_looking)
        return look(wake, now);
    if (may_spin_on(wake, now))
        return spin(wake);
    wake->wait_since = now;
    if (wake->has_found && wake->regime != WAKE_COLD)
        return nap(wake, now + (wake->regime == WAKE_HOT ? HOT_NAP_NS : NAP_NS));
    wake->counters.sleeps++;
    return (struct wake_wait){.action = WAKE_SLEEP};
}

void wake_waited(struct wake *wake, uint64_t now)
{
    wake->counters.idle_ns += now - wake->wait_since;
    wake->has_found = false;
    wake->is_looking = false;
    wake->is_spinning = false;
}

const char *wake_regime_name(enum wake_regime regime)
{
    static const char *const names[] = {
        [WAKE_COLD] = "cold",
        [WAKE_WARM] = "warm",
        [WAKE_HOT] = "hot",
    };

    static_assert(sizeof(names) / sizeof(*names) == WAKE_N_REGIMES, "a name per regime");
    return names[regime];
}
