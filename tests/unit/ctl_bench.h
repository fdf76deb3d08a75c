/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_BENCH_H
#define RINGSPAN_CTL_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/clock.h"
#include "ringspan/ctl_server.h"

/*
 * Control bench: a server on a real socket in a directory of its own, whose loop the test turns,
 * and clients that never block.
 */

#define PATIENCE      (10 * NS_PER_SEC)
#define SHORT_TIME    (50 * NS_PER_MS)
#define BENCH_CLIENTS 80

struct bench {
    char dir[40];
    char path[64];
    struct event_loop *loop;
    struct ctl_server *server;
    int clients[BENCH_CLIENTS];
    char text[1 << 20]; /* what bench_hear…() read */
    size_t text_len;
    /* What the commands note. */
    struct ctl_call *deferred;
    uint32_t n_canceled;
    uint32_t n_lists_freed;
    size_t most_queued;
};

extern struct bench bench;

/* The commands of the bench:
 *   echo {text}   answers with it, or with "nothing"; write: the same, changing something
 *   list          the even numbers below LONG_LIST, with nothing in between
 *   endless       never stops; abort: stops in the middle
 *   later         is deferred: bench.deferred
 *   flood         more at once than a queue takes */
#define LONG_LIST 200000

void bench_echo(struct ctl_call *call, const struct json_object *params, void *context);
void bench_flood(struct ctl_call *call, const struct json_object *params, void *context);

#define REQUEST(id, method) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"" method "\"}\n"
#define ANSWER(id)          "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":\"nothing\"}\n"

int bench_setup(void **state);
int bench_teardown(void **state);
#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

/* No group, no bound per uid, and much time. */
struct ctl_server_params bench_params(void);
/* ctl_server_new() and ctl_server_listen(). */
int bench_start(struct ctl_server_params params);
/* A server with bench_params(), and client 0. */
void bench_start_and_dial(void);

void bench_turn(void);
void bench_turns(int n);

#define TURN_UNTIL(condition)                       \
    do {                                            \
        uint64_t deadline = clock_now() + PATIENCE; \
        while (!(condition)) {                      \
            assert_true(clock_now() < deadline);    \
            bench_turn();                           \
        }                                           \
    } while (0)

void bench_dial(int i);
void bench_hang_up(int i);
void bench_say(int i, const char *text);
/* Passes descriptors with the first byte. */
void bench_say_with_fds(int i, const char *text, const int *fds, uint32_t n_fds);
/* Appends what there is to bench.text. False once the server has hung up. */
bool bench_hear(int i);
/* Turns until there are @n lines, exactly, and returns them. */
const char *bench_hear_lines(int i, uint32_t n);
/* Turns until the server hangs up. */
void bench_hear_the_end(int i);
uint32_t bench_count_lines(void);

#endif
