/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_stages.h"
#include "ringspan/config.h"

#define FIRST_CHUNK (64u << 10)
#define TOO_LARGE   "this is more than 8 MiB, the most that is read"

/* A file's type, if configurations are not read from it. */
static const char *refused_type(mode_t mode)
{
    if (S_ISDIR(mode))
        return "this is a directory";
    if (S_ISFIFO(mode))
        return "this is a FIFO, not a file";
    if (S_ISSOCK(mode))
        return "this is a socket, not a file";
    if (S_ISREG(mode))
        return NULL;
    return "this is a device, not a file";
}

static int report_file(struct config_report *report, int r, const char *hint, const char *what)
{
    config_report_add(report, 0, "", hint, "%s", what);
    return r;
}

/* O_NONBLOCK, because opening a FIFO would wait for a writer. */
static int open_file(const char *path, struct config_report *report, int *ret_fd)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int error = errno;
    const char *refused;
    struct stat st;

    if (fd < 0)
        return report_file(report, -error, NULL, strerror(error));
    if (fstat(fd, &st) < 0) {
        error = errno;
        close(fd);
        return report_file(report, -error, NULL, strerror(error));
    }
    refused = refused_type(st.st_mode);
    if (refused) {
        close(fd);
        return report_file(report, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
                           S_ISDIR(st.st_mode) ? NULL : "'-' reads from standard input", refused);
    }
    *ret_fd = fd;
    return 0;
}

/* Room for one byte more than is allowed, which tells a text that is too long from one that fits.
 */
static int grow(char **text, size_t *size)
{
    size_t larger = *size ? *size * 2 : FIRST_CHUNK;
    char *moved;

    if (larger > LIMIT_CONFIG_BYTES)
        larger = LIMIT_CONFIG_BYTES + 1;
    moved = realloc(*text, larger);
    if (!moved)
        return -ENOMEM;
    *text = moved;
    *size = larger;
    return 0;
}

/* Reads @fd to its end, whatever its size was said to be. */
static int read_all(int fd, char **ret_text, size_t *ret_len)
{
    char *text = NULL;
    size_t size = 0;
    size_t len = 0;
    ssize_t n = 1;
    int r = 0;

    while (r == 0 && n > 0) {
        if (len == size)
            r = len > LIMIT_CONFIG_BYTES ? -EFBIG : grow(&text, &size);
        if (r < 0)
            break;
        n = read(fd, text + len, size - len);
        if (n < 0)
            r = errno == EINTR ? 0 : -errno;
        else
            len += (size_t)n;
        if (n < 0 && r == 0)
            n = 1;
    }
    if (r < 0) {
        free(text);
        return r;
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}

static int read_path(const char *path, struct config_report *report, char **ret_text,
                     size_t *ret_len)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = STDIN_FILENO;
    int r = is_stdin ? 0 : open_file(path, report, &fd);

    if (r < 0)
        return r;
    r = read_all(fd, ret_text, ret_len);
    if (!is_stdin)
        close(fd);
    if (r == -EFBIG)
        return report_file(report, r, NULL, TOO_LARGE);
    return r < 0 ? report_file(report, r, NULL, strerror(-r)) : 0;
}

static const char *source_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

int config_read(const char *path, char **ret_text, size_t *ret_len,
                struct config_report *ret_report)
{
    struct config_report report;
    int r = config_report_init(&report, source_of(path));

    if (r == 0)
        r = read_path(path, &report, ret_text, ret_len);
    config_report_locate(&report, "", 0);
    *ret_report = report;
    return r;
}

int config_load(const char *path, struct config **ret_config, struct config_report *ret_report)
{
    struct config_report report;
    char *text = NULL;
    size_t len = 0;
    int r = config_read(path, &text, &len, &report);

    if (r < 0) {
        *ret_report = report;
        return r;
    }
    config_report_fini(&report);
    r = config_parse(source_of(path), text, len, ret_config, ret_report);
    free(text);
    return r;
}

/* Whoever sent it has it open too: it must be of a kind that can be sealed, and be sealed. */
static int check_sealed(int fd, struct config_report *report, size_t *ret_len)
{
    static const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    if (seals < 0 || (seals & wanted) != wanted)
        return report_file(report, -EINVAL, NULL,
                           "this is no file in memory that is sealed against changes");
    if (fstat(fd, &st) < 0)
        return report_file(report, -EINVAL, NULL, "this cannot be read");
    if (st.st_size > (off_t)LIMIT_CONFIG_BYTES)
        return report_file(report, -EFBIG, NULL, TOO_LARGE);
    *ret_len = (size_t)st.st_size;
    return 0;
}

/* The position in the file is shared with whoever sent it, and is not used. */
static int read_sealed(int fd, struct config_report *report, char **ret_text, size_t *ret_len)
{
    size_t len = 0;
    int r = check_sealed(fd, report, &len);
    char *text;

    if (r < 0)
        return r;
    text = malloc(len + 1);
    if (!text)
        return -ENOMEM;
    if (pread(fd, text, len, 0) != (ssize_t)len) {
        free(text);
        return report_file(report, -EIO, NULL, "this cannot be read");
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}

int config_load_sealed(int fd, const char *source, struct config **ret_config,
                       struct config_report *ret_report)
{
    struct config_report report;
    char *text = NULL;
    size_t len = 0;
    int r = config_report_init(&report, source);

    if (r == 0)
        r = read_sealed(fd, &report, &text, &len);
    if (r < 0) {
        config_report_locate(&report, "", 0);
        *ret_report = report;
        return r;
    }
    config_report_fini(&report);
    r = config_parse(source, text, len, ret_config, ret_report);
    free(text);
    return r;
}
