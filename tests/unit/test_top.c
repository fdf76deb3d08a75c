/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../../src/cli/top.h"
#include "ringspan/clock.h"

static struct top top;
static char text[256 << 10];

static int setup(void **state)
{
    top = (struct top){0};
    return 0;
}

static int teardown(void **state)
{
    top_fini(&top);
    return 0;
}

static void take_port(const char *name, const char *state)
{
    struct json_object *row = json_object_new_object();

    json_object_object_add(row, "name", json_object_new_string(name));
    json_object_object_add(row, "master", json_object_new_string("lab0"));
    json_object_object_add(row, "state", json_object_new_string(state));
    json_object_object_add(row, "reason", json_object_new_string(""));
    assert_true(top_take_port(&top, row));
    json_object_put(row);
}

static void take_ledger(const char *port, const char *direction, const char *key, uint64_t packets,
                        uint64_t bytes, uint64_t drops)
{
    struct json_object *row = json_object_new_object();

    json_object_object_add(row, "port", json_object_new_string(port));
    json_object_object_add(row, "direction", json_object_new_string(direction));
    json_object_object_add(row, key, json_object_new_uint64(packets));
    json_object_object_add(row, "bytes", json_object_new_uint64(bytes));
    json_object_object_add(row, "dropped_total", json_object_new_uint64(drops));
    top_take_ledger(&top, row);
    json_object_put(row);
}

/* r1 is busy, r2 drops, a10 waits, a9 idles. */
static void read_lab(uint64_t turn)
{
    top_begin(&top);
    take_port("r1", "forwarding");
    take_port("r2", "forwarding");
    take_port("a10", "waiting");
    take_port("a9", "forwarding");
    take_ledger("r1", "in", "received", 1000 * turn, 100000 * turn, 0);
    take_ledger("r1", "out", "accepted", 10 * turn, 1000 * turn, 0);
    take_ledger("r2", "out", "accepted", turn, 60 * turn, 5 * turn);
    take_ledger("r2", "kernel", "tp_drops", 2 * turn, 0, 0);
    top_end(&top, (turn + 1) * NS_PER_SEC / 2); /* twice a second */
}

static const struct top_port *port(const char *name)
{
    for (uint32_t i = 0; i < top.n_ports; i++) {
        if (strcmp(top.ports[i].name, name) == 0)
            return &top.ports[i];
    }
    fail_msg("no port %s", name);
    return NULL;
}

static void assert_order(const char *a, const char *b, const char *c, const char *d)
{
    const char *const names[] = {a, b, c, d};

    assert_int_equal(top.n_ports, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(top.ports[i].name, names[i]);
}

static void test_rates(void **state)
{
    read_lab(1);
    assert_int_equal(port("r1")->rate.rx_packets, 0); /* one reading is no rate */
    read_lab(2);
    assert_int_equal(port("r1")->rate.rx_packets, 2000);
    assert_int_equal(port("r1")->rate.tx_bytes, 2000);
    assert_int_equal(port("r1")->history[TOP_HISTORY - 1], 2 * 101000 * 8);
    assert_int_equal(port("r2")->rate.drops, 2 * (5 + 2));
    top.read_at = 0;
    read_lab(1); /* they went back: that is no rate */
    assert_int_equal(port("r1")->rate.rx_packets, 0);
}

static void test_order(void **state)
{
    read_lab(1);
    read_lab(2);
    assert_order("r1", "r2", "a9", "a10");
    top_set_sort(&top, TOP_BY_DROPS);
    assert_order("r2", "a9", "a10", "r1");
    top_set_sort(&top, TOP_BY_NAME);
    assert_order("a9", "a10", "r1", "r2");
    top_set_sort(&top, TOP_BY_STATE);
    assert_order("a10", "a9", "r1", "r2");
}

static void test_ports_come_and_go(void **state)
{
    read_lab(1);
    top_select(&top, 2);
    assert_string_equal(top.selected, "r1"); /* nobody has rates: by name */
    top_begin(&top);
    take_port("r1", "down");
    take_port("new", "forwarding");
    top_end(&top, 2 * NS_PER_SEC);
    assert_int_equal(top.n_ports, 2);
    assert_string_equal(port("r1")->state, "down");
    assert_string_equal(top.ports[top_selected(&top)].name, "r1");
    top_select(&top, -100);
    assert_int_equal(top_selected(&top), 0);
    top_select(&top, 100);
    assert_int_equal(top_selected(&top), 1);
    top_begin(&top);
    top_end(&top, 3 * NS_PER_SEC);
    assert_int_equal(top.n_ports, 0);
    top_select(&top, 1);
}

/* How many cells a line takes, without what sets colors. */
static uint32_t width_of(const char *line, size_t len)
{
    uint32_t width = 0;

    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\033') {
            while (i < len && line[i] != 'm')
                i++;
        } else if (((unsigned char)line[i] & 0xc0) != 0x80) {
            width++;
        }
    }
    return width;
}

