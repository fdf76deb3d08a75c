/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_CTL_SELECTION_H
#define SRC_CONTROL_CTL_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/limits.h"

/*
 * Selection: what a client narrowed its question to.
 */

/* An empty name means all. */
struct ctl_selection {
    char bridge[LIMIT_NAME_SIZE];
    char port[LIMIT_NAME_SIZE];
    bool has_vlan;
    bool has_mac;
    uint16_t vlan;
    uint64_t mac;
};

#endif
