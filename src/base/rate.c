/* SPDX-License-Identifier: ISC */
#include "ringspan/rate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_SECOND   1000
#define BURST_VALUE_MAX UINT64_C(999999999) /* of bytes and packets alike */

/* A text's unit, what one of it is, and how many digits can stand before it. */
struct unit {
    const char *name;
    uint64_t factor;
    size_t max_digits;
    enum rate_unit unit;
};

/* Of one kind, from the largest on; ends without a name. */
static const struct unit rate_units[] = {
    {"gbit", 1000000000, 3, RATE_BITS}, {"mbit", 1000000, 6, RATE_BITS},
    {"kbit", 1000, 9, RATE_BITS},       {"bit", 1, 12, RATE_BITS},
    {"pps", 1, 9, RATE_PACKETS},        {NULL, 0, 0, RATE_PACKETS},
};

static const struct unit burst_units[] = {
    {"MiB", 1 << 20, 3, RATE_BITS},  {"KiB", 1 << 10, 6, RATE_BITS}, {"B", 1, 9, RATE_BITS},
    {"packets", 1, 9, RATE_PACKETS}, {NULL, 0, 0, RATE_PACKETS},
};

static const struct unit *parse(const char *text, const struct unit *units, uint64_t *ret_value)
{
    size_t n_digits = strspn(text, "0123456789");

    if (n_digits == 0 || text[0] == '0')
        return NULL;
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcmp(text + n_digits, unit->name) == 0 && n_digits <= unit->max_digits) {
            *ret_value = strtoull(text, NULL, 10) * unit->factor;
            return unit;
        }
    }
    return NULL;
}

bool rate_parse(const char *text, struct rate *ret_rate)
{
    uint64_t value;
    const struct unit *unit = parse(text, rate_units, &value);

    if (unit)
        *ret_rate = (struct rate){.value = value, .unit = unit->unit};
    return unit != NULL;
}

bool burst_parse(const char *text, struct burst *ret_burst)
{
    uint64_t value;
    const struct unit *unit = parse(text, burst_units, &value);

    if (unit)
        *ret_burst = (struct burst){.value = value, .unit = unit->unit};
    return unit != NULL;
}

static const char *format(uint64_t value, enum rate_unit kind, const struct unit *units,
                          char ret_text[RATE_STRING_SIZE])
{
    const struct unit *unit = units;

    while (unit->unit != kind || value % unit->factor != 0)
        unit++;
    snprintf(ret_text, RATE_STRING_SIZE, "%" PRIu64 "%s", value / unit->factor, unit->name);
    return ret_text;
}

const char *rate_format(struct rate rate, char ret_text[RATE_STRING_SIZE])
{
    return format(rate.value, rate.unit, rate_units, ret_text);
}

const char *burst_format(struct burst burst, char ret_text[RATE_STRING_SIZE])
{
    return format(burst.value, burst.unit, burst_units, ret_text);
}

bool rate_equals(struct rate a, struct rate b)
{
    return a.value == b.value && a.unit == b.unit;
}

bool burst_equals(struct burst a, struct burst b)
{
    return a.value == b.value && a.unit == b.unit;
}

struct burst burst_of(struct rate rate, uint32_t ms)
{
    uint64_t divisor = MS_PER_SECOND * (rate.unit == RATE_BITS ? UINT64_C(8) : 1);
    uint64_t value = (rate.value * ms + divisor - 1) / divisor;

    return (struct burst){.value = value < BURST_VALUE_MAX ? value : BURST_VALUE_MAX,
                          .unit = rate.unit};
}
