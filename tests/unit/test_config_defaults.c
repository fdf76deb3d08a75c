/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/byte_queue.h"
#include "ringspan/config.h"
#include "ringspan/config_keys.h"
#include "ringspan/config_print.h"
#include "ringspan/plan.h"

/* "defaults.port" fills ports in. Quotes are single ones here. */

#define TEXT_SIZE 4096

static int parse_text(const char *text, struct config **ret_config, struct config_report *ret)
{
    char json[TEXT_SIZE];
    size_t len = strlen(text);

    assert_true(len < sizeof(json));
    for (size_t i = 0; i <= len; i++)
        json[i] = text[i] == '\'' ? '"' : text[i];
    return config_parse("text", json, len, ret_config, ret);
}

static struct config *parse(const char *text)
{
    struct config *config = NULL;
    struct config_report report;
    int r = parse_text(text, &config, &report);

    if (r < 0)
        config_report_print(&report, stderr);
    config_report_fini(&report);
    assert_int_equal(r, 0);
    return config;
}

/* @defaults and @ports, both as they stand in the text. */
static struct config *parse_ports(const char *defaults, const char *ports)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "{'version':1,'bridges':[{'name':'a','ports':[%s]}],'defaults':{'port':{%s}}}", ports,
             defaults);
    return parse(text);
}

static char *print(const struct config *config)
{
    struct json_writer writer;
    struct byte_queue out;
    char *text;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    config_print(&writer, config);
    text = strndup(byte_queue_data(&out), out.len);
    byte_queue_fini(&out);
    return text;
}

static void test_what_a_port_does_not_say(void **state)
{
    struct config *config =
        parse_ports("'admin_state':'down','qdisc_bypass':true,'netns':'red'",
                    "{'name':'r1'},{'name':'r2','admin_state':'up','qdisc_bypass':false,"
                    "'netns':'blue'},{'match':'veth-*'}");
    const struct config_port *ports = config->bridges[0].ports;

    assert_int_equal(ports[0].admin_state, PORT_ADMIN_DOWN);
    assert_true(ports[0].qdisc_bypass);
    assert_string_equal(ports[0].netns, "red");
    assert_int_equal(ports[1].admin_state, PORT_ADMIN_UP);
    assert_false(ports[1].qdisc_bypass);
    assert_string_equal(ports[1].netns, "blue");
    assert_int_equal(ports[2].admin_state, PORT_ADMIN_DOWN);
    assert_string_equal(ports[2].netns, "red");
    config_free(config);
}

static void test_the_order_of_the_text_says_nothing(void **state)
{
    struct config *config = parse("{'defaults':{'port':{'admin_state':'down'}},'bridges':[{"
                                  "'ports':[{'name':'r1'}],'name':'a'}],'version':1}");

    assert_int_equal(config->bridges[0].ports[0].admin_state, PORT_ADMIN_DOWN);
    config_free(config);
}

static void test_each_port_has_its_own_copy(void **state)
{
    struct config *config = parse_ports("'netns':'red'", "{'name':'r1'},{'name':'r2'}");
    const struct config_port *ports = config->bridges[0].ports;

    assert_ptr_not_equal(ports[0].netns, ports[1].netns);
    assert_ptr_not_equal(ports[0].netns, config->defaults.port.port.netns);
    config_free(config);
}

static void test_what_is_for_taps_alone(void **state)
{
    struct config *config = parse_ports("'mtu':9000,'owner':'lab','persist':false",
                                        "{'name':'r1'},{'name':'t1','type':'tap'},"
                                        "{'name':'t2','type':'tap','mtu':1400,'persist':true}");
    const struct config_port *ports = config->bridges[0].ports;

    assert_int_equal(ports[0].mtu, 0);
    assert_null(ports[0].owner);
    assert_true(ports[0].persist);
    assert_int_equal(ports[1].mtu, 9000);
    assert_string_equal(ports[1].owner, "lab");
    assert_false(ports[1].persist);
    assert_int_equal(ports[2].mtu, 1400);
    assert_true(ports[2].persist);
    config_free(config);
}

/* A pattern makes no taps, and a port that says what it is need not be one. */
static void test_the_type(void **state)
{
    struct config *config =
        parse_ports("'type':'tap','mtu':9000",
                    "{'name':'t1','speed':10},{'name':'r1','type':'netdev'},{'match':'veth-*'}");
    const struct config_port *ports = config->bridges[0].ports;

    assert_int_equal(ports[0].type, CONFIG_PORT_TAP);
    assert_int_equal(ports[0].mtu, 9000);
    assert_int_equal(ports[0].speed, 10);
    assert_int_equal(ports[1].type, CONFIG_PORT_NETDEV);
    assert_int_equal(ports[1].mtu, 0);
    assert_int_equal(ports[2].type, CONFIG_PORT_NETDEV);
    config_free(config);
}

