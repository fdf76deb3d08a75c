/* SPDX-License-Identifier: ISC */
#include "ringspan/gro.h"

#include <assert.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"
#include "gro_record.h"
#include "ringspan/netns.h"

/* An interface of the namespace of the calling thread, as ethtool(8) sees it. */
struct handle {
    int fd;
    uint64_t netns;
    struct ifreq request;
};

static int find_name(struct handle *handle, uint32_t ifindex)
{
    handle->request.ifr_ifindex = (int)ifindex;
    return ioctl(handle->fd, SIOCGIFNAME, &handle->request) < 0 ? -errno : 0;
}

static int open_handle(uint32_t ifindex, struct handle *ret_handle)
{
    struct handle handle = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    socklen_t len = sizeof(handle.netns);
    int r;

    if (handle.fd < 0)
        return -errno;
    r = getsockopt(handle.fd, SOL_SOCKET, SO_NETNS_COOKIE, &handle.netns, &len) < 0 ? -errno : 0;
    if (r == 0)
        r = find_name(&handle, ifindex);
    if (r < 0)
        close(handle.fd);
    else
        *ret_handle = handle;
    return r;
}

static int ask(struct handle *handle, void *command)
{
    handle->request.ifr_data = command;
    return ioctl(handle->fd, SIOCETHTOOL, &handle->request) < 0 ? -errno : 0;
}

static int get_gro(struct handle *handle, bool *ret_is_on)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GGRO};
    int r = ask(handle, &value);

    if (r == 0)
        *ret_is_on = value.data != 0;
    return r;
}

static int set_gro(struct handle *handle, bool is_on)
{
    struct ethtool_value value = {.cmd = ETHTOOL_SGRO, .data = is_on};

    return ask(handle, &value);
}

static bool is_veth(struct handle *handle)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

    return ask(handle, &info) == 0 && strcmp(info.driver, "veth") == 0;
}

static bool wants_on(struct handle *handle, enum gro_wish wish, bool was_on)
{
    switch (wish) {
    case GRO_AUTO:
        return was_on || is_veth(handle);
    case GRO_ON:
        return true;
    case GRO_OFF:
    case GRO_N_WISHES:
        break;
    }
    return false;
}

void gro_init(struct gro *gro, struct gro_keeper *keeper)
{
    *gro = (struct gro){.keeper = keeper};
}

/* What it was before anything of ours: noted by this port, or by a daemon that was killed. */
static bool find_former(const struct gro *gro, const struct handle *handle, bool is_on)
{
    bool was_on = is_on;

    if (gro->is_changed)
        return !gro->is_on;
    (void)gro_record_read(gro->keeper, handle->netns, gro->ifindex, &was_on);
    return was_on;
}

/* The record is there before the change, and until it is undone. */
static int change(struct gro *gro, struct handle *handle, bool was_on, bool is_on, bool wanted)
{
    int r = 0;

    if (wanted != was_on)
        r = gro_record_write(gro->keeper, handle->netns, gro->ifindex, was_on);
    if (r == 0 && wanted != is_on)
        r = set_gro(handle, wanted);
    gro->is_changed = r == 0 && wanted != was_on;
    gro->is_on = r == 0 ? wanted : is_on;
    if (!gro->is_changed)
        gro_record_remove(gro->keeper, handle->netns, gro->ifindex);
    return r;
}

int gro_apply(struct gro *gro, enum gro_wish wish, uint32_t ifindex)
{
    struct handle handle;
    bool is_on, was_on;
    int r;

    if (!gro->keeper || (gro->ifindex == ifindex && gro->wish == wish))
        return 0;
    r = open_handle(ifindex, &handle);
    if (r < 0)
        return r;
    gro->ifindex = ifindex;
    gro->netns = handle.netns;
    gro->wish = wish;
    r = get_gro(&handle, &is_on);
    if (r == 0) {
        was_on = find_former(gro, &handle, is_on);
        r = change(gro, &handle, was_on, is_on, wants_on(&handle, wish, was_on));
    }
    close(handle.fd);
    return wish == GRO_AUTO ? 0 : r;
}

/* Who set it to something else meanwhile meant it. */
static void give_back(struct handle *handle, bool was_on)
{
    bool is_on;

    if (get_gro(handle, &is_on) == 0 && is_on != was_on)
        (void)set_gro(handle, was_on);
}

void gro_restore(struct gro *gro)
{
    struct handle handle;
    int r;

    if (gro->is_changed) {
        r = open_handle(gro->ifindex, &handle);
        if (r == 0 && handle.netns == gro->netns)
            give_back(&handle, !gro->is_on);
        if (r == 0)
            close(handle.fd);
        if (r == 0 || r == -ENODEV || r == -ENXIO)
            gro_record_remove(gro->keeper, gro->netns, gro->ifindex);
    }
    gro_init(gro, gro->keeper);
}

/* Whoever has the interface for a port holds its lock. */
static void sweep_one(struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex, bool was_on)
{
    struct handle handle;
    int lock = packet_lock_device(ifindex);

    if (lock < 0)
        return;
    if (open_handle(ifindex, &handle) == 0) {
        give_back(&handle, was_on);
        close(handle.fd);
    }
    gro_record_remove(keeper, netns, ifindex);
    close(lock);
}

/* How many records there are of other namespaces. */
static uint32_t sweep_here(struct gro_keeper *keeper)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint32_t n_of_others = 0;
    uint64_t netns = 0;
    socklen_t len = sizeof(netns);

    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &netns, &len) == 0)
        n_of_others = gro_record_each(keeper, netns, sweep_one);
    close(fd);
    return n_of_others;
}

static void sweep_there(void *arg)
{
    (void)sweep_here(arg);
}

void gro_keeper_sweep(struct gro_keeper *keeper)
{
    if (sweep_here(keeper) > 0)
        netns_visit_mounted(sweep_there, keeper);
}

const char *gro_wish_name(enum gro_wish wish)
{
    static const char *const names[] = {[GRO_AUTO] = "auto", [GRO_ON] = "on", [GRO_OFF] = "off"};

    static_assert(sizeof(names) / sizeof(*names) == GRO_N_WISHES, "a name per wish");
    return names[wish];
}
