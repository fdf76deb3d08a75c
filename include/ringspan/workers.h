/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_WORKERS_H
#define RINGSPAN_WORKERS_H

#include "ringspan/event.h"

/*
 * Workers: helper threads for the few system calls that block.
 *
 * Making or closing a packet ring waits tens of milliseconds for RCU inside the kernel, and the
 * promiscuity request takes the RTNL lock. The loop hands such a job over with workers_submit();
 * `run` is executed in a thread and may touch only what its argument owns; `done` is called by the
 * loop afterwards, in the loop's thread. Jobs run in parallel, in no order. Threads come into being
 * on demand, up to a bound, and leave when there is nothing to do: an idle daemon has one thread.
 * They block all signals. All functions here belong to the loop's thread, but for
 * workers_retire_thread(); a `done` may submit and drain, but not free.
 */

struct workers;
typedef void (*work_fn)(void *arg);

/** @max_threads: LIMIT_WORKERS, or fewer for tests. 0 or -errno. */
int workers_new(struct event_loop *loop, unsigned max_threads, struct workers **ret);
/** 0 or -errno (-ENOMEM; -EAGAIN if no thread at all could be made: neither is called then). @done
 * may be NULL. */
int workers_submit(struct workers *workers, work_fn run, work_fn done, void *arg);
/** For a `run` that could not give its thread back as it was: the thread takes no more jobs, and
 * another one does what is left. */
void workers_retire_thread(void);
/** Jobs whose `done` was not called yet. */
unsigned workers_n_pending(const struct workers *workers);
/** Blocks until every job is finished and its `done` was called. For shutdown. */
void workers_drain(struct workers *workers);
/** Drains, then frees. NULL is fine. */
void workers_free(struct workers *workers);

#endif
