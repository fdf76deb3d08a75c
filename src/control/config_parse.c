/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_stages.h"
#include "ringspan/config.h"
#include "ringspan/config_keys.h"

/* "bridges[255].ports[262143]." and a quoted key fit. */
#define PATH_SIZE     512
#define MAX_PLAIN_KEY 32

static_assert(sizeof(enum log_level) == sizeof(uint32_t) &&
                  sizeof(enum port_admin_state) == sizeof(uint32_t),
              "a CONFIG_WORD is stored as a uint32_t, as wide as any small enum");

struct parser {
    const struct config_text *text;
    struct config_report *report;
    const struct config *config;
    const void *owner; /* of the list that is being read */
    int result;        /* 0, or -ENOMEM */
    char path[PATH_SIZE];
};

#define error_at_value(p, node, hint, ...) \
    config_report_add((p)->report, node_of(p, node)->start, (p)->path, hint, __VA_ARGS__)
#define error_at_key(p, node, hint, ...) \
    config_report_add((p)->report, node_of(p, node)->key, (p)->path, hint, __VA_ARGS__)

static void parse_object(struct parser *p, uint32_t node, struct json_object *json,
                         const struct config_object *object, void *base);

static const struct json_node *node_of(const struct parser *p, uint32_t node)
{
    return &p->text->scan.nodes[node];
}

/* Both go down in the path, and return what leave() needs to come back. */
static size_t enter_key(struct parser *p, const char *key)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$";
    size_t len = strlen(p->path);
    size_t n = strspn(key, plain);
    bool is_plain = n > 0 && n <= MAX_PLAIN_KEY && key[n] == '\0';
    char quoted[CONFIG_QUOTE_SIZE];

    snprintf(p->path + len, sizeof(p->path) - len, "%s%s", len ? "." : "",
             is_plain ? key : config_quote(key, quoted));
    return len;
}

static size_t enter_element(struct parser *p, uint32_t i)
{
    size_t len = strlen(p->path);

    snprintf(p->path + len, sizeof(p->path) - len, "[%" PRIu32 "]", i);
    return len;
}

static void leave(struct parser *p, size_t len)
{
    p->path[len] = '\0';
}

static void *field(void *base, size_t offset)
{
    return (char *)base + offset;
}

/* What a key takes, and in which kinds of JSON it can be written. */
static const char *expected_name(enum config_type type, enum json_kind *ret_kind)
{
    switch (type) {
    case CONFIG_OBJECT:
    case CONFIG_VID_MAP:
        *ret_kind = JSON_OBJECT;
        return "an object";
    case CONFIG_WORD_OR_OBJECT:
        *ret_kind = JSON_OBJECT;
        return "a string or an object";
    case CONFIG_LIST:
    case CONFIG_VIDS:
    case CONFIG_WORDS:
        *ret_kind = JSON_ARRAY;
        return "a list";
    case CONFIG_CPUS:
        *ret_kind = JSON_ARRAY;
        return "a CPU or a list of them";
    case CONFIG_INTEGER:
        *ret_kind = JSON_INTEGER;
        return "an integer";
    case CONFIG_BOOLEAN:
        *ret_kind = JSON_BOOLEAN;
        return "true or false";
    case CONFIG_TEXT:
    case CONFIG_NAME:
    case CONFIG_MAC:
    case CONFIG_RATE:
    case CONFIG_BURST:
    case CONFIG_WORD:
    case CONFIG_PLANNED:
        break;
    }
    *ret_kind = JSON_STRING;
    return "a string";
}

/* A number as it was written: 3e2 is a fraction to JSON only, and one beyond 64 bits has no other
 * form. */
static const char *written(struct parser *p, uint32_t node, char ret_text[CONFIG_QUOTE_SIZE])
{
    const struct json_node *found = node_of(p, node);
    uint32_t len = found->end - found->start;

    if (len <= 32)
        snprintf(ret_text, CONFIG_QUOTE_SIZE, "%.*s", (int)len, p->text->bytes + found->start);
    else
        snprintf(ret_text, CONFIG_QUOTE_SIZE, "%s", json_kind_name(found->kind));
    return ret_text;
}

