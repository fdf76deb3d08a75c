/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "../support/random.h"
#include "ringspan/bpf.h"
#include "ringspan/pcapng.h"

/* What libpcap says of a program and a frame, we say, too. */

#define N_FRAMES     3000
#define N_COMPOUNDS  400
#define N_PROGRAMS   30000
#define FRAME_ROOM   160
#define PROGRAM_ROOM 48
#define TEXT_ROOM    (LIMIT_CAPTURE_FILTER * 32)

static const char *const expressions[] = {
    "",
    "arp",
    "rarp",
    "ip",
    "ip6",
    "icmp",
    "icmp6",
    "igmp",
    "tcp",
    "udp",
    "sctp",
    "vrrp",
    "tcp port 80",
    "udp port 53",
    "port 80 or port 53",
    "src port 80",
    "dst portrange 50-100",
    "host 10.0.0.1",
    "src host 10.0.0.2",
    "dst net 10.0.0.0/30",
    "net 10.0.1.0/24",
    "ip6 host fe80::1",
    "src net fe80::/64",
    "arp host 10.0.0.1",
    "ether host 02:00:00:00:00:01",
    "ether src 02:00:00:00:00:02",
    "ether dst ff:ff:ff:ff:ff:ff",
    "ether broadcast",
    "ether multicast",
    "ip multicast",
    "ip6 multicast",
    "ether proto 0x88cc",
    "ether proto 0x8808",
    "stp",
    "vlan",
    "vlan 10",
    "vlan 10 and ip",
    "vlan 10 and vlan 20",
    "vlan and tcp port 80",
    "vlan and host 10.0.0.1",
    "not vlan",
    "mpls",
    "pppoed",
    "pppoes and ip",
    "less 64",
    "greater 100",
    "len = 60",
    "ip[8] < 5",
    "ip[6:2] & 0x1fff != 0",
    "ip[0] & 0xf > 5",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[13] = 0x12",
    "icmp[icmptype] = icmp-echo",
    "udp[4:2] > 8",
    "ether[12:2] = 0x0800",
    "ether[0] & 1 = 1 and not ether broadcast",
    "ether[len - 1] = 0",
    "ether[14:4] * 3 - 1 > 0x10000 / 7",
    "ether[20] % 3 = 1",
    "ether[20:2] ^ 0xff00 | 1 != 0",
    "ether[ether[15]] >> 2 = 5",
    "ip proto 17 or ip6 proto 58",
    "inbound",
};

#define N_EXPRESSIONS (sizeof(expressions) / sizeof(*expressions))

struct frame {
    uint32_t len;
    uint8_t bytes[FRAME_ROOM];
};

/* ---- frames ---- */

static uint8_t random_byte(uint64_t *random)
{
    return (uint8_t)random_below(random, 256);
}

static void put_u16(struct frame *frame, uint16_t value)
{
    frame->bytes[frame->len++] = (uint8_t)(value >> 8);
    frame->bytes[frame->len++] = (uint8_t)value;
}

/* Few addresses, so that expressions match. */
static void put_address(uint64_t *random, struct frame *frame)
{
    static const uint8_t addresses[][6] = {{2, 0, 0, 0, 0, 1},
                                           {2, 0, 0, 0, 0, 2},
                                           {255, 255, 255, 255, 255, 255},
                                           {1, 0x80, 0xc2, 0, 0, 0},
                                           {0x33, 0x33, 0, 0, 0, 1}};

    memcpy(frame->bytes + frame->len, addresses[random_below(random, 5)], 6);
    frame->len += 6;
}

