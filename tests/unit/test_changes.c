/* SPDX-License-Identifier: ISC */
#include "ringspan/changes.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/control/changes_private.h"
#include "ctl_lab.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_UNDEFINED__)
#define HAS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_SANITIZER
#endif
#endif

#define DOCUMENT(ports) "{\"version\":1,\"bridges\":[{\"name\":\"lab0\",\"ports\":[" ports "]}]}"
#define TRIAL           (30 * NS_PER_MS)
#define LONG_TRIAL      (60 * NS_PER_SEC)

/* What became of a change. */
struct outcome {
    uint32_t n; /* times that it was told */
    int error;
    uint32_t n_steps;
    char report[512];
};

static void note(void *arg, const struct change_result *result)
{
    struct outcome *outcome = arg;

    outcome->n++;
    outcome->error = result->error;
    outcome->n_steps = result->plan ? result->plan->n_steps : 0;
    snprintf(outcome->report, sizeof(outcome->report), "%s", result->report);
}

static void begin_apply(int fd, uint64_t confirm_ns, struct outcome *outcome)
{
    *outcome = (struct outcome){0};
    assert_int_equal(changes_apply(lab.changes, fd, "new.json", confirm_ns, note, outcome, NULL),
                     0);
    assert_int_equal(outcome->n, 0);
}

static struct outcome apply_fd(int fd, uint64_t confirm_ns)
{
    struct outcome outcome;

    begin_apply(fd, confirm_ns, &outcome);
    TURN_UNTIL(outcome.n == 1);
    return outcome;
}

static struct outcome apply(const char *text, uint64_t confirm_ns)
{
    return apply_fd(lab_memfd(text, LAB_SEALS), confirm_ns);
}

static struct outcome reload(void)
{
    struct outcome outcome = {0};

    assert_int_equal(changes_reload(lab.changes, note, &outcome, NULL), 0);
    TURN_UNTIL(outcome.n == 1);
    return outcome;
}

static struct outcome diff(void)
{
    struct outcome outcome = {0};

    assert_int_equal(changes_diff(lab.changes, note, &outcome, NULL), 0);
    TURN_UNTIL(outcome.n == 1);
    return outcome;
}

static bool has_port(const char *name)
{
    const struct config *config = daemon_config(lab.daemon);

    for (uint32_t b = 0; b < config->n_bridges; b++) {
        for (uint32_t i = 0; i < config->bridges[b].n_ports; i++) {
            if (strcmp(config->bridges[b].ports[i].name, name) == 0)
                return true;
        }
    }
    return false;
}

static void assert_refused(struct outcome outcome, int error, const char *report)
{
    assert_int_equal(outcome.error, error);
    if (!strstr(outcome.report, report))
        fail_msg("'%s' is not in '%s'", report, outcome.report);
    assert_true(has_port("rsp-r1"));
}

/* ---- applying ---- */

static void test_apply(void **state)
{
    struct outcome outcome = apply(DOCUMENT("{\"name\":\"n1\"}"), 0);

    assert_int_equal(outcome.error, 0);
    assert_string_equal(outcome.report, "");
    assert_int_equal(outcome.n_steps, 6);
    assert_true(has_port("n1") && !has_port("rsp-r1"));
    assert_int_equal(diff().n_steps, 6); /* what it differs from is the file */
    assert_int_equal(changes_confirm(lab.changes), -ENOENT);
    assert_int_equal(reload().n_steps, 6);
    assert_true(has_port("rsp-r1") && !has_port("n1"));
    assert_int_equal(diff().n_steps, 0);
}

static void test_what_is_not_valid(void **state)
{
    struct outcome outcome = apply("{\"version\":1,\n\"bridge\":[]}", LONG_TRIAL);

    assert_refused(outcome, -EINVAL, "new.json:2:1: bridge: unknown key 'bridge'");
    assert_refused(apply("", 0), -EINVAL, "new.json:1:1:");
    assert_int_equal(changes_confirm(lab.changes), -ENOENT);
    assert_int_equal(diff().n_steps, 0);
}

