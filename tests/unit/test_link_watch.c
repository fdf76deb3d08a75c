/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ringspan/clock.h"
#include "ringspan/event.h"
#include "ringspan/link_watch.h"
#include "ringspan/log.h"

#include "netlink_batch.h"

/*
 * Netlink bytes made here and fed to a watch whose loop is not turned: what is real about it is its
 * socket, which nobody reads. The listener writes a journal, one word per call:
 *   +5:a  appeared    -5:a  gone    5:a>b  changed (from name a to b)    synced
 */

struct fixture {
    struct event_loop *loop;
    struct link_watch *watch;
    char journal[128u << 10];
    size_t journal_len;
    char taken[128u << 10];
};

__attribute__((format(printf, 2, 3))) static void note(struct fixture *f, const char *format, ...)
{
    size_t room = sizeof(f->journal) - f->journal_len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(f->journal + f->journal_len, room, format, args);
    va_end(args);
    assert_in_range(len, 0, room - 1);
    f->journal_len += (size_t)len;
}

static void note_changed(void *arg, const struct link *before, const struct link *after)
{
    struct fixture *f = arg;

    if (!before)
        note(f, "+%u:%s ", after->ifindex, after->ifname);
    else if (!after)
        note(f, "-%u:%s ", before->ifindex, before->ifname);
    else
        note(f, "%u:%s>%s ", before->ifindex, before->ifname, after->ifname);
    /* The table has changed already. */
    if (after)
        assert_memory_equal(link_watch_by_index(f->watch, after->ifindex), after, sizeof(*after));
    else
        assert_null(link_watch_by_index(f->watch, before->ifindex));
}

static void note_synced(void *arg)
{
    struct fixture *f = arg;

    assert_true(link_watch_is_synced(f->watch));
    note(f, "synced ");
}

static void swallow_line(void *arg, enum log_level level, const char *line)
{
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct link_listener listener = {note_changed, note_synced, &fixture};

    fixture = (struct fixture){0};
    log_set_sink(swallow_line, NULL);
    assert_int_equal(event_loop_new(&fixture.loop), 0);
    assert_int_equal(link_watch_new(fixture.loop, &listener, 0, &fixture.watch), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    link_watch_free(f->watch);
    event_loop_free(f->loop);
    log_set_sink(NULL, NULL);
    return 0;
}

/* What was reported since the last call. */
static const char *take_journal(struct fixture *f)
{
    memcpy(f->taken, f->journal, f->journal_len + 1);
    f->journal[0] = '\0';
    f->journal_len = 0;
    return f->taken;
}

/* Feeds @batch and empties it. */
static int feed(struct fixture *f, struct batch *batch)
{
    int rc = link_watch_feed(f->watch, batch->bytes, batch->len);

    *batch = (struct batch){0};
    return rc;
}

static uint32_t dump_seq(const struct fixture *f)
{
    return (uint32_t)link_watch_counters(f->watch).dumps;
}

/* The first snapshot: 5:a and 6:b. */
static void sync_two(struct fixture *f)
{
    struct batch batch = {0};

    put_row(&batch, 1, 5, "a");
    put_row(&batch, 1, 6, "b");
    put_done(&batch, 1, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+5:a +6:b synced ");
}

/* ---- events ---- */

static void first_snapshot_is_reported_whole(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    put_row(&batch, 1, 5, "a");
    assert_int_equal(feed(f, &batch), 0);
    assert_false(link_watch_is_synced(f->watch));
    assert_string_equal(take_journal(f), "");
    put_done(&batch, 1, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_true(link_watch_is_synced(f->watch));
    assert_string_equal(take_journal(f), "+5:a synced ");
}

static void events_are_differences(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_new(&batch, 7, "c", 1500);
    put_new(&batch, 7, "c", 1500); /* tells nothing */
    put_new(&batch, 7, "c", 9000);
    put_new(&batch, 7, "d", 9000);
    put_del(&batch, 7, "d");
    put_del(&batch, 7, "d");
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+7:c 7:c>c 7:c>d -7:d ");
    assert_int_equal(link_watch_counters(f->watch).events, 6);
    assert_int_equal(link_watch_counters(f->watch).dumps, 1);
}

static void rename_moves_the_name(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_new(&batch, 5, "x", 1500);
    assert_int_equal(feed(f, &batch), 0);
    assert_null(link_watch_by_name(f->watch, "a"));
    assert_int_equal(link_watch_by_name(f->watch, "x")->ifindex, 5);
    assert_null(link_watch_by_name(f->watch, ""));
}

static void a_digest_has_every_field(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};
    const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x17};
    struct nlmsghdr *message = put_info(&batch, RTM_NEWLINK, 0, 0, 9);
    struct nlattr *nest;
    struct link want = {.ifindex = 9,
                        .flags = IFF_UP,
                        .mtu = 1400,
                        .master = 3,
                        .peer = 8,
                        .type = 1,
                        .operstate = 6,
                        .carrier = true,
                        .mac = 0x020000000017,
                        .ifname = "exactly15bytes_",
                        .kind = "veth",
                        .alias = "to rack 7"};

    mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac), mac);
    mnl_attr_put_strz(message, IFLA_IFNAME, "exactly15bytes_");
    mnl_attr_put_u32(message, IFLA_MTU, 1400);
    mnl_attr_put_strz(message, IFLA_IFALIAS, "to rack 7");
    mnl_attr_put_u32(message, IFLA_MASTER, 3);
    mnl_attr_put_u32(message, IFLA_LINK, 8);
    mnl_attr_put_u8(message, IFLA_OPERSTATE, 6);
    mnl_attr_put_u8(message, IFLA_CARRIER, 1);
    nest = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
    mnl_attr_nest_end(message, nest);
    mnl_attr_put_u32(message, IFLA_MAX + 7, 1); /* from a kernel newer than us */
    end_message(&batch, message);
    assert_int_equal(feed(f, &batch), 0);
    assert_memory_equal(link_watch_by_index(f->watch, 9), &want, sizeof(want));
}

