/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_private.h"
#include "ringspan/capture.h"
#include "ringspan/clock.h"
#include "ringspan/latency.h"

/* Captures: which ports there are to look at, and which bridges have to tell of their frames. And
 * which of them time their frames. */

#define DESCRIPTION_SIZE 256

/* At the end nobody waits for the loop any more. */
void daemon_release_memory(void *arg, void *memory)
{
    struct daemon *daemon = arg;

    if (daemon->is_dying || workers_submit(daemon->workers, free, NULL, memory) < 0)
        free(memory);
}

static bool is_looked_at(const struct bridge *bridge)
{
    for (uint32_t id = 0; id < bridge_id_limit(bridge); id++) {
        const struct port *port = bridge_port(bridge, (port_id)id);

        if (port && port->capture)
            return true;
    }
    return false;
}

static void tell_bridges(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_bridges; i++) {
        struct bridge *bridge = daemon->bridges[i]->bridge;

        bridge_set_capture(bridge, is_looked_at(bridge) ? daemon->capture : NULL);
    }
}

void daemon_on_capture_end(void *arg)
{
    tell_bridges(arg);
}

/* A helper thread that has the port may be writing its MTU. */
static int offer(struct managed_port *mp)
{
    struct port *port = mp->port;
    const char *bridge = bridge_name(mp->home->bridge);
    char mtu[sizeof(", MTU 4294967295")] = "";
    char description[DESCRIPTION_SIZE];

    if (!port->busy && port->ifindex)
        snprintf(mtu, sizeof(mtu), ", MTU %u", port->mtu);
    snprintf(description, sizeof(description), "port %s of bridge %s, interface %s%s", port->name,
             bridge, port->ifname, mtu);
    return capture_offer_port(mp->daemon->capture, bridge, port, description);
}

void managed_port_offer(struct managed_port *mp)
{
    int r = offer(mp);

    if (r < 0)
        log_warning("port %s: a capture goes on without it: %s", mp->port->name, strerror(-r));
    if (mp->port->capture)
        bridge_set_capture(mp->home->bridge, mp->daemon->capture);
}

static void offer_all(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_ports; i++) {
        if (!daemon->ports[i]->is_leaving)
            managed_port_offer(daemon->ports[i]);
    }
}

/* ---- the recorder ---- */

static struct recorder_params recorder_params(const struct config *config)
{
    return (struct recorder_params){
        .memory = config_recorder_bytes(config->daemon.recorder.memory),
        .triggers = config->daemon.recorder.triggers << CONFIG_FIRST_TRIGGER,
        .after_ns = config->daemon.recorder.after * NS_PER_SEC,
    };
}

void daemon_apply_recorder(struct daemon *daemon)
{
    const struct recorder_params params = recorder_params(daemon->config);

    if (recorder_set(daemon->capture, &params) < 0)
        log_warning("daemon.recorder: there is no memory of %s",
                    daemon->config->daemon.recorder.memory);
    offer_all(daemon);
}

static void log_trigger(const struct recorder_status *status)
{
    bool has_port = status->port[0] != '\0';

    log_notice("recorder: triggered by %s%s%s", recorder_trigger_name(status->trigger),
               has_port ? " on port " : "", status->port);
}

void daemon_on_recorder(void *arg, const struct recorder_status *status)
{
    struct daemon *daemon = arg;
    struct bus_event event = {.what = BUS_RECORDER_ARM, .recorder = status};

    if (status->state == RECORDER_TRIGGERED) {
        event.what = BUS_RECORDER_TRIGGER;
        log_trigger(status);
    } else if (status->state == RECORDER_FROZEN) {
        event.what = BUS_RECORDER_FREEZE;
    }
    daemon_tell(daemon, &event);
}

bool daemon_freeze_recorder(struct daemon *daemon)
{
    return recorder_freeze(daemon->capture);
}

bool daemon_arm_recorder(struct daemon *daemon)
{
    bool is_armed = recorder_arm(daemon->capture);

    offer_all(daemon);
    return is_armed;
}

struct recorder_status daemon_recorder(const struct daemon *daemon)
{
    return recorder_status(daemon->capture);
}

const uint64_t *daemon_recorder_counts(const struct daemon *daemon)
{
    return recorder_counts(daemon->capture);
}

/* ---- captures ---- */

int daemon_start_capture(struct daemon *daemon, const struct capture_params *params, int *ret_fd)
{
    int r = capture_start(daemon->capture, params, ret_fd);

    if (r == 0)
        offer_all(daemon);
    return r;
}

/* ---- latency ---- */

void managed_bridge_set_latency(struct managed_bridge *mb, const struct config_bridge *config)
{
    struct latency *latency = bridge_latency(mb->bridge);

    if (latency && config->latency.every != 0) {
        latency_set_every(latency, config->latency.every);
        return;
    }
    latency = NULL;
    if (config->latency.every != 0 &&
        latency_new(config->latency.every, LIMIT_PORTS, clock_wall, &latency) < 0)
        log_warning("bridge %s: there is no memory for latency", config->name);
    bridge_set_latency(mb->bridge, latency);
}
