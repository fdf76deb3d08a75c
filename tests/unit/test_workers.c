/* SPDX-License-Identifier: ISC */
#include "ringspan/clock.h"
#include "ringspan/workers.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE (10 * NS_PER_SEC)

struct fixture {
    struct event_loop *loop;
    struct workers *workers;
};

static void start(struct fixture *fixture, unsigned max_threads)
{
    assert_int_equal(event_loop_new(&fixture->loop), 0);
    assert_int_equal(workers_new(fixture->loop, max_threads, &fixture->workers), 0);
}

static void stop(struct fixture *fixture)
{
    workers_free(fixture->workers);
    event_loop_free(fixture->loop);
}

static void turn_until_idle(struct fixture *fixture)
{
    uint64_t deadline = clock_now() + DEADLINE;

    while (workers_n_pending(fixture->workers) > 0) {
        assert_true(clock_now() < deadline);
        assert_int_equal(event_loop_turn(fixture->loop, 100), 0);
    }
}

static unsigned count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static unsigned n_threads_at_start;

static void *note_tid(void *arg)
{
    *(pid_t *)arg = gettid();
    return NULL;
}

/* ThreadSanitizer starts a thread of its own beside the first one: that is made and gone before
 * counting, and only differences count. */
static int note_threads(void **state)
{
    uint64_t deadline = clock_now() + DEADLINE;
    char path[64];
    pthread_t thread;
    pid_t tid;

    assert_int_equal(pthread_create(&thread, NULL, note_tid, &tid), 0);
    pthread_join(thread, NULL);
    snprintf(path, sizeof(path), "/proc/self/task/%d", (int)tid);
    while (access(path, F_OK) == 0)
        assert_true(clock_now() < deadline);
    n_threads_at_start = count_threads();
    return 0;
}

/* A thread that was joined may still be listed for a moment: pthread_join(3) waits for the kernel
 * to clear its id, which happens before it is unlinked. */
static void expect_more_threads(unsigned n_more)
{
    uint64_t deadline = clock_now() + DEADLINE;

    while (count_threads() != n_threads_at_start + n_more)
        assert_true(clock_now() < deadline);
}

struct task {
    struct fixture *fixture;
    pthread_t ran_in;
    pthread_t done_in;
    unsigned n_runs;
    unsigned n_done;
    bool signals_blocked;
};

static void task_run(void *arg)
{
    struct task *task = arg;

    task->n_runs++;
    task->ran_in = pthread_self();
}

static void task_done(void *arg)
{
    struct task *task = arg;

    task->n_done++;
    task->done_in = pthread_self();
}

static void runs_elsewhere_and_reports_here(void **state)
{
    struct fixture fixture;
    struct task task = {0};

    start(&fixture, 2);
    assert_int_equal(workers_n_pending(fixture.workers), 0);
    assert_int_equal(workers_submit(fixture.workers, task_run, task_done, &task), 0);
    assert_int_equal(workers_n_pending(fixture.workers), 1);
    assert_int_equal(task.n_done, 0);
    turn_until_idle(&fixture);
    assert_int_equal(task.n_runs, 1);
    assert_int_equal(task.n_done, 1);
    assert_false(pthread_equal(task.ran_in, pthread_self()));
    assert_true(pthread_equal(task.done_in, pthread_self()));
    stop(&fixture);
}

static void note_signals(void *arg)
{
    struct task *task = arg;
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    task->signals_blocked = sigismember(&blocked, SIGTERM) == 1 &&
                            sigismember(&blocked, SIGHUP) == 1 &&
                            sigismember(&blocked, SIGRTMAX) == 1;
}

static void threads_block_signals_and_the_caller_does_not(void **state)
{
    struct fixture fixture;
    struct task task = {0};
    sigset_t blocked;

    start(&fixture, 1);
    assert_int_equal(workers_submit(fixture.workers, note_signals, NULL, &task), 0);
    workers_drain(fixture.workers);
    assert_true(task.signals_blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
    stop(&fixture);
}

static void meet(void *arg)
{
    pthread_barrier_wait(arg);
}

static void jobs_run_in_parallel(void **state)
{
    pthread_barrier_t barrier;
    struct fixture fixture;

    start(&fixture, 4);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 4), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(workers_submit(fixture.workers, meet, NULL, &barrier), 0);
    workers_drain(fixture.workers);
    pthread_barrier_destroy(&barrier);
    stop(&fixture);
}

struct crowd {
    atomic_uint n_inside;
    atomic_uint most_inside;
    atomic_uint n_runs;
    unsigned n_done;
};

static void join_crowd(void *arg)
{
    struct crowd *crowd = arg;
    unsigned inside = atomic_fetch_add(&crowd->n_inside, 1) + 1;
    unsigned most = atomic_load(&crowd->most_inside);

    while (most < inside && !atomic_compare_exchange_weak(&crowd->most_inside, &most, inside))
        ;
    atomic_fetch_add(&crowd->n_runs, 1);
    atomic_fetch_sub(&crowd->n_inside, 1);
}

