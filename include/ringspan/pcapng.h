/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PCAPNG_H
#define RINGSPAN_PCAPNG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Pcapng: the blocks of a capture file, as bytes.
 *
 * The format is that of draft-ietf-opsawg-pcapng: a section header, then a description of each
 * interface before the first packet that refers to it, then packets, and statistics of the
 * interfaces last. Numbers are in this machine's byte order, which the section header tells.
 * Everything is padded to 32 bits, so a file is a sequence of words.
 *
 * A packet's bytes stand in the middle of its block. They are the caller's: what stands before and
 * after them is made here, so that nothing is copied twice.
 */

/* The longest block, without the bytes of a packet. */
#define PCAPNG_BLOCK_SIZE 1024

#define PCAPNG_SECTION    UINT32_C(0x0a0d0d0a)
#define PCAPNG_INTERFACE  1
#define PCAPNG_STATISTICS 5
#define PCAPNG_PACKET     6

/* Options of blocks that our own readers look for. */
#define PCAPNG_COMMENT         1
#define PCAPNG_INTERFACE_NAME  2
#define PCAPNG_PACKET_FLAGS    2 /* the direction is its lowest bits */
#define PCAPNG_PACKET_LOST     4
#define PCAPNG_PACKET_ID       5
#define PCAPNG_PACKET_VERDICT  7 /* behind a byte that says of which kind */
#define PCAPNG_STATISTICS_LOST 7 /* on their way to the reader */

/* The longest packet that readers of the format take. */
#define PCAPNG_SNAPLEN_MAX 262144

/* What a block is made of, a multiple of 4 bytes. */
struct pcapng_bytes {
    uint32_t len;
    uint8_t bytes[PCAPNG_BLOCK_SIZE];
};

struct pcapng_interface {
    const char *name;
    const char *description;
    uint64_t speed; /* bit/s; 0: unknown */
    uint32_t snaplen;
};

enum pcapng_direction {
    PCAPNG_INBOUND = 1,
    PCAPNG_OUTBOUND = 2,
};

struct pcapng_packet {
    uint32_t interface; /* in order of their descriptions */
    uint64_t time;      /* ns since 1970 */
    uint32_t captured;  /* bytes that are in the file, */
    uint32_t original;  /* and that there were */
    enum pcapng_direction direction;
    uint64_t id;   /* the same for one packet on several interfaces */
    uint64_t lost; /* since the packet before on this interface */
    const char *verdict;
    const char *comment;
};

/* Of a count in statistics: it does not stand there. */
#define PCAPNG_UNKNOWN UINT64_MAX

struct pcapng_statistics {
    uint32_t interface;
    uint64_t time;
    uint64_t start;
    uint64_t received;
    uint64_t dropped;  /* by the interface */
    uint64_t accepted; /* by the filter */
    uint64_t lost;     /* on their way to the reader */
    uint64_t delivered;
    const char *comment;
};

/** @program made the file. @comment may be NULL. */
void pcapng_section(const char *program, const char *comment, struct pcapng_bytes *ret);
void pcapng_interface(const struct pcapng_interface *interface, struct pcapng_bytes *ret);
void pcapng_statistics(const struct pcapng_statistics *statistics, struct pcapng_bytes *ret);
/** What stands around @packet's bytes; padding them is part of @ret_tail. */
void pcapng_packet(const struct pcapng_packet *packet, struct pcapng_bytes *ret_head,
                   struct pcapng_bytes *ret_tail);

#endif
