/* SPDX-License-Identifier: ISC */
#include "ringspan/link_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link_message.h"
#include "link_table.h"
#include "ringspan/clock.h"
#include "ringspan/container.h"
#include "ringspan/log.h"

/*
 * How the table keeps in step.
 *
 * Events are applied to the table as they come, at any time. A dump is collected beside it, in a
 * table of its own, together with the events that arrive meanwhile, and when it is complete the
 * difference between the two is reported and it takes the table's place (mark and sweep, with the
 * dump as the mark).
 *
 * In the dump's table an event beats a row about the same interface, whichever is read first. The
 * kernel makes a row while it holds the RTNL lock, but queues it after it has let the lock go, so
 * that an event (which is queued under the lock) may overtake a row that is older than it:
 * believing that row would undo the event, or raise a link from the dead. The reverse cannot be:
 * had a link changed between an event and a younger row, then that change would have been an event
 * too, and would have been queued before the row. So the last event about a link that was read is
 * at least as young as any row that was read. All this holds as long as no event is lost, so an
 * overrun spoils the dump that it falls into.
 *
 * Congestion is why the next dump waits until the socket is drained. The kernel says ENOBUFS once,
 * then drops every event in silence until its queue has been read empty; a dump that is asked for
 * before that could miss a change forever.
 *
 * An interrupted dump (the kernel's list of interfaces changed between two of its parts) may have
 * skipped interfaces, but what it has is true: it is used, except as proof that something is gone.
 */

/* The kernel fills at most 32 KiB per read of a dump; one event is one read of 1 to 2 KiB. */
#define BUFFER_SIZE    (64u << 10)
#define READS_PER_TURN 64

/* Room for about 3500 events (an event charges 2.3 KiB, and the kernel doubles the number). It is
 * a bound, not an allocation. */
#define DEFAULT_RCVBUF_BYTES (4u << 20)

#define BACKOFF_MIN       (10 * NS_PER_MS)
#define BACKOFF_MAX_SHIFT 7 /* 1.28 s */

/* An answer to the request can be lost to a full buffer, like any other message. */
#define DUMP_PATIENCE (5 * NS_PER_SEC)

/* Asked for with the socket, before there is a watch. */
#define FIRST_DUMP 1

enum phase {
    PHASE_IN_STEP, /* the table is right up to the last event read */
    PHASE_DUMPING, /* a dump was asked for and has not ended */
    PHASE_LOST,    /* something was missed: dump when the socket is drained, and not too often */
};

struct link_watch {
    struct event_loop *loop;
    struct link_listener listener;
    int fd;
    struct event *event;
    struct event_timer *timer; /* the end of the patience with a dump, or of a pause before one */
    enum phase phase;
    unsigned n_failures; /* since the last complete dump */
    uint64_t not_before; /* PHASE_LOST: when the next dump may be asked for */
    bool was_interrupted;
    struct link_table links; /* what the listener was told */
    struct link_table dump;  /* PHASE_DUMPING: rows so far, and events since the request */
    struct link_watch_counters counters;
    struct log_ratelimit log_limit;
};

static uint64_t pause_after(unsigned n_failures)
{
    if (n_failures == 0)
        return 0;
    return BACKOFF_MIN << (n_failures <= BACKOFF_MAX_SHIFT ? n_failures - 1 : BACKOFF_MAX_SHIFT);
}

static void lose_step(struct link_watch *watch, const char *why)
{
    uint64_t now = event_now(watch->loop);

    if (watch->phase == PHASE_LOST)
        return;
    log_ratelimited(&watch->log_limit, now, LOG_LEVEL_INFO, "links: %s, reading all of them again",
                    why);
    link_table_fini(&watch->dump);
    watch->phase = PHASE_LOST;
    watch->not_before = now + pause_after(watch->n_failures++);
}

/* Rows of the dump carry its ordinal number, so that the rest of an older one is told apart. The
 * kernel makes the first rows at once, for which it waits for the RTNL lock. */
static int send_request(int fd, uint64_t number)
{
    alignas(struct nlmsghdr) uint8_t request[LINK_MESSAGE_REQUEST_SIZE];
    uint32_t len = link_message_dump_request(request, (uint32_t)number);

    return send(fd, request, len, 0) < 0 ? -errno : 0;
}

static void await_dump(struct link_watch *watch)
{
    watch->phase = PHASE_DUMPING;
    watch->was_interrupted = false;
    event_timer_set(watch->timer, event_now(watch->loop) + DUMP_PATIENCE);
}