static void absent_attributes_are_zero(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};
    struct link want = {.ifindex = 9, .flags = IFF_UP, .mtu = 1500, .type = 1, .ifname = "m"};

    put_new(&batch, 9, "m", 1500);
    assert_int_equal(feed(f, &batch), 0);
    assert_memory_equal(link_watch_by_index(f->watch, 9), &want, sizeof(want));
}

static void a_peer_elsewhere_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};
    struct nlmsghdr *message = put_info(&batch, RTM_NEWLINK, 0, 0, 9);

    mnl_attr_put_strz(message, IFLA_IFNAME, "m");
    mnl_attr_put_u32(message, IFLA_MTU, 1500);
    mnl_attr_put_u32(message, IFLA_LINK, 5);
    mnl_attr_put_u32(message, IFLA_LINK_NETNSID, 0);
    end_message(&batch, message);
    assert_int_equal(feed(f, &batch), 0);
    assert_int_equal(link_watch_by_index(f->watch, 9)->peer, 0);
}

static void other_news_about_links_is_ignored(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};
    struct nlmsghdr *message = put_info(&batch, RTM_DELLINK, 0, 0, 5);

    ((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_family = AF_BRIDGE;
    mnl_attr_put_strz(message, IFLA_IFNAME, "a");
    end_message(&batch, message);
    message = put_info(&batch, RTM_NEWLINK, 0, 0, 6);
    mnl_attr_put_strz(message, IFLA_IFNAME, "b");
    mnl_attr_put_u32(message, IFLA_WIRELESS, 0);
    end_message(&batch, message);
    end_message(&batch, put_message(&batch, RTM_NEWADDR, 0, 0));
    sync_two(f);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "");
    assert_true(link_watch_is_synced(f->watch));
}

/* ---- dumps and events that race ---- */