static void count_crowd(void *arg)
{
    struct crowd *crowd = arg;

    crowd->n_done++;
}

static void many_jobs_share_few_threads(void **state)
{
    enum {
        N = 4096
    };
    struct crowd crowd = {0};
    struct fixture fixture;

    start(&fixture, 3);
    for (int i = 0; i < N; i++)
        assert_int_equal(workers_submit(fixture.workers, join_crowd, count_crowd, &crowd), 0);
    turn_until_idle(&fixture);
    assert_int_equal(atomic_load(&crowd.n_runs), N);
    assert_int_equal(crowd.n_done, N);
    assert_in_range(atomic_load(&crowd.most_inside), 1, 3);
    expect_more_threads(0);
    stop(&fixture);
}

static void threads_exist_only_while_there_is_work(void **state)
{
    pthread_barrier_t barrier;
    struct fixture fixture;

    start(&fixture, 2);
    expect_more_threads(0);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 3), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(workers_submit(fixture.workers, meet, NULL, &barrier), 0);
    expect_more_threads(2);
    pthread_barrier_wait(&barrier);
    turn_until_idle(&fixture);
    expect_more_threads(0);
    pthread_barrier_destroy(&barrier);
    stop(&fixture);
}

static void submit_again(void *arg)
{
    struct task *task = arg;

    if (++task->n_done < 5)
        assert_int_equal(workers_submit(task->fixture->workers, task_run, submit_again, task), 0);
}

static void drain_waits_for_what_done_submits(void **state)
{
    struct fixture fixture;
    struct task task = {.fixture = &fixture};

    start(&fixture, 1);
    assert_int_equal(workers_submit(fixture.workers, task_run, submit_again, &task), 0);
    workers_drain(fixture.workers);
    assert_int_equal(task.n_done, 5);
    assert_int_equal(task.n_runs, 5);
    assert_int_equal(workers_n_pending(fixture.workers), 0);
    stop(&fixture);
}

static void drain_again(void *arg)
{
    struct task *task = arg;

    workers_drain(task->fixture->workers);
    assert_int_equal(workers_n_pending(task->fixture->workers), 0);
    task->n_done++;
}

static void done_may_drain(void **state)
{
    struct fixture fixture;
    struct task tasks[6] = {0};

    start(&fixture, 2);
    for (int i = 0; i < 6; i++) {
        tasks[i].fixture = &fixture;
        assert_int_equal(workers_submit(fixture.workers, task_run, drain_again, &tasks[i]), 0);
    }
    turn_until_idle(&fixture);
    for (int i = 0; i < 6; i++)
        assert_int_equal(tasks[i].n_done, 1);
    stop(&fixture);
}

static void free_drains(void **state)
{
    struct fixture fixture;
    struct task task = {0};

    start(&fixture, 1);
    assert_int_equal(workers_submit(fixture.workers, task_run, task_done, &task), 0);
    stop(&fixture);
    assert_int_equal(task.n_done, 1);
    workers_free(NULL);
}

static void without_a_thread_a_job_is_refused(void **state)
{
    struct fixture fixture;
    struct task task = {0};

    start(&fixture, 0);
    assert_int_equal(workers_submit(fixture.workers, task_run, task_done, &task), -EAGAIN);
    assert_int_equal(workers_n_pending(fixture.workers), 0);
    stop(&fixture);
    assert_int_equal(task.n_runs + task.n_done, 0);
}

static void retire(void *arg)
{
    static __thread unsigned n_runs_here;
    struct task *task = arg;

    task->n_runs = ++n_runs_here;
    workers_retire_thread();
}

static void a_retired_thread_takes_no_more_jobs(void **state)
{
    struct task tasks[4] = {0};
    struct fixture fixture;

    start(&fixture, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(workers_submit(fixture.workers, retire, task_done, &tasks[i]), 0);
    turn_until_idle(&fixture);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tasks[i].n_done, 1);
        assert_int_equal(tasks[i].n_runs, 1);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(workers_submit(fixture.workers, retire, task_done, &tasks[i]), 0);
    workers_drain(fixture.workers);
    assert_int_equal(tasks[3].n_done, 2);
    assert_int_equal(tasks[3].n_runs, 1);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_elsewhere_and_reports_here),
        cmocka_unit_test(threads_block_signals_and_the_caller_does_not),
        cmocka_unit_test(jobs_run_in_parallel),
        cmocka_unit_test(many_jobs_share_few_threads),
        cmocka_unit_test(threads_exist_only_while_there_is_work),
        cmocka_unit_test(drain_waits_for_what_done_submits),
        cmocka_unit_test(done_may_drain),
        cmocka_unit_test(free_drains),
        cmocka_unit_test(a_retired_thread_takes_no_more_jobs),
        cmocka_unit_test(without_a_thread_a_job_is_refused),
    };

    return cmocka_run_group_tests(tests, note_threads, NULL);
}
