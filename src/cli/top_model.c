/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_rows.h"
#include "ringspan/clock.h"
#include "top.h"

#define BITS_PER_BYTE 8

static const char *const sort_names[] = {
    [TOP_BY_RATE] = "rate",
    [TOP_BY_DROPS] = "drops",
    [TOP_BY_NAME] = "name",
    [TOP_BY_STATE] = "state",
};

_Static_assert(sizeof(sort_names) / sizeof(*sort_names) == TOP_N_SORTS, "a name for each");

const char *top_sort_name(enum top_sort sort)
{
    return sort_names[sort];
}

void top_fini(struct top *top)
{
    free(top->ports);
    json_object_put(top->details);
    *top = (struct top){0};
}

void top_begin(struct top *top)
{
    for (uint32_t i = 0; i < top->n_ports; i++) {
        top->ports[i].was_seen = false;
        top->ports[i].next = (struct top_counters){0};
    }
}

static struct top_port *find(struct top *top, const char *name)
{
    for (uint32_t i = 0; i < top->n_ports; i++) {
        if (strcmp(top->ports[i].name, name) == 0)
            return &top->ports[i];
    }
    return NULL;
}

static struct top_port *add(struct top *top, const char *name)
{
    void *bigger = reallocarray(top->ports, top->n_ports + 1, sizeof(*top->ports));
    struct top_port *port;

    if (!bigger)
        return NULL;
    top->ports = bigger;
    port = &top->ports[top->n_ports++];
    *port = (struct top_port){.is_new = true};
    snprintf(port->name, sizeof(port->name), "%s", name);
    return port;
}

static void copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

bool top_take_port(struct top *top, struct json_object *row)
{
    const char *name = cli_string(row, "NAME");
    struct top_port *port = find(top, name);

    if (!port)
        port = add(top, name);
    if (!port)
        return false;
    port->was_seen = true;
    copy(port->bridge, sizeof(port->bridge), cli_string(row, "MASTER"));
    copy(port->state, sizeof(port->state), cli_string(row, "STATE"));
    copy(port->reason, sizeof(port->reason), cli_string(row, "REASON"));
    return true;
}

void top_take_ledger(struct top *top, struct json_object *row)
{
    struct top_port *port = find(top, cli_string(row, "PORT"));
    const char *direction = cli_string(row, "DIRECTION");

    if (!port)
        return;
    if (strcmp(direction, "in") == 0) {
        port->next.rx_packets = cli_number(row, "RECEIVED");
        port->next.rx_bytes = cli_number(row, "BYTES");
        port->next.drops += cli_number(row, "DROPPED_TOTAL");
    } else if (strcmp(direction, "out") == 0) {
        port->next.tx_packets = cli_number(row, "ACCEPTED");
        port->next.tx_bytes = cli_number(row, "BYTES");
        port->next.drops += cli_number(row, "DROPPED_TOTAL");
    } else if (strcmp(direction, "kernel") == 0) {
        port->next.drops += cli_number(row, "TP_DROPS");
    }
}

/* A port of the same name that was made anew begins with less than the one before had. */
static uint64_t rate_of(uint64_t before, uint64_t after, uint64_t ns)
{
    if (after < before || ns == 0)
        return 0;
    return (uint64_t)((double)(after - before) * (double)NS_PER_SEC / (double)ns + 0.5);
}

static void settle(struct top_port *port, uint64_t ns)
{
    const struct top_counters *a = &port->total;
    const struct top_counters *b = &port->next;

    if (!port->is_new) {
        port->rate.rx_packets = rate_of(a->rx_packets, b->rx_packets, ns);
        port->rate.rx_bytes = rate_of(a->rx_bytes, b->rx_bytes, ns);
        port->rate.tx_packets = rate_of(a->tx_packets, b->tx_packets, ns);
        port->rate.tx_bytes = rate_of(a->tx_bytes, b->tx_bytes, ns);
        port->rate.drops = rate_of(a->drops, b->drops, ns);
        memmove(port->history, port->history + 1, sizeof(port->history) - sizeof(port->history[0]));
        port->history[TOP_HISTORY - 1] =
            (port->rate.rx_bytes + port->rate.tx_bytes) * BITS_PER_BYTE;
    }
    port->total = port->next;
    port->is_new = false;
}

static int compare_names(const struct top_port *a, const struct top_port *b)
{
    return strverscmp(a->name, b->name);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b); /* the larger one comes first */
}

static int by_rate(const void *a, const void *b)
{
    const struct top_port *left = a;
    const struct top_port *right = b;
    int r = compare_numbers(left->history[TOP_HISTORY - 1], right->history[TOP_HISTORY - 1]);

    return r ? r : compare_names(left, right);
}

static int by_drops(const void *a, const void *b)
{
    const struct top_port *left = a;
    const struct top_port *right = b;
    int r = compare_numbers(left->rate.drops, right->rate.drops);

    if (r == 0)
        r = compare_numbers(left->total.drops, right->total.drops);
    return r ? r : compare_names(left, right);
}

static int by_name(const void *a, const void *b)
{
    return compare_names(a, b);
}

/* Those that do not forward are what one looks for. */
static int by_state(const void *a, const void *b)
{
    const struct top_port *left = a;
    const struct top_port *right = b;
    bool left_forwards = strcmp(left->state, "forwarding") == 0;
    bool right_forwards = strcmp(right->state, "forwarding") == 0;
    int r = left_forwards - right_forwards;

    if (r == 0)
        r = strcmp(left->state, right->state);
    return r ? r : compare_names(left, right);
}

static void sort_ports(struct top *top)
{
    static int (*const orders[])(const void *a, const void *b) = {
        [TOP_BY_RATE] = by_rate,
        [TOP_BY_DROPS] = by_drops,
        [TOP_BY_NAME] = by_name,
        [TOP_BY_STATE] = by_state,
    };

    if (top->n_ports > 0)
        qsort(top->ports, top->n_ports, sizeof(*top->ports), orders[top->sort]);
}

void top_set_sort(struct top *top, enum top_sort sort)
{
    top->sort = sort;
    sort_ports(top);
}

void top_end(struct top *top, uint64_t now)
{
    uint64_t ns = top->read_at > 0 ? now - top->read_at : 0;
    uint32_t n = 0;

    for (uint32_t i = 0; i < top->n_ports; i++) {
        if (!top->ports[i].was_seen)
            continue;
        settle(&top->ports[i], ns);
        if (n != i)
            top->ports[n] = top->ports[i];
        n++;
    }
    top->n_ports = n;
    top->read_at = now;
    sort_ports(top);
}

uint32_t top_selected(const struct top *top)
{
    for (uint32_t i = 0; i < top->n_ports; i++) {
        if (strcmp(top->ports[i].name, top->selected) == 0)
            return i;
    }
    return 0;
}

void top_select(struct top *top, int64_t by)
{
    int64_t place = top_selected(top) + by;

    if (top->n_ports == 0)
        return;
    if (place < 0)
        place = 0;
    if (place >= top->n_ports)
        place = top->n_ports - 1;
    strcpy(top->selected, top->ports[place].name);
}
