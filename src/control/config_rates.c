/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config_stages.h"

#define PATH_SIZE 512
#define HINT_SIZE 128

/* Rates and bursts: how they are read, and what a meter's two have to do with each other. */

static const char how_to_write_rates[] =
    "write \"1000pps\" for packets per second; for bits \"10mbit\": bit, kbit, mbit or gbit";
static const char how_to_write_bursts[] =
    "write \"100packets\" beside a rate in pps, else \"64KiB\": B, KiB or MiB";

/* What is a number and a unit to other tools, or to people, without blanks and in lower case. */
static void fold(const char *text, char ret_folded[RATE_STRING_SIZE])
{
    size_t n = 0;

    for (; *text && n < RATE_STRING_SIZE - 1; text++) {
        if (*text != ' ')
            ret_folded[n++] = (char)tolower((unsigned char)*text);
    }
    ret_folded[n] = '\0';
}

static bool guess_rate(const char *text, struct rate *ret_rate)
{
    char folded[RATE_STRING_SIZE];
    size_t n;

    fold(text, folded);
    n = strlen(folded);
    if (n > 2 && strcmp(folded + n - 2, "/s") == 0)
        folded[n - 2] = '\0';
    return rate_parse(folded, ret_rate);
}

static bool guess_burst(const char *text, struct burst *ret_burst)
{
    static const char *const units[][2] = {
        {"b", "B"},       {"bytes", "B"},      {"k", "KiB"},          {"kb", "KiB"},
        {"kib", "KiB"},   {"m", "MiB"},        {"mb", "MiB"},         {"mib", "MiB"},
        {"p", "packets"}, {"pkts", "packets"}, {"packet", "packets"}, {"packets", "packets"},
    };
    char folded[RATE_STRING_SIZE];
    char spelled[2 * RATE_STRING_SIZE];
    size_t n_digits;

    fold(text, folded);
    n_digits = strspn(folded, "0123456789");
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(folded + n_digits, units[i][0]) == 0) {
            snprintf(spelled, sizeof(spelled), "%.*s%s", (int)n_digits, folded, units[i][1]);
            return burst_parse(spelled, ret_burst);
        }
    }
    return false;
}

static void hint_at(char ret_hint[HINT_SIZE], const char *spelled, const char *otherwise)
{
    if (spelled)
        snprintf(ret_hint, HINT_SIZE, "write \"%s\"", spelled);
    else
        snprintf(ret_hint, HINT_SIZE, "%s", otherwise);
}

void config_parse_rate(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, const char *written, struct rate *ret_rate)
{
    char quoted[CONFIG_QUOTE_SIZE];
    char spelled[RATE_STRING_SIZE];
    char hint[HINT_SIZE];
    struct rate guess;

    if (rate_parse(written, ret_rate))
        return;
    hint_at(hint, guess_rate(written, &guess) ? rate_format(guess, spelled) : NULL,
            how_to_write_rates);
    config_report_add(report, text->scan.nodes[node].start, path, hint, "%s is no rate",
                      config_quote(written, quoted));
}

void config_parse_burst(const struct config_text *text, struct config_report *report,
                        const char *path, uint32_t node, const char *written,
                        struct burst *ret_burst)
{
    char quoted[CONFIG_QUOTE_SIZE];
    char spelled[RATE_STRING_SIZE];
    char hint[HINT_SIZE];
    struct burst guess;

    if (burst_parse(written, ret_burst))
        return;
    hint_at(hint, guess_burst(written, &guess) ? burst_format(guess, spelled) : NULL,
            how_to_write_bursts);
    config_report_add(report, text->scan.nodes[node].start, path, hint, "%s is no burst",
                      config_quote(written, quoted));
}

/* A burst that could not be read has been reported. */
static void finish_meter(const struct config_text *text, struct config_report *report,
                         const char *path, uint32_t node, struct meter_settings *meter,
                         uint32_t default_ms)
{
    char burst_path[PATH_SIZE];
    uint32_t burst;

    if (meter->rate.value == 0)
        return;
    if (meter->burst.value == 0)
        meter->burst = burst_of(meter->rate, default_ms);
    if (meter->burst.unit == meter->rate.unit)
        return;
    burst = json_member(&text->scan, text->bytes, node, "burst");
    snprintf(burst_path, sizeof(burst_path), "%s.burst", path);
    config_report_add(report, text->scan.nodes[burst].start, burst_path, how_to_write_bursts,
                      "the rate is in packets and the burst in bytes, or the other way round");
}

void config_finish_storm_meter(const struct config_text *text, struct config_report *report,
                               const char *path, uint32_t node, void *base)
{
    finish_meter(text, report, path, node, &((struct config_meter *)base)->settings,
                 LIMIT_STORM_BURST_MS);
}

void config_finish_policing_meter(const struct config_text *text, struct config_report *report,
                                  const char *path, uint32_t node, void *base)
{
    finish_meter(text, report, path, node, &((struct config_meter *)base)->settings,
                 LIMIT_POLICING_BURST_MS);
}
