/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
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

#include "ringspan/config.h"
#include "ringspan/config_keys.h"

/* What is accepted and refused, and with which sentences, is in config_corpus/; this is about
 * values, files, and what is printed. */

static struct config *parse(const char *text)
{
    struct config *config = NULL;
    struct config_report report;
    int r = config_parse("test.json", text, strlen(text), &config, &report);

    if (r < 0)
        config_report_print(&report, stderr);
    config_report_fini(&report);
    assert_int_equal(r, 0);
    return config;
}

static void test_defaults(void **state)
{
    struct config *config = parse("{\"version\": 1, \"bridges\": [{\"name\": \"lab0\","
                                  " \"ports\": [{\"name\": \"r1\"}]}]}");
    const struct config_bridge *bridge = &config->bridges[0];

    assert_int_equal(config->version, 1);
    assert_null(config->description);
    assert_null(config->daemon.control.socket);
    assert_null(config->daemon.control.group);
    assert_int_equal(config->daemon.log.level, LOG_LEVEL_INFO);
    assert_int_equal(config->n_bridges, 1);
    assert_string_equal(bridge->name, "lab0");
    assert_int_equal(bridge->aging_time, 300);
    assert_int_equal(bridge->reserved.preset, RESERVED_TRANSPARENT);
    assert_int_equal(bridge->fdb.max_entries, 65536);
    assert_int_equal(bridge->n_ports, 1);
    assert_string_equal(bridge->ports[0].name, "r1");
    assert_string_equal(bridge->ports[0].ifname, "r1");
    assert_null(bridge->ports[0].description);
    config_free(config);
}

static void test_every_value(void **state)
{
    struct config *config = parse(
        "{\"$schema\": \"x\", \"version\": 1, \"description\": \"d0\","
        " \"bridges\": [{\"name\": \"a\"}, {\"name\": \"b\", \"description\": \"d1\","
        " \"aging_time\": 600, \"reserved\": \"provider_bridge\","
        " \"fdb\": {\"max_entries\": 1024, \"description\": \"d2\", \"static\": ["
        "  {\"mac\": \"02:00:00:00:00:aB\", \"port\": \"r2\"},"
        "  {\"mac\": \"02:00:00:00:00:01\", \"port\": \"r1\", \"sticky\": true,"
        "   \"description\": \"d6\"}]},"
        " \"ports\": [{\"name\": \"r1\"}, {\"name\": \"r2\", \"ifname\": \"veth-r2\","
        " \"type\": \"netdev\", \"description\": \"\\u00e9 \\ud83d\\ude00\"}]}],"
        " \"daemon\": {\"description\": \"d3\","
        " \"control\": {\"socket\": \"/run/x.sock\", \"group\": \"lab\", \"description\": \"d4\"},"
        " \"log\": {\"level\": \"debug\", \"description\": \"d5\"}}}");
    const struct config_bridge *bridge = &config->bridges[1];

    assert_string_equal(config->description, "d0");
    assert_int_equal(config->n_bridges, 2);
    assert_int_equal(config->bridges[0].n_ports, 0);
    assert_int_equal(config->bridges[0].aging_time, 300);
    assert_string_equal(bridge->description, "d1");
    assert_int_equal(bridge->aging_time, 600);
    assert_int_equal(bridge->reserved.preset, RESERVED_PROVIDER_BRIDGE);
    assert_int_equal(bridge->fdb.max_entries, 1024);
    assert_string_equal(bridge->fdb.description, "d2");
    assert_int_equal(config->bridges[0].fdb.n_statics, 0);
    assert_int_equal(bridge->fdb.n_statics, 2);
    assert_true(bridge->fdb.statics[0].mac == 0x0200000000ab);
    assert_string_equal(bridge->fdb.statics[0].port, "r2");
    assert_false(bridge->fdb.statics[0].sticky);
    assert_null(bridge->fdb.statics[0].description);
    assert_true(bridge->fdb.statics[1].sticky);
    assert_string_equal(bridge->fdb.statics[1].description, "d6");
    assert_int_equal(config_n_ports(config), 2);
    assert_string_equal(bridge->ports[1].name, "r2");
    assert_string_equal(bridge->ports[1].ifname, "veth-r2");
    assert_string_equal(bridge->ports[1].description, "\xc3\xa9 \xf0\x9f\x98\x80");
    assert_string_equal(config->daemon.description, "d3");
    assert_string_equal(config->daemon.control.socket, "/run/x.sock");
    assert_string_equal(config->daemon.control.group, "lab");
    assert_string_equal(config->daemon.control.description, "d4");
    assert_int_equal(config->daemon.log.level, LOG_LEVEL_DEBUG);
    assert_string_equal(config->daemon.log.description, "d5");
    config_free(config);
}

