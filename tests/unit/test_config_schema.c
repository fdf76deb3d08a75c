/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/config_keys.h"
#include "ringspan/config_schema.h"
#include "ringspan/rate.h"

/* What the table says stands in the schema, and nothing else does. Whether the two judge documents
 * alike is for config_schema.py. */

static struct json_object *member(struct json_object *object, const char *key)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, key, &value))
        fail_msg("no '%s' in %s", key, json_object_to_json_string(object));
    return value;
}

static void assert_says(struct json_object *schema, const char *key, const char *value)
{
    assert_string_equal(json_object_get_string(member(schema, key)), value);
}

static void assert_counts(struct json_object *schema, const char *key, int64_t value)
{
    assert_int_equal(json_object_get_int64(member(schema, key)), value);
}

static void check_integer(struct json_object *schema, const struct config_key *key)
{
    assert_says(schema, "type", "integer");
    if (key->min == key->max) {
        assert_counts(schema, "const", key->min);
    } else {
        assert_counts(schema, "minimum", key->min);
        assert_counts(schema, "maximum", key->max);
    }
    if (key->required || key->default_value < key->min)
        assert_false(json_object_object_get_ex(schema, "default", NULL));
    else
        assert_counts(schema, "default", key->default_value);
}

static void check_enum(struct json_object *words, const struct config_key *key)
{
    assert_int_equal(json_object_array_length(words), key->words->n);
    for (uint32_t i = 0; i < key->words->n; i++)
        assert_string_equal(json_object_get_string(json_object_array_get_idx(words, i)),
                            key->words->name(i));
}

static void check_words(struct json_object *schema, const struct config_key *key)
{
    check_enum(member(schema, "enum"), key);
    if (key->required || key->default_value == key->words->n)
        assert_false(json_object_object_get_ex(schema, "default", NULL));
    else
        assert_says(schema, "default", key->words->name((uint32_t)key->default_value));
}

static void check_object(struct json_object *schema, const struct config_object *object);

static void check_value(struct json_object *schema, const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_OBJECT:
        check_object(schema, key->object);
        break;
    case CONFIG_LIST:
        assert_says(schema, "type", "array");
        assert_counts(schema, "minItems", key->min);
        assert_counts(schema, "maxItems", key->max);
        check_object(member(schema, "items"), key->object);
        break;
    case CONFIG_INTEGER:
        check_integer(schema, key);
        break;
    case CONFIG_BOOLEAN:
        assert_says(schema, "type", "boolean");
        assert_int_equal(json_object_object_get_ex(schema, "default", NULL), !key->said_offset);
        if (!key->said_offset)
            assert_int_equal(json_object_get_boolean(member(schema, "default")),
                             key->default_value);
        break;
    case CONFIG_TEXT:
    case CONFIG_NAME:
        assert_says(schema, "type", "string");
        assert_counts(schema, "minLength", key->min);
        assert_counts(schema, "maxLength", key->max);
        assert_int_equal(key->complain != NULL, key->pattern != NULL);
        if (key->pattern)
            assert_says(schema, "pattern", key->pattern);
        break;
    case CONFIG_MAC:
        assert_says(schema, "type", "string");
        assert_says(schema, "pattern", key->pattern);
        break;
    case CONFIG_WORD:
        check_words(schema, key);
        break;
    case CONFIG_WORDS:
        assert_says(schema, "type", "array");
        assert_counts(schema, "maxItems", key->words->n);
        check_enum(member(member(schema, "items"), "enum"), key);
        break;
    case CONFIG_WORD_OR_OBJECT:
        assert_int_equal(json_object_array_length(member(schema, "oneOf")), 2);
        check_words(json_object_array_get_idx(member(schema, "oneOf"), 0), &key->object->keys[0]);
        check_object(json_object_array_get_idx(member(schema, "oneOf"), 1), key->object);
        break;
    case CONFIG_RATE:
    case CONFIG_BURST:
        assert_says(schema, "type", "string");
        assert_says(schema, "pattern", key->type == CONFIG_RATE ? RATE_PATTERN : BURST_PATTERN);
        break;
    case CONFIG_VID_MAP:
        assert_says(schema, "type", "object");
        assert_counts(schema, "maxProperties", key->max);
        assert_int_equal(json_object_object_length(member(schema, "patternProperties")), 1);
        break;
    case CONFIG_VIDS:
        assert_says(schema, "type", "array");
        assert_counts(schema, "minItems", 1);
        assert_int_equal(json_object_array_length(member(member(schema, "items"), "anyOf")), 2);
        break;
    case CONFIG_CPUS:
        assert_int_equal(json_object_array_length(member(schema, "anyOf")), 2);
        break;
    case CONFIG_PLANNED:
        fail_msg("%s is in the schema, and the parser refuses it", key->name);
    }
}

