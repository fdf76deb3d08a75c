/* SPDX-License-Identifier: ISC */
#include "ringspan/reconcile.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ETHER    .ifindex = 5, .mtu = 1500, .type = ARPHRD_ETHER, .ifname = "r1"
#define LOOPBACK .ifindex = 1, .mtu = 65536, .type = ARPHRD_LOOPBACK, .ifname = "r1"

static const struct link bridge0 = {.ifindex = 9, .type = ARPHRD_ETHER, .ifname = "br0"};

/* The table in reconcile.h, and where its lines meet. */
static const struct {
    const char *what;
    bool exists;
    struct link link;
    const struct link *master;
    enum port_state state;
    uint32_t ifindex;
    const char *why;
} rows[] = {
    {"missing", false, {0}, NULL, PORT_WAITING, 0, "no interface named r1"},
    {"loopback",
     true,
     {LOOPBACK, .flags = IFF_UP | IFF_LOOPBACK, .carrier = true},
     NULL,
     PORT_ERROR,
     0,
     "r1 is not an Ethernet interface"},
    {"tun",
     true,
     {.ifindex = 5, .type = ARPHRD_NONE, .flags = IFF_UP, .carrier = true},
     NULL,
     PORT_ERROR,
     0,
     "r1 is not an Ethernet interface"},
    {"Ethernet that loops back",
     true,
     {ETHER, .flags = IFF_UP | IFF_LOOPBACK, .carrier = true},
     NULL,
     PORT_ERROR,
     0,
     "r1 is not an Ethernet interface"},
    {"enslaved",
     true,
     {ETHER, .flags = IFF_UP, .carrier = true, .master = 9},
     &bridge0,
     PORT_ERROR,
     0,
     "enslaved to br0 (ip link set r1 nomaster)"},
    {"enslaved to the unseen",
     true,
     {ETHER, .flags = IFF_UP, .carrier = true, .master = 9},
     NULL,
     PORT_ERROR,
     0,
     "enslaved to another device (ip link set r1 nomaster)"},
    {"enslaved and down",
     true,
     {ETHER, .master = 9},
     &bridge0,
     PORT_ERROR,
     0,
     "enslaved to br0 (ip link set r1 nomaster)"},
    {"not Ethernet, enslaved, down",
     true,
     {.ifindex = 5, .type = ARPHRD_NONE, .master = 9},
     &bridge0,
     PORT_ERROR,
     0,
     "r1 is not an Ethernet interface"},
    {"down", true, {ETHER}, NULL, PORT_DOWN, 5, "r1 is administratively down (ip link set r1 up)"},
    {"down, carrier left over",
     true,
     {ETHER, .carrier = true},
     NULL,
     PORT_DOWN,
     5,
     "r1 is administratively down (ip link set r1 up)"},
    {"no carrier", true, {ETHER, .flags = IFF_UP}, NULL, PORT_DOWN, 5, "r1 has no carrier"},
    {"ready", true, {ETHER, .flags = IFF_UP, .carrier = true}, NULL, PORT_FORWARDING, 5, ""},
};

static void test_each_line_of_the_table(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct port_target target;

        memset(&target, 0xa5, sizeof(target));
        reconcile_port("r1", NULL, rows[i].exists ? &rows[i].link : NULL, rows[i].master, &target);
        if (target.state != rows[i].state || target.ifindex != rows[i].ifindex ||
            strcmp(target.why, rows[i].why) != 0)
            fail_msg("%s: %s, bound to %u: '%s'", rows[i].what, port_state_name(target.state),
                     target.ifindex, target.why);
        assert_int_equal(target.mtu, rows[i].exists ? rows[i].link.mtu : 0);
    }
}

#define TAP ETHER, .kind = "tun"

static const struct link renamed = {
    .ifindex = 7, .type = ARPHRD_ETHER, .kind = "tun", .ifname = "r9"};

