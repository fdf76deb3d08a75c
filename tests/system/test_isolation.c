/* SPDX-License-Identifier: ISC */
/* Each means by itself, on a cable whose one end has an address of this host. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "packet_fixture.h"
#include "ringspan/isolation.h"

#define RECEIVE_MARK 75 /* SO_RCVMARK, of Linux 5.19 */
#define TCX_INGRESS  46 /* of Linux 6.6, both */
#define TCX_EGRESS   47

struct world {
    enum isolation_means means;
    struct isolator *isolator;
    struct isolation isolation;
    int peer_fd;
    int own_fd; /* as the ring of a port would be */
};

/* Who has 192.0.2.1? Tell 192.0.2.99. */
static const uint8_t arp_request[] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0, 0, 0,  0, 9, 8, 6, /* header */
    0,    1,    8,    0,    6,    4,    0,   1,                    /* Ethernet, IPv4, request */
    2,    0,    0,    0,    0,    9,    192, 0, 2, 99,             /* sender */
    0,    0,    0,    0,    0,    0,    192, 0, 2, 1,              /* target */
};

static void lay_cable(void)
{
    run("ip link add p0 type veth peer name " PEER);
    run("sysctl -qw net.ipv6.conf.p0.disable_ipv6=1 net.ipv6.conf." PEER ".disable_ipv6=1");
    bring_cable_up();
    run("ip address add 192.0.2.1/24 dev p0");
    run("ip neighbour replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev p0");
    run("ip neighbour replace 192.0.2.99 lladdr 02:00:00:00:00:09 dev p0");
}

static int set_up_world(void **state)
{
    const enum isolation_means *means = *state;
    struct world *w = calloc(1, sizeof(*w));
    int one = 1;

    assert_non_null(w);
    w->means = *means;
    assert_int_equal(isolator_new(ISOLATION_BIT(w->means), &w->isolator), 0);
    isolation_init(&w->isolation);
    lay_cable();
    w->peer_fd = listen_on(PEER);
    w->own_fd = listen_on("p0");
    assert_int_equal(setsockopt(w->peer_fd, SOL_SOCKET, RECEIVE_MARK, &one, sizeof(one)), 0);
    *state = w;
    return 0;
}

static int tear_down_world(void **state)
{
    struct world *w = *state;

    isolation_detach(&w->isolation);
    isolator_free(w->isolator);
    close(w->peer_fd);
    close(w->own_fd);
    free(w);
    return system("ip link del p0 2>/dev/null; true");
}

static uint32_t count(int fd)
{
    char bytes[2048];
    uint32_t n = 0;

    while (recv(fd, bytes, sizeof(bytes), 0) >= 0)
        n++;
    return n;
}

static void send_from(const char *ifname, const void *bytes, size_t len, uint32_t mark)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(ifname)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    (void)send(fd, bytes, len, 0); /* one that a program drops is ENOBUFS */
    close(fd);
}

/* One, which is waited for if there must be one. */
static bool hears_one(int fd, bool must)
{
    return (!must || await_frame(fd)) && count(fd) == 1;
}

static bool answers_arp(struct world *w, bool must)
{
    count(w->peer_fd);
    count(w->own_fd);
    send_from(PEER, arp_request, sizeof(arp_request), 0);
    assert_true(hears_one(w->own_fd, true)); /* it is always there, and we always see it */
    return hears_one(w->peer_fd, must);
}

/* A datagram of this host's own. */
static bool is_heard(struct world *w, bool must)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    count(w->peer_fd);
    inet_pton(AF_INET, "192.0.2.2", &to.sin_addr);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "p0", 3), 0);
    (void)sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to));
    close(fd);
    return hears_one(w->peer_fd, must);
}

static void attach(struct world *w)
{
    char why[ISOLATION_WHY_SIZE];
    int r = isolation_attach(&w->isolation, w->isolator, if_nametoindex("p0"), false, why);

    if (r < 0)
        fail_msg("%s: %s", isolation_means_name(w->means), why);
    assert_string_equal(why, "");
    assert_int_equal(w->isolation.means, w->means);
}

static void expect_isolated(struct world *w)
{
    bool must_hear = !isolation_is_complete(w->means);

    assert_false(answers_arp(w, false));
    assert_int_equal(is_heard(w, must_hear), must_hear);
}

static void expect_not_isolated(struct world *w)
{
    assert_true(answers_arp(w, true));
    assert_true(is_heard(w, true));
}

static void comes_and_goes(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        expect_not_isolated(w);
        attach(w);
        expect_isolated(w);
        isolation_detach(&w->isolation);
        isolation_detach(&w->isolation);
        assert_int_equal(w->isolation.means, ISOLATION_NONE);
    }
    expect_not_isolated(w);
}

static uint32_t mark_of_next(int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(uint32_t))];
    } control;
    char bytes[2048];
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    uint32_t mark;

    assert_true(await_frame(fd));
    assert_int_equal(recvmsg(fd, &message, 0), sizeof(arp_request));
    assert_int_equal(control.header.cmsg_type, SO_MARK);
    memcpy(&mark, CMSG_DATA(&control.header), sizeof(mark));
    return mark;
}

/* Our frames pass, and nobody sees by what; those of other packet sockets do not. */
static void marked_frames_pass_unmarked(void **state)
{
    struct world *w = *state;

    attach(w);
    count(w->peer_fd);
    send_from("p0", arp_request, sizeof(arp_request), isolator_mark(w->isolator));
    assert_int_equal(mark_of_next(w->peer_fd), 0);
    send_from("p0", arp_request, sizeof(arp_request), 0);
    send_from("p0", arp_request, sizeof(arp_request), isolator_mark(w->isolator) + 1);
    assert_int_equal(count(w->peer_fd), 0);
}

