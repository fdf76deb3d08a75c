/* SPDX-License-Identifier: ISC */
#ifndef SRC_PORT_ISOLATION_H
#define SRC_PORT_ISOLATION_H

#include "ringspan/isolation.h"

/*
 * Inside of isolation: what isolation.c, which chooses, knows of the means. isolation.h says what
 * it is all about.
 */

/* ---- isolation_tcx.c ---- */

struct tcx_programs {
    int ingress; /* -1: not loaded */
    int egress;
};

/** 0 or -errno. */
int tcx_load(uint32_t mark, struct tcx_programs *ret);
/** Two links into @ret_fds. 0 or -errno. */
int tcx_attach(const struct tcx_programs *programs, uint32_t ifindex, int ret_fds[2]);

/* ---- isolation_nft.c ---- */

struct nft_space;

/* One for each namespace that it is needed in, all of the same name. Not thread-safe. */
struct nft_table {
    uint32_t mark;
    char name[32];
    struct nft_space *spaces;
};

void nft_table_init(struct nft_table *table, uint32_t mark);
void nft_table_fini(struct nft_table *table);
/** Chains for an interface of the calling thread's namespace. 0 or -errno. */
int nft_attach(struct nft_table *table, uint32_t ifindex, bool with_egress, struct nft_space **ret);
/** From whatever namespace. */
void nft_detach(struct nft_table *table, struct nft_space *space, uint32_t ifindex,
                bool with_egress);

#endif