/* An object is a value as a whole, and a bridge that has no VLANs gets none. */
static void test_vlans(void **state)
{
    struct config *config = parse(
        "{'version':1,'defaults':{'port':{'vlan':{'mode':'access','pvid':7,'description':'d'}}},"
        " 'bridges':[{'name':'a','ports':[{'name':'r1'},"
        "  {'name':'r2','vlan':{'mode':'trunk','allowed':[5]}},{'name':'r3'}],'vlan_aware':true},"
        "  {'name':'b','ports':[{'name':'r4'}]}]}");
    const struct config_port *ports = config->bridges[0].ports;

    assert_int_equal(ports[0].vlan.mode, VLAN_MODE_ACCESS);
    assert_int_equal(ports[0].vlan.pvid, 7);
    assert_string_equal(ports[0].vlan_description, "d");
    assert_int_equal(ports[1].vlan.mode, VLAN_MODE_TRUNK);
    assert_int_equal(ports[1].vlan.pvid, VID_NONE);
    assert_null(ports[1].vlan_description);
    assert_int_equal(ports[2].vlan.pvid, 7);
    assert_int_equal(config->bridges[1].ports[0].vlan.mode, VLAN_MODE_NONE);
    config_free(config);
}

/* The nearest one decides: the port, its bridge, the defaults. A default is nobody's word about an
 * uplink. */
static void test_isolation(void **state)
{
    struct config *config =
        parse("{'version':1,'defaults':{'port':{'isolate_host':false}},'bridges':["
              " {'name':'a','ports':[{'name':'r1'},{'name':'r2','isolate_host':true}]},"
              " {'name':'b','isolate_host':true,'ports':[{'name':'r3'}]}]}");
    const struct config_port *ports = config->bridges[0].ports;

    assert_false(ports[0].isolate_host);
    assert_false(ports[0].isolate_host_is_asked);
    assert_true(ports[1].isolate_host);
    assert_true(ports[1].isolate_host_is_asked);
    assert_true(config->bridges[1].ports[0].isolate_host);
    config_free(config);
}

static void test_a_description_is_about_the_defaults(void **state)
{
    struct config *config = parse_ports("'description':'d'", "{'name':'r1'}");

    assert_string_equal(config->defaults.port.port.description, "d");
    assert_null(config->bridges[0].ports[0].description);
    config_free(config);
}

/* Other than a port has by itself: what of it a port has that says null can be seen. */
static const char all_defaults[] =
    "'type':'tap','netns':'red','isolate_host':false,'qdisc_bypass':true,'admin_state':'down',"
    "'reserved':'all','vlan':{'mode':'access','pvid':7},'learning':false,"
    "'flood':{'broadcast':false},'hairpin':true,'isolation_group':7,'mac_limit':{'max':1},"
    "'storm_control':{'broadcast':{'rate':'1pps'}},'policing':{'ingress':{'rate':'1pps'}},"
    "'owner':'1','group':'1','mtu':70,'speed':1,'persist':false";

/* A port that says null of every key of which it may. */
static void write_nulls(char *text, size_t size, const char *more)
{
    size_t len = (size_t)snprintf(text, size, "{'name':'r1'%s", more);

    for (uint32_t i = 0; i < config_port.n_keys; i++) {
        const struct config_key *key = &config_port.keys[i];

        if (config_key_can_be_none(&config_port, key) && !strstr(more, key->name))
            len += (size_t)snprintf(text + len, size - len, ",'%s':null", key->name);
    }
    snprintf(text + len, size - len, "}");
}

/* The ports are the same. */
static void assert_defaults_differ_alone(const struct config *now, const struct config *next,
                                         uint32_t n_steps)
{
    struct plan plan;

    assert_int_equal(plan_make(now, next, &plan), 0);
    assert_int_equal(plan.n_steps, n_steps);
    if (n_steps > 0)
        assert_string_equal(plan.steps[0].key, "defaults.port");
    plan_fini(&plan);
}

/* Null of all: what the port is without defaults, and that is what is printed. */
static void check_nulls(const char *more)
{
    char nulls[TEXT_SIZE / 2];
    char plain[TEXT_SIZE / 2];
    struct config *with;
    struct config *without;
    struct config *again;
    char *text;

    write_nulls(nulls, sizeof(nulls), more);
    snprintf(plain, sizeof(plain), "{'name':'r1'%s}", more);
    with = parse_ports(all_defaults, nulls);
    without = parse_ports("", plain);
    text = print(with);
    again = parse(text);
    assert_defaults_differ_alone(with, again, 0);
    assert_defaults_differ_alone(with, without, 1);
    config_free(again);
    config_free(without);
    config_free(with);
    free(text);
}

static void test_null_is_stronger_than_a_default(void **state)
{
    check_nulls("");
    check_nulls(",'type':'tap'");
}