/* The client has it open as well, and may mean harm. */
static void test_what_could_change_is_not_read(void **state)
{
    static const char sentence[] = "no file in memory that is sealed";
    int ends[2];

    for (int missing = F_SEAL_SHRINK; missing <= F_SEAL_WRITE; missing <<= 1)
        assert_refused(apply_fd(lab_memfd(DOCUMENT(""), LAB_SEALS & ~missing), 0), -EINVAL,
                       sentence);
    assert_int_equal(pipe(ends), 0);
    assert_refused(apply_fd(ends[0], 0), -EINVAL, sentence); /* and nobody waits for a writer */
    close(ends[1]);
    assert_refused(apply_fd(open("/dev/zero", O_RDONLY), 0), -EINVAL, sentence);
    assert_refused(apply_fd(open(lab.file, O_RDONLY), 0), -EINVAL, sentence);
    assert_refused(apply_fd(socket(AF_UNIX, SOCK_STREAM, 0), 0), -EINVAL, sentence);
}

static void test_too_large(void **state)
{
    int fd = lab_memfd("{", F_SEAL_SHRINK);

    assert_int_equal(ftruncate(fd, LIMIT_CONFIG_BYTES + 1), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), 0);
    assert_refused(apply_fd(fd, 0), -EFBIG, "more than 8 MiB");
}

/* The position in the file is shared with the client. */
static void test_position_does_not_matter(void **state)
{
    int fd = lab_memfd(DOCUMENT("{\"name\":\"n1\"}"), LAB_SEALS);

    assert_true(lseek(fd, 7, SEEK_SET) == 7);
    assert_int_equal(apply_fd(fd, 0).error, 0);
    assert_true(has_port("n1"));
}

/* ---- on trial ---- */

static void test_nobody_confirms(void **state)
{
    uint64_t left = 0;

    assert_int_equal(apply(DOCUMENT("{\"name\":\"n1\"}"), TRIAL).error, 0);
    assert_true(has_port("n1"));
    assert_true(changes_on_trial(lab.changes, &left));
    assert_in_range(left, 1, TRIAL);
    TURN_UNTIL(!changes_on_trial(lab.changes, &left));
    assert_true(has_port("rsp-r1") && has_port("rsp-r3") && !has_port("n1"));
    assert_int_equal(diff().n_steps, 0);
    assert_int_equal(changes_confirm(lab.changes), -ENOENT);
    assert_int_equal(apply(DOCUMENT("{\"name\":\"n1\"}"), 0).error, 0); /* life goes on */
}

/* What was before is not the file: run-time changes come back, too. */
static void test_goes_back_to_what_ran(void **state)
{
    uint64_t left;

    assert_int_equal(apply(DOCUMENT("{\"name\":\"n1\"}"), 0).error, 0);
    assert_int_equal(apply(DOCUMENT("{\"name\":\"n2\"}"), TRIAL).error, 0);
    assert_true(has_port("n2") && !has_port("n1"));
    TURN_UNTIL(!changes_on_trial(lab.changes, &left));
    assert_true(has_port("n1") && !has_port("n2") && !has_port("rsp-r1"));
}

static void test_confirmed(void **state)
{
    uint64_t end;
    uint64_t left;

    assert_int_equal(apply(DOCUMENT("{\"name\":\"n1\"}"), TRIAL).error, 0);
    end = clock_now() + 3 * TRIAL;
    assert_int_equal(changes_confirm(lab.changes), 0);
    assert_false(changes_on_trial(lab.changes, &left));
    assert_int_equal(changes_confirm(lab.changes), -ENOENT);
    while (clock_now() < end)
        bench_turn();
    assert_true(has_port("n1"));
}

