/* SPDX-License-Identifier: ISC */
/* Against the kernel: a thread lives in a namespace of its own, and its file names it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ringspan/netns.h"

#define HERE      "/proc/thread-self/ns/net"
#define PATH_SIZE 64

struct elsewhere {
    pthread_t thread;
    sem_t is_there;
    sem_t may_end;
    bool has_gone;
    char path[PATH_SIZE];
};

static void *live_elsewhere(void *arg)
{
    struct elsewhere *elsewhere = arg;

    elsewhere->has_gone = unshare(CLONE_NEWNET) == 0;
    snprintf(elsewhere->path, PATH_SIZE, "/proc/self/task/%d/ns/net", (int)gettid());
    sem_post(&elsewhere->is_there);
    while (sem_wait(&elsewhere->may_end) < 0)
        ;
    return NULL;
}

static struct elsewhere elsewhere;

static int go(void **state)
{
    sem_init(&elsewhere.is_there, 0, 0);
    sem_init(&elsewhere.may_end, 0, 0);
    if (pthread_create(&elsewhere.thread, NULL, live_elsewhere, &elsewhere) != 0)
        return -1;
    while (sem_wait(&elsewhere.is_there) < 0)
        ;
    return 0;
}

static int come_back(void **state)
{
    sem_post(&elsewhere.may_end);
    return pthread_join(elsewhere.thread, NULL);
}

static void skip_without_namespaces(void)
{
    if (!elsewhere.has_gone)
        skip();
}

static struct netns_id identify(const char *path)
{
    struct netns_id id;

    assert_int_equal(netns_identify(path, &id), 0);
    return id;
}

static void names_are_files_of_iproute2(void **state)
{
    char *path;

    assert_int_equal(netns_path("blue", &path), 0);
    assert_string_equal(path, "/run/netns/blue");
    free(path);
    assert_int_equal(netns_path("/proc/7/ns/net", &path), 0);
    assert_string_equal(path, "/proc/7/ns/net");
    free(path);
}

static void what_is_no_namespace_is_refused(void **state)
{
    struct netns_id id;
    int fd = 77;

    assert_int_equal(netns_open("/proc/self/ns/mnt", &fd, &id), -ENOTTY);
    assert_int_equal(netns_open("/proc/self/status", &fd, &id), -ENOTTY);
    assert_int_equal(netns_open("/", &fd, &id), -ENOTTY);
    assert_int_equal(netns_open("/nowhere/at/all", &fd, &id), -ENOENT);
    assert_int_equal(netns_identify("/nowhere/at/all", &id), -ENOENT);
    assert_int_equal(fd, 77);
}

static void a_pipe_is_not_waited_for(void **state)
{
    char path[] = "/tmp/ringspan-netns-XXXXXX";
    struct netns_id id;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(netns_open(path, &fd, &id), -ENOTTY);
    unlink(path);
}

static void entered_and_left(void **state)
{
    struct netns_id here = identify(HERE);
    struct netns_id id;
    int home;
    int fd;

    skip_without_namespaces();
    assert_int_equal(netns_open(elsewhere.path, &fd, &id), 0);
    assert_true(netns_id_is(id, identify(elsewhere.path)));
    assert_false(netns_id_is(id, here));
    assert_true(netns_id_is(identify(HERE), here)); /* opening went there and came back */
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(netns_enter(fd, &home), 0);
    assert_true(netns_id_is(identify(HERE), id));
    netns_leave(home);
    assert_true(netns_id_is(identify(HERE), here));
    close(fd);
}

static void no_descriptor_means_to_stay(void **state)
{
    struct netns_id here = identify(HERE);
    int home;

    assert_int_equal(netns_enter(-1, &home), 0);
    assert_true(netns_id_is(identify(HERE), here));
    netns_leave(home);
    assert_true(netns_id_is(identify(HERE), here));
}

static void a_failed_visit_changes_nothing(void **state)
{
    struct netns_id here = identify(HERE);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int home = 77;

    assert_int_equal(netns_enter(fd, &home), -EINVAL);
    assert_int_equal(home, 77);
    assert_true(netns_id_is(identify(HERE), here));
    close(fd);
}

static void only_mounts_are_mounted(void **state)
{
    assert_true(netns_is_mounted("/proc"));
    assert_false(netns_is_mounted("/proc/self/ns/net"));
    assert_false(netns_is_mounted("/proc/self"));
    assert_false(netns_is_mounted("/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_files_of_iproute2),
        cmocka_unit_test(what_is_no_namespace_is_refused),
        cmocka_unit_test(a_pipe_is_not_waited_for),
        cmocka_unit_test(entered_and_left),
        cmocka_unit_test(no_descriptor_means_to_stay),
        cmocka_unit_test(a_failed_visit_changes_nothing),
        cmocka_unit_test(only_mounts_are_mounted),
    };

    return cmocka_run_group_tests(tests, go, come_back);
}
