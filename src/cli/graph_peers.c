/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph.h"
#include "link_facts.h"
#include "ringspan/netns.h"

/*
 * The other end of a veth pair is an index in another namespace, which the kernel calls by a number
 * that has a meaning in the first one only. So: go where the port is, ask what it has as its other
 * end, ask of each namespace that anybody has whether that is the number, and go there to ask for
 * the name.
 */

#define NAMESPACES_MAX 4096
#define PATH_SIZE      320

/* A namespace that a file leads to. */
struct space {
    char path[PATH_SIZE];
    char label[GRAPH_NETNS_SIZE]; /* "": the daemon's own */
    struct netns_id id;
    int32_t nsid; /* where the search stands now; LINK_NO_NSID: not known there */
};

struct tun_user {
    pid_t pid;
    char process[GRAPH_NAME_SIZE];
    char ifname[GRAPH_NAME_SIZE];
};

struct search {
    struct graph *graph;
    pid_t daemon;
    struct space *spaces;
    uint32_t n_spaces;
    const struct space **homes; /* where each port is; NULL: nobody knows */
    struct tun_user *users;
    uint32_t n_users;
};

/* ---- what there is on the machine ---- */

static bool knows_space(const struct search *search, struct netns_id id)
{
    for (uint32_t i = 0; i < search->n_spaces; i++) {
        if (netns_id_is(search->spaces[i].id, id))
            return true;
    }
    return false;
}

/* The first file that leads to a namespace names it. -errno, or 0. */
static int add_space(struct search *search, const char *path, const char *label)
{
    struct space *space;
    struct netns_id id;
    void *bigger;
    int r;

    r = netns_identify(path, &id);
    if (r < 0)
        return r;
    if (knows_space(search, id) || search->n_spaces == NAMESPACES_MAX)
        return 0;
    bigger = reallocarray(search->spaces, search->n_spaces + 1, sizeof(*search->spaces));
    if (!bigger)
        return -ENOMEM;
    search->spaces = bigger;
    space = &search->spaces[search->n_spaces++];
    *space = (struct space){.id = id, .nsid = LINK_NO_NSID};
    snprintf(space->path, sizeof(space->path), "%s", path);
    snprintf(space->label, sizeof(space->label), "%s", label);
    return 0;
}

static void add_named_spaces(struct search *search)
{
    DIR *folder = opendir(NETNS_FOLDER);
    const struct dirent *entry;
    char path[PATH_SIZE];

    while (folder && (entry = readdir(folder))) {
        snprintf(path, sizeof(path), NETNS_FOLDER "%s", entry->d_name);
        if (entry->d_name[0] != '.')
            (void)add_space(search, path, entry->d_name);
    }
    if (folder)
        closedir(folder);
}

/* "?" if it is gone. */
static void read_process_name(pid_t pid, char ret_name[GRAPH_NAME_SIZE])
{
    char path[64];
    FILE *file;

    strcpy(ret_name, "?");
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(ret_name, GRAPH_NAME_SIZE, file))
        ret_name[strcspn(ret_name, "\n")] = '\0';
    fclose(file);
}

static int add_user(struct search *search, pid_t pid, const char *ifname)
{
    void *bigger = reallocarray(search->users, search->n_users + 1, sizeof(*search->users));
    struct tun_user *user;

    if (!bigger)
        return -ENOMEM;
    search->users = bigger;
    user = &search->users[search->n_users++];
    *user = (struct tun_user){.pid = pid};
    read_process_name(pid, user->process);
    snprintf(user->ifname, sizeof(user->ifname), "%s", ifname);
    return 0;
}

/* The kernel says in fdinfo which interface a descriptor of /dev/net/tun is. */
static void look_at_descriptor(struct search *search, pid_t pid, const char *fd)
{
    char path[PATH_SIZE];
    char line[GRAPH_NAME_SIZE];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)pid, fd);
    file = fopen(path, "re");
    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "iff:\t", 5) == 0)
            (void)add_user(search, pid, line + 5);
    }
    fclose(file);
}

