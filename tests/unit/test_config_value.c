/* SPDX-License-Identifier: ISC */
/* Every field that the table of keys knows is filled in, with a value of its own, and must come
 * back from a copy: a key that is added to the table is tested without being named here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/config.h"
#include "ringspan/config_keys.h"
#include "ringspan/config_print.h"
#include "ringspan/plan.h"

#define N_ELEMENTS 3

static uint32_t n_filled;

static void fill_object(const struct config_object *object, void *base);

static void *field(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void fill_text(const struct config_key *key, void *base)
{
    char *text;

    assert_true(asprintf(&text, "%s-%u", key->name, n_filled) > 0);
    memcpy(field(base, key->offset), &text, sizeof(text));
}

static void fill_list(const struct config_key *key, void *base)
{
    char *elements = calloc(N_ELEMENTS, key->object->size);
    uint32_t n = N_ELEMENTS;

    assert_non_null(elements);
    memcpy(field(base, key->offset), &elements, sizeof(elements));
    memcpy(field(base, key->count_offset), &n, sizeof(n));
    for (uint32_t i = 0; i < n; i++)
        fill_object(key->object, elements + i * key->object->size);
}

static void fill_key(const struct config_key *key, void *base)
{
    uint32_t number = ++n_filled;

    switch (key->type) {
    case CONFIG_OBJECT:
    case CONFIG_WORD_OR_OBJECT:
        fill_object(key->object, field(base, key->offset));
        break;
    case CONFIG_LIST:
        fill_list(key, base);
        break;
    case CONFIG_WORD:
        number = key->words->n - 1;
        memcpy(field(base, key->offset), &number, sizeof(number));
        break;
    case CONFIG_INTEGER: /* odd: none that looks like a pointer */
        number = 2 * number + 1;
        memcpy(field(base, key->offset), &number, sizeof(number));
        break;
    case CONFIG_BOOLEAN:
        *(bool *)field(base, key->offset) = true;
        break;
    case CONFIG_TEXT:
        fill_text(key, base);
        break;
    case CONFIG_MAC:
    case CONFIG_WORDS:
        *(uint64_t *)field(base, key->offset) = number;
        break;
    case CONFIG_RATE:
        ((struct rate *)field(base, key->offset))->value = number;
        break;
    case CONFIG_BURST:
        ((struct burst *)field(base, key->offset))->value = number;
        break;
    case CONFIG_VID_MAP:
        *(struct vlan_translations *)field(base, key->offset) =
            (struct vlan_translations){.n = 1, .list = {{.outside = 1, .inside = 2}}};
        break;
    case CONFIG_VIDS:
        vidset_add(field(base, key->offset), VID_MIN);
        break;
    case CONFIG_CPUS:
        cpus_add_range(field(base, key->offset), 1, 2);
        break;
    case CONFIG_NAME:
        snprintf(field(base, key->offset), LIMIT_NAME_SIZE, "n%u", number);
        break;
    case CONFIG_PLANNED:
        break;
    }
}

static void fill_object(const struct config_object *object, void *base)
{
    if (object->written_offset)
        *(uint64_t *)field(base, object->written_offset) =
            (UINT64_C(1) << object->n_keys) - 1; /* everything */
    for (uint32_t i = 0; i < object->n_keys; i++) {
        if (object->keys[i].type == CONFIG_OBJECT || object->keys[i].offset != CONFIG_NO_FIELD)
            fill_key(&object->keys[i], base);
    }
}

static struct config *new_full(void)
{
    struct config *config = calloc(1, sizeof(*config));

    assert_non_null(config);
    n_filled = 0;
    fill_object(&config_document, config);
    return config;
}

static char *print(const struct config *config)
{
    struct json_writer writer;
    struct byte_queue out;
    char *text;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    config_print(&writer, config);
    text = strndup(byte_queue_data(&out), out.len);
    byte_queue_fini(&out);
    return text;
}

static uint32_t count_pointers(const struct config_object *object)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];

        if (key->type == CONFIG_TEXT && key->offset != CONFIG_NO_FIELD)
            n++;
        else if (key->type == CONFIG_LIST)
            n += 1 + N_ELEMENTS * count_pointers(key->object);
        else if (key->type == CONFIG_OBJECT || key->type == CONFIG_WORD_OR_OBJECT)
            n += count_pointers(key->object);
    }
    return n;
}

/* Below it there is no heap on machines with 64 bits; two small numbers side by side are. */
#define LOWEST_POINTER (UINT64_C(1) << 36)

/* Whether the pointer-sized words of two blocks are equal anywhere, but for zeros: what is shared
 * is a pointer that the table does not know. */
static void assert_shares_nothing(const void *a, const void *b, size_t size)
{
    for (size_t at = 0; at + sizeof(void *) <= size; at += sizeof(void *)) {
        const void *one, *other;

        memcpy(&one, (const char *)a + at, sizeof(one));
        memcpy(&other, (const char *)b + at, sizeof(other));
        if (one == other && (uintptr_t)one > LOWEST_POINTER &&
            (uintptr_t)one < (UINT64_C(1) << 47) && (uintptr_t)one % 16 == 0)
            fail_msg("a pointer at byte %zu is in both", at);
    }
}

