/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_ask.h"
#include "ringspan/latency.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER
#endif

#define PORT_FDB                                                                \
    "\"fdb\":{\"entries\":0,\"mac_limit\":null,\"moved_in\":0,\"moved_out\":0," \
    "\"refused_limits\":0}"

#define RESERVED(protocol, policy) \
    "\"" protocol "\":{\"policy\":\"" policy "\",\"forwarded\":0,\"dropped\":0,\"consumed\":0}"

#define WAITING_PORT(name, master, pause)                                                                                   \
    "{\"name\":\"" name "\",\"ifname\":null,\"configured_ifname\":\"" name                                                  \
    "\",\"netns\":null,\"match\":null,\"ifindex\":null,\"master\":\"" master                                                \
    "\",\"type\":\"netdev\",\"admin_state\":\"up\",\"state\":\"waiting\","                                                  \
    "\"reason\":\"no interface named " name                                                                                 \
    "\",\"mirror_destination\":false,\"mtu\":null,\"flags\":[],"                                                            \
    "\"isolated\":false,\"isolated_by\":null,\"qdisc_bypass\":false,\"gro\":false,"                                         \
    "\"storm_control\":{\"broadcast\":null,\"multicast\":null,\"unknown_unicast\":null},"                                   \
    "\"policing\":{\"ingress\":null,\"egress\":null},"                                                                      \
    "\"ring\":{\"rx_slots\":0,\"tx_slots\":0,\"bytes\":0,\"renewals\":0}," PORT_FDB                                         \
    ",\"reserved\":{" RESERVED("stp", "forward") "," RESERVED("pause", pause) "," RESERVED("lacp", "forward") "," RESERVED( \
        "dot1x",                                                                                                            \
        "forward") "," RESERVED("lldp",                                                                                     \
                                "forward") "," RESERVED("other",                                                            \
                                                        "forward") "," RESERVED("cisco",                                    \
                                                                                "forward") "}}"

static void test_daemon(void **state)
{
    const char *answer = ask("daemon.show", "{}");
    char pid[32];

    snprintf(pid, sizeof(pid), "\"pid\":%d", (int)getpid());
    assert_has(answer, "\"version\":\"" RINGSPAN_VERSION "\"");
    assert_has(answer, pid);
    assert_has(answer, "\"uptime\":"); /* 0, if the machine is not busy */
    assert_has(answer, ",\"ready\":true,\"confirm_within\":null,\"n_bridges\":2,\"n_ports\":3,"
                       "\"states\":{\"waiting\":3,\"down\":0,");
    assert_has(answer, "\"netlink\":{\"events\":0,\"overruns\":0,");
    assert_error("daemon.show", "{\"x\":1}", "unknown parameter 'x'");
}

#define FDB(entries, max_entries, inserted)                   \
    "{\"entries\":" #entries ",\"max_entries\":" #max_entries \
    ",\"static\":0,\"inserted\":" #inserted                   \
    ",\"moved\":0,\"expired\":0,\"evicted\":0,\"flushed\":0,\"refused_moves\":0,\"refused_inserts\":0,\"refused_limits\":0,\"held\":0}"

static uint64_t wall(void)
{
    return 0;
}

static void time_frames(struct bridge *bridge)
{
    static const uint64_t ns[] = {1, 8000, 5001, 0, LATENCY_MAX_NS + 1};
    struct latency *latency;

    assert_int_equal(latency_new(64, 1, wall, &latency), 0);
    for (size_t i = 0; i < sizeof(ns) / sizeof(*ns); i++)
        latency_add((struct latency_histogram *)latency_histogram(latency), 0, ns[i]);
    bridge_set_latency(bridge, latency);
}

