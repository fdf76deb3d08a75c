/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_globs.h"
#include "ringspan/clock.h"
#include "ringspan/fdb_static.h"

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

/* What a step needs. It is found or made before the first step runs, so that none can fail. */
struct prepared {
    struct managed_port *port;     /* to delete, to change, or to adopt */
    bool makes_anew;               /* the first of its bridge to adopt, for one that goes before */
    struct managed_bridge *bridge; /* to adopt */
    struct fdb *fdb;
    struct fdb_static_changes statics;
    struct netns_name *netns_name;
    struct vlan_table *vlans;
    struct mirrors *mirrors;
};

/* Sorted once: looking through all ports at each of thousands of steps would hold up everybody's
 * frames. @sorted has room for all ports. */
static void find_ports(const struct daemon *daemon, const struct plan *plan,
                       struct managed_port **sorted, struct prepared *prepared)
{
    const struct config_bridge *last = NULL;
    uint32_t n = 0;

    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (!daemon->ports[i]->is_leaving)
            sorted[n++] = daemon->ports[i];
    }
    qsort(sorted, n, sizeof(*sorted), compare_ports);
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct plan_step *step = &plan->steps[i];
        struct managed_port **found;

        if (!step->port)
            continue;
        found = bsearch(step->port, sorted, n, sizeof(*sorted), compare_with_port);
        if (step->op != PLAN_ADD) {
            prepared[i].port = found ? *found : NULL;
        } else if (found && step->next_bridge != last) {
            prepared[i].makes_anew = true;
            last = step->next_bridge;
        }
    }
}

static int find_all_ports(const struct daemon *daemon, const struct plan *plan,
                          struct prepared *prepared)
{
    struct managed_port **sorted = calloc(daemon->n_ports + 1, sizeof(struct managed_port *));

    if (!sorted)
        return -ENOMEM;
    find_ports(daemon, plan, sorted, prepared);
    free(sorted);
    return 0;
}

static bool replaces_fdb(const struct plan_step *step)
{
    return step->op == PLAN_CHANGE && !step->match && strcmp(step->key, "fdb.max_entries") == 0;
}

static const struct config_bridge *bridge_that_runs(const struct daemon *daemon, const char *name)
{
    for (uint32_t i = 0; i < daemon->config->n_bridges; i++) {
        if (strcmp(daemon->config->bridges[i].name, name) == 0)
            return &daemon->config->bridges[i];
    }
    return NULL;
}

static bool makes_bridge(const struct plan_step *step)
{
    return step->op == PLAN_ADD && !step->port && !step->match;
}

/* A table that is new has none of them, and a port that is made anew has lost its own. Those that
 * are there stay as they are. */
static int make_statics(const struct daemon *daemon, const struct plan_step *step,
                        struct prepared *prepared)
{
    bool adds_all = makes_bridge(step) || replaces_fdb(step) || prepared->makes_anew;
    bool changes = step->op == PLAN_CHANGE && !step->match && strcmp(step->key, "fdb.static") == 0;

    if (!adds_all && !changes)
        return 0;
    return fdb_static_changes_make(adds_all ? NULL : bridge_that_runs(daemon, step->bridge),
                                   step->next_bridge, &prepared->statics);
}

static bool replaces_netns(const struct plan_step *step)
{
    return step->op == PLAN_CHANGE && step->port && strcmp(step->key, "netns") == 0;
}

static bool makes_vlan_aware(const struct plan_step *step)
{
    return step->op == PLAN_CHANGE && !step->port && step->next_bridge &&
           step->next_bridge->vlan_aware && strcmp(step->key, "vlan_aware") == 0;
}

static bool replaces_mirrors(const struct plan_step *step)
{
    return step->op == PLAN_CHANGE && step->next_bridge && strcmp(step->key, "mirror") == 0;
}

