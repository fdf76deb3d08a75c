/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli_command.h"
#include "cli_rows.h"
#include "ringspan/latency.h"
#include "ringspan/table.h"

/* bridge show -s: how long frames are in each bridge, as a row, and as a bar for each power of two.
 */

#define TIME_SIZE 16
#define BAR_WIDTH 40

static const struct table_column columns[] = {
    {"NAME", false}, {"EVERY", true}, {"COUNT", true}, {"P50", true},
    {"P90", true},   {"P99", true},   {"MAX", true},   {"SKEWED", true},
};

/* Three digits, and the unit. */
static const char *format_time(uint64_t ns, char ret_text[TIME_SIZE])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double value = (double)ns;
    uint32_t unit = 0;

    for (; value >= 999.5 && unit < 3; unit++)
        value /= 1000;
    snprintf(ret_text, TIME_SIZE, "%.*f%s",
             unit == 0 || value >= 99.95 ? 0
             : value >= 9.995            ? 1
                                         : 2,
             value, units[unit]);
    return ret_text;
}

static bool add_time(struct table *table, struct json_object *latency, const char *name)
{
    char text[TIME_SIZE];

    if (cli_number(latency, "count") == 0)
        return table_add(table, "-");
    return table_add(table, format_time(cli_number(latency, name), text));
}

static bool add_bridge(struct table *table, struct json_object *row)
{
    struct json_object *latency = cli_field(row, "latency");

    return table_add(table, cli_string(row, "name")) &&
           table_add(table, cli_string(latency, "every")) &&
           table_add(table, cli_string(latency, "count")) && add_time(table, latency, "p50_ns") &&
           add_time(table, latency, "p90_ns") && add_time(table, latency, "p99_ns") &&
           add_time(table, latency, "max_ns") && table_add(table, cli_string(latency, "skewed"));
}

/* By power of two, the last one that the frames do not exceed. */
struct bars {
    uint64_t counts[LATENCY_MAX_BITS + 1];
    uint64_t highest;
    uint32_t first;
    uint32_t last;
};

static void take_buckets(struct bars *bars, struct json_object *buckets)
{
    bars->first = LATENCY_MAX_BITS;
    for (size_t i = 0; i < json_object_array_length(buckets); i++) {
        struct json_object *bucket = json_object_array_get_idx(buckets, i);
        uint64_t bound = cli_number(bucket, "le_ns");
        uint32_t bits = LATENCY_MIN_BITS;

        while (bits < LATENCY_MAX_BITS && UINT64_C(1) << bits < bound)
            bits++;
        bars->counts[bits] += cli_number(bucket, "count");
        if (bars->highest < bars->counts[bits])
            bars->highest = bars->counts[bits];
        if (bars->first > bits)
            bars->first = bits;
        bars->last = bits;
    }
}

/* Something is seen of each that is not empty. */
static void print_bars(struct json_object *row)
{
    static const char full[] = "########################################";
    struct json_object *buckets = cli_field(row, "latency.buckets");
    struct bars bars = {0};
    char text[TIME_SIZE];

    if (!json_object_is_type(buckets, json_type_array) || json_object_array_length(buckets) == 0)
        return;
    take_buckets(&bars, buckets);
    printf("\n%s:\n", cli_string(row, "name"));
    for (uint32_t bits = bars.first; bits <= bars.last; bits++) {
        uint64_t count = bars.counts[bits];
        double part = (double)count / (double)bars.highest;
        int width = count == 0 ? 0 : 1 + (int)(part * (BAR_WIDTH - 1));

        printf("  <= %6s %12" PRIu64 "%s%.*s\n", format_time(UINT64_C(1) << bits, text), count,
               width > 0 ? " " : "", width, full);
    }
}

static bool print_rows(struct json_slice rest, struct table *table)
{
    struct json_object *row;
    bool ok = true;

    while (ok && (row = cli_next_row(&rest))) {
        if (table)
            ok = add_bridge(table, row);
        else
            print_bars(row);
        json_object_put(row);
    }
    return ok;
}

int cli_print_latency(struct json_slice bridges)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(*columns));
    struct json_slice rest = json_text_inside(bridges);
    bool ok = table && print_rows(rest, table);

    if (ok) {
        table_print(table, stdout);
        print_rows(rest, NULL);
    }
    table_free(table);
    return ok ? CLI_OK : cli_fail(CLI_REFUSED, "%s", strerror(ENOMEM));
}
