/* SPDX-License-Identifier: ISC */
#include "pcap_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "ringspan/limits.h"

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS  0xa1b23c4du
#define LINK_ETHERNET      1
#define FRAME_BYTES_MAX    (1u << 20) /* more than anybody captures of a frame */

/* pcapng: draft-ietf-opsawg-pcapng */
#define BLOCK_SECTION    0x0a0d0d0au
#define BLOCK_INTERFACE  1u
#define BLOCK_SIMPLE     3u
#define BLOCK_ENHANCED   6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define BLOCK_BYTES_MIN  12u
#define BLOCK_BYTES_MAX  (16u << 20)

static int fail(struct pcap_file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct pcap_file *file, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(file->why, sizeof(file->why), format, args);
    va_end(args);
    return -EPROTO;
}

static int fail_at_end(struct pcap_file *file)
{
    if (ferror(file->stream))
        return fail(file, "it cannot be read");
    return fail(file, "it ends in the middle, behind %" PRIu64 " whole frames", file->n_frames);
}

static uint32_t load_u32(const struct pcap_file *file, const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return file->is_swapped ? __builtin_bswap32(value) : value;
}

static uint16_t load_u16(const struct pcap_file *file, const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return file->is_swapped ? __builtin_bswap16(value) : value;
}

static bool read_exactly(struct pcap_file *file, void *bytes, size_t n)
{
    return fread(bytes, 1, n, file->stream) == n;
}

static bool skip(struct pcap_file *file, uint32_t n)
{
    uint8_t bytes[4096];

    while (n > 0) {
        uint32_t piece = n < sizeof(bytes) ? n : (uint32_t)sizeof(bytes);

        if (!read_exactly(file, bytes, piece))
            return false;
        n -= piece;
    }
    return true;
}

/* @captured bytes come next. */
static int take_frame(struct pcap_file *file, uint32_t captured, uint32_t size, uint16_t link_type,
                      struct pcap_frame *ret_frame)
{
    file->n_frames++;
    if (link_type != LINK_ETHERNET)
        return fail(file, "frame %" PRIu64 " is not Ethernet: its link type is %u", file->n_frames,
                    link_type);
    if (captured > FRAME_BYTES_MAX || size == 0 || captured > size)
        return fail(file, "frame %" PRIu64 " makes no sense: %u bytes of %u", file->n_frames,
                    captured, size);
    if (size > LIMIT_SUPERFRAME_SIZE)
        return fail(file, "frame %" PRIu64 " is longer than any: %u bytes", file->n_frames, size);
    ret_frame->number = file->n_frames;
    ret_frame->size = size;
    ret_frame->n_kept = captured < PCAP_KEPT_BYTES ? captured : PCAP_KEPT_BYTES;
    if (read_exactly(file, ret_frame->bytes, ret_frame->n_kept) &&
        skip(file, captured - ret_frame->n_kept))
        return 1;
    file->n_frames--;
    return fail_at_end(file);
}

/* ---- classic ---- */

static int init_classic(struct pcap_file *file)
{
    uint8_t header[20]; /* behind the magic number */

    if (!read_exactly(file, header, sizeof(header)))
        return fail_at_end(file);
    if (load_u16(file, header) != 2)
        return fail(file, "it is pcap of version %u, not 2", load_u16(file, header));
    file->n_interfaces = 1;
    file->link_types[0] = (uint16_t)load_u32(file, header + 16); /* the rest is about the FCS */
    return 0;
}

static int next_classic(struct pcap_file *file, struct pcap_frame *ret_frame)
{
    uint8_t header[16];
    size_t n = fread(header, 1, sizeof(header), file->stream);

    if (n == 0 && !ferror(file->stream))
        return 0;
    if (n < sizeof(header))
        return fail_at_end(file);
    return take_frame(file, load_u32(file, header + 8), load_u32(file, header + 12),
                      file->link_types[0], ret_frame);
}

/* ---- pcapng ---- */

/* The head of a block was read, whose length is in whatever order the section has. */
static int begin_section(struct pcap_file *file, const uint8_t *length, uint32_t *ret_len)
{
    uint8_t magic[4];
    uint32_t value;

    if (!read_exactly(file, magic, sizeof(magic)))
        return fail_at_end(file);
    memcpy(&value, magic, sizeof(value));
    if (value != BYTE_ORDER_MAGIC && __builtin_bswap32(value) != BYTE_ORDER_MAGIC)
        return fail(file, "it is pcapng with a section that makes no sense");
    file->is_swapped = value != BYTE_ORDER_MAGIC;
    file->n_interfaces = 0;
    *ret_len = load_u32(file, length);
    return 0;
}

static int take_interface(struct pcap_file *file, uint32_t n, uint32_t *ret_read)
{
    uint8_t body[8];

    if (n < sizeof(body))
        return fail(file, "it has an interface that makes no sense");
    if (file->n_interfaces == PCAP_INTERFACES)
        return fail(file, "it has more than %d interfaces", PCAP_INTERFACES);
    if (!read_exactly(file, body, sizeof(body)))
        return fail_at_end(file);
    file->link_types[file->n_interfaces] = load_u16(file, body);
    file->snap_lens[file->n_interfaces++] = load_u32(file, body + 4);
    *ret_read = sizeof(body);
    return 0;
}