static int make(struct daemon *daemon, const struct plan_step *step, uint32_t n_ports_of_all,
                struct prepared *prepared)
{
    if (step->match)
        return 0; /* its ports come and go with interfaces */
    if (replaces_netns(step))
        return netns_name_take(daemon->netns, step->next_port->netns, &prepared->netns_name);
    if (replaces_fdb(step))
        return bridge_new_fdb(daemon_find_bridge(daemon, step->bridge)->bridge,
                              step->next_bridge->fdb.max_entries, &prepared->fdb);
    if (makes_vlan_aware(step))
        return bridge_new_vlans(daemon_find_bridge(daemon, step->bridge)->bridge,
                                vlan_ethertype_tpid(step->next_bridge->ethertype),
                                &prepared->vlans);
    if (replaces_mirrors(step))
        return bridge_new_mirrors(daemon_find_bridge(daemon, step->bridge)->bridge,
                                  step->next_bridge->mirrors, step->next_bridge->n_mirrors,
                                  &prepared->mirrors);
    if (step->op != PLAN_ADD)
        return 0;
    if (!step->port)
        return managed_bridge_new(daemon, step->next_bridge, &prepared->bridge);
    return managed_port_new(daemon, step->next_port, n_ports_of_all, &prepared->port);
}

/* What was made for the first @n steps and is not wanted. */
static void discard_statics(struct prepared *prepared, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        fdb_static_changes_fini(&prepared[i].statics);
}

static void discard(const struct plan *plan, struct prepared *prepared, uint32_t n)
{
    discard_statics(prepared, n);
    for (uint32_t i = 0; i < n; i++) {
        fdb_free(prepared[i].fdb);
        netns_name_release(prepared[i].netns_name);
        vlan_table_free(prepared[i].vlans);
        mirrors_free(prepared[i].mirrors);
        managed_bridge_free(prepared[i].bridge);
        if (plan->steps[i].op == PLAN_ADD)
            managed_port_free(prepared[i].port);
    }
}

/* What those that are deleted have of the memory for rings is for those that come. */
static uint64_t ring_bytes_of_deleted(const struct plan *plan, const struct prepared *prepared)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < plan->n_steps; i++) {
        if (plan->steps[i].op == PLAN_DEL && plan->steps[i].port)
            bytes += prepared[i].port->ring_bytes;
    }
    return bytes;
}

/* On failure nothing is left to discard. */
static int prepare(struct daemon *daemon, const struct config *config, const struct plan *plan,
                   struct prepared *prepared, struct globs **ret_globs)
{
    struct globs *globs = NULL;
    uint64_t ring_bytes = 0;
    int r = daemon_reserve(daemon, config->n_bridges, config_n_ports(config));

    if (r == 0)
        r = find_all_ports(daemon, plan, prepared);
    if (r == 0)
        r = globs_new(daemon, config, &globs);
    if (r == 0)
        ring_bytes = ring_bytes_of_deleted(plan, prepared);
    daemon->ring_bytes -= ring_bytes;
    for (uint32_t i = 0; r == 0 && i < plan->n_steps; i++) {
        r = make_statics(daemon, &plan->steps[i], &prepared[i]);
        if (r == 0)
            r = make(daemon, &plan->steps[i], config_most_ports(config), &prepared[i]);
        if (r < 0)
            discard(plan, prepared, i + 1);
    }
    daemon->ring_bytes += ring_bytes; /* until they leave */
    if (r < 0)
        globs_free(globs);
    else
        *ret_globs = globs;
    return r;
}

static void del_bridge(struct daemon *daemon, const char *name)
{
    struct managed_bridge *mb = daemon_find_bridge(daemon, name);
    uint32_t i = 0;

    daemon_tell_fdb(daemon); /* what was noted names the bridge */
    while (daemon->bridges[i] != mb)
        i++;
    daemon->n_bridges--;
    memmove(&daemon->bridges[i], &daemon->bridges[i + 1],
            (daemon->n_bridges - i) * sizeof(daemon->bridges[0]));
    managed_bridge_free(mb);
}

static void change_ifname(struct managed_port *mp, const char *ifname)
{
    snprintf(mp->port->ifname, sizeof(mp->port->ifname), "%s", ifname);
    mp->retry_at = 0;
    managed_port_look_at(mp);
}

static void change_admin_state(struct managed_port *mp, enum port_admin_state admin_state)
{
    mp->port->admin_state = admin_state;
    mp->is_shut = false;
    mp->recover_at = 0;
    mp->retry_at = 0;
    managed_port_look_at(mp);
}

/* Its ifname may change, too, in a step of its own: the port is not to look for the old name in the
 * new place. */