static const char *found_name(struct parser *p, uint32_t node, char ret_name[CONFIG_QUOTE_SIZE])
{
    enum json_kind kind = node_of(p, node)->kind;

    if (kind == JSON_FRACTION)
        return written(p, node, ret_name);
    snprintf(ret_name, CONFIG_QUOTE_SIZE, "%s", json_kind_name(kind));
    return ret_name;
}

/* No range reaches beyond 64 bits. */
static void report_big_integer(struct parser *p, uint32_t node, const struct config_key *key)
{
    bool is_negative = p->text->bytes[node_of(p, node)->start] == '-';
    char text[CONFIG_QUOTE_SIZE];

    written(p, node, text);
    if (key->min == key->max)
        error_at_value(p, node, NULL, "%s is not supported by this version: write %" PRId64, text,
                       key->min);
    else
        error_at_value(p, node, NULL, "%s is %s %" PRId64, text, is_negative ? "below" : "above",
                       is_negative ? key->min : key->max);
}

/* True if the value is of the kind that @type is written in; else it has been reported. */
static bool check_kind(struct parser *p, uint32_t node, struct json_object *json,
                       const struct config_key *key, enum config_type type)
{
    enum json_kind wanted;
    const char *expected = expected_name(type, &wanted);
    char found[CONFIG_QUOTE_SIZE];
    char hint[CONFIG_HINT_SIZE];

    if (node_of(p, node)->kind == wanted ||
        (type == CONFIG_WORD_OR_OBJECT && node_of(p, node)->kind == JSON_STRING) ||
        (type == CONFIG_CPUS && node_of(p, node)->kind == JSON_INTEGER))
        return true;
    if (wanted == JSON_INTEGER && node_of(p, node)->kind == JSON_BIG_INTEGER) {
        report_big_integer(p, node, key);
        return false;
    }
    config_hint_type(key, wanted, node_of(p, node), json, hint);
    error_at_value(p, node, hint[0] ? hint : NULL, "expected %s, not %s", expected,
                   found_name(p, node, found));
    return false;
}

static void parse_integer(struct parser *p, uint32_t node, struct json_object *json,
                          const struct config_key *key, void *base)
{
    int64_t number = json_object_get_int64(json);
    uint32_t value = (uint32_t)number;

    if (key->min == key->max && number != key->min)
        error_at_value(p, node, NULL,
                       "%" PRId64 " is not supported by this version: write %" PRId64, number,
                       key->min);
    else if (number < key->min)
        error_at_value(p, node, NULL, "%" PRId64 " is below %" PRId64, number, key->min);
    else if (number > key->max)
        error_at_value(p, node, NULL, "%" PRId64 " is above %" PRId64, number, key->max);
    else
        memcpy(field(base, key->offset), &value, sizeof(value));
}

static bool check_text(struct parser *p, uint32_t node, const char *text, int len,
                       const struct config_key *key)
{
    const char *complaint = key->complain ? key->complain(text) : NULL;
    char quoted[CONFIG_QUOTE_SIZE];

    if (len == 0 && key->min > 0)
        error_at_value(p, node, NULL, "this is empty");
    else if (len > key->max)
        error_at_value(p, node, NULL, "%s has %d bytes; at most %" PRId64 " are allowed",
                       config_quote(text, quoted), len, key->max);
    else if (complaint)
        error_at_value(p, node, NULL, "%s %s", config_quote(text, quoted), complaint);
    else
        return true;
    return false;
}

static void parse_text(struct parser *p, uint32_t node, struct json_object *json,
                       const struct config_key *key, void *base)
{
    const char *text = json_object_get_string(json);
    int len = json_object_get_string_len(json);
    char *copy;

    if (!check_text(p, node, text, len, key) || key->offset == CONFIG_NO_FIELD)
        return;
    if (key->type == CONFIG_NAME) {
        memcpy(field(base, key->offset), text, (size_t)len + 1);
        return;
    }
    copy = strdup(text);
    if (!copy)
        p->result = -ENOMEM;
    memcpy(field(base, key->offset), &copy, sizeof(copy));
}

