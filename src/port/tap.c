/* SPDX-License-Identifier: ISC */
#include "ringspan/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"
#include "packet.h"
#include "ringspan/mac.h"

#ifndef IFF_NO_CARRIER
#define IFF_NO_CARRIER 0x0040
#endif

#define TUN_PATH    "/dev/net/tun"
#define MARK_FORMAT "ringspan:%s:"
/* getpwnam_r(3) wants room for all that is said about an account. */
#define ACCOUNT_ROOM (64 << 10)

void tap_mark_prefix(const char *socket, char ret_prefix[LIMIT_ALIAS_SIZE])
{
    snprintf(ret_prefix, LIMIT_ALIAS_SIZE, MARK_FORMAT, socket);
}

/* Returns @error, and has said "<what>: <error>". */
static int fail(struct tap_outcome *outcome, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct tap_outcome *outcome, int error, const char *format, ...)
{
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(outcome->why, sizeof(outcome->why), format, args);
    va_end(args);
    len = strlen(outcome->why);
    snprintf(outcome->why + len, sizeof(outcome->why) - len, ": %s",
             error == -EPERM ? "CAP_NET_ADMIN is missing" : strerror(-error));
    return error;
}

/* ---- who may open it ---- */

struct account {
    bool is_set;
    uint32_t id;
};

struct accounts {
    struct account owner;
    struct account group;
};