static void nothing_is_left_by_a_process_that_is_killed(void **state)
{
    struct world *w = *state;
    int ready[2];
    pid_t child;
    char byte;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        char why[ISOLATION_WHY_SIZE];
        int r = isolation_attach(&w->isolation, w->isolator, if_nametoindex("p0"), false, why);

        if (r < 0 || write(ready[1], "", 1) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    expect_isolated(w);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    expect_not_isolated(w);
    attach(w);
    expect_isolated(w);
}

/* What is attached to a device goes with it, and does not stand in the way of the next. */
static void device_is_made_again(void **state)
{
    struct world *w = *state;

    attach(w);
    run("ip link del p0");
    lay_cable();
    close(w->peer_fd);
    close(w->own_fd);
    w->peer_fd = listen_on(PEER);
    w->own_fd = listen_on("p0");
    isolation_detach(&w->isolation);
    expect_not_isolated(w);
    attach(w);
    expect_isolated(w);
}

/* A program of somebody else, which returns @action, at the end of the list; its link. */
static int attach_program(uint32_t where, int32_t action)
{
    const struct bpf_insn instructions[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = action},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
                                 .insns = (uintptr_t)instructions,
                                 .insn_cnt = 2,
                                 .license = (uintptr_t) "ISC"};
    long program = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
    long link;

    assert_true(program >= 0);
    memset(&attributes, 0, sizeof(attributes));
    attributes.link_create.prog_fd = (uint32_t)program;
    attributes.link_create.target_ifindex = if_nametoindex("p0");
    attributes.link_create.attach_type = where;
    link = syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
    assert_true(link >= 0);
    close((int)program);
    return (int)link;
}

/* Whether a request from 192.0.2.99 makes this host's stack know where that is: it has heard it,
 * even if its answer cannot leave. */
static bool learns_from_arp(struct world *w)
{
    run("ip neighbour flush dev p0 nud all");
    count(w->own_fd);
    send_from(PEER, arp_request, sizeof(arp_request), 0);
    assert_true(hears_one(w->own_fd, true));
    return system("ip neighbour show dev p0 | grep -q '192.0.2.99 lladdr'") == 0;
}

/* Who was on ingress before us decides before us; who comes later has nothing left to decide. On
 * egress we come first, for whoever came earlier too. */
static void programs_of_others_keep_their_place(void **state)
{
    struct world *w = *state;
    int earlier = attach_program(TCX_INGRESS, TC_ACT_OK);
    int out;

    attach(w);
    assert_true(learns_from_arp(w));
    close(earlier);
    assert_false(learns_from_arp(w));
    earlier = attach_program(TCX_INGRESS, TC_ACT_OK);
    assert_false(learns_from_arp(w));
    close(earlier);
    isolation_detach(&w->isolation);

    run("ip neighbour replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev p0");
    out = attach_program(TCX_EGRESS, TC_ACT_OK);
    assert_true(is_heard(w, true));
    attach(w);
    expect_isolated(w);
    close(out);
}

static void two_isolators_do_not_meet(void **state)
{
    struct world *w = *state;
    struct isolator *other;
    struct isolation isolation;
    char why[ISOLATION_WHY_SIZE];

    assert_int_equal(isolator_new(ISOLATION_BIT(w->means), &other), 0);
    assert_int_not_equal(isolator_mark(other), isolator_mark(w->isolator));
    isolation_init(&isolation);
    attach(w);
    assert_int_equal(isolation_attach(&isolation, other, if_nametoindex(PEER), false, why), 0);
    count(w->own_fd);
    send_from("p0", arp_request, sizeof(arp_request), isolator_mark(w->isolator));
    assert_true(hears_one(w->peer_fd, true));
    send_from(PEER, arp_request, sizeof(arp_request), isolator_mark(other));
    assert_true(hears_one(w->own_fd, true));
    isolation_detach(&isolation);
    isolator_free(other);
}

static void no_such_device(void **state)
{
    struct world *w = *state;
    char why[ISOLATION_WHY_SIZE];

    assert_int_equal(isolation_attach(&w->isolation, w->isolator, 99999, false, why), -ENODEV);
    assert_int_equal(w->isolation.means, ISOLATION_NONE);
    attach(w);
}

static void without_means_it_says_so(void **state)
{
    struct isolator *isolator;
    struct isolation isolation;
    char why[ISOLATION_WHY_SIZE];

    isolation_init(&isolation);
    assert_int_equal(isolator_new(0, &isolator), 0);
    assert_int_equal(isolation_attach(&isolation, isolator, 1, false, why), -EOPNOTSUPP);
    assert_int_equal(isolation.means, ISOLATION_NONE);
    isolator_free(isolator);
}

#define EACH(test, means)                                         \
    {                                                             \
#test " by " #means, test, set_up_world, tear_down_world, \
            (void *)&(const enum isolation_means)                 \
        {                                                         \
            ISOLATION_##means                                     \
        }                                                         \
    }
#define ALL(test) EACH(test, TCX), EACH(test, NFTABLES), EACH(test, NFTABLES_INGRESS)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL(comes_and_goes),
        EACH(marked_frames_pass_unmarked, TCX),
        EACH(marked_frames_pass_unmarked, NFTABLES),
        ALL(nothing_is_left_by_a_process_that_is_killed),
        ALL(device_is_made_again),
        EACH(two_isolators_do_not_meet, TCX),
        EACH(two_isolators_do_not_meet, NFTABLES),
        EACH(programs_of_others_keep_their_place, TCX),
        ALL(no_such_device),
        cmocka_unit_test(without_means_it_says_so),
    };
    int skip = enter_namespace();

    if (skip == 0)
        run("ip link set lo up");
    return skip ? skip : cmocka_run_group_tests(tests, NULL, NULL);
}
