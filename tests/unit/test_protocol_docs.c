/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_lab.h"
#include "ringspan/limits.h"

/* What ringspan-protocol(7) says is so: its examples are sent to the lab's daemon, every method and
 * every member of an answer is described, and its numbers are those of the program. The argument is
 * the page's source. */

#define PAGE_SIZE   (64u << 10)
#define LINE_SIZE   4096
#define ANSWERS_MAX 8
#define SEND_MARK   "-> "
#define REPLY_MARK  "<- "

static const char *page_path;
static char page[PAGE_SIZE];

static int setup(void **state)
{
    FILE *file = fopen(page_path, "re");
    size_t n = file ? fread(page, 1, sizeof(page) - 1, file) : 0;

    if (file)
        fclose(file);
    return n > 0 && n < sizeof(page) - 1 ? lab_setup(state) : -1;
}

#define PAGE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, lab_teardown)

static void mirror(void)
{
    struct bridge *bridge = daemon_bridge(lab.daemon, 1);
    struct mirror_settings settings = {
        .name = "rspan", .direction = MIRROR_INGRESS, .output_vlan = 29};
    struct mirrors *mirrors;

    vidset_add(&settings.vlans, 20);
    vidset_add_range(&settings.vlans, 22, 24);
    assert_int_equal(bridge_new_mirrors(bridge, &settings, 1, &mirrors), 0);
    bridge_set_mirrors(bridge, mirrors, 0);
}

/* The daemon of the examples. */
static void furnish(void)
{
    struct ledger_port *ledger =
        &bridge_port_by_name(daemon_bridge(lab.daemon, 1), "rsp-r3")->ledger;

    lab_learn("rsp-r1", 0, 0x020000000001);
    mirror();
    ledger->received = (struct ledger_volume){3, 3, 180};
    ledger->in_dropped[DROP_NO_EGRESS] = 3;
    ledger->tp_packets = 3;
    bench_dial(0);
}

/* ---- answers ---- */

