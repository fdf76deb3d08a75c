/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include <cmocka.h>

#include "../../src/cli/doctor.h"

/* Each check finds its fault in facts that were made up, and nothing in those of a lab that is
 * well. */

static struct doctor_port ports[3];
static struct doctor_facts facts;
static struct doctor_report report;

static int setup(void **state)
{
    static const char *const names[] = {"r1", "r2", "vm"};

    memset(ports, 0, sizeof(ports));
    for (int i = 0; i < 3; i++) {
        struct doctor_port *port = &ports[i];

        strcpy(port->name, names[i]);
        strcpy(port->ifname, names[i]);
        strcpy(port->bridge, "lab0");
        strcpy(port->qdisc, "noqueue");
        port->is_bound = port->is_there = port->is_up = port->has_carrier = true;
        port->isolated = DOCTOR_YES;
        port->mtu = 1500;
        port->speed = 10000;
        port->lro = DOCTOR_NO;
    }
    for (int i = 0; i < 2; i++)
        ports[i].peer = (struct graph_peer){
            .kind = GRAPH_PEER_LINK, .ifname = "eth0", .netns = "h1", .mtu = 1500};
    ports[2].is_tap = true;
    ports[2].vnet_header = DOCTOR_YES;
    facts = (struct doctor_facts){
        .kernel = {6, 1, 176},
        .has_daemon = true,
        .knows_capabilities = true,
        .capabilities = UINT64_C(1) << CAP_NET_RAW | UINT64_C(1) << CAP_NET_ADMIN,
        .knows_softnet = true,
        .bridge_netfilter = DOCTOR_YES,
        .ports = ports,
        .n_ports = 3,
    };
    doctor_report_fini(&report);
    return 0;
}

static int teardown(void **state)
{
    doctor_report_fini(&report);
    return 0;
}

/* One finding and no other. */
static void assert_finds(const char *check, bool is_problem, const char *port, const char *sentence,
                         const char *cure)
{
    const struct doctor_finding *finding;

    doctor_report_fini(&report);
    doctor_examine(&facts, &report);
    assert_false(report.has_failed);
    assert_int_equal(report.n_findings, 1);
    finding = &report.findings[0];
    assert_string_equal(finding->check, check);
    assert_string_equal(finding->port, port);
    assert_int_equal(finding->is_problem, is_problem);
    assert_int_equal(doctor_report_has_problem(&report), is_problem);
    if (!strstr(finding->sentence, sentence))
        fail_msg("'%s' does not say '%s'", finding->sentence, sentence);
    assert_string_equal(finding->cure, cure);
}

static void assert_finds_nothing(void)
{
    doctor_report_fini(&report);
    doctor_examine(&facts, &report);
    if (report.n_findings > 0)
        fail_msg("%s: %s", report.findings[0].check, report.findings[0].sentence);
    assert_false(doctor_report_has_problem(&report));
}

static void test_well(void **state)
{
    assert_finds_nothing();
    facts = (struct doctor_facts){0}; /* nothing is known, not even ports */
    assert_finds_nothing();
}

static void test_enslaved(void **state)
{
    facts.bridge_netfilter = DOCTOR_NO;
    strcpy(ports[0].master, "br0");
    assert_finds("enslaved", true, "r1", "r1 is enslaved to br0", "ip link set dev r1 nomaster");
    strcpy(ports[0].netns, "h7");
    assert_finds("enslaved", true, "r1", "br0", "ip -n h7 link set dev r1 nomaster");
    strcpy(ports[0].netns, "/proc/1/ns/net");
    assert_finds("enslaved", true, "r1", "br0",
                 "nsenter --net=/proc/1/ns/net ip link set dev r1 nomaster");
}

/* What is to be pasted into a shell does not run what an interface is called. */
static void test_quotes(void **state)
{
    facts.bridge_netfilter = DOCTOR_NO;
    strcpy(ports[0].master, "br0");
    strcpy(ports[0].ifname, "$(reboot)'x");
    assert_finds("enslaved", true, "r1", "br0", "ip link set dev '$(reboot)'\\''x' nomaster");
    strcpy(ports[0].ifname, "-n");
    assert_finds("enslaved", true, "r1", "br0", "ip link set dev '-n' nomaster");
}

static void test_mtu(void **state)
{
    ports[1].peer.mtu = 9000;
    assert_finds("mtu", true, "r2",
                 "its MTU is 1500, and that of the other end of the cable, eth0, is 9000",
                 "ip link set dev r2 mtu 9000");
    setup(NULL);
    ports[1].peer.mtu = ports[1].mtu = 1400;
    assert_finds("mtu", true, "r2", "its MTU is 1400, and that of other ports of lab0 is 1500",
                 "ip link set dev r2 mtu 1500");
    strcpy(ports[1].bridge, "lab1"); /* alone there */
    assert_finds_nothing();
    ports[1].mtu = 0; /* unknown */
    assert_finds_nothing();
}