static void change_netns(struct managed_port *mp, struct netns_name *name, const char *ifname)
{
    netns_name_release(mp->netns_name);
    mp->netns_name = name;
    change_ifname(mp, ifname);
}

/* "reserved", "reserved.lacp", … */
static bool is_reserved_key(const char *key)
{
    return strncmp(key, "reserved", strlen("reserved")) == 0;
}

/* Under another limit the port may have another try. */
static void change_policy(struct managed_port *mp, const struct port_policy *policy)
{
    const struct bridge *bridge = mp->home->bridge;
    struct mac_limit before = bridge_port_policy(bridge, mp->port->id)->mac_limit;

    bridge_set_port_policy(mp->home->bridge, mp->port->id, policy, event_now(mp->daemon->loop));
    managed_bridge_settle(mp->home);
    if (!mac_limit_equal(&before, &policy->mac_limit))
        managed_port_recover(mp);
    managed_port_watch_limits(mp);
}

static bool is_policy(const char *key)
{
    return strncmp(key, "flood.", strlen("flood.")) == 0 ||
           strncmp(key, "mac_limit.", strlen("mac_limit.")) == 0 || strcmp(key, "learning") == 0 ||
           strcmp(key, "hairpin") == 0 || strcmp(key, "isolation_group") == 0;
}

static bool is_below(const char *key, const char *object)
{
    size_t len = strlen(object);

    return strncmp(key, object, len) == 0 && key[len] == '.';
}

static bool is_text(const char *key)
{
    const char *last = strrchr(key, '.');

    return strcmp(last ? last + 1 : key, "description") == 0;
}

static enum port_aspect aspect_of(const char *key)
{
    if (is_text(key))
        return PORT_ASPECT_TEXT;
    if (strcmp(key, "ifname") == 0)
        return PORT_ASPECT_IFNAME;
    if (strcmp(key, "admin_state") == 0)
        return PORT_ASPECT_ADMIN_STATE;
    if (is_below(key, "vlan") || strcmp(key, "translate") == 0)
        return PORT_ASPECT_VLAN;
    if (is_reserved_key(key))
        return PORT_ASPECT_RESERVED;
    if (is_policy(key))
        return PORT_ASPECT_POLICY;
    if (is_below(key, "storm_control") || is_below(key, "policing"))
        return PORT_ASPECT_METERS;
    return PORT_ASPECT_INTERFACE;
}

static void change_aspect(struct managed_port *mp, enum port_aspect aspect,
                          const struct config_port *next)
{
    struct bridge *bridge = mp->home->bridge;

    switch (aspect) {
    case PORT_ASPECT_TEXT:
        break;
    case PORT_ASPECT_IFNAME:
        change_ifname(mp, next->ifname);
        break;
    case PORT_ASPECT_ADMIN_STATE:
        change_admin_state(mp, next->admin_state);
        break;
    case PORT_ASPECT_VLAN:
        bridge_set_port_vlan(bridge, mp->port->id, &next->vlan, event_now(mp->daemon->loop));
        managed_bridge_settle(mp->home);
        break;
    case PORT_ASPECT_RESERVED:
        bridge_set_port_reserved(bridge, mp->port->id, &next->reserved);
        break;
    case PORT_ASPECT_POLICY:
        change_policy(mp, &next->policy);
        break;
    case PORT_ASPECT_METERS:
        managed_port_set_meters(mp, next);
        break;
    case PORT_ASPECT_INTERFACE:
        managed_port_set(mp, next);
        break;
    }
}

void managed_port_change(struct managed_port *mp, const struct plan_step *step,
                         struct port_changes *done)
{
    enum port_aspect aspect = aspect_of(step->key);

    if (done->port != mp)
        *done = (struct port_changes){.port = mp};
    if (done->aspects & 1u << aspect)
        return;
    done->aspects |= 1u << aspect;
    change_aspect(mp, aspect, step->next_port);
}

