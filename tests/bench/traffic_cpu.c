/* SPDX-License-Identifier: ISC */
#include "traffic_cpu.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringspan/clock.h"

/* The number behind each of the names at the beginning of lines of the file, summed up. */
static uint64_t sum_of_lines(const char *path, const char *const *names, size_t n_names)
{
    FILE *file = fopen(path, "re");
    char line[256];
    uint64_t sum = 0;

    while (file && fgets(line, sizeof(line), file)) {
        for (size_t i = 0; i < n_names; i++) {
            uint64_t value;

            if (strncmp(line, names[i], strlen(names[i])) == 0 &&
                sscanf(line + strlen(names[i]), "%" SCNu64, &value) == 1)
                sum += value;
        }
    }
    if (file)
        fclose(file);
    return sum;
}

static uint64_t runtime_of(int pid, const char *tid)
{
    char path[300];
    FILE *file;
    uint64_t ns = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, tid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%" SCNu64, &ns) != 1)
        ns = 0;
    fclose(file);
    return ns;
}

static void add_process(int pid, struct traffic_cpu *cpu)
{
    static const char *const switches[] = {"voluntary_ctxt_switches:",
                                           "nonvoluntary_ctxt_switches:"};
    char path[320];
    struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    folder = opendir(path);
    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        cpu->watched_ns += runtime_of(pid, entry->d_name);
        snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
        cpu->watched_switches += sum_of_lines(path, switches, 2);
    }
    if (folder)
        closedir(folder);
}

static void add_machine(struct traffic_cpu *cpu)
{
    FILE *file = fopen("/proc/stat", "re");
    uint64_t tick_ns = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t user, nice, system, idle, wait, irq, softirq;

    if (!file)
        return;
    if (fscanf(file,
               "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64,
               &user, &nice, &system, &idle, &wait, &irq, &softirq) == 7) {
        cpu->busy_ns = (user + nice + system + irq + softirq) * tick_ns;
        cpu->softirq_ns = softirq * tick_ns;
    }
    fclose(file);
}

struct traffic_cpu traffic_cpu_read(const int *pids, uint32_t n_pids)
{
    struct traffic_cpu cpu = {0};

    add_machine(&cpu);
    for (uint32_t i = 0; i < n_pids; i++)
        add_process(pids[i], &cpu);
    return cpu;
}

struct traffic_cpu traffic_cpu_between(const struct traffic_cpu *before,
                                       const struct traffic_cpu *after)
{
    return (struct traffic_cpu){
        .busy_ns = after->busy_ns - before->busy_ns,
        .softirq_ns = after->softirq_ns - before->softirq_ns,
        .watched_ns = after->watched_ns - before->watched_ns,
        .watched_switches = after->watched_switches - before->watched_switches,
    };
}

int traffic_cpu_open_thread(void)
{
    return open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

uint64_t traffic_cpu_of_thread(int fd)
{
    char text[64];
    ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;

    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtoull(text, NULL, 10);
}

void traffic_cpu_pin(const cpu_set_t *cpus)
{
    if (CPU_COUNT(cpus) > 0)
        sched_setaffinity(0, sizeof(*cpus), cpus);
}
