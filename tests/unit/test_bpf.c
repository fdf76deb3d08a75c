/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/random.h"
#include "ringspan/bpf.h"

static const uint8_t frame[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x46, 0xff};

static uint32_t run(const char *text)
{
    struct bpf_code code;

    if (!bpf_parse(text, &code))
        fail_msg("refused: %s", text);
    return bpf_run(&code, frame, sizeof(frame));
}

static void test_instructions(void **state)
{
    assert_int_equal(run("1,6 0 0 7"), 7);
    assert_int_equal(run("2,40 0 0 12,22 0 0 0"), 0x0800);            /* ldh [12]; ret a */
    assert_int_equal(run("2,32 0 0 12,22 0 0 0"), 0x080046ff);        /* ld [12] */
    assert_int_equal(run("2,48 0 0 15,22 0 0 0"), 0xff);              /* ldb [15] */
    assert_int_equal(run("3,1 0 0 12,72 0 0 2,22 0 0 0"), 0x46ff);    /* ldh [x + 2] */
    assert_int_equal(run("3,177 0 0 14,135 0 0 0,22 0 0 0"), 24);     /* ldxb 4*([14]&0xf); txa */
    assert_int_equal(run("2,128 0 0 0,22 0 0 0"), sizeof(frame));     /* ld len */
    assert_int_equal(run("4,0 0 0 9,2 0 0 15,97 0 0 15,6 0 0 3"), 3); /* st M[15]; ldx M[15] */
    assert_int_equal(run("3,0 0 0 9,132 0 0 0,22 0 0 0"), (uint32_t)-9);    /* neg */
    assert_int_equal(run("3,0 0 0 9,100 0 0 40,22 0 0 0"), 0);              /* lsh #40 */
    assert_int_equal(run("5,0 0 0 9,21 0 2 9,6 0 0 1,6 0 0 2,6 0 0 3"), 1); /* jeq #9 */
    assert_int_equal(run("5,0 0 0 8,21 0 2 9,6 0 0 1,6 0 0 2,6 0 0 3"), 3);
    assert_int_equal(run("4,5 0 0 1,6 0 0 1,6 0 0 2,6 0 0 3"), 2); /* ja */
}

/* What is not there rejects the frame. */
static void test_beyond_the_end(void **state)
{
    assert_int_equal(run("2,48 0 0 16,6 0 0 1"), 0);
    assert_int_equal(run("2,40 0 0 15,6 0 0 1"), 0);
    assert_int_equal(run("2,32 0 0 4294967295,6 0 0 1"), 0);
    assert_int_equal(run("3,1 0 0 4294967295,64 0 0 4294967295,6 0 0 1"), 0);
    assert_int_equal(run("2,177 0 0 16,6 0 0 1"), 0);
    assert_int_equal(run("2,60 0 0 0,6 0 0 1"), 0); /* div x, which is 0 */
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "0",
        "0,",
        "1",
        "1,6 0 0",
        "1,6 0 0 1,",
        "1,6 0 0 1 ",
        "1, 6 0 0 1",
        "1,6 0 0 -1",
        "1,6 0 0 4294967296",
        "1,6 256 0 1",
        "2,6 0 0 1",
        "1,6 0 0 1,6 0 0 1",
        "1,40 0 0 12",       /* it does not return */
        "2,5 0 0 1,6 0 0 1", /* jumps behind the end */
        "2,5 0 0 4294967295,6 0 0 1",
        "2,21 1 0 1,6 0 0 1",
        "2,21 0 1 1,6 0 0 1",
        "2,2 0 0 16,6 0 0 1", /* no such word of memory */
        "2,97 0 0 16,6 0 0 1",
        "2,52 0 0 0,6 0 0 1", /* divides by zero */
        "2,148 0 0 0,6 0 0 1",
        "2,255 0 0 0,6 0 0 1", /* no such instruction */
        "2,140 0 0 0,6 0 0 1",
        "2,184 0 0 0,6 0 0 1",
        "2,260 0 0 1,6 0 0 1",
        "1025,6 0 0 1",
    };
    struct bpf_code code;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (bpf_parse(texts[i], &code))
            fail_msg("accepted: %s", texts[i]);
    }
}

static struct sock_filter random_instruction(uint64_t *random)
{
    static const uint16_t codes[] = {0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x01, 0xb1,
                                     0x60, 0x61, 0x02, 0x03, 0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c,
                                     0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c,
                                     0x84, 0x94, 0x9c, 0xa4, 0xac, 0x05, 0x15, 0x1d, 0x25, 0x2d,
                                     0x35, 0x3d, 0x45, 0x4d, 0x06, 0x16, 0x07, 0x87};

    return (struct sock_filter){
        .code = random_below(random, 64) ? codes[random_below(random, sizeof(codes) / 2)]
                                         : (uint16_t)random_below(random, 512),
        .jt = (uint8_t)random_below(random, 8),
        .jf = (uint8_t)random_below(random, 8),
        .k = (uint32_t)random_below(random, 24),
    };
}

/* Text there and back, and whatever is accepted ends within the frame, which ends where a page
 * does. */
static void test_random_programs(void **state)
{
    static char text[LIMIT_CAPTURE_FILTER * 32];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *bytes = pages + page - sizeof(frame);
    static struct bpf_code code;
    static struct bpf_code again;
    uint64_t random = 1;
    uint32_t n_accepted = 0;

    assert_true(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    memcpy(bytes, frame, sizeof(frame));
    for (int i = 0; i < 50000; i++) {
        code.n = 1 + (uint32_t)random_below(&random, 12);
        for (uint32_t j = 0; j < code.n; j++)
            code.instructions[j] = random_instruction(&random);
        code.instructions[code.n - 1].code = BPF_RET | BPF_A;
        bpf_format(&code, text, sizeof(text));
        if (!bpf_parse(text, &again))
            continue;
        n_accepted++;
        assert_int_equal(again.n, code.n);
        assert_memory_equal(again.instructions, code.instructions,
                            code.n * sizeof(code.instructions[0]));
        (void)bpf_run(&again, bytes, sizeof(frame));
    }
    assert_in_range(n_accepted, 5000, 50000);
    munmap(pages, 2 * page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instructions),
        cmocka_unit_test(test_beyond_the_end),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_random_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
