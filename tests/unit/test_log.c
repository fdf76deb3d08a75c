/* SPDX-License-Identifier: ISC */
#include "ringspan/clock.h"
#include "ringspan/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct recorder {
    unsigned n_lines;
    enum log_level level;
    char line[4096];
};

static void record(void *arg, enum log_level level, const char *line)
{
    struct recorder *recorder = arg;

    recorder->n_lines++;
    recorder->level = level;
    snprintf(recorder->line, sizeof(recorder->line), "%s", line);
}

static int reset(void **state)
{
    unsetenv("JOURNAL_STREAM");
    log_init(LOG_LEVEL_INFO);
    return 0;
}

static void lines_above_the_level_are_dropped(void **state)
{
    struct recorder recorder = {0};

    log_set_sink(record, &recorder);
    log_debug("port r1: nothing");
    assert_int_equal(recorder.n_lines, 0);
    log_info("port %s: up", "r1");
    assert_int_equal(recorder.n_lines, 1);
    assert_int_equal(recorder.level, LOG_LEVEL_INFO);
    assert_string_equal(recorder.line, "port r1: up");

    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(log_get_level(), LOG_LEVEL_ERROR);
    log_warning("port r1: odd");
    assert_int_equal(recorder.n_lines, 1);
    log_error("port r1: broken");
    assert_int_equal(recorder.n_lines, 2);
}

static void names_go_there_and_back(void **state)
{
    enum log_level level = LOG_LEVEL_NOTICE;

    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        assert_true(log_level_from_name(log_level_name((enum log_level)i), &level));
        assert_int_equal(level, i);
    }
    assert_string_equal(log_level_name(LOG_LEVEL_WARNING), "warning");
    assert_false(log_level_from_name("warn", &level));
    assert_false(log_level_from_name("", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static void control_characters_are_replaced(void **state)
{
    struct recorder recorder = {0};

    log_set_sink(record, &recorder);
    log_info("ctl: %s", "a\nb\r\x1b[31mc\x7f\t");
    assert_string_equal(recorder.line, "ctl: a?b??[31mc??");
    log_info("ctl: %s", "k\xc3\xb6nig \xc2\x9b"
                        "31m \xc2\xa0 \xc2");
    assert_string_equal(recorder.line, "ctl: k\xc3\xb6nig ??31m \xc2\xa0 \xc2");
}

static void long_lines_are_cut(void **state)
{
    struct recorder recorder = {0};
    struct log_ratelimit limit = {.interval_ns = NS_PER_SEC, .burst = 1, .swallowed = UINT64_MAX};
    const char *const suffix = "... (18446744073709551615 similar lines suppressed)";
    char text[3000];
    size_t length;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_set_sink(record, &recorder);
    log_info("%s", text);
    length = strlen(recorder.line);
    assert_in_range(length, 512, 1024);
    assert_string_equal(recorder.line + length - 4, "x...");

    log_ratelimited(&limit, 0, LOG_LEVEL_INFO, "%s", text);
    length = strlen(recorder.line);
    assert_string_equal(recorder.line + length - strlen(suffix), suffix);
}

static void a_limit_swallows_and_says_so(void **state)
{
    struct recorder recorder = {0};
    struct log_ratelimit limit = {.interval_ns = 5 * NS_PER_SEC, .burst = 2};
    const uint64_t start = 1000 * NS_PER_SEC;

    log_set_sink(record, &recorder);
    for (int i = 0; i < 5; i++)
        log_ratelimited(&limit, start + (uint64_t)i, LOG_LEVEL_WARNING, "ctl: refused %d", i);
    assert_int_equal(recorder.n_lines, 2);
    assert_string_equal(recorder.line, "ctl: refused 1");

    log_ratelimited(&limit, start + 5 * NS_PER_SEC - 1, LOG_LEVEL_WARNING, "ctl: refused 5");
    assert_int_equal(recorder.n_lines, 2);
    log_ratelimited(&limit, start + 5 * NS_PER_SEC, LOG_LEVEL_WARNING, "ctl: refused 6");
    assert_int_equal(recorder.n_lines, 3);
    assert_string_equal(recorder.line, "ctl: refused 6 (4 similar lines suppressed)");
    log_ratelimited(&limit, start + 5 * NS_PER_SEC, LOG_LEVEL_WARNING, "ctl: refused 7");
    assert_string_equal(recorder.line, "ctl: refused 7");
}

static void lines_below_the_level_use_up_no_limit(void **state)
{
    struct recorder recorder = {0};
    struct log_ratelimit limit = {.interval_ns = NS_PER_SEC, .burst = 1};

    log_set_sink(record, &recorder);
    log_ratelimited(&limit, 0, LOG_LEVEL_DEBUG, "ctl: seen");
    log_ratelimited(&limit, 0, LOG_LEVEL_DEBUG, "ctl: seen");
    log_ratelimited(&limit, 0, LOG_LEVEL_INFO, "ctl: hello");
    assert_string_equal(recorder.line, "ctl: hello");
}

/* Standard error becomes a seqpacket socket, which shows each write(2) as one message. */
struct captured_stderr {
    int saved;
    int reader;
};

static void capture_begin(struct captured_stderr *capture)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                     0);
    capture->saved = dup(STDERR_FILENO);
    assert_true(capture->saved >= 0);
    assert_int_equal(dup2(pair[1], STDERR_FILENO), STDERR_FILENO);
    close(pair[1]);
    capture->reader = pair[0];
}