static void test_reader(void **state)
{
    ports[2].has_carrier = false;
    ports[2].vnet_header = DOCTOR_UNKNOWN;
    assert_finds("reader", true, "vm", "nobody has the tap vm open",
                 "start the machine that it is for (QEMU: -netdev tap,ifname=vm,script=no)");
    ports[2].is_up = false; /* on purpose */
    assert_finds_nothing();
    ports[0].has_carrier = false; /* a cable, and no tap */
    assert_finds_nothing();
}

static void test_vnet_header(void **state)
{
    ports[2].vnet_header = DOCTOR_NO;
    assert_finds("vnet_header", false, "vm", "takes no offload header",
                 "let it open the tap with IFF_VNET_HDR (QEMU: vnet_hdr=on)");
}

static void test_tap_speed(void **state)
{
    ports[2].speed = 10;
    assert_finds("tap_speed", false, "vm", "10 Mbit/s",
                 "\"speed\": 10000 for the port in the configuration, or ethtool -s vm speed 10000 "
                 "duplex full");
    ports[2].speed = 0;
    ports[0].speed = 10; /* an old cable is as slow as it says */
    assert_finds_nothing();
}

static void test_shaping(void **state)
{
    static const char *const shapers[] = {"tbf", "htb", "cake", "taprio"};
    static const char *const harmless[] = {"noqueue", "fq_codel", "pfifo_fast", "mq", "", "clsact"};

    strcpy(ports[0].qdisc, "netem");
    assert_finds("shaping", false, "r1", "the queueing discipline netem",
                 "tc qdisc del dev r1 root, or \"qdisc_bypass\": true for the port");
    for (size_t i = 0; i < sizeof(shapers) / sizeof(*shapers); i++) {
        strcpy(ports[0].qdisc, shapers[i]);
        assert_finds("shaping", false, "r1", shapers[i],
                     "tc qdisc del dev r1 root, or \"qdisc_bypass\": true for the port");
    }
    for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
        strcpy(ports[0].qdisc, harmless[i]);
        assert_finds_nothing();
    }
}

static void test_offloads(void **state)
{
    ports[0].lro = DOCTOR_YES;
    assert_finds("offloads", true, "r1", "r1 has LRO on", "ethtool -K r1 lro off");
    ports[0].lro = DOCTOR_UNKNOWN;
    assert_finds_nothing();
}

static void test_isolation(void **state)
{
    ports[0].isolated = DOCTOR_NO;
    assert_finds("isolation", false, "r1", "it is not isolated",
                 "give the daemon CAP_BPF or CAP_NET_ADMIN (or nftables in the kernel), or say "
                 "\"isolate_host\": false if that is meant");
    ports[0].is_bound = false;
    assert_finds_nothing();
}

static void test_bridge_netfilter(void **state)
{
    strcpy(ports[0].peer.master, "docker0");
    assert_finds_nothing(); /* it is in another namespace */
    strcpy(ports[0].peer.netns, "");
    assert_finds("bridge_netfilter", true, "r1", "behind it is the kernel bridge docker0",
                 "sysctl -w net.bridge.bridge-nf-call-iptables=0");
    facts.bridge_netfilter = DOCTOR_NO;
    assert_finds_nothing();
    facts.bridge_netfilter = DOCTOR_UNKNOWN;
    assert_finds_nothing();
}

static void test_backlog(void **state)
{
    facts.softnet_drops = 17;
    assert_finds("backlog", false, "", "dropped 17 frames",
                 "sysctl -w net.core.netdev_max_backlog=10000");
    facts.knows_softnet = false;
    assert_finds_nothing();
}

static bool kernel_has(unsigned major, unsigned minor, unsigned patch, const char *bug)
{
    bool has = false;

    facts.kernel = (struct doctor_kernel){major, minor, patch};
    doctor_report_fini(&report);
    doctor_examine(&facts, &report);
    assert_false(report.has_failed);
    for (uint32_t i = 0; i < report.n_findings; i++) {
        assert_string_equal(report.findings[i].check, "kernel");
        has = has || strstr(report.findings[i].sentence, bug);
    }
    return has;
}

