/* SPDX-License-Identifier: ISC */
#include "ringspan/ctl_server.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_session.h"
#include "ctl_socket.h"
#include "ringspan/clock.h"
#include "ringspan/ctl_client.h"
#include "ringspan/limits.h"

#define ACCEPTS_PER_TURN 16
#define BACKLOG          64

/* How long listening pauses when there are no descriptors left. */
#define PAUSE_NS (250 * NS_PER_MS)

/* Another instance: what it may take to answer, and how often to see whether it has gone. */
#define ANSWER_NS     (250 * NS_PER_MS)
#define LOOK_AGAIN_MS 20

struct ctl_server_params ctl_server_params_default(const char *path, const char *group)
{
    return (struct ctl_server_params){
        .path = path,
        .group = group,
        .max_clients = LIMIT_CTL_CLIENTS,
        .max_clients_per_uid = LIMIT_CTL_CLIENTS_PER_UID,
        .timeout_ns = LIMIT_CTL_TIMEOUT_NS,
    };
}

static int peer_of(int fd, struct ctl_peer *ret_peer)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    *ret_peer = (struct ctl_peer){
        .pid = cred.pid,
        .uid = cred.uid,
        .gid = cred.gid,
        .may_write = cred.uid == 0 || cred.uid == geteuid(),
    };
    return 0;
}

static bool peer_has_supplementary_group(int fd, gid_t gid)
{
    socklen_t len = 0;
    gid_t *groups;
    bool found = false;

    /* The first call only says how much room the list takes. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
        return false;
    groups = malloc(len);
    if (!groups)
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
        for (size_t i = 0; i < len / sizeof(*groups) && !found; i++)
            found = groups[i] == gid;
    }
    free(groups);
    return found;
}

static bool peer_may_read(const struct ctl_server *server, int fd, const struct ctl_peer *peer)
{
    return peer->may_write ||
           (server->has_group &&
            (peer->gid == server->gid || peer_has_supplementary_group(fd, server->gid)));
}

static uint32_t count_uid(const struct ctl_server *server, uid_t uid)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < server->n_sessions; i++)
        n += server->sessions[i]->peer.uid == uid;
    return n;
}

/* Places that those who only read may take: as many are kept back as one uid may have. */
static uint32_t places_for(const struct ctl_server *server, const struct ctl_peer *peer)
{
    uint32_t all = server->params.max_clients;
    uint32_t kept_back = server->params.max_clients_per_uid;

    if (peer->may_write)
        return all;
    return all > kept_back ? all - kept_back : 0;
}

/* 0, or a fault that says why this peer is not served. */
static int admit(const struct ctl_server *server, int fd, const struct ctl_peer *peer,
                 struct ctl_fault *ret_fault)
{
    if (!peer_may_read(server, fd, peer)) {
        if (server->has_group)
            ctl_fault_set(ret_fault, CTL_PERMISSION, "uid %ju is not in group %s",
                          (uintmax_t)peer->uid, server->params.group);
        else
            ctl_fault_set(ret_fault, CTL_PERMISSION,
                          "uid %ju may not: only root and uid %ju may, and no group is configured "
                          "(daemon.control.group)",
                          (uintmax_t)peer->uid, (uintmax_t)geteuid());
        return -EACCES;
    }
    if (count_uid(server, peer->uid) >= server->params.max_clients_per_uid) {
        ctl_fault_set(ret_fault, CTL_BUSY, "uid %ju has %u connections already",
                      (uintmax_t)peer->uid, server->params.max_clients_per_uid);
        return -EBUSY;
    }
    if (server->n_sessions >= places_for(server, peer)) {
        ctl_fault_set(ret_fault, CTL_BUSY, "%u clients are connected already", server->n_sessions);
        return -EBUSY;
    }
    return 0;
}

/* One line, if it fits into the fresh socket's buffer, which it does; and the door. */
static void turn_away(struct ctl_server *server, int fd, const struct ctl_fault *fault)
{
    struct byte_queue out;
    struct json_writer writer;

    log_ratelimited(&server->refusals, event_now(server->loop), LOG_LEVEL_WARNING,
                    "ctl: refused: %s", fault->message);
    byte_queue_init(&out, LIMIT_CTL_QUEUE_BYTES);
    json_writer_init(&writer, &out);
    ctl_answer_fault(&writer, NULL, fault);
    if (!out.overflowed)
        (void)!send(fd, byte_queue_data(&out), out.len, MSG_NOSIGNAL);
    byte_queue_fini(&out);
    close(fd);
}

static void greet(struct ctl_server *server, int fd)
{
    struct ctl_peer peer;
    struct ctl_fault fault;
    int r;

    r = peer_of(fd, &peer);
    if (r < 0) {
        close(fd);
        return;
    }
    r = admit(server, fd, &peer, &fault);
    if (r == 0) {
        r = ctl_session_new(server, fd, &peer, &server->sessions[server->n_sessions]);
        if (r == 0) {
            server->n_sessions++;
            return;
        }
        ctl_fault_set(&fault, CTL_INTERNAL_ERROR, "%s", strerror(-r));
    }
    turn_away(server, fd, &fault);
}

/* A connection that cannot be accepted stays in the backlog and keeps the listener ready: without a
 * pause the loop would spin on it. */
static void pause_listening(struct ctl_server *server, int error)
{
    uint64_t now = event_now(server->loop);

    log_ratelimited(&server->refusals, now, LOG_LEVEL_WARNING,
                    "ctl: cannot accept a client: %s; listening pauses for a moment",
                    strerror(error));
    if (event_modify(server->listener, 0) == 0)
        event_timer_set(server->pause, now + PAUSE_NS);
}

static void on_pause_over(void *arg)
{
    struct ctl_server *server = arg;

    event_modify(server->listener, EPOLLIN);
}

static void on_connection(void *arg, uint32_t events)
{
    struct ctl_server *server = arg;

    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(server->socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            greet(server, fd);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN)
            pause_listening(server, errno);
        return;
    }
}

