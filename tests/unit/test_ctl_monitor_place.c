/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/control/ctl_monitor.h"
#include "ctl_ask.h"

/* How far a snapshot is, to the slot: what it has passed is told, what it comes to is shown. */

static struct ctl_monitors monitors;

static struct ctl_monitor monitor_at(enum monitor_stage stage, uint64_t bridge, uint32_t slot)
{
    monitors = (struct ctl_monitors){.daemon = lab.daemon};
    return (struct ctl_monitor){
        .all = &monitors, .kinds = BUS_ALL, .stage = stage, .bridge = bridge, .slot = slot};
}

static bool has_passed_entry(const struct ctl_monitor *monitor, uint32_t bridge, uint32_t slot)
{
    const struct fdb_change change = {.kind = FDB_CHANGE_LEARN, .slot = slot};

    return ctl_monitor_has_passed(monitor,
                                  &(struct bus_event){.what = BUS_FDB_CHANGE,
                                                      .bridge = daemon_bridge(lab.daemon, bridge),
                                                      .fdb = &change});
}

static bool has_passed_port(const struct ctl_monitor *monitor, enum bus_what what, port_id id)
{
    struct bridge *bridge = daemon_bridge(lab.daemon, 0);

    return ctl_monitor_has_passed(
        monitor,
        &(struct bus_event){.what = what, .bridge = bridge, .port = bridge_port(bridge, id)});
}

static void test_entries(void **state)
{
    struct ctl_monitor monitor = monitor_at(MONITOR_FDB, 1, 5);

    assert_true(has_passed_entry(&monitor, 0, 9));
    assert_true(has_passed_entry(&monitor, 1, 4));
    assert_false(has_passed_entry(&monitor, 1, 5));
    monitor = monitor_at(MONITOR_FDB, 0, 5);
    assert_false(has_passed_entry(&monitor, 1, 4));
    monitor = monitor_at(MONITOR_LINKS, 1, 5);
    assert_false(has_passed_entry(&monitor, 0, 0));
    monitor = monitor_at(MONITOR_END, 0, 0);
    assert_true(has_passed_entry(&monitor, 1, 9));
}

static void test_ports(void **state)
{
    struct ctl_monitor monitor = monitor_at(MONITOR_PORTS, 0, 1);

    assert_true(has_passed_port(&monitor, BUS_PORT_STATE, 0));
    assert_false(has_passed_port(&monitor, BUS_PORT_STATE, 1));
    assert_false(has_passed_port(&monitor, BUS_LINK_CHANGE, 0));
    monitor = monitor_at(MONITOR_LINKS, 0, 1);
    assert_true(has_passed_port(&monitor, BUS_PORT_STATE, 1));
    assert_true(has_passed_port(&monitor, BUS_LINK_CHANGE, 0));
    assert_false(has_passed_port(&monitor, BUS_LINK_CHANGE, 1));
}

/* It is about entries on both sides. */
static void test_flush(void **state)
{
    const struct fdb_change change = {.kind = FDB_CHANGE_FLUSH, .port = PORT_NONE};
    struct ctl_monitor monitor = monitor_at(MONITOR_FDB, 0, 0);

    assert_true(
        ctl_monitor_has_passed(&monitor, &(struct bus_event){.what = BUS_FDB_CHANGE,
                                                             .bridge = daemon_bridge(lab.daemon, 1),
                                                             .fdb = &change}));
}

/* ---- where it goes on ---- */

/* All that is left of the snapshot. */
static void hear_rest(struct ctl_monitor *monitor, struct byte_queue *out)
{
    struct json_writer writer;

    byte_queue_init(out, SIZE_MAX);
    json_writer_init(&writer, out);
    while (ctl_monitor_next(monitor, &writer) != CTL_ROW_END)
        ;
    byte_queue_append(out, "", 1);
}

static void test_its_bridge_goes(void **state)
{
    struct ctl_monitor monitor = monitor_at(MONITOR_FDB, 0, 1);
    struct byte_queue out;

    lab_learn("rsp-r3", 10, 0x020000000001);
    lab_write("{\"version\":1,\"bridges\":[{\"name\":\"lab1\",\"vlan_aware\":true,\"ports\":[{"
              "\"name\":\"rsp-r3\",\"vlan\":{\"mode\":\"access\",\"pvid\":10}}]}]}");
    assert_has(ask("daemon.reload", "{}"), "\"op\":\"del\",\"bridge\":\"lab0\",\"port\":null");
    hear_rest(&monitor, &out);
    assert_non_null(strstr(byte_queue_data(&out), "\"event\":\"end\""));
    lab_learn("rsp-r3", 10, 0x020000000001);
    byte_queue_fini(&out);
    monitor = monitor_at(MONITOR_FDB, 0, 1);
    hear_rest(&monitor, &out);
    assert_non_null(strstr(byte_queue_data(&out), "02:00:00:00:00:01"));
    byte_queue_fini(&out);
}

static void count(void *arg, const struct bus_event *event)
{
    ++*(uint32_t *)arg;
}

/* What was noted before the end is told before it. */
static void test_end_comes_after_what_was_noted(void **state)
{
    struct ctl_monitor monitor = monitor_at(MONITOR_END, 0, 0);
    struct bus_listener *listener;
    struct byte_queue out;
    uint32_t n = 0;

    assert_int_equal(bus_listen(daemon_bus(lab.daemon), BUS_MASK(BUS_FDB), count, &n, &listener),
                     0);
    lab_learn("rsp-r1", 0, 0x020000000001);
    assert_int_equal(n, 0);
    hear_rest(&monitor, &out);
    assert_int_equal(n, 1);
    byte_queue_fini(&out);
    bus_unlisten(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_entries),
        LAB_TEST(test_ports),
        LAB_TEST(test_flush),
        LAB_TEST(test_its_bridge_goes),
        LAB_TEST(test_end_comes_after_what_was_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
