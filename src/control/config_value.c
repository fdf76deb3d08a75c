/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_stages.h"
#include "ringspan/config.h"
#include "ringspan/config_keys.h"

/*
 * A configuration as a value: copied and released by the table of keys, so that a key that is added
 * there is neither forgotten here nor shared between two copies.
 */

/* What stands in the place of a key's value. */
enum holding {
    HOLDS_BYTES, /* that are all of it, or nothing */
    HOLDS_TEXT,
    HOLDS_LIST,
    HOLDS_OBJECT,
};

static enum holding holding_of(const struct config_key *key)
{
    if (key->type == CONFIG_LIST)
        return HOLDS_LIST;
    if (key->object)
        return HOLDS_OBJECT;
    return key->type == CONFIG_TEXT && key->offset != CONFIG_NO_FIELD ? HOLDS_TEXT : HOLDS_BYTES;
}

static int clone_object(const struct config_object *object, void *base);
static void free_object(const struct config_object *object, void *base);

/* @base is a copy, byte for byte: its pointers are the original's until they are replaced, and all
 * of them are, or are NULL, whatever fails. */
static int clone_text(const struct config_key *key, void *base)
{
    char **field = (void *)((char *)base + key->offset);

    if (!*field)
        return 0;
    *field = strdup(*field);
    return *field ? 0 : -ENOMEM;
}

static int clone_list(const struct config_key *key, void *base)
{
    char **field = (void *)((char *)base + key->offset);
    uint32_t *count = (void *)((char *)base + key->count_offset);
    size_t size = key->object->size;
    const char *original = *field;
    uint32_t n = *count;
    int r = 0;

    *field = n > 0 ? malloc(n * size) : NULL;
    *count = *field ? n : 0;
    for (uint32_t i = 0; i < *count; i++) {
        char *element = *field + i * size;
        int error;

        memcpy(element, original + i * size, size);
        error = clone_object(key->object, element);
        r = r == 0 ? error : r;
    }
    return *count == n ? r : -ENOMEM;
}

static int clone_key(const struct config_key *key, void *base)
{
    switch (holding_of(key)) {
    case HOLDS_OBJECT:
        return clone_object(key->object, (char *)base + key->offset);
    case HOLDS_LIST:
        return clone_list(key, base);
    case HOLDS_TEXT:
        return clone_text(key, base);
    case HOLDS_BYTES:
        break;
    }
    return 0;
}

/* Goes on after a failure, so that no pointer of the original is left in the copy. */
static int clone_object(const struct config_object *object, void *base)
{
    int r = 0;

    for (uint32_t i = 0; i < object->n_keys; i++) {
        int error = clone_key(&object->keys[i], base);

        r = r == 0 ? error : r;
    }
    return r;
}

int config_clone(const struct config *config, struct config **ret)
{
    struct config *copy = malloc(sizeof(*copy));
    int r;

    if (!copy)
        return -ENOMEM;
    *copy = *config;
    r = clone_object(&config_document, copy);
    if (r < 0)
        config_free(copy);
    else
        *ret = copy;
    return r;
}

static size_t size_of(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_INTEGER:
    case CONFIG_WORD:
    case CONFIG_LIST: /* of the count */
        return sizeof(uint32_t);
    case CONFIG_BOOLEAN:
        return sizeof(bool); /* who is filled in has not said it */
    case CONFIG_TEXT:
        return sizeof(char *);
    case CONFIG_NAME:
        return (size_t)key->max + 1;
    case CONFIG_MAC:
    case CONFIG_WORDS:
        return sizeof(uint64_t);
    case CONFIG_RATE:
        return sizeof(struct rate);
    case CONFIG_BURST:
        return sizeof(struct burst);
    case CONFIG_VIDS:
        return sizeof(struct vidset);
    case CONFIG_CPUS:
        return sizeof(struct cpus);
    case CONFIG_VID_MAP:
        return sizeof(struct vlan_translations);
    case CONFIG_OBJECT:
    case CONFIG_WORD_OR_OBJECT:
    case CONFIG_PLANNED:
        break;
    }
    return 0;
}