static void test_bridges(void **state)
{
    static const char lab1[] =
        "{\"name\":\"lab1\",\"n_ports\":1,\"matches\":[],\"left_out\":0,\"aging_time\":300,\"mode\":\"switch\",\"reserved\":"
        "\"all\",\"vlan_aware\":true,\"ethertype\":\"0x8100\",\"fdb\":" FDB(
            1, 16, 1) ",\"latency\":null}]";

    lab_learn("rsp-r3", 0, 0x020000000003);
    assert_has(
        ask("bridge.show", "{}"),
        "\"result\":[{\"name\":\"lab0\",\"n_ports\":2,\"matches\":[],\"left_out\":0,\"aging_time\":100,\"mode\":\"switch\",\"reserved\":"
        "\"transparent\",\"vlan_aware\":false,\"ethertype\":null,\"fdb\":" FDB(
            0, 65536, 0) ",\"latency\":null},");
    assert_has(bench.text, lab1);
    assert_has(ask("bridge.show", "{\"bridge\":\"lab1\"}"), lab1);
    assert_null(strstr(bench.text, "lab0"));
    time_frames(daemon_bridge(lab.daemon, 1));
    assert_has(ask("bridge.show", "{\"bridge\":\"lab1\"}"),
               ",\"latency\":{\"every\":64,\"count\":4,\"skewed\":1,\"sum_ns\":13002,"
               "\"p50_ns\":1,\"p90_ns\":8000,\"p99_ns\":8000,\"max_ns\":8000,\"buckets\":["
               "{\"le_ns\":1,\"count\":2},{\"le_ns\":5120,\"count\":1},"
               "{\"le_ns\":8192,\"count\":1}]}}]");
    assert_error("bridge.show", "{\"bridge\":\"lab2\"}", "there is no bridge named 'lab2'");
    assert_error("bridge.show", "{\"bridge\":0}", "bridge: not a string");
    assert_error("bridge.show", "{\"port\":\"rsp-r1\"}", "unknown parameter 'port'");
}

static void test_ports(void **state)
{
    assert_string_equal(
        ask("port.show", "{}"),
        "\"result\":[" WAITING_PORT("rsp-r1", "lab0", "drop") "," WAITING_PORT(
            "rsp-r2", "lab0", "drop") "," WAITING_PORT("rsp-r3", "lab1", "forward") "]");
    assert_string_equal(ask("port.show", "{\"bridge\":\"lab1\"}"),
                        "\"result\":[" WAITING_PORT("rsp-r3", "lab1", "forward") "]");
    assert_string_equal(ask("port.show", "{\"port\":\"rsp-r2\"}"),
                        "\"result\":[" WAITING_PORT("rsp-r2", "lab0", "drop") "]");
    assert_error("port.show", "{\"port\":\"rsp-r9\"}", "there is no port named 'rsp-r9'");
    assert_error("port.show", "{\"bridge\":\"lab1\",\"port\":\"rsp-r2\"}",
                 "port 'rsp-r2' belongs to bridge 'lab0', not to 'lab1'");
}

#define ENTRY(mac, vlan, port, master)                         \
    "{\"mac\":\"" mac "\",\"vlan\":" #vlan ",\"port\":\"" port \
    "\",\"ifname\":null,\"master\":\"" master "\",\"age\":0,\"flags\":[],\"state\":\"\"}"