static void report_word(struct parser *p, uint32_t node, const char *word,
                        const struct config_words *words)
{
    const char *candidates[CONFIG_MAX_CANDIDATES];
    char list[CONFIG_HINT_SIZE] = "";
    char hint[CONFIG_HINT_SIZE];
    char quoted[CONFIG_QUOTE_SIZE];
    const char *suggestion;

    for (uint32_t i = 0; i < words->n; i++) {
        size_t len = strlen(list);

        candidates[i] = words->name(i);
        snprintf(list + len, sizeof(list) - len, "%s'%s'",
                 i == 0             ? ""
                 : i + 1 < words->n ? ", "
                                    : " or ",
                 candidates[i]);
    }
    suggestion = config_suggest(word, candidates, words->n);
    snprintf(hint, sizeof(hint), "did you mean '%s'?", suggestion ? suggestion : "");
    error_at_value(p, node, suggestion ? hint : NULL, "%s is not %s", config_quote(word, quoted),
                   list);
}

/* What the word decides about other keys is not known: no error is to follow from this one. */
static void forget_word(const struct config_key *key, void *base)
{
    if (key->offset != CONFIG_NO_FIELD)
        memcpy(field(base, key->offset), &key->words->n, sizeof(key->words->n));
}

static void parse_word(struct parser *p, uint32_t node, struct json_object *json,
                       const struct config_key *key, void *base)
{
    const struct config_words *words = key->words;
    const char *word = json_object_get_string(json);

    for (uint32_t i = 0; i < words->n; i++) {
        if (strcmp(word, words->name(i)) == 0) {
            if (key->offset != CONFIG_NO_FIELD)
                memcpy(field(base, key->offset), &i, sizeof(i));
            return;
        }
    }
    forget_word(key, base);
    for (const struct config_planned_word *planned = words->planned; planned && planned->word;
         planned++) {
        if (strcmp(word, planned->word) == 0) {
            error_at_value(p, node, NULL, "%s is not supported by this version%s%s", planned->word,
                           planned->instead ? ": " : "", planned->instead ? planned->instead : "");
            return;
        }
    }
    report_word(p, node, word, words);
}

/* Makes room for the elements, so that config_free() finds them whatever becomes of them. */
static char *new_elements(struct parser *p, const struct config_key *key, uint32_t n, void *base)
{
    char *elements = calloc(n, key->object->size);

    if (!elements) {
        p->result = -ENOMEM;
        return NULL;
    }
    memcpy(field(base, key->offset), &elements, sizeof(elements));
    memcpy(field(base, key->count_offset), &n, sizeof(n));
    return elements;
}

static void parse_list(struct parser *p, uint32_t node, struct json_object *json,
                       const struct config_key *key, void *base)
{
    const struct json_scan *scan = &p->text->scan;
    uint32_t n = json_n_children(scan, node);
    uint32_t child = json_first_child(scan, node);
    char *elements;

    if (n < key->min)
        error_at_value(p, node, NULL, "the list is empty: at least %" PRId64 " is required",
                       key->min);
    if (n > key->max)
        error_at_value(p, node, NULL, "%" PRIu32 " are too many: at most %" PRId64 " are allowed",
                       n, key->max);
    if (n == 0 || n > key->max)
        return;
    elements = new_elements(p, key, n, base);
    p->owner = base;
    for (uint32_t i = 0; elements && i < n; i++) {
        struct json_object *element = json_object_array_get_idx(json, i);
        size_t level = enter_element(p, i);

        config_set_defaults(key->object, elements + i * key->object->size);
        if (check_kind(p, child, element, key, CONFIG_OBJECT))
            parse_object(p, child, element, key->object, elements + i * key->object->size);
        leave(p, level);
        child = json_next_child(scan, node, child);
    }
}

