/* SPDX-License-Identifier: ISC */
#include "ringspan/event.h"
#include "ringspan/clock.h"
#include "ringspan/cpus.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Descriptors that one epoll_wait(2) hands over. The kernel moves them to the end of its ready
 * list, so that those left out come first in the next turn. */
#define READY_MAX 256

#define SIGNALS_PER_TURN 8

/* How long the loop is content with what it sees for itself, before it asks the kernel. */
#define LOOK_NS UINT64_C(20000)

#define HEAP_INITIAL  16
#define HEAP_NO_PLACE SIZE_MAX

struct event {
    struct event_loop *loop;
    int fd;
    uint32_t interest;
    event_fn fn; /* NULL once deleted */
    void *arg;
    struct event *next_deleted;
};

/* Armed means: either in the heap, or taken out of it as due and waiting to be called. */
struct event_timer {
    struct event_loop *loop;
    event_timer_fn fn;
    void *arg;
    uint64_t at;
    size_t place;              /* in the heap, or HEAP_NO_PLACE */
    struct event_timer **link; /* what points here in the list of due timers, or NULL */
    struct event_timer *next;
};

struct signal_handler {
    event_signal_fn fn;
    void *arg;
};

struct event_loop {
    int epoll_fd;
    uint64_t now;

    struct event_counters counters;

    bool is_dispatching;
    struct event *deleted; /* freed when the turn ends: its ready list may still name them */

    void (*after_turn)(void *arg);
    void *after_turn_arg;

    bool is_stopping;
    int status;

    struct wake wake;
    event_look_fn look;
    void *look_arg;

    /* A binary heap by time. It has room for every timer that exists, so arming cannot fail. */
    struct event_timer **heap;
    size_t heap_size, heap_used, n_timers;
    struct event_timer *due;
    int timer_fd;
    uint64_t timer_fd_at;
    struct event *timer_event;

    int signal_fd;
    sigset_t signals;
    struct signal_handler handlers[NSIG];
    struct event *signal_event;
};

/* ---- the heap ---- */