static void test_free_takes_null(void **state)
{
    config_free(NULL);
}

/* Text of many ports, for the limits. */
struct text {
    char *bytes;
    size_t len;
    FILE *stream;
    uint32_t n_bridges;
};

static void text_begin(struct text *text)
{
    text->n_bridges = 0;
    text->stream = open_memstream(&text->bytes, &text->len);
    assert_non_null(text->stream);
    fputs("{\"version\": 1, \"bridges\": [", text->stream);
}

static void text_add_bridge(struct text *text, uint32_t bridge, uint32_t n_ports)
{
    fprintf(text->stream, "%s\n{\"name\": \"b%u\", \"ports\": [", text->n_bridges++ ? "," : "",
            bridge);
    for (uint32_t i = 0; i < n_ports; i++)
        fprintf(text->stream, "%s\n{\"name\": \"p%u-%u\"}", i ? "," : "", bridge, i);
    fputs("]}", text->stream);
}

static int text_end(struct text *text, struct config_report *ret_report)
{
    struct config *config = NULL;
    int r;

    fputs("]}", text->stream);
    fclose(text->stream);
    r = config_parse("many.json", text->bytes, text->len, &config, ret_report);
    config_free(config);
    free(text->bytes);
    return r;
}

static void test_as_many_ports_as_are_allowed(void **state)
{
    struct config_report report;
    struct text text;

    text_begin(&text);
    for (uint32_t i = 0; i < 4; i++)
        text_add_bridge(&text, i, LIMIT_PORTS / 4);
    assert_int_equal(text_end(&text, &report), 0);
    assert_int_equal(report.n_errors, 0);
    config_report_fini(&report);
}

static void test_too_many_ports_over_bridges(void **state)
{
    struct config_report report;
    struct text text;

    text_begin(&text);
    text_add_bridge(&text, 0, LIMIT_PORTS);
    text_add_bridge(&text, 1, 1);
    assert_int_equal(text_end(&text, &report), -EINVAL);
    assert_int_equal(report.n_errors, 1);
    assert_string_equal(report.errors[0].path, "bridges[1].ports[0]");
    assert_string_equal(report.errors[0].message,
                        "4097 ports are too many: at most 4096 are allowed in one daemon");
    assert_int_equal(report.errors[0].line, LIMIT_PORTS + 4);
    config_report_fini(&report);
}

static void test_too_many_bridges(void **state)
{
    struct config_report report;
    struct text text;

    text_begin(&text);
    for (uint32_t i = 0; i <= LIMIT_BRIDGES; i++)
        text_add_bridge(&text, i, 0);
    assert_int_equal(text_end(&text, &report), -EINVAL);
    assert_int_equal(report.n_errors, 1);
    assert_string_equal(report.errors[0].path, "bridges");
    assert_string_equal(report.errors[0].message, "257 are too many: at most 256 are allowed");
    config_report_fini(&report);
}

/* The first hundred are kept, whatever the order in which they were found. */
static void test_more_errors_than_are_kept(void **state)
{
    struct config_report report;
    struct text text;

    text_begin(&text);
    text_add_bridge(&text, 0, 150);
    text_add_bridge(&text, 0, 150);
    assert_int_equal(text_end(&text, &report), -EINVAL);
    assert_int_equal(report.n_errors, CONFIG_MAX_ERRORS);
    assert_int_equal(report.n_more, 51);
    assert_string_equal(report.errors[0].path, "bridges[1].name");
    assert_string_equal(report.errors[99].path, "bridges[1].ports[98].name");
    for (uint32_t i = 1; i < report.n_errors; i++)
        assert_true(report.errors[i - 1].offset < report.errors[i].offset);
    config_report_fini(&report);
}

/* Very many members of one object, all of them wrong. A sentence for each, or a search of the text
 * for each, would take minutes. */
static void check_many_errors(uint32_t n, uint32_t n_distinct)
{
    struct config *config = NULL;
    struct config_report report;
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);

    assert_non_null(stream);
    for (uint32_t i = 0; i < n; i++)
        fprintf(stream, "%c\"key%u\": 0", i ? ',' : '{', i % n_distinct);
    fputc('}', stream);
    fclose(stream);
    assert_int_equal(config_parse("many.json", bytes, size, &config, &report), -EINVAL);
    assert_int_equal(report.n_errors, CONFIG_MAX_ERRORS);
    assert_int_equal(report.n_errors + report.n_more, n + 2);
    config_report_fini(&report);
    free(bytes);
}

