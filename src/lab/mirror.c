/* SPDX-License-Identifier: ISC */
#include "ringspan/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/glob.h"

/* ---- which there are ---- */

static int compare_sources(const void *a, const void *b)
{
    const struct mirror_source *one = a;
    const struct mirror_source *other = b;

    return strcmp(one->port, other->port);
}

static void add_sources(struct mirror *mirror, const struct mirror_settings *settings, bool ports)
{
    for (uint32_t i = 0; i < settings->n_from; i++) {
        const struct mirror_source *source = &settings->from[i];

        if ((*source->port != '\0') != ports)
            continue;
        mirror->from[mirror->n_from] = *source;
        if (source->direction == MIRROR_N_DIRECTIONS)
            mirror->from[mirror->n_from].direction = settings->direction;
        mirror->n_from++;
    }
}

static void set_sources(struct mirror *mirror, const struct mirror_settings *settings)
{
    add_sources(mirror, settings, true);
    mirror->n_from_ports = mirror->n_from;
    qsort(mirror->from, mirror->n_from_ports, sizeof(*mirror->from), compare_sources);
    add_sources(mirror, settings, false);
}

static int mirror_init(struct mirror *mirror, const struct mirror_settings *settings)
{
    const struct vidset all = vidset_all();

    mirror->from = calloc(settings->n_from + 1, sizeof(*mirror->from));
    if (!mirror->from)
        return -ENOMEM;
    memcpy(mirror->name, settings->name, sizeof(mirror->name));
    memcpy(mirror->output_port, settings->output_port, sizeof(mirror->output_port));
    mirror->port = PORT_NONE;
    mirror->vid = (uint16_t)settings->output_vlan;
    mirror->vlans = settings->vlans;
    mirror->is_of_vlans = !vidset_equals(&settings->vlans, &all);
    mirror->snaplen = settings->snaplen;
    mirror->direction = settings->direction;
    set_sources(mirror, settings);
    return 0;
}

int mirrors_new(const struct mirror_settings *settings, uint32_t n, uint32_t max_ports,
                struct mirrors **ret)
{
    struct mirrors *mirrors = calloc(1, sizeof(*mirrors));
    int r = 0;

    if (!mirrors)
        return -ENOMEM;
    mirrors->max_ports = max_ports;
    mirrors->ingress = calloc(max_ports, sizeof(*mirrors->ingress));
    mirrors->egress = calloc(max_ports, sizeof(*mirrors->egress));
    if (!mirrors->ingress || !mirrors->egress)
        r = -ENOMEM;
    while (r == 0 && mirrors->n < n) {
        r = mirror_init(&mirrors->list[mirrors->n], &settings[mirrors->n]);
        mirrors->n += r == 0;
    }
    if (r < 0)
        mirrors_free(mirrors);
    else
        *ret = mirrors;
    return r;
}

void mirrors_free(struct mirrors *mirrors)
{
    if (!mirrors)
        return;
    for (uint32_t i = 0; i < mirrors->n; i++)
        free(mirrors->list[i].from);
    free(mirrors->egress);
    free(mirrors->ingress);
    free(mirrors);
}

void mirrors_succeed(struct mirrors *mirrors, const struct mirrors *before)
{
    for (uint32_t i = 0; i < mirrors->n; i++) {
        for (uint32_t k = 0; before && k < before->n; k++) {
            if (strcmp(mirrors->list[i].name, before->list[k].name) == 0)
                mirrors->list[i].counters = before->list[k].counters;
        }
    }
}

/* ---- which ports they have ---- */

static bool is_output(const struct mirrors *mirrors, const char *name)
{
    uint32_t i = 0;

    while (i < mirrors->n && strcmp(mirrors->list[i].output_port, name) != 0)
        i++;
    return i < mirrors->n;
}

/* MIRROR_N_DIRECTIONS: neither. */
static enum mirror_direction direction_of(const struct mirror *mirror, const char *name)
{
    struct mirror_source wanted = {.direction = MIRROR_N_DIRECTIONS};
    const struct mirror_source *found;

    if (mirror->n_from == 0)
        return mirror->direction;
    snprintf(wanted.port, sizeof(wanted.port), "%s", name);
    found = bsearch(&wanted, mirror->from, mirror->n_from_ports, sizeof(wanted), compare_sources);
    for (uint32_t i = mirror->n_from_ports; !found && i < mirror->n_from; i++) {
        if (glob_matches(mirror->from[i].match, name))
            found = &mirror->from[i];
    }
    return found ? found->direction : MIRROR_N_DIRECTIONS;
}

void mirrors_add_port(struct mirrors *mirrors, port_id id, const char *name)
{
    bool is_source = !is_output(mirrors, name);

    mirrors->ingress[id] = 0;
    mirrors->egress[id] = 0;
    for (uint32_t i = 0; i < mirrors->n; i++) {
        struct mirror *mirror = &mirrors->list[i];
        enum mirror_direction direction = direction_of(mirror, name);

        if (strcmp(mirror->output_port, name) == 0)
            mirror->port = id;
        if (is_source && (direction == MIRROR_INGRESS || direction == MIRROR_BOTH))
            mirrors->ingress[id] |= UINT32_C(1) << i;
        if (is_source && (direction == MIRROR_EGRESS || direction == MIRROR_BOTH))
            mirrors->egress[id] |= UINT32_C(1) << i;
    }
}

void mirrors_del_port(struct mirrors *mirrors, port_id id)
{
    mirrors->ingress[id] = 0;
    mirrors->egress[id] = 0;
    for (uint32_t i = 0; i < mirrors->n; i++) {
        if (mirrors->list[i].port == id)
            mirrors->list[i].port = PORT_NONE;
    }
}

