/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "model_private.h"

/* What the model knows of mirrors. */

static int place_of(uint16_t vid)
{
    int i = 1;

    while (i < MODEL_N_VIDS && model_vids[i] != vid)
        i++;
    return i < MODEL_N_VIDS ? i : -1;
}

bool model_is_output(const struct model *m, uint32_t port)
{
    for (uint32_t i = 0; i < m->n_mirrors; i++) {
        if (m->mirrors[i].vid == 0 && m->mirrors[i].port == port)
            return true;
    }
    return false;
}

bool model_floods(const struct model *m, uint16_t vid)
{
    int place = place_of(vid);

    for (uint32_t i = 0; i < m->n_mirrors; i++) {
        if (vid != 0 && m->mirrors[i].vid == vid)
            return m->tpid != 0;
    }
    return m->tpid != 0 && place >= 0 && m->floods[place];
}

static void note_floods(const struct model *m, bool ret_floods[MODEL_N_VIDS])
{
    for (int i = 0; i < MODEL_N_VIDS; i++)
        ret_floods[i] = model_floods(m, model_vids[i]);
}

static void forget_where_it_floods_now(struct model *m, const bool before[MODEL_N_VIDS])
{
    for (int i = 1; i < MODEL_N_VIDS; i++) {
        if (model_floods(m, model_vids[i]) && !before[i])
            (void)model_forget(m, SIM_PORTS_MAX, &model_vids[i], NULL);
    }
}

void model_set_floods(struct model *m, const bool *floods)
{
    bool before[MODEL_N_VIDS];

    note_floods(m, before);
    memcpy(m->floods, floods, sizeof(m->floods));
    forget_where_it_floods_now(m, before);
}

void model_set_mirrors(struct model *m, const struct model_mirror *mirrors, uint32_t n)
{
    bool before[MODEL_N_VIDS];

    note_floods(m, before);
    for (uint32_t i = 0; i < n; i++) {
        struct mirror_counters counters = {0};

        if (i < m->n_mirrors)
            counters = m->mirrors[i].counters;
        m->mirrors[i] = mirrors[i];
        m->mirrors[i].counters = counters;
    }
    m->n_mirrors = n;
    for (uint32_t port = 0; port < m->n_ports; port++) {
        if (model_is_output(m, port))
            (void)model_forget(m, port, NULL, NULL);
    }
    forget_where_it_floods_now(m, before);
}

/* ---- what they want ---- */

static bool has_source(const struct passage *p, const struct model_mirror *mirror, uint32_t port,
                       enum mirror_direction direction)
{
    enum mirror_direction wanted = mirror->is_of_all_ports ? mirror->direction : mirror->from[port];

    return !model_is_output(p->m, port) && (wanted == MIRROR_BOTH || wanted == direction);
}

/* By its VLAN, or by the tag of one that its port refuses. */
static bool may_be_a_copy(const struct passage *p, uint16_t vid)
{
    const struct model_tags *tags = &p->frame->tags;

    if (vid == 0 && tags->n > 0 && tags->tpid[0] == p->m->tpid)
        vid = tags->tci[0] % 4096;
    return model_floods(p->m, vid);
}

/* @vid: 0 if it is in no VLAN. */
static bool wants(const struct passage *p, const struct model_mirror *mirror, uint16_t vid)
{
    int place = place_of(vid);

    if (mirror->is_of_vlans && (place < 0 || !mirror->of_vlan[place]))
        return false;
    if (mirror->vid == 0)
        return true;
    return p->m->tpid != 0 && !may_be_a_copy(p, vid) && !model_is_reserved(p->frame->dst);
}

static uint16_t vid_on_arrival(const struct passage *p)
{
    return p->m->tpid == 0 ? 0 : model_arrive(&p->in->vlan, p->m->tpid, &p->frame->tags).tci % 4096;
}

void model_mirror_arrival(struct passage *p)
{
    if (p->frame->defect != DROP_NONE || !model_takes_part(p->in))
        return;
    for (uint32_t i = 0; i < p->m->n_mirrors; i++) {
        const struct model_mirror *mirror = &p->m->mirrors[i];

        p->is_wanted[i] = has_source(p, mirror, p->ingress, MIRROR_INGRESS) &&
                          wants(p, mirror, vid_on_arrival(p));
        p->is_wanted_as_it_came[i] = p->is_wanted[i];
        p->seen[i] = p->frame->tags;
    }
}

/* Ports do not come in the order of their ids. */
void model_mirror_egress(struct passage *p, uint32_t egress, const struct model_tags *tags)
{
    uint32_t id = p->m->ports[egress].id;

    for (uint32_t i = 0; i < p->m->n_mirrors; i++) {
        const struct model_mirror *mirror = &p->m->mirrors[i];

        if (p->is_wanted_as_it_came[i] || (p->is_wanted[i] && p->seen_at[i] < id) ||
            !has_source(p, mirror, egress, MIRROR_EGRESS) || !wants(p, mirror, p->vid))
            continue;
        p->is_wanted[i] = true;
        p->seen_at[i] = id;
        p->seen[i] = *tags;
    }
}

/* ---- what they make ---- */

static void send_copy(struct passage *p, struct model_mirror *mirror, uint32_t egress,
                      const struct model_tags *tags)
{
    struct model_port *out = &p->m->ports[egress];
    enum drop_reason reason = model_send(p, egress, tags);

    out->ledger.mirrored++;
    if (reason != DROP_NONE) {
        out->ledger.out_dropped[reason]++;
        mirror->counters.dropped++;
        return;
    }
    model_count_accepted(p, egress, tags, mirror->vid);
    mirror->counters.packets++;
    mirror->counters.bytes += p->frame->len + 4 * tags->n;
    p->outcome->copies[egress][p->outcome->n_copies[egress]++] = *tags;
}

static bool is_way_out(const struct passage *p, const struct model_mirror *mirror, uint32_t port)
{
    const struct model_port *out = &p->m->ports[port];

    if (!out->exists || out->state != PORT_FORWARDING)
        return false;
    if (mirror->vid == 0)
        return mirror->port == port;
    return port != p->ingress && !model_is_output(p->m, port) &&
           model_is_in(&out->vlan, mirror->vid);
}

void model_mirror_send(struct passage *p)
{
    for (uint32_t i = 0; i < p->m->n_mirrors; i++) {
        struct model_mirror *mirror = &p->m->mirrors[i];
        bool has_way = false;

        if (!p->is_wanted[i])
            continue;
        mirror->counters.selected++;
        for (uint32_t port = 0; port < p->m->n_ports; port++) {
            struct model_tags tags = p->seen[i];

            if (!is_way_out(p, mirror, port))
                continue;
            has_way = true;
            if (mirror->vid != 0) {
                const struct arrival arrival =
                    model_arrive(&p->in->vlan, p->m->tpid, &p->frame->tags);

                model_dress(p, &arrival, mirror->vid, port, &tags);
            }
            send_copy(p, mirror, port, &tags);
        }
        mirror->counters.dropped += !has_way;
    }
}