/* Byte for byte; what it points to is the original's. */
static void copy_bytes(const struct config_key *key, void *base, const void *from)
{
    char *to = (char *)base + key->offset;
    const char *original = (const char *)from + key->offset;

    if (holding_of(key) == HOLDS_OBJECT) {
        for (uint32_t i = 0; i < key->object->n_keys; i++)
            copy_bytes(&key->object->keys[i], to, original);
    } else if (key->type == CONFIG_LIST) {
        memcpy(to, original, sizeof(void *));
        memcpy((char *)base + key->count_offset, (const char *)from + key->count_offset,
               size_of(key));
    } else if (key->offset != CONFIG_NO_FIELD) {
        memcpy(to, original, size_of(key));
    }
}

int config_copy_key(const struct config_key *key, void *base, const void *from)
{
    copy_bytes(key, base, from);
    return clone_key(key, base);
}

static bool same_text(const char *const *a, const char *const *b)
{
    return *a && *b ? strcmp(*a, *b) == 0 : *a == *b;
}

static bool same_object(const struct config_object *object, const void *a, const void *b);

static bool same_list(const struct config_key *key, const void *a, const void *b)
{
    const uint32_t *n_a = (const void *)((const char *)a + key->count_offset);
    const uint32_t *n_b = (const void *)((const char *)b + key->count_offset);
    const char *const *list_a = (const void *)((const char *)a + key->offset);
    const char *const *list_b = (const void *)((const char *)b + key->offset);
    uint32_t i = 0;

    while (
        *n_a == *n_b && i < *n_a &&
        same_object(key->object, *list_a + i * key->object->size, *list_b + i * key->object->size))
        i++;
    return *n_a == *n_b && i == *n_a;
}

bool config_same_key(const struct config_key *key, const void *a, const void *b)
{
    const void *value_a = (const char *)a + key->offset;
    const void *value_b = (const char *)b + key->offset;

    if (holding_of(key) == HOLDS_OBJECT)
        return same_object(key->object, value_a, value_b);
    if (key->type == CONFIG_LIST)
        return same_list(key, a, b);
    if (key->offset == CONFIG_NO_FIELD)
        return true;
    if (key->type == CONFIG_TEXT)
        return same_text(value_a, value_b);
    if (key->type == CONFIG_NAME)
        return strcmp(value_a, value_b) == 0;
    if (key->type == CONFIG_RATE)
        return rate_equals(*(const struct rate *)value_a, *(const struct rate *)value_b);
    if (key->type == CONFIG_BURST)
        return burst_equals(*(const struct burst *)value_a, *(const struct burst *)value_b);
    return memcmp(value_a, value_b, size_of(key)) == 0;
}

static bool same_object(const struct config_object *object, const void *a, const void *b)
{
    uint32_t i = 0;

    while (i < object->n_keys && config_same_key(&object->keys[i], a, b))
        i++;
    return i == object->n_keys;
}

bool config_same_defaults(const struct config *a, const struct config *b)
{
    return a->defaults.port.written == b->defaults.port.written &&
           same_object(&config_port_defaults, &a->defaults.port, &b->defaults.port);
}

static void free_text(const struct config_key *key, void *base)
{
    char **field = (void *)((char *)base + key->offset);

    free(*field);
}

static void free_list(const struct config_key *key, void *base)
{
    char **field = (void *)((char *)base + key->offset);
    const uint32_t *count = (const void *)((const char *)base + key->count_offset);

    for (uint32_t i = 0; i < *count; i++)
        free_object(key->object, *field + i * key->object->size);
    free(*field);
}

static void free_object(const struct config_object *object, void *base)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];

        switch (holding_of(key)) {
        case HOLDS_OBJECT:
            free_object(key->object, (char *)base + key->offset);
            break;
        case HOLDS_LIST:
            free_list(key, base);
            break;
        case HOLDS_TEXT:
            free_text(key, base);
            break;
        case HOLDS_BYTES:
            break;
        }
    }
}

void config_free(struct config *config)
{
    if (!config)
        return;
    free_object(&config_document, config);
    free(config);
}

uint32_t config_n_ports(const struct config *config)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < config->n_bridges; i++)
        n += config->bridges[i].n_ports;
    return n;
}

uint32_t config_most_ports(const struct config *config)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < config->n_bridges; i++) {
        for (uint32_t k = 0; k < config->bridges[i].n_ports; k++)
            n += config_port_places(&config->bridges[i].ports[k]);
    }
    return n;
}
