/* SPDX-License-Identifier: ISC */
#include "ringspan/config_schema.h"

#include "ringspan/config_keys.h"
#include "ringspan/cpus.h"
#include "ringspan/rate.h"
#include "ringspan/vidset.h"

/* 0 to 1023 */
#define CPU_PATTERN "(0|[1-9][0-9]{0,2}|10[01][0-9]|102[0-3])"
#define VID_PATTERN "([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])"

static void put_number(struct json_writer *writer, const char *key, int64_t number)
{
    json_put_u64(writer, key, (uint64_t)number); /* nothing in the table is negative */
}

static void put_integer(struct json_writer *writer, const struct config_key *key)
{
    json_put_string(writer, "type", "integer");
    if (key->min == key->max) {
        put_number(writer, "const", key->min);
    } else {
        put_number(writer, "minimum", key->min);
        put_number(writer, "maximum", key->max);
    }
    if (!key->required && key->default_value >= key->min)
        put_number(writer, "default", key->default_value);
}

/* The table counts bytes and a schema characters, of which there are never more. */
static void put_text(struct json_writer *writer, const struct config_key *key)
{
    json_put_string(writer, "type", "string");
    put_number(writer, "minLength", key->min > 0);
    put_number(writer, "maxLength", key->max);
    if (key->pattern)
        json_put_string(writer, "pattern", key->pattern);
}

static void put_pattern(struct json_writer *writer, const char *pattern)
{
    json_put_string(writer, "type", "string");
    put_number(writer, "maxLength", RATE_STRING_SIZE);
    json_put_string(writer, "pattern", pattern);
}

static void put_words(struct json_writer *writer, const struct config_key *key)
{
    json_put_string(writer, "type", "string");
    json_open_array(writer, "enum");
    for (uint32_t i = 0; i < key->words->n; i++)
        json_put_string(writer, NULL, key->words->name(i));
    json_close_array(writer);
    if (!key->required && key->default_value < key->words->n)
        json_put_string(writer, "default", key->words->name((uint32_t)key->default_value));
}

static void put_word_list(struct json_writer *writer, const struct config_key *key)
{
    json_put_string(writer, "type", "array");
    put_number(writer, "minItems", 1);
    put_number(writer, "maxItems", key->words->n);
    json_put_bool(writer, "uniqueItems", true);
    json_open_object(writer, "items");
    json_put_string(writer, "type", "string");
    json_open_array(writer, "enum");
    for (uint32_t i = 0; i < key->words->n; i++)
        json_put_string(writer, NULL, key->words->name(i));
    json_close_array(writer);
    json_close_object(writer);
}

static void put_vid_map(struct json_writer *writer, const struct config_key *key)
{
    json_put_string(writer, "type", "object");
    json_put_bool(writer, "additionalProperties", false);
    put_number(writer, "maxProperties", key->max);
    json_open_object(writer, "patternProperties");
    json_open_object(writer, "^" VID_PATTERN "$");
    json_put_string(writer, "type", "integer");
    put_number(writer, "minimum", VID_MIN);
    put_number(writer, "maximum", VID_MAX);
    json_close_object(writer);
    json_close_object(writer);
}

static void put_cpu_number(struct json_writer *writer)
{
    json_open_object(writer, NULL);
    json_put_string(writer, "type", "integer");
    put_number(writer, "minimum", 0);
    put_number(writer, "maximum", CPUS_LIMIT - 1);
    json_close_object(writer);
}

static void put_cpus(struct json_writer *writer)
{
    json_open_array(writer, "anyOf");
    put_cpu_number(writer);
    json_open_object(writer, NULL);
    json_put_string(writer, "type", "array");
    put_number(writer, "minItems", 1);
    put_number(writer, "maxItems", CPUS_LIMIT);
    json_open_object(writer, "items");
    json_open_array(writer, "anyOf");
    put_cpu_number(writer);
    json_open_object(writer, NULL);
    json_put_string(writer, "type", "string");
    json_put_string(writer, "pattern", "^" CPU_PATTERN "-" CPU_PATTERN "$");
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
    json_close_object(writer);
    json_close_array(writer);
}

/* That a range does not run backwards, no schema can say. */
static void put_vids(struct json_writer *writer)
{
    json_put_string(writer, "type", "array");
    put_number(writer, "minItems", 1);
    put_number(writer, "maxItems", VID_MAX);
    json_open_object(writer, "items");
    json_open_array(writer, "anyOf");
    json_open_object(writer, NULL);
    json_put_string(writer, "type", "integer");
    put_number(writer, "minimum", VID_MIN);
    put_number(writer, "maximum", VID_MAX);
    json_close_object(writer);
    json_open_object(writer, NULL);
    json_put_string(writer, "type", "string");
    json_put_string(writer, "pattern", "^" VID_PATTERN "-" VID_PATTERN "$");
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
}

static void put_name_list(struct json_writer *writer, const char *key, const char *name)
{
    json_open_array(writer, key);
    json_put_string(writer, NULL, name);
    json_close_array(writer);
}

static void put_required(struct json_writer *writer, const char *name)
{
    json_open_object(writer, NULL);
    put_name_list(writer, "required", name);
    json_close_object(writer);
}

