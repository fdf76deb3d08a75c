/* SPDX-License-Identifier: ISC */
#include "ringspan/bpf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- text ---- */

/* A decimal number and what stands behind it. */
static bool take_number(const char **text, uint64_t max, char end, uint64_t *ret)
{
    char *behind;

    if (**text < '0' || **text > '9')
        return false;
    *ret = strtoull(*text, &behind, 10);
    if (*ret > max || *behind != end)
        return false;
    *text = end ? behind + 1 : behind;
    return true;
}

static bool take_instruction(const char **text, bool is_last, struct sock_filter *ret)
{
    uint64_t code;
    uint64_t jt;
    uint64_t jf;
    uint64_t k;

    if (!take_number(text, UINT16_MAX, ' ', &code) || !take_number(text, UINT8_MAX, ' ', &jt) ||
        !take_number(text, UINT8_MAX, ' ', &jf) ||
        !take_number(text, UINT32_MAX, is_last ? '\0' : ',', &k))
        return false;
    *ret = (struct sock_filter){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, (uint32_t)k};
    return true;
}

size_t bpf_format(const struct bpf_code *program, char *ret_text, size_t size)
{
    size_t len = (size_t)snprintf(ret_text, size, "%" PRIu32, program->n);

    for (uint32_t i = 0; i < program->n; i++) {
        const struct sock_filter *in = &program->instructions[i];

        len += (size_t)snprintf(len < size ? ret_text + len : NULL, len < size ? size - len : 0,
                                ",%u %u %u %" PRIu32, in->code, in->jt, in->jf, in->k);
    }
    return len;
}

/* ---- checking ---- */

static bool is_load(uint16_t code)
{
    switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LDX | BPF_B | BPF_MSH:
        return true;
    default: /* the rest of what a client may send */
        return false;
    }
}

static bool is_memory(uint16_t code)
{
    return code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM) || code == BPF_ST ||
           code == BPF_STX;
}

static bool is_calculation(const struct sock_filter *in)
{
    if (BPF_CLASS(in->code) != BPF_ALU || (in->code & ~0xff) != 0 || BPF_OP(in->code) > BPF_XOR)
        return false;
    if (BPF_OP(in->code) == BPF_NEG)
        return in->code == (BPF_ALU | BPF_NEG); /* it takes nothing */
    return BPF_SRC(in->code) == BPF_X || in->k != 0 ||
           (BPF_OP(in->code) != BPF_DIV && BPF_OP(in->code) != BPF_MOD);
}

/* @left: instructions behind this one. */
static bool is_jump(const struct sock_filter *in, uint32_t left)
{
    if (in->code == (BPF_JMP | BPF_JA))
        return in->k < left;
    return BPF_CLASS(in->code) == BPF_JMP && (in->code & ~0xff) == 0 &&
           BPF_OP(in->code) >= BPF_JEQ && BPF_OP(in->code) <= BPF_JSET && in->jt < left &&
           in->jf < left;
}

static bool is_return(uint16_t code)
{
    return code == (BPF_RET | BPF_K) || code == (BPF_RET | BPF_A);
}

static bool is_transfer(uint16_t code)
{
    return code == (BPF_MISC | BPF_TAX) || code == (BPF_MISC | BPF_TXA);
}

static bool is_valid(const struct bpf_code *program)
{
    for (uint32_t i = 0; i < program->n; i++) {
        const struct sock_filter *in = &program->instructions[i];

        if (is_memory(in->code)
                ? in->k >= BPF_MEMWORDS
                : !is_load(in->code) && !is_calculation(in) && !is_jump(in, program->n - 1 - i) &&
                      !is_return(in->code) && !is_transfer(in->code))
            return false;
    }
    return is_return(program->instructions[program->n - 1].code);
}

bool bpf_parse(const char *text, struct bpf_code *ret)
{
    uint64_t n;

    if (!take_number(&text, LIMIT_CAPTURE_FILTER, ',', &n) || n == 0)
        return false;
    ret->n = (uint32_t)n;
    for (uint32_t i = 0; i < ret->n; i++) {
        if (!take_instruction(&text, i + 1 == ret->n, &ret->instructions[i]))
            return false;
    }
    return is_valid(ret);
}

/* ---- running ---- */

struct machine {
    const uint8_t *bytes;
    uint32_t len;
    uint32_t a;
    uint32_t x;
    uint32_t memory[BPF_MEMWORDS];
};

