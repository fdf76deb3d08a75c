/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_BPF_H
#define RINGSPAN_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/limits.h"

/*
 * BPF: filters of the classic kind, as pcap_compile(3) makes them, run on frames in our memory.
 *
 * A program comes from a client, so it is checked before it is run: jumps lead forward and stay
 * inside, the last instruction returns, every code is known, memory words are those that there are,
 * no constant divides by zero. Then it ends, after as many steps as it has instructions at most.
 * What it looks for beyond the end of a frame makes it return 0, which rejects the frame.
 *
 * As text a program is "N,CODE JT JF K,…", all decimal: the form in which iptables' bpf match and
 * nfbpf_compile have it.
 */

struct bpf_code {
    uint32_t n; /* 0: there is none, and everything passes */
    struct sock_filter instructions[LIMIT_CAPTURE_FILTER];
};

/** False if @text is no program, or one that must not be run; @ret is undefined then. */
bool bpf_parse(const char *text, struct bpf_code *ret);
/** Writes @program as text; returns its length as snprintf(3) does. */
size_t bpf_format(const struct bpf_code *program, char *ret_text, size_t size);
/** What the program, which was checked, returns: 0 rejects. */
uint32_t bpf_run(const struct bpf_code *program, const uint8_t *bytes, uint32_t len);

#endif
