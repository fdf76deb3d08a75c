/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl_ask.h"
#include "ringspan/latency.h"
#include "ringspan/metrics.h"

static char text[256 << 10];

/* A whole scrape, in @text; returns how many pieces it took. */
static uint32_t scrape(enum metrics_format format)
{
    struct metrics_source source;
    struct metrics_scrape *one;
    struct byte_queue out;
    uint32_t n = 0;
    int r;

    byte_queue_init(&out, sizeof(text) - 1);
    metrics_source_init(&source, bench.loop, lab.daemon);
    assert_int_equal(metrics_scrape_new(&source, format, &one), 0);
    do {
        size_t before = out.len;

        r = metrics_scrape_next(one, &out);
        assert_true(out.len - before < 1024);
        n++;
    } while (r > 0);
    assert_int_equal(r, 0);
    assert_int_equal(metrics_scrape_next(one, &out), 0);
    assert_false(out.overflowed);
    memcpy(text, byte_queue_data(&out), out.len);
    text[out.len] = '\0';
    metrics_scrape_free(one);
    assert_int_equal(source.n_scrapes, 0);
    byte_queue_fini(&out);
    return n;
}

static void assert_line(const char *line)
{
    char whole[512];

    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (!strstr(text, whole))
        fail_msg("there is no line '%s' in\n%s", line, text);
}

static struct port *port(uint32_t bridge, const char *name)
{
    return bridge_port_by_name(daemon_bridge(lab.daemon, bridge), name);
}

static void test_openmetrics(void **state)
{
    lab_set_state("rsp-r2", PORT_FORWARDING, "");
    port(0, "rsp-r2")->ledger.received = (struct ledger_volume){3, 5, 1234};
    port(0, "rsp-r2")->ledger.unicast = 2;
    port(0, "rsp-r2")->ledger.in_dropped[DROP_NO_EGRESS] = 1;
    scrape(METRICS_OPENMETRICS);
    assert_line("# TYPE ringspan_port_receive_bytes counter");
    assert_line("# UNIT ringspan_port_receive_bytes bytes");
    assert_line("ringspan_port_receive_packets_total{bridge=\"lab0\",port=\"rsp-r2\"} 3");
    assert_line("ringspan_port_receive_segments_total{bridge=\"lab0\",port=\"rsp-r2\"} 5");
    assert_line("ringspan_port_receive_bytes_total{bridge=\"lab0\",port=\"rsp-r2\"} 1234");
    assert_line("ringspan_port_receive_drop_total{bridge=\"lab0\",port=\"rsp-r2\","
                "reason=\"no_egress\",class=\"filtered\"} 1");
    assert_line("ringspan_port_receive_drop_total{bridge=\"lab0\",port=\"rsp-r1\","
                "reason=\"no_egress\",class=\"filtered\"} 0");
    assert_line("ringspan_port_state{bridge=\"lab0\",port=\"rsp-r2\","
                "ringspan_port_state=\"forwarding\"} 1");
    assert_line("ringspan_port_state{bridge=\"lab0\",port=\"rsp-r1\","
                "ringspan_port_state=\"waiting\"} 1");
    assert_line(
        "ringspan_port_info{bridge=\"lab1\",port=\"rsp-r3\",ifname=\"\",type=\"netdev\"} 1");
    assert_line("ringspan_bridge_fdb_max_entries{bridge=\"lab1\"} 16");
    assert_line("ringspan_bridge_ledger_imbalances{bridge=\"lab0\",sum=\"in\"} 0");
    assert_line("ringspan_build_info{version=\"" RINGSPAN_VERSION "\"} 1");
    assert_line("ringspan_bridges 2");
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    /* What is bound to nothing has no MTU, and no kernel counts for it. */
    assert_null(strstr(text, "ringspan_port_mtu_bytes{"));
}

static void test_text(void **state)
{
    scrape(METRICS_TEXT);
    assert_line("# TYPE ringspan_port_receive_bytes_total counter");
    assert_line("# TYPE ringspan_port_info gauge");
    assert_line("# TYPE ringspan_port_state gauge");
    assert_null(strstr(text, "# UNIT"));
    assert_null(strstr(text, "# EOF"));
}

