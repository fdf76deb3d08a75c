/* SPDX-License-Identifier: ISC */
#include "ringspan/port_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define QUEUE 4096 /* frames that a memory port holds in each direction */

static const struct port_device device = {.ifindex = 7, .mtu = 1500};

static const uint8_t untagged[] = {
    0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5, 'd', 'a', 't', 'a',
};
static const uint8_t tagged[] = {
    0x02, 0,    0,    0,    0,    1,    0x02, 0,   0,   0,   0,
    2,    0x81, 0x00, 0xe0, 0x64, 0x88, 0xb5, 'd', 'a', 't', 'a',
};
static const uint8_t twice[] = {
    0x02, 0,    0,    0,    0,    1,    0x02, 0,    0,    0,   0,   2,   0x88,
    0xa8, 0x00, 0x64, 0x81, 0x00, 0x00, 0x65, 0x88, 0xb5, 'd', 'a', 't', 'a',
};

static int set_up(void **state)
{
    struct port *port = NULL;

    assert_int_equal(memory_port_new("m0", &port), 0);
    *state = port;
    return 0;
}

static int set_up_started(void **state)
{
    struct port *port;

    set_up(state);
    port = *state;
    assert_int_equal(port_bring_up(port), 0);
    assert_int_equal(port->ops->start(port, &device), 0);
    port->id = 3;
    return 0;
}

static int tear_down(void **state)
{
    port_free(*state);
    return 0;
}

static uint32_t batch(struct port *port, struct frame *ret_frames, uint32_t max)
{
    return port->source->ops->batch(port->source, ret_frames, max);
}

static void release(struct port *port)
{
    port->source->ops->release(port->source);
}

static void expect_balance(struct port *port, uint64_t held_out)
{
    struct ledger_snapshot snapshot;

    port_snapshot(port, &snapshot);
    assert_true(ledger_out_balances(&snapshot));
    assert_true(ledger_in_balances(&snapshot));
    assert_int_equal(snapshot.held_out, held_out);
    assert_false(snapshot.has_kernel);
}