/* Each bug where it comes and where it goes. */
static void test_kernel_ranges(void **state)
{
    static const char ring[] = "CVE-2025-38617";
    static const char fanout[] = "CVE-2026-31504";
    static const char header[] = "CVE-2026-31700";
    static const char gso[] = "e269d79c7d35";
    static const char queue[] = "CVE-2025-68232";
    static const char stuck[] = "CVE-2026-43194";
    static const struct {
        const char *bug;
        struct doctor_kernel last, fixed;
    } ends[] = {
        {ring, {5, 4, 296}, {5, 4, 297}},     {ring, {5, 10, 240}, {5, 10, 241}},
        {ring, {5, 15, 189}, {5, 15, 190}},   {ring, {6, 1, 147}, {6, 1, 148}},
        {ring, {6, 6, 101}, {6, 6, 102}},     {ring, {6, 12, 41}, {6, 12, 42}},
        {ring, {6, 15, 9}, {6, 15, 10}},      {ring, {6, 16, 0}, {6, 16, 1}},
        {fanout, {5, 10, 252}, {5, 10, 253}}, {fanout, {5, 15, 202}, {5, 15, 203}},
        {fanout, {6, 1, 167}, {6, 1, 168}},   {fanout, {6, 6, 130}, {6, 6, 131}},
        {fanout, {6, 12, 79}, {6, 12, 80}},   {fanout, {6, 18, 20}, {6, 18, 21}},
        {fanout, {6, 19, 10}, {6, 19, 11}},   {header, {5, 10, 258}, {5, 10, 259}},
        {header, {5, 15, 209}, {5, 15, 210}}, {header, {6, 1, 175}, {6, 1, 176}},
        {header, {6, 6, 135}, {6, 6, 136}},   {header, {6, 12, 83}, {6, 12, 84}},
        {header, {6, 18, 24}, {6, 18, 25}},   {header, {7, 0, 1}, {7, 0, 2}},
        {gso, {6, 6, 45}, {6, 6, 46}},        {queue, {6, 17, 9}, {6, 17, 10}},
        {stuck, {5, 10, 251}, {5, 10, 252}},  {stuck, {5, 15, 201}, {5, 15, 202}},
        {stuck, {6, 1, 164}, {6, 1, 165}},    {stuck, {6, 6, 127}, {6, 6, 128}},
        {stuck, {6, 12, 74}, {6, 12, 75}},    {stuck, {6, 18, 15}, {6, 18, 16}},
        {stuck, {6, 19, 5}, {6, 19, 6}},
    };
    static const struct {
        const char *bug;
        struct doctor_kernel before, first;
    } beginnings[] = {
        {ring, {2, 6, 11}, {2, 6, 12}},    {ring, {5, 4, 300}, {5, 5, 0}},
        {ring, {5, 15, 200}, {5, 16, 0}},  {ring, {6, 15, 10}, {6, 16, 0}},
        {fanout, {3, 0, 101}, {3, 1, 0}},  {fanout, {6, 18, 21}, {6, 19, 0}},
        {header, {4, 5, 7}, {4, 6, 0}},    {header, {6, 1, 176}, {6, 2, 0}},
        {header, {6, 18, 25}, {6, 19, 0}}, {gso, {6, 6, 43}, {6, 6, 44}},
        {queue, {6, 15, 99}, {6, 16, 0}},  {stuck, {3, 17, 8}, {3, 18, 0}},
        {stuck, {6, 18, 16}, {6, 19, 0}},
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        const struct doctor_kernel *last = &ends[i].last;
        const struct doctor_kernel *fixed = &ends[i].fixed;

        assert_true(kernel_has(last->major, last->minor, last->patch, ends[i].bug));
        assert_false(kernel_has(fixed->major, fixed->minor, fixed->patch, ends[i].bug));
    }
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
        const struct doctor_kernel *before = &beginnings[i].before;
        const struct doctor_kernel *first = &beginnings[i].first;

        assert_false(kernel_has(before->major, before->minor, before->patch, beginnings[i].bug));
        assert_true(kernel_has(first->major, first->minor, first->patch, beginnings[i].bug));
    }
}

static void test_kernel(void **state)
{
    static const char cure[] =
        "apt-get update && apt-get install linux-image-$(dpkg --print-architecture), and reboot";

    facts.kernel = (struct doctor_kernel){6, 1, 175};
    assert_finds("kernel", true, "", "(CVE-2026-31700, fixed in 6.1.176)", cure);
    facts.kernel = (struct doctor_kernel){7, 1, 0};
    assert_finds_nothing();
    facts.kernel = (struct doctor_kernel){0, 0, 0};
    assert_finds_nothing();
}

static void assert_kernel(const char *release, const char *version, unsigned major, unsigned minor,
                          unsigned patch)
{
    struct doctor_kernel kernel = doctor_parse_kernel(release, version);

    assert_int_equal(kernel.major, major);
    assert_int_equal(kernel.minor, minor);
    assert_int_equal(kernel.patch, patch);
}

