/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/graph.h"

static char text[64 << 10];

static struct graph_port *add_port(struct graph *graph, uint32_t bridge, const char *name)
{
    struct graph_port *port = graph_add_port(graph);

    assert_non_null(port);
    port->bridge = bridge;
    strcpy(port->name, name);
    strcpy(port->ifname, name);
    strcpy(port->state, "forwarding");
    strcpy(port->type, "netdev");
    return port;
}

static void add_bridge(struct graph *graph, const char *name)
{
    char *place = graph_add_bridge(graph);

    assert_non_null(place);
    strcpy(place, name);
}

static const char *write(const struct graph *graph,
                         void (*fn)(const struct graph *graph, struct byte_queue *out))
{
    struct byte_queue out;

    byte_queue_init(&out, sizeof(text) - 1);
    fn(graph, &out);
    assert_false(out.overflowed);
    memcpy(text, byte_queue_data(&out), out.len);
    text[out.len] = '\0';
    byte_queue_fini(&out);
    return text;
}

static void assert_has(const char *what)
{
    if (!strstr(text, what))
        fail_msg("there is no\n%s\nin\n%s", what, text);
}

static uint32_t count(const char *what)
{
    uint32_t n = 0;

    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* A bridge with a host behind a veth, a machine behind a tap, and a cable to a second bridge. */
static struct graph make_lab(void)
{
    struct graph graph = {0};
    struct graph_port *port;

    add_bridge(&graph, "lab0");
    add_bridge(&graph, "lab1");
    port = add_port(&graph, 0, "r1");
    port->peer.kind = GRAPH_PEER_LINK;
    strcpy(port->peer.ifname, "eth0");
    strcpy(port->peer.netns, "h1");
    port = add_port(&graph, 0, "vm1");
    port->peer.kind = GRAPH_PEER_PROCESS;
    port->peer.pid = 4711;
    strcpy(port->peer.process, "qemu");
    port = add_port(&graph, 0, "up");
    port->peer.kind = GRAPH_PEER_PORT;
    port->peer.port = 3;
    port = add_port(&graph, 1, "down");
    port->peer.kind = GRAPH_PEER_PORT;
    port->peer.port = 2;
    port = add_port(&graph, 1, "late");
    strcpy(port->ifname, "veth-late");
    strcpy(port->state, "waiting");
    return graph;
}

static void test_dot(void **state)
{
    struct graph graph = make_lab();

    write(&graph, graph_write_dot);
    assert_has("graph ringspan {\n");
    assert_has("  subgraph cluster_g0 {\n    label=\"bridge lab0\";\n    b0 [label=\"lab0\"];\n"
               "    p0 [label=\"r1\\nforwarding\"];\n");
    assert_has("    p4 [label=\"late\\ninterface veth-late\\nwaiting\"];\n");
    assert_has("  subgraph cluster_n0 {\n    label=\"netns h1\";\n    x0 [label=\"eth0\"];\n  }\n");
    assert_has("  b0 -- p0;\n  p0 -- x0;\n");
    assert_has("    x1 [label=\"qemu\\npid 4711\"];\n  p1 -- x1;\n");
    assert_int_equal(count("p2 -- p3;"), 1);
    assert_int_equal(count("p3 -- p2;"), 0);
    assert_string_equal(text + strlen(text) - 2, "}\n");
    graph_fini(&graph);
}

static void test_mermaid(void **state)
{
    struct graph graph = make_lab();

    write(&graph, graph_write_mermaid);
    assert_int_equal(strncmp(text, "graph LR\n", 9), 0);
    assert_has("  subgraph g0[\"bridge lab0\"]\n    b0[\"lab0\"]\n    p0[\"r1<br/>forwarding\"]\n");
    assert_has("  subgraph n0[\"netns h1\"]\n    x0[\"eth0\"]\n  end\n");
    assert_has("  b0 --- p0\n  p0 --- x0\n");
    assert_int_equal(count("subgraph"), count("  end\n"));
    graph_fini(&graph);
}

/* Names are the kernel's; none gets out of its quotes. */
static void test_escapes(void **state)
{
    struct graph graph = {0};

    add_bridge(&graph, "a\"];x");
    add_port(&graph, 0, "b\\n\"<&>`#;");
    add_port(&graph, 0, "c\n\x1b\x7f\xff\xc2\x9b\xc3\xbc");
    write(&graph, graph_write_dot);
    assert_has("b0 [label=\"a\\\"];x\"];\n");
    assert_has("p0 [label=\"b\\\\n\\\"<&amp;>`#;\\nforwarding\"];\n");
    assert_has("p1 [label=\"c?????\xc3\xbc\\nforwarding\"];\n");
    write(&graph, graph_write_mermaid);
    assert_has("b0[\"a#34;#93;#59;x\"]\n");
    assert_has("p0[\"b#92;n#34;#60;#38;#62;#96;#35;#59;<br/>forwarding\"]\n");
    assert_has("p1[\"c?????\xc3\xbc<br/>forwarding\"]\n");
    write(&graph, graph_write_json);
    assert_has("\"name\":\"b\\\\n\\\"<&>`#;\"");
    graph_fini(&graph);
}

static void test_hosts(void **state)
{
    struct graph graph = make_lab();

    graph.ports[0].n_hosts = 1;
    strcpy(graph.ports[0].hosts[0].mac, "02:00:00:00:00:01");
    graph.ports[0].hosts[0].vlan = 10;
    graph.ports[4].n_hosts = GRAPH_HOSTS_MAX + 5;
    for (int i = 0; i < GRAPH_HOSTS_MAX; i++)
        snprintf(graph.ports[4].hosts[i].mac, MAC_STRING_SIZE, "02:00:00:00:04:%02x", i);
    write(&graph, graph_write_dot);
    assert_has("    h0 [label=\"02:00:00:00:00:01\\nVLAN 10\"];\n  x0 -- h0;\n");
    assert_has("[label=\"02:00:00:00:04:0f\"];\n");
    assert_has("[label=\"and 5 more\"];\n");
    assert_int_equal(count("  p4 -- h"), GRAPH_HOSTS_MAX + 1);
    write(&graph, graph_write_json);
    assert_has("\"n_hosts\":21,\"hosts\":[{\"mac\":\"02:00:00:00:04:00\",\"vlan\":0}");
    graph_fini(&graph);
}

static void test_json(void **state)
{
    struct graph graph = make_lab();

    write(&graph, graph_write_json);
    assert_has("{\"name\":\"r1\",\"master\":\"lab0\",\"type\":\"netdev\",\"state\":\"forwarding\","
               "\"ifname\":\"r1\",\"netns\":null,\"peer\":{\"ifname\":\"eth0\",\"netns\":\"h1\","
               "\"port\":null,\"process\":null,\"pid\":null},\"n_hosts\":0,\"hosts\":[]}");
    assert_has("\"process\":\"qemu\",\"pid\":4711}");
    assert_has("\"port\":\"down\"");
    assert_has("\"state\":\"waiting\",\"ifname\":\"veth-late\",\"netns\":null,\"peer\":null,");
    graph_fini(&graph);
}

static void test_nothing(void **state)
{
    struct graph graph = {0};

    assert_string_equal(write(&graph, graph_write_mermaid), "graph LR\n");
    assert_string_equal(write(&graph, graph_write_json), "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dot),     cmocka_unit_test(test_mermaid),
        cmocka_unit_test(test_escapes), cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_json),    cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
