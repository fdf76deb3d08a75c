/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_filter.h"
#include "capture_text.h"
#include "cli_command.h"
#include "ringspan/capture.h"
#include "ringspan/clock.h"
#include "ringspan/pcapng.h"
#include "ringspan/rate.h"

/*
 * capture: the daemon makes the file, block by block, and we take it off its hands. A block is
 * written whole or not at all, so that the file can be read whatever ends us; or, without a file,
 * it becomes a line. At its end each interface has statistics: if there are none, the daemon did
 * not get so far, and we say so in their place.
 */

#define CHUNK_SIZE ((size_t)1 << 20) /* longer than any block */

/* Enough for a line about a frame. */
#define TEXT_SNAPLEN 256

/* What the rest of a capture may take to come when it was asked to end, and to be taken. */
#define LAST_WORDS_MS 5000

/* ---- what is asked for ---- */

static bool is_word(const struct cli_given *given, const char *word)
{
    return strcmp(given->word, word) == 0;
}

static const char *value_of(const struct cli *cli, const char *word)
{
    const char *value = NULL;

    for (uint32_t i = 0; i < cli->n_given; i++) {
        if (is_word(&cli->given[i], word))
            value = cli->given[i].value ? cli->given[i].value : "";
    }
    return value;
}

static void put_list(struct json_writer *writer, const struct cli *cli, const char *word,
                     const char *param)
{
    if (!value_of(cli, word))
        return;
    json_open_array(writer, param);
    for (uint32_t i = 0; i < cli->n_given; i++) {
        if (is_word(&cli->given[i], word))
            json_put_string(writer, NULL, cli->given[i].value);
    }
    json_close_array(writer);
}

static int put_number(struct json_writer *writer, const struct cli *cli, const char *word)
{
    const char *value = value_of(cli, word);
    uint64_t number;
    char *end;

    if (!value)
        return CLI_OK;
    errno = 0;
    number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno)
        return cli_fail(CLI_USAGE, "--%s: '%s' is no number", word, value);
    json_put_u64(writer, word, number);
    return CLI_OK;
}

static int put_size(struct json_writer *writer, const struct cli *cli, const char *word)
{
    const char *value = value_of(cli, word);
    struct burst size;

    if (!value)
        return CLI_OK;
    if (!burst_parse(value, &size) || size.unit != RATE_BITS)
        return cli_fail(CLI_USAGE, "--%s: '%s' is no size, such as 16MiB", word, value);
    json_put_u64(writer, word, size.value);
    return CLI_OK;
}

static int put_filter(struct json_writer *writer, const char *expression)
{
    char *program = NULL;
    int status = CLI_OK;

    if (expression)
        status = cli_compile_filter(expression, &program);
    if (program)
        json_put_string(writer, "filter", program);
    free(program);
    return status;
}

/* Only lines, and nobody says how much of a frame is to be looked at. */
static bool is_glance(const struct cli *cli)
{
    return !value_of(cli, "write") && !value_of(cli, "dump") && !value_of(cli, "snaplen") &&
           !value_of(cli, "recorder");
}

static int write_params(const struct cli *cli, struct byte_queue *out)
{
    struct json_writer writer;
    int status;

    json_writer_init(&writer, out);
    json_open_object(&writer, NULL);
    put_list(&writer, cli, "port", "ports");
    put_list(&writer, cli, "reason", "reasons");
    if (value_of(cli, "bridge"))
        json_put_string(&writer, "bridge", value_of(cli, "bridge"));
    if (value_of(cli, "drops-only"))
        json_put_bool(&writer, "drops_only", true);
    if (value_of(cli, "recorder"))
        json_put_bool(&writer, "recorder", true);
    if (value_of(cli, "wait"))
        json_put_bool(&writer, "wait", true);
    if (value_of(cli, "segment"))
        json_put_bool(&writer, "segment", true);
    status = put_number(&writer, cli, "count");
    if (is_glance(cli))
        json_put_u64(&writer, "snaplen", TEXT_SNAPLEN);
    else if (status == CLI_OK)
        status = put_number(&writer, cli, "snaplen");
    if (status == CLI_OK)
        status = put_size(&writer, cli, "buffer");
    if (status == CLI_OK)
        status = put_filter(&writer, value_of(cli, "filter"));
    json_close_object(&writer);
    byte_queue_append(out, "", 1);
    return status;
}

