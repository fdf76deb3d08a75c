/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_RATE_H
#define RINGSPAN_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Rate: how much in a second, and how much at once, in packets or in bits; as a value and as text.
 *
 *   rate   "1000pps" in packets; "10mbit" in bits, with bit, kbit, mbit, gbit, each a thousand
 *          times the one before: tc's words for them
 *   burst  "100packets"; "64KiB" in bytes, with B, KiB, MiB, each 1024 times the one before
 *
 * A text is a whole number that is not zero, without a leading zero, and its unit, without a blank.
 * A rate is below 1 Tbit/s and 10^9 packets per second. What is written out has the largest unit
 * that fits without a remainder. A value of 0 stands for none.
 */

#define RATE_STRING_SIZE 32

enum rate_unit {
    RATE_PACKETS,
    RATE_BITS,
};

struct rate {
    uint64_t value; /* packets or bits, per second */
    enum rate_unit unit;
};

/* How much may pass at once after a pause: packets, or the bytes of RATE_BITS. */
struct burst {
    uint64_t value;
    enum rate_unit unit;
};

/* The same as the functions, as ECMA 262 regular expressions. */
#define RATE_PATTERN                                                   \
    "^[1-9][0-9]{0,8}pps$|^[1-9][0-9]{0,11}bit$|^[1-9][0-9]{0,8}kbit$" \
    "|^[1-9][0-9]{0,5}mbit$|^[1-9][0-9]{0,2}gbit$"
#define BURST_PATTERN                                                  \
    "^[1-9][0-9]{0,8}packets$|^[1-9][0-9]{0,8}B$|^[1-9][0-9]{0,5}KiB$" \
    "|^[1-9][0-9]{0,2}MiB$"

/** False, and nothing written, if @text is none. */
bool rate_parse(const char *text, struct rate *ret_rate);
bool burst_parse(const char *text, struct burst *ret_burst);

/** Of one that is not 0. Returns @ret_text. */
const char *rate_format(struct rate rate, char ret_text[RATE_STRING_SIZE]);
const char *burst_format(struct burst burst, char ret_text[RATE_STRING_SIZE]);

bool rate_equals(struct rate a, struct rate b);
bool burst_equals(struct burst a, struct burst b);

/** What @rate brings in @ms, at most a second, rounded up; no more than a burst can be. */
struct burst burst_of(struct rate rate, uint32_t ms);

#endif
