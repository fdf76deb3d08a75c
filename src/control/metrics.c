/* SPDX-License-Identifier: ISC */
#include "ringspan/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_private.h"
#include "ringspan/clock.h"
#include "ringspan/json_scan.h"

#define US_PER_SEC UINT64_C(1000000)

/* The longest line has three labels of names that are escaped byte by byte, or a help text. */
#define LINE_SIZE 1024

struct metrics_scrape {
    struct metrics_source *source;
    enum metrics_format format;
    bool is_copied;
    bool is_over;
    struct metrics_copies copies;
    /* What is written next. */
    const struct metrics_family *families;
    uint32_t n_families;
    uint32_t family;
    bool has_head;
    uint32_t bridge;
    uint32_t record;
    uint32_t variant;
};

void metrics_source_init(struct metrics_source *source, struct event_loop *loop,
                         struct daemon *daemon)
{
    *source =
        (struct metrics_source){.loop = loop, .daemon = daemon, .started_us = clock_wall_us()};
}

int metrics_scrape_new(struct metrics_source *source, enum metrics_format format,
                       struct metrics_scrape **ret)
{
    struct metrics_scrape *scrape;

    if (source->n_scrapes == LIMIT_METRICS_SCRAPES)
        return -EBUSY;
    scrape = calloc(1, sizeof(*scrape));
    if (!scrape)
        return -ENOMEM;
    scrape->source = source;
    scrape->format = format;
    scrape->families = metrics_families(&scrape->n_families);
    source->n_scrapes++;
    *ret = scrape;
    return 0;
}

void metrics_scrape_free(struct metrics_scrape *scrape)
{
    if (!scrape)
        return;
    scrape->source->n_scrapes--;
    metrics_copies_fini(&scrape->copies);
    free(scrape);
}

/* ---- one line ---- */

struct line {
    char text[LINE_SIZE];
    size_t len;
};

static void add(struct line *line, const char *text)
{
    size_t len = strnlen(text, sizeof(line->text) - line->len);

    memcpy(line->text + line->len, text, len);
    line->len += len;
}

/* @per_unit is a power of ten. */
static void add_number(struct line *line, uint64_t value, uint64_t per_unit)
{
    char digits[48];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, value / per_unit);

    if (per_unit > 1)
        digits[len++] = '.';
    for (uint64_t place = per_unit / 10; place > 0; place /= 10)
        digits[len++] = (char)('0' + value / place % 10);
    digits[len] = '\0';
    add(line, digits);
}

static uint64_t per_unit_of(const struct metrics_family *family,
                            const struct metrics_sample *sample)
{
    bool is_time = family->unit && strcmp(family->unit, "seconds") == 0;

    return sample->per_unit != 0 ? sample->per_unit : is_time ? US_PER_SEC : 1;
}

/* One byte, or one character, of @text at @at; returns how many bytes. */
static size_t add_character(struct line *line, const char *text, size_t len, size_t at)
{
    uint32_t code;
    size_t n = json_utf8(text, len, at, &code);
    char buffer[8];

    if (n == 0) {
        snprintf(buffer, sizeof(buffer), "\\\\x%02x", (unsigned char)text[at]);
        n = 1;
    } else if (text[at] == '\n') {
        strcpy(buffer, "\\n");
    } else if (text[at] == '"' || text[at] == '\\') {
        snprintf(buffer, sizeof(buffer), "\\%c", text[at]);
    } else {
        memcpy(buffer, text + at, n);
        buffer[n] = '\0';
    }
    add(line, buffer);
    return n;
}

/* A value of a label, or a help text. */
static void add_escaped(struct line *line, const char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; at < len;)
        at += add_character(line, text, len, at);
}

static void add_label(struct line *line, const struct metrics_label *label, bool is_first)
{
    add(line, is_first ? "{" : ",");
    add(line, label->name);
    add(line, "=\"");
    add_escaped(line, label->value);
    add(line, "\"");
}

static const char *suffix_of(enum metrics_type type)
{
    switch (type) {
    case METRICS_COUNTER:
        return "_total";
    case METRICS_INFO:
        return "_info";
    case METRICS_GAUGE:
    case METRICS_STATESET:
    case METRICS_HISTOGRAM: /* each sample has its own */
        break;
    }
    return "";
}

/* 0.0.4 has neither of these two, and calls a family as it calls its samples. */
static const char *type_in_text(enum metrics_type type)
{
    bool is_known = type != METRICS_INFO && type != METRICS_STATESET;

    return metrics_type_name(is_known ? type : METRICS_GAUGE);
}

static void add_comment(struct line *line, const char *keyword, const struct metrics_family *family,
                        bool has_suffix)
{
    add(line, "# ");
    add(line, keyword);
    add(line, " ");
    add(line, family->name);
    if (has_suffix)
        add(line, suffix_of(family->type));
    add(line, " ");
}

static void add_head(struct line *line, const struct metrics_family *family,
                     enum metrics_format format)
{
    bool is_text = format == METRICS_TEXT;

    add_comment(line, "HELP", family, is_text);
    add_escaped(line, family->help);
    add(line, "\n");
    add_comment(line, "TYPE", family, is_text);
    add(line, is_text ? type_in_text(family->type) : metrics_type_name(family->type));
    add(line, "\n");
    if (is_text || !family->unit)
        return;
    add_comment(line, "UNIT", family, false);
    add(line, family->unit);
    add(line, "\n");
}

