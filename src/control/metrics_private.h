/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_METRICS_PRIVATE_H
#define SRC_CONTROL_METRICS_PRIVATE_H

#include "ringspan/latency.h"
#include "ringspan/metrics.h"

/*
 * Inside of a scrape, shared by its files: metrics_copy.c (taking the copies), metrics_family.c
 * (the table of what is told of them) and metrics.c (writing it).
 *
 * A record is the copy of one thing: of the daemon, a bridge, a port, a VLAN or a mirror. A family
 * is about the records of one scope, and finds its number, or the beginning of its numbers, at an
 * offset in each. METRICS_ABSENT stands for a number that there is not; then there is no sample.
 */

#define METRICS_ABSENT UINT64_MAX

enum metrics_scope {
    METRICS_OF_DAEMON,
    METRICS_OF_BRIDGE,
    METRICS_OF_PORT,
    METRICS_OF_VLAN,
    METRICS_OF_MIRROR,
};

struct metrics_daemon {
    uint64_t ready;
    uint64_t n_bridges;
    struct link_watch_counters netlink;
    struct event_counters loop;
    uint64_t cpu_us;
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t open_fds;
    uint64_t max_fds;
    uint64_t started_us;
    uint64_t recorder_frozen;
    uint64_t recorder_counts[RECORDER_N_TRIGGERS];
};

enum ledger_sum {
    LEDGER_SUM_IN,
    LEDGER_SUM_ACROSS,
    LEDGER_SUM_OUT,
    LEDGER_SUM_KERNEL,
    LEDGER_N_SUMS,
};

struct metrics_port {
    char name[LIMIT_NAME_SIZE];
    char ifname[LIMIT_NAME_SIZE]; /* "": none */
    const char *type;
    enum port_state state;
    struct ledger_port ledger;
    uint64_t held_in;
    uint64_t held_out;
    uint64_t kernel_packets; /* absent without a kernel side, as the next two */
    uint64_t kernel_drops;
    uint64_t kernel_unread;
    uint64_t admin_up;
    uint64_t mtu;
    uint64_t ring_bytes;
    uint64_t fdb_entries;
    struct fdb_port_counters fdb;
    struct reserved_counters reserved[RESERVED_N_PROTOCOLS];
};

struct metrics_vlan {
    char vid[8];
    uint64_t n_ports;
    struct vlan_counters counters;
};

struct metrics_mirror {
    char name[LIMIT_NAME_SIZE];
    struct mirror_counters counters;
};

struct metrics_bridge {
    char name[LIMIT_NAME_SIZE];
    uint64_t n_ports;
    uint64_t fdb_entries;
    uint64_t fdb_max_entries;
    uint64_t fdb_static;
    struct fdb_counters fdb;
    struct latency_histogram latency;
    bool has_latency;
    uint64_t latency_skewed; /* absent with the histogram */
    uint64_t imbalances[LEDGER_N_SUMS];
    struct metrics_port *ports;
    uint32_t n_records; /* of ports */
    uint32_t room;
    struct metrics_vlan *vlans; /* room for all; NULL if it is not VLAN-aware */
    uint32_t n_vlans;
    struct metrics_mirror mirrors[LIMIT_MIRRORS];
    uint32_t n_mirrors;
};

struct metrics_copies {
    struct metrics_daemon daemon;
    struct metrics_bridge *bridges; /* room for LIMIT_BRIDGES */
    uint32_t n_bridges;
    /* Where copying is. */
    bool is_begun;
    uint64_t bridge; /* its number */
    bool is_in_bridge;
    uint32_t id;
    uint32_t vid;
};

/** As metrics_scrape_next(): copies one thing. */
int metrics_copy_next(struct metrics_copies *copies, const struct metrics_source *source);
void metrics_copies_fini(struct metrics_copies *copies);

#define METRICS_MAX_LABELS 3

struct metrics_label {
    const char *name;
    const char *value;
};

struct metrics_sample {
    uint64_t value;
    uint64_t per_unit;  /* a power of ten; 0: the family's */
    const char *suffix; /* NULL: the type's */
    char bound[24];     /* room for a label's value */
    struct metrics_label labels[METRICS_MAX_LABELS];
    uint32_t n_labels;
};

/* A family with several samples for each record. */
struct metrics_variants {
    const char *labels; /* "reason, class" */
    uint32_t n;
    /* What is at @at, the record's address and the family's offset. False: there is no such sample.
     */
    bool (*get)(const void *at, uint32_t i, struct metrics_sample *ret);
};

#endif