static int take_packet(struct pcap_file *file, uint32_t type, uint32_t n,
                       struct pcap_frame *ret_frame, uint32_t *ret_read)
{
    uint32_t n_header = type == BLOCK_ENHANCED ? 20 : 4;
    uint8_t body[20] = {0};
    uint32_t interface = 0;
    uint32_t captured;
    uint32_t size;
    int r;

    if (n < n_header)
        return fail(file, "frame %" PRIu64 " makes no sense", file->n_frames + 1);
    if (!read_exactly(file, body, n_header))
        return fail_at_end(file);
    if (type == BLOCK_ENHANCED)
        interface = load_u32(file, body);
    size = load_u32(file, body + n_header - 4);
    if (interface >= file->n_interfaces)
        return fail(file, "frame %" PRIu64 " is from an interface that the file does not have",
                    file->n_frames + 1);
    captured = type == BLOCK_ENHANCED ? load_u32(file, body + 12) : size;
    if (type == BLOCK_SIMPLE && file->snap_lens[0] > 0 && captured > file->snap_lens[0])
        captured = file->snap_lens[0];
    if (captured > n - n_header)
        return fail(file, "frame %" PRIu64 " is longer than its block", file->n_frames + 1);
    r = take_frame(file, captured, size, file->link_types[interface], ret_frame);
    *ret_read = n_header + captured;
    return r;
}

/* A block's body, of @n bytes. 1 if it was a frame. */
static int take_block(struct pcap_file *file, uint32_t type, uint32_t n,
                      struct pcap_frame *ret_frame)
{
    uint32_t n_read = 0;
    int r = 0;

    if (type == BLOCK_INTERFACE)
        r = take_interface(file, n, &n_read);
    else if (type == BLOCK_ENHANCED || type == BLOCK_SIMPLE)
        r = take_packet(file, type, n, ret_frame, &n_read);
    if (r < 0)
        return r;
    return skip(file, n - n_read) ? r : fail_at_end(file);
}

/* 1: a frame, 0: something else, -ENODATA: the end. */
static int next_block(struct pcap_file *file, struct pcap_frame *ret_frame)
{
    uint8_t head[8];
    uint8_t tail[4];
    size_t n_head = fread(head, 1, sizeof(head), file->stream);
    uint32_t n_read = 0;
    uint32_t type;
    uint32_t len;
    int r = 0;

    if (n_head == 0 && !ferror(file->stream))
        return -ENODATA;
    if (n_head < sizeof(head))
        return fail_at_end(file);
    type = load_u32(file, head);
    len = load_u32(file, head + 4);
    if (type == BLOCK_SECTION) {
        r = begin_section(file, head + 4, &len);
        n_read = 4;
    }
    if (r < 0)
        return r;
    if (len < BLOCK_BYTES_MIN + n_read || len % 4 != 0 || len > BLOCK_BYTES_MAX)
        return fail(file, "it has a block of %u bytes, which makes no sense", len);
    r = take_block(file, type, len - BLOCK_BYTES_MIN - n_read, ret_frame);
    if (r < 0)
        return r;
    if (!read_exactly(file, tail, sizeof(tail)))
        return fail_at_end(file);
    return load_u32(file, tail) == len ? r : fail(file, "a block's two lengths differ");
}

static int next_ng(struct pcap_file *file, struct pcap_frame *ret_frame)
{
    int r;

    do {
        r = next_block(file, ret_frame);
    } while (r == 0);
    return r == -ENODATA ? 0 : r;
}

/* The first block's type was read as a magic number. */
static int init_ng(struct pcap_file *file)
{
    uint8_t length[4];
    uint32_t len;
    int r;

    file->is_ng = true;
    if (!read_exactly(file, length, sizeof(length)))
        return fail_at_end(file);
    r = begin_section(file, length, &len);
    if (r < 0)
        return r;
    if (len < BLOCK_BYTES_MIN + 4 || len % 4 != 0 || len > BLOCK_BYTES_MAX)
        return fail(file, "it has a block of %u bytes, which makes no sense", len);
    return skip(file, len - BLOCK_BYTES_MIN) ? 0 : fail_at_end(file);
}

int pcap_file_init(struct pcap_file *file, FILE *stream)
{
    uint32_t magic;

    memset(file, 0, sizeof(*file));
    file->stream = stream;
    if (!read_exactly(file, &magic, sizeof(magic)))
        return ferror(stream) ? fail_at_end(file) : fail(file, "it is no capture: it is too short");
    if (magic == BLOCK_SECTION)
        return init_ng(file);
    file->is_swapped = magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS;
    if (file->is_swapped)
        magic = __builtin_bswap32(magic);
    if (magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS)
        return fail(file, "it is neither pcap nor pcapng");
    return init_classic(file);
}

int pcap_file_next(struct pcap_file *file, struct pcap_frame *ret_frame)
{
    return file->is_ng ? next_ng(file, ret_frame) : next_classic(file, ret_frame);
}
