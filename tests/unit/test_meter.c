/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/random.h"
#include "ringspan/meter.h"

#define SECOND UINT64_C(1000000000)

__extension__ typedef __int128 wide;

static struct meter_settings settings_of(const char *rate, const char *burst)
{
    struct meter_settings settings;

    assert_true(rate_parse(rate, &settings.rate));
    assert_true(burst_parse(burst, &settings.burst));
    return settings;
}

static struct meter meter_of(const char *rate, const char *burst, uint64_t now)
{
    struct meter_settings settings = settings_of(rate, burst);
    struct meter meter = {.level = 0};

    meter_set(&meter, &settings, now);
    return meter;
}

static bool offer(struct meter *meter, uint32_t packets, uint32_t bytes, uint64_t now)
{
    const struct meter_charge charge = {.packets = packets, .bytes = bytes, .now = now};

    if (!meter_passes(meter, now))
        return false;
    meter_take(meter, &charge);
    return true;
}

static uint32_t offer_many(struct meter *meter, uint32_t n, uint64_t now)
{
    uint32_t passed = 0;

    while (n-- > 0)
        passed += offer(meter, 1, 60, now);
    return passed;
}

static void test_a_burst_and_then_the_rate(void **state)
{
    struct meter meter = meter_of("1000pps", "10packets", 5 * SECOND);

    assert_int_equal(offer_many(&meter, 100, 5 * SECOND), 10);
    assert_int_equal(offer_many(&meter, 100, 5 * SECOND + 999999), 0);
    assert_int_equal(offer_many(&meter, 100, 5 * SECOND + 1000000), 1);
    assert_int_equal(offer_many(&meter, 100, 5 * SECOND + 4999999), 3);
    assert_int_equal(offer_many(&meter, 100, 5 * SECOND + 5000000), 1);
}

static void test_a_pause_fills_it_up_and_no_more(void **state)
{
    struct meter meter = meter_of("1000pps", "10packets", 0);

    offer_many(&meter, 100, 0);
    assert_int_equal(offer_many(&meter, 100, 10000000 - 1), 9);
    assert_int_equal(offer_many(&meter, 100, 1000 * SECOND), 10);
    assert_int_equal(offer_many(&meter, 100, UINT64_MAX), 10);
}

static void test_bits_are_those_of_the_bytes(void **state)
{
    struct meter meter = meter_of("8kbit", "1000B", 0);

    assert_true(offer(&meter, 1, 1000, 0));
    assert_false(offer(&meter, 1, 1, 0));
    assert_true(offer(&meter, 1, 1, 125000)); /* one bit */
    assert_false(offer(&meter, 1, 1, 125000));
    assert_false(offer(&meter, 1, 1, 1000000)); /* it owed seven, and has none */
    assert_true(offer(&meter, 1, 1, 1125000));
}

/* What is larger than the burst passes when there is anything, and is paid for afterwards. */
static void test_debt(void **state)
{
    struct meter meter = meter_of("100pps", "5packets", 0);

    assert_true(offer(&meter, 45, 65000, 0));
    assert_int_equal(offer_many(&meter, 10, SECOND * 40 / 100), 0);
    assert_int_equal(offer_many(&meter, 10, SECOND * 41 / 100 - 1), 0);
    assert_int_equal(offer_many(&meter, 10, SECOND * 41 / 100), 1);
}

static void test_time_does_not_run_backwards(void **state)
{
    struct meter meter = meter_of("1000pps", "10packets", SECOND);

    assert_int_equal(offer_many(&meter, 10, SECOND), 10);
    assert_int_equal(offer_many(&meter, 10, 0), 0);
    assert_int_equal(offer_many(&meter, 10, SECOND + 1000000), 1);
}

static void test_asking_takes_nothing(void **state)
{
    struct meter meter = meter_of("1000pps", "1packets", 0);
    const struct meter before = meter;

    for (int i = 0; i < 100; i++)
        assert_true(meter_passes(&meter, SECOND));
    assert_memory_equal(&meter, &before, sizeof(meter));
}

static void test_the_same_settings_change_nothing(void **state)
{
    struct meter meter = meter_of("1000pps", "10packets", 0);
    struct meter_settings same = settings_of("1000pps", "10packets");
    struct meter_settings other = settings_of("1000pps", "11packets");

    offer_many(&meter, 10, 0);
    meter_set(&meter, &same, 0);
    assert_false(meter_passes(&meter, 0));
    meter_set(&meter, &other, 0);
    assert_int_equal(offer_many(&meter, 100, 0), 11);
}

/* ---- an exact model of another kind: when the bucket would be full again, in a time so fine that
 * each bit and packet is a whole number of its units ---- */

struct model {
    uint64_t rate;
    wide full; /* the units that an empty bucket takes to fill */
    wide when; /* units since 0 */
};

static bool model_offer(struct model *model, uint64_t cost, uint64_t now)
{
    wide at = (wide)now * model->rate;
    wide when = model->when > at ? model->when : at;

    if (when - at > model->full - (wide)SECOND)
        return false;
    model->when = when + (wide)cost * SECOND;
    return true;
}

static uint64_t random_time(uint64_t *seed, uint64_t bound)
{
    uint32_t part = bound > UINT32_MAX ? UINT32_MAX : (uint32_t)bound;

    return bound / part * random_below(seed, part);
}

