/* SPDX-License-Identifier: ISC */
#include "ringspan/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* The manager's end. */
static int listen_at(const char *path, size_t path_length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    memcpy(address.sun_path, path, path_length);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length)),
                     0);
    return fd;
}

static void expect_message(int fd, const char *expected)
{
    char buffer[2048];
    ssize_t n = recv(fd, buffer, sizeof(buffer) - 1, 0);

    assert_true(n >= 0);
    buffer[n] = '\0';
    assert_string_equal(buffer, expected);
}

static int listen_abstract(void)
{
    char name[64];
    int fd;

    snprintf(name, sizeof(name), "@ringspan-test-notify-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    name[0] = '\0';
    fd = listen_at(name, 1 + strlen(name + 1));
    return fd;
}

static void without_a_manager_nothing_happens(void **state)
{
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_ready("4 ports"), 0);
    assert_int_equal(notify_status("%d ports", 4), 0);
    assert_int_equal(notify_stopping(), 0);
    assert_int_equal(notify_watchdog(), 0);
}

static void speaks_to_an_abstract_name(void **state)
{
    int fd = listen_abstract();

    assert_int_equal(notify_ready(NULL), 0);
    expect_message(fd, "READY=1\n");
    assert_int_equal(notify_ready("4 ports: 3 forwarding, 1 waiting"), 0);
    expect_message(fd, "READY=1\nSTATUS=4 ports: 3 forwarding, 1 waiting");
    assert_int_equal(notify_status("%d ports", 5), 0);
    expect_message(fd, "STATUS=5 ports");
    assert_int_equal(notify_stopping(), 0);
    expect_message(fd, "STOPPING=1");
    close(fd);
}

static void speaks_to_a_path(void **state)
{
    char dir[] = "/tmp/ringspan-test-XXXXXX";
    char path[64];
    int fd;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/notify", dir);
    fd = listen_at(path, strlen(path) + 1);
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(notify_stopping(), 0);
    expect_message(fd, "STOPPING=1");
    close(fd);
    assert_int_equal(notify_stopping(), -ECONNREFUSED);
    unlink(path);
    assert_int_equal(notify_stopping(), -ENOENT);
    rmdir(dir);
}

static void a_status_cannot_become_a_variable(void **state)
{
    int fd = listen_abstract();

    assert_int_equal(notify_status("%s", "fine\nMAINPID=1\x7f"), 0);
    expect_message(fd, "STATUS=fine?MAINPID=1?");
    assert_int_equal(notify_ready("fine\nMAINPID=1"), 0);
    expect_message(fd, "READY=1\nSTATUS=fine?MAINPID=1");
    close(fd);
}

static void a_long_status_is_cut(void **state)
{
    int fd = listen_abstract();
    char status[2000], expected[1024];

    memset(status, 'x', sizeof(status) - 1);
    status[sizeof(status) - 1] = '\0';
    snprintf(expected, sizeof(expected), "READY=1\nSTATUS=%.511s", status);
    assert_int_equal(notify_ready(status), 0);
    expect_message(fd, expected);
    assert_int_equal(notify_status("%s", status), 0);
    expect_message(fd, expected + strlen("READY=1\n"));
    close(fd);
}

static void a_full_queue_is_not_waited_for(void **state)
{
    int fd = listen_abstract();
    int r = 0;

    for (int i = 0; i < 1000000 && r == 0; i++)
        r = notify_status("%d", i);
    assert_int_equal(r, -EAGAIN);
    expect_message(fd, "STATUS=0");
    close(fd);
}

static uint64_t interval(const char *usec, const char *pid)
{
    setenv("WATCHDOG_USEC", usec, 1);
    setenv("WATCHDOG_PID", pid, 1);
    return notify_watchdog_interval();
}

static void the_watchdog_is_fed_where_it_is_wanted(void **state)
{
    int fd = listen_abstract();
    char pid[32];

    assert_int_equal(notify_watchdog(), 0);
    expect_message(fd, "WATCHDOG=1");
    close(fd);

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(interval("30000000", pid), UINT64_C(30000000000));
    assert_int_equal(interval("30000000", "1"), 0);
    assert_int_equal(interval("30000000", "me"), 0);
    assert_int_equal(interval("0", pid), 0);
    assert_int_equal(interval("-1", pid), 0);
    assert_int_equal(interval("30s", pid), 0);
    assert_int_equal(interval("", pid), 0);
    assert_int_equal(interval("18446744073709551615", pid), 0);
    assert_int_equal(interval("99999999999999999999", pid), 0);
    unsetenv("WATCHDOG_PID");
    assert_int_equal(notify_watchdog_interval(), 0);
    setenv("WATCHDOG_USEC", "1", 1);
    assert_int_equal(notify_watchdog_interval(), 1000);
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(notify_watchdog_interval(), 0);
}

static void other_addresses_are_refused(void **state)
{
    char name[200];

    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    assert_int_equal(notify_stopping(), -EAFNOSUPPORT);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(notify_stopping(), -EAFNOSUPPORT);
    memset(name, 'x', sizeof(name) - 1);
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(notify_stopping(), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(speaks_to_an_abstract_name),
        cmocka_unit_test(speaks_to_a_path),
        cmocka_unit_test(a_status_cannot_become_a_variable),
        cmocka_unit_test(a_long_status_is_cut),
        cmocka_unit_test(a_full_queue_is_not_waited_for),
        cmocka_unit_test(the_watchdog_is_fed_where_it_is_wanted),
        cmocka_unit_test(other_addresses_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
