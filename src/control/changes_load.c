/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes_private.h"
#include "ringspan/config_keys.h"
#include "ringspan/config_print.h"

/* ---- a file ---- */

static char *print_report(const struct config_report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (!stream)
        return NULL;
    config_report_print(report, stream);
    fclose(stream);
    return text;
}

static void finish_loading(struct change *change, struct config_report *report)
{
    const struct changes_params *params = &change->changes->params;

    if (change->error < 0)
        change->sentence = print_report(report);
    else if (params->has_log_level)
        change->next->daemon.log.level = params->log_level;
    config_report_fini(report);
}

static void load_file(struct change *change)
{
    struct config_report report;

    change->error = config_load(change->changes->path, &change->next, &report);
    finish_loading(change, &report);
    if (change->error == 0)
        change->error = config_clone(change->next, &change->file);
}

static void load_descriptor(struct change *change)
{
    struct config_report report;

    change->error = config_load_sealed(change->fd, change->source, &change->next, &report);
    finish_loading(change, &report);
    if (change->error == 0 && change->confirm_ns > 0)
        change->error = config_clone(change->now, &change->before);
}

/* ---- an edit ---- */

static struct json_object *parse_tree(struct byte_queue *text)
{
    struct json_tokener *tokener = json_tokener_new_ex(LIMIT_CONFIG_DEPTH + 2);
    struct json_object *tree;

    if (!tokener)
        return NULL;
    tree = json_tokener_parse_ex(tokener, byte_queue_data(text), (int)text->len);
    json_tokener_free(tokener);
    return tree;
}

static struct json_object *document_of(const struct config *config)
{
    struct json_object *tree = NULL;
    struct json_writer writer;
    struct byte_queue text;

    byte_queue_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    config_print(&writer, config);
    byte_queue_append(&text, "", 1);
    if (!text.overflowed)
        tree = parse_tree(&text);
    byte_queue_fini(&text);
    return tree;
}

/* The name of an element that can be called by it: of one that is wrong nobody knows what it would
 * do to a terminal. */
static const char *name_of(struct json_object *list, unsigned i)
{
    struct json_object *element = list ? json_object_array_get_idx(list, i) : NULL;
    const char *name = json_object_get_string(json_object_object_get(element, "name"));

    return name && !config_key_find(&config_port, "name")->complain(name) ? name : NULL;
}

/* Prints what @at begins with, "bridges[0]" or "bridges[0].ports[3]", by its name; returns its
 * length, or 0 if it is nothing of the kind. */
static size_t print_name(struct json_object *document, const char *at, FILE *stream)
{
    struct json_object *bridges = json_object_object_get(document, "bridges");
    const char *what = "port";
    unsigned bridge, port;
    const char *name;
    int n = 0;

    if (sscanf(at, "bridges[%u].ports[%u]%n", &bridge, &port, &n) == 2 && n > 0) {
        struct json_object *of = json_object_array_get_idx(bridges, bridge);

        name = name_of(json_object_object_get(of, "ports"), port);
    } else if (sscanf(at, "bridges[%u]%n", &bridge, &n) == 1 && n > 0) {
        name = name_of(bridges, bridge);
        what = "bridge";
    } else {
        return 0;
    }
    if (!name)
        return 0;
    fprintf(stream, "%s %s", what, name);
    return (size_t)n;
}

/* Whoever changes one thing does not count the bridges and ports of the document. */
static void print_with_names(struct json_object *document, const char *text, FILE *stream)
{
    while (*text) {
        size_t n = print_name(document, text, stream);

        text += n;
        if (n > 0 && *text == '.') {
            fputs(": ", stream);
            text++;
        } else if (n == 0) {
            fputc(*text++, stream);
        }
    }
}

/* "port r1: admin_state: 'upp' is not 'up' or 'down': did you mean 'up'?" */
static void print_error(const struct config_error *error, struct json_object *document,
                        FILE *stream)
{
    print_with_names(document, error->path, stream);
    if (*error->path)
        fputs(": ", stream);
    print_with_names(document, error->message, stream);
    if (error->hint)
        fprintf(stream, ": %s", error->hint);
}

static char *print_sentence(const struct config_report *report, struct json_object *document)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (!stream)
        return NULL;
    for (uint32_t i = 0; i < report->n_errors; i++) {
        if (i > 0)
            fputs("; ", stream);
        print_error(&report->errors[i], document, stream);
    }
    fclose(stream);
    return text;
}

static void judge(struct change *change, struct json_object *document)
{
    struct config_report report;
    size_t len;
    const char *text = json_object_to_json_string_length(
        document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

    change->error =
        text ? config_parse(change_name(change), text, len, &change->next, &report) : -ENOMEM;
    if (!text)
        return;
    if (change->error < 0)
        change->sentence = print_sentence(&report, document);
    config_report_fini(&report);
}

static void load_edit(struct change *change)
{
    struct json_object *document = document_of(change->now);
    char why[CHANGE_WHY_SIZE] = "";

    change->error = document ? change->edit->alter(change->state, document, why) : -ENOMEM;
    if (change->error == 0)
        judge(change, document);
    else if (why[0])
        change->sentence = strdup(why);
    json_object_put(document);
}

/* ---- all of them ---- */

/* A key that only a start changes is no key for a run-time command. */
static void refuse_restart(struct change *change)
{
    for (uint32_t i = 0; i < change->plan.n_steps; i++) {
        const struct plan_step *step = &change->plan.steps[i];

        if (step->disruption != PLAN_DISRUPTS_RESTART)
            continue;
        change->error = -EINVAL;
        if (asprintf(&change->sentence, "%s cannot change while the daemon runs", step->key) < 0)
            change->sentence = NULL;
        return;
    }
}

void change_load(void *arg)
{
    struct change *change = arg;

    if (change->error < 0)
        return; /* it was refused before it began */
    switch (change->kind) {
    case CHANGE_RELOAD:
        load_file(change);
        break;
    case CHANGE_APPLY:
        load_descriptor(change);
        break;
    case CHANGE_EDIT:
        load_edit(change);
        break;
    case CHANGE_RESTORE:
        change->error = config_clone(change->changes->before, &change->next);
        break;
    case CHANGE_DIFF:
        change->error = plan_make(change->changes->file, change->now, &change->plan);
        return;
    }
    if (change->error == 0)
        change->error = plan_make(change->now, change->next, &change->plan);
    if (change->error == 0 && change->kind == CHANGE_EDIT)
        refuse_restart(change);
}
