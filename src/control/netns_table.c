/* SPDX-License-Identifier: ISC */
#include "netns_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "netns_lookup.h"
#include "ringspan/clock.h"
#include "ringspan/log.h"

#define N_BUCKETS       1024
#define NAMES_PER_BATCH 64

#define OWN_PATH   "/proc/self/ns/net"
#define MOUNT_LIST "/proc/self/mountinfo"

/* For names of whose changes the kernel does not tell. */
#define POLL_NS NS_PER_SEC
/* A burst of mounts is one look: a thousand namespaces that are made one after the other would be
 * a million look-ups. */
#define PAUSE_NS (50 * NS_PER_MS)
/* `ip netns add` makes an empty file first and mounts the namespace onto it a moment later. */
#define STRANGE_NS NS_PER_SEC

struct netns_table {
    struct event_loop *loop;
    struct workers *workers;
    struct netns_listener listener;
    struct netns own; /* the first of the list, and never unlinked */
    bool has_own_id;
    struct netns_name *names[N_BUCKETS];
    int mounts_fd; /* -1: not needed yet, or not to be had */
    struct event *mounts;
    struct event_timer *due;  /* names that are due are looked up in the next turn */
    struct event_timer *look; /* at all names, after a change of the mount table */
    struct event_timer *poll; /* at those that need it */
    uint64_t looked_at;
    bool is_stopped;
    struct link_watch_counters past; /* of watches that are gone */
};

/* Names that a helper thread looks up in one go: there may be thousands. While it does, nobody else
 * touches a lookup, but for its name. */
struct batch {
    struct netns_table *table;
    uint32_t n;
    struct netns_lookup lookups[NAMES_PER_BATCH];
};

/* ---- namespaces ---- */

struct netns *netns_ref(struct netns *netns)
{
    netns->n_refs++;
    return netns;
}

void netns_unref(struct netns *netns)
{
    struct netns **at;

    if (!netns || --netns->n_refs > 0)
        return;
    for (at = &netns->table->own.next; *at != netns; at = &(*at)->next)
        ;
    *at = netns->next;
    close(netns->fd);
    free(netns);
}

static void on_link_changed(void *arg, const struct link *before, const struct link *after)
{
    const struct netns *netns = arg;
    const struct netns_listener *listener = &netns->table->listener;

    listener->link_changed(listener->arg, netns, before, after);
}

static void on_links_synced(void *arg)
{
    struct netns *netns = arg;
    const struct netns_listener *listener = &netns->table->listener;

    netns->knows_links = true;
    netns->n_synced++;
    listener->links_synced(listener->arg, netns);
}

static struct link_listener links_listener(struct netns *netns)
{
    return (struct link_listener){
        .changed = on_link_changed, .synced = on_links_synced, .arg = netns};
}

static void add_counters(struct link_watch_counters *sum, const struct link_watch *links)
{
    struct link_watch_counters counters = link_watch_counters(links);

    sum->events += counters.events;
    sum->overruns += counters.overruns;
    sum->interrupted_dumps += counters.interrupted_dumps;
    sum->dumps += counters.dumps;
}

struct link_watch_counters netns_table_counters(const struct netns_table *table)
{
    struct link_watch_counters sum = table->past;

    for (const struct netns *netns = &table->own; netns; netns = netns->next) {
        if (netns->links)
            add_counters(&sum, netns->links);
    }
    return sum;
}

static void stop_watching(struct netns *netns)
{
    if (!netns->links)
        return;
    add_counters(&netns->table->past, netns->links);
    link_watch_free(netns->links);
    netns->links = NULL;
    netns->knows_links = false;
    netns->n_synced = 0;
}

static struct netns *find_netns(struct netns_table *table, struct netns_id id)
{
    for (struct netns *netns = &table->own; netns; netns = netns->next) {
        if ((netns != &table->own || table->has_own_id) && netns_id_is(netns->id, id))
            return netns;
    }
    return NULL;
}

/* Takes the lookup's descriptor over. */
static struct netns *new_netns(struct netns_table *table, struct netns_lookup *lookup)
{
    struct netns *netns = calloc(1, sizeof(*netns));

