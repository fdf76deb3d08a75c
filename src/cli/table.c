/* SPDX-License-Identifier: ISC */
#include "ringspan/table.h"

#include <stdlib.h>
#include <string.h>

#include "ringspan/byte_queue.h"

#define GAP 2

struct table {
    const struct table_column *columns;
    uint32_t n_columns;
    uint32_t *widths;
    struct byte_queue cells; /* strings, one after the other, each with its NUL */
    uint64_t n_cells;
};

static bool is_continuation_byte(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static uint32_t text_width(const char *text)
{
    uint32_t width = 0;

    for (; *text; text++)
        width += !is_continuation_byte(*text);
    return width;
}

struct table *table_new(const struct table_column *columns, uint32_t n_columns)
{
    struct table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->columns = columns;
    table->n_columns = n_columns;
    byte_queue_init(&table->cells, SIZE_MAX);
    table->widths = calloc(n_columns, sizeof(*table->widths));
    if (!table->widths) {
        table_free(table);
        return NULL;
    }
    for (uint32_t i = 0; i < n_columns; i++)
        table->widths[i] = text_width(columns[i].title);
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    byte_queue_fini(&table->cells);
    free(table->widths);
    free(table);
}

bool table_add(struct table *table, const char *text)
{
    uint32_t *width = &table->widths[table->n_cells % table->n_columns];
    uint32_t text_w = text_width(text);

    if (!byte_queue_append(&table->cells, text, strlen(text) + 1))
        return false;
    table->n_cells++;
    if (text_w > *width)
        *width = text_w;
    return true;
}

static void print_printable(const char *text, FILE *stream)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stream);
}

/* Spaces are owed until something follows, so that no line ends with them. */
static void print_cell(const struct table *table, uint32_t column, const char *text, uint32_t *owed,
                       FILE *stream)
{
    uint32_t padding = table->widths[column] - text_width(text);
    bool is_number = table->columns[column].is_number;

    if (is_number)
        *owed += padding;
    if (*text) {
        fprintf(stream, "%*s", (int)*owed, "");
        *owed = 0;
    }
    print_printable(text, stream);
    *owed += GAP + (is_number ? 0 : padding);
    if (column + 1 == table->n_columns) {
        fputc('\n', stream);
        *owed = 0;
    }
}

bool table_is_empty(const struct table *table)
{
    return table->n_cells == 0;
}

void table_print(const struct table *table, FILE *stream)
{
    const char *cell = byte_queue_data(&table->cells);
    uint32_t owed = 0;

    if (table_is_empty(table))
        return;
    for (uint32_t i = 0; i < table->n_columns; i++)
        print_cell(table, i, table->columns[i].title, &owed, stream);
    for (uint64_t i = 0; i < table->n_cells; i++) {
        print_cell(table, (uint32_t)(i % table->n_columns), cell, &owed, stream);
        cell += strlen(cell) + 1;
    }
}