static void an_event_beats_a_row_that_comes_later(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    put_new(&batch, 5, "a", 1500);
    put_del(&batch, 5, "a");
    put_new(&batch, 6, "b", 9000);
    put_row(&batch, 1, 5, "a"); /* made before the deletion, queued after it */
    put_row(&batch, 1, 6, "b");
    put_done(&batch, 1, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+5:a -5:a +6:b synced ");
    assert_null(link_watch_by_index(f->watch, 5));
    assert_int_equal(link_watch_by_index(f->watch, 6)->mtu, 9000);
}

static void an_event_beats_a_row_that_came_before(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    put_row(&batch, 1, 5, "a");
    put_row(&batch, 1, 6, "b");
    put_row(&batch, 1, 7, "c");
    put_del(&batch, 5, "a");
    put_new(&batch, 6, "x", 1500);
    put_new(&batch, 8, "d", 1500); /* too late for the dump to have it */
    put_done(&batch, 1, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+6:x +8:d +7:c synced ");
}

static void a_link_made_again_under_its_index_lives(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    put_del(&batch, 5, "a");
    put_new(&batch, 5, "n", 1500);
    put_row(&batch, 1, 5, "a");
    put_done(&batch, 1, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+5:n synced ");
}

static void an_overrun_leads_to_a_dump_and_a_difference(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_overrun(&batch);
    put_new(&batch, 5, "a", 9000); /* still in the queue, and true */
    assert_int_equal(feed(f, &batch), -ENOBUFS);
    assert_string_equal(take_journal(f), "5:a>a ");
    assert_false(link_watch_is_synced(f->watch));
    assert_int_equal(link_watch_counters(f->watch).overruns, 1);
    assert_int_equal(dump_seq(f), 2);

    put_row(&batch, 2, 5, "a");
    put_row(&batch, 2, 7, "c");
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "-6:b 5:a>a +7:c synced ");
}

static void made_again_in_one_dump_is_gone_then_appeared(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_overrun(&batch);
    feed(f, &batch);
    put_row(&batch, 2, 6, "b");
    put_row(&batch, 2, 9, "a");
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "-5:a +9:a synced ");
    assert_int_equal(link_watch_by_name(f->watch, "a")->ifindex, 9);
}

static void two_names_swapped_unseen(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_overrun(&batch);
    feed(f, &batch);
    put_row(&batch, 2, 5, "b");
    put_row(&batch, 2, 6, "a");
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "5:a>b 6:b>a synced ");
    assert_int_equal(link_watch_by_name(f->watch, "a")->ifindex, 6);
    assert_int_equal(link_watch_by_name(f->watch, "b")->ifindex, 5);
}

static void two_names_swapped_by_events(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_new(&batch, 5, "tmp", 1500);
    put_new(&batch, 6, "a", 1500);
    put_new(&batch, 5, "b", 1500);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "5:a>tmp 6:b>a 5:tmp>b ");
    assert_true(link_watch_is_synced(f->watch));
}

static void a_name_taken_unseen_evicts_its_holder(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_new(&batch, 9, "a", 1500); /* what became of 5 was lost */
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "-5:a +9:a ");
    assert_false(link_watch_is_synced(f->watch));
    assert_int_equal(dump_seq(f), 2);
    put_row(&batch, 2, 5, "z");
    put_row(&batch, 2, 6, "b");
    put_row(&batch, 2, 9, "a");
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+5:z synced ");
}

static void an_interrupted_dump_proves_no_absence(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    sync_two(f);
    put_overrun(&batch);
    feed(f, &batch);
    put_link(&batch, RTM_NEWLINK, NLM_F_MULTI | NLM_F_DUMP_INTR, 2, 7, "c", 1500);
    put_row(&batch, 2, 8, "b"); /* 6 lost its name to it, seen or not */
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "-6:b +7:c +8:b ");
    assert_false(link_watch_is_synced(f->watch));
    assert_int_equal(link_watch_counters(f->watch).interrupted_dumps, 1);
}

static void turn_until_dumps(struct fixture *f, uint64_t n_dumps)
{
    uint64_t deadline = clock_now() + 10 * NS_PER_SEC;

    while (link_watch_counters(f->watch).dumps < n_dumps && clock_now() < deadline)
        assert_int_equal(event_loop_turn(f->loop, 100), 0);
    assert_true(link_watch_counters(f->watch).dumps >= n_dumps);
}

