/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ringspan/clock.h"
#include "ringspan/event.h"
#include "ringspan/link_watch.h"
#include "ringspan/log.h"

#include "netlink_batch.h"

/*
 * The watch against a model of the kernel that does at random what the kernel does rarely: links
 * are made, deleted, renamed and made again under old names and old indexes; parts of a dump are
 * made at one time and queued at a later one, with events in between; the buffer overflows, and
 * then swallows everything until it is read; dumps are interrupted, and an interrupted one may skip
 * a link. Whatever happened, once the watch says that it is synced and the queue is empty, its
 * table and what it reported are what the model has.
 */

#define N_INDEXES 12 /* 1 .. N_INDEXES */
#define N_NAMES   16
#define N_ROUNDS  200
#define N_STEPS   80

struct model_link {
    bool exists;
    char ifname[LIMIT_NAME_SIZE];
    uint32_t mtu;
};

struct model {
    uint64_t random;
    bool is_quiet; /* nothing goes wrong any more */
    struct model_link links[N_INDEXES + 1];
    struct batch queue;
    bool is_congested;
    uint64_t n_dumps_seen;
    uint32_t seq;
    int cursor;      /* of the dump; 0: none */
    bool has_change; /* of the list, since the last part */
    struct batch part;

    struct event_loop *loop;
    struct link_watch *watch;
    struct model_link reported[N_INDEXES + 1];
};

/* xorshift64: the same sequence every time. */
static uint32_t pick(struct model *m, uint32_t n)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (uint32_t)(m->random >> 32) % n;
}

static bool chance(struct model *m, uint32_t one_in)
{
    return !m->is_quiet && pick(m, one_in) == 0;
}

/* ---- the listener ---- */

static void check_report(void *arg, const struct link *before, const struct link *after)
{
    struct model *m = arg;
    struct model_link *known = &m->reported[before ? before->ifindex : after->ifindex];

    assert_int_equal(known->exists, before != NULL);
    if (before) {
        assert_string_equal(known->ifname, before->ifname);
        assert_int_equal(known->mtu, before->mtu);
    }
    *known = (struct model_link){0};
    if (after) {
        known->exists = true;
        known->mtu = after->mtu;
        strcpy(known->ifname, after->ifname);
    }
}

static void ignore_synced(void *arg)
{
}

/* ---- the kernel ---- */

/* Room for one more event, or else this one and all that follow until the queue is read are lost.
 */
static bool has_room(struct model *m)
{
    if (chance(m, 60))
        m->is_congested = true;
    return !m->is_congested;
}

static void tell_new(struct model *m, int ifindex)
{
    if (has_room(m))
        put_new(&m->queue, ifindex, m->links[ifindex].ifname, m->links[ifindex].mtu);
}

static void tell_gone(struct model *m, int ifindex)
{
    if (has_room(m))
        put_del(&m->queue, ifindex, m->links[ifindex].ifname);
}

static bool is_name_taken(const struct model *m, const char *ifname)
{
    for (int i = 1; i <= N_INDEXES; i++)
        if (m->links[i].exists && strcmp(m->links[i].ifname, ifname) == 0)
            return true;
    return false;
}

/* There are more names than links. */
static void give_free_name(struct model *m, int ifindex)
{
    char ifname[LIMIT_NAME_SIZE];

    do
        snprintf(ifname, sizeof(ifname), "n%u", pick(m, N_NAMES));
    while (is_name_taken(m, ifname));
    strcpy(m->links[ifindex].ifname, ifname);
}

static void make_link(struct model *m, int ifindex)
{
    m->links[ifindex] = (struct model_link){.exists = true, .mtu = 1500};
    give_free_name(m, ifindex);
    m->has_change = true;
    tell_new(m, ifindex);
}

static void delete_link(struct model *m, int ifindex)
{
    m->links[ifindex].exists = false;
    m->has_change = true;
    tell_gone(m, ifindex);
}

static void change_a_link(struct model *m)
{
    int ifindex = 1 + (int)pick(m, N_INDEXES);
    struct model_link *link = &m->links[ifindex];
    uint32_t what = pick(m, 3);

    if (!link->exists) {
        make_link(m, ifindex);
    } else if (what == 0) {
        delete_link(m, ifindex);
    } else if (what == 1) {
        give_free_name(m, ifindex);
        m->has_change = true;
        tell_new(m, ifindex);
    } else {
        link->mtu = 1000 + pick(m, 4);
        tell_new(m, ifindex);
    }
}

