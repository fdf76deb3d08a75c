/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_PCAP_FILE_H
#define RINGSPAN_PCAP_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Pcap file: the frames of a capture, one after the other.
 *
 * Classic pcap (either byte order, micro- or nanoseconds) and pcapng, of Ethernet. A file may be of
 * any size and say anything: of each frame the first bytes are kept and the others read over, every
 * length is checked before it is believed, and what makes no sense ends the reading with a
 * sentence. So does a frame of another link type, which would be explained as something it is not.
 */

#define PCAP_KEPT_BYTES 2048
#define PCAP_INTERFACES 256
#define PCAP_WHY_SIZE   160

struct pcap_frame {
    uint64_t number; /* in the file, from 1 on */
    uint32_t size;   /* on the wire, of which fewer may be in the file */
    uint32_t n_kept;
    uint8_t bytes[PCAP_KEPT_BYTES];
};

struct pcap_file {
    FILE *stream; /* the caller's; need not be seekable */
    bool is_ng;
    bool is_swapped;
    uint64_t n_frames;
    uint32_t n_interfaces; /* of this section */
    uint16_t link_types[PCAP_INTERFACES];
    uint32_t snap_lens[PCAP_INTERFACES];
    char why[PCAP_WHY_SIZE]; /* after a failure */
};

/** 0, or -EPROTO and `why`. */
int pcap_file_init(struct pcap_file *file, FILE *stream);
/** 1 and a frame, 0 at the end, or -EPROTO and `why`. */
int pcap_file_next(struct pcap_file *file, struct pcap_frame *ret_frame);

#endif
