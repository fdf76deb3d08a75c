/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/config.h"

/* Each case is a bridge's keys and a daemon's, and what is warned of, or NULL. Quotes are single
 * ones here. */

static const struct {
    const char *bridge;
    const char *daemon;
    const char *path;
    const char *message;
} cases[] = {
    /* clang-format off */
    {"", "", NULL, NULL},
    {"", "'recorder':{'memory':'1MiB','triggers':['link_down']}", NULL, NULL},
    {"", "'recorder':{'memory':'1MiB','triggers':['link_down','move']}",
     "daemon.recorder.triggers", "\"move\" never freezes it: no bridge limits how often an address may move"},
    {",'fdb':{'move_limit':{'max':5}}", "'recorder':{'memory':'1MiB','triggers':['move']}", NULL, NULL},
    {",'mirror':[{'name':'m','output_vlan':6}]", "", NULL, NULL},
    {",'mirror':[{'name':'m','output_vlan':5}]", "", NULL, NULL},
    {",'mirror':[{'name':'m','output_vlan':6},{'name':'n','output_vlan':7}]", "",
     "bridges[0].mirror[1].output_vlan", "no port of the bridge is in VLAN 7: copies leave by none"},
    {",'mirror':[{'name':'m','from':[{'match':'r?'}],'output_vlan':5}]", "", NULL, NULL},
    {",'mirror':[{'name':'m','from':[{'match':'r?'},{'match':'veth*'}],'output_vlan':5}]", "",
     "bridges[0].mirror[0].from[1].match", "'veth*' matches no port of the bridge"},
    {",'reserved':{'pause':'forward'}", "", "bridges[0].reserved",
     "PAUSE crosses it, and it can have 3 ports: a host that is told to pause stops sending to all of them"},
    /* clang-format on */
};

static void read_case(size_t i, struct config_warnings *ret)
{
    char text[1024];
    struct config_report report;
    struct config *config = NULL;

    snprintf(text, sizeof(text),
             "{'version':1,'bridges':[{'name':'a','vlan_aware':true,'ports':["
             "{'name':'r1','vlan':{'mode':'access','pvid':5}},"
             "{'name':'r2','vlan':{'mode':'trunk','allowed':[6]}},"
             "{'name':'r3','vlan':{'mode':'access','pvid':5}}]%s}],'daemon':{%s}}",
             cases[i].bridge, cases[i].daemon);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    if (config_parse("case.json", text, strlen(text), &config, &report) < 0)
        config_report_print(&report, stderr);
    assert_int_equal(report.n_errors, 0);
    config_report_fini(&report);
    assert_int_equal(config_warn(config, ret), 0);
    config_free(config);
}

static void test_cases(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct config_warnings warnings;

        read_case(i, &warnings);
        assert_int_equal(warnings.n, cases[i].path != NULL);
        if (cases[i].path) {
            assert_string_equal(warnings.list[0].path, cases[i].path);
            assert_string_equal(warnings.list[0].message, cases[i].message);
            assert_true(config_warnings_have(&warnings, &warnings.list[0]));
        }
        config_warnings_fini(&warnings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
