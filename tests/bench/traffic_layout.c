/* SPDX-License-Identifier: ISC */
#include "traffic_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ringspan/mac.h"

void traffic_layout_fini(struct traffic_layout *layout)
{
    for (uint32_t i = 0; i < layout->n_ends; i++) {
        free(layout->ends[i].name);
        free(layout->ends[i].netns);
    }
    free(layout->ends);
    free(layout->streams);
    *layout = (struct traffic_layout){0};
}

static int append_end(struct traffic_layout *layout, char *name)
{
    const char *slash = strrchr(name, '/');
    struct traffic_end end = {.name = name};
    struct traffic_end *ends;

    if (!slash || slash == name || slash[1] == '\0' || strlen(slash + 1) >= IF_NAMESIZE)
        return -EINVAL;
    if (layout->n_ends == TRAFFIC_ENDS_MAX)
        return -E2BIG;
    strcpy(end.ifname, slash + 1);
    ends = reallocarray(layout->ends, layout->n_ends + 1, sizeof(*ends));
    if (!ends)
        return -ENOMEM;
    layout->ends = ends;
    if (strncmp(name, "./", 2) != 0) {
        end.netns = strndup(name, (size_t)(slash - name));
        if (!end.netns)
            return -ENOMEM;
    }
    ends[layout->n_ends++] = end;
    return 0;
}

static int find_or_append_end(struct traffic_layout *layout, const char *name, size_t len,
                              uint32_t *ret_end)
{
    uint32_t i = 0;
    char *copy;
    int r;

    while (i < layout->n_ends &&
           (strncmp(layout->ends[i].name, name, len) != 0 || layout->ends[i].name[len] != '\0'))
        i++;
    if (i == layout->n_ends) {
        copy = strndup(name, len);
        if (!copy)
            return -ENOMEM;
        r = append_end(layout, copy);
        if (r < 0) {
            free(copy);
            return r;
        }
    }
    *ret_end = i;
    return 0;
}

int traffic_layout_add_point(struct traffic_layout *layout, const char *text,
                             struct traffic_point *ret_point)
{
    size_t len = strlen(text);
    size_t name_len = len - (MAC_STRING_SIZE - 1) - 1;
    struct traffic_point point;
    int r;

    if (len <= MAC_STRING_SIZE || text[name_len] != ':' ||
        !mac_parse(text + name_len + 1, &point.mac) || mac_is_group(point.mac))
        return -EINVAL;
    r = find_or_append_end(layout, text, name_len, &point.end);
    if (r == 0)
        *ret_point = point;
    return r;
}

int traffic_layout_add_stream(struct traffic_layout *layout, const struct traffic_stream *stream)
{
    struct traffic_stream *streams;

    if (layout->n_streams == TRAFFIC_STREAMS_MAX)
        return -E2BIG;
    streams = reallocarray(layout->streams, layout->n_streams + 1, sizeof(*streams));
    if (!streams)
        return -ENOMEM;
    layout->streams = streams;
    streams[layout->n_streams++] = *stream;
    return 0;
}

int traffic_layout_parse_stream(struct traffic_layout *layout, const char *text)
{
    const char *arrow = strchr(text, '>');
    struct traffic_stream stream;
    char *from;
    int r;

    if (!arrow)
        return -EINVAL;
    from = strndup(text, (size_t)(arrow - text));
    if (!from)
        return -ENOMEM;
    r = traffic_layout_add_point(layout, from, &stream.from);
    if (r == 0)
        r = traffic_layout_add_point(layout, arrow + 1, &stream.to);
    if (r == 0 && stream.from.end == stream.to.end)
        r = -EINVAL;
    if (r == 0)
        r = traffic_layout_add_stream(layout, &stream);
    free(from);
    return r;
}

int traffic_layout_parse_points(struct traffic_layout *layout, const char *text,
                                int (*take)(struct traffic_layout *layout,
                                            const struct traffic_point *point, void *arg),
                                void *arg)
{
    char *copy = strdup(text);
    char *rest = copy;
    char *word;
    int r = 0;

    if (!copy)
        return -ENOMEM;
    while (r == 0 && (word = strsep(&rest, ","))) {
        struct traffic_point point;

        r = traffic_layout_add_point(layout, word, &point);
        if (r == 0)
            r = take(layout, &point, arg);
    }
    free(copy);
    return r;
}

struct mesh {
    struct traffic_point points[TRAFFIC_ENDS_MAX];
    uint32_t n;
};

/* Both ways between the new point and each that was named before it. */
static int take_into_mesh(struct traffic_layout *layout, const struct traffic_point *point,
                          void *arg)
{
    struct mesh *mesh = arg;
    int r = mesh->n == TRAFFIC_ENDS_MAX ? -E2BIG : 0;

    for (uint32_t i = 0; r == 0 && i < mesh->n; i++) {
        struct traffic_stream there = {.from = mesh->points[i], .to = *point};
        struct traffic_stream back = {.from = *point, .to = mesh->points[i]};

        if (there.from.end == there.to.end)
            return -EINVAL;
        r = traffic_layout_add_stream(layout, &there);
        if (r == 0)
            r = traffic_layout_add_stream(layout, &back);
    }
    if (r == 0)
        mesh->points[mesh->n++] = *point;
    return r;
}

int traffic_layout_parse_mesh(struct traffic_layout *layout, const char *text)
{
    struct mesh *mesh = calloc(1, sizeof(*mesh));
    int r;

    if (!mesh)
        return -ENOMEM;
    r = traffic_layout_parse_points(layout, text, take_into_mesh, mesh);
    if (r == 0 && mesh->n < 2)
        r = -EINVAL;
    free(mesh);
    return r;
}
