/* SPDX-License-Identifier: ISC */
#include "ringspan/reloader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringspan/log.h"
#include "ringspan/workers.h"

struct reloader {
    struct reloader_params params;
    struct workers *workers;
    char *path;
    bool is_busy;
    bool is_wanted_again; /* nobody waits for it: a signal that came meanwhile */
    bool is_dying;
    reload_fn fn;
    void *arg;

    /* Of the helper thread, while busy. Nobody but apply() replaces what runs. */
    const struct config *now;
    int error;
    struct config *config; /* NULL if the file is not valid */
    struct config_report report;
    struct plan plan;
};

/* Not realpath(3): a link on the way may lead to another file by the time of the next reload, which
 * is how a configuration is replaced in one step. */
static int make_absolute(const char *path, char **ret_path)
{
    char *folder = NULL;
    char *absolute;
    int n;

    if (*path != '/') {
        folder = getcwd(NULL, 0);
        if (!folder)
            return -errno;
    }
    n = asprintf(&absolute, "%s%s%s", folder ? folder : "", folder ? "/" : "", path);
    free(folder);
    if (n < 0)
        return -ENOMEM;
    *ret_path = absolute;
    return 0;
}

int reloader_new(const struct reloader_params *params, struct reloader **ret)
{
    struct reloader *reloader = calloc(1, sizeof(*reloader));
    int r = 0;

    if (!reloader)
        return -ENOMEM;
    reloader->params = *params;
    if (strcmp(params->path, "-") != 0)
        r = make_absolute(params->path, &reloader->path);
    if (r == 0)
        r = workers_new(params->loop, 1, &reloader->workers);
    if (r < 0)
        reloader_free(reloader);
    else
        *ret = reloader;
    return r;
}

void reloader_free(struct reloader *reloader)
{
    if (!reloader)
        return;
    reloader->is_dying = true;
    workers_free(reloader->workers);
    free(reloader->path);
    free(reloader);
}

static void load(void *arg)
{
    struct reloader *reloader = arg;

    reloader->error = config_load(reloader->path, &reloader->config, &reloader->report);
    if (reloader->error == 0 && reloader->params.has_log_level)
        reloader->config->daemon.log.level = reloader->params.log_level;
    if (reloader->error == 0)
        reloader->error = plan_make(reloader->now, reloader->config, &reloader->plan);
}

static void log_plan(const struct plan *plan)
{
    uint32_t n[3] = {0};

    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct plan_step *step = &plan->steps[i];

        n[step->op]++;
        if (step->disruption == PLAN_DISRUPTS_RESTART)
            log_warning("reload: %s takes effect when the daemon is started again", step->key);
    }
    log_notice("reload: %u deleted, %u changed, %u added", n[PLAN_DEL], n[PLAN_CHANGE],
               n[PLAN_ADD]);
}

static void answer(struct reloader *reloader, const struct reload_result *result)
{
    reload_fn fn = reloader->fn;

    reloader->is_busy = false;
    reloader->fn = NULL;
    if (fn)
        fn(reloader->arg, result);
}

static void refuse(struct reloader *reloader)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    log_error("reload: %s is not valid: nothing changed", reloader->path);
    config_report_print(&reloader->report, stderr);
    if (stream) {
        config_report_print(&reloader->report, stream);
        fclose(stream);
    }
    answer(reloader, &(struct reload_result){.error = reloader->error, .report = text ? text : ""});
    free(text);
}

static void apply(struct reloader *reloader)
{
    struct reload_result result = {.error = reloader->error, .report = "", .plan = &reloader->plan};
    struct config *config = reloader->config;
    struct config *unused = config;

    if (result.error == 0) {
        log_plan(&reloader->plan);
        log_set_level(config->daemon.log.level);
        result.error = daemon_reload(reloader->params.daemon, config, &reloader->plan, &unused);
    }
    if (result.error < 0) {
        log_error("reload: %s", strerror(-result.error));
        result.report = strerror(-result.error);
        result.plan = NULL;
    }
    answer(reloader, &result);
    config_free(unused); /* not before: the plan refers to it */
}

static void loaded(void *arg)
{
    struct reloader *reloader = arg;

    if (reloader->is_dying)
        config_free(reloader->config);
    else if (reloader->config)
        apply(reloader);
    else
        refuse(reloader);
    plan_fini(&reloader->plan);
    config_report_fini(&reloader->report);
    reloader->config = NULL;
    if (reloader->is_wanted_again && !reloader->is_dying) {
        reloader->is_wanted_again = false;
        (void)reloader_start(reloader, NULL, NULL);
    }
}

int reloader_start(struct reloader *reloader, reload_fn fn, void *arg)
{
    int r;

    if (!reloader->path) {
        log_warning("reload: the configuration came from standard input and cannot be read again");
        return -ENXIO;
    }
    if (reloader->is_busy) {
        reloader->is_wanted_again = reloader->is_wanted_again || !fn;
        return fn ? -EALREADY : 0;
    }
    reloader->now = daemon_config(reloader->params.daemon);
    r = workers_submit(reloader->workers, load, loaded, reloader);
    if (r < 0)
        return r;
    reloader->is_busy = true;
    reloader->fn = fn;
    reloader->arg = arg;
    return 0;
}

void reloader_forget(struct reloader *reloader)
{
    reloader->fn = NULL;
}
