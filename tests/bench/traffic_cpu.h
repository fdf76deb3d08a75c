/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_CPU_H
#define TESTS_BENCH_TRAFFIC_CPU_H

#include <sched.h>
#include <stdint.h>

/*
 * What CPUs spent their time on, as the kernel's scheduler counts it.
 */

struct traffic_cpu {
    uint64_t busy_ns;    /* the whole machine, to the clock tick */
    uint64_t softirq_ns; /* of that */
    uint64_t watched_ns; /* all threads of the watched processes, to the nanosecond */
    uint64_t watched_switches;
};

struct traffic_cpu traffic_cpu_read(const int *pids, uint32_t n_pids);
struct traffic_cpu traffic_cpu_between(const struct traffic_cpu *before,
                                       const struct traffic_cpu *after);
/** For the calling thread: a descriptor by which others ask what it has used; -1 if that is not to
 * be had. */
int traffic_cpu_open_thread(void);
/** 0 if @fd is -1. */
uint64_t traffic_cpu_of_thread(int fd);
/** The calling thread runs on these from now on; on any if there are none. */
void traffic_cpu_pin(const cpu_set_t *cpus);

#endif
