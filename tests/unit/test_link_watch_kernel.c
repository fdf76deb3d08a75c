/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "ringspan/event.h"
#include "ringspan/link_watch.h"
#include "ringspan/log.h"

/*
 * The watch against the real kernel: each test gets a network namespace of its own and changes its
 * links with ip(8). The listener keeps a list made of nothing but the reports, and checks each
 * report against it; in the end the list, the watch's table and the kernel have to agree.
 */

#define MAX_LINKS 2048

struct fixture {
    struct event_loop *loop;
    struct link_watch *watch;
    struct link links[MAX_LINKS];
    size_t n_links;
    unsigned n_synced;
    unsigned n_gone;
};

static struct link *find(struct fixture *f, uint32_t ifindex)
{
    for (size_t i = 0; i < f->n_links; i++)
        if (f->links[i].ifindex == ifindex)
            return &f->links[i];
    return NULL;
}

static void mirror(void *arg, const struct link *before, const struct link *after)
{
    struct fixture *f = arg;
    struct link *known = find(f, before ? before->ifindex : after->ifindex);

    if (!before) {
        assert_null(known);
        assert_in_range(f->n_links, 0, MAX_LINKS - 1);
        f->links[f->n_links++] = *after;
        return;
    }
    assert_non_null(known);
    assert_memory_equal(known, before, sizeof(*before));
    if (after) {
        assert_memory_not_equal(before, after, sizeof(*before));
        *known = *after;
    } else {
        *known = f->links[--f->n_links];
        f->n_gone++;
    }
}

static void count_synced(void *arg)
{
    struct fixture *f = arg;

    f->n_synced++;
}

static void swallow_line(void *arg, enum log_level level, const char *line)
{
}

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){0};
    *state = NULL;
    if (unshare(CLONE_NEWNET) < 0) {
        print_message("no network namespace of our own: %s\n", strerror(errno));
        return 0;
    }
    if (system("ip -V >/dev/null 2>&1") != 0) {
        print_message("no ip(8)\n");
        return 0;
    }
    log_set_sink(swallow_line, NULL);
    assert_int_equal(event_loop_new(&fixture.loop), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (!f)
        return 0;
    link_watch_free(f->watch);
    event_loop_free(f->loop);
    log_set_sink(NULL, NULL);
    return 0;
}

static void start_watch(struct fixture *f, uint32_t rcvbuf_bytes)
{
    struct link_listener listener = {mirror, count_synced, f};

    assert_int_equal(link_watch_new(f->loop, &listener, rcvbuf_bytes, &f->watch), 0);
}

/* Runs @lines, commands of ip(8) without the "ip". */
static void ip(const char *lines)
{
    FILE *pipe = popen("ip -batch -", "w");

    assert_non_null(pipe);
    fputs(lines, pipe);
    assert_int_equal(pclose(pipe), 0);
}

static void turn_until(struct fixture *f, bool (*is_met)(struct fixture *f))
{
    uint64_t deadline = clock_now() + 20 * NS_PER_SEC;

    while (!is_met(f)) {
        assert_in_range(clock_now(), 0, deadline);
        assert_int_equal(event_loop_turn(f->loop, 100), 0);
    }
}

static bool is_synced(struct fixture *f)
{
    return link_watch_is_synced(f->watch);
}

static void ask(int fd, unsigned long request, const char *ifname, struct ifreq *ret_answer)
{
    memset(ret_answer, 0, sizeof(*ret_answer));
    strcpy(ret_answer->ifr_name, ifname);
    assert_int_equal(ioctl(fd, request, ret_answer), 0);
}

static bool is_as_in_kernel(int fd, const struct link *link)
{
    struct ifreq mtu;
    struct ifreq flags;

    ask(fd, SIOCGIFMTU, link->ifname, &mtu);
    ask(fd, SIOCGIFFLAGS, link->ifname, &flags);
    return link->mtu == (uint32_t)mtu.ifr_mtu &&
           (link->flags & 0xffff) == (uint32_t)(uint16_t)flags.ifr_flags;
}

/* All three of the kernel, the reports and the table. By other ways than a dump: if_nameindex(3)
 * and ioctl(2). */