/* ---- the file ---- */

struct stream {
    int in;
    int out;
    const char *name; /* of out */
    bool is_own;      /* a file that we have made, or emptied */
    size_t piece;     /* what it takes at once, if it takes anything */
    size_t written;
    struct capture_text *text; /* NULL: blocks are written as they are */
    int signals;
    bool is_ending;
    bool is_over;   /* nothing comes any more */
    uint64_t count; /* packets after which it ends by itself; UINT64_MAX: never */
    uint8_t *bytes;
    size_t len;
    uint64_t start;
    bool tells_cut_off; /* the daemon does */
    uint64_t n_blocks;
    uint64_t n_packets;
    uint64_t n_interfaces;
    uint64_t n_statistics;
    uint64_t n_lost;
};

static uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* The option of a statistics block that says how many packets did not get here. */
static uint64_t lost_in(const uint8_t *block, uint32_t len)
{
    uint32_t at = 20;
    uint64_t lost = 0;

    while (at + 8 < len) {
        uint32_t code = word_at(block + at) & 0xffff;
        uint32_t size = word_at(block + at) >> 16;

        if (code == PCAPNG_STATISTICS_LOST && size == sizeof(lost))
            memcpy(&lost, block + at + 4, sizeof(lost));
        at += 4 + ((size + 3) & ~3u);
    }
    return lost;
}

static bool says_cut_off(const uint8_t *block, uint32_t len)
{
    return memmem(block, len, CAPTURE_CUT_OFF, strlen(CAPTURE_CUT_OFF)) != NULL;
}

static void count_block(struct stream *stream, const uint8_t *block, uint32_t len)
{
    stream->n_blocks++;
    switch (word_at(block)) {
    case PCAPNG_SECTION:
        stream->tells_cut_off |= says_cut_off(block, len);
        break;
    case PCAPNG_PACKET:
        stream->n_packets++;
        break;
    case PCAPNG_INTERFACE:
        stream->n_interfaces++;
        break;
    case PCAPNG_STATISTICS:
        stream->n_statistics++;
        stream->n_lost += lost_in(block, len);
        stream->tells_cut_off |= says_cut_off(block, len);
        break;
    default: /* of a number that says nothing to us */
        break;
    }
}

/* How many bytes of what came are whole blocks. */
static size_t whole_blocks(struct stream *stream)
{
    size_t at = 0;

    while (at + 8 <= stream->len) {
        uint32_t len = word_at(stream->bytes + at + 4);

        if (len < 12 || len > stream->len - at)
            break;
        count_block(stream, stream->bytes + at, len);
        at += len;
    }
    return at;
}

/* The daemon sends what it has, and what there is to sum up. */
static void ask_to_end(struct stream *stream)
{
    stream->is_ending = true;
    shutdown(stream->in, SHUT_WR);
}

/* Whoever reads may have stopped for good, and must not make us deaf. 0 or -errno. */
static int await_room(struct stream *stream)
{
    int r = -EINTR;

    while (r == -EINTR) {
        bool is_ending = stream->is_ending;

        r = cli_await_room(stream->out, is_ending ? -1 : stream->signals,
                           is_ending ? LAST_WORDS_MS : -1);
        if (r == -EINTR && !is_ending)
            ask_to_end(stream);
    }
    return r;
}