/* Different each time, or in each place: only the type counts. */
static bool varies(const char *key)
{
    static const char *const keys[] = {"version", "pid",  "uptime",           "seq",  "events",
                                       "dumps",   "time", "sleeps",           "naps", "spins",
                                       "idle_ms", "cpu",  "interrupted_dumps"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

static bool same(struct json_object *a, struct json_object *b);

static bool same_members(struct json_object *a, struct json_object *b)
{
    if (json_object_object_length(a) != json_object_object_length(b))
        return false;
    json_object_object_foreach(a, key, value)
    {
        struct json_object *other;

        if (!json_object_object_get_ex(b, key, &other) ||
            json_object_get_type(value) != json_object_get_type(other) ||
            (!varies(key) && !same(value, other)))
            return false;
    }
    return true;
}

static bool same(struct json_object *a, struct json_object *b)
{
    if (json_object_is_type(a, json_type_object) && json_object_is_type(b, json_type_object))
        return same_members(a, b);
    if (!json_object_is_type(a, json_type_array) || !json_object_is_type(b, json_type_array))
        return json_object_equal(a, b);
    if (json_object_array_length(a) != json_object_array_length(b))
        return false;
    for (size_t i = 0; i < json_object_array_length(a); i++) {
        if (!same(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
            return false;
    }
    return true;
}

/* ---- examples ---- */

/* Copies what stands behind the mark at @at, its continuation lines included. */
static const char *read_example(const char *at, char ret_text[LINE_SIZE])
{
    const char *end = strchr(at, '\n');
    size_t len;

    while (end && end[1] == ' ')
        end = strchr(end + 1, '\n');
    assert_non_null(end);
    at += strlen(SEND_MARK);
    len = (size_t)(end - at);
    assert_true(len + 2 < LINE_SIZE);
    memcpy(ret_text, at, len);
    ret_text[len] = '\0';
    return end + 1;
}

/* The line after @at that begins with @mark. */
static const char *find_line(const char *at, const char *mark)
{
    char head[16];

    snprintf(head, sizeof(head), "\n%s", mark);
    at = strstr(at, head);
    return at ? at + 1 : NULL;
}

/* What stands behind one request: more than one line is a stream. */
struct answers {
    char text[ANSWERS_MAX][LINE_SIZE];
    uint32_t n;
};

static const char *read_answers(const char *at, struct answers *ret)
{
    ret->n = 0;
    do {
        assert_true(ret->n < ANSWERS_MAX);
        at = read_example(at, ret->text[ret->n++]);
    } while (strncmp(at, REPLY_MARK, strlen(REPLY_MARK)) == 0);
    return at;
}

static void check_answer(const char *request, const char *documented, const char *heard)
{
    struct json_object *expected = json_tokener_parse(documented);
    struct json_object *found = json_tokener_parse(heard);

    assert_non_null(expected);
    assert_non_null(found);
    if (!same(expected, found))
        fail_msg("%sthe page says: %s\nthe daemon: %s", request, documented, heard);
    json_object_put(expected);
    json_object_put(found);
}

static void check_example(char request[LINE_SIZE], const struct answers *documented)
{
    char *rest = bench.text;
    size_t len = strlen(request);

    strcpy(request + len, "\n");
    bench_say(0, request);
    bench_hear_lines(0, documented->n);
    for (uint32_t i = 0; i < documented->n; i++)
        check_answer(request, documented->text[i], strsep(&rest, "\n"));
    if (documented->n == 1)
        return;
    bench_hang_up(0);
    bench_dial(0);
}

static void test_examples(void **state)
{
    static struct answers answers;
    char request[LINE_SIZE];
    uint32_t n = 0;

    furnish();
    for (const char *at = page; (at = find_line(at, SEND_MARK)); n++) {
        at = read_example(at, request);
        assert_memory_equal(at, REPLY_MARK, strlen(REPLY_MARK));
        at = read_answers(at, &answers) - 1;
        check_example(request, &answers);
    }
    assert_in_range(n, 10, 100);
}

/* ---- methods ---- */

/* The section about @method, as a string of its own. */
static char *section_of(const char *method)
{
    char head[64];
    const char *start;
    const char *end;

    snprintf(head, sizeof(head), "\n## %s\n", method);
    start = strstr(page, head);
    if (!start)
        fail_msg("the page has no section about %s", method);
    end = strstr(start + strlen(head), "\n#");
    assert_non_null(end);
    return strndup(start, (size_t)(end - start));
}

static void assert_described(const char *section, const char *key)
{
    char bold[64];

    snprintf(bold, sizeof(bold), "*%s*", key);
    if (!strstr(section, bold))
        fail_msg("'%s' is not described in%s", key, section);
}

static void check_members(const char *section, struct json_object *value)
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            check_members(section, json_object_array_get_idx(value, i));
    }
    if (!json_object_is_type(value, json_type_object))
        return;
    json_object_object_foreach(value, key, member)
    {
        assert_described(section, key);
        /* The reasons are ringspan(1)'s. */
        if (strcmp(key, "dropped") != 0)
            check_members(section, member);
    }
}

static void say_with_file(const char *request)
{
    int fd = lab_memfd("{\"version\":1,\"bridges\":[{\"name\":\"lab1\"}]}", LAB_SEALS);

    bench_say_with_fds(0, request, &fd, 1);
    close(fd);
}

/* So that an explanation has all members that it may have. */
static void forward(void)
{
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    lab_set_state("rsp-r2", PORT_FORWARDING, "");
}

/* The lab has no recorder. */
static void record(void)
{
    lab_write("{\"version\":1,\"bridges\":[{\"name\":\"lab1\"}],"
              "\"daemon\":{\"recorder\":{\"memory\":\"1MiB\",\"triggers\":[\"move\"]}}}");
    bench_say(0, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"daemon.reload\"}\n");
    assert_non_null(strstr(bench_hear_lines(0, 1), "\"applied\":true"));
}

static void check_method(const char *method, const char *params)
{
    char *section = section_of(method);
    struct json_object *answer;
    struct json_object *result;
    char request[LINE_SIZE];

    snprintf(request, sizeof(request),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method, params);
    if (strcmp(method, "explain") == 0)
        forward();
    if (strcmp(method, "recorder.freeze") == 0)
        record();
    if (strcmp(method, "config.apply") == 0)
        say_with_file(request);
    else
        bench_say(0, request);
    answer = json_tokener_parse(bench_hear_lines(0, 1));
    if (!json_object_object_get_ex(answer, "result", &result))
        fail_msg("%s%s", request, bench.text);
    /* A configuration's members are ringspan.json(5)'s. */
    if (strcmp(method, "config.show") != 0)
        check_members(section, result);
    json_object_put(answer);
    free(section);
    bench_hang_up(0); /* a stream has it to itself */
    bench_dial(0);
}

/* What a method needs to have a result. */
static const char *params_of(const char *method)
{
    static const char *const params[][2] = {
        {"port.wait", "{\"state\":\"waiting\"}"},
        {"port.set", "{\"port\":\"rsp-r1\",\"admin_state\":\"down\"}"},
        {"port.add",
         "{\"bridge\":\"lab1\",\"port\":{\"name\":\"rsp-r5\",\"vlan\":{\"mode\":\"trunk\"}}}"},
        {"port.del", "{\"port\":\"rsp-r5\"}"},
        {"fdb.add", "{\"mac\":\"02:00:00:00:00:05\",\"port\":\"rsp-r1\"}"},
        {"fdb.del", "{\"mac\":\"02:00:00:00:00:05\"}"},
        {"explain", "{\"port\":\"rsp-r1\",\"dst\":\"02:00:00:00:00:09\"}"},
        {"config.apply", "{\"confirm\":60}"},
    };

    for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++) {
        if (strcmp(method, params[i][0]) == 0)
            return params[i][1];
    }
    return "{}";
}

static void test_every_method_is_described(void **state)
{
    uint32_t n;
    const struct ctl_command *table = ctl_commands_table(&n);

    furnish();
    for (uint32_t i = 0; i < n; i++)
        check_method(table[i].method, params_of(table[i].method));
}

/* Whether the section has the sentence, wherever its lines break. */
static bool says_who(const char *section)
{
    static const char sentence[] = "For root and the daemon's user only.";

    for (const char *at = section; *at; at++) {
        size_t i = 0;

        while (sentence[i] && (at[i] == sentence[i] || (at[i] == '\n' && sentence[i] == ' ')))
            i++;
        if (!sentence[i])
            return true;
    }
    return false;
}

static void test_who_may_call_what(void **state)
{
    uint32_t n;
    const struct ctl_command *table = ctl_commands_table(&n);

    for (uint32_t i = 0; i < n; i++) {
        char *section = section_of(table[i].method);

        if (says_who(section) != table[i].needs_write)
            fail_msg("%s: the page is wrong about who may call it", table[i].method);
        free(section);
    }
}

/* Sends a list where none is taken: the method must know the parameter, if not the value. */
static void check_parameter(const char *method, const char *name)
{
    char request[LINE_SIZE];

    snprintf(request, sizeof(request),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"%s\":[[]]}}\n", method,
             name);
    bench_say(0, request);
    bench_hear_lines(0, 1);
    if (!strstr(bench.text, "\"code\":-32602") || strstr(bench.text, "unknown parameter"))
        fail_msg("%s%s", request, bench.text);
}

static void test_parameters_exist(void **state)
{
    static const char type_mark[] = "* (";
    uint32_t n_parameters = 0;
    uint32_t n;
    const struct ctl_command *table = ctl_commands_table(&n);

    furnish();
    for (uint32_t i = 0; i < n; i++) {
        char *section = section_of(table[i].method);
        char *result = strstr(section, "The result is");
        char *line;

        assert_non_null(result);
        *result = '\0';
        for (char *rest = section; (line = strsep(&rest, "\n"));) {
            char *end = strstr(line, type_mark);

            if (*line != '*' || !end)
                continue;
            *end = '\0';
            check_parameter(table[i].method, line + 1);
            n_parameters++;
        }
        free(section);
    }
    assert_in_range(n_parameters, 10, 100);
}

/* ---- numbers ---- */

__attribute__((format(printf, 1, 2))) static void assert_says(const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!strstr(page, text))
        fail_msg("the page does not say '%s'", text);
}