static void test_kernel_versions(void **state)
{
    assert_kernel("6.1.0-44-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.164-1 (2026-03-09)", 6, 1,
                  164);
    assert_kernel("6.18.44-x", "#1 SMP", 6, 18, 44);
    assert_kernel("6.18-rc1", "#1 SMP", 0, 0, 0);
    assert_kernel("6.16.0-arch1-1", "#1 SMP", 6, 16, 0);
    assert_kernel("6.16.0", "#1 SMP", 6, 16, 0);
    assert_kernel("6.12.41-300.fc42.x86_64", "#1 SMP", 6, 12, 41);
    assert_kernel("5.15.0-91-generic", "#101-Ubuntu SMP", 0, 0, 0);
    assert_kernel("5.14.0-427.el9.x86_64", "#1 SMP", 0, 0, 0);
    assert_kernel("", "Debian x", 0, 0, 0);
}

static void test_capabilities(void **state)
{
    facts.capabilities &= ~(UINT64_C(1) << CAP_NET_ADMIN);
    assert_finds("capabilities", true, "", "the daemon lacks CAP_NET_ADMIN",
                 "AmbientCapabilities=CAP_NET_ADMIN in its unit, or run it as root");
    setup(NULL);
    facts.uses_netns = true;
    assert_finds(
        "capabilities", true, "", "CAP_SYS_ADMIN: ports with a netns stay in error",
        "AmbientCapabilities=CAP_SYS_ADMIN in its unit (netns.conf among the examples), or run "
        "it as root");
    facts.knows_capabilities = false;
    assert_finds_nothing();
}

/* Each row of the table was found above by its name; and each says what it looks at. */
static void test_table(void **state)
{
    uint32_t n;
    const struct doctor_check *checks = doctor_checks(&n);

    assert_int_equal(n, 13);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(*checks[i].looks_at != '\0');
        assert_true(!checks[i].look != !checks[i].look_at_port);
    }
}

#define DOCTOR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void test_mirrors(void **state)
{
    struct doctor_mirror mirror = {"span", "lab0", "vm", 0, false};
    struct doctor_source source = {"span", "r1"};

    facts.mirrors = &mirror;
    facts.n_mirrors = 1;
    facts.sources = &source;
    facts.n_sources = 1;
    strcpy(ports[0].state, "forwarding");
    strcpy(ports[2].state, "waiting");
    strcpy(ports[2].reason, "no interface named vm");
    assert_finds("mirror", true, "vm",
                 "the mirror span of lab0 has nowhere to copy to: this is its output_port, and "
                 "waiting (no interface named vm)",
                 "make the interface vm, or let the port or the mirror name another one");
    strcpy(ports[2].state, "disabled");
    assert_finds("mirror", true, "vm", "and disabled", "ringspan port set vm up");
    strcpy(ports[2].state, "down");
    ports[2].is_up = false;
    assert_finds("mirror", true, "vm", "and down", "ip link set dev vm up");
    mirror.is_ready = true;
    assert_finds_nothing();
    mirror = (struct doctor_mirror){"span", "lab0", "", 9, false};
    assert_finds(
        "mirror", true, "", "no port that forwards is in VLAN 9",
        "bring up a port that has the VLAN (ringspan vlan), or add it to the \"allowed\" of "
        "one");
    mirror.is_ready = true;
    strcpy(ports[0].state, "down");
    assert_finds_nothing();
    strcpy(ports[0].state, "waiting");
    strcpy(ports[0].reason, "no interface named r1");
    assert_finds("mirror", false, "r1",
                 "the mirror span copies nothing of it: it is waiting (no interface named r1)",
                 "make the interface r1, or let the port or the mirror name another one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOCTOR_TEST(test_mirrors),       DOCTOR_TEST(test_well),
        DOCTOR_TEST(test_enslaved),      DOCTOR_TEST(test_quotes),
        DOCTOR_TEST(test_mtu),           DOCTOR_TEST(test_reader),
        DOCTOR_TEST(test_vnet_header),   DOCTOR_TEST(test_tap_speed),
        DOCTOR_TEST(test_shaping),       DOCTOR_TEST(test_offloads),
        DOCTOR_TEST(test_isolation),     DOCTOR_TEST(test_bridge_netfilter),
        DOCTOR_TEST(test_backlog),       DOCTOR_TEST(test_kernel),
        DOCTOR_TEST(test_kernel_ranges), DOCTOR_TEST(test_kernel_versions),
        DOCTOR_TEST(test_capabilities),  DOCTOR_TEST(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