/* 0 or -errno; in any case, how many bytes were taken. */
static int write_pieces(struct stream *stream, const char *bytes, size_t len, size_t *ret_taken)
{
    size_t at = 0;
    int r = 0;

    while (r == 0 && at < len) {
        size_t piece = len - at < stream->piece ? len - at : stream->piece;
        ssize_t n = -1;

        r = await_room(stream);
        if (r == 0)
            n = write(stream->out, bytes + at, piece);
        if (r == 0 && n < 0 && errno != EINTR)
            r = -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    *ret_taken = at;
    return r;
}

static size_t whole_within(const uint8_t *blocks, size_t len)
{
    size_t at = 0;

    while (at + 8 <= len && word_at(blocks + at + 4) <= len - at)
        at += word_at(blocks + at + 4);
    return at;
}

/* A file that there is no room for any more ends with a whole block. */
static int write_to_file(struct stream *stream, size_t len)
{
    size_t taken;
    int r = write_pieces(stream, (const char *)stream->bytes, len, &taken);

    stream->written += whole_within(stream->bytes, taken);
    if (r < 0 && stream->is_own)
        (void)!ftruncate(stream->out, (off_t)stream->written);
    return r;
}

static bool write_blocks(const struct stream *stream, size_t len, FILE *out)
{
    bool is_fine = true;

    for (size_t at = 0; is_fine && at < len; at += word_at(stream->bytes + at + 4))
        is_fine = capture_text_write(stream->text, out, stream->bytes + at,
                                     word_at(stream->bytes + at + 4));
    return is_fine;
}

static int write_text(struct stream *stream, size_t len)
{
    char *lines = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&lines, &size);
    int r = -ENOMEM;

    if (!out)
        return r;
    if (write_blocks(stream, len, out))
        r = 0;
    if (fclose(out) == 0 && r == 0)
        r = write_pieces(stream, lines, size, &size);
    free(lines);
    return r;
}

/* 1 to go on, 0 at the end, or -errno of the file. */
static int pass_on(struct stream *stream)
{
    ssize_t n = read(stream->in, stream->bytes + stream->len, CHUNK_SIZE - stream->len);
    size_t whole;
    int r;

    stream->is_over = n == 0 || (n < 0 && errno != EINTR);
    if (stream->is_over)
        return 0;
    stream->len += n > 0 ? (size_t)n : 0;
    whole = whole_blocks(stream);
    r = stream->text ? write_text(stream, whole) : write_to_file(stream, whole);
    if (r < 0)
        return r;
    stream->len -= whole;
    memmove(stream->bytes, stream->bytes + whole, stream->len);
    return 1;
}

/* 1 to go on, 0 at the end, or -errno. */
static int await_more(struct stream *stream)
{
    struct pollfd fds[] = {
        {.fd = stream->in, .events = POLLIN},
        {.fd = stream->is_ending ? -1 : stream->signals, .events = POLLIN},
        {.fd = stream->out}, /* the end of a pipe shows as an error */
    };
    int n = poll(fds, 3, stream->is_ending ? LAST_WORDS_MS : -1);

    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    stream->is_over = n == 0;
    if (n == 0 || fds[2].revents & POLLERR)
        return 0;
    if (fds[1].revents)
        ask_to_end(stream);
    return fds[0].revents ? pass_on(stream) : 1;
}

/* ---- its end ---- */

/* Each interface has its statistics when the daemon has said all. */
static bool is_whole(const struct stream *stream)
{
    return stream->n_blocks > 0 && stream->len == 0 && stream->n_statistics == stream->n_interfaces;
}

/* Nobody asked for an end, and it is none of its own. */
static bool is_cut_off(const struct stream *stream)
{
    bool may_end = stream->is_ending || stream->n_packets >= stream->count;

    return stream->tells_cut_off || (stream->is_over && !(may_end && is_whole(stream)));
}

static int write_block(struct stream *stream, const struct pcapng_bytes *block)
{
    memcpy(stream->bytes, block->bytes, block->len);
    return write_to_file(stream, block->len);
}

/* What the daemon did not come to write. */
static int write_end(struct stream *stream)
{
    struct pcapng_statistics statistics = {
        .time = clock_wall(),
        .start = stream->start,
        .received = PCAPNG_UNKNOWN,
        .dropped = PCAPNG_UNKNOWN,
        .accepted = PCAPNG_UNKNOWN,
        .lost = PCAPNG_UNKNOWN,
        .delivered = PCAPNG_UNKNOWN,
        .comment = CAPTURE_CUT_OFF,
    };
    struct pcapng_bytes block;
    int r = 0;

    if (stream->n_blocks == 0) {
        pcapng_section("ringspan " RINGSPAN_VERSION, CAPTURE_CUT_OFF, &block);
        r = write_block(stream, &block);
    }
    for (uint64_t i = stream->n_statistics; r == 0 && i < stream->n_interfaces; i++) {
        statistics.interface = (uint32_t)i;
        pcapng_statistics(&statistics, &block);
        r = write_block(stream, &block);
    }
    return r;
}