static bool is_number(const char *text, uint32_t *ret_number)
{
    char *end;
    unsigned long long number;

    if (text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0 || number >= UINT32_MAX) /* the largest means nobody */
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

static int look_up_user(const char *name, char *room, uint32_t *ret_id)
{
    struct passwd entry;
    struct passwd *found = NULL;
    int r = getpwnam_r(name, &entry, room, ACCOUNT_ROOM, &found);

    if (found)
        *ret_id = found->pw_uid;
    return found ? 0 : r ? -r : -ENOENT;
}

static int look_up_group(const char *name, char *room, uint32_t *ret_id)
{
    struct group entry;
    struct group *found = NULL;
    int r = getgrnam_r(name, &entry, room, ACCOUNT_ROOM, &found);

    if (found)
        *ret_id = found->gr_gid;
    return found ? 0 : r ? -r : -ENOENT;
}

typedef int (*look_up_fn)(const char *name, char *room, uint32_t *ret_id);

static int find_account(const char *what, const char *text, look_up_fn look_up,
                        struct account *ret_account, struct tap_outcome *outcome)
{
    struct account account = {.is_set = true};
    char *room;
    int r;

    if (text[0] == '\0')
        return 0;
    if (!is_number(text, &account.id)) {
        room = malloc(ACCOUNT_ROOM);
        r = room ? look_up(text, room, &account.id) : -ENOMEM;
        free(room);
        if (r == -ENOENT) {
            snprintf(outcome->why, sizeof(outcome->why), "there is no %s %s", what, text);
            return r;
        }
        if (r < 0)
            return fail(outcome, r, "cannot look up %s %s", what, text);
    }
    *ret_account = account;
    return 0;
}

static int find_accounts(const struct tap *tap, struct accounts *ret_accounts,
                         struct tap_outcome *outcome)
{
    int r = find_account("user", tap->owner, look_up_user, &ret_accounts->owner, outcome);

    return r < 0 ? r
                 : find_account("group", tap->group, look_up_group, &ret_accounts->group, outcome);
}

/* Of ours: the daemon's user, rather than everybody. */
static void add_default_owner(struct accounts *accounts)
{
    if (!accounts->owner.is_set && !accounts->group.is_set)
        accounts->owner = (struct account){.is_set = true, .id = geteuid()};
}

static int set_accounts(int fd, const struct tap *tap, const struct accounts *accounts,
                        struct tap_outcome *outcome)
{
    int r;

    if (accounts->owner.is_set && ioctl(fd, TUNSETOWNER, (unsigned long)accounts->owner.id) < 0) {
        r = -errno;
        return fail(outcome, r, "cannot set the owner of %s", tap->ifname);
    }
    if (accounts->group.is_set && ioctl(fd, TUNSETGROUP, (unsigned long)accounts->group.id) < 0) {
        r = -errno;
        return fail(outcome, r, "cannot set the group of %s", tap->ifname);
    }
    return 0;
}

/* ---- the descriptor ---- */

static int open_tun(struct tap_outcome *outcome)
{
    int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int r = fd < 0 ? -errno : fd;

    if (r == -ENOENT || r == -ENODEV || r == -ENXIO)
        snprintf(outcome->why, sizeof(outcome->why), "there is no " TUN_PATH " (modprobe tun)");
    else if (r == -EPERM || r == -EACCES)
        snprintf(outcome->why, sizeof(outcome->why), "no permission to open " TUN_PATH);
    else if (r < 0)
        fail(outcome, r, "cannot open " TUN_PATH);
    return r;
}

/* Somebody who has opened a tap is its carrier; we are nobody. Kernels before 6.2 do not know the
 * flag and show one until they are told. */
static int hide_carrier(int fd)
{
    int off = 0;

    return ioctl(fd, TUNSETCARRIER, &off) < 0 ? -errno : 0;
}

static int attach(const char *ifname, int flags, const char *verb, struct tap_outcome *outcome)
{
    struct ifreq request = {.ifr_flags = (short)(flags | IFF_TAP | IFF_NO_PI | IFF_NO_CARRIER)};
    int fd = open_tun(outcome);
    int r;

    if (fd < 0)
        return fd;
    strncpy(request.ifr_name, ifname, sizeof(request.ifr_name) - 1);
    r = ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : hide_carrier(fd);
    if (r == 0)
        return fd;
    close(fd);
    return fail(outcome, r, "cannot %s %s", verb, ifname);
}

/* ---- settings ---- */

static int set_mtu(const struct tap *tap, const struct device *device, bool is_ours,
                   struct tap_outcome *outcome)
{
    uint32_t mtu = tap->mtu ? tap->mtu : is_ours ? TAP_MTU_DEFAULT : device->mtu;
    int r = 0;

    if (mtu != device->mtu)
        r = device_set(device->ifindex, IFLA_MTU, &mtu, sizeof(mtu));
    return r < 0 ? fail(outcome, r, "cannot set the mtu of %s to %u", tap->ifname, mtu) : 0;
}

static int set_mac(const struct tap *tap, const struct device *device, struct tap_outcome *outcome)
{
    uint8_t bytes[6];
    int r = 0;

    mac_store(tap->mac, bytes);
    if (tap->mac && tap->mac != device->mac)
        r = device_set(device->ifindex, IFLA_ADDRESS, bytes, sizeof(bytes));
    return r < 0 ? fail(outcome, r, "cannot set the mac of %s", tap->ifname) : 0;
}

/* The bit maps of link modes follow the fixed part; a tap has none, but the kernel wants to be told
 * how long they are. */
union link_settings {
    struct ethtool_link_settings fixed;
    uint8_t room[sizeof(struct ethtool_link_settings) + 3 * INT8_MAX * sizeof(uint32_t)];
};

static int ethtool(int fd, const char *ifname, union link_settings *settings)
{
    struct ifreq request = {.ifr_data = (void *)settings};

    strncpy(request.ifr_name, ifname, sizeof(request.ifr_name) - 1);
    return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static int get_link_settings(int fd, const char *ifname, union link_settings *ret_settings)
{
    union link_settings *settings = ret_settings;
    int r;

    *settings = (union link_settings){.fixed.cmd = ETHTOOL_GLINKSETTINGS};
    r = ethtool(fd, ifname, settings);
    if (r < 0 || settings->fixed.link_mode_masks_nwords >= 0)
        return r < 0 ? r : -EOPNOTSUPP;
    settings->fixed.cmd = ETHTOOL_GLINKSETTINGS;
    settings->fixed.link_mode_masks_nwords = (__s8)-settings->fixed.link_mode_masks_nwords;
    return ethtool(fd, ifname, settings);
}

static int change_speed(const char *ifname, uint32_t speed)
{
    union link_settings settings;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = get_link_settings(fd, ifname, &settings);
    if (r == 0 && settings.fixed.speed != speed) {
        settings.fixed.cmd = ETHTOOL_SLINKSETTINGS;
        settings.fixed.speed = speed;
        settings.fixed.duplex = DUPLEX_FULL;
        r = ethtool(fd, ifname, &settings);
    }
    close(fd);
    return r;
}

static int set_speed(const struct tap *tap, bool is_ours, struct tap_outcome *outcome)
{
    uint32_t speed = tap->speed ? tap->speed : is_ours ? TAP_SPEED_DEFAULT : 0;
    int r = speed ? change_speed(tap->ifname, speed) : 0;

    return r < 0 ? fail(outcome, r, "cannot set the speed of %s", tap->ifname) : 0;
}

static int set_link(const struct tap *tap, const struct device *device, bool is_ours,
                    struct tap_outcome *outcome)
{
    int r = set_mtu(tap, device, is_ours, outcome);

    if (r == 0)
        r = set_mac(tap, device, outcome);
    if (r == 0)
        r = set_speed(tap, is_ours, outcome);
    return r;
}

/* ---- making ---- */

static int mark(const struct tap *tap, const struct device *device, struct tap_outcome *outcome)
{
    int r = device_set(device->ifindex, IFLA_IFALIAS, tap->mark, strlen(tap->mark) + 1);

    return r < 0 ? fail(outcome, r, "cannot mark %s as ours", tap->ifname) : 0;
}

static int make_persistent(int fd, const struct tap *tap, const struct device *device,
                           struct tap_outcome *outcome)
{
    int r = device_set_up(device->ifindex);

    if (r < 0)
        return fail(outcome, r, "cannot bring %s up", tap->ifname);
    if (ioctl(fd, TUNSETPERSIST, 1) < 0) {
        r = -errno;
        return fail(outcome, r, "cannot make %s stay", tap->ifname);
    }
    return 0;
}

/* Until it is persistent it goes with its descriptor. */
static int furnish(int fd, const struct tap *tap, const struct accounts *accounts,
                   struct tap_outcome *outcome)
{
    struct device device;
    int r = device_by_name(tap->ifname, &device);

    if (r < 0)
        return fail(outcome, r, "cannot find %s, just made", tap->ifname);
    r = mark(tap, &device, outcome);
    if (r == 0)
        r = set_accounts(fd, tap, accounts, outcome);
    if (r == 0)
        r = set_link(tap, &device, true, outcome);
    if (r == 0)
        r = make_persistent(fd, tap, &device, outcome);
    if (r == 0)
        outcome->ifindex = device.ifindex;
    return r;
}

int tap_make(const struct tap *tap, struct tap_outcome *ret_outcome)
{
    struct accounts accounts = {0};
    int r = find_accounts(tap, &accounts, ret_outcome);
    int fd;

    if (r < 0)
        return r;
    add_default_owner(&accounts);
    fd = attach(tap->ifname, IFF_TUN_EXCL, "make", ret_outcome);
    if (fd < 0)
        return fd == -EBUSY ? -EEXIST : fd;
    r = furnish(fd, tap, &accounts, ret_outcome);
    close(fd);
    return r;
}

/* ---- what exists already ---- */

static bool differs(struct account wanted, bool is_set, uint32_t id)
{
    return wanted.is_set && (!is_set || id != wanted.id);
}

static bool cannot_lose(struct account wanted, bool is_set)
{
    return is_set && !wanted.is_set;
}

static int change_accounts(const struct tap *tap, const struct device *device,
                           const struct accounts *accounts, struct tap_outcome *outcome)
{
    int fd = attach(tap->ifname, device->is_multi_queue ? IFF_MULTI_QUEUE : 0, "open", outcome);
    int r;

    if (fd == -EBUSY)
        snprintf(outcome->why, sizeof(outcome->why),
                 "owner and group change when %s is closed by who has opened it", tap->ifname);
    if (fd < 0)
        return fd;
    r = set_accounts(fd, tap, accounts, outcome);
    close(fd);
    return r;
}

static int settle_accounts(const struct tap *tap, const struct device *device, bool is_ours,
                           struct tap_outcome *outcome)
{
    struct accounts accounts = {0};
    int r = find_accounts(tap, &accounts, outcome);

    if (r < 0)
        return r;
    if (is_ours)
        add_default_owner(&accounts);
    if (is_ours && (cannot_lose(accounts.owner, device->has_owner) ||
                    cannot_lose(accounts.group, device->has_group)))
        return device_del(device->ifindex);
    if (!differs(accounts.owner, device->has_owner, device->owner) &&
        !differs(accounts.group, device->has_group, device->group))
        return 0;
    return change_accounts(tap, device, &accounts, outcome);
}

int tap_settle(const struct tap *tap, struct tap_outcome *ret_outcome)
{
    struct device device;
    bool is_ours;
    int r = device_by_name(tap->ifname, &device);

    if (r == -ENODEV || (r == 0 && !device.is_tap))
        return 0;
    if (r < 0)
        return fail(ret_outcome, r, "cannot look at %s", tap->ifname);
    is_ours = strcmp(device.alias, tap->mark) == 0;
    r = set_link(tap, &device, is_ours, ret_outcome);
    if (r == 0)
        r = settle_accounts(tap, &device, is_ours, ret_outcome);
    return r;
}

/* ---- removing ---- */

static int find_marked(const struct tap *tap, struct device *ret_device)
{
    struct device device;
    int r = device_by_name(tap->ifname, &device);

    if (r == 0 && strcmp(device.alias, tap->mark) == 0) {
        *ret_device = device;
        return 0;
    }
    return r == 0 || r == -ENODEV ? device_by_alias(tap->mark, ret_device) : r;
}

/* The lock of the device tells a port of a living daemon, ours in another mount namespace, say. */
static int remove_unused(const struct device *device)
{
    int lock = packet_lock_device(device->ifindex);
    int r;

    if (lock < 0)
        return lock == -EADDRINUSE ? -EBUSY : lock;
    r = device_del(device->ifindex);
    close(lock);
    return r;
}

int tap_remove(const struct tap *tap, struct tap_outcome *ret_outcome)
{
    struct device device;
    int r = find_marked(tap, &device);

    if (r == 0)
        r = remove_unused(&device);
    if (r == -ENODEV)
        return 0;
    if (r == -EBUSY)
        snprintf(ret_outcome->why, sizeof(ret_outcome->why), "another ringspand uses %s",
                 device.ifname);
    else if (r < 0)
        fail(ret_outcome, r, "cannot remove %s", tap->ifname);
    else
        ret_outcome->ifindex = device.ifindex;
    return r;
}
