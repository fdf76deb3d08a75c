/* SPDX-License-Identifier: ISC */
#include "capture_filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "cli_command.h"
#include "ringspan/bpf.h"
#include "ringspan/pcapng.h"

/* "65535 255 255 4294967295," */
#define INSTRUCTION_TEXT 26

/* Field by field: libpcap's instructions are not the kernel's on every system. */
static void copy_program(const struct bpf_program *program, struct bpf_code *ret)
{
    ret->n = program->bf_len;
    for (uint32_t i = 0; i < ret->n; i++) {
        const struct bpf_insn *in = &program->bf_insns[i];

        ret->instructions[i] = (struct sock_filter){in->code, in->jt, in->jf, in->k};
    }
}

static int format(const struct bpf_program *program, char **ret_program)
{
    size_t size = (size_t)(program->bf_len + 1) * INSTRUCTION_TEXT;
    struct bpf_code code;

    if (program->bf_len > LIMIT_CAPTURE_FILTER)
        return cli_fail(CLI_USAGE, "--filter: %u instructions are too many, of at most %d",
                        program->bf_len, LIMIT_CAPTURE_FILTER);
    *ret_program = malloc(size);
    if (!*ret_program)
        return cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    copy_program(program, &code);
    bpf_format(&code, *ret_program, size);
    if (bpf_parse(*ret_program, &code))
        return CLI_OK;
    free(*ret_program);
    *ret_program = NULL;
    return cli_fail(CLI_USAGE,
                    "--filter: this takes a loop (protochain), which no filter has here");
}

int cli_compile_filter(const char *expression, char **ret_program)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, PCAPNG_SNAPLEN_MAX);
    struct bpf_program program;
    int status;

    if (!pcap)
        return cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0) {
        status = format(&program, ret_program);
        pcap_freecode(&program);
    } else {
        status = cli_fail(CLI_USAGE, "--filter: %s", pcap_geterr(pcap));
    }
    pcap_close(pcap);
    return status;
}
