/* SPDX-License-Identifier: ISC */
#include "capture_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frame_text.h"
#include "ringspan/clock.h"
#include "ringspan/json_writer.h"
#include "ringspan/pcapng.h"

#define BLOCK_HEAD      8
#define BLOCK_TAIL      4
#define INTERFACE_FIXED 8
#define PACKET_FIXED    20
#define COMMENT_SIZE    320
#define SUMMARY_SIZE    320

#define BYTES_PER_ROW 16u

/* A packet block, taken apart. Texts have nothing that a terminal would obey. */
struct packet {
    const char *port;
    uint64_t time;
    uint32_t captured;
    uint32_t length;
    const uint8_t *bytes;
    bool is_copy;
    uint64_t id;
    uint64_t lost;
    char verdict[64];
    char comment[COMMENT_SIZE];
};

static uint32_t load_u32(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static uint64_t load_u64(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static void copy_text(char *to, size_t size, const uint8_t *from, uint32_t len)
{
    size_t n = len < size - 1 ? len : size - 1;

    for (size_t i = 0; i < n; i++)
        to[i] = (char)(from[i] < ' ' || from[i] == 0x7f ? '?' : from[i]);
    to[n] = '\0';
}

/* ---- blocks ---- */

/* Options, one after the other: false at their end. */
static bool next_option(const uint8_t **at, const uint8_t *end, uint16_t *ret_code,
                        uint16_t *ret_len, const uint8_t **ret_value)
{
    if (end - *at < 4)
        return false;
    *ret_code = (uint16_t)(load_u32(*at) & 0xffff);
    *ret_len = (uint16_t)(load_u32(*at) >> 16);
    *ret_value = *at + 4;
    if (*ret_code == 0 || *ret_len > end - *ret_value)
        return false;
    *at = end - *ret_value - *ret_len < 3 ? end : *ret_value + ((*ret_len + 3u) & ~3u);
    return true;
}

static bool take_interface(struct capture_text *text, const uint8_t *at, const uint8_t *end)
{
    char(*names)[LIMIT_NAME_SIZE] = realloc(text->names, (text->n_names + 1) * sizeof(*names));
    const uint8_t *value;
    uint16_t code;
    uint16_t len;

    if (!names)
        return false;
    text->names = names;
    names[text->n_names][0] = '\0';
    while (next_option(&at, end, &code, &len, &value)) {
        if (code == PCAPNG_INTERFACE_NAME)
            copy_text(names[text->n_names], LIMIT_NAME_SIZE, value, len);
    }
    text->n_names++;
    return true;
}

static void take_option(struct packet *packet, uint16_t code, const uint8_t *value, uint16_t len)
{
    if (code == PCAPNG_PACKET_FLAGS && len == 4)
        packet->is_copy = (load_u32(value) & 3) == PCAPNG_OUTBOUND;
    else if (code == PCAPNG_PACKET_ID && len == 8)
        packet->id = load_u64(value);
    else if (code == PCAPNG_PACKET_LOST && len == 8)
        packet->lost = load_u64(value);
    else if (code == PCAPNG_PACKET_VERDICT && len > 1)
        copy_text(packet->verdict, sizeof(packet->verdict), value + 1, len - 1u);
    else if (code == PCAPNG_COMMENT)
        copy_text(packet->comment, sizeof(packet->comment), value, len);
}

static bool take_packet(const struct capture_text *text, const uint8_t *at, const uint8_t *end,
                        struct packet *ret)
{
    const uint8_t *value;
    uint16_t code;
    uint16_t len;

    if (end - at < PACKET_FIXED || load_u32(at) >= text->n_names ||
        load_u32(at + 12) > (size_t)(end - at) - PACKET_FIXED)
        return false;
    *ret = (struct packet){
        .port = text->names[load_u32(at)],
        .time = (uint64_t)load_u32(at + 4) << 32 | load_u32(at + 8),
        .captured = load_u32(at + 12),
        .length = load_u32(at + 16),
        .bytes = at + PACKET_FIXED,
    };
    at = ret->bytes + ret->captured;
    at += -ret->captured & 3u;
    while (at < end && next_option(&at, end, &code, &len, &value))
        take_option(ret, code, value, len);
    return true;
}

/* ---- lines ---- */

static void write_bytes(FILE *out, const struct packet *packet)
{
    for (uint32_t i = 0; i < packet->captured; i++) {
        if (i % BYTES_PER_ROW == 0)
            fprintf(out, "%s\t0x%04x: ", i > 0 ? "\n" : "", i);
        fprintf(out, "%s%02x", i % 2 ? "" : " ", packet->bytes[i]);
    }
    if (packet->captured > 0)
        putc('\n', out);
}

static void write_time(FILE *out, uint64_t time)
{
    time_t seconds = (time_t)(time / NS_PER_SEC);
    char text[16] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm))
        strftime(text, sizeof(text), "%H:%M:%S", &tm);
    fprintf(out, "%s.%06u", text, (unsigned)(time % NS_PER_SEC / 1000));
}

