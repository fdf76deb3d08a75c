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

static void add_range(void *set, uint32_t first, uint32_t last)
{
    vidset_add_range(set, (uint16_t)first, (uint16_t)last);
}

static void parse_list(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, struct json_object *list, const char *hint,
                       struct vidset *ret_vids)
{
    const struct config_ranges ranges = {
        .noun = "VID",
        .how_to_write = "a VID is written 10, a range \"20-29\"",
        .if_empty = hint,
        .min = VID_MIN,
        .max = VID_MAX,
        .add = add_range,
    };

    *ret_vids = (struct vidset){{0}};
    config_parse_ranges(text, report, path, node, list, &ranges, ret_vids);
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
        parse_list(text, report, path, node, json,
                   key->default_value == CONFIG_NO_VIDS ? "leave it out instead"
                                                        : "leave it out to allow all VLANs",
                   field);
    else
        parse_map(text, report, path, node, json, field);
}