static void test_nothing_else_changes_meanwhile(void **state)
{
    static const char sentence[] =
        "what was applied is on trial for 60 s more: `ringspan confirm` keeps it";
    struct outcome outcome;

    assert_int_equal(apply(DOCUMENT("{\"name\":\"rsp-r1\"}"), LONG_TRIAL).error, 0);
    assert_refused(reload(), -EBUSY, sentence);
    assert_refused(apply(DOCUMENT(""), 0), -EBUSY, sentence);
    assert_refused(apply(DOCUMENT(""), TRIAL), -EBUSY, sentence);
    assert_int_equal(changes_reload(lab.changes, NULL, NULL, NULL), 0); /* SIGHUP */
    assert_int_equal(diff().n_steps, 4);
    assert_int_equal(changes_confirm(lab.changes), 0);
    outcome = reload();
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.n_steps, 4);
}

/* They came before anybody knew that there would be a trial. */
static void test_those_that_wait_are_refused(void **state)
{
    struct outcome first, second, third = {0};

    begin_apply(lab_memfd(DOCUMENT("{\"name\":\"rsp-r1\"}"), LAB_SEALS), LONG_TRIAL, &first);
    begin_apply(lab_memfd(DOCUMENT(""), LAB_SEALS), 0, &second);
    assert_int_equal(changes_reload(lab.changes, note, &third, NULL), 0);
    TURN_UNTIL(third.n == 1);
    assert_int_equal(first.error, 0);
    assert_refused(second, -EBUSY, "on trial");
    assert_refused(third, -EBUSY, "on trial");
}

static size_t address_space_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#define BIG_BRIDGE(name) "{\"name\":\"" name "\",\"fdb\":{\"max_entries\":1048576}}"
#define BIG                                                                              \
    "{\"version\":1,\"bridges\":[" BIG_BRIDGE("b1") "," BIG_BRIDGE("b2") "," BIG_BRIDGE( \
        "b3") "," BIG_BRIDGE("b4") "]}"

/* Nobody could confirm any more, and going back is tried until there is memory. */
static void test_going_back_without_memory(void **state)
{
    struct rlimit limit, before;
    uint64_t left = 0;

#ifdef HAS_SANITIZER
    print_message("sanitizers need all of the address space\n");
    skip();
#endif
    assert_int_equal(apply(BIG, 0).error, 0);
    assert_int_equal(apply(DOCUMENT("{\"name\":\"n1\"}"), TRIAL).error, 0);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = address_space_bytes() + (8 << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    TURN_UNTIL(changes_on_trial(lab.changes, &left) && left == 0); /* the time is over */
    bench_turns(20);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_true(changes_on_trial(lab.changes, &left));
    assert_true(has_port("n1"));
    assert_int_equal(changes_confirm(lab.changes), -EALREADY);
    TURN_UNTIL(!changes_on_trial(lab.changes, &left));
    assert_string_equal(daemon_config(lab.daemon)->bridges[3].name, "b4");
}

static void test_ends_in_the_middle(void **state)
{
    static struct outcome outcome;

    assert_int_equal(apply(DOCUMENT("{\"name\":\"n1\"}"), LONG_TRIAL).error, 0);
    begin_apply(lab_memfd(DOCUMENT(""), LAB_SEALS), 0, &outcome);
    begin_apply(lab_memfd(DOCUMENT(""), LAB_SEALS), 0, &outcome);
    /* The teardown frees what is on trial, under way, and waiting. */
}

static uint32_t queue_length(void)
{
    uint32_t n = 0;

    for (const struct change *change = lab.changes->first; change; change = change->after)
        n++;
    return n;
}

/* Readers may ask for it as often as they like, and hang up: nobody's change waits for that. */
static void test_differences_that_nobody_waits_for(void **state)
{
    struct outcome outcome, last = {0};
    struct change *first, *second;

    begin_apply(lab_memfd(DOCUMENT("{\"name\":\"n1\"}"), LAB_SEALS), 0, &outcome);
    assert_int_equal(changes_diff(lab.changes, note, NULL, &first), 0);
    assert_int_equal(changes_diff(lab.changes, note, NULL, &second), 0);
    assert_int_equal(queue_length(), 3);
    change_forget(second);
    assert_int_equal(queue_length(), 2);
    assert_int_equal(changes_diff(lab.changes, note, &last, NULL), 0);
    change_forget(first);
    assert_int_equal(queue_length(), 2);
    TURN_UNTIL(last.n == 1);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(queue_length(), 0);
    assert_int_equal(changes_diff(lab.changes, note, NULL, &first), 0);
    change_forget(first); /* a helper thread has it */
    assert_int_equal(queue_length(), 1);
    TURN_UNTIL(queue_length() == 0);
}

/* ---- descriptors ---- */

/* Documents only: helper threads that look for a port's device open and close sockets meanwhile. */
static uint32_t count_documents(void)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    char target[64];
    uint32_t n = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        ssize_t len = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

        target[len > 0 ? len : 0] = '\0';
        n += strncmp(target, "/memfd:", strlen("/memfd:")) == 0;
    }
    closedir(folder);
    return n;
}

