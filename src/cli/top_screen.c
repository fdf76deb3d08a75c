/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli_rows.h"
#include "top.h"

#define NAME_WIDTH   15
#define STATE_WIDTH  10
#define NUMBER_WIDTH 8
#define FRAME_LINES  4 /* around the list: two above its titles, and one below */

#define REVERSE "\033[7m"
#define BOLD    "\033[1m"
#define RED     "\033[31m"
#define YELLOW  "\033[33m"
#define NORMAL  "\033[0m"

/* A screen that is being filled. What does not fit is cut off: nothing ever wraps or scrolls. */
struct canvas {
    const struct top_look *look;
    struct byte_queue *out;
    uint32_t row;
    uint32_t column;
};

static void put_raw(const struct canvas *c, const char *text)
{
    byte_queue_append(c->out, text, strlen(text));
}

static bool has_room(const struct canvas *c)
{
    return c->row < c->look->rows;
}

/* Names are the kernel's. What is not ASCII may be of any width, or none. */
static void put(struct canvas *c, const char *text)
{
    for (; *text && has_room(c) && c->column < c->look->columns; text++) {
        unsigned char byte = (unsigned char)*text;
        char shown = byte >= ' ' && byte < 0x7f ? *text : '?';

        if ((byte & 0xc0) == 0x80)
            continue;
        byte_queue_append(c->out, &shown, 1);
        c->column++;
    }
}

__attribute__((format(printf, 2, 3))) static void print(struct canvas *c, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put(c, text);
}

static void set_color(const struct canvas *c, const char *color)
{
    if (c->look->has_color && has_room(c))
        put_raw(c, color);
}

/* To be called before each line but the first. */
static void end_line(struct canvas *c)
{
    c->row++;
    c->column = 0;
    if (has_room(c))
        put_raw(c, "\n");
}

static void put_padded(struct canvas *c, const char *text, uint32_t width)
{
    uint32_t until = c->column + width;
    char cut[TOP_NAME_SIZE];

    snprintf(cut, sizeof(cut), "%.*s", (int)width, text);
    put(c, cut);
    while (c->column < until && c->column < c->look->columns)
        put(c, " ");
    put(c, " ");
}

/* Seven characters at most: "999", "1.23k", "45.6M". */
static void put_number(struct canvas *c, uint64_t number)
{
    static const char units[] = " kMGTPE";
    double value = (double)number;
    int unit = 0;
    char text[32];

    while (value >= 1000 && units[unit + 1]) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text, sizeof(text), "%u", (unsigned)number);
    else
        snprintf(text, sizeof(text), "%.*f%c",
                 value < 9.995   ? 2
                 : value < 99.95 ? 1
                                 : 0,
                 value, units[unit]);
    print(c, "%*s ", NUMBER_WIDTH, text);
}

/* As many of the newest as there are columns left, against the highest of these. */
static void put_sparkline(struct canvas *c, const struct top_port *port)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const letters[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
    uint32_t n = c->look->columns > c->column ? c->look->columns - c->column : 0;
    const uint64_t *values;
    uint64_t highest = 1;

    if (n > TOP_HISTORY)
        n = TOP_HISTORY;
    if (!has_room(c))
        return;
    values = port->history + TOP_HISTORY - n;
    for (uint32_t i = 0; i < n; i++)
        highest = values[i] > highest ? values[i] : highest;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t level = (uint32_t)((double)values[i] * 8 / (double)highest + 0.5);

        if (values[i] > 0 && level == 0)
            level = 1;
        put_raw(c, c->look->has_utf8 ? blocks[level] : letters[level]);
        c->column++;
    }
}

static void put_titles(struct canvas *c)
{
    put_padded(c, "PORT", NAME_WIDTH);
    put_padded(c, "STATE", STATE_WIDTH);
    print(c, "%*s %*s %*s %*s %*s ", NUMBER_WIDTH, "RX PKT/S", NUMBER_WIDTH, "RX BIT/S",
          NUMBER_WIDTH, "TX PKT/S", NUMBER_WIDTH, "TX BIT/S", NUMBER_WIDTH, "DROP/S");
}

static void put_port(struct canvas *c, const struct top_port *port)
{
    put_padded(c, port->name, NAME_WIDTH);
    put_padded(c, port->state, STATE_WIDTH);
    put_number(c, port->rate.rx_packets);
    put_number(c, port->rate.rx_bytes * 8);
    put_number(c, port->rate.tx_packets);
    put_number(c, port->rate.tx_bytes * 8);
    put_number(c, port->rate.drops);
}

static const char *color_of(const struct top_port *port)
{
    if (port->rate.drops > 0 || strcmp(port->state, "error") == 0)
        return RED;
    return strcmp(port->state, "forwarding") == 0 ? "" : YELLOW;
}

