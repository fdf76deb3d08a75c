/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "ringspan/clock.h"
#include "top.h"

#define INTERVAL_MS 1000
#define PAGE        10
#define BATCH_MAX   1000000

/* ---- asking ---- */

static int fail_without_daemon(int error)
{
    top_terminal_close(); /* or nobody would see it */
    return cli_fail(CLI_UNREACHABLE, "the daemon does not answer any more: %s", strerror(-error));
}

/* CLI_OK and a list, or what has been reported. */
static int call(struct ctl_client *client, const char *method, const char *params,
                struct ctl_reply *ret_reply)
{
    int r = ctl_client_call(client, method, params, CLI_TIMEOUT_NS, ret_reply);

    if (r < 0)
        return fail_without_daemon(r);
    if (!ret_reply->is_fault)
        return CLI_OK;
    top_terminal_close();
    r = cli_fail(CLI_REFUSED, "%s", ret_reply->fault.message);
    ctl_reply_fini(ret_reply);
    return r;
}

static bool take_ports(struct top *top, struct json_slice result)
{
    struct json_slice rest = json_text_inside(result);
    struct json_object *row;
    bool ok = true;

    while (ok && (row = cli_next_row(&rest))) {
        ok = top_take_port(top, row);
        json_object_put(row);
    }
    return ok;
}

static void take_ledger(struct top *top, struct json_slice result)
{
    struct json_slice rest = json_text_inside(result);
    struct json_object *row;

    while ((row = cli_next_row(&rest))) {
        top_take_ledger(top, row);
        json_object_put(row);
    }
}

static int read_all(struct ctl_client *client, struct top *top)
{
    struct ctl_reply reply;
    bool ok;
    int status = call(client, "port.show", NULL, &reply);

    if (status != CLI_OK)
        return status;
    top_begin(top);
    ok = take_ports(top, reply.result);
    ctl_reply_fini(&reply);
    if (!ok)
        return cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    status = call(client, "ledger.show", NULL, &reply);
    if (status != CLI_OK)
        return status;
    take_ledger(top, reply.result);
    top_end(top, clock_now());
    ctl_reply_fini(&reply);
    return CLI_OK;
}