#define APPLY "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"config.apply\",\"params\":{}}\n"

static void test_one_descriptor_is_taken(void **state)
{
    int fds[3];

    for (int i = 0; i < 3; i++)
        fds[i] = lab_memfd(DOCUMENT("{\"name\":\"n1\"}"), LAB_SEALS);
    bench_dial(0);
    bench_say(0, REQUEST(1, "daemon.show"));
    bench_hear_lines(0, 1);
    assert_int_equal(count_documents(), 3);
    bench_say_with_fds(0, APPLY, fds, 1);
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"applied\":true"));
    assert_true(has_port("n1"));
    bench_say_with_fds(0, APPLY, fds, 3); /* the second and the third are closed */
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"applied\":true"));
    bench_say_with_fds(0, REQUEST(2, "daemon.show"), fds, 2); /* nobody takes it */
    bench_hear_lines(0, 1);
    bench_say(0, APPLY);
    assert_non_null(strstr(bench_hear_lines(0, 1), "no descriptor came with the request"));
    bench_say_with_fds(0, "{\"js", fds,
                       1); /* piece by piece, one each: the first is the request's */
    bench_turns(3);
    bench_say_with_fds(0, &APPLY[4], fds + 1, 1);
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"applied\":true"));
    TURN_UNTIL(count_documents() <= 3);
    assert_int_equal(count_documents(), 3);
    bench_say_with_fds(0, "{", fds, 1);
    TURN_UNTIL(count_documents() == 4);
    bench_hang_up(0);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 0);
    assert_int_equal(count_documents(), 3);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void test_confirmation_by_protocol(void **state)
{
    int fd = lab_memfd(DOCUMENT("{\"name\":\"n1\"}"), LAB_SEALS);

    bench_dial(0);
    bench_say_with_fds(0,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"config.apply\","
                       "\"params\":{\"confirm\":60}}\n",
                       &fd, 1);
    close(fd);
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"applied\":true"));
    bench_say(0, REQUEST(2, "daemon.show"));
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"confirm_within\":5"));
    bench_say(0, REQUEST(3, "daemon.reload"));
    assert_non_null(
        strstr(bench_hear_lines(0, 1), "{\"code\":-32000,\"message\":\"what was applied"));
    bench_say(0, REQUEST(4, "config.confirm"));
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"result\":{\"confirmed\":true}"));
    bench_say(0, REQUEST(5, "daemon.show"));
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"confirm_within\":null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_apply),
        LAB_TEST(test_what_is_not_valid),
        LAB_TEST(test_what_could_change_is_not_read),
        LAB_TEST(test_too_large),
        LAB_TEST(test_position_does_not_matter),
        LAB_TEST(test_nobody_confirms),
        LAB_TEST(test_goes_back_to_what_ran),
        LAB_TEST(test_confirmed),
        LAB_TEST(test_nothing_else_changes_meanwhile),
        LAB_TEST(test_those_that_wait_are_refused),
        LAB_TEST(test_going_back_without_memory),
        LAB_TEST(test_ends_in_the_middle),
        LAB_TEST(test_differences_that_nobody_waits_for),
        LAB_TEST(test_one_descriptor_is_taken),
        LAB_TEST(test_confirmation_by_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