static void test_many_errors(void **state)
{
    check_many_errors(LIMIT_CONFIG_NODES / 4, LIMIT_CONFIG_NODES);
    check_many_errors(LIMIT_CONFIG_NODES / 4, 50);
}

static char *printed(const char *source, const char *text)
{
    struct config *config = NULL;
    struct config_report report;
    char *output = NULL;
    size_t size;
    FILE *stream = open_memstream(&output, &size);

    assert_non_null(stream);
    assert_int_equal(config_parse(source, text, strlen(text), &config, &report), -EINVAL);
    config_report_print(&report, stream);
    fclose(stream);
    config_report_fini(&report);
    return output;
}

static void assert_printed(const char *text, const char *expected)
{
    char *output = printed("lab.json", text);

    assert_string_equal(output, expected);
    free(output);
}

static void test_print(void **state)
{
    assert_printed(
        "{\n  \"version\": 1,\n  \"bridges\": [ { \"name\": \"a\", \"ageing_time\": 5 } ]\n}\n",
        "lab.json:3:31: bridges[0].ageing_time: unknown key 'ageing_time' in a bridge\n"
        "      \"bridges\": [ { \"name\": \"a\", \"ageing_time\": 5 } ]\n"
        "                                  ^\n"
        "    hint: did you mean 'aging_time'?\n");
}

static void test_print_keeps_tabs(void **state)
{
    assert_printed("{\n\t\"version\":\t01\n}\n", "lab.json:2:13: a number has no leading zeros\n"
                                                 "    \t\"version\":\t01\n"
                                                 "    \t          \t^\n"
                                                 "    hint: if it is text, write \"01\"\n");
}

static void test_print_wide_text(void **state)
{
    assert_printed("{ \"\xe6\x97\xa5\xe6\x9c\xac\": 01 }\n",
                   "lab.json:1:9: a number has no leading zeros\n"
                   "    { \"\xe6\x97\xa5\xe6\x9c\xac\": 01 }\n"
                   "              ^\n"
                   "    hint: if it is text, write \"01\"\n");
}

static void test_print_cuts_long_lines(void **state)
{
    char text[600];
    char *output;
    char *line;
    char *caret;

    memset(text, ' ', sizeof(text));
    text[0] = '[';
    text[300] = '!';
    text[sizeof(text) - 1] = '\0';
    output = printed("long.json", text);
    assert_non_null(strtok(output, "\n"));
    line = strtok(NULL, "\n");
    caret = strtok(NULL, "\n");
    assert_int_equal(strlen(line), 4 + 3 + 76 + 3);
    assert_int_equal(strchr(line, '!') - line, strchr(caret, '^') - caret);
    free(output);
}

/* Whatever stands in the file or its name, only printable characters come out. */
static void test_print_is_safe(void **state)
{
    char *output = printed("a\x1b[2Jb", "{ \"\\u001b[2J\": 1, \"b\xc2\x9b\x7f\": 2, \"version\": 2,"
                                        " \"x\xe2\x80\xaey\": \"\\u0007\" }\r\n");

    for (const unsigned char *c = (const unsigned char *)output; *c; c++)
        assert_true(*c == '\n' || (*c >= ' ' && *c != 0x7f));
    assert_null(strstr(output, "\xc2\x9b"));
    assert_null(strstr(output, "\xe2\x80\xae"));
    free(output);
}

static void test_print_counts_the_rest(void **state)
{
    char text[4096] = "{ \"version\": 1, \"bridges\": [ { \"name\": \"a\", \"ports\": [ 0";
    char *output;

    for (int i = 0; i < 110; i++)
        strcat(text, ", 0");
    strcat(text, " ] } ] }");
    output = printed("more.json", text);
    assert_non_null(strstr(output, "\nand 11 more\n"));
    free(output);
}

static char *directory;

static int set_up_directory(void **state)
{
    char template[] = "/tmp/ringspan-config-XXXXXX";

    directory = mkdtemp(template) ? strdup(template) : NULL;
    return directory ? 0 : -1;
}

static int tear_down_directory(void **state)
{
    int r = rmdir(directory);

    free(directory);
    return r;
}

static void path_in_directory(const char *name, char ret_path[128])
{
    snprintf(ret_path, 128, "%s/%s", directory, name);
}

