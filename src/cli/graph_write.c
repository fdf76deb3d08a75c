/* SPDX-License-Identifier: ISC */
#include "graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/json_scan.h"
#include "ringspan/json_writer.h"

#define C1_END 0xa0 /* control characters of two bytes are below */

/*
 * Nodes are called by a letter and a number, and what they are called by people is a label: so no
 * name of an interface has to be anything but a quoted string.
 */

void graph_fini(struct graph *graph)
{
    free(graph->bridges);
    free(graph->ports);
    *graph = (struct graph){0};
}

char *graph_add_bridge(struct graph *graph)
{
    void *bigger = reallocarray(graph->bridges, graph->n_bridges + 1, sizeof(*graph->bridges));

    if (!bigger)
        return NULL;
    graph->bridges = bigger;
    memset(graph->bridges[graph->n_bridges], 0, sizeof(*graph->bridges));
    return graph->bridges[graph->n_bridges++];
}

struct graph_port *graph_add_port(struct graph *graph)
{
    /* Twice as much each time that it is full. */
    bool is_full = (graph->n_ports & (graph->n_ports - 1)) == 0;
    struct graph_port *bigger = graph->ports;

    if (is_full)
        bigger = reallocarray(graph->ports, graph->n_ports ? 2 * (size_t)graph->n_ports : 1,
                              sizeof(*bigger));
    if (!bigger)
        return NULL;
    graph->ports = bigger;
    bigger[graph->n_ports] = (struct graph_port){0};
    return &bigger[graph->n_ports++];
}

/* How the two languages differ. */
struct language {
    const char *head;
    const char *tail;
    const char *line_break;                            /* within a label */
    void (*put_text)(struct byte_queue *out, char c);  /* one byte of a label */
    const char *open_node, *close_node;                /* around the label */
    const char *open_group, *open_label, *close_label; /* of nodes, with its name and label */
    const char *close_group;
    const char *edge;
    const char *end; /* of a statement */
};

