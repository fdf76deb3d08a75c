/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SUPPORT_SIM_PRIVATE_H
#define TESTS_SUPPORT_SIM_PRIVATE_H

#include "ringspan/explain.h"
#include "sim.h"
#include "sim_capture.h"

/*
 * Inside of the sim: sim.c takes the steps and checks them, sim_foretell.c holds what was explained
 * against what happens.
 */

/* A copy of what a host sent, until the bridge took it. */
struct injected {
    uint8_t *bytes;
    uint32_t len;
    uint32_t header_len;
    struct virtio_net_hdr vnet;
    enum drop_reason defect;
};

struct sim_port {
    struct port *port; /* NULL once deleted */
    struct injected *pending;
    uint32_t n_pending;
    size_t n_expected; /* of what it sent */
    struct ledger_port before;
};

struct sim {
    struct bridge *bridge;
    uint64_t now;
    void (*fail)(const char *sentence);
    bool is_captured;
    struct sim_capture capture;
    uint64_t n_deleted; /* frames and copies of ports that are gone */
    uint32_t n_ports;
    struct sim_port ports[SIM_PORTS_MAX];
};

/* What is said of the next frame, before it is taken. */
struct foretold {
    struct explanation explanation;
    bool leaves_by[SIM_PORTS_MAX];
    enum drop_reason refusals[SIM_PORTS_MAX];
    uint32_t mirrored[SIM_PORTS_MAX]; /* copies of mirrors */
    struct ledger_port before[SIM_PORTS_MAX];
};

void sim_fail(const struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/** What is explained of the first frame that waits on @p. */
void sim_foretell(const struct sim *sim, const struct sim_port *p, struct foretold *ret);
/** It was the only frame that was taken. */
void sim_check_foretold(const struct sim *sim, uint32_t ingress, const struct foretold *foretold);

#endif
