/* SPDX-License-Identifier: ISC */
/*
 * ringspand: birth, life and death, in this order. Each step is a room's function; what is here is
 * which one follows which, and what a failure means to the service manager (sysexits(3)).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ringspan/changes.h"
#include "ringspan/config.h"
#include "ringspan/ctl_commands.h"
#include "ringspan/ctl_path.h"
#include "ringspan/ctl_server.h"
#include "ringspan/daemon.h"
#include "ringspan/event.h"
#include "ringspan/limits.h"
#include "ringspan/log.h"
#include "ringspan/metrics_http.h"
#include "ringspan/notify.h"
#include "ringspan/options.h"
#include "ringspan/process.h"
#include "ringspan/status.h"
#include "ringspan/watchdog.h"

struct life {
    struct options options;
    struct config *config;
    struct event_loop *loop;
    struct ctl_server *server;
    struct ctl_commands *commands;
    struct daemon *daemon;
    struct changes *changes;
    struct status *status;
    struct watchdog *watchdog;
    struct metrics_http *metrics;
};

static void on_stop_signal(void *arg, int signo)
{
    log_notice("%s: stopping", strsignal(signo));
    notify_stopping();
    event_loop_stop(arg, EX_OK);
}

static void on_hangup(void *arg, int signo)
{
    const struct life *life = arg;

    (void)changes_reload(life->changes, NULL, NULL, NULL); /* the log says what became of it */
}

static int handle_signals(struct life *life)
{
    struct event_loop *loop = life->loop;
    int r = event_signal_add(loop, SIGTERM, on_stop_signal, loop);

    if (r == 0)
        r = event_signal_add(loop, SIGINT, on_stop_signal, loop);
    if (r == 0)
        r = event_signal_add(loop, SIGHUP, on_hangup, life);
    return r;
}

/* Takes the lock of the control socket: a second instance learns here that it is one, or waits for
 * the first one's end. Until then signals do what they always do. The daemon touches no interface
 * before the loop runs. What is wrong has been logged. */
static int claim_control_socket(struct life *life)
{
    const struct config *config = daemon_config(life->daemon);
    struct ctl_path_env env = ctl_path_env_here();
    struct ctl_server_params params;
    struct ctl_path path;
    int r = ctl_path_of_daemon(&env, config->daemon.control.socket, &path);

    if (r < 0) {
        log_error("ctl: %s", ctl_path_strerror(r));
        return r;
    }
    params = ctl_server_params_default(path.text, config->daemon.control.group);
    params.commands = ctl_commands_table(&params.n_commands);
    params.context = life->commands;
    params.patience_ns = LIMIT_CTL_PATIENCE_NS;
    return ctl_server_new(life->loop, &params, &life->server);
}

static int prepare_changes(struct life *life)
{
    const struct changes_params params = {
        .loop = life->loop,
        .daemon = life->daemon,
        .path = life->options.config,
        .has_log_level = life->options.has_log_level,
        .log_level = life->options.log_level,
    };

    return changes_new(&params, &life->changes);
}

/* The first plan has run, waiting ports included. */
static void on_ready(void *arg)
{
    const struct life *life = arg;

    if (ctl_server_listen(life->server) < 0)
        event_loop_stop(life->loop, EX_UNAVAILABLE);
    else
        status_ready(life->status);
}

static int be_born(struct life *life)
{
    int r = event_loop_new(&life->loop);

    if (r == 0)
        r = daemon_new(life->loop, life->config, &life->daemon);
    if (r < 0)
        return r;
    life->config = NULL; /* the daemon's now */
    r = status_new(life->loop, life->daemon, &life->status);
    if (r == 0)
        r = watchdog_new(life->loop, life->daemon, &life->watchdog);
    if (r == 0)
        r = prepare_changes(life);
    if (r == 0)
        r = ctl_commands_new(life->loop, life->daemon, life->changes, &life->commands);
    if (r == 0)
        r = metrics_http_new(life->loop, life->daemon, &life->metrics);
    daemon_on_ready(life->daemon, on_ready, life);
    return r;
}

static void die(struct life *life)
{
    metrics_http_free(life->metrics);
    watchdog_free(life->watchdog);
    ctl_server_free(life->server);
    ctl_commands_free(life->commands);
    changes_free(life->changes);
    status_free(life->status);
    daemon_free(life->daemon);
    event_loop_free(life->loop);
    config_free(life->config);
}

int main(int argc, char **argv)
{
    struct life life = {0};
    int status = process_reserve_standard_descriptors();
    int r;

    if (status != EX_OK)
        return status;
    log_init(LOG_LEVEL_INFO);
    switch (options_parse(argc, argv, &life.options)) {
    case OPTIONS_DONE:
        return EX_OK;
    case OPTIONS_WRONG:
        return EX_USAGE;
    case OPTIONS_RUN:
        break;
    }
    status = options_read_config(&life.options, &life.config);
    if (status == EX_OK) {
        log_set_level(life.config->daemon.log.level);
        status = process_check_capabilities(life.config);
    }
    if (status != EX_OK) {
        config_free(life.config);
        return status;
    }
    process_raise_descriptor_limit();
    signal(SIGPIPE, SIG_IGN);
    status = EX_UNAVAILABLE;
    r = be_born(&life);
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
    } else if (claim_control_socket(&life) == 0) {
        r = handle_signals(&life);
        if (r == 0)
            r = event_loop_run(life.loop);
        status = r < 0 ? EX_OSERR : r;
    }
    die(&life);
    return status;
}
