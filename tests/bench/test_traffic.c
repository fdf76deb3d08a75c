/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "traffic_frame.h"
#include "traffic_layout.h"
#include "traffic_skew.h"
#include "traffic_times.h"
#include "traffic_track.h"

/* What the generator and sink is believed for: frames, sequences, quantiles, who sends to whom. */

#define DST UINT64_C(0x020000000001)
#define SRC UINT64_C(0x020000000002)

static const struct traffic_label label = {
    .run = 7, .stream = 3, .seq = UINT32_MAX, .stamp = 0x12345678};

static enum traffic_verdict read_frame(const uint8_t *bytes, uint32_t len,
                                       const struct traffic_shape *shape)
{
    struct traffic_label read;

    return traffic_frame_read(bytes, len, shape, &read);
}

static void make_frame(uint8_t *bytes, const struct traffic_shape *shape)
{
    traffic_frame_fill(bytes, shape);
    traffic_frame_label(bytes, shape, DST, SRC, &label);
}

static void check_every_bit(const struct traffic_shape *shape)
{
    uint8_t bytes[TRAFFIC_SIZE_MAX];
    uint32_t magic = shape->is_ip ? 42 : 14;
    struct traffic_label read;

    make_frame(bytes, shape);
    assert_int_equal(traffic_frame_read(bytes, shape->size, shape, &read), TRAFFIC_INTACT);
    assert_memory_equal(&read, &label, sizeof(label));
    for (uint32_t i = 0; i < shape->size * 8; i++) {
        bool is_magic = i / 8 == magic || i / 8 == magic + 1;

        bytes[i / 8] ^= (uint8_t)(1 << (i % 8));
        assert_int_equal(read_frame(bytes, shape->size, shape),
                         is_magic ? TRAFFIC_FOREIGN : TRAFFIC_CORRUPTED);
        bytes[i / 8] ^= (uint8_t)(1 << (i % 8));
    }
    assert_int_equal(read_frame(bytes, shape->size, shape), TRAFFIC_INTACT);
}

static void every_changed_bit_is_seen(void **state)
{
    const uint32_t sizes[] = {60, 61, 1514, 9014};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_every_bit(&(struct traffic_shape){.size = sizes[i], .ethertype = TRAFFIC_ETHERTYPE});
        check_every_bit(&(struct traffic_shape){.size = sizes[i], .is_ip = true});
    }
}

static void another_length_is_seen(void **state)
{
    const struct traffic_shape shape = {.size = 100, .ethertype = TRAFFIC_ETHERTYPE};
    uint8_t bytes[TRAFFIC_SIZE_MAX] = {0};

    make_frame(bytes, &shape);
    assert_int_equal(read_frame(bytes, 99, &shape), TRAFFIC_CORRUPTED);
    assert_int_equal(read_frame(bytes, 101, &shape), TRAFFIC_CORRUPTED);
    assert_int_equal(read_frame(bytes, 31, &shape), TRAFFIC_FOREIGN);
    /* A byte that went missing inside, and one that came in. */
    memmove(bytes + 50, bytes + 51, 49);
    assert_int_equal(read_frame(bytes, 100, &shape), TRAFFIC_CORRUPTED);
    make_frame(bytes, &shape);
    memmove(bytes + 51, bytes + 50, 49);
    assert_int_equal(read_frame(bytes, 100, &shape), TRAFFIC_CORRUPTED);
}