/* The table of tap ports. */
static const struct {
    const char *what;
    bool exists;
    struct link link;
    const struct link *ours;
    enum port_state state;
    bool makes_device;
    uint32_t ifindex;
    const char *why;
} tap_rows[] = {
    {"missing", false, {0}, NULL, PORT_WAITING, true, 0, "the tap r1 is being made"},
    {"renamed",
     false,
     {0},
     &renamed,
     PORT_WAITING,
     false,
     0,
     "its tap is called r9 now (ip link set r9 name r1)"},
    {"a veth",
     true,
     {ETHER, .flags = IFF_UP, .carrier = true, .kind = "veth"},
     NULL,
     PORT_ERROR,
     false,
     0,
     "r1 exists and is not a tap (kind veth)"},
    {"hardware that is down",
     true,
     {ETHER},
     NULL,
     PORT_ERROR,
     false,
     0,
     "r1 exists and is not a tap"},
    {"a tun",
     true,
     {.ifindex = 5, .type = ARPHRD_NONE, .flags = IFF_UP, .carrier = true, .kind = "tun"},
     NULL,
     PORT_ERROR,
     false,
     0,
     "r1 exists and is not a tap but a tun (layer 3)"},
    {"a stranger has the name of ours, which was renamed",
     true,
     {ETHER, .flags = IFF_UP, .kind = "veth"},
     &renamed,
     PORT_ERROR,
     false,
     0,
     "r1 exists and is not a tap (kind veth)"},
    {"enslaved",
     true,
     {TAP, .flags = IFF_UP, .carrier = true, .master = 9},
     NULL,
     PORT_ERROR,
     false,
     0,
     "enslaved to another device (ip link set r1 nomaster)"},
    {"down",
     true,
     {TAP},
     NULL,
     PORT_DOWN,
     false,
     5,
     "r1 is administratively down (ip link set r1 up)"},
    {"not opened",
     true,
     {TAP, .flags = IFF_UP},
     NULL,
     PORT_DOWN,
     false,
     5,
     "r1 has no carrier: nobody has opened the tap"},
    {"opened", true, {TAP, .flags = IFF_UP, .carrier = true}, NULL, PORT_FORWARDING, false, 5, ""},
};

static void test_each_line_of_the_taps_table(void **state)
{
    for (size_t i = 0; i < sizeof(tap_rows) / sizeof(tap_rows[0]); i++) {
        struct port_target target;

        memset(&target, 0xa5, sizeof(target));
        reconcile_tap("r1", NULL, tap_rows[i].exists ? &tap_rows[i].link : NULL, NULL,
                      tap_rows[i].ours, &target);
        if (target.state != tap_rows[i].state || target.ifindex != tap_rows[i].ifindex ||
            target.makes_device != tap_rows[i].makes_device ||
            strcmp(target.why, tap_rows[i].why) != 0)
            fail_msg("%s: %s, bound to %u: '%s'", tap_rows[i].what, port_state_name(target.state),
                     target.ifindex, target.why);
    }
}

static void test_longest_names_fit(void **state)
{
    static const char name[] = "fifteen-letters";
    struct link link = {ETHER, .master = 9};
    struct link master = {.ifindex = 9, .ifname = "masters-of-none"};
    struct port_target target;

    reconcile_port(name, NULL, &link, &master, &target);
    assert_string_equal(target.why,
                        "enslaved to masters-of-none (ip link set fifteen-letters nomaster)");
    link.master = 0;
    reconcile_port(name, NULL, &link, NULL, &target);
    assert_string_equal(target.why, "fifteen-letters is administratively down "
                                    "(ip link set fifteen-letters up)");
}

/* Whatever the interface is like; it is bound as it would be. */
static void test_asked_to_be_down(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct port_target target;

        reconcile_port("r1", NULL, rows[i].exists ? &rows[i].link : NULL, rows[i].master, &target);
        reconcile_disabled("p1", &target);
        assert_int_equal(target.state, PORT_DISABLED);
        assert_int_equal(target.ifindex, rows[i].ifindex);
        assert_string_equal(target.why, "asked to be down (ringspan port set p1 up)");
    }
}

