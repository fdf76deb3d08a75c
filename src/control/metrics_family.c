/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "metrics_private.h"
#include "ringspan/clock.h"

/* The table of all families, in the order in which they are told. */

static const char *const type_names[] = {
    [METRICS_COUNTER] = "counter",   [METRICS_GAUGE] = "gauge",         [METRICS_INFO] = "info",
    [METRICS_STATESET] = "stateset", [METRICS_HISTOGRAM] = "histogram",
};

static const char *const sum_names[] = {
    [LEDGER_SUM_IN] = "in",
    [LEDGER_SUM_ACROSS] = "across",
    [LEDGER_SUM_OUT] = "out",
    [LEDGER_SUM_KERNEL] = "kernel",
};

_Static_assert(sizeof(type_names) / sizeof(*type_names) == METRICS_HISTOGRAM + 1,
               "a name for each type");
_Static_assert(sizeof(sum_names) / sizeof(*sum_names) == LEDGER_N_SUMS, "a name for each sum");

const char *metrics_type_name(enum metrics_type type)
{
    return type_names[type];
}

static void add_label(struct metrics_sample *sample, const char *name, const char *value)
{
    sample->labels[sample->n_labels++] = (struct metrics_label){name, value};
}

/* A reason of the other direction is told if it was counted all the same: nothing is hidden. */
static bool get_drop(const uint64_t *dropped, uint32_t i, bool is_of_egress,
                     struct metrics_sample *ret)
{
    enum drop_reason reason = (enum drop_reason)i;

    if (reason == DROP_NONE ||
        (drop_reason_is_of_egress(reason) != is_of_egress && dropped[i] == 0))
        return false;
    ret->value = dropped[i];
    add_label(ret, "reason", drop_reason_name(reason));
    add_label(ret, "class", drop_class_name(drop_reason_class(reason)));
    return true;
}

static bool get_in_drop(const void *at, uint32_t i, struct metrics_sample *ret)
{
    return get_drop(at, i, false, ret);
}

static bool get_out_drop(const void *at, uint32_t i, struct metrics_sample *ret)
{
    return get_drop(at, i, true, ret);
}

static bool get_state(const void *at, uint32_t i, struct metrics_sample *ret)
{
    enum port_state state = *(const enum port_state *)at;

    ret->value = i == (uint32_t)state;
    add_label(ret, "ringspan_port_state", port_state_name((enum port_state)i));
    return true;
}

enum reserved_result {
    RESERVED_WAS_FORWARDED,
    RESERVED_WAS_DROPPED,
    RESERVED_WAS_CONSUMED,
    RESERVED_N_RESULTS,
};

static bool get_reserved(const void *at, uint32_t i, struct metrics_sample *ret)
{
    static const char *const names[RESERVED_N_RESULTS] = {"forwarded", "dropped", "consumed"};
    const struct reserved_counters *counters = at;
    uint32_t protocol = i / RESERVED_N_RESULTS;
    uint32_t result = i % RESERVED_N_RESULTS;
    const uint64_t values[RESERVED_N_RESULTS] = {
        [RESERVED_WAS_FORWARDED] = counters[protocol].forwarded,
        [RESERVED_WAS_DROPPED] = counters[protocol].dropped,
        [RESERVED_WAS_CONSUMED] = counters[protocol].consumed,
    };

    ret->value = values[result];
    add_label(ret, "protocol", reserved_protocol_name((enum reserved_protocol)protocol));
    add_label(ret, "result", names[result]);
    return true;
}

static bool get_imbalance(const void *at, uint32_t i, struct metrics_sample *ret)
{
    ret->value = ((const uint64_t *)at)[i];
    add_label(ret, "sum", sum_names[i]);
    return true;
}

/* Bounds are the powers of two from a microsecond to a second, or what is next to them; a text is
 * what Go, and so Prometheus, makes of the number. */
