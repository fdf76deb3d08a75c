/* SPDX-License-Identifier: ISC */
#include "ctl_change.h"

#include <errno.h>
#include <string.h>

void ctl_change_deferred(struct ctl_call *call, int r, struct change *change)
{
    struct ctl_fault fault;

    if (r == 0) {
        ctl_call_defer(call, ctl_change_forget, change);
        return;
    }
    ctl_fault_set(&fault, CTL_REFUSED, "%s",
                  r == -ENXIO ? "the configuration came from standard input and cannot be read "
                                "again"
                              : strerror(-r));
    ctl_call_fault(call, &fault);
}

void ctl_change_forget(void *change)
{
    change_forget(change);
}

void ctl_change_answer(void *arg, const struct change_result *result)
{
    struct ctl_call *call = arg;
    struct json_writer *writer;
    struct ctl_fault fault;

    if (result->error < 0) {
        ctl_fault_set(&fault, CTL_REFUSED, "%s", result->report);
        ctl_call_fault(call, &fault);
        return;
    }
    writer = ctl_call_open(call);
    json_open_object(writer, NULL);
    plan_write(result->plan, writer, "steps");
    json_close_object(writer);
    ctl_call_close(call);
}

/* A file that is not valid is no error of the call: the answer carries what `check` would say. */
static void on_reloaded(void *arg, const struct change_result *result)
{
    struct ctl_call *call = arg;
    struct json_writer *writer = ctl_call_open(call);

    json_open_object(writer, NULL);
    json_put_bool(writer, "applied", result->error == 0);
    json_put_string(writer, "report", result->report);
    plan_write(result->plan ? result->plan : &(struct plan){0}, writer, "steps");
    json_close_object(writer);
    ctl_call_close(call);
}

void ctl_reload_daemon(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {NULL};
    struct ctl_commands *commands = context;
    struct change *change = NULL;
    struct ctl_fault fault;
    int r;

    if (!ctl_params_known(params, known, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    r = changes_reload(commands->changes, on_reloaded, call, &change);
    ctl_change_deferred(call, r, change);
}

void ctl_config_diff(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {NULL};
    struct ctl_commands *commands = context;
    struct change *change = NULL;
    struct ctl_fault fault;
    int r;

    if (!ctl_params_known(params, known, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    r = changes_diff(commands->changes, ctl_change_answer, call, &change);
    ctl_change_deferred(call, r, change);
}
