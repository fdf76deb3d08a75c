/* SPDX-License-Identifier: ISC */
#include "ringspan/claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct claim {
    const char *name;
    const char *netns;
    const struct config_bridge *bridge;
};

/* Of the ports with names, sorted. */
struct claims {
    struct claim *ifnames;
    struct claim *names;
    uint32_t n;
};

static int compare_netns(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare(const void *a, const void *b)
{
    const struct claim *one = a;
    const struct claim *other = b;
    int order = strcmp(one->name, other->name);

    return order ? order : compare_netns(one->netns, other->netns);
}

static const struct claim *find(const struct claim *list, uint32_t n, const char *name,
                                const char *netns)
{
    const struct claim wanted = {.name = name, .netns = netns};

    return n > 0 ? bsearch(&wanted, list, n, sizeof(*list), compare) : NULL;
}

static void collect(struct claims *claims, const struct config_bridge *bridge)
{
    for (uint32_t i = 0; i < bridge->n_ports; i++) {
        const struct config_port *port = &bridge->ports[i];

        if (*port->match)
            continue;
        claims->ifnames[claims->n] = (struct claim){port->ifname, port->netns, bridge};
        claims->names[claims->n++] = (struct claim){port->name, NULL, bridge};
    }
}

int claims_new(const struct config *config, struct claims **ret)
{
    size_t room = (size_t)config_n_ports(config) + 1;
    struct claims *claims = calloc(1, sizeof(*claims));

    if (!claims)
        return -ENOMEM;
    claims->ifnames = calloc(room, sizeof(*claims->ifnames));
    claims->names = calloc(room, sizeof(*claims->names));
    if (!claims->ifnames || !claims->names) {
        claims_free(claims);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < config->n_bridges; i++)
        collect(claims, &config->bridges[i]);
    if (claims->n > 0) {
        qsort(claims->ifnames, claims->n, sizeof(*claims->ifnames), compare);
        qsort(claims->names, claims->n, sizeof(*claims->names), compare);
    }
    *ret = claims;
    return 0;
}

void claims_free(struct claims *claims)
{
    if (!claims)
        return;
    free(claims->ifnames);
    free(claims->names);
    free(claims);
}

bool claims_has_name(const struct claims *claims, const char *name)
{
    return find(claims->names, claims->n, name, NULL) != NULL;
}

const struct config_bridge *claims_bridge(const struct claims *claims, const char *netns,
                                          const char *ifname)
{
    const struct claim *claim = find(claims->ifnames, claims->n, ifname, netns);

    return claim ? claim->bridge : NULL;
}
