/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ringspan/bridge.h"
#include "ringspan/capture.h"
#include "ringspan/clock.h"
#include "ringspan/limits.h"
#include "ringspan/pcapng.h"
#include "ringspan/port_memory.h"
#include "ringspan/recorder.h"

/* What the simulation and the system's tests do not come to. */

static uint64_t wall(void)
{
    return 1;
}

/* A loop and a capture; and a bridge with a port, if the test asks for it. */
struct lab {
    struct event_loop *loop;
    struct capture *capture;
    struct bridge *bridge;
    struct port *port;
};

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    assert_int_equal(event_loop_new(&lab->loop), 0);
    assert_int_equal(capture_new(lab->loop, wall, &lab->capture), 0);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;

    if (lab->port) {
        capture_forget_port(lab->capture, lab->port);
        lab->port->ops->stop(lab->port);
        lab->port->ops->close(lab->port);
    }
    bridge_free(lab->bridge);
    capture_free(lab->capture);
    event_loop_free(lab->loop);
    free(lab);
    return 0;
}

static struct port *new_port(const char *stem, unsigned number)
{
    char name[LIMIT_NAME_SIZE];
    struct port *port;

    snprintf(name, sizeof(name), "%s%u", stem, number);
    assert_int_equal(memory_port_new(name, &port), 0);
    return port;
}

/* The port is bound, and part of every capture that has begun. */
static void add_bridge(struct lab *lab)
{
    static const struct bridge_params params = {
        .name = "b", .max_ports = 1, .max_entries = 16, .aging_ns = NS_PER_SEC};
    static const struct port_device device = {.ifindex = 1, .mtu = 1500};

    assert_int_equal(bridge_new(&params, &lab->bridge), 0);
    lab->port = new_port("p", 0);
    assert_int_equal(port_bring_up(lab->port), 0);
    assert_int_equal(lab->port->ops->start(lab->port, &device), 0);
    assert_int_equal(bridge_add_port(lab->bridge, lab->port), 0);
    bridge_set_capture(lab->bridge, lab->capture);
    assert_int_equal(capture_offer_port(lab->capture, "b", lab->port, ""), 0);
}

static void record(struct lab *lab)
{
    assert_int_equal(recorder_set(lab->capture, &(struct recorder_params){.memory = 1u << 20}), 0);
}

/* A capture that ends by itself, or that is asked to. */
struct file {
    uint8_t bytes[8u << 20];
    size_t len;
};

static const struct file *read_file(struct lab *lab, int fd)
{
    static struct file file;
    ssize_t got;

    file.len = 0;
    do {
        event_loop_turn(lab->loop, 0);
        got = recv(fd, file.bytes + file.len, sizeof(file.bytes) - file.len, MSG_DONTWAIT);
        file.len += got > 0 ? (size_t)got : 0;
    } while (got != 0);
    close(fd);
    return &file;
}

static const struct file *read_recorded(struct lab *lab)
{
    const struct capture_params wish = {.buffer = LIMIT_CAPTURE_BUFFER_MIN, .recorded = true};
    int fd;

    assert_int_equal(capture_start(lab->capture, &wish, &fd), 0);
    return read_file(lab, fd);
}

/* Counts the blocks of a type. */
static uint32_t count_blocks(const struct file *file, uint32_t type)
{
    uint32_t n = 0;

    for (size_t at = 0; at < file->len;) {
        uint32_t head[2];

        memcpy(head, file->bytes + at, sizeof(head));
        n += head[0] == type;
        at += head[1];
    }
    return n;
}

static bool has_text(const struct file *file, const char *text)
{
    return memmem(file->bytes, file->len, text, strlen(text)) != NULL;
}

static bool has_speed(const struct file *file, uint64_t speed)
{
    uint8_t option[12] = {8, 0, sizeof(speed)};

    memcpy(option + 4, &speed, sizeof(speed));
    return memmem(file->bytes, file->len, option, sizeof(option)) != NULL;
}

