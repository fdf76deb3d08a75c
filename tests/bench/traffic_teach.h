/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_TRAFFIC_TEACH_H
#define TESTS_BENCH_TRAFFIC_TEACH_H

#include <stdint.h>

#include "traffic_options.h"

/*
 * Teach: the switch gets to know the addresses before they are measured.
 *
 * A frame from each address goes to the far end of a stream that uses it, a few at a time, and the
 * next few wait until those have arrived: a switch that forwarded a frame has had the chance to
 * learn from it, however slow it is. The frames are of an ethertype of their own.
 */

/** Teaches what @options ask for, on the streams of their layout. @ret_untaught: how many
 * addresses' frames did not come through. 0 or -errno, said already. */
int traffic_teach(const struct traffic_options *options, uint64_t *ret_untaught);

#endif
