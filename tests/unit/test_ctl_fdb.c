/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl_ask.h"

/* The methods that change forwarding tables. */

#define FLUSHED(n0, n1)                                                                           \
    "\"result\":[{\"master\":\"lab0\",\"flushed\":" #n0 "},{\"master\":\"lab1\",\"flushed\":" #n1 \
    "}]"

static void test_fdb_flush(void **state)
{
    assert_string_equal(ask("fdb.flush", "{}"), FLUSHED(0, 0));
    lab_learn("rsp-r1", 0, 0x020000000001);
    lab_learn("rsp-r2", 0, 0x020000000002);
    lab_learn("rsp-r1", 7, 0x020000000002);
    lab_learn("rsp-r3", 0, 0x020000000001);
    assert_string_equal(ask("fdb.flush", "{\"mac\":\"02:00:00:00:00:02\",\"vlan\":8}"),
                        FLUSHED(0, 0));
    assert_string_equal(ask("fdb.flush", "{\"mac\":\"02:00:00:00:00:02\",\"vlan\":7}"),
                        FLUSHED(1, 0));
    assert_string_equal(ask("fdb.flush", "{\"port\":\"rsp-r1\"}"),
                        "\"result\":[{\"master\":\"lab0\",\"flushed\":1}]");
    assert_string_equal(ask("fdb.flush", "{\"mac\":\"02:00:00:00:00:01\"}"), FLUSHED(0, 1));
    lab_learn("rsp-r3", 0, 0x020000000001);
    assert_string_equal(ask("fdb.flush", "{\"bridge\":\"lab0\"}"),
                        "\"result\":[{\"master\":\"lab0\",\"flushed\":1}]");
    assert_has(ask("fdb.show", "{}"), "lab1");
    assert_string_equal(ask("fdb.flush", "{}"), FLUSHED(0, 1));
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

static void test_fdb_flush_refuses(void **state)
{
    lab_learn("rsp-r1", 0, 0x020000000001);
    assert_error("fdb.flush", "{\"port\":\"rsp-r9\"}", "there is no port named 'rsp-r9'");
    assert_error("fdb.flush", "{\"bridge\":\"lab2\"}", "there is no bridge named 'lab2'");
    assert_error("fdb.flush", "{\"mac\":\"02:00\"}", "mac: '02:00' is not an address");
    assert_error("fdb.flush", "{\"vlan\":4095}", "vlan: not within 0..4094");
    assert_error("fdb.flush", "{\"dev\":\"rsp-r1\"}", "unknown parameter 'dev'");
    assert_error("fdb.flush", "{\"port\":\"rsp-r1\",\"bridge\":\"lab1\"}",
                 "port 'rsp-r1' belongs to bridge 'lab0'");
    assert_has(ask("fdb.show", "{}"), "02:00:00:00:00:01");
}

#define STATIC_STEP                                                                              \
    "{\"steps\":[{\"op\":\"change\",\"bridge\":\"lab0\",\"port\":null,\"key\":\"fdb.static\",\"" \
    "disruption\":\"none\"}]}"
#define ONE "\"mac\":\"02:00:00:00:00:01\""

static void test_static_comes_and_goes(void **state)
{
    lab_learn("rsp-r2", 0, 0x020000000001);
    assert_has(ask("fdb.add", "{" ONE ",\"port\":\"rsp-r1\"}"), STATIC_STEP);
    assert_has(ask("fdb.show", "{}"), "\"port\":\"rsp-r1\",\"ifname\":null,\"master\":\"lab0\","
                                      "\"age\":0,\"flags\":[],\"state\":\"static\"}]");
    assert_has(ask("config.show", "{}"),
               "\"static\":[{" ONE ",\"port\":\"rsp-r1\",\"sticky\":false}]");
    lab_learn("rsp-r2", 0, 0x020000000001);
    assert_has(ask("fdb.show", "{}"), "\"port\":\"rsp-r1\"");
    assert_has(ask("fdb.flush", "{}"), FLUSHED(0, 0));

    assert_error(
        "fdb.add", "{" ONE ",\"port\":\"rsp-r2\"}",
        "-32000,\"message\":\"02:00:00:00:00:01 has a static entry already, on port rsp-r1\"");
    lab_set_state("rsp-r2", PORT_FORWARDING, "");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r2\",\"dynamic\":true}",
                 "the address has a static entry");
    assert_has(ask("fdb.add", "{" ONE ",\"port\":\"rsp-r2\",\"replace\":true,\"sticky\":true}"),
               STATIC_STEP);
    assert_has(ask("fdb.show", "{}"), "\"port\":\"rsp-r2\",\"ifname\":null,\"master\":\"lab0\","
                                      "\"age\":0,\"flags\":[\"sticky\"],\"state\":\"static\"}]");

    assert_error("fdb.del", "{" ONE ",\"port\":\"rsp-r1\"}",
                 "there is no entry of 02:00:00:00:00:01 on port rsp-r1");
    assert_has(ask("fdb.del", "{" ONE ",\"port\":\"rsp-r2\"}"), STATIC_STEP);
    assert_error("fdb.del", "{" ONE "}", "there is no entry of 02:00:00:00:00:01\"");
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

static void test_what_happened_is_counted(void **state)
{
    ask("fdb.add", "{" ONE ",\"port\":\"rsp-r1\"}");
    lab_learn("rsp-r2", 0, 0x020000000001);
    lab_learn("rsp-r1", 0, 0x020000000002);
    lab_learn("rsp-r2", 0, 0x020000000002);
    ask("fdb.flush", "{}");
    assert_has(ask("bridge.show", "{\"bridge\":\"lab0\"}"),
               "\"static\":1,\"inserted\":1,\"moved\":1,\"expired\":0,\"evicted\":0,\"flushed\":1,"
               "\"refused_moves\":1,\"refused_inserts\":0,\"refused_limits\":0,\"held\":0}");
}

static void test_file_wins_over_static_entries(void **state)
{
    ask("fdb.add", "{" ONE ",\"port\":\"rsp-r1\"}");
    assert_has(ask("config.diff", "{}"), STATIC_STEP);
    assert_has(ask("daemon.reload", "{}"), "fdb.static");
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

static void test_port_with_a_static_entry_stays(void **state)
{
    ask("fdb.add", "{" ONE ",\"port\":\"rsp-r1\"}");
    assert_error("port.del", "{\"port\":\"rsp-r1\"}",
                 "bridge lab0: fdb.static[0].port: this bridge has no port named 'rsp-r1'");
    ask("fdb.del", "{" ONE "}");
    assert_has(ask("port.del", "{\"port\":\"rsp-r1\"}"), "\"op\":\"del\"");
}

/* Frames to the address would all be dropped: as the file would be, the change is refused. */
static void test_static_entry_keeps_its_port_in_its_vlan(void **state)
{
    char before[4096];

    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":30}",
                 "bridge lab1: fdb.static[0].vlan: nothing would reach 02:00:00:00:00:01: port "
                 "'rsp-r3' is not in VLAN 30: add 30 to its vlan.allowed");
    ask("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":20}");
    snprintf(before, sizeof(before), "%s", ask("config.show", "{}"));
    assert_error("port.set", "{\"port\":\"rsp-r3\",\"vlan\":{\"mode\":\"access\",\"pvid\":10}}",
                 "nothing would reach 02:00:00:00:00:01: port 'rsp-r3' is not in VLAN 20: a port "
                 "of mode 'access' is in the VLAN of its pvid alone, 10");
    assert_string_equal(ask("config.show", "{}"), before);
    assert_has(ask("port.set", "{\"port\":\"rsp-r3\",\"vlan\":{\"mode\":\"access\",\"pvid\":20}}"),
               "vlan.mode");
}

/* As if it had been heard: where nothing is heard there is nothing to add. */
static void test_dynamic_where_nothing_is_heard(void **state)
{
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"dynamic\":true}",
                 "port rsp-r1 is waiting: nothing is heard behind it");
    lab_set_state("rsp-r1", PORT_LEARNING, "");
    assert_has(ask("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"dynamic\":true}"), "{\"steps\":[]}");
    lab_set_state("rsp-r1", PORT_DOWN, "");
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
    lab_set_state("rsp-r3", PORT_FORWARDING, "");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":30,\"dynamic\":true}",
                 "port rsp-r3 is not in VLAN 30");
    assert_has(ask("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":20,\"dynamic\":true}"),
               "{\"steps\":[]}");
}