bool mirrors_has_output(const struct mirrors *mirrors, port_id id)
{
    uint32_t i = 0;

    while (mirrors && i < mirrors->n && mirrors->list[i].port != id)
        i++;
    return mirrors && i < mirrors->n;
}

struct vidset mirrors_output_vlans(const struct mirrors *mirrors)
{
    struct vidset vlans = {{0}};

    for (uint32_t i = 0; mirrors && i < mirrors->n; i++) {
        if (mirrors->list[i].vid != VID_NONE)
            vidset_add(&vlans, mirrors->list[i].vid);
    }
    return vlans;
}

/* ---- what they want ---- */

/* Another switch's mirror may have made it. In a VLAN that its port is not in it is in none here,
 * and only its tag says so. */
static bool may_be_a_copy(const struct vlan_table *vlans, const struct frame *frame, uint16_t vid)
{
    if (vid == VID_NONE && frame->n_tags > 0 && frame->tags[0].tpid == vlans->ethertype)
        vid = vlan_vid(frame->tags[0]);
    return vlan_table_floods(vlans, vid);
}

/* Or the next switch may take it for its own. */
static bool stays_out_of_vlans(const struct forward_tables *tables, const struct frame *frame,
                               uint16_t vid)
{
    return may_be_a_copy(tables->vlans, frame, vid) ||
           reserved_protocol_of(frame_dst(frame)) != RESERVED_N_PROTOCOLS;
}

/* VID_NONE is in no set of VLANs. */
static bool wants(const struct mirror *mirror, const struct forward_tables *tables,
                  const struct frame *frame, uint16_t vid)
{
    if (mirror->is_of_vlans && !vidset_has(&mirror->vlans, vid))
        return false;
    return mirror->vid == VID_NONE || (tables->vlans && !stays_out_of_vlans(tables, frame, vid));
}

static uint32_t those_that_want(const struct mirrors *mirrors, uint32_t set,
                                const struct forward_tables *tables, const struct frame *frame,
                                uint16_t vid)
{
    uint32_t found = 0;

    for (uint32_t left = set; left; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(left);

        if (wants(&mirrors->list[i], tables, frame, vid))
            found |= UINT32_C(1) << i;
    }
    return found;
}

/* Of what came as much as a copy needs, by a port that takes part. */
static bool can_be_copied(const struct forward_tables *tables, const struct frame *frame)
{
    return frame->defect == DROP_NONE && frame->len >= ETHER_HEADER_SIZE &&
           frame->n_tags < VLAN_STACK_SIZE &&
           tables->activity[frame->ingress] >= PORT_ACTIVITY_LEARN;
}

uint32_t mirrors_of_arrival(const struct mirrors *mirrors, const struct forward_tables *tables,
                            const struct frame *frame)
{
    uint32_t set = mirrors->ingress[frame->ingress];
    uint16_t vid = VID_NONE;

    if (set == 0 || !can_be_copied(tables, frame))
        return 0;
    if (tables->vlans)
        vid = vlan_table_classify(tables->vlans, frame).tci & VLAN_VID_BITS;
    return those_that_want(mirrors, set, tables, frame, vid);
}

uint32_t mirrors_of_copy(const struct mirrors *mirrors, const struct forward_tables *tables,
                         const struct frame *frame, uint16_t vid, port_id egress)
{
    return those_that_want(mirrors, mirrors->egress[egress], tables, frame, vid);
}

/* ---- what they make ---- */

port_id mirror_next_egress(const struct mirror *mirror, const struct forward_tables *tables,
                           port_id ingress, uint32_t from)
{
    const struct portset *forwarding = &tables->policy->forwarding;
    port_id id = portset_next(forwarding, from);

    while (id != PORT_NONE && (id == ingress || !vlan_table_has(tables->vlans, mirror->vid, id)))
        id = portset_next(forwarding, id + 1u);
    return id;
}

void mirror_dress(const struct mirror *mirror, const struct forward_tables *tables, port_id egress,
                  const struct frame *frame, struct frame *ret_frame)
{
    struct vlan_class class = vlan_table_classify(tables->vlans, frame);

    class.tci = (uint16_t)((class.tci & ~VLAN_VID_BITS) | mirror->vid);
    vlan_table_dress(tables->vlans, &class, egress, frame, ret_frame);
}

void mirror_cut(const struct mirror *mirror, struct frame *frame)
{
    if (mirror->snaplen == 0 || frame_wire_len(frame) <= mirror->snaplen)
        return;
    frame->len = mirror->snaplen - frame->n_tags * (uint32_t)VLAN_TAG_SIZE;
    frame->vnet = (struct virtio_net_hdr){0};
}

void mirrors_settle(struct mirrors *mirrors, struct vlan_table *vlans)
{
    for (uint32_t i = 0; i < mirrors->n; i++) {
        struct mirror *mirror = &mirrors->list[i];

        mirror->counters.packets += mirror->tally.frames;
        mirror->counters.bytes += mirror->tally.bytes;
        mirror->counters.dropped += mirror->tally.n_dropped;
        if (mirror->vid != VID_NONE && vlans) {
            vlans->counters[mirror->vid].tx_packets += mirror->tally.frames;
            vlans->counters[mirror->vid].tx_bytes += mirror->tally.bytes;
        }
        mirror->tally = (struct frame_tally){0};
    }
}

const char *mirror_direction_name(enum mirror_direction direction)
{
    static const char *const names[MIRROR_N_DIRECTIONS] = {
        [MIRROR_INGRESS] = "ingress", [MIRROR_EGRESS] = "egress", [MIRROR_BOTH] = "both"};

    return names[direction];
}
