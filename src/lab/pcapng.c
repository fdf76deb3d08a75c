/* SPDX-License-Identifier: ISC */
#include "ringspan/pcapng.h"

#include <string.h>

#define BYTE_ORDER_MAGIC    0x1a2b3c4d
#define LINK_TYPE_ETHERNET  1
#define NANOSECONDS         9 /* a negative power of 10 */
#define VERDICT_BY_HARDWARE 0 /* whoever forwards; the others are those of eBPF programs */

enum option {
    OPTION_END = 0,
    OPTION_COMMENT = PCAPNG_COMMENT,
    SECTION_PROGRAM = 4,
    INTERFACE_NAME = PCAPNG_INTERFACE_NAME,
    INTERFACE_DESCRIPTION = 3,
    INTERFACE_SPEED = 8,
    INTERFACE_RESOLUTION = 9,
    PACKET_FLAGS = PCAPNG_PACKET_FLAGS,
    PACKET_LOST = PCAPNG_PACKET_LOST,
    PACKET_ID = PCAPNG_PACKET_ID,
    PACKET_VERDICT = PCAPNG_PACKET_VERDICT,
    STATISTICS_START = 2,
    STATISTICS_RECEIVED = 4,
    STATISTICS_DROPPED = 5,
    STATISTICS_ACCEPTED = 6,
    STATISTICS_LOST = PCAPNG_STATISTICS_LOST,
    STATISTICS_DELIVERED = 8,
};

static void put(struct pcapng_bytes *block, const void *bytes, uint32_t len)
{
    memcpy(block->bytes + block->len, bytes, len);
    block->len += len;
}

static void put_u16(struct pcapng_bytes *block, uint16_t value)
{
    put(block, &value, sizeof(value));
}

static void put_u32(struct pcapng_bytes *block, uint32_t value)
{
    put(block, &value, sizeof(value));
}

static void put_u64(struct pcapng_bytes *block, uint64_t value)
{
    put(block, &value, sizeof(value));
}

/* The format's own order of the halves, whatever the machine's is. */
static void put_time(struct pcapng_bytes *block, uint64_t time)
{
    put_u32(block, (uint32_t)(time >> 32));
    put_u32(block, (uint32_t)time);
}

static void pad(struct pcapng_bytes *block, uint32_t len)
{
    put(block, "\0\0\0", -len & 3u);
}

/* ---- options ---- */

/* What an option's value can have at most, so that its header, the end of the options and the
 * block's second length still fit. */
static uint32_t room_for_option(const struct pcapng_bytes *block)
{
    return PCAPNG_BLOCK_SIZE - block->len - 16;
}

static void put_option(struct pcapng_bytes *block, enum option code, const void *value,
                       uint32_t len)
{
    put_u16(block, (uint16_t)code);
    put_u16(block, (uint16_t)len);
    put(block, value, len);
    pad(block, len);
}

static void put_u64_option(struct pcapng_bytes *block, enum option code, uint64_t value)
{
    put_option(block, code, &value, sizeof(value));
}

static void put_time_option(struct pcapng_bytes *block, enum option code, uint64_t time)
{
    const uint32_t halves[] = {(uint32_t)(time >> 32), (uint32_t)time};

    put_option(block, code, halves, sizeof(halves));
}

/* Nothing for NULL and "". A text that is too long is cut: names and sentences are far from it. */
static void put_text(struct pcapng_bytes *block, enum option code, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (len > room_for_option(block))
        len = room_for_option(block);
    if (len > 0)
        put_option(block, code, text, (uint32_t)len);
}

static void put_end_of_options(struct pcapng_bytes *block)
{
    put_u16(block, OPTION_END);
    put_u16(block, 0);
}

/* ---- blocks ---- */

static void begin(struct pcapng_bytes *block, uint32_t type)
{
    block->len = 0;
    put_u32(block, type);
    put_u32(block, 0); /* in the place of the length, which end() knows */
}

