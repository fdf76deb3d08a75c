/* SPDX-License-Identifier: ISC */
#include "ringspan/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ringspan/cpus.h"

struct job {
    work_fn run;
    work_fn done;
    void *arg;
    struct job *next;
};

struct job_list {
    struct job *first;
    struct job **end; /* where the next one is linked in */
};

enum thread_state {
    THREAD_NONE,
    THREAD_RUNNING,
    THREAD_LEFT, /* takes no more jobs, waits to be joined */
};

struct thread {
    struct workers *workers;
    pthread_t handle;
    enum thread_state state;
    struct job *first_job;
};

struct workers {
    int wake_fd;
    struct event *wake_event;
    struct cpus cpus; /* for all threads, wherever the loop runs by now; or none */

    /* The loop's own. */
    unsigned n_pending;
    struct job_list ready; /* finished, `done` not called yet */

    pthread_mutex_t mutex; /* over everything below */
    pthread_cond_t progress;
    struct job_list queue;
    struct job_list finished;
    unsigned max_threads;
    struct thread threads[];
};

static void list_init(struct job_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void list_append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}

static struct job *list_take(struct job_list *list)
{
    struct job *job = list->first;

    if (!job)
        return NULL;
    list->first = job->next;
    if (!list->first)
        list->end = &list->first;
    return job;
}

/* Moves everything in @from to the end of @to. */
static void list_move(struct job_list *to, struct job_list *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    list_init(from);
}

/* ---- in the threads ---- */

static __thread bool is_retired;

void workers_retire_thread(void)
{
    is_retired = true;
}

/* Hands @job back and returns the next one, or NULL if the thread is to leave. Both happen under
 * one lock: when the last job is seen as finished, so is the last thread as leaving. */
static struct job *next_job(struct thread *self, struct job *job)
{
    struct workers *workers = self->workers;
    struct job *next;

    pthread_mutex_lock(&workers->mutex);
    list_append(&workers->finished, job);
    next = is_retired ? NULL : list_take(&workers->queue);
    if (!next)
        self->state = THREAD_LEFT;
    pthread_cond_signal(&workers->progress);
    pthread_mutex_unlock(&workers->mutex);
    /* Cannot block, nor fail: the counter would have to reach 2^64. */
    (void)eventfd_write(workers->wake_fd, 1);
    return next;
}

static void *thread_main(void *arg)
{
    struct thread *self = arg;

    if (cpus_count(&self->workers->cpus) > 0)
        (void)cpus_set(&self->workers->cpus);
    for (struct job *job = self->first_job; job; job = next_job(self, job))
        job->run(job->arg);
    return NULL;
}

/* ---- in the loop, with the mutex held ---- */

/* Joining does not block: such a thread is on its way out. */
static void join_left(struct workers *workers)
{
    for (unsigned i = 0; i < workers->max_threads; i++) {
        struct thread *thread = &workers->threads[i];

        if (thread->state != THREAD_LEFT)
            continue;
        pthread_join(thread->handle, NULL);
        thread->state = THREAD_NONE;
    }
}

static struct thread *find_free(struct workers *workers)
{
    for (unsigned i = 0; i < workers->max_threads; i++) {
        if (workers->threads[i].state == THREAD_NONE)
            return &workers->threads[i];
    }
    return NULL;
}

static bool is_anyone_running(const struct workers *workers)
{
    for (unsigned i = 0; i < workers->max_threads; i++) {
        if (workers->threads[i].state == THREAD_RUNNING)
            return true;
    }
    return false;
}

/* Signals belong to the loop's signalfd: a thread that did not block them would take them away. */
static int create_thread(struct thread *thread)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    r = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (r != 0)
        return -r;
    r = pthread_create(&thread->handle, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

/* Starts threads for jobs that nobody will come for: a thread that retired left them behind. */
static void start_queued(struct workers *workers)
{
    struct thread *thread;

    while (workers->queue.first && (thread = find_free(workers))) {
        thread->first_job = workers->queue.first;
        if (create_thread(thread) != 0)
            return;
        thread->state = THREAD_RUNNING;
        (void)list_take(&workers->queue);
    }
}

/* Starts a thread with @job; the queue is only for jobs that find all threads busy. */
static int start_or_queue(struct workers *workers, struct job *job)
{
    struct thread *thread = find_free(workers);

    if (thread) {
        thread->first_job = job;
        if (create_thread(thread) == 0) {
            thread->state = THREAD_RUNNING;
            return 0;
        }
    }
    if (!is_anyone_running(workers))
        return -EAGAIN;
    list_append(&workers->queue, job);
    return 0;
}

/* ---- in the loop ---- */

/* A job's `done` may submit others or drain: the list and the count are right at every call. */
static void call_ready(struct workers *workers)
{
    struct job *job;

    while ((job = list_take(&workers->ready))) {
        workers->n_pending--;
        if (job->done)
            job->done(job->arg);
        free(job);
    }
}

static void wake_fd_ready(void *arg, uint32_t epoll_events)
{
    struct workers *workers = arg;
    eventfd_t count;

    /* Before looking at the list: a job that is finished after the look wakes the loop again. */
    (void)eventfd_read(workers->wake_fd, &count);
    pthread_mutex_lock(&workers->mutex);
    list_move(&workers->ready, &workers->finished);
    join_left(workers);
    start_queued(workers);
    pthread_mutex_unlock(&workers->mutex);
    call_ready(workers);
}

int workers_submit(struct workers *workers, work_fn run, work_fn done, void *arg)
{
    struct job *job = malloc(sizeof(*job));
    int r;

    if (!job)
        return -ENOMEM;
    *job = (struct job){.run = run, .done = done, .arg = arg};
    pthread_mutex_lock(&workers->mutex);
    join_left(workers);
    r = start_or_queue(workers, job);
    pthread_mutex_unlock(&workers->mutex);
    if (r < 0) {
        free(job);
        return r;
    }
    workers->n_pending++;
    return 0;
}

unsigned workers_n_pending(const struct workers *workers)
{
    return workers->n_pending;
}

void workers_drain(struct workers *workers)
{
    call_ready(workers);
    while (workers->n_pending > 0) {
        pthread_mutex_lock(&workers->mutex);
        while (!workers->finished.first)
            pthread_cond_wait(&workers->progress, &workers->mutex);
        list_move(&workers->ready, &workers->finished);
        join_left(workers);
        start_queued(workers);
        pthread_mutex_unlock(&workers->mutex);
        call_ready(workers);
    }
}

int workers_new(struct event_loop *loop, unsigned max_threads, struct workers **ret)
{
    size_t size = sizeof(struct workers) + max_threads * sizeof(struct thread);
    struct workers *workers = calloc(1, size);
    int r;

    if (!workers)
        return -ENOMEM;
    workers->max_threads = max_threads;
    (void)cpus_get(&workers->cpus);
    list_init(&workers->ready);
    list_init(&workers->queue);
    list_init(&workers->finished);
    for (unsigned i = 0; i < max_threads; i++)
        workers->threads[i].workers = workers;

    workers->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (workers->wake_fd < 0) {
        r = -errno;
        goto fail_memory;
    }
    r = event_add(loop, workers->wake_fd, EPOLLIN, wake_fd_ready, workers, &workers->wake_event);
    if (r < 0)
        goto fail_fd;
    /* With default attributes neither can fail. */
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->progress, NULL);
    *ret = workers;
    return 0;

fail_fd:
    close(workers->wake_fd);
fail_memory:
    free(workers);
    return r;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    workers_drain(workers);
    event_del(workers->wake_event);
    close(workers->wake_fd);
    pthread_cond_destroy(&workers->progress);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}
