/* SPDX-License-Identifier: ISC */
#include "ringspan/config_print.h"

#include <stdio.h>
#include <string.h>

#include "ringspan/config_keys.h"
#include "ringspan/mac.h"
#include "ringspan/vidset.h"
#include "ringspan/vlan_table.h"

static const void *field(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static uint32_t number_of(const struct config_key *key, const void *base)
{
    uint32_t number = (uint32_t)key->default_value;

    if (key->offset != CONFIG_NO_FIELD)
        memcpy(&number, field(base, key->offset), sizeof(number));
    return number;
}

static const char *text_of(const struct config_key *key, const void *base)
{
    const char *text = NULL;

    if (key->offset != CONFIG_NO_FIELD)
        memcpy(&text, field(base, key->offset), sizeof(text));
    return text;
}

static void print_text(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const char *text = text_of(key, base);

    if (text)
        json_put_string(writer, key->name, text);
}

static void print_mac(struct json_writer *writer, const struct config_key *key, const void *base)
{
    char text[MAC_STRING_SIZE];
    uint64_t mac;

    memcpy(&mac, field(base, key->offset), sizeof(mac));
    if (mac)
        json_put_string(writer, key->name, mac_format(mac, text));
}

/* One that means something else when it is written is not written for whoever did not. */
static void print_boolean(struct json_writer *writer, const struct config_key *key,
                          const void *base)
{
    if (!key->said_offset || *(const bool *)field(base, key->said_offset))
        json_put_bool(writer, key->name, *(const bool *)field(base, key->offset));
}

static void print_name(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const char *name = field(base, key->offset);

    if (*name)
        json_put_string(writer, key->name, name);
}

static void print_rate(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const struct rate *rate = field(base, key->offset);
    char text[RATE_STRING_SIZE];

    if (rate->value)
        json_put_string(writer, key->name, rate_format(*rate, text));
}

static void print_burst(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const struct burst *burst = field(base, key->offset);
    char text[RATE_STRING_SIZE];

    if (burst->value)
        json_put_string(writer, key->name, burst_format(*burst, text));
}

static void print_object(struct json_writer *writer, const char *name,
                         const struct config_object *object, const void *base);

static void print_list(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const char *elements;
    uint32_t n;

    memcpy(&elements, field(base, key->offset), sizeof(elements));
    memcpy(&n, field(base, key->count_offset), sizeof(n));
    json_open_array(writer, key->name);
    for (uint32_t i = 0; i < n; i++)
        print_object(writer, NULL, key->object, elements + i * key->object->size);
    json_close_array(writer);
}

static void print_integer(struct json_writer *writer, const struct config_key *key,
                          const void *base)
{
    uint32_t number = number_of(key, base);

    if (number >= key->min)
        json_put_u64(writer, key->name, number);
}

/* Nothing, where nobody chose one. */
static void print_word(struct json_writer *writer, const char *name, const struct config_key *key,
                       const void *base)
{
    uint32_t number = number_of(key, base);

    if (number < key->words->n)
        json_put_string(writer, name, key->words->name(number));
}

static bool is_said(const struct config_key *key, const void *base)
{
    if (key->type == CONFIG_WORD)
        return number_of(key, base) < key->words->n;
    return text_of(key, base) != NULL;
}

/* Words and texts are all that such an object has. */
static void print_word_or_object(struct json_writer *writer, const struct config_key *key,
                                 const void *base)
{
    uint32_t i = 1;

    while (i < key->object->n_keys && !is_said(&key->object->keys[i], base))
        i++;
    if (i < key->object->n_keys)
        print_object(writer, key->name, key->object, base);
    else
        print_word(writer, key->name, &key->object->keys[0], base);
}

static void print_words(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const uint64_t *bits = field(base, key->offset);

    if (*bits == 0)
        return;
    json_open_array(writer, key->name);
    for (uint32_t i = 0; i < key->words->n; i++) {
        if (*bits >> i & 1)
            json_put_string(writer, NULL, key->words->name(i));
    }
    json_close_array(writer);
}

static void print_vids(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const struct vidset *vids = field(base, key->offset);
    uint16_t first;
    uint16_t last = 0;
    char range[16];

    json_open_array(writer, key->name);
    while (vidset_next_range(vids, last + 1u, &first, &last)) {
        if (first == last) {
            json_put_u64(writer, NULL, first);
            continue;
        }
        snprintf(range, sizeof(range), "%u-%u", first, last);
        json_put_string(writer, NULL, range);
    }
    json_close_array(writer);
}

static void print_cpus(struct json_writer *writer, const struct config_key *key, const void *base)
{
    const struct cpus *cpus = field(base, key->offset);
    uint32_t first, last;
    char range[24];

    json_open_array(writer, key->name);
    for (uint32_t from = 0; cpus_next_range(cpus, from, &first, &last); from = last + 1) {
        if (first == last) {
            json_put_u64(writer, NULL, first);
            continue;
        }
        snprintf(range, sizeof(range), "%u-%u", first, last);
        json_put_string(writer, NULL, range);
    }
    json_close_array(writer);
}

static void print_vid_map(struct json_writer *writer, const struct config_key *key,
                          const void *base)
{
    const struct vlan_translations *map = field(base, key->offset);
    char outside[8];

    json_open_object(writer, key->name);
    for (uint32_t i = 0; i < map->n; i++) {
        snprintf(outside, sizeof(outside), "%u", map->list[i].outside);
        json_put_u64(writer, outside, map->list[i].inside);
    }
    json_close_object(writer);
}

static void print_key(struct json_writer *writer, const struct config_key *key, const void *base)
{
    switch (key->type) {
    case CONFIG_OBJECT:
        print_object(writer, key->name, key->object, field(base, key->offset));
        break;
    case CONFIG_LIST:
        print_list(writer, key, base);
        break;
    case CONFIG_INTEGER:
        print_integer(writer, key, base);
        break;
    case CONFIG_BOOLEAN:
        print_boolean(writer, key, base);
        break;
    case CONFIG_TEXT:
        print_text(writer, key, base);
        break;
    case CONFIG_NAME:
        print_name(writer, key, base);
        break;
    case CONFIG_MAC:
        print_mac(writer, key, base);
        break;
    case CONFIG_WORD:
        print_word(writer, key->name, key, base);
        break;
    case CONFIG_WORDS:
        print_words(writer, key, base);
        break;
    case CONFIG_WORD_OR_OBJECT:
        print_word_or_object(writer, key, field(base, key->offset));
        break;
    case CONFIG_RATE:
        print_rate(writer, key, base);
        break;
    case CONFIG_BURST:
        print_burst(writer, key, base);
        break;
    case CONFIG_VID_MAP:
        print_vid_map(writer, key, base);
        break;
    case CONFIG_CPUS:
        print_cpus(writer, key, base);
        break;
    case CONFIG_VIDS:
        print_vids(writer, key, base);
        break;
    case CONFIG_PLANNED:
        break;
    }
}

static bool is_shown(const struct config_object *object, uint32_t i, const void *base)
{
    const struct config_key *key = &object->keys[i];

    if (object->written_offset)
        return config_key_is_written(object, i, base);
    return config_key_applies(object, key, base) && (!key->is_set || key->is_set(base)) &&
           (!key->has_meaning || key->has_meaning(base));
}

/* A port that is to have no value whatever the defaults are. Where it shows one all the same, that
 * is what it has without them, and says as much. */
static bool is_none(const struct config_object *object, const struct config_key *key,
                    const void *base)
{
    return config_key_can_be_none(object, key) &&
           ((const struct config_port *)base)->none & config_key_none_bit(key);
}

static void print_object(struct json_writer *writer, const char *name,
                         const struct config_object *object, const void *base)
{
    json_open_object(writer, name);
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];
        size_t len = writer->out->len;

        if (is_shown(object, i, base))
            print_key(writer, key, base);
        if (writer->out->len == len && is_none(object, key, base))
            json_put_null(writer, key->name);
    }
    json_close_object(writer);
}

void config_print(struct json_writer *writer, const struct config *config)
{
    print_object(writer, NULL, &config_document, config);
}
