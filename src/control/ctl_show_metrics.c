/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>

#include "ctl_show.h"

/* metrics.show: one string, made line by line. */

#define LINES_MAX 4096 /* bytes of what one piece of a scrape appends */

struct show_metrics {
    struct metrics_scrape *scrape;
    struct byte_queue lines;
    bool is_open;
};

static enum ctl_row next_lines(void *state, struct json_writer *writer)
{
    struct show_metrics *show = state;
    int r = metrics_scrape_next(show->scrape, &show->lines);

    if (r < 0 || show->lines.overflowed)
        return CTL_ROW_ABORT;
    if (!show->is_open)
        json_open_string(writer, NULL);
    show->is_open = true;
    if (show->lines.len > 0)
        json_put_piece(writer, byte_queue_data(&show->lines), show->lines.len);
    byte_queue_consume(&show->lines, show->lines.len);
    if (r > 0)
        return CTL_ROW_WRITTEN;
    json_close_string(writer);
    return CTL_ROW_END;
}

static void free_show(void *state)
{
    struct show_metrics *show = state;

    metrics_scrape_free(show->scrape);
    byte_queue_fini(&show->lines);
    free(show);
}

static int new_show(struct metrics_source *source, struct show_metrics **ret)
{
    struct show_metrics *show = calloc(1, sizeof(*show));
    int r = show ? metrics_scrape_new(source, METRICS_OPENMETRICS, &show->scrape) : -ENOMEM;

    if (r < 0) {
        free(show);
        return r;
    }
    byte_queue_init(&show->lines, LINES_MAX);
    *ret = show;
    return 0;
}

void ctl_show_metrics(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const struct ctl_rows pieces = {next_lines, free_show};
    struct ctl_commands *commands = context;
    struct show_metrics *show;
    struct ctl_fault fault;
    int r;

    if (!ctl_takes_nothing(call, params))
        return;
    r = new_show(&commands->metrics, &show);
    if (r == 0) {
        ctl_call_pieces(call, &pieces, show);
        return;
    }
    if (r == -EBUSY)
        ctl_fault_set(&fault, CTL_REFUSED, "%d clients are reading metrics already; try again",
                      LIMIT_METRICS_SCRAPES);
    else
        ctl_fault_set(&fault, CTL_INTERNAL_ERROR, "out of memory");
    ctl_call_fault(call, &fault);
}
