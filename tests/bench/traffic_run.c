/* SPDX-License-Identifier: ISC */
#include "traffic_run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "traffic_sender.h"
#include "traffic_sink.h"

#define LEAD_NS       (20 * NS_PER_MS) /* for the threads to get ready */
#define QUIET_NS      (40 * NS_PER_MS) /* the sink sees a frame 10 ms after it came at the latest */
#define LONG_QUIET_NS (200 * NS_PER_MS)
#define DRAIN_NS      (3 * NS_PER_SEC)
#define DRAIN_POLL_MS 5

struct run {
    struct traffic_net *net;
    const struct traffic_options *options;
    struct traffic_load load;
    struct traffic_window whole;
    struct traffic_window steady;
    struct traffic_sender *senders;
    uint32_t n_senders;
    struct traffic_sink *sink;
    struct traffic_cpu cpu[2]; /* when the steady part begins, and when it ends */
    uint64_t rx_cpu[2];
};

/* No two runs of a process have the same number, and those of different processes rarely. */
static uint16_t new_run_number(void)
{
    static uint16_t number;

    if (number == 0 && getrandom(&number, sizeof(number), 0) < 0)
        number = (uint16_t)getpid();
    return ++number;
}

static void wait_until(uint64_t when)
{
    for (;;) {
        uint64_t now = clock_now();
        struct timespec left;

        if (now >= when)
            return;
        left = (struct timespec){.tv_sec = (time_t)((when - now) / NS_PER_SEC),
                                 .tv_nsec = (long)((when - now) % NS_PER_SEC)};
        ppoll(NULL, 0, &left, NULL);
    }
}

static void read_cpu(struct run *run, int which)
{
    run->cpu[which] = traffic_cpu_read(run->options->pids, run->options->n_pids);
    run->rx_cpu[which] =
        traffic_cpu_of_thread(__atomic_load_n(&run->sink->cpu_fd, __ATOMIC_RELAXED));
}

/* Each sending end belongs to one sender, since only one thread may use its ring. */
static int deal_out(struct run *run)
{
    const struct traffic_layout *layout = run->net->layout;
    double burst = (double)(run->options->burst * NS_PER_SEC);
    uint64_t gap = run->load.pps > 0 ? (uint64_t)(burst / run->load.pps) : 0;

    run->n_senders = (uint32_t)run->options->tx_threads;
    run->senders = calloc(run->n_senders, sizeof(*run->senders));
    if (!run->senders)
        return -ENOMEM;
    for (uint32_t i = 0; i < run->n_senders; i++) {
        struct traffic_sender *sender = &run->senders[i];

        *sender = (struct traffic_sender){.net = run->net,
                                          .options = run->options,
                                          .run = run->sink->run,
                                          .whole = run->whole,
                                          .steady = run->steady};
        sender->sources = calloc(layout->n_streams, sizeof(*sender->sources));
        if (!sender->sources)
            return -ENOMEM;
        for (uint32_t j = 0; j < layout->n_streams; j++) {
            if (layout->streams[j].from.end % run->n_senders == i)
                sender->sources[sender->n_sources++] =
                    (struct traffic_source){.stream = j, .gap_ns = gap, .limit = run->load.limit};
        }
    }
    return 0;
}

static int send_all(struct run *run)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < run->n_senders; i++)
        r = traffic_sender_start(&run->senders[i]);
    if (r == 0 && run->load.limit == 0) {
        wait_until(run->steady.from);
        read_cpu(run, 0);
        wait_until(run->steady.to);
        read_cpu(run, 1);
    }
    for (uint32_t i = 0; i < run->n_senders; i++) {
        if (r < 0)
            __atomic_store_n(&run->senders[i].is_stopping, true, __ATOMIC_RELAXED);
        traffic_sender_join(&run->senders[i]);
        if (r == 0)
            r = run->senders[i].error;
    }
    return r;
}

static uint64_t count_expected(const struct run *run)
{
    const struct traffic_layout *layout = run->net->layout;
    uint64_t n = 0;

    for (uint32_t i = 0; i < run->n_senders; i++) {
        const struct traffic_sender *sender = &run->senders[i];

        for (uint32_t j = 0; j < sender->n_sources; j++) {
            bool is_broadcast = layout->streams[sender->sources[j].stream].to.end == TRAFFIC_TO_ALL;

            n += (uint64_t)sender->sources[j].seq * (is_broadcast ? layout->n_ends - 1 : 1);
        }
    }
    return n;
}

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Until nothing has come for a while: a short one if nothing is missing. */
static void drain(const struct run *run)
{
    uint64_t long_quiet = longer(LONG_QUIET_NS, run->options->patience_ns);
    uint64_t expected = count_expected(run);
    uint64_t progress = traffic_sink_progress(run->sink);
    uint64_t since = clock_now();
    uint64_t until = since + longer(DRAIN_NS, long_quiet);

    for (;;) {
        uint64_t now;
        uint64_t seen;

        poll(NULL, 0, DRAIN_POLL_MS);
        now = clock_now();
        seen = traffic_sink_progress(run->sink);
        if (seen != progress)
            since = now;
        progress = seen;
        if (now > until ||
            now - since > (traffic_sink_arrived(run->sink) >= expected ? QUIET_NS : long_quiet))
            return;
    }
}

