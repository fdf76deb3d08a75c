/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_show.h"
#include "ringspan/clock.h"

/* recorder.show, recorder.freeze, recorder.arm */

static void put_trigger(struct json_writer *writer, const struct recorder_status *status)
{
    char time[40];

    snprintf(time, sizeof(time), "%" PRIu64 ".%09" PRIu64, status->time / NS_PER_SEC,
             status->time % NS_PER_SEC);
    json_put_string(writer, "trigger", recorder_trigger_name(status->trigger));
    json_put_string(writer, "port", *status->port ? status->port : NULL);
    json_put_raw(writer, "triggered_at", time, strlen(time));
}

void ctl_put_recorder(struct json_writer *writer, const struct recorder_status *status)
{
    json_put_string(writer, "state", recorder_state_name(status->state));
    if (status->state == RECORDER_TRIGGERED || status->state == RECORDER_FROZEN)
        put_trigger(writer, status);
    json_put_u64(writer, "packets", status->packets);
    json_put_u64(writer, "used", status->used);
    json_put_u64(writer, "memory", status->memory);
}

static void put_triggers(struct json_writer *writer, const struct daemon *daemon)
{
    uint64_t triggers = daemon_config(daemon)->daemon.recorder.triggers;
    const uint64_t *counts = daemon_recorder_counts(daemon);

    json_open_array(writer, "triggers");
    for (unsigned i = CONFIG_FIRST_TRIGGER; i < RECORDER_N_TRIGGERS; i++) {
        if (triggers >> (i - CONFIG_FIRST_TRIGGER) & 1)
            json_put_string(writer, NULL, recorder_trigger_name(i));
    }
    json_close_array(writer);
    json_open_object(writer, "counts");
    for (unsigned i = 0; i < RECORDER_N_TRIGGERS; i++) {
        if (counts[i] > 0)
            json_put_u64(writer, recorder_trigger_name(i), counts[i]);
    }
    json_close_object(writer);
}

static void answer(struct ctl_call *call, const struct daemon *daemon)
{
    struct json_writer *writer = ctl_call_open(call);

    json_open_object(writer, NULL);
    json_put_string(writer, "state", recorder_state_name(daemon_recorder(daemon).state));
    json_close_object(writer);
    ctl_call_close(call);
}

static void refuse(struct ctl_call *call, const struct daemon *daemon)
{
    struct ctl_fault fault;

    if (daemon_recorder(daemon).state == RECORDER_OFF)
        ctl_fault_no_recorder(&fault);
    else
        ctl_fault_set(&fault, CTL_REFUSED, "the recorder is frozen already");
    ctl_call_fault(call, &fault);
}

void ctl_recorder_show(struct ctl_call *call, const struct json_object *params, void *context)
{
    const struct ctl_commands *commands = context;

    struct recorder_status status = daemon_recorder(commands->daemon);
    struct json_writer *writer;

    if (!ctl_takes_nothing(call, params))
        return;
    writer = ctl_call_open(call);
    json_open_object(writer, NULL);
    ctl_put_recorder(writer, &status);
    put_triggers(writer, commands->daemon);
    json_close_object(writer);
    ctl_call_close(call);
}

void ctl_recorder_freeze(struct ctl_call *call, const struct json_object *params, void *context)
{
    const struct ctl_commands *commands = context;

    if (!ctl_takes_nothing(call, params))
        return;
    if (daemon_freeze_recorder(commands->daemon))
        answer(call, commands->daemon);
    else
        refuse(call, commands->daemon);
}

void ctl_recorder_arm(struct ctl_call *call, const struct json_object *params, void *context)
{
    const struct ctl_commands *commands = context;

    if (!ctl_takes_nothing(call, params))
        return;
    if (daemon_arm_recorder(commands->daemon))
        answer(call, commands->daemon);
    else
        refuse(call, commands->daemon);
}