static void compare_with_model(const char *rate, const char *burst, uint64_t seed)
{
    struct meter meter = meter_of(rate, burst, 0);
    const bool in_bits = meter.settings.rate.unit == RATE_BITS;
    struct model model = {
        .rate = meter.settings.rate.value,
        .full = (wide)meter.settings.burst.value * (in_bits ? 8 : 1) * SECOND,
    };
    uint64_t gap = 8 * SECOND * (in_bits ? 3000 : 1) / model.rate + 2;
    uint64_t now = 0;
    uint32_t n_passed = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t packets = random_below(&seed, 16) ? 1 : 1 + random_below(&seed, 64);
        uint32_t bytes = packets * (60 + random_below(&seed, 1454));
        bool passes;

        if (random_below(&seed, 4) == 0)
            now += random_time(&seed, gap);
        if (random_below(&seed, 5000) == 0)
            now += random_time(&seed, 1000 * SECOND);
        passes = offer(&meter, packets, bytes, now);
        assert_int_equal(passes, model_offer(&model, in_bits ? bytes * UINT64_C(8) : packets, now));
        n_passed += passes;
    }
    assert_in_range(n_passed, 100, 19999);
}

static void test_against_the_model(void **state)
{
    static const char *const pairs[][2] = {
        {"1pps", "1packets"},       {"3pps", "7packets"}, {"1000pps", "50packets"},
        {"999983pps", "11packets"}, {"7kbit", "1B"},      {"10mbit", "64KiB"},
        {"999999999bit", "3000B"},  {"999gbit", "1500B"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        compare_with_model(pairs[i][0], pairs[i][1], i + 1);
}

/* The largest of everything: nothing overflows, and the sums stay right. */
static void test_extremes(void **state)
{
    struct meter meter = meter_of("999gbit", "999MiB", 0);
    const struct meter_charge largest = {.packets = UINT32_MAX, .bytes = 1u << 26, .now = 0};
    uint32_t n = 0;

    while (meter_passes(&meter, 0) && n < 100) {
        meter_take(&meter, &largest);
        n++;
    }
    assert_int_equal(n, 16); /* 15.6 */
    assert_true(meter_passes(&meter, UINT64_MAX));
    meter_take(&meter, &(struct meter_charge){.bytes = 1, .now = UINT64_MAX});
    assert_int_equal(meter.level, ((INT64_C(999) << 20) - 1) * 8 * (int64_t)SECOND);
}

/* ---- what a frame costs ---- */

static void test_charge(void **state)
{
    static uint8_t bytes[66 + 10000];
    struct frame frame = {.data = bytes, .len = 60};
    struct meter_charge charge = meter_charge_of(&frame, 7);

    assert_int_equal(charge.packets, 1);
    assert_int_equal(charge.bytes, 60);
    assert_int_equal(charge.now, 7);
    assert_int_equal(charge.uses, 0);

    frame_push_tag(&frame, (struct vlan_tag){VLAN_TPID_C, 10});
    assert_int_equal(meter_charge_of(&frame, 0).bytes, 64);

    bytes[34 + 12] = 8 << 4; /* a TCP header of 32 bytes at 34 */
    frame.len = sizeof(bytes);
    frame.vnet = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                         .csum_start = 34,
                                         .csum_offset = 16,
                                         .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                         .gso_size = 1448};
    charge = meter_charge_of(&frame, 0);
    assert_int_equal(charge.packets, 7);
    assert_int_equal(charge.bytes, 10000 + 7 * (66 + 4));
}

/* A header that says that each byte is a segment is not believed without bounds. */
static void test_charge_is_bounded(void **state)
{
    static uint8_t bytes[68 << 10];
    struct frame frame = {.data = bytes,
                          .len = sizeof(bytes),
                          .vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                   .csum_start = 34000,
                                   .csum_offset = 16,
                                   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                   .gso_size = 1}};

    bytes[34000 + 12] = 5 << 4;
    assert_int_equal(meter_charge_of(&frame, 0).bytes, 1 << 26);
}

static void test_ports_take_from_what_is_named(void **state)
{
    struct meter_settings settings[METER_N_USES] = {
        [METER_BROADCAST] = settings_of("1pps", "5packets"),
        [METER_INGRESS] = settings_of("1mbit", "5000B"),
    };
    struct meter_charge charge = {.packets = 1, .bytes = 100, .uses = 1 << METER_INGRESS};
    struct port_meters port = {0};

    port_meters_set(&port, settings, 0);
    assert_true(port_meters_has(&port, METER_BROADCAST));
    assert_false(port_meters_has(&port, METER_MULTICAST));
    assert_false(port_meters_has(&port, METER_EGRESS));
    port_meters_take(&port, &charge);
    assert_int_equal(port.meters[METER_BROADCAST].level, 5 * SECOND);
    assert_int_equal(port.meters[METER_INGRESS].level, 4900 * 8 * SECOND);
    settings[METER_INGRESS] = (struct meter_settings){.rate = {.value = 0}};
    port_meters_set(&port, settings, 0);
    assert_int_equal(port.in_use, 1 << METER_BROADCAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_the_rate),
        cmocka_unit_test(test_a_pause_fills_it_up_and_no_more),
        cmocka_unit_test(test_bits_are_those_of_the_bytes),
        cmocka_unit_test(test_debt),
        cmocka_unit_test(test_time_does_not_run_backwards),
        cmocka_unit_test(test_asking_takes_nothing),
        cmocka_unit_test(test_the_same_settings_change_nothing),
        cmocka_unit_test(test_against_the_model),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_charge),
        cmocka_unit_test(test_charge_is_bounded),
        cmocka_unit_test(test_ports_take_from_what_is_named),
    };

    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