static void add_tun_users(struct search *search, pid_t pid)
{
    char path[PATH_SIZE];
    char target[32];
    const struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    while (folder && (entry = readdir(folder))) {
        ssize_t len;

        snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, entry->d_name);
        len = readlink(path, target, sizeof(target));
        if (len == (ssize_t)strlen("/dev/net/tun") &&
            memcmp(target, "/dev/net/tun", (size_t)len) == 0)
            look_at_descriptor(search, pid, entry->d_name);
    }
    if (folder)
        closedir(folder);
}

static bool has_taps(const struct graph *graph)
{
    for (uint32_t i = 0; i < graph->n_ports; i++) {
        if (strcmp(graph->ports[i].type, "tap") == 0)
            return true;
    }
    return false;
}

static void look_at_processes(struct search *search)
{
    bool wants_taps = has_taps(search->graph);
    DIR *folder = opendir("/proc");
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        char label[GRAPH_NETNS_SIZE];
        char name[GRAPH_NAME_SIZE];
        char path[PATH_SIZE];

        if (pid <= 0)
            continue;
        read_process_name(pid, name);
        snprintf(label, sizeof(label), "of %s (pid %d)", name, (int)pid);
        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        (void)add_space(search, path, label);
        if (wants_taps && pid != search->daemon)
            add_tun_users(search, pid);
    }
    if (folder)
        closedir(folder);
}

/* ---- netlink, in the namespace of the thread ---- */

static int on_nsid(const struct nlmsghdr *message, void *arg)
{
    int32_t *nsid = arg;
    const struct nlattr *attr;

    mnl_attr_for_each(attr, message, sizeof(struct rtgenmsg))
    {
        if (mnl_attr_get_type(attr) == NETNSA_NSID && (int32_t)mnl_attr_get_u32(attr) >= 0)
            *nsid = (int32_t)mnl_attr_get_u32(attr);
    }
    return MNL_CB_OK;
}

/* What the namespace is called from here. */
static int32_t nsid_of(const struct space *space)
{
    char buffer[256];
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    struct rtgenmsg *generic;
    struct netns_id id;
    int32_t nsid = LINK_NO_NSID;
    int fd;

    if (netns_open(space->path, &fd, &id) < 0)
        return LINK_NO_NSID;
    message->nlmsg_type = RTM_GETNSID;
    message->nlmsg_flags = NLM_F_REQUEST;
    generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
    generic->rtgen_family = AF_UNSPEC;
    mnl_attr_put_u32(message, NETNSA_FD, (uint32_t)fd);
    (void)link_talk(message, on_nsid, &nsid);
    close(fd);
    return nsid;
}

/* ---- ports ---- */

/* Ends with netns_leave(*ret_home). */
static int enter(const char *path, int *ret_home)
{
    struct netns_id id;
    int fd;
    int r = netns_open(path, &fd, &id);

    if (r < 0)
        return r;
    r = netns_enter(fd, ret_home);
    close(fd);
    return r;
}

static void name_end(const struct space *space, uint32_t ifindex, struct graph_peer *peer)
{
    char ifname[IF_NAMESIZE];
    struct link_facts facts;
    int home;

    if (enter(space->path, &home) < 0)
        return;
    if (if_indextoname(ifindex, ifname)) {
        peer->kind = GRAPH_PEER_LINK;
        snprintf(peer->ifname, sizeof(peer->ifname), "%s", ifname);
        snprintf(peer->netns, sizeof(peer->netns), "%s", space->label);
    }
    if (link_facts_get(ifindex, &facts) == 0) {
        peer->mtu = facts.mtu;
        strcpy(peer->master, facts.master);
    }
    netns_leave(home);
}

/* It is somewhere, and nobody here has a name for that. */
static void name_stranger(const struct link_facts *end, struct graph_peer *peer)
{
    peer->kind = GRAPH_PEER_LINK;
    snprintf(peer->ifname, sizeof(peer->ifname), "interface %u", end->link);
    snprintf(peer->netns, sizeof(peer->netns), "number %d", (int)end->link_nsid);
}

