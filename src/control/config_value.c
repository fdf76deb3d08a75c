/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/config.h"
#include "ringspan/config_keys.h"

/*
 * A configuration as a value: copied and released by the table of keys, so that a key that is added
 * there is neither forgotten here nor shared between two copies.
 */

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
    switch (key->type) {
    case CONFIG_OBJECT:
        return clone_object(key->object, base);
    case CONFIG_LIST:
        return clone_list(key, base);
    case CONFIG_TEXT:
        return key->offset == CONFIG_NO_FIELD ? 0 : clone_text(key, base);
    case CONFIG_INTEGER:
    case CONFIG_BOOLEAN:
    case CONFIG_NAME:
    case CONFIG_MAC:
    case CONFIG_VIDS:
    case CONFIG_VID_MAP:
    case CONFIG_WORD:
    case CONFIG_PLANNED:
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

        switch (key->type) {
        case CONFIG_OBJECT:
            free_object(key->object, base);
            break;
        case CONFIG_LIST:
            free_list(key, base);
            break;
        case CONFIG_TEXT:
            if (key->offset != CONFIG_NO_FIELD)
                free_text(key, base);
            break;
        case CONFIG_INTEGER:
        case CONFIG_BOOLEAN:
        case CONFIG_NAME:
        case CONFIG_MAC:
        case CONFIG_VIDS:
        case CONFIG_VID_MAP:
        case CONFIG_WORD:
        case CONFIG_PLANNED:
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
