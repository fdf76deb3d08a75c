/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl_ask.h"

/* The method explain: what it takes, and what it says. That it is true is tested with real frames.
 */

#define TO(dst)  "{\"port\":\"rsp-r1\",\"dst\":\"" dst "\"}"
#define HOST     "02:00:00:00:00:02"
#define R1       "{\"port\":\"rsp-r1\",\"dst\":\"" HOST "\""
#define R3       "{\"port\":\"rsp-r3\",\"dst\":\"" HOST "\""
#define HEX(hex) "{\"port\":\"rsp-r1\",\"hex\":\"" hex "\"}"

static void forward_all(void)
{
    static const char *const names[] = {"rsp-r1", "rsp-r2", "rsp-r3"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        lab_set_state(names[i], PORT_FORWARDING, "");
        bridge_port_by_name(daemon_bridge(lab.daemon, i / 2), names[i])->mtu = 1500;
    }
}

static void test_flood_and_unicast(void **state)
{
    const char *answer;

    forward_all();
    answer = ask("explain", TO(HOST));
    assert_has(answer, "\"verdict\":\"flood\",\"reason\":null,\"sentence\":null,\"vlan\":0,"
                       "\"learn\":\"insert\",\"fdb\":null,");
    assert_has(answer, HOST " is on no known port: flooded");
    assert_has(answer, "\"egress\":[{\"port\":\"rsp-r2\",\"ifname\":null,\"outcome\":\"send\",");
    assert_has(answer, "\"excluded\":[{\"port\":\"rsp-r1\",\"ifname\":null,"
                       "\"state\":\"forwarding\",\"reason\":\"same_port\"}]}");
    lab_learn("rsp-r2", 0, 0x020000000002);
    answer = ask("explain", TO(HOST));
    assert_has(answer, "\"verdict\":\"unicast\"");
    assert_has(answer, "\"fdb\":{\"mac\":\"" HOST "\",\"vlan\":0,\"port\":\"rsp-r2\",\"age\":0,"
                       "\"flags\":[],\"state\":\"\"}");
    assert_has(answer, HOST " is on rsp-r2, heard of 0 s ago");
    assert_has(answer, "\"excluded\":[]}");
}