static void fill_counts(const struct run *run, const struct traffic_source *source,
                        struct traffic_counts *ret_counts)
{
    const struct traffic_layout *layout = run->net->layout;
    const struct traffic_fate *fate = &run->sink->fates[source->stream];
    bool is_broadcast = layout->streams[source->stream].to.end == TRAFFIC_TO_ALL;
    double seconds = (double)(run->steady.to - run->steady.from) / (double)NS_PER_SEC;
    uint64_t expected = (uint64_t)source->seq * (is_broadcast ? layout->n_ends - 1 : 1);

    *ret_counts = (struct traffic_counts){
        .offered = source->seq + source->refused,
        .refused = source->refused,
        .sent = source->seq,
        .received = fate->received,
        .expected = expected,
        .lost = expected - fate->received,
        .duplicated = fate->duplicated,
        .reordered = fate->reordered,
        .corrupted = fate->corrupted,
        .late = fate->late,
        .misdelivered = fate->misdelivered,
        .flooded = fate->flooded,
        .tx_pps = (double)source->steady / seconds,
        .rx_pps = (double)fate->steady / seconds,
    };
}

static void add_counts(struct traffic_counts *total, const struct traffic_counts *counts)
{
    total->offered += counts->offered;
    total->refused += counts->refused;
    total->sent += counts->sent;
    total->received += counts->received;
    total->expected += counts->expected;
    total->lost += counts->lost;
    total->duplicated += counts->duplicated;
    total->reordered += counts->reordered;
    total->late += counts->late;
    total->misdelivered += counts->misdelivered;
    total->flooded += counts->flooded;
    total->tx_pps += counts->tx_pps;
    total->rx_pps += counts->rx_pps;
}

static uint64_t sending_time(const struct run *run)
{
    uint64_t end = run->whole.from;

    for (uint32_t i = 0; i < run->n_senders; i++) {
        if (run->senders[i].ended > end)
            end = run->senders[i].ended;
    }
    return end - run->whole.from;
}

static int fill_result(const struct run *run, struct traffic_result *ret_result)
{
    uint32_t n_streams = run->net->layout->n_streams;
    struct traffic_result result = {
        .intended_pps = (uint64_t)(run->load.pps * n_streams + 0.5),
        .duration_ns = run->whole.to - run->whole.from,
        .steady_ns = run->steady.to - run->steady.from,
        .sending_ns = sending_time(run),
        .streams = calloc(n_streams, sizeof(*result.streams)),
        .stale = run->sink->stale,
        .sink_dropped = run->sink->sink_dropped,
        .one_way = traffic_times_quantiles(&run->sink->times),
        .cpu = traffic_cpu_between(&run->cpu[0], &run->cpu[1]),
        .rx_cpu_ns = run->rx_cpu[1] - run->rx_cpu[0],
    };

    if (!result.streams)
        return -ENOMEM;
    if (run->sink->skew)
        result.skew = traffic_times_quantiles(&run->sink->skew->times);
    for (uint32_t i = 0; i < run->n_senders; i++) {
        const struct traffic_sender *sender = &run->senders[i];

        result.tx_cpu_ns += sender->cpu_ns;
        for (uint32_t j = 0; j < sender->n_sources; j++) {
            struct traffic_counts *counts = &result.streams[sender->sources[j].stream];

            fill_counts(run, &sender->sources[j], counts);
            add_counts(&result.total, counts);
        }
    }
    result.total.corrupted = run->sink->corrupted;
    *ret_result = result;
    return 0;
}

static void free_run(struct run *run)
{
    for (uint32_t i = 0; run->senders && i < run->n_senders; i++)
        free(run->senders[i].sources);
    free(run->senders);
    traffic_sink_free(run->sink);
}

int traffic_run(struct traffic_net *net, const struct traffic_options *options,
                const struct traffic_load *load, struct traffic_result *ret_result)
{
    uint64_t from = clock_now() + LEAD_NS;
    struct run run = {
        .net = net,
        .options = options,
        .load = *load,
        .whole = {from, from + load->duration_ns},
        .steady = {from + options->warmup_ns, from + load->duration_ns},
    };
    int r = traffic_sink_start(net, new_run_number(), &run.steady, &options->cpu_rx, &run.sink);

    if (r == 0)
        r = deal_out(&run);
    if (r == 0)
        r = send_all(&run);
    if (r == 0) {
        drain(&run);
        traffic_sink_stop(run.sink);
        r = fill_result(&run, ret_result);
    }
    free_run(&run);
    return r;
}

void traffic_result_fini(struct traffic_result *result)
{
    free(result->streams);
    *result = (struct traffic_result){0};
}

void traffic_damage_add(struct traffic_damage *damage, const struct traffic_counts *counts)
{
    damage->received += counts->received;
    damage->duplicated += counts->duplicated;
    damage->reordered += counts->reordered;
    damage->corrupted += counts->corrupted;
    damage->late += counts->late;
    damage->misdelivered += counts->misdelivered;
}