static void write_line(const struct capture_text *text, FILE *out, const struct packet *packet)
{
    if (packet->lost > 0)
        fprintf(out, "... %" PRIu64 " of %s are missing here\n", packet->lost, packet->port);
    write_time(out, packet->time);
    fprintf(out, " #%" PRIu64 " %s %s ", packet->id, packet->port, packet->is_copy ? "Out" : "In ");
    frame_text_write(out, packet->bytes, packet->captured);
    fprintf(out, ", length %" PRIu32 ": %s\n", packet->length, packet->comment);
    if (text->shows_bytes)
        write_bytes(out, packet);
}

/* ---- objects ---- */

static void put_time(struct json_writer *writer, uint64_t time)
{
    char text[40];

    snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, time / NS_PER_SEC, time % NS_PER_SEC);
    json_put_raw(writer, "time", text, strlen(text));
}

static void put_summary(struct json_writer *writer, const struct packet *packet)
{
    char summary[SUMMARY_SIZE] = "";
    FILE *out = fmemopen(summary, sizeof(summary), "w");

    if (!out)
        return;
    frame_text_write(out, packet->bytes, packet->captured);
    fclose(out);
    json_put_string(writer, "summary", summary);
}

static void put_bytes(struct json_writer *writer, const struct packet *packet)
{
    char *hex = malloc(packet->captured * (size_t)2 + 1);

    if (!hex)
        return;
    hex[0] = '\0';
    for (uint32_t i = 0; i < packet->captured; i++)
        snprintf(hex + i * (size_t)2, 3, "%02x", packet->bytes[i]);
    json_put_string(writer, "bytes", hex);
    free(hex);
}

static bool write_object(const struct capture_text *text, FILE *out, const struct packet *packet)
{
    struct json_writer writer;
    struct byte_queue line;

    byte_queue_init(&line, SIZE_MAX);
    json_writer_init(&writer, &line);
    json_open_object(&writer, NULL);
    put_time(&writer, packet->time);
    json_put_u64(&writer, "id", packet->id);
    json_put_string(&writer, "port", packet->port);
    json_put_string(&writer, "direction", packet->is_copy ? "out" : "in");
    json_put_u64(&writer, "length", packet->length);
    json_put_string(&writer, "verdict", packet->verdict);
    json_put_string(&writer, "comment", packet->comment);
    json_put_u64(&writer, "lost", packet->lost);
    put_summary(&writer, packet);
    if (text->shows_bytes)
        put_bytes(&writer, packet);
    json_close_object(&writer);
    fwrite(byte_queue_data(&line), 1, line.len, out);
    putc('\n', out);
    byte_queue_fini(&line);
    return !ferror(out);
}

bool capture_text_write(struct capture_text *text, FILE *out, const uint8_t *block, uint32_t len)
{
    const uint8_t *end = block + len - BLOCK_TAIL;
    const uint8_t *at = block + BLOCK_HEAD;
    struct packet packet;

    if (len < BLOCK_HEAD + BLOCK_TAIL)
        return true;
    if (load_u32(block) == PCAPNG_INTERFACE && end - at >= INTERFACE_FIXED)
        return take_interface(text, at + INTERFACE_FIXED, end);
    if (load_u32(block) != PCAPNG_PACKET || !take_packet(text, at, end, &packet))
        return true;
    if (text->is_json)
        return write_object(text, out, &packet);
    write_line(text, out, &packet);
    return !ferror(out);
}

void capture_text_fini(struct capture_text *text)
{
    free(text->names);
}