    if (!netns)
        return NULL;
    *netns = (struct netns){.table = table, .next = table->own.next, .fd = lookup->fd};
    netns->id = lookup->id;
    lookup->fd = -1;
    table->own.next = netns;
    return netns;
}

/* A reference to the namespace that was found, watched. 0 or -errno. */
static int adopt_netns(struct netns_table *table, struct netns_lookup *lookup, struct netns **ret)
{
    struct netns *netns = find_netns(table, lookup->id);
    int r = 0;

    if (!netns)
        netns = new_netns(table, lookup);
    if (!netns)
        return -ENOMEM;
    netns_ref(netns);
    if (!netns->links) {
        const struct link_listener listener = links_listener(netns);

        r = link_watch_new_on(table->loop, &listener, lookup->links_fd, &netns->links);
        if (r == 0)
            lookup->links_fd = -1;
    }
    if (r < 0)
        netns_unref(netns);
    else
        *ret = netns;
    return r;
}

/* ---- what names mean ---- */

static void unlink_name(struct netns_name *name)
{
    struct netns_name **at = &name->netns->names;

    while (*at != name)
        at = &(*at)->next_of_netns;
    *at = name->next_of_netns;
}

/* Takes the reference over. */
static void set_meaning(struct netns_name *name, struct netns *netns)
{
    struct netns *before = name->netns;

    if (before)
        unlink_name(name);
    name->netns = netns;
    if (netns) {
        name->next_of_netns = netns->names;
        netns->names = name;
    }
    if (before && !before->names && before->fd >= 0)
        stop_watching(before);
    netns_unref(before);
}

static bool explain(struct netns_name *name, enum port_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True if it is news. */
static bool explain(struct netns_name *name, enum port_state state, const char *format, ...)
{
    char why[PORT_WHY_SIZE] = {0};
    va_list args;
    bool is_news;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    is_news = name->state != state || strcmp(name->why, why) != 0;
    name->state = state;
    memcpy(name->why, why, sizeof(why));
    return is_news;
}

static bool explain_absence(struct netns_name *name)
{
    return explain(name, PORT_WAITING, "no network namespace %s %s",
                   name->text[0] == '/' ? "at" : "named", name->text);
}

static bool explain_strange_file(struct netns_name *name)
{
    uint64_t now = event_now(name->table->loop);

    if (name->strange_since == 0)
        name->strange_since = now;
    if (now - name->strange_since < STRANGE_NS)
        return explain_absence(name);
    return explain(name, PORT_ERROR, "%s is not a network namespace", name->path);
}

static bool explain_failure(struct netns_name *name, int r)
{
    if (r == -ENOTTY)
        return explain_strange_file(name);
    name->strange_since = 0;
    if (r == -ENOENT || r == -ENOTDIR || r == -ESRCH)
        return explain_absence(name);
    if (r == -EPERM)
        return explain(name, PORT_ERROR, "cannot enter %s without CAP_SYS_ADMIN", name->path);
    return explain(name, PORT_ERROR, "cannot open %s: %s", name->path, strerror(-r));
}

/* True if it is news. */
static bool digest(struct netns_name *name, struct netns_lookup *lookup)
{
    struct netns *netns = NULL;
    bool is_news = !name->is_known;
    int r = lookup->result;

    if (r == 0)
        r = adopt_netns(name->table, lookup, &netns);
    if (r < 0)
        is_news |= explain_failure(name, r);
    else
        name->strange_since = 0;
    is_news |= name->netns != netns;
    name->is_known = true;
    name->is_mounted = lookup->is_mounted;
    set_meaning(name, netns);
    return is_news;
}

/* ---- looking up ---- */

static bool needs_polling(const struct netns_name *name)
{
    return name->text && (!name->netns || !name->is_mounted || !name->table->mounts);
}

static void ask(struct netns_name *name)
{
    struct event_timer *due = name->table->due;

    name->is_due = true;
    if (!event_timer_is_armed(due))
        event_timer_set(due, event_now(name->table->loop));
}

static void arm_poll(struct netns_table *table)
{
    if (!event_timer_is_armed(table->poll))
        event_timer_set(table->poll, event_now(table->loop) + POLL_NS);
}

static void run_batch(void *arg)
{
    struct batch *batch = arg;

    for (uint32_t i = 0; i < batch->n; i++)
        netns_lookup_run(&batch->lookups[i]);
}

static void lookup_done(struct netns_table *table, struct netns_lookup *lookup)
{
    struct netns_name *name = lookup->name;
    bool is_news;

    if (!name)
        return;
    name->lookup = NULL;
    if (table->is_stopped)
        return;
    is_news = digest(name, lookup);
    if (name->is_due)
        ask(name);
    if (needs_polling(name))
        arm_poll(table);
    if (is_news)
        table->listener.name_changed(table->listener.arg, name);
}

static void batch_done(void *arg)
{
    struct batch *batch = arg;

    for (uint32_t i = 0; i < batch->n; i++) {
        lookup_done(batch->table, &batch->lookups[i]);
        netns_lookup_fini(&batch->lookups[i]);
    }
    free(batch);
}

/* Without memory or a thread for it, the next poll tries again. */
static void give_up(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->n; i++) {
        struct netns_name *name = batch->lookups[i].name;

        name->lookup = NULL;
        name->is_mounted = false;
        netns_lookup_fini(&batch->lookups[i]);
    }
    arm_poll(batch->table);
    free(batch);
}

