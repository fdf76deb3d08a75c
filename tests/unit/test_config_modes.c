/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/config.h"
#include "ringspan/config_keys.h"
#include "ringspan/plan.h"

/* Each policy in each mode of a bridge: what has a meaning there, written by hand out of the manual
 * (MODES), and what becomes of the rest. Quotes are single ones here. */

#define TEXT_SIZE 1024

static const struct policy {
    const char *key;
    const char *asks; /* for something; of a port, or of a bridge if there is no `idle` */
    const char *idle; /* what a port has anyway */
    bool in[BRIDGE_N_MODES];
} matrix[] = {
    /* clang-format off */
    {"learning", "'learning':false", "'learning':true", {true, false, false}},
    {"mac_limit", "'mac_limit':{'max':5}", "'mac_limit':null", {true, false, false}},
    {"flood", "'flood':{'unknown_unicast':false}", "'flood':{'unknown_unicast':true}", {true, true, false}},
    {"flood", "'flood':{'multicast':false}", "'flood':{}", {true, true, false}},
    {"flood", "'flood':{'broadcast':false}", "'flood':null", {true, true, false}},
    {"hairpin", "'hairpin':true", "'hairpin':false", {true, true, false}},
    {"isolation_group", "'isolation_group':1", "'isolation_group':null", {true, true, false}},
    {"reserved", "'reserved':'all'", "'reserved':{}", {true, true, false}},
    {"reserved", "'reserved':{'lldp':'drop'}", "'reserved':null", {true, true, false}},
    {"storm_control", "'storm_control':{'broadcast':{'rate':'9pps'}}", "'storm_control':{}", {true, true, false}},
    {"storm_control", "'storm_control':{'multicast':{'rate':'9pps'}}", "'storm_control':null", {true, true, false}},
    {"storm_control", "'storm_control':{'unknown_unicast':{'rate':'9pps'}}", "'storm_control':{}", {true, true, false}},
    {"policing", "'policing':{'ingress':{'rate':'1mbit'}}", "'policing':{}", {true, true, true}},
    {"policing", "'policing':{'egress':{'rate':'1mbit'}}", "'policing':null", {true, true, true}},
    {"reserved", "'reserved':{'lldp':'drop'}", NULL, {true, true, false}},
    {"vlan_aware", "'vlan_aware':true", NULL, {true, true, false}},
    {"fdb.static", "'fdb':{'static':[{'mac':'02:00:00:00:00:01','port':'r1'}]}", NULL, {true, false, false}},
    {"fdb.move_limit", "'fdb':{'move_limit':{'max':5}}", NULL, {true, false, false}},
    {"fdb.max_entries", "'fdb':{'max_entries':16}", NULL, {true, true, true}},
    {"aging_time", "'aging_time':10", NULL, {true, true, true}},
    /* clang-format on */
};

#define N_ROWS (sizeof(matrix) / sizeof(*matrix))

/* What a port does with its interface, and what asks for a VLAN-aware bridge (vlan). */
static const char *const any_mode[] = {
    "type",        "netns", "isolate_host", "qdisc_bypass", "gro",     "owner", "group",
    "admin_state", "vlan",  "mtu",          "speed",        "persist", NULL};

/* Two ports, of which the first has @of_port; a VLAN-aware bridge has VLANs for them. */
static int parse(enum bridge_mode mode, const char *of_bridge, const char *of_port,
                 const char *of_defaults, struct config **ret_config, struct config_report *ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "{'version':1,'bridges':[{'name':'a','mode':'%s'%s%s,'ports':[{'name':'r1'%s%s},"
             "{'name':'r2'}]}],'defaults':{'port':{'vlan':{'mode':'trunk'}%s%s}}}",
             bridge_mode_name(mode), *of_bridge ? "," : "", of_bridge, *of_port ? "," : "", of_port,
             *of_defaults ? "," : "", of_defaults);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return config_parse("text", text, strlen(text), ret_config, ret);
}

static struct config *parse_valid(enum bridge_mode mode, const char *of_bridge, const char *of_port,
                                  const char *of_defaults)
{
    struct config *config = NULL;
    struct config_report report;

    if (parse(mode, of_bridge, of_port, of_defaults, &config, &report) < 0)
        config_report_print(&report, stderr);
    config_report_fini(&report);
    assert_non_null(config);
    return config;
}

static void assert_refused(enum bridge_mode mode, const struct policy *policy)
{
    bool is_of_port = policy->idle != NULL;
    struct config *config = NULL;
    struct config_report report;
    char path[64];

    snprintf(path, sizeof(path), "bridges[0].%s%s", is_of_port ? "ports[0]." : "", policy->key);
    assert_int_equal(parse(mode, is_of_port ? "" : policy->asks, is_of_port ? policy->asks : "", "",
                           &config, &report),
                     -EINVAL);
    assert_int_equal(report.n_errors, 1);
    assert_string_equal(report.errors[0].path, path);
    config_report_fini(&report);
}

static void check(enum bridge_mode mode, const struct policy *policy)
{
    bool is_of_port = policy->idle != NULL;

    if (policy->in[mode])
        config_free(
            parse_valid(mode, is_of_port ? "" : policy->asks, is_of_port ? policy->asks : "", ""));
    else
        assert_refused(mode, policy);
    if (is_of_port)
        config_free(parse_valid(mode, "", policy->idle, ""));
}

static void test_every_policy_in_every_mode(void **state)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        for (unsigned mode = 0; mode < BRIDGE_N_MODES; mode++)
            check((enum bridge_mode)mode, &matrix[i]);
    }
}

/* As many steps as ports that it changes, and one for itself. */
static void test_a_default_is_for_bridges_where_it_means_something(void **state)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        for (unsigned mode = 0; matrix[i].idle && mode < BRIDGE_N_MODES; mode++) {
            struct config *now = parse_valid((enum bridge_mode)mode, "", "", "");
            struct config *next = parse_valid((enum bridge_mode)mode, "", "", matrix[i].asks);
            struct plan plan;

            assert_int_equal(plan_make(now, next, &plan), 0);
            if (matrix[i].in[mode])
                assert_true(plan.n_steps > 1);
            else
                assert_int_equal(plan.n_steps, 1);
            plan_fini(&plan);
            config_free(now);
            config_free(next);
        }
    }
}

static bool is_in_matrix(const char *key)
{
    size_t i = 0;

    while (i < N_ROWS && !(matrix[i].idle && strcmp(matrix[i].key, key) == 0))
        i++;
    return i < N_ROWS;
}

/* Whoever adds a key decides what it means in which mode. */
static void test_no_key_is_forgotten(void **state)
{
    for (uint32_t i = 0; i < config_port_defaults.n_keys; i++) {
        const struct config_key *key = &config_port_defaults.keys[i];
        size_t k = 0;

        while (any_mode[k] && strcmp(any_mode[k], key->name) != 0)
            k++;
        if (key->type != CONFIG_PLANNED && !key->is_own && !any_mode[k] && !is_in_matrix(key->name))
            fail_msg("in which modes does %s have a meaning?", key->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_policy_in_every_mode),
        cmocka_unit_test(test_a_default_is_for_bridges_where_it_means_something),
        cmocka_unit_test(test_no_key_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
