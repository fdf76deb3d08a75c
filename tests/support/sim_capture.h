/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SUPPORT_SIM_CAPTURE_H
#define TESTS_SUPPORT_SIM_CAPTURE_H

#include "ringspan/bridge.h"
#include "ringspan/capture.h"

/*
 * Somebody who looks at every port of a simulation from its beginning, and reads nothing before its
 * end: most of what he would have seen is lost to him, and all of it is counted.
 */

struct sim_capture {
    struct event_loop *loop;
    struct capture *capture;
    int fd;
};

/** 0 or -errno. */
int sim_capture_begin(struct sim_capture *capture, struct bridge *bridge);
/** Reads it to its end: how many frames and copies there were. */
uint64_t sim_capture_end(struct sim_capture *capture);

#endif
