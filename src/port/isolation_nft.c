/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolation.h"

#define BATCH_SIZE 2048
#define NAME_SIZE  32

/* A namespace's table, and the socket that owns it: with that it goes, and nobody else may change
 * or flush it. All ports there share it, because the kernel waits for RCU for each socket that is
 * closed, and a process that dies closes them one after the other. */
struct nft_space {
    struct nft_space *next;
    ino_t namespace;
    uint32_t n_users;
    uint32_t seq;
    int fd;
};

/* One transaction: all of it, or nothing. */
struct batch {
    const char *table;
    const char *ifname;
    uint32_t mark;
    uint32_t seq;
    uint32_t n_answers;
    size_t len;
    alignas(struct nlmsghdr) uint8_t bytes[BATCH_SIZE];
};

static struct nlmsghdr *begin(struct batch *batch, uint16_t type, uint16_t flags, uint16_t resource)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(batch->bytes + batch->len);
    struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | flags;
    message->nlmsg_seq = ++batch->seq;
    batch->n_answers += (flags & NLM_F_ACK) != 0;
    generic->nfgen_family = resource ? AF_UNSPEC : NFPROTO_NETDEV;
    generic->version = NFNETLINK_V0;
    generic->res_id = htons(resource);
    return message;
}

static void end(struct batch *batch, const struct nlmsghdr *message)
{
    batch->len += NLMSG_ALIGN(message->nlmsg_len);
}

static void put_border(struct batch *batch, uint16_t type)
{
    end(batch, begin(batch, type, 0, NFNL_SUBSYS_NFTABLES));
}

static struct nlmsghdr *begin_new(struct batch *batch, enum nf_tables_msg_types type)
{
    return begin(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
                 NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 0);
}

static void put_table(struct batch *batch)
{
    struct nlmsghdr *message = begin_new(batch, NFT_MSG_NEWTABLE);

    mnl_attr_put_strz(message, NFTA_TABLE_NAME, batch->table);
    mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
    end(batch, message);
}

/* What no rule accepts is dropped. On ingress it stands behind everybody else's chain, and on
 * egress before them: as with tcx. */
static void put_chain(struct batch *batch, const char *name, uint32_t hook, int32_t priority)
{
    struct nlmsghdr *message = begin_new(batch, NFT_MSG_NEWCHAIN);
    struct nlattr *nest;

    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, batch->table);
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name);
    mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, "filter");
    nest = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
    mnl_attr_put_u32(message, NFTA_HOOK_HOOKNUM, htonl(hook));
    mnl_attr_put_u32(message, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
    mnl_attr_put_strz(message, NFTA_HOOK_DEV, batch->ifname);
    mnl_attr_nest_end(message, nest);
    mnl_attr_put_u32(message, NFTA_CHAIN_POLICY, htonl(NF_DROP));
    end(batch, message);
}

/* An expression is an element with a name and data of its own; both nests are open between. */
struct expression {
    struct nlattr *element;
    struct nlattr *data;
};

static struct expression begin_expression(struct nlmsghdr *message, const char *name)
{
    struct expression expression = {.element = mnl_attr_nest_start(message, NFTA_LIST_ELEM)};

    mnl_attr_put_strz(message, NFTA_EXPR_NAME, name);
    expression.data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
    return expression;
}

static void end_expression(struct nlmsghdr *message, struct expression expression)
{
    mnl_attr_nest_end(message, expression.data);
    mnl_attr_nest_end(message, expression.element);
}

static void put_meta_mark(struct nlmsghdr *message, uint16_t direction)
{
    struct expression meta = begin_expression(message, "meta");

    mnl_attr_put_u32(message, NFTA_META_KEY, htonl(NFT_META_MARK));
    mnl_attr_put_u32(message, direction, htonl(NFT_REG_1));
    end_expression(message, meta);
}