static void turn_until_synced(struct fixture *f)
{
    uint64_t deadline = clock_now() + 10 * NS_PER_SEC;

    while (!link_watch_is_synced(f->watch) && clock_now() < deadline)
        assert_int_equal(event_loop_turn(f->loop, 100), 0);
    assert_true(link_watch_is_synced(f->watch));
}

static void an_interrupted_dump_is_repeated(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    put_row(&batch, 1, 5, "a");
    put_done(&batch, 1, NLM_F_DUMP_INTR, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+5:a ");
    assert_int_equal(dump_seq(f), 2);
    put_row(&batch, 2, 5, "a");
    put_row(&batch, 2, 6, "b");
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+6:b synced ");
}

static void the_rest_of_an_old_dump_is_not_the_new_one(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    put_row(&batch, 1, 5, "a");
    put_overrun(&batch);
    feed(f, &batch);
    put_row(&batch, 1, 6, "b");
    put_done(&batch, 1, 0, 0);
    put_error(&batch, 1, -EBUSY);
    put_row(&batch, 2, 7, "c");
    put_done(&batch, 1, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "");
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "+7:c synced ");
    put_row(&batch, 2, 8, "d");
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    assert_string_equal(take_journal(f), "");
}

/* ---- failures ---- */

static void a_refused_dump_is_repeated(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    put_error(&batch, 1, 0); /* an acknowledgement */
    assert_int_equal(feed(f, &batch), 0);
    assert_int_equal(dump_seq(f), 1);
    put_error(&batch, 1, -EBUSY);
    assert_int_equal(feed(f, &batch), -EBUSY);
    assert_int_equal(dump_seq(f), 2); /* at once, the first time */
    put_done(&batch, 2, 0, -ENOMEM);
    assert_int_equal(feed(f, &batch), -ENOMEM);
    assert_int_equal(dump_seq(f), 2); /* then after a pause */
    assert_string_equal(take_journal(f), "");
    turn_until_dumps(f, 3);
    turn_until_synced(f); /* from here on it is the kernel that answers */
    assert_non_null(link_watch_by_name(f->watch, "lo"));
}

/* It may have to wait for the kernel: that is for whoever makes the socket, and not for the loop.
 */
static void the_first_dump_is_asked_for_with_the_socket(void **state)
{
    struct fixture *f = *state;
    const struct link_listener listener = {note_changed, note_synced, f};
    struct pollfd readable = {.fd = link_watch_open_socket(0), .events = POLLIN};

    assert_true(readable.fd >= 0);
    assert_int_equal(poll(&readable, 1, 0), 1); /* the answer is there */
    link_watch_free(f->watch);
    assert_int_equal(link_watch_new_on(f->loop, &listener, readable.fd, &f->watch), 0);
    turn_until_synced(f);
    assert_non_null(strstr(take_journal(f), ":lo "));
    assert_int_equal(link_watch_counters(f->watch).dumps, 1);
}

static void bad_message(struct batch *batch, int which)
{
    struct nlmsghdr *message = put_info(batch, RTM_NEWLINK, 0, 0, which == 0 ? 0 : 5);

    if (which != 1)
        mnl_attr_put_strz(message, IFLA_IFNAME, which == 2 ? "" : "a");
    if (which != 3)
        mnl_attr_put_u32(message, IFLA_MTU, 9000);
    if (which == 4)
        mnl_attr_put_u16(message, IFLA_MASTER, 1);
    if (which == 5)
        mnl_attr_put(message, IFLA_LINKINFO, 2, "xx");
    if (which == 6)
        ((struct nlattr *)mnl_nlmsg_get_payload_tail(message))[-2].nla_len = 100;
    if (which == 7)
        mnl_attr_put_strz(message, IFLA_IFNAME, "sixteen_bytes_xx");
    if (which == 8)
        message->nlmsg_len = NLMSG_HDRLEN + 4;
    end_message(batch, message);
}

