/* SPDX-License-Identifier: ISC */
#include "ringspan/clock.h"
#include "ringspan/event.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define N_WATCHES 6

/* A descriptor that is always ready, and what its handler is to do. */
struct watch {
    struct event *event;
    int fd;
    unsigned n_calls;
    uint32_t epoll_events;
    void (*act)(struct watch *self);
    struct event_loop *loop;
    struct watch *victim;
    bool was_deleted;
    bool called_after_deletion;
};

static void watch_called(void *arg, uint32_t epoll_events)
{
    struct watch *watch = arg;

    watch->n_calls++;
    watch->epoll_events = epoll_events;
    watch->called_after_deletion |= watch->was_deleted;
    if (watch->act)
        watch->act(watch);
}

static void watch_start(struct watch *watch, struct event_loop *loop)
{
    *watch = (struct watch){.loop = loop, .fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
    assert_true(watch->fd >= 0);
    assert_int_equal(event_add(loop, watch->fd, EPOLLIN, watch_called, watch, &watch->event), 0);
}

static void watch_del(struct watch *watch)
{
    event_del(watch->event);
    watch->event = NULL;
    watch->was_deleted = true;
}

static void watch_stop(struct watch *watch)
{
    watch_del(watch);
    close(watch->fd);
}

static struct event_loop *new_loop(void)
{
    struct event_loop *loop;

    assert_int_equal(event_loop_new(&loop), 0);
    return loop;
}

static void delete_victim(struct watch *self)
{
    watch_del(self->victim);
    self->act = NULL;
}

/* One turn in which handler @killer deletes handler @victim while all are ready. */
static void one_deletion(unsigned killer, unsigned victim)
{
    struct event_loop *loop = new_loop();
    struct watch watches[N_WATCHES];

    for (unsigned i = 0; i < N_WATCHES; i++)
        watch_start(&watches[i], loop);
    watches[killer].act = delete_victim;
    watches[killer].victim = &watches[victim];
    assert_int_equal(event_loop_turn(loop, 0), 0);
    for (unsigned i = 0; i < N_WATCHES; i++) {
        assert_false(watches[i].called_after_deletion);
        if (i != victim || i == killer)
            assert_int_equal(watches[i].n_calls, 1);
    }
    assert_int_equal(event_loop_turn(loop, 0), 0);
    for (unsigned i = 0; i < N_WATCHES; i++) {
        assert_false(watches[i].called_after_deletion);
        if (i != victim)
            assert_int_equal(watches[i].n_calls, 2);
    }
    for (unsigned i = 0; i < N_WATCHES; i++)
        watch_stop(&watches[i]);
    event_loop_free(loop);
}

static void any_handler_may_delete_any(void **state)
{
    for (unsigned killer = 0; killer < N_WATCHES; killer++)
        for (unsigned victim = 0; victim < N_WATCHES; victim++)
            one_deletion(killer, victim);
}

static void delete_all(struct watch *self)
{
    struct watch *all = self->victim;

    for (unsigned i = 0; i < N_WATCHES; i++)
        watch_del(&all[i]);
}

static void the_first_may_delete_all(void **state)
{
    struct event_loop *loop = new_loop();
    struct watch watches[N_WATCHES];
    unsigned n_calls = 0;

    for (unsigned i = 0; i < N_WATCHES; i++) {
        watch_start(&watches[i], loop);
        watches[i].act = delete_all;
        watches[i].victim = watches;
    }
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    for (unsigned i = 0; i < N_WATCHES; i++) {
        n_calls += watches[i].n_calls;
        close(watches[i].fd);
    }
    assert_int_equal(n_calls, 1);
    event_loop_free(loop);
}

/* Replaces the victim by a new event on the same descriptor number. */
static void replace_victim(struct watch *self)
{
    struct watch *victim = self->victim;
    int fd = victim->fd;

    watch_stop(victim);
    watch_start(victim, self->loop);
    assert_int_equal(victim->fd, fd);
    self->act = NULL;
}

static void a_reused_descriptor_is_a_new_event(void **state)
{
    for (unsigned killer = 0; killer < 2; killer++) {
        struct event_loop *loop = new_loop();
        struct watch watches[2];

        watch_start(&watches[0], loop);
        watch_start(&watches[1], loop);
        watches[killer].act = replace_victim;
        watches[killer].victim = &watches[!killer];
        assert_int_equal(event_loop_turn(loop, 0), 0);
        assert_int_equal(watches[!killer].n_calls, 0);
        assert_int_equal(event_loop_turn(loop, 0), 0);
        assert_int_equal(watches[!killer].n_calls, 1);
        watch_stop(&watches[0]);
        watch_stop(&watches[1]);
        event_loop_free(loop);
    }
}

static void start_victim(struct watch *self)
{
    watch_start(self->victim, self->loop);
    self->act = NULL;
}

static void an_added_event_waits_for_the_next_turn(void **state)
{
    struct event_loop *loop = new_loop();
    struct watch adder, added;

    watch_start(&adder, loop);
    adder.act = start_victim;
    adder.victim = &added;
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(added.n_calls, 0);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(added.n_calls, 1);
    watch_stop(&adder);
    watch_stop(&added);
    event_loop_free(loop);
}

static void lose_interest_in_victim(struct watch *self)
{
    assert_int_equal(event_modify(self->victim->event, EPOLLOUT), 0);
    self->victim->act = NULL;
}

static void lost_interest_is_not_reported(void **state)
{
    struct event_loop *loop = new_loop();
    struct watch a, b;

    watch_start(&a, loop);
    watch_start(&b, loop);
    a.act = b.act = lose_interest_in_victim;
    a.victim = &b;
    b.victim = &a;
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(a.n_calls + b.n_calls, 1);
    assert_int_equal(a.epoll_events | b.epoll_events, EPOLLIN);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(a.n_calls + b.n_calls, 3);
    assert_int_equal(a.epoll_events | b.epoll_events, EPOLLIN | EPOLLOUT);
    watch_stop(&a);
    watch_stop(&b);
    event_loop_free(loop);
}

static void what_is_not_read_is_reported_again(void **state)
{
    struct event_loop *loop = new_loop();
    struct watch watch;
    uint64_t value;

    watch_start(&watch, loop);
    for (unsigned turn = 1; turn <= 3; turn++) {
        assert_int_equal(event_loop_turn(loop, 0), 0);
        assert_int_equal(watch.n_calls, turn);
        assert_int_equal(watch.epoll_events, EPOLLIN);
    }
    assert_int_equal(read(watch.fd, &value, sizeof(value)), sizeof(value));
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(watch.n_calls, 3);
    watch_stop(&watch);
    event_loop_free(loop);
}

static void errors_are_reported_unasked(void **state)
{
    struct event_loop *loop = new_loop();
    struct watch watch = {.loop = loop};
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(event_add(loop, fds[1], 0, watch_called, &watch, &watch.event), 0);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(watch.n_calls, 0);
    close(fds[0]);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(watch.n_calls, 1);
    assert_int_equal(watch.epoll_events, EPOLLERR);
    event_del(watch.event);
    close(fds[1]);
    event_loop_free(loop);
}

static void more_than_one_batch_is_served_in_turns(void **state)
{
    enum {
        N = 700
    };
    struct event_loop *loop = new_loop();
    struct watch *watches = calloc(N, sizeof(*watches));

    assert_non_null(watches);
    for (unsigned i = 0; i < N; i++)
        watch_start(&watches[i], loop);
    for (unsigned turn = 0; turn < 3; turn++)
        assert_int_equal(event_loop_turn(loop, 0), 0);
    for (unsigned i = 0; i < N; i++) {
        assert_int_not_equal(watches[i].n_calls, 0);
        watch_stop(&watches[i]);
    }
    free(watches);
    event_loop_free(loop);
}

static void a_refused_descriptor_changes_nothing(void **state)
{
    struct event_loop *loop = new_loop();
    struct watch watch;
    struct event *event = (struct event *)&watch;

    watch_start(&watch, loop);
    assert_int_equal(event_add(loop, -1, EPOLLIN, watch_called, &watch, &event), -EBADF);
    assert_int_equal(event_add(loop, watch.fd, EPOLLIN, watch_called, &watch, &event), -EEXIST);
    assert_ptr_equal(event, &watch);
    watch_stop(&watch);
    event_del(NULL);
    event_loop_free(loop);
    event_loop_free(NULL);
}

/* ---- timers ---- */

struct alarm {
    struct event_timer *timer;
    unsigned n_calls;
    unsigned place; /* in the order of calls */
    void (*act)(struct alarm *self);
    struct alarm *victim;
};

static unsigned n_alarms_called;

static void alarm_called(void *arg)
{
    struct alarm *alarm = arg;

    alarm->n_calls++;
    alarm->place = n_alarms_called++;
    if (alarm->act)
        alarm->act(alarm);
}

static void alarm_start(struct alarm *alarm, struct event_loop *loop, uint64_t at)
{
    *alarm = (struct alarm){0};
    assert_int_equal(event_timer_new(loop, alarm_called, alarm, &alarm->timer), 0);
    event_timer_set(alarm->timer, at);
}

static void a_timer_fires_once_and_not_early(void **state)
{
    struct event_loop *loop = new_loop();
    struct alarm alarm;
    uint64_t at;

    alarm_start(&alarm, loop, clock_now() + 3600 * NS_PER_SEC);
    assert_true(event_timer_is_armed(alarm.timer));
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(alarm.n_calls, 0);
    at = clock_now() + 20 * NS_PER_MS;
    event_timer_set(alarm.timer, at);
    assert_int_equal(event_loop_turn(loop, -1), 0);
    assert_int_equal(alarm.n_calls, 1);
    assert_true(event_now(loop) >= at);
    assert_false(event_timer_is_armed(alarm.timer));
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(alarm.n_calls, 1);
    event_timer_free(alarm.timer);
    event_loop_free(loop);
}

/* The kernel has been told of it, and it is not due yet: this thread may stop at any moment. */
static void arm_in_the_kernel(struct alarm *alarm, struct event_loop *loop)
{
    do {
        alarm->n_calls = 0;
        event_timer_set(alarm->timer, clock_now() + 20 * NS_PER_MS);
        assert_int_equal(event_loop_turn(loop, 0), 0);
    } while (alarm->n_calls > 0);
}

static void an_idle_loop_sleeps(void **state)
{
    struct event_loop *loop = new_loop();
    struct alarm fired, disarmed;
    uint64_t value, before;
    struct watch watch;

    watch_start(&watch, loop);
    assert_int_equal(read(watch.fd, &value, sizeof(value)), sizeof(value));
    alarm_start(&fired, loop, 1);
    assert_int_equal(event_loop_turn(loop, -1), 0);
    assert_int_equal(fired.n_calls, 1);
    alarm_start(&disarmed, loop, 0);
    arm_in_the_kernel(&disarmed, loop);
    event_timer_set(disarmed.timer, 0);
    assert_false(event_timer_is_armed(disarmed.timer));

    /* One turn lasts as long as it is allowed to: nothing woke it. */
    before = event_now(loop);
    assert_int_equal(event_loop_turn(loop, 60), 0);
    assert_true(event_now(loop) - before >= 60 * NS_PER_MS);
    assert_int_equal(watch.n_calls + disarmed.n_calls, 0);
    event_timer_free(fired.timer);
    event_timer_free(disarmed.timer);
    watch_stop(&watch);
    event_loop_free(loop);
}

static void rearm_in_the_past(struct alarm *self)
{
    event_timer_set(self->timer, 1);
    assert_true(event_timer_is_armed(self->timer));
}

static void a_past_time_fires_in_the_next_turn(void **state)
{
    struct event_loop *loop = new_loop();
    struct alarm alarm;

    alarm_start(&alarm, loop, 1);
    alarm.act = rearm_in_the_past;
    for (unsigned turn = 1; turn <= 3; turn++) {
        assert_int_equal(event_loop_turn(loop, -1), 0);
        assert_int_equal(alarm.n_calls, turn);
    }
    event_timer_free(alarm.timer);
    event_loop_free(loop);
}

static void free_self(struct alarm *self)
{
    assert_false(event_timer_is_armed(self->timer));
    event_timer_free(self->timer);
    self->timer = NULL;
}

static void free_victim(struct alarm *self)
{
    assert_true(event_timer_is_armed(self->victim->timer));
    free_self(self);
    event_timer_free(self->victim->timer);
    self->victim->timer = NULL;
}

static void disarm_victim(struct alarm *self)
{
    event_timer_set(self->victim->timer, 0);
}

static void postpone_victim(struct alarm *self)
{
    event_timer_set(self->victim->timer, 2);
}

static void handlers_may_free_and_disarm_due_timers(void **state)
{
    struct event_loop *loop = new_loop();
    struct alarm alarms[8];

    for (unsigned i = 0; i < 8; i++) {
        alarm_start(&alarms[i], loop, i + 1);
        alarms[i].victim = i < 7 ? &alarms[i + 1] : NULL;
    }
    alarms[0].act = free_victim;
    alarms[2].act = disarm_victim;
    alarms[4].act = postpone_victim;
    alarms[7].act = free_self;
    assert_int_equal(event_loop_turn(loop, -1), 0);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(alarms[i].n_calls, i != 1 && i != 3 && i != 5);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(alarms[i].n_calls, i != 1 && i != 3);
    for (unsigned i = 0; i < 8; i++)
        event_timer_free(alarms[i].timer);
    event_loop_free(loop);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* All times are long past, so that the order of one turn's calls is the order of the heap. */
static void thousands_of_timers_fire_in_order(void **state)
{
    enum {
        N = 3000
    };
    struct event_loop *loop = new_loop();
    struct alarm *alarms = calloc(N, sizeof(*alarms));
    uint64_t *at = calloc(N, sizeof(*at)), seed = 1;
    unsigned *owner = calloc(N, sizeof(*owner));
    unsigned n_armed = 0;

    assert_true(alarms && at && owner);
    for (unsigned i = 0; i < N; i++)
        alarm_start(&alarms[i], loop, 0);
    for (unsigned step = 0; step < 10 * N; step++) {
        unsigned i = (unsigned)(next_random(&seed) % N);

        at[i] = next_random(&seed) % 4 ? 1 + next_random(&seed) % 100000 : 0;
        event_timer_set(alarms[i].timer, at[i]);
    }
    n_alarms_called = 0;
    assert_int_equal(event_loop_turn(loop, -1), 0);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(alarms[i].n_calls, at[i] > 0);
        if (at[i] > 0) {
            owner[alarms[i].place] = i;
            n_armed++;
        }
    }
    assert_int_equal(n_alarms_called, n_armed);
    for (unsigned place = 1; place < n_armed; place++)
        assert_true(at[owner[place - 1]] <= at[owner[place]]);
    for (unsigned i = 0; i < N; i++)
        event_timer_free(alarms[i].timer);
    free(alarms);
    free(at);
    free(owner);
    event_loop_free(loop);
}

static uint64_t time_in_first_handler;

static void note_time(struct watch *self)
{
    uint64_t now = event_now(self->loop);

    if (time_in_first_handler == 0)
        time_in_first_handler = now;
    assert_true(now == time_in_first_handler);
    while (clock_now() == now)
        ;
}

static void time_is_one_for_a_turn(void **state)
{
    struct event_loop *loop = new_loop();
    uint64_t before = clock_now();
    struct watch watches[N_WATCHES];

    time_in_first_handler = 0;
    for (unsigned i = 0; i < N_WATCHES; i++) {
        watch_start(&watches[i], loop);
        watches[i].act = note_time;
    }
    assert_int_equal(event_loop_turn(loop, -1), 0);
    assert_true(time_in_first_handler >= before);
    assert_true(event_now(loop) == time_in_first_handler);
    for (unsigned i = 0; i < N_WATCHES; i++)
        watch_stop(&watches[i]);
    event_loop_free(loop);
}

/* ---- signals and running ---- */

static void signal_called(void *arg, int signo)
{
    unsigned *n_calls = arg;

    n_calls[signo]++;
}

static void signals_arrive_in_the_loop(void **state)
{
    struct event_loop *loop = new_loop();
    unsigned n_calls[NSIG] = {0};

    assert_int_equal(event_signal_add(loop, SIGUSR1, signal_called, n_calls), 0);
    assert_int_equal(event_signal_add(loop, SIGUSR2, signal_called, n_calls), 0);
    assert_int_equal(event_signal_add(loop, SIGUSR1, signal_called, n_calls), -EEXIST);
    assert_int_equal(event_signal_add(loop, 0, signal_called, n_calls), -EINVAL);
    assert_int_equal(event_signal_add(loop, NSIG, signal_called, n_calls), -EINVAL);

    kill(getpid(), SIGUSR2);
    assert_int_equal(n_calls[SIGUSR2], 0);
    assert_int_equal(event_loop_turn(loop, -1), 0);
    assert_int_equal(n_calls[SIGUSR2], 1);
    assert_int_equal(n_calls[SIGUSR1], 0);

    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    assert_int_equal(event_loop_turn(loop, -1), 0);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(n_calls[SIGUSR1], 1);
    assert_int_equal(n_calls[SIGUSR2], 2);
    event_loop_free(loop);
}

static void stop_the_loop(struct watch *self)
{
    event_loop_stop(self->loop, 7);
}

static void run_returns_the_status_of_stop(void **state)
{
    struct event_loop *loop = new_loop();
    struct watch stopper, other;

    watch_start(&stopper, loop);
    watch_start(&other, loop);
    stopper.act = stop_the_loop;
    assert_int_equal(event_loop_run(loop), 7);
    assert_int_equal(other.n_calls, 1);

    assert_int_equal(event_loop_run(loop), 7);
    assert_int_equal(other.n_calls, 2);

    event_loop_stop(loop, 3);
    assert_int_equal(event_loop_run(loop), 3);
    assert_int_equal(other.n_calls, 2);
    watch_stop(&stopper);
    watch_stop(&other);
    event_loop_free(loop);
}

struct turn_end {
    struct watch watch;
    uint32_t n;
    uint32_t calls_seen;
};

static void on_turn_end(void *arg)
{
    struct turn_end *end = arg;

    end->n++;
    end->calls_seen = end->watch.n_calls;
}

static void a_turn_ends_after_its_handlers(void **state)
{
    struct event_loop *loop = new_loop();
    struct turn_end end = {0};

    watch_start(&end.watch, loop);
    event_loop_after_turn(loop, on_turn_end, &end);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(end.n, 1);
    assert_int_equal(end.calls_seen, 1);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(end.n, 2);
    event_loop_after_turn(loop, NULL, NULL);
    assert_int_equal(event_loop_turn(loop, 0), 0);
    assert_int_equal(end.n, 2);
    watch_stop(&end.watch);
    event_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_handler_may_delete_any),
        cmocka_unit_test(the_first_may_delete_all),
        cmocka_unit_test(a_reused_descriptor_is_a_new_event),
        cmocka_unit_test(an_added_event_waits_for_the_next_turn),
        cmocka_unit_test(lost_interest_is_not_reported),
        cmocka_unit_test(what_is_not_read_is_reported_again),
        cmocka_unit_test(errors_are_reported_unasked),
        cmocka_unit_test(more_than_one_batch_is_served_in_turns),
        cmocka_unit_test(a_refused_descriptor_changes_nothing),
        cmocka_unit_test(a_timer_fires_once_and_not_early),
        cmocka_unit_test(an_idle_loop_sleeps),
        cmocka_unit_test(a_past_time_fires_in_the_next_turn),
        cmocka_unit_test(handlers_may_free_and_disarm_due_timers),
        cmocka_unit_test(thousands_of_timers_fire_in_order),
        cmocka_unit_test(time_is_one_for_a_turn),
        cmocka_unit_test(signals_arrive_in_the_loop),
        cmocka_unit_test(run_returns_the_status_of_stop),
        cmocka_unit_test(a_turn_ends_after_its_handlers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
