/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LOG_H
#define RINGSPAN_LOG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Log: what an operator reads when something changed.
 *
 * A line starts with the object it is about ("port r1: ", "ctl: ", "config: "). State changes are
 * info, refusals and recoverable failures are warnings, a part that stopped working is an error;
 * nothing is logged per frame: that is what the ledger's counters are for. A line that a peer can
 * provoke at will goes through log_ratelimited(), which says how many it swallowed.
 *
 * Lines go to one sink: standard error by default, with "<N>" syslog priorities in front when
 * standard error is the journal (systemd sets JOURNAL_STREAM); tests install their own. A reader
 * that does not read costs lines, not frames: what standard error has no room for is lost, and the
 * next line that arrives says how much.
 * The log belongs to the thread of the event loop; helper threads report through their results.
 */

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/** Receives one line without its newline. */
typedef void (*log_sink_fn)(void *arg, enum log_level level, const char *line);

/** Picks the sink for standard error (plain, or journal priorities) and sets the level. */
void log_init(enum log_level level);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/** Installs @sink, or the one of log_init() again if it is NULL. */
void log_set_sink(log_sink_fn sink, void *arg);

/** "error", "warning", "notice", "info", "debug"; the configuration's words too. */
const char *log_level_name(enum log_level level);
/** False, and *ret_level untouched, if @name is no level. */
bool log_level_from_name(const char *name, enum log_level *ret_level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* At most `burst` lines per `interval_ns`; owned by whoever logs. Fill in the first two fields. */
struct log_ratelimit {
    uint64_t interval_ns;
    uint32_t burst;
    uint32_t used;
    uint64_t swallowed;
    uint64_t window_start;
};

/** As log_line(), within @limit at time @now; the next line let through ends with "(N similar lines
 * suppressed)". */
void log_ratelimited(struct log_ratelimit *limit, uint64_t now, enum log_level level,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