/* Ports that have another name each time. */
static void test_names_without_end(void **state)
{
    struct lab *lab = *state;
    struct port *stays = new_port("stays", 0);

    record(lab);
    for (unsigned i = 0; i < LIMIT_CAPTURE_INTERFACES; i++) {
        struct port *port = new_port("p", i);

        assert_int_equal(capture_offer_port(lab->capture, "b", port, ""), 0);
        capture_forget_port(lab->capture, port);
        port_free(port);
        if (i == 2)
            assert_int_equal(capture_offer_port(lab->capture, "b", stays, ""), 0);
    }
    /* `stays`, and the last one */
    assert_int_equal(count_blocks(read_recorded(lab), PCAPNG_INTERFACE), 2);
    capture_forget_port(lab->capture, stays);
    port_free(stays);
}

/* One capture that has had all the ports that it can have is no reason for others to miss one. */
static void test_names_without_end_for_one_of_two(void **state)
{
    const struct capture_params wish = {.buffer = LIMIT_CAPTURE_BUFFER_MIN};
    struct lab *lab = *state;
    int full;

    assert_int_equal(capture_start(lab->capture, &wish, &full), 0);
    for (unsigned i = 0; i <= LIMIT_CAPTURE_INTERFACES; i++) {
        struct port *port = new_port("p", i);

        if (i == LIMIT_CAPTURE_INTERFACES)
            record(lab);
        assert_int_equal(capture_offer_port(lab->capture, "b", port, ""),
                         i == LIMIT_CAPTURE_INTERFACES ? -ENOSPC : 0);
        capture_forget_port(lab->capture, port);
        port_free(port);
    }
    assert_int_equal(count_blocks(read_recorded(lab), PCAPNG_INTERFACE), 1);
    close(full);
}

/* The recorder is there before the interfaces are. */
static void test_ports_that_are_bound_later(void **state)
{
    const struct port_device device = {.ifindex = 1, .mtu = 1500};
    struct lab *lab = *state;
    struct port *port = new_port("p", 0);
    const struct file *file;

    record(lab);
    assert_int_equal(capture_offer_port(lab->capture, "b", port, "a port that waits"), 0);
    assert_true(has_text(read_recorded(lab), "a port that waits"));
    assert_int_equal(port_bring_up(port), 0);
    port->busy = true;
    assert_int_equal(port->ops->start(port, &device), 0);
    port->speed = 100;
    assert_int_equal(capture_offer_port(lab->capture, "b", port, "half way"), 0);
    assert_true(has_text(read_recorded(lab), "a port that waits"));
    port->busy = false;
    assert_int_equal(capture_offer_port(lab->capture, "b", port, "a port that is bound"), 0);
    file = read_recorded(lab);
    assert_true(has_text(file, "a port that is bound"));
    assert_true(has_speed(file, 100 * UINT64_C(1000000)));
    assert_int_equal(count_blocks(file, PCAPNG_INTERFACE), 1);
    capture_forget_port(lab->capture, port);
    port_free(port);
}

/* Of the first packet in a capture that has ended. */
static void read_lengths(struct lab *lab, int fd, uint32_t *ret_captured, uint32_t *ret_original)
{
    static uint8_t bytes[64u << 10];
    ssize_t len;
    size_t at = 0;
    uint32_t head[7];

    event_loop_turn(lab->loop, 0);
    len = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    for (;; at += head[1]) {
        assert_true((ssize_t)(at + sizeof(head)) <= len);
        memcpy(head, bytes + at, sizeof(head));
        if (head[0] == PCAPNG_PACKET)
            break;
    }
    *ret_captured = head[5];
    *ret_original = head[6];
}

/* A frame that the ring had no room for is in the file as far as it got here, with its length; a
 * tag that was taken off is part of both. */
static void test_cut_frames(void **state)
{
    static const uint8_t tagged[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 5, 8};
    const struct capture_params wish = {
        .count = 1, .buffer = LIMIT_CAPTURE_BUFFER_MIN, .segments = true};
    struct lab *lab = *state;
    uint32_t captured;
    uint32_t original;
    int fd;

    assert_int_equal(capture_start(lab->capture, &wish, &fd), 0);
    add_bridge(lab);
    assert_true(memory_port_inject_cut(lab->port, tagged, sizeof(tagged), 9000));
    assert_int_equal(bridge_poll(lab->bridge, lab->port->source, 1).frames, 1);
    assert_int_equal(lab->port->ledger.in_dropped[DROP_TRUNCATED], 1);
    read_lengths(lab, fd, &captured, &original);
    assert_int_equal(captured, sizeof(tagged));
    assert_int_equal(original, sizeof(tagged) + 9000);
    close(fd);
}