static void put_summary(struct canvas *c, const struct top *top)
{
    struct top_counters sum = {0};
    uint32_t n_forwarding = 0;

    for (uint32_t i = 0; i < top->n_ports; i++) {
        n_forwarding += strcmp(top->ports[i].state, "forwarding") == 0;
        sum.rx_packets += top->ports[i].rate.rx_packets;
        sum.rx_bytes += top->ports[i].rate.rx_bytes;
        sum.drops += top->ports[i].rate.drops;
    }
    print(c, "ringspan: %u ports, %u forwarding, sorted by %s", top->n_ports, n_forwarding,
          top_sort_name(top->sort));
    end_line(c);
    put(c, "received:");
    put_number(c, sum.rx_packets);
    put(c, "packets/s,");
    put_number(c, sum.rx_bytes * 8);
    put(c, "bit/s; dropped:");
    put_number(c, sum.drops);
    put(c, "/s");
    end_line(c);
}

/* The selected port is always among those that are shown. */
static uint32_t first_shown(const struct top *top, uint32_t room)
{
    uint32_t selected = top_selected(top);

    return selected < room ? 0 : selected - room + 1;
}

static void draw_list(struct canvas *c, const struct top *top)
{
    uint32_t room = c->look->rows > FRAME_LINES ? c->look->rows - FRAME_LINES : 0;
    uint32_t first = room > 0 ? first_shown(top, room) : 0;

    put_summary(c, top);
    if (!has_room(c))
        return;
    set_color(c, BOLD);
    put_titles(c);
    set_color(c, NORMAL);
    end_line(c);
    for (uint32_t i = first; i < top->n_ports && i < first + room; i++) {
        bool is_selected = i == top_selected(top);

        set_color(c, is_selected ? REVERSE : color_of(&top->ports[i]));
        put_port(c, &top->ports[i]);
        if (!c->look->has_color && is_selected && c->column < c->look->columns)
            put(c, "<");
        put_sparkline(c, &top->ports[i]);
        set_color(c, NORMAL);
        end_line(c);
    }
}

/* ---- one port ---- */

static void put_drops(struct canvas *c, struct json_object *dropped)
{
    if (!json_object_is_type(dropped, json_type_object))
        return;
    json_object_object_foreach(dropped, key, value)
    {
        if (!has_room(c))
            return;
        print(c, "  dropped %12s  %s", json_object_get_string(value), key);
        end_line(c);
    }
}

static void put_direction(struct canvas *c, struct json_object *row, const char *direction,
                          const char *const *fields)
{
    if (strcmp(cli_string(row, "DIRECTION"), direction) != 0)
        return;
    for (; *fields && has_room(c); fields++) {
        print(c, "  %-10s %9s", *fields, cli_string(row, *fields));
        end_line(c);
    }
    put_drops(c, cli_field(row, "DROPPED"));
}

static void put_details(struct canvas *c, struct json_object *rows)
{
    static const char *const in[] = {"received", "bytes", "unicast", "flooded", "consumed", NULL};
    static const char *const out[] = {"decided", "mirrored",   "accepted",
                                      "bytes",   "originated", NULL};
    static const char *const kernel[] = {"tp_packets", "tp_drops", "unread", NULL};

    for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);

        if (!has_room(c))
            return;
        print(c, "%s:", cli_string(row, "DIRECTION"));
        end_line(c);
        put_direction(c, row, "in", in);
        put_direction(c, row, "out", out);
        put_direction(c, row, "kernel", kernel);
    }
}

static void draw_port(struct canvas *c, const struct top *top)
{
    const struct top_port *port = &top->ports[top_selected(top)];

    set_color(c, BOLD);
    print(c, "port %s of %s: %s", port->name, port->bridge, port->state);
    set_color(c, NORMAL);
    end_line(c);
    if (*port->reason && strcmp(port->reason, "-") != 0 && has_room(c)) {
        put(c, port->reason);
        end_line(c);
    }
    if (!has_room(c))
        return;
    put_titles(c);
    end_line(c);
    if (!has_room(c))
        return;
    put_port(c, port);
    end_line(c);
    if (!has_room(c))
        return;
    put_sparkline(c, port);
    end_line(c);
    put_details(c, top->details);
}

void top_draw(const struct top *top, const struct top_look *look, struct byte_queue *out)
{
    struct top_look above = *look;
    struct canvas c = {.look = &above, .out = out};

    if (look->rows == 0 || look->columns == 0)
        return;
    above.rows--; /* the keys are below */
    if (top->is_inside && top->n_ports > 0)
        draw_port(&c, top);
    else
        draw_list(&c, top);
    while (c.row < above.rows)
        end_line(&c);
    c = (struct canvas){.look = look, .out = out, .row = above.rows};
    if (look->rows > 1)
        put_raw(&c, "\n");
    put(&c, top->is_inside ? "enter: back  up/down: another port  q: quit"
                           : "s: sort  up/down: select  enter: look into  q: quit");
}

void top_draw_table(const struct top *top, struct byte_queue *out)
{
    const struct top_look look = {.columns = 256, .rows = UINT32_MAX};
    struct canvas c = {.look = &look, .out = out};

    put_titles(&c);
    end_line(&c);
    for (uint32_t i = 0; i < top->n_ports; i++) {
        put_port(&c, &top->ports[i]);
        end_line(&c);
    }
    end_line(&c);
}
