/* SPDX-License-Identifier: ISC */
#include "ringspan/clock.h"
#include "ringspan/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/* The loop of somebody who has rings in memory: what it looks at, and what must not wait for that.
 */

/* A descriptor that is always ready. */
struct watch {
    struct event *event;
    int fd;
    unsigned n_calls;
    struct memory *memory; /* the kernel's news are about this; or NULL */
};

/* A ring, out of which frames come without end, or at a rate. */
struct memory {
    struct event_loop *loop;
    uint64_t pps; /* 0: as many as there are looks */
    uint64_t started_at;
    uint64_t n_frames;
    unsigned n_looks;
    struct watch *victim;
};

static struct event_loop *new_loop(void)
{
    struct event_loop *loop;

    assert_int_equal(event_loop_new(&loop), 0);
    return loop;
}

static void watch_del(struct watch *watch)
{
    event_del(watch->event);
    watch->event = NULL;
}

static void watch_stop(struct watch *watch)
{
    watch_del(watch);
    close(watch->fd);
}

static bool look_at_memory(void *arg)
{
    struct memory *memory = arg;
    uint64_t elapsed = event_now(memory->loop) - memory->started_at;
    uint64_t due = memory->pps * elapsed / NS_PER_SEC;
    uint32_t n = memory->pps == 0 ? 64 : (uint32_t)(due - memory->n_frames);

    memory->n_looks++;
    memory->n_frames += n;
    wake_note(event_loop_wake(memory->loop), n, (uint64_t)n * 60);
    if (memory->victim && memory->victim->event)
        watch_del(memory->victim);
    return n > 0;
}

static void memory_start(struct memory *memory, struct event_loop *loop, uint64_t pps)
{
    *memory = (struct memory){.loop = loop, .pps = pps, .started_at = event_now(loop)};
    event_loop_set_look(loop, look_at_memory, memory);
    wake_set_may_spin(event_loop_wake(loop), true);
    wake_note(event_loop_wake(loop), 64, UINT64_C(64) * 60);
}

static void watch_called(void *arg, uint32_t epoll_events)
{
    struct watch *watch = arg;

    watch->n_calls++;
    if (watch->memory)
        look_at_memory(watch->memory);
}

static void watch_start(struct watch *watch, struct event_loop *loop)
{
    *watch = (struct watch){.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
    assert_true(watch->fd >= 0);
    assert_int_equal(event_add(loop, watch->fd, EPOLLIN, watch_called, watch, &watch->event), 0);
}

static void alarm_called(void *arg)
{
    (*(unsigned *)arg)++;
}

static void frames_without_end_keep_nobody_waiting(void **state)
{
    struct event_loop *loop = new_loop();
    struct memory memory;
    struct event_timer *alarm;
    unsigned n_alarms = 0;
    struct watch watch;

    watch_start(&watch, loop);
    assert_int_equal(event_timer_new(loop, alarm_called, &n_alarms, &alarm), 0);
    event_timer_set(alarm, 1);
    memory_start(&memory, loop, 0);
    for (unsigned turn = 1; turn <= 1000; turn++) {
        assert_int_equal(event_loop_turn(loop, -1), 0);
        assert_int_equal(watch.n_calls, turn);
        assert_int_equal(n_alarms, 1);
    }
    assert_true(memory.n_looks >= 1000);
    watch_stop(&watch);
    event_timer_free(alarm);
    event_loop_free(loop);
}

static void naps_keep_descriptors_and_timers(void **state)
{
    struct event_loop *loop = new_loop();
    const struct wake *wake = event_loop_wake(loop);
    uint64_t deadline = clock_now() + 30 * NS_PER_SEC;
    struct memory memory;
    struct event_timer *alarm;
    unsigned n_alarms = 0;
    struct watch watch;
    unsigned turn = 0;

    watch_start(&watch, loop);
    memory_start(&memory, loop, 100000);
    watch.memory = &memory;
    assert_int_equal(event_timer_new(loop, alarm_called, &n_alarms, &alarm), 0);
    event_timer_set(alarm, clock_now() + 1);
    while (wake->counters.naps < 10 && clock_now() < deadline) {
        assert_int_equal(event_loop_turn(loop, -1), 0);
        assert_int_equal(watch.n_calls, ++turn);
        assert_int_equal(n_alarms, 1); /* it was due when the turn began to wait */
        n_alarms = 0;
        event_timer_set(alarm, event_now(loop) + 1);
    }
    assert_true(wake->counters.naps >= 10);
    watch_stop(&watch);
    event_timer_free(alarm);
    event_loop_free(loop);
}

static void a_look_may_delete_what_is_ready(void **state)
{
    struct event_loop *loop = new_loop();
    struct memory memory;
    struct watch watch;

    watch_start(&watch, loop);
    memory_start(&memory, loop, 0);
    memory.victim = &watch;
    assert_int_equal(event_loop_turn(loop, -1), 0);
    assert_int_equal(watch.n_calls, 0);
    assert_null(watch.event);
    watch_stop(&watch);
    event_loop_free(loop);
}

static void without_frames_nobody_looks(void **state)
{
    struct event_loop *loop = new_loop();
    struct memory memory;
    struct event_timer *alarm;
    unsigned n_alarms = 0;

    memory_start(&memory, loop, 1); /* nothing before a second is over */
    wake_waited(event_loop_wake(loop), event_now(loop));
    assert_int_equal(event_timer_new(loop, alarm_called, &n_alarms, &alarm), 0);
    event_timer_set(alarm, clock_now() + 20 * NS_PER_MS);
    assert_int_equal(event_loop_turn(loop, -1), 0);
    assert_int_equal(n_alarms, 1);
    assert_int_equal(memory.n_looks, 0);
    assert_int_equal(event_loop_wake(loop)->counters.sleeps, 1);
    event_timer_free(alarm);
    event_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_without_end_keep_nobody_waiting),
        cmocka_unit_test(naps_keep_descriptors_and_timers),
        cmocka_unit_test(a_look_may_delete_what_is_ready),
        cmocka_unit_test(without_frames_nobody_looks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
