/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_USAGE_H
#define RINGSPAN_USAGE_H

#include <stdint.h>

/*
 * Usage: what this process has used of the machine, as the kernel counts it.
 *
 * Each number is asked for anew, which takes a few system calls that do not block. What the kernel
 * does not tell is USAGE_UNKNOWN: how many descriptors are open, before Linux 6.2, would mean to
 * list them all, which for thousands of ports takes longer than a frame should wait.
 */

#define USAGE_UNKNOWN UINT64_MAX

struct usage {
    uint64_t cpu_us; /* of all threads, in user space and in the kernel */
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t open_fds;
    uint64_t max_fds;
};

struct usage usage_of_process(void);

#endif
