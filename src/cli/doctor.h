/* SPDX-License-Identifier: ISC */
#ifndef SRC_CLI_DOCTOR_H
#define SRC_CLI_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "graph.h"
#include "ringspan/byte_queue.h"

/*
 * Doctor: what goes wrong in labs again and again, looked for.
 *
 * Three parts. doctor_facts.c looks at the machine and touches nothing; doctor_checks.c judges what
 * was seen, row by row of one table, without looking at anything else; cli_doctor.c asks the daemon
 * and prints. So each check can be tested with facts that no machine at hand has.
 *
 * A finding is a problem, which explains something that does not work, or a note, which may.
 * What could not be seen is no finding.
 */

enum doctor_answer {
    DOCTOR_UNKNOWN,
    DOCTOR_NO,
    DOCTOR_YES,
};

struct doctor_port {
    char name[GRAPH_NAME_SIZE];
    char bridge[GRAPH_NAME_SIZE];
    char ifname[GRAPH_NAME_SIZE];
    char netns[GRAPH_NETNS_SIZE]; /* "": the daemon's own */
    bool is_bound;                /* the daemon has it open */
    char state[GRAPH_NAME_SIZE];  /* as the daemon says, and why; "": there is none */
    char reason[2 * GRAPH_NAME_SIZE];
    enum doctor_answer isolated;
    /* Of the interface; nothing of it is known if there is none. */
    bool is_there;
    uint32_t mtu;
    char master[GRAPH_NAME_SIZE]; /* what it is enslaved to; "": nothing */
    bool is_tap;
    enum doctor_answer vnet_header; /* of a tap that is open */
    bool is_up;
    bool has_carrier;
    uint32_t speed; /* Mbit/s; 0: unknown */
    enum doctor_answer lro;
    char qdisc[GRAPH_NAME_SIZE];
    struct graph_peer peer;
};

struct doctor_mirror {
    char name[GRAPH_NAME_SIZE];
    char bridge[GRAPH_NAME_SIZE];
    char output_port[GRAPH_NAME_SIZE]; /* "": a VLAN */
    uint32_t output_vlan;
    bool is_ready;
};

/* A port that is one by its name. */
struct doctor_source {
    char mirror[GRAPH_NAME_SIZE];
    char port[GRAPH_NAME_SIZE];
};

struct doctor_kernel {
    unsigned major, minor, patch; /* 0.0.0: unknown */
};

struct doctor_facts {
    struct doctor_kernel kernel;
    bool has_daemon;
    bool knows_capabilities;
    uint64_t capabilities; /* of the daemon: bits by CAP_… */
    bool uses_netns;
    bool knows_softnet;
    uint64_t softnet_drops;
    enum doctor_answer bridge_netfilter;
    struct doctor_port *ports;
    uint32_t n_ports;
    struct doctor_mirror *mirrors; /* of a daemon */
    uint32_t n_mirrors;
    struct doctor_source *sources;
    uint32_t n_sources;
};

#define DOCTOR_TEXT_SIZE 320

struct doctor_finding {
    const char *check;
    bool is_problem;
    char port[GRAPH_NAME_SIZE]; /* "": about no port */
    char sentence[DOCTOR_TEXT_SIZE];
    char cure[DOCTOR_TEXT_SIZE];
};

struct doctor_report {
    struct doctor_finding *findings;
    uint32_t n_findings;
    bool has_failed; /* for want of memory */
};

struct doctor_check {
    const char *name;
    const char *looks_at;
    /* One of both: about each port, or about the whole. */
    void (*look_at_port)(const struct doctor_facts *facts, const struct doctor_port *port,
                         struct doctor_report *report);
    void (*look)(const struct doctor_facts *facts, struct doctor_report *report);
};

const struct doctor_check *doctor_checks(uint32_t *ret_n);
/** Does all checks. Release with doctor_report_fini(). */
void doctor_examine(const struct doctor_facts *facts, struct doctor_report *ret_report);
void doctor_report_fini(struct doctor_report *report);
bool doctor_report_has_problem(const struct doctor_report *report);

/** "6.1.0-44-amd64" and "#1 SMP Debian 6.1.176-1 (…)": a distribution's own version goes first. One
 * that has only a count of its own (5.15.0-91-generic) is unknown. */
struct doctor_kernel doctor_parse_kernel(const char *release, const char *version);

/** Facts about the machine, and about the daemon @pid; 0: there is none. */
void doctor_look_at_machine(struct doctor_facts *facts, pid_t pid);
/** Facts about the interfaces of the ports, and what is behind them: @pid is the daemon, or whoever
 * is in its place. 0; or -EPERM or -errno if not all could be seen. */
int doctor_look_at_ports(struct doctor_facts *facts, pid_t pid);

#endif
