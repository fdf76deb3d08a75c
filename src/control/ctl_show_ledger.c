/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"

/*
 * ledger.show: the sums of each bridge, out of one snapshot. The rows of a large bridge take many
 * turns to make, so the snapshot is kept meanwhile, and the names of its ports beside it: the ports
 * themselves may go.
 */

enum direction {
    DIRECTION_IN,
    DIRECTION_OUT,
    DIRECTION_KERNEL,
    N_DIRECTIONS,
};

static const char *const direction_names[] = {"in", "out", "kernel"};
_Static_assert(sizeof(direction_names) / sizeof(*direction_names) == N_DIRECTIONS,
               "a name per direction");

struct ledger_copy {
    struct bridge_ledger ledger;
    char (*names)[LIMIT_NAME_SIZE];
};

static struct ledger_copy *copy_ledger(struct bridge *bridge)
{
    struct ledger_copy *copy = calloc(1, sizeof(*copy));

    if (!copy || bridge_ledger_snapshot(bridge, &copy->ledger) < 0) {
        free(copy);
        return NULL;
    }
    copy->names = calloc(copy->ledger.n_ports + 1, sizeof(*copy->names));
    if (!copy->names) {
        bridge_ledger_fini(&copy->ledger);
        free(copy);
        return NULL;
    }
    for (uint32_t i = 0; i < copy->ledger.n_ports; i++)
        strcpy(copy->names[i], copy->ledger.ports[i]->name);
    return copy;
}

static void drop_copy(struct ctl_walk *walk)
{
    struct ledger_copy *copy = walk->extra;

    if (!copy)
        return;
    bridge_ledger_fini(&copy->ledger);
    free(copy->names);
    free(copy);
    walk->extra = NULL;
}

static void open_row(struct json_writer *writer, const struct bridge *bridge, const char *port,
                     const char *direction, bool balanced)
{
    json_open_object(writer, NULL);
    json_put_string(writer, "master", bridge_name(bridge));
    json_put_string(writer, "port", port);
    json_put_string(writer, "direction", direction);
    json_put_bool(writer, "balanced", balanced);
}

static void put_across(struct json_writer *writer, const struct bridge *bridge,
                       const struct bridge_ledger *ledger)
{
    uint64_t fanout = 0;
    uint64_t decided = 0;

    for (uint32_t i = 0; i < ledger->n_ports; i++) {
        fanout += ledger->snapshots[i].counters.fanout;
        decided += ledger->snapshots[i].counters.decided;
    }
    open_row(writer, bridge, NULL, "across",
             ledger_across_balances(ledger->snapshots, ledger->n_ports, &ledger->retired));
    json_put_u64(writer, "fanout", fanout);
    json_put_u64(writer, "decided", decided);
    json_put_u64(writer, "retired_fanout", ledger->retired.fanout);
    json_put_u64(writer, "retired_decided", ledger->retired.decided);
    json_close_object(writer);
}

static void put_dropped(struct json_writer *writer, const uint64_t dropped[DROP_N_REASONS])
{
    json_put_u64(writer, "dropped_total", ledger_sum_dropped(dropped));
    json_open_object(writer, "dropped");
    for (unsigned i = DROP_NONE + 1; i < DROP_N_REASONS; i++) {
        if (dropped[i])
            json_put_u64(writer, drop_reason_name((enum drop_reason)i), dropped[i]);
    }
    json_close_object(writer);
}

static void put_volume_beside(struct json_writer *writer, const struct ledger_volume *volume)
{
    json_put_u64(writer, "segments", volume->segments);
    json_put_u64(writer, "bytes", volume->bytes);
}

static void put_in(struct json_writer *writer, const struct ledger_snapshot *snapshot)
{
    const struct ledger_port *counters = &snapshot->counters;

    json_put_u64(writer, "received", counters->received.frames);
    put_volume_beside(writer, &counters->received);
    json_put_u64(writer, "unicast", counters->unicast);
    json_put_u64(writer, "flooded", counters->flooded);
    json_put_u64(writer, "consumed", counters->consumed);
    put_dropped(writer, counters->in_dropped);
    json_put_u64(writer, "held_in", snapshot->held_in);
}

static void put_out(struct json_writer *writer, const struct ledger_snapshot *snapshot)
{
    const struct ledger_port *counters = &snapshot->counters;

    json_put_u64(writer, "decided", counters->decided);
    json_put_u64(writer, "originated", counters->originated);
    json_put_u64(writer, "mirrored", counters->mirrored);
    json_put_u64(writer, "duplicated", counters->duplicated);
    json_put_u64(writer, "accepted", counters->accepted.frames);
    put_volume_beside(writer, &counters->accepted);
    put_dropped(writer, counters->out_dropped);
    json_put_u64(writer, "held_out", snapshot->held_out);
}

static void put_kernel(struct json_writer *writer, const struct ledger_snapshot *snapshot)
{
    const struct ledger_port *counters = &snapshot->counters;

    json_put_u64(writer, "tp_packets", counters->tp_packets);
    json_put_u64(writer, "received", counters->received.frames);
    json_put_u64(writer, "tp_drops", counters->tp_drops);
    json_put_u64(writer, "unread", ledger_unread(snapshot));
}

struct direction_view {
    bool (*balances)(const struct ledger_snapshot *snapshot);
    void (*put)(struct json_writer *writer, const struct ledger_snapshot *snapshot);
};

static const struct direction_view views[N_DIRECTIONS] = {
    [DIRECTION_IN] = {ledger_in_balances, put_in},
    [DIRECTION_OUT] = {ledger_out_balances, put_out},
    [DIRECTION_KERNEL] = {ledger_kernel_balances, put_kernel},
};

static enum ctl_row put_port(const struct ctl_walk *walk, const struct bridge *bridge,
                             struct json_writer *writer, uint32_t item)
{
    const struct ledger_copy *copy = walk->extra;
    const struct ledger_snapshot *snapshot = &copy->ledger.snapshots[item / N_DIRECTIONS];
    const char *name = copy->names[item / N_DIRECTIONS];
    enum direction direction = (enum direction)(item % N_DIRECTIONS);

    if (direction == DIRECTION_KERNEL && !snapshot->has_kernel)
        return CTL_ROW_NONE;
    if (*walk->selection.port && strcmp(walk->selection.port, name) != 0)
        return CTL_ROW_NONE;
    open_row(writer, bridge, name, direction_names[direction], views[direction].balances(snapshot));
    views[direction].put(writer, snapshot);
    json_close_object(writer);
    return CTL_ROW_WRITTEN;
}

/* Item 0 is the sum across; then every port has N_DIRECTIONS items. */
static enum ctl_row ledger_step(struct ctl_walk *walk, struct bridge *bridge,
                                struct json_writer *writer)
{
    const struct ledger_copy *copy;
    uint32_t item = walk->item++;

    if (!walk->extra)
        walk->extra = copy_ledger(bridge);
    copy = walk->extra;
    if (!copy)
        return CTL_ROW_ABORT;
    if (item > copy->ledger.n_ports * N_DIRECTIONS)
        return CTL_ROW_END;
    if (item > 0)
        return put_port(walk, bridge, writer, item - 1);
    if (*walk->selection.port)
        return CTL_ROW_NONE;
    put_across(writer, bridge, &copy->ledger);
    return CTL_ROW_WRITTEN;
}

void ctl_show_ledger(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", "port", NULL};
    static const struct ctl_walk walk = {.step = ledger_step, .drop_extra = drop_copy};

    ctl_walk_answer(call, context, params, known, &walk);
}
