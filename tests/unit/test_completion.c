/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_lab.h"

/* What bash offers for a line, the word under the cursor last; with a daemon and without one. */

#define MAX_WORDS 12

static const char *bash;
static const char *completions;
static const char *tool;

static const char script[] = ". \"$1\"; complete -p ringspan >/dev/null || exit; shift; tool=$1; "
                             "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _ringspan \"$tool\"; "
                             "echo \"${COMPREPLY[*]}\"";

/* @line's words are separated by one blank each; it ends in one if the last is still empty. */
static void run_child(char *line, FILE *out)
{
    char *words[MAX_WORDS + 8] = {(char *)bash, (char *)"--norc",    (char *)"-c", (char *)script,
                                  (char *)"-",  (char *)completions, (char *)tool};
    int n = 7;

    for (char *word; n < MAX_WORDS + 7 && (word = strsep(&line, " "));)
        words[n++] = word;
    dup2(fileno(out), STDOUT_FILENO);
    if (chdir(bench.dir) == 0)
        execv(bash, words);
}

#define OFFERS_SIZE 1024

/* Returns the status of bash. */
static int complete(const char *line, char found[OFFERS_SIZE])
{
    FILE *out = tmpfile();
    char copy[128];
    int status;
    pid_t pid;

    assert_non_null(out);
    snprintf(copy, sizeof(copy), "%s", line);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        run_child(copy, out);
        _exit(127);
    }
    TURN_UNTIL(waitpid(pid, &status, WNOHANG) == pid);
    rewind(out);
    found[fread(found, 1, OFFERS_SIZE - 1, out)] = '\0';
    fclose(out);
    found[strcspn(found, "\n")] = '\0';
    return status;
}

static void assert_offers(const char *line, const char *offers)
{
    char found[OFFERS_SIZE];
    int status = complete(line, found);

    if (status != 0 || strcmp(found, offers) != 0)
        fail_msg("'%s': status %d, '%s' instead of '%s'", line, status, found, offers);
}

static int setup(void **state)
{
    int r = lab_setup(state);

    setenv("RINGSPAN_SOCKET", bench.path, 1);
    return r;
}

#define COMPLETION_TEST(test) cmocka_unit_test_setup_teardown(test, setup, lab_teardown)

static void test_objects_and_options(void **state)
{
    assert_offers("po", "port");
    assert_offers("-j po", "port");
    assert_offers("-S x po", "port");
    assert_offers("help po", "port");
    assert_offers("hel", "help");
    assert_offers("nonsense ", "");
    assert_offers("--s", "--statistics --socket");
    assert_offers("--so", "--socket");
    assert_offers("port --j", "--json");
    assert_offers("wait --f", "--for");
    assert_offers("port --f", "");
}

/* Whether the usage of an object has more than its name. */
static bool takes_words(const char *object)
{
    char command[256];
    char usage[256] = "";
    FILE *help;

    snprintf(command, sizeof(command), "%s help %s", tool, object);
    help = popen(command, "re");
    assert_non_null(help);
    assert_non_null(fgets(usage, sizeof(usage), help));
    pclose(help);
    assert_memory_equal(usage, "Usage: ringspan ", 16);
    return strcspn(usage + 16, "\n") > strlen(object);
}

/* Nobody has to know that there is something to type. */
static void test_every_object_offers_something(void **state)
{
    char objects[OFFERS_SIZE];
    char *rest = objects;
    unsigned n = 0;

    assert_int_equal(complete("", objects), 0);
    for (const char *object; (object = strsep(&rest, " ")); n++) {
        char line[64];
        char found[OFFERS_SIZE];

        snprintf(line, sizeof(line), "%s ", object);
        assert_int_equal(complete(line, found), 0);
        if (strcmp(object, "help") != 0 && takes_words(object) != (*found != '\0'))
            fail_msg("'%s' offers '%s'", line, found);
    }
    assert_in_range(n, 20, 100);
}

static void test_capture(void **state)
{
    assert_offers("capture ", "--port --bridge --drops-only --reason --filter --segment -c "
                              "--snaplen --buffer -w -x --recorder --wait");
    assert_offers("capture --port ", "rsp-r1 rsp-r2 rsp-r3");
    assert_offers("capture --port rsp-r1 --re", "--reason --recorder");
    assert_offers("capture --bridge ", "lab0 lab1");
    assert_offers("capture --reason tx_", "tx_queue_full tx_busy tx_rejected tx_error");
    assert_offers("capture -w c.sock.l", "c.sock.lock");
    assert_offers("recorder ", "show freeze arm");
    assert_offers("vlan ", "show bridge vlan stats rsp-r1 rsp-r2 rsp-r3");
    assert_offers("graph --format ", "dot mermaid");
    assert_offers("graph ", "show bridge");
}

