/* SPDX-License-Identifier: ISC */
#include "model.h"

/* What the model knows of addresses, and what makes it forget. */

struct model_known *model_known(struct model *m, uint16_t vid, uint64_t mac)
{
    for (int i = 0; i < MODEL_N_VIDS; i++) {
        if (model_vids[i] == vid && mac > SIM_HOST(0) && mac <= SIM_HOST(MODEL_HOSTS))
            return &m->known[i][mac - SIM_HOST(1)];
    }
    return NULL;
}

bool model_is_live(const struct model *m, const struct model_known *known)
{
    return known->is_known && (known->is_static || m->now - known->when < m->aging);
}

static uint32_t count_behind(const struct model *m, uint32_t port)
{
    uint32_t n = 0;

    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            const struct model_known *known = &m->known[v][h];

            n += !known->is_added && known->port == port && model_is_live(m, known);
        }
    }
    return n;
}

uint32_t model_forget(struct model *m, uint32_t port, const uint16_t *vid, const uint64_t *mac)
{
    uint32_t n = 0;

    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            struct model_known *known = &m->known[v][h];

            if (known->is_static || (port != SIM_PORTS_MAX && known->port != port) ||
                (vid && *vid != model_vids[v]) || (mac && *mac != SIM_HOST(1 + h)))
                continue;
            n += model_is_live(m, known);
            known->is_known = false;
        }
    }
    return n;
}

void model_forget_statics(struct model *m)
{
    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            if (m->known[v][h].is_static)
                m->known[v][h] = (struct model_known){.is_known = false};
        }
    }
}

static void forget_oldest(struct model *m, uint32_t port)
{
    struct model_known *oldest = NULL;

    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            struct model_known *known = &m->known[v][h];

            if (!known->is_added && known->port == port && model_is_live(m, known) &&
                (!oldest || known->number < oldest->number))
                oldest = known;
        }
    }
    oldest->is_known = false;
}

static void fit_limit(struct model *m, uint32_t port)
{
    uint32_t max = m->ports[port].policy.mac_limit.max;

    while (max != 0 && count_behind(m, port) > max)
        forget_oldest(m, port);
}

bool model_fdb_add(struct model *m, uint16_t vid, uint64_t mac, const struct model_known *entry)
{
    struct model_known *known = model_known(m, vid, mac);

    if (known->is_known && known->is_static && !entry->is_static)
        return false;
    if (known->is_known && known->is_static && known->port == entry->port &&
        known->is_sticky == entry->is_sticky)
        return true;
    *known = *entry;
    known->is_known = true;
    known->is_added = true;
    known->when = m->now;
    known->number = ++m->number;
    return true;
}

/* A live address that is heard of on another port: whether it stays where it is. */
static bool stays(const struct model *m, const struct model_known *known)
{
    if (known->is_static || known->is_sticky)
        return true;
    if (m->moves.max == 0)
        return false;
    if (known->is_held)
        return m->now - known->moving_since < m->moves.hold_ns;
    return known->n_moves >= m->moves.max && m->now - known->moving_since < m->moves.interval_ns;
}

static void count_move(const struct model *m, struct model_known *known)
{
    bool goes_on = known->n_moves > 0 && !known->is_held &&
                   m->now - known->moving_since < m->moves.interval_ns;

    if (m->moves.max == 0)
        return;
    if (!goes_on) {
        known->n_moves = 0;
        known->moving_since = m->now;
        known->is_held = false;
    }
    known->n_moves++;
}

bool model_learn(struct model *m, struct model_known *known, uint32_t port)
{
    bool moves = model_is_live(m, known) && known->port != port;

    if (moves && stays(m, known)) {
        if (known->is_static || known->is_sticky || known->is_held)
            return false;
        known->is_held = true;
        known->moving_since = m->now;
        return true;
    }
    if (moves) {
        count_move(m, known);
        known->is_added = false;
    } else if (!model_is_live(m, known)) {
        *known = (struct model_known){.is_known = true};
    }
    known->port = port;
    known->when = m->now;
    known->number = m->number;
    return false;
}

bool model_is_one_too_many(const struct model *m, const struct model_known *known, uint32_t port)
{
    uint32_t max = m->ports[port].policy.mac_limit.max;

    if (max == 0)
        return false;
    if (model_is_live(m, known) && (known->port == port || stays(m, known)))
        return false;
    return count_behind(m, port) >= max;
}

void model_set_moves(struct model *m, const struct fdb_move_limit *limit)
{
    m->moves = *limit;
    for (int v = 0; limit->max == 0 && v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            m->known[v][h].is_held = false;
            m->known[v][h].n_moves = 0;
        }
    }
}

void model_del_port(struct model *m, uint32_t port)
{
    m->ports[port].exists = false;
    for (int v = 0; v < MODEL_N_VIDS; v++) {
        for (int h = 0; h < MODEL_HOSTS; h++) {
            if (m->known[v][h].port == port)
                m->known[v][h] = (struct model_known){.is_known = false};
        }
    }
}

bool model_takes_part(const struct model_port *port)
{
    return port->state == PORT_FORWARDING || port->state == PORT_LEARNING;
}

void model_set_state(struct model *m, uint32_t port, enum port_state state)
{
    bool took_part = model_takes_part(&m->ports[port]);

    m->ports[port].state = state;
    if (took_part && !model_takes_part(&m->ports[port]))
        (void)model_forget(m, port, NULL, NULL);
}

void model_set_policy(struct model *m, uint32_t port, const struct port_policy *policy)
{
    struct port_policy *now = &m->ports[port].policy;
    bool learns_no_more = now->learning && !policy->learning;
    bool is_new = now->mac_limit.max == 0 && policy->mac_limit.max != 0;

    *now = *policy;
    if (learns_no_more || is_new)
        (void)model_forget(m, port, NULL, NULL);
    fit_limit(m, port);
}
