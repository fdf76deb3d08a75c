/* SPDX-License-Identifier: ISC */
#include "ringspan/cpus.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(struct cpus) == sizeof(cpu_set_t), "as many as libc has");

static bool has(const struct cpus *cpus, uint32_t cpu)
{
    return cpus->words[cpu / 64] >> (cpu % 64) & 1;
}

void cpus_add_range(struct cpus *cpus, uint32_t first, uint32_t last)
{
    for (uint32_t cpu = first; cpu <= last; cpu++)
        cpus->words[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

uint32_t cpus_count(const struct cpus *cpus)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < CPUS_LIMIT / 64; i++)
        n += (uint32_t)__builtin_popcountll(cpus->words[i]);
    return n;
}

bool cpus_equal(const struct cpus *a, const struct cpus *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

struct cpus cpus_in_both(const struct cpus *a, const struct cpus *b)
{
    struct cpus both;

    for (uint32_t i = 0; i < CPUS_LIMIT / 64; i++)
        both.words[i] = a->words[i] & b->words[i];
    return both;
}

struct cpus cpus_minus(const struct cpus *a, const struct cpus *b)
{
    struct cpus rest;

    for (uint32_t i = 0; i < CPUS_LIMIT / 64; i++)
        rest.words[i] = a->words[i] & ~b->words[i];
    return rest;
}

bool cpus_next_range(const struct cpus *cpus, uint32_t from, uint32_t *ret_first,
                     uint32_t *ret_last)
{
    uint32_t last;

    while (from < CPUS_LIMIT && !has(cpus, from))
        from++;
    if (from >= CPUS_LIMIT)
        return false;
    for (last = from; last + 1 < CPUS_LIMIT && has(cpus, last + 1);)
        last++;
    *ret_first = from;
    *ret_last = last;
    return true;
}

const char *cpus_format(const struct cpus *cpus, char ret_text[CPUS_STRING_SIZE])
{
    const size_t room = CPUS_STRING_SIZE - sizeof(",1000-1023...");
    uint32_t first, last = 0;
    size_t len = 0;

    ret_text[0] = '\0';
    for (uint32_t from = 0; cpus_next_range(cpus, from, &first, &last); from = last + 1) {
        if (len > room) {
            snprintf(ret_text + len, CPUS_STRING_SIZE - len, "...");
            break;
        }
        len +=
            (size_t)snprintf(ret_text + len, CPUS_STRING_SIZE - len,
                             first == last ? "%s%u" : "%s%u-%u", len > 0 ? "," : "", first, last);
    }
    return ret_text;
}

int cpus_get(struct cpus *ret_cpus)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return -errno;
    memcpy(ret_cpus, &set, sizeof(*ret_cpus));
    return 0;
}

int cpus_set(const struct cpus *cpus)
{
    cpu_set_t set;

    memcpy(&set, cpus, sizeof(set));
    return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}
