/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_MAC_H
#define RINGSPAN_MAC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Mac: a 48-bit address as a number.
 *
 * An address is kept in the low 48 bits of a uint64_t, first byte on the wire highest, so that
 * comparing, hashing and packing it beside a VLAN id are one instruction each. Bytes are assembled
 * explicitly: nothing depends on alignment or on the byte order of the machine.
 */

#define MAC_STRING_SIZE 18 /* "02:00:00:00:00:01" and its NUL */
#define MAC_BROADCAST   UINT64_C(0xffffffffffff)

static inline uint64_t mac_load(const uint8_t *bytes)
{
    return (uint64_t)bytes[0] << 40 | (uint64_t)bytes[1] << 32 | (uint64_t)bytes[2] << 24 |
           (uint64_t)bytes[3] << 16 | (uint64_t)bytes[4] << 8 | (uint64_t)bytes[5];
}

static inline void mac_store(uint64_t mac, uint8_t *ret_bytes)
{
    for (int i = 0; i < 6; i++)
        ret_bytes[i] = (uint8_t)(mac >> (40 - 8 * i));
}

/** Group bit set: multicast or broadcast. */
static inline bool mac_is_group(uint64_t mac)
{
    return mac >> 40 & 1;
}

/** Writes "02:00:00:00:00:01"; returns @ret_string. */
const char *mac_format(uint64_t mac, char ret_string[MAC_STRING_SIZE]);
/** Exactly six colon-separated pairs of hex digits, any case. False, and *ret_mac untouched,
 * otherwise. */
bool mac_parse(const char *string, uint64_t *ret_mac);

#endif
