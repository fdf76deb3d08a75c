/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SUPPORT_SIM_TEST_H
#define TESTS_SUPPORT_SIM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/sim.h"

/*
 * Sim test: what the simulation's cmocka tests share.
 */

#define SIM_AGING     (300 * NS_PER_SEC)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static inline void sim_test_fail(const char *sentence)
{
    fail_msg("%s", sentence);
}

/* A transparent bridge with @n_ports forwarding, room for 8 more, and 1024 addresses. */
static inline struct sim *sim_test_new(uint32_t n_ports)
{
    const struct sim_params params = {
        .n_ports = n_ports,
        .max_ports = n_ports + 8,
        .max_entries = 1024,
        .aging_ns = SIM_AGING,
        .reserved = RESERVED_TRANSPARENT,
        .fail = sim_test_fail,
    };

    return sim_new(&params);
}

/* The host with address @src sends an ordinary frame, and it comes out of @egress alone. */
static inline void sim_test_unicast(struct sim *sim, uint32_t ingress, uint64_t dst, uint64_t src,
                                    uint32_t egress)
{
    struct sim_frame frame;

    sim_frame_make(&frame, dst, src, 60);
    sim_send(sim, ingress, &frame);
    sim_expect(sim, egress, &frame);
    sim_expect_nothing(sim);
}

/* It comes out of every forwarding port but its own. */
static inline void sim_test_flood(struct sim *sim, uint32_t ingress, uint64_t dst, uint64_t src)
{
    struct sim_frame frame;

    sim_frame_make(&frame, dst, src, 60);
    sim_send(sim, ingress, &frame);
    for (uint32_t i = 0; i < sim_n_ports(sim); i++) {
        if (i != ingress && sim_port(sim, i) && sim_port(sim, i)->state == PORT_FORWARDING)
            sim_expect(sim, i, &frame);
    }
    sim_expect_nothing(sim);
}

/* It comes out nowhere, and moves one counter of its ingress. */
static inline void sim_test_drop(struct sim *sim, uint32_t ingress, uint64_t dst, uint64_t src,
                                 enum drop_reason reason)
{
    uint64_t before = sim_in_dropped(sim, ingress, reason);
    struct sim_frame frame;

    sim_frame_make(&frame, dst, src, 60);
    sim_send(sim, ingress, &frame);
    sim_expect_nothing(sim);
    assert_int_equal(sim_in_dropped(sim, ingress, reason), before + 1);
}

#endif
