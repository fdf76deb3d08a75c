/* SPDX-License-Identifier: ISC */
#include "ringspan/mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void first_byte_is_the_highest(void **state)
{
    /* One byte in front, so that the address is unaligned. */
    static const uint8_t bytes[] = {0xff, 0x02, 0x34, 0x56, 0x78, 0x9a, 0xbc};
    uint8_t out[6];

    assert_int_equal(mac_load(bytes + 1), UINT64_C(0x023456789abc));
    mac_store(UINT64_C(0x023456789abc), out);
    assert_memory_equal(out, bytes + 1, 6);
}

static void group_is_the_low_bit_of_the_first_byte(void **state)
{
    assert_true(mac_is_group(MAC_BROADCAST));
    assert_true(mac_is_group(UINT64_C(0x0180c2000000)));
    assert_true(mac_is_group(UINT64_C(0x333300000001)));
    assert_false(mac_is_group(UINT64_C(0x020000000001)));
    assert_false(mac_is_group(UINT64_C(0xfeffffffffff)));
    assert_false(mac_is_group(0));
}

static void formats_in_lower_case(void **state)
{
    char string[MAC_STRING_SIZE];

    assert_ptr_equal(mac_format(UINT64_C(0x02abcdef0009), string), string);
    assert_string_equal(string, "02:ab:cd:ef:00:09");
}

static void parses_any_case(void **state)
{
    uint64_t mac;

    assert_true(mac_parse("02:aB:Cd:eF:00:19", &mac));
    assert_int_equal(mac, UINT64_C(0x02abcdef0019));
    assert_true(mac_parse("ff:ff:ff:ff:ff:ff", &mac));
    assert_int_equal(mac, MAC_BROADCAST);
}

static void refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "02",
        "02:00:00:00:00",
        "02:00:00:00:00:0",
        "02:00:00:00:00:01:",
        "02:00:00:00:00:01 ",
        " 02:00:00:00:00:01",
        "2:0:0:0:0:1",
        "02-00-00-00-00-01",
        "0200.0000.0001",
        "020000000001",
        "02:00:00:00:00:0g",
        "02:00:00:00:00::1",
        "+2:00:00:00:00:01",
        "02:00:00:00:0x:01",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t mac = 42;

        assert_false(mac_parse(bad[i], &mac));
        assert_int_equal(mac, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_byte_is_the_highest),
        cmocka_unit_test(group_is_the_low_bit_of_the_first_byte),
        cmocka_unit_test(formats_in_lower_case),
        cmocka_unit_test(parses_any_case),
        cmocka_unit_test(refuses_everything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
