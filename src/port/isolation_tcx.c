/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation.h"

/* Of Linux 6.6; the headers that we build with may be older. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47
#define FLAG_BEFORE        (1u << 3) /* with nobody named: before all */
#define TCX_NEXT           (-1)

#define N_ELEMENTS(x) (sizeof(x) / sizeof((x)[0]))

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
    long r = syscall(SYS_bpf, command, attributes, sizeof(*attributes));

    return r < 0 ? -errno : (int)r;
}

static int load(const char *name, const struct bpf_insn *instructions, uint32_t n)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes)); /* with its padding: the kernel looks at it */
    attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attributes.insns = (uintptr_t)instructions;
    attributes.insn_cnt = n;
    attributes.license = (uintptr_t) "ISC";
    memcpy(attributes.prog_name, name, strlen(name));
    return bpf(BPF_PROG_LOAD, &attributes);
}

/* Drop. */
static int load_ingress(void)
{
    static const struct bpf_insn instructions[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT},
        {.code = BPF_JMP | BPF_EXIT},
    };

    return load("ringspan_in", instructions, N_ELEMENTS(instructions));
}

/* Without our mark: drop. With it: clear it, and let the next program decide. */
static int load_egress(uint32_t mark)
{
    const int16_t at = offsetof(struct __sk_buff, mark);
    const struct bpf_insn instructions[] = {
        {.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1, .off = at},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT},
        {.code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = BPF_REG_2, .imm = (int32_t)mark, .off = 3},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0},
        {.code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2, .off = at},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_NEXT},
        {.code = BPF_JMP | BPF_EXIT},
    };

    return load("ringspan_out", instructions, N_ELEMENTS(instructions));
}

int tcx_load(uint32_t mark, struct tcx_programs *ret)
{
    int ingress = load_ingress();
    int egress;

    if (ingress < 0)
        return ingress;
    egress = load_egress(mark);
    if (egress < 0) {
        close(ingress);
        return egress;
    }
    *ret = (struct tcx_programs){.ingress = ingress, .egress = egress};
    return 0;
}

static int link_program(int program, uint32_t ifindex, uint32_t where, uint32_t flags)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.link_create.prog_fd = (uint32_t)program;
    attributes.link_create.target_ifindex = ifindex;
    attributes.link_create.attach_type = where;
    attributes.link_create.flags = flags;
    return bpf(BPF_LINK_CREATE, &attributes);
}

int tcx_attach(const struct tcx_programs *programs, uint32_t ifindex, int ret_fds[2])
{
    int ingress = link_program(programs->ingress, ifindex, ATTACH_TCX_INGRESS, 0);
    int egress;

    if (ingress < 0)
        return ingress;
    egress = link_program(programs->egress, ifindex, ATTACH_TCX_EGRESS, FLAG_BEFORE);
    if (egress < 0) {
        close(ingress);
        return egress;
    }
    ret_fds[0] = ingress;
    ret_fds[1] = egress;
    return 0;
}
