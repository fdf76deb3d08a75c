/* SPDX-License-Identifier: ISC */
#include "traffic_report.h"

#include <stdio.h>

#include "ringspan/clock.h"

#define STREAMS_SHOWN 64

void traffic_put_real(struct json_writer *out, const char *key, double value, int digits)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%.*f", digits, value);

    json_put_raw(out, key, text, (size_t)len);
}

void traffic_put_damage(struct json_writer *out, const struct traffic_damage *damage)
{
    json_put_u64(out, "received", damage->received);
    json_put_u64(out, "duplicated", damage->duplicated);
    json_put_u64(out, "reordered", damage->reordered);
    json_put_u64(out, "corrupted", damage->corrupted);
    json_put_u64(out, "late", damage->late);
    json_put_u64(out, "misdelivered", damage->misdelivered);
}

void traffic_put_cpu(struct json_writer *out, const struct traffic_cpu *cpu)
{
    json_put_u64(out, "watched_ns", cpu->watched_ns);
    json_put_u64(out, "watched_switches", cpu->watched_switches);
    json_put_u64(out, "busy_ns", cpu->busy_ns);
    json_put_u64(out, "softirq_ns", cpu->softirq_ns);
}

static void put_counts(struct json_writer *out, const struct traffic_counts *counts)
{
    json_put_u64(out, "offered", counts->offered);
    json_put_u64(out, "refused", counts->refused);
    json_put_u64(out, "sent", counts->sent);
    json_put_u64(out, "received", counts->received);
    json_put_u64(out, "expected", counts->expected);
    json_put_u64(out, "lost", counts->lost);
    traffic_put_real(out, "loss", traffic_loss(counts), 6);
    json_put_u64(out, "duplicated", counts->duplicated);
    json_put_u64(out, "reordered", counts->reordered);
    json_put_u64(out, "corrupted", counts->corrupted);
    json_put_u64(out, "late", counts->late);
    json_put_u64(out, "misdelivered", counts->misdelivered);
    json_put_u64(out, "flooded", counts->flooded);
    traffic_put_real(out, "tx_pps", counts->tx_pps, 1);
    traffic_put_real(out, "rx_pps", counts->rx_pps, 1);
}

static void put_quantiles(struct json_writer *out, const char *key,
                          const struct traffic_quantiles *quantiles)
{
    json_open_object(out, key);
    json_put_u64(out, "p50", quantiles->p50);
    json_put_u64(out, "p99", quantiles->p99);
    json_put_u64(out, "p99_9", quantiles->p99_9);
    json_put_u64(out, "max", quantiles->max);
    json_close_object(out);
}

static void put_cpu(struct json_writer *out, const struct traffic_result *result)
{
    json_open_object(out, "cpu");
    json_put_u64(out, "tx_ns", result->tx_cpu_ns);
    json_put_u64(out, "rx_ns", result->rx_cpu_ns);
    traffic_put_cpu(out, &result->cpu);
    json_close_object(out);
}

static void put_streams(struct json_writer *out, const struct traffic_layout *layout,
                        const struct traffic_result *result)
{
    json_open_array(out, "streams");
    for (uint32_t i = 0; i < layout->n_streams; i++) {
        const struct traffic_stream *stream = &layout->streams[i];

        json_open_object(out, NULL);
        json_put_string(out, "from", layout->ends[stream->from.end].name);
        json_put_string(out, "to",
                        stream->to.end == TRAFFIC_TO_ALL ? "*" : layout->ends[stream->to.end].name);
        put_counts(out, &result->streams[i]);
        json_close_object(out);
    }
    json_close_array(out);
}

void traffic_put_result(struct json_writer *out, const struct traffic_layout *layout,
                        const struct traffic_result *result)
{
    json_put_u64(out, "intended_pps", result->intended_pps);
    traffic_put_real(out, "seconds", (double)result->duration_ns / (double)NS_PER_SEC, 3);
    put_counts(out, &result->total);
    json_put_u64(out, "stale", result->stale);
    json_put_u64(out, "sink_dropped", result->sink_dropped);
    put_quantiles(out, "one_way_ns", &result->one_way);
    if (traffic_layout_is_broadcast(layout))
        put_quantiles(out, "skew_ns", &result->skew);
    json_put_u64(out, "steady_ns", result->steady_ns);
    put_cpu(out, result);
    if (layout->n_streams <= STREAMS_SHOWN)
        put_streams(out, layout, result);
}