static void find_peer(struct search *search, const struct space *here, struct graph_port *port)
{
    struct link_facts end;

    if (link_facts_get(port->ifindex, &end) < 0 || strcmp(end.kind, "veth") != 0 || end.link == 0)
        return;
    if (end.link_nsid == LINK_NO_NSID) {
        name_end(here, end.link, &port->peer);
        return;
    }
    for (uint32_t i = 0; i < search->n_spaces && port->peer.kind == GRAPH_PEER_NONE; i++) {
        if (search->spaces[i].nsid == end.link_nsid)
            name_end(&search->spaces[i], end.link, &port->peer);
    }
    if (port->peer.kind == GRAPH_PEER_NONE)
        name_stranger(&end, &port->peer);
}

static void find_user(const struct search *search, struct graph_port *port)
{
    for (uint32_t i = 0; i < search->n_users; i++) {
        const struct tun_user *user = &search->users[i];

        if (strcmp(user->ifname, port->ifname) != 0)
            continue;
        port->peer.kind = GRAPH_PEER_PROCESS;
        port->peer.pid = user->pid;
        strcpy(port->peer.process, user->process);
        return;
    }
}

static const struct space *space_at(const struct search *search, const char *path)
{
    struct netns_id id;

    if (netns_identify(path, &id) < 0)
        return NULL;
    for (uint32_t i = 0; i < search->n_spaces; i++) {
        if (netns_id_is(search->spaces[i].id, id))
            return &search->spaces[i];
    }
    return NULL;
}

static const struct space *space_of(const struct search *search, const struct graph_port *port)
{
    const struct space *space;
    char *path;

    if (!*port->netns)
        return &search->spaces[0];
    if (netns_path(port->netns, &path) < 0)
        return NULL;
    space = space_at(search, path);
    free(path);
    return space;
}

static int find_homes(struct search *search)
{
    const struct graph *graph = search->graph;

    search->homes = calloc(graph->n_ports + 1, sizeof(*search->homes));
    if (!search->homes)
        return -ENOMEM;
    for (uint32_t i = 0; i < graph->n_ports; i++) {
        if (graph->ports[i].ifindex > 0)
            search->homes[i] = space_of(search, &graph->ports[i]);
    }
    return 0;
}

static bool is_home(const struct search *search, const struct space *space)
{
    for (uint32_t i = 0; i < search->graph->n_ports; i++) {
        if (search->homes[i] == space)
            return true;
    }
    return false;
}

/* All ports of one namespace. */
static int find_in(struct search *search, const struct space *space)
{
    int home;
    int r = is_home(search, space) ? enter(space->path, &home) : -ENOENT;

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    for (uint32_t i = 0; i < search->n_spaces; i++)
        search->spaces[i].nsid = nsid_of(&search->spaces[i]);
    for (uint32_t i = 0; i < search->graph->n_ports; i++) {
        struct graph_port *port = &search->graph->ports[i];

        if (search->homes[i] != space)
            continue;
        find_peer(search, space, port);
        if (port->peer.kind == GRAPH_PEER_NONE)
            find_user(search, port);
    }
    netns_leave(home);
    return 0;
}

/* Ends of cables that are ports themselves. */
static void join_ports(const struct search *search)
{
    struct graph *graph = search->graph;

    for (uint32_t i = 0; i < graph->n_ports; i++) {
        struct graph_peer *peer = &graph->ports[i].peer;

        for (uint32_t j = 0; peer->kind == GRAPH_PEER_LINK && j < graph->n_ports; j++) {
            if (!search->homes[j] || strcmp(graph->ports[j].ifname, peer->ifname) != 0 ||
                strcmp(search->homes[j]->label, peer->netns) != 0)
                continue;
            peer->kind = GRAPH_PEER_PORT;
            peer->port = j;
        }
    }
}

int graph_find_peers(struct graph *graph, pid_t pid)
{
    struct search search = {.graph = graph, .daemon = pid};
    char path[64];
    int r;

    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    r = add_space(&search, path, "");
    if (r < 0)
        return r == -EACCES ? -EPERM : r;
    add_named_spaces(&search);
    look_at_processes(&search);
    r = find_homes(&search);
    for (uint32_t i = 0; r == 0 && i < search.n_spaces; i++)
        r = find_in(&search, &search.spaces[i]);
    if (search.homes)
        join_ports(&search);
    free(search.homes);
    free(search.spaces);
    free(search.users);
    return r;
}
