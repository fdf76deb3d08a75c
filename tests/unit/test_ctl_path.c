/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ringspan/ctl_path.h"

static const struct ctl_path_env root = {0};
static const struct ctl_path_env user = {.uid = 1000, .runtime_dir = "/run/user/1000"};
static const struct ctl_path_env bare_user = {.uid = 1000};

static void assert_daemon(const struct ctl_path_env *env, const char *configured,
                          const char *expected)
{
    struct ctl_path path;

    assert_int_equal(ctl_path_of_daemon(env, configured, &path), 0);
    assert_string_equal(path.text, expected);
}

static void assert_client(const struct ctl_path_env *env, const char *option, const char *expected)
{
    struct ctl_path path;

    assert_int_equal(ctl_path_of_client(env, option, &path), 0);
    assert_string_equal(path.text, expected);
}

static void test_daemon(void **state)
{
    struct ctl_path path = {"untouched"};

    assert_daemon(&root, NULL, "/run/ringspan/ringspan.sock");
    assert_daemon(&root, "/tmp/x.sock", "/tmp/x.sock");
    assert_daemon(&user, NULL, "/run/user/1000/ringspan/ringspan.sock");
    assert_daemon(&bare_user, "x.sock", "x.sock");
    assert_int_equal(ctl_path_of_daemon(&bare_user, NULL, &path), -ENOENT);
    assert_string_equal(path.text, "untouched");
    assert_non_null(strstr(ctl_path_strerror(-ENOENT), "XDG_RUNTIME_DIR"));
}

static void test_client(void **state)
{
    struct ctl_path_env env = root;
    struct ctl_path path;

    assert_client(&root, NULL, "/run/ringspan/ringspan.sock");
    assert_client(&root, "lab0", "/run/ringspan/lab0.sock");
    assert_client(&root, "./lab0", "./lab0");
    env.socket = "";
    assert_client(&env, NULL, "/run/ringspan/ringspan.sock");
    env.socket = "lab1";
    assert_client(&env, NULL, "/run/ringspan/lab1.sock");
    assert_client(&env, "/tmp/s", "/tmp/s");
    assert_int_equal(ctl_path_of_client(&root, "", &path), -EINVAL);
    assert_client(&user, NULL, "/run/ringspan/ringspan.sock");
    assert_client(&bare_user, NULL, "/run/ringspan/ringspan.sock");
}

static void test_user_prefers_own_daemon(void **state)
{
    char dir[] = "/tmp/ringspan-test-XXXXXX";
    struct ctl_path_env env = {.uid = 1000, .runtime_dir = dir};
    char subdir[64];
    char socket[96];
    FILE *file;

    assert_non_null(mkdtemp(dir));
    snprintf(subdir, sizeof(subdir), "%s/ringspan", dir);
    snprintf(socket, sizeof(socket), "%s/ringspan.sock", subdir);
    assert_int_equal(mkdir(subdir, 0700), 0);
    file = fopen(socket, "w");
    assert_non_null(file);
    fclose(file);
    assert_client(&env, NULL, socket);
    unlink(socket);
    rmdir(subdir);
    rmdir(dir);
}

static void test_length(void **state)
{
    struct ctl_path path;
    char name[120];

    memset(name, 'a', sizeof(name));
    name[0] = '/';
    name[107] = '\0';
    assert_client(&root, name, name);
    name[107] = 'a';
    name[108] = '\0';
    assert_int_equal(ctl_path_of_client(&root, name, &path), -ENAMETOOLONG);
    assert_int_equal(ctl_path_of_daemon(&root, name, &path), -ENAMETOOLONG);
    assert_int_equal(ctl_path_of_client(&root, name + 1, &path), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon),
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_user_prefers_own_daemon),
        cmocka_unit_test(test_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
