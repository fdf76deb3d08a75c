/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LINK_TABLE_H
#define RINGSPAN_LINK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/link_watch.h"

/*
 * Link table: the digests of a namespace's interfaces, found by index and by name.
 *
 * Private to the link watch, which has two of them: what it believes, and what the dump under way
 * has said so far. Indexes are unique in a table. Names are unique in a namespace, but not in a
 * half-read dump, so by name the newest answer wins. Walking visits links in the order in which
 * they were put.
 */

struct link_node {
    struct link link;
    bool from_event; /* an event said so: a dump's row may not */
    bool is_gone;    /* deleted; kept so that a row cannot bring it back. Has no name */
    struct link_node *next;
    struct link_node *prev;
    struct link_node *next_same_index;
    struct link_node *next_same_name;
};

struct link_table {
    struct link_node *first;
    struct link_node *last;
    struct link_node **by_index; /* n_buckets chains */
    struct link_node **by_name;
    size_t n_buckets; /* a power of two, or 0 */
    size_t n_links;
};

/** An all-zero table is an empty one. Frees every node and the buckets. */
void link_table_fini(struct link_table *table);

struct link_node *link_table_by_index(const struct link_table *table, uint32_t ifindex);
/** The empty name finds nothing. */
struct link_node *link_table_by_name(const struct link_table *table, const char *ifname);
/** Inserts @link, or replaces what is known about its ifindex. Its flags are cleared. 0 or -ENOMEM;
 * replacing cannot fail. */
int link_table_put(struct link_table *table, const struct link *link, struct link_node **ret_node);
/** Frees @node. */
void link_table_del(struct link_table *table, struct link_node *node);

#endif