static void test_copy_has_everything(void **state)
{
    struct config *config = new_full();
    char *text = print(config);
    struct config *copy;
    char *copied;

    assert_int_equal(config_clone(config, &copy), 0);
    assert_ptr_not_equal(copy, config);
    copied = print(copy);
    assert_string_equal(copied, text);
    free(copied);
    config_free(config); /* what the copy shared with it would be gone now */
    copied = print(copy);
    assert_string_equal(copied, text);
    assert_true(strlen(text) > n_filled);
    free(copied);
    free(text);
    config_free(copy);
}

static void test_copy_shares_nothing(void **state)
{
    struct config *config = new_full();
    struct config *copy;

    assert_true(count_pointers(&config_document) > N_ELEMENTS * N_ELEMENTS);
    assert_int_equal(config_clone(config, &copy), 0);
    assert_shares_nothing(config, copy, sizeof(*config));
    assert_shares_nothing(config->bridges, copy->bridges, N_ELEMENTS * sizeof(*config->bridges));
    assert_shares_nothing(config->bridges[0].ports, copy->bridges[0].ports,
                          N_ELEMENTS * sizeof(*config->bridges[0].ports));
    config_free(config);
    config_free(copy);
}

static void test_copy_of_little(void **state)
{
    static const char text[] = "{\"version\":1,\"bridges\":[{\"name\":\"a\"}]}";
    struct config_report report;
    struct config *config;
    struct config *copy;

    assert_int_equal(config_parse("text", text, strlen(text), &config, &report), 0);
    config_report_fini(&report);
    assert_int_equal(config_clone(config, &copy), 0);
    assert_null(copy->description);
    assert_null(copy->bridges[0].ports);
    assert_int_equal(copy->bridges[0].n_ports, 0);
    assert_string_equal(copy->bridges[0].name, "a");
    config_free(config);
    config_free(copy);
    config_free(NULL);
}

/* ---- a plan knows every key ---- */

/* Another value than the one that is there; false if there is none. */
static bool alter(const struct config_key *key, void *base)
{
    void *value = field(base, key->offset);
    char *text;

    switch (key->type) {
    case CONFIG_BOOLEAN:
        *(bool *)value = !*(bool *)value;
        return true;
    case CONFIG_WORD:
        *(uint32_t *)value = (*(uint32_t *)value + 1) % key->words->n;
        return key->words->n > 1;
    case CONFIG_INTEGER:
        ++*(uint32_t *)value;
        return key->min < key->max;
    case CONFIG_MAC:
    case CONFIG_WORDS:
        ++*(uint64_t *)value;
        return true;
    case CONFIG_RATE:
        ++((struct rate *)value)->value;
        return true;
    case CONFIG_BURST:
        ++((struct burst *)value)->value;
        return true;
    case CONFIG_VID_MAP:
        ((struct vlan_translations *)value)->list[0].inside++;
        return true;
    case CONFIG_VIDS:
        vidset_add(value, VID_MAX);
        return true;
    case CONFIG_CPUS:
        cpus_add_range(value, 5, 5);
        return true;
    case CONFIG_TEXT:
        memcpy(&text, value, sizeof(text));
        text[0]++;
        return true;
    case CONFIG_NAME:
        ++*(char *)value;
        return true;
    case CONFIG_OBJECT:
    case CONFIG_WORD_OR_OBJECT:
    case CONFIG_LIST:
    case CONFIG_PLANNED:
        break;
    }
    return false;
}

/* Alters the @n-th of all keys, in the last element of each list; false if there are not so many,
 * or if that one is no value. @at counts. */
static const struct config_key *alter_nth(const struct config_object *object, void *base,
                                          uint32_t n, uint32_t *at, bool *ret_altered)
{
    for (uint32_t i = 0; i < object->n_keys; i++) {
        const struct config_key *key = &object->keys[i];
        const struct config_key *found = NULL;

        if ((*at)++ == n) {
            *ret_altered = key->offset != CONFIG_NO_FIELD && alter(key, base);
            return key;
        }
        if (key->type == CONFIG_OBJECT || key->type == CONFIG_WORD_OR_OBJECT) {
            found = alter_nth(key->object, field(base, key->offset), n, at, ret_altered);
        } else if (key->type == CONFIG_LIST) {
            char *elements = *(char **)field(base, key->offset);

            found = alter_nth(key->object, elements + (N_ELEMENTS - 1) * key->object->size, n, at,
                              ret_altered);
        }
        if (found)
            return found;
    }
    return NULL;
}

static void test_every_key_is_a_step(void **state)
{
    struct config *now = new_full();
    const struct config_key *key;
    uint32_t n_altered = 0;
    uint32_t n = 0;

    do {
        struct config *next;
        bool altered = false;
        struct plan plan;
        uint32_t at = 0;

        assert_int_equal(config_clone(now, &next), 0);
        key = alter_nth(&config_document, next, n++, &at, &altered);
        assert_int_equal(plan_make(now, next, &plan), 0);
        if (altered && plan.n_steps == 0)
            fail_msg("a plan does not tell of '%s' (%s)", key->name, key->help);
        if (!altered)
            assert_int_equal(plan.n_steps, 0);
        n_altered += altered;
        plan_fini(&plan);
        config_free(next);
    } while (key);
    assert_true(n_altered > 15);
    config_free(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_has_everything),
        cmocka_unit_test(test_copy_shares_nothing),
        cmocka_unit_test(test_copy_of_little),
        cmocka_unit_test(test_every_key_is_a_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
