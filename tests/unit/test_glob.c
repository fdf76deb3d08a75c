/* SPDX-License-Identifier: ISC */
#include "ringspan/glob.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/random.h"

static const struct {
    const char *pattern;
    const char *matches; /* names, each with a blank behind it */
    const char *others;
} rows[] = {
    {"veth-*", "veth- veth-1 veth-a-b veth-* ", "veth veth1 xveth-1 Veth-1 "},
    {"*", "a * [ ", ""},
    {"**", "a ab ", ""},
    {"*-h?", "a-h1 -h2 a-h-h3 ", "a-h -h a-h12 a-h1x "},
    {"?", "a ? * ", "ab "},
    {"p[0-9]", "p0 p5 p9 ", "p p10 pa p- P0 "},
    {"p[0-9][0-9]*", "p10 p123 p00x ", "p1 px1 p1x "},
    {"[!a-c]x", "dx !x -x ", "ax bx cx x xx1 "},
    {"[^ab]", "c ^ ", "a b "},
    {"[]a]", "] a ", "[ b []a] "},
    {"[!]]", "a [ ", "] "},
    {"[-a]", "- a ", "b "},
    {"[a-]", "- a ", "b "},
    {"[*]", "* ", "a ** "},
    {"[[]", "[ ", "a [[] "},
    {"a*b*c", "abc aXbYc abbc abcc ", "ab ac acb abcd "},
    {"a*a*a*a*b", "aaaab aaaaab ", "aaaaaaaaaaaaaa aaab "},
    {"eth[ab", "", "eth eth[ab etha "},
    {"\\*", "\\ \\a ", "* a "},
    {"[\xc3\xa4]?", "\xc3\xa4 ", "ab "},
};

static bool is_in(const char *pattern, const char *names, size_t n)
{
    char name[32];

    assert_true(n < sizeof(name));
    memcpy(name, names, n);
    name[n] = '\0';
    return glob_matches(pattern, name);
}

static void check_names(const char *pattern, const char *names, bool expected)
{
    for (const char *blank; (blank = strchr(names, ' ')); names = blank + 1) {
        if (is_in(pattern, names, (size_t)(blank - names)) != expected)
            fail_msg("%s and the first of: %s", pattern, names);
    }
}

static void the_table(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        check_names(rows[i].pattern, rows[i].matches, true);
        check_names(rows[i].pattern, rows[i].others, false);
    }
}

static void complains(void **state)
{
    assert_null(glob_complain("veth-*"));
    assert_null(glob_complain("[]a][!]][a-][-a][[]?"));
    assert_null(glob_complain("[a-a]]"));
    assert_string_equal(glob_complain("p["), "has a '[' without its ']'");
    assert_string_equal(glob_complain("[a][b"), "has a '[' without its ']'");
    assert_string_equal(glob_complain("[]"), "has a '[' without its ']'");
    assert_string_equal(glob_complain("[!]"), "has a '[' without its ']'");
    assert_string_equal(glob_complain("[9-0]"), "has a range that ends before it begins");
    assert_string_equal(glob_complain("x[ac-bd]"), "has a range that ends before it begins");
}

static void knows_names(void **state)
{
    assert_false(glob_has_wildcard("eth0"));
    assert_false(glob_has_wildcard("a]-!"));
    assert_true(glob_has_wildcard("eth*"));
    assert_true(glob_has_wildcard("eth?"));
    assert_true(glob_has_wildcard("eth[0]"));
}

static void knows_the_shortest(void **state)
{
    assert_int_equal(glob_shortest("*"), 0);
    assert_int_equal(glob_shortest("veth-*"), 5);
    assert_int_equal(glob_shortest("[a-z][]]?*x"), 4);
    assert_int_equal(glob_shortest("[!a-z*?]**"), 1);
}

/* Whatever is well formed means the same as to the C library. */
static void agrees_with_fnmatch(void **state)
{
    static const char alphabet[] = "ab-*?[]!^c";
    uint64_t seed = 1;
    uint32_t n_matches = 0;

    for (int i = 0; i < 300000; i++) {
        size_t n_pattern = random_below(&seed, 8);
        size_t n_name = random_below(&seed, 6);
        char pattern[8] = "";
        char name[8] = "";

        for (size_t k = 0; k < n_pattern; k++)
            pattern[k] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
        for (size_t k = 0; k < n_name; k++)
            name[k] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
        if (glob_complain(pattern))
            continue;
        if (glob_matches(pattern, name) != (fnmatch(pattern, name, FNM_NOESCAPE) == 0))
            fail_msg("pattern %s, name %s", pattern, name);
        n_matches += glob_matches(pattern, name);
    }
    assert_in_range(n_matches, 1000, 300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),           cmocka_unit_test(complains),
        cmocka_unit_test(knows_names),         cmocka_unit_test(knows_the_shortest),
        cmocka_unit_test(agrees_with_fnmatch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
