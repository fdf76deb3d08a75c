/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_stages.h"
#include "ringspan/config.h"

/* Characters of a line that are shown, and of a text that is quoted. */
#define EXCERPT_WIDTH 76
#define QUOTE_WIDTH   40
#define CUT           "..."
#define INDENT        "    "

int config_report_init(struct config_report *report, const char *source)
{
    *report = (struct config_report){.source = strdup(source)};
    return report->source ? 0 : -ENOMEM;
}

static void error_fini(struct config_error *error)
{
    free(error->path);
    free(error->message);
    free(error->hint);
    free(error->excerpt);
}

void config_report_fini(struct config_report *report)
{
    for (uint32_t i = 0; i < report->n_errors; i++)
        error_fini(&report->errors[i]);
    free(report->errors);
    free(report->source);
    *report = (struct config_report){0};
}

bool config_report_keeps(const struct config_report *report, size_t offset)
{
    return report->n_errors < CONFIG_MAX_ERRORS ||
           offset < report->errors[CONFIG_MAX_ERRORS - 1].offset;
}

/* Makes room at the place where an error at @offset belongs; NULL if it is not to be kept. */
static struct config_error *insert(struct config_report *report, size_t offset)
{
    uint32_t i = report->n_errors;

    if (!report->errors)
        report->errors = calloc(CONFIG_MAX_ERRORS, sizeof(*report->errors));
    if (!report->errors || !config_report_keeps(report, offset))
        return NULL;
    while (i > 0 && report->errors[i - 1].offset > offset)
        i--;
    if (report->n_errors == CONFIG_MAX_ERRORS) {
        error_fini(&report->errors[--report->n_errors]);
        report->n_more++;
    }
    memmove(&report->errors[i + 1], &report->errors[i],
            (report->n_errors - i) * sizeof(*report->errors));
    report->n_errors++;
    report->errors[i] = (struct config_error){.offset = offset};
    return &report->errors[i];
}

void config_report_add(struct config_report *report, size_t offset, const char *path,
                       const char *hint, const char *format, ...)
{
    struct config_error *error = insert(report, offset);
    va_list args;

    if (!error) {
        report->n_more++;
        return;
    }
    va_start(args, format);
    if (vasprintf(&error->message, format, args) < 0)
        error->message = NULL;
    va_end(args);
    error->path = strdup(path);
    error->hint = hint ? strdup(hint) : NULL;
}