static void malformed_messages_lead_to_a_dump(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};

    for (int which = 0; which <= 8; which++) {
        uint32_t seq = dump_seq(f);

        put_row(&batch, seq, 5, "a");
        put_done(&batch, seq, 0, 0);
        feed(f, &batch);
        take_journal(f);
        bad_message(&batch, which);
        put_new(&batch, 6, "b", 1500); /* is read nevertheless */
        assert_int_equal(feed(f, &batch), -EBADMSG);
        assert_string_equal(take_journal(f), "+6:b ");
        assert_int_equal(dump_seq(f), seq + 1);
    }
}

static void a_malformed_row_spoils_its_dump(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};
    struct nlmsghdr *message;

    sync_two(f);
    put_overrun(&batch);
    feed(f, &batch);
    message = put_info(&batch, RTM_NEWLINK, NLM_F_MULTI, 2, 5);
    end_message(&batch, message);
    put_done(&batch, 2, 0, 0);
    assert_int_equal(feed(f, &batch), -EBADMSG);
    assert_string_equal(take_journal(f), "");
    assert_non_null(link_watch_by_index(f->watch, 5));
}

static void every_truncation_is_refused(void **state)
{
    struct fixture *f = *state;
    struct batch whole = {0};

    sync_two(f);
    put_new(&whole, 7, "c", 1500);
    for (size_t len = 1; len < whole.len; len++)
        assert_int_equal(link_watch_feed(f->watch, whole.bytes, len), -EBADMSG);
    assert_string_equal(take_journal(f), "");
    assert_int_equal(link_watch_feed(f->watch, whole.bytes, 0), 0);
    assert_int_equal(link_watch_feed(f->watch, whole.bytes, 1u << 20), -EMSGSIZE);
}

static void a_table_of_thousands(void **state)
{
    struct fixture *f = *state;
    struct batch batch = {0};
    char ifname[16];

    for (int i = 1; i <= 5000; i++) {
        snprintf(ifname, sizeof(ifname), "p%d", i);
        put_row(&batch, 1, i, ifname);
        assert_int_equal(feed(f, &batch), 0);
    }
    put_done(&batch, 1, 0, 0);
    assert_int_equal(feed(f, &batch), 0);
    for (int i = 1; i <= 5000; i++) {
        snprintf(ifname, sizeof(ifname), "p%d", i);
        assert_int_equal(link_watch_by_name(f->watch, ifname)->ifindex, i);
        assert_string_equal(link_watch_by_index(f->watch, (uint32_t)i)->ifname, ifname);
    }
    for (int i = 1; i <= 5000; i += 2) {
        put_del(&batch, i, "");
        assert_int_equal(feed(f, &batch), 0);
    }
    assert_null(link_watch_by_name(f->watch, "p4999"));
    assert_int_equal(link_watch_by_name(f->watch, "p5000")->ifindex, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_snapshot_is_reported_whole),
        TEST(events_are_differences),
        TEST(rename_moves_the_name),
        TEST(a_digest_has_every_field),
        TEST(absent_attributes_are_zero),
        TEST(a_peer_elsewhere_is_unknown),
        TEST(other_news_about_links_is_ignored),
        TEST(an_event_beats_a_row_that_comes_later),
        TEST(an_event_beats_a_row_that_came_before),
        TEST(a_link_made_again_under_its_index_lives),
        TEST(an_overrun_leads_to_a_dump_and_a_difference),
        TEST(made_again_in_one_dump_is_gone_then_appeared),
        TEST(two_names_swapped_unseen),
        TEST(two_names_swapped_by_events),
        TEST(a_name_taken_unseen_evicts_its_holder),
        TEST(an_interrupted_dump_proves_no_absence),
        TEST(an_interrupted_dump_is_repeated),
        TEST(the_rest_of_an_old_dump_is_not_the_new_one),
        TEST(the_first_dump_is_asked_for_with_the_socket),
        TEST(a_refused_dump_is_repeated),
        TEST(malformed_messages_lead_to_a_dump),
        TEST(a_malformed_row_spoils_its_dump),
        TEST(every_truncation_is_refused),
        TEST(a_table_of_thousands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
