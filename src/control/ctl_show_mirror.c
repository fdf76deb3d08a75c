/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "ctl_show.h"

/* mirror.show: the mirrors of each bridge, what they copy now, and what became of the copies. */

static void put_ports(struct json_writer *writer, const char *key, const struct bridge *bridge,
                      const uint32_t *mirrors_of_ports, uint32_t i)
{
    json_open_array(writer, key);
    for (uint32_t id = 0; id < bridge_id_limit(bridge); id++) {
        const struct port *port = bridge_port(bridge, (port_id)id);

        if (port && mirrors_of_ports[id] >> i & 1)
            json_put_string(writer, NULL, port->name);
    }
    json_close_array(writer);
}

static void put_sources(struct json_writer *writer, const struct mirror *mirror)
{
    if (mirror->n_from == 0) {
        json_put_null(writer, "from");
        return;
    }
    json_open_array(writer, "from");
    for (uint32_t i = 0; i < mirror->n_from; i++) {
        const struct mirror_source *source = &mirror->from[i];

        json_open_object(writer, NULL);
        if (*source->port)
            json_put_string(writer, "port", source->port);
        else
            json_put_string(writer, "match", source->match);
        json_put_string(writer, "direction", mirror_direction_name(source->direction));
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void put_vlans(struct json_writer *writer, const struct mirror *mirror)
{
    uint16_t first;
    uint16_t last = 0;
    char range[16];

    if (!mirror->is_of_vlans) {
        json_put_null(writer, "vlans");
        return;
    }
    json_open_array(writer, "vlans");
    while (vidset_next_range(&mirror->vlans, last + 1u, &first, &last)) {
        snprintf(range, sizeof(range), "%u-%u", first, last);
        if (first == last)
            json_put_u64(writer, NULL, first);
        else
            json_put_string(writer, NULL, range);
    }
    json_close_array(writer);
}

static void put_number_or_null(struct json_writer *writer, const char *key, uint32_t number)
{
    if (number)
        json_put_u64(writer, key, number);
    else
        json_put_null(writer, key);
}

static bool is_ready(const struct bridge *bridge, const struct mirror *mirror)
{
    const struct forward_tables *tables = bridge_tables(bridge);

    if (mirror->vid == VID_NONE)
        return bridge_mirror_port(bridge, mirror) != NULL;
    return tables->vlans && mirror_next_egress(mirror, tables, PORT_NONE, 0) != PORT_NONE;
}

static enum ctl_row mirror_step(struct ctl_walk *walk, struct bridge *bridge,
                                struct json_writer *writer)
{
    const struct mirrors *mirrors = bridge_mirrors(bridge);
    uint32_t i = walk->item++;
    const struct mirror *mirror;

    if (!mirrors || i >= mirrors->n)
        return CTL_ROW_END;
    mirror = &mirrors->list[i];
    json_open_object(writer, NULL);
    json_put_string(writer, "master", bridge_name(bridge));
    json_put_string(writer, "mirror", mirror->name);
    put_sources(writer, mirror);
    put_ports(writer, "ingress", bridge, mirrors->ingress, i);
    put_ports(writer, "egress", bridge, mirrors->egress, i);
    put_vlans(writer, mirror);
    json_put_string(writer, "output_port", mirror->vid == VID_NONE ? mirror->output_port : NULL);
    put_number_or_null(writer, "output_vlan", mirror->vid);
    put_number_or_null(writer, "snaplen", mirror->snaplen);
    json_put_bool(writer, "ready", is_ready(bridge, mirror));
    json_put_u64(writer, "selected", mirror->counters.selected);
    json_put_u64(writer, "packets", mirror->counters.packets);
    json_put_u64(writer, "bytes", mirror->counters.bytes);
    json_put_u64(writer, "dropped", mirror->counters.dropped);
    json_close_object(writer);
    return CTL_ROW_WRITTEN;
}

void ctl_show_mirror(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"bridge", NULL};
    static const struct ctl_walk walk = {.step = mirror_step};

    ctl_walk_answer(call, context, params, known, &walk);
}
