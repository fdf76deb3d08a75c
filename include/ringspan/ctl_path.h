/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_PATH_H
#define RINGSPAN_CTL_PATH_H

#include <sys/types.h>

/*
 * Control path: where the control socket is.
 *
 *   daemon   daemon.control.socket of the configuration, else the default of its user:
 *            root      /run/ringspan/ringspan.sock
 *            others    $XDG_RUNTIME_DIR/ringspan/ringspan.sock
 *   client   -S, else RINGSPAN_SOCKET, else the default of its user if there is a socket, else
 *            root's. Both take a path (it has a slash) or a name: NAME is /run/ringspan/NAME.sock.
 *
 * Others than root ask root's daemon when they have none of their own, because a daemon may let a
 * group read.
 */

#define CTL_PATH_DIRECTORY "/run/ringspan"
#define CTL_PATH_SIZE      108 /* sizeof(sun_path) */

struct ctl_path {
    char text[CTL_PATH_SIZE];
};

/** What the environment says; NULL for a variable that is not set. */
struct ctl_path_env {
    uid_t uid;
    const char *socket;      /* RINGSPAN_SOCKET */
    const char *runtime_dir; /* XDG_RUNTIME_DIR */
};

/** Of this process: effective uid and environment. */
struct ctl_path_env ctl_path_env_here(void);

/** @configured may be NULL. 0, -ENAMETOOLONG, or -ENOENT: no default without XDG_RUNTIME_DIR. */
int ctl_path_of_daemon(const struct ctl_path_env *env, const char *configured,
                       struct ctl_path *ret_path);
/** @option (of -S) may be NULL. 0, -EINVAL (an empty name) or -ENAMETOOLONG. */
int ctl_path_of_client(const struct ctl_path_env *env, const char *option,
                       struct ctl_path *ret_path);
/** A sentence for an error of the two. */
const char *ctl_path_strerror(int error);

#endif