static void check_key(struct json_object *schema, const struct config_object *object,
                      const struct config_key *key)
{
    struct json_object *either;

    assert_says(schema, "description", key->help);
    if (!config_key_can_be_none(object, key)) {
        check_value(schema, key);
        return;
    }
    either = member(schema, "anyOf");
    assert_int_equal(json_object_array_length(either), 2);
    check_value(json_object_array_get_idx(either, 0), key);
    assert_says(json_object_array_get_idx(either, 1), "type", "null");
}

static const char *first(struct json_object *list)
{
    assert_int_equal(json_object_array_length(list), 1);
    return json_object_get_string(json_object_array_get_idx(list, 0));
}

static void check_alternatives(struct json_object *schema, const struct config_key *key)
{
    struct json_object *all = member(schema, "allOf");
    struct json_object *any = member(json_object_array_get_idx(all, 0), "anyOf");

    assert_int_equal(json_object_array_length(all), 1);
    assert_int_equal(json_object_array_length(any), 2);
    assert_string_equal(first(member(json_object_array_get_idx(any, 0), "required")), key->name);
    assert_string_equal(first(member(json_object_array_get_idx(any, 1), "required")), key->without);
}

static void check_company(struct json_object *schema, const struct config_object *object,
                          const struct config_key *key)
{
    if (key->with)
        assert_string_equal(first(member(member(schema, "dependencies"), key->name)), key->with);
    if (key->without && config_key_find(object, key->without))
        assert_string_equal(
            first(member(member(member(member(schema, "dependencies"), key->name), "not"),
                         "required")),
            key->without);
    if (key->required && key->without)
        check_alternatives(schema, key);
}

static void check_object(struct json_object *schema, const struct config_object *object)
{
    struct json_object *properties = member(schema, "properties");
    struct json_object *required = member(schema, "required");
    size_t n_required = 0;
    int n_keys = 0;

    assert_says(schema, "type", "object");
    assert_says(schema, "additionalProperties", "false");
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];

        if (key->type == CONFIG_PLANNED)
            continue;
        check_key(member(properties, key->name), object, key);
        n_keys++;
        check_company(schema, object, key);
        if (key->required && !key->without)
            assert_string_equal(
                json_object_get_string(json_object_array_get_idx(required, n_required++)),
                key->name);
    }
    assert_int_equal(json_object_object_length(properties), n_keys);
    assert_int_equal(json_object_array_length(required), n_required);
}

static void test_the_schema_is_the_table(void **state)
{
    struct json_object *schema;
    struct json_writer writer;
    struct byte_queue out;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    config_schema_write(&writer);
    byte_queue_append(&out, "", 1);
    assert_false(out.overflowed);
    schema = json_tokener_parse(byte_queue_data(&out));
    assert_non_null(schema);
    assert_says(schema, "$schema", "http://json-schema.org/draft-07/schema#");
    check_object(schema, &config_document);
    json_object_put(schema);
    byte_queue_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_schema_is_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
