/* SPDX-License-Identifier: ISC */
#include "ringspan/port_policy.h"

#include <errno.h>

int policy_table_init(struct policy_table *table, uint32_t max_ports)
{
    uint32_t n_words = (max_ports + 63) / 64;
    int r;

    *table = (struct policy_table){.max_ports = max_ports};
    table->ports = calloc(max_ports, sizeof(*table->ports));
    table->members = calloc((size_t)n_words * (ISOLATION_GROUP_MAX + 1), sizeof(*table->members));
    r = table->ports && table->members ? portset_init(&table->forwarding, max_ports) : -ENOMEM;
    for (int i = 0; r == 0 && i < FLOOD_N_CLASSES; i++)
        r = portset_init(&table->flood[i], max_ports);
    if (r < 0) {
        policy_table_fini(table);
        return r;
    }
    for (uint32_t i = 0; i < max_ports; i++)
        table->ports[i] = PORT_POLICY_DEFAULT;
    return 0;
}

void policy_table_fini(struct policy_table *table)
{
    for (int i = 0; i < FLOOD_N_CLASSES; i++)
        portset_fini(&table->flood[i]);
    portset_fini(&table->forwarding);
    free(table->members);
    free(table->ports);
    *table = (struct policy_table){0};
}

static void put(struct portset *set, port_id port, bool is_in)
{
    if (is_in)
        portset_add(set, port);
    else
        portset_del(set, port);
}

static void set_floods(struct policy_table *table, port_id port)
{
    bool forwards = portset_has(&table->forwarding, port);

    for (int i = 0; i < FLOOD_N_CLASSES; i++)
        put(&table->flood[i], port, forwards && table->ports[port].flood[i]);
}

void policy_table_set(struct policy_table *table, port_id port, const struct port_policy *policy)
{
    uint64_t *columns = &table->members[(uint64_t)(port / 64u) * (ISOLATION_GROUP_MAX + 1)];
    uint64_t bit = UINT64_C(1) << (port % 64u);

    columns[table->ports[port].isolation_group] &= ~bit;
    if (policy->isolation_group != ISOLATION_GROUP_NONE)
        columns[policy->isolation_group] |= bit;
    table->ports[port] = *policy;
    set_floods(table, port);
}

void policy_table_set_forwarding(struct policy_table *table, port_id port, bool forwards)
{
    put(&table->forwarding, port, forwards);
    set_floods(table, port);
}

bool mac_limit_equal(const struct mac_limit *a, const struct mac_limit *b)
{
    return a->max == b->max && a->action == b->action && a->recovery == b->recovery;
}

const char *mac_limit_action_name(enum mac_limit_action action)
{
    static const char *const names[] = {"drop", "flood", "shutdown"};

    _Static_assert(sizeof(names) / sizeof(*names) == MAC_LIMIT_N_ACTIONS, "one name an action");
    return names[action];
}
