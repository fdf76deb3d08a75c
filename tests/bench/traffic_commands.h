/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_COMMANDS_H
#define TESTS_BENCH_TRAFFIC_COMMANDS_H

#include "ringspan/json_writer.h"
#include "traffic_options.h"

/*
 * The commands of ringspan-traffic. Each writes the members of its result into an object that is
 * open. 0, or -errno, said already.
 */

/** Also of broadcast, which is a stream to everybody. */
int traffic_command_rate(struct traffic_options *options, struct json_writer *out);
int traffic_command_search(struct traffic_options *options, struct json_writer *out);
int traffic_command_latency(struct traffic_options *options, struct json_writer *out);
int traffic_command_learn(struct traffic_options *options, struct json_writer *out);
int traffic_command_broadcast(struct traffic_options *options, struct json_writer *out);
int traffic_command_self(struct traffic_options *options, struct json_writer *out);

#endif
