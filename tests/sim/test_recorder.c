/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/sim_test.h"
#include "ringspan/capture.h"
#include "ringspan/clock.h"
#include "ringspan/mac.h"
#include "ringspan/pcapng.h"
#include "ringspan/recorder.h"

/*
 * The recorder of a whole bridge: what freezes it and what does not, what it has then to the frame,
 * and who gets that.
 */

enum {
    A,
    B,
    N_PORTS
};

#define PAUSE      UINT64_C(0x0180c2000001)
#define MEMORY     (1u << 20)
#define FOREVER    (3600 * NS_PER_SEC)
#define MAX_EVENTS 16
#define FILE_ROOM  ((size_t)4 << 20)

#define ON_PAUSE RECORDER_TRIGGER(DROP_MAC_CONTROL)

struct bed {
    struct sim *sim;
    struct event_loop *loop;
    struct capture *capture;
    struct recorder_status told[MAX_EVENTS];
    unsigned n_told;
};

/* What a file of the recorder has. */
struct file {
    uint32_t n_packets;
    uint32_t n_bytes; /* of blocks of packets */
    uint32_t last_len;
    uint32_t n_dropped; /* packets whose comment says so */
    uint64_t lost;      /* as the statistics say */
    uint64_t delivered;
    char comment[128];
};

static uint64_t noon(void)
{
    return 12 * 3600 * NS_PER_SEC;
}

static void on_change(void *arg, const struct recorder_status *status)
{
    struct bed *bed = arg;

    assert_true(bed->n_told < MAX_EVENTS);
    bed->told[bed->n_told++] = *status;
}

static void offer_all(struct bed *bed)
{
    for (uint32_t i = 0; i < N_PORTS; i++)
        assert_int_equal(capture_offer_port(bed->capture, "b", sim_port(bed->sim, i), ""), 0);
    bridge_set_capture(sim_bridge(bed->sim), bed->capture);
}

static void set(struct bed *bed, uint64_t triggers, uint64_t after_ns)
{
    const struct recorder_params params = {MEMORY, triggers, after_ns};

    assert_int_equal(recorder_set(bed->capture, &params), 0);
    offer_all(bed);
}

static struct bed *new_bed(uint64_t triggers, uint64_t after_ns)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    assert_non_null(bed);
    bed->sim = sim_test_new(N_PORTS);
    assert_int_equal(event_loop_new(&bed->loop), 0);
    assert_int_equal(capture_new(bed->loop, noon, &bed->capture), 0);
    recorder_on_change(bed->capture, on_change, bed);
    set(bed, triggers, after_ns);
    return bed;
}

static void free_bed(struct bed *bed)
{
    bridge_set_capture(sim_bridge(bed->sim), NULL);
    capture_free(bed->capture);
    event_loop_free(bed->loop);
    sim_free(bed->sim);
    free(bed);
}

/* @n frames that cross: two packets each. */
static void cross(struct bed *bed, unsigned n, uint32_t len)
{
    struct sim_frame frame;

    for (unsigned i = 0; i < n; i++) {
        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), len);
        sim_send(bed->sim, A, &frame);
        sim_expect(bed->sim, B, &frame);
    }
}

static void drop(struct bed *bed)
{
    sim_test_drop(bed->sim, B, PAUSE, SIM_HOST(2), DROP_MAC_CONTROL);
}

/* ---- reading ---- */

static int begin(struct bed *bed, bool waits, uint32_t buffer)
{
    const struct capture_params params = {.recorded = true, .waits = waits, .buffer = buffer};
    int fd;

    assert_int_equal(capture_start(bed->capture, &params, &fd), 0);
    return fd;
}

static void read_statistics(struct file *file, const uint8_t *block, uint32_t len)
{
    for (uint32_t at = 20; at + 8 < len;) {
        uint16_t option[2];
        uint64_t value = 0;

        memcpy(option, block + at, sizeof(option));
        if (option[1] == sizeof(value))
            memcpy(&value, block + at + 4, sizeof(value));
        file->lost += option[0] == PCAPNG_STATISTICS_LOST ? value : 0;
        file->delivered += option[0] == 8 ? value : 0;
        at += 4 + ((option[1] + 3u) & ~3u);
    }
}