static int sum_up(const struct stream *stream)
{
    fprintf(stderr, "%" PRIu64 " packets captured, ", stream->n_packets);
    if (stream->is_over && !is_whole(stream))
        fputs("nobody knows how many were lost on their way here\n", stderr);
    else
        fprintf(stderr, "%" PRIu64 " lost on their way here\n", stream->n_lost);
    return is_cut_off(stream) ? cli_fail(CLI_UNREACHABLE, "the daemon hung up") : CLI_OK;
}

static int follow(struct stream *stream)
{
    int r;

    do
        r = await_more(stream);
    while (r > 0);
    if (r == 0 && stream->is_over && !is_whole(stream) && !stream->text)
        r = write_end(stream);
    if (r == -ETIMEDOUT)
        return cli_fail(CLI_REFUSED, "%s: nobody takes the rest", stream->name);
    if (r < 0 && r != -EPIPE)
        return cli_fail(CLI_REFUSED, "%s: %s", stream->name, strerror(-r));
    return sum_up(stream);
}

/* A pipe that has any room has some for so much, and a file never makes anybody wait. */
static size_t piece_of(int out)
{
    struct stat stat;

    return fstat(out, &stat) == 0 && S_ISREG(stat.st_mode) ? SIZE_MAX : PIPE_BUF;
}

static int follow_from(int in, struct stream *stream)
{
    int status;

    stream->in = in;
    stream->start = clock_wall();
    stream->piece = piece_of(stream->out);
    stream->signals = cli_open_signals();
    stream->bytes = malloc(CHUNK_SIZE);
    if (stream->bytes && stream->signals >= 0)
        status = follow(stream);
    else
        status = cli_fail(CLI_REFUSED, "%s", strerror(errno));
    if (stream->signals >= 0)
        close(stream->signals);
    free(stream->bytes);
    return status;
}

/* ---- the command ---- */

static int start(const struct cli *cli, int *ret_fd)
{
    struct ctl_client *client;
    struct byte_queue params;
    struct ctl_reply reply;
    int status;

    byte_queue_init(&params, SIZE_MAX);
    status = write_params(cli, &params);
    if (status == CLI_OK)
        status = cli_begin(cli, "capture.start", byte_queue_data(&params), CLI_TIMEOUT_NS, &client,
                           &reply);
    byte_queue_fini(&params);
    if (status != CLI_OK)
        return status;
    *ret_fd = ctl_client_take_fd(client);
    ctl_reply_fini(&reply);
    ctl_client_close(client);
    return *ret_fd >= 0 ? CLI_OK : cli_fail(CLI_REFUSED, "the daemon passed no descriptor");
}

/* What the recorder has comes to an end, however much it is. */
static uint64_t count_of(const struct cli *cli)
{
    const char *count = value_of(cli, "count");

    if (value_of(cli, "recorder"))
        return 0;
    return count ? strtoull(count, NULL, 10) : UINT64_MAX;
}

static int capture_to(const struct cli *cli, struct stream *stream)
{
    int in;
    int status = start(cli, &in);

    if (status != CLI_OK)
        return status;
    status = follow_from(in, stream);
    close(in);
    return status;
}

/* A pipe that is there has had nothing. */
static int begin_file(const char *name, int *out)
{
    bool is_begun;

    if (*out < 0) {
        *out = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        is_begun = *out >= 0;
    } else {
        is_begun = ftruncate(*out, 0) == 0 || errno == EINVAL;
    }
    return is_begun ? CLI_OK : cli_fail(CLI_REFUSED, "%s: %s", name, strerror(errno));
}