#define FIRST_BOUND 10
#define LAST_BOUND  30
#define N_BOUNDS    (LAST_BOUND - FIRST_BOUND + 1)

static void get_bucket(const struct latency_histogram *histogram, uint32_t bits,
                       struct metrics_sample *ret)
{
    bool is_last = bits > LAST_BOUND;

    ret->suffix = "_bucket";
    ret->value = is_last ? histogram->count : latency_count_up_to(histogram, bits);
    if (is_last)
        strcpy(ret->bound, "+Inf");
    else
        snprintf(ret->bound, sizeof(ret->bound), "%.10g",
                 (double)(UINT64_C(1) << bits) / NS_PER_SEC);
    add_label(ret, "le", ret->bound);
}

static bool get_latency(const void *at, uint32_t i, struct metrics_sample *ret)
{
    const struct metrics_bridge *bridge = at;

    ret->per_unit = 1;
    if (i <= N_BOUNDS) {
        get_bucket(&bridge->latency, FIRST_BOUND + i, ret);
    } else if (i == N_BOUNDS + 1) {
        ret->suffix = "_count";
        ret->value = bridge->latency.count;
    } else {
        ret->suffix = "_sum";
        ret->value = bridge->latency.sum;
        ret->per_unit = NS_PER_SEC;
    }
    return bridge->has_latency;
}

static bool get_port_info(const void *at, uint32_t i, struct metrics_sample *ret)
{
    const struct metrics_port *port = at;

    ret->value = 1;
    add_label(ret, "ifname", port->ifname);
    add_label(ret, "type", port->type);
    return true;
}

static bool get_build_info(const void *at, uint32_t i, struct metrics_sample *ret)
{
    ret->value = 1;
    add_label(ret, "version", RINGSPAN_VERSION);
    return true;
}

static bool get_trigger(const void *at, uint32_t i, struct metrics_sample *ret)
{
    ret->value = ((const uint64_t *)at)[i];
    add_label(ret, "trigger", recorder_trigger_name(i));
    return true;
}

static const struct metrics_variants in_drops = {"reason, class", DROP_N_REASONS, get_in_drop};
static const struct metrics_variants out_drops = {"reason, class", DROP_N_REASONS, get_out_drop};
static const struct metrics_variants states = {"ringspan_port_state", PORT_N_STATES, get_state};
static const struct metrics_variants reserved = {
    "protocol, result", RESERVED_N_PROTOCOLS *RESERVED_N_RESULTS, get_reserved};
static const struct metrics_variants imbalances = {"sum", LEDGER_N_SUMS, get_imbalance};
static const struct metrics_variants latency = {"", N_BOUNDS + 3, get_latency};
static const struct metrics_variants port_info = {"ifname, type", 1, get_port_info};
static const struct metrics_variants triggers = {"trigger", RECORDER_N_TRIGGERS, get_trigger};
static const struct metrics_variants build_info = {"version", 1, get_build_info};

#define FAMILY(scope_, record, name_, type_, unit_, member, variants_, help_)              \
    {                                                                                      \
        .name = (name_), .type = METRICS_##type_, .unit = (unit_), .help = (help_),        \
        .scope = METRICS_OF_##scope_, .offset = offsetof(struct metrics_##record, member), \
        .variants = (variants_),                                                           \
    }
#define OF_PORT(name, type, unit, member, help) \
    FAMILY(PORT, port, "ringspan_port_" name, type, unit, member, NULL, help)
#define OF_BRIDGE(name, type, member, help) \
    FAMILY(BRIDGE, bridge, "ringspan_bridge_" name, type, NULL, member, NULL, help)
#define OF_MIRROR(name, unit, member, help) \
    FAMILY(MIRROR, mirror, "ringspan_mirror_" name, COUNTER, unit, counters.member, NULL, help)
#define OF_VLAN(name, type, unit, member, help) \
    FAMILY(VLAN, vlan, "ringspan_vlan_" name, type, unit, member, NULL, help)
