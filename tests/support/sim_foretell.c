/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "sim_private.h"

static void foretell_copies(const struct sim *sim, struct foretold *foretold)
{
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        const struct port *port = sim->ports[i].port;
        struct explained_copy copy = {.refusal = DROP_NONE};

        if (!port)
            continue;
        foretold->before[i] = port->ledger;
        foretold->leaves_by[i] =
            explain_next_egress(sim->bridge, &foretold->explanation, port->id) == port->id;
        if (foretold->leaves_by[i])
            explain_copy(sim->bridge, &foretold->explanation, port->id, &copy);
        foretold->refusals[i] = copy.refusal;
    }
}

static uint32_t number_of(const struct sim *sim, port_id id)
{
    uint32_t i = 0;

    while (!sim->ports[i].port || sim->ports[i].port->id != id)
        i++;
    return i;
}

static void foretell_mirrors(const struct sim *sim, struct foretold *foretold)
{
    struct explained_mirror mirrors[LIMIT_MIRRORS];
    uint32_t n = explain_mirrors(sim->bridge, &foretold->explanation, mirrors);

    for (uint32_t i = 0; i < n; i++) {
        port_id id =
            explain_next_mirror_egress(sim->bridge, &foretold->explanation, &mirrors[i], 0);

        for (; id != PORT_NONE; id = explain_next_mirror_egress(sim->bridge, &foretold->explanation,
                                                                &mirrors[i], id + 1u))
            foretold->mirrored[number_of(sim, id)]++;
    }
}

void sim_foretell(const struct sim *sim, const struct sim_port *p, struct foretold *ret)
{
    const struct injected *f = &p->pending[0];
    uint8_t *bytes = malloc(f->len > 0 ? f->len : 1);
    struct frame frame;

    if (!bytes)
        abort();
    memcpy(bytes, f->bytes, f->len);
    explain_arrival(p->port, bytes, f->len, &f->vnet, &frame);
    if (f->defect != DROP_NONE)
        frame.defect = f->defect;
    memset(ret, 0, sizeof(*ret));
    bridge_explain(sim->bridge, &frame, sim->now, &ret->explanation);
    foretell_copies(sim, ret);
    foretell_mirrors(sim, ret);
    free(bytes);
}

static bool came_true(const struct foretold *foretold, const struct ledger_port *was,
                      const struct ledger_port *is)
{
    const struct decision *decision = &foretold->explanation.decision;

    switch (decision->verdict) {
    case VERDICT_UNICAST:
        return is->unicast == was->unicast + 1;
    case VERDICT_FLOOD:
        return is->flooded == was->flooded + 1;
    case VERDICT_CONSUME:
        return is->consumed == was->consumed + 1;
    case VERDICT_DROP:
        break;
    }
    return is->in_dropped[decision->reason] == was->in_dropped[decision->reason] + 1;
}

void sim_check_foretold(const struct sim *sim, uint32_t ingress, const struct foretold *foretold)
{
    if (!came_true(foretold, &foretold->before[ingress], &sim->ports[ingress].port->ledger))
        sim_fail(sim, "a frame of port %u came to another end than was explained", ingress);
    for (uint32_t i = 0; i < sim->n_ports; i++) {
        const struct ledger_port *was = &foretold->before[i];
        const struct port *port = sim->ports[i].port;
        enum drop_reason refusal = foretold->refusals[i];

        if (!port)
            continue;
        if (port->ledger.decided != was->decided + foretold->leaves_by[i])
            sim_fail(sim, "whether a frame leaves by port %u was explained otherwise", i);
        if (port->ledger.mirrored != was->mirrored + foretold->mirrored[i])
            sim_fail(sim, "how often mirrors copy a frame to port %u was explained otherwise", i);
        if (refusal != DROP_NONE && port->ledger.out_dropped[refusal] == was->out_dropped[refusal])
            sim_fail(sim, "port %u sent what it would refuse by the explanation", i);
    }
}
