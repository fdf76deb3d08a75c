/* SPDX-License-Identifier: ISC */
#include "ringspan/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t us_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static uint64_t cpu_us(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return USAGE_UNKNOWN;
    return us_of(&usage.ru_utime) + us_of(&usage.ru_stime);
}

static void read_memory(struct usage *usage)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t total;
    uint64_t resident;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return;
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &total, &resident) == 2) {
        usage->virtual_bytes = total * page;
        usage->resident_bytes = resident * page;
    }
    fclose(file);
}

/* The size of the directory is how many there are; 0 where the kernel does not say. */
static uint64_t count_fds(void)
{
    struct stat st;

    return stat("/proc/self/fd", &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : USAGE_UNKNOWN;
}

static uint64_t most_fds(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : USAGE_UNKNOWN;
}

struct usage usage_of_process(void)
{
    struct usage usage = {
        .cpu_us = cpu_us(),
        .resident_bytes = USAGE_UNKNOWN,
        .virtual_bytes = USAGE_UNKNOWN,
        .open_fds = count_fds(),
        .max_fds = most_fds(),
    };

    read_memory(&usage);
    return usage;
}
