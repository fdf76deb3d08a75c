/* SPDX-License-Identifier: ISC */
#include "ringspan/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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

/* A port has three descriptors, and two more if it is isolated by tcx; a login may have a thousand.
 */
void process_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

static bool has_taps(const struct config *config)
{
    for (uint32_t b = 0; b < config->n_bridges; b++) {
        for (uint32_t i = 0; i < config->bridges[b].n_ports; i++) {
            if (config->bridges[b].ports[i].type == CONFIG_PORT_TAP)
                return true;
        }
    }
    return false;
}

/* Unknown counts as present: the ports say what is wrong. */
static bool has_capability(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, data) < 0)
        return true;
    return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

static int check_taps(const struct config *config)
{
    if (!has_taps(config) || has_capability(CAP_NET_ADMIN))
        return EX_OK;
    log_error("no permission to make taps, which the configuration has: CAP_NET_ADMIN is missing "
              "(run as root, or AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN)");
    return EX_NOPERM;
}

int process_check_capabilities(const struct config *config)
{
    struct packet_opener opener = packet_opener_here();
    int fd = opener.open(opener.arg);

    if (fd == -EPERM) {
        log_error("no permission to open packet sockets: CAP_NET_RAW is missing "
                  "(run as root, or AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF)");
        return EX_NOPERM;
    }
    if (fd < 0) {
        log_error("cannot open a packet socket: %s", strerror(-fd));
        return EX_UNAVAILABLE;
    }
    close(fd);
    return check_taps(config);
}
