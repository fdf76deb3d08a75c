/* SPDX-License-Identifier: ISC */
#ifndef SRC_CLI_GRAPH_H
#define SRC_CLI_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ringspan/byte_queue.h"
#include "ringspan/mac.h"

/*
 * Graph: what hangs on the bridges, as a value, and as a picture.
 *
 * cli_graph.c asks the daemon for ports and addresses. What is at the other end of an interface the
 * daemon does not know: graph_peers.c looks at the machine, which takes root and changes nothing.
 * graph_write.c writes what was found.
 *
 * Names are those in the daemon's answers: UTF-8 of any length that an interface's name can have
 * when each of its bytes was no text.
 */

#define GRAPH_NAME_SIZE  64
#define GRAPH_NETNS_SIZE 256
#define GRAPH_HOSTS_MAX  16 /* drawn for a port; of more there is a number */

enum graph_peer_kind {
    GRAPH_PEER_NONE,    /* there is none, or nobody knows */
    GRAPH_PEER_LINK,    /* the other end of a veth pair */
    GRAPH_PEER_PORT,    /* the same, and it is a port, too */
    GRAPH_PEER_PROCESS, /* that has the tap open */
};

struct graph_peer {
    enum graph_peer_kind kind;
    char ifname[GRAPH_NAME_SIZE];
    char netns[GRAPH_NETNS_SIZE]; /* "": the daemon's own */
    char process[GRAPH_NAME_SIZE];
    pid_t pid;
    uint32_t mtu;                 /* 0: unknown */
    char master[GRAPH_NAME_SIZE]; /* what it is enslaved to; "": nothing */
    uint32_t port;                /* GRAPH_PEER_PORT: which one */
};

struct graph_host {
    char mac[MAC_STRING_SIZE];
    uint32_t vlan; /* 0: none */
};

struct graph_port {
    char name[GRAPH_NAME_SIZE];
    char ifname[GRAPH_NAME_SIZE]; /* "": no interface */
    char netns[GRAPH_NETNS_SIZE]; /* "": the daemon's own */
    char state[GRAPH_NAME_SIZE];
    char type[GRAPH_NAME_SIZE];
    uint32_t ifindex; /* 0: not bound */
    uint32_t bridge;
    struct graph_peer peer;
    struct graph_host hosts[GRAPH_HOSTS_MAX];
    uint32_t n_hosts; /* all of them */
};

struct graph {
    char (*bridges)[GRAPH_NAME_SIZE];
    uint32_t n_bridges;
    struct graph_port *ports;
    uint32_t n_ports;
};

void graph_fini(struct graph *graph);
/** NULL if there is no memory. The new element is zeroed. */
char *graph_add_bridge(struct graph *graph);
struct graph_port *graph_add_port(struct graph *graph);

/** Finds what is behind the ports of the daemon @pid. 0; -EPERM if this user may not look; or
 * -errno. What it could find is there either way. */
int graph_find_peers(struct graph *graph, pid_t pid);

/** Append a whole document. */
void graph_write_dot(const struct graph *graph, struct byte_queue *out);
void graph_write_mermaid(const struct graph *graph, struct byte_queue *out);
void graph_write_json(const struct graph *graph, struct byte_queue *out);

#endif
