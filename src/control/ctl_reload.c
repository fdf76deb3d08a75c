/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "ctl_show.h"
#include "ringspan/reloader.h"

/* A file that is not valid is no error of the call: the answer carries what `check` would say. */
static void on_reloaded(void *arg, const struct reload_result *result)
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

static const char *why_not(int error)
{
    switch (error) {
    case -EALREADY:
        return "a reload is under way";
    case -ENXIO:
        return "the configuration came from standard input and cannot be read again";
    default:
        return strerror(-error);
    }
}

/* The client went; the reload goes on, and only the answer is not wanted any more. */
static void on_cancel(void *arg)
{
    const struct ctl_commands *commands = arg;

    reloader_forget(commands->reloader);
}

void ctl_reload_daemon(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {NULL};
    struct ctl_commands *commands = context;
    struct ctl_fault fault;
    int r;

    if (!ctl_params_known(params, known, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    r = commands->reloader ? reloader_start(commands->reloader, on_reloaded, call) : -ENXIO;
    if (r < 0) {
        ctl_fault_set(&fault, CTL_REFUSED, "%s", why_not(r));
        ctl_call_fault(call, &fault);
        return;
    }
    ctl_call_defer(call, on_cancel, commands);
}
