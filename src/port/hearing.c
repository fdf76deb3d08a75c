/* SPDX-License-Identifier: ISC */
#include "ringspan/hearing.h"

bool hearing_is_lost(struct hearing *hearing, uint64_t unread, uint32_t n_slots)
{
    bool had_room = hearing->unread + hearing->came < n_slots;
    bool is_lost = hearing->dropped > 0 && had_room;

    *hearing = (struct hearing){.unread = unread};
    return is_lost;
}
