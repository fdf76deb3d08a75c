/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/clock.h"
#include "ringspan/log.h"

static void copy_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

/* ---- what it should be ---- */

static void read_wish(const struct daemon *daemon, const struct config_port *config,
                      struct managed_tap *tap)
{
    struct tap *wish = &tap->wish;

    *wish = (struct tap){.mac = config->mac, .mtu = config->mtu, .speed = config->speed};
    copy_text(wish->ifname, sizeof(wish->ifname), config->ifname);
    snprintf(wish->mark, sizeof(wish->mark), "%.*s%s", (int)sizeof(wish->mark) - LIMIT_NAME_SIZE,
             daemon->tap_prefix, config->ifname);
    copy_text(wish->owner, sizeof(wish->owner), config->owner);
    copy_text(wish->group, sizeof(wish->group), config->group);
    tap->is_persistent = config->persist;
}

int managed_tap_new(const struct daemon *daemon, const struct config_port *config,
                    struct managed_tap **ret)
{
    struct managed_tap *tap = calloc(1, sizeof(*tap));

    if (!tap)
        return -ENOMEM;
    read_wish(daemon, config, tap);
    *ret = tap;
    return 0;
}

void managed_tap_free(struct managed_tap *tap)
{
    if (!tap)
        return;
    netns_unref(tap->step.netns);
    netns_unref(tap->settling.netns);
    free(tap);
}

void managed_tap_change(struct managed_port *mp, const struct config_port *config)
{
    read_wish(mp->daemon, config, mp->tap);
    mp->tap->settled = 0;
    mp->tap->retry_at = 0;
    mp->retry_at = 0; /* one that could not be made as it was may be made now */
}

static void set_netns(struct tap_job *job, struct netns *netns)
{
    struct netns *before = job->netns;

    job->netns = netns ? netns_ref(netns) : NULL;
    netns_unref(before);
}

static void work_in_netns(struct tap_job *job,
                          int (*work)(const struct tap *tap, struct tap_outcome *ret_outcome))
{
    int home;

    job->outcome.why[0] = '\0';
    job->result = netns_enter(job->netns->fd, &home);
    if (job->result < 0) {
        snprintf(job->outcome.why, sizeof(job->outcome.why),
                 "cannot enter the network namespace: %s", strerror(-job->result));
        return;
    }
    job->result = work(&job->tap, &job->outcome);
    netns_leave(home);
}

/* ---- settling ---- */

static void settle(void *arg)
{
    struct managed_port *mp = arg;

    if (!mp->daemon->is_dying)
        work_in_netns(&mp->tap->settling, tap_settle);
}

static void complain(struct managed_port *mp, const char *why)
{
    struct managed_tap *tap = mp->tap;

    if (strcmp(tap->complaint, why) == 0)
        return;
    copy_text(tap->complaint, sizeof(tap->complaint), why);
    if (why[0] != '\0')
        log_warning("port %s: %s", mp->port->name, why);
}

void managed_tap_add_complaint(const struct managed_tap *tap, char why[PORT_WHY_SIZE])
{
    size_t len = strlen(why);

    if (tap->complaint[0] != '\0')
        snprintf(why + len, PORT_WHY_SIZE - len, "%s%s", len > 0 ? "; " : "", tap->complaint);
}

static void try_later(struct managed_port *mp)
{
    mp->tap->retry_at = event_now(mp->daemon->loop) + RETRY_NS;
    managed_ports_arm_retry(mp->daemon);
}

static void settle_done(void *arg)
{
    struct managed_port *mp = arg;
    struct managed_tap *tap = mp->tap;
    const struct tap_job *job = &tap->settling;

    tap->is_settling = false;
    set_netns(&tap->settling, NULL);
    if (mp->daemon->is_dying)
        return;
    if (mp->is_leaving) {
        managed_port_begin_close(mp);
        return;
    }
    tap->is_held_open = job->result == -EBUSY;
    complain(mp, job->result < 0 ? job->outcome.why : "");
    if (job->result < 0)
        try_later(mp);
    else if (memcmp(&job->tap, &tap->wish, sizeof(job->tap)) == 0)
        tap->settled = job->outcome.ifindex;
    managed_port_look_at(mp);
}

void managed_tap_look_at(struct managed_port *mp, uint32_t ifindex)
{
    struct managed_tap *tap = mp->tap;

    if (tap->settled == ifindex || tap->is_settling || tap->retry_at != 0)
        return;
    tap->settling.tap = tap->wish;
    tap->settling.outcome.ifindex = ifindex;
    set_netns(&tap->settling, mp->netns_name->netns);
    tap->is_settling = true;
    if (workers_submit(mp->daemon->workers, settle, settle_done, mp) == 0)
        return;
    tap->is_settling = false;
    try_later(mp);
}

/* ---- what the link watch says ---- */