static void ip_headers_are_right(void **state)
{
    const struct traffic_shape shape = {.size = 60, .is_ip = true};
    uint8_t bytes[60];
    uint32_t sum = 0;

    make_frame(bytes, &shape);
    for (int i = 14; i < 34; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
    assert_int_equal(bytes[16] << 8 | bytes[17], 46);
    assert_int_equal(bytes[38] << 8 | bytes[39], 26);
}

static struct traffic_track *new_track(uint32_t first)
{
    static struct traffic_track track;

    traffic_track_init(&track, first);
    return &track;
}

static void check_track(const struct traffic_track *track, uint64_t received, uint64_t duplicated,
                        uint64_t reordered, uint64_t late)
{
    assert_int_equal(track->received, received);
    assert_int_equal(track->duplicated, duplicated);
    assert_int_equal(track->reordered, reordered);
    assert_int_equal(track->late, late);
}

static void sequences_start_over(void **state)
{
    struct traffic_track *track = new_track(UINT32_MAX - 9);

    for (uint32_t i = 0; i < 3 * TRAFFIC_WINDOW; i++)
        traffic_track_take(track, UINT32_MAX - 9 + i);
    check_track(track, 3 * TRAFFIC_WINDOW, 0, 0, 0);
}

static void reordering_across_the_turn(void **state)
{
    struct traffic_track *track = new_track(UINT32_MAX - 1);
    const uint32_t order[] = {UINT32_MAX - 1, 1, UINT32_MAX, 0, 2, UINT32_MAX, 2};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        traffic_track_take(track, order[i]);
    check_track(track, 5, 2, 2, 0);
}

static void what_was_never_sent_is_no_arrival(void **state)
{
    struct traffic_track *track = new_track(0);

    traffic_track_take(track, 0);
    traffic_track_take(track, UINT32_MAX);
    assert_int_equal(track->received, 1);
}

static void window_has_an_edge(void **state)
{
    struct traffic_track *track = new_track(0);

    traffic_track_take(track, 1);
    traffic_track_take(track, TRAFFIC_WINDOW + 1);
    traffic_track_take(track, 1);
    check_track(track, 2, 0, 0, 1);
    traffic_track_take(track, 2);
    check_track(track, 3, 0, 1, 1);
    traffic_track_take(track, 2);
    check_track(track, 3, 1, 1, 1);
}

static void a_gap_longer_than_the_window(void **state)
{
    struct traffic_track *track = new_track(0);
    uint32_t far = 5 * TRAFFIC_WINDOW;

    traffic_track_take(track, 0);
    traffic_track_take(track, far);
    for (uint32_t i = 1; i < TRAFFIC_WINDOW; i++)
        traffic_track_take(track, far - i);
    check_track(track, TRAFFIC_WINDOW + 1, 0, TRAFFIC_WINDOW - 1, 0);
    traffic_track_take(track, far - TRAFFIC_WINDOW);
    check_track(track, TRAFFIC_WINDOW + 1, 0, TRAFFIC_WINDOW - 1, 1);
}

static void quantiles_of_few(void **state)
{
    uint64_t times[] = {5, 1, 4, 2, 3};

    traffic_sort(times, 5);
    assert_int_equal(traffic_quantile(times, 5, 500), 3);
    assert_int_equal(traffic_quantile(times, 5, 200), 1);
    assert_int_equal(traffic_quantile(times, 5, 201), 2);
    assert_int_equal(traffic_quantile(times, 5, 990), 5);
    assert_int_equal(traffic_quantile(times, 1, 500), 1);
    assert_int_equal(traffic_quantile(times, 0, 500), 0);
}

static void quantiles_of_buckets(void **state)
{
    static struct traffic_times times;
    struct traffic_quantiles q = traffic_times_quantiles(&times);

    assert_int_equal(q.p50 | q.p99 | q.p99_9 | q.max, 0);
    for (uint64_t i = 1; i <= 100000; i++)
        traffic_times_add(&times, i * 1000);
    q = traffic_times_quantiles(&times);
    assert_in_range(q.p50, 50000000, 50000000 * 1.016);
    assert_in_range(q.p99, 99000000, 99000000 * 1.016);
    assert_in_range(q.p99_9, 99900000, 100000000);
    assert_int_equal(q.max, 100000000);
}

static void small_and_huge_durations(void **state)
{
    static struct traffic_times times;

    for (uint64_t i = 0; i < 128; i++)
        traffic_times_add(&times, i);
    assert_int_equal(traffic_times_quantiles(&times).p50, 63);
    traffic_times_add(&times, UINT64_MAX);
    assert_int_equal(traffic_times_quantiles(&times).max, UINT64_MAX);
    assert_int_equal(traffic_times_quantiles(&times).p99_9, UINT64_MAX);
}

static void skew_is_of_frames_that_reach_everybody(void **state)
{
    static struct traffic_skew skew = {.n_receivers = 2};

    traffic_skew_take(&skew, 0, 500);
    traffic_skew_take(&skew, 1, 1000);
    assert_int_equal(skew.times.n, 0);
    traffic_skew_take(&skew, 1, 970);
    assert_int_equal(skew.times.n, 1);
    assert_int_equal(skew.times.max, 30);
    traffic_skew_take(&skew, TRAFFIC_SKEW_WINDOW, 9000); /* and nothing of the frame 0 */
    assert_int_equal(skew.times.n, 1);
    traffic_skew_take(&skew, TRAFFIC_SKEW_WINDOW, 9001);
    assert_int_equal(skew.times.n, 2);
    assert_int_equal(skew.times.max, 30);
}

static void streams_are_parsed(void **state)
{
    struct traffic_layout layout = {0};

    assert_int_equal(
        traffic_layout_parse_stream(
            &layout, "a/eth0:02:00:00:00:00:01>/proc/12/ns/net/eth1:02:00:00:00:00:02"),
        0);
    assert_int_equal(
        traffic_layout_parse_stream(&layout, "./eth0:02:00:00:00:00:03>a/eth0:02:00:00:00:00:01"),
        0);
    assert_int_equal(layout.n_ends, 3);
    assert_string_equal(layout.ends[0].netns, "a");
    assert_string_equal(layout.ends[1].netns, "/proc/12/ns/net");
    assert_string_equal(layout.ends[1].ifname, "eth1");
    assert_null(layout.ends[2].netns);
    assert_int_equal(layout.n_streams, 2);
    assert_int_equal(layout.streams[0].from.end, 0);
    assert_true(layout.streams[0].to.mac == UINT64_C(0x020000000002));
    assert_int_equal(layout.streams[1].to.end, 0);
    traffic_layout_fini(&layout);
}

static void wrong_streams_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "a/eth0:02:00:00:00:00:01",
        "a/eth0:02:00:00:00:00:01>",
        "a/eth0>b/eth0",
        "a/eth0:02:00:00:00:00:01>b/eth0:02:00:00:00:00",
        "a/eth0:02:00:00:00:00:01>a/eth0:02:00:00:00:00:02",
        "a/eth0:02:00:00:00:00:01>eth0:02:00:00:00:00:02",
        "a/eth0:02:00:00:00:00:01>/eth0:02:00:00:00:00:02",
        "a/eth0:02:00:00:00:00:01>b/:02:00:00:00:00:02",
        "a/eth0:02:00:00:00:00:01>b/abcdefghijklmnop:02:00:00:00:00:02",
        "a/eth0:02:00:00:00:00:01>b/eth0:03:00:00:00:00:02",
    };
    struct traffic_layout layout = {0};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_true(traffic_layout_parse_stream(&layout, wrong[i]) < 0);
    assert_int_equal(layout.n_streams, 0);
    traffic_layout_fini(&layout);
}

