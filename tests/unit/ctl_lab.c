/* SPDX-License-Identifier: ISC */
#include "ctl_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct lab lab;

static const char text[] =
    "{\"version\":1,\"bridges\":["
    "{\"name\":\"lab0\",\"aging_time\":100,\"ports\":[{\"name\":\"rsp-r1\"},{\"name\":\"rsp-r2\"}]},"
    "{\"name\":\"lab1\",\"reserved\":\"all\",\"vlan_aware\":true,\"fdb\":{\"max_entries\":16},"
    "\"ports\":[{\"name\":\"rsp-r3\",\"vlan\":{\"mode\":\"native_untagged\",\"pvid\":10,"
    "\"allowed\":[\"20-29\"]}}]}]}";

void lab_write(const char *new_text)
{
    FILE *file = fopen(lab.file, "w");

    assert_non_null(file);
    assert_true(fputs(new_text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

int lab_memfd(const char *new_text, int seals)
{
    int fd = memfd_create("lab", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, new_text, strlen(new_text)), strlen(new_text));
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static int make_daemon(void)
{
    struct config_report report;
    struct config *config;
    int r = config_parse("lab.json", text, strlen(text), &config, &report);

    config_report_fini(&report);
    if (r < 0)
        return r;
    r = daemon_new(bench.loop, config, &lab.daemon);
    if (r < 0)
        config_free(config);
    return r;
}

static int make_changes(void)
{
    struct changes_params params = {.loop = bench.loop, .daemon = lab.daemon, .path = lab.file};

    snprintf(lab.file, sizeof(lab.file), "%s/lab.json", bench.dir);
    lab_write(text);
    return changes_new(&params, &lab.changes);
}

int lab_setup(void **state)
{
    struct ctl_server_params params;
    int r;

    memset(&lab, 0, sizeof(lab));
    r = bench_setup(state);
    if (r == 0)
        r = make_daemon();
    if (r == 0)
        r = make_changes();
    if (r == 0)
        r = ctl_commands_new(bench.loop, lab.daemon, lab.changes, &lab.commands);
    if (r < 0)
        return r;
    TURN_UNTIL(daemon_is_ready(lab.daemon));
    params = bench_params();
    params.commands = ctl_commands_table(&params.n_commands);
    params.context = lab.commands;
    return bench_start(params);
}

int lab_teardown(void **state)
{
    ctl_server_free(bench.server);
    bench.server = NULL;
    ctl_commands_free(lab.commands);
    changes_free(lab.changes);
    daemon_free(lab.daemon);
    unlink(lab.file);
    return bench_teardown(state);
}

static struct port *find(const char *name, struct bridge **ret_bridge)
{
    for (uint32_t i = 0; i < daemon_n_bridges(lab.daemon); i++) {
        *ret_bridge = daemon_bridge(lab.daemon, i);
        if (bridge_port_by_name(*ret_bridge, name))
            return bridge_port_by_name(*ret_bridge, name);
    }
    fail_msg("no port %s", name);
    return NULL;
}

void lab_learn(const char *port, uint16_t vid, uint64_t mac)
{
    struct bridge *bridge;
    port_id id = find(port, &bridge)->id;
    struct fdb_plan plan;

    fdb_plan_learn(bridge_fdb(bridge), vid, mac, id, daemon_now(lab.daemon), &plan);
    fdb_commit(bridge_fdb(bridge), &plan);
}

void lab_set_state(const char *port, enum port_state state, const char *why)
{
    struct bridge *bridge;
    port_id id = find(port, &bridge)->id;

    bridge_set_port_state(bridge, id, state, why);
}
