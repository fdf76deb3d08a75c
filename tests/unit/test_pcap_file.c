/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/pcap_file.h"
#include "../support/random.h"

/* Captures, written here in each of the ways that there are, and what is wrong with a capture. */

struct writer {
    bool is_swapped;
    uint32_t len;
    uint8_t bytes[1 << 14];
};

static struct writer w;

static void put32(uint32_t value)
{
    if (w.is_swapped)
        value = __builtin_bswap32(value);
    memcpy(w.bytes + w.len, &value, sizeof(value));
    w.len += 4;
}

static void put16(uint16_t value)
{
    if (w.is_swapped)
        value = __builtin_bswap16(value);
    memcpy(w.bytes + w.len, &value, sizeof(value));
    w.len += 2;
}

/* A frame's bytes are its number. */
static void put_bytes(uint8_t number, uint32_t n)
{
    memset(w.bytes + w.len, number, n);
    w.len += n;
}

static void begin(bool is_swapped)
{
    w.is_swapped = is_swapped;
    w.len = 0;
}

static void put_classic(uint32_t magic, uint32_t link_type)
{
    put32(magic);
    put16(2);
    put16(4);
    put32(0);
    put32(0);
    put32(65535);
    put32(link_type);
}

static void put_record(uint8_t number, uint32_t captured, uint32_t size)
{
    put32(1);
    put32(2);
    put32(captured);
    put32(size);
    put_bytes(number, captured);
}

static void put_section(void)
{
    put32(0x0a0d0d0a);
    put32(28);
    put32(0x1a2b3c4d);
    put16(1);
    put16(0);
    put32(UINT32_MAX);
    put32(UINT32_MAX);
    put32(28);
}

static void put_interface(uint16_t link_type, uint32_t snap_len)
{
    put32(1);
    put32(20);
    put16(link_type);
    put16(0);
    put32(snap_len);
    put32(20);
}

static void put_packet(uint32_t interface, uint8_t number, uint32_t captured, uint32_t size)
{
    uint32_t padding = (4 - captured % 4) % 4;
    uint32_t len = 32 + captured + padding;

    put32(6);
    put32(len);
    put32(interface);
    put32(0);
    put32(0);
    put32(captured);
    put32(size);
    put_bytes(number, captured);
    put_bytes(0, padding);
    put32(len);
}

static void put_simple(uint8_t number, uint32_t captured, uint32_t size)
{
    uint32_t len = 16 + (captured + 3) / 4 * 4;

    put32(3);
    put32(len);
    put32(size);
    put_bytes(number, (captured + 3) / 4 * 4);
    put32(len);
}

/* ---- reading ---- */

static struct pcap_file file;

/* How many frames there are, or an error. */
static int read_all(void)
{
    FILE *stream = fmemopen(w.bytes, w.len, "r");
    static struct pcap_frame frame;
    int n = 0;
    int r;

    assert_non_null(stream);
    r = pcap_file_init(&file, stream);
    if (r == 0) {
        while ((r = pcap_file_next(&file, &frame)) > 0) {
            n++;
            assert_int_equal(frame.number, n);
            assert_true(frame.n_kept <= frame.size && frame.n_kept <= PCAP_KEPT_BYTES);
        }
    }
    fclose(stream);
    return r < 0 ? r : n;
}

static void assert_frames(int n)
{
    int r = read_all();

    if (r != n)
        fail_msg("%d frames, not %d: %s", r, n, file.why);
}

static void assert_broken(const char *why)
{
    assert_int_not_equal(read_all() >= 0, 1);
    if (!strstr(file.why, why))
        fail_msg("'%s', not '%s'", file.why, why);
}

static void read_one(struct pcap_frame *ret)
{
    FILE *stream = fmemopen(w.bytes, w.len, "r");

    assert_non_null(stream);
    assert_int_equal(pcap_file_init(&file, stream), 0);
    assert_int_equal(pcap_file_next(&file, ret), 1);
    fclose(stream);
}

static void test_classic(void **state)
{
    static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d};
    static struct pcap_frame frame;

    for (int i = 0; i < 4; i++) {
        begin(i % 2);
        put_classic(magics[i / 2], 1);
        assert_frames(0);
        put_record(1, 60, 60);
        put_record(2, 0, 60);
        put_record(3, 3000, 9000);
        assert_frames(3);
        read_one(&frame);
        assert_int_equal(frame.size, 60);
        assert_int_equal(frame.n_kept, 60);
        assert_int_equal(frame.bytes[59], 1);
    }
}

static void test_pcapng(void **state)
{
    static struct pcap_frame frame;

    for (int i = 0; i < 2; i++) {
        begin(i);
        put_section();
        put_interface(1, 0);
        put_interface(1, 96);
        put_packet(1, 7, 61, 1514);
        put_simple(2, 33, 33);
        put_section();
        w.is_swapped = !w.is_swapped; /* each section has its own order */
        put_section();
        put_interface(1, 64);
        put_simple(3, 64, 1500);
        put_packet(0, 4, 3001, 3001);
        assert_frames(4);
        read_one(&frame);
        assert_int_equal(frame.size, 1514);
        assert_int_equal(frame.n_kept, 61);
        assert_int_equal(frame.bytes[60], 7);
    }
}

static void test_broken(void **state)
{
    begin(false);
    put32(0x7f454c46);
    put_bytes(0, 40);
    assert_broken("neither pcap nor pcapng");
    begin(false);
    put_bytes(0, 3);
    assert_broken("too short");
    begin(false);
    put_classic(0xa1b2c3d4, 113);
    put_record(1, 60, 60);
    assert_broken("frame 1 is not Ethernet: its link type is 113");
    begin(false);
    put_classic(0xa1b2c3d4, 1);
    put_record(1, 60, 59);
    assert_broken("frame 1 makes no sense: 60 bytes of 59");
    begin(false);
    put_classic(0xa1b2c3d4, 1);
    put_record(1, 60, 69633);
    assert_broken("frame 1 is longer than any: 69633 bytes");
    begin(false);
    put_section();
    put_packet(0, 1, 60, 60);
    assert_broken("frame 1 is from an interface that the file does not have");
    begin(false);
    put_section();
    put_interface(1, 0);
    w.bytes[w.len - 4] = 24;
    assert_broken("two lengths differ");
    begin(false);
    put_section();
    put32(6);
    put32(UINT32_MAX - 3);
    assert_broken("a block of 4294967292 bytes");
}

/* A file of both kinds that ends anywhere, or in which any byte is another one. */
static void write_sample(int kind)
{
    begin(false);
    if (kind == 0) {
        put_classic(0xa1b2c3d4, 1);
        put_record(1, 60, 60);
        put_record(2, 10, 60);
        return;
    }
    put_section();
    put_interface(1, 0);
    put_packet(0, 1, 61, 61);
    put_simple(2, 20, 20);
}

static void test_any_file(void **state)
{
    uint64_t random = 1;

    for (int kind = 0; kind < 2; kind++) {
        uint32_t len;

        write_sample(kind);
        len = w.len;
        for (w.len = len - 1; w.len > 0; w.len--)
            assert_true(read_all() < 2);
        for (int i = 0; i < 20000; i++) {
            write_sample(kind);
            w.bytes[random_below(&random, len)] = (uint8_t)random_below(&random, 256);
            w.bytes[random_below(&random, len)] = (uint8_t)random_below(&random, 256);
            assert_true(read_all() <= 5);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_pcapng),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_any_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
