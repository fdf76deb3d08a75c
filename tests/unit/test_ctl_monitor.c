/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/random.h"
#include "ctl_lab.h"
#include "ringspan/limits.h"

/* monitor.start, as clients see it. */

#define MAC(n) (UINT64_C(0x020000000000) + (n))

static void ask(int client, const char *params)
{
    char request[512];

    snprintf(request, sizeof(request),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"monitor.start\",\"params\":%s}\n", params);
    bench_dial(client);
    bench_say(client, request);
}

static void start(int client, const char *params)
{
    ask(client, params);
    bench_hear_lines(client, 1);
    if (!strstr(bench.text, "\"result\":{\"seq\":"))
        fail_msg("%s", bench.text);
}

static struct bridge *bridge_of(uint32_t i)
{
    return daemon_bridge(lab.daemon, i);
}

/* ---- what is told ---- */

/* @text without what is different each time: numbers and times. */
static void mask(char *text)
{
    char *to = text;

    for (const char *from = text; *from;) {
        if (strncmp(from, "\"seq\":", 6) == 0 || strncmp(from, "\"time\":", 7) == 0) {
            from = strchr(from, ':') + 1;
            from += strspn(from, "0123456789.");
            from += *from == ',';
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

#define EVENT(members) "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{" members "}}\n"

static void assert_told(int client, const char *expected)
{
    uint32_t n = 0;

    for (const char *c = expected; (c = strchr(c, '\n')); c++)
        n++;
    bench_hear_lines(client, n);
    mask(bench.text);
    assert_string_equal(bench.text, expected);
}

static void test_port(void **state)
{
    start(0, "{\"kinds\":[\"port\"]}");
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    lab_set_state("rsp-r1", PORT_FORWARDING, ""); /* no change */
    lab_set_state("rsp-r3", PORT_DOWN, "no carrier");
    lab_set_state("rsp-r3", PORT_DOWN, "asleep");
    assert_told(0, EVENT("\"kind\":\"port\",\"event\":\"state\",\"port\":\"rsp-r1\","
                         "\"master\":\"lab0\",\"was\":\"waiting\",\"state\":\"forwarding\","
                         "\"reason\":\"\"")
                       EVENT("\"kind\":\"port\",\"event\":\"state\",\"port\":\"rsp-r3\","
                             "\"master\":\"lab1\",\"was\":\"waiting\",\"state\":\"down\","
                             "\"reason\":\"no carrier\"")
                           EVENT("\"kind\":\"port\",\"event\":\"state\",\"port\":\"rsp-r3\","
                                 "\"master\":\"lab1\",\"was\":\"down\",\"state\":\"down\","
                                 "\"reason\":\"asleep\""));
}

#define FDB_ROW(event, mac, port, more)                                   \
    EVENT("\"kind\":\"fdb\",\"event\":\"" event "\",\"mac\":\"" mac       \
          "\",\"vlan\":0,\"port\":\"" port "\",\"master\":\"lab0\"," more \
          "\"flags\":[],\"state\":\"\"")

static void test_fdb(void **state)
{
    lab_learn("rsp-r1", 0, MAC(9)); /* before anybody listened */
    start(0, "{\"kinds\":[\"fdb\"]}");
    lab_learn("rsp-r1", 0, MAC(1));
    lab_learn("rsp-r1", 0, MAC(1));
    lab_learn("rsp-r2", 0, MAC(1));
    fdb_flush_port(bridge_fdb(bridge_of(0)), 0);
    assert_true(fdb_del(bridge_fdb(bridge_of(0)), 0, MAC(1), daemon_now(lab.daemon)));
    assert_told(0, FDB_ROW("learn", "02:00:00:00:00:01", "rsp-r1", "")
                       FDB_ROW("move", "02:00:00:00:00:01", "rsp-r2", "\"from\":\"rsp-r1\",")
                           EVENT("\"kind\":\"fdb\",\"event\":\"flush\",\"port\":\"rsp-r1\","
                                 "\"master\":\"lab0\",\"count\":1")
                               FDB_ROW("del", "02:00:00:00:00:01", "rsp-r2", ""));
}

/* What a table noted is told before what happened later. */
static void test_order(void **state)
{
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    start(0, "{\"kinds\":[\"fdb\",\"port\"],\"port\":\"rsp-r1\"}");
    lab_learn("rsp-r1", 0, MAC(1));
    lab_set_state("rsp-r1", PORT_DOWN, "");
    assert_told(0, FDB_ROW("learn", "02:00:00:00:00:01", "rsp-r1", "")
                       EVENT("\"kind\":\"fdb\",\"event\":\"flush\",\"port\":\"rsp-r1\","
                             "\"master\":\"lab0\",\"count\":1")
                           EVENT("\"kind\":\"port\",\"event\":\"state\",\"port\":\"rsp-r1\","
                                 "\"master\":\"lab0\",\"was\":\"forwarding\",\"state\":\"down\","
                                 "\"reason\":\"\""));
}

static void test_config(void **state)
{
    start(0, "{\"kinds\":[\"config\",\"port\"]}");
    bench_dial(1);
    lab_write("{");
    bench_say(1, REQUEST(1, "daemon.reload"));
    bench_hear_lines(1, 1);
    bench_hear_lines(0, 1);
    assert_non_null(strstr(bench.text, "\"kind\":\"config\",\"event\":\"refused\","
                                       "\"command\":\"reload\",\"reason\":\""));
    assert_non_null(strstr(bench.text, "lab.json:1:2: the text ends"));
    assert_null(strstr(bench.text, "\\n"));
    lab_write(
        "{\"version\":1,\"bridges\":[{\"name\":\"lab0\",\"aging_time\":50,\"ports\":"
        "[{\"name\":\"rsp-r1\"}]},{\"name\":\"lab1\",\"reserved\":\"all\",\"vlan_aware\":true,"
        "\"fdb\":{\"max_entries\":16},\"ports\":[{\"name\":\"rsp-r3\",\"vlan\":{\"mode\":"
        "\"native_untagged\",\"pvid\":10,\"allowed\":[\"20-29\"]}}]}]}");
    bench_say(1, REQUEST(1, "daemon.reload"));
    bench_hear_lines(1, 1);
    assert_told(0, EVENT("\"kind\":\"port\",\"event\":\"del\",\"port\":\"rsp-r2\","
                         "\"master\":\"lab0\",\"state\":\"waiting\","
                         "\"reason\":\"no interface named rsp-r2\"")
                       EVENT("\"kind\":\"config\",\"event\":\"change\",\"command\":\"reload\","
                             "\"deleted\":1,\"changed\":1,\"added\":0"));
}

/* Who names a port or a bridge is not told what is about neither. */
static void test_config_is_about_no_port(void **state)
{
    start(0, "{\"port\":\"rsp-r1\"}");
    bench_dial(1);
    lab_write("{");
    bench_say(1, REQUEST(1, "daemon.reload"));
    bench_hear_lines(1, 1);
    lab_set_state("rsp-r1", PORT_DOWN, "");
    bench_hear_lines(0, 1);
    assert_non_null(strstr(bench.text, "\"kind\":\"port\""));
}

/* Of one turn: what was before it asked is for those who asked before. */
static void test_what_was_before_is_not_told(void **state)
{
    start(0, "{\"kinds\":[\"fdb\"]}");
    bench_dial(1);
    bench_turns(2);
    lab_learn("rsp-r1", 0, MAC(1));
    bench_say(1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"monitor.start\"}\n");
    bench_hear_lines(1, 1);
    lab_learn("rsp-r1", 0, MAC(2));
    assert_told(1, FDB_ROW("learn", "02:00:00:00:00:02", "rsp-r1", ""));
    assert_told(0, FDB_ROW("learn", "02:00:00:00:00:01", "rsp-r1", "")
                       FDB_ROW("learn", "02:00:00:00:00:02", "rsp-r1", ""));
}

/* @fdb: of lab0, whose first port has the keys @port besides its name. */
static void reload_with(const char *fdb, const char *port)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "{\"version\":1,\"bridges\":[{\"name\":\"lab0\",\"aging_time\":100,\"fdb\":{%s},"
             "\"ports\":[{\"name\":\"rsp-r1\"%s},{\"name\":\"rsp-r2\"}]}]}",
             fdb, port);
    lab_write(text);
    bench_say(1, REQUEST(1, "daemon.reload"));
    bench_hear_lines(1, 1);
    if (!strstr(bench.text, "\"steps\":["))
        fail_msg("%s", bench.text);
}

#define STATIC_ROW(event, n)                                                     \
    EVENT(                                                                       \
        "\"kind\":\"fdb\",\"event\":\"" event "\",\"mac\":\"02:00:00:00:00:0" #n \
        "\",\"vlan\":0,\"port\":\"rsp-r1\",\"master\":\"lab0\",\"flags\":[],\"state\":\"static\"")
#define STATIC(n, more) "{\"mac\":\"02:00:00:00:00:0" #n "\",\"port\":\"rsp-r1\"" more "}"

/* However many keys the change is of, and none that nothing became of. */
static void test_static_entries_are_told_once(void **state)
{
    start(0, "{\"kinds\":[\"fdb\"]}");
    bench_dial(1);
    reload_with("\"static\":[" STATIC(1, "") "]", "");
    assert_told(0, STATIC_ROW("add", 1));
    reload_with("\"max_entries\":32,\"static\":[" STATIC(1, "") "," STATIC(2, "") "]", "");
    assert_told(0, STATIC_ROW("del", 1) STATIC_ROW("add", 1) STATIC_ROW("add", 2));
    reload_with("\"max_entries\":32,\"static\":[" STATIC(1, ",\"description\":\"a\"") "]", "");
    lab_learn("rsp-r1", 0, MAC(3));
    assert_told(0, STATIC_ROW("del", 2) FDB_ROW("learn", "02:00:00:00:00:03", "rsp-r1", ""));
}

/* What was learned is forgotten at once, and not port by port. */
static void test_table_replaced(void **state)
{
    start(0, "{\"kinds\":[\"fdb\"]}");
    bench_dial(1);
    reload_with("\"static\":[" STATIC(1, "") "]", "");
    lab_learn("rsp-r1", 0, MAC(2));
    lab_learn("rsp-r2", 0, MAC(3));
    bench_hear_lines(0, 3);
    reload_with("\"max_entries\":32,\"static\":[" STATIC(1, "") "]", "");
    lab_learn("rsp-r1", 0, MAC(2));
    assert_told(0, EVENT("\"kind\":\"fdb\",\"event\":\"flush\",\"port\":null,"
                         "\"master\":\"lab0\",\"count\":2") STATIC_ROW("del", 1)
                       STATIC_ROW("add", 1) FDB_ROW("learn", "02:00:00:00:00:02", "rsp-r1", ""));
}

static void test_new_bridge(void **state)
{
    start(0, "{\"kinds\":[\"fdb\"]}");
    bench_dial(1);
    lab_write(
        "{\"version\":1,\"bridges\":[{\"name\":\"lab2\",\"ports\":[{\"name\":\"rsp-r9\"}]}]}");
    bench_say(1, REQUEST(1, "daemon.reload"));
    bench_hear_lines(1, 1);
    lab_learn("rsp-r9", 0, MAC(1));
    bench_hear_lines(0, 1);
    assert_non_null(strstr(bench.text, "\"event\":\"learn\""));
    assert_non_null(strstr(bench.text, "\"master\":\"lab2\""));
}

/* What nothing in the file says anything new about is there again when its port is. */
static void test_static_entries_of_a_port_made_anew(void **state)
{
    start(0, "{\"kinds\":[\"fdb\"]}");
    bench_dial(1);
    reload_with("\"static\":[" STATIC(1, "") "," STATIC(2, "") "]", "");
    assert_told(0, STATIC_ROW("add", 1) STATIC_ROW("add", 2));
    reload_with("\"static\":[" STATIC(1, "") "," STATIC(3, "") "]",
                ",\"type\":\"tap\",\"netns\":\"there-is-none\"");
    assert_told(0, STATIC_ROW("del", 1) STATIC_ROW("del", 2) STATIC_ROW("add", 3)
                       STATIC_ROW("add", 1));
}

/* Of several filters all must hold; a move concerns both ports. */
static void test_filters(void **state)
{
    start(0, "{\"kinds\":[\"fdb\"],\"port\":\"rsp-r1\"}");
    start(1, "{\"bridge\":\"lab1\"}");
    lab_learn("rsp-r2", 0, MAC(1));
    lab_learn("rsp-r3", 0, MAC(2));
    lab_learn("rsp-r1", 0, MAC(1));
    lab_learn("rsp-r2", 0, MAC(1));
    lab_set_state("rsp-r1", PORT_DOWN, "");
    fdb_flush_all(bridge_fdb(bridge_of(0)));
    assert_told(0, FDB_ROW("move", "02:00:00:00:00:01", "rsp-r1", "\"from\":\"rsp-r2\",")
                       FDB_ROW("move", "02:00:00:00:00:01", "rsp-r2", "\"from\":\"rsp-r1\",")
                           EVENT("\"kind\":\"fdb\",\"event\":\"flush\",\"port\":null,"
                                 "\"master\":\"lab0\",\"count\":1"));
    assert_told(1, EVENT("\"kind\":\"fdb\",\"event\":\"learn\",\"mac\":\"02:00:00:00:00:02\","
                         "\"vlan\":0,\"port\":\"rsp-r3\",\"master\":\"lab1\",\"flags\":[],"
                         "\"state\":\"\""));
}

static void assert_refused(const char *params, const char *sentence)
{
    char request[512];

    snprintf(request, sizeof(request),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"monitor.start\",\"params\":%s}\n", params);
    bench_say(0, request);
    bench_hear_lines(0, 1);
    if (!strstr(bench.text, "\"error\"") || !strstr(bench.text, sentence))
        fail_msg("%s%s", request, bench.text);
}

static void test_refusals(void **state)
{
    bench_dial(0);
    assert_refused("{\"kinds\":[\"frames\"]}", "port, link, fdb, config");
    assert_refused("{\"kinds\":[]}", "port, link, fdb, config");
    assert_refused("{\"kinds\":\"fdb\"}", "port, link, fdb, config");
    assert_refused("{\"snapshot\":1}", "neither true nor false");
    assert_refused("{\"port\":\"rsp-r9\"}", "there is no port named 'rsp-r9'");
    assert_refused("{\"bridge\":\"lab9\"}", "there is no bridge named 'lab9'");
    assert_refused("{\"bridge\":\"lab1\",\"port\":\"rsp-r1\"}", "belongs to bridge 'lab0'");
    assert_refused("{\"speed\":1}", "unknown parameter");
}

/* ---- slow readers ---- */

struct tally {
    uint64_t n; /* events */
    uint64_t lost;
    uint32_t n_lost_lines;
    uint64_t first_seq;
    uint64_t last_seq;
    bool is_gapless;
};

static uint64_t number_of(struct json_object *event, const char *key)
{
    struct json_object *value;

    assert_true(json_object_object_get_ex(event, key, &value));
    return json_object_get_uint64(value);
}

static struct json_object *event_of(const char *line)
{
    struct json_object *tree = json_tokener_parse(line);
    struct json_object *params;

    assert_true(json_object_object_get_ex(tree, "params", &params));
    json_object_get(params);
    json_object_put(tree);
    return params;
}

static const char *word_of(struct json_object *event, const char *key)
{
    struct json_object *value;

    return json_object_object_get_ex(event, key, &value) ? json_object_get_string(value) : NULL;
}

static void count_line(struct tally *tally, const char *line)
{
    struct json_object *event = event_of(line);
    uint64_t seq = number_of(event, "seq");
    bool is_lost = strcmp(word_of(event, "event"), "lost") == 0;
    uint64_t n = is_lost ? number_of(event, "count") : 1;

    if (tally->n + tally->lost == 0)
        tally->first_seq = seq - n + 1;
    else if (seq != tally->last_seq + n)
        tally->is_gapless = false;
    tally->last_seq = seq;
    if (is_lost) {
        tally->lost += n;
        tally->n_lost_lines++;
    } else {
        tally->n++;
    }
    json_object_put(event);
}

/* Reads until so many events were told or said to be lost. */
static void hear_events(int client, uint64_t n, struct tally *ret)
{
    uint64_t deadline = clock_now() + PATIENCE;

    *ret = (struct tally){.is_gapless = true};
    bench.text_len = 0;
    while (ret->n + ret->lost < n) {
        char *line = bench.text;

        assert_true(clock_now() < deadline);
        bench_turn();
        assert_true(bench_hear(client));
        for (char *end; (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            count_line(ret, line);
        }
        bench.text_len -= (size_t)(line - bench.text);
        memmove(bench.text, line, bench.text_len + 1);
    }
    assert_int_equal(ret->n + ret->lost, n);
}

static void storm(uint32_t turns, uint32_t each)
{
    static uint64_t mac;

    for (uint32_t i = 0; i < turns; i++) {
        for (uint32_t k = 0; k < each; k++)
            lab_learn("rsp-r1", 0, MAC(++mac));
        assert_int_equal(event_loop_turn(bench.loop, 0), 0);
    }
}

#define STORM_TURNS 400
#define STORM_EACH  100

static void test_a_slow_reader_is_told_how_many(void **state)
{
    struct tally slow;
    struct tally fast;

    start(0, "{\"kinds\":[\"fdb\"]}");
    start(1, "{}");
    bench_dial(2);
    for (uint32_t i = 0; i < STORM_TURNS; i++) {
        storm(1, STORM_EACH);
        hear_events(1, STORM_EACH, &fast); /* everything, at once */
        assert_int_equal(fast.lost, 0);
        assert_true(fast.is_gapless);
    }
    bench_say(2, REQUEST(1, "bridge.show")); /* nor do others wait */
    bench_hear_lines(2, 1);
    hear_events(0, STORM_TURNS * STORM_EACH, &slow);
    assert_in_range(slow.lost, 1, STORM_TURNS * STORM_EACH - 1);
    assert_int_equal(slow.n_lost_lines, 1);
    assert_true(slow.is_gapless);
    /* Its queue and its socket were full, and it has everything after the gap. */
    assert_true(slow.n > LIMIT_CTL_QUEUE_BYTES / 256);
    storm(1, 10);
    hear_events(0, 10, &slow);
    assert_int_equal(slow.lost, 0);
}

static void test_a_turn_beyond_the_journal(void **state)
{
    struct tally tally;

    start(0, "{\"kinds\":[\"fdb\"]}");
    start(1, "{\"kinds\":[\"fdb\"]}");
    storm(1, LIMIT_FDB_JOURNAL + 123);
    for (int client = 0; client < 2; client++) {
        hear_events(client, LIMIT_FDB_JOURNAL + 123, &tally);
        assert_int_equal(tally.lost, 123);
        assert_int_equal(tally.n_lost_lines, 1);
        assert_true(tally.is_gapless);
    }
}

/* What the journal lost counts for as many as it was, also among what is lost anyway. */
static void test_lost_twice(void **state)
{
    struct tally tally;

    start(0, "{\"kinds\":[\"fdb\"]}");
    storm(STORM_TURNS, STORM_EACH);
    storm(1, LIMIT_FDB_JOURNAL + 123);
    hear_events(0, STORM_TURNS * STORM_EACH + LIMIT_FDB_JOURNAL + 123, &tally);
    assert_int_equal(tally.n_lost_lines, 1);
    assert_true(tally.is_gapless);
}

/* With nobody left to listen, tables note nothing. */
static void assert_nothing_is_noted(void)
{
    uint64_t seq = bus_seq(daemon_bus(lab.daemon));

    storm(3, 10);
    assert_int_equal(bus_seq(daemon_bus(lab.daemon)), seq);
}

static void test_a_client_that_goes(void **state)
{
    start(0, "{}");
    ask(1, "{\"kinds\":[\"fdb\"],\"snapshot\":true}");
    bench_hang_up(0);
    storm(3, 10);
    bench_hang_up(1);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 0);
    assert_nothing_is_noted();
    /* Another one finds the world in order. */
    start(0, "{\"kinds\":[\"fdb\"]}");
    storm(1, 1);
    bench_hear_lines(0, 1);
}

/* ---- the snapshot ---- */

#define N_HOSTS 3000

struct replica {
    uint64_t random;
    bool is_there[N_HOSTS];
    uint32_t port[N_HOSTS];
    bool is_complete;
    uint32_t n_rows;
    uint32_t n_during; /* events before the end of the snapshot */
};

static uint32_t port_number(const char *name)
{
    return (uint32_t)atoi(name + strlen("rsp-r"));
}

static void mirror_address(struct replica *m, const char *what, struct json_object *event)
{
    uint64_t mac;
    uint32_t host;

    assert_true(mac_parse(word_of(event, "mac"), &mac));
    host = (uint32_t)(mac - MAC(0));
    assert_in_range(host, 0, N_HOSTS - 1);
    if (!strcmp(what, "snapshot") || !strcmp(what, "learn")) {
        assert_false(m->is_there[host]); /* nothing twice */
        m->is_there[host] = true;
    } else if (!strcmp(what, "move")) {
        assert_true(m->is_there[host]);
        assert_int_equal(m->port[host], port_number(word_of(event, "from")));
    } else {
        assert_true(m->is_there[host]);
        m->is_there[host] = false;
    }
    m->port[host] = port_number(word_of(event, "port"));
}

static void mirror_flush(struct replica *m, struct json_object *event)
{
    for (uint32_t i = 0; i < N_HOSTS; i++) {
        if (m->port[i] == port_number(word_of(event, "port")))
            m->is_there[i] = false;
    }
}

static void mirror_line(struct replica *m, const char *line)
{
    struct json_object *event = event_of(line);
    const char *what = word_of(event, "event");

    assert_string_not_equal(what, "lost");
    m->n_rows += strcmp(what, "snapshot") == 0;
    m->n_during += strcmp(what, "snapshot") != 0 && !m->is_complete;
    if (!strcmp(what, "end"))
        m->is_complete = true;
    else if (!strcmp(what, "flush"))
        mirror_flush(m, event);
    else
        mirror_address(m, what, event);
    json_object_put(event);
}

static void mirror_hear(struct replica *m)
{
    char *line = bench.text;

    assert_true(bench_hear(0));
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        mirror_line(m, line);
    }
    bench.text_len -= (size_t)(line - bench.text);
    memmove(bench.text, line, bench.text_len + 1);
}

