/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "cli_command.h"
#include "ringspan/config_keys.h"
#include "ringspan/json_scan.h"
#include "ringspan/plan.h"

/* port set, add, del: words become the members of a port in the file. */

static bool is_json(const char *text)
{
    struct json_error error;
    struct json_scan scan;

    if (json_scan(text, strlen(text), &scan, &error) < 0)
        return false;
    json_scan_fini(&scan);
    return true;
}

/* What a key takes as text is text, even if it looks like a number; the rest is JSON if it can be.
 * No word is called null. The daemon judges it, and says what is wrong with it. */
static void put_value(struct json_writer *writer, const char *name, const char *value)
{
    const struct config_key *key = config_key_find(&config_port, name);
    bool is_null_word = key && key->type == CONFIG_WORD && strcmp(value, "null") == 0;
    bool is_text =
        key && !is_null_word &&
        (key->type == CONFIG_TEXT || key->type == CONFIG_NAME || key->type == CONFIG_WORD);

    if (!is_text && is_json(value))
        json_put_raw(writer, name, value, strlen(value));
    else
        json_put_string(writer, name, value);
}

static bool is_bridge(const char *word)
{
    return !config_key_find(&config_port, word) &&
           (cli_matches(word, "bridge") || cli_matches(word, "master"));
}

/* "up", "down", and KEY VALUE… A bridge is no key of a port: it goes to @ret_bridge, unless that is
 * NULL. */
static int put_settings(struct json_writer *writer, int argc, char **argv, const char **ret_bridge)
{
    int i = 0;

    while (i < argc) {
        if (strcmp(argv[i], "up") == 0 || strcmp(argv[i], "down") == 0) {
            json_put_string(writer, "admin_state", argv[i++]);
            continue;
        }
        if (i + 1 == argc)
            return cli_fail(CLI_USAGE, "'%s' wants a value", argv[i]);
        if (ret_bridge && is_bridge(argv[i]))
            *ret_bridge = argv[i + 1];
        else
            put_value(writer, argv[i], argv[i + 1]);
        i += 2;
    }
    return CLI_OK;
}

/* iproute2's "dev NAME" is NAME. */
static const char *take_name(int *argc, char ***argv)
{
    const char *name;

    if (*argc > 1 && strcmp((*argv)[0], "dev") == 0) {
        ++*argv;
        --*argc;
    }
    if (*argc == 0)
        return NULL;
    name = **argv;
    ++*argv;
    --*argc;
    return name;
}

/* A port, under @name_key, or a pattern: "match PATTERN". A port of that name is "dev match". */
static const char *take_subject(int *argc, char ***argv, const char *name_key, const char **ret_key)
{
    bool is_pattern = *argc > 1 && strcmp((*argv)[0], "match") == 0;

    *ret_key = is_pattern ? "match" : name_key;
    if (is_pattern) {
        ++*argv;
        --*argc;
    }
    return take_name(argc, argv);
}

int cli_change(const struct cli *cli, const char *method, struct byte_queue *params)
{
    struct ctl_reply reply;
    struct json_slice steps;
    int status;

    byte_queue_append(params, "", 1);
    status = cli_call(cli, method, byte_queue_data(params), CLI_TIMEOUT_NS, &reply);
    if (status != CLI_OK)
        return status;
    if (cli->json && json_text_member(reply.result, "steps", &steps))
        cli_print_json(cli, steps);
    ctl_reply_fini(&reply);
    return CLI_OK;
}

/* The keys of a port, each with the first sentence about it. */
static void print_keys(void)
{
    puts("\nKEY");
    for (uint32_t i = 0; i < config_port.n_keys; i++) {
        const struct config_key *key = &config_port.keys[i];
        const char *end = strstr(key->help ? key->help : "", ". ");

        if (key->type != CONFIG_PLANNED && strcmp(key->name, "name") != 0)
            printf("  %-14s %.*s\n", key->name,
                   (int)(end ? (size_t)(end - key->help) + 1 : strlen(key->help)), key->help);
    }
}

