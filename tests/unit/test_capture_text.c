/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/capture_text.h"
#include "../../src/cli/frame_text.h"
#include "ringspan/clock.h"
#include "ringspan/pcapng.h"

#define ADDRESSES      "\x02\0\0\0\0\2\x02\0\0\0\0\1"
#define FROM_TO        "02:00:00:00:00:01 > 02:00:00:00:00:02"
#define IPV4(protocol) "\x08\0\x45\0\0\x3c\0\1\0\0\x40" protocol "\0\0\x0a\0\0\1\x0a\0\0\2"
#define IPV6(next)                                                                           \
    "\x86\xdd\x60\0\0\0\0\x20" next "\xff\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xff\x02\0\0\0" \
    "\0\0\0\0\0\0\0\0\0\0\x16"

static void test_frames(void **state)
{
#define FRAME(bytes) ADDRESSES bytes, sizeof(ADDRESSES bytes) - 1
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } frames[] = {
        {FRAME("\x88\xb5"), FROM_TO ", 0x88b5"},
        {FRAME("\x88\xccxyz"), FROM_TO ", LLDP"},
        {FRAME("\0\x26\x42\x42\3"), FROM_TO ", 802.3"},
        {FRAME("\x81\0\xa0\x0a\x88\xb5"), FROM_TO ", vlan 10 p 5, 0x88b5"},
        {FRAME("\x88\xa8\0\x64\x81\0\0\x0a\x08\6"), FROM_TO ", s-vlan 100, vlan 10, ARP"},
        {FRAME("\x81\0\0"), FROM_TO ", 0x8100"},
        {FRAME(IPV4("\1")), FROM_TO ", IPv4 10.0.0.1 > 10.0.0.2 ICMP"},
        {FRAME(IPV4("\x11") "\x04\xd2\0\x35\0\x10\0\0"),
         FROM_TO ", IPv4 10.0.0.1:1234 > 10.0.0.2:53 UDP"},
        {FRAME(IPV4("\6") "\x04\xd2\0\x50\0\0\0\0\0\0\0\0\x50\x12\0\0"),
         FROM_TO ", IPv4 10.0.0.1:1234 > 10.0.0.2:80 TCP [S.]"},
        {FRAME(IPV4("\6") "\x04\xd2\0"), FROM_TO ", IPv4 10.0.0.1 > 10.0.0.2 TCP"},
        {FRAME(IPV4("\xfe")), FROM_TO ", IPv4 10.0.0.1 > 10.0.0.2 protocol 254"},
        {FRAME("\x08\0\x45\0\0\x3c\0\1\0\x10\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2\x04\xd2\0\x35"),
         FROM_TO ", IPv4 10.0.0.1 > 10.0.0.2 UDP fragment"},
        {FRAME("\x08\0\x44\0\0\x3c\0\1\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2"), FROM_TO ", IPv4"},
        {FRAME("\x08\0\x45\0"), FROM_TO ", IPv4"},
        {FRAME(IPV6("\x3a")), FROM_TO ", IPv6 fe80::1 > ff02::16 ICMPv6"},
        {FRAME(IPV6("\x11") "\2\x22\2\x23"), FROM_TO ", IPv6 [fe80::1]:546 > [ff02::16]:547 UDP"},
        {FRAME(IPV6("\0") "\x3a\0\5\2\0\0\1\0\x8f\0"), FROM_TO ", IPv6 fe80::1 > ff02::16 ICMPv6"},
        {FRAME("\x08\6\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\x0a\0\0\2"),
         FROM_TO ", ARP who has 10.0.0.2, tell 10.0.0.1"},
        {FRAME("\x08\6\0\1\x08\0\6\4\0\2\2\0\0\0\0\1\x0a\0\0\1\2\0\0\0\0\2\x0a\0\0\2"),
         FROM_TO ", ARP 10.0.0.1 is at 02:00:00:00:00:01"},
        {ADDRESSES, 12, "no Ethernet header"},
        {"", 0, "no Ethernet header"},
    };

    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        char text[256] = "";
        FILE *out = fmemopen(text, sizeof(text), "w");

        assert_non_null(out);
        frame_text_write(out, (const uint8_t *)frames[i].bytes, (uint32_t)frames[i].len);
        fclose(out);
        assert_string_equal(text, frames[i].text);
    }
}