static void test_fdb(void **state)
{
    static const char one[] = ENTRY("02:00:00:00:00:01", 0, "rsp-r1", "lab0");
    static const char two[] = ENTRY("02:00:00:00:00:02", 0, "rsp-r2", "lab0");
    static const char two_in_7[] = ENTRY("02:00:00:00:00:02", 7, "rsp-r1", "lab0");
    static const char three[] = ENTRY("02:00:00:00:00:03", 0, "rsp-r3", "lab1");
    char expected[600];

    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
    lab_learn("rsp-r1", 0, 0x020000000001);
    lab_learn("rsp-r2", 0, 0x020000000002);
    lab_learn("rsp-r1", 7, 0x020000000002);
    lab_learn("rsp-r3", 0, 0x020000000003);
    snprintf(expected, sizeof(expected), "\"result\":[%s,%s,%s,%s]", one, two, two_in_7, three);
    assert_string_equal(ask("fdb.show", "{}"), expected);
    snprintf(expected, sizeof(expected), "\"result\":[%s,%s]", one, two_in_7);
    assert_string_equal(ask("fdb.show", "{\"port\":\"rsp-r1\"}"), expected);
    snprintf(expected, sizeof(expected), "\"result\":[%s,%s]", two, two_in_7);
    assert_string_equal(ask("fdb.show", "{\"mac\":\"02:00:00:00:00:02\"}"), expected);
    snprintf(expected, sizeof(expected), "\"result\":[%s]", two_in_7);
    assert_string_equal(ask("fdb.show", "{\"vlan\":7,\"bridge\":\"lab0\"}"), expected);
    assert_string_equal(ask("fdb.show", "{\"vlan\":7,\"port\":\"rsp-r2\"}"), "\"result\":[]");
    assert_error("fdb.show", "{\"vlan\":4095}", "vlan: not within 0..4094");
    assert_error("fdb.show", "{\"vlan\":\"7\"}", "vlan: not an integer");
    assert_error("fdb.show", "{\"mac\":\"02:00\"}", "mac: '02:00' is not an address");
    assert_error("fdb.show", "{\"port\":\"rsp-r9\"}", "there is no port named 'rsp-r9'");
}

static void test_whole_table(void **state)
{
    const char *answer;
    uint32_t n = 0;

    for (uint64_t i = 0; i < 5000; i++)
        lab_learn(i % 2 ? "rsp-r1" : "rsp-r2", 0, 0x020000000000 + i);
    answer = ask("fdb.show", "{\"bridge\":\"lab0\"}");
    for (const char *c = answer; (c = strstr(c, "\"mac\"")); c++)
        n++;
    assert_int_equal(n, 5000);
    assert_has(answer, "02:00:00:00:13:87");
}

static struct port *port_named(const char *name)
{
    return bridge_port_by_name(daemon_bridge(lab.daemon, 0), name);
}

#define ACROSS(fanout, decided, balanced)                                                 \
    "{\"master\":\"lab0\",\"port\":null,\"direction\":\"across\",\"balanced\":" #balanced \
    ",\"fanout\":" #fanout ",\"decided\":" #decided ",\"retired_fanout\":0,\"retired_decided\":0}"

static void test_ledger(void **state)
{
    struct ledger_port *in = &port_named("rsp-r1")->ledger;
    struct ledger_port *out = &port_named("rsp-r2")->ledger;
    const char *answer;

    in->received = (struct ledger_volume){5, 9, 1000};
    in->unicast = 2;
    in->in_dropped[DROP_RUNT] = 2;
    in->in_dropped[DROP_SAME_PORT] = 1;
    in->fanout = 2;
    out->decided = 2;
    out->accepted = (struct ledger_volume){2, 6, 500};
    answer = ask("ledger.show", "{\"bridge\":\"lab0\"}");
    assert_has(answer, "\"result\":[" ACROSS(2, 2, true) ",{");
    assert_has(answer,
               "{\"master\":\"lab0\",\"port\":\"rsp-r1\",\"direction\":\"in\",\"balanced\":true,"
               "\"received\":5,\"segments\":9,\"bytes\":1000,\"unicast\":2,\"flooded\":0,"
               "\"consumed\":0,\"dropped_total\":3,\"dropped\":{\"runt\":2,\"same_port\":1},"
               "\"held_in\":0}");
    assert_has(
        answer,
        "{\"master\":\"lab0\",\"port\":\"rsp-r2\",\"direction\":\"out\",\"balanced\":true,"
        "\"decided\":2,\"originated\":0,\"mirrored\":0,\"duplicated\":0,\"accepted\":2,\"segments\":6,"
        "\"bytes\":500,\"dropped_total\":0,\"dropped\":{},\"held_out\":0}");
    out->accepted.frames--;
    out->decided++;
    answer = ask("ledger.show", "{\"bridge\":\"lab0\"}");
    assert_has(answer, ACROSS(2, 3, false));
    assert_has(answer, "\"rsp-r2\",\"direction\":\"out\",\"balanced\":false");
    assert_has(answer, "\"rsp-r2\",\"direction\":\"in\",\"balanced\":true");
    answer = ask("ledger.show", "{\"port\":\"rsp-r2\"}");
    assert_null(strstr(answer, "across"));
    assert_null(strstr(answer, "rsp-r1"));
    in->unicast--;
    assert_has(ask("ledger.show", "{}"), "\"rsp-r1\",\"direction\":\"in\",\"balanced\":false");
    assert_has(bench.text, "lab1");
}