static uint64_t wall(void)
{
    return 0;
}

/* A bridge whose frames are timed has a histogram; the other one has no line of it. */
static void test_latency(void **state)
{
    static const uint64_t ns[] = {0, 1024, 1025, 999999999, 3000000000, LATENCY_MAX_NS + 1};
    struct latency *latency;

    scrape(METRICS_OPENMETRICS);
    assert_null(strstr(text, "ringspan_bridge_latency_seconds_"));
    assert_null(strstr(text, "ringspan_bridge_latency_skewed_packets_total"));
    assert_int_equal(latency_new(1, 1, wall, &latency), 0);
    for (size_t i = 0; i < sizeof(ns) / sizeof(*ns); i++)
        latency_add((struct latency_histogram *)latency_histogram(latency), 0, ns[i]);
    bridge_set_latency(daemon_bridge(lab.daemon, 1), latency);
    scrape(METRICS_TEXT);
    assert_line("# TYPE ringspan_bridge_latency_seconds histogram");
    scrape(METRICS_OPENMETRICS);
    assert_line("# TYPE ringspan_bridge_latency_seconds histogram");
    assert_line("# UNIT ringspan_bridge_latency_seconds seconds");
    assert_line("ringspan_bridge_latency_seconds_bucket{bridge=\"lab1\",le=\"1.024e-06\"} 2");
    assert_line("ringspan_bridge_latency_seconds_bucket{bridge=\"lab1\",le=\"2.048e-06\"} 3");
    assert_line("ringspan_bridge_latency_seconds_bucket{bridge=\"lab1\",le=\"0.000131072\"} 3");
    assert_line("ringspan_bridge_latency_seconds_bucket{bridge=\"lab1\",le=\"0.536870912\"} 3");
    assert_line("ringspan_bridge_latency_seconds_bucket{bridge=\"lab1\",le=\"1.073741824\"} 4");
    assert_line("ringspan_bridge_latency_seconds_bucket{bridge=\"lab1\",le=\"+Inf\"} 5");
    assert_line("ringspan_bridge_latency_seconds_count{bridge=\"lab1\"} 5");
    assert_line("ringspan_bridge_latency_seconds_sum{bridge=\"lab1\"} 4.000002048");
    assert_line("ringspan_bridge_latency_skewed_packets_total{bridge=\"lab1\"} 1");
    assert_null(strstr(text, "ringspan_bridge_latency_seconds_count{bridge=\"lab0\"}"));
}

/* A sum that does not hold is told, and which. */
static void test_imbalance(void **state)
{
    port(1, "rsp-r3")->ledger.received.frames++;
    port(0, "rsp-r1")->ledger.decided++;
    scrape(METRICS_OPENMETRICS);
    assert_line("ringspan_bridge_ledger_imbalances{bridge=\"lab1\",sum=\"in\"} 1");
    assert_line("ringspan_bridge_ledger_imbalances{bridge=\"lab1\",sum=\"across\"} 0");
    assert_line("ringspan_bridge_ledger_imbalances{bridge=\"lab0\",sum=\"out\"} 1");
    assert_line("ringspan_bridge_ledger_imbalances{bridge=\"lab0\",sum=\"across\"} 1");
    port(1, "rsp-r3")->ledger.received.frames--;
    port(0, "rsp-r1")->ledger.decided--;
}

/* A reason of the egress that was counted at the ingress is not hidden. */
static void test_strange_reason(void **state)
{
    scrape(METRICS_TEXT);
    assert_null(
        strstr(text, "receive_drop_total{bridge=\"lab0\",port=\"rsp-r1\",reason=\"tx_busy\""));
    port(0, "rsp-r1")->ledger.in_dropped[DROP_TX_BUSY] = 4;
    scrape(METRICS_TEXT);
    assert_line("ringspan_port_receive_drop_total{bridge=\"lab0\",port=\"rsp-r1\","
                "reason=\"tx_busy\",class=\"lost\"} 4");
}

