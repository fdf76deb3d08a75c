/* SPDX-License-Identifier: ISC */
#include "ringspan/mac.h"
#include "traffic_commands.h"
#include "traffic_report.h"
#include "traffic_teach.h"

static struct traffic_shape shape_of(const struct traffic_options *options)
{
    return (struct traffic_shape){
        .size = (uint32_t)options->size, .ethertype = TRAFFIC_ETHERTYPE, .is_ip = options->is_ip};
}

int traffic_command_rate(struct traffic_options *options, struct json_writer *out)
{
    const struct traffic_shape shape = shape_of(options);
    const struct traffic_load load = {.pps = (double)options->pps,
                                      .duration_ns = options->duration_ns};
    struct traffic_result result;
    struct traffic_net net;
    uint64_t untaught;
    int r = traffic_net_open(&options->layout, &shape, (uint32_t)options->burst, &net);

    if (r < 0)
        return r;
    r = traffic_teach(options, &untaught);
    if (r == 0)
        r = traffic_run(&net, options, &load, &result);
    if (r == 0) {
        json_put_u64(out, "size", options->size);
        json_put_u64(out, "untaught", untaught);
        traffic_put_result(out, &options->layout, &result);
        traffic_result_fini(&result);
    }
    traffic_net_close(&net);
    return r;
}

int traffic_command_broadcast(struct traffic_options *options, struct json_writer *out)
{
    const struct traffic_stream stream = {
        .from = options->from,
        .to = {.end = TRAFFIC_TO_ALL, .mac = MAC_BROADCAST},
    };
    int r = traffic_layout_add_stream(&options->layout, &stream);

    if (r < 0)
        return r;
    json_put_u64(out, "receivers", options->n_receivers);
    return traffic_command_rate(options, out);
}
