/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "config_stages.h"

#define PATH_SIZE 512

/* A list of VIDs, numbers and ranges of them. */

struct vids_parser {
    const struct config_text *text;
    struct config_report *report;
    char path[PATH_SIZE];
};

#define error_at(p, node, hint, ...) \
    config_report_add((p)->report, (p)->text->scan.nodes[node].start, (p)->path, hint, __VA_ARGS__)

static const char how_to_write[] = "a VID is written 10, a range \"20-29\"";

/* "20-29". Whether these are VIDs, and in this order, is seen later. */
static bool read_range(const char *text, int64_t *ret_first, int64_t *ret_last)
{
    char *end;

    if (text[0] < '1' || text[0] > '9')
        return false;
    *ret_first = strtoll(text, &end, 10);
    if (end[0] != '-' || end[1] < '1' || end[1] > '9')
        return false;
    *ret_last = strtoll(end + 1, &end, 10);
    return *end == '\0';
}

static void parse_element(const struct vids_parser *p, uint32_t node, struct json_object *json,
                          struct vidset *set)
{
    enum json_kind kind = p->text->scan.nodes[node].kind;
    const char *text = json_object_get_string(json);
    int64_t first = json_object_get_int64(json);
    int64_t last = first;
    char quoted[CONFIG_QUOTE_SIZE];

    if (kind == JSON_STRING && !read_range(text, &first, &last))
        error_at(p, node, how_to_write, "%s is no range of VIDs", config_quote(text, quoted));
    else if (kind == JSON_BIG_INTEGER)
        error_at(p, node, how_to_write, "this is no VID");
    else if (kind != JSON_STRING && kind != JSON_INTEGER)
        error_at(p, node, how_to_write, "expected a VID or a range of them, not %s",
                 json_kind_name(kind));
    else if (first < VID_MIN)
        error_at(p, node, NULL, "%" PRId64 " is below %d", first, VID_MIN);
    else if (first > VID_MAX || last > VID_MAX)
        error_at(p, node, NULL, "%" PRId64 " is above %d", first > VID_MAX ? first : last, VID_MAX);
    else if (first > last)
        error_at(p, node, NULL, "the range %s runs backwards", config_quote(text, quoted));
    else
        vidset_add_range(set, (uint16_t)first, (uint16_t)last);
}

void config_parse_vids(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, struct json_object *list,
                       struct vidset *ret_vids)
{
    struct vids_parser p = {.text = text, .report = report};
    uint32_t n = json_n_children(&text->scan, node);
    uint32_t child = json_first_child(&text->scan, node);

    *ret_vids = (struct vidset){{0}};
    snprintf(p.path, sizeof(p.path), "%s", path);
    if (n == 0)
        error_at(&p, node, "leave it out to allow all VLANs",
                 "the list is empty: at least 1 is required");
    if (n > VID_MAX)
        error_at(&p, node, NULL, "%" PRIu32 " are too many: at most %d are allowed", n, VID_MAX);
    for (uint32_t i = 0; i < n && n <= VID_MAX; i++) {
        snprintf(p.path, sizeof(p.path), "%s[%" PRIu32 "]", path, i);
        parse_element(&p, child, json_object_array_get_idx(list, i), ret_vids);
        child = json_next_child(&text->scan, node, child);
    }
}