static bool is_in_agreement(struct fixture *f)
{
    struct if_nameindex *kernel = if_nameindex();
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size_t n = 0;
    bool agrees = true;

    assert_non_null(kernel);
    for (; kernel[n].if_index && agrees; n++) {
        const struct link *link = link_watch_by_index(f->watch, kernel[n].if_index);
        const struct link *known = find(f, kernel[n].if_index);

        agrees = link && known && memcmp(link, known, sizeof(*link)) == 0 &&
                 link_watch_by_name(f->watch, kernel[n].if_name) == link &&
                 is_as_in_kernel(fd, link);
    }
    close(fd);
    if_freenameindex(kernel);
    return agrees && n == f->n_links;
}

static struct fixture *fixture_or_skip(void **state)
{
    if (!*state)
        skip();
    return *state;
}

/* ---- tests ---- */

static void links_come_change_and_go(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    uint32_t ifindex;

    ip("link add va type veth peer name vb\n");
    start_watch(f, 0);
    assert_false(is_synced(f));
    turn_until(f, is_synced);
    assert_true(is_in_agreement(f));
    assert_int_equal(f->n_links, 3);
    ifindex = link_watch_by_name(f->watch, "va")->ifindex;
    assert_string_equal(link_watch_by_name(f->watch, "va")->kind, "veth");
    assert_int_equal(link_watch_by_name(f->watch, "va")->peer,
                     link_watch_by_name(f->watch, "vb")->ifindex);
    assert_false(link_watch_by_name(f->watch, "va")->carrier);

    ip("link set va up\nlink set vb up\nlink set va mtu 9000\n");
    turn_until(f, is_in_agreement);
    assert_true(link_watch_by_name(f->watch, "va")->carrier);
    ip("link set vb down\nlink set va address 02:00:00:00:00:0a\n");
    turn_until(f, is_in_agreement);
    assert_false(link_watch_by_name(f->watch, "va")->carrier);
    assert_true(link_watch_by_name(f->watch, "va")->mac == 0x02000000000a);

    ip("link set va down\nlink set va name vz\nlink set vb name va\nlink set vz name vb\n");
    turn_until(f, is_in_agreement);
    assert_int_equal(link_watch_by_name(f->watch, "vb")->ifindex, ifindex);
    assert_int_equal(f->n_gone, 0);

    ip("link del va\n");
    turn_until(f, is_in_agreement);
    assert_int_equal(f->n_links, 1);
    assert_int_equal(f->n_synced, 1);
}

static bool has_master(struct fixture *f)
{
    const struct link *link = link_watch_by_name(f->watch, "va");

    return link && link->master != 0;
}

static bool has_no_master(struct fixture *f)
{
    return !has_master(f);
}

/* The kernel says RTM_DELLINK (of AF_BRIDGE) when a link leaves a bridge. */
static void leaving_a_bridge_is_no_deletion(void **state)
{
    struct fixture *f = fixture_or_skip(state);

    if (system("ip link add br0 type bridge 2>/dev/null") != 0) {
        print_message("no bridge in this kernel\n");
        skip();
    }
    ip("link add va type veth peer name vb\n");
    start_watch(f, 0);
    turn_until(f, is_synced);
    ip("link set va master br0\n");
    turn_until(f, has_master);
    assert_int_equal(link_watch_by_name(f->watch, "va")->master,
                     link_watch_by_name(f->watch, "br0")->ifindex);
    ip("link set va nomaster\n");
    turn_until(f, has_no_master);
    turn_until(f, is_in_agreement);
    assert_int_equal(f->n_gone, 0);
}

/* A tap that nobody has opened has IFLA_CARRIER until it is brought up. */
static void a_tap_without_opener_has_no_carrier(void **state)
{
    struct fixture *f = fixture_or_skip(state);

    if (system("ip tuntap add tap0 mode tap 2>/dev/null") != 0) {
        print_message("no tap devices here\n");
        skip();
    }
    start_watch(f, 0);
    ip("link set tap0 up\n");
    turn_until(f, is_synced);
    turn_until(f, is_in_agreement);
    assert_true(link_watch_by_name(f->watch, "tap0")->flags & IFF_UP);
    assert_false(link_watch_by_name(f->watch, "tap0")->carrier);
    assert_string_equal(link_watch_by_name(f->watch, "tap0")->kind, "tun");
}