static void add_sample(struct line *line, const struct metrics_family *family,
                       const struct metrics_label *labels, uint32_t n_labels,
                       const struct metrics_sample *sample)
{
    add(line, family->name);
    add(line, sample->suffix ? sample->suffix : suffix_of(family->type));
    for (uint32_t i = 0; i < n_labels; i++)
        add_label(line, &labels[i], i == 0);
    for (uint32_t i = 0; i < sample->n_labels; i++)
        add_label(line, &sample->labels[i], n_labels == 0 && i == 0);
    if (n_labels + sample->n_labels > 0)
        add(line, "}");
    add(line, " ");
    add_number(line, sample->value, per_unit_of(family, sample));
    add(line, "\n");
}

/* ---- one sample ---- */

/* What the cursor of a scrape points at, with the labels of its record. */
struct target {
    const void *record;
    struct metrics_label labels[2];
    uint32_t n_labels;
};

static bool find_in_bridge(const struct metrics_bridge *bridge, enum metrics_scope scope,
                           uint32_t record, struct target *ret)
{
    ret->labels[0] = (struct metrics_label){"bridge", bridge->name};
    ret->n_labels = 2;
    switch (scope) {
    case METRICS_OF_PORT:
        if (record >= bridge->n_records)
            return false;
        ret->record = &bridge->ports[record];
        ret->labels[1] = (struct metrics_label){"port", bridge->ports[record].name};
        return true;
    case METRICS_OF_VLAN:
        if (record >= bridge->n_vlans)
            return false;
        ret->record = &bridge->vlans[record];
        ret->labels[1] = (struct metrics_label){"vlan", bridge->vlans[record].vid};
        return true;
    case METRICS_OF_MIRROR:
        if (record >= bridge->n_mirrors)
            return false;
        ret->record = &bridge->mirrors[record];
        ret->labels[1] = (struct metrics_label){"mirror", bridge->mirrors[record].name};
        return true;
    case METRICS_OF_BRIDGE:
        ret->record = bridge;
        ret->n_labels = 1;
        return record == 0;
    case METRICS_OF_DAEMON:
        break;
    }
    return false;
}

/* False: there are no more records, here or at all. */
static bool find_target(const struct metrics_scrape *scrape, const struct metrics_family *family,
                        struct target *ret)
{
    if (family->scope == METRICS_OF_DAEMON) {
        *ret = (struct target){.record = &scrape->copies.daemon};
        return scrape->record == 0;
    }
    return scrape->bridge < scrape->copies.n_bridges &&
           find_in_bridge(&scrape->copies.bridges[scrape->bridge],
                          (enum metrics_scope)family->scope, scrape->record, ret);
}

static bool get_sample(const struct metrics_family *family, const void *record, uint32_t variant,
                       struct metrics_sample *ret)
{
    const char *at = (const char *)record + family->offset;

    *ret = (struct metrics_sample){0};
    if (family->variants)
        return family->variants->get(at, variant, ret);
    memcpy(&ret->value, at, sizeof(ret->value));
    return ret->value != METRICS_ABSENT;
}

static bool write_next_sample(struct metrics_scrape *scrape, const struct metrics_family *family,
                              const struct target *target, struct byte_queue *out)
{
    uint32_t n_variants = family->variants ? family->variants->n : 1;
    struct metrics_sample sample;
    struct line line;

    while (scrape->variant < n_variants) {
        if (!get_sample(family, target->record, scrape->variant++, &sample))
            continue;
        line.len = 0;
        add_sample(&line, family, target->labels, target->n_labels, &sample);
        byte_queue_append(out, line.text, line.len);
        return true;
    }
    return false;
}

static void write_head(struct metrics_scrape *scrape, const struct metrics_family *family,
                       struct byte_queue *out)
{
    struct line line = {.len = 0};

    add_head(&line, family, scrape->format);
    byte_queue_append(out, line.text, line.len);
    scrape->has_head = true;
    scrape->bridge = 0;
    scrape->record = 0;
    scrape->variant = 0;
}

/* Behind the last record of a bridge, or of all. */
static void go_on(struct metrics_scrape *scrape, const struct metrics_family *family)
{
    scrape->record = 0;
    scrape->bridge++;
    if (family->scope != METRICS_OF_DAEMON && scrape->bridge < scrape->copies.n_bridges)
        return;
    scrape->family++;
    scrape->has_head = false;
}

static int write_next(struct metrics_scrape *scrape, struct byte_queue *out)
{
    static const char end[] = "# EOF\n";
    const struct metrics_family *family = &scrape->families[scrape->family];
    struct target target;

    if (scrape->family == scrape->n_families) {
        if (scrape->format == METRICS_OPENMETRICS)
            byte_queue_append(out, end, strlen(end));
        scrape->is_over = true;
        return 0;
    }
    if (!scrape->has_head) {
        write_head(scrape, family, out);
    } else if (!find_target(scrape, family, &target)) {
        go_on(scrape, family);
    } else if (!write_next_sample(scrape, family, &target, out)) {
        scrape->record++;
        scrape->variant = 0;
    }
    return 1;
}

int metrics_scrape_next(struct metrics_scrape *scrape, struct byte_queue *out)
{
    int r;

    if (scrape->is_over)
        return 0;
    if (scrape->is_copied)
        return write_next(scrape, out);
    r = metrics_copy_next(&scrape->copies, scrape->source);
    scrape->is_copied = r == 0;
    return r < 0 ? r : 1;
}