/* All that is counted of the port that is looked into. It may be gone by now: then nothing is. */
static int read_details(struct ctl_client *client, struct top *top)
{
    struct json_slice rest;
    struct json_object *row;
    struct json_writer writer;
    struct byte_queue params;
    struct ctl_reply reply;
    int r;

    byte_queue_init(&params, SIZE_MAX);
    json_writer_init(&writer, &params);
    json_open_object(&writer, NULL);
    json_put_string(&writer, "port", top->ports[top_selected(top)].name);
    json_close_object(&writer);
    byte_queue_append(&params, "", 1);
    r = ctl_client_call(client, "ledger.show", byte_queue_data(&params), CLI_TIMEOUT_NS, &reply);
    byte_queue_fini(&params);
    if (r < 0)
        return fail_without_daemon(r);
    json_object_put(top->details);
    top->details = json_object_new_array();
    rest = json_text_inside(reply.result);
    while (top->details && (row = cli_next_row(&rest)))
        json_object_array_add(top->details, row);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

/* ---- a screen ---- */

static bool draw(const struct top *top)
{
    const struct top_look look = top_terminal_look();
    struct byte_queue screen;
    bool ok;

    byte_queue_init(&screen, SIZE_MAX);
    top_draw(top, &look, &screen);
    ok = !screen.overflowed && top_terminal_show(&screen);
    byte_queue_fini(&screen);
    return ok;
}

/* False: that was enough. */
static bool obey(struct top *top, enum top_key key)
{
    switch (key) {
    case TOP_KEY_QUIT:
        return false;
    case TOP_KEY_SORT:
        top_set_sort(top, (enum top_sort)((top->sort + 1) % TOP_N_SORTS));
        return true;
    case TOP_KEY_ENTER:
        top->is_inside = !top->is_inside;
        top_select(top, 0); /* it stays, wherever sorting puts it */
        return true;
    case TOP_KEY_ESCAPE:
        top->is_inside = false;
        return true;
    case TOP_KEY_UP:
        top_select(top, -1);
        return true;
    case TOP_KEY_DOWN:
        top_select(top, 1);
        return true;
    case TOP_KEY_PAGE_UP:
        top_select(top, -PAGE);
        return true;
    case TOP_KEY_PAGE_DOWN:
        top_select(top, PAGE);
        return true;
    case TOP_KEY_NONE:
    case TOP_KEY_OTHER:
    case TOP_KEY_RESIZE:
        return true;
    }
    return true;
}

static int ms_until(uint64_t at)
{
    uint64_t now = clock_now();

    return at > now ? (int)((at - now) / NS_PER_MS) + 1 : 0;
}

static int run_screen(struct ctl_client *client, struct top *top)
{
    int status = read_all(client, top);
    uint64_t next = clock_now() + INTERVAL_MS * NS_PER_MS;

    while (status == CLI_OK && draw(top)) {
        if (!obey(top, top_terminal_wait(ms_until(next))))
            return CLI_OK;
        if (clock_now() >= next) {
            next = clock_now() + INTERVAL_MS * NS_PER_MS;
            status = read_all(client, top);
        }
        if (status == CLI_OK && top->is_inside && top->n_ports > 0)
            status = read_details(client, top);
    }
    return status;
}

static int run_on_terminal(struct ctl_client *client, struct top *top)
{
    int r = top_terminal_open();
    int status;

    if (r < 0)
        return cli_fail(CLI_REFUSED, "the terminal: %s", strerror(-r));
    status = run_screen(client, top);
    top_terminal_close();
    return status;
}

/* ---- plain tables ---- */

static bool print_table(const struct top *top)
{
    struct byte_queue out;
    bool ok;

    byte_queue_init(&out, SIZE_MAX);
    top_draw_table(top, &out);
    ok = !out.overflowed && top_signals_print(byte_queue_data(&out), out.len);
    byte_queue_fini(&out);
    return ok;
}

/* The first rates are there after the second reading. */
static int run_batch(struct ctl_client *client, struct top *top, uint64_t n)
{
    int status = top_signals_block() == 0 ? read_all(client, top) : CLI_REFUSED;

    for (uint64_t i = 0; status == CLI_OK && i < n; i++) {
        if (!top_signals_wait(INTERVAL_MS))
            return CLI_OK;
        status = read_all(client, top);
        if (status == CLI_OK && !print_table(top))
            return CLI_OK; /* nobody reads it any more */
    }
    return status;
}

/* ---- the command ---- */

/* 0: none was asked for. */
static int parse_batch(const char *text, uint64_t *ret)
{
    char *end;

    *ret = 0;
    if (!text)
        return CLI_OK;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || *ret == 0 || *ret > BATCH_MAX)
        return cli_fail(CLI_USAGE, "--batch: '%s' is not a number of tables within 1..%d", text,
                        BATCH_MAX);
    return CLI_OK;
}

static int watch(const struct cli *cli, uint64_t batch)
{
    struct top top = {0};
    struct ctl_client *client;
    struct ctl_reply reply;
    int status = cli_begin(cli, "daemon.show", NULL, CLI_TIMEOUT_NS, &client, &reply);

    if (status != CLI_OK)
        return status;
    ctl_reply_fini(&reply);
    if (batch > 0)
        status = run_batch(client, &top, batch);
    else
        status = run_on_terminal(client, &top);
    top_fini(&top);
    ctl_client_close(client);
    return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    uint64_t batch;
    int status = parse_batch(cli->batch, &batch);

    if (status != CLI_OK)
        return status;
    if (argc > 0)
        return cli_fail(CLI_USAGE, "`ringspan top` takes no words: '%s'", argv[0]);
    if (cli->json)
        return cli_fail(CLI_USAGE, "`ringspan top` is for people; `ringspan -j ledger` has the "
                                   "counters");
    if (batch == 0 && !top_terminal_is_screen())
        return cli_fail(CLI_USAGE, "this is no terminal to draw on; --batch N prints N tables");
    return watch(cli, batch);
}

const struct cli_command cli_top = {
    .name = "top",
    .summary = "ports as they are busy, live",
    .help =
        "Usage: ringspan top [--batch N]\n\n"
        "Shows the ports once a second: what they receive and send, what is dropped, and a\n"
        "line of how busy they were. Keys: s sorts by another column, up and down select a\n"
        "port, enter looks into it, q quits. With --batch it prints N tables and draws nothing.\n\n"
        "Example: ringspan top --batch 5\n",
    .takes_batch = true,
    .run = run,
};
