/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/clock.h"

static int compare_ports(const void *a, const void *b)
{
    const struct managed_port *const *one = a;
    const struct managed_port *const *other = b;

    return strcmp((*one)->port->name, (*other)->port->name);
}

static int compare_with_port(const void *name, const void *element)
{
    const struct managed_port *const *mp = element;

    return strcmp(name, (*mp)->port->name);
}

/* The port that each step deletes or changes, NULL for other steps; @sorted has room for all ports.
 * They are found before anything is done and after they were sorted once: looking through all of
 * them at each of thousands of steps would hold up everybody's frames. */
static void find_ports(const struct daemon *daemon, const struct plan *plan,
                       struct managed_port **sorted, struct managed_port **ret_ports)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (!daemon->ports[i]->is_leaving)
            sorted[n++] = daemon->ports[i];
    }
    qsort(sorted, n, sizeof(*sorted), compare_ports);
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct plan_step *step = &plan->steps[i];
        struct managed_port **found = NULL;

        if (step->port && step->op != PLAN_ADD)
            found = bsearch(step->port, sorted, n, sizeof(*sorted), compare_with_port);
        ret_ports[i] = found ? *found : NULL;
    }
}

static void del_bridge(struct daemon *daemon, const char *name)
{
    struct managed_bridge *mb = daemon_find_bridge(daemon, name);
    uint32_t i = 0;

    while (daemon->bridges[i] != mb)
        i++;
    daemon->n_bridges--;
    memmove(&daemon->bridges[i], &daemon->bridges[i + 1],
            (daemon->n_bridges - i) * sizeof(daemon->bridges[0]));
    daemon_free_bridge(mb);
}

static void change_ifname(struct managed_port *mp, const char *ifname)
{
    snprintf(mp->port->ifname, sizeof(mp->port->ifname), "%s", ifname);
    mp->retry_at = 0;
    managed_port_look_at(mp);
}

static int change_bridge(struct daemon *daemon, const struct plan_step *step)
{
    const struct config_bridge *next = step->next_bridge;
    struct managed_bridge *mb = daemon_find_bridge(daemon, step->bridge);

    if (strcmp(step->key, "aging_time") == 0) {
        bridge_set_aging(mb->bridge, next->aging_time * NS_PER_SEC);
        event_timer_set(mb->aging, event_now(daemon->loop));
    } else if (strcmp(step->key, "reserved") == 0) {
        bridge_set_reserved(mb->bridge, next->reserved);
    } else if (strcmp(step->key, "fdb.max_entries") == 0) {
        return bridge_set_max_entries(mb->bridge, next->fdb.max_entries);
    }
    return 0;
}

static int change(struct daemon *daemon, const struct plan_step *step, struct managed_port *mp)
{
    if (!step->bridge)
        return 0; /* the daemon's own keys: whoever loaded the file sees to them */
    if (!step->port)
        return change_bridge(daemon, step);
    if (strcmp(step->key, "ifname") == 0)
        change_ifname(mp, step->next_port->ifname);
    return 0;
}

static int add_by_plan(struct daemon *daemon, const struct plan_step *step)
{
    int r;

    if (!step->port)
        return daemon_add_bridge(daemon, step->next_bridge);
    r = daemon_add_port(daemon, daemon_find_bridge(daemon, step->bridge), step->next_port);
    if (r == 0)
        managed_port_look_at(daemon->ports[daemon->n_ports - 1]);
    return r;
}

static int run_plan_step(struct daemon *daemon, const struct plan_step *step,
                         struct managed_port *mp)
{
    switch (step->op) {
    case PLAN_DEL:
        if (step->port)
            managed_port_leave(mp);
        else
            del_bridge(daemon, step->bridge);
        return 0;
    case PLAN_CHANGE:
        return change(daemon, step, mp);
    case PLAN_ADD:
        return add_by_plan(daemon, step);
    }
    return 0;
}

static void swap(char **a, char **b)
{
    char *was = *a;

    *a = *b;
    *b = was;
}

/* What only a start changes goes on as it was, so that the configuration is what runs, and the next
 * plan tells again of what the file wants. */
static void keep_what_is_fixed(struct config *next, struct config *now)
{
    swap(&next->daemon.control.socket, &now->daemon.control.socket);
    swap(&next->daemon.control.group, &now->daemon.control.group);
}

int daemon_reload(struct daemon *daemon, struct config *config, const struct plan *plan,
                  struct config **ret_before)
{
    struct managed_port **sorted = calloc(daemon->n_ports + 1, sizeof(*sorted));
    struct managed_port **ports = calloc(plan->n_steps + 1, sizeof(*ports));
    int r = 0;

    if (!sorted || !ports) {
        r = -ENOMEM;
        goto out;
    }
    find_ports(daemon, plan, sorted, ports);
    *ret_before = daemon->config;
    keep_what_is_fixed(config, daemon->config);
    daemon->config = config;
    for (uint32_t i = 0; r == 0 && i < plan->n_steps; i++)
        r = run_plan_step(daemon, &plan->steps[i], ports[i]);
    if (daemon->on_change)
        daemon->on_change(daemon->on_change_arg);
    managed_ports_check_ready(daemon); /* the last port that was awaited may have left */
out:
    free(ports);
    free(sorted);
    return r;
}