/* A key that is required unless another one is there. */
static void put_alternatives(struct json_writer *writer, const struct config_object *object)
{
    json_open_array(writer, "allOf");
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];

        if (!key->required || !key->without)
            continue;
        json_open_object(writer, NULL);
        json_open_array(writer, "anyOf");
        put_required(writer, key->name);
        put_required(writer, key->without);
        json_close_array(writer);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void put_exclusion(struct json_writer *writer, const struct config_key *key)
{
    json_open_object(writer, key->name);
    json_open_object(writer, "not");
    put_name_list(writer, "required", key->without);
    json_close_object(writer);
    json_close_object(writer);
}

/* Rows are shared by objects that do not all have the keys that these go with. */
static bool has_key(const struct config_object *object, const char *name)
{
    return name && config_key_find(object, name);
}

static void put_company(struct json_writer *writer, const struct config_object *object)
{
    json_open_object(writer, "dependencies");
    for (uint32_t i = 0; i < object->n_keys; i++) {
        if (has_key(object, object->keys[i].with))
            put_name_list(writer, object->keys[i].name, object->keys[i].with);
        if (has_key(object, object->keys[i].without))
            put_exclusion(writer, &object->keys[i]);
    }
    json_close_object(writer);
}

static bool has_conditions(const struct config_object *object)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        if (has_key(object, object->keys[i].with) || has_key(object, object->keys[i].without))
            return true;
    }
    return false;
}

static void put_object(struct json_writer *writer, const struct config_object *object);

static void put_word_or_object(struct json_writer *writer, const struct config_key *key)
{
    json_open_array(writer, "oneOf");
    json_open_object(writer, NULL);
    put_words(writer, &key->object->keys[0]);
    json_close_object(writer);
    json_open_object(writer, NULL);
    put_object(writer, key->object);
    json_close_object(writer);
    json_close_array(writer);
}

static void put_list(struct json_writer *writer, const struct config_key *key)
{
    json_put_string(writer, "type", "array");
    put_number(writer, "minItems", key->min);
    put_number(writer, "maxItems", key->max);
    json_open_object(writer, "items");
    put_object(writer, key->object);
    json_close_object(writer);
}

static void put_value(struct json_writer *writer, const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_OBJECT:
        put_object(writer, key->object);
        break;
    case CONFIG_LIST:
        put_list(writer, key);
        break;
    case CONFIG_INTEGER:
        put_integer(writer, key);
        break;
    case CONFIG_BOOLEAN:
        json_put_string(writer, "type", "boolean");
        if (!key->said_offset) /* one that is written out is not the same */
            json_put_bool(writer, "default", key->default_value != 0);
        break;
    case CONFIG_TEXT:
    case CONFIG_NAME:
    case CONFIG_MAC:
        put_text(writer, key);
        break;
    case CONFIG_WORD:
        put_words(writer, key);
        break;
    case CONFIG_WORDS:
        put_word_list(writer, key);
        break;
    case CONFIG_WORD_OR_OBJECT:
        put_word_or_object(writer, key);
        break;
    case CONFIG_RATE:
    case CONFIG_BURST:
        put_pattern(writer, key->type == CONFIG_RATE ? RATE_PATTERN : BURST_PATTERN);
        break;
    case CONFIG_VID_MAP:
        put_vid_map(writer, key);
        break;
    case CONFIG_CPUS:
        put_cpus(writer);
        break;
    case CONFIG_VIDS:
        put_vids(writer);
        break;
    case CONFIG_PLANNED:
        break;
    }
}

static void put_value_or_null(struct json_writer *writer, const struct config_key *key)
{
    json_open_array(writer, "anyOf");
    json_open_object(writer, NULL);
    put_value(writer, key);
    json_close_object(writer);
    json_open_object(writer, NULL);
    json_put_string(writer, "type", "null");
    json_close_object(writer);
    json_close_array(writer);
}

static void put_key(struct json_writer *writer, const struct config_object *object,
                    const struct config_key *key)
{
    json_open_object(writer, key->name);
    json_put_string(writer, "description", key->help);
    if (config_key_can_be_none(object, key))
        put_value_or_null(writer, key);
    else
        put_value(writer, key);
    json_close_object(writer);
}

/* Into an object of the schema that is open. */
static void put_object(struct json_writer *writer, const struct config_object *object)
{
    json_put_string(writer, "type", "object");
    json_put_bool(writer, "additionalProperties", false);
    json_open_array(writer, "required");
    for (uint32_t i = 0; i < object->n_keys; i++) {
        if (object->keys[i].required && !object->keys[i].without)
            json_put_string(writer, NULL, object->keys[i].name);
    }
    json_close_array(writer);
    if (has_conditions(object)) {
        put_alternatives(writer, object);
        put_company(writer, object);
    }
    json_open_object(writer, "properties");
    for (uint32_t i = 0; i < object->n_keys; i++) {
        if (object->keys[i].type != CONFIG_PLANNED)
            put_key(writer, object, &object->keys[i]);
    }
    json_close_object(writer);
}

void config_schema_write(struct json_writer *writer)
{
    json_open_object(writer, NULL);
    json_put_string(writer, "$schema", "http://json-schema.org/draft-07/schema#");
    json_put_string(writer, "title", "ringspan.json");
    json_put_string(writer, "description",
                    "A configuration of ringspand " RINGSPAN_VERSION "; see ringspan.json(5).");
    put_object(writer, &config_document);
    json_close_object(writer);
}