static int find_group(struct ctl_server *server)
{
    struct group *group;

    if (!server->params.group)
        return 0;
    errno = 0;
    group = getgrnam(server->params.group);
    if (!group) {
        int r = errno ? -errno : -ENOENT;

        log_error("ctl: there is no group named '%s'", server->params.group);
        return r;
    }
    server->has_group = true;
    server->gid = group->gr_gid;
    return 0;
}

/* Whatever it says. */
static bool answers(const char *path)
{
    struct ctl_client *client;
    struct ctl_reply reply;
    int r = ctl_client_open(path, ANSWER_NS, &client);

    if (r < 0)
        return false;
    r = ctl_client_call(client, "daemon.show", NULL, ANSWER_NS, &reply);
    if (r == 0)
        ctl_reply_fini(&reply);
    ctl_client_close(client);
    return r == 0;
}

static int claim_with_patience(const struct ctl_server *server, struct ctl_socket *ret)
{
    const char *path = server->params.path;
    uint64_t until = clock_now() + server->params.patience_ns;
    int r = ctl_socket_claim(path, ret);

    if (r != -EADDRINUSE || server->params.patience_ns == 0 || answers(path))
        return r;
    log_notice("ctl: another instance has %s and does not answer: waiting for its end", path);
    do {
        poll(NULL, 0, LOOK_AGAIN_MS);
        r = ctl_socket_claim(path, ret);
    } while (r == -EADDRINUSE && clock_now() < until && !answers(path));
    return r;
}

static int claim(struct ctl_server *server)
{
    struct ctl_socket socket;
    int r;

    r = claim_with_patience(server, &socket);
    if (r == -EADDRINUSE)
        log_error("ctl: another instance serves %s", server->params.path);
    else if (r == -EEXIST)
        log_error("ctl: %s exists and is no socket", server->params.path);
    else if (r < 0)
        log_error("ctl: cannot lock %s" CTL_LOCK_SUFFIX ": %s", server->params.path, strerror(-r));
    if (r < 0)
        return r;
    server->socket = malloc(sizeof(socket));
    if (!server->socket) {
        ctl_socket_release(&socket);
        return -ENOMEM;
    }
    *server->socket = socket;
    return 0;
}

static char *copy_string(const char *string)
{
    return string ? strdup(string) : NULL;
}

int ctl_server_new(struct event_loop *loop, const struct ctl_server_params *params,
                   struct ctl_server **ret)
{
    struct ctl_server *server = calloc(1, sizeof(*server));
    int r = -ENOMEM;

    if (!server)
        return -ENOMEM;
    server->loop = loop;
    server->params = *params;
    server->params.path = copy_string(params->path);
    server->params.group = copy_string(params->group);
    server->refusals = (struct log_ratelimit){.interval_ns = 10 * NS_PER_SEC, .burst = 5};
    server->sessions = calloc(params->max_clients, sizeof(struct ctl_session *));
    if (!server->params.path || !server->sessions || (params->group && !server->params.group))
        goto out;
    r = find_group(server);
    if (r < 0)
        goto out;
    r = claim(server);
    if (r < 0)
        goto out;
    r = event_timer_new(loop, on_pause_over, server, &server->pause);
    if (r < 0)
        goto out;
    *ret = server;
    server = NULL;
out:
    ctl_server_free(server);
    return r;
}

int ctl_server_listen(struct ctl_server *server)
{
    int r;

    r = ctl_socket_listen(server->socket, BACKLOG);
    if (r == 0)
        r = event_add(server->loop, server->socket->fd, EPOLLIN, on_connection, server,
                      &server->listener);
    if (r < 0)
        log_error("ctl: cannot listen on %s: %s", server->params.path, strerror(-r));
    return r;
}

void ctl_server_drop(struct ctl_server *server, struct ctl_session *session)
{
    for (uint32_t i = 0; i < server->n_sessions; i++) {
        if (server->sessions[i] == session) {
            server->sessions[i] = server->sessions[--server->n_sessions];
            break;
        }
    }
    ctl_session_free(session);
}

void ctl_server_free(struct ctl_server *server)
{
    if (!server)
        return;
    while (server->n_sessions)
        ctl_server_drop(server, server->sessions[0]);
    event_del(server->listener);
    event_timer_free(server->pause);
    if (server->socket)
        ctl_socket_release(server->socket);
    free(server->socket);
    free(server->sessions);
    free((char *)server->params.path);
    free((char *)server->params.group);
    free(server);
}

uint32_t ctl_server_n_clients(const struct ctl_server *server)
{
    return server->n_sessions;
}
