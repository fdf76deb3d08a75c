/* SPDX-License-Identifier: ISC */
#ifndef SRC_CLI_TOP_H
#define SRC_CLI_TOP_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "ringspan/byte_queue.h"

/*
 * Top: ports as they are busy, once a second.
 *
 * top_model.c turns two readings of the counters into rates and keeps their history;
 * top_screen.c draws it into a rectangle of any size and knows nothing of terminals;
 * top_terminal.c knows nothing else; cli_top.c asks, waits, and obeys keys.
 */

#define TOP_NAME_SIZE   64
#define TOP_REASON_SIZE 256
#define TOP_HISTORY     64

struct top_counters {
    uint64_t rx_packets;
    uint64_t rx_bytes;
    uint64_t tx_packets;
    uint64_t tx_bytes;
    uint64_t drops; /* of both ways, and what a full ring had no room for */
};

struct top_port {
    char name[TOP_NAME_SIZE];
    char bridge[TOP_NAME_SIZE];
    char state[TOP_NAME_SIZE];
    char reason[TOP_REASON_SIZE];
    bool is_new;                   /* there are no rates yet */
    bool was_seen;                 /* by the reading that is under way */
    struct top_counters total;     /* as read last */
    struct top_counters next;      /* as it is being read */
    struct top_counters rate;      /* per second */
    uint64_t history[TOP_HISTORY]; /* bits per second, both ways; the last is the newest */
};

enum top_sort {
    TOP_BY_RATE,
    TOP_BY_DROPS,
    TOP_BY_NAME,
    TOP_BY_STATE,
    TOP_N_SORTS,
};

struct top {
    struct top_port *ports;
    uint32_t n_ports;
    enum top_sort sort;
    char selected[TOP_NAME_SIZE]; /* the name of a port; "": the first one */
    bool is_inside;               /* the selected port is looked into */
    uint64_t read_at;             /* ns; 0: never */
    struct json_object *details;  /* rows of ledger.show about that port, or NULL */
};

void top_fini(struct top *top);
const char *top_sort_name(enum top_sort sort);
void top_set_sort(struct top *top, enum top_sort sort);

/* A reading: begin, a call for each row of port.show and ledger.show, end. */
void top_begin(struct top *top);
/** False if there is no memory. */
bool top_take_port(struct top *top, struct json_object *row);
void top_take_ledger(struct top *top, struct json_object *row);
/** Ports that were not seen are gone; the others have rates since the reading before. */
void top_end(struct top *top, uint64_t now);

/** The place of the selected port. */
uint32_t top_selected(const struct top *top);
/** The port @by places below that one, or above; the first or last one at the ends. */
void top_select(struct top *top, int64_t by);

struct top_look {
    uint32_t columns;
    uint32_t rows;
    bool has_color;
    bool has_utf8;
};

/** Appends a screen: no more lines than rows, none longer than the columns, a line feed between
 * two. */
void top_draw(const struct top *top, const struct top_look *look, struct byte_queue *out);
/** The same as a table of all ports, for a file. */
void top_draw_table(const struct top *top, struct byte_queue *out);

/** Makes the terminal a screen: raw keys, and what was on it comes back with the end. 0 or -errno.
 * The end comes with exit(3), too. */
int top_terminal_open(void);
void top_terminal_close(void);
/** What there is to draw on. */
struct top_look top_terminal_look(void);
/** Whether it can be a screen: standard input and output are, and it is no dumb one. */
bool top_terminal_is_screen(void);
/** False if nobody sees it any more. While the terminal takes nothing, nothing is shown. */
bool top_terminal_show(const struct byte_queue *screen);

enum top_key {
    TOP_KEY_NONE, /* the time is over */
    TOP_KEY_OTHER,
    TOP_KEY_QUIT,
    TOP_KEY_SORT,
    TOP_KEY_ENTER,
    TOP_KEY_ESCAPE,
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_RESIZE, /* or what else calls for another drawing */
};

/** Waits for a key, or until @timeout_ms are over. Signals that end a program are TOP_KEY_QUIT. */
enum top_key top_terminal_wait(int timeout_ms);
/** The signals alone, for whoever opened nothing: true to go on. */
bool top_signals_wait(int timeout_ms);
/** Writes to standard output, which may take nothing for ever. False: nobody reads it any more, or
 * a signal came that ends a program. */
bool top_signals_print(const char *text, size_t len);
/** Blocks the signals that those above wait for. 0 or -errno. */
int top_signals_block(void);

#endif