static void test_dynamic_where_mirrors_send_copies(void **state)
{
    struct bridge *bridge = daemon_bridge(lab.daemon, 0);
    const struct mirror_settings settings = {
        .name = "span", .vlans = vidset_all(), .output_port = "rsp-r2"};
    struct vidset flooded = {{0}};
    struct mirrors *mirrors;

    assert_int_equal(bridge_new_mirrors(bridge, &settings, 1, &mirrors), 0);
    bridge_set_mirrors(bridge, mirrors, 0);
    lab_set_state("rsp-r2", PORT_FORWARDING, "");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r2\",\"dynamic\":true}",
                 "port rsp-r2 is the output_port of a mirror: nothing is heard behind it");
    vidset_add(&flooded, 20);
    bridge_set_flood_vlans(daemon_bridge(lab.daemon, 1), &flooded, 0);
    lab_set_state("rsp-r3", PORT_FORWARDING, "");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":20,\"dynamic\":true}",
                 "everything in VLAN 20 is flooded: no address is looked up there");
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

static void test_dynamic(void **state)
{
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    lab_set_state("rsp-r2", PORT_FORWARDING, "");
    assert_has(ask("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"dynamic\":true,\"sticky\":true}"),
               "{\"steps\":[]}");
    assert_has(ask("fdb.show", "{}"), "\"flags\":[\"sticky\"],\"state\":\"\"}]");
    assert_has(ask("config.show", "{}"), "\"static\":[]");
    lab_learn("rsp-r2", 0, 0x020000000001);
    assert_has(ask("fdb.show", "{}"), "\"port\":\"rsp-r1\"");
    assert_has(ask("fdb.add", "{" ONE ",\"port\":\"rsp-r2\",\"dynamic\":true}"), "{\"steps\":[]}");
    lab_learn("rsp-r1", 0, 0x020000000001);
    assert_has(ask("fdb.show", "{}"), "\"port\":\"rsp-r1\"");
    assert_has(ask("fdb.flush", "{}"), FLUSHED(1, 0));
}