/* A command that people can paste. */
static void test_reasons_say_where(void **state)
{
    struct link link = {ETHER, .master = 9};
    struct port_target target;

    reconcile_port("eth0", "blue", NULL, NULL, &target);
    assert_string_equal(target.why, "no interface named eth0 in blue");
    reconcile_port("eth0", "blue", &link, NULL, &target);
    assert_string_equal(target.why,
                        "enslaved to another device (ip -n blue link set eth0 nomaster)");
    link.master = 0;
    reconcile_port("eth0", "/proc/7/ns/net", &link, NULL, &target);
    assert_string_equal(target.why, "eth0 is administratively down "
                                    "(nsenter --net=/proc/7/ns/net ip link set eth0 up)");
    reconcile_port("eth0", "one-whose-name-is-longer-than-anybody-would-ever-type-again", &link,
                   NULL, &target);
    assert_string_equal(target.why, "eth0 is administratively down (there, ip link set eth0 up)");
}

static enum port_step step(uint32_t bound, uint32_t wanted)
{
    const struct port_target target = {.ifindex = wanted};

    return reconcile_step((struct port_position){.bound = bound}, &target);
}

static enum port_step step_from_elsewhere(uint32_t bound, uint32_t wanted)
{
    const struct port_target target = {.ifindex = wanted};

    return reconcile_step((struct port_position){.bound = bound, .is_elsewhere = true}, &target);
}

static void test_steps(void **state)
{
    struct port_target target = {0};

    assert_int_equal(step(0, 0), PORT_STEP_NONE);
    assert_int_equal(step(5, 5), PORT_STEP_NONE);
    assert_int_equal(step(0, 5), PORT_STEP_ATTACH);
    assert_int_equal(step(5, 0), PORT_STEP_DETACH);
    /* Deleted and made again, or renamed: first let go, then look again. */
    assert_int_equal(step(5, 6), PORT_STEP_DETACH);
    /* A tap: first let go of what is gone, then make another. */
    target.makes_device = true;
    assert_int_equal(reconcile_step((struct port_position){.bound = 5}, &target), PORT_STEP_DETACH);
    assert_int_equal(reconcile_step((struct port_position){.bound = 0}, &target), PORT_STEP_MAKE);
    assert_int_equal(reconcile_step((struct port_position){.is_elsewhere = true}, &target),
                     PORT_STEP_CLOSE);
}

/* Equal numbers in two namespaces are two interfaces; and no socket keeps a namespace alive. */
static void test_steps_to_another_namespace(void **state)
{
    assert_int_equal(step_from_elsewhere(5, 5), PORT_STEP_DETACH);
    assert_int_equal(step_from_elsewhere(5, 0), PORT_STEP_DETACH);
    assert_int_equal(step_from_elsewhere(0, 5), PORT_STEP_CLOSE);
    assert_int_equal(step_from_elsewhere(0, 0), PORT_STEP_CLOSE);
}

static void test_what_may_match(void **state)
{
    static const struct link down = {ETHER};
    static const struct link up = {ETHER, .flags = IFF_UP, .carrier = true};
    static const struct link enslaved = {ETHER, .flags = IFF_UP, .master = 9};
    static const struct link loopback = {LOOPBACK, .flags = IFF_UP | IFF_LOOPBACK};
    static const struct link odd = {ETHER, .flags = IFF_LOOPBACK};
    static const struct link tun = {.ifindex = 5, .type = ARPHRD_NONE, .ifname = "r1"};

    assert_true(reconcile_may_match(&down) && reconcile_may_match(&up));
    assert_false(reconcile_may_match(&enslaved));
    assert_false(reconcile_may_match(&loopback) || reconcile_may_match(&odd));
    assert_false(reconcile_may_match(&tun));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_of_the_table),
        cmocka_unit_test(test_each_line_of_the_taps_table),
        cmocka_unit_test(test_longest_names_fit),
        cmocka_unit_test(test_reasons_say_where),
        cmocka_unit_test(test_asked_to_be_down),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_steps_to_another_namespace),
        cmocka_unit_test(test_what_may_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