static void test_nothing_is_learned(void **state)
{
    forward_all();
    ask("explain", TO(HOST));
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

static void test_drops(void **state)
{
    const char *answer;

    answer = ask("explain", TO(HOST));
    assert_has(answer, "\"verdict\":\"drop\",\"reason\":\"ingress_down\"");
    assert_has(answer, "rsp-r1 is waiting: no interface named rsp-r1");
    forward_all();
    assert_has(ask("explain", TO("01:80:c2:00:00:01")), "\"reason\":\"mac_control\"");
    assert_has(ask("explain", HEX("0102")), "\"dst\":null,\"src\":null,\"ethertype\":null,"
                                            "\"size\":2,\"segments\":1,\"tags\":[],"
                                            "\"verdict\":\"drop\",\"reason\":\"runt\"");
    lab_learn("rsp-r1", 0, 0x020000000002);
    answer = ask("explain", TO(HOST));
    assert_has(answer, "\"reason\":\"same_port\"");
    assert_has(answer, "{\"step\":\"egress\",\"outcome\":\"drop\",\"text\":\"the destination is on "
                       "the port it came from, which has no hairpin\"}");
    assert_has(ask("explain", TO("02:00:00:00:00:00")),
               "02:00:00:00:00:00 is on rsp-r1, being the source itself");
    lab_set_state("rsp-r1", PORT_LEARNING, "a protocol says so");
    assert_has(ask("explain", TO(HOST)), "{\"step\":\"learn\",\"outcome\":\"drop\"");
}

static void test_vlans(void **state)
{
    forward_all();
    assert_has(ask("explain", R3 "}"), "rsp-r3 has mode native_untagged: VLAN 10, its pvid");
    assert_has(ask("explain", R3 ",\"vlan\":20,\"pcp\":5}"),
               "\"tags\":[{\"ethertype\":\"0x8100\",\"vlan\":20,\"pcp\":5,\"dei\":false}]");
    assert_has(ask("explain", R3 ",\"vlan\":20}"), "native_untagged: VLAN 20, by the tag");
    assert_has(ask("explain", R3 ",\"pcp\":5}"), "native_untagged: VLAN 10, its pvid");
    assert_has(ask("explain", R3 ",\"vlan\":30}"), "\"reason\":\"vlan_not_allowed\"");
    assert_has(ask("explain", R3 ",\"vlan\":4095}"), "\"reason\":\"vid_reserved\"");
    assert_has(ask("explain", R3 "}"), "\"reason\":\"no_egress\"");
}

static void test_vlans_that_flood(void **state)
{
    struct vidset flooded = {{0}};
    const char *answer;

    forward_all();
    vidset_add(&flooded, 20);
    bridge_set_flood_vlans(daemon_bridge(lab.daemon, 1), &flooded, 0);
    answer = ask("explain", R3 ",\"vlan\":20}");
    assert_has(answer, "\"text\":\"nothing is learned in VLAN 20\"");
    assert_has(answer, "\"text\":\"everything in VLAN 20 is flooded\"");
    assert_has(ask("explain", R3 ",\"vlan\":21}"), HOST " in VLAN 21 is on no known port: flooded");
}

/* rsp-r2 is where the copies go, and there is nowhere else. */
static void test_mirrors(void **state)
{
    struct bridge *bridge = daemon_bridge(lab.daemon, 0);
    const struct mirror_settings settings = {
        .name = "span", .direction = MIRROR_BOTH, .vlans = vidset_all(), .output_port = "rsp-r2"};
    struct mirrors *mirrors;
    const char *answer;

    assert_int_equal(bridge_new_mirrors(bridge, &settings, 1, &mirrors), 0);
    bridge_set_mirrors(bridge, mirrors, 0);
    forward_all();
    answer = ask("explain", TO(HOST));
    assert_has(answer, "\"reason\":\"no_egress\"");
    assert_has(answer, "\"egress\":[],\"mirrors\":[{\"mirror\":\"span\",\"direction\":\"ingress\","
                       "\"seen_at\":null,\"port\":\"rsp-r2\",\"ifname\":null,\"outcome\":\"send\","
                       "\"reason\":null,\"sentence\":null,\"tagging\":\"none\",\"tags\":[],"
                       "\"size\":60,\"mtu\":1500}],\"excluded\":");
    assert_has(ask("explain", "{\"port\":\"rsp-r2\",\"dst\":\"" HOST "\"}"),
               "\"reason\":\"mirror_destination\"");
    lab_set_state("rsp-r2", PORT_DOWN, "");
    assert_has(ask("explain", TO(HOST)), "\"seen_at\":null,\"port\":null,\"outcome\":\"drop\"}],");
    assert_has(ask("port.show", "{\"port\":\"rsp-r2\"}"), "\"mirror_destination\":true");
}

/* The frame is as it was said: its bytes, and zeros. */
static void test_frames(void **state)
{
    forward_all();
    assert_has(ask("explain", HEX("020000000002020000000003810000050806")),
               "\"dst\":\"" HOST "\",\"src\":\"02:00:00:00:00:03\",\"ethertype\":\"0x0806\","
               "\"size\":18,\"segments\":1,\"tags\":[{\"ethertype\":\"0x8100\",\"vlan\":5,");
    assert_has(ask("explain", HEX("0200000000020200000000038100000588a8b0060806")),
               "{\"ethertype\":\"0x88a8\",\"vlan\":6,\"pcp\":5,\"dei\":true}]");
    assert_has(ask("explain", "{\"port\":\"rsp-r1\",\"dst\":\"" HOST
                              "\",\"src\":\"02:00:00:00:00:07\",\"ethertype\":\"0x86DD\","
                              "\"size\":1514}"),
               "\"src\":\"02:00:00:00:00:07\",\"ethertype\":\"0x86dd\",\"size\":1514,");
    assert_has(ask("explain", "{\"port\":\"rsp-r1\",\"dst\":\"" HOST "\",\"size\":1515}"),
               "\"outcome\":\"drop\",\"reason\":\"too_long\"");
}

/* An IPv4 header of TCP, and a TCP header of 20 bytes. */
#define TCP                                                                               \
    "02000000000202000000000308004500000000000000000600000000000000000000000000000000000" \
    "0000000005000000000000000"

static void test_superframes(void **state)
{
    const char *answer;

    forward_all();
    answer = ask("explain",
                 "{\"port\":\"rsp-r1\",\"hex\":\"" TCP "\",\"size\":28054,\"gso_size\":1400}");
    assert_has(answer, "\"size\":28054,\"segments\":20,");
    assert_has(answer, "\"outcome\":\"send\"");
    assert_has(ask("explain",
                   "{\"port\":\"rsp-r1\",\"hex\":\"" TCP "\",\"size\":28054,\"gso_size\":1500}"),
               "\"outcome\":\"drop\",\"reason\":\"too_long\"");
    assert_has(ask("explain", R1 ",\"size\":28054,\"gso_size\":1400}"), "\"segments\":20,");
    assert_has(ask("explain", R1 ",\"ethertype\":\"0x86dd\",\"size\":28074,\"gso_size\":1400}"),
               "\"segments\":20,");
    assert_has(ask("explain", R1 ",\"vlan\":7,\"size\":2859,\"gso_size\":1400}"),
               "\"segments\":3,");
    assert_has(ask("explain", R1 ",\"size\":53,\"gso_size\":1400}"), "\"reason\":\"malformed\"");
    assert_has(ask("explain", R1 ",\"ethertype\":\"0x0806\",\"gso_size\":1500}"),
               "\"reason\":\"malformed\"");
}

static void test_refusals(void **state)
{
    assert_error("explain", "{}", "port: missing");
    assert_error("explain", "{\"port\":7}", "port: not a string");
    assert_error("explain", "{\"port\":\"rsp-r9\",\"dst\":\"" HOST "\"}",
                 "there is no port named 'rsp-r9'");
    assert_error("explain", "{\"port\":\"rsp-r1\"}", "dst: missing");
    assert_error("explain", TO("02:00"), "dst: '02:00' is not an address");
    assert_error("explain", R3 ",\"src\":\"x\"}", "src: 'x' is not an address");
    assert_error("explain", R3 ",\"vlan\":4096}", "vlan: not within 0..4095");
    assert_error("explain", R3 ",\"pcp\":8}", "pcp: not within 0..7");
    assert_error("explain", R3 ",\"size\":13}", "size: 13, and the frame has 14 bytes already");
    assert_error("explain", R3 ",\"size\":0}", "size: not within 1..69632");
    assert_error("explain", R3 ",\"size\":69633}", "size: not within 1..69632");
    assert_error("explain", R3 ",\"gso_size\":0}", "gso_size: not within 1..65535");
    assert_error("explain", R3 ",\"ethertype\":\"ip\"}", "ethertype: 'ip' is not one");
    assert_error("explain", R3 ",\"ethertype\":\"0x05ff\"}", "ethertype: '0x05ff' is not one");
    assert_error("explain", R3 ",\"ethertype\":\"0x10800\"}", "ethertype: '0x10800' is not one");
    assert_error("explain", R3 ",\"bridge\":\"lab0\"}", "unknown parameter 'bridge'");
    assert_error("explain", R3 ",\"hex\":\"00\"}", "dst: hex says that already");
    assert_error("explain", HEX(""), "hex: empty");
    assert_error("explain", HEX("012"), "hex: an odd number of digits");
    assert_error("explain", HEX("01 2"), "hex: what stands at 2 is no hexadecimal digit");
    assert_error("explain", HEX("0x01"), "hex: what stands at 1 is no hexadecimal digit");
    assert_error("explain", HEX("\\u0010\\u0011"), "hex: what stands at 0");
    assert_error("explain", "{\"port\":\"rsp-r1\",\"hex\":\"0102\",\"size\":1}",
                 "size: 1, and the frame has 2 bytes already");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_flood_and_unicast),
        LAB_TEST(test_nothing_is_learned),
        LAB_TEST(test_drops),
        LAB_TEST(test_vlans),
        LAB_TEST(test_vlans_that_flood),
        LAB_TEST(test_mirrors),
        LAB_TEST(test_frames),
        LAB_TEST(test_superframes),
        LAB_TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
