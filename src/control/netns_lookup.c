/* SPDX-License-Identifier: ISC */
#include "netns_lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringspan/link_watch.h"

int netns_lookup_init(struct netns_lookup *lookup, const char *path)
{
    char *copy = strdup(path);

    if (!copy)
        return -ENOMEM;
    *lookup = (struct netns_lookup){.path = copy, .fd = -1, .links_fd = -1};
    return 0;
}

static int subscribe(struct netns_lookup *lookup)
{
    int home;
    int r = netns_enter(lookup->fd, &home);

    if (r < 0)
        return r;
    r = link_watch_open_socket(0);
    netns_leave(home);
    if (r < 0)
        return r;
    lookup->links_fd = r;
    return 0;
}

static bool is_known(const struct netns_lookup *lookup)
{
    return (lookup->has_known && netns_id_is(lookup->id, lookup->known)) ||
           (lookup->has_own && netns_id_is(lookup->id, lookup->own));
}

void netns_lookup_run(struct netns_lookup *lookup)
{
    lookup->result = netns_identify(lookup->path, &lookup->id);
    if (lookup->result < 0)
        return;
    lookup->is_mounted = netns_is_mounted(lookup->path);
    if (is_known(lookup))
        return;
    lookup->result = netns_open(lookup->path, &lookup->fd, &lookup->id);
    if (lookup->result == 0)
        lookup->result = subscribe(lookup);
}

void netns_lookup_fini(struct netns_lookup *lookup)
{
    if (lookup->fd >= 0)
        close(lookup->fd);
    if (lookup->links_fd >= 0)
        close(lookup->links_fd);
    free(lookup->path);
}
