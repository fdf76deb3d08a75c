/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ringspan/reserved.h"

#define N_ROWS 18

/* IEEE 802.1Q tables 8-1 and 8-2, written out, and Cisco's two; a letter for each preset: Forward
 * or Drop. */
static const struct {
    uint64_t dst;
    enum reserved_protocol protocol;
    char by_preset[RESERVED_N_PRESETS + 1]; /* transparent, all, customer_bridge, provider_bridge */
} rows[N_ROWS] = {
    {0x0180c2000000, RESERVED_STP, "FFDF"},   {0x0180c2000001, RESERVED_PAUSE, "DFDD"},
    {0x0180c2000002, RESERVED_LACP, "FFDD"},  {0x0180c2000003, RESERVED_DOT1X, "FFDD"},
    {0x0180c2000004, RESERVED_OTHER, "FFDD"}, {0x0180c2000005, RESERVED_OTHER, "FFDD"},
    {0x0180c2000006, RESERVED_OTHER, "FFDD"}, {0x0180c2000007, RESERVED_OTHER, "FFDD"},
    {0x0180c2000008, RESERVED_OTHER, "FFDD"}, {0x0180c2000009, RESERVED_OTHER, "FFDD"},
    {0x0180c200000a, RESERVED_OTHER, "FFDD"}, {0x0180c200000b, RESERVED_OTHER, "FFDF"},
    {0x0180c200000c, RESERVED_OTHER, "FFDF"}, {0x0180c200000d, RESERVED_OTHER, "FFDF"},
    {0x0180c200000e, RESERVED_LLDP, "FFDD"},  {0x0180c200000f, RESERVED_OTHER, "FFDF"},
    {0x01000ccccccc, RESERVED_CISCO, "FFFF"}, {0x01000ccccccd, RESERVED_CISCO, "FFFF"},
};

static enum reserved_action action_of(char letter)
{
    return letter == 'F' ? RESERVED_FORWARD : RESERVED_DROP;
}

static enum reserved_action act(const struct reserved_settings *bridge,
                                const struct reserved_settings *port, uint64_t dst)
{
    return reserved_action_of(reserved_policy_of(bridge, port), dst);
}

static void test_each_address_under_each_preset(void **state)
{
    const struct reserved_settings unsaid = reserved_settings_of(RESERVED_N_PRESETS);

    for (int preset = 0; preset < RESERVED_N_PRESETS; preset++) {
        const struct reserved_settings bridge = reserved_settings_of((enum reserved_preset)preset);

        for (size_t i = 0; i < N_ROWS; i++)
            assert_int_equal(act(&bridge, &unsaid, rows[i].dst),
                             action_of(rows[i].by_preset[preset]));
    }
}

/* Every preset of the bridge × every one of the port, or none × each protocol × each action, said
 * by the bridge, the port, both or neither: for all addresses. */
static void check_overrides(enum reserved_protocol protocol, enum reserved_preset of_bridge,
                            enum reserved_preset of_port, int by_bridge, int by_port)
{
    struct reserved_settings bridge = reserved_settings_of(of_bridge);
    struct reserved_settings port = reserved_settings_of(of_port);

    bridge.actions[protocol] = (enum reserved_action)by_bridge;
    port.actions[protocol] = (enum reserved_action)by_port;
    for (size_t i = 0; i < N_ROWS; i++) {
        bool is_meant = rows[i].protocol == protocol;
        int expected;

        if (is_meant && by_port != RESERVED_N_ACTIONS)
            expected = by_port;
        else if (of_port != RESERVED_N_PRESETS)
            expected = (int)action_of(rows[i].by_preset[of_port]);
        else if (is_meant && by_bridge != RESERVED_N_ACTIONS)
            expected = by_bridge;
        else
            expected = (int)action_of(rows[i].by_preset[of_bridge]);
        assert_int_equal(act(&bridge, &port, rows[i].dst), expected);
    }
}

static void test_each_address_under_each_override(void **state)
{
    for (int protocol = 0; protocol < RESERVED_N_PROTOCOLS; protocol++)
        for (int of_bridge = 0; of_bridge < RESERVED_N_PRESETS; of_bridge++)
            for (int of_port = 0; of_port <= RESERVED_N_PRESETS; of_port++)
                for (int actions = 0; actions < 16; actions++)
                    check_overrides((enum reserved_protocol)protocol,
                                    (enum reserved_preset)of_bridge, (enum reserved_preset)of_port,
                                    actions / 4, actions % 4);
}

