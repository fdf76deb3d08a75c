/* SPDX-License-Identifier: ISC */
#include "ringspan/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "ringspan/log.h"
#include "ringspan/port_packet.h"

int process_reserve_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/", O_PATH | O_DIRECTORY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return EX_OSERR;
    close(fd);
    return EX_OK;
}

/* Ports are sockets: three descriptors each, and a login may have a thousand. */
void process_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

int process_check_capabilities(void)
{
    struct packet_opener opener = packet_opener_here();
    int fd = opener.open(opener.arg);

    if (fd == -EPERM) {
        log_error("no permission to open packet sockets: CAP_NET_RAW is missing "
                  "(run as root, or AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN)");
        return EX_NOPERM;
    }
    if (fd < 0) {
        log_error("cannot open a packet socket: %s", strerror(-fd));
        return EX_UNAVAILABLE;
    }
    close(fd);
    return EX_OK;
}
