/* SPDX-License-Identifier: ISC */
#include "link_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_BUCKETS 64

/* Only whoever may create interfaces chooses names and indexes: these hashes need no key. */
static uint32_t hash_index(uint32_t ifindex)
{
    return ifindex * UINT32_C(2654435769);
}

static uint32_t hash_name(const char *ifname)
{
    uint32_t hash = UINT32_C(2166136261);

    for (; *ifname; ifname++)
        hash = (hash ^ (uint8_t)*ifname) * UINT32_C(16777619);
    return hash;
}

static struct link_node **index_chain(const struct link_table *table, uint32_t ifindex)
{
    return &table->by_index[hash_index(ifindex) >> 7 & (table->n_buckets - 1)];
}

static struct link_node **name_chain(const struct link_table *table, const char *ifname)
{
    return &table->by_name[hash_name(ifname) & (table->n_buckets - 1)];
}

static void chain_index(struct link_table *table, struct link_node *node)
{
    struct link_node **chain = index_chain(table, node->link.ifindex);

    node->next_same_index = *chain;
    *chain = node;
}

static void chain_name(struct link_table *table, struct link_node *node)
{
    struct link_node **chain = name_chain(table, node->link.ifname);

    node->next_same_name = *chain;
    *chain = node;
}

static void unchain_index(struct link_table *table, struct link_node *node)
{
    struct link_node **at = index_chain(table, node->link.ifindex);

    while (*at != node)
        at = &(*at)->next_same_index;
    *at = node->next_same_index;
}

static void unchain_name(struct link_table *table, struct link_node *node)
{
    struct link_node **at = name_chain(table, node->link.ifname);

    while (*at != node)
        at = &(*at)->next_same_name;
    *at = node->next_same_name;
}

static int grow(struct link_table *table)
{
    size_t n_buckets = table->n_buckets ? table->n_buckets * 2 : MIN_BUCKETS;
    struct link_node **by_index = calloc(n_buckets, sizeof(struct link_node *));
    struct link_node **by_name = calloc(n_buckets, sizeof(struct link_node *));

    if (!by_index || !by_name) {
        free(by_index);
        free(by_name);
        return -ENOMEM;
    }
    free(table->by_index);
    free(table->by_name);
    table->by_index = by_index;
    table->by_name = by_name;
    table->n_buckets = n_buckets;
    for (struct link_node *node = table->first; node; node = node->next) {
        chain_index(table, node);
        chain_name(table, node);
    }
    return 0;
}

static int insert(struct link_table *table, const struct link *link, struct link_node **ret_node)
{
    struct link_node *node;

    if (table->n_links >= table->n_buckets) {
        int rc = grow(table);

        if (rc < 0)
            return rc;
    }
    node = calloc(1, sizeof(*node));
    if (!node)
        return -ENOMEM;
    node->link = *link;
    node->prev = table->last;
    if (table->last)
        table->last->next = node;
    else
        table->first = node;
    table->last = node;
    table->n_links++;
    chain_index(table, node);
    chain_name(table, node);
    *ret_node = node;
    return 0;
}

int link_table_put(struct link_table *table, const struct link *link, struct link_node **ret_node)
{
    struct link_node *node = link_table_by_index(table, link->ifindex);

    if (!node)
        return insert(table, link, ret_node);
    unchain_name(table, node);
    node->link = *link;
    node->from_event = false;
    node->is_gone = false;
    chain_name(table, node);
    *ret_node = node;
    return 0;
}

void link_table_del(struct link_table *table, struct link_node *node)
{
    unchain_index(table, node);
    unchain_name(table, node);
    if (node->prev)
        node->prev->next = node->next;
    else
        table->first = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        table->last = node->prev;
    table->n_links--;
    free(node);
}

struct link_node *link_table_by_index(const struct link_table *table, uint32_t ifindex)
{
    struct link_node *node = table->n_buckets ? *index_chain(table, ifindex) : NULL;

    while (node && node->link.ifindex != ifindex)
        node = node->next_same_index;
    return node;
}

struct link_node *link_table_by_name(const struct link_table *table, const char *ifname)
{
    struct link_node *node = table->n_buckets && *ifname ? *name_chain(table, ifname) : NULL;

    while (node && strcmp(node->link.ifname, ifname) != 0)
        node = node->next_same_name;
    return node;
}

void link_table_fini(struct link_table *table)
{
    struct link_node *next;

    for (struct link_node *node = table->first; node; node = next) {
        next = node->next;
        free(node);
    }
    free(table->by_index);
    free(table->by_name);
    *table = (struct link_table){0};
}
