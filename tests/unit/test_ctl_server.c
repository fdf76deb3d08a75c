/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_bench.h"
#include "ringspan/limits.h"

/* ---- requests ---- */

static void test_one_request(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(0, 1), ANSWER(1));
    bench_say(
        0,
        "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"echo\",\"params\":{\"text\":\"\\u00fc\"}}\n");
    assert_string_equal(bench_hear_lines(0, 1),
                        "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"result\":\"\xc3\xbc\"}\n");
}

static void test_byte_by_byte(void **state)
{
    static const char request[] = REQUEST(1, "echo");

    bench_start_and_dial();
    for (const char *c = request; *c; c++) {
        char byte[2] = {*c, '\0'};

        bench_say(0, byte);
        bench_turns(2);
        assert_true(bench_hear(0));
        assert_int_equal(bench.text_len > 0, *c == '\n');
    }
    assert_string_equal(bench.text, ANSWER(1));
}

static void test_pipelined(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "echo") REQUEST(2, "nonsense") "}{\n" REQUEST(3, "echo"));
    bench_hear_lines(0, 4);
    assert_non_null(strstr(
        bench.text, ANSWER(1) "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":"
                              "-32601,\"message\":\"no method 'nonsense'\"}}\n"
                              "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700"));
    assert_non_null(strstr(bench.text, ANSWER(3)));
}

static void test_half_close_gets_its_answer(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "echo") "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}");
    shutdown(bench.clients[0], SHUT_WR);
    bench_hear_the_end(0);
    assert_string_equal(bench.text, ANSWER(1) ANSWER(2));
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 0);
}

static void test_half_close_while_deferred(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "later"));
    shutdown(bench.clients[0], SHUT_WR);
    TURN_UNTIL(bench.deferred);
    bench_turns(3);
    assert_int_equal(ctl_server_n_clients(bench.server), 1);
    bench_echo(bench.deferred, NULL, NULL);
    bench_hear_the_end(0);
    assert_string_equal(bench.text, ANSWER(1));
    assert_int_equal(bench.n_canceled, 0);
}

static char *long_request(size_t len)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"";
    char *text = malloc(len + 2);

    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, head, strlen(head));
    strcpy(text + len - 1, "}\n");
    return text;
}

static void say_long(int i, const char *text)
{
    while (*text) {
        ssize_t n = send(bench.clients[i], text, strlen(text), MSG_NOSIGNAL);

        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;
        if (n > 0)
            text += n;
        bench_turn();
    }
}

static void test_longest_request(void **state)
{
    char *text = long_request(LIMIT_CTL_REQUEST_BYTES);

    bench_start_and_dial();
    say_long(0, text);
    assert_string_equal(bench_hear_lines(0, 1), ANSWER(1));
    free(text);
}

static void test_request_too_long(void **state)
{
    char *text = long_request(LIMIT_CTL_REQUEST_BYTES + 1);

    bench_start_and_dial();
    say_long(0, text);
    bench_hear_the_end(0);
    assert_non_null(strstr(bench.text, "\"id\":null"));
    assert_non_null(strstr(bench.text, "longer than 64 KiB"));
    assert_int_equal(bench_count_lines(), 1);
    free(text);
}

static void test_request_too_slow(void **state)
{
    struct ctl_server_params params = bench_params();

    params.timeout_ns = SHORT_TIME;
    assert_int_equal(bench_start(params), 0);
    bench_dial(0);
    bench_dial(1);
    bench_say(0, "{\"jsonrpc\":");
    bench_say(1, REQUEST(1, "echo"));
    bench_hear_the_end(0);
    assert_non_null(strstr(bench.text, "-32003"));
    /* Who says nothing is in no hurry. */
    assert_string_equal(bench_hear_lines(1, 1), ANSWER(1));
    bench_turns(20);
    assert_int_equal(ctl_server_n_clients(bench.server), 1);
}

/* Time to send is counted per request, not from the first. */
static void test_partial_after_whole(void **state)
{
    struct ctl_server_params params = bench_params();

    params.timeout_ns = SHORT_TIME;
    assert_int_equal(bench_start(params), 0);
    bench_dial(0);
    bench_say(0, REQUEST(1, "echo") "{\"jsonrpc\"");
    bench_hear_lines(0, 1);
    bench_hear_the_end(0);
    assert_non_null(strstr(bench.text, "-32003"));
}

/* ---- answers ---- */

static void test_long_list(void **state)
{
    const char *number;

    bench_start_and_dial();
    bench_say(0, REQUEST(1, "list") REQUEST(2, "echo"));
    bench_hear_lines(0, 2);
    number = strchr(bench.text, '[') + 1;
    for (unsigned i = 0; i < LONG_LIST; i += 2) {
        assert_int_equal(strtoul(number, (char **)&number, 10), i);
        number++;
    }
    assert_string_equal(number, "}\n" ANSWER(2));
    assert_int_equal(bench.n_lists_freed, 1);
    assert_in_range(bench.most_queued, 1, 128 << 10);
}

