/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LIMITS_H
#define RINGSPAN_LIMITS_H

#include <stdint.h>

/*
 * Limits: every bound of the program, in one place, so that none is a surprise.
 *
 * A limit that a configuration can run into is checked by config_parse() and named in its error;
 * the others bound memory or time against peers that mean harm. Documents quote these numbers;
 * where a number here changes, ringspan.json(5) changes with it.
 */

/* Names follow the kernel's rule for interface names: 15 bytes and a NUL (IFNAMSIZ). */
#define LIMIT_NAME_SIZE        16
#define LIMIT_ALIAS_SIZE       256 /* of an interface (IFALIASZ) */
#define LIMIT_BRIDGES          256
#define LIMIT_PORTS            4096 /* in one daemon, over all bridges */
#define LIMIT_DESCRIPTION_SIZE 256

/* A pattern for names, with its NUL; and how many ports it makes if the configuration does not say.
 */
#define LIMIT_MATCH_SIZE          64
#define LIMIT_MATCH_PORTS_DEFAULT 64

/* 802.1D table 7-5: the range of the aging time, and its default, in seconds. */
#define LIMIT_AGING_TIME_MIN     10
#define LIMIT_AGING_TIME_MAX     1000000
#define LIMIT_AGING_TIME_DEFAULT 300

#define LIMIT_FDB_ENTRIES_MIN     16
#define LIMIT_FDB_ENTRIES_MAX     1048576
#define LIMIT_FDB_ENTRIES_DEFAULT 65536
#define LIMIT_MOVES_MAX           1000000 /* of one address */
#define LIMIT_MOVES_SECONDS       180     /* RFC 7432 15.1 */
#define LIMIT_RECOVERY_MAX        86400   /* seconds */
#define LIMIT_RECOVERY_DEFAULT    300
#define LIMIT_FDB_STATIC          32768 /* in the configuration of one bridge */

/* The bursts of limits that have none of their own, in time at their rate. Policed TCP that loses a
 * whole window is silent for 200 ms (the least that Linux waits): what a smaller burst holds leaves
 * the rate unused. Storm control is no good to TCP, and a small burst is what it is about. */
#define LIMIT_STORM_BURST_MS    50
#define LIMIT_POLICING_BURST_MS 200

/* Configuration text, checked before anything is allocated for it. */
#define LIMIT_CONFIG_BYTES (8u << 20)
#define LIMIT_CONFIG_DEPTH 32
#define LIMIT_CONFIG_NODES 262144

/* The data path: frames per port and turn of the loop, and the bytes of the largest superframe
 * that the kernel hands out (64 KiB of GSO payload and room for headers). Of frames that fit no
 * ring slot a port takes no more at a time than there is room for: little, so that a frame is still
 * in the cache when it is copied out again. */
#define LIMIT_RX_BATCH        64
#define LIMIT_SUPERFRAME_SIZE (68u << 10)
#define LIMIT_BOUNCE_BYTES    (4 * LIMIT_SUPERFRAME_SIZE)
#define LIMIT_BOUNCE_JUMBO    (16u << 10) /* from this length on it is a superframe to them */

/* Ring memory of all ports together; port_packet.h has the formula that divides it. */
#define LIMIT_RING_BYTES   (256u << 20)
#define LIMIT_RX_SLOTS_MIN 32
#define LIMIT_RX_SLOTS_MAX 8192
#define LIMIT_TX_SLOTS_MIN 32
#define LIMIT_TX_SLOTS_MAX 256
#define LIMIT_RING_SLOT    2048
#define LIMIT_WORKERS      32

/* Captures at one time, and the memory that each has for what its reader has not taken yet. */
#define LIMIT_CAPTURES               16
#define LIMIT_CAPTURE_PORTS          64   /* that one can name */
#define LIMIT_CAPTURE_INTERFACES     8192 /* ports of one, those that are gone included */
#define LIMIT_CAPTURE_FILTER         1024 /* instructions, run for each frame */
#define LIMIT_CAPTURE_BUFFER_DEFAULT (4u << 20)
#define LIMIT_CAPTURE_BUFFER_MIN     (1u << 20)
#define LIMIT_CAPTURE_BUFFER_MAX     (64u << 20)
#define LIMIT_RECORDER_AFTER_MAX     3600 /* seconds that the recorder goes on after a trigger */

/* Mirrors of one bridge: each is a bit of a port. */
#define LIMIT_MIRRORS     32
#define LIMIT_SNAPLEN_MIN 64
#define LIMIT_SNAPLEN_MAX 65535

/* Changes of forwarding tables that are told in one turn of the loop, while anybody listens. More
 * than one sweep reclaims, and what 32 ports learn from full batches. */
#define LIMIT_FDB_JOURNAL 4096

/* One frame in so many is timed, at the least. */
#define LIMIT_LATENCY_EVERY 1000000

/* How long a configuration may be on trial, in seconds. */
#define LIMIT_CONFIRM_SECONDS 86400

/* Interfaces on top of one (VLANs, macvlans) that are asked for addresses. */
#define LIMIT_UPPERS 16

/* Among more ports than this, tcx is not the first choice (isolation.h). */
#define LIMIT_TCX_PORTS 16

/* VIDs that one port translates. Looked through for each of its tagged frames. */
#define LIMIT_VLAN_TRANSLATIONS 64

/* The control socket. */
#define LIMIT_CTL_CLIENTS         64
#define LIMIT_CTL_CLIENTS_PER_UID 16
#define LIMIT_CTL_REQUEST_BYTES   (64u << 10)
#define LIMIT_CTL_QUEUE_BYTES     (1u << 20)
#define LIMIT_CTL_TIMEOUT_NS      UINT64_C(5000000000) /* a request to arrive, a client to read */

/* For another instance, which answers nobody, to end. The kernel takes some seconds for one that
 * was killed and had many rings; a service manager gives a start a minute or more. */
#define LIMIT_CTL_PATIENCE_NS UINT64_C(15000000000)

/* Scrapes at one time, over the control socket and over HTTP each; who comes later waits or is told
 * to. A request is a few hundred bytes. */
#define LIMIT_METRICS_SCRAPES       8
#define LIMIT_METRICS_REQUEST_BYTES (8u << 10)
#define LIMIT_METRICS_REQUEST_NS    UINT64_C(5000000000) /* for it to arrive, for some to be read */
#define LIMIT_METRICS_PATIENCE_NS   UINT64_C(250000000)  /* for it to arrive while others wait */
#define LIMIT_METRICS_ANSWER_NS     UINT64_C(30000000000) /* for all of the answer to be read */

#endif