__attribute__((format(printf, 2, 3))) static void put(struct byte_queue *out, const char *format,
                                                      ...)
{
    char text[128];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    byte_queue_append(out, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

/* In labels a backslash begins an escape, and "&" an HTML entity. */
static void put_dot(struct byte_queue *out, char c)
{
    if (c == '"' || c == '\\')
        put(out, "\\%c", c);
    else if (c == '&')
        byte_queue_append(out, "&amp;", 5);
    else if ((unsigned char)c < ' ' || c == 0x7f)
        byte_queue_append(out, "?", 1);
    else
        byte_queue_append(out, &c, 1);
}

/* Labels are HTML and Markdown at once: all but words is written by number. */
static void put_mermaid(struct byte_queue *out, char c)
{
    static const char plain[] = " .,:-_/+()";
    bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                   (unsigned char)c >= 0x80;

    if (is_word || (c && strchr(plain, c)))
        byte_queue_append(out, &c, 1);
    else if ((unsigned char)c < ' ' || c == 0x7f)
        byte_queue_append(out, "?", 1);
    else
        put(out, "#%u;", (unsigned)(unsigned char)c);
}

static const struct language dot = {
    .head = "graph ringspan {\n"
            "  rankdir=LR;\n"
            "  node [shape=box, fontname=\"sans-serif\"];\n",
    .tail = "}\n",
    .line_break = "\\n",
    .put_text = put_dot,
    .open_node = " [label=\"",
    .close_node = "\"]",
    .open_group = "  subgraph cluster_",
    .open_label = " {\n    label=\"",
    .close_label = "\";\n",
    .close_group = "  }\n",
    .edge = " -- ",
    .end = ";\n",
};

static const struct language mermaid = {
    .head = "graph LR\n",
    .tail = "",
    .line_break = "<br/>",
    .put_text = put_mermaid,
    .open_node = "[\"",
    .close_node = "\"]",
    .open_group = "  subgraph ",
    .open_label = "[\"",
    .close_label = "\"]\n",
    .close_group = "  end\n",
    .edge = " --- ",
    .end = "\n",
};

static void put_string(struct byte_queue *out, const char *text)
{
    byte_queue_append(out, text, strlen(text));
}

struct writer {
    const struct language *language;
    const struct graph *graph;
    struct byte_queue *out;
};

/* Interfaces and processes behind the ports are called as anybody likes, in any bytes. */
static void put_text(const struct writer *w, const char *text)
{
    size_t len = strlen(text);
    uint32_t code;
    size_t n;

    for (size_t at = 0; at < len; at += n) {
        n = json_utf8(text, len, at, &code);
        if (n == 1)
            w->language->put_text(w->out, text[at]);
        else if (n > 1 && code >= C1_END)
            byte_queue_append(w->out, text + at, n);
        else
            put_string(w->out, "?");
        n += n == 0;
    }
}

static void put_lines(const struct writer *w, const char *const *lines, uint32_t n)
{
    const char *line_break = "";

    for (uint32_t i = 0; i < n; i++) {
        if (!*lines[i])
            continue;
        put_string(w->out, line_break);
        put_text(w, lines[i]);
        line_break = w->language->line_break;
    }
}

static void put_node(const struct writer *w, char letter, uint32_t number, const char *const *lines,
                     uint32_t n)
{
    put(w->out, "    %c%u%s", letter, number, w->language->open_node);
    put_lines(w, lines, n);
    put(w->out, "%s%s", w->language->close_node, w->language->end);
}

#define PUT_NODE(w, letter, number, ...)                            \
    put_node(w, letter, number, (const char *const[]){__VA_ARGS__}, \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void put_edge(const struct writer *w, char a, uint32_t a_number, char b, uint32_t b_number)
{
    put(w->out, "  %c%u%s%c%u%s", a, a_number, w->language->edge, b, b_number, w->language->end);
}

static void open_group(const struct writer *w, char letter, uint32_t number, const char *before,
                       const char *label)
{
    put(w->out, "%s%c%u%s", w->language->open_group, letter, number, w->language->open_label);
    put_text(w, before);
    put_text(w, label);
    put_string(w->out, w->language->close_label);
}

static void put_bridge(const struct writer *w, uint32_t bridge)
{
    open_group(w, 'g', bridge, "bridge ", w->graph->bridges[bridge]);
    PUT_NODE(w, 'b', bridge, w->graph->bridges[bridge]);
    for (uint32_t i = 0; i < w->graph->n_ports; i++) {
        const struct graph_port *port = &w->graph->ports[i];
        char ifname[GRAPH_NAME_SIZE + 16] = "";

        if (port->bridge != bridge)
            continue;
        if (*port->ifname && strcmp(port->ifname, port->name) != 0)
            snprintf(ifname, sizeof(ifname), "interface %s", port->ifname);
        PUT_NODE(w, 'p', i, port->name, ifname, port->state);
    }
    put_string(w->out, w->language->close_group);
}

/* A cable between two ports is found at both of its ends, and drawn once. */
static bool is_second_end(const struct writer *w, uint32_t i)
{
    const struct graph_peer *peer = &w->graph->ports[i].peer;

    return peer->kind == GRAPH_PEER_PORT && peer->port < i;
}

static bool is_first_of_netns(const struct writer *w, uint32_t i)
{
    const struct graph_port *ports = w->graph->ports;

    for (uint32_t before = 0; before < i; before++) {
        if (ports[before].peer.kind == GRAPH_PEER_LINK &&
            strcmp(ports[before].peer.netns, ports[i].peer.netns) == 0)
            return false;
    }
    return ports[i].peer.kind == GRAPH_PEER_LINK;
}

/* Interfaces behind ports, with those of one namespace together. */
static void put_netns(const struct writer *w, uint32_t first)
{
    const char *netns = w->graph->ports[first].peer.netns;

    open_group(w, 'n', first, *netns ? "netns " : "", *netns ? netns : "here");
    for (uint32_t i = first; i < w->graph->n_ports; i++) {
        const struct graph_peer *peer = &w->graph->ports[i].peer;

        if (peer->kind == GRAPH_PEER_LINK && strcmp(peer->netns, netns) == 0)
            PUT_NODE(w, 'x', i, peer->ifname);
    }
    put_string(w->out, w->language->close_group);
}

static void put_peer(const struct writer *w, uint32_t i)
{
    const struct graph_peer *peer = &w->graph->ports[i].peer;
    char pid[32];

    switch (peer->kind) {
    case GRAPH_PEER_NONE:
        break;
    case GRAPH_PEER_LINK:
        put_edge(w, 'p', i, 'x', i);
        break;
    case GRAPH_PEER_PORT:
        if (!is_second_end(w, i))
            put_edge(w, 'p', i, 'p', peer->port);
        break;
    case GRAPH_PEER_PROCESS:
        snprintf(pid, sizeof(pid), "pid %d", (int)peer->pid);
        PUT_NODE(w, 'x', i, peer->process, pid);
        put_edge(w, 'p', i, 'x', i);
        break;
    }
}

/* Behind what is at the other end, if that is known. */
static void put_hosts(const struct writer *w, uint32_t i)
{
    const struct graph_port *port = &w->graph->ports[i];
    uint32_t n = port->n_hosts < GRAPH_HOSTS_MAX ? port->n_hosts : GRAPH_HOSTS_MAX;
    bool has_node = port->peer.kind == GRAPH_PEER_LINK || port->peer.kind == GRAPH_PEER_PROCESS;
    char text[32];

    for (uint32_t h = 0; h < n; h++) {
        const struct graph_host *host = &port->hosts[h];

        snprintf(text, sizeof(text), "VLAN %u", host->vlan);
        PUT_NODE(w, 'h', i * (GRAPH_HOSTS_MAX + 1) + h, host->mac, host->vlan ? text : "");
        put_edge(w, has_node ? 'x' : 'p', i, 'h', i * (GRAPH_HOSTS_MAX + 1) + h);
    }
    if (port->n_hosts == n)
        return;
    snprintf(text, sizeof(text), "and %u more", port->n_hosts - n);
    PUT_NODE(w, 'h', i * (GRAPH_HOSTS_MAX + 1) + n, text);
    put_edge(w, has_node ? 'x' : 'p', i, 'h', i * (GRAPH_HOSTS_MAX + 1) + n);
}

static void write_graph(const struct graph *graph, const struct language *language,
                        struct byte_queue *out)
{
    const struct writer w = {language, graph, out};

    put_string(out, language->head);
    for (uint32_t i = 0; i < graph->n_bridges; i++)
        put_bridge(&w, i);
    for (uint32_t i = 0; i < graph->n_ports; i++) {
        if (is_first_of_netns(&w, i))
            put_netns(&w, i);
    }
    for (uint32_t i = 0; i < graph->n_ports; i++) {
        put_edge(&w, 'b', graph->ports[i].bridge, 'p', i);
        put_peer(&w, i);
        put_hosts(&w, i);
    }
    put_string(out, language->tail);
}

void graph_write_dot(const struct graph *graph, struct byte_queue *out)
{
    write_graph(graph, &dot, out);
}

void graph_write_mermaid(const struct graph *graph, struct byte_queue *out)
{
    write_graph(graph, &mermaid, out);
}

/* ---- JSON ---- */

static void put_or_null(struct json_writer *writer, const char *key, const char *text)
{
    json_put_string(writer, key, *text ? text : NULL);
}

static void write_peer(struct json_writer *writer, const struct graph *graph,
                       const struct graph_peer *peer)
{
    if (peer->kind == GRAPH_PEER_NONE) {
        json_put_null(writer, "peer");
        return;
    }
    json_open_object(writer, "peer");
    put_or_null(writer, "ifname", peer->ifname);
    put_or_null(writer, "netns", peer->netns);
    json_put_string(writer, "port",
                    peer->kind == GRAPH_PEER_PORT ? graph->ports[peer->port].name : NULL);
    put_or_null(writer, "process", peer->process);
    if (peer->kind == GRAPH_PEER_PROCESS)
        json_put_u64(writer, "pid", (uint64_t)peer->pid);
    else
        json_put_null(writer, "pid");
    json_close_object(writer);
}

static void write_hosts(struct json_writer *writer, const struct graph_port *port)
{
    json_put_u64(writer, "n_hosts", port->n_hosts);
    json_open_array(writer, "hosts");
    for (uint32_t i = 0; i < port->n_hosts && i < GRAPH_HOSTS_MAX; i++) {
        json_open_object(writer, NULL);
        json_put_string(writer, "mac", port->hosts[i].mac);
        json_put_u64(writer, "vlan", port->hosts[i].vlan);
        json_close_object(writer);
    }
    json_close_array(writer);
}

void graph_write_json(const struct graph *graph, struct byte_queue *out)
{
    struct json_writer writer;

    json_writer_init(&writer, out);
    json_open_array(&writer, NULL);
    for (uint32_t i = 0; i < graph->n_ports; i++) {
        const struct graph_port *port = &graph->ports[i];

        json_open_object(&writer, NULL);
        json_put_string(&writer, "name", port->name);
        json_put_string(&writer, "master", graph->bridges[port->bridge]);
        json_put_string(&writer, "type", port->type);
        json_put_string(&writer, "state", port->state);
        put_or_null(&writer, "ifname", port->ifname);
        put_or_null(&writer, "netns", port->netns);
        write_peer(&writer, graph, &port->peer);
        write_hosts(&writer, port);
        json_close_object(&writer);
    }
    json_close_array(&writer);
}
