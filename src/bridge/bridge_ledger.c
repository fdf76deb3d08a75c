/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ringspan/bridge.h"

int bridge_ledger_snapshot(struct bridge *bridge, struct bridge_ledger *ret_ledger)
{
    struct bridge_ledger ledger = {.retired = *bridge_retired(bridge)};
    uint32_t room = bridge_n_ports(bridge) + 1;

    ledger.ports = calloc(room, sizeof(ledger.ports[0]));
    ledger.snapshots = calloc(room, sizeof(ledger.snapshots[0]));
    if (!ledger.ports || !ledger.snapshots) {
        bridge_ledger_fini(&ledger);
        return -ENOMEM;
    }
    for (uint32_t id = 0; id < bridge_id_limit(bridge); id++) {
        struct port *port = bridge_port(bridge, (port_id)id);

        if (!port)
            continue;
        ledger.ports[ledger.n_ports] = port;
        port_snapshot(port, &ledger.snapshots[ledger.n_ports]);
        ledger.n_ports++;
    }
    *ret_ledger = ledger;
    return 0;
}

void bridge_ledger_fini(struct bridge_ledger *ledger)
{
    free(ledger->ports);
    free(ledger->snapshots);
    *ledger = (struct bridge_ledger){0};
}

static bool fails(bool balances, const char *sum, const char *where, char *ret_what, size_t size)
{
    if (!balances && ret_what)
        snprintf(ret_what, size, "%s of %s", sum, where);
    return !balances;
}

bool bridge_ledger_balances(const struct bridge_ledger *ledger, char *ret_what, size_t size)
{
    for (uint32_t i = 0; i < ledger->n_ports; i++) {
        const struct ledger_snapshot *s = &ledger->snapshots[i];
        const char *name = ledger->ports[i]->name;

        if (fails(ledger_in_balances(s), "in", name, ret_what, size) ||
            fails(ledger_out_balances(s), "out", name, ret_what, size) ||
            fails(ledger_kernel_balances(s), "kernel", name, ret_what, size))
            return false;
    }
    return !fails(ledger_across_balances(ledger->snapshots, ledger->n_ports, &ledger->retired),
                  "across", "the bridge", ret_what, size);
}