static void test_life_in_steps(void **state)
{
    struct port *port = *state;
    struct frame frames[2];

    assert_string_equal(port->ops->type, "memory");
    assert_string_equal(port->name, "m0");
    assert_string_equal(port->ifname, "m0");
    assert_int_equal(port->id, PORT_NONE);
    assert_int_equal(port->state, PORT_WAITING);
    assert_null(port->source);
    assert_int_equal(port_bring_up(port), 0);
    assert_non_null(port->source);
    assert_int_equal(port->source->fd, -1);
    /* Nothing is received before start. */
    assert_false(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    assert_int_equal(port->ops->start(port, &device), 0);
    assert_int_equal(port->ifindex, 7);
    assert_int_equal(port->mtu, 1500);
    assert_true(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    port->ops->stop(port);
    assert_int_equal(port->ifindex, 0);
    assert_false(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    /* What had arrived can still be read. */
    assert_int_equal(batch(port, frames, 2), 1);
    release(port);
    assert_int_equal(port->ops->start(port, &device), 0);
    assert_true(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    port->ops->close(port);
    assert_null(port->source);
    port->ops->close(port); /* from any step */
    assert_int_equal(port_rings(port).bytes, 0);
}

static void test_frames_come_in_order_and_are_borrowed(void **state)
{
    struct port *port = *state;
    struct frame frames[64];
    uint8_t bytes[sizeof(untagged)];

    memcpy(bytes, untagged, sizeof(bytes));
    for (uint8_t i = 0; i < 5; i++) {
        bytes[17] = i;
        assert_true(memory_port_inject(port, bytes, sizeof(bytes), NULL));
    }
    memset(bytes, 0xff, sizeof(bytes)); /* they were copied */
    assert_int_equal(batch(port, frames, 3), 3);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(frames[i].len, sizeof(untagged));
        assert_memory_equal(frames[i].data, untagged, 17);
        assert_int_equal(frames[i].data[17], i);
        assert_int_equal(frames[i].ingress, 3);
        assert_int_equal(frames[i].n_tags, 0);
        assert_int_equal(frames[i].defect, DROP_NONE);
    }
    release(port);
    assert_int_equal(batch(port, frames, 64), 2);
    assert_int_equal(frames[0].data[17], 3);
    assert_int_equal(frames[1].data[17], 4);
    release(port);
    assert_int_equal(batch(port, frames, 64), 0);
    release(port);
    assert_int_equal(port->source->ops->take_error(port->source), 0);
}

static void test_outer_tag_leaves_the_bytes(void **state)
{
    struct port *port = *state;
    struct frame frames[4];

    assert_true(memory_port_inject(port, tagged, sizeof(tagged), NULL));
    assert_true(memory_port_inject(port, twice, sizeof(twice), NULL));
    assert_true(memory_port_inject(port, tagged, 15, NULL)); /* cut in its tag */
    assert_int_equal(batch(port, frames, 4), 3);
    assert_int_equal(frames[0].n_tags, 1);
    assert_int_equal(frames[0].tags[0].tpid, 0x8100);
    assert_int_equal(frames[0].tags[0].tci, 0xe064);
    assert_int_equal(frames[0].len, sizeof(untagged));
    assert_memory_equal(frames[0].data, untagged, sizeof(untagged));
    assert_int_equal(frames[1].n_tags, 1);
    assert_int_equal(frames[1].tags[0].tpid, 0x88a8);
    assert_int_equal(frames[1].len, sizeof(twice) - 4);
    assert_memory_equal(frames[1].data + 12, twice + 16, sizeof(twice) - 16);
    assert_int_equal(frames[2].n_tags, 0);
    assert_int_equal(frames[2].len, 15);
    release(port);
}

static void test_defects_and_lies_are_marked(void **state)
{
    const struct virtio_net_hdr lie = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 17};
    const struct virtio_net_hdr truth = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 16};
    struct port *port = *state;
    struct frame frames[4];

    assert_true(memory_port_inject_defect(port, untagged, sizeof(untagged), DROP_TRUNCATED));
    assert_true(memory_port_inject(port, untagged, sizeof(untagged), &lie));
    /* The tag does not count: offsets are those of the frame without it. */
    assert_true(memory_port_inject(port, tagged, sizeof(tagged), &lie));
    assert_true(memory_port_inject(port, tagged, sizeof(tagged), &truth));
    assert_int_equal(batch(port, frames, 4), 4);
    assert_int_equal(frames[0].defect, DROP_TRUNCATED);
    assert_int_equal(frames[1].defect, DROP_MALFORMED);
    assert_int_equal(frames[2].defect, DROP_MALFORMED);
    assert_int_equal(frames[3].defect, DROP_NONE);
    assert_memory_equal(&frames[3].vnet, &truth, sizeof(truth));
    release(port);
}

static void test_arrivals_are_bounded(void **state)
{
    struct port *port = *state;
    struct frame frames[64];

    for (int i = 0; i < QUEUE; i++)
        assert_true(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    assert_false(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    assert_int_equal(batch(port, frames, 64), 64);
    /* Borrowed frames still take their room. */
    assert_false(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    release(port);
    for (int i = 0; i < 64; i++)
        assert_true(memory_port_inject(port, tagged, sizeof(tagged), NULL));
    assert_false(memory_port_inject(port, untagged, sizeof(untagged), NULL));
    for (int i = 0; i < QUEUE / 64; i++) {
        assert_int_equal(batch(port, frames, 64), 64);
        release(port);
    }
    assert_int_equal(frames[0].n_tags, 1);
    assert_int_equal(batch(port, frames, 64), 0);
}

static struct frame frame_to_send(void)
{
    struct frame frame = {.data = untagged, .len = sizeof(untagged)};

    frame_push_tag(&frame, (struct vlan_tag){0x8100, 0xe064});
    return frame;
}

static void test_sent_after_flush_with_tags_in_place(void **state)
{
    struct port *port = *state;
    struct frame frame = frame_to_send();

    frame.vnet = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 14};
    port_tx(port, &frame);
    assert_int_equal(memory_port_n_sent(port), 0);
    expect_balance(port, 1);
    port_flush(port);
    expect_balance(port, 0);
    assert_int_equal(memory_port_n_sent(port), 1);
    assert_int_equal(memory_port_sent(port, 0)->len, sizeof(tagged));
    assert_memory_equal(memory_port_sent(port, 0)->bytes, tagged, sizeof(tagged));
    assert_int_equal(memory_port_sent(port, 0)->vnet.csum_start, 18);
    assert_int_equal(port->ledger.decided, 1);
    assert_int_equal(port->ledger.accepted.frames, 1);
    assert_int_equal(port->ledger.accepted.segments, 1);
    assert_int_equal(port->ledger.accepted.bytes, sizeof(tagged));
}

static void test_clearing_keeps_what_is_queued(void **state)
{
    struct port *port = *state;
    struct frame frame = frame_to_send();
    struct frame bare = {.data = untagged, .len = sizeof(untagged)};

    port_tx(port, &frame);
    port_flush(port);
    port_tx(port, &bare);
    memory_port_clear_sent(port);
    assert_int_equal(memory_port_n_sent(port), 0);
    expect_balance(port, 1);
    port_flush(port);
    assert_int_equal(memory_port_n_sent(port), 1);
    assert_memory_equal(memory_port_sent(port, 0)->bytes, untagged, sizeof(untagged));
    assert_int_equal(port->ledger.accepted.bytes, sizeof(tagged) + sizeof(untagged));
}

static void test_too_long_is_never_queued(void **state)
{
    struct port *port = *state;
    struct frame frame = {.data = untagged, .len = sizeof(untagged)};

    port->mtu = 3;
    port_tx(port, &frame);
    port->mtu = 4;
    port_tx(port, &frame);
    port_flush(port);
    assert_int_equal(memory_port_n_sent(port), 1);
    assert_int_equal(port->ledger.decided, 2);
    assert_int_equal(port->ledger.out_dropped[DROP_TOO_LONG], 1);
    expect_balance(port, 0);
}

static void test_full_egress_refuses(void **state)
{
    struct port *port = *state;
    struct frame frame = frame_to_send();

    for (int i = 0; i < QUEUE + 5; i++)
        port_tx(port, &frame);
    port_flush(port);
    assert_int_equal(memory_port_n_sent(port), QUEUE);
    assert_int_equal(port->ledger.out_dropped[DROP_TX_QUEUE_FULL], 5);
    expect_balance(port, 0);
    memory_port_clear_sent(port);
    port_tx(port, &frame);
    port_flush(port);
    assert_int_equal(memory_port_n_sent(port), 1);
}

static void test_failures_on_demand(void **state)
{
    struct port *port = *state;
    struct frame frame = frame_to_send();

    memory_port_fail_tx(port, 2, DROP_TX_BUSY);
    for (int i = 0; i < 3; i++)
        port_tx(port, &frame);
    port_flush(port);
    assert_int_equal(memory_port_n_sent(port), 1);
    assert_int_equal(port->ledger.out_dropped[DROP_TX_BUSY], 2);
    expect_balance(port, 0);
}

/* As a socket that is bound to nothing. */
static void test_nothing_leaves_a_stopped_port(void **state)
{
    struct port *port = *state;
    struct frame frame = frame_to_send();

    port->ops->stop(port);
    port_tx(port, &frame);
    port_flush(port);
    assert_int_equal(memory_port_n_sent(port), 0);
    assert_int_equal(port->ledger.out_dropped[DROP_EGRESS_GONE], 1);
    expect_balance(port, 0);
}

static void test_busy_port_shows_its_counters_alone(void **state)
{
    struct port *port = *state;
    struct frame frame = frame_to_send();
    struct ledger_snapshot snapshot;

    port_tx(port, &frame);
    port_flush(port);
    port->busy = true;
    port_snapshot(port, &snapshot);
    assert_int_equal(snapshot.counters.accepted.frames, 1);
    assert_int_equal(snapshot.held_out, 0);
    assert_false(snapshot.has_kernel);
    assert_int_equal(port_rings(port).rx_slots, 0);
    port->busy = false;
}

static void test_free_of_nothing(void **state)
{
    port_free(NULL);
}

#define TEST(function)    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define STARTED(function) cmocka_unit_test_setup_teardown(function, set_up_started, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_life_in_steps),
        STARTED(test_frames_come_in_order_and_are_borrowed),
        STARTED(test_outer_tag_leaves_the_bytes),
        STARTED(test_defects_and_lies_are_marked),
        STARTED(test_arrivals_are_bounded),
        STARTED(test_sent_after_flush_with_tags_in_place),
        STARTED(test_clearing_keeps_what_is_queued),
        STARTED(test_too_long_is_never_queued),
        STARTED(test_full_egress_refuses),
        STARTED(test_failures_on_demand),
        STARTED(test_nothing_leaves_a_stopped_port),
        STARTED(test_busy_port_shows_its_counters_alone),
        cmocka_unit_test(test_free_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
