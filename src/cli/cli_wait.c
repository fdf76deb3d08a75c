/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli_command.h"
#include "ringspan/clock.h"

#define TIMEOUT_DEFAULT 30
#define TIMEOUT_MAX     86400

static bool parse_seconds(const char *text, uint64_t *ret_seconds)
{
    char *end;
    unsigned long seconds;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    seconds = strtoul(text, &end, 10);
    if (*end || errno || seconds > TIMEOUT_MAX)
        return false;
    *ret_seconds = seconds;
    return true;
}

static void write_params(struct byte_queue *out, const char *state, uint64_t timeout, int n_ports,
                         char **ports)
{
    struct json_writer writer;

    json_writer_init(&writer, out);
    json_open_object(&writer, NULL);
    json_put_string(&writer, "state", state);
    json_put_u64(&writer, "timeout", timeout);
    if (n_ports) {
        json_open_array(&writer, "ports");
        for (int i = 0; i < n_ports; i++)
            json_put_string(&writer, NULL, ports[i]);
        json_close_array(&writer);
    }
    json_close_object(&writer);
    byte_queue_append(out, "", 1);
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct byte_queue params;
    struct ctl_reply reply;
    uint64_t timeout = TIMEOUT_DEFAULT;
    uint64_t waited = 0;
    int status;

    if (cli->timeout && !parse_seconds(cli->timeout, &timeout))
        return cli_fail(CLI_USAGE, "--timeout: '%s' is no number of seconds (0..%d)", cli->timeout,
                        TIMEOUT_MAX);
    status = cli_await_daemon(cli, timeout * NS_PER_SEC, &waited);
    if (status != CLI_OK)
        return status;
    timeout -= waited < timeout * NS_PER_SEC ? waited / NS_PER_SEC : timeout;
    byte_queue_init(&params, SIZE_MAX);
    write_params(&params, cli->state ? cli->state : "forwarding", timeout, argc, argv);
    status = cli_call(cli, "port.wait", byte_queue_data(&params),
                      timeout * NS_PER_SEC + CLI_TIMEOUT_NS, &reply);
    byte_queue_fini(&params);
    if (status != CLI_OK)
        return status;
    if (cli->json)
        cli_print_json(cli, reply.result);
    ctl_reply_fini(&reply);
    return status;
}

const struct cli_command cli_wait = {
    .name = "wait",
    .summary = "until ports are in a state",
    .help =
        "Usage: ringspan wait [PORT...] [--for STATE] [--timeout SECONDS]\n\n"
        "Without a PORT all of them are meant; STATE is forwarding and SECONDS is 30 unless\n"
        "given. A daemon that is not there yet is waited for too. Ends with status 2 if the time\n"
        "is over, and says which ports are not there; with 3 if no daemon is.\n\n"
        "Example: ringspan wait r1 r2 --for forwarding --timeout 10\n",
    .takes_waiting = true,
    .run = run,
};