static void heap_put(struct event_loop *loop, size_t place, struct event_timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

/* Puts @timer at @place or wherever above it belongs. */
static void heap_rise(struct event_loop *loop, size_t place, struct event_timer *timer)
{
    while (place > 0) {
        struct event_timer *parent = loop->heap[(place - 1) / 2];

        if (parent->at <= timer->at)
            break;
        heap_put(loop, place, parent);
        place = (place - 1) / 2;
    }
    heap_put(loop, place, timer);
}

/* Puts @timer at @place or wherever below it belongs. */
static void heap_sink(struct event_loop *loop, size_t place, struct event_timer *timer)
{
    for (;;) {
        size_t child = 2 * place + 1;

        if (child + 1 < loop->heap_used && loop->heap[child + 1]->at < loop->heap[child]->at)
            child++;
        if (child >= loop->heap_used || timer->at <= loop->heap[child]->at)
            break;
        heap_put(loop, place, loop->heap[child]);
        place = child;
    }
    heap_put(loop, place, timer);
}

static void heap_insert(struct event_loop *loop, struct event_timer *timer)
{
    heap_rise(loop, loop->heap_used++, timer);
}

static void heap_remove(struct event_loop *loop, struct event_timer *timer)
{
    struct event_timer *last = loop->heap[--loop->heap_used];
    size_t place = timer->place;

    timer->place = HEAP_NO_PLACE;
    if (last == timer)
        return;
    if (last->at < timer->at)
        heap_rise(loop, place, last);
    else
        heap_sink(loop, place, last);
}

/* ---- timers ---- */

static int heap_reserve(struct event_loop *loop, size_t size)
{
    struct event_timer **heap;

    if (size <= loop->heap_size)
        return 0;
    size = loop->heap_size ? 2 * loop->heap_size : HEAP_INITIAL;
    heap = reallocarray(loop->heap, size, sizeof(struct event_timer *));
    if (!heap)
        return -ENOMEM;
    loop->heap = heap;
    loop->heap_size = size;
    return 0;
}

int event_timer_new(struct event_loop *loop, event_timer_fn fn, void *arg, struct event_timer **ret)
{
    struct event_timer *timer;
    int r = heap_reserve(loop, loop->n_timers + 1);

    if (r < 0)
        return r;
    timer = malloc(sizeof(*timer));
    if (!timer)
        return -ENOMEM;
    *timer = (struct event_timer){.loop = loop, .fn = fn, .arg = arg, .place = HEAP_NO_PLACE};
    loop->n_timers++;
    *ret = timer;
    return 0;
}

static void due_remove(struct event_timer *timer)
{
    *timer->link = timer->next;
    if (timer->next)
        timer->next->link = timer->link;
    timer->link = NULL;
}

static void timer_disarm(struct event_timer *timer)
{
    if (timer->link)
        due_remove(timer);
    else if (timer->place != HEAP_NO_PLACE)
        heap_remove(timer->loop, timer);
}

void event_timer_set(struct event_timer *timer, uint64_t at)
{
    timer_disarm(timer);
    timer->at = at;
    if (at > 0)
        heap_insert(timer->loop, timer);
}

bool event_timer_is_armed(const struct event_timer *timer)
{
    return timer->link || timer->place != HEAP_NO_PLACE;
}

void event_timer_free(struct event_timer *timer)
{
    if (!timer)
        return;
    timer_disarm(timer);
    timer->loop->n_timers--;
    free(timer);
}

/* Due timers are set apart before the first handler runs: what a handler arms, itself included,
 * belongs to the next turn however early its time is. */
static void collect_due(struct event_loop *loop)
{
    struct event_timer **link = &loop->due;

    while (loop->heap_used > 0 && loop->heap[0]->at <= loop->now) {
        struct event_timer *timer = loop->heap[0];

        heap_remove(loop, timer);
        timer->link = link;
        timer->next = NULL;
        *link = timer;
        link = &timer->next;
    }
}

static void call_due(struct event_loop *loop)
{
    while (loop->due) {
        struct event_timer *timer = loop->due;

        due_remove(timer);
        loop->counters.timers++;
        timer->fn(timer->arg);
    }
}

/* The timerfd is told once per turn, and only news. Setting it also makes it unreadable again; as
 * long as the next time is the one that it has already reported, staying readable is right. */
static int program_timer_fd(struct event_loop *loop)
{
    uint64_t at = loop->heap_used > 0 ? loop->heap[0]->at : 0;
    const struct itimerspec spec = {
        .it_value = {.tv_sec = (time_t)(at / NS_PER_SEC), .tv_nsec = (long)(at % NS_PER_SEC)},
    };

    if (at == loop->timer_fd_at)
        return 0;
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
        return -errno;
    loop->timer_fd_at = at;
    return 0;
}

/* collect_due() looks at the clock, not at this descriptor: it only ends the wait. */
static void timer_fd_ready(void *arg, uint32_t epoll_events)
{
}

/* ---- descriptors ---- */

int event_add(struct event_loop *loop, int fd, uint32_t epoll_events, event_fn fn, void *arg,
              struct event **ret)
{
    struct event *event = malloc(sizeof(*event));
    struct epoll_event request = {.events = epoll_events, .data.ptr = event};

    if (!event)
        return -ENOMEM;
    *event = (struct event){.loop = loop, .fd = fd, .interest = epoll_events, .fn = fn, .arg = arg};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &request) < 0) {
        int r = -errno;

        free(event);
        return r;
    }
    *ret = event;
    return 0;
}

int event_modify(struct event *event, uint32_t epoll_events)
{
    struct epoll_event request = {.events = epoll_events, .data.ptr = event};

    if (event->interest == epoll_events)
        return 0;
    if (epoll_ctl(event->loop->epoll_fd, EPOLL_CTL_MOD, event->fd, &request) < 0)
        return -errno;
    event->interest = epoll_events;
    return 0;
}