/* The file comes into being, or loses what it had, when there is a capture, and not before. */
static int capture_to_file(const struct cli *cli, int *out, const char *name)
{
    struct stream stream = {.name = name, .is_own = true, .count = count_of(cli)};
    int in;
    int status = start(cli, &in);

    if (status != CLI_OK)
        return status;
    status = begin_file(name, out);
    stream.out = *out;
    if (status == CLI_OK)
        status = follow_from(in, &stream);
    close(in);
    return status;
}

/* Whether what is there can be written is known at once. */
static int open_and_capture(const struct cli *cli, const char *name)
{
    int out = open(name, O_WRONLY | O_CLOEXEC);
    int status;

    if (out < 0 && errno != ENOENT)
        return cli_fail(CLI_REFUSED, "%s: %s", name, strerror(errno));
    status = capture_to_file(cli, &out, name);
    if (out >= 0 && close(out) < 0 && status == CLI_OK)
        status = cli_fail(CLI_REFUSED, "%s: %s", name, strerror(errno));
    return status;
}

static int capture_to_stdout(const struct cli *cli, struct capture_text *text)
{
    struct stream stream = {
        .out = STDOUT_FILENO, .name = "standard output", .text = text, .count = count_of(cli)};

    return capture_to(cli, &stream);
}

static int capture_as_text(const struct cli *cli)
{
    struct capture_text text = {.shows_bytes = value_of(cli, "dump"), .is_json = cli->json};
    int status = capture_to_stdout(cli, &text);

    capture_text_fini(&text);
    return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    const char *name = value_of(cli, "write");

    if (argc > 0)
        return cli_fail(CLI_USAGE, "what is '%s'? See `ringspan help capture`", argv[0]);
    if (!name)
        return capture_as_text(cli);
    if (value_of(cli, "dump"))
        return cli_fail(CLI_USAGE, "-x is for lines, and -w for a file that has the bytes anyway");
    if (strcmp(name, "-") == 0)
        return capture_to_stdout(cli, NULL);
    return open_and_capture(cli, name);
}

static const char *const options[] = {"port",    "bridge",   "drops-only", "reason", "filter",
                                      "segment", "recorder", "wait",       "count",  "snaplen",
                                      "buffer",  "write",    "dump",       NULL};

const struct cli_command cli_capture = {
    .name = "capture",
    .summary = "frames, with what became of each",
    .help =
        "Usage: ringspan capture [--port PORT]... [--bridge BRIDGE] [--drops-only]\n"
        "                        [--reason REASON]... [--filter EXPRESSION] [--segment] [-c COUNT]\n"
        "                        [--snaplen BYTES] [--buffer SIZE] [-w FILE] [-x]\n"
        "       ringspan capture --recorder [--wait] [--buffer SIZE] [-w FILE] [-x]\n\n"
        "Frames that arrive on these ports, and copies that are to leave by them, until it is\n"
        "interrupted, or there are COUNT: a line each, or a pcapng file. Each has a comment: the\n"
        "decision about it, or why it was dropped. A frame and its copies have the same number,\n"
        "the packet id. -x prints bytes below the line, -j objects instead of lines.\n\n"
        "Without --port and --bridge it is all ports. --drops-only leaves out what was not\n"
        "dropped, --reason what was not dropped for one of these, --filter what a pcap-filter(7)\n"
        "expression does not match. With --segment superframes are the frames that they stand\n"
        "for, and all checksums are computed, as on a cable. --recorder writes the frames of late,\n"
        "if daemon.recorder in the configuration keeps them; with --wait it waits until a\n"
        "trigger or `ringspan recorder freeze` has frozen them. Who reads too slowly loses\n"
        "packets, which the file counts, and slows nothing down; --buffer, 4MiB if absent, is\n"
        "the daemon's memory for what was not read yet. It takes the permission to change things:\n"
        "root, or the daemon's user.\n\n"
        "Example: ringspan capture --port r1 --filter arp\n"
        "         ringspan capture --port r1 -w r1.pcapng\n"
        "         ringspan capture --drops-only -w - | tshark -r - -V\n",
    .options = options,
    .run = run,
};