static int request_dump(struct link_watch *watch)
{
    int rc = send_request(watch->fd, ++watch->counters.dumps);

    if (rc == 0)
        await_dump(watch);
    return rc;
}

/* To be called when the socket is drained. */
static void request_dump_if_due(struct link_watch *watch)
{
    uint64_t now = event_now(watch->loop);

    if (watch->phase != PHASE_LOST)
        return;
    if (now >= watch->not_before) {
        int rc = request_dump(watch);

        if (rc == 0)
            return;
        log_ratelimited(&watch->log_limit, now, LOG_LEVEL_WARNING,
                        "links: cannot ask for them: %s, trying again", strerror(-rc));
        watch->not_before = now + pause_after(++watch->n_failures);
    }
    event_timer_set(watch->timer, watch->not_before);
}

static void report(struct link_watch *watch, const struct link *before, const struct link *after)
{
    watch->listener.changed(watch->listener.arg, before, after);
}

static bool is_same(const struct link *a, const struct link *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void remove_link(struct link_watch *watch, struct link_node *node)
{
    struct link before = node->link;

    link_table_del(&watch->links, node);
    report(watch, &before, NULL);
}

/* A name that is free in the kernel but taken here: its holder was renamed or deleted, and that was
 * missed. Either way it is not under this name any more; if it still exists, the next dump has it.
 */
static void evict_holder(struct link_watch *watch, const struct link *link)
{
    struct link_node *holder = link_table_by_name(&watch->links, link->ifname);

    if (!holder || holder->link.ifindex == link->ifindex)
        return;
    remove_link(watch, holder);
    if (watch->phase == PHASE_IN_STEP)
        lose_step(watch, "a name changed hands unseen");
}

static int apply_new(struct link_watch *watch, const struct link *link)
{
    struct link_node *node = link_table_by_index(&watch->links, link->ifindex);
    bool is_known = node != NULL;
    struct link before;
    int rc;

    if (is_known) {
        before = node->link;
        if (is_same(&before, link))
            return 0;
    }
    evict_holder(watch, link);
    rc = link_table_put(&watch->links, link, &node);
    if (rc < 0)
        return rc;
    report(watch, is_known ? &before : NULL, &node->link);
    return 0;
}

static void apply_gone(struct link_watch *watch, uint32_t ifindex)
{
    struct link_node *node = link_table_by_index(&watch->links, ifindex);

    if (node)
        remove_link(watch, node);
}

static int take_event(struct link_watch *watch, const struct link *link, bool is_gone)
{
    watch->counters.events++;
    if (watch->phase == PHASE_DUMPING) {
        struct link_node *node;
        int rc = link_table_put(&watch->dump, link, &node);

        if (rc < 0)
            return rc;
        node->from_event = true;
        node->is_gone = is_gone;
    }
    if (!is_gone)
        return apply_new(watch, link);
    apply_gone(watch, link->ifindex);
    return 0;
}

static int take_row(struct link_watch *watch, const struct link *link)
{
    struct link_node *node = link_table_by_index(&watch->dump, link->ifindex);

    if (node && node->from_event)
        return 0;
    return link_table_put(&watch->dump, link, &node);
}

static bool is_of_dump(const struct link_watch *watch, const struct nlmsghdr *message)
{
    return watch->phase == PHASE_DUMPING && message->nlmsg_seq == (uint32_t)watch->counters.dumps;
}

static int take_link(struct link_watch *watch, const struct nlmsghdr *message)
{
    bool is_row = message->nlmsg_flags & NLM_F_MULTI;
    struct link link;

    if (is_row && !is_of_dump(watch, message))
        return 0;
    switch (link_message_read(message, &link)) {
    case LINK_MESSAGE_LINK:
        break;
    case LINK_MESSAGE_UNRELATED:
        return 0;
    case LINK_MESSAGE_MALFORMED:
        return -EBADMSG;
    }
    if (is_row)
        return take_row(watch, &link);
    return take_event(watch, &link, message->nlmsg_type == RTM_DELLINK);
}

/* What an interrupted dump does not mention may have been skipped, and stays: unless the dump knows
 * its name as another's. */
static int keep_unmentioned(struct link_watch *watch)
{
    for (struct link_node *node = watch->links.first; node; node = node->next) {
        struct link_node *copy;
        int rc;

        if (link_table_by_index(&watch->dump, node->link.ifindex) ||
            link_table_by_name(&watch->dump, node->link.ifname))
            continue;
        rc = link_table_put(&watch->dump, &node->link, &copy);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void drop_gone(struct link_table *table)
{
    struct link_node *next;

    for (struct link_node *node = table->first; node; node = next) {
        next = node->next;
        if (node->is_gone)
            link_table_del(table, node);
    }
}

/* Gone comes before appeared, so that a name is free again when its next holder is reported. */
static void report_difference(struct link_watch *watch, const struct link_table *before,
                              const struct link_table *after)
{
    for (struct link_node *node = before->first; node; node = node->next)
        if (!link_table_by_index(after, node->link.ifindex))
            report(watch, &node->link, NULL);
    for (struct link_node *node = after->first; node; node = node->next) {
        struct link_node *old = link_table_by_index(before, node->link.ifindex);

        if (old && !is_same(&old->link, &node->link))
            report(watch, &old->link, &node->link);
    }
    for (struct link_node *node = after->first; node; node = node->next)
        if (!link_table_by_index(before, node->link.ifindex))
            report(watch, NULL, &node->link);
}

static void adopt_dump(struct link_watch *watch)
{
    struct link_table before = watch->links;

    drop_gone(&watch->dump);
    watch->links = watch->dump;
    watch->dump = (struct link_table){0};
    report_difference(watch, &before, &watch->links);
    link_table_fini(&before);
}

static int finish_interrupted_dump(struct link_watch *watch)
{
    int rc;

    watch->counters.interrupted_dumps++;
    rc = keep_unmentioned(watch);
    if (rc < 0)
        return rc;
    adopt_dump(watch);
    lose_step(watch, "links changed while they were read");
    return 0;
}

static int finish_dump(struct link_watch *watch, const struct nlmsghdr *message)
{
    int32_t outcome = 0;

    /* The kernel ends a dump that it could not go on with by the same message, with an errno. */
    if (mnl_nlmsg_get_payload_len(message) >= sizeof(outcome))
        memcpy(&outcome, mnl_nlmsg_get_payload(message), sizeof(outcome));
    if (outcome < 0)
        return outcome;
    if (watch->was_interrupted)
        return finish_interrupted_dump(watch);
    watch->phase = PHASE_IN_STEP;
    watch->n_failures = 0;
    event_timer_set(watch->timer, 0);
    adopt_dump(watch);
    watch->listener.synced(watch->listener.arg);
    return 0;
}

static int take_error(const struct nlmsghdr *message)
{
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

    if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
        return -EBADMSG;
    return error->error < 0 ? error->error : 0;
}

static int take_message(struct link_watch *watch, const struct nlmsghdr *message)
{
    if (is_of_dump(watch, message) && message->nlmsg_flags & NLM_F_DUMP_INTR)
        watch->was_interrupted = true;
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        return take_link(watch, message);
    case NLMSG_DONE:
        return is_of_dump(watch, message) ? finish_dump(watch, message) : 0;
    case NLMSG_ERROR:
        return is_of_dump(watch, message) ? take_error(message) : 0;
    case NLMSG_OVERRUN:
        watch->counters.overruns++;
        return -ENOBUFS;
    }
    return 0;
}

static void take_failure(struct link_watch *watch, int rc)
{
    lose_step(watch, rc == -ENOBUFS ? "the kernel dropped events" : strerror(-rc));
}

/* Reads on after a bad message: what follows is true nevertheless, and the table is marked. */
static int take_buffer(struct link_watch *watch, const uint8_t *buffer, size_t len)
{
    const struct nlmsghdr *message = (const void *)buffer;
    int left = (int)len;
    int result = 0;

    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        int rc = take_message(watch, message);

        if (rc < 0) {
            take_failure(watch, rc);
            result = rc;
        }
    }
    if (left > 0) {
        take_failure(watch, -EBADMSG);
        result = -EBADMSG;
    }
    return result;
}

/* One datagram. False if there is none. */
static bool read_once(struct link_watch *watch)
{
    alignas(struct nlmsghdr) uint8_t buffer[BUFFER_SIZE]; /* not one for each namespace */
    struct sockaddr_nl sender = {0};
    socklen_t sender_len = sizeof(sender);
    ssize_t len = recvfrom(watch->fd, buffer, BUFFER_SIZE, MSG_TRUNC, (struct sockaddr *)&sender,
                           &sender_len);
    int error = len < 0 ? errno : 0;

    if (error == EAGAIN)
        return false;
    if (error == EINTR)
        return true;
    if (error == ENOBUFS)
        watch->counters.overruns++;
    if (error)
        take_failure(watch, -error);
    else if (sender.nl_pid != 0)
        return true; /* not the kernel */
    else if ((size_t)len > BUFFER_SIZE)
        take_failure(watch, -EMSGSIZE);
    else
        take_buffer(watch, buffer, (size_t)len);
    return true;
}

static void read_some(struct link_watch *watch)
{
    for (int i = 0; i < READS_PER_TURN; i++) {
        if (!read_once(watch)) {
            request_dump_if_due(watch);
            return;
        }
    }
}

static void on_readable(void *arg, uint32_t epoll_events)
{
    read_some(arg);
}

static void on_timer(void *arg)
{
    struct link_watch *watch = arg;

    if (watch->phase == PHASE_DUMPING)
        lose_step(watch, "no end of them came");
    read_some(watch);
}

static int prepare_socket(int fd, uint32_t rcvbuf_bytes)
{
    const struct sockaddr_nl all_links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    int bytes = (int)rcvbuf_bytes;

    /* Without CAP_NET_ADMIN rmem_max is the limit: more overruns, no fewer links. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0)
        return -errno;
    return bind(fd, (const struct sockaddr *)&all_links, sizeof(all_links)) < 0 ? -errno : 0;
}

int link_watch_open_socket(uint32_t rcvbuf_bytes)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    int rc;

    if (fd < 0)
        return -errno;
    rc = prepare_socket(fd, rcvbuf_bytes ? rcvbuf_bytes : DEFAULT_RCVBUF_BYTES);
    if (rc == 0)
        rc = send_request(fd, FIRST_DUMP);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

int link_watch_new_on(struct event_loop *loop, const struct link_listener *listener, int fd,
                      struct link_watch **ret)
{
    struct link_watch *watch = calloc(1, sizeof(*watch));
    int rc;

    if (!watch)
        return -ENOMEM;
    watch->loop = loop;
    watch->listener = *listener;
    watch->log_limit = (struct log_ratelimit){.interval_ns = 10 * NS_PER_SEC, .burst = 5};
    watch->fd = fd;
    rc = event_timer_new(loop, on_timer, watch, &watch->timer);
    if (rc == 0)
        rc = event_add(loop, fd, EPOLLIN, on_readable, watch, &watch->event);
    if (rc < 0) {
        watch->fd = -1; /* still the caller's */
        link_watch_free(watch);
        return rc;
    }
    watch->counters.dumps = FIRST_DUMP;
    await_dump(watch);
    *ret = watch;
    return 0;
}