static uint32_t width_of(uint16_t code)
{
    return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* False: that is beyond the end. */
static bool fetch(const struct machine *m, uint64_t at, uint32_t width, uint32_t *ret)
{
    uint32_t value = 0;

    if (at + width > m->len)
        return false;
    for (uint32_t i = 0; i < width; i++)
        value = value << 8 | m->bytes[at + i];
    *ret = value;
    return true;
}

static bool load(struct machine *m, const struct sock_filter *in)
{
    switch (BPF_MODE(in->code)) {
    case BPF_ABS:
        return fetch(m, in->k, width_of(in->code), &m->a);
    case BPF_IND:
        return fetch(m, (uint64_t)m->x + in->k, width_of(in->code), &m->a);
    case BPF_LEN:
        m->a = m->len;
        return true;
    case BPF_MEM:
        m->a = m->memory[in->k];
        return true;
    default: /* BPF_IMM: it was checked */
        m->a = in->k;
        return true;
    }
}

static bool load_index(struct machine *m, const struct sock_filter *in)
{
    uint32_t byte;

    switch (BPF_MODE(in->code)) {
    case BPF_MSH: /* the length of an IPv4 header */
        if (!fetch(m, in->k, 1, &byte))
            return false;
        m->x = (byte & 0x0f) << 2;
        return true;
    case BPF_LEN:
        m->x = m->len;
        return true;
    case BPF_MEM:
        m->x = m->memory[in->k];
        return true;
    default: /* BPF_IMM: it was checked */
        m->x = in->k;
        return true;
    }
}

static uint32_t shift(uint32_t value, uint32_t by, bool left)
{
    if (by > 31)
        return 0;
    return left ? value << by : value >> by;
}

static bool calculate(struct machine *m, const struct sock_filter *in)
{
    uint32_t with = BPF_SRC(in->code) == BPF_X ? m->x : in->k;

    switch (BPF_OP(in->code)) {
    case BPF_ADD:
        m->a += with;
        break;
    case BPF_SUB:
        m->a -= with;
        break;
    case BPF_MUL:
        m->a *= with;
        break;
    case BPF_DIV:
    case BPF_MOD:
        if (with == 0)
            return false;
        m->a = BPF_OP(in->code) == BPF_DIV ? m->a / with : m->a % with;
        break;
    case BPF_OR:
        m->a |= with;
        break;
    case BPF_AND:
        m->a &= with;
        break;
    case BPF_XOR:
        m->a ^= with;
        break;
    case BPF_LSH:
    case BPF_RSH:
        m->a = shift(m->a, with, BPF_OP(in->code) == BPF_LSH);
        break;
    default: /* BPF_NEG: it was checked */
        m->a = -m->a;
        break;
    }
    return true;
}

/* How many instructions are skipped. */
static uint32_t jump(const struct machine *m, const struct sock_filter *in)
{
    uint32_t with = BPF_SRC(in->code) == BPF_X ? m->x : in->k;
    bool holds;

    switch (BPF_OP(in->code)) {
    case BPF_JEQ:
        holds = m->a == with;
        break;
    case BPF_JGT:
        holds = m->a > with;
        break;
    case BPF_JGE:
        holds = m->a >= with;
        break;
    case BPF_JSET:
        holds = (m->a & with) != 0;
        break;
    default: /* BPF_JA: it was checked */
        return in->k;
    }
    return holds ? in->jt : in->jf;
}

static void transfer(struct machine *m, uint16_t code)
{
    if (BPF_MISCOP(code) == BPF_TAX)
        m->x = m->a;
    else
        m->a = m->x;
}

uint32_t bpf_run(const struct bpf_code *program, const uint8_t *bytes, uint32_t len)
{
    struct machine m = {.bytes = bytes, .len = len};
    const struct sock_filter *in = program->instructions;
    bool goes_on = true;

    for (; goes_on; in++) {
        switch (BPF_CLASS(in->code)) {
        case BPF_LD:
            goes_on = load(&m, in);
            break;
        case BPF_LDX:
            goes_on = load_index(&m, in);
            break;
        case BPF_ST:
            m.memory[in->k] = m.a;
            break;
        case BPF_STX:
            m.memory[in->k] = m.x;
            break;
        case BPF_ALU:
            goes_on = calculate(&m, in);
            break;
        case BPF_JMP:
            in += jump(&m, in);
            break;
        case BPF_RET:
            return BPF_RVAL(in->code) == BPF_A ? m.a : in->k;
        default: /* BPF_MISC */
            transfer(&m, in->code);
            break;
        }
    }
    return 0;
}