static void submit(struct batch *batch)
{
    if (batch && workers_submit(batch->table->workers, run_batch, batch_done, batch) < 0)
        give_up(batch);
}

static int add_to_batch(struct batch *batch, struct netns_name *name)
{
    struct netns_lookup *lookup = &batch->lookups[batch->n];
    int r = netns_lookup_init(lookup, name->path);

    if (r < 0)
        return r;
    lookup->has_own = name->table->has_own_id;
    lookup->own = name->table->own.id;
    if (name->netns) {
        lookup->has_known = true;
        lookup->known = name->netns->id;
    }
    lookup->name = name;
    name->lookup = lookup;
    name->is_due = false;
    batch->n++;
    return 0;
}

/* Puts the name into *@batch, or into a new one if that is full or NULL. */
static int collect(struct netns_name *name, struct batch **batch)
{
    if (!*batch || (*batch)->n == NAMES_PER_BATCH) {
        submit(*batch);
        *batch = calloc(1, sizeof(**batch));
        if (!*batch)
            return -ENOMEM;
        (*batch)->table = name->table;
    }
    return add_to_batch(*batch, name);
}

static void on_due(void *arg)
{
    struct netns_table *table = arg;
    struct batch *batch = NULL;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < N_BUCKETS; i++) {
        for (struct netns_name *name = table->names[i]; r == 0 && name; name = name->next) {
            if (name->is_due && !name->lookup)
                r = collect(name, &batch);
        }
    }
    submit(batch);
    if (r < 0)
        event_timer_set(table->due, event_now(table->loop) + POLL_NS);
}

static void ask_where(struct netns_table *table, bool (*is_wanted)(const struct netns_name *name))
{
    for (uint32_t i = 0; i < N_BUCKETS; i++) {
        for (struct netns_name *name = table->names[i]; name; name = name->next) {
            if (is_wanted(name))
                ask(name);
        }
    }
}

static bool has_text(const struct netns_name *name)
{
    return name->text;
}

static void on_poll(void *arg)
{
    ask_where(arg, needs_polling);
}

static void on_look(void *arg)
{
    struct netns_table *table = arg;

    table->looked_at = event_now(table->loop);
    ask_where(table, has_text);
}

/* Asking is all there is to do: the kernel reports each change of the mount table once. */
static void on_mounts_changed(void *arg, uint32_t epoll_events)
{
    struct netns_table *table = arg;

    if (!event_timer_is_armed(table->look))
        event_timer_set(table->look, table->looked_at + PAUSE_NS);
}

