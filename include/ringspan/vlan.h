/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_VLAN_H
#define RINGSPAN_VLAN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * VLAN tags: four bytes that the kernel takes off and that we put back.
 *
 * A packet socket never shows the outer tag in the bytes, whoever put it there: the kernel strips
 * it, for 0x8100 and 0x88a8 alike, and reports TPID and TCI beside the frame. All lengths and
 * checksum offsets are those of the frame without it. So a frame inside the switch is bytes plus a
 * stack of tags, outermost first, and only a port's edge turns the stack into bytes again. The
 * stack has room for two because a port's VLAN mode may push one more on top of the kernel's.
 */

#define VLAN_TAG_SIZE   4
#define VLAN_STACK_SIZE 2
#define VLAN_TPID_C     0x8100 /* 802.1Q C-tag */
#define VLAN_TPID_S     0x88a8 /* 802.1ad S-tag */
#define VLAN_TPID_OLD   0x9100 /* S-tag before 802.1ad; the kernel leaves it in the bytes */
#define VLAN_VID_BITS   0x0fff /* of a TCI */

/* Host byte order. TCI: PCP 3 bits, DEI 1 bit, VID 12 bits. */
struct vlan_tag {
    uint16_t tpid;
    uint16_t tci;
};

static inline uint16_t vlan_vid(struct vlan_tag tag)
{
    return tag.tci & VLAN_VID_BITS;
}

/** Writes the tag's four bytes as they stand on the wire. */
static inline void vlan_tag_store(struct vlan_tag tag, uint8_t *ret_bytes)
{
    ret_bytes[0] = (uint8_t)(tag.tpid >> 8);
    ret_bytes[1] = (uint8_t)tag.tpid;
    ret_bytes[2] = (uint8_t)(tag.tci >> 8);
    ret_bytes[3] = (uint8_t)tag.tci;
}

#endif
