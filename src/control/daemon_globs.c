/* SPDX-License-Identifier: ISC */
#include "daemon_globs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/claims.h"
#include "ringspan/glob.h"
#include "ringspan/log.h"

enum left_out_why {
    LEFT_OUT_FULL,
    LEFT_OUT_LOOP,
    LEFT_OUT_NAME,
    LEFT_OUT_MEMORY,
};

struct left_out {
    uint32_t ifindex;
    const struct netns *netns;
    enum left_out_why why;
    struct managed_glob *glob;
};

struct globs {
    struct claims *claims;
    struct managed_glob *list; /* in the order of the file */
    uint32_t n;
    uint32_t most_ports;       /* of the configuration */
    struct left_out *left_out; /* in the order of their indexes */
    uint32_t n_left_out;
    uint32_t room;
    struct managed_port **order; /* for globs_adopt(): room for all ports that there are */
};

/* ---- birth and death ---- */

static int add_globs_of(struct globs *globs, const struct daemon *daemon,
                        const struct config_bridge *bridge)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < bridge->n_ports; i++) {
        struct managed_glob *glob = &globs->list[globs->n];

        if (!*bridge->ports[i].match)
            continue;
        glob->bridge = bridge;
        glob->config = &bridge->ports[i];
        r = netns_name_take(daemon->netns, glob->config->netns, &glob->netns_name);
        globs->n += r == 0;
    }
    return r;
}

static int fill(struct globs *globs, const struct daemon *daemon, const struct config *config)
{
    int r = claims_new(config, &globs->claims);

    globs->most_ports = config_most_ports(config);
    globs->list = calloc(config_n_ports(config) + 1, sizeof(*globs->list));
    globs->order = calloc(daemon->n_ports + 1, sizeof(struct managed_port *));
    if (r == 0 && (!globs->list || !globs->order))
        r = -ENOMEM;
    for (uint32_t i = 0; r == 0 && i < config->n_bridges; i++)
        r = add_globs_of(globs, daemon, &config->bridges[i]);
    return r;
}

int globs_new(const struct daemon *daemon, const struct config *config, struct globs **ret)
{
    struct globs *globs = calloc(1, sizeof(*globs));
    int r;

    if (!globs)
        return -ENOMEM;
    r = fill(globs, daemon, config);
    if (r < 0)
        globs_free(globs);
    else
        *ret = globs;
    return r;
}

void globs_free(struct globs *globs)
{
    if (!globs)
        return;
    for (uint32_t i = 0; i < globs->n; i++)
        netns_name_release(globs->list[i].netns_name);
    claims_free(globs->claims);
    free(globs->list);
    free(globs->left_out);
    free(globs->order);
    free(globs);
}

/* ---- who was left out ---- */

static int compare_place(const struct left_out *entry, const struct netns *netns, uint32_t ifindex)
{
    if (entry->ifindex != ifindex)
        return entry->ifindex < ifindex ? -1 : 1;
    return (uintptr_t)entry->netns < (uintptr_t)netns ? -1 : entry->netns != netns;
}

