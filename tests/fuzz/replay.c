/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

/* Runs a fuzz target over each file of a directory (the argument), each in memory of exactly its
 * size. At least one file must be there. */

static int replay_fd(int fd)
{
    struct stat st;
    uint8_t *data;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return -errno;
    data = malloc(st.st_size ? (size_t)st.st_size : 1);
    if (!data)
        return -ENOMEM;
    n = read(fd, data, (size_t)st.st_size);
    if (n == st.st_size)
        LLVMFuzzerTestOneInput(data, (size_t)n);
    free(data);
    return n == st.st_size ? 0 : -EIO;
}

static int replay_file(int directory_fd, const char *name)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
    int r;

    if (fd < 0)
        return -errno;
    r = replay_fd(fd);
    close(fd);
    return r;
}

int main(int argc, char **argv)
{
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    unsigned int n = 0;

    if (!directory) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return EXIT_FAILURE;
    }
    while ((entry = readdir(directory))) {
        int r;

        if (entry->d_name[0] == '.')
            continue;
        r = replay_file(dirfd(directory), entry->d_name);
        if (r < 0) {
            fprintf(stderr, "%s/%s: %s\n", argv[1], entry->d_name, strerror(-r));
            return EXIT_FAILURE;
        }
        n++;
    }
    closedir(directory);
    printf("%u inputs\n", n);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
