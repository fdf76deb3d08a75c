/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SYSTEM_PACKET_FIXTURE_H
#define TESTS_SYSTEM_PACKET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ringspan/port_packet.h"

/*
 * Packet fixture: one packet port on one end of a veth, a packet socket on the other, in a network
 * namespace of the test's own.
 */

#define PEER "peer"

struct fixture {
    struct bounce_pool *pool;
    struct port *port;
    int peer_fd; /* a packet socket on the other end of the veth */
};

/* Frames of these tests carry a number behind the header: it tells them apart and shows their
 * order. */
struct test_frame {
    uint8_t bytes[2048];
    struct frame frame;
};

/** 0, or the exit status of a test that has to be skipped. */
int enter_namespace(void);

int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/** Runs a command, which must succeed. */
void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bring_cable_up(void);
int open_tap_device(const char *name);
/** A packet socket that hears what arrives at @ifname. */
int listen_on(const char *ifname);
void start_on(struct fixture *f, const char *ifname, uint32_t mtu);
void new_port(struct fixture *f, uint32_t rx_slots, uint32_t tx_slots);

/* Sending by the port. */

void make_frame(struct test_frame *t, uint16_t number, uint32_t len);
void send_one(struct fixture *f, uint16_t number, uint32_t len);
/** The number of the next frame at the peer, which is waited for: a veth delivers within the send,
 * but on a CPU that is busy with others' frames some time later. -1 if none comes. */
int next_number(struct fixture *f);
/** Without waiting: -1 if there is none. */
int number_there(struct fixture *f);
/** Takes what is on its way to the peer: all that comes before a frame that is sent now. */
void let_pass(struct fixture *f);
/** Whether there is a frame for the packet socket @fd, some time later if need be. */
bool await_frame(int fd);
void expect_numbers(struct fixture *f, int first, int last);
void expect_balance(struct fixture *f);
void expect_works_again(struct fixture *f);
uint64_t out_dropped(const struct fixture *f, enum drop_reason reason);

/* Receiving by the port. */

/** A packet socket at the peer that takes an offload header in front of each frame. */
int sender_with_offloads(void);
/** An IPv4 TCP superframe of 40,000 payload bytes, offload header in front. Returns the length of
 * both. */
size_t make_superframe(uint8_t *bytes);
uint32_t receive(struct fixture *f, struct frame *frames);
/** Gives the frames back and counts them, as the bridge does. */
void release(struct fixture *f, uint32_t n);

#endif