static void test_vlans(void **state)
{
    static const char vlans[] =
        "\"result\":[{\"ifname\":null,\"port\":\"rsp-r3\",\"master\":\"lab1\","
        "\"mode\":\"native_untagged\",\"vlans\":[{\"vlan\":10,\"flags\":[\"PVID\","
        "\"Egress Untagged\"]},{\"vlan\":20,\"vlanEnd\":29,\"flags\":[]}]}]";

    assert_string_equal(ask("vlan.show", "{}"), vlans);
    assert_string_equal(ask("vlan.show", "{\"port\":\"rsp-r3\"}"), vlans);
    assert_string_equal(ask("vlan.show", "{\"port\":\"rsp-r1\"}"), "\"result\":[]");
    assert_has(ask("vlan.show", "{\"vlan\":25}"), "\"vlans\":[{\"vlan\":25,\"flags\":[]}]}]");
    assert_string_equal(ask("vlan.show", "{\"vlan\":11}"), "\"result\":[]");
    assert_error("vlan.show", "{\"mac\":\"02:00:00:00:00:01\"}", "unknown parameter 'mac'");
}

/* What a port is told about learning and flooding if nobody says anything. */
#define POLICY                                                                  \
    "\"learning\":true,\"flood\":{\"unknown_unicast\":true,\"multicast\":true," \
    "\"broadcast\":true},\"hairpin\":false"

static void test_config(void **state)
{
    assert_string_equal(
        ask("config.show", "{}"),
        "\"result\":{\"version\":1,\"bridges\":["
        "{\"name\":\"lab0\",\"aging_time\":100,\"mode\":\"switch\",\"reserved\":\"transparent\",\"vlan_aware\":false,"
        "\"fdb\":{\"max_entries\":65536,\"static\":[]},\"ports\":["
        "{\"name\":\"rsp-r1\",\"ifname\":\"rsp-r1\",\"type\":\"netdev\",\"qdisc_bypass\":false,\"gro\":\"auto\",\"admin_state\":\"up\"," POLICY
        "},"
        "{\"name\":\"rsp-r2\",\"ifname\":\"rsp-r2\",\"type\":\"netdev\",\"qdisc_bypass\":false,\"gro\":\"auto\",\"admin_state\":\"up\"," POLICY
        "}]},"
        "{\"name\":\"lab1\",\"aging_time\":300,\"mode\":\"switch\",\"reserved\":\"all\",\"vlan_aware\":true,"
        "\"ethertype\":\"0x8100\","
        "\"fdb\":{\"max_entries\":16,\"static\":[]},\"ports\":["
        "{\"name\":\"rsp-r3\",\"ifname\":\"rsp-r3\",\"type\":\"netdev\",\"qdisc_bypass\":false,\"gro\":\"auto\",\"admin_state\":\"up\","
        "\"vlan\":{\"mode\":\"native_untagged\",\"pvid\":10,\"allowed\":[\"20-29\"],"
        "\"acceptable_frame_types\":\"all\"}," POLICY "}]}],"
        "\"daemon\":{\"control\":{},\"log\":{\"level\":\"info\"}}}");
    assert_error("config.show", "{\"bridge\":\"lab0\"}", "unknown parameter 'bridge'");
}