static void write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fflush(file), 0);
    if (size)
        assert_int_equal(ftruncate(fileno(file), (off_t)size), 0);
    fclose(file);
}

static void assert_not_loaded(const char *path, int expected, const char *message)
{
    struct config *config = NULL;
    struct config_report report;

    assert_int_equal(config_load(path, &config, &report), expected);
    assert_null(config);
    assert_int_equal(report.n_errors, 1);
    assert_int_equal(report.errors[0].line, 1);
    assert_int_equal(report.errors[0].column, 1);
    assert_string_equal(report.errors[0].message, message);
    assert_string_equal(report.source, path);
    config_report_fini(&report);
}

static const char *const minimal = "{\"version\": 1, \"bridges\": [{\"name\": \"lab0\"}]}\n";

static void test_load(void **state)
{
    struct config *config = NULL;
    struct config_report report;
    char path[128];

    path_in_directory("a.json", path);
    write_file(path, minimal, 0);
    assert_int_equal(config_load(path, &config, &report), 0);
    assert_string_equal(config->bridges[0].name, "lab0");
    assert_int_equal(report.n_errors, 0);
    config_report_fini(&report);
    config_free(config);
    unlink(path);
}

static void test_load_what_is_no_file(void **state)
{
    char path[128];

    assert_not_loaded(directory, -EISDIR, "this is a directory");
    assert_not_loaded("/dev/null", -EINVAL, "this is a device, not a file");
    path_in_directory("nothing", path);
    assert_not_loaded(path, -ENOENT, "No such file or directory");
    path_in_directory("fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_not_loaded(path, -EINVAL, "this is a FIFO, not a file");
    unlink(path);
}

static void test_load_an_empty_file(void **state)
{
    char path[128];

    path_in_directory("empty.json", path);
    write_file(path, "", 0);
    assert_not_loaded(path, -EINVAL, "the text is empty");
    unlink(path);
}

static void test_load_too_much(void **state)
{
    char path[128];

    path_in_directory("large.json", path);
    write_file(path, "", LIMIT_CONFIG_BYTES);
    assert_not_loaded(path, -EINVAL, "a NUL byte stands in the text");
    write_file(path, "", LIMIT_CONFIG_BYTES + 1);
    assert_not_loaded(path, -EFBIG, "this is more than 8 MiB, the most that is read");
    unlink(path);
}

/* Runs config_load("-") with standard input from a pipe that holds @text. */
static void test_load_standard_input(void **state)
{
    struct config *config = NULL;
    struct config_report report;
    int saved = dup(STDIN_FILENO);
    int fds[2];
    int r;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], minimal, strlen(minimal)), strlen(minimal));
    close(fds[1]);
    dup2(fds[0], STDIN_FILENO);
    close(fds[0]);
    r = config_load("-", &config, &report);
    dup2(saved, STDIN_FILENO);
    close(saved);
    assert_int_equal(r, 0);
    assert_string_equal(report.source, "<stdin>");
    config_report_fini(&report);
    config_free(config);
}

/* The table is what a schema will be made of: every key says what it is. */
static void check_object(const struct config_object *object)
{
    assert_non_null(object->what);
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];

        assert_ptr_equal(config_key_find(object, key->name), key);
        if (key->type == CONFIG_PLANNED)
            continue;
        assert_non_null(key->help);
        assert_true(key->min <= key->max);
        if (key->type == CONFIG_BOOLEAN)
            assert_in_range(key->default_value, 0, 1);
        if (key->type == CONFIG_WORD && !key->required)
            assert_in_range(key->default_value, 0, key->words->n); /* or absence */
        if (key->object)
            check_object(key->object);
    }
}

static void test_table(void **state)
{
    check_object(&config_document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_value),
        cmocka_unit_test(test_free_takes_null),
        cmocka_unit_test(test_as_many_ports_as_are_allowed),
        cmocka_unit_test(test_too_many_ports_over_bridges),
        cmocka_unit_test(test_too_many_bridges),
        cmocka_unit_test(test_more_errors_than_are_kept),
        cmocka_unit_test(test_many_errors),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_keeps_tabs),
        cmocka_unit_test(test_print_wide_text),
        cmocka_unit_test(test_print_cuts_long_lines),
        cmocka_unit_test(test_print_is_safe),
        cmocka_unit_test(test_print_counts_the_rest),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_what_is_no_file),
        cmocka_unit_test(test_load_an_empty_file),
        cmocka_unit_test(test_load_too_much),
        cmocka_unit_test(test_load_standard_input),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, set_up_directory, tear_down_directory);
}
