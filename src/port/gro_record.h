/* SPDX-License-Identifier: ISC */
#ifndef SRC_PORT_GRO_RECORD_H
#define SRC_PORT_GRO_RECORD_H

#include "ringspan/gro.h"

/* What interfaces were like before ports changed them, in files; see gro.h. */

/** True, with what it was, if there is a record of this boot. */
bool gro_record_read(const struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex,
                     bool *ret_was_on);
/** Whole or not at all. 0 or -errno. */
int gro_record_write(struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex, bool was_on);
void gro_record_remove(const struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex);
/** Calls @fn for each record of @netns, which may remove it. Records of an earlier boot go. Returns
 * how many there are of other namespaces. */
uint32_t gro_record_each(struct gro_keeper *keeper, uint64_t netns,
                         void (*fn)(struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex,
                                    bool was_on));

#endif
