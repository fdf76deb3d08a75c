/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CAPTURE_FILTER_H
#define RINGSPAN_CAPTURE_FILTER_H

/*
 * Filters of captures: an expression of pcap-filter(7) becomes a BPF program here, and not in the
 * daemon, which is no place for a compiler. Without libpcap (a build option) there are none.
 */

/** CLI_OK and the program as bpf.h has it, to be freed; or an exit status, reported. */
int cli_compile_filter(const char *expression, char **ret_program);

#endif