/* Where it is, or belongs. */
static uint32_t find_left_out(const struct globs *globs, const struct netns *netns,
                              uint32_t ifindex)
{
    uint32_t low = 0;
    uint32_t high = globs->n_left_out;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (compare_place(&globs->left_out[middle], netns, ifindex) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_left_out(const struct globs *globs, uint32_t place, const struct netns *netns,
                        uint32_t ifindex)
{
    return place < globs->n_left_out && compare_place(&globs->left_out[place], netns, ifindex) == 0;
}

static void forget_place(struct globs *globs, uint32_t place)
{
    struct managed_glob *glob = globs->left_out[place].glob;

    if (--glob->n_left_out == 0)
        glob->has_said_full = false;
    globs->n_left_out--;
    memmove(&globs->left_out[place], &globs->left_out[place + 1],
            (globs->n_left_out - place) * sizeof(*globs->left_out));
}

static void forget_left_out(struct globs *globs, const struct netns *netns, uint32_t ifindex)
{
    uint32_t place = find_left_out(globs, netns, ifindex);

    if (is_left_out(globs, place, netns, ifindex))
        forget_place(globs, place);
}

static bool has_room(struct globs *globs)
{
    uint32_t room = globs->room > 0 ? globs->room * 2 : 16;
    struct left_out *grown;

    if (globs->n_left_out < globs->room)
        return true;
    grown = realloc(globs->left_out, room * sizeof(*grown));
    if (!grown)
        return false;
    globs->left_out = grown;
    globs->room = room;
    return true;
}

static void say_left_out(struct managed_glob *glob, const struct link *link, enum left_out_why why)
{
    const char *match = glob->config->match;

    switch (why) {
    case LEFT_OUT_FULL:
        if (!glob->has_said_full)
            log_warning("bridge %s: match %s: %s is left out: there are %u ports already (max), "
                        "and others will be left out too",
                        glob->bridge->name, match, link->ifname, glob->n_ports);
        glob->has_said_full = true;
        break;
    case LEFT_OUT_LOOP:
        log_notice("bridge %s: match %s: %s is left out: with its other end, a port too, it would "
                   "be a loop",
                   glob->bridge->name, match, link->ifname);
        break;
    case LEFT_OUT_NAME:
        log_notice("bridge %s: match %s: %s is left out: there is a port of that name",
                   glob->bridge->name, match, link->ifname);
        break;
    case LEFT_OUT_MEMORY:
        log_error("bridge %s: match %s: %s is left out: out of memory", glob->bridge->name, match,
                  link->ifname);
        break;
    }
}

/* Without memory it is not remembered, and not counted. */
static void leave_out(struct globs *globs, struct managed_glob *glob, const struct link *link,
                      enum left_out_why why)
{
    const struct netns *netns = glob->netns_name->netns;
    uint32_t place = find_left_out(globs, netns, link->ifindex);

    if (is_left_out(globs, place, netns, link->ifindex)) {
        if (globs->left_out[place].glob == glob && globs->left_out[place].why == why)
            return;
        forget_place(globs, place);
    }
    say_left_out(glob, link, why);
    if (!has_room(globs))
        return;
    memmove(&globs->left_out[place + 1], &globs->left_out[place],
            (globs->n_left_out - place) * sizeof(*globs->left_out));
    globs->left_out[place] = (struct left_out){link->ifindex, netns, why, glob};
    globs->n_left_out++;
    glob->n_left_out++;
}

/* ---- who gets a port ---- */

/* Two names may mean one namespace. */
static const struct config_bridge *find_claim(const struct daemon *daemon,
                                              const struct netns *netns, const char *ifname)
{
    const struct config_bridge *bridge = NULL;

    for (const struct netns_name *name = netns->names; !bridge && name; name = name->next_of_netns)
        bridge = claims_bridge(daemon->globs->claims, name->text, ifname);
    return bridge;
}

static struct managed_glob *find_glob(const struct daemon *daemon, const struct netns *netns,
                                      const struct link *link)
{
    const struct globs *globs = daemon->globs;
    uint32_t i = 0;

    while (i < globs->n && (globs->list[i].netns_name->netns != netns ||
                            !glob_matches(globs->list[i].config->match, link->ifname)))
        i++;
    if (i == globs->n || !reconcile_may_match(link) ||
        claims_has_name(globs->claims, link->ifname) || find_claim(daemon, netns, link->ifname))
        return NULL;
    return &globs->list[i];
}

/* A glob's port that stays. */
static struct managed_port *find_port(const struct daemon *daemon, const char *name)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];

        if (mp->glob && !mp->is_leaving && strcmp(mp->port->name, name) == 0)
            return mp;
    }
    return NULL;
}

static struct managed_port *find_port_in(const struct daemon *daemon, const struct netns *netns,
                                         const char *ifname)
{
    struct managed_port *mp = find_port(daemon, ifname);

    return mp && mp->made_in == netns ? mp : NULL;
}

static const struct link *find_peer(const struct netns *netns, const struct link *link)
{
    return link->peer ? link_watch_by_index(netns->links, link->peer) : NULL;
}

static bool is_peer_named(const struct daemon *daemon, const struct managed_glob *glob,
                          const struct link *link)
{
    const struct netns *netns = glob->netns_name->netns;
    const struct link *peer = find_peer(netns, link);

    return peer && find_claim(daemon, netns, peer->ifname) == glob->bridge;
}

