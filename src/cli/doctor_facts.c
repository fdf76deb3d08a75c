/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"
#include "link_facts.h"
#include "ringspan/netns.h"

/* ---- the machine ---- */

static void look_at_kernel(struct doctor_facts *facts)
{
    struct utsname name;

    if (uname(&name) == 0)
        facts->kernel = doctor_parse_kernel(name.release, name.version);
}

static void look_at_capabilities(struct doctor_facts *facts, pid_t pid)
{
    char path[64];
    char line[128];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "CapEff: %" SCNx64, &facts->capabilities) == 1)
            facts->knows_capabilities = true;
    }
    fclose(file);
}

/* A line for each CPU; the second number is what its backlog had no room for. */
static void look_at_softnet(struct doctor_facts *facts)
{
    FILE *file = fopen("/proc/net/softnet_stat", "re");
    char line[512];
    uint64_t drops;

    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%*x %" SCNx64, &drops) != 1)
            continue;
        facts->knows_softnet = true;
        facts->softnet_drops += drops;
    }
    if (file)
        fclose(file);
}

static void look_at_bridge_netfilter(struct doctor_facts *facts)
{
    FILE *file = fopen("/proc/sys/net/bridge/bridge-nf-call-iptables", "re");
    int c = file ? fgetc(file) : EOF;

    if (c == '0' || c == '1')
        facts->bridge_netfilter = c == '1' ? DOCTOR_YES : DOCTOR_NO;
    if (file)
        fclose(file);
}

void doctor_look_at_machine(struct doctor_facts *facts, pid_t pid)
{
    look_at_kernel(facts);
    look_at_softnet(facts);
    look_at_bridge_netfilter(facts);
    if (pid > 0)
        look_at_capabilities(facts, pid);
}

/* ---- interfaces ---- */

static int enter_netns_of(const struct doctor_port *port, pid_t pid, int *ret_home)
{
    char *path = NULL;
    struct netns_id id;
    int fd;
    int r = 0;

    if (*port->netns)
        r = netns_path(port->netns, &path);
    else if (asprintf(&path, "/proc/%d/ns/net", (int)pid) < 0)
        r = -ENOMEM;
    if (r < 0)
        return r;
    r = netns_open(path, &fd, &id);
    free(path);
    if (r < 0)
        return r;
    r = netns_enter(fd, ret_home);
    close(fd);
    return r;
}

/* In the namespace of the port. Returns its ifindex; 0: there is no such interface. */
static uint32_t look_at_link(struct doctor_port *port)
{
    uint32_t ifindex = if_nametoindex(port->ifname);
    struct link_facts facts;
    int lro;

    if (ifindex == 0 || link_facts_get(ifindex, &facts) < 0)
        return 0;
    port->is_there = true;
    port->mtu = facts.mtu;
    port->is_up = facts.is_up;
    port->has_carrier = facts.has_carrier;
    port->is_tap = strcmp(facts.kind, "tun") == 0;
    strcpy(port->master, facts.master);
    strcpy(port->qdisc, facts.qdisc);
    if (port->is_tap && facts.has_carrier)
        port->vnet_header = facts.has_vnet_header ? DOCTOR_YES : DOCTOR_NO;
    port->speed = link_speed(port->ifname);
    lro = link_has_lro(port->ifname);
    if (lro >= 0)
        port->lro = lro ? DOCTOR_YES : DOCTOR_NO;
    return ifindex;
}

/* The same ports as the graph has them, which knows how to find what is behind them. */
static int find_peers(struct doctor_facts *facts, const uint32_t *indexes, pid_t pid)
{
    struct graph graph = {0};
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < facts->n_ports; i++) {
        struct graph_port *port = graph_add_port(&graph);

        if (!port) {
            r = -ENOMEM;
            break;
        }
        strcpy(port->name, facts->ports[i].name);
        strcpy(port->ifname, facts->ports[i].ifname);
        strcpy(port->netns, facts->ports[i].netns);
        port->ifindex = indexes[i];
    }
    if (r == 0)
        r = graph_find_peers(&graph, pid);
    for (uint32_t i = 0; i < graph.n_ports; i++)
        facts->ports[i].peer = graph.ports[i].peer;
    graph_fini(&graph);
    return r;
}

int doctor_look_at_ports(struct doctor_facts *facts, pid_t pid)
{
    uint32_t *indexes = calloc(facts->n_ports + 1, sizeof(*indexes));
    int failure = 0;
    int r;

    if (!indexes)
        return -ENOMEM;
    for (uint32_t i = 0; i < facts->n_ports; i++) {
        int home;

        facts->uses_netns |= *facts->ports[i].netns != '\0';
        r = enter_netns_of(&facts->ports[i], pid, &home);
        if (r == 0) {
            indexes[i] = look_at_link(&facts->ports[i]);
            netns_leave(home);
        } else if (r != -ENOENT) {
            failure = r;
        }
    }
    r = find_peers(facts, indexes, pid);
    free(indexes);
    if (failure == 0)
        failure = r;
    return failure == -EACCES ? -EPERM : failure;
}
