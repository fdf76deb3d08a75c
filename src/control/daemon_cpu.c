/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "daemon_private.h"
#include "ringspan/log.h"

/* Which CPUs the loop runs on. That some of those in the file are not there, or not for this
 * process, is no reason not to forward. */

static void warn_of_missing(const struct cpus *wanted, const struct cpus *allowed)
{
    struct cpus missing = cpus_minus(wanted, allowed);
    bool is_none = cpus_count(&missing) == cpus_count(wanted);
    char text[CPUS_STRING_SIZE];

    if (cpus_count(&missing) > 0)
        log_warning("daemon.cpu: CPU %s is not there, or not for this process%s",
                    cpus_format(&missing, text), is_none ? ": it runs on any" : "");
}

void daemon_apply_cpu(struct daemon *daemon)
{
    const struct cpus *wanted = &daemon->config->daemon.cpu;
    struct cpus cpus = cpus_in_both(wanted, &daemon->allowed_cpus);
    int r;

    warn_of_missing(wanted, &daemon->allowed_cpus);
    if (cpus_count(&cpus) == 0)
        cpus = daemon->allowed_cpus;
    if (cpus_equal(&cpus, &daemon->cpus))
        return;
    r = cpus_set(&cpus);
    if (r < 0)
        log_warning("daemon.cpu: %s", strerror(-r));
    else
        daemon->cpus = cpus;
}

const struct cpus *daemon_cpus(const struct daemon *daemon)
{
    return &daemon->cpus;
}
