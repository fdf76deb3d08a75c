/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_VLAN_TABLE_H
#define RINGSPAN_VLAN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/frame.h"
#include "ringspan/ledger.h"
#include "ringspan/limits.h"
#include "ringspan/portset.h"
#include "ringspan/vidset.h"
#include "ringspan/vlan.h"

/*
 * VLAN table: which port of a VLAN-aware bridge is in which VLAN, and what its frames wear.
 *
 * A port has one of five modes, with the names that Open vSwitch gives them:
 *
 *   mode             untagged or VID 0 in  tagged in                  out
 *   access           pvid                  dropped                    untagged
 *   trunk            dropped               its VID                    tagged
 *   native_untagged  pvid                  its VID                    pvid untagged, else tagged
 *   native_tagged    pvid                  its VID                    tagged
 *   dot1q_tunnel     pvid, tags and all    payload, whatever it says  payload, nothing added
 *
 * "Its VID" only if the port is a member of that VLAN; a port may translate the VIDs of its tags. A
 * tag is interpreted if it is the outermost one and its TPID is the bridge's ethertype; anything
 * else is payload of an untagged frame. Where it is interpreted, VID 0 is a priority tag, which has
 * a priority and no VLAN, and 4095 is reserved.
 *
 * Inside of the bridge a frame has no tag of its VLAN: vlan_table_classify() says what it is, as
 * a TCI, and vlan_table_dress() makes the frame that leaves by a port out of the one that came.
 * PCP and DEI are in the TCI, so they survive being untagged in between; what a tunnel port adds
 * has both 0. No bytes are moved: a frame's tags stand beside its bytes until the port's edge.
 *
 * Membership is one bit per port and VLAN, in columns of 64 ports: a flood reads one word per
 * 64 ports, and a bridge touches 32 KiB per 64 ports that it has, however many VLANs they are in.
 * It does not depend on the state of ports, so that a link that flaps costs nothing here.
 */

enum vlan_mode {
    VLAN_MODE_ACCESS,
    VLAN_MODE_TRUNK,
    VLAN_MODE_NATIVE_UNTAGGED,
    VLAN_MODE_NATIVE_TAGGED,
    VLAN_MODE_DOT1Q_TUNNEL,
    VLAN_MODE_NONE, /* a port without VLANs: nothing enters and nothing leaves */
};
#define VLAN_N_MODES VLAN_MODE_NONE

/* 802.1Q's acceptable frame types (6.9), for ports that interpret tags. */
enum vlan_frame_types {
    VLAN_FRAMES_ALL,
    VLAN_FRAMES_VLAN_TAGGED,
    VLAN_FRAMES_UNTAGGED_AND_PRIORITY,
    VLAN_N_FRAME_TYPES,
};

/* The TPID of the tags that a bridge interprets. */
enum vlan_ethertype {
    VLAN_ETHERTYPE_8100,
    VLAN_ETHERTYPE_88A8,
    VLAN_ETHERTYPE_9100, /* before 802.1ad; the kernel takes no such tag off, a port's edge does */
    VLAN_N_ETHERTYPES,
};

/*
 * Translation: a VLAN that has another VID in the tags outside of a port. One to one: a VID that
 * stands for another VLAN outside, or is another's inside, stands for nothing else there.
 */
struct vlan_translation {
    uint16_t outside;
    uint16_t inside;
};

struct vlan_translations {
    uint32_t n;
    struct vlan_translation list[LIMIT_VLAN_TRANSLATIONS]; /* zeros behind the last */
};

/* What a port is told about VLANs. */
struct vlan_settings {
    enum vlan_mode mode;
    enum vlan_frame_types acceptable_frame_types;
    uint32_t pvid;         /* 0: none */
    struct vidset allowed; /* of those modes that have it: VIDs inside */
    struct vlan_translations translations;
};

/* What the table keeps of it beside membership. */
struct vlan_port {
    uint8_t mode;
    uint8_t acceptable_frame_types;
    uint16_t pvid;
    struct vlan_translations translations;
};

/* What crossed one VLAN: frames that came into it, and copies that left, counted as the ledger
 * counts received and accepted ones. Bytes are those on the wire, tags included; a superframe is
 * one frame. */
struct vlan_counters {
    uint64_t rx_packets;
    uint64_t rx_bytes;
    uint64_t tx_packets;
    uint64_t tx_bytes;
};