static void parse_value(struct parser *p, uint32_t node, struct json_object *json,
                        const struct config_key *key, void *base)
{
    if (!check_kind(p, node, json, key, key->type))
        return;
    switch (key->type) {
    case CONFIG_OBJECT:
        if (key->said_offset)
            *(bool *)field(base, key->said_offset) = true;
        parse_object(p, node, json, key->object, field(base, key->offset));
        break;
    case CONFIG_LIST:
        parse_list(p, node, json, key, base);
        break;
    case CONFIG_INTEGER:
        parse_integer(p, node, json, key, base);
        break;
    case CONFIG_BOOLEAN:
        *(bool *)field(base, key->offset) = json_object_get_boolean(json);
        if (key->said_offset)
            *(bool *)field(base, key->said_offset) = true;
        break;
    case CONFIG_TEXT:
    case CONFIG_NAME:
        parse_text(p, node, json, key, base);
        break;
    case CONFIG_MAC:
        config_parse_mac(p->text, p->report, p->path, node, json, field(base, key->offset));
        break;
    case CONFIG_WORD:
        parse_word(p, node, json, key, base);
        break;
    case CONFIG_WORD_OR_OBJECT:
        base = field(base, key->offset);
        if (node_of(p, node)->kind == JSON_STRING)
            parse_word(p, node, json, &key->object->keys[0], base);
        else
            parse_object(p, node, json, key->object, base);
        break;
    case CONFIG_WORDS:
        config_parse_words(p->text, p->report, p->path, node, json, key->words,
                           field(base, key->offset));
        break;
    case CONFIG_RATE:
        config_parse_rate(p->text, p->report, p->path, node, json_object_get_string(json),
                          field(base, key->offset));
        break;
    case CONFIG_BURST:
        config_parse_burst(p->text, p->report, p->path, node, json_object_get_string(json),
                           field(base, key->offset));
        break;
    case CONFIG_CPUS:
        config_parse_cpus(p->text, p->report, p->path, node, json, field(base, key->offset));
        break;
    case CONFIG_VID_MAP:
    case CONFIG_VIDS:
        config_parse_vids(p->text, p->report, p->path, node, json, key, base);
        break;
    case CONFIG_PLANNED:
        break;
    }
}

static void report_planned_key(struct parser *p, uint32_t node, const char *name)
{
    error_at_key(p, node, NULL, "%s is not supported by this version", name);
}

static void report_individual_key(struct parser *p, uint32_t node, const char *name)
{
    error_at_key(p, node, "write it at each port", "%s cannot have a default", name);
}

static void report_unknown_key(struct parser *p, uint32_t node, const char *name,
                               const struct config_object *object)
{
    char quoted[CONFIG_QUOTE_SIZE];
    char hint[CONFIG_HINT_SIZE];

    if (config_hint_key(object, name, hint))
        report_planned_key(p, node, name);
    else
        error_at_key(p, node, hint[0] ? hint : NULL, "unknown key %s in %s",
                     config_quote(name, quoted), object->what);
}

/* json-c knows only the first of equal keys; the others are shown as they were written. */
static void report_repeated_key(struct parser *p, uint32_t node)
{
    const struct json_node *member = node_of(p, node);
    const struct json_node *earlier = node_of(p, member->earlier);
    struct json_position position = json_position(p->text->bytes, p->text->len, earlier->key);
    const char *raw = p->text->bytes + member->key + 1;
    char name[CONFIG_QUOTE_SIZE];
    size_t level;
    size_t n = 0;

    while (n < sizeof(name) - 1 && raw[n] != '"')
        n += raw[n] == '\\' ? 2 : 1;
    snprintf(name, sizeof(name), "%.*s", (int)n, raw);
    level = enter_key(p, name);
    error_at_key(p, node, NULL, "this key is in line %" PRIu32 ", column %" PRIu32 " already",
                 position.line, position.column);
    leave(p, level);
}

/* Only of ports. */
static void note_none(const struct config_key *key, void *base)
{
    ((struct config_port *)base)->none |= config_key_none_bit(key);
}

