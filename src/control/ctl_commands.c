/* SPDX-License-Identifier: ISC */
#include "ringspan/ctl_commands.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl_show.h"
#include "ringspan/clock.h"

bool ctl_takes_nothing(struct ctl_call *call, const struct json_object *params)
{
    static const char *const known[] = {NULL};
    struct ctl_fault fault;

    if (ctl_params_known(params, known, &fault))
        return true;
    ctl_call_fault(call, &fault);
    return false;
}

static void put_netlink(struct json_writer *writer, const struct daemon *daemon)
{
    struct link_watch_counters counters = daemon_link_counters(daemon);

    json_open_object(writer, "netlink");
    json_put_u64(writer, "events", counters.events);
    json_put_u64(writer, "overruns", counters.overruns);
    json_put_u64(writer, "interrupted_dumps", counters.interrupted_dumps);
    json_put_u64(writer, "dumps", counters.dumps);
    json_close_object(writer);
}

static void put_wake(struct json_writer *writer, const struct wake *wake)
{
    json_open_object(writer, "wake");
    json_put_string(writer, "regime", wake_regime_name(wake->regime));
    json_put_u64(writer, "sleeps", wake->counters.sleeps);
    json_put_u64(writer, "naps", wake->counters.naps);
    json_put_u64(writer, "spins", wake->counters.spins);
    json_put_u64(writer, "idle_ms", wake->counters.idle_ns / NS_PER_MS);
    json_close_object(writer);
}

static void show_daemon(struct ctl_call *call, const struct json_object *params, void *context)
{
    const struct ctl_commands *commands = context;
    struct daemon_summary summary = daemon_summary(commands->daemon);
    char cpus[CPUS_STRING_SIZE];
    struct json_writer *writer;

    if (!ctl_takes_nothing(call, params))
        return;
    writer = ctl_call_open(call);
    json_open_object(writer, NULL);
    json_put_string(writer, "version", RINGSPAN_VERSION);
    json_put_u64(writer, "pid", (uint64_t)getpid());
    json_put_u64(writer, "uptime", (event_now(commands->loop) - commands->born) / NS_PER_SEC);
    json_put_bool(writer, "ready", daemon_is_ready(commands->daemon));
    ctl_put_confirm_within(writer, commands);
    json_put_u64(writer, "n_bridges", daemon_n_bridges(commands->daemon));
    json_put_u64(writer, "n_ports", summary.n_ports);
    json_open_object(writer, "states");
    for (unsigned i = 0; i < PORT_N_STATES; i++)
        json_put_u64(writer, port_state_name((enum port_state)i), summary.by_state[i]);
    json_close_object(writer);
    put_netlink(writer, commands->daemon);
    json_put_string(writer, "cpu", cpus_format(daemon_cpus(commands->daemon), cpus));
    put_wake(writer, event_loop_wake(commands->loop));
    json_close_object(writer);
    ctl_call_close(call);
}

static const struct ctl_command table[] = {
    {"daemon.show", false, show_daemon},
    {"bridge.show", false, ctl_show_bridge},
    {"port.show", false, ctl_show_port},
    {"port.wait", false, ctl_wait_port},
    {"port.set", true, ctl_port_set},
    {"port.add", true, ctl_port_add},
    {"port.del", true, ctl_port_del},
    {"fdb.show", false, ctl_show_fdb},
    {"fdb.add", true, ctl_fdb_add},
    {"fdb.del", true, ctl_fdb_del},
    {"fdb.flush", true, ctl_fdb_flush},
    {"vlan.show", false, ctl_show_vlan},
    {"vlan.stats", false, ctl_show_vlan_stats},
    {"mirror.show", false, ctl_show_mirror},
    {"ledger.show", false, ctl_show_ledger},
    {"explain", false, ctl_explain},
    {"capture.start", true, ctl_capture_start},
    {"recorder.freeze", true, ctl_recorder_freeze},
    {"recorder.show", false, ctl_recorder_show},
    {"recorder.arm", true, ctl_recorder_arm},
    {"metrics.show", false, ctl_show_metrics},
    {"config.show", false, ctl_show_config},
    {"config.diff", false, ctl_config_diff},
    {"config.apply", true, ctl_config_apply},
    {"config.confirm", true, ctl_config_confirm},
    {"daemon.reload", true, ctl_reload_daemon},
    {"monitor.start", false, ctl_monitor_start},
};

const struct ctl_command *ctl_commands_table(uint32_t *ret_n)
{
    *ret_n = sizeof(table) / sizeof(*table);
    return table;
}

static void on_port_event(void *arg, const struct bus_event *event)
{
    const struct ctl_commands *commands = arg;

    (void)event;
    if (commands->waiters)
        event_timer_set(commands->wake, event_now(commands->loop));
}

static void on_wake(void *arg)
{
    ctl_wait_check(arg);
}

int ctl_commands_new(struct event_loop *loop, struct daemon *daemon, struct changes *changes,
                     struct ctl_commands **ret)
{
    struct ctl_commands *commands = calloc(1, sizeof(*commands));
    int r;

    if (!commands)
        return -ENOMEM;
    commands->loop = loop;
    commands->daemon = daemon;
    commands->changes = changes;
    commands->born = event_now(loop);
    metrics_source_init(&commands->metrics, loop, daemon);
    r = event_timer_new(loop, on_wake, commands, &commands->wake);
    if (r == 0)
        r = bus_listen(daemon_bus(daemon), BUS_MASK(BUS_PORT), on_port_event, commands,
                       &commands->listener);
    if (r == 0)
        r = ctl_monitors_init(&commands->monitors, daemon);
    if (r < 0)
        ctl_commands_free(commands);
    else
        *ret = commands;
    return r;
}

void ctl_commands_free(struct ctl_commands *commands)
{
    if (!commands)
        return;
    ctl_monitors_fini(&commands->monitors);
    bus_unlisten(commands->listener);
    event_timer_free(commands->wake);
    free(commands);
}