static inline bool vlan_counters_any(const struct vlan_counters *counters)
{
    return counters->rx_packets || counters->tx_packets;
}

struct vlan_table {
    uint16_t ethertype;
    uint32_t max_ports;
    struct vlan_port *ports;        /* by id */
    uint64_t *members;              /* bit id % 64 of members[id / 64 * VID_LIMIT + vid] */
    struct vlan_counters *counters; /* by VID */
    bool floods_some;
    struct vidset flooded; /* VLANs whose addresses are not learned: all is flooded */
};

/* What a frame is to the bridge. */
struct vlan_class {
    enum drop_reason reason; /* DROP_NONE, or why it does not come in */
    uint16_t tci;            /* PCP, DEI and the VID of its VLAN */
    bool pops;               /* the outermost tag said so, and comes off */
};

/** No port is in a VLAN yet. 0 or -ENOMEM. Release with vlan_table_free() (NULL is fine). */
int vlan_table_new(uint16_t ethertype, uint32_t max_ports, struct vlan_table **ret);
void vlan_table_free(struct vlan_table *table);

/** The VLANs that a port with these settings is a member of. */
struct vidset vlan_settings_members(const struct vlan_settings *settings);
/** Whether the mode has a pvid; an allowed list. */
bool vlan_mode_has_pvid(enum vlan_mode mode);
bool vlan_mode_has_allowed(enum vlan_mode mode);
/** Whether it looks at tags. */
bool vlan_mode_interprets(enum vlan_mode mode);
/** Whether @vid is that of a VLAN outside (inside) by one of the translations. */
bool vlan_translates_from(const struct vlan_translations *translations, uint16_t vid);
bool vlan_translates_to(const struct vlan_translations *translations, uint16_t vid);
/** The VLANs that a port leaves when its settings change, and those that some of the frames that
 * were in them are not in any more: untagged ones, as the pvid is another or there is none, or
 * tagged ones, as the VLAN has another VID outside, or none. An entry does not say which frames
 * taught it, so what was learned there may not be true any more. A VLAN that only gains frames is
 * not among them. */
struct vidset vlan_settings_left(const struct vlan_settings *before,
                                 const struct vlan_settings *after);

/** From the next frame on. Cheap enough for a turn of the loop: 4094 bits. Returns what
 * vlan_settings_left() says. */
struct vidset vlan_table_set_port(struct vlan_table *table, port_id port,
                                  const struct vlan_settings *settings);
/** How many ports are members of @vid, all of whose ids are below @id_limit. */
uint32_t vlan_table_n_members(const struct vlan_table *table, uint16_t vid, uint32_t id_limit);
struct vidset vlan_table_members(const struct vlan_table *table, port_id port);

static inline uint64_t vlan_table_word(const struct vlan_table *table, uint16_t vid, uint32_t word)
{
    return table->members[(uint64_t)word * VID_LIMIT + vid];
}

static inline bool vlan_table_has(const struct vlan_table *table, uint16_t vid, port_id port)
{
    return vlan_table_word(table, vid, port / 64u) >> (port % 64u) & 1;
}

/** Of these nothing is learned any more. What was stays in the table, and nobody looks. */
void vlan_table_set_flooded(struct vlan_table *table, const struct vidset *vlans);

static inline bool vlan_table_floods(const struct vlan_table *table, uint16_t vid)
{
    return table->floods_some && vidset_has(&table->flooded, vid);
}

/** What @frame, which is at least an Ethernet header long, is on its ingress port. */
struct vlan_class vlan_table_classify(const struct vlan_table *table, const struct frame *frame);

/** Whether frames of @vid leave @port without its tag. */
bool vlan_table_untags(const struct vlan_table *table, port_id port, uint16_t vid);

/** @frame, classified as @class on its way in, as it leaves by @egress, a member of its VLAN. The
 * bytes are the same ones. */
void vlan_table_dress(const struct vlan_table *table, const struct vlan_class *class,
                      port_id egress, const struct frame *frame, struct frame *ret_frame);

/** The configuration's words. */
const char *vlan_mode_name(enum vlan_mode mode);
const char *vlan_frame_types_name(enum vlan_frame_types types);
/** "0x8100" */
const char *vlan_ethertype_name(enum vlan_ethertype ethertype);
uint16_t vlan_ethertype_tpid(enum vlan_ethertype ethertype);

#endif
