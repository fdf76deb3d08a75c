/* SPDX-License-Identifier: ISC */
#include "ringspan/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture_private.h"

_Static_assert(RECORDER_N_TRIGGERS < 64, "one bit a trigger");

const char *recorder_trigger_name(unsigned trigger)
{
    static const char *const names[] = {
        [RECORDER_BY_HAND] = "hand",
#define X(symbol, name, class, sentence) [DROP_##symbol] = "drop:" name,
        RINGSPAN_DROP_REASONS(X)
#undef X
            [RECORDER_LINK_DOWN] = "link_down",
        [RECORDER_MOVE] = "move",
    };

    _Static_assert(sizeof(names) / sizeof(*names) == RECORDER_N_TRIGGERS, "one name a trigger");
    return names[trigger];
}

const char *recorder_state_name(enum recorder_state state)
{
    static const char *const names[] = {"off", "recording", "armed", "triggered", "frozen"};

    _Static_assert(sizeof(names) / sizeof(*names) == RECORDER_N_STATES, "one name a state");
    return names[state];
}

static struct capture_reader *recorder_of(const struct capture *capture)
{
    return capture->readers[CAPTURE_RECORDER];
}

/* ---- what it is ---- */

struct recorder_status recorder_status(const struct capture *capture)
{
    const struct capture_reader *recorder = recorder_of(capture);
    struct recorder_status status = capture->recording.last;
    uint64_t from;

    if (!recorder)
        return (struct recorder_status){.state = RECORDER_OFF};
    from = recorder->tail > recorder->begin ? recorder->tail : recorder->begin;
    status.memory = recorder->params.buffer;
    status.used = recorder->head - from;
    status.packets = recorder->n_packets;
    if (status.state == RECORDER_ARMED && capture->recording.params.triggers == 0)
        status.state = RECORDER_RECORDING;
    return status;
}

const uint64_t *recorder_counts(const struct capture *capture)
{
    return capture->recording.counts;
}

void recorder_on_change(struct capture *capture,
                        void (*fn)(void *arg, const struct recorder_status *status), void *arg)
{
    capture->recording.on_change = fn;
    capture->recording.on_change_arg = arg;
}

/* ---- telling ---- */

static void tell(const struct capture *capture, enum recorder_state state)
{
    struct recorder_status status = recorder_status(capture);

    status.state = state;
    if (capture->recording.on_change)
        capture->recording.on_change(capture->recording.on_change_arg, &status);
}

static void serve(struct capture *capture, struct capture_reader *reader)
{
    if (capture_recorder_open(recorder_of(capture), reader) < 0) {
        capture_reader_finish(reader); /* there is no memory for a list of its interfaces */
        return;
    }
    reader->is_waiting = false;
    capture_reader_settle(reader);
}

static void serve_all(struct capture *capture)
{
    for (uint32_t i = 0; i < LIMIT_CAPTURES; i++) {
        struct capture_reader *reader = capture->readers[i];

        if (reader && reader->is_waiting)
            serve(capture, reader);
    }
}

/* Frames do not wait for lists that are allocated and lines that are logged: what happens within a
 * turn of a bridge is told after it. */
static void tell_news(struct capture *capture)
{
    struct recording *recording = &capture->recording;

    event_timer_set(recording->news, 0);
    if (recording->trigger_is_news)
        tell(capture, RECORDER_TRIGGERED);
    recording->trigger_is_news = false;
    if (!recording->freeze_is_news)
        return;
    recording->freeze_is_news = false;
    serve_all(capture);
    tell(capture, RECORDER_FROZEN);
}

static void on_news(void *arg)
{
    tell_news(arg);
}

/* ---- from armed to frozen ---- */

static void freeze(struct capture *capture)
{
    struct recording *recording = &capture->recording;

    event_timer_set(recording->after, 0);
    recording->last.state = RECORDER_FROZEN;
    recorder_of(capture)->is_frozen = true;
    recording->freeze_is_news = true;
    event_timer_set(recording->news, event_now(capture->loop));
}

static void on_after(void *arg)
{
    freeze(arg);
}

/* Whatever is about the same moment, such as copies of a frame, is taken before it is frozen. */
static void trigger_at(struct capture *capture, unsigned trigger, const char *port, uint64_t time)
{
    struct recording *recording = &capture->recording;

    recording->counts[trigger]++;
    recording->last.state = RECORDER_TRIGGERED;
    recording->last.trigger = trigger;
    recording->last.time = time;
    snprintf(recording->last.port, sizeof(recording->last.port), "%s", port ? port : "");
    recording->triggered_at = recorder_of(capture)->head;
    recording->trigger_is_news = true;
    event_timer_set(recording->news, event_now(capture->loop));
    event_timer_set(recording->after, event_now(capture->loop) + recording->params.after_ns);
}