/* What begins like a header that belongs there, and goes on as it likes. */
static void put_payload(uint64_t *random, struct frame *frame)
{
    static const uint16_t types[] = {0x0800, 0x0806, 0x86dd, 0x88cc, 0x8808,
                                     0x8847, 0x8863, 0x8864, 0x0026, 0x8035};
    static const uint8_t protocols[] = {1, 2, 6, 17, 58, 0, 44, 112, 132};
    uint16_t type = types[random_below(random, random_below(random, 2) ? 3 : 10)];
    uint8_t *at;
    uint32_t some = 8 + random_below(random, FRAME_ROOM - 8 - 26);

    put_u16(frame, type);
    at = frame->bytes + frame->len;
    for (uint32_t i = 0; i < FRAME_ROOM - frame->len; i++)
        at[i] = random_below(random, 3) ? 0 : random_byte(random);
    if (type == 0x0800) {
        at[0] = random_below(random, 8) ? 0x45 : (uint8_t)(0x40 | random_below(random, 16));
        at[9] = protocols[random_below(random, sizeof(protocols))];
        memcpy(at + 12, "\x0a\0\0", 3);
        at[15] = (uint8_t)random_below(random, 4);
        memcpy(at + 16, "\x0a\0\0", 3);
        at[19] = (uint8_t)random_below(random, 4);
        at[20] = at[22] = 0;
        at[21] = random_below(random, 2) ? 80 : 53;
        at[23] = random_below(random, 2) ? 80 : 53;
    } else if (type == 0x86dd) {
        at[0] = 0x60;
        at[6] = protocols[random_below(random, sizeof(protocols))];
        memcpy(at + 8, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    }
    frame->len += some;
}

static void make_frame(uint64_t *random, struct frame *frame)
{
    frame->len = 0;
    put_address(random, frame);
    put_address(random, frame);
    for (uint32_t tags = random_below(random, 4); tags > 1; tags--) {
        put_u16(frame, random_below(random, 4) ? 0x8100 : 0x88a8);
        put_u16(frame, (uint16_t)(random_below(random, 2) ? 10 : 20));
    }
    put_payload(random, frame);
    if (random_below(random, 8) == 0)
        frame->len = random_below(random, frame->len + 1);
}

/* ---- comparing ---- */

/* libpcap's instructions, as they come to us: as text. */
static bool is_taken(const struct bpf_program *program, struct bpf_code *ret)
{
    static char text[TEXT_ROOM];
    struct bpf_code code = {.n = program->bf_len};

    assert_in_range(program->bf_len, 1, LIMIT_CAPTURE_FILTER);
    for (uint32_t i = 0; i < code.n; i++) {
        const struct bpf_insn *in = &program->bf_insns[i];

        code.instructions[i] = (struct sock_filter){in->code, in->jt, in->jf, in->k};
    }
    assert_in_range(bpf_format(&code, text, sizeof(text)), 1, sizeof(text) - 1);
    return bpf_parse(text, ret);
}

/* A copy of exactly its size: what reads beyond it is noticed by sanitizers. */
static uint32_t run_ours(const struct bpf_code *code, const struct frame *frame)
{
    uint8_t *bytes = malloc(frame->len ? frame->len : 1);
    uint32_t result;

    assert_non_null(bytes);
    memcpy(bytes, frame->bytes, frame->len);
    result = bpf_run(code, bytes, frame->len);
    free(bytes);
    return result;
}

/* How many of the frames match. */
static uint32_t compare(const struct bpf_program *program, uint64_t *random, uint32_t n_frames,
                        const char *expression)
{
    static struct bpf_code code;
    uint32_t n_matches = 0;

    if (!is_taken(program, &code))
        fail_msg("refused: %s", expression);
    for (uint32_t i = 0; i < n_frames; i++) {
        struct pcap_pkthdr header = {0};
        struct frame frame;
        uint32_t expected;
        uint32_t found;

        make_frame(random, &frame);
        header.caplen = header.len = frame.len;
        expected = (uint32_t)pcap_offline_filter(program, &header, frame.bytes);
        found = run_ours(&code, &frame);
        if (found != expected)
            fail_msg("'%s': %u instead of %u for frame %u", expression, found, expected, i);
        n_matches += found != 0;
    }
    return n_matches;
}

static bool compile(pcap_t *pcap, const char *expression, struct bpf_program *ret)
{
    return pcap_compile(pcap, ret, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
}

static void test_expressions(void **state)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, PCAPNG_SNAPLEN_MAX);
    uint32_t n_that_tell = 0;
    uint32_t n_compiled = 0;
    uint64_t random = 1;

    for (size_t i = 0; i < N_EXPRESSIONS; i++) {
        struct bpf_program program;
        uint32_t n;

        if (!compile(pcap, expressions[i], &program))
            continue; /* what this libpcap does not know */
        n_compiled++;
        n = compare(&program, &random, N_FRAMES, expressions[i]);
        n_that_tell += n > 0 && n < N_FRAMES;
        pcap_freecode(&program);
    }
    assert_in_range(n_compiled, N_EXPRESSIONS - 5, N_EXPRESSIONS);
    assert_in_range(n_that_tell, N_EXPRESSIONS * 3 / 4, N_EXPRESSIONS);
    pcap_close(pcap);
}

