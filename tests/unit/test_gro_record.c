/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/port/gro_record.h"

/* Records of interfaces that have to be given back: none is lost. */

static uint32_t n_visited;

static void visit(struct gro_keeper *keeper, uint64_t netns, uint32_t ifindex, bool was_on)
{
    assert_int_equal(netns, 7);
    assert_int_equal(ifindex, 3);
    assert_true(was_on);
    n_visited++;
}

static void write_stale(const char *directory, const char *name)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("off 00000000-0000-0000-0000-000000000000", file);
    fclose(file);
}

static void test_records(void **state)
{
    char directory[] = "/tmp/ringspan-gro-XXXXXX";
    struct gro_keeper *keeper;
    bool was_on;

    assert_non_null(mkdtemp(directory));
    assert_int_equal(gro_keeper_new(directory, &keeper), 0);
    assert_int_equal(gro_record_write(keeper, 7, 3, true), 0);
    assert_int_equal(gro_record_write(keeper, 8, 3, false), 0);
    write_stale(directory, "7-4");
    write_stale(directory, "9-4");
    n_visited = 0;
    assert_int_equal(gro_record_each(keeper, 7, visit), 1);
    assert_int_equal(n_visited, 1);
    assert_true(gro_record_read(keeper, 8, 3, &was_on));
    assert_false(was_on);
    assert_false(gro_record_read(keeper, 7, 4, &was_on));
    gro_record_remove(keeper, 7, 3);
    gro_record_remove(keeper, 8, 3);
    gro_keeper_free(keeper);
    assert_int_equal(access(directory, F_OK), -1);
}

/* A process that has no descriptors left cannot read it, but another one may. */
static void test_what_cannot_be_read_stays(void **state)
{
    char directory[] = "/tmp/ringspan-gro-XXXXXX";
    struct gro_keeper *keeper;
    struct rlimit before;
    struct rlimit limit;
    int lowest;

    assert_non_null(mkdtemp(directory));
    assert_int_equal(gro_keeper_new(directory, &keeper), 0);
    assert_int_equal(gro_record_write(keeper, 7, 3, true), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowest = open(directory, O_RDONLY | O_DIRECTORY);
    assert_true(lowest >= 0);
    close(lowest);
    limit = before;
    limit.rlim_cur = (rlim_t)lowest + 1; /* the directory, and no more */
    n_visited = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    gro_record_each(keeper, 7, visit);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(n_visited, 0);
    gro_record_each(keeper, 7, visit);
    assert_int_equal(n_visited, 1);
    gro_record_remove(keeper, 7, 3);
    gro_keeper_free(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_what_cannot_be_read_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