static void change_bridge(struct daemon *daemon, const struct plan_step *step,
                          const struct prepared *prepared)
{
    const struct config_bridge *next = step->next_bridge;
    struct managed_bridge *mb = daemon_find_bridge(daemon, step->bridge);

    if (strcmp(step->key, "aging_time") == 0) {
        bridge_set_aging(mb->bridge, next->aging_time * NS_PER_SEC);
        event_timer_set(mb->aging, event_now(daemon->loop));
    } else if (strcmp(step->key, "mode") == 0) {
        bridge_set_mode(mb->bridge, next->mode);
    } else if (is_reserved_key(step->key)) {
        bridge_set_reserved(mb->bridge, &next->reserved);
    } else if (replaces_fdb(step)) {
        bridge_set_fdb(mb->bridge, prepared->fdb);
    } else if (strncmp(step->key, "fdb.move_limit.", strlen("fdb.move_limit.")) == 0) {
        managed_bridge_set_move_limit(mb, next);
    } else if (strcmp(step->key, "latency.every") == 0) {
        managed_bridge_set_latency(mb, next);
    } else if (strcmp(step->key, "vlan_aware") == 0) {
        bridge_set_vlans(mb->bridge, prepared->vlans);
    } else if (strcmp(step->key, "ethertype") == 0) {
        bridge_set_ethertype(mb->bridge, vlan_ethertype_tpid(next->ethertype));
    } else if (replaces_mirrors(step)) {
        bridge_set_mirrors(mb->bridge, prepared->mirrors, event_now(daemon->loop));
        managed_bridge_settle(mb);
    } else if (strcmp(step->key, "flood_vlans") == 0) {
        bridge_set_flood_vlans(mb->bridge, &next->flood_vlans, event_now(daemon->loop));
        managed_bridge_settle(mb);
    }
}

static void change(struct daemon *daemon, const struct plan_step *step,
                   const struct prepared *prepared, struct port_changes *done)
{
    if (!step->bridge)
        return; /* the daemon's own keys: whoever loaded the file sees to them */
    if (!step->port)
        change_bridge(daemon, step, prepared);
    else if (replaces_netns(step))
        change_netns(prepared->port, prepared->netns_name, step->next_port->ifname);
    else
        managed_port_change(prepared->port, step, done);
}

static void adopt(struct daemon *daemon, const struct plan_step *step,
                  const struct prepared *prepared)
{
    if (!step->port) {
        daemon_adopt_bridge(daemon, prepared->bridge);
        return;
    }
    daemon_adopt_port(daemon, daemon_find_bridge(daemon, step->bridge), prepared->port,
                      step->next_port);
    managed_port_look_at(prepared->port);
}

static void run_plan_step(struct daemon *daemon, const struct plan_step *step,
                          const struct prepared *prepared, struct port_changes *done)
{
    if (step->match)
        return; /* globs_adopt() and globs_settle() see to it */
    switch (step->op) {
    case PLAN_DEL:
        if (step->port)
            managed_port_leave(prepared->port);
        else
            del_bridge(daemon, step->bridge);
        break;
    case PLAN_CHANGE:
        change(daemon, step, prepared, done);
        break;
    case PLAN_ADD:
        adopt(daemon, step, prepared);
        break;
    }
}

static void swap(char **a, char **b)
{
    char *was = *a;

    *a = *b;
    *b = was;
}

/* When all ports that there will be are there. */
static void run_statics(struct daemon *daemon, const struct plan *plan,
                        const struct prepared *prepared)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const char *bridge = plan->steps[i].bridge;

        if (fdb_static_changes_any(&prepared[i].statics))
            fdb_static_changes_apply(&prepared[i].statics,
                                     daemon_find_bridge(daemon, bridge)->bridge,
                                     event_now(daemon->loop));
    }
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
    struct prepared *prepared = calloc(plan->n_steps + 1, sizeof(*prepared));
    struct port_changes done = {0};
    struct globs *globs;
    int r = prepared ? prepare(daemon, config, plan, prepared, &globs) : -ENOMEM;

    if (r < 0)
        goto out;
    *ret_before = daemon->config;
    keep_what_is_fixed(config, daemon->config);
    daemon->config = config;
    daemon_warn(*ret_before, config);
    daemon_apply_cpu(daemon);
    globs_adopt(daemon, globs);
    for (uint32_t i = 0; i < plan->n_steps; i++)
        run_plan_step(daemon, &plan->steps[i], &prepared[i], &done);
    globs_settle(daemon);
    run_statics(daemon, plan, prepared);
    discard_statics(prepared, plan->n_steps);
    daemon_apply_recorder(daemon);
    managed_ports_check_ready(daemon); /* the last port that was awaited may have left */
out:
    free(prepared);
    return r;
}