/* What is frozen is not given up for ports that come later. */
static void test_names_without_end_while_frozen(void **state)
{
    struct lab *lab = *state;

    record(lab);
    assert_true(recorder_freeze(lab->capture));
    for (unsigned i = 0; i < LIMIT_CAPTURE_INTERFACES + 2; i++) {
        struct port *port = new_port("p", i);

        if (i > LIMIT_CAPTURE_INTERFACES)
            assert_true(recorder_arm(lab->capture));
        assert_int_equal(capture_offer_port(lab->capture, "b", port, ""),
                         i == LIMIT_CAPTURE_INTERFACES ? -ENOSPC : 0);
        capture_forget_port(lab->capture, port);
        port_free(port);
    }
}

static uint64_t count_lost(const struct file *file)
{
    static const uint8_t option[4] = {PCAPNG_STATISTICS_LOST, 0, sizeof(uint64_t)};
    const uint8_t *found = memmem(file->bytes, file->len, option, sizeof(option));
    uint64_t lost;

    assert_non_null(found);
    memcpy(&lost, found + sizeof(option), sizeof(lost));
    return lost;
}

/* Who reads the recorder, or waits for it, when the daemon ends. */
static void test_readers_that_are_cut_off(void **state)
{
    static const uint8_t frame[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8};
    const struct capture_params reads = {.buffer = LIMIT_CAPTURE_BUFFER_MIN, .recorded = true};
    const struct capture_params waits = {
        .buffer = LIMIT_CAPTURE_BUFFER_MIN, .recorded = true, .waits = true};
    struct lab *lab = *state;
    const struct file *file;
    int reader;
    int waiter;

    record(lab);
    add_bridge(lab);
    for (int i = 0; i < 5; i++) {
        assert_true(memory_port_inject(lab->port, frame, sizeof(frame), NULL));
        assert_int_equal(bridge_poll(lab->bridge, lab->port->source, 1).frames, 1);
    }
    assert_int_equal(capture_start(lab->capture, &waits, &waiter), 0);
    assert_int_equal(capture_start(lab->capture, &reads, &reader), 0);
    capture_end_all(lab->capture);
    file = read_file(lab, reader);
    assert_int_equal(count_lost(file) + count_blocks(file, PCAPNG_PACKET), 5);
    assert_true(count_lost(file) > 0);
    assert_true(has_text(file, CAPTURE_CUT_OFF));
    assert_true(has_text(read_file(lab, waiter), CAPTURE_CUT_OFF));
}

static void free_and_count(void *arg, void *memory)
{
    unsigned *n = arg;

    free(memory);
    (*n)++;
}

/* What has to be given back page by page is nothing for the thread of the loop. */
static void test_much_memory_is_freed_elsewhere(void **state)
{
    static const uint32_t mebibytes[] = {64, 63, 1, 2, 16, 0};
    static const unsigned freed[] = {0, 1, 2, 2, 2, 3};
    struct lab *lab = *state;
    unsigned n = 0;

    capture_release_by(lab->capture, free_and_count, &n);
    for (size_t i = 0; i < sizeof(mebibytes) / sizeof(*mebibytes); i++) {
        const struct recorder_params params = {.memory = mebibytes[i] << 20};

        assert_int_equal(recorder_set(lab->capture, &params), 0);
        assert_int_equal(n, freed[i]);
    }
    capture_free(lab->capture);
    lab->capture = NULL;
    assert_int_equal(n, 3);
}

#define LAB_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_readers_that_are_cut_off),
        LAB_TEST(test_much_memory_is_freed_elsewhere),
        LAB_TEST(test_names_without_end),
        LAB_TEST(test_names_without_end_while_frozen),
        LAB_TEST(test_names_without_end_for_one_of_two),
        LAB_TEST(test_ports_that_are_bound_later),
        LAB_TEST(test_cut_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
