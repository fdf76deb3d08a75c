/* SPDX-License-Identifier: ISC */
#include "traffic_track.h"

#include <stdbool.h>
#include <string.h>

static uint64_t *word_of(struct traffic_track *track, uint32_t seq)
{
    return &track->seen[seq % TRAFFIC_WINDOW / 64];
}

static uint64_t bit_of(uint32_t seq)
{
    return UINT64_C(1) << (seq % 64);
}

void traffic_track_init(struct traffic_track *track, uint32_t first)
{
    memset(track, 0, sizeof(*track));
    track->next = first;
    /* What was never sent counts as seen: nothing older than the first can be new. */
    memset(track->seen, 0xff, sizeof(track->seen));
}

/* The window moves on to end behind @seq; the numbers that were skipped may still come. */
static void advance(struct traffic_track *track, uint32_t seq)
{
    if (seq - track->next >= TRAFFIC_WINDOW)
        memset(track->seen, 0, sizeof(track->seen));
    else
        for (uint32_t i = track->next; i != seq; i++)
            *word_of(track, i) &= ~bit_of(i);
    *word_of(track, seq) |= bit_of(seq);
    track->next = seq + 1;
    track->received++;
}

void traffic_track_take(struct traffic_track *track, uint32_t seq)
{
    if ((int32_t)(seq - track->next) >= 0) {
        advance(track, seq);
    } else if (track->next - seq > TRAFFIC_WINDOW) {
        track->late++;
    } else if (*word_of(track, seq) & bit_of(seq)) {
        track->duplicated++;
    } else {
        *word_of(track, seq) |= bit_of(seq);
        track->reordered++;
        track->received++;
    }
}
