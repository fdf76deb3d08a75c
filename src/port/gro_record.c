/* SPDX-License-Identifier: ISC */
#include "gro_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 40
#define NAME_SIZE    40 /* two numbers, "-" and a NUL */
#define TEXT_SIZE    (BOOT_ID_SIZE + 8)

struct gro_keeper {
    char *directory;
    char boot_id[BOOT_ID_SIZE];
};

static ssize_t read_file(int at, const char *path, char *ret_text, size_t size)
{
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read(fd, ret_text, size - 1);
    if (n < 0)
        n = -errno;
    close(fd);
    ret_text[n > 0 ? n : 0] = '\0';
    return n;
}

int gro_keeper_new(const char *directory, struct gro_keeper **ret)
{
    struct gro_keeper *keeper = calloc(1, sizeof(*keeper));

    if (!keeper)
        return -ENOMEM;
    keeper->directory = strdup(directory);
    if (!keeper->directory) {
        free(keeper);
        return -ENOMEM;
    }
    (void)read_file(AT_FDCWD, BOOT_ID_FILE, keeper->boot_id, sizeof(keeper->boot_id));
    keeper->boot_id[strcspn(keeper->boot_id, "\n")] = '\0';
    *ret = keeper;
    return 0;
}

void gro_keeper_free(struct gro_keeper *keeper)
{
    if (!keeper)
        return;
    (void)rmdir(keeper->directory);
    free(keeper->directory);
    free(keeper);
}

/* A directory that is not ours alone could be made to name any interface. */
static int open_directory(const struct gro_keeper *keeper)
{
    int fd = open(keeper->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0 || status.st_uid != geteuid() || status.st_mode & 022) {
        close(fd);
        return -EPERM;
    }
    return fd;
}

static void name_of(uint64_t netns, uint32_t ifindex, char ret_name[NAME_SIZE])
{
    snprintf(ret_name, NAME_SIZE, "%" PRIu64 "-%" PRIu32, netns, ifindex);
}

/* "off BOOT" or "on BOOT" */
static bool parse(const struct gro_keeper *keeper, const char *text, bool *ret_was_on)
{
    bool is_on = strncmp(text, "on ", 3) == 0;
    const char *boot = text + (is_on ? 3 : 4);

    if ((!is_on && strncmp(text, "off ", 4) != 0) || strcmp(boot, keeper->boot_id) != 0)
        return false;
    *ret_was_on = is_on;
    return true;
}

/* 1; 0 if it is no record of this boot; or -errno, and nobody knows. */
static int read_at(const struct gro_keeper *keeper, int directory, const char *name,
                   bool *ret_was_on)
{
    char text[TEXT_SIZE];
    ssize_t n = read_file(directory, name, text, sizeof(text));

    return n < 0 ? (int)n : parse(keeper, text, ret_was_on);
}

bool gro_record_read(const struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex,
                     bool *ret_was_on)
{
    int directory = open_directory(keeper);
    char name[NAME_SIZE];
    bool is_there;

    if (directory < 0)
        return false;
    name_of(netns, ifindex, name);
    is_there = read_at(keeper, directory, name, ret_was_on) > 0;
    close(directory);
    return is_there;
}

static int write_file(int at, const char *name, const char *text)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t n;
    int r;

    if (fd < 0)
        return -errno;
    n = write(fd, text, strlen(text));
    r = n < 0 ? -errno : 0;
    if (n >= 0 && (size_t)n < strlen(text))
        r = -ENOSPC;
    close(fd);
    return r;
}

static int write_at(const struct gro_keeper *keeper, int directory, const char *name, bool was_on)
{
    char draft[NAME_SIZE + 1], text[TEXT_SIZE];
    int r;

    snprintf(draft, sizeof(draft), ".%s", name);
    snprintf(text, sizeof(text), "%s %s", was_on ? "on" : "off", keeper->boot_id);
    r = write_file(directory, draft, text);
    if (r == 0 && renameat(directory, draft, directory, name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(directory, draft, 0);
    return r;
}

int gro_record_write(struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex, bool was_on)
{
    char name[NAME_SIZE];
    int directory, r;

    if (mkdir(keeper->directory, 0700) < 0 && errno != EEXIST)
        return -errno;
    directory = open_directory(keeper);
    if (directory < 0)
        return directory;
    name_of(netns, ifindex, name);
    r = write_at(keeper, directory, name, was_on);
    close(directory);
    return r;
}

void gro_record_remove(const struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex)
{
    int directory = open_directory(keeper);
    char name[NAME_SIZE];

    if (directory < 0)
        return;
    name_of(netns, ifindex, name);
    (void)unlinkat(directory, name, 0);
    close(directory);
}

static bool read_name(const char *name, uint64_t *ret_netns, uint32_t *ret_ifindex)
{
    return *name != '.' && sscanf(name, "%" SCNu64 "-%" SCNu32, ret_netns, ret_ifindex) == 2;
}

uint32_t gro_record_each(struct gro_keeper *keeper, uint64_t netns,
                         void (*fn)(struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex,
                                    bool was_on))
{
    int directory = open_directory(keeper);
    const struct dirent *entry;
    uint32_t n_of_others = 0;
    DIR *listing;

    if (directory < 0)
        return 0;
    listing = fdopendir(directory);
    if (!listing) {
        close(directory);
        return 0;
    }
    while ((entry = readdir(listing))) {
        uint64_t of;
        uint32_t ifindex;
        bool was_on;
        int r;

        if (!read_name(entry->d_name, &of, &ifindex))
            continue;
        r = read_at(keeper, directory, entry->d_name, &was_on);
        if (r == 0)
            (void)unlinkat(directory, entry->d_name, 0);
        else if (r > 0 && of == netns)
            fn(keeper, netns, ifindex, was_on);
        else if (r > 0)
            n_of_others++;
    }
    closedir(listing);
    return n_of_others;
}
