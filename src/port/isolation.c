/* SPDX-License-Identifier: ISC */
#include "isolation.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct isolator {
    uint32_t means;
    uint32_t mark;
    pthread_mutex_t mutex; /* of what follows */
    struct tcx_programs programs;
    struct nft_table table;
};

static const char *const names[] = {
    [ISOLATION_NONE] = "none",
    [ISOLATION_NFTABLES_INGRESS] = "nftables_ingress",
    [ISOLATION_NFTABLES] = "nftables",
    [ISOLATION_TCX] = "tcx",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == ISOLATION_N_MEANS, "one name a means");

const char *isolation_means_name(enum isolation_means means)
{
    return names[means];
}

bool isolation_is_complete(enum isolation_means means)
{
    return means == ISOLATION_TCX || means == ISOLATION_NFTABLES;
}

int isolator_new(uint32_t means, struct isolator **ret)
{
    struct isolator *isolator = calloc(1, sizeof(*isolator));

    if (!isolator)
        return -ENOMEM;
    isolator->means = means;
    isolator->programs = (struct tcx_programs){-1, -1};
    while (isolator->mark == 0) {
        if (getrandom(&isolator->mark, sizeof(isolator->mark), 0) < 0) {
            int r = -errno;

            free(isolator);
            return r;
        }
    }
    nft_table_init(&isolator->table, isolator->mark);
    pthread_mutex_init(&isolator->mutex, NULL);
    *ret = isolator;
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void isolator_free(struct isolator *isolator)
{
    if (!isolator)
        return;
    close_fd(&isolator->programs.ingress);
    close_fd(&isolator->programs.egress);
    nft_table_fini(&isolator->table);
    pthread_mutex_destroy(&isolator->mutex);
    free(isolator);
}

uint32_t isolator_mark(const struct isolator *isolator)
{
    return isolator->mark;
}

void isolation_init(struct isolation *isolation)
{
    *isolation = (struct isolation){.means = ISOLATION_NONE, .links = {-1, -1}};
}

static int load_once(struct isolator *isolator)
{
    int r = 0;

    pthread_mutex_lock(&isolator->mutex);
    if (isolator->programs.ingress < 0)
        r = tcx_load(isolator->mark, &isolator->programs);
    pthread_mutex_unlock(&isolator->mutex);
    return r;
}

static int attach_tcx(struct isolation *isolation)
{
    int r = load_once(isolation->isolator);

    /* The kernel takes one at a time, and has a lock of its own for it. */
    return r < 0 ? r
                 : tcx_attach(&isolation->isolator->programs, isolation->ifindex, isolation->links);
}

static int attach_nft(struct isolation *isolation, bool with_egress)
{
    struct isolator *isolator = isolation->isolator;
    int r;

    pthread_mutex_lock(&isolator->mutex);
    r = nft_attach(&isolator->table, isolation->ifindex, with_egress, &isolation->space);
    pthread_mutex_unlock(&isolator->mutex);
    return r;
}

static int attach_by(struct isolation *isolation, enum isolation_means means)
{
    switch (means) {
    case ISOLATION_TCX:
        return attach_tcx(isolation);
    case ISOLATION_NFTABLES:
    case ISOLATION_NFTABLES_INGRESS:
        return attach_nft(isolation, means == ISOLATION_NFTABLES);
    case ISOLATION_NONE:
    case ISOLATION_N_MEANS:
        break;
    }
    return -EOPNOTSUPP;
}

static void add_why(char *why, enum isolation_means means, int r)
{
    size_t len = strlen(why);

    snprintf(why + len, ISOLATION_WHY_SIZE - len, "%s%s: %s", len > 0 ? ", " : "",
             isolation_means_name(means), strerror(-r));
}

/* Best first. */
static const enum isolation_means by_cost_of_a_frame[] = {
    ISOLATION_TCX, ISOLATION_NFTABLES, ISOLATION_NFTABLES_INGRESS, ISOLATION_NONE};
static const enum isolation_means by_cost_of_attaching[] = {
    ISOLATION_NFTABLES, ISOLATION_TCX, ISOLATION_NFTABLES_INGRESS, ISOLATION_NONE};

int isolation_attach(struct isolation *isolation, struct isolator *isolator, uint32_t ifindex,
                     bool is_one_of_many, char *ret_why)
{
    const enum isolation_means *means = is_one_of_many ? by_cost_of_attaching : by_cost_of_a_frame;
    int r = -EOPNOTSUPP;

    isolation->isolator = isolator;
    isolation->ifindex = ifindex;
    ret_why[0] = '\0';
    for (; *means != ISOLATION_NONE; means++) {
        if (!(isolator->means & ISOLATION_BIT(*means)))
            continue;
        r = attach_by(isolation, *means);
        if (r == 0)
            isolation->means = *means;
        if (r == 0 || r == -ENODEV)
            return r;
        add_why(ret_why, *means, r);
    }
    return r;
}

void isolation_detach(struct isolation *isolation)
{
    struct isolator *isolator = isolation->isolator;

    close_fd(&isolation->links[0]);
    close_fd(&isolation->links[1]);
    if (isolation->space) {
        pthread_mutex_lock(&isolator->mutex);
        nft_detach(&isolator->table, isolation->space, isolation->ifindex,
                   isolation->means == ISOLATION_NFTABLES);
        pthread_mutex_unlock(&isolator->mutex);
    }
    isolation->space = NULL;
    isolation->means = ISOLATION_NONE;
}
