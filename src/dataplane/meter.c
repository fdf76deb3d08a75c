/* SPDX-License-Identifier: ISC */
#include "ringspan/meter.h"

#define BILLION INT64_C(1000000000)

/* More than any superframe that a kernel makes; an offload header can be made up that says more,
 * and a bucket must not owe more than its level can say. */
#define CHARGE_BYTES_MAX (UINT32_C(1) << 26)

const char *meter_use_name(enum meter_use use)
{
    static const char *const names[] = {
        [METER_BROADCAST] = "broadcast",
        [METER_MULTICAST] = "multicast",
        [METER_UNKNOWN_UNICAST] = "unknown_unicast",
        [METER_INGRESS] = "ingress",
        [METER_EGRESS] = "egress",
    };

    _Static_assert(sizeof(names) / sizeof(names[0]) == METER_N_USES, "one name a use");
    return names[use];
}

const char *meter_use_purpose(enum meter_use use)
{
    return use == METER_INGRESS || use == METER_EGRESS ? "policing" : "storm_control";
}

static int64_t full_level(const struct meter_settings *settings)
{
    return (int64_t)settings->burst.value * (settings->rate.unit == RATE_BITS ? 8 : 1) * BILLION;
}

static int64_t level_at(const struct meter *meter, uint64_t now)
{
    int64_t full = full_level(&meter->settings);
    uint64_t missing = (uint64_t)full - (uint64_t)meter->level;
    uint64_t gained;

    if (now <= meter->at)
        return meter->level;
    if (__builtin_mul_overflow(now - meter->at, meter->settings.rate.value, &gained) ||
        gained >= missing)
        return full;
    return (int64_t)((uint64_t)meter->level + gained);
}

bool meter_settings_equal(const struct meter_settings *a, const struct meter_settings *b)
{
    return rate_equals(a->rate, b->rate) && burst_equals(a->burst, b->burst);
}

void meter_set(struct meter *meter, const struct meter_settings *settings, uint64_t now)
{
    if (meter_settings_equal(&meter->settings, settings))
        return;
    meter->settings = *settings;
    meter->level = full_level(settings);
    meter->at = now;
}

bool meter_passes(const struct meter *meter, uint64_t now)
{
    return level_at(meter, now) >= BILLION;
}

void meter_take(struct meter *meter, const struct meter_charge *charge)
{
    uint64_t cost =
        meter->settings.rate.unit == RATE_BITS ? charge->bytes * UINT64_C(8) : charge->packets;

    meter->level = level_at(meter, charge->now) - (int64_t)cost * BILLION;
    if (charge->now > meter->at)
        meter->at = charge->now;
}

struct meter_charge meter_charge_of(const struct frame *frame, uint64_t now)
{
    struct frame_weight weight = frame_weigh(frame);
    struct meter_charge charge = {.packets = weight.segments, .bytes = weight.bytes, .now = now};

    if (weight.segments > 1) {
        uint64_t header = frame_gso_header_len(frame) + frame->n_tags * (uint64_t)VLAN_TAG_SIZE;
        uint64_t bytes = weight.bytes + (weight.segments - 1) * header;

        charge.bytes = bytes < CHARGE_BYTES_MAX ? (uint32_t)bytes : CHARGE_BYTES_MAX;
    }
    return charge;
}

void port_meters_set(struct port_meters *port, const struct meter_settings *settings, uint64_t now)
{
    port->in_use = 0;
    for (uint32_t use = 0; use < METER_N_USES; use++) {
        meter_set(&port->meters[use], &settings[use], now);
        if (settings[use].rate.value > 0)
            port->in_use = (uint8_t)(port->in_use | 1u << use);
    }
}

void port_meters_take(struct port_meters *port, const struct meter_charge *charge)
{
    for (uint32_t use = 0; use < METER_N_USES; use++) {
        if (charge->uses >> use & 1)
            meter_take(&port->meters[use], charge);
    }
}
