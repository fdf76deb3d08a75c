/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl_lab.h"

/* Ports that are over a limit, as monitors hear of it. What counts them is the data path. */

static void count(const char *port, enum drop_reason reason, bool is_out)
{
    struct port *found = bridge_port_by_name(daemon_bridge(lab.daemon, 0), port);

    if (is_out)
        found->ledger.out_dropped[reason]++;
    else
        found->ledger.in_dropped[reason]++;
}

static void say(int client, const char *method, const char *params)
{
    char request[512];

    snprintf(request, sizeof(request),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method, params);
    bench_say(client, request);
    bench_hear_lines(client, 1);
    if (!strstr(bench.text, "\"result\":"))
        fail_msg("%s", bench.text);
}

static void assert_begins(int client, const char *port, const char *limit, uint32_t n)
{
    char expected[256];

    snprintf(expected, sizeof(expected),
             "\"kind\":\"port\",\"event\":\"limit_begin\",\"port\":\"%s\",\"master\":\"lab0\","
             "\"limit\":\"%s\",\"count\":%u}}\n",
             port, limit, n);
    bench_hear_lines(client, 1);
    if (!strstr(bench.text, expected))
        fail_msg("%s instead of %s", bench.text, expected);
}

static void test_each_limit(void **state)
{
    bench_dial(0);
    bench_dial(1);
    say(0, "port.set",
        "{\"port\":\"rsp-r1\",\"storm_control\":{\"broadcast\":{\"rate\":\"1pps\"},"
        "\"multicast\":{\"rate\":\"1pps\"},\"unknown_unicast\":{\"rate\":\"1pps\"}},"
        "\"policing\":{\"ingress\":{\"rate\":\"1pps\"},\"egress\":{\"rate\":\"1pps\"}}}");
    say(0, "port.set", "{\"port\":\"rsp-r2\",\"mac_limit\":{\"max\":1,\"action\":\"flood\"}}");
    say(1, "monitor.start", "{\"kinds\":[\"port\"]}");
    count("rsp-r1", DROP_STORM_BROADCAST, false);
    count("rsp-r1", DROP_STORM_BROADCAST, false);
    assert_begins(1, "rsp-r1", "storm_control.broadcast", 2);
    count("rsp-r1", DROP_STORM_BROADCAST, false); /* it goes on, and nobody is told */
    count("rsp-r1", DROP_STORM_MULTICAST, false);
    assert_begins(1, "rsp-r1", "storm_control.multicast", 1);
    count("rsp-r1", DROP_STORM_UNKNOWN_UNICAST, false);
    assert_begins(1, "rsp-r1", "storm_control.unknown_unicast", 1);
    count("rsp-r1", DROP_POLICED_IN, false);
    assert_begins(1, "rsp-r1", "policing.ingress", 1);
    count("rsp-r1", DROP_POLICED_OUT, true);
    assert_begins(1, "rsp-r1", "policing.egress", 1);
    lab_learn("rsp-r2", 0, 0x020000000001);
    lab_learn("rsp-r2", 0, 0x020000000002);
    assert_begins(1, "rsp-r2", "mac_limit", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_each_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
