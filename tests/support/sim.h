/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SUPPORT_SIM_H
#define TESTS_SUPPORT_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/bridge.h"
#include "ringspan/clock.h"
#include "ringspan/port_memory.h"

/*
 * Sim: a whole bridge on memory ports, with a clock that only the test turns.
 *
 * Ports are called by number, in the order in which they were added; a number is not reused. All
 * times are relative to sim_now(). What is sent by a port waits there until sim_expect() has seen
 * it or sim_discard() has thrown it away; sim_send() refuses to begin while something waits, so a
 * test cannot overlook a frame.
 *
 * After every step the sim checks, unasked: the sums of the ledger; the table's own invariants;
 * that no counter went back; that what is counted of VLANs, protocols, mirrors and latency fits it;
 * that no frame returned to the port it came from, unless that is a hairpin; and that what each
 * port sent is made of the injected frames, byte for byte, tags in place, offload headers shifted
 * for them, in their order and each at most once. On a VLAN-aware bridge the outermost tag of its
 * ethertype is left out of this comparison: which one there must be is for the test. And a frame
 * that is taken alone comes to the end that explain.h said immediately before. What fails is
 * reported through `fail`, which does not return.
 */

#define SIM_PORTS_MAX  128
#define SIM_FRAME_ROOM (64u << 10)

struct sim;

struct sim_params {
    uint32_t n_ports; /* forwarding from the start */
    uint32_t max_ports;
    uint32_t max_entries;
    uint64_t aging_ns;
    enum bridge_mode mode;
    enum reserved_preset reserved;
    uint16_t ethertype; /* of a VLAN-aware bridge, whose ports are in no VLAN at first; or 0 */
    bool is_captured;   /* somebody looks at every port */
    bool is_timed;      /* every frame is timed */
    void (*fail)(const char *sentence);
};

/* A frame as on the wire, its outer tag in the bytes. `vnet` counts from the frame without the
 * outer tag: as the kernel hands it out. */
struct sim_frame {
    uint32_t len;
    uint32_t header_len; /* of a superframe, without the outer tag; 0: unknown */
    struct virtio_net_hdr vnet;
    uint8_t bytes[SIM_FRAME_ROOM];
};

/* The address of host @n, an individual one. */
#define SIM_HOST(n) (UINT64_C(0x020000000000) + (uint64_t)(n))

/** @len bytes of an unused EtherType, with a payload that no other frame of this process has. */
void sim_frame_make(struct sim_frame *ret, uint64_t dst, uint64_t src, uint32_t len);
/** Inserts a tag outside of those that are there. */
void sim_frame_tag(struct sim_frame *frame, uint16_t tpid, uint16_t tci);
/** TCP over IPv4 with timestamps and a partial checksum: a superframe if @payload is above @mss. */
void sim_frame_make_tcp(struct sim_frame *ret, uint64_t dst, uint64_t src, uint32_t payload,
                        uint16_t mss);

struct sim *sim_new(const struct sim_params *params);
void sim_free(struct sim *sim);

struct bridge *sim_bridge(struct sim *sim);
/** NULL once it is deleted. */
struct port *sim_port(struct sim *sim, uint32_t port);
uint32_t sim_n_ports(const struct sim *sim);
uint64_t sim_now(const struct sim *sim);

/* Steps. */

/** The host behind @port sends, and the bridge takes it at once. */
void sim_send(struct sim *sim, uint32_t port, const struct sim_frame *frame);
/** The host sends; nobody looks yet. False if the port does not take it. */
bool sim_inject(struct sim *sim, uint32_t port, const struct sim_frame *frame);
bool sim_inject_defect(struct sim *sim, uint32_t port, const struct sim_frame *frame,
                       enum drop_reason defect);
/** One turn of the bridge on @port; returns how many frames it took. */
uint32_t sim_poll(struct sim *sim, uint32_t port);
void sim_pass_time(struct sim *sim, uint64_t ns);
/** One turn of the table's sweep. */
uint64_t sim_age(struct sim *sim);
void sim_set_state(struct sim *sim, uint32_t port, enum port_state state);
/** What @port of a VLAN-aware bridge is told about VLANs. */
void sim_set_vlan(struct sim *sim, uint32_t port, const struct vlan_settings *settings);
void sim_set_policy(struct sim *sim, uint32_t port, const struct port_policy *policy);
/** METER_N_USES settings, from now on. */
void sim_set_meters(struct sim *sim, uint32_t port, const struct meter_settings *settings);
/** The mirrors that there are from now on; ports are named "p0", "p1" and so on. */
void sim_set_mirrors(struct sim *sim, const struct mirror_settings *settings, uint32_t n);
void sim_set_mtu(struct sim *sim, uint32_t port, uint32_t mtu);
void sim_fail_tx(struct sim *sim, uint32_t port, uint32_t n, enum drop_reason reason);
/** Returns the new port's number; it is forwarding. */
uint32_t sim_add_port(struct sim *sim);
/** What the host had sent and nobody took is lost with the port. */
void sim_del_port(struct sim *sim, uint32_t port);

/* Looking. */

/** The next frame that @port sent is @frame. */
void sim_expect(struct sim *sim, uint32_t port, const struct sim_frame *frame);
/** No port has sent anything that was not expected. */
void sim_expect_nothing(struct sim *sim);
/** How many frames @port sent that were not expected yet. */
size_t sim_n_waiting(const struct sim *sim, uint32_t port);
void sim_discard(struct sim *sim);
uint64_t sim_in_dropped(struct sim *sim, uint32_t port, enum drop_reason reason);
uint64_t sim_out_dropped(struct sim *sim, uint32_t port, enum drop_reason reason);

#endif