static bool is_peer_made(const struct daemon *daemon, const struct managed_glob *glob,
                         const struct link *link)
{
    const struct netns *netns = glob->netns_name->netns;
    const struct link *peer = find_peer(netns, link);
    const struct managed_port *mp = peer ? find_port_in(daemon, netns, peer->ifname) : NULL;

    return mp && mp->home == glob->home;
}

/* @glob: which takes the interface, by the rules of now. */
static bool is_still(const struct managed_port *mp, const struct link *link,
                     const struct managed_glob *glob)
{
    return link && glob && link->ifindex == mp->made_for && mp->netns_name == glob->netns_name &&
           strcmp(bridge_name(mp->home->bridge), glob->bridge->name) == 0 &&
           !is_peer_named(mp->daemon, glob, link);
}

static int add_port(struct daemon *daemon, struct managed_glob *glob, const struct link *link)
{
    struct config_port config = *glob->config;
    struct managed_port *mp;
    int r = daemon_reserve(daemon, 0, 1);

    memcpy(config.name, link->ifname, sizeof(config.name));
    memcpy(config.ifname, link->ifname, sizeof(config.ifname));
    if (r == 0)
        r = managed_port_new(daemon, &config, daemon->globs->most_ports, &mp);
    if (r < 0)
        return r;
    mp->glob = glob;
    mp->made_of = glob->config;
    mp->made_in = netns_ref(glob->netns_name->netns);
    mp->made_for = link->ifindex;
    glob->n_ports++;
    daemon_adopt_port(daemon, glob->home, mp, &config);
    log_info("port %s: added to %s, because it matches %s", config.name, glob->bridge->name,
             glob->config->match);
    managed_port_look_at(mp);
    return 0;
}

/* False if it is left out. */
static bool try_add(struct daemon *daemon, struct managed_glob *glob, const struct link *link)
{
    bool is_loop = is_peer_named(daemon, glob, link) || is_peer_made(daemon, glob, link);

    if (is_loop)
        leave_out(daemon->globs, glob, link, LEFT_OUT_LOOP);
    else if (find_port(daemon, link->ifname))
        leave_out(daemon->globs, glob, link, LEFT_OUT_NAME);
    else if (glob->n_ports + glob->n_leaving >= glob->config->max)
        leave_out(daemon->globs, glob, link, LEFT_OUT_FULL);
    else if (add_port(daemon, glob, link) == 0)
        return true;
    else
        leave_out(daemon->globs, glob, link, LEFT_OUT_MEMORY);
    return false;
}

/* @glob: where it keeps its place until it is closed; NULL if there is no such place any more. */
static void make_leave(struct managed_port *mp, struct managed_glob *glob)
{
    mp->glob = glob;
    if (glob)
        glob->n_leaving++;
    managed_port_leave(mp);
}

static bool has_link(const struct netns *netns, const char *ifname)
{
    return netns->links && link_watch_by_name(netns->links, ifname);
}

static void take_away(struct managed_port *mp)
{
    struct daemon *daemon = mp->daemon;

    mp->glob->n_ports--;
    if (!has_link(mp->made_in, mp->port->ifname))
        managed_port_tell_link(mp); /* before the port is gone, too */
    make_leave(mp, mp->glob);
    managed_ports_check_ready(daemon);
}

/* Everything about the one interface that has this name, or none. */
static void review(struct daemon *daemon, const struct netns *netns, const char *ifname)
{
    const struct link *link = link_watch_by_name(netns->links, ifname);
    struct managed_glob *glob = link ? find_glob(daemon, netns, link) : NULL;
    struct managed_port *mp = find_port_in(daemon, netns, ifname);

    if (mp && !(mp->glob == glob && is_still(mp, link, glob))) {
        take_away(mp);
        mp = NULL;
    }
    if (link && (mp || !glob || try_add(daemon, glob, link)))
        forget_left_out(daemon->globs, netns, link->ifindex);
}

