/* SPDX-License-Identifier: ISC */
#include <linux/filter.h>
#include <string.h>

#include "fuzz.h"
#include "ringspan/bpf.h"

/*
 * The input is the text of a program, a line break, and a frame. What is accepted jumps forward and
 * stays inside, has the same text again, reads nothing beyond the frame (which is in memory of
 * exactly its size), and returns the same each time.
 */

static void check_jumps(const struct bpf_code *code)
{
    fuzz_require(code->n >= 1 && code->n <= LIMIT_CAPTURE_FILTER);
    for (uint32_t i = 0; i < code->n; i++) {
        const struct sock_filter *in = &code->instructions[i];
        uint32_t left = code->n - 1 - i;

        if (BPF_CLASS(in->code) != BPF_JMP)
            continue;
        if (BPF_OP(in->code) == BPF_JA)
            fuzz_require(in->k < left);
        else
            fuzz_require(in->jt < left && in->jf < left);
    }
    fuzz_require(BPF_CLASS(code->instructions[code->n - 1].code) == BPF_RET);
}

static void check_text(const struct bpf_code *code)
{
    static char text[LIMIT_CAPTURE_FILTER * 32];
    static struct bpf_code again;
    size_t len = bpf_format(code, text, sizeof(text));

    fuzz_require(len < sizeof(text) && len == strlen(text));
    fuzz_require(bpf_parse(text, &again) && again.n == code->n);
    fuzz_require(memcmp(again.instructions, code->instructions,
                        code->n * sizeof(code->instructions[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bpf_code code;
    const uint8_t *end = memchr(data, '\n', size);
    size_t len = end ? (size_t)(end - data) : size;
    char *text = strndup((const char *)data, len);
    size_t left = end ? size - len - 1 : 0;
    uint8_t *frame = malloc(left ? left : 1);

    fuzz_require(text && frame);
    if (left)
        memcpy(frame, end + 1, left);
    if (bpf_parse(text, &code)) {
        check_jumps(&code);
        check_text(&code);
        fuzz_require(bpf_run(&code, frame, (uint32_t)left) ==
                     bpf_run(&code, frame, (uint32_t)left));
    }
    free(frame);
    free(text);
    return 0;
}