#define OF_DAEMON(name, type, unit, member, help) \
    FAMILY(DAEMON, daemon, name, type, unit, member, NULL, help)

/* clang-format off */
static const struct metrics_family families[] = {
    FAMILY(PORT, port, "ringspan_port", INFO, NULL, name[0], &port_info,
           "The interface behind the port, empty while there is none, and the port's type."),
    FAMILY(PORT, port, "ringspan_port_state", STATESET, NULL, state, &states,
           "The state of the port."),
    OF_PORT("admin_up", GAUGE, NULL, admin_up,
            "1 if the port is asked to take part, 0 if it was taken out."),
    OF_PORT("mtu_bytes", GAUGE, "bytes", mtu, "MTU of the interface behind the port."),
    OF_PORT("ring_bytes", GAUGE, "bytes", ring_bytes, "Memory of the port's rings."),
    OF_PORT("receive_packets", COUNTER, NULL, ledger.received.frames,
            "Frames that were read from the port's ring. A superframe is one."),
    OF_PORT("receive_segments", COUNTER, NULL, ledger.received.segments,
            "The same in frames on a wire: a superframe is as many as it stands for."),
    OF_PORT("receive_bytes", COUNTER, "bytes", ledger.received.bytes,
            "Bytes of the frames that were read from the port's ring, tags included."),
    OF_PORT("receive_unicast_packets", COUNTER, NULL, ledger.unicast,
            "Frames from the port that went to the one port where their destination is."),
    OF_PORT("receive_flooded_packets", COUNTER, NULL, ledger.flooded,
            "Frames from the port that were flooded."),
    OF_PORT("receive_consumed_packets", COUNTER, NULL, ledger.consumed,
            "Frames from the port that the bridge took for itself."),
    FAMILY(PORT, port, "ringspan_port_receive_drop", COUNTER, NULL, ledger.in_dropped, &in_drops,
           "Frames from the port that went nowhere. Class filtered: the rules say so; lost: they "
           "should have crossed."),
    OF_PORT("receive_held_packets", GAUGE, NULL, held_in,
            "Frames from the port that wait for a decision."),
    OF_PORT("fanout_packets", COUNTER, NULL, ledger.fanout,
            "Copies for other ports that frames from the port were decided to make."),
    OF_PORT("transmit_decided_packets", COUNTER, NULL, ledger.decided,
            "Copies that were decided for the port."),
    OF_PORT("transmit_originated_packets", COUNTER, NULL, ledger.originated,
            "Frames that the egress made itself, such as segments of a superframe that it cut."),
    OF_PORT("transmit_mirrored_packets", COUNTER, NULL, ledger.mirrored,
            "Copies that mirrors sent to the port."),
    OF_PORT("transmit_duplicated_packets", COUNTER, NULL, ledger.duplicated,
            "Copies that were made twice on purpose."),
    OF_PORT("transmit_packets", COUNTER, NULL, ledger.accepted.frames,
            "Frames that the kernel accepted for the interface. A superframe is one."),
    OF_PORT("transmit_segments", COUNTER, NULL, ledger.accepted.segments,
            "The same in frames on a wire: a superframe is as many as it stands for."),
    OF_PORT("transmit_bytes", COUNTER, "bytes", ledger.accepted.bytes,
            "Bytes of the frames that the kernel accepted, tags included."),
    FAMILY(PORT, port, "ringspan_port_transmit_drop", COUNTER, NULL, ledger.out_dropped, &out_drops,
           "Copies for the port that the kernel did not get or did not accept. Class filtered: the "
           "rules say so; lost: they should have left."),
    OF_PORT("transmit_held_packets", GAUGE, NULL, held_out,
            "Copies for the port that wait to be sent."),
    OF_PORT("kernel_packets", COUNTER, NULL, kernel_packets,
            "Frames that the kernel had for the port's ring."),
    OF_PORT("kernel_drop", COUNTER, NULL, kernel_drops,
            "Frames of these that the kernel dropped because the ring was full."),
    OF_PORT("kernel_unread_packets", GAUGE, NULL, kernel_unread,
            "Frames in the port's ring that were not read yet."),
    FAMILY(PORT, port, "ringspan_port_reserved_packets", COUNTER, NULL, reserved, &reserved,
           "What became of frames to reserved addresses that arrived on the port."),
    OF_PORT("fdb_entries", GAUGE, NULL, fdb_entries,
            "Addresses that the port holds, but for static ones."),
    OF_PORT("fdb_moved_in", COUNTER, NULL, fdb.moved_in,
            "Addresses that came to the port from another one."),
    OF_PORT("fdb_moved_out", COUNTER, NULL, fdb.moved_out,
            "Addresses that left the port for another one."),
    OF_PORT("fdb_refused_limits", COUNTER, NULL, fdb.refused_limits,
            "Addresses that were not learned because the port has its mac_limit."),

    OF_VLAN("ports", GAUGE, NULL, n_ports, "Ports in the VLAN."),
    OF_VLAN("receive_packets", COUNTER, NULL, counters.rx_packets,
            "Frames that came into the VLAN, on any port."),
    OF_VLAN("receive_bytes", COUNTER, "bytes", counters.rx_bytes,
            "Bytes of the frames that came into the VLAN, tags included."),
    OF_VLAN("transmit_packets", COUNTER, NULL, counters.tx_packets,
            "Copies of them that ports accepted for sending. A superframe is one."),
    OF_VLAN("transmit_bytes", COUNTER, "bytes", counters.tx_bytes,
            "Bytes of these copies, tags included."),

    OF_MIRROR("selected_packets", NULL, selected, "Frames that the mirror was to copy."),
    OF_MIRROR("transmit_packets", NULL, packets,
              "Copies of them that the kernel accepted. A superframe is one."),
    OF_MIRROR("transmit_bytes", "bytes", bytes, "Bytes of these copies, tags included."),
    OF_MIRROR("transmit_drop", NULL, dropped,
              "Copies that were not accepted, and frames that had nowhere to go."),

    OF_BRIDGE("ports", GAUGE, n_ports, "Ports of the bridge."),
    OF_BRIDGE("fdb_entries", GAUGE, fdb_entries,
              "Entries of the forwarding table that occupy memory, expired ones included."),
    OF_BRIDGE("fdb_max_entries", GAUGE, fdb_max_entries, "Entries that there is room for."),
    OF_BRIDGE("fdb_static_entries", GAUGE, fdb_static, "Entries of these that are static."),
    OF_BRIDGE("fdb_inserted", COUNTER, fdb.inserted, "Addresses that were learned."),
    OF_BRIDGE("fdb_moved", COUNTER, fdb.moved, "Addresses that moved from one port to another."),
    OF_BRIDGE("fdb_expired", COUNTER, fdb.expired,
              "Addresses that nothing came from for the aging time, counted when reclaimed."),
    OF_BRIDGE("fdb_evicted", COUNTER, fdb.evicted,
              "Addresses that made room for others in a full table."),
    OF_BRIDGE("fdb_flushed", COUNTER, fdb.flushed,
              "Addresses that were forgotten because their port left, or by command."),
    OF_BRIDGE("fdb_refused_moves", COUNTER, fdb.refused_moves,
              "Moves that were refused: the address is static, sticky or held."),
    OF_BRIDGE("fdb_refused_inserts", COUNTER, fdb.refused_inserts,
              "Addresses that were not learned because all entries are static."),
    OF_BRIDGE("fdb_refused_limits", COUNTER, fdb.refused_limits,
              "Addresses that were not learned because their port has its mac_limit."),
    OF_BRIDGE("fdb_held", COUNTER, fdb.held,
              "How often an address was held because it moved too often."),
    FAMILY(BRIDGE, bridge, "ringspan_bridge_latency_seconds", HISTOGRAM, "seconds", name[0],
           &latency,
           "How long a sample of the frames was in the bridge, from the ring's timestamp until the "
           "last copy was sent. Absent without `latency` in the configuration, as the next."),
    OF_BRIDGE("latency_skewed_packets", COUNTER, latency_skewed,
              "Frames of the sample that are not in it: the clock was set meanwhile."),
    FAMILY(BRIDGE, bridge, "ringspan_bridge_ledger_imbalances", GAUGE, NULL, imbalances,
           &imbalances,
           "Sums of the ledger that do not hold, over the bridge's ports: 0, or there is a bug."),

    OF_DAEMON("ringspan_bridges", GAUGE, NULL, n_bridges, "Bridges of the daemon."),
    OF_DAEMON("ringspan_ready", GAUGE, NULL, ready, "1 once every port has been looked at."),
    OF_DAEMON("ringspan_netlink_events", COUNTER, NULL, netlink.events,
              "Changes of links that the kernel told of."),
    OF_DAEMON("ringspan_netlink_overruns", COUNTER, NULL, netlink.overruns,
              "How often it lost some, and everything was read again."),
    OF_DAEMON("ringspan_netlink_dumps", COUNTER, NULL, netlink.dumps,
              "How often all links were read."),
    OF_DAEMON("ringspan_netlink_interrupted_dumps", COUNTER, NULL, netlink.interrupted_dumps,
              "Dumps of these that had to be repeated."),
    OF_DAEMON("ringspan_loop_turns", COUNTER, NULL, loop.turns, "Turns of the event loop."),
    OF_DAEMON("ringspan_loop_descriptors", COUNTER, NULL, loop.descriptors,
              "Ready descriptors that it saw to."),
    OF_DAEMON("ringspan_loop_timers", COUNTER, NULL, loop.timers, "Timers that went off in it."),
    OF_DAEMON("ringspan_recorder_frozen", GAUGE, NULL, recorder_frozen,
              "1 while the recorder keeps what it has until it is armed; absent without one."),
    FAMILY(DAEMON, daemon, "ringspan_recorder_triggers", COUNTER, NULL, recorder_counts, &triggers,
           "How often the recorder was frozen by the trigger."),
    FAMILY(DAEMON, daemon, "ringspan_build", INFO, NULL, ready, &build_info,
           "The version of the daemon."),
    OF_DAEMON("process_cpu_seconds", COUNTER, "seconds", cpu_us,
              "CPU time of the daemon, in user space and in the kernel."),
    OF_DAEMON("process_resident_memory_bytes", GAUGE, "bytes", resident_bytes,
              "Memory of the daemon that is in RAM, rings included."),
    OF_DAEMON("process_virtual_memory_bytes", GAUGE, "bytes", virtual_bytes,
              "Address space of the daemon."),
    OF_DAEMON("process_open_fds", GAUGE, NULL, open_fds, "Descriptors that it has."),
    OF_DAEMON("process_max_fds", GAUGE, NULL, max_fds, "Descriptors that it may have."),
    OF_DAEMON("process_start_time_seconds", GAUGE, "seconds", started_us,
              "When it began, in seconds since 1970."),
};
/* clang-format on */

const struct metrics_family *metrics_families(uint32_t *ret_n)
{
    *ret_n = sizeof(families) / sizeof(*families);
    return families;
}

void metrics_family_labels(const struct metrics_family *family, char *ret_text, size_t size)
{
    static const char *const of_scope[] = {
        [METRICS_OF_DAEMON] = "",
        [METRICS_OF_BRIDGE] = "bridge",
        [METRICS_OF_PORT] = "bridge, port",
        [METRICS_OF_VLAN] = "bridge, vlan",
        [METRICS_OF_MIRROR] = "bridge, mirror",
    };
    const char *own = family->variants ? family->variants->labels : "";
    const char *scope = of_scope[family->scope];

    snprintf(ret_text, size, "%s%s%s", scope, *scope && *own ? ", " : "", own);
}
