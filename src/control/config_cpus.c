/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "config_stages.h"
#include "ringspan/cpus.h"

#define PATH_SIZE 512

/* A CPU, or a list of CPUs and ranges of them. */

struct cpus_parser {
    const struct config_text *text;
    struct config_report *report;
    char path[PATH_SIZE];
};

#define error_at(p, node, hint, ...) \
    config_report_add((p)->report, (p)->text->scan.nodes[node].start, (p)->path, hint, __VA_ARGS__)

static const char how_to_write[] = "a CPU is written 2, a range \"4-7\"";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "4-7". Whether there can be such CPUs, and in this order, is seen later. */
static bool read_range(const char *text, int64_t *ret_first, int64_t *ret_last)
{
    char *end;

    if (!is_digit(text[0]))
        return false;
    *ret_first = strtoll(text, &end, 10);
    if (end[0] != '-' || !is_digit(end[1]))
        return false;
    *ret_last = strtoll(end + 1, &end, 10);
    return *end == '\0';
}

static void parse_element(const struct cpus_parser *p, uint32_t node, struct json_object *json,
                          struct cpus *cpus)
{
    enum json_kind kind = p->text->scan.nodes[node].kind;
    const char *text = json_object_get_string(json);
    int64_t first = json_object_get_int64(json);
    int64_t last = first;
    char quoted[CONFIG_QUOTE_SIZE];

    if (kind == JSON_STRING && !read_range(text, &first, &last))
        error_at(p, node, how_to_write, "%s is no range of CPUs", config_quote(text, quoted));
    else if (kind == JSON_BIG_INTEGER)
        error_at(p, node, how_to_write, "this is no CPU");
    else if (kind != JSON_STRING && kind != JSON_INTEGER)
        error_at(p, node, how_to_write, "expected a CPU or a range of them, not %s",
                 json_kind_name(kind));
    else if (first < 0)
        error_at(p, node, NULL, "%" PRId64 " is below 0", first);
    else if (first >= CPUS_LIMIT || last >= CPUS_LIMIT)
        error_at(p, node, NULL, "%" PRId64 " is above %d", first >= CPUS_LIMIT ? first : last,
                 CPUS_LIMIT - 1);
    else if (first > last)
        error_at(p, node, NULL, "the range %s runs backwards", config_quote(text, quoted));
    else
        cpus_add_range(cpus, (uint32_t)first, (uint32_t)last);
}

void config_parse_cpus(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, struct json_object *json,
                       struct cpus *ret_cpus)
{
    struct cpus_parser p = {.text = text, .report = report};
    bool is_list = text->scan.nodes[node].kind == JSON_ARRAY;
    uint32_t n = is_list ? json_n_children(&text->scan, node) : 0;
    uint32_t child = json_first_child(&text->scan, node);

    snprintf(p.path, sizeof(p.path), "%s", path);
    *ret_cpus = (struct cpus){{0}};
    if (!is_list)
        parse_element(&p, node, json, ret_cpus);
    else if (n == 0)
        error_at(&p, node, "leave it out to run on all CPUs",
                 "the list is empty: at least 1 is required");
    else if (n > CPUS_LIMIT)
        error_at(&p, node, NULL, "%" PRIu32 " are too many: at most %d are allowed", n, CPUS_LIMIT);
    for (uint32_t i = 0; i < n && n <= CPUS_LIMIT; i++) {
        snprintf(p.path, sizeof(p.path), "%s[%" PRIu32 "]", path, i);
        parse_element(&p, child, json_object_array_get_idx(json, i), ret_cpus);
        child = json_next_child(&text->scan, node, child);
    }
}
