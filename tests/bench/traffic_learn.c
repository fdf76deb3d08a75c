/* SPDX-License-Identifier: ISC */
#include <sys/random.h>

#include "ringspan/clock.h"
#include "traffic_commands.h"
#include "traffic_report.h"
#include "traffic_teach.h"

#define LOCAL        (UINT64_C(0x06) << 40)
#define MARGIN_NS    NS_PER_SEC
#define PPS_AT_LEAST 50000 /* of `max`: for how long it may take */

/* Addresses that no earlier run has used: room for 2^24 behind two random bytes. */
static uint64_t fresh_mac(void)
{
    uint16_t random = 0;

    (void)!getrandom(&random, sizeof(random), 0);
    return LOCAL | (uint64_t)random << 24;
}

/* @count frames of one stream, each with its own address on the learner's side. */
static int send_all(const struct traffic_options *options, const struct traffic_stream *stream,
                    uint64_t pps, struct traffic_result *ret_result)
{
    const struct traffic_shape shape = {.size = (uint32_t)options->size,
                                        .ethertype = TRAFFIC_ETHERTYPE};
    const struct traffic_load load = {
        .pps = (double)pps,
        .limit = options->count,
        .duration_ns = options->count * NS_PER_SEC / (pps > 0 ? pps : PPS_AT_LEAST) + MARGIN_NS,
    };
    struct traffic_options one = *options;
    struct traffic_net net;
    int r;

    one.layout.streams = (struct traffic_stream *)stream;
    one.layout.n_streams = 1;
    one.n_src_macs = stream->from.end == options->learner.end ? options->count : 1;
    one.n_dst_macs = stream->from.end == options->learner.end ? 1 : options->count;
    one.warmup_ns = 0;
    r = traffic_net_open(&one.layout, &shape, (uint32_t)one.burst, &net);
    if (r < 0)
        return r;
    r = traffic_run(&net, &one, &load, ret_result);
    traffic_net_close(&net);
    return r;
}

/* The switch gets to know the tester and nobody else. */
static int introduce_tester(const struct traffic_options *options)
{
    struct traffic_stream hello = {.from = options->tester, .to = {.end = TRAFFIC_TO_ALL}};
    struct traffic_options one = *options;
    uint64_t untaught;

    one.layout.streams = &hello;
    one.layout.n_streams = 1;
    return traffic_teach(&one, &untaught);
}

static void put_outcome(struct json_writer *out, const struct traffic_options *options,
                        const struct traffic_result *learning, const struct traffic_result *test)
{
    const struct traffic_counts *counts = &test->total;
    double seconds = (double)learning->sending_ns / (double)NS_PER_SEC;
    uint64_t learned = counts->received > counts->flooded ? counts->received - counts->flooded : 0;
    struct traffic_damage damage = {0};

    json_put_u64(out, "count", options->count);
    traffic_put_real(out, "learn_pps", seconds > 0 ? (double)learning->total.sent / seconds : 0, 1);
    json_put_u64(out, "learning_sent", learning->total.sent);
    json_put_u64(out, "learning_received", learning->total.received);
    json_put_u64(out, "tested", counts->sent);
    json_put_u64(out, "learned", learned);
    json_put_u64(out, "flooded", counts->flooded);
    json_put_u64(out, "lost", counts->lost);
    traffic_damage_add(&damage, &learning->total);
    traffic_damage_add(&damage, counts);
    traffic_put_damage(out, &damage);
    json_put_u64(out, "refused", learning->total.refused + counts->refused);
    json_put_u64(out, "sink_dropped", learning->sink_dropped + test->sink_dropped);
}

int traffic_command_learn(struct traffic_options *options, struct json_writer *out)
{
    const struct traffic_point addresses = {
        .end = options->learner.end,
        .mac = options->first_mac > 0 ? options->first_mac : fresh_mac(),
    };
    const struct traffic_stream there = {.from = addresses, .to = options->tester};
    const struct traffic_stream back = {.from = options->tester, .to = addresses};
    struct traffic_result learning;
    struct traffic_result test;
    int r = introduce_tester(options);

    if (r < 0)
        return r;
    r = send_all(options, &there, options->learn_pps, &learning);
    if (r < 0)
        return r;
    r = send_all(options, &back, options->test_pps, &test);
    if (r == 0) {
        put_outcome(out, options, &learning, &test);
        traffic_result_fini(&test);
    }
    traffic_result_fini(&learning);
    return r;
}