static void end(struct pcapng_bytes *block)
{
    uint32_t len;

    put_end_of_options(block);
    len = block->len + (uint32_t)sizeof(len);
    put_u32(block, len);
    memcpy(block->bytes + 4, &len, sizeof(len));
}

void pcapng_section(const char *program, const char *comment, struct pcapng_bytes *ret)
{
    begin(ret, PCAPNG_SECTION);
    put_u32(ret, BYTE_ORDER_MAGIC);
    put_u16(ret, 1); /* version 1.0 */
    put_u16(ret, 0);
    put_u64(ret, UINT64_MAX); /* the section's length: to the end of the file */
    put_text(ret, OPTION_COMMENT, comment);
    put_text(ret, SECTION_PROGRAM, program);
    end(ret);
}

void pcapng_interface(const struct pcapng_interface *interface, struct pcapng_bytes *ret)
{
    const uint8_t resolution = NANOSECONDS;

    begin(ret, PCAPNG_INTERFACE);
    put_u16(ret, LINK_TYPE_ETHERNET);
    put_u16(ret, 0); /* reserved */
    put_u32(ret, interface->snaplen);
    put_text(ret, INTERFACE_NAME, interface->name);
    if (interface->speed > 0)
        put_u64_option(ret, INTERFACE_SPEED, interface->speed);
    put_option(ret, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
    put_text(ret, INTERFACE_DESCRIPTION, interface->description);
    end(ret);
}

static void put_count(struct pcapng_bytes *block, enum option code, uint64_t count)
{
    if (count != PCAPNG_UNKNOWN)
        put_u64_option(block, code, count);
}

void pcapng_statistics(const struct pcapng_statistics *statistics, struct pcapng_bytes *ret)
{
    begin(ret, PCAPNG_STATISTICS);
    put_u32(ret, statistics->interface);
    put_time(ret, statistics->time);
    put_time_option(ret, STATISTICS_START, statistics->start);
    put_count(ret, STATISTICS_RECEIVED, statistics->received);
    put_count(ret, STATISTICS_DROPPED, statistics->dropped);
    put_count(ret, STATISTICS_ACCEPTED, statistics->accepted);
    put_count(ret, STATISTICS_LOST, statistics->lost);
    put_count(ret, STATISTICS_DELIVERED, statistics->delivered);
    put_text(ret, OPTION_COMMENT, statistics->comment);
    end(ret);
}

static void put_verdict(struct pcapng_bytes *block, const char *verdict)
{
    uint8_t value[64] = {VERDICT_BY_HARDWARE};
    size_t len = strlen(verdict);

    if (len > sizeof(value) - 1)
        len = sizeof(value) - 1;
    memcpy(value + 1, verdict, len);
    put_option(block, PACKET_VERDICT, value, (uint32_t)len + 1);
}

void pcapng_packet(const struct pcapng_packet *packet, struct pcapng_bytes *ret_head,
                   struct pcapng_bytes *ret_tail)
{
    const uint32_t flags = packet->direction;
    uint32_t len;

    ret_tail->len = 0;
    pad(ret_tail, packet->captured);
    put_option(ret_tail, PACKET_FLAGS, &flags, sizeof(flags));
    if (packet->lost > 0)
        put_u64_option(ret_tail, PACKET_LOST, packet->lost);
    put_u64_option(ret_tail, PACKET_ID, packet->id);
    if (packet->verdict)
        put_verdict(ret_tail, packet->verdict);
    put_text(ret_tail, OPTION_COMMENT, packet->comment);
    put_end_of_options(ret_tail);

    begin(ret_head, PCAPNG_PACKET);
    put_u32(ret_head, packet->interface);
    put_time(ret_head, packet->time);
    put_u32(ret_head, packet->captured);
    put_u32(ret_head, packet->original);
    len = ret_head->len + packet->captured + ret_tail->len + (uint32_t)sizeof(len);
    put_u32(ret_tail, len);
    memcpy(ret_head->bytes + 4, &len, sizeof(len));
}
