/* SPDX-License-Identifier: ISC */
#include "config_rows.h"

/* What a port is told about floods, limits and rates. */

#define FLOOD_SWITCH(key, class, frames)                              \
    {                                                                 \
        .name = (key), .type = CONFIG_BOOLEAN, .default_value = true, \
        .offset = offsetof(struct config_port, policy.flood[class]),  \
        .help = "Whether floods of " frames " leave by the port.",    \
    }

static const struct config_key flood_keys[] = {
    FLOOD_SWITCH("unknown_unicast", FLOOD_UNKNOWN_UNICAST, "frames to addresses nobody knows"),
    FLOOD_SWITCH("multicast", FLOOD_MULTICAST, "frames to group addresses but the broadcast one"),
    FLOOD_SWITCH("broadcast", FLOOD_BROADCAST, "frames to the broadcast address"),
    DESCRIPTION(offsetof(struct config_port, flood_description)),
};

const struct config_object config_flood = {
    .what = "a port's flood",
    .keys = flood_keys,
    .n_keys = N_ELEMENTS(flood_keys),
};

/* Storm control and policing: meters of a port. */

static bool has_meter(const struct config_port *port, enum meter_use use)
{
    return port->meters[use].settings.rate.value > 0;
}

static bool has_broadcast(const void *port)
{
    return has_meter(port, METER_BROADCAST);
}

static bool has_multicast(const void *port)
{
    return has_meter(port, METER_MULTICAST);
}

static bool has_unknown_unicast(const void *port)
{
    return has_meter(port, METER_UNKNOWN_UNICAST);
}

static bool has_ingress(const void *port)
{
    return has_meter(port, METER_INGRESS);
}

static bool has_egress(const void *port)
{
    return has_meter(port, METER_EGRESS);
}

bool config_has_storm_control(const void *port)
{
    return has_broadcast(port) || has_multicast(port) || has_unknown_unicast(port) ||
           ((const struct config_port *)port)->says_storm_control;
}

bool config_has_policing(const void *port)
{
    return has_ingress(port) || has_egress(port) ||
           ((const struct config_port *)port)->says_policing;
}

static const struct config_key meter_keys[] = {
    {
        .name = "rate",
        .type = CONFIG_RATE,
        .required = true,
        .offset = offsetof(struct config_meter, settings.rate),
        .help = "How much passes, like \"1000pps\" or \"10mbit\".",
    },
    {
        .name = "burst",
        .type = CONFIG_BURST,
        .offset = offsetof(struct config_meter, settings.burst),
        .help =
            "How much of it passes at once, like \"100packets\" or \"64KiB\"; if absent, what the "
            "rate brings in 50 ms for storm control, and in 200 ms for policing.",
    },
    DESCRIPTION(offsetof(struct config_meter, description)),
};

static const struct config_object storm_meter_object = {
    .what = "a limit",
    .keys = meter_keys,
    .n_keys = N_ELEMENTS(meter_keys),
    .finish = config_finish_storm_meter,
};

static const struct config_object policing_meter_object = {
    .what = "a limit",
    .keys = meter_keys,
    .n_keys = N_ELEMENTS(meter_keys),
    .finish = config_finish_policing_meter,
};

static const struct config_key storm_control_keys[] = {
    {
        .name = "broadcast",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_BROADCAST]),
        .object = &storm_meter_object,
        .is_set = has_broadcast,
        .help = "Frames to ff:ff:ff:ff:ff:ff.",
    },
    {
        .name = "multicast",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_MULTICAST]),
        .object = &storm_meter_object,
        .is_set = has_multicast,
        .help = "Frames to other group addresses.",
    },
    {
        .name = "unknown_unicast",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_UNKNOWN_UNICAST]),
        .object = &storm_meter_object,
        .is_set = has_unknown_unicast,
        .help = "Frames to the address of one host that the forwarding table does not have.",
    },
    DESCRIPTION(offsetof(struct config_port, storm_control_description)),
};

const struct config_object config_storm_control = {
    .what = "a port's storm_control",
    .keys = storm_control_keys,
    .n_keys = N_ELEMENTS(storm_control_keys),
};

static const struct config_key policing_keys[] = {
    {
        .name = "ingress",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_INGRESS]),
        .object = &policing_meter_object,
        .is_set = has_ingress,
        .help = "What the port takes in.",
    },
    {
        .name = "egress",
        .type = CONFIG_OBJECT,
        .offset = offsetof(struct config_port, meters[METER_EGRESS]),
        .object = &policing_meter_object,
        .is_set = has_egress,
        .help = "What leaves by the port.",
    },
    DESCRIPTION(offsetof(struct config_port, policing_description)),
};

const struct config_object config_policing = {
    .what = "a port's policing",
    .keys = policing_keys,
    .n_keys = N_ELEMENTS(policing_keys),
};

static const char *mac_limit_word(uint32_t i)
{
    return mac_limit_action_name((enum mac_limit_action)i);
}

static const struct config_words mac_limit_words = {.name = mac_limit_word,
                                                    .n = MAC_LIMIT_N_ACTIONS};

static const struct config_key mac_limit_keys[] = {
    {
        .name = "max",
        .type = CONFIG_INTEGER,
        .required = true,
        .min = 1,
        .max = LIMIT_FDB_ENTRIES_MAX,
        .default_value = 0,
        .offset = offsetof(struct config_port, policy.mac_limit.max),
        .help = "How many addresses may be learned behind the port. Static ones do not count.",
    },
    {
        .name = "action",
        .type = CONFIG_WORD,
        .default_value = MAC_LIMIT_DROP,
        .offset = offsetof(struct config_port, policy.mac_limit.action),
        .words = &mac_limit_words,
        .help = "What becomes of frames from one more: dropped, forwarded without being learned, "
                "or the port is shut down.",
    },
    {
        .name = "recovery",
        .type = CONFIG_INTEGER,
        .min = 0,
        .max = LIMIT_RECOVERY_MAX,
        .default_value = LIMIT_RECOVERY_DEFAULT,
        .unit = "seconds",
        .offset = offsetof(struct config_port, policy.mac_limit.recovery),
        .help = "When a port that was shut down is tried again, in seconds; 0: when it is asked "
                "to be up.",
    },
    DESCRIPTION(offsetof(struct config_port, mac_limit_description)),
};

const struct config_object config_mac_limit = {
    .what = "a port's mac_limit",
    .keys = mac_limit_keys,
    .n_keys = N_ELEMENTS(mac_limit_keys),
};

bool config_has_mac_limit(const void *port)
{
    return ((const struct config_port *)port)->policy.mac_limit.max != 0;
}
