/* SPDX-License-Identifier: ISC */
#include "ctl_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Anybody may connect: peer credentials decide, so that whoever is refused is told why. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

#define SOCKET_MODE    0666
#define DIRECTORY_MODE 0755

#define CLAIM_ATTEMPTS 16

struct lock_path {
    char text[CTL_PATH_SIZE + sizeof(CTL_LOCK_SUFFIX)];
};

static struct lock_path lock_path_of(const struct ctl_path *path)
{
    struct lock_path lock;

    snprintf(lock.text, sizeof(lock.text), "%s%s", path->text, CTL_LOCK_SUFFIX);
    return lock;
}

/* The directory of @path; "" if it names none. */
static struct ctl_path directory_of(const struct ctl_path *path)
{
    struct ctl_path directory = *path;
    char *slash = strrchr(directory.text, '/');

    directory.text[slash ? slash - directory.text : 0] = '\0';
    return directory;
}

static int make_directory(const struct ctl_path *path, bool *made)
{
    struct ctl_path directory = directory_of(path);

    if (!*directory.text)
        return 0;
    if (mkdir(directory.text, DIRECTORY_MODE) < 0)
        return errno == EEXIST ? 0 : -errno;
    *made = true;
    /* A service's umask is often 077, and who may connect is not decided here. */
    return chmod(directory.text, DIRECTORY_MODE) < 0 ? -errno : 0;
}

static bool leads_to(const char *path, int fd)
{
    struct stat by_name;
    struct stat by_fd;

    return lstat(path, &by_name) == 0 && fstat(fd, &by_fd) == 0 && by_name.st_dev == by_fd.st_dev &&
           by_name.st_ino == by_fd.st_ino;
}

/* 0 and a locked file; -EAGAIN if it lost its name meanwhile; or -errno. */
static int try_lock(const char *path, int *ret_fd)
{
    int fd;
    int r = 0;

    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOENT ? -EAGAIN : -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
    else if (!leads_to(path, fd))
        r = -EAGAIN;
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int remove_stale(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    return unlink(path) < 0 ? -errno : 0;
}

int ctl_socket_claim(const char *path, struct ctl_socket *ret_socket)
{
    struct ctl_socket socket = {.lock_fd = -1, .fd = -1};
    struct lock_path lock;
    int r = -EAGAIN;

    if (strlen(path) >= sizeof(socket.path.text))
        return -ENAMETOOLONG;
    strcpy(socket.path.text, path);
    lock = lock_path_of(&socket.path);
    /* Each time round, somebody else has just finished leaving: once more is nearly always enough.
     */
    for (int i = 0; i < CLAIM_ATTEMPTS; i++) {
        r = make_directory(&socket.path, &socket.made_directory);
        if (r < 0)
            return r;
        r = try_lock(lock.text, &socket.lock_fd);
        if (r != -EAGAIN)
            break;
    }
    if (r < 0)
        return r == -EAGAIN ? -ENOENT : r;
    r = remove_stale(path);
    if (r < 0) {
        ctl_socket_release(&socket);
        return r;
    }
    *ret_socket = socket;
    return 0;
}

static int bind_and_listen(int fd, const char *path, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    if (chmod(path, SOCKET_MODE) < 0 || listen(fd, backlog) < 0) {
        int r = -errno;

        unlink(path);
        return r;
    }
    return 0;
}

void ctl_socket_take_fds(int fd, bool takes)
{
    int value = takes;

    (void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &value, sizeof(value));
}

int ctl_socket_listen(struct ctl_socket *sock, int backlog)
{
    int fd;
    int r;

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ctl_socket_take_fds(fd, false);
    r = bind_and_listen(fd, sock->path.text, backlog);
    if (r < 0) {
        close(fd);
        return r;
    }
    sock->fd = fd;
    return 0;
}

void ctl_socket_release(struct ctl_socket *sock)
{
    struct lock_path lock = lock_path_of(&sock->path);
    struct ctl_path directory = directory_of(&sock->path);

    if (sock->fd >= 0) {
        unlink(sock->path.text);
        close(sock->fd);
    }
    /* While the lock is held, so that nobody's new files are removed. */
    unlink(lock.text);
    close(sock->lock_fd);
    if (sock->made_directory)
        rmdir(directory.text);
    sock->fd = -1;
    sock->lock_fd = -1;
}
