/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/config.h"
#include "ringspan/config_keys.h"

/* What is published about configurations is true: the arguments are the source of
 * ringspan.json(5) and the directory of example files. */

#define PAGE_SIZE  65536
#define BLOCK_SIZE 4096
#define FENCE      "```\n"

static const char *page_path;
static const char *examples_path;
static char page[PAGE_SIZE];

static int read_page(void **state)
{
    FILE *file = fopen(page_path, "re");
    size_t n = file ? fread(page, 1, sizeof(page) - 1, file) : 0;

    if (file)
        fclose(file);
    return n > 0 && n < sizeof(page) - 1 ? 0 : -1;
}

/* Copies the literal block behind @at and returns where it ends; NULL if there is none. */
static const char *next_block(const char *at, char ret_block[BLOCK_SIZE])
{
    const char *start = strstr(at, FENCE);
    const char *end = start ? strstr(start + strlen(FENCE), FENCE) : NULL;

    if (!end)
        return NULL;
    start += strlen(FENCE);
    assert_true(end - start < BLOCK_SIZE);
    memcpy(ret_block, start, (size_t)(end - start));
    ret_block[end - start] = '\0';
    return end + strlen(FENCE);
}

static void assert_valid(int r, const struct config_report *report)
{
    config_report_print(report, stderr);
    assert_int_equal(r, 0);
}

static void test_documents_in_the_page(void **state)
{
    char block[BLOCK_SIZE];
    uint32_t n = 0;

    for (const char *at = page; (at = next_block(at, block));) {
        struct config *config = NULL;
        struct config_report report;

        if (block[0] != '{')
            continue;
        assert_valid(config_parse("ringspan.json.5", block, strlen(block), &config, &report),
                     &report);
        config_report_fini(&report);
        config_free(config);
        n++;
    }
    assert_in_range(n, 2, 100);
}

/* The error that the page shows is the one that its document gives. */
static void test_error_in_the_page(void **state)
{
    const char *text = "{\n  \"version\": 1,\n  \"bridges\": [\n    {\n      \"name\": \"lab0\",\n"
                       "      \"ageing_time\": 300,\n      \"ports\": []\n    }\n  ]\n}\n";
    char block[BLOCK_SIZE] = "";
    struct config *config = NULL;
    struct config_report report;
    char *output = NULL;
    size_t size;
    FILE *stream = open_memstream(&output, &size);

    assert_non_null(stream);
    assert_int_equal(config_parse("lab.json", text, strlen(text), &config, &report), -EINVAL);
    config_report_print(&report, stream);
    fclose(stream);
    config_report_fini(&report);
    for (const char *at = page; (at = next_block(at, block));) {
        if (strncmp(block, "lab.json:", strlen("lab.json:")) == 0)
            break;
    }
    assert_string_equal(block, output);
    free(output);
}

static bool is_in_entry(const char *entry, int64_t number)
{
    const char *end = strstr(entry, "\n\n");
    char digits[32];
    char *found;

    snprintf(digits, sizeof(digits), "%" PRId64, number);
    found = strstr(entry, digits);
    return found && end && found < end;
}

static bool is_entry_of(const char *entry, const struct config_key *key)
{
    bool has_default = !key->required && key->default_value >= key->min;

    if (key->type != CONFIG_INTEGER)
        return true;
    return is_in_entry(entry, key->min) && is_in_entry(entry, key->max) &&
           (!has_default || is_in_entry(entry, key->default_value));
}

/* Each key has an entry ("*name* ("), with its range and default if it is a number. Several objects
 * may have a key of that name. */
static void check_documented(const struct config_object *object)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];
        const char *entry;
        char head[64];

        if (key->type == CONFIG_PLANNED)
            continue;
        snprintf(head, sizeof(head), "*%s* (", key->name);
        entry = strstr(page, head);
        while (entry && !is_entry_of(entry, key))
            entry = strstr(entry + 1, head);
        if (!entry)
            print_error("the page has no entry, or no range, for %s of %s\n", key->name,
                        object->what);
        assert_non_null(entry);
        if (key->object)
            check_documented(key->object);
    }
}

static void test_every_key_is_in_the_page(void **state)
{
    check_documented(&config_document);
}

static void check_example(const char *name)
{
    struct config *config = NULL;
    struct config_report report;
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", examples_path, name);
    assert_valid(config_load(path, &config, &report), &report);
    if (!config->description)
        print_error("%s does not describe itself\n", path);
    assert_non_null(config->description);
    config_report_fini(&report);
    config_free(config);
}

static void test_example_files(void **state)
{
    DIR *directory = opendir(examples_path);
    struct dirent *entry;
    uint32_t n = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory))) {
        const char *dot = strrchr(entry->d_name, '.');

        if (!dot || strcmp(dot, ".json") != 0)
            continue;
        check_example(entry->d_name);
        n++;
    }
    closedir(directory);
    assert_in_range(n, 2, 100);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_in_the_page),
        cmocka_unit_test(test_error_in_the_page),
        cmocka_unit_test(test_every_key_is_in_the_page),
        cmocka_unit_test(test_example_files),
    };

    if (argc != 3) {
        fprintf(stderr, "usage: %s PAGE DIRECTORY\n", argv[0]);
        return EXIT_FAILURE;
    }
    page_path = argv[1];
    examples_path = argv[2];
    return cmocka_run_group_tests(tests, read_page, NULL);
}