/* The next few rows are made; they are queued later. */
static void make_part(struct model *m)
{
    bool is_interrupted = m->has_change;
    uint16_t flags = NLM_F_MULTI | (is_interrupted ? NLM_F_DUMP_INTR : 0);

    m->has_change = false;
    for (int i = 0; i < 3 && m->cursor <= N_INDEXES; i++, m->cursor++) {
        const struct model_link *link = &m->links[m->cursor];

        if (!link->exists || (is_interrupted && chance(m, 4)))
            continue;
        put_link(&m->part, RTM_NEWLINK, flags, m->seq, m->cursor, link->ifname, link->mtu);
    }
    if (m->cursor > N_INDEXES) {
        put_done(&m->part, m->seq, flags, 0);
        m->cursor = 0;
    } else if (m->part.len == 0) {
        m->has_change = is_interrupted; /* no row could carry the flag: the next part does */
    }
}

static void queue_part(struct model *m)
{
    memcpy(m->queue.bytes + m->queue.len, m->part.bytes, m->part.len);
    m->queue.len += m->part.len;
    m->part.len = 0;
}

static void start_dump_if_asked(struct model *m)
{
    uint64_t n_dumps = link_watch_counters(m->watch).dumps;

    if (n_dumps == m->n_dumps_seen)
        return;
    m->n_dumps_seen = n_dumps;
    m->seq = (uint32_t)n_dumps;
    m->cursor = 1;
    m->has_change = false;
}

/* The watch reads all there is, the overrun first. */
static void read_queue(struct model *m)
{
    struct batch batch = {0};

    if (m->is_congested)
        put_overrun(&batch);
    memcpy(batch.bytes + batch.len, m->queue.bytes, m->queue.len);
    batch.len += m->queue.len;
    link_watch_feed(m->watch, batch.bytes, batch.len);
    m->queue.len = 0;
    m->is_congested = false;
    start_dump_if_asked(m);
}

static void step(struct model *m)
{
    switch (pick(m, 8)) {
    case 0:
    case 1:
    case 2:
        if (!m->is_quiet)
            change_a_link(m);
        break;
    case 3:
    case 4:
        if (m->cursor && m->part.len == 0)
            make_part(m);
        break;
    case 5:
    case 6:
        queue_part(m);
        break;
    case 7:
        read_queue(m);
        break;
    }
}

/* ---- the test ---- */

/* What the real kernel has to say to the watch's socket is dropped by a filter. */
static void deafen_netlink_sockets(void)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {1, &drop};
    int n = 0;

    for (int fd = 0; fd < 64; fd++) {
        int domain = 0;
        socklen_t len = sizeof(domain);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_NETLINK)
            continue;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
                         0);
        while (recv(fd, &n, sizeof(n), MSG_DONTWAIT) >= 0) {
        }
    }
}

static void assert_agreement(struct model *m)
{
    for (int i = 1; i <= N_INDEXES; i++) {
        const struct model_link *real = &m->links[i];
        const struct link *link = link_watch_by_index(m->watch, (uint32_t)i);

        assert_int_equal(m->reported[i].exists, real->exists);
        assert_int_equal(link != NULL, real->exists);
        if (!link)
            continue;
        assert_string_equal(link->ifname, real->ifname);
        assert_int_equal(link->mtu, real->mtu);
        assert_string_equal(m->reported[i].ifname, real->ifname);
        assert_int_equal(m->reported[i].mtu, real->mtu);
        assert_ptr_equal(link_watch_by_name(m->watch, real->ifname), link);
    }
}

/* Nothing changes any more, and the watch catches up. */
static void settle(struct model *m)
{
    uint64_t deadline = clock_now() + 20 * NS_PER_SEC;

    m->is_quiet = true;
    while (!link_watch_is_synced(m->watch) || m->part.len || m->queue.len || m->is_congested) {
        assert_in_range(clock_now(), 0, deadline);
        step(m);
        assert_int_equal(event_loop_turn(m->loop, 0), 0); /* pauses end by the clock */
        start_dump_if_asked(m);
    }
    m->is_quiet = false;
}

static void swallow_line(void *arg, enum log_level level, const char *line)
{
}

static void the_table_always_comes_back_to_the_kernels(void **state)
{
    static struct model model;
    struct model *m = &model;
    struct link_listener listener = {check_report, ignore_synced, m};
    struct link_watch_counters counters;

    log_set_sink(swallow_line, NULL);
    m->random = UINT64_C(0x9e3779b97f4a7c15);
    assert_int_equal(event_loop_new(&m->loop), 0);
    assert_int_equal(link_watch_new(m->loop, &listener, 0, &m->watch), 0);
    deafen_netlink_sockets();
    start_dump_if_asked(m);
    for (int round = 0; round < N_ROUNDS; round++) {
        for (int i = 0; i < N_STEPS; i++)
            step(m);
        settle(m);
        assert_agreement(m);
    }
    counters = link_watch_counters(m->watch);
    assert_in_range(counters.overruns, N_ROUNDS / 8, UINT64_MAX);
    assert_in_range(counters.interrupted_dumps, N_ROUNDS / 8, UINT64_MAX);
    link_watch_free(m->watch);
    event_loop_free(m->loop);
    log_set_sink(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_always_comes_back_to_the_kernels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