/* C0, DEL, C1, and what reorders or hides text on a terminal. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

const char *config_quote(const char *text, char ret_quoted[CONFIG_QUOTE_SIZE])
{
    size_t len = strlen(text);
    size_t n = 0;
    size_t at = 0;

    ret_quoted[n++] = '\'';
    for (uint32_t width = 0; at < len && width < QUOTE_WIDTH; width++) {
        uint32_t c;
        uint32_t bytes = json_utf8(text, len, at, &c);

        if (bytes == 0 || is_unsafe(c)) {
            n += (size_t)snprintf(ret_quoted + n, CONFIG_QUOTE_SIZE - n, "\\u%04x",
                                  bytes ? c : (uint8_t)text[at]);
        } else {
            memcpy(ret_quoted + n, text + at, bytes);
            n += bytes;
        }
        at += bytes ? bytes : 1;
    }
    snprintf(ret_quoted + n, CONFIG_QUOTE_SIZE - n, "%s'", at < len ? CUT : "");
    return ret_quoted;
}

/* As json_position() counts: a character is a byte and the continuation bytes behind it. */
static size_t skip_char(const char *text, size_t end, size_t at)
{
    at++;
    while (at < end && ((uint8_t)text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static uint32_t count_chars(const char *text, size_t end, size_t at)
{
    uint32_t n = 0;

    for (; at < end; at = skip_char(text, end, at))
        n++;
    return n;
}

static size_t line_end(const char *text, size_t len, size_t start)
{
    const char *newline = memchr(text + start, '\n', len - start);
    size_t end = newline ? (size_t)(newline - text) : len;

    return end > start && text[end - 1] == '\r' ? end - 1 : end;
}

/* @n characters from @at, those that are not for terminals as '?'. */
static void copy_safely(FILE *stream, const char *text, size_t end, size_t at, uint32_t n)
{
    for (; at < end && n > 0; n--) {
        size_t next = skip_char(text, end, at);
        uint32_t c;
        bool is_valid = json_utf8(text, next, at, &c) == next - at;

        if (is_valid && (c == '\t' || !is_unsafe(c)))
            fwrite(text + at, 1, next - at, stream);
        else
            fputc('?', stream);
        at = next;
    }
}

/* The line from @start to @end, cut around @column. */
static void set_excerpt(struct config_error *error, const char *text, size_t start, size_t end)
{
    uint32_t n = count_chars(text, end, start);
    uint32_t first = error->column > EXCERPT_WIDTH / 2 ? error->column - EXCERPT_WIDTH / 2 : 1;
    size_t at = start;
    size_t size;
    FILE *stream;

    if (n <= EXCERPT_WIDTH)
        first = 1;
    else if (first > n - EXCERPT_WIDTH + 1)
        first = n - EXCERPT_WIDTH + 1;
    for (uint32_t i = 1; i < first; i++)
        at = skip_char(text, end, at);
    error->excerpt_column = error->column - first + 1;
    if (first > 1)
        error->excerpt_column += strlen(CUT);

    stream = open_memstream(&error->excerpt, &size);
    if (!stream)
        return;
    fputs(first > 1 ? CUT : "", stream);
    copy_safely(stream, text, end, at, EXCERPT_WIDTH);
    fputs(first + EXCERPT_WIDTH <= n ? CUT : "", stream);
    fclose(stream);
}

void config_report_locate(struct config_report *report, const char *text, size_t len)
{
    uint32_t line = 1;
    size_t line_start = 0;

    for (uint32_t i = 0; i < report->n_errors; i++) {
        struct config_error *error = &report->errors[i];
        struct json_position position =
            json_position(text + line_start, len - line_start, error->offset - line_start);

        line += position.line - 1;
        line_start += position.line_start;
        error->line = line;
        error->column = position.column;
        set_excerpt(error, text, line_start, line_end(text, len, line_start));
    }
}

/* Columns of a terminal that the character takes. The common blocks are enough here: a caret that
 * is off by one under a rare script does no harm. */
static uint32_t display_width(uint32_t c)
{
    static const struct {
        uint32_t first;
        uint32_t last;
        uint32_t width;
    } blocks[] = {
        {0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x20d0, 0x20ff, 0},   {0x2e80, 0x303e, 2},
        {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
        {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
        {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (c >= blocks[i].first && c <= blocks[i].last)
            return blocks[i].width;
    }
    return 1;
}

/* Tabs stay tabs, so that the caret stands right whatever their width. */
static void print_caret(FILE *stream, const struct config_error *error)
{
    size_t len = strlen(error->excerpt);
    size_t at = 0;

    fputs(INDENT, stream);
    for (uint32_t column = 1; column < error->excerpt_column && at < len; column++) {
        uint32_t c = ' ';
        uint32_t bytes = json_utf8(error->excerpt, len, at, &c);

        if (c == '\t')
            fputc('\t', stream);
        else
            fprintf(stream, "%*s", (int)display_width(c), "");
        at += bytes ? bytes : 1;
    }
    fputs("^\n", stream);
}

static void print_error(FILE *stream, const char *source, const struct config_error *error)
{
    bool has_path = error->path && error->path[0];

    copy_safely(stream, source, strlen(source), 0, UINT32_MAX);
    fprintf(stream, ":%" PRIu32 ":%" PRIu32 ": %s%s%s\n", error->line, error->column,
            has_path ? error->path : "", has_path ? ": " : "",
            error->message ? error->message : "out of memory");
    if (error->excerpt && error->excerpt[strspn(error->excerpt, " \t")]) {
        fprintf(stream, INDENT "%s\n", error->excerpt);
        print_caret(stream, error);
    }
    if (error->hint)
        fprintf(stream, INDENT "hint: %s\n", error->hint);
}

void config_report_print(const struct config_report *report, FILE *stream)
{
    for (uint32_t i = 0; i < report->n_errors; i++)
        print_error(stream, report->source, &report->errors[i]);
    if (report->n_more > 0)
        fprintf(stream, "and %" PRIu32 " more\n", report->n_more);
}
