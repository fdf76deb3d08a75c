/* SPDX-License-Identifier: ISC */
#include "ctl_change.h"

#include <errno.h>
#include <string.h>

#include "ringspan/clock.h"

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
static void on_loaded(void *arg, const struct change_result *result)
{
    struct ctl_call *call = arg;
    struct json_writer *writer;

    if (result->error == -EBUSY) {
        ctl_change_answer(arg, result);
        return;
    }
    writer = ctl_call_open(call);
    json_open_object(writer, NULL);
    json_put_bool(writer, "applied", result->error == 0);
    json_put_string(writer, "report", result->report);
    plan_write(result->plan ? result->plan : &(struct plan){0}, writer, "steps");
    json_close_object(writer);
    ctl_call_close(call);
}

void ctl_reload_daemon(struct ctl_call *call, const struct json_object *params, void *context)
{
    struct ctl_commands *commands = context;
    struct change *change = NULL;
    int r;

    if (!ctl_takes_nothing(call, params))
        return;
    r = changes_reload(commands->changes, on_loaded, call, &change);
    ctl_change_deferred(call, r, change);
}

void ctl_config_diff(struct ctl_call *call, const struct json_object *params, void *context)
{
    struct ctl_commands *commands = context;
    struct change *change = NULL;
    int r;

    if (!ctl_takes_nothing(call, params))
        return;
    r = changes_diff(commands->changes, ctl_change_answer, call, &change);
    ctl_change_deferred(call, r, change);
}

static bool take_confirm(const struct json_object *params, uint64_t *ret_ns,
                         struct ctl_fault *ret_fault)
{
    int64_t seconds = 0;

    if (!ctl_params_integer(params, "confirm", 1, LIMIT_CONFIRM_SECONDS, &seconds, ret_fault))
        return false;
    *ret_ns = (uint64_t)seconds * NS_PER_SEC;
    return true;
}

void ctl_config_apply(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"source", "confirm", NULL};
    struct ctl_commands *commands = context;
    const char *source = "the file";
    struct change *change = NULL;
    uint64_t confirm_ns = 0;
    struct ctl_fault fault;
    int fd = -1;
    int r;

    if (!ctl_params_known(params, known, &fault) ||
        !ctl_params_string(params, "source", &source, &fault) ||
        !take_confirm(params, &confirm_ns, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    fd = ctl_call_take_fd(call);
    if (fd < 0) {
        ctl_fault_set(&fault, CTL_INVALID_REQUEST, "no descriptor came with the request");
        ctl_call_fault(call, &fault);
        return;
    }
    r = changes_apply(commands->changes, fd, source, confirm_ns, on_loaded, call, &change);
    ctl_change_deferred(call, r, change);
}

void ctl_config_confirm(struct ctl_call *call, const struct json_object *params, void *context)
{
    struct ctl_commands *commands = context;
    struct json_writer *writer;
    struct ctl_fault fault;
    int r;

    if (!ctl_takes_nothing(call, params))
        return;
    r = changes_confirm(commands->changes);
    if (r < 0) {
        ctl_fault_set(&fault, CTL_REFUSED, "%s",
                      r == -ENOENT ? "there is nothing to confirm"
                                   : "too late: what was before is being restored");
        ctl_call_fault(call, &fault);
        return;
    }
    writer = ctl_call_open(call);
    json_open_object(writer, NULL);
    json_put_bool(writer, "confirmed", true);
    json_close_object(writer);
    ctl_call_close(call);
}

void ctl_put_confirm_within(struct json_writer *writer, const struct ctl_commands *commands)
{
    uint64_t left;

    if (changes_on_trial(commands->changes, &left))
        json_put_u64(writer, "confirm_within", left / NS_PER_SEC);
    else
        json_put_null(writer, "confirm_within");
}