static void test_lists_side_by_side(void **state)
{
    bench_start_and_dial();
    bench_dial(1);
    bench_dial(2);
    bench_say(0, REQUEST(1, "list"));
    bench_say(1, REQUEST(1, "list"));
    bench_turns(10);
    /* The two dumps are not done, and do not keep a third client waiting. */
    bench_say(2, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(2, 1), ANSWER(1));
    assert_int_equal(bench.n_lists_freed, 0);
    bench_hear_lines(0, 1);
    bench_hear_lines(1, 1);
    assert_int_equal(bench.n_lists_freed, 2);
}

static void test_disconnect_in_a_list(void **state)
{
    bench_start_and_dial();
    bench_dial(1);
    bench_say(0, REQUEST(1, "list"));
    TURN_UNTIL(bench.most_queued);
    bench_hang_up(0);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 1);
    assert_int_equal(bench.n_lists_freed, 1);
    bench_say(1, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(1, 1), ANSWER(1));
}

static void test_aborted_list(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "abort"));
    bench_hear_the_end(0);
    assert_int_equal(bench_count_lines(), 0);
    assert_int_equal(bench.n_lists_freed, 1);
}

static void test_disconnect_while_deferred(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "later"));
    TURN_UNTIL(bench.deferred);
    bench_hang_up(0);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 0);
    assert_int_equal(bench.n_canceled, 1);
}

static void test_free_cancels(void **state)
{
    bench_start_and_dial();
    bench_dial(1);
    bench_say(0, REQUEST(1, "later"));
    bench_say(1, REQUEST(1, "list"));
    TURN_UNTIL(bench.deferred && bench.most_queued);
    ctl_server_free(bench.server);
    bench.server = NULL;
    assert_int_equal(bench.n_canceled, 1);
    assert_int_equal(bench.n_lists_freed, 1);
    assert_int_equal(access(bench.path, F_OK), -1);
}

static void test_slow_reader_is_cut(void **state)
{
    struct ctl_server_params params = bench_params();

    params.timeout_ns = SHORT_TIME;
    assert_int_equal(bench_start(params), 0);
    bench_dial(0);
    bench_dial(1);
    bench_say(0, REQUEST(1, "endless"));
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 2);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 1);
    assert_int_equal(bench.n_lists_freed, 1);
    bench_say(1, REQUEST(1, "echo"));
    assert_string_equal(bench_hear_lines(1, 1), ANSWER(1));
}

/* Its answers fill the socket, then its requests do: the server stops reading, queues no more than
 * its bound, and does not wait for it either. */
static void test_asks_and_never_reads(void **state)
{
    struct ctl_server_params params = bench_params();
    ssize_t n;

    params.timeout_ns = SHORT_TIME;
    assert_int_equal(bench_start(params), 0);
    bench_dial(0);
    do {
        n = send(bench.clients[0], REQUEST(1, "echo"), strlen(REQUEST(1, "echo")), MSG_NOSIGNAL);
        bench_turn();
    } while (n > 0);
    assert_int_equal(n, -1);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 0);
}

static void test_overflow_is_cut(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "flood"));
    bench_hear_the_end(0);
    assert_int_equal(bench_count_lines(), 0);
    assert_int_equal(ctl_server_n_clients(bench.server), 0);
}

/* An answer that overflows in nobody's event handler ends the session as well. */
static void test_overflow_while_deferred(void **state)
{
    bench_start_and_dial();
    bench_say(0, REQUEST(1, "later"));
    TURN_UNTIL(bench.deferred);
    bench_flood(bench.deferred, NULL, NULL);
    TURN_UNTIL(ctl_server_n_clients(bench.server) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_one_request),
        BENCH_TEST(test_byte_by_byte),
        BENCH_TEST(test_pipelined),
        BENCH_TEST(test_half_close_gets_its_answer),
        BENCH_TEST(test_half_close_while_deferred),
        BENCH_TEST(test_longest_request),
        BENCH_TEST(test_request_too_long),
        BENCH_TEST(test_request_too_slow),
        BENCH_TEST(test_partial_after_whole),
        BENCH_TEST(test_long_list),
        BENCH_TEST(test_lists_side_by_side),
        BENCH_TEST(test_disconnect_in_a_list),
        BENCH_TEST(test_aborted_list),
        BENCH_TEST(test_disconnect_while_deferred),
        BENCH_TEST(test_free_cancels),
        BENCH_TEST(test_slow_reader_is_cut),
        BENCH_TEST(test_asks_and_never_reads),
        BENCH_TEST(test_overflow_is_cut),
        BENCH_TEST(test_overflow_while_deferred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