static void parse_member(struct parser *p, uint32_t node, const char *name,
                         struct json_object *json, const struct config_object *object, void *base)
{
    const struct config_key *key = config_key_find(object, name);
    size_t level = enter_key(p, name);

    if (!key && !config_report_keeps(p->report, node_of(p, node)->key))
        p->report->n_more++;
    else if (!key && object == &config_port_defaults && config_key_find(&config_port, name))
        report_individual_key(p, node, name);
    else if (!key)
        report_unknown_key(p, node, name, object);
    else if (key->type == CONFIG_PLANNED)
        report_planned_key(p, node, name);
    else if (node_of(p, node)->kind == JSON_NULL && config_key_can_be_none(object, key))
        note_none(key, base);
    else if (node_of(p, node)->earlier == JSON_NONE)
        parse_value(p, node, json, key, base);
    leave(p, level);
}

/* Rows are shared by objects that do not all have the keys that these go with. */
static bool has_member(const struct parser *p, uint32_t node, const struct config_object *object,
                       const char *name)
{
    return name && config_key_find(object, name) &&
           json_member(&p->text->scan, p->text->bytes, node, name) != JSON_NONE;
}

static void report_missing_key(struct parser *p, uint32_t node, const struct config_object *object,
                               const struct config_key *key)
{
    if (key->without)
        error_at_value(p, node, key->help, "%s needs the key '%s', or '%s'", object->what,
                       key->name, key->without);
    else
        error_at_value(p, node, key->help, "%s needs the key '%s'", object->what, key->name);
}

/* A key that is there, beside one that it does not go with, or without one that it needs. */
static void report_company(struct parser *p, uint32_t node, const struct config_object *object,
                           const struct config_key *key, bool is_beside)
{
    const char *other = is_beside ? key->without : key->with;
    const char *help = config_key_find(object, other)->help;
    size_t level = enter_key(p, key->name);

    error_at_key(p, node, help, "%s has no meaning %s '%s'", key->name,
                 is_beside ? "beside" : "without", other);
    leave(p, level);
}

static void check_members(struct parser *p, uint32_t node, const struct config_object *object)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];
        uint32_t child = json_member(&p->text->scan, p->text->bytes, node, key->name);
        bool is_beside = has_member(p, node, object, key->without);

        if (child == JSON_NONE && key->required && !is_beside)
            report_missing_key(p, node, object, key);
        else if (child != JSON_NONE &&
                 (is_beside || (key->with && !has_member(p, node, object, key->with))))
            report_company(p, child, object, key, is_beside);
    }
}

/* Once all members are read: the one that decides may be the last. */
static void report_meaningless_keys(struct parser *p, uint32_t node,
                                    const struct config_object *object, const void *base)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];
        uint32_t member;
        size_t level;

        if (!key->has_meaning || key->has_meaning(base))
            continue;
        member = json_member(&p->text->scan, p->text->bytes, node, key->name);
        if (member == JSON_NONE || node_of(p, member)->kind == JSON_NULL)
            continue;
        level = enter_key(p, key->name);
        error_at_key(p, member, NULL, "%s is for %s", key->name, key->meant_for);
        leave(p, level);
    }
}

static bool is_repeated(const struct parser *p, uint32_t node)
{
    uint32_t earlier = node_of(p, node)->earlier;

    return earlier != JSON_NONE && earlier != node;
}

static void report_repeated_keys(struct parser *p, uint32_t node)
{
    for (uint32_t child = json_first_child(&p->text->scan, node); child != JSON_NONE;
         child = json_next_child(&p->text->scan, node, child)) {
        if (!is_repeated(p, child))
            continue;
        if (config_report_keeps(p->report, node_of(p, child)->key))
            report_repeated_key(p, child);
        else
            p->report->n_more++;
    }
}