static void test_vlans(void **state)
{
    struct vlan_counters *counters = bridge_vlans(daemon_bridge(lab.daemon, 1))->counters;

    scrape(METRICS_TEXT);
    assert_null(strstr(text, "ringspan_vlan_ports{"));
    counters[1] = (struct vlan_counters){1, 60, 2, 128};
    counters[4094] = (struct vlan_counters){9, 900, 0, 0};
    scrape(METRICS_TEXT);
    assert_line("ringspan_vlan_receive_packets_total{bridge=\"lab1\",vlan=\"1\"} 1");
    assert_line("ringspan_vlan_transmit_bytes_total{bridge=\"lab1\",vlan=\"1\"} 128");
    assert_line("ringspan_vlan_receive_bytes_total{bridge=\"lab1\",vlan=\"4094\"} 900");
    assert_null(strstr(text, "vlan=\"2\""));
}

/* Names are the kernel's: quotes, backslashes and bytes that are no text. */
static void test_escapes(void **state)
{
    strcpy(port(1, "rsp-r3")->name, "a\"b\\c\xff\xc3\xbc");
    scrape(METRICS_TEXT);
    assert_line("ringspan_port_admin_up{bridge=\"lab1\",port=\"a\\\"b\\\\c\\\\xff\xc3\xbc\"} 1");
}

static void test_counters_of_one_moment(void **state)
{
    struct metrics_source source;
    struct metrics_scrape *one;
    struct byte_queue out;
    int r;

    byte_queue_init(&out, sizeof(text) - 1);
    metrics_source_init(&source, bench.loop, lab.daemon);
    assert_int_equal(metrics_scrape_new(&source, METRICS_TEXT, &one), 0);
    do {
        /* A frame for each piece. */
        port(0, "rsp-r1")->ledger.received.frames++;
        port(0, "rsp-r1")->ledger.unicast++;
        r = metrics_scrape_next(one, &out);
    } while (r > 0);
    byte_queue_append(&out, "", 1);
    strcpy(text, byte_queue_data(&out));
    assert_line("ringspan_bridge_ledger_imbalances{bridge=\"lab0\",sum=\"in\"} 0");
    assert_line("ringspan_port_receive_packets_total{bridge=\"lab0\",port=\"rsp-r1\"} 3");
    assert_line("ringspan_port_receive_unicast_packets_total{bridge=\"lab0\",port=\"rsp-r1\"} 3");
    metrics_scrape_free(one);
    byte_queue_fini(&out);
}

static void test_bounds(void **state)
{
    struct metrics_scrape *all[LIMIT_METRICS_SCRAPES];
    struct metrics_scrape *one_more = NULL;
    struct metrics_source source;

    metrics_source_init(&source, bench.loop, lab.daemon);
    for (int i = 0; i < LIMIT_METRICS_SCRAPES; i++)
        assert_int_equal(metrics_scrape_new(&source, METRICS_TEXT, &all[i]), 0);
    assert_int_equal(metrics_scrape_new(&source, METRICS_TEXT, &one_more), -EBUSY);
    assert_null(one_more);
    metrics_scrape_free(all[0]);
    assert_int_equal(metrics_scrape_new(&source, METRICS_TEXT, &all[0]), 0);
    for (int i = 0; i < LIMIT_METRICS_SCRAPES; i++)
        metrics_scrape_free(all[i]);
    metrics_scrape_free(NULL);
}

static void test_method(void **state)
{
    const char *answer = ask("metrics.show", "{}");

    assert_has(answer, "\"result\":\"# HELP ringspan_port The interface");
    assert_has(answer, "{bridge=\\\"lab0\\\",port=\\\"rsp-r1\\\"} 1\\n");
    assert_has(answer, "\\n# EOF\\n\"");
    assert_error("metrics.show", "{\"port\":\"rsp-r1\"}", "unknown parameter 'port'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_openmetrics),    LAB_TEST(test_text),
        LAB_TEST(test_latency),        LAB_TEST(test_imbalance),
        LAB_TEST(test_strange_reason), LAB_TEST(test_vlans),
        LAB_TEST(test_escapes),        LAB_TEST(test_counters_of_one_moment),
        LAB_TEST(test_bounds),         LAB_TEST(test_method),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