int link_watch_new(struct event_loop *loop, const struct link_listener *listener,
                   uint32_t rcvbuf_bytes, struct link_watch **ret)
{
    int fd = link_watch_open_socket(rcvbuf_bytes);
    int rc;

    if (fd < 0)
        return fd;
    rc = link_watch_new_on(loop, listener, fd, ret);
    if (rc < 0)
        close(fd);
    return rc;
}

void link_watch_free(struct link_watch *watch)
{
    if (!watch)
        return;
    event_del(watch->event);
    event_timer_free(watch->timer);
    if (watch->fd >= 0)
        close(watch->fd);
    link_table_fini(&watch->links);
    link_table_fini(&watch->dump);
    free(watch);
}

const struct link *link_watch_by_name(const struct link_watch *watch, const char *ifname)
{
    const struct link_node *node = link_table_by_name(&watch->links, ifname);

    return node ? &node->link : NULL;
}

const struct link *link_watch_by_index(const struct link_watch *watch, uint32_t ifindex)
{
    const struct link_node *node = link_table_by_index(&watch->links, ifindex);

    return node ? &node->link : NULL;
}

const struct link *link_watch_next(const struct link_watch *watch, const struct link *link)
{
    const struct link_node *node =
        link ? container_of(link, const struct link_node, link)->next : watch->links.first;

    return node ? &node->link : NULL;
}

uint32_t link_watch_n_links(const struct link_watch *watch)
{
    return (uint32_t)watch->links.n_links;
}

bool link_watch_is_synced(const struct link_watch *watch)
{
    return watch->phase == PHASE_IN_STEP;
}

struct link_watch_counters link_watch_counters(const struct link_watch *watch)
{
    return watch->counters;
}

int link_watch_feed(struct link_watch *watch, const void *bytes, size_t len)
{
    alignas(struct nlmsghdr) uint8_t buffer[BUFFER_SIZE];
    int rc;

    if (len > BUFFER_SIZE)
        return -EMSGSIZE;
    memcpy(buffer, bytes, len);
    rc = take_buffer(watch, buffer, len);
    request_dump_if_due(watch);
    return rc;
}