/* Longer than the queue of a client. */
#define LONG_DESCRIPTION ((size_t)3 << 20)

static void test_long_config(void **state)
{
    char *description = malloc(LONG_DESCRIPTION + 1);
    size_t heard = 0;

    assert_non_null(description);
    memset(description, 'x', LONG_DESCRIPTION);
    description[LONG_DESCRIPTION] = '\0';
    /* Nobody else may; a test that parsed as long a file would be about the parser. */
    ((struct config *)daemon_config(lab.daemon))->description = description;
    bench_dial(0);
    send_request(0, "config.show", "{}");
    TURN_UNTIL((bench.text_len = 0, bench_hear(0), heard += bench.text_len,
                bench.text_len > 0 && bench.text[bench.text_len - 1] == '\n'));
    assert_in_range(heard, LONG_DESCRIPTION, LONG_DESCRIPTION + 2000);
    assert_has(ask("bridge.show", "{\"bridge\":\"lab1\"}"), "\"result\":[{\"name\":\"lab1\"");
    /* The teardown frees a server in the middle of an answer. */
    send_request(0, "config.show", "{}");
    bench_turns(2);
}

static void test_wait_for_what_is(void **state)
{
    assert_string_equal(ask("port.wait", "{\"state\":\"waiting\",\"ports\":[\"rsp-r2\"]}"),
                        "\"result\":[{\"name\":\"rsp-r2\",\"master\":\"lab0\",\"state\":"
                        "\"waiting\",\"reason\":\"no interface named rsp-r2\"}]");
    assert_has(ask("port.wait", "{\"state\":\"waiting\"}"), "\"rsp-r3\"");
    assert_string_equal(ask("port.wait", "{\"ports\":[]}"), "\"result\":[]");
}

static void test_wait_until(void **state)
{
    bench_dial(0);
    send_request(0, "port.wait", "{\"ports\":[\"rsp-r1\",\"rsp-r3\"],\"timeout\":100}");
    bench_turns(3);
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    bench_turns(3);
    bench_hear(0);
    assert_int_equal(bench.text_len, 0);
    lab_set_state("rsp-r3", PORT_FORWARDING, "");
    bench_hear_lines(0, 1);
    assert_has(bench.text,
               "\"result\":[{\"name\":\"rsp-r1\",\"master\":\"lab0\",\"state\":\"forwarding\","
               "\"reason\":\"\"},{\"name\":\"rsp-r3\",");
}

static void test_wait_in_vain(void **state)
{
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    lab_set_state("rsp-r3", PORT_DOWN, "no carrier");
    assert_error("port.wait", "{\"timeout\":0}",
                 "\"code\":-32003,\"message\":\"2 of 3 ports not forwarding; rsp-r2 is waiting (no "
                 "interface named rsp-r2); rsp-r3 is down (no carrier)\"");
}

static void test_wait_wrongly(void **state)
{
    assert_error("port.wait", "{\"state\":\"happy\"}", "ports have no state 'happy'");
    assert_error("port.wait", "{\"ports\":\"rsp-r1\"}", "ports: not an array");
    assert_error("port.wait", "{\"ports\":[1]}", "ports: not an array of names");
    assert_error("port.wait", "{\"ports\":[\"rsp-r1\",\"x\"]}", "there is no port named 'x'");
    assert_error("port.wait", "{\"timeout\":-1}", "timeout: not within 0..86400");
    assert_error("port.wait", "{\"for\":\"down\"}", "unknown parameter 'for'");
}

#define STEP(op, bridge, port, key, disruption)                               \
    "{\"op\":\"" op "\",\"bridge\":" bridge ",\"port\":" port ",\"key\":" key \
    ",\"disruption\":\"" disruption "\"}"