/* What is printed has what was written as defaults, nothing else of it, and means the same. */
static void test_printed(void **state)
{
    struct config *config = parse_ports(
        "'type':'tap','mtu':9000,'isolate_host':false,'vlan':{'mode':'access','pvid':7}",
        "{'name':'t1'},{'name':'r1','type':'netdev'},{'match':'veth-*'}");
    char *text = print(config);
    struct config *again = parse(text);
    char *printed = print(again);
    const char *defaults = strstr(text, "\"defaults\"");
    struct plan plan;

    assert_string_equal(printed, text);
    assert_non_null(defaults);
    assert_non_null(strstr(defaults, "\"mtu\":9000"));
    assert_non_null(strstr(defaults, "\"isolate_host\":false"));
    assert_non_null(strstr(defaults, "\"pvid\":7"));
    assert_null(strstr(defaults, "\"persist\""));
    assert_null(strstr(defaults, "\"admin_state\""));
    assert_int_equal(plan_make(config, again, &plan), 0);
    assert_int_equal(plan.n_steps, 0);
    plan_fini(&plan);
    free(printed);
    free(text);
    config_free(again);
    config_free(config);
}

static void test_no_defaults_are_not_printed(void **state)
{
    struct config *config = parse_ports("", "{'name':'r1'}");
    char *text = print(config);

    assert_null(strstr(text, "defaults"));
    free(text);
    config_free(config);
}

static void assert_steps(const char *defaults, const char *other, const char *keys)
{
    struct config *now = parse_ports(defaults, "{'name':'r1'},{'name':'r2','admin_state':'up'}");
    struct config *next = parse_ports(other, "{'name':'r1'},{'name':'r2','admin_state':'up'}");
    char found[256] = "";
    struct plan plan;

    assert_int_equal(plan_make(now, next, &plan), 0);
    for (uint32_t i = 0; i < plan.n_steps; i++) {
        size_t len = strlen(found);

        snprintf(found + len, sizeof(found) - len, "%s:%s ",
                 plan.steps[i].port ? plan.steps[i].port : "", plan.steps[i].key);
    }
    assert_string_equal(found, keys);
    plan_fini(&plan);
    config_free(now);
    config_free(next);
}

static void test_steps(void **state)
{
    assert_steps("", "'admin_state':'down'", ":defaults.port r1:admin_state ");
    assert_steps("'admin_state':'down'", "'admin_state':'up'", ":defaults.port r1:admin_state ");
    assert_steps("", "'admin_state':'up'", ":defaults.port ");
    assert_steps("'mtu':1500", "'mtu':1500", "");
    assert_steps("'netns':'red'", "'netns':'red'", "");
    assert_steps("'mtu':1500", "'mtu':9000", ":defaults.port ");
    assert_steps("'description':'a'", "'description':'b'", ":defaults.port ");
}

static void test_a_copy_has_them(void **state)
{
    struct config *config = parse_ports("'netns':'red','mtu':9000", "{'name':'r1'}");
    struct config *copy;
    char *text = print(config);
    char *printed;

    assert_int_equal(config_clone(config, &copy), 0);
    assert_true(config_same_defaults(config, copy));
    config_free(config);
    printed = print(copy);
    assert_string_equal(printed, text);
    free(printed);
    free(text);
    config_free(copy);
}

/* One mistake is one error, however many ports there are. */
static void test_a_mistake_is_reported_once(void **state)
{
    struct config *config = NULL;
    struct config_report report;

    assert_int_equal(
        parse_text("{'version':1,'bridges':[{'name':'a','vlan_aware':true,'ports':[{'name':'r1'},"
                   "{'name':'r2'}]}],'defaults':{'port':{'vlan':{'mode':'access'}}}}",
                   &config, &report),
        -EINVAL);
    assert_null(config);
    assert_int_equal(report.n_errors, 1);
    assert_string_equal(report.errors[0].path, "defaults.port.vlan");
    assert_string_equal(report.errors[0].message, "the mode 'access' needs the key 'pvid'");
    config_report_fini(&report);
}

/* Every key that can have a default is a row of a port, and none that tells ports apart is. */
static void test_the_table(void **state)
{
    static const char *const individual[] = {"name", "ifname", "match", "max", "mac", "translate"};

    for (uint32_t i = 0; i < config_port_defaults.n_keys; i++) {
        const struct config_key *key = &config_port_defaults.keys[i];

        assert_ptr_equal(config_key_find(&config_port, key->name), key);
    }
    for (size_t i = 0; i < sizeof(individual) / sizeof(*individual); i++) {
        assert_non_null(config_key_find(&config_port, individual[i]));
        assert_null(config_key_find(&config_port_defaults, individual[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_port_does_not_say),
        cmocka_unit_test(test_the_order_of_the_text_says_nothing),
        cmocka_unit_test(test_each_port_has_its_own_copy),
        cmocka_unit_test(test_what_is_for_taps_alone),
        cmocka_unit_test(test_the_type),
        cmocka_unit_test(test_vlans),
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_a_description_is_about_the_defaults),
        cmocka_unit_test(test_null_is_stronger_than_a_default),
        cmocka_unit_test(test_printed),
        cmocka_unit_test(test_no_defaults_are_not_printed),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_a_copy_has_them),
        cmocka_unit_test(test_a_mistake_is_reported_once),
        cmocka_unit_test(test_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
