/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CONFIG_KEYS_H
#define RINGSPAN_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Config keys: the one table of what a configuration may say.
 *
 * config_parse() reads a document by it, and whatever else needs to know the format (the manual's
 * test, a JSON Schema, completion) walks the same table, from config_document on. A row has the
 * key's name, what it takes, its range and default, where its value goes in struct config, and a
 * sentence for people.
 *
 * Nested objects write into the C object of what encloses them ("fdb" into its bridge), or into one
 * within it; elements of a list have a C object each. The keys of a port that can have a default
 * for all ports ("defaults") are rows of the same table, and need nothing else; a port says null of
 * one that is to have no value, whatever the default is. A planned key is a
 * name that the project's plan has given out and this version does not have: it is refused with
 * that sentence and takes no value.
 */

enum config_type {
    CONFIG_OBJECT,
    CONFIG_LIST,    /* of objects */
    CONFIG_INTEGER, /* into a uint32_t; 0, where nobody said, if the default is below the range */
    CONFIG_BOOLEAN, /* into a bool */
    CONFIG_TEXT,    /* into a char * */
    CONFIG_NAME,    /* by the kernel's rules for interface names; into a char[max + 1] */
    CONFIG_MAC,     /* the address of one host; into a uint64_t; 0, where nobody said */
    CONFIG_WORD,    /* one of a few; into an enum */
    CONFIG_WORDS,   /* a list of such words; into a uint64_t, a bit for each */
    CONFIG_RATE,    /* "10mbit", "1000pps"; into a struct rate; 0, where nobody said */
    CONFIG_BURST,   /* "64KiB", "100packets"; into a struct burst; 0, where nobody said */
    CONFIG_VIDS,    /* a list of VIDs and ranges of them; into a struct vidset; if absent, all, or
                     * none by CONFIG_NO_VIDS */
    CONFIG_CPUS,    /* a CPU, or a list of CPUs and ranges; into a struct cpus; empty if absent */
    CONFIG_VID_MAP, /* an object from VIDs outside to VIDs inside; a struct vlan_translations */
    CONFIG_WORD_OR_OBJECT, /* an object of words and texts, or alone the word of its first key */
    CONFIG_PLANNED,
};

/* The default of CONFIG_VIDS that is no VLAN. */
#define CONFIG_NO_VIDS 1

/* In place of an offset: checked, and then forgotten. */
#define CONFIG_NO_FIELD SIZE_MAX

struct config_planned_word {
    const char *word;
    const char *instead; /* what to do meanwhile */
};

struct config_words {
    const char *(*name)(uint32_t i);
    uint32_t n;
    const struct config_planned_word *planned; /* ends with a NULL word; or NULL */
};

struct config_object;
struct config_report;
struct config_text;

struct config_key {
    const char *name;
    enum config_type type;
    bool required; /* with @without: unless that key is there */
    int64_t min;   /* INTEGER: the value; TEXT and NAME: its bytes; LIST: its elements */
    int64_t max;
    int64_t default_value; /* INTEGER; BOOLEAN; WORD: the number of the word. One that cannot be
                            * written stands for absence. */
    const char *unit;      /* INTEGER: "seconds", or NULL */
    const char *with;      /* legal only beside this NAME of the same object; or NULL */
    const char *without;   /* not legal beside this NAME of the same object; or NULL */
    const char *help;
    size_t offset; /* OBJECT, WORD_OR_OBJECT: of the C object that its keys write into; mostly 0 */
    size_t count_offset; /* LIST: of the uint32_t beside the pointer */
    size_t said_offset; /* BOOLEAN: of the bool beside it that says whether it was written, and then
                         * it is printed only if so; OBJECT: the same, and printing is up to is_set;
                         * 0: nobody needs to know */
    const struct config_object *object; /* OBJECT, WORD_OR_OBJECT, and the elements of a LIST */
    const struct config_words *words;   /* WORD, WORDS */
    const char *(*complain)(const char *text); /* TEXT, NAME: NULL, or what is wrong with it: "is
                                                * …", "contains …". May be NULL. */
    bool (*is_set)(const void *base);          /* in the object of C that it is in; NULL: always */
    const char *pattern; /* the same for the schema, as an ECMA 262 regular expression */
    /* NULL; or whether the key has a meaning in the C object @base, and what it is for: "ports of
     * type tap". Where it has none it is refused, and not printed. */
    bool (*has_meaning)(const void *base);
    const char *meant_for;
    bool is_last; /* read when its siblings have been, whatever the order of the text */
    bool is_own;  /* is about the object that it stands in alone: no default fills it in */
};

struct config_object {
    const char *what; /* "a bridge" */
    const struct config_key *keys;
    uint32_t n_keys;
    size_t size; /* of the C object, for elements of a list */
    /* Of the uint64_t with a bit for each row whose key was written, and then only those are
     * printed; 0: nobody needs to know. */
    size_t written_offset;
    /* NULL; or what spans the keys of the C object @base, and is asked when they have been read. */
    void (*finish)(const struct config_text *text, struct config_report *report, const char *path,
                   uint32_t node, void *base);
};

extern const struct config_object config_document;
extern const struct config_object config_port; /* what an element of "ports" is */
extern const struct config_object config_port_defaults;

/** The row for @name, or NULL. */
const struct config_key *config_key_find(const struct config_object *object, const char *name);
/** Whether @key has a meaning in the C object @base, by what it is legal with and without. */
bool config_key_applies(const struct config_object *object, const struct config_key *key,
                        const void *base);
/** Whether null may stand in the place of @key's value in @object. */
bool config_key_can_be_none(const struct config_object *object, const struct config_key *key);
/** The bit of such a key in `none` of a struct config_port. */
uint64_t config_key_none_bit(const struct config_key *key);
/** Whether row @i of @object, which has a written_offset, was written. */
bool config_key_is_written(const struct config_object *object, uint32_t i, const void *base);

#endif