void globs_on_link_changed(struct daemon *daemon, const struct netns *netns,
                           const struct link *before, const struct link *after)
{
    if (!netns->knows_links || daemon->globs->n == 0)
        return;
    if (!after)
        forget_left_out(daemon->globs, netns, before->ifindex);
    if (before)
        review(daemon, netns, before->ifname);
    if (after && !(before && strcmp(before->ifname, after->ifname) == 0))
        review(daemon, netns, after->ifname);
}

/* ---- places that are free again ---- */

void globs_on_closed(struct managed_port *mp)
{
    struct daemon *daemon = mp->daemon;

    if (!mp->glob)
        return;
    mp->glob->n_leaving--;
    if (daemon->globs->n_left_out > 0)
        event_timer_set(daemon->places, event_now(daemon->loop));
}

static bool is_hopeless(const struct left_out *entry)
{
    const struct managed_glob *glob = entry->glob;

    return entry->why == LEFT_OUT_FULL && glob->n_ports + glob->n_leaving >= glob->config->max;
}

void globs_on_places(void *arg)
{
    struct daemon *daemon = arg;
    struct globs *globs = daemon->globs;
    uint32_t i = 0;

    while (i < globs->n_left_out) {
        const struct left_out entry = globs->left_out[i];
        const struct link *link = link_watch_by_index(entry.netns->links, entry.ifindex);

        if (link && !is_hopeless(&entry))
            review(daemon, entry.netns, link->ifname);
        if (is_left_out(globs, i, entry.netns, entry.ifindex))
            i++;
    }
}

/* ---- all of them ---- */

static int compare_links(const void *a, const void *b)
{
    const struct link *const *one = a;
    const struct link *const *other = b;

    return (*one)->ifindex < (*other)->ifindex ? -1 : (*one)->ifindex > (*other)->ifindex;
}

/* The lowest index first, so that who gets a place does not depend on the order of a dump. */
static void look_at_sorted(struct daemon *daemon, const struct netns *netns,
                           const struct link **links)
{
    uint32_t n = 0;

    for (const struct link *link = NULL; (link = link_watch_next(netns->links, link));)
        links[n++] = link;
    qsort(links, n, sizeof(*links), compare_links);
    for (uint32_t i = 0; i < n; i++)
        review(daemon, netns, links[i]->ifname);
}

void globs_look_at_links(struct daemon *daemon, const struct netns *netns)
{
    const struct link **links;

    if (!netns->knows_links || daemon->globs->n == 0)
        return;
    links = calloc(link_watch_n_links(netns->links) + 1, sizeof(*links));
    if (links)
        look_at_sorted(daemon, netns, links);
    else
        log_error("links: out of memory: nobody looks for what matches patterns");
    free(links);
}

/* Each namespace once. */
static void look_at_all(struct daemon *daemon)
{
    const struct managed_glob *list = daemon->globs->list;

    for (uint32_t i = 0; i < daemon->globs->n; i++) {
        const struct netns *netns = list[i].netns_name->netns;
        uint32_t first = 0;

        while (list[first].netns_name->netns != netns)
            first++;
        if (netns && first == i)
            globs_look_at_links(daemon, netns);
    }
}

bool globs_have_settled(const struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->globs->n; i++) {
        const struct netns_name *name = daemon->globs->list[i].netns_name;

        if (name->netns ? !name->netns->knows_links : !name->is_known)
            return false;
    }
    return true;
}

/* ---- namespaces ---- */

static bool is_for_globs(const struct globs *globs, const struct netns_name *name)
{
    uint32_t i = 0;

    while (i < globs->n && globs->list[i].netns_name != name)
        i++;
    return i < globs->n;
}

/* What was in the namespace that @name meant until now. */
static void leave_namespace(struct daemon *daemon, const struct netns_name *name)
{
    struct globs *globs = daemon->globs;

    for (uint32_t i = globs->n_left_out; i > 0; i--) {
        if (globs->left_out[i - 1].glob->netns_name == name)
            forget_place(globs, i - 1);
    }
    for (uint32_t i = daemon->n_ports; i > 0; i--) {
        struct managed_port *mp = daemon->ports[i - 1];

        if (mp->glob && !mp->is_leaving && mp->netns_name == name && mp->made_in != name->netns)
            take_away(mp);
    }
}

