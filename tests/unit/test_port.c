/* SPDX-License-Identifier: ISC */
#include "ringspan/port.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/log.h"
#include "ringspan/port_packet.h"

/* What all ports share, on a backend that only notes what it was asked to do. */

static char steps[64]; /* a letter for each operation */
static char failing;   /* the letter of the one that fails */

static int note(char step)
{
    size_t len = strlen(steps);

    steps[len] = step;
    steps[len + 1] = '\0';
    return step == failing ? -ENOBUFS : 0;
}

static int note_open(struct port *port)
{
    return note('o');
}

static int note_configure(struct port *port)
{
    return note('c');
}

static int note_map(struct port *port)
{
    return note('m');
}

static void note_close(struct port *port)
{
    (void)note('x');
}

static void note_tx(struct port *port, const struct frame *frame)
{
    (void)note('t');
    port_count_accepted(port, frame_weigh(frame));
}

static void note_flush(struct port *port)
{
    (void)note('f');
}

static void note_snapshot(struct port *port, struct ledger_snapshot *ret_snapshot)
{
    ret_snapshot->held_out = 5;
    ret_snapshot->has_kernel = true;
    port->ledger.tp_packets = 9; /* read from the kernel just now */
}

static struct port_ring_info note_ring_info(const struct port *port)
{
    return (struct port_ring_info){.rx_slots = 1, .tx_slots = 2, .bytes = 3};
}

static const struct port_ops ops = {
    .type = "note",
    .open = note_open,
    .configure = note_configure,
    .map = note_map,
    .close = note_close,
    .tx = note_tx,
    .flush = note_flush,
    .snapshot = note_snapshot,
    .ring_info = note_ring_info,
};

static int set_up(void **state)
{
    static struct port port;

    steps[0] = '\0';
    failing = '\0';
    port_init(&port, &ops, "a", "veth-a");
    *state = &port;
    return 0;
}

static void test_begins_waiting(void **state)
{
    const struct port *port = *state;

    assert_string_equal(port->name, "a");
    assert_string_equal(port->ifname, "veth-a");
    assert_int_equal(port->id, PORT_NONE);
    assert_int_equal(port->state, PORT_WAITING);
    assert_string_equal(port->why, "");
    assert_false(port->busy);
    assert_null(port->source);
}

static void test_comes_up_in_steps(void **state)
{
    assert_int_equal(port_bring_up(*state), 0);
    assert_string_equal(steps, "ocm");
}

static void test_closes_what_does_not_come_up(void **state)
{
    static const char *const expected[] = {"ox", "ocx", "ocmx"};

    for (size_t i = 0; i < 3; i++) {
        steps[0] = '\0';
        failing = "ocm"[i];
        assert_int_equal(port_bring_up(*state), -ENOBUFS);
        assert_string_equal(steps, expected[i]);
    }
}

static void test_too_long_never_reaches_the_backend(void **state)
{
    static const uint8_t bytes[1600];
    struct frame frame = {.data = bytes, .len = 1514};
    struct port *port = *state;

    port->mtu = 1500;
    port_tx(port, &frame);
    frame.len++;
    port_tx(port, &frame);
    port_flush(port);
    assert_string_equal(steps, "tf");
    assert_int_equal(port->ledger.decided, 2);
    assert_int_equal(port->ledger.accepted.frames, 1);
    assert_int_equal(port->ledger.accepted.segments, 1);
    assert_int_equal(port->ledger.accepted.bytes, 1514);
    assert_int_equal(port->ledger.out_dropped[DROP_TOO_LONG], 1);
}

/* The counters are copied after the backend has brought them up to date. */
static void test_snapshot_is_of_one_moment(void **state)
{
    struct port *port = *state;
    struct ledger_snapshot snapshot;

    memset(&snapshot, 0xa5, sizeof(snapshot));
    port_snapshot(port, &snapshot);
    assert_int_equal(snapshot.held_in, 0);
    assert_int_equal(snapshot.held_out, 5);
    assert_int_equal(snapshot.counters.tp_packets, 9);
    assert_int_equal(port_rings(port).bytes, 3);
}

