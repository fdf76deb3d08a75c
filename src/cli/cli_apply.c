/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli_command.h"
#include "ringspan/config.h"

#define NOBODY_EXECUTES 8u /* MFD_NOEXEC_SEAL: kernels before 6.3 do not know it */
#define SEALS           (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* ---- the text ---- */

static const char *source_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

static int judge(const char *path, const char *text, size_t len)
{
    struct config_report report;
    struct config *config = NULL;
    int r = config_parse(source_of(path), text, len, &config, &report);

    if (r < 0)
        config_report_print(&report, stderr);
    config_report_fini(&report);
    config_free(config);
    return r < 0 ? CLI_INVALID : CLI_OK;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0)
            return -errno;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A file in memory that nobody can change any more, this process included. */
static int seal(const char *text, size_t len, int *ret_fd)
{
    int fd = memfd_create("ringspan", MFD_CLOEXEC | MFD_ALLOW_SEALING | NOBODY_EXECUTES);
    int r;

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("ringspan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    r = write_all(fd, text, len);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        r = -errno;
    if (r < 0)
        close(fd);
    else
        *ret_fd = fd;
    return r;
}

/* Reads and judges the file as `ringspan check` does. */
static int prepare(const char *path, int *ret_fd)
{
    struct config_report report;
    char *text = NULL;
    size_t len = 0;
    int status = CLI_INVALID;
    int r = config_read(path, &text, &len, &report);

    if (r < 0)
        config_report_print(&report, stderr);
    else
        status = judge(path, text, len);
    config_report_fini(&report);
    if (status == CLI_OK) {
        r = seal(text, len, ret_fd);
        status = r < 0 ? cli_fail(CLI_REFUSED, "%s", strerror(-r)) : CLI_OK;
    }
    free(text);
    return status;
}

/* ---- how long ---- */

static const struct {
    const char *name;
    unsigned long long seconds;
} units[] = {{"", 1}, {"s", 1}, {"sec", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};

static bool parse_duration(const char *text, uint32_t *ret_seconds)
{
    unsigned long long number;
    char *unit;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    number = strtoull(text, &unit, 10);
    if (errno || number == 0 || number > LIMIT_CONFIRM_SECONDS)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        *ret_seconds = (uint32_t)(number * units[i].seconds);
        return number * units[i].seconds <= LIMIT_CONFIRM_SECONDS;
    }
    return false;
}

/* ---- apply ---- */

static int call(const struct cli *cli, const char *path, int fd, uint32_t confirm)
{
    struct json_writer writer;
    struct byte_queue params;
    struct ctl_reply reply;
    int status;

    byte_queue_init(&params, SIZE_MAX);
    json_writer_init(&writer, &params);
    json_open_object(&writer, NULL);
    json_put_string(&writer, "source", source_of(path));
    if (confirm > 0)
        json_put_u64(&writer, "confirm", confirm);
    json_close_object(&writer);
    byte_queue_append(&params, "", 1);
    status =
        cli_call_with_fd(cli, "config.apply", byte_queue_data(&params), fd, CLI_TIMEOUT_NS, &reply);
    byte_queue_fini(&params);
    if (status != CLI_OK)
        return status;
    status = cli_print_applied(cli, reply.result);
    ctl_reply_fini(&reply);
    if (status == CLI_OK && confirm > 0 && !cli->json)
        printf("until `ringspan confirm`, for %u s; then as before\n", confirm);
    return status;
}

static int run_apply(const struct cli *cli, int argc, char **argv)
{
    uint32_t confirm = 0;
    int status;
    int fd = -1;

    if (argc != 1)
        return cli_fail(CLI_USAGE, "`ringspan apply` takes one FILE (or -)");
    if (cli->confirm && !parse_duration(cli->confirm, &confirm))
        return cli_fail(CLI_USAGE, "--confirm: '%s' is no time from 1s to 24h: 60s, 5min, 1h",
                        cli->confirm);
    status = prepare(argv[0], &fd);
    if (status != CLI_OK)
        return status;
    status = call(cli, argv[0], fd, confirm);
    close(fd);
    return status;
}

const struct cli_command cli_apply = {
    .name = "apply",
    .summary = "the daemon changes to another file, until a reload or on trial",
    .help =
        "Usage: ringspan apply FILE [--confirm TIME]\n\n"
        "Runs what FILE says (- is standard input) until the next reload or start, which return\n"
        "to the daemon's own file. Prints the steps as `ringspan reload` does. A file that is not\n"
        "valid changes nothing: status 4, and every error.\n\n"
        "With --confirm everything becomes as before after TIME (60s, 5min, 1h), unless\n"
        "`ringspan confirm` comes first; until then nothing else can be changed. So whoever cuts\n"
        "the way to this machine gets it back.\n\n"
        "Example: ringspan apply new.json --confirm 60s\n",
    .takes_confirm = true,
    .run = run_apply,
};

/* ---- confirm ---- */

static int run_confirm(const struct cli *cli, int argc, char **argv)
{
    struct ctl_reply reply;
    int status;

    if (argc > 0)
        return cli_fail(CLI_USAGE, "`ringspan confirm` takes no words: '%s'", argv[0]);
    status = cli_call(cli, "config.confirm", NULL, CLI_TIMEOUT_NS, &reply);
    if (status != CLI_OK)
        return status;
    if (cli->json)
        puts("[]");
    ctl_reply_fini(&reply);
    return CLI_OK;
}

const struct cli_command cli_confirm = {
    .name = "confirm",
    .summary = "keeps what `ringspan apply --confirm` changed",
    .help = "Usage: ringspan confirm\n\n"
            "Ends with status 2 if there is nothing to confirm: nothing was applied on trial, or\n"
            "its time was over.\n\n"
            "Example: ringspan confirm\n",
    .run = run_confirm,
};
