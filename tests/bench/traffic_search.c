/* SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <string.h>

#include "traffic_commands.h"
#include "traffic_report.h"
#include "traffic_teach.h"

#define TRIALS_MAX 40
#define LOWEST_PPS 100
/* A trial in which less was sent than this part of what was meant says nothing about the rate that
 * was meant. */
#define ENOUGH 0.97

struct trial {
    double intended_pps;
    double tx_pps;
    double rx_pps;
    double loss;
    uint64_t sink_dropped;
    bool passed;
};

struct search {
    const struct traffic_options *options;
    struct traffic_net net;
    struct trial trials[TRIALS_MAX];
    uint32_t n_trials;
    struct traffic_result best;
    bool has_best;
    struct traffic_damage damage; /* of all trials: those that fail are where there is some */
};

static bool has_passed(const struct search *search, const struct traffic_result *result)
{
    return traffic_loss(&result->total) <= search->options->loss && result->sink_dropped == 0 &&
           result->total.received > 0;
}

/* All streams together at @pps; 0: as fast as it goes. */
static int run_trial(struct search *search, double pps, struct trial *ret_trial)
{
    const struct traffic_load load = {
        .pps = pps / search->options->layout.n_streams,
        .duration_ns = search->options->trial_ns + search->options->warmup_ns,
    };
    struct traffic_result result;
    int r = traffic_run(&search->net, search->options, &load, &result);

    if (r < 0)
        return r;
    *ret_trial = (struct trial){
        .intended_pps = pps,
        .tx_pps = result.total.tx_pps,
        .rx_pps = result.total.rx_pps,
        .loss = traffic_loss(&result.total),
        .sink_dropped = result.sink_dropped,
        .passed = has_passed(search, &result),
    };
    search->trials[search->n_trials++] = *ret_trial;
    traffic_damage_add(&search->damage, &result.total);
    if (ret_trial->passed &&
        (!search->has_best || result.total.tx_pps > search->best.total.tx_pps)) {
        if (search->has_best)
            traffic_result_fini(&search->best);
        search->best = result;
        search->has_best = true;
    } else {
        traffic_result_fini(&result);
    }
    return 0;
}

static int run_trials(struct search *search, double pps, struct trial *ret_trial)
{
    uint64_t tries = search->options->retries + 1;
    int r;

    do {
        r = run_trial(search, pps, ret_trial);
    } while (r == 0 && !ret_trial->passed && --tries > 0 && search->n_trials < TRIALS_MAX);
    return r;
}

static int halve(struct search *search, const struct trial *ceiling)
{
    double low = 0;
    double high = search->options->max_pps > 0 ? (double)search->options->max_pps : ceiling->tx_pps;
    double middle = ceiling->rx_pps > 0 && ceiling->rx_pps < high ? ceiling->rx_pps : high / 2;

    while (search->n_trials < TRIALS_MAX && high > LOWEST_PPS &&
           high > low * (1 + search->options->resolution)) {
        struct trial trial;
        int r = run_trials(search, middle, &trial);

        if (r < 0)
            return r;
        if (trial.passed && trial.tx_pps >= ENOUGH * middle) {
            low = middle;
        } else {
            if (trial.passed && trial.tx_pps > low)
                low = trial.tx_pps;
            high = middle;
        }
        middle = (low + high) / 2;
    }
    return 0;
}

static void put_trials(const struct search *search, struct json_writer *out)
{
    json_open_array(out, "trials");
    for (uint32_t i = 0; i < search->n_trials; i++) {
        const struct trial *trial = &search->trials[i];

        json_open_object(out, NULL);
        traffic_put_real(out, "intended_pps", trial->intended_pps, 1);
        traffic_put_real(out, "tx_pps", trial->tx_pps, 1);
        traffic_put_real(out, "rx_pps", trial->rx_pps, 1);
        traffic_put_real(out, "loss", trial->loss, 6);
        json_put_u64(out, "sink_dropped", trial->sink_dropped);
        json_put_bool(out, "passed", trial->passed);
        json_close_object(out);
    }
    json_close_array(out);
}

static void put_search(const struct search *search, struct json_writer *out)
{
    const struct trial *ceiling = &search->trials[0];

    json_put_u64(out, "size", search->options->size);
    traffic_put_real(out, "loss_limit", search->options->loss, 6);
    json_put_bool(out, "found", search->has_best);
    traffic_put_real(out, "pps", search->has_best ? search->best.total.tx_pps : 0, 1);
    traffic_put_real(out, "rx_pps", search->has_best ? search->best.total.rx_pps : 0, 1);
    traffic_put_real(out, "loss", search->has_best ? traffic_loss(&search->best.total) : 1, 6);
    traffic_put_real(out, "ceiling_pps", ceiling->tx_pps, 1);
    traffic_put_real(out, "ceiling_rx_pps", ceiling->rx_pps, 1);
    traffic_put_real(out, "ceiling_loss", ceiling->loss, 6);
    traffic_put_damage(out, &search->damage);
    put_trials(search, out);
    if (search->has_best) {
        json_open_object(out, "best");
        traffic_put_result(out, &search->options->layout, &search->best);
        json_close_object(out);
    } else {
        json_put_null(out, "best");
    }
}

int traffic_command_search(struct traffic_options *options, struct json_writer *out)
{
    const struct traffic_shape shape = {
        .size = (uint32_t)options->size, .ethertype = TRAFFIC_ETHERTYPE, .is_ip = options->is_ip};
    struct search search = {.options = options};
    struct trial ceiling;
    uint64_t untaught;
    int r = traffic_net_open(&options->layout, &shape, (uint32_t)options->burst, &search.net);

    if (r < 0)
        return r;
    r = traffic_teach(options, &untaught);
    if (r == 0)
        r = run_trial(&search, 0, &ceiling);
    if (r == 0 && !ceiling.passed)
        r = halve(&search, &ceiling);
    if (r == 0)
        put_search(&search, out);
    traffic_result_fini(&search.best);
    traffic_net_close(&search.net);
    return r;
}