static int run_set(const struct cli *cli, int argc, char **argv)
{
    const char *key;
    const char *name = take_subject(&argc, &argv, "port", &key);
    struct json_writer writer;
    struct byte_queue params;
    int status;

    if (!name || argc == 0)
        return cli_fail(CLI_USAGE, "`ringspan port set` wants a port and what to set: "
                                   "ringspan port set r1 down");
    byte_queue_init(&params, SIZE_MAX);
    json_writer_init(&writer, &params);
    json_open_object(&writer, NULL);
    json_put_string(&writer, key, name);
    status = put_settings(&writer, argc, argv, NULL);
    json_close_object(&writer);
    if (status == CLI_OK)
        status = cli_change(cli, "port.set", &params);
    byte_queue_fini(&params);
    return status;
}

static int run_add(const struct cli *cli, int argc, char **argv)
{
    const char *key;
    const char *name = take_subject(&argc, &argv, "name", &key);
    const char *bridge = NULL;
    struct json_writer writer;
    struct byte_queue params;
    int status;

    if (!name)
        return cli_fail(CLI_USAGE, "`ringspan port add` wants a name: "
                                   "ringspan port add r3 bridge lab0");
    byte_queue_init(&params, SIZE_MAX);
    json_writer_init(&writer, &params);
    json_open_object(&writer, NULL);
    json_open_object(&writer, "port");
    json_put_string(&writer, key, name);
    status = put_settings(&writer, argc, argv, &bridge);
    json_close_object(&writer);
    if (bridge)
        json_put_string(&writer, "bridge", bridge);
    json_close_object(&writer);
    if (status == CLI_OK)
        status = cli_change(cli, "port.add", &params);
    byte_queue_fini(&params);
    return status;
}

static int run_del(const struct cli *cli, int argc, char **argv)
{
    const char *key;
    const char *name = take_subject(&argc, &argv, "port", &key);
    struct json_writer writer;
    struct byte_queue params;
    int status;

    if (!name || argc > 0)
        return cli_fail(CLI_USAGE, "`ringspan port del` wants one port");
    byte_queue_init(&params, SIZE_MAX);
    json_writer_init(&writer, &params);
    json_open_object(&writer, NULL);
    json_put_string(&writer, key, name);
    json_close_object(&writer);
    status = cli_change(cli, "port.del", &params);
    byte_queue_fini(&params);
    return status;
}

const struct cli_verb cli_port_verbs[] = {
    {
        .name = "set",
        .help =
            "Usage: ringspan port set NAME up|down\n"
            "       ringspan port set NAME KEY VALUE...\n"
            "       ringspan port set match PATTERN KEY VALUE...\n\n"
            "Changes a port until the next reload or start, which return to the file. KEY is any\n"
            "key that a port has in the file. A port that is down drops what arrives and sends\n"
            "nothing; its interface is left as it is. Of a pattern in the file, all ports change.\n\n"
            "Example: ringspan port set r1 down\n",
        .print_more = print_keys,
        .run = run_set,
    },
    {
        .name = "add",
        .help =
            "Usage: ringspan port add NAME [bridge BRIDGE] [up|down] [KEY VALUE...]\n"
            "       ringspan port add match PATTERN [bridge BRIDGE] [up|down] [KEY VALUE...]\n\n"
            "Adds a port until the next reload or start, which return to the file. KEY is any\n"
            "key that a port has in the file; ifname is NAME if it is not given. A pattern is a\n"
            "port for each interface that matches. The bridge may be left out if there is only one.\n\n"
            "Example: ringspan port add r3 bridge lab0 ifname veth-r3\n",
        .print_more = print_keys,
        .run = run_add,
    },
    {
        .name = "del",
        .help =
            "Usage: ringspan port del NAME\n"
            "       ringspan port del match PATTERN\n\n"
            "Deletes a port, or a pattern and all ports that it made, until the next reload or\n"
            "start, which return to the file. Interfaces are left as they are.\n\n"
            "Example: ringspan port del r3\n",
        .run = run_del,
    },
    {0},
};