static void capture_end(struct captured_stderr *capture)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    close(capture->reader);
}

static void expect_write(const struct captured_stderr *capture, const char *expected)
{
    char buffer[4096];
    ssize_t n = recv(capture->reader, buffer, sizeof(buffer) - 1, 0);

    assert_int_equal(n, strlen(expected));
    buffer[n] = '\0';
    assert_string_equal(buffer, expected);
}

static void expect_plain(const struct captured_stderr *capture, const char *rest)
{
    char expected[256];

    snprintf(expected, sizeof(expected), "%s: %s\n", program_invocation_short_name, rest);
    expect_write(capture, expected);
}

static void name_stderr_in_journal_stream(unsigned inode_offset)
{
    char value[64];
    struct stat st;

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev,
             (uintmax_t)st.st_ino + inode_offset);
    setenv("JOURNAL_STREAM", value, 1);
}

static void plain_lines_name_program_and_level(void **state)
{
    struct captured_stderr capture;

    capture_begin(&capture);
    log_init(LOG_LEVEL_DEBUG);
    log_info("port r1: up");
    expect_plain(&capture, "port r1: up");
    log_warning("port r1: odd");
    expect_plain(&capture, "warning: port r1: odd");
    log_error("port r1: broken");
    expect_plain(&capture, "error: port r1: broken");
    log_debug("port r1: thinking");
    expect_plain(&capture, "debug: port r1: thinking");
    capture_end(&capture);
}

static void the_journal_gets_priorities(void **state)
{
    struct captured_stderr capture;

    capture_begin(&capture);
    name_stderr_in_journal_stream(0);
    log_init(LOG_LEVEL_DEBUG);
    log_error("one");
    expect_write(&capture, "<3>one\n");
    log_warning("two");
    expect_write(&capture, "<4>two\n");
    log_notice("three");
    expect_write(&capture, "<5>three\n");
    log_info("four");
    expect_write(&capture, "<6>four\n");
    log_debug("five");
    expect_write(&capture, "<7>five\n");
    capture_end(&capture);
}

static void a_redirected_stderr_is_no_journal(void **state)
{
    struct captured_stderr capture;

    capture_begin(&capture);
    name_stderr_in_journal_stream(1);
    log_init(LOG_LEVEL_INFO);
    log_info("port r1: up");
    expect_plain(&capture, "port r1: up");
    setenv("JOURNAL_STREAM", "nonsense", 1);
    log_init(LOG_LEVEL_INFO);
    log_info("port r1: up");
    expect_plain(&capture, "port r1: up");
    capture_end(&capture);
}

static void a_full_stderr_costs_lines_and_says_so(void **state)
{
    struct captured_stderr capture;
    unsigned n_filled = 0;

    capture_begin(&capture);
    log_init(LOG_LEVEL_INFO);
    while (send(STDERR_FILENO, "x", 1, MSG_DONTWAIT) == 1)
        n_filled++;
    log_info("lost");
    log_info("lost too");
    for (; n_filled > 0; n_filled--)
        expect_write(&capture, "x");
    log_warning("arrives");
    expect_plain(&capture, "warning: log: 2 lines lost");
    expect_plain(&capture, "warning: arrives");
    capture_end(&capture);
}

static void a_null_sink_is_the_standard_one(void **state)
{
    struct captured_stderr capture;
    struct recorder recorder = {0};

    capture_begin(&capture);
    name_stderr_in_journal_stream(0);
    log_init(LOG_LEVEL_INFO);
    log_set_sink(record, &recorder);
    log_info("kept");
    log_set_sink(NULL, NULL);
    log_info("written");
    expect_write(&capture, "<6>written\n");
    assert_int_equal(recorder.n_lines, 1);
    capture_end(&capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_above_the_level_are_dropped, reset),
        cmocka_unit_test_setup(names_go_there_and_back, reset),
        cmocka_unit_test_setup(control_characters_are_replaced, reset),
        cmocka_unit_test_setup(long_lines_are_cut, reset),
        cmocka_unit_test_setup(a_limit_swallows_and_says_so, reset),
        cmocka_unit_test_setup(lines_below_the_level_use_up_no_limit, reset),
        cmocka_unit_test_setup(plain_lines_name_program_and_level, reset),
        cmocka_unit_test_setup(the_journal_gets_priorities, reset),
        cmocka_unit_test_setup(a_redirected_stderr_is_no_journal, reset),
        cmocka_unit_test_setup(a_full_stderr_costs_lines_and_says_so, reset),
        cmocka_unit_test_setup(a_null_sink_is_the_standard_one, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