static void test_busy_port_is_left_alone(void **state)
{
    struct port *port = *state;
    struct ledger_snapshot snapshot;

    port->busy = true;
    port->ledger.decided = 4;
    memset(&snapshot, 0xa5, sizeof(snapshot));
    port_snapshot(port, &snapshot);
    assert_int_equal(snapshot.held_out, 0);
    assert_false(snapshot.has_kernel);
    assert_int_equal(snapshot.counters.tp_packets, 0);
    assert_int_equal(snapshot.counters.decided, 4);
    assert_int_equal(port_rings(port).bytes, 0);
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    char *kept = arg;

    snprintf(kept, 256, "%s: %s", log_level_name(level), line);
}

static void test_states_are_logged_once(void **state)
{
    char line[256] = "";

    log_set_level(LOG_LEVEL_DEBUG);
    log_set_sink(keep_line, line);
    assert_true(port_set_state(*state, PORT_DOWN, "a has no carrier"));
    assert_string_equal(line, "info: port a: waiting -> down: a has no carrier");
    assert_true(port_set_state(*state, PORT_DOWN, "pulled out"));
    assert_string_equal(line, "debug: port a: down: pulled out");
    line[0] = '\0';
    assert_false(port_set_state(*state, PORT_DOWN, "pulled out"));
    assert_string_equal(line, "");
    assert_true(port_set_state(*state, PORT_FORWARDING, ""));
    assert_string_equal(line, "info: port a: down -> forwarding");
    log_set_sink(NULL, NULL);
}

static void test_states_have_names(void **state)
{
    static const char *const names[PORT_N_STATES] = {
        [PORT_WAITING] = "waiting",       [PORT_DOWN] = "down",
        [PORT_BLOCKING] = "blocking",     [PORT_LEARNING] = "learning",
        [PORT_FORWARDING] = "forwarding", [PORT_DISABLED] = "disabled",
        [PORT_ERROR] = "error",
    };

    for (int i = 0; i < PORT_N_STATES; i++)
        assert_string_equal(port_state_name((enum port_state)i), names[i]);
}

static void assert_share(uint32_t n_ports, uint64_t in_use, uint32_t rx_slots, uint32_t tx_slots)
{
    struct port_ring_info share = packet_ring_share(n_ports, in_use);

    assert_int_equal(share.rx_slots, rx_slots);
    assert_int_equal(share.tx_slots, tx_slots);
    assert_int_equal(share.bytes, (uint64_t)(rx_slots + tx_slots) * LIMIT_RING_SLOT);
}

static void test_ring_memory_is_shared_out(void **state)
{
    assert_share(1, 0, 8192, 256);
    assert_share(2, 0, 8192, 256);
    assert_share(64, 0, 1024, 256);
    assert_share(1000, 0, 64, 32);
    assert_share(LIMIT_PORTS, 0, 32, 32);
    /* What open rings leave, and at the end the least that works. */
    assert_share(2, LIMIT_RING_BYTES - (4u << 20), 1024, 256);
    assert_share(2, LIMIT_RING_BYTES, 32, 32);
    assert_share(2, LIMIT_RING_BYTES + 1u, 32, 32);
}

/* One port more at a time, as reloads may add them: only the least sizes go beyond the budget. */
static void test_ring_memory_is_bounded_however_ports_come(void **state)
{
    uint64_t in_use = 0;

    for (uint32_t n = 1; n <= 1000; n++)
        in_use += packet_ring_share(n, in_use).bytes;
    assert_in_range(in_use, LIMIT_RING_BYTES / 2,
                    LIMIT_RING_BYTES + 1000u * (32 + 32) * LIMIT_RING_SLOT);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_begins_waiting),
        TEST(test_comes_up_in_steps),
        TEST(test_closes_what_does_not_come_up),
        TEST(test_too_long_never_reaches_the_backend),
        TEST(test_snapshot_is_of_one_moment),
        TEST(test_busy_port_is_left_alone),
        TEST(test_states_are_logged_once),
        TEST(test_states_have_names),
        TEST(test_ring_memory_is_shared_out),
        TEST(test_ring_memory_is_bounded_however_ports_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
