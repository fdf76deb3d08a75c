/* SPDX-License-Identifier: ISC */
#include "ringspan/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
    "{\"version\":1,\"bridges\":["
    "{\"name\":\"a\",\"ports\":[{\"name\":\"r1\"},{\"name\":\"r2\",\"ifname\":\"eth0\"},"
    "{\"match\":\"r*\"},{\"name\":\"blue\",\"ifname\":\"eth0\",\"netns\":\"blue\"}]},"
    "{\"name\":\"b\",\"ports\":[{\"name\":\"red\",\"ifname\":\"eth0\",\"netns\":\"red\"}]},"
    "{\"name\":\"c\"}]}";

static struct config *config_of(const char *document)
{
    struct config_report report;
    struct config *config = NULL;

    assert_int_equal(config_parse("test", document, strlen(document), &config, &report), 0);
    config_report_fini(&report);
    return config;
}

static void ports_with_names_claim(void **state)
{
    struct config *config = config_of(text);
    struct claims *claims;

    assert_int_equal(claims_new(config, &claims), 0);
    assert_ptr_equal(claims_bridge(claims, NULL, "r1"), &config->bridges[0]);
    assert_ptr_equal(claims_bridge(claims, NULL, "eth0"), &config->bridges[0]);
    assert_ptr_equal(claims_bridge(claims, "blue", "eth0"), &config->bridges[0]);
    assert_ptr_equal(claims_bridge(claims, "red", "eth0"), &config->bridges[1]);
    assert_null(claims_bridge(claims, "green", "eth0"));
    assert_null(claims_bridge(claims, "blue", "r1"));
    assert_null(claims_bridge(claims, NULL, "r2"));
    assert_null(claims_bridge(claims, NULL, ""));
    assert_true(claims_has_name(claims, "r1") && claims_has_name(claims, "r2"));
    assert_true(claims_has_name(claims, "blue") && claims_has_name(claims, "red"));
    assert_false(claims_has_name(claims, "eth0") || claims_has_name(claims, "r*") ||
                 claims_has_name(claims, ""));
    claims_free(claims);
    config_free(config);
}

static void patterns_claim_nothing(void **state)
{
    struct config *config = config_of("{\"version\":1,\"bridges\":[{\"name\":\"a\",\"ports\":["
                                      "{\"match\":\"*\"}]}]}");
    struct claims *claims;

    assert_int_equal(claims_new(config, &claims), 0);
    assert_null(claims_bridge(claims, NULL, "r1"));
    assert_null(claims_bridge(claims, NULL, ""));
    assert_false(claims_has_name(claims, "") || claims_has_name(claims, "*"));
    claims_free(claims);
    claims_free(NULL);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_with_names_claim),
        cmocka_unit_test(patterns_claim_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
