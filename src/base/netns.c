/* SPDX-License-Identifier: ISC */
#include "ringspan/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/stat.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ringspan/workers.h"

#define HERE   "/proc/thread-self/ns/net"
#define MOUNTS "/proc/thread-self/mountinfo"

int netns_path(const char *netns, char **ret_path)
{
    char *path;

    if (asprintf(&path, "%s%s", netns[0] == '/' ? "" : NETNS_FOLDER, netns) < 0)
        return -ENOMEM;
    *ret_path = path;
    return 0;
}

static struct netns_id id_of(const struct stat *stat)
{
    return (struct netns_id){.device = stat->st_dev, .inode = stat->st_ino};
}

int netns_identify(const char *path, struct netns_id *ret_id)
{
    struct stat file;

    if (stat(path, &file) < 0)
        return -errno;
    *ret_id = id_of(&file);
    return 0;
}

bool netns_is_mounted(const char *path)
{
    struct statx file;

    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &file) == 0 &&
           file.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* Other kinds of namespaces are files of the same file system. */
static bool is_network_namespace(int fd)
{
    struct statfs system;

    return fstatfs(fd, &system) == 0 && system.f_type == NSFS_MAGIC &&
           ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/* A descriptor of the namespace that the thread is in, through no mount that anybody sees. */
static int open_here(void)
{
    int fd = open(HERE, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int reopen(int mounted_fd, int *ret_fd)
{
    int home;
    int r = netns_enter(mounted_fd, &home);

    if (r < 0)
        return r;
    r = open_here();
    netns_leave(home);
    if (r < 0)
        return r;
    *ret_fd = r;
    return 0;
}

int netns_open(const char *path, int *ret_fd, struct netns_id *ret_id)
{
    struct stat file;
    int r;
    /* The file may be anything until it was looked at: no waiting for the other end of a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -errno;
    if (!is_network_namespace(fd) || fstat(fd, &file) < 0) {
        r = -ENOTTY;
    } else {
        r = reopen(fd, ret_fd);
        if (r == 0)
            *ret_id = id_of(&file);
    }
    close(fd);
    return r;
}

int netns_enter(int fd, int *ret_home)
{
    int home = -1;

    if (fd >= 0) {
        home = open_here();
        if (home < 0)
            return home;
        if (setns(fd, CLONE_NEWNET) < 0) {
            int r = -errno;

            close(home);
            return r;
        }
    }
    *ret_home = home;
    return 0;
}

void netns_leave(int home)
{
    if (home < 0)
        return;
    if (setns(home, CLONE_NEWNET) < 0)
        workers_retire_thread();
    close(home);
}

/* The first word of @text; the mount table has blanks and backslashes as \ooo. */
static const char *cut_path(char *text)
{
    char *to = text;

    for (const char *from = text; *from && *from != ' '; to++) {
        if (from[0] == '\\' && from[1] && from[2] && from[3]) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
    return text;
}

static void visit(const char *path, void (*fn)(void *arg), void *arg)
{
    struct netns_id id;
    int fd, home;

    if (netns_open(path, &fd, &id) < 0)
        return;
    if (netns_enter(fd, &home) == 0) {
        fn(arg);
        netns_leave(home);
    }
    close(fd);
}

void netns_visit_mounted(void (*fn)(void *arg), void *arg)
{
    FILE *mounts = fopen(MOUNTS, "re");
    char *line = NULL;
    size_t size = 0;

    if (!mounts)
        return;
    while (getline(&line, &size, mounts) >= 0) {
        int path = 0;

        /* What is mounted stands before where, see proc_pid_mountinfo(5). */
        (void)sscanf(line, "%*u %*u %*s net:[%*u] %n", &path);
        if (path > 0)
            visit(cut_path(line + path), fn, arg);
    }
    free(line);
    fclose(mounts);
}
