/* SPDX-License-Identifier: ISC */
#include "port_log.h"

bool port_log_change(struct port_log *log, uint64_t now)
{
    bool is_over = now - log->since >= PORT_LOG_INTERVAL;

    if (log->n_lines == 0 || (is_over && log->n_untold == 0))
        *log = (struct port_log){.since = now};
    if (log->n_lines >= PORT_LOG_LINES) {
        log->n_untold++;
        return false;
    }
    log->n_lines++;
    return true;
}

uint64_t port_log_due(const struct port_log *log)
{
    return log->n_untold > 0 ? log->since + PORT_LOG_INTERVAL : 0;
}

uint32_t port_log_tell(struct port_log *log, uint64_t now)
{
    uint32_t n_untold = log->n_untold;

    *log = (struct port_log){.since = now, .n_lines = 1};
    return n_untold;
}