static void test_del_learned(void **state)
{
    lab_learn("rsp-r1", 0, 0x020000000001);
    lab_learn("rsp-r3", 10, 0x020000000001);
    assert_error("fdb.del", "{" ONE ",\"port\":\"rsp-r2\"}", "there is no entry");
    assert_has(ask("fdb.del", "{" ONE ",\"port\":\"rsp-r3\"}"), "{\"steps\":[]}");
    assert_has(ask("fdb.show", "{}"), "lab0");
    assert_has(ask("fdb.del", "{" ONE ",\"vlan\":0}"), "{\"steps\":[]}");
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");

    /* On one bridge learned, on the other configured: both are meant. */
    ask("fdb.add", "{" ONE ",\"port\":\"rsp-r1\"}");
    lab_learn("rsp-r3", 10, 0x020000000001);
    assert_has(ask("fdb.del", "{" ONE "}"), STATIC_STEP);
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

static void test_refusals(void **state)
{
    char before[4096];

    snprintf(before, sizeof(before), "%s", ask("config.show", "{}"));
    assert_error("fdb.add", "{\"port\":\"rsp-r1\"}", "-32602,\"message\":\"mac: missing\"");
    assert_error("fdb.add", "{" ONE "}", "-32602,\"message\":\"port: missing\"");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r9\"}", "there is no port named 'rsp-r9'");
    assert_error("fdb.add", "{\"mac\":\"02-00\",\"port\":\"rsp-r1\"}",
                 "mac: '02-00' is not an address");
    assert_error("fdb.add", "{\"mac\":\"01:00:5e:00:00:01\",\"port\":\"rsp-r1\"}",
                 "mac: 01:00:5e:00:00:01 is not the address of a single host");
    assert_error("fdb.add", "{\"mac\":\"00:00:00:00:00:00\",\"port\":\"rsp-r1\"}", "a single host");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"sticky\":1}", "sticky: not a boolean");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"vlan\":4095}",
                 "vlan: not within 0..4094");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"vlan\":10}",
                 "bridge lab0: fdb.static[0].vlan: the bridge is transparent to tags");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"vlan\":10,\"dynamic\":true}",
                 "the bridge is transparent to tags: it has no VLANs");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r3\"}",
                 "a static entry of a VLAN-aware bridge needs the key 'vlan'");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"dynamic\":true}",
                 "which vlan? The bridge is VLAN-aware");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r1\",\"dev\":\"x\"}",
                 "unknown parameter 'dev'");
    assert_error("fdb.del", "{" ONE ",\"port\":\"rsp-r9\"}", "there is no port named 'rsp-r9'");
    assert_error("fdb.del", "{" ONE ",\"dynamic\":true}", "unknown parameter 'dynamic'");
    assert_string_equal(ask("config.show", "{}"), before);
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