/* A chain of headers is followed in a loop, which nobody may run in the switch. */
static void test_loops_are_refused(void **state)
{
    static const char *const loops[] = {"ip protochain 17", "ip6 protochain 58"};
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, PCAPNG_SNAPLEN_MAX);

    for (size_t i = 0; i < 2; i++) {
        struct bpf_program program;
        static struct bpf_code code;

        assert_true(compile(pcap, loops[i], &program));
        assert_false(is_taken(&program, &code));
        pcap_freecode(&program);
    }
    pcap_close(pcap);
}

static void make_compound(uint64_t *random, char *text, size_t size)
{
    uint32_t n = 2 + random_below(random, 3);
    size_t len = 0;

    for (uint32_t i = 0; i < n; i++) {
        const char *part = expressions[1 + random_below(random, N_EXPRESSIONS - 1)];

        len += (size_t)snprintf(text + len, size - len, "%s%s(%s)",
                                i == 0                    ? ""
                                : random_below(random, 2) ? " or "
                                                          : " and ",
                                random_below(random, 3) ? "" : "not ", part);
        assert_true(len < size);
    }
}

static void test_compounds(void **state)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, PCAPNG_SNAPLEN_MAX);
    uint32_t n_compiled = 0;
    uint64_t random = 2;

    for (uint32_t i = 0; i < N_COMPOUNDS; i++) {
        struct bpf_program program;
        char text[512];

        make_compound(&random, text, sizeof(text));
        if (!compile(pcap, text, &program))
            continue; /* "expression rejects all packets" */
        if (program.bf_len <= LIMIT_CAPTURE_FILTER) {
            compare(&program, &random, 100, text);
            n_compiled++;
        }
        pcap_freecode(&program);
    }
    assert_in_range(n_compiled, N_COMPOUNDS / 2, N_COMPOUNDS);
    pcap_close(pcap);
}

/* ---- programs that no compiler makes ---- */