static void read_block(struct file *file, const uint8_t *block, uint32_t type, uint32_t len)
{
    uint16_t option[2];

    if (type == PCAPNG_STATISTICS) {
        read_statistics(file, block, len);
    } else if (type == PCAPNG_PACKET) {
        file->n_packets++;
        file->n_bytes += len;
        memcpy(&file->last_len, block + 20, sizeof(file->last_len));
        file->n_dropped += memmem(block, len, "dropped (", 9) != NULL;
    } else if (type == PCAPNG_SECTION) {
        memcpy(option, block + 24, sizeof(option));
        if (option[0] == 1)
            snprintf(file->comment, sizeof(file->comment), "%.*s", option[1],
                     (const char *)block + 28);
    }
}

static struct file read_file(struct bed *bed, int fd)
{
    uint8_t *bytes = malloc(FILE_ROOM);
    struct file file = {0};
    size_t len = 0;
    ssize_t n;

    assert_non_null(bytes);
    do {
        event_loop_turn(bed->loop, 0);
        n = recv(fd, bytes + len, FILE_ROOM - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        assert_true(len < FILE_ROOM);
    } while (n != 0);
    for (size_t at = 0; at < len;) {
        uint32_t head[2];

        memcpy(head, bytes + at, sizeof(head));
        read_block(&file, bytes + at, head[0], head[1]);
        at += head[1];
    }
    free(bytes);
    close(fd);
    return file;
}

static struct file read_all(struct bed *bed)
{
    return read_file(bed, begin(bed, false, MEMORY));
}

/* ---- tests ---- */

static void test_a_drop_freezes(void **state)
{
    struct bed *bed = new_bed(ON_PAUSE, 0);
    struct recorder_status status;
    struct file file;

    assert_int_equal(recorder_status(bed->capture).state, RECORDER_ARMED);
    sim_test_drop(bed->sim, A, SIM_HOST(1), UINT64_C(0x030000000000), DROP_SOURCE_GROUP);
    cross(bed, 10, 100);
    drop(bed);
    status = recorder_status(bed->capture);
    assert_int_equal(status.state, RECORDER_FROZEN);
    assert_int_equal(status.packets, 22);
    assert_int_equal(bed->n_told, 0); /* within the turn of the bridge */
    event_loop_turn(bed->loop, 0);
    assert_int_equal(bed->n_told, 2);
    cross(bed, 10, 100);
    drop(bed);
    assert_int_equal(recorder_status(bed->capture).packets, 22);
    file = read_all(bed);
    assert_int_equal(file.n_packets, 22);
    assert_int_equal(file.n_dropped, 2);
    assert_int_equal(file.n_bytes, status.used);
    assert_int_equal(file.last_len, 60);
    assert_string_equal(recorder_trigger_name(status.trigger), "drop:mac_control");
    assert_string_equal(status.port, sim_port(bed->sim, B)->name);
    assert_int_equal(recorder_counts(bed->capture)[DROP_MAC_CONTROL], 1);
    assert_non_null(strstr(file.comment, "frozen by drop:mac_control on port "));
    assert_int_equal(bed->n_told, 2);
    assert_int_equal(bed->told[0].state, RECORDER_TRIGGERED);
    assert_int_equal(bed->told[1].state, RECORDER_FROZEN);
    free_bed(bed);
}

/* Copies of the frame that was dropped on one egress are of the same moment. */
static void test_a_drop_of_a_copy_freezes(void **state)
{
    struct bed *bed = new_bed(RECORDER_TRIGGER(DROP_TX_BUSY), 0);
    struct sim_frame frame;

    sim_fail_tx(bed->sim, B, 1, DROP_TX_BUSY);
    for (unsigned i = 0; i < 3; i++) {
        sim_frame_make(&frame, MAC_BROADCAST, SIM_HOST(1), 100);
        assert_true(sim_inject(bed->sim, A, &frame));
    }
    assert_int_equal(sim_poll(bed->sim, A), 3);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_FROZEN);
    assert_int_equal(recorder_status(bed->capture).packets, 6);
    assert_string_equal(recorder_status(bed->capture).port, sim_port(bed->sim, B)->name);
    sim_discard(bed->sim);
    free_bed(bed);
}