/* Commands for @n veth pairs, made with @format, which takes the number twice. */
static char *for_pairs(const char *format, int n)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    for (int i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(stream, format, i, i);
#pragma GCC diagnostic pop
    }
    fclose(stream);
    return text;
}

static void ip_for_pairs(const char *format, int n)
{
    char *lines = for_pairs(format, n);

    ip(lines);
    free(lines);
}

/* Deleted, made again under the same name, renamed, resized: all unseen, in a buffer for a few. */
static void an_overrun_is_made_good(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    struct link_watch_counters counters;

    ip_for_pairs("link add a%d type veth peer name b%d\n", 100);
    start_watch(f, 4096);
    turn_until(f, is_synced);
    assert_true(is_in_agreement(f));

    ip_for_pairs("link del a%d\nlink add a%d type veth\n", 20);
    ip_for_pairs("link set b5%d name c%d\n", 10);
    ip_for_pairs("link add d%d type veth peer name e%d\n", 100);
    ip_for_pairs("link set a%d mtu 14%02d\n", 100);
    assert_false(is_in_agreement(f));
    turn_until(f, is_in_agreement);
    turn_until(f, is_synced);
    counters = link_watch_counters(f->watch);
    assert_in_range(counters.overruns, 1, UINT64_MAX);
    assert_in_range(counters.dumps, 2, UINT64_MAX);
    assert_in_range(f->n_synced, 2, UINT32_MAX);
    /* And events are believed again. */
    ip("link del a99\n");
    turn_until(f, is_in_agreement);
}

/* The kernel says ENOBUFS once, and goes on dropping until the queue is empty: a dump that is asked
 * for before would still have the link that is deleted here, and nobody would ever say otherwise.
 */
static void what_is_lost_after_the_error_is_made_good(void **state)
{
    struct fixture *f = fixture_or_skip(state);

    ip("link add va type veth peer name vb\n");
    start_watch(f, 256 << 10);
    turn_until(f, is_synced);
    for (int i = 0; i < 4; i++)
        ip_for_pairs("link set lo mtu 6%03d\n", 100);
    assert_int_equal(event_loop_turn(f->loop, 0), 0);
    assert_int_equal(link_watch_counters(f->watch).overruns, 1);
    ip("link del va\n");
    turn_until(f, is_synced);
    assert_true(is_in_agreement(f));
    assert_int_equal(link_watch_counters(f->watch).overruns, 1);
}

/* Links come and go in another process while dumps are read and overruns happen. */
static void a_storm_is_survived(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    uint64_t deadline = clock_now() + 30 * NS_PER_SEC;
    char *lines = for_pairs("link add s%d type veth peer name t%d\n", 300);
    char *more = for_pairs("link set s%d up\nlink del t%d\n", 80);
    FILE *pipe = popen("ip -batch -", "w");

    assert_non_null(pipe);
    start_watch(f, 16384);
    fputs(lines, pipe);
    fflush(pipe);
    for (int i = 0; i < 50; i++)
        assert_int_equal(event_loop_turn(f->loop, 0), 0);
    fputs(more, pipe);
    fflush(pipe);
    for (int i = 0; i < 50; i++)
        assert_int_equal(event_loop_turn(f->loop, 0), 0);
    assert_int_equal(pclose(pipe), 0);
    free(lines);
    free(more);
    while ((!is_synced(f) || !is_in_agreement(f)) && clock_now() < deadline)
        assert_int_equal(event_loop_turn(f->loop, 100), 0);
    assert_true(is_synced(f));
    assert_true(is_in_agreement(f));
    assert_int_equal(f->n_links, 1 + 2 * 220);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_come_change_and_go),
        TEST(leaving_a_bridge_is_no_deletion),
        TEST(a_tap_without_opener_has_no_carrier),
        TEST(an_overrun_is_made_good),
        TEST(what_is_lost_after_the_error_is_made_good),
        TEST(a_storm_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
