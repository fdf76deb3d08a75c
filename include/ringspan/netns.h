/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_NETNS_H
#define RINGSPAN_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Netns: other network namespaces, for as long as a thread is inside of one.
 *
 * A namespace has no name in the kernel. What `ip netns` calls one is a file below /run/netns onto
 * which the namespace is mounted; /proc/PID/ns/net is another file of the same kind. The namespace
 * itself is (st_dev, st_ino) of whatever such file, and that number is free for another one as soon
 * as nobody holds this one: identities are compared only while a descriptor is open.
 *
 * A descriptor keeps its namespace alive, interfaces included, when everybody else has left it. One
 * that was opened through a mount keeps that mount busy, too, so that umount(8) refuses; hence
 * netns_open() gives back a descriptor that no mount knows of.
 *
 * Which namespace a thread is in decides where its sockets are made, and where names and indexes of
 * interfaces are looked up. Only helper threads go: the loop's thread never does, because threads
 * are born where their maker is. Whoever entered leaves again before he does anything else.
 */

#define NETNS_FOLDER "/run/netns/"

struct netns_id {
    uint64_t device;
    uint64_t inode;
};

static inline bool netns_id_is(struct netns_id a, struct netns_id b)
{
    return a.device == b.device && a.inode == b.inode;
}

/** The file of @netns, a name as in `ip netns` or an absolute path. 0 or -ENOMEM; free it. */
int netns_path(const char *netns, char **ret_path);

/** Which namespace the file at @path is now. 0, or -errno of stat(2). A file that is no namespace
 * has an identity as well, which no namespace has. */
int netns_identify(const char *path, struct netns_id *ret_id);
/** True if only mounting and unmounting can make @path mean something else: a mount stands there
 * and no symbolic link, /proc's included. */
bool netns_is_mounted(const char *path);

/**
 * A descriptor, close-on-exec, of the namespace that @path is now. Blocks; for helper threads,
 * which are where they were afterwards. 0, or -ENOTTY if the file is no network namespace, -EPERM
 * without CAP_SYS_ADMIN, or -errno of open(2).
 */
int netns_open(const char *path, int *ret_fd, struct netns_id *ret_id);

/** Calls @fn inside of each network namespace that is mounted somewhere: of all that `ip netns` and
 * container engines give names to. Blocks, as netns_open() does. */
void netns_visit_mounted(void (*fn)(void *arg), void *arg);

/** From here on the calling thread is in the namespace @fd, or stays where it is if @fd is -1. 0,
 * and @ret_home leads back; or -errno, and it is where it was. */
int netns_enter(int fd, int *ret_home);
/** Back. A thread that cannot is of no use to others any more: it takes no more jobs (workers.h).
 */
void netns_leave(int home);

#endif
