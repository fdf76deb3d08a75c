/* SPDX-License-Identifier: ISC */
/*
 * ringspand: birth, life and death, in this order. Each step is a room's function; what is here is
 * which one follows which, and what a failure means to the service manager (sysexits(3)).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ringspan/config.h"
#include "ringspan/ctl_commands.h"
#include "ringspan/ctl_path.h"
#include "ringspan/ctl_server.h"
#include "ringspan/daemon.h"
#include "ringspan/event.h"
#include "ringspan/log.h"
#include "ringspan/notify.h"
#include "ringspan/options.h"
#include "ringspan/process.h"
#include "ringspan/watchdog.h"

struct life {
    struct config *config;
    struct event_loop *loop;
    struct ctl_server *server;
    struct ctl_commands *commands;
    struct daemon *daemon;
    struct event_timer *status; /* STATUS= is to be sent in the next turn */
    struct watchdog *watchdog;
};

static void on_stop_signal(void *arg, int signo)
{
    log_notice("%s: stopping", strsignal(signo));
    notify_stopping();
    event_loop_stop(arg, EX_OK);
}

static void on_hangup(void *arg, int signo)
{
    log_warning("SIGHUP ignored: this version does not reload its configuration");
}

static int handle_signals(struct event_loop *loop)
{
    int r = event_signal_add(loop, SIGTERM, on_stop_signal, loop);

    if (r == 0)
        r = event_signal_add(loop, SIGINT, on_stop_signal, loop);
    if (r == 0)
        r = event_signal_add(loop, SIGHUP, on_hangup, loop);
    signal(SIGPIPE, SIG_IGN);
    return r;
}

/* Takes the lock of the control socket: a second instance learns here that it is one. The daemon
 * touches no interface before the loop runs. */
static int claim_control_socket(struct life *life)
{
    const struct config *config = life->config;
    struct ctl_path_env env = ctl_path_env_here();
    struct ctl_server_params params;
    struct ctl_path path;
    int r;

    r = ctl_path_of_daemon(&env, config->daemon.control.socket, &path);
    if (r < 0) {
        log_error("ctl: %s", ctl_path_strerror(r));
        return r;
    }
    r = ctl_commands_new(life->loop, life->daemon, &life->commands);
    if (r < 0)
        return r;
    params = ctl_server_params_default(path.text, config->daemon.control.group);
    params.commands = ctl_commands_table(&params.n_commands);
    params.context = life->commands;
    return ctl_server_new(life->loop, &params, &life->server);
}

static void describe(const struct daemon *daemon, char *ret_text, size_t size)
{
    struct daemon_summary summary = daemon_summary(daemon);

    daemon_summary_format(&summary, ret_text, size);
}

static void on_status_due(void *arg)
{
    const struct life *life = arg;
    char text[128];

    describe(life->daemon, text, sizeof(text));
    notify_status("%s", text);
}

/* However many ports change in a turn, the service manager gets one message. */
static void on_port_change(void *arg, struct bridge *bridge, const struct port *port)
{
    struct life *life = arg;

    ctl_commands_port_changed(life->commands);
    if (daemon_is_ready(life->daemon))
        event_timer_set(life->status, event_now(life->loop));
}

/* The first plan has run, waiting ports included. */
static void on_ready(void *arg)
{
    struct life *life = arg;
    char text[128];

    if (ctl_server_listen(life->server) < 0) {
        event_loop_stop(life->loop, EX_UNAVAILABLE);
        return;
    }
    describe(life->daemon, text, sizeof(text));
    log_notice("%s", text);
    notify_ready(text);
}

/* 0 or -errno: everything that can go wrong before the loop runs. */
static int be_born(struct life *life)
{
    int r = event_loop_new(&life->loop);

    if (r == 0)
        r = handle_signals(life->loop);
    if (r == 0)
        r = event_timer_new(life->loop, on_status_due, life, &life->status);
    if (r == 0)
        r = daemon_new(life->loop, life->config, &life->daemon);
    if (r == 0)
        r = claim_control_socket(life);
    if (r == 0)
        r = watchdog_new(life->loop, life->daemon, &life->watchdog);
    if (r < 0)
        return r;
    daemon_on_port_change(life->daemon, on_port_change, life);
    daemon_on_ready(life->daemon, on_ready, life);
    return 0;
}

static void die(struct life *life)
{
    watchdog_free(life->watchdog);
    ctl_server_free(life->server);
    ctl_commands_free(life->commands);
    daemon_free(life->daemon);
    event_timer_free(life->status);
    event_loop_free(life->loop);
    config_free(life->config);
}

int main(int argc, char **argv)
{
    struct options options;
    struct life life = {0};
    int status = process_reserve_standard_descriptors();
    int r;

    if (status != EX_OK)
        return status;
    log_init(LOG_LEVEL_INFO);
    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_DONE:
        return EX_OK;
    case OPTIONS_WRONG:
        return EX_USAGE;
    case OPTIONS_RUN:
        break;
    }
    status = options_read_config(&options, &life.config);
    if (status == EX_OK) {
        log_set_level(life.config->daemon.log.level);
        status = process_check_capabilities();
    }
    if (status != EX_OK) {
        config_free(life.config);
        return status;
    }
    process_raise_descriptor_limit();
    r = be_born(&life);
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
        status = EX_UNAVAILABLE;
    } else {
        r = event_loop_run(life.loop);
        status = r < 0 ? EX_OSERR : r;
    }
    die(&life);
    return status;
}
