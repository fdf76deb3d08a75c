/* SPDX-License-Identifier: ISC */
#include "ringspan/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_SIZE  512
#define MESSAGE_SIZE (STATUS_SIZE + 32)

/* A path's length counts its NUL, an abstract name's does not: there every byte is the name. */
static int parse_address(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);

    if (name[0] != '/' && name[0] != '@')
        return -EAFNOSUPPORT;
    if (length >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    else
        length++;
    *ret_address = address;
    *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return 0;
}

static int send_to(const struct sockaddr_un *address, socklen_t length, const char *message,
                   int flags)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = 0;

    if (fd < 0)
        return -errno;
    while (sendto(fd, message, strlen(message), flags | MSG_NOSIGNAL,
                  (const struct sockaddr *)address, length) < 0) {
        r = -errno;
        if (r != -EINTR)
            break;
        r = 0;
    }
    close(fd);
    return r;
}

static int notify(const char *message, int flags)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t length;
    int r;

    if (!name)
        return 0;
    r = parse_address(name, &address, &length);
    if (r < 0)
        return r;
    return send_to(&address, length, message, flags);
}

static void append_status(char *message, const char *status)
{
    size_t start = strlen(message);

    snprintf(message + start, MESSAGE_SIZE - start, "STATUS=%.*s", STATUS_SIZE - 1, status);
    for (char *c = message + start; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

int notify_ready(const char *status)
{
    char message[MESSAGE_SIZE] = "READY=1\n";

    if (status)
        append_status(message, status);
    return notify(message, 0);
}

int notify_status(const char *format, ...)
{
    char message[MESSAGE_SIZE] = "";
    char status[STATUS_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(status, sizeof(status), format, args);
    va_end(args);
    append_status(message, status);
    return notify(message, MSG_DONTWAIT);
}

int notify_stopping(void)
{
    return notify("STOPPING=1", MSG_DONTWAIT);
}

int notify_watchdog(void)
{
    return notify("WATCHDOG=1", MSG_DONTWAIT);
}

/* A whole number and nothing else. */
static bool parse_number(const char *text, uint64_t *ret)
{
    unsigned long long number;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno || *end)
        return false;
    *ret = number;
    return true;
}

uint64_t notify_watchdog_interval(void)
{
    const char *interval = getenv("WATCHDOG_USEC");
    const char *process = getenv("WATCHDOG_PID");
    uint64_t usec;
    uint64_t pid;

    if (!interval || !parse_number(interval, &usec) || usec > UINT64_MAX / 1000)
        return 0;
    if (process && (!parse_number(process, &pid) || pid != (uint64_t)getpid()))
        return 0;
    return usec * 1000;
}