static void draw(uint32_t columns, uint32_t rows, bool has_color, bool has_utf8)
{
    const struct top_look look = {columns, rows, has_color, has_utf8};
    struct byte_queue out;

    byte_queue_init(&out, sizeof(text) - 1);
    top_draw(&top, &look, &out);
    assert_false(out.overflowed);
    if (out.len > 0)
        memcpy(text, byte_queue_data(&out), out.len);
    text[out.len] = '\0';
    byte_queue_fini(&out);
}

static void assert_fits(uint32_t columns, uint32_t rows)
{
    uint32_t n = 0;

    for (const char *line = text;; n++) {
        size_t len = strcspn(line, "\n");

        if (width_of(line, len) > columns)
            fail_msg("%u columns: %.*s", columns, (int)len, line);
        if (!line[len])
            break;
        line += len + 1;
    }
    assert_int_equal(n + 1, rows);
}

static void assert_last_line(const char *keys, uint32_t columns)
{
    const char *line = strrchr(text, '\n');
    size_t len = strlen(keys) < columns ? strlen(keys) : columns;

    line = line ? line + 1 : text;
    if (strncmp(line, keys, len) != 0)
        fail_msg("the last line is '%s'", line);
}

static void make_many(void)
{
    for (uint64_t turn = 1; turn < 4; turn++) {
        top_begin(&top);
        for (int i = 0; i < 100; i++) {
            char name[32];

            snprintf(name, sizeof(name), i == 7 ? "n\xc3\xbc\x1b[2Jx%d" : "averylongname%02d", i);
            take_port(name, i % 3 ? "forwarding" : "waiting");
            take_ledger(name, "in", "received", turn * UINT64_C(1) << (i / 2),
                        turn * UINT64_C(100) << (i / 2), turn * (uint64_t)i);
        }
        top_end(&top, turn * NS_PER_SEC);
    }
}

/* Any rectangle, with and without color, in the list and inside of each port. */
static void test_bounds(void **state)
{
    static const uint32_t sizes[][2] = {{80, 24}, {80, 25}, {132, 50}, {40, 10},
                                        {20, 5},  {10, 3},  {79, 23},  {1, 1},
                                        {3, 2},   {200, 4}, {80, 1},   {500, 120}};

    make_many();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (int way = 0; way < 8; way++) {
            top.is_inside = way & 4;
            top_select(&top, 17);
            draw(sizes[i][0], sizes[i][1], way & 1, way & 2);
            assert_fits(sizes[i][0], sizes[i][1]);
            assert_last_line(way & 4 ? "enter: back" : "s: sort", sizes[i][0]);
            assert_null(strstr(text, "\033[2J"));
        }
    }
    top_fini(&top);
    draw(80, 24, true, true);
    assert_fits(80, 24);
    draw(0, 0, true, true);
    assert_string_equal(text, "");
}

static void test_list(void **state)
{
    read_lab(1);
    read_lab(2);
    draw(80, 24, false, false);
    assert_non_null(strstr(text, "ringspan: 4 ports, 3 forwarding, sorted by rate\n"));
    assert_non_null(
        strstr(text, "\nr1              forwarding    2.00k    1.60M       20    16.0k        0 "));
    assert_non_null(strstr(text, "q: quit"));
    assert_null(strchr(text, '\033'));
    draw(80, 24, true, true);
    assert_non_null(strstr(text, "\033[7mr1 "));
    assert_non_null(strstr(text, "█"));
}

/* The selected one is on the screen wherever it is in the list. */
static void test_scroll(void **state)
{
    make_many();
    for (int i = 0; i < 100; i++) {
        draw(80, 24, true, false);
        assert_non_null(strstr(text, "\033[7m"));
        top_select(&top, 1);
    }
}

static void test_inside(void **state)
{
    read_lab(1);
    read_lab(2);
    top_select(&top, 1);
    top.is_inside = true;
    top.details = json_tokener_parse(
        "[{\"direction\":\"out\",\"decided\":12,\"accepted\":2,\"bytes\":120,\"originated\":0,"
        "\"dropped\":{\"tx_busy\":10}}]");
    draw(80, 24, false, false);
    assert_non_null(strstr(text, "port r2 of lab0: forwarding\n"));
    assert_non_null(strstr(text, "\nout:\n  decided           12\n"));
    assert_non_null(strstr(text, "\n  dropped           10  tx_busy\n"));
    assert_fits(80, 24);
}

static void test_table(void **state)
{
    struct byte_queue out;

    make_many();
    byte_queue_init(&out, sizeof(text));
    top_draw_table(&top, &out);
    byte_queue_append(&out, "", 1);
    strcpy(text, byte_queue_data(&out));
    byte_queue_fini(&out);
    assert_int_equal(strncmp(text, "PORT ", 5), 0);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "averylongname99"));
    assert_string_equal(text + strlen(text) - 2, "\n\n");
}

#define TOP_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOP_TEST(test_rates),  TOP_TEST(test_order), TOP_TEST(test_ports_come_and_go),
        TOP_TEST(test_bounds), TOP_TEST(test_list),  TOP_TEST(test_scroll),
        TOP_TEST(test_inside), TOP_TEST(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
