/* SPDX-License-Identifier: ISC */
#include "ctl_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void send_request(int i, const char *method, const char *params)
{
    char request[1024];

    snprintf(request, sizeof(request),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method, params);
    bench_say(i, request);
}

const char *ask(const char *method, const char *params)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,";
    char *end;

    if (bench.clients[0] < 0)
        bench_dial(0);
    send_request(0, method, params);
    bench_hear_lines(0, 1);
    assert_memory_equal(bench.text, head, strlen(head));
    end = strrchr(bench.text, '}');
    *end = '\0';
    return bench.text + strlen(head);
}

void assert_has(const char *answer, const char *part)
{
    if (!strstr(answer, part))
        fail_msg("'%s' is not in '%s'", part, answer);
}

void assert_error(const char *method, const char *params, const char *error)
{
    const char *answer = ask(method, params);

    assert_has(answer, "\"error\":");
    assert_has(answer, error);
}