static void put_is_mark(struct nlmsghdr *message, uint32_t mark)
{
    struct expression compare = begin_expression(message, "cmp");
    struct nlattr *data;

    mnl_attr_put_u32(message, NFTA_CMP_SREG, htonl(NFT_REG_1));
    mnl_attr_put_u32(message, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
    data = mnl_attr_nest_start(message, NFTA_CMP_DATA);
    mnl_attr_put_u32(message, NFTA_DATA_VALUE, mark);
    mnl_attr_nest_end(message, data);
    end_expression(message, compare);
}

static void put_zero(struct nlmsghdr *message)
{
    struct expression immediate = begin_expression(message, "immediate");
    struct nlattr *data;

    mnl_attr_put_u32(message, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
    data = mnl_attr_nest_start(message, NFTA_IMMEDIATE_DATA);
    mnl_attr_put_u32(message, NFTA_DATA_VALUE, 0);
    mnl_attr_nest_end(message, data);
    end_expression(message, immediate);
}

static void put_accept(struct nlmsghdr *message)
{
    struct expression immediate = begin_expression(message, "immediate");
    struct nlattr *data;
    struct nlattr *verdict;

    mnl_attr_put_u32(message, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
    data = mnl_attr_nest_start(message, NFTA_IMMEDIATE_DATA);
    verdict = mnl_attr_nest_start(message, NFTA_DATA_VERDICT);
    mnl_attr_put_u32(message, NFTA_VERDICT_CODE, htonl(NF_ACCEPT));
    mnl_attr_nest_end(message, verdict);
    mnl_attr_nest_end(message, data);
    end_expression(message, immediate);
}

/* "meta mark OURS meta mark set 0 accept" */
static void put_rule(struct batch *batch, const char *chain)
{
    struct nlmsghdr *message = begin(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
                                     NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, 0);
    struct nlattr *expressions;

    mnl_attr_put_strz(message, NFTA_RULE_TABLE, batch->table);
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain);
    expressions = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
    put_meta_mark(message, NFTA_META_DREG);
    put_is_mark(message, batch->mark);
    put_zero(message);
    put_meta_mark(message, NFTA_META_SREG);
    put_accept(message);
    mnl_attr_nest_end(message, expressions);
    end(batch, message);
}

static void put_deletion(struct batch *batch, const char *chain)
{
    struct nlmsghdr *message =
        begin(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELCHAIN, NLM_F_ACK, 0);

    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, batch->table);
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, chain);
    end(batch, message);
}

/* The kernel answers before send() returns. Adds to the count of good answers; -errno of the first
 * bad one. */
static int read_answers(const struct batch *batch, const void *bytes, int len, uint32_t *n_good)
{
    const struct nlmsghdr *message = bytes;

    for (; mnl_nlmsg_ok(message, len); message = mnl_nlmsg_next(message, &len)) {
        const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);

        if (message->nlmsg_type != NLMSG_ERROR || batch->seq - message->nlmsg_seq >= BATCH_SIZE)
            continue; /* of an earlier transaction, which ended at its first bad answer */
        if (answer->error < 0)
            return answer->error;
        (*n_good)++;
    }
    return 0;
}

