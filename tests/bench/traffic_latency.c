/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ringspan/clock.h"
#include "traffic_commands.h"
#include "traffic_ping.h"
#include "traffic_report.h"
#include "traffic_teach.h"

#define MARGIN_NS (100 * NS_PER_MS) /* the load begins before the first round trip, ends after */

/* The load beside the round trips, in a thread. */
struct background {
    struct traffic_options *options;
    struct traffic_net net;
    struct traffic_load load;
    struct traffic_result result;
    pthread_t thread;
    int error;
};

static void *run_load(void *arg)
{
    struct background *b = arg;

    b->error = traffic_run(&b->net, b->options, &b->load, &b->result);
    return NULL;
}

static int start_load(struct background *b)
{
    const struct traffic_options *options = b->options;
    const struct traffic_shape shape = {.size = (uint32_t)options->load_size,
                                        .ethertype = TRAFFIC_ETHERTYPE,
                                        .is_ip = options->is_ip};
    uint64_t untaught;
    int r = traffic_net_open(&options->layout, &shape, (uint32_t)options->burst, &b->net);

    if (r < 0)
        return r;
    b->load = (struct traffic_load){
        .pps = (double)options->load_pps,
        .duration_ns = options->warmup_ns + options->duration_ns + 2 * MARGIN_NS,
    };
    r = traffic_teach(options, &untaught);
    if (r == 0) {
        r = -pthread_create(&b->thread, NULL, run_load, b);
        if (r < 0)
            fprintf(stderr, "ringspan-traffic: cannot start the load: %s\n", strerror(-r));
    }
    if (r < 0)
        traffic_net_close(&b->net);
    return r;
}

static void put_cpu(struct json_writer *out, const char *key, const cpu_set_t *cpus)
{
    int cpu = 0;

    if (CPU_COUNT(cpus) == 0) {
        json_put_null(out, key);
        return;
    }
    while (!CPU_ISSET(cpu, cpus))
        cpu++;
    json_put_u64(out, key, (uint64_t)cpu);
}

static void put_trips(struct json_writer *out, const struct traffic_round_trips *trips)
{
    json_put_u64(out, "count", trips->count);
    json_put_u64(out, "lost", trips->lost);
    json_put_u64(out, "corrupted", trips->corrupted);
    json_put_u64(out, "p50", trips->p50);
    json_put_u64(out, "p99", trips->p99);
    json_put_u64(out, "p99_9", trips->p99_9);
    json_put_u64(out, "min", trips->min);
    json_put_u64(out, "max", trips->max);
    traffic_put_real(out, "mean", trips->mean, 1);
    json_put_u64(out, "elapsed_ns", trips->elapsed_ns);
    json_open_object(out, "cpu");
    traffic_put_cpu(out, &trips->cpu);
    json_close_object(out);
}

static struct traffic_ping ping_of(const struct traffic_options *options,
                                   const struct traffic_layout *layout)
{
    return (struct traffic_ping){
        .layout = layout,
        .stream = layout->streams[0],
        .size = (uint32_t)options->size,
        .count = options->count,
        .duration_ns = options->duration_ns,
        .interval_ns = options->interval_ns,
        .patience_ns = options->patience_ns,
        .cpu_a = &options->cpu_a,
        .cpu_b = &options->cpu_b,
        .pids = options->pids,
        .n_pids = options->n_pids,
    };
}

static int ping_beside_load(struct background *b, const struct traffic_ping *ping,
                            struct traffic_round_trips *ret_trips)
{
    struct traffic_round_trips trips;
    struct traffic_ping before = *ping;
    int r = start_load(b);

    if (r < 0)
        return r;
    /* Until the load flows evenly, whatever they measure does not count. */
    before.duration_ns = b->options->warmup_ns + MARGIN_NS;
    before.interval_ns = NS_PER_MS;
    before.count = before.duration_ns / NS_PER_MS + 1;
    r = traffic_ping(&before, &trips);
    if (r == 0)
        r = traffic_ping(ping, ret_trips);
    pthread_join(b->thread, NULL);
    traffic_net_close(&b->net);
    return r < 0 ? r : b->error;
}

int traffic_command_latency(struct traffic_options *options, struct json_writer *out)
{
    const struct traffic_ping ping = ping_of(options, &options->ping);
    struct background background = {.options = options};
    struct traffic_round_trips trips;
    int r = options->load_pps > 0 ? ping_beside_load(&background, &ping, &trips)
                                  : traffic_ping(&ping, &trips);

    if (r < 0)
        return r;
    json_put_u64(out, "size", options->size);
    put_trips(out, &trips);
    if (options->load_pps > 0) {
        json_open_object(out, "load");
        traffic_put_result(out, &options->layout, &background.result);
        json_close_object(out);
    } else {
        json_put_null(out, "load");
    }
    put_cpu(out, "cpu_a", &options->cpu_a);
    put_cpu(out, "cpu_b", &options->cpu_b);
    traffic_result_fini(&background.result);
    return 0;
}

static int put_ceiling(struct traffic_options *options, uint32_t size, struct json_writer *out)
{
    const struct traffic_shape shape = {
        .size = size, .ethertype = TRAFFIC_ETHERTYPE, .is_ip = options->is_ip};
    const struct traffic_load load = {.duration_ns = options->duration_ns};
    struct traffic_result result;
    struct traffic_net net;
    int r = traffic_net_open(&options->layout, &shape, (uint32_t)options->burst, &net);

    if (r < 0)
        return r;
    r = traffic_run(&net, options, &load, &result);
    if (r == 0) {
        json_open_object(out, NULL);
        json_put_u64(out, "size", size);
        traffic_put_real(out, "tx_pps", result.total.tx_pps, 1);
        traffic_put_real(out, "rx_pps", result.total.rx_pps, 1);
        traffic_put_real(out, "loss", traffic_loss(&result.total), 6);
        json_put_u64(out, "sink_dropped", result.sink_dropped);
        json_close_object(out);
        traffic_result_fini(&result);
    }
    traffic_net_close(&net);
    return r;
}

int traffic_command_self(struct traffic_options *options, struct json_writer *out)
{
    static const uint32_t sizes[] = {60, 124, 252, 508, 1020, 1276, 1514, TRAFFIC_SIZE_MAX};
    const struct traffic_ping ping = ping_of(options, &options->layout);
    struct traffic_round_trips trips;
    int limit = traffic_frame_limit(&options->layout.ends[options->layout.streams[0].from.end]);
    int r = limit < 0 ? limit : 0;

    json_open_array(out, "ceiling");
    for (size_t i = 0; r == 0 && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (sizes[i] <= (uint32_t)limit)
            r = put_ceiling(options, sizes[i], out);
    }
    json_close_array(out);
    if (r == 0)
        r = traffic_ping(&ping, &trips);
    if (r == 0) {
        json_open_object(out, "latency");
        put_trips(out, &trips);
        json_close_object(out);
    }
    return r;
}