/* Walks the text's nodes and json-c's members in step: both are in the order of the text. */
static void parse_members(struct parser *p, uint32_t node, struct json_object *json,
                          const struct config_object *object, void *base, bool is_last)
{
    const struct json_scan *scan = &p->text->scan;
    struct json_object_iterator member = json_object_iter_begin(json);

    for (uint32_t child = json_first_child(scan, node); child != JSON_NONE;
         child = json_next_child(scan, node, child)) {
        const struct config_key *key;
        const char *name;

        if (is_repeated(p, child))
            continue;
        name = json_object_iter_peek_name(&member);
        key = config_key_find(object, name);
        if ((key && key->is_last) == is_last)
            parse_member(p, child, name, json_object_iter_peek_value(&member), object, base);
        json_object_iter_next(&member);
    }
}

static bool has_last_keys(const struct config_object *object)
{
    uint32_t i = 0;

    while (i < object->n_keys && !object->keys[i].is_last)
        i++;
    return i < object->n_keys;
}

static void parse_object(struct parser *p, uint32_t node, struct json_object *json,
                         const struct config_object *object, void *base)
{
    check_members(p, node, object);
    report_repeated_keys(p, node);
    parse_members(p, node, json, object, base, false);
    if (has_last_keys(object))
        parse_members(p, node, json, object, base, true);
    if (object->finish)
        object->finish(p->text, p->report, p->path, node, base);
    if (object->written_offset)
        config_note_written(p->text, node, object, base);
    if (object == &config_port &&
        config_fill_in(p->text, node, &p->config->defaults.port, p->owner, base) < 0)
        p->result = -ENOMEM;
    if (!object->written_offset)
        report_meaningless_keys(p, node, object, base);
}

/* The text has passed the scan; if json-c does not take it, one of the two is wrong. */
static struct json_object *build_tree(const struct config_text *text, struct config_report *report)
{
    struct json_tokener *tokener = json_tokener_new_ex(LIMIT_CONFIG_DEPTH + 2);
    struct json_object *root;

    if (!tokener)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    root = json_tokener_parse_ex(tokener, text->bytes, (int)text->scan.nodes[0].end);
    if (!root)
        config_report_add(report, json_tokener_get_parse_end(tokener), "", NULL, "json-c: %s",
                          json_tokener_error_desc(json_tokener_get_error(tokener)));
    json_tokener_free(tokener);
    return root;
}

static bool report_has_errors(const struct config_report *report)
{
    return report->n_errors > 0 || report->n_more > 0;
}

static int parse_document(const struct config_text *text, struct config_report *report,
                          struct config **ret_config)
{
    static const struct config_key document = {.type = CONFIG_OBJECT};
    struct parser p = {.text = text, .report = report};
    struct json_object *root = NULL;
    struct config *config = calloc(1, sizeof(*config));

    if (!config)
        return -ENOMEM;
    p.config = config;
    config_set_defaults(&config_document, config);
    if (check_kind(&p, 0, NULL, &document, CONFIG_OBJECT)) {
        root = build_tree(text, report);
        if (root)
            parse_object(&p, 0, root, &config_document, config);
        else
            p.result = -ENOMEM;
    }
    json_object_put(root);
    if (p.result == 0)
        p.result = config_check(text, config, report);
    if (report_has_errors(report))
        p.result = -EINVAL;
    if (p.result == 0)
        *ret_config = config;
    else
        config_free(config);
    return p.result;
}

int config_parse(const char *source, const char *text, size_t len, struct config **ret_config,
                 struct config_report *ret_report)
{
    struct config_text scanned = {.bytes = text, .len = len};
    struct config_report report;
    struct json_error error;
    int r;

    r = config_report_init(&report, source);
    if (r == 0)
        r = json_scan(text, len, &scanned.scan, &error);
    if (r == -EINVAL)
        config_report_add(&report, error.offset, "", error.hint[0] ? error.hint : NULL, "%s",
                          error.message);
    if (r == 0)
        r = parse_document(&scanned, &report, ret_config);
    if (r == -ENOMEM && report.source)
        config_report_add(&report, 0, "", NULL, "out of memory");
    config_report_locate(&report, text, len);
    json_scan_fini(&scanned.scan);
    *ret_report = report;
    return r;
}
