/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "ctl_show.h"

/* fdb.flush: forgetting what was learned, some of it per turn of the loop. */

#define FLUSH_BUDGET 16 /* per step: a microsecond or two */

#define FLUSH_DONE UINT32_MAX

/* Where the selected port was in the step before, it is usually still: looking through thousands of
 * ports would cost more than the step. */
static bool find_selected_port(struct ctl_walk *walk, const struct bridge *bridge)
{
    const struct port *port = bridge_port(bridge, walk->port);

    if (!port || strcmp(port->name, walk->selection.port) != 0)
        port = bridge_port_by_name(bridge, walk->selection.port);
    walk->port = port ? port->id : PORT_NONE;
    return port != NULL;
}

static enum ctl_row flush_step(struct ctl_walk *walk, struct bridge *bridge,
                               struct json_writer *writer)
{
    bool has_port = *walk->selection.port;
    struct fdb_filter filter = {
        .has_vid = walk->selection.has_vlan,
        .has_mac = walk->selection.has_mac,
        .vid = walk->selection.vlan,
        .mac = walk->selection.mac,
    };

    if (walk->item == FLUSH_DONE || (has_port && !find_selected_port(walk, bridge)))
        return CTL_ROW_END;
    filter.port = has_port ? walk->port : PORT_NONE;
    if (fdb_flush_some(bridge_fdb(bridge), &filter, daemon_now(walk->daemon), FLUSH_BUDGET,
                       &walk->item, &walk->count))
        return CTL_ROW_NONE;
    json_open_object(writer, NULL);
    json_put_string(writer, "master", bridge_name(bridge));
    json_put_u64(writer, "flushed", walk->count);
    json_close_object(writer);
    walk->item = FLUSH_DONE;
    return CTL_ROW_WRITTEN;
}

void ctl_fdb_flush(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", "port", "vlan", "mac", NULL};
    static const struct ctl_walk walk = {.step = flush_step};

    ctl_walk_answer(call, context, params, known, &walk);
}
