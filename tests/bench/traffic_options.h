/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_OPTIONS_H
#define TESTS_BENCH_TRAFFIC_OPTIONS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "traffic_layout.h"

/*
 * The command line of ringspan-traffic, as a value. Which options there are, what each takes and
 * which commands know it is one table in the source.
 */

#define TRAFFIC_PIDS_MAX 64

enum traffic_command {
    TRAFFIC_RATE,
    TRAFFIC_SEARCH,
    TRAFFIC_LATENCY,
    TRAFFIC_LEARN,
    TRAFFIC_BROADCAST,
    TRAFFIC_SELF,
};

#define TRAFFIC_COMMANDS (TRAFFIC_SELF + 1)

enum traffic_pace {
    TRAFFIC_PACE_AUTO,
    TRAFFIC_PACE_SPIN,
    TRAFFIC_PACE_SLEEP,
};

struct traffic_options {
    enum traffic_command command;

    struct traffic_layout layout; /* of what is sent; of the load, if the command is latency */
    struct traffic_layout ping;
    uint64_t size;
    uint64_t pps; /* per stream; 0: as fast as it goes */
    uint64_t duration_ns;
    uint64_t warmup_ns;
    uint64_t patience_ns; /* with what is missing, at least */
    uint64_t burst;
    uint64_t pace;
    uint64_t tx_threads;
    cpu_set_t cpu_tx; /* none: anywhere */
    cpu_set_t cpu_rx;
    bool is_ip;
    uint64_t n_src_macs;
    uint64_t n_dst_macs;
    bool learns_all;
    uint64_t learn_pps;
    bool teaches_nothing;
    int pids[TRAFFIC_PIDS_MAX];
    uint32_t n_pids;

    double loss;
    double resolution;
    uint64_t trial_ns;
    uint64_t max_pps;
    uint64_t retries;

    uint64_t count;
    uint64_t interval_ns;
    cpu_set_t cpu_a;
    cpu_set_t cpu_b;
    uint64_t load_pps;
    uint64_t load_size;

    bool has_learner, has_tester, has_monitor, has_from;
    struct traffic_point learner, tester, monitor;
    uint64_t test_pps;
    uint64_t first_mac; /* 0: nobody said */
    struct traffic_point from;
    uint32_t n_receivers;
};

enum traffic_outcome {
    TRAFFIC_RUN,
    TRAFFIC_DONE,  /* help was printed */
    TRAFFIC_WRONG, /* and said so */
};

/** @ret_options is to be given to traffic_options_fini() in any case. */
enum traffic_outcome traffic_options_parse(int argc, char **argv,
                                           struct traffic_options *ret_options);
void traffic_options_fini(struct traffic_options *options);

#endif
