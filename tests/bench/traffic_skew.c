/* SPDX-License-Identifier: ISC */
#include "traffic_skew.h"

void traffic_skew_take(struct traffic_skew *skew, uint32_t seq, uint64_t now)
{
    struct traffic_skew_frame *frame = &skew->frames[seq % TRAFFIC_SKEW_WINDOW];

    if (frame->n_copies == 0 || frame->seq != seq)
        *frame = (struct traffic_skew_frame){.first = now, .last = now, .seq = seq};
    if (now < frame->first)
        frame->first = now;
    if (now > frame->last)
        frame->last = now;
    if (++frame->n_copies == skew->n_receivers)
        traffic_times_add(&skew->times, frame->last - frame->first);
}
