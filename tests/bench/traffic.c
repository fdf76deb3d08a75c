/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "traffic_commands.h"
#include "traffic_options.h"

#define OUTPUT_MAX (8 << 20)

static const struct {
    const char *name;
    int (*run)(struct traffic_options *options, struct json_writer *out);
} commands[TRAFFIC_COMMANDS] = {
    [TRAFFIC_RATE] = {"rate", traffic_command_rate},
    [TRAFFIC_SEARCH] = {"search", traffic_command_search},
    [TRAFFIC_LATENCY] = {"latency", traffic_command_latency},
    [TRAFFIC_LEARN] = {"learn", traffic_command_learn},
    [TRAFFIC_BROADCAST] = {"broadcast", traffic_command_broadcast},
    [TRAFFIC_SELF] = {"self", traffic_command_self},
};

static int run(struct traffic_options *options)
{
    struct byte_queue bytes;
    struct json_writer out;
    int r;

    byte_queue_init(&bytes, OUTPUT_MAX);
    json_writer_init(&out, &bytes);
    json_open_object(&out, NULL);
    json_put_string(&out, "command", commands[options->command].name);
    r = commands[options->command].run(options, &out);
    json_close_object(&out);
    if (r == 0 && bytes.overflowed) {
        fputs("ringspan-traffic: out of memory\n", stderr);
        r = -1;
    }
    if (r == 0) {
        fwrite(byte_queue_data(&bytes), 1, bytes.len, stdout);
        fputc('\n', stdout);
    }
    byte_queue_fini(&bytes);
    return r == 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct traffic_options options;
    int code = EXIT_SUCCESS;

    switch (traffic_options_parse(argc, argv, &options)) {
    case TRAFFIC_RUN:
        code = run(&options);
        break;
    case TRAFFIC_DONE:
        break;
    case TRAFFIC_WRONG:
        code = EX_USAGE;
        break;
    }
    traffic_options_fini(&options);
    return code;
}