const struct link *managed_tap_link(const struct managed_port *mp)
{
    const struct link_watch *links = mp->netns_name->netns->links;
    const struct link *link = NULL;

    while ((link = link_watch_next(links, link))) {
        if (strcmp(link->alias, mp->tap->wish.mark) == 0)
            return link;
    }
    return NULL;
}

void managed_tap_on_link(struct managed_tap *tap, const struct link *link)
{
    bool is_heard_of = tap->made == link->ifindex;
    bool is_closed = tap->is_held_open && !link->carrier;

    if (is_heard_of)
        tap->made = 0;
    if (is_heard_of || is_closed)
        tap->retry_at = 0;
}

void managed_tap_prepare(struct managed_tap *tap)
{
    tap->step.tap = tap->wish;
    tap->step.outcome = (struct tap_outcome){0};
}

void managed_tap_made(struct managed_port *mp)
{
    const struct link_watch *links = mp->netns->links;
    struct managed_tap *tap = mp->tap;
    uint32_t ifindex = tap->step.outcome.ifindex;

    log_info("port %s: made the tap %s", mp->port->name, mp->port->ifname);
    if (memcmp(&tap->step.tap, &tap->wish, sizeof(tap->wish)) == 0)
        tap->settled = ifindex;
    if (links && link_watch_by_index(links, ifindex))
        return;
    /* It may be gone already, and nobody will tell of it any more. */
    tap->made = ifindex;
    try_later(mp);
}

/* ---- the end ---- */

/* Moved to another bridge, or under another port's name: whoever has opened it must not notice. */
static bool is_wanted(const struct config *config, const char *ifname, const char *netns)
{
    for (uint32_t b = 0; b < config->n_bridges; b++) {
        for (uint32_t i = 0; i < config->bridges[b].n_ports; i++) {
            const struct config_port *port = &config->bridges[b].ports[i];
            bool is_there =
                port->netns && netns ? strcmp(port->netns, netns) == 0 : port->netns == netns;

            if (is_there && strcmp(port->ifname, ifname) == 0)
                return true;
        }
    }
    return false;
}

void managed_tap_decide_end(struct managed_port *mp)
{
    struct managed_tap *tap = mp->tap;

    managed_tap_prepare(tap);
    set_netns(&tap->step, mp->netns_name->netns);
    if (mp->is_leaving)
        tap->is_unwanted = !is_wanted(mp->daemon->config, tap->wish.ifname, mp->netns_name->text);
    else
        tap->is_unwanted = !tap->is_persistent;
}

void managed_tap_end(struct managed_tap *tap)
{
    if (tap->is_unwanted && tap->step.netns)
        work_in_netns(&tap->step, tap_remove);
}

static void log_removal(const struct tap_job *job, const char *why)
{
    if (job->result < 0)
        log_warning("tap %s: %s", job->tap.ifname, job->outcome.why);
    else if (job->outcome.ifindex != 0)
        log_info("tap %s: removed: %s", job->tap.ifname, why);
}

void managed_tap_log_end(const struct managed_port *mp)
{
    if (mp->tap->is_unwanted)
        log_removal(&mp->tap->step, mp->is_leaving ? "its port is" : "it does not persist");
}

/* ---- what an earlier life left ---- */

static void remove_orphan(void *arg)
{
    work_in_netns(arg, tap_remove);
}

static void orphan_done(void *arg)
{
    struct tap_job *job = arg;

    log_removal(job, "no port is for it");
    netns_unref(job->netns);
    free(job);
}

static void begin_removal(struct daemon *daemon, struct netns *netns, const struct link *link,
                          const char *made_as)
{
    struct tap_job *job = calloc(1, sizeof(*job));

    if (!job)
        return;
    copy_text(job->tap.ifname, sizeof(job->tap.ifname), made_as);
    copy_text(job->tap.mark, sizeof(job->tap.mark), link->alias);
    job->netns = netns_ref(netns);
    if (workers_submit(daemon->workers, remove_orphan, orphan_done, job) < 0)
        orphan_done(job);
}

/* By whatever name for the namespace; one that was not looked up yet may be any. */
static bool has_port(const struct daemon *daemon, const struct netns *netns, const char *ifname)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        const struct managed_port *mp = daemon->ports[i];
        bool may_be_here = mp->netns_name->netns == netns || !mp->netns_name->is_known;

        if (may_be_here && strcmp(mp->port->ifname, ifname) == 0)
            return true;
    }
    return false;
}

void managed_taps_sweep(struct daemon *daemon, struct netns *netns)
{
    size_t len = strlen(daemon->tap_prefix);
    const struct link *link = NULL;

    while ((link = link_watch_next(netns->links, link))) {
        if (strncmp(link->alias, daemon->tap_prefix, len) == 0 &&
            !has_port(daemon, netns, link->alias + len))
            begin_removal(daemon, netns, link, link->alias + len);
    }
}