static struct bpf_insn random_instruction(uint64_t *random)
{
    static const uint16_t codes[] = {BPF_LD | BPF_W | BPF_ABS,
                                     BPF_LD | BPF_H | BPF_ABS,
                                     BPF_LD | BPF_B | BPF_ABS,
                                     BPF_LD | BPF_W | BPF_IND,
                                     BPF_LD | BPF_H | BPF_IND,
                                     BPF_LD | BPF_B | BPF_IND,
                                     BPF_LD | BPF_W | BPF_LEN,
                                     BPF_LDX | BPF_W | BPF_LEN,
                                     BPF_LD | BPF_IMM,
                                     BPF_LDX | BPF_IMM,
                                     BPF_LDX | BPF_B | BPF_MSH,
                                     BPF_LD | BPF_MEM,
                                     BPF_LDX | BPF_MEM,
                                     BPF_ST,
                                     BPF_STX,
                                     BPF_ALU | BPF_ADD | BPF_K,
                                     BPF_ALU | BPF_ADD | BPF_X,
                                     BPF_ALU | BPF_SUB | BPF_K,
                                     BPF_ALU | BPF_SUB | BPF_X,
                                     BPF_ALU | BPF_MUL | BPF_K,
                                     BPF_ALU | BPF_MUL | BPF_X,
                                     BPF_ALU | BPF_DIV | BPF_K,
                                     BPF_ALU | BPF_DIV | BPF_X,
                                     BPF_ALU | BPF_MOD | BPF_K,
                                     BPF_ALU | BPF_MOD | BPF_X,
                                     BPF_ALU | BPF_AND | BPF_K,
                                     BPF_ALU | BPF_AND | BPF_X,
                                     BPF_ALU | BPF_OR | BPF_K,
                                     BPF_ALU | BPF_OR | BPF_X,
                                     BPF_ALU | BPF_XOR | BPF_K,
                                     BPF_ALU | BPF_XOR | BPF_X,
                                     BPF_ALU | BPF_LSH | BPF_K,
                                     BPF_ALU | BPF_LSH | BPF_X,
                                     BPF_ALU | BPF_RSH | BPF_K,
                                     BPF_ALU | BPF_RSH | BPF_X,
                                     BPF_ALU | BPF_NEG,
                                     BPF_JMP | BPF_JA,
                                     BPF_JMP | BPF_JEQ | BPF_K,
                                     BPF_JMP | BPF_JEQ | BPF_X,
                                     BPF_JMP | BPF_JGT | BPF_K,
                                     BPF_JMP | BPF_JGT | BPF_X,
                                     BPF_JMP | BPF_JGE | BPF_K,
                                     BPF_JMP | BPF_JGE | BPF_X,
                                     BPF_JMP | BPF_JSET | BPF_K,
                                     BPF_JMP | BPF_JSET | BPF_X,
                                     BPF_RET | BPF_K,
                                     BPF_RET | BPF_A,
                                     BPF_MISC | BPF_TAX,
                                     BPF_MISC | BPF_TXA};
    struct bpf_insn in = {
        .code = codes[random_below(random, sizeof(codes) / sizeof(*codes))],
        .jt = (uint8_t)random_below(random, 6),
        .jf = (uint8_t)random_below(random, 6),
        .k = random_below(random, 24),
    };

    if (random_below(random, 16) == 0)
        in.k = random_below(random, UINT32_MAX);
    if (random_below(random, 64) == 0)
        in.code = (uint16_t)random_below(random, 1024);
    if ((in.code & ~BPF_X) == (BPF_ALU | BPF_LSH) || (in.code & ~BPF_X) == (BPF_ALU | BPF_RSH))
        in.k &= 31; /* beyond that C leaves it to libpcap's compiler */
    return in;
}

/* All memory is written first: libpcap leaves it to chance what is in it. */
static void make_program(uint64_t *random, struct bpf_program *program)
{
    uint32_t n = BPF_MEMWORDS;

    for (uint32_t i = 0; i < n; i++)
        program->bf_insns[i] = (struct bpf_insn){.code = BPF_ST, .k = i};
    for (uint32_t i = 1 + random_below(random, PROGRAM_ROOM - BPF_MEMWORDS - 2); i > 0; i--)
        program->bf_insns[n++] = random_instruction(random);
    program->bf_insns[n++] = (struct bpf_insn){.code = BPF_RET | BPF_A};
    program->bf_len = n;
}

static void test_programs(void **state)
{
    struct bpf_insn instructions[PROGRAM_ROOM];
    struct bpf_program program = {.bf_insns = instructions};
    static struct bpf_code code;
    uint32_t n_taken = 0;
    uint32_t n_matches = 0;
    uint64_t random = 3;

    for (uint32_t i = 0; i < N_PROGRAMS; i++) {
        make_program(&random, &program);
        if (!is_taken(&program, &code))
            continue;
        assert_true(bpf_validate(instructions, (int)program.bf_len));
        n_taken++;
        for (uint32_t k = 0; k < 4; k++) {
            struct frame frame;
            uint32_t expected;

            make_frame(&random, &frame);
            expected = bpf_filter(instructions, frame.bytes, frame.len, frame.len);
            if (run_ours(&code, &frame) != expected)
                fail_msg("program %u, frame %u: %u instead of %u", i, k, run_ours(&code, &frame),
                         expected);
            n_matches += expected != 0;
        }
    }
    assert_in_range(n_taken, N_PROGRAMS / 20, N_PROGRAMS);
    assert_in_range(n_matches, n_taken / 2, n_taken * 4 - n_taken / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_loops_are_refused),
        cmocka_unit_test(test_compounds),
        cmocka_unit_test(test_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