static void test_others_do_not(void **state)
{
    struct bed *bed = new_bed(RECORDER_TRIGGER(RECORDER_MOVE), 0);

    drop(bed);
    recorder_trigger(bed->capture, RECORDER_LINK_DOWN, "x");
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_ARMED);
    recorder_trigger(bed->capture, RECORDER_MOVE, "y");
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_TRIGGERED);
    recorder_trigger(bed->capture, RECORDER_MOVE, "z");
    cross(bed, 1, 100);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_FROZEN);
    assert_string_equal(recorder_status(bed->capture).port, "y");
    assert_int_equal(recorder_status(bed->capture).packets, 3);
    assert_int_equal(recorder_counts(bed->capture)[RECORDER_MOVE], 1);
    assert_int_equal(recorder_counts(bed->capture)[RECORDER_LINK_DOWN], 0);
    free_bed(bed);
}

/* A busy switch would overwrite what led up to it. */
static void test_half_of_the_memory_is_for_what_was_before(void **state)
{
    struct bed *bed = new_bed(ON_PAUSE, FOREVER);
    struct file file;

    cross(bed, 2000, 1500);
    drop(bed);
    cross(bed, 100, 1500);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_TRIGGERED);
    cross(bed, 2000, 1500);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_FROZEN);
    file = read_all(bed);
    assert_int_equal(file.n_dropped, 1);
    assert_in_range(file.n_bytes, MEMORY - 2000, MEMORY);
    assert_in_range(file.n_packets, 620, 680);
    free_bed(bed);
}

/* Even one turn is more than fits. */
static void test_half_of_the_memory_in_one_turn(void **state)
{
    struct bed *bed = new_bed(ON_PAUSE, 0);
    struct sim_frame frame;
    struct file file;

    cross(bed, 50, 1500);
    sim_frame_make(&frame, PAUSE, SIM_HOST(1), 60);
    assert_true(sim_inject(bed->sim, A, &frame));
    for (unsigned i = 1; i < LIMIT_RX_BATCH; i++) {
        sim_frame_make_tcp(&frame, MAC_BROADCAST, SIM_HOST(1), 60000, 1448);
        assert_true(sim_inject(bed->sim, A, &frame));
    }
    assert_int_equal(sim_poll(bed->sim, A), LIMIT_RX_BATCH);
    sim_discard(bed->sim);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_FROZEN);
    file = read_all(bed);
    assert_int_equal(file.n_dropped, 1);
    assert_int_equal(file.n_packets, 100 + 1 + MEMORY / 2 / 60000 + 1);
    assert_in_range(file.last_len, 60000, 60100);
    free_bed(bed);
}

static void test_time_freezes(void **state)
{
    struct bed *bed = new_bed(RECORDER_TRIGGER(RECORDER_LINK_DOWN), NS_PER_MS);

    recorder_trigger(bed->capture, RECORDER_LINK_DOWN, "x");
    cross(bed, 3, 100);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_TRIGGERED);
    while (recorder_status(bed->capture).state == RECORDER_TRIGGERED)
        event_loop_turn(bed->loop, 10);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_FROZEN);
    assert_int_equal(recorder_status(bed->capture).packets, 6);
    free_bed(bed);
}

static void test_by_hand(void **state)
{
    struct bed *bed = new_bed(0, 0);
    struct recorder_params none = {0};

    assert_int_equal(recorder_status(bed->capture).state, RECORDER_RECORDING);
    cross(bed, 3, 100);
    assert_true(recorder_freeze(bed->capture));
    assert_false(recorder_freeze(bed->capture));
    cross(bed, 3, 100);
    assert_int_equal(read_all(bed).n_packets, 6);
    assert_true(recorder_arm(bed->capture));
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_RECORDING);
    assert_int_equal(recorder_status(bed->capture).packets, 0);
    cross(bed, 1, 100);
    assert_int_equal(read_all(bed).n_packets, 2);
    assert_int_equal(recorder_set(bed->capture, &none), 0);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_OFF);
    assert_false(recorder_arm(bed->capture));
    assert_false(recorder_freeze(bed->capture));
    free_bed(bed);
}

/* Other triggers do not thaw it; other memory is another recorder. */
static void test_other_settings(void **state)
{
    struct bed *bed = new_bed(ON_PAUSE, 0);

    drop(bed);
    set(bed, RECORDER_TRIGGER(RECORDER_MOVE), FOREVER);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_FROZEN);
    assert_true(recorder_arm(bed->capture));
    drop(bed);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_ARMED);
    assert_true(recorder_freeze(bed->capture));
    assert_int_equal(recorder_set(bed->capture, &(struct recorder_params){2 * MEMORY, ON_PAUSE, 0}),
                     0);
    offer_all(bed);
    assert_int_equal(recorder_status(bed->capture).state, RECORDER_ARMED);
    cross(bed, 1, 100);
    assert_int_equal(read_all(bed).n_packets, 2);
    free_bed(bed);
}

