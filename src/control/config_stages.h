/* SPDX-License-Identifier: ISC */
#ifndef CONFIG_STAGES_H
#define CONFIG_STAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/config.h"
#include "ringspan/config_keys.h"
#include "ringspan/json_scan.h"

/*
 * What the stages of config.h share: the text with its positions, and the list of errors while it
 * grows.
 */

struct json_object;

struct config_text {
    const char *bytes;
    size_t len;
    struct json_scan scan;
};

struct json_object;

/** Reads the CONFIG_VIDS or CONFIG_VID_MAP @key: the value @node, which is the array or object
 * @json, into the C object @base. Its errors are reported. */
void config_parse_vids(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, struct json_object *json,
                       const struct config_key *key, void *base);

/** Reads a CONFIG_MAC, the string @json at @node. Its errors are reported. */
void config_parse_mac(const struct config_text *text, struct config_report *report,
                      const char *path, uint32_t node, struct json_object *json, uint64_t *ret_mac);

/** What @object's keys are where nobody says it. */
void config_set_defaults(const struct config_object *object, void *base);
/** Notes for @object, which has a written_offset, which of its keys the object @node has. */
void config_note_written(const struct config_text *text, uint32_t node,
                         const struct config_object *object, void *base);
/** Fills in what the object @node, which @port is read from, leaves to @defaults: the keys that are
 * legal there and have a meaning on @bridge. 0 or -ENOMEM. */
int config_fill_in(const struct config_text *text, uint32_t node,
                   const struct config_port_defaults *defaults, const struct config_bridge *bridge,
                   struct config_port *port);
/** Whether @key is the same in both. */
bool config_same_key(const struct config_key *key, const void *a, const void *b);
/** Makes @key in @base what it is in @from, and releases nothing. 0 or -ENOMEM. */
int config_copy_key(const struct config_key *key, void *base, const void *from);

/** Read a CONFIG_RATE and a CONFIG_BURST: the string @written, which is the value @node. Errors are
 * reported. */
void config_parse_rate(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, const char *written, struct rate *ret_rate);
void config_parse_burst(const struct config_text *text, struct config_report *report,
                        const char *path, uint32_t node, const char *written,
                        struct burst *ret_burst);
/** For the object @node, of a struct config_meter: a burst that was not written is that of its
 * rate, and one in another unit is an error. */
void config_finish_storm_meter(const struct config_text *text, struct config_report *report,
                               const char *path, uint32_t node, void *base);
void config_finish_policing_meter(const struct config_text *text, struct config_report *report,
                                  const char *path, uint32_t node, void *base);

/** Reads a CONFIG_WORDS, the array @json at @node: no word twice. Its errors are reported. */
void config_parse_words(const struct config_text *text, struct config_report *report,
                        const char *path, uint32_t node, struct json_object *json,
                        const struct config_words *words, uint64_t *ret_bits);

/* What a list of numbers and ranges is of. */
struct config_ranges {
    const char *noun;
    const char *how_to_write; /* hints */
    const char *if_empty;
    uint32_t min;
    uint32_t max;
    void (*add)(void *set, uint32_t first, uint32_t last);
};

/** A number, or a list of numbers and ranges of them, into @set, which was empty. Errors are
 * reported. */
void config_parse_ranges(const struct config_text *text, struct config_report *report,
                         const char *path, uint32_t node, struct json_object *json,
                         const struct config_ranges *ranges, void *set);

/** The same of CPUs, into whatever @ret_cpus was. */
void config_parse_cpus(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, struct json_object *json,
                       struct cpus *ret_cpus);

/** Reports what spans keys, and fills in what one key takes from another (ifname). 0 or -ENOMEM. */
int config_check(const struct config_text *text, struct config *config,
                 struct config_report *report);

/** The part of config_check() that is about static entries of forwarding tables. 0 or -ENOMEM. */
int config_check_static(const struct config_text *text, const struct config *config,
                        struct config_report *report);

/** The part of config_check() about mirrors and their ports. 0 or -ENOMEM. */
int config_check_mirrors(const struct config_text *text, const struct config *config,
                         struct config_report *report);
/** Whether a mirror of @bridge has @port for its output: it needs less than others. */
bool config_is_mirror_output(const struct config_bridge *bridge, const struct config_port *port);

#define CONFIG_PORT_HINT_SIZE 192

/** The pattern of the bridge that may make a port of this name, or NULL. */
const char *config_match_of_port(const struct config_bridge *bridge, const char *name);
/** Of a bridge that has no port @name: where there is one, or what would make one that @cannot
 * ("have no static entries"); or "". */
void config_hint_port(const struct config *config, const struct config_bridge *bridge,
                      const char *name, const char *cannot, char ret_hint[CONFIG_PORT_HINT_SIZE]);

/** Whether what the key of a port says has a meaning on a bridge of this mode. */
bool config_mode_has(enum bridge_mode mode, const char *port_key);

/** The part of config_check() about what a bridge's mode asks for. @bridge_node is the bridge's. */
void config_check_mode(const struct config_text *text, const struct config_bridge *bridge,
                       uint32_t index, uint32_t bridge_node, struct config_report *report);

/** The part of config_check() about VLANs: of a bridge, which is at @bridge_node, and of what ports
 * have by default. */
void config_check_vlans(const struct config_text *text, const struct config_bridge *bridge,
                        uint32_t index, uint32_t bridge_node, struct config_report *report);
void config_check_default_vlan(const struct config_text *text, const struct config *config,
                               struct config_report *report);

/** 0 or -ENOMEM; @report needs config_report_fini() either way. */
int config_report_init(struct config_report *report, const char *source);
/** Adds an error at its place in the order of the text. @hint may be NULL. An error that there is
 * no room or no memory for is counted in n_more. */
void config_report_add(struct config_report *report, size_t offset, const char *path,
                       const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/** False if an error at @offset would only be counted: a text of 8 MiB can have more of them than
 * anybody should spend a sentence on. */
bool config_report_keeps(const struct config_report *report, size_t offset);
/** Finds lines, columns and excerpts, once all errors are in. */
void config_report_locate(struct config_report *report, const char *text, size_t len);

#define CONFIG_QUOTE_SIZE 384

/** 'text', cut if it is long, with what is not for terminals as \u escapes. Returns @ret_quoted. */
const char *config_quote(const char *text, char ret_quoted[CONFIG_QUOTE_SIZE]);

#define CONFIG_HINT_SIZE 512

/** What to write instead of a value of another type than @wanted, or "". */
void config_hint_type(const struct config_key *key, enum json_kind wanted,
                      const struct json_node *node, struct json_object *json,
                      char ret_hint[CONFIG_HINT_SIZE]);

/** What whoever wrote the key @name, which @object does not have, may have meant, or "". True if it
 * is planned for another object, and nothing else comes to mind. */
bool config_hint_key(const struct config_object *object, const char *name,
                     char ret_hint[CONFIG_HINT_SIZE]);

#define CONFIG_MAX_CANDIDATES 64

/** The one of @candidates that whoever wrote @word is likely to mean, or NULL. */
const char *config_suggest(const char *word, const char *const *candidates, uint32_t n);

#endif
