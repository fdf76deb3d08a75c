/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_bench.h"
#include "ringspan/limits.h"

/* ---- clients ---- */

static void test_too_many_clients(void **state)
{
    assert_int_equal(bench_start(bench_params()), 0);
    for (int i = 0; i <= LIMIT_CTL_CLIENTS; i++) {
        bench_dial(i);
        bench_turns(1);
    }
    bench_hear_the_end(LIMIT_CTL_CLIENTS);
    assert_non_null(strstr(bench.text, "64 clients are connected already"));
    assert_int_equal(ctl_server_n_clients(bench.server), LIMIT_CTL_CLIENTS);
    bench_hang_up(3);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == LIMIT_CTL_CLIENTS - 1);
    bench_dial(3);
    bench_say(3, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(3, 1), ANSWER(1));
}

static void test_too_many_of_one_uid(void **state)
{
    struct ctl_server_params params = bench_params();

    params.max_clients_per_uid = LIMIT_CTL_CLIENTS_PER_UID;
    assert_int_equal(bench_start(params), 0);
    for (int i = 0; i <= LIMIT_CTL_CLIENTS_PER_UID; i++)
        bench_dial(i);
    bench_hear_the_end(LIMIT_CTL_CLIENTS_PER_UID);
    assert_non_null(strstr(bench.text, "has 16 connections already"));
    assert_int_equal(ctl_server_n_clients(bench.server), LIMIT_CTL_CLIENTS_PER_UID);
}

/* With no descriptors left the loop must neither spin nor stay deaf. */
static void test_no_descriptors_left(void **state)
{
    struct rlimit old;
    struct rlimit few;
    uint64_t start;
    int n = 0;

    assert_int_equal(bench_start(bench_params()), 0);
    bench_dial(0);
    bench_turns(2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    bench_dial(1);
    few = old;
    few.rlim_cur = (rlim_t)bench.clients[1] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    start = clock_now();
    while (clock_now() < start + 100 * NS_PER_MS && n < 1000) {
        assert_int_equal(event_loop_turn(bench.loop, 100), 0);
        n++;
    }
    assert_in_range(n, 1, 20);
    assert_int_equal(ctl_server_n_clients(bench.server), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    bench_say(1, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(1, 1), ANSWER(1));
}

/* Runs @fn in a child of another uid, as root only. Its return value is the child's status. */
static int as_uid(uid_t uid, gid_t gid, gid_t supplementary, int (*fn)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (setgroups(1, &supplementary) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
            _exit(99);
        _exit(fn());
    }
    TURN_UNTIL(waitpid(pid, &status, WNOHANG) == pid);
    return WEXITSTATUS(status);
}

static int ask_and_find(const char *request, const char *expected)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char text[1024] = "";
    ssize_t n;

    strcpy(address.sun_path, bench.path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return 98;
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    n = recv(fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return 97;
    return strstr(text, expected) ? 0 : 96;
}

static int expect_refusal(void)
{
    return ask_and_find(REQUEST(1, "echo"), "uid 4242 is not in group root");
}

static int expect_answer(void)
{
    return ask_and_find(REQUEST(1, "echo"), ANSWER(1));
}

static int expect_read_only(void)
{
    return ask_and_find(REQUEST(1, "write"), "uid 4242 may look at things, not change them");
}

static int expect_no_group(void)
{
    return ask_and_find(REQUEST(1, "echo"), "no group is configured");
}

static void test_credentials(void **state)
{
    struct ctl_server_params params = bench_params();

    if (geteuid() != 0)
        skip();
    params.group = "root";
    params.max_clients_per_uid = LIMIT_CTL_CLIENTS_PER_UID;
    assert_int_equal(bench_start(params), 0);
    assert_int_equal(chmod(bench.dir, 0755), 0);
    assert_int_equal(as_uid(4242, 4242, 4242, expect_refusal), 0);
    assert_int_equal(as_uid(4242, 0, 4242, expect_answer), 0);
    assert_int_equal(as_uid(4242, 4242, 0, expect_answer), 0);
    assert_int_equal(as_uid(4242, 4242, 0, expect_read_only), 0);
}

static void test_credentials_without_group(void **state)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(bench_start(bench_params()), 0);
    assert_int_equal(chmod(bench.dir, 0755), 0);
    assert_int_equal(as_uid(4242, 0, 0, expect_no_group), 0);
}

static int expect_busy(void)
{
    return ask_and_find(REQUEST(1, "echo"), "clients are connected already");
}

/* Readers cannot take the last places: here all places are the last. */
static void test_places_kept_for_writers(void **state)
{
    struct ctl_server_params params = bench_params();

    if (geteuid() != 0)
        skip();
    params.group = "root";
    params.max_clients = 4;
    params.max_clients_per_uid = 4;
    assert_int_equal(bench_start(params), 0);
    assert_int_equal(chmod(bench.dir, 0755), 0);
    assert_int_equal(as_uid(4242, 0, 0, expect_busy), 0);
    bench_dial(0);
    bench_say(0, REQUEST(1, "write"));
    assert_string_equal(bench_hear_lines(0, 1), ANSWER(1));
}

static void test_unknown_group(void **state)
{
    struct ctl_server_params params = bench_params();

    params.group = "no-such-group";
    assert_int_equal(bench_start(params), -ENOENT);
    assert_null(bench.server);
}

/* ---- files ---- */

static void test_second_instance(void **state)
{
    struct ctl_server_params params = bench_params();
    struct ctl_server *second = NULL;

    bench_start_and_dial();
    assert_int_equal(ctl_server_new(bench.loop, &params, &second), -EADDRINUSE);
    assert_null(second);
    bench_say(0, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(0, 1), ANSWER(1));
    bench_dial(1);
    bench_say(1, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(1, 1), ANSWER(1));
}

static void test_stale_socket(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, bench.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(0, 1), ANSWER(1));
}

static void test_path_is_no_socket(void **state)
{
    struct ctl_server_params params = bench_params();
    struct stat st;
    int fd = open(bench.path, O_CREAT | O_WRONLY, 0600);

    assert_true(fd >= 0);
    close(fd);
    /* Learned before anything is forwarded. */
    assert_int_equal(ctl_server_new(bench.loop, &params, &bench.server), -EEXIST);
    assert_int_equal(stat(bench.path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(bench.path);
}

static void test_directory_comes_and_goes(void **state)
{
    char directory[60];
    struct stat st;
    mode_t before = umask(077);

    snprintf(directory, sizeof(directory), "%s/d", bench.dir);
    snprintf(bench.path, sizeof(bench.path), "%s/d/c.sock", bench.dir);
    bench_start_and_dial();
    umask(before);
    assert_int_equal(stat(directory, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    ctl_server_free(bench.server);
    bench.server = NULL;
    assert_int_equal(access(directory, F_OK), -1);
}

static void test_missing_parent(void **state)
{
    snprintf(bench.path, sizeof(bench.path), "%s/a/b/c.sock", bench.dir);
    assert_int_equal(bench_start(bench_params()), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_too_many_clients),
        BENCH_TEST(test_too_many_of_one_uid),
        BENCH_TEST(test_no_descriptors_left),
        BENCH_TEST(test_credentials),
        BENCH_TEST(test_credentials_without_group),
        BENCH_TEST(test_places_kept_for_writers),
        BENCH_TEST(test_unknown_group),
        BENCH_TEST(test_second_instance),
        BENCH_TEST(test_stale_socket),
        BENCH_TEST(test_path_is_no_socket),
        BENCH_TEST(test_directory_comes_and_goes),
        BENCH_TEST(test_missing_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
