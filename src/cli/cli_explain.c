/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_command.h"
#include "cli_explain.h"
#include "pcap_file.h"
#include "ringspan/byte_queue.h"

/*
 * explain: what would become of a frame. It is said in words, or as bytes, or read from a capture;
 * of a capture each frame is a question of its own.
 */

#define FRAMES_MAX 1000 /* of one file */
#define PAIRS_MAX  16

/* A word and its value, however they were written. */
struct pair {
    const char *word;
    const char *value;
};

struct question {
    struct pair pairs[PAIRS_MAX]; /* without the next two */
    uint32_t n_pairs;
    const char *pcap;
    uint64_t frame; /* 0: all of them */
};

static const struct cli_keyword keywords[] = {
    {"port", "port", false}, {"dst", "dst", false},          {"src", "src", false},
    {"vlan", "vlan", true},  {"pcp", "pcp", true},           {"ethertype", "ethertype", false},
    {"size", "size", true},  {"gso-size", "gso_size", true}, {"hex", "hex", false},
    {"dev", "port", false},  {"vid", "vlan", true},          {0},
};

/* ---- the question ---- */

static int take_frame_number(const char *value, uint64_t *ret_frame)
{
    char *end;

    errno = 0;
    *ret_frame = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || *ret_frame == 0)
        return cli_fail(CLI_USAGE, "frame: '%s' is no number of a frame, the first of which is 1",
                        value);
    return CLI_OK;
}

static int take_pair(struct question *question, const char *word, const char *value)
{
    if (strcmp(word, "pcap") == 0)
        question->pcap = value;
    else if (strcmp(word, "frame") == 0)
        return take_frame_number(value, &question->frame);
    else if (question->n_pairs == PAIRS_MAX)
        return cli_fail(CLI_USAGE, "that is more than there is to say about a frame");
    else
        question->pairs[question->n_pairs++] = (struct pair){word, value};
    return CLI_OK;
}

static int take_words(const struct cli *cli, int argc, char **argv, struct question *ret)
{
    int status = CLI_OK;

    *ret = (struct question){0};
    for (uint32_t i = 0; status == CLI_OK && i < cli->n_given; i++)
        status = take_pair(ret, cli->given[i].word, cli->given[i].value);
    for (int i = 0; status == CLI_OK && i < argc; i += 2) {
        if (i + 1 == argc)
            return cli_fail(CLI_USAGE, "what is '%s'? See `ringspan help explain`", argv[i]);
        status = take_pair(ret, argv[i], argv[i + 1]);
    }
    return status;
}

static bool is_port(const struct pair *pair)
{
    return strcmp(pair->word, "port") == 0 || strcmp(pair->word, "dev") == 0;
}

static const char *port_of(const struct question *question)
{
    for (uint32_t i = 0; i < question->n_pairs; i++) {
        if (is_port(&question->pairs[i]))
            return question->pairs[i].value;
    }
    return NULL;
}

/* What can be seen to be wrong with it here. */
static int check_question(const struct question *question)
{
    if (!port_of(question))
        return cli_fail(CLI_USAGE, "which port does the frame arrive on? --port r1");
    if (question->frame && !question->pcap)
        return cli_fail(CLI_USAGE, "--frame is that of a file: --pcap FILE");
    if (question->pcap && question->n_pairs > 1)
        return cli_fail(CLI_USAGE, "--%s: --pcap says that already",
                        question->pairs[is_port(&question->pairs[0])].word);
    return CLI_OK;
}

/* ---- asking ---- */

/* A connection that lasts for all questions; the first one makes it. */
struct asker {
    const struct cli *cli;
    struct ctl_client *client;
};

static int ask(struct asker *asker, const char *params, struct ctl_reply *ret_reply)
{
    int r;

    if (!asker->client)
        return cli_begin(asker->cli, "explain", params, CLI_TIMEOUT_NS, &asker->client, ret_reply);
    r = ctl_client_call(asker->client, "explain", params, CLI_TIMEOUT_NS, ret_reply);
    if (r < 0)
        return cli_fail(CLI_UNREACHABLE, "the daemon does not answer any more: %s", strerror(-r));
    if (!ret_reply->is_fault)
        return CLI_OK;
    cli_fail(CLI_REFUSED, "%s", ret_reply->fault.message);
    ctl_reply_fini(ret_reply);
    return CLI_REFUSED;
}

