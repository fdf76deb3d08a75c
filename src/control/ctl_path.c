/* SPDX-License-Identifier: ISC */
#include "ringspan/ctl_path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_NAME "ringspan"

struct ctl_path_env ctl_path_env_here(void)
{
    return (struct ctl_path_env){
        .uid = geteuid(),
        .socket = getenv("RINGSPAN_SOCKET"),
        .runtime_dir = getenv("XDG_RUNTIME_DIR"),
    };
}

static bool is_set(const char *value)
{
    return value && *value;
}

static int join(struct ctl_path *ret_path, const char *directory, const char *name,
                const char *suffix)
{
    struct ctl_path path;
    int n = snprintf(path.text, sizeof(path.text), "%s%s%s", directory, name, suffix);

    if (n < 0 || (size_t)n >= sizeof(path.text))
        return -ENAMETOOLONG;
    *ret_path = path;
    return 0;
}

static int default_of_user(const struct ctl_path_env *env, struct ctl_path *ret_path)
{
    if (env->uid == 0)
        return join(ret_path, CTL_PATH_DIRECTORY "/", DEFAULT_NAME, ".sock");
    if (!is_set(env->runtime_dir))
        return -ENOENT;
    return join(ret_path, env->runtime_dir, "/ringspan/" DEFAULT_NAME, ".sock");
}

int ctl_path_of_daemon(const struct ctl_path_env *env, const char *configured,
                       struct ctl_path *ret_path)
{
    if (configured)
        return join(ret_path, "", configured, "");
    return default_of_user(env, ret_path);
}

static int path_or_name(const char *value, struct ctl_path *ret_path)
{
    if (!*value)
        return -EINVAL;
    if (strchr(value, '/'))
        return join(ret_path, "", value, "");
    return join(ret_path, CTL_PATH_DIRECTORY "/", value, ".sock");
}

int ctl_path_of_client(const struct ctl_path_env *env, const char *option,
                       struct ctl_path *ret_path)
{
    struct ctl_path own;

    if (option)
        return path_or_name(option, ret_path);
    if (is_set(env->socket))
        return path_or_name(env->socket, ret_path);
    if (default_of_user(env, &own) == 0 && (env->uid == 0 || access(own.text, F_OK) == 0)) {
        *ret_path = own;
        return 0;
    }
    return join(ret_path, CTL_PATH_DIRECTORY "/", DEFAULT_NAME, ".sock");
}

const char *ctl_path_strerror(int error)
{
    switch (error) {
    case -EINVAL:
        return "the name of the control socket is empty";
    case -ENAMETOOLONG:
        return "the path of the control socket is longer than 107 bytes";
    case -ENOENT:
        return "no place for the control socket: XDG_RUNTIME_DIR is not set; give "
               "daemon.control.socket in the configuration";
    default:
        return strerror(-error);
    }
}