void event_del(struct event *event)
{
    struct event_loop *loop;
    int r;

    if (!event)
        return;
    loop = event->loop;
    /* Fails only if the descriptor was closed first. Where a duplicate keeps the file open, epoll
     * would then go on to report an event that is freed. */
    r = epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, event->fd, NULL);
    assert(r == 0);
    (void)r;
    if (!loop->is_dispatching) {
        free(event);
        return;
    }
    event->fn = NULL;
    event->next_deleted = loop->deleted;
    loop->deleted = event;
}

static void free_deleted(struct event_loop *loop)
{
    while (loop->deleted) {
        struct event *event = loop->deleted;

        loop->deleted = event->next_deleted;
        free(event);
    }
}

/* A handler that ran earlier in this turn may have deleted the event, or lost interest for it. */
static void call_ready(const struct epoll_event *ready)
{
    struct event *event = ready->data.ptr;
    uint32_t wanted = event->interest | EPOLLERR | EPOLLHUP;

    if (!event->fn || !(ready->events & wanted))
        return;
    event->loop->counters.descriptors++;
    event->fn(event->arg, ready->events & wanted);
}

/* ---- signals ---- */

static void signal_fd_ready(void *arg, uint32_t epoll_events)
{
    struct event_loop *loop = arg;
    struct signalfd_siginfo infos[SIGNALS_PER_TURN];
    ssize_t n = read(loop->signal_fd, infos, sizeof(infos));

    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(infos[0]); i++) {
        struct signal_handler *handler = &loop->handlers[infos[i].ssi_signo];

        handler->fn(handler->arg, (int)infos[i].ssi_signo);
    }
}

static int open_signal_fd(struct event_loop *loop)
{
    int fd, r;

    if (loop->signal_fd >= 0)
        return 0;
    fd = signalfd(-1, &loop->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    r = event_add(loop, fd, EPOLLIN, signal_fd_ready, loop, &loop->signal_event);
    if (r < 0) {
        close(fd);
        return r;
    }
    loop->signal_fd = fd;
    return 0;
}

int event_signal_add(struct event_loop *loop, int signo, event_signal_fn fn, void *arg)
{
    sigset_t all = loop->signals, one;
    int r;

    if (signo <= 0 || signo >= NSIG)
        return -EINVAL;
    if (loop->handlers[signo].fn)
        return -EEXIST;
    r = open_signal_fd(loop);
    if (r < 0)
        return r;
    sigemptyset(&one);
    sigaddset(&one, signo);
    r = pthread_sigmask(SIG_BLOCK, &one, NULL);
    if (r != 0)
        return -r;
    sigaddset(&all, signo);
    if (signalfd(loop->signal_fd, &all, 0) < 0)
        return -errno;
    loop->signals = all;
    loop->handlers[signo] = (struct signal_handler){fn, arg};
    return 0;
}

/* ---- the loop ---- */

static int open_timer_fd(struct event_loop *loop)
{
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->timer_fd < 0)
        return -errno;
    return event_add(loop, loop->timer_fd, EPOLLIN, timer_fd_ready, NULL, &loop->timer_event);
}

/* More than one. */
static bool has_cpus(void)
{
    struct cpus cpus;

    return cpus_get(&cpus) == 0 && cpus_count(&cpus) > 1;
}

int event_loop_new(struct event_loop **ret)
{
    struct event_loop *loop = calloc(1, sizeof(*loop));
    int r;

    if (!loop)
        return -ENOMEM;
    loop->timer_fd = loop->signal_fd = -1;
    sigemptyset(&loop->signals);
    loop->now = clock_now();
    wake_init(&loop->wake, has_cpus(), loop->now);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        r = -errno;
        goto fail;
    }
    r = open_timer_fd(loop);
    if (r < 0)
        goto fail;
    *ret = loop;
    return 0;

fail:
    event_loop_free(loop);
    return r;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void event_loop_free(struct event_loop *loop)
{
    if (!loop)
        return;
    assert(!loop->is_dispatching);
    assert(loop->n_timers == 0);
    event_del(loop->signal_event);
    event_del(loop->timer_event);
    close_if_open(loop->signal_fd);
    close_if_open(loop->timer_fd);
    close_if_open(loop->epoll_fd);
    free(loop->heap);
    free(loop);
}