static int fail_without_memory(void)
{
    return cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}

static void print_json_list(const struct cli *cli, const struct byte_queue *list)
{
    cli_print_json(cli, (struct json_slice){byte_queue_data(list), list->len});
}

static int print_one(const struct cli *cli, struct json_slice result)
{
    if (!cli->json)
        return cli_print_explanation(result) ? CLI_OK : fail_without_memory();
    cli_print_json_row(cli, result);
    return CLI_OK;
}

static int explain_one(const struct cli *cli, const char *params)
{
    struct asker asker = {.cli = cli};
    struct ctl_reply reply;
    int status = ask(&asker, params, &reply);

    if (status != CLI_OK)
        return status;
    status = print_one(cli, reply.result);
    ctl_reply_fini(&reply);
    ctl_client_close(asker.client);
    return status;
}

/* As tools print bytes: what stands between them is left out. */
static void join_digits(char *hex)
{
    char *to = hex;

    for (const char *from = hex; *from; from++) {
        if (!strchr(" \t\n:", *from))
            *to++ = *from;
    }
    *to = '\0';
}

static int explain_words(const struct cli *cli, const struct question *question)
{
    char *words[2 * PAIRS_MAX];
    struct byte_queue params;
    int status;

    for (uint32_t i = 0; i < question->n_pairs; i++) {
        words[2 * i] = (char *)question->pairs[i].word;
        words[2 * i + 1] = (char *)question->pairs[i].value;
        if (strcmp(question->pairs[i].word, "hex") == 0)
            join_digits(words[2 * i + 1]);
    }
    byte_queue_init(&params, SIZE_MAX);
    status = cli_parse_filters((int)question->n_pairs * 2, words, keywords, NULL, &params);
    if (status == CLI_OK)
        status = explain_one(cli, byte_queue_data(&params));
    byte_queue_fini(&params);
    return status;
}

/* ---- a capture ---- */

/* What is printed when all frames of a file have been asked about. */
struct summary {
    struct table *table;    /* for people; */
    struct byte_queue list; /* for programs */
    uint32_t n;
};

static void write_params(struct byte_queue *out, const char *port, const struct pcap_frame *frame)
{
    char hex[2 * PCAP_KEPT_BYTES + 1];
    struct json_writer writer;

    for (uint32_t i = 0; i < frame->n_kept; i++)
        snprintf(hex + (size_t)i * 2, 3, "%02x", frame->bytes[i]);
    json_writer_init(&writer, out);
    json_open_object(&writer, NULL);
    json_put_string(&writer, "port", port);
    json_put_string(&writer, "hex", hex);
    json_put_u64(&writer, "size", frame->size);
    json_close_object(&writer);
    byte_queue_append(out, "", 1);
}

/* The answer, with the frame's number in front. */
static void add_to_list(struct byte_queue *list, uint64_t frame, struct json_slice result)
{
    struct json_slice inside = json_text_inside(result);
    char head[48];

    snprintf(head, sizeof(head), "%s{\"frame\":%" PRIu64 ",", list->len > 1 ? "," : "", frame);
    byte_queue_append(list, head, strlen(head));
    byte_queue_append(list, inside.text, inside.len);
    byte_queue_append(list, "}", 1);
}

static int add_frame(struct asker *asker, const char *port, const struct pcap_frame *frame,
                     struct summary *summary)
{
    struct byte_queue params;
    struct ctl_reply reply;
    int status;

    byte_queue_init(&params, SIZE_MAX);
    write_params(&params, port, frame);
    status = ask(asker, byte_queue_data(&params), &reply);
    byte_queue_fini(&params);
    if (status != CLI_OK)
        return status;
    if (asker->cli->json)
        add_to_list(&summary->list, frame->number, reply.result);
    else if (!cli_add_explanation(summary->table, frame->number, reply.result))
        status = fail_without_memory();
    ctl_reply_fini(&reply);
    summary->n++;
    return status;
}

static int fail_in_file(const struct question *question, const struct pcap_file *file)
{
    return cli_fail(CLI_REFUSED, "%s: %s", question->pcap, file->why);
}

static int add_frames(struct asker *asker, const struct question *question, struct pcap_file *file,
                      struct summary *summary)
{
    struct pcap_frame frame;
    int status = CLI_OK;
    int r;