static bool waits_for(const struct capture *capture, unsigned trigger)
{
    return recorder_of(capture) && capture->recording.last.state == RECORDER_ARMED &&
           capture->recording.params.triggers & RECORDER_TRIGGER(trigger);
}

/* Half of the memory is for what led up to it. */
static bool has_enough(const struct capture *capture)
{
    const struct capture_reader *recorder = recorder_of(capture);

    return capture->recording.last.state == RECORDER_TRIGGERED &&
           recorder->head - capture->recording.triggered_at >= recorder->params.buffer / 2;
}

void recorder_note(struct capture *capture, const struct sight *sight)
{
    if (sight->reason != DROP_NONE && waits_for(capture, sight->reason))
        trigger_at(capture, sight->reason, sight->sighting->port->name, sight->sighting->time);
    else if (has_enough(capture))
        recorder_of(capture)->is_frozen = true; /* one turn may have more than all the memory */
}

void recorder_trigger(struct capture *capture, unsigned trigger, const char *port)
{
    if (waits_for(capture, trigger))
        trigger_at(capture, trigger, port, capture->wall());
}

void recorder_settle(struct capture *capture)
{
    const struct recording *recording = &capture->recording;
    const struct capture_reader *recorder = recorder_of(capture);

    if (!recorder || recording->last.state != RECORDER_TRIGGERED)
        return;
    if (recording->params.after_ns == 0 || recorder->is_frozen)
        freeze(capture);
}

/* ---- by hand ---- */

bool recorder_freeze(struct capture *capture)
{
    if (!recorder_of(capture) || recorder_of(capture)->is_frozen)
        return false;
    if (capture->recording.last.state == RECORDER_ARMED)
        trigger_at(capture, RECORDER_BY_HAND, NULL, capture->wall());
    freeze(capture);
    tell_news(capture);
    return true;
}

static void arm(struct capture *capture)
{
    struct recording *recording = &capture->recording;

    event_timer_set(recording->after, 0);
    recording->last = (struct recorder_status){.state = RECORDER_ARMED};
    recorder_of(capture)->is_frozen = false;
}

bool recorder_arm(struct capture *capture)
{
    if (!recorder_of(capture))
        return false;
    tell_news(capture); /* who waits gets what is forgotten now */
    arm(capture);
    capture_recorder_restart(recorder_of(capture));
    tell(capture, recorder_status(capture).state);
    return true;
}

/* ---- life ---- */

int recorder_init(struct capture *capture)
{
    struct recording *recording = &capture->recording;
    int r = event_timer_new(capture->loop, on_after, capture, &recording->after);

    if (r == 0)
        r = event_timer_new(capture->loop, on_news, capture, &recording->news);
    if (r < 0)
        event_timer_free(recording->after);
    return r;
}

void recorder_fini(struct capture *capture)
{
    event_timer_free(capture->recording.after);
    event_timer_free(capture->recording.news);
}

/* Who waits for it has waited for nothing. */
static void disappoint_all(struct capture *capture)
{
    for (uint32_t i = 0; i < LIMIT_CAPTURES; i++) {
        if (capture->readers[i] && capture->readers[i]->is_waiting)
            capture_reader_finish(capture->readers[i]);
    }
}

static void forget(struct capture *capture)
{
    if (!recorder_of(capture))
        return;
    tell_news(capture);
    event_timer_set(capture->recording.after, 0);
    capture_recorder_close(capture);
    capture_drop(capture, CAPTURE_RECORDER);
}

static int begin(struct capture *capture, uint32_t memory)
{
    const struct capture_params params = {.buffer = memory};
    int r = capture_make_reader(capture, CAPTURE_RECORDER, &params, NULL);

    if (r == 0)
        arm(capture);
    return r;
}

int recorder_set(struct capture *capture, const struct recorder_params *params)
{
    const struct capture_reader *recorder = recorder_of(capture);
    uint32_t before = recorder ? recorder->params.buffer : 0;
    int r = 0;

    capture->recording.params = *params;
    if (before == params->memory)
        return 0;
    forget(capture);
    if (params->memory > 0)
        r = begin(capture, params->memory);
    if (!recorder_of(capture))
        disappoint_all(capture);
    return r;
}
