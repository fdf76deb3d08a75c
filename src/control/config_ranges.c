/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "config_stages.h"

#define PATH_SIZE 512

/* A number, or a list of numbers and ranges of them. */

struct ranges_parser {
    const struct config_text *text;
    struct config_report *report;
    const struct config_ranges *ranges;
    char path[PATH_SIZE];
};

#define error_at(p, node, hint, ...) \
    config_report_add((p)->report, (p)->text->scan.nodes[node].start, (p)->path, hint, __VA_ARGS__)

static bool begins_number(const struct config_ranges *ranges, char c)
{
    return c >= (ranges->min > 0 ? '1' : '0') && c <= '9';
}

/* "4-7". Whether there can be such numbers, and in this order, is seen later. */
static bool read_range(const struct config_ranges *ranges, const char *text, int64_t *ret_first,
                       int64_t *ret_last)
{
    char *end;

    if (!begins_number(ranges, text[0]))
        return false;
    *ret_first = strtoll(text, &end, 10);
    if (end[0] != '-' || !begins_number(ranges, end[1]))
        return false;
    *ret_last = strtoll(end + 1, &end, 10);
    return *end == '\0';
}

static void parse_element(const struct ranges_parser *p, uint32_t node, struct json_object *json,
                          void *set)
{
    const struct config_ranges *ranges = p->ranges;
    enum json_kind kind = p->text->scan.nodes[node].kind;
    const char *text = json_object_get_string(json);
    int64_t first = json_object_get_int64(json);
    int64_t last = first;
    char quoted[CONFIG_QUOTE_SIZE];

    if (kind == JSON_STRING && !read_range(ranges, text, &first, &last))
        error_at(p, node, ranges->how_to_write, "%s is no range of %ss", config_quote(text, quoted),
                 ranges->noun);
    else if (kind == JSON_BIG_INTEGER)
        error_at(p, node, ranges->how_to_write, "this is no %s", ranges->noun);
    else if (kind != JSON_STRING && kind != JSON_INTEGER)
        error_at(p, node, ranges->how_to_write, "expected a %s or a range of them, not %s",
                 ranges->noun, json_kind_name(kind));
    else if (first < ranges->min)
        error_at(p, node, NULL, "%" PRId64 " is below %" PRIu32, first, ranges->min);
    else if (first > ranges->max || last > ranges->max)
        error_at(p, node, NULL, "%" PRId64 " is above %" PRIu32, first > ranges->max ? first : last,
                 ranges->max);
    else if (first > last)
        error_at(p, node, NULL, "the range %s runs backwards", config_quote(text, quoted));
    else
        ranges->add(set, (uint32_t)first, (uint32_t)last);
}

static void parse_list(struct ranges_parser *p, const char *path, uint32_t node,
                       struct json_object *list, void *set)
{
    const struct json_scan *scan = &p->text->scan;
    uint32_t n = json_n_children(scan, node);
    uint32_t most = p->ranges->max + 1 - p->ranges->min;
    uint32_t child = json_first_child(scan, node);

    if (n == 0)
        error_at(p, node, p->ranges->if_empty, "the list is empty: at least 1 is required");
    if (n > most)
        error_at(p, node, NULL, "%" PRIu32 " are too many: at most %" PRIu32 " are allowed", n,
                 most);
    for (uint32_t i = 0; i < n && n <= most; i++) {
        snprintf(p->path, sizeof(p->path), "%s[%" PRIu32 "]", path, i);
        parse_element(p, child, json_object_array_get_idx(list, i), set);
        child = json_next_child(scan, node, child);
    }
}

void config_parse_ranges(const struct config_text *text, struct config_report *report,
                         const char *path, uint32_t node, struct json_object *json,
                         const struct config_ranges *ranges, void *set)
{
    struct ranges_parser p = {.text = text, .report = report, .ranges = ranges};

    snprintf(p.path, sizeof(p.path), "%s", path);
    if (text->scan.nodes[node].kind == JSON_ARRAY)
        parse_list(&p, path, node, json, set);
    else
        parse_element(&p, node, json, set);
}