static void test_vlans_are_apart(void **state)
{
    ask("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":10}");
    assert_has(ask("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":20}"), "fdb.static");
    assert_error("fdb.add", "{" ONE ",\"port\":\"rsp-r3\",\"vlan\":20}",
                 "has a static entry already");
    lab_learn("rsp-r3", 30, 0x020000000001);
    lab_learn("rsp-r3", 10, 0x020000000001);
    assert_has(ask("fdb.show", "{\"vlan\":10}"), "\"vlan\":10,\"port\":\"rsp-r3\"");
    assert_has(ask("fdb.show", "{\"vlan\":20}"), "\"state\":\"static\"");
    assert_has(ask("fdb.del", "{" ONE ",\"vlan\":20}"), "fdb.static");
    assert_string_equal(ask("fdb.show", "{\"vlan\":20}"), "\"result\":[]");
    assert_has(ask("fdb.show", "{\"vlan\":10}"), "\"state\":\"static\"");
    /* Without one, in all. */
    assert_has(ask("fdb.del", "{" ONE "}"), "fdb.static");
    assert_string_equal(ask("fdb.show", "{}"), "\"result\":[]");
}

/* lab1's table has room for 16. */
static void test_full_of_static_entries(void **state)
{
    char params[128];

    lab_set_state("rsp-r3", PORT_FORWARDING, "");
    for (int i = 1; i <= 16; i++) {
        snprintf(params, sizeof(params),
                 "{\"mac\":\"02:00:00:00:01:%02x\",\"vlan\":10,\"port\":\"rsp-r3\"}", i);
        assert_has(ask("fdb.add", params), "\"key\":\"fdb.static\"");
    }
    assert_error("fdb.add", "{" ONE ",\"vlan\":10,\"port\":\"rsp-r3\"}",
                 "17 static entries are too many: the table holds 16");
    assert_error("fdb.add", "{" ONE ",\"vlan\":10,\"port\":\"rsp-r3\",\"dynamic\":true}",
                 "the table has no room: all of its entries are static");
    lab_learn("rsp-r3", 10, 0x020000000001);
    assert_null(strstr(ask("fdb.show", "{}"), "02:00:00:00:00:01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_fdb_flush),
        LAB_TEST(test_fdb_flush_refuses),
        LAB_TEST(test_static_comes_and_goes),
        LAB_TEST(test_what_happened_is_counted),
        LAB_TEST(test_file_wins_over_static_entries),
        LAB_TEST(test_port_with_a_static_entry_stays),
        LAB_TEST(test_static_entry_keeps_its_port_in_its_vlan),
        LAB_TEST(test_dynamic),
        LAB_TEST(test_dynamic_where_nothing_is_heard),
        LAB_TEST(test_dynamic_where_mirrors_send_copies),
        LAB_TEST(test_del_learned),
        LAB_TEST(test_refusals),
        LAB_TEST(test_vlans_are_apart),
        LAB_TEST(test_full_of_static_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