static void disturb(struct replica *m)
{
    struct fdb *fdb = bridge_fdb(bridge_of(0));
    uint64_t mac = MAC(random_below(&m->random, N_HOSTS));

    if (random_below(&m->random, 4))
        lab_learn(random_below(&m->random, 2) ? "rsp-r1" : "rsp-r2", 0, mac);
    else
        (void)fdb_del(fdb, 0, mac, daemon_now(lab.daemon));
    if (random_below(&m->random, 2000) == 0)
        fdb_flush_port(fdb, (port_id)random_below(&m->random, 2));
}

static void assert_mirrored(const struct replica *m)
{
    const struct fdb *fdb = bridge_fdb(bridge_of(0));
    struct fdb_entry entry;
    uint32_t cursor = 0;
    uint32_t n = 0;

    while (fdb_next(fdb, daemon_now(lab.daemon), &cursor, &entry)) {
        const struct port *port = bridge_port(bridge_of(0), entry.port);

        assert_true(m->is_there[entry.mac - MAC(0)]);
        assert_int_equal(m->port[entry.mac - MAC(0)], port_number(port->name));
        n++;
    }
    for (uint32_t i = 0; i < N_HOSTS; i++)
        n -= m->is_there[i];
    assert_int_equal(n, 0);
}

/* Leaves in bench.text what came behind the answer. */
static void begin_snapshot(void)
{
    char *rest;

    ask(0, "{\"kinds\":[\"fdb\"],\"bridge\":\"lab0\",\"snapshot\":true}");
    bench.text_len = 0;
    bench.text[0] = '\0';
    TURN_UNTIL((bench_hear(0), strchr(bench.text, '\n') != NULL));
    rest = strchr(bench.text, '\n') + 1;
    bench.text_len -= (size_t)(rest - bench.text);
    memmove(bench.text, rest, bench.text_len + 1);
}

