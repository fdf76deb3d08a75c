/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "config_stages.h"
#include "ringspan/config.h"

/* What keys are that are not written: the table's defaults, and those of the file for its ports. */

static void *field(void *base, size_t offset)
{
    return (char *)base + offset;
}

void config_set_defaults(const struct config_object *object, void *base)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];
        uint32_t value = (uint32_t)key->default_value;

        if (key->type == CONFIG_OBJECT || key->type == CONFIG_WORD_OR_OBJECT)
            config_set_defaults(key->object, field(base, key->offset));
        else if (key->type == CONFIG_VIDS)
            *(struct vidset *)field(base, key->offset) =
                key->default_value == CONFIG_NO_VIDS ? (struct vidset){{0}} : vidset_all();
        else if (key->type == CONFIG_BOOLEAN)
            *(bool *)field(base, key->offset) = key->default_value != 0;
        else if ((key->type == CONFIG_INTEGER || key->type == CONFIG_WORD) &&
                 key->offset != CONFIG_NO_FIELD)
            memcpy(field(base, key->offset), &value, sizeof(value));
    }
}

static bool says(const struct config_text *text, uint32_t node, const struct config_key *key)
{
    return json_member(&text->scan, text->bytes, node, key->name) != JSON_NONE;
}

void config_note_written(const struct config_text *text, uint32_t node,
                         const struct config_object *object, void *base)
{
    uint64_t *written = field(base, object->written_offset);

    for (uint32_t i = 0; i < object->n_keys; i++) {
        if (says(text, node, &object->keys[i]))
            *written |= UINT64_C(1) << i;
    }
}

static bool fits(const struct config_key *key, const struct config_bridge *bridge)
{
    return config_mode_has(bridge->mode, key->name) &&
           (strcmp(key->name, "vlan") != 0 || bridge->vlan_aware);
}

/* In the table's order: `type` comes before what has a meaning for some types only. */
int config_fill_in(const struct config_text *text, uint32_t node,
                   const struct config_port_defaults *defaults, const struct config_bridge *bridge,
                   struct config_port *port)
{
    const struct config_object *object = &config_port_defaults;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];

        if (config_key_is_written(object, i, defaults) && !key->is_own && !says(text, node, key) &&
            config_key_applies(&config_port, key, port) &&
            (!key->has_meaning || key->has_meaning(port)) && fits(key, bridge))
            r = config_copy_key(key, port, defaults);
    }
    return r;
}
