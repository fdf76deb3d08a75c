/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "config_stages.h"

#define PATH_SIZE 512

/* A list of words out of a few. There may be too many of them for a sentence that names them all.
 */

struct words_parser {
    const struct config_text *text;
    struct config_report *report;
    const struct config_words *words;
    char path[PATH_SIZE];
};

#define error_at(p, node, hint, ...) \
    config_report_add((p)->report, (p)->text->scan.nodes[node].start, (p)->path, hint, __VA_ARGS__)

static void report_unknown(const struct words_parser *p, uint32_t node, const char *word)
{
    const char *candidates[CONFIG_MAX_CANDIDATES];
    char quoted[CONFIG_QUOTE_SIZE];
    char hint[CONFIG_HINT_SIZE];
    const char *suggestion;
    uint32_t n = 0;

    while (n < p->words->n && n < CONFIG_MAX_CANDIDATES) {
        candidates[n] = p->words->name(n);
        n++;
    }
    suggestion = config_suggest(word, candidates, n);
    if (suggestion)
        snprintf(hint, sizeof(hint), "did you mean '%s'?", suggestion);
    else
        snprintf(hint, sizeof(hint), "words are '%s', '%s' and others: see ringspan.json(5)",
                 candidates[0], candidates[n - 1]);
    error_at(p, node, hint, "unknown word %s", config_quote(word, quoted));
}

static void parse_element(const struct words_parser *p, uint32_t node, struct json_object *json,
                          uint64_t *bits)
{
    enum json_kind kind = p->text->scan.nodes[node].kind;
    const char *word = json_object_get_string(json);
    uint32_t i = 0;

    if (kind != JSON_STRING) {
        error_at(p, node, NULL, "expected a string, not %s", json_kind_name(kind));
        return;
    }
    while (i < p->words->n && strcmp(word, p->words->name(i)) != 0)
        i++;
    if (i == p->words->n)
        report_unknown(p, node, word);
    else if (*bits >> i & 1)
        error_at(p, node, NULL, "'%s' is in the list already", word);
    else
        *bits |= UINT64_C(1) << i;
}

void config_parse_words(const struct config_text *text, struct config_report *report,
                        const char *path, uint32_t node, struct json_object *json,
                        const struct config_words *words, uint64_t *ret_bits)
{
    struct words_parser p = {.text = text, .report = report, .words = words};
    uint32_t n = json_n_children(&text->scan, node);
    uint32_t child = json_first_child(&text->scan, node);

    *ret_bits = 0;
    snprintf(p.path, sizeof(p.path), "%s", path);
    if (n == 0)
        error_at(&p, node, "leave it out", "the list is empty: at least 1 is required");
    for (uint32_t i = 0; i < n; i++) {
        snprintf(p.path, sizeof(p.path), "%s[%" PRIu32 "]", path, i);
        parse_element(&p, child, json_object_array_get_idx(json, i), ret_bits);
        child = json_next_child(&text->scan, node, child);
    }
}
