/* SPDX-License-Identifier: ISC */
#include "config_stages.h"
#include "ringspan/cpus.h"

static void add(void *set, uint32_t first, uint32_t last)
{
    cpus_add_range(set, first, last);
}

void config_parse_cpus(const struct config_text *text, struct config_report *report,
                       const char *path, uint32_t node, struct json_object *json,
                       struct cpus *ret_cpus)
{
    static const struct config_ranges ranges = {
        .noun = "CPU",
        .how_to_write = "a CPU is written 2, a range \"4-7\"",
        .if_empty = "leave it out to run on all CPUs",
        .min = 0,
        .max = CPUS_LIMIT - 1,
        .add = add,
    };

    *ret_cpus = (struct cpus){{0}};
    config_parse_ranges(text, report, path, node, json, &ranges, ret_cpus);
}