static void test_who_waits_gets_it(void **state)
{
    struct bed *bed = new_bed(ON_PAUSE, 0);
    int waits = begin(bed, true, MEMORY);
    int leaves = begin(bed, true, MEMORY);
    char byte;
    struct file file;

    cross(bed, 5, 100);
    event_loop_turn(bed->loop, 0);
    assert_int_equal(recv(waits, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    close(leaves);
    event_loop_turn(bed->loop, 0);
    drop(bed);
    file = read_file(bed, waits);
    assert_int_equal(file.n_packets, 11);
    assert_int_equal(read_file(bed, begin(bed, true, MEMORY)).n_packets, 11); /* it is frozen */
    free_bed(bed);
}

static void test_who_waits_for_nothing(void **state)
{
    struct bed *bed = new_bed(ON_PAUSE, 0);
    int waits = begin(bed, true, MEMORY);
    int leaves = begin(bed, true, MEMORY);
    struct file file;

    shutdown(leaves, SHUT_WR);
    file = read_file(bed, leaves);
    assert_string_equal(file.comment, "the recorder was not frozen");
    assert_int_equal(file.n_packets, 0);
    assert_int_equal(recorder_set(bed->capture, &(struct recorder_params){0}), 0);
    file = read_file(bed, waits);
    assert_int_equal(file.n_packets, 0);
    assert_string_equal(file.comment, CAPTURE_CUT_OFF ": the recorder was not frozen");
    free_bed(bed);
}

/* Even if nobody had the time to tell of it. */
static void test_who_waits_gets_it_before_it_is_armed(void **state)
{
    struct bed *bed = new_bed(ON_PAUSE, 0);
    int waits = begin(bed, true, MEMORY);
    struct file file;

    cross(bed, 5, 100);
    drop(bed);
    assert_true(recorder_arm(bed->capture));
    assert_int_equal(bed->n_told, 3);
    assert_int_equal(bed->told[1].state, RECORDER_FROZEN);
    assert_int_equal(bed->told[1].packets, 11);
    assert_int_equal(bed->told[2].state, RECORDER_ARMED);
    cross(bed, 5, 100);
    file = read_file(bed, waits);
    assert_int_equal(file.n_packets, 11);
    assert_int_equal(bed->n_told, 3);
    free_bed(bed);
}

/* What is overwritten before it was read is counted, and nothing of what came later is in the file.
 */
static void test_armed_while_it_is_read(void **state)
{
    struct bed *bed = new_bed(0, 0);
    struct file file;
    uint64_t packets;
    int fd;

    cross(bed, 1000, 1500);
    assert_true(recorder_freeze(bed->capture));
    packets = recorder_status(bed->capture).packets;
    fd = begin(bed, false, LIMIT_CAPTURE_BUFFER_MIN);
    event_loop_turn(bed->loop, 0);
    assert_true(recorder_arm(bed->capture));
    assert_int_equal(recorder_status(bed->capture).used, 0);
    cross(bed, 200, 1500);
    file = read_file(bed, fd);
    assert_int_equal(file.n_packets, file.delivered);
    assert_int_equal(file.delivered + file.lost, packets);
    assert_true(file.lost > 0);
    assert_int_equal(recorder_status(bed->capture).packets, 400);
    assert_int_equal(read_all(bed).n_packets, 400);
    free_bed(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_drop_freezes),
        cmocka_unit_test(test_a_drop_of_a_copy_freezes),
        cmocka_unit_test(test_others_do_not),
        cmocka_unit_test(test_half_of_the_memory_is_for_what_was_before),
        cmocka_unit_test(test_half_of_the_memory_in_one_turn),
        cmocka_unit_test(test_time_freezes),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_other_settings),
        cmocka_unit_test(test_who_waits_gets_it),
        cmocka_unit_test(test_who_waits_gets_it_before_it_is_armed),
        cmocka_unit_test(test_who_waits_for_nothing),
        cmocka_unit_test(test_armed_while_it_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
