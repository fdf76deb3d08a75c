/* SPDX-License-Identifier: ISC */
#ifndef SRC_CONTROL_PORT_LOG_H
#define SRC_CONTROL_PORT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/clock.h"

/*
 * Port log: how much the log says about one port.
 *
 * A change of state is a line, but a cable with a loose contact makes thousands of them, and a log
 * that fills the disk is worse than the fault. So a port has a number of lines per interval; what
 * is beyond is counted, and when the interval is over one line says how many there were and what
 * the port's state is now. The last word is never swallowed.
 *
 * All zero is a port that nothing was said about.
 */

#define PORT_LOG_INTERVAL (10 * NS_PER_SEC)
#define PORT_LOG_LINES    10

struct port_log {
    uint64_t since; /* of the interval */
    uint32_t n_lines;
    uint32_t n_untold;
};

/** One more change at @now: true if it is to be told. */
bool port_log_change(struct port_log *log, uint64_t now);
/** When the untold changes are to be told of; 0: there are none. */
uint64_t port_log_due(const struct port_log *log);
/** To be called when they are due: how many they were. An interval begins. */
uint32_t port_log_tell(struct port_log *log, uint64_t now);

#endif