static int run(struct nft_space *space, struct batch *batch)
{
    alignas(struct nlmsghdr) uint8_t bytes[2 * BATCH_SIZE];
    uint32_t n_good = 0;
    int r = 0;

    put_border(batch, NFNL_MSG_BATCH_END);
    space->seq = batch->seq + BATCH_SIZE;
    if (send(space->fd, batch->bytes, batch->len, 0) < 0)
        return -errno;
    while (r == 0 && n_good < batch->n_answers) {
        ssize_t len = recv(space->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (len < 0)
            return -errno;
        r = read_answers(batch, bytes, (int)len, &n_good);
    }
    return r;
}

static void begin_batch(struct batch *batch, const struct nft_space *space,
                        const struct nft_table *table)
{
    *batch = (struct batch){.table = table->name, .mark = table->mark, .seq = space->seq};
    put_border(batch, NFNL_MSG_BATCH_BEGIN);
}

static int make_table(struct nft_space *space, const struct nft_table *table)
{
    struct batch batch;

    begin_batch(&batch, space, table);
    put_table(&batch);
    return run(space, &batch);
}

static int open_socket(void)
{
    struct sockaddr_nl any = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

static void close_space(struct nft_space *space)
{
    close(space->fd);
    free(space);
}

static int open_space(struct nft_table *table, ino_t namespace, struct nft_space **ret)
{
    struct nft_space *space = calloc(1, sizeof(*space));
    int r;

    if (!space)
        return -ENOMEM;
    space->namespace = namespace;
    space->fd = open_socket();
    r = space->fd < 0 ? space->fd : make_table(space, table);
    if (r < 0) {
        if (space->fd >= 0)
            close(space->fd);
        free(space);
        return r;
    }
    space->next = table->spaces;
    table->spaces = space;
    *ret = space;
    return 0;
}

/* That of the calling thread's namespace. */
static int find_space(struct nft_table *table, struct nft_space **ret)
{
    struct stat here;

    if (stat("/proc/thread-self/ns/net", &here) < 0)
        return -errno;
    for (struct nft_space *space = table->spaces; space; space = space->next) {
        if (space->namespace == here.st_ino) {
            *ret = space;
            return 0;
        }
    }
    return open_space(table, here.st_ino, ret);
}

static void forget_if_unused(struct nft_table *table, struct nft_space *space)
{
    struct nft_space **at = &table->spaces;

    if (space->n_users > 0)
        return;
    while (*at != space)
        at = &(*at)->next;
    *at = space->next;
    close_space(space);
}

static void name_chain(char ret_name[NAME_SIZE], const char *direction, uint32_t ifindex)
{
    snprintf(ret_name, NAME_SIZE, "%s-%u", direction, ifindex);
}

static int make_chains(struct nft_space *space, const struct nft_table *table, uint32_t ifindex,
                       const char *ifname, bool with_egress)
{
    struct batch batch;
    char chain[NAME_SIZE];

    begin_batch(&batch, space, table);
    batch.ifname = ifname;
    name_chain(chain, "ingress", ifindex);
    put_chain(&batch, chain, NF_NETDEV_INGRESS, INT_MAX);
    if (with_egress) {
        name_chain(chain, "egress", ifindex);
        put_chain(&batch, chain, NF_NETDEV_EGRESS, INT_MIN);
        put_rule(&batch, chain);
    }
    return run(space, &batch);
}

/* A chain may be gone with its device: each is a transaction of its own. */
static void del_chain(struct nft_space *space, const struct nft_table *table, const char *direction,
                      uint32_t ifindex)
{
    struct batch batch;
    char chain[NAME_SIZE];

    begin_batch(&batch, space, table);
    name_chain(chain, direction, ifindex);
    put_deletion(&batch, chain);
    (void)run(space, &batch);
}

/* The kernel knows devices of chains by name: was it still this one's when the chain was made? */
static bool is_named(uint32_t ifindex, const char *name)
{
    char now[IFNAMSIZ];

    return if_indextoname(ifindex, now) && strcmp(now, name) == 0;
}

void nft_table_init(struct nft_table *table, uint32_t mark)
{
    *table = (struct nft_table){.mark = mark};
    snprintf(table->name, sizeof(table->name), "ringspan-%08x", mark);
}

void nft_table_fini(struct nft_table *table)
{
    while (table->spaces) {
        struct nft_space *space = table->spaces;

        table->spaces = space->next;
        close_space(space);
    }
}

int nft_attach(struct nft_table *table, uint32_t ifindex, bool with_egress, struct nft_space **ret)
{
    char ifname[IFNAMSIZ];
    struct nft_space *space = NULL;
    int r;

    if (!if_indextoname(ifindex, ifname))
        return -ENODEV;
    r = find_space(table, &space);
    if (r < 0)
        return r;
    r = make_chains(space, table, ifindex, ifname, with_egress);
    if (r == -ENOENT)
        r = -ENODEV;
    space->n_users++;
    if (r == 0 && !is_named(ifindex, ifname))
        r = -ENODEV;
    if (r < 0)
        nft_detach(table, space, ifindex, with_egress);
    else
        *ret = space;
    return r;
}

void nft_detach(struct nft_table *table, struct nft_space *space, uint32_t ifindex,
                bool with_egress)
{
    space->n_users--;
    if (space->n_users > 0)
        del_chain(space, table, "ingress", ifindex);
    if (space->n_users > 0 && with_egress)
        del_chain(space, table, "egress", ifindex);
    forget_if_unused(table, space);
}
