/* SPDX-License-Identifier: ISC */
#include "ringspan/latency.h"

#include <errno.h>
#include <stdlib.h>

#define PER_OCTAVE  (1u << LATENCY_MIN_BITS)
#define NOT_SAMPLED 0
#define SAMPLED     1

/* ---- the histogram ---- */

static uint32_t bucket_of(uint64_t ns)
{
    uint64_t below = ns > 0 ? ns - 1 : 0; /* bounds are inclusive */
    uint32_t octave;

    if (below < PER_OCTAVE)
        return (uint32_t)below;
    octave = 63 - (uint32_t)__builtin_clzll(below) - LATENCY_MIN_BITS;
    return (octave << LATENCY_MIN_BITS) + (uint32_t)(below >> octave);
}

uint64_t latency_bound(uint32_t i)
{
    uint32_t octave = i >> LATENCY_MIN_BITS;

    if (octave == 0)
        return i + 1;
    return (uint64_t)(PER_OCTAVE + i % PER_OCTAVE + 1) << (octave - 1);
}

void latency_add(struct latency_histogram *histogram, uint64_t arrival, uint64_t departure)
{
    uint64_t ns = departure - arrival;

    if (arrival > departure || ns > LATENCY_MAX_NS) {
        histogram->skewed++;
        return;
    }
    histogram->count++;
    histogram->sum += ns;
    if (histogram->max < ns)
        histogram->max = ns;
    histogram->buckets[bucket_of(ns)]++;
}

uint64_t latency_percentile(const struct latency_histogram *histogram, uint32_t permille)
{
    /* Rounded up: with ten frames, 990 permille are all ten. */
    uint64_t wanted = histogram->count - histogram->count * (1000 - permille) / 1000;
    uint64_t seen = 0;

    for (uint32_t i = 0; histogram->count > 0 && i < LATENCY_BUCKETS; i++) {
        uint64_t bound = latency_bound(i);

        seen += histogram->buckets[i];
        if (seen >= wanted)
            return bound < histogram->max ? bound : histogram->max;
    }
    return 0;
}

uint64_t latency_count_up_to(const struct latency_histogram *histogram, uint32_t bits)
{
    uint32_t end = (bits - LATENCY_MIN_BITS + 1) << LATENCY_MIN_BITS;
    uint64_t count = 0;

    for (uint32_t i = 0; i < end; i++)
        count += histogram->buckets[i];
    return count;
}

/* ---- the sample ---- */

struct sample {
    uint64_t arrival;
    const struct frame_tally *tally;
    uint32_t last_flush;
};

struct latency {
    uint64_t (*wall)(void);
    uint32_t every;
    uint32_t distance; /* frames that pass before the next that is sampled */
    uint64_t random;
    uint32_t n_samples;
    struct sample samples[LIMIT_RX_BATCH];
    struct frame_tally tallies[LIMIT_RX_BATCH]; /* by the frame's place in the batch */
    struct latency_histogram histogram;
    uint64_t departures[]; /* by flush: SAMPLED, and then the time */
};

/* From 0 to 2 * (every - 1), all as likely (Marsaglia's xorshift64). */
static uint32_t draw_distance(struct latency *latency)
{
    latency->random ^= latency->random << 13;
    latency->random ^= latency->random >> 7;
    latency->random ^= latency->random << 17;
    return (uint32_t)((latency->random >> 32) % (2 * (uint64_t)latency->every - 1));
}

int latency_new(uint32_t every, uint32_t max_ports, uint64_t (*wall)(void), struct latency **ret)
{
    struct latency *latency =
        calloc(1, sizeof(*latency) + (max_ports + 1) * sizeof(latency->departures[0]));

    if (!latency)
        return -ENOMEM;
    latency->wall = wall;
    latency->random = UINT64_C(88172645463325252);
    latency_set_every(latency, every);
    *ret = latency;
    return 0;
}

void latency_free(struct latency *latency)
{
    free(latency);
}

uint32_t latency_every(const struct latency *latency)
{
    return latency->every;
}

void latency_set_every(struct latency *latency, uint32_t every)
{
    latency->every = every;
    latency->distance = draw_distance(latency);
}

const struct latency_histogram *latency_histogram(const struct latency *latency)
{
    return &latency->histogram;
}

uint32_t latency_next(struct latency *latency, uint32_t from, uint32_t n)
{
    uint32_t next = from + latency->distance;

    if (latency->distance >= n - from) {
        latency->distance -= n - from;
        return n;
    }
    latency->distance = draw_distance(latency);
    return next;
}

struct frame_tally *latency_tally(struct latency *latency, uint32_t i)
{
    latency->tallies[i] = (struct frame_tally){0};
    return &latency->tallies[i];
}

void latency_note(struct latency *latency, uint64_t arrival, const struct frame_tally *tally,
                  uint32_t last_flush)
{
    latency->samples[latency->n_samples++] =
        (struct sample){.arrival = arrival, .tally = tally, .last_flush = last_flush};
    latency->departures[last_flush] = SAMPLED;
}

void latency_flushed(struct latency *latency, uint32_t flush)
{
    if (latency->departures[flush] != NOT_SAMPLED)
        latency->departures[flush] = latency->wall();
}

void latency_settle(struct latency *latency)
{
    for (uint32_t i = 0; i < latency->n_samples; i++) {
        const struct sample *sample = &latency->samples[i];

        if (sample->tally->frames > 0)
            latency_add(&latency->histogram, sample->arrival,
                        latency->departures[sample->last_flush]);
    }
    for (uint32_t i = 0; i < latency->n_samples; i++)
        latency->departures[latency->samples[i].last_flush] = NOT_SAMPLED;
    latency->n_samples = 0;
}
