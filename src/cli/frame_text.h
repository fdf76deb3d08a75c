/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_FRAME_TEXT_H
#define RINGSPAN_FRAME_TEXT_H

#include <stdint.h>
#include <stdio.h>

/*
 * Frame text: a frame in half a line, for people: from whom to whom, its tags, and what it carries
 * as far as that is said at a glance. The bytes may be anything, and end anywhere.
 */

void frame_text_write(FILE *out, const uint8_t *bytes, uint32_t len);

#endif