static void test_the_action_of_a_protocol(void **state)
{
    struct reserved_settings unsaid = reserved_settings_of(RESERVED_N_PRESETS);
    struct reserved_settings bridge = reserved_settings_of(RESERVED_PROVIDER_BRIDGE);
    struct reserved_policy policy = reserved_policy_of(&bridge, &unsaid);

    assert_int_equal(reserved_policy_action(policy, RESERVED_STP), RESERVED_FORWARD);
    assert_int_equal(reserved_policy_action(policy, RESERVED_LLDP), RESERVED_DROP);
    assert_int_equal(reserved_policy_action(policy, RESERVED_CISCO), RESERVED_FORWARD);
    /* Some of them cross. */
    assert_int_equal(reserved_policy_action(policy, RESERVED_OTHER), RESERVED_N_ACTIONS);
    bridge.actions[RESERVED_OTHER] = RESERVED_CONSUME;
    policy = reserved_policy_of(&bridge, &unsaid);
    assert_int_equal(reserved_policy_action(policy, RESERVED_OTHER), RESERVED_CONSUME);
}

static void test_exactly_these_are_reserved(void **state)
{
    static const uint64_t others[] = {
        0x0180c2000010,
        0x0180c2000020,
        0x0180c2000021,
        0x0180c1ffffff,
        0x0180c2010000,
        0x0080c2000000,
        0x01000ccccccb,
        0x01000cccccce,
        0x01000ccdcdcd,
        0x01000cccccc0,
        0x00000ccccccc,
        0xffffffffffff,
        0,
    };

    for (size_t i = 0; i < N_ROWS; i++) {
        assert_true(reserved_is(rows[i].dst));
        assert_int_equal(reserved_protocol_of(rows[i].dst), rows[i].protocol);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_false(reserved_is(others[i]));
        assert_int_equal(reserved_protocol_of(others[i]), RESERVED_N_PROTOCOLS);
    }
}

static void test_reasons(void **state)
{
    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        assert_int_equal(reserved_reason((enum reserved_protocol)i),
                         i == RESERVED_PAUSE ? DROP_MAC_CONTROL : DROP_RESERVED);
}

static void test_settings_are_values(void **state)
{
    struct reserved_settings a = reserved_settings_of(RESERVED_ALL);
    struct reserved_settings b = a;

    assert_true(reserved_settings_are_plain(&a));
    assert_true(reserved_settings_equal(&a, &b));
    b.actions[RESERVED_CISCO] = RESERVED_DROP;
    assert_false(reserved_settings_equal(&a, &b));
    assert_false(reserved_settings_are_plain(&b));
    b = reserved_settings_of(RESERVED_TRANSPARENT);
    assert_false(reserved_settings_equal(&a, &b));
}

static void test_names(void **state)
{
    static const char *const protocols[] = {"stp",  "pause", "lacp", "dot1x",
                                            "lldp", "other", "cisco"};

    assert_string_equal(reserved_preset_name(RESERVED_TRANSPARENT), "transparent");
    assert_string_equal(reserved_preset_name(RESERVED_ALL), "all");
    assert_string_equal(reserved_preset_name(RESERVED_CUSTOMER_BRIDGE), "customer_bridge");
    assert_string_equal(reserved_preset_name(RESERVED_PROVIDER_BRIDGE), "provider_bridge");
    assert_string_equal(reserved_action_name(RESERVED_FORWARD), "forward");
    assert_string_equal(reserved_action_name(RESERVED_DROP), "drop");
    assert_string_equal(reserved_action_name(RESERVED_CONSUME), "consume");
    for (int i = 0; i < RESERVED_N_PROTOCOLS; i++)
        assert_string_equal(reserved_protocol_name((enum reserved_protocol)i), protocols[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_address_under_each_preset),
        cmocka_unit_test(test_each_address_under_each_override),
        cmocka_unit_test(test_the_action_of_a_protocol),
        cmocka_unit_test(test_exactly_these_are_reserved),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_settings_are_values),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
