/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "daemon_private.h"

/*
 * What happens in a daemon, brought to its bus. Changes of forwarding tables wait in a journal,
 * because the data path does not stop to tell; whatever else is told, they are told before it, so
 * that the bus has everything in the order in which it happened.
 */

static void tell_change(struct daemon *daemon, const struct fdb_change *change)
{
    struct bus_event event = {.what = BUS_FDB_CHANGE, .fdb = change};
    uint32_t i = 0;

    while (daemon->bridges[i]->bridge != change->owner)
        i++;
    event.bridge = daemon->bridges[i]->bridge;
    event.port = bridge_port(event.bridge, change->port);
    bus_publish(daemon->bus, &event);
}

void daemon_tell_fdb(struct daemon *daemon)
{
    struct fdb_journal *journal = daemon->journal;

    if (!journal || journal->n == 0)
        return;
    for (uint32_t i = 0; i < journal->n; i++)
        tell_change(daemon, &journal->changes[i]);
    if (journal->lost > 0)
        bus_publish(daemon->bus, &(struct bus_event){.what = BUS_FDB_LOST, .count = journal->lost});
    fdb_journal_clear(journal);
}

void daemon_tell(struct daemon *daemon, const struct bus_event *event)
{
    daemon_tell_fdb(daemon);
    bus_publish(daemon->bus, event);
}

void daemon_tell_config(struct daemon *daemon, const char *command, const struct plan *plan,
                        const char *reason)
{
    daemon_tell(daemon, &(struct bus_event){.what = plan ? BUS_CONFIG_CHANGE : BUS_CONFIG_REFUSED,
                                            .command = command,
                                            .plan = plan,
                                            .reason = reason});
}

static bool takes_part(enum port_state state)
{
    return state == PORT_FORWARDING || state == PORT_LEARNING || state == PORT_BLOCKING;
}

/* Who has a port bind to another interface, which is there, has not lost one. The socket knows that
 * its device is gone before netlink tells. */
static bool has_a_link(const struct managed_port *mp)
{
    const struct netns *netns = mp->netns_name->netns;

    return mp->port->ops->has_device(mp->port) && netns && netns->links &&
           link_watch_by_name(netns->links, mp->port->ifname);
}

/* It took part, and is down or waits; what somebody asked for is another state. */
static bool lost_its_link(const struct port *port, enum port_state was)
{
    return takes_part(was) &&
           (port->state == PORT_DOWN || (port->state == PORT_WAITING && !has_a_link(port->owner)));
}

void daemon_on_port_state(void *arg, struct bridge *bridge, const struct port *port,
                          enum port_state was)
{
    struct daemon *daemon = arg;

    daemon_tell(daemon, &(struct bus_event){
                            .what = BUS_PORT_STATE, .bridge = bridge, .port = port, .was = was});
    if (lost_its_link(port, was))
        recorder_trigger(daemon->capture, RECORDER_LINK_DOWN, port->name);
}

/* ---- links ---- */

static void tell_link(const struct managed_port *mp, enum bus_what what, const struct link *link)
{
    daemon_tell(mp->daemon,
                &(struct bus_event){
                    .what = what, .bridge = mp->home->bridge, .port = mp->port, .link = link});
}

void managed_port_tell_link(struct managed_port *mp)
{
    static const struct link none = {0};
    const struct netns *netns = mp->netns_name->netns;
    const struct link *found =
        netns && netns->links ? link_watch_by_name(netns->links, mp->port->ifname) : NULL;
    struct link before = mp->told_link;
    bool is_same_one;

    mp->told_link = found ? *found : none;
    is_same_one = before.ifindex == mp->told_link.ifindex && netns == mp->told_netns &&
                  strcmp(before.ifname, mp->told_link.ifname) == 0;
    mp->told_netns = netns;
    if (before.ifindex && !is_same_one)
        tell_link(mp, BUS_LINK_DEL, &before);
    if (!mp->told_link.ifindex)
        return;
    if (!is_same_one)
        tell_link(mp, BUS_LINK_ADD, &mp->told_link);
    else if (memcmp(&before, &mp->told_link, sizeof(before)) != 0)
        tell_link(mp, BUS_LINK_CHANGE, &mp->told_link);
}

const struct link *daemon_named_link(const struct port *port)
{
    const struct managed_port *mp = port->owner;

    return mp->told_link.ifindex ? &mp->told_link : NULL;
}

void managed_port_tell(const struct managed_port *mp, enum bus_what what)
{
    daemon_tell(mp->daemon,
                &(struct bus_event){.what = what, .bridge = mp->home->bridge, .port = mp->port});
}

/* ---- switching the journal on and off ---- */

static void give_journal(struct daemon *daemon, struct fdb_journal *journal)
{
    daemon->journal = journal;
    for (uint32_t i = 0; i < daemon->n_bridges; i++)
        bridge_set_journal(daemon->bridges[i]->bridge, journal);
}

static void after_turn(void *arg)
{
    daemon_tell_fdb(arg);
}

static int begin_journal(struct daemon *daemon)
{
    struct fdb_journal *journal;
    int r = fdb_journal_new(LIMIT_FDB_JOURNAL, &journal);

    if (r < 0)
        return r;
    give_journal(daemon, journal);
    event_loop_after_turn(daemon->loop, after_turn, daemon);
    return 0;
}

static void end_journal(struct daemon *daemon)
{
    struct fdb_journal *journal = daemon->journal;

    event_loop_after_turn(daemon->loop, NULL, NULL);
    give_journal(daemon, NULL);
    fdb_journal_free(journal);
}

int daemon_on_demand(void *arg, uint32_t kinds)
{
    struct daemon *daemon = arg;
    bool is_wanted = kinds & BUS_MASK(BUS_FDB);

    if (is_wanted && !daemon->journal)
        return begin_journal(daemon);
    if (!is_wanted && daemon->journal)
        end_journal(daemon);
    return 0;
}