/* Without it every name is polled. */
static void watch_mounts(struct netns_table *table)
{
    int fd;

    if (table->mounts)
        return;
    fd = open(MOUNT_LIST, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (event_add(table->loop, fd, EPOLLPRI, on_mounts_changed, table, &table->mounts) < 0)
        close(fd);
    else
        table->mounts_fd = fd;
}

/* ---- names ---- */

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whoever may configure the daemon chooses the names: the hash needs no key. */
static struct netns_name **bucket_of(struct netns_table *table, const char *text)
{
    uint32_t hash = UINT32_C(2166136261);

    for (; text && *text; text++)
        hash = (hash ^ (uint8_t)*text) * UINT32_C(16777619);
    return &table->names[hash % N_BUCKETS];
}

static struct netns_name *find_name(struct netns_table *table, const char *text)
{
    struct netns_name *name = *bucket_of(table, text);

    while (name && !is_same_text(name->text, text))
        name = name->next;
    return name;
}

static void free_name(struct netns_name *name)
{
    free(name->text);
    free(name->path);
    free(name);
}

static struct netns_name *new_name(struct netns_table *table, const char *text)
{
    struct netns_name *name = calloc(1, sizeof(*name));
    struct netns_name **bucket;

    if (!name)
        return NULL;
    name->table = table;
    name->state = PORT_WAITING;
    if (text) {
        name->text = strdup(text);
        if (!name->text || netns_path(text, &name->path) < 0) {
            free_name(name);
            return NULL;
        }
    }
    bucket = bucket_of(table, text);
    name->next = *bucket;
    *bucket = name;
    return name;
}

int netns_name_take(struct netns_table *table, const char *text, struct netns_name **ret)
{
    struct netns_name *name = find_name(table, text);

    if (!name) {
        name = new_name(table, text);
        if (!name)
            return -ENOMEM;
        if (text) {
            watch_mounts(table);
            ask(name);
        } else {
            set_meaning(name, netns_ref(&table->own));
            name->is_known = true;
        }
    }
    name->n_users++;
    *ret = name;
    return 0;
}

void netns_name_release(struct netns_name *name)
{
    struct netns_name **at;

    if (!name || --name->n_users > 0)
        return;
    for (at = bucket_of(name->table, name->text); *at != name; at = &(*at)->next)
        ;
    *at = name->next;
    if (name->lookup)
        name->lookup->name = NULL;
    set_meaning(name, NULL);
    free_name(name);
}

/* ---- birth and death ---- */

static int watch_own(struct netns_table *table)
{
    struct netns *own = &table->own;
    const struct link_listener listener = links_listener(own);

    *own = (struct netns){.table = table, .fd = -1, .n_refs = 1};
    table->has_own_id = netns_identify(OWN_PATH, &own->id) == 0;
    return link_watch_new(table->loop, &listener, 0, &own->links);
}

int netns_table_new(struct event_loop *loop, struct workers *workers,
                    const struct netns_listener *listener, struct netns_table **ret)
{
    struct netns_table *table = calloc(1, sizeof(*table));
    int r;

    if (!table)
        return -ENOMEM;
    table->loop = loop;
    table->workers = workers;
    table->listener = *listener;
    table->mounts_fd = -1;
    r = watch_own(table);
    if (r == 0)
        r = event_timer_new(loop, on_due, table, &table->due);
    if (r == 0)
        r = event_timer_new(loop, on_look, table, &table->look);
    if (r == 0)
        r = event_timer_new(loop, on_poll, table, &table->poll);
    if (r < 0) {
        netns_table_stop(table);
        netns_table_free(table);
        return r;
    }
    *ret = table;
    return 0;
}

void netns_table_stop(struct netns_table *table)
{
    table->is_stopped = true;
    for (struct netns *netns = &table->own; netns; netns = netns->next)
        stop_watching(netns);
    event_del(table->mounts);
    table->mounts = NULL;
    event_timer_free(table->due);
    event_timer_free(table->look);
    event_timer_free(table->poll);
    table->due = NULL;
    table->look = NULL;
    table->poll = NULL;
    if (table->mounts_fd >= 0)
        close(table->mounts_fd);
    table->mounts_fd = -1;
}

void netns_table_free(struct netns_table *table)
{
    free(table);
}
