/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_SOCKET_H
#define RINGSPAN_CTL_SOCKET_H

#include <stdbool.h>

#include "ringspan/ctl_path.h"

/*
 * The files of a control socket: PATH, PATH.lock and their directory.
 *
 * Whoever holds the lock owns the path; the kernel lets go of it when the process dies, however it
 * dies. That is what tells a stale socket file from a live one without asking it. The lock file is
 * removed at the end, so a contender may hold the lock of a file that has no name any more: after
 * locking, the name must still lead to the locked file.
 *
 * Closing a descriptor blocks for as long as whoever made it likes (SO_LINGER, for one), and it is
 * enough to have been sent one: the kernel closes what nobody receives. So nobody can pass any
 * before it is known who he is. Linux before 6.16 cannot be told.
 */

#define CTL_LOCK_SUFFIX ".lock"

struct ctl_socket {
    struct ctl_path path;
    int lock_fd;
    int fd;              /* listening; -1 before ctl_socket_listen() */
    bool made_directory; /* ours to remove */
};

/** Removes what is left of an earlier socket. 0; -EADDRINUSE if another process holds the path;
 * -EEXIST if the path is something else than a socket; or -errno. */
int ctl_socket_claim(const char *path, struct ctl_socket *ret_socket);
/** 0 or -errno. */
int ctl_socket_listen(struct ctl_socket *socket, int backlog);
/** Whether descriptors can be passed with what is sent to @fd; who connects to a listening socket
 * inherits it. */
void ctl_socket_take_fds(int fd, bool takes);
/** Removes the files. */
void ctl_socket_release(struct ctl_socket *socket);

#endif