static void test_reload(void **state)
{
    const char *answer = ask("daemon.reload", "{}");

    assert_has(answer, "{\"applied\":true,\"report\":\"\",\"steps\":[]}");
    lab_learn("rsp-r2", 0, 0x020000000002);
    lab_write("{\"version\":1,\"bridges\":[{\"name\":\"lab0\",\"aging_time\":100,\"ports\":["
              "{\"name\":\"rsp-r2\"},{\"name\":\"rsp-r4\"}]}]}");
    assert_has(
        ask("daemon.reload", "{}"),
        "\"steps\":[" STEP("del", "\"lab0\"", "\"rsp-r1\"", "null", "none") "," STEP(
            "del", "\"lab1\"", "\"rsp-r3\"", "null",
            "none") "," STEP("del", "\"lab1\"", "null", "null",
                             "none") "," STEP("add", "\"lab0\"", "\"rsp-r4\"", "null", "none") "]");
    answer = ask("port.show", "{}");
    assert_has(answer, "rsp-r2");
    assert_has(answer, "no interface named rsp-r4");
    assert_null(strstr(bench.text, "rsp-r1"));
    assert_has(ask("fdb.show", "{}"), "02:00:00:00:00:02");
    assert_has(ask("bridge.show", "{}"), "\"n_ports\":2");
    assert_null(strstr(bench.text, "lab1"));
    assert_has(ask("ledger.show", "{}"), "\"balanced\":true");
}

static void test_reload_of_an_invalid_file(void **state)
{
    const char *answer;

    lab_write("{\"version\":1,\"bridges\":[{\"nmae\":\"lab0\"}]}");
    answer = ask("daemon.reload", "{}");
    assert_has(answer, "{\"applied\":false,\"report\":\"");
    assert_has(answer, "did you mean 'name'?");
    assert_has(answer, "\"steps\":[]}");
    assert_has(ask("port.show", "{}"), "rsp-r1");
    assert_error("daemon.reload", "{\"path\":\"/etc/passwd\"}", "unknown parameter 'path'");
}

static void test_port_set(void **state)
{
    static const char down[] =
        "{\"steps\":[{\"op\":\"change\",\"bridge\":\"lab0\",\"port\":\"rsp-r1\","
        "\"key\":\"admin_state\",\"disruption\":\"flush\"}]}";

    assert_has(ask("port.set", "{\"port\":\"rsp-r1\",\"admin_state\":\"down\"}"), down);
    assert_has(ask("port.show", "{\"port\":\"rsp-r1\"}"),
               "\"admin_state\":\"down\",\"state\":\"disabled\","
               "\"reason\":\"asked to be down (ringspan port set rsp-r1 up)\"");
    assert_has(ask("port.set", "{\"port\":\"rsp-r1\",\"admin_state\":\"down\"}"), "{\"steps\":[]}");
    assert_has(ask("config.show", "{}"), "\"admin_state\":\"down\"");
    assert_has(ask("daemon.reload", "{}"), "\"disruption\":\"none\""); /* the file wins */
    assert_has(ask("port.show", "{\"port\":\"rsp-r1\"}"),
               "\"admin_state\":\"up\",\"state\":\"waiting\"");
    ask("port.set", "{\"port\":\"rsp-r1\",\"admin_state\":\"down\",\"description\":\"d\"}");
    assert_has(ask("port.set", "{\"port\":\"rsp-r1\",\"admin_state\":null,\"ifname\":\"rsp-i\"}"),
               "\"key\":\"ifname\",\"disruption\":\"reopen\"");
    assert_has(ask("port.show", "{\"port\":\"rsp-r1\"}"), "no interface named rsp-i");
}