/* What a port with a name wants may be somewhere else now, too. */
void globs_on_netns_name_changed(struct daemon *daemon, const struct netns_name *name)
{
    if (daemon->globs->n == 0)
        return;
    leave_namespace(daemon, name);
    if (!is_for_globs(daemon->globs, name))
        look_at_all(daemon);
    else if (name->netns)
        globs_look_at_links(daemon, name->netns);
}

/* ---- reload ---- */

static int compare_ports(const void *a, const void *b)
{
    const struct managed_port *const *one = a;
    const struct managed_port *const *other = b;

    return (*one)->made_for < (*other)->made_for ? -1 : (*one)->made_for > (*other)->made_for;
}

/* The pattern that made it, if it is still there. */
static struct managed_glob *find_same(struct globs *globs, const struct managed_glob *before)
{
    for (uint32_t i = 0; i < globs->n; i++) {
        if (globs->list[i].netns_name == before->netns_name &&
            strcmp(globs->list[i].config->match, before->config->match) == 0)
            return &globs->list[i];
    }
    return NULL;
}

static void hand_over(struct managed_port *mp)
{
    struct globs *globs = mp->daemon->globs;
    const struct netns *netns = mp->made_in;
    const struct link *link = link_watch_by_name(netns->links, mp->port->ifname);
    struct managed_glob *glob = link ? find_glob(mp->daemon, netns, link) : NULL;

    if (!is_still(mp, link, glob) || glob->n_ports == glob->config->max) {
        make_leave(mp, find_same(globs, mp->glob));
        return;
    }
    mp->glob = glob;
    glob->n_ports++;
}

void globs_adopt(struct daemon *daemon, struct globs *globs)
{
    struct globs *before = daemon->globs;
    uint32_t n = 0;

    daemon->globs = globs;
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        struct managed_port *mp = daemon->ports[i];

        if (mp->glob && mp->is_leaving) {
            mp->glob = find_same(globs, mp->glob);
            if (mp->glob)
                mp->glob->n_leaving++;
        } else if (mp->glob) {
            globs->order[n++] = mp;
        }
    }
    qsort(globs->order, n, sizeof(struct managed_port *), compare_ports);
    for (uint32_t i = 0; i < n; i++)
        hand_over(globs->order[i]);
    globs_free(before);
}

static int change_keys(struct managed_port *mp)
{
    struct port_changes done = {0};
    struct plan plan;
    int r = plan_make_of_port(mp->glob->bridge, mp->made_of, mp->glob->config, &plan);

    if (r < 0)
        return r;
    for (uint32_t i = 0; i < plan.n_steps; i++)
        managed_port_change(mp, &plan.steps[i], &done);
    plan_fini(&plan);
    mp->made_of = mp->glob->config;
    return 0;
}

void globs_settle(struct daemon *daemon)
{
    struct globs *globs = daemon->globs;

    for (uint32_t i = 0; i < globs->n; i++)
        globs->list[i].home = daemon_find_bridge(daemon, globs->list[i].bridge->name);
    for (uint32_t i = daemon->n_ports; i > 0; i--) {
        struct managed_port *mp = daemon->ports[i - 1];

        if (!mp->glob || mp->is_leaving || change_keys(mp) == 0)
            continue;
        mp->glob
            ->n_ports--; /* without memory for the way to what it should be: a new one is made */
        make_leave(mp, mp->glob);
    }
    look_at_all(daemon);
}

/* ---- what others may know ---- */

bool daemon_next_match(const struct daemon *daemon, const struct bridge *bridge, uint32_t *cursor,
                       struct daemon_match *ret_match)
{
    const struct globs *globs = daemon->globs;

    while (*cursor < globs->n) {
        const struct managed_glob *glob = &globs->list[(*cursor)++];

        if (glob->home->bridge != bridge)
            continue;
        *ret_match = (struct daemon_match){
            .match = glob->config->match,
            .netns = glob->config->netns,
            .max = glob->config->max,
            .n_ports = glob->n_ports,
            .n_left_out = glob->n_left_out,
        };
        return true;
    }
    return false;
}

const char *daemon_port_match(const struct port *port)
{
    const struct managed_port *mp = port->owner;

    return mp->glob ? mp->glob->config->match : NULL;
}
