/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "doctor.h"
#include "ringspan/config.h"

static struct doctor_port *add_port(struct doctor_facts *facts)
{
    bool is_full = (facts->n_ports & (facts->n_ports - 1)) == 0;
    struct doctor_port *bigger = facts->ports;

    if (is_full)
        bigger =
            reallocarray(bigger, facts->n_ports ? 2 * (size_t)facts->n_ports : 1, sizeof(*bigger));
    if (!bigger)
        return NULL;
    facts->ports = bigger;
    bigger[facts->n_ports] = (struct doctor_port){0};
    return &bigger[facts->n_ports++];
}

static void copy_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

#define COPY_TEXT(to, text) copy_text((to), sizeof(to), (text))

/* ---- ports of a daemon ---- */

static const char *field(struct json_object *row, const char *name)
{
    return json_object_get_string(cli_field(row, name));
}

static bool take_port(struct doctor_facts *facts, struct json_object *row)
{
    struct doctor_port *port = add_port(facts);
    const char *ifname = field(row, "IFNAME");

    if (!port)
        return false;
    COPY_TEXT(port->name, field(row, "NAME"));
    COPY_TEXT(port->bridge, field(row, "MASTER"));
    COPY_TEXT(port->ifname, ifname ? ifname : field(row, "CONFIGURED_IFNAME"));
    COPY_TEXT(port->netns, field(row, "NETNS"));
    COPY_TEXT(port->state, field(row, "STATE"));
    COPY_TEXT(port->reason, field(row, "REASON"));
    port->is_bound = cli_number(row, "IFINDEX") > 0;
    port->isolated = json_object_get_boolean(cli_field(row, "ISOLATED")) ? DOCTOR_YES : DOCTOR_NO;
    return true;
}

static int ask_daemon(const struct cli *cli, struct doctor_facts *facts, pid_t *ret_pid)
{
    struct ctl_client *client;
    struct ctl_reply reply;
    struct json_slice rest;
    struct json_object *row;
    struct ucred daemon;
    socklen_t len = sizeof(daemon);
    bool ok = true;
    int status = cli_begin(cli, "port.show", NULL, CLI_TIMEOUT_NS, &client, &reply);

    if (status != CLI_OK)
        return status;
    facts->has_daemon = true;
    if (getsockopt(ctl_client_fd(client), SOL_SOCKET, SO_PEERCRED, &daemon, &len) == 0)
        *ret_pid = daemon.pid;
    rest = json_text_inside(reply.result);
    while (ok && (row = cli_next_row(&rest))) {
        ok = take_port(facts, row);
        json_object_put(row);
    }
    ctl_reply_fini(&reply);
    ctl_client_close(client);
    return ok ? CLI_OK : cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}

/* ---- mirrors of a daemon ---- */

static bool take_source(struct doctor_facts *facts, const char *mirror, struct json_object *from)
{
    const char *port = json_object_get_string(json_object_object_get(from, "port"));
    struct doctor_source *bigger;

    if (!port)
        return true;
    bigger = reallocarray(facts->sources, facts->n_sources + 1, sizeof(*bigger));
    if (!bigger)
        return false;
    facts->sources = bigger;
    COPY_TEXT(bigger[facts->n_sources].mirror, mirror);
    COPY_TEXT(bigger[facts->n_sources].port, port);
    facts->n_sources++;
    return true;
}

static bool take_mirror(struct doctor_facts *facts, struct json_object *row)
{
    struct json_object *from = cli_field(row, "FROM");
    struct doctor_mirror *bigger =
        reallocarray(facts->mirrors, facts->n_mirrors + 1, sizeof(*bigger));
    struct doctor_mirror *mirror;
    bool ok = true;

    if (!bigger)
        return false;
    facts->mirrors = bigger;
    mirror = &bigger[facts->n_mirrors++];
    COPY_TEXT(mirror->name, field(row, "MIRROR"));
    COPY_TEXT(mirror->bridge, field(row, "MASTER"));
    COPY_TEXT(mirror->output_port, field(row, "OUTPUT_PORT"));
    mirror->output_vlan = (uint32_t)cli_number(row, "OUTPUT_VLAN");
    mirror->is_ready = json_object_get_boolean(cli_field(row, "READY"));
    for (size_t i = 0; ok && from && i < json_object_array_length(from); i++)
        ok = take_source(facts, mirror->name, json_object_array_get_idx(from, i));
    return ok;
}

static int ask_for_mirrors(const struct cli *cli, struct doctor_facts *facts)
{
    struct ctl_reply reply;
    struct json_slice rest;
    struct json_object *row;
    bool ok = true;
    int status = cli_call(cli, "mirror.show", NULL, CLI_TIMEOUT_NS, &reply);

    if (status != CLI_OK)
        return status;
    rest = json_text_inside(reply.result);
    while (ok && (row = cli_next_row(&rest))) {
        ok = take_mirror(facts, row);
        json_object_put(row);
    }
    ctl_reply_fini(&reply);
    return ok ? CLI_OK : cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}

/* ---- ports of a file ---- */