/* The sentences are those of the file, without the way into it. */
static void test_port_set_refused(void **state)
{
    char before[4096];

    snprintf(before, sizeof(before), "%s", ask("config.show", "{}"));
    assert_error("port.set", "{}", "-32602,\"message\":\"port: missing\"");
    assert_error("port.set", "{\"port\":1}", "port: not a string");
    assert_error("port.set", "{\"port\":\"x\"}", "\"message\":\"there is no port named 'x'\"");
    assert_error(
        "port.set", "{\"port\":\"rsp-r1\",\"admin_state\":\"dwon\"}",
        "-32000,\"message\":\"port rsp-r1: admin_state: 'dwon' is not 'up' or 'down': did you mean 'down'?\"");
    assert_error(
        "port.set", "{\"port\":\"rsp-r1\",\"admin_stat\":\"up\",\"ifname\":3}",
        "port rsp-r1: admin_stat: unknown key 'admin_stat' in a port: did you mean 'admin_state'?");
    assert_error("port.set", "{\"port\":\"rsp-r1\",\"ifname\":\"rsp-r3\"}",
                 "port rsp-r3: ifname: the interface 'rsp-r3' is used by port rsp-r1 already");
    assert_string_equal(ask("config.show", "{}"), before);
}

/* Who asked may be gone when the reload is done, and who asks meanwhile has its turn. */
static void test_reload_and_leave(void **state)
{
    for (int i = 0; i < 20; i++) {
        bench_dial(1);
        bench_dial(2);
        send_request(1, "daemon.reload", "{}");
        send_request(2, "daemon.reload", "{}");
        bench_turns(i % 3);
        bench_hang_up(1);
        bench_hear_lines(2, 1);
        assert_has(bench.text, "\"applied\":true");
        bench_hang_up(2);
    }
    bench_dial(1);
    send_request(1, "daemon.reload", "{}");
    bench_turns(2); /* the teardown ends it */
}

