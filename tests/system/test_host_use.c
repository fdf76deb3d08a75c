/* SPDX-License-Identifier: ISC */
#include <net/if.h>
#include <stdlib.h>

#include "packet_fixture.h"
#include "ringspan/host_use.h"

static int set_up_cable(void **state)
{
    run("ip link add p0 type veth peer name " PEER);
    run("sysctl -qw net.ipv6.conf.p0.disable_ipv6=0 net.ipv6.conf." PEER ".disable_ipv6=1");
    bring_cable_up();
    return 0;
}

static int tear_down_cable(void **state)
{
    return system("ip link del p0 2>/dev/null; true");
}

static void expect_use(const char *use)
{
    char found[HOST_USE_SIZE] = "";

    assert_int_equal(host_use_find(if_nametoindex("p0"), found), *use != '\0');
    assert_string_equal(found, use);
    assert_int_equal(host_use_find(if_nametoindex(PEER), found), 0);
}

static void nothing_but_what_the_kernel_gives(void **state)
{
    run("timeout 10 sh -c 'until ip -6 address show dev p0 | grep -q fe80; do :; done'");
    expect_use("");
}

static void addresses(void **state)
{
    run("ip address add 192.0.2.1/24 dev p0");
    expect_use("carries 192.0.2.1/24");
    run("ip address del 192.0.2.1/24 dev p0");
    expect_use("");
    run("ip address add 192.0.2.1 peer 192.0.2.7/32 dev p0");
    expect_use("carries 192.0.2.1/32");
    run("ip address flush dev p0");
    run("ip address add 2001:db8::1/64 dev p0");
    expect_use("carries 2001:db8::1/64");
}

/* With others beside it that are not default, and among more routes than one answer holds. */
static void default_routes(void **state)
{
    run("for i in $(seq 0 999); do echo route add 10.$((i / 250)).$((i %% 250)).0/24 dev p0; done |"
        " ip -batch -");
    expect_use("");
    run("ip route add default dev p0 table 77");
    expect_use("carries the default route");
    run("ip route del default dev p0 table 77");
    expect_use("");
    run("ip -6 route add default dev p0");
    expect_use("carries the default route");
    run("ip -6 route del default dev p0");
    run("ip route add default nexthop dev p0 nexthop dev lo");
    expect_use("carries the default route");
}

static void no_such_device(void **state)
{
    char found[HOST_USE_SIZE];

    assert_int_equal(host_use_find(99999, found), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_but_what_the_kernel_gives, set_up_cable,
                                        tear_down_cable),
        cmocka_unit_test_setup_teardown(addresses, set_up_cable, tear_down_cable),
        cmocka_unit_test_setup_teardown(default_routes, set_up_cable, tear_down_cable),
        cmocka_unit_test(no_such_device),
    };
    int skip = enter_namespace();

    if (skip == 0)
        run("ip link set lo up");
    return skip ? skip : cmocka_run_group_tests(tests, NULL, NULL);
}