static bool take_config(struct doctor_facts *facts, const struct config *config)
{
    for (uint32_t b = 0; b < config->n_bridges; b++) {
        for (uint32_t i = 0; i < config->bridges[b].n_ports; i++) {
            const struct config_port *from = &config->bridges[b].ports[i];
            struct doctor_port *port;

            if (*from->match)
                continue;
            port = add_port(facts);
            if (!port)
                return false;
            COPY_TEXT(port->name, from->name);
            COPY_TEXT(port->bridge, config->bridges[b].name);
            COPY_TEXT(port->ifname, from->ifname);
            COPY_TEXT(port->netns, from->netns);
        }
    }
    return true;
}

static int read_file(const char *path, struct doctor_facts *facts)
{
    struct config_report report;
    struct config *config = NULL;
    int status = CLI_OK;

    if (config_load(path, &config, &report) < 0) {
        config_report_print(&report, stderr);
        status = CLI_INVALID;
    } else if (!take_config(facts, config)) {
        status = cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    }
    config_report_fini(&report);
    config_free(config);
    return status;
}

/* ---- output ---- */

/* Names are the kernel's, and a terminal does what it is told. */
static void print_safely(const char *text)
{
    for (; *text; text++) {
        bool is_c1 =
            text[0] == '\xc2' && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0;

        fputc((unsigned char)*text < ' ' || *text == 0x7f || is_c1 ? '?' : *text, stdout);
    }
}

static void print_finding(const struct doctor_finding *finding)
{
    printf("%s %s: ", finding->is_problem ? "PROBLEM" : "note   ", finding->check);
    if (*finding->port) {
        fputs("port ", stdout);
        print_safely(finding->port);
        fputs(": ", stdout);
    }
    print_safely(finding->sentence);
    fputs("\n    ", stdout);
    print_safely(finding->cure);
    fputc('\n', stdout);
}

/* What was not seen may be ill: that is not called well. */
static void print_table(const struct doctor_facts *facts, const struct doctor_report *report,
                        bool has_seen_all)
{
    uint32_t n_checks;

    doctor_checks(&n_checks);
    for (uint32_t i = 0; i < report->n_findings; i++)
        print_finding(&report->findings[i]);
    if (report->n_findings == 0)
        printf("%s: %u checks, %u %s\n", has_seen_all ? "all is well" : "nothing found", n_checks,
               facts->n_ports, facts->n_ports == 1 ? "port" : "ports");
}

static void write_json(struct json_writer *writer, const struct doctor_report *report)
{
    json_open_array(writer, NULL);
    for (uint32_t i = 0; i < report->n_findings; i++) {
        const struct doctor_finding *finding = &report->findings[i];

        json_open_object(writer, NULL);
        json_put_string(writer, "check", finding->check);
        json_put_string(writer, "severity", finding->is_problem ? "problem" : "note");
        json_put_string(writer, "port", *finding->port ? finding->port : NULL);
        json_put_string(writer, "finding", finding->sentence);
        json_put_string(writer, "cure", finding->cure);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static int print_report(const struct cli *cli, const struct doctor_facts *facts,
                        const struct doctor_report *report, bool has_seen_all)
{
    struct byte_queue out;
    struct json_writer writer;

    if (report->has_failed)
        return cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
    if (!cli->json) {
        print_table(facts, report, has_seen_all);
    } else {
        byte_queue_init(&out, SIZE_MAX);
        json_writer_init(&writer, &out);
        write_json(&writer, report);
        cli_print_json(cli, (struct json_slice){byte_queue_data(&out), out.len});
        byte_queue_fini(&out);
    }
    return doctor_report_has_problem(report) ? CLI_UNWELL : CLI_OK;
}

static int examine(const struct cli *cli, struct doctor_facts *facts, pid_t pid)
{
    struct doctor_report report;
    int status;
    int r;

    doctor_look_at_machine(facts, facts->has_daemon ? pid : 0);
    r = doctor_look_at_ports(facts, pid);
    if (r < 0)
        fprintf(stderr, "ringspan: warning: not all interfaces could be looked at: %s%s\n",
                strerror(-r), r == -EPERM ? " (root may look)" : "");
    doctor_examine(facts, &report);
    status = print_report(cli, facts, &report, r == 0);
    doctor_report_fini(&report);
    return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    struct doctor_facts facts = {0};
    pid_t pid = getpid();
    int status;

    if (argc > 1)
        return cli_fail(CLI_USAGE, "`ringspan doctor` takes one file at most: '%s'", argv[1]);
    status = argc == 1 ? read_file(argv[0], &facts) : ask_daemon(cli, &facts, &pid);
    if (status == CLI_OK && facts.has_daemon)
        status = ask_for_mirrors(cli, &facts);
    if (status == CLI_UNREACHABLE)
        fputs("ringspan: the machine is looked at alone; `ringspan doctor FILE` looks at the ports "
              "of a file\n",
              stderr);
    if (status == CLI_OK || status == CLI_UNREACHABLE)
        status = examine(cli, &facts, pid);
    free(facts.sources);
    free(facts.mirrors);
    free(facts.ports);
    return status;
}

const struct cli_command cli_doctor = {
    .name = "doctor",
    .summary = "looks for what goes wrong in labs again and again, and names the cure",
    .help =
        "Usage: ringspan doctor [FILE]\n\n"
        "Looks at the daemon's ports, their interfaces and this machine, or, without a daemon,\n"
        "at those of FILE. It changes nothing. Root sees the most. The status is 7 if there is\n"
        "a problem; notes may be as they are meant to be.\n\n"
        "Example: ringspan doctor\n"
        "         ringspan -j doctor | jq -r '.[].cure'\n",
    .run = run,
};
