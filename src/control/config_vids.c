/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "config_stages.h"

#define PATH_SIZE 512

/* A list of VIDs, numbers and ranges of them; and an object from VIDs to VIDs. */

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

static void parse_list(const struct config_text *text, struct config_report *report,
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

/* ---- translations ---- */

#define error_at_key(p, node, hint, ...) \
    config_report_add((p)->report, (p)->text->scan.nodes[node].key, (p)->path, hint, __VA_ARGS__)

static bool read_vid(const char *text, uint16_t *ret_vid)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (text[0] < '1' || text[0] > '9' || *end || number > VID_MAX)
        return false;
    *ret_vid = (uint16_t)number;
    return true;
}

/* False if it has been reported. */
static bool read_pair(const struct vids_parser *p, uint32_t node, const char *name,
                      struct json_object *value, struct vlan_translation *ret_pair)
{
    int64_t inside = json_object_get_int64(value);
    char quoted[CONFIG_QUOTE_SIZE];

    if (!read_vid(name, &ret_pair->outside)) {
        error_at_key(p, node, "as in { \"10\": 110 }", "%s is no VID from 1 to 4094",
                     config_quote(name, quoted));
        return false;
    }
    if (p->text->scan.nodes[node].kind != JSON_INTEGER || inside < VID_MIN || inside > VID_MAX) {
        error_at(p, node, "as in { \"10\": 110 }", "this is no VID from 1 to 4094");
        return false;
    }
    ret_pair->inside = (uint16_t)inside;
    return true;
}

static int by_outside(const void *a, const void *b)
{
    const struct vlan_translation *one = a;
    const struct vlan_translation *other = b;

    return one->outside - other->outside;
}

static void add_pair(const struct vids_parser *p, uint32_t node,
                     const struct vlan_translation *pair, struct vlan_translations *map)
{
    if (vlan_translates_to(map, pair->inside))
        error_at(p, node, NULL, "VLAN %u has another VID outside already", pair->inside);
    else if (map->n < LIMIT_VLAN_TRANSLATIONS)
        map->list[map->n++] = *pair;
}

/* json-c knows only the first of equal keys. */
static void parse_map(const struct config_text *text, struct config_report *report,
                      const char *path, uint32_t node, struct json_object *object,
                      struct vlan_translations *ret_map)
{
    struct vids_parser p = {.text = text, .report = report};
    struct json_object_iterator member = json_object_iter_begin(object);
    uint32_t n = json_n_children(&text->scan, node);

    snprintf(p.path, sizeof(p.path), "%s", path);
    if (n > LIMIT_VLAN_TRANSLATIONS)
        error_at(&p, node, NULL, "%" PRIu32 " are too many: at most %d are allowed", n,
                 LIMIT_VLAN_TRANSLATIONS);
    for (uint32_t child = json_first_child(&text->scan, node); child != JSON_NONE;
         child = json_next_child(&text->scan, node, child)) {
        uint32_t earlier = text->scan.nodes[child].earlier;
        struct vlan_translation pair;

        if (earlier != JSON_NONE && earlier != child) {
            error_at_key(&p, child, NULL, "this VID is translated already");
            continue;
        }
        if (read_pair(&p, child, json_object_iter_peek_name(&member),
                      json_object_iter_peek_value(&member), &pair))
            add_pair(&p, child, &pair, ret_map);
        json_object_iter_next(&member);
    }
    qsort(ret_map->list, ret_map->n, sizeof(ret_map->list[0]), by_outside);
}

void config_parse_vids(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, struct json_object *json,
                       const struct config_key *key, void *base)
{
    void *field = (char *)base + key->offset;

    if (key->type == CONFIG_VIDS)
        parse_list(text, report, path, node, json, field);
    else
        parse_map(text, report, path, node, json, field);
}