static void test_words_of_an_object(void **state)
{
    assert_offers("fdb ", "show bridge port vlan mac add replace del flush");
    assert_offers("fdb add 02:00:00:00:00:01 ", "port vlan static dynamic sticky");
    assert_offers("fdb flush ", "bridge port vlan mac");
    assert_offers("f s", "show");
    assert_offers("fdb show ", "bridge port vlan mac");
    assert_offers("fdb show vlan 10 ", "bridge port mac");
    assert_offers("fdb show vlan ", "");
    assert_offers("version ", "");
}

static void test_states(void **state)
{
    char offers[256] = "";

    for (int i = 0; i < PORT_N_STATES; i++) {
        size_t len = strlen(offers);

        snprintf(offers + len, sizeof(offers) - len, "%s%s", i ? " " : "",
                 port_state_name((enum port_state)i));
    }
    assert_offers("wait --for ", offers);
    assert_offers("wait --for = do", "down");
    assert_offers("wait --for =", offers);
}

static void test_files(void **state)
{
    assert_offers("check c.sock.l", "c.sock.lock");
    assert_offers("-S c.sock.l", "c.sock.lock");
    assert_offers("check nonsense", "");
    assert_offers("apply c.sock.l", "c.sock.lock");
}

static void test_names(void **state)
{
    char line[128];

    assert_offers("port show ", "bridge rsp-r1 rsp-r2 rsp-r3");
    assert_offers("port ", "show bridge set add del rsp-r1 rsp-r2 rsp-r3");
    assert_offers("port set ", "rsp-r1 rsp-r2 rsp-r3");
    assert_offers("port se rsp-r2", "rsp-r2");
    assert_offers("port set rsp-r2 u", "up");
    assert_offers("port set rsp-r2 ad", "admin_state");
    assert_offers("port set rsp-r2 ifname ", "");
    assert_offers("port set rsp-r2 ifname x desc", "description");
    assert_offers("port del rsp-r", "rsp-r1 rsp-r2 rsp-r3");
    assert_offers("port add rsp-r9 b", "bridge");
    assert_offers("port add rsp-r9 if", "ifname");
    assert_offers("port add rsp-r9 bridge ", "lab0 lab1");
    assert_offers("explain --port rsp-r", "rsp-r1 rsp-r2 rsp-r3");
    assert_offers("explain --d", "--dst");
    assert_offers("explain --port rsp-r1 --pcap c.sock.l", "c.sock.lock");
    assert_offers("explain --et", "--ethertype");
    assert_offers("config ", "show diff");
    assert_offers("apply --c", "--confirm");
    assert_offers("port rsp-r2", "rsp-r2");
    assert_offers("bridge l", "lab0 lab1");
    assert_offers("port show bridge ", "lab0 lab1");
    assert_offers("fdb show port r", "rsp-r1 rsp-r2 rsp-r3");
    assert_offers("fdb flush port r", "rsp-r1 rsp-r2 rsp-r3");
    assert_offers("ledger x", "");
    assert_offers("wait rsp-r1 rsp-r", "rsp-r1 rsp-r2 rsp-r3");
    unsetenv("RINGSPAN_SOCKET");
    snprintf(line, sizeof(line), "-S %s bridge l", bench.path);
    assert_offers(line, "lab0 lab1");
    assert_offers("-S nobody bridge l", "");
}

static void test_no_daemon(void **state)
{
    ctl_server_free(bench.server);
    bench.server = NULL;
    assert_offers("port ", "show bridge set add del");
    assert_offers("port show bridge ", "");
    assert_offers("wait --for d", "down disabled");
}

/* The kernel allows names that are programs to a shell. */
static void test_names_are_not_run(void **state)
{
    const char *real = tool;
    char path[80];
    FILE *file;

    snprintf(path, sizeof(path), "%s/tool", bench.dir);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(
        file,
        "#!%s\ncase $* in help*) exec %s \"$@\" ;; esac\n"
        "echo '[{\"name\":\"$(>owned)\",\"n\":1},{\"name\":\"`>owned`\"},{\"name\":\"a;b\"}]'\n",
        bash, real);
    fclose(file);
    assert_int_equal(chmod(path, 0700), 0);
    tool = path;
    assert_offers("bridge ", "show \\$\\(\\>owned\\) \\`\\>owned\\` a\\;b");
    tool = real;
    unlink(path);
    snprintf(path, sizeof(path), "%s/owned", bench.dir);
    assert_int_equal(unlink(path), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        COMPLETION_TEST(test_objects_and_options),
        COMPLETION_TEST(test_words_of_an_object),
        COMPLETION_TEST(test_every_object_offers_something),
        COMPLETION_TEST(test_capture),
        COMPLETION_TEST(test_states),
        COMPLETION_TEST(test_files),
        COMPLETION_TEST(test_names),
        COMPLETION_TEST(test_no_daemon),
        COMPLETION_TEST(test_names_are_not_run),
    };

    if (argc != 4) {
        fprintf(stderr, "usage: %s BASH COMPLETIONS RINGSPAN\n", argv[0]);
        return EXIT_FAILURE;
    }
    bash = argv[1];
    completions = argv[2];
    tool = realpath(argv[3], NULL); /* the lines are completed in another folder */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