/* Rows are made while everything moves, and still they and the events give the table exactly. */
static void test_snapshot_under_way(void **state)
{
    static struct replica m;
    uint64_t deadline = clock_now() + PATIENCE;

    m = (struct replica){.random = 7};
    for (uint32_t i = 0; i < N_HOSTS; i++)
        lab_learn(i % 2 ? "rsp-r1" : "rsp-r2", 0, MAC(i));
    begin_snapshot();
    for (uint32_t after = 0; after < 20;) {
        assert_true(clock_now() < deadline);
        for (uint32_t i = 0; i < 100; i++)
            disturb(&m);
        assert_int_equal(event_loop_turn(bench.loop, 0), 0);
        mirror_hear(&m);
        after += m.is_complete;
    }
    bench_turns(3);
    mirror_hear(&m);
    assert_mirrored(&m);
    assert_in_range(m.n_rows, 1000, N_HOSTS + 1000);
    assert_in_range(m.n_during, 100, 10000);
}

static void test_snapshot(void **state)
{
    lab_learn("rsp-r2", 0, MAC(1));
    ask(0, "{\"bridge\":\"lab0\",\"snapshot\":true}");
    assert_told(0, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n" EVENT(
                       "\"kind\":\"port\",\"event\":\"snapshot\",\"port\":\"rsp-r1\","
                       "\"master\":\"lab0\",\"state\":\"waiting\","
                       "\"reason\":\"no interface named rsp-r1\"")
                       EVENT("\"kind\":\"port\",\"event\":\"snapshot\",\"port\":\"rsp-r2\","
                             "\"master\":\"lab0\",\"state\":\"waiting\","
                             "\"reason\":\"no interface named rsp-r2\"")
                           FDB_ROW("snapshot", "02:00:00:00:00:01", "rsp-r2", "")
                               EVENT("\"kind\":\"monitor\",\"event\":\"end\""));
    lab_set_state("rsp-r1", PORT_DOWN, "");
    bench_hear_lines(0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_port),
        LAB_TEST(test_fdb),
        LAB_TEST(test_order),
        LAB_TEST(test_config),
        LAB_TEST(test_static_entries_are_told_once),
        LAB_TEST(test_static_entries_of_a_port_made_anew),
        LAB_TEST(test_table_replaced),
        LAB_TEST(test_new_bridge),
        LAB_TEST(test_config_is_about_no_port),
        LAB_TEST(test_what_was_before_is_not_told),
        LAB_TEST(test_lost_twice),
        LAB_TEST(test_filters),
        LAB_TEST(test_refusals),
        LAB_TEST(test_a_slow_reader_is_told_how_many),
        LAB_TEST(test_a_turn_beyond_the_journal),
        LAB_TEST(test_a_client_that_goes),
        LAB_TEST(test_snapshot),
        LAB_TEST(test_snapshot_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