uint64_t event_now(const struct event_loop *loop)
{
    return loop->now;
}

struct event_counters event_counters(const struct event_loop *loop)
{
    return loop->counters;
}

static void dispatch(struct event_loop *loop, const struct epoll_event *ready, int n_ready)
{
    loop->is_dispatching = true;
    loop->counters.turns++;
    collect_due(loop);
    for (int i = 0; i < n_ready; i++)
        call_ready(&ready[i]);
    call_due(loop);
    if (loop->after_turn)
        loop->after_turn(loop->after_turn_arg);
    loop->is_dispatching = false;
    free_deleted(loop);
}

void event_loop_after_turn(struct event_loop *loop, void (*fn)(void *arg), void *arg)
{
    loop->after_turn = fn;
    loop->after_turn_arg = arg;
}

void event_loop_set_look(struct event_loop *loop, event_look_fn fn, void *arg)
{
    loop->look = fn;
    loop->look_arg = arg;
}

struct wake *event_loop_wake(struct event_loop *loop)
{
    return &loop->wake;
}

static void look(struct event_loop *loop)
{
    loop->is_dispatching = true;
    if (loop->look(loop->look_arg) && loop->after_turn)
        loop->after_turn(loop->after_turn_arg);
    loop->is_dispatching = false;
    free_deleted(loop);
}

/* How to wait: after a look that found nothing, or not at all after some time of finding. */
static struct wake_wait find_wait(struct event_loop *loop)
{
    uint64_t until;
    struct wake_wait wait;

    loop->now = clock_now();
    until = loop->now + LOOK_NS;
    do {
        wait = wake_next(&loop->wake, loop->now);
        if (wait.action != WAKE_LOOK)
            break;
        look(loop);
        loop->now = clock_now();
    } while (loop->now < until && !loop->is_stopping);
    return wait;
}

/* Rings do not end a nap, and nothing else would notice so short a time; timers are not late. */
static void nap(const struct event_loop *loop, uint64_t until)
{
    struct timespec timeout = {0};

    if (loop->heap_used > 0 && loop->heap[0]->at < until)
        until = loop->heap[0]->at;
    if (until <= loop->now)
        return;
    timeout.tv_nsec = (long)(until - loop->now);
    (void)ppoll(NULL, 0, &timeout, NULL);
}

static int wait_for_events(struct event_loop *loop, struct epoll_event *ready, int timeout_ms)
{
    struct wake_wait wait = {.action = WAKE_LOOK};
    int n_ready, r;

    if (loop->look && timeout_ms < 0)
        wait = find_wait(loop);
    r = program_timer_fd(loop);
    if (r < 0)
        return r;
    if (wait.action == WAKE_NAP)
        nap(loop, wait.until);
    if (loop->look && timeout_ms < 0 && wait.action != WAKE_SLEEP)
        timeout_ms = 0;
    n_ready = epoll_wait(loop->epoll_fd, ready, READY_MAX, timeout_ms);
    r = n_ready < 0 ? -errno : n_ready;
    loop->now = clock_now();
    if (wait.action != WAKE_LOOK)
        wake_waited(&loop->wake, loop->now);
    return r;
}

int event_loop_turn(struct event_loop *loop, int timeout_ms)
{
    struct epoll_event ready[READY_MAX];
    int n_ready;

    assert(!loop->is_dispatching);
    n_ready = wait_for_events(loop, ready, timeout_ms);
    if (n_ready < 0 && n_ready != -EINTR)
        return n_ready;
    /* Interrupted by a signal that nobody asked for: SIGSTOP, a debugger. */
    dispatch(loop, ready, n_ready);
    return 0;
}

int event_loop_run(struct event_loop *loop)
{
    while (!loop->is_stopping) {
        int r = event_loop_turn(loop, -1);

        if (r < 0)
            return r;
    }
    loop->is_stopping = false;
    return loop->status;
}

void event_loop_stop(struct event_loop *loop, int status)
{
    loop->is_stopping = true;
    loop->status = status;
}