/* ---- captures ---- */

struct lines {
    struct capture_text text;
    FILE *out;
    char *written;
    size_t len;
};

static void add_block(struct lines *lines, const struct pcapng_bytes *head, const char *bytes,
                      uint32_t len, const struct pcapng_bytes *tail)
{
    uint32_t size = head->len + len + (tail ? tail->len : 0);
    uint8_t *block = malloc(size);

    assert_non_null(block);
    memcpy(block, head->bytes, head->len);
    if (tail) {
        memcpy(block + head->len, bytes, len);
        memcpy(block + head->len + len, tail->bytes, tail->len);
    }
    assert_true(capture_text_write(&lines->text, lines->out, block, size));
    free(block);
}

static void begin(struct lines *lines)
{
    const struct pcapng_interface first = {.name = "r1", .snaplen = 100};
    const struct pcapng_interface second = {.name = "r\033[2J", .snaplen = 100};
    struct pcapng_bytes block;

    lines->out = open_memstream(&lines->written, &lines->len);
    assert_non_null(lines->out);
    pcapng_section("test", NULL, &block);
    add_block(lines, &block, NULL, 0, NULL);
    pcapng_interface(&first, &block);
    add_block(lines, &block, NULL, 0, NULL);
    pcapng_interface(&second, &block);
    add_block(lines, &block, NULL, 0, NULL);
}

static void add_packet(struct lines *lines, uint32_t interface, uint64_t lost)
{
    static const char bytes[] = ADDRESSES "\x88\xb5hello";
    const struct pcapng_packet packet = {
        .interface = interface,
        .time = 3 * 3600 * NS_PER_SEC + 45678901,
        .captured = sizeof(bytes) - 1,
        .original = 60,
        .direction = interface ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
        .id = 17,
        .lost = lost,
        .verdict = interface ? "sent" : "unicast",
        .comment = interface ? "sent, from r1" : "unicast to \"r\033[2J\"",
    };
    struct pcapng_bytes head;
    struct pcapng_bytes tail;

    pcapng_packet(&packet, &head, &tail);
    add_block(lines, &head, bytes, packet.captured, &tail);
}

static void assert_written(struct lines *lines, const char *expected)
{
    fclose(lines->out);
    assert_string_equal(lines->written, expected);
    free(lines->written);
    capture_text_fini(&lines->text);
}

static void test_lines(void **state)
{
    struct lines lines = {.text = {.shows_bytes = true}};

    begin(&lines);
    add_packet(&lines, 0, 0);
    add_packet(&lines, 1, 5);
    assert_written(
        &lines, "03:00:00.045678 #17 r1 In  " FROM_TO ", 0x88b5, length 60: unicast to \"r?[2J\"\n"
                "\t0x0000:  0200 0000 0002 0200 0000 0001 88b5 6865\n"
                "\t0x0010:  6c6c 6f\n"
                "... 5 of r?[2J are missing here\n"
                "03:00:00.045678 #17 r?[2J Out " FROM_TO ", 0x88b5, length 60: sent, from r1\n"
                "\t0x0000:  0200 0000 0002 0200 0000 0001 88b5 6865\n"
                "\t0x0010:  6c6c 6f\n");
}

static void test_objects(void **state)
{
    struct lines lines = {.text = {.is_json = true}};

    begin(&lines);
    add_packet(&lines, 0, 0);
    assert_written(&lines,
                   "{\"time\":10800.045678901,\"id\":17,\"port\":\"r1\",\"direction\":\"in\","
                   "\"length\":60,\"verdict\":\"unicast\","
                   "\"comment\":\"unicast to \\\"r?[2J\\\"\",\"lost\":0,"
                   "\"summary\":\"" FROM_TO ", 0x88b5\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_objects),
    };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