static void a_mesh_is_everyone_to_everyone(void **state)
{
    struct traffic_layout layout = {0};
    uint32_t seen[3][3] = {0};

    assert_int_equal(traffic_layout_parse_mesh(&layout, "a/e:02:00:00:00:00:01,b/e:02:00:00:00:00:"
                                                        "02,c/e:02:00:00:00:00:03"),
                     0);
    assert_int_equal(layout.n_streams, 6);
    for (uint32_t i = 0; i < 6; i++)
        seen[layout.streams[i].from.end][layout.streams[i].to.end]++;
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(seen[i / 3][i % 3], i / 3 != i % 3);
    assert_true(traffic_layout_parse_mesh(&layout, "a/e:02:00:00:00:00:01") < 0);
    traffic_layout_fini(&layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_changed_bit_is_seen),
        cmocka_unit_test(another_length_is_seen),
        cmocka_unit_test(ip_headers_are_right),
        cmocka_unit_test(sequences_start_over),
        cmocka_unit_test(reordering_across_the_turn),
        cmocka_unit_test(what_was_never_sent_is_no_arrival),
        cmocka_unit_test(window_has_an_edge),
        cmocka_unit_test(a_gap_longer_than_the_window),
        cmocka_unit_test(quantiles_of_few),
        cmocka_unit_test(quantiles_of_buckets),
        cmocka_unit_test(small_and_huge_durations),
        cmocka_unit_test(skew_is_of_frames_that_reach_everybody),
        cmocka_unit_test(streams_are_parsed),
        cmocka_unit_test(wrong_streams_are_refused),
        cmocka_unit_test(a_mesh_is_everyone_to_everyone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
