/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_REPORT_H
#define TESTS_BENCH_TRAFFIC_REPORT_H

#include "ringspan/json_writer.h"
#include "traffic_run.h"

/*
 * Report: results as members of a JSON object that the caller opens and closes.
 */

void traffic_put_real(struct json_writer *out, const char *key, double value, int digits);
void traffic_put_damage(struct json_writer *out, const struct traffic_damage *damage);
void traffic_put_cpu(struct json_writer *out, const struct traffic_cpu *cpu);
/** All that a run came to; streams one by one if they are few. */
void traffic_put_result(struct json_writer *out, const struct traffic_layout *layout,
                        const struct traffic_result *result);

#endif