    while (status == CLI_OK && (r = pcap_file_next(file, &frame)) != 0) {
        if (r < 0)
            return fail_in_file(question, file);
        if (summary->n == FRAMES_MAX) {
            fprintf(stderr, "ringspan: the first %d frames of %s; --frame N picks any\n",
                    FRAMES_MAX, question->pcap);
            break;
        }
        status = add_frame(asker, port_of(question), &frame, summary);
    }
    return status;
}

static int explain_all(const struct cli *cli, const struct question *question,
                       struct pcap_file *file)
{
    struct asker asker = {.cli = cli};
    struct summary summary = {.table = cli_new_explanations()};
    int status;

    if (!summary.table)
        return fail_without_memory();
    byte_queue_init(&summary.list, SIZE_MAX);
    byte_queue_append(&summary.list, "[", 1);
    status = add_frames(&asker, question, file, &summary);
    byte_queue_append(&summary.list, "]", 1);
    if (status == CLI_OK && cli->json)
        print_json_list(cli, &summary.list);
    else if (status == CLI_OK)
        table_print(summary.table, stdout);
    byte_queue_fini(&summary.list);
    table_free(summary.table);
    ctl_client_close(asker.client);
    return status;
}

static int explain_picked(const struct cli *cli, const struct question *question,
                          struct pcap_file *file)
{
    struct byte_queue params;
    struct pcap_frame frame = {0};
    int status;
    int r = 1;

    while (r > 0 && frame.number < question->frame)
        r = pcap_file_next(file, &frame);
    if (r < 0)
        return fail_in_file(question, file);
    if (r == 0)
        return cli_fail(CLI_REFUSED, "%s has %" PRIu64 " frames", question->pcap, file->n_frames);
    byte_queue_init(&params, SIZE_MAX);
    write_params(&params, port_of(question), &frame);
    status = explain_one(cli, byte_queue_data(&params));
    byte_queue_fini(&params);
    return status;
}

static int explain_file(const struct cli *cli, const struct question *question)
{
    bool is_stdin = strcmp(question->pcap, "-") == 0;
    FILE *stream = is_stdin ? stdin : fopen(question->pcap, "re");
    struct pcap_file file;
    int status;

    if (!stream)
        return cli_fail(CLI_REFUSED, "%s: %s", question->pcap, strerror(errno));
    if (pcap_file_init(&file, stream) < 0)
        status = fail_in_file(question, &file);
    else if (question->frame)
        status = explain_picked(cli, question, &file);
    else
        status = explain_all(cli, question, &file);
    if (!is_stdin)
        fclose(stream);
    return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct question question;
    int status = take_words(cli, argc, argv, &question);

    if (status == CLI_OK)
        status = check_question(&question);
    if (status != CLI_OK)
        return status;
    return question.pcap ? explain_file(cli, &question) : explain_words(cli, &question);
}

static const char *const options[] = {"port", "dst",      "src", "vlan", "pcp",   "ethertype",
                                      "size", "gso-size", "hex", "pcap", "frame", NULL};

const struct cli_command cli_explain = {
    .name = "explain",
    .summary = "what would become of a frame, and why",
    .help =
        "Usage: ringspan explain --port PORT --dst MAC [--src MAC] [--vlan VLAN] [--pcp PCP]\n"
        "                        [--ethertype TYPE] [--size BYTES] [--gso-size BYTES]\n"
        "       ringspan explain --port PORT --hex BYTES [--size BYTES]\n"
        "       ringspan explain --port PORT --pcap FILE [--frame NUMBER]\n\n"
        "Says what the bridge would do with a frame that arrives on PORT now, step by step, to\n"
        "where and with which tags it would leave, or why it would be dropped. Nothing is sent,\n"
        "learned or counted.\n\n"
        "A frame is given by its addresses and, if need be, VID, priority and EtherType; or by\n"
        "its bytes in hexadecimal, from the destination address on; or by a capture (pcap or\n"
        "pcapng of Ethernet; - is standard input), all of whose frames are explained, in a row\n"
        "each, unless one is picked. BYTES of size are those on the wire without FCS; with\n"
        "--gso-size it is a superframe of TCP or UDP segments with so much payload each.\n\n"
        "Example: ringspan explain --port r1 --dst 02:00:00:00:00:02 --vlan 10\n"
        "         ringspan explain --port r1 --pcap lost.pcapng --frame 7\n",
    .options = options,
    .run = run,
};
