/* SPDX-License-Identifier: ISC */
#include "ringspan/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A longer line is cut and ends with "..."; a suffix of our own is never cut. */
#define LINE_SIZE   1024
#define SUFFIX_SIZE 64
#define PREFIX_SIZE 64

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

#define N_LEVELS (sizeof(level_names) / sizeof(level_names[0]))
static_assert(N_LEVELS == LOG_LEVEL_DEBUG + 1, "a level has no name");

static void plain_sink(void *arg, enum log_level level, const char *line);

/* The program's one log: whatever happens before log_init() is worth reading too. */
static struct {
    enum log_level level;
    log_sink_fn standard_sink;
    log_sink_fn sink;
    void *sink_arg;
    uint64_t n_lost; /* lines that standard error had no room for, not told yet */
} the_log = {.level = LOG_LEVEL_INFO, .standard_sink = plain_sink, .sink = plain_sink};

/* Whether a line can be written at once. O_NONBLOCK would say the same, but belongs to everybody
 * who has the same terminal or pipe open. */
static bool has_room(void)
{
    struct pollfd stderr_ready = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&stderr_ready, 1, 0) > 0 && stderr_ready.revents & POLLOUT;
}

/* One write(2) per line, so that lines of several processes on one pipe do not mix. */
static bool write_line(const char *prefix, const char *line)
{
    char buffer[PREFIX_SIZE + LINE_SIZE + 1];
    int n = snprintf(buffer, sizeof(buffer), "%.*s%s\n", PREFIX_SIZE, prefix, line);
    ssize_t written;

    if (!has_room())
        return false;
    do
        written = write(STDERR_FILENO, buffer, (size_t)n);
    while (written < 0 && errno == EINTR);
    return written >= 0;
}

static void write_or_lose(const char *prefix, const char *line)
{
    char loss[SUFFIX_SIZE];

    if (the_log.n_lost > 0) {
        snprintf(loss, sizeof(loss), "log: %" PRIu64 " lines lost", the_log.n_lost);
        if (write_line(prefix, loss))
            the_log.n_lost = 0;
    }
    if (!write_line(prefix, line))
        the_log.n_lost++;
}

static void plain_sink(void *arg, enum log_level level, const char *line)
{
    char prefix[PREFIX_SIZE];
    bool is_info = level == LOG_LEVEL_INFO;

    snprintf(prefix, sizeof(prefix), "%.32s: %s%s", program_invocation_short_name,
             is_info ? "" : level_names[level], is_info ? "" : ": ");
    write_or_lose(prefix, line);
}

/* The journal knows the program's name; it wants the priority, as sd-daemon(3) has it. */
static void journal_sink(void *arg, enum log_level level, const char *line)
{
    static const char *const priorities[] = {
        [LOG_LEVEL_ERROR] = "<3>", [LOG_LEVEL_WARNING] = "<4>", [LOG_LEVEL_NOTICE] = "<5>",
        [LOG_LEVEL_INFO] = "<6>",  [LOG_LEVEL_DEBUG] = "<7>",
    };
    static_assert(sizeof(priorities) / sizeof(priorities[0]) == N_LEVELS,
                  "a level has no priority");

    write_or_lose(priorities[level], line);
}

/* The variable is inherited by everything that a service starts, also where standard error was
 * redirected since: only the device and inode in it tell (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *variable = getenv("JOURNAL_STREAM");
    char expected[64];
    struct stat st;

    if (!variable || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(variable, expected) == 0;
}

void log_init(enum log_level level)
{
    the_log.level = level;
    the_log.standard_sink = stderr_is_journal() ? journal_sink : plain_sink;
    log_set_sink(NULL, NULL);
}

void log_set_level(enum log_level level)
{
    the_log.level = level;
}

enum log_level log_get_level(void)
{
    return the_log.level;
}

void log_set_sink(log_sink_fn sink, void *arg)
{
    the_log.sink = sink ? sink : the_log.standard_sink;
    the_log.sink_arg = sink ? arg : NULL;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_from_name(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < N_LEVELS; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* Text out of frames and requests must neither forge a second line nor drive a terminal. Besides
 * ASCII's control characters UTF-8 has a second set, 0xc2 0x80 to 0xc2 0x9f. */
static void replace_controls(char *line)
{
    for (unsigned char *c = (unsigned char *)line; *c; c++) {
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
            c[0] = c[1] = '?';
        else if (is_control(*c))
            *c = '?';
    }
}

__attribute__((format(printf, 2, 0))) static void emit(enum log_level level, const char *format,
                                                       va_list args, uint64_t swallowed)
{
    const size_t room = LINE_SIZE - SUFFIX_SIZE;
    char line[LINE_SIZE];
    int n = vsnprintf(line, room, format, args);

    if (n < 0)
        return;
    if ((size_t)n >= room)
        memcpy(line + room - sizeof("..."), "...", sizeof("..."));
    replace_controls(line);
    if (swallowed > 0)
        snprintf(line + strlen(line), SUFFIX_SIZE, " (%" PRIu64 " similar lines suppressed)",
                 swallowed);
    the_log.sink(the_log.sink_arg, level, line);
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list args;

    if (level > the_log.level)
        return;
    va_start(args, format);
    emit(level, format, args, 0);
    va_end(args);
}

static bool may_pass(struct log_ratelimit *limit, uint64_t now)
{
    if (now - limit->window_start >= limit->interval_ns) {
        limit->window_start = now;
        limit->used = 0;
    }
    if (limit->used >= limit->burst)
        return false;
    limit->used++;
    return true;
}

void log_ratelimited(struct log_ratelimit *limit, uint64_t now, enum log_level level,
                     const char *format, ...)
{
    va_list args;

    if (level > the_log.level)
        return;
    if (!may_pass(limit, now)) {
        limit->swallowed++;
        return;
    }
    va_start(args, format);
    emit(level, format, args, limit->swallowed);
    va_end(args);
    limit->swallowed = 0;
}
