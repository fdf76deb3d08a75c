/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CAPTURE_TEXT_H
#define RINGSPAN_CAPTURE_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ringspan/limits.h"

/*
 * Capture text: the blocks of a capture, of the daemon's pcapng, as lines for people, or as an
 * object of JSON per packet. Lines are like those of tcpdump(1), with what became of each frame.
 */

struct capture_text {
    bool shows_bytes; /* in hexadecimal, below each line */
    bool is_json;
    char (*names)[LIMIT_NAME_SIZE]; /* of the interfaces so far */
    uint32_t n_names;
};

/** What a whole block of @len bytes has to say, if anything. False if there was no memory. */
bool capture_text_write(struct capture_text *text, FILE *out, const uint8_t *block, uint32_t len);
void capture_text_fini(struct capture_text *text);

#endif
