/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "ctl_show.h"
#include "ringspan/config_print.h"

/*
 * config.show: the configuration as of one moment. It is printed at once, because it may be another
 * one in the next turn, and handed out as the client reads: of 4,096 ports with descriptions it is
 * longer than a client's queue.
 */

#define PIECE_BYTES 4096u

static enum ctl_row next_piece(void *state, struct json_writer *writer)
{
    struct byte_queue *text = state;
    size_t n = text->len < PIECE_BYTES ? text->len : PIECE_BYTES;

    if (n == 0)
        return CTL_ROW_END;
    byte_queue_append(writer->out, byte_queue_data(text), n);
    byte_queue_consume(text, n);
    return CTL_ROW_WRITTEN;
}

static void free_text(void *state)
{
    byte_queue_fini(state);
    free(state);
}

static struct byte_queue *print(const struct config *config)
{
    struct byte_queue *text = malloc(sizeof(*text));
    struct json_writer writer;

    if (!text)
        return NULL;
    byte_queue_init(text, SIZE_MAX);
    json_writer_init(&writer, text);
    config_print(&writer, config);
    if (text->overflowed) {
        free_text(text);
        return NULL;
    }
    return text;
}

void ctl_show_config(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const struct ctl_rows pieces = {next_piece, free_text};
    const struct ctl_commands *commands = context;
    struct byte_queue *text;
    struct ctl_fault fault;

    if (!ctl_takes_nothing(call, params))
        return;
    text = print(daemon_config(commands->daemon));
    if (!text) {
        ctl_fault_set(&fault, CTL_INTERNAL_ERROR, "out of memory");
        ctl_call_fault(call, &fault);
        return;
    }
    ctl_call_pieces(call, &pieces, text);
}