static uint32_t count(const char *text, const char *part)
{
    uint32_t n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static size_t address_space_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#define BIG_BRIDGE(name) "{\"name\":\"" name "\",\"fdb\":{\"max_entries\":1048576},\"ports\":[]}"

/* A step in the middle of the plan finds no memory: none of the others has happened then. (The
 * tables together are larger than what malloc(3) has put aside for threads.) */
static void test_reload_without_memory(void **state)
{
    struct rlimit limit, before;

#ifdef HAS_SANITIZER
    print_message("sanitizers need all of the address space\n");
    skip();
#endif
    assert_has(ask("daemon.reload", "{}"), "\"applied\":true"); /* its thread has a stack now */
    lab_write("{\"version\":1,\"bridges\":[{\"name\":\"lab0\",\"aging_time\":200,\"ports\":["
              "{\"name\":\"rsp-r2\"},{\"name\":\"rsp-r4\"}]}," BIG_BRIDGE("lab2") "," BIG_BRIDGE(
                  "lab3") "," BIG_BRIDGE("lab4") "," BIG_BRIDGE("lab5") "]}");
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = address_space_bytes() + (8 << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    ask("daemon.reload", "{}");
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_has(bench.text, "{\"applied\":false,\"report\":\"Cannot allocate memory\"");
    test_config(state); /* as it was */
    assert_has(ask("bridge.show", "{}"), "\"name\":\"lab1\"");
    assert_has(ask("port.show", "{}"), "rsp-r1");
    assert_has(ask("daemon.reload", "{}"), "\"applied\":true");
    assert_has(ask("port.show", "{}"), "rsp-r4");
    assert_has(ask("bridge.show", "{}"), "\"name\":\"lab5\"");
}

/* Rows are short: a port that is in many separate VLANs has several of them. */
static void test_port_in_many_vlans(void **state)
{
    static char text[32768];
    size_t len =
        (size_t)snprintf(text, sizeof(text), "%s",
                         "{\"version\":1,\"bridges\":[{\"name\":\"lab1\",\"vlan_aware\":true,"
                         "\"ports\":[{\"name\":\"x\",\"vlan\":{\"mode\":\"native_tagged\","
                         "\"pvid\":4000,\"allowed\":[\"3999-4094\"");

    for (unsigned vid = 1; vid < 400; vid += 2)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",%u", vid);
    snprintf(text + len, sizeof(text) - len, "]}}]}]}");
    lab_write(text);
    assert_has(ask("daemon.reload", "{}"), "\"applied\":true");
    ask("vlan.show", "{}");
    assert_int_equal(count(bench.text, "\"port\":\"x\""), 4);
    assert_int_equal(count(bench.text, "\"vlan\":"), 203);
    assert_has(bench.text, "{\"vlan\":3999,\"flags\":[]},{\"vlan\":4000,\"flags\":[\"PVID\"]},"
                           "{\"vlan\":4001,\"vlanEnd\":4094,\"flags\":[]}]}]");
    assert_has(ask("vlan.show", "{\"vlan\":4094}"), "[{\"vlan\":4094,\"flags\":[]}]}]");
}

/* More addresses than a client's queue and socket hold: the list stands still in the middle of its
 * first bridge until the client reads. */
#define N_LONG_LIST 10000

static void test_bridge_leaves_in_the_middle_of_a_list(void **state)
{
    for (uint64_t i = 0; i < N_LONG_LIST; i++)
        lab_learn("rsp-r1", 0, 0x020000000000 + i);
    for (uint64_t i = 0; i < 16; i++)
        lab_learn("rsp-r3", 0, 0x020000000000 + i);
    bench_dial(0);
    send_request(0, "fdb.show", "{}");
    bench_turns(10);
    lab_write("{\"version\":1,\"bridges\":[{\"name\":\"lab1\",\"reserved\":\"all\","
              "\"vlan_aware\":true,\"fdb\":{\"max_entries\":16},\"ports\":[{\"name\":\"rsp-r3\","
              "\"vlan\":{\"mode\":\"trunk\"}}]}]}");
    assert_int_equal(changes_reload(lab.changes, NULL, NULL, NULL), 0);
    TURN_UNTIL(daemon_n_bridges(lab.daemon) == 1);
    bench_hear_lines(0, 1);
    assert_in_range(count(bench.text, "\"master\":\"lab0\""), 1, N_LONG_LIST - 1);
    assert_int_equal(count(bench.text, "\"master\":\"lab1\""), 16);
}

static void test_waiter_leaves(void **state)
{
    for (int i = 0; i < 3; i++) {
        bench_dial(i);
        send_request(i, "port.wait", "{\"timeout\":100}");
    }
    bench_turns(5);
    bench_hang_up(1);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 2);
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    lab_set_state("rsp-r2", PORT_FORWARDING, "");
    lab_set_state("rsp-r3", PORT_FORWARDING, "");
    bench_hear_lines(0, 1);
    bench_hear_lines(2, 1);
    /* The teardown frees a server with a waiter. */
    send_request(0, "port.wait", "{\"state\":\"error\",\"timeout\":100}");
    bench_turns(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_daemon),
        LAB_TEST(test_bridges),
        LAB_TEST(test_ports),
        LAB_TEST(test_fdb),
        LAB_TEST(test_whole_table),
        LAB_TEST(test_ledger),
        LAB_TEST(test_port_set),
        LAB_TEST(test_port_set_refused),
        LAB_TEST(test_reload),
        LAB_TEST(test_reload_of_an_invalid_file),
        LAB_TEST(test_reload_and_leave),
        LAB_TEST(test_reload_without_memory),
        LAB_TEST(test_bridge_leaves_in_the_middle_of_a_list),
        LAB_TEST(test_vlans),
        LAB_TEST(test_port_in_many_vlans),
        LAB_TEST(test_config),
        LAB_TEST(test_long_config),
        LAB_TEST(test_wait_for_what_is),
        LAB_TEST(test_wait_until),
        LAB_TEST(test_wait_in_vain),
        LAB_TEST(test_wait_wrongly),
        LAB_TEST(test_waiter_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