static void test_codes_and_limits(void **state)
{
    static const enum ctl_code codes[] = {
        CTL_PARSE_ERROR,    CTL_INVALID_REQUEST, CTL_UNKNOWN_METHOD, CTL_INVALID_PARAMS,
        CTL_INTERNAL_ERROR, CTL_REFUSED,         CTL_PERMISSION,     CTL_BUSY,
        CTL_TIMEOUT,
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        assert_says("*-%u*", (unsigned)-codes[i]);
    assert_says("a string of at most %u bytes", CTL_ID_STRING_MAX);
    assert_says("At most %u clients", LIMIT_CTL_CLIENTS);
    assert_says("of which %u per uid", LIMIT_CTL_CLIENTS_PER_UID);
    assert_says("The last %u places", LIMIT_CTL_CLIENTS_PER_UID);
    assert_says("A request has at most %u KiB", LIMIT_CTL_REQUEST_BYTES >> 10);
    assert_says("not read holds %u MiB", LIMIT_CTL_QUEUE_BYTES >> 20);
    assert_says("the loop %u changes", LIMIT_FDB_JOURNAL);
    assert_says("within %u seconds", (unsigned)(LIMIT_CTL_TIMEOUT_NS / NS_PER_SEC));
}

/* A request whose brackets are so deep, and which has so many values. */
static bool is_a_request(uint32_t levels, uint32_t values)
{
    char request[2 * LINE_SIZE];
    int len = snprintf(request, sizeof(request),
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"a\":[");

    /* The request, jsonrpc, id, method, params and a. */
    for (uint32_t i = 6 + levels - 3; i < values; i++)
        len += snprintf(request + len, sizeof(request) - (size_t)len, "1,");
    for (uint32_t i = 3; i < levels; i++)
        request[len++] = '[';
    for (uint32_t i = 2; i < levels; i++)
        request[len++] = ']';
    strcpy(request + len, "}}\n");
    bench_say(0, request);
    bench_hear_lines(0, 1);
    return strstr(bench.text, "no method 'x'");
}

static void test_size_of_requests(void **state)
{
    furnish();
    assert_says("%u values and %u levels", 1024u, 8u);
    assert_true(is_a_request(8, 1024));
    assert_false(is_a_request(8, 1025));
    assert_false(is_a_request(9, 1024));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        PAGE_TEST(test_examples),          PAGE_TEST(test_every_method_is_described),
        PAGE_TEST(test_who_may_call_what), PAGE_TEST(test_parameters_exist),
        PAGE_TEST(test_codes_and_limits),  PAGE_TEST(test_size_of_requests),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s PAGE\n", argv[0]);
        return EXIT_FAILURE;
    }
    page_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
