/* SPDX-License-Identifier: ISC */
#ifndef JSON_NODES_H
#define JSON_NODES_H

#include <stdint.h>

#include "ringspan/json_scan.h"

/** Fills in `earlier` of all nodes. 0 or -ENOMEM. */
int json_mark_duplicates(struct json_scan *scan, const char *text);
/** The value of four hexadecimal digits. */
uint32_t json_hex4(const char *digits);

#endif
