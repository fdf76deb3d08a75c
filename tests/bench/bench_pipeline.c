/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "ringspan/bridge.h"
#include "ringspan/clock.h"
#include "ringspan/latency.h"
#include "ringspan/log.h"
#include "ringspan/port_memory.h"

/*
 * What the pipeline costs per frame: deciding, applying the decision, and for each copy finding its
 * egress and what it wears. No ring, no system call: bridges on memory ports, frames in an array.
 * And what whole turns of a bridge cost, with frames timed and without, on ports that only count.
 */

#define PORTS      8
#define HOSTS      64 /* behind each port */
#define FRAMES     4096
#define OPERATIONS (1u << 18)
#define VID        10

#define HOST(port, n) (UINT64_C(0x020000000000) + (uint64_t)(port)*HOSTS + (n))

struct subject {
    struct bridge *bridge;
    struct frame frames[FRAMES];
    uint8_t bytes[FRAMES][60];
};

static void die(const char *what)
{
    fprintf(stderr, "bench_pipeline: %s\n", what);
    exit(EXIT_FAILURE);
}

static void add_port(struct bridge *bridge, uint32_t number)
{
    const struct port_device device = {.ifindex = number + 1, .mtu = 1500};
    char name[8];
    struct port *port;

    snprintf(name, sizeof(name), "p%u", number);
    if (memory_port_new(name, &port) < 0 || port_bring_up(port) < 0 ||
        port->ops->start(port, &device) < 0 || bridge_add_port(bridge, port) < 0)
        die("cannot make a port");
    bridge_set_port_state(bridge, port->id, PORT_FORWARDING, NULL);
}

static void make_frame(struct subject *s, uint32_t i, uint64_t dst)
{
    uint32_t from = i % PORTS;

    mac_store(dst, s->bytes[i]);
    mac_store(HOST(from, bench_random() % HOSTS), s->bytes[i] + 6);
    s->frames[i] =
        (struct frame){.data = s->bytes[i], .len = sizeof(s->bytes[i]), .ingress = (port_id)from};
}

static void run(void *arg)
{
    struct subject *s = arg;
    const struct forward_tables *tables = bridge_tables(s->bridge);

    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct frame *frame = &s->frames[i % FRAMES];
        struct decision decision;
        struct frame dressed;

        forward_decide(tables, frame, 1, &decision);
        forward_commit(bridge_fdb(s->bridge), NULL, &decision);
        if (decision.verdict == VERDICT_UNICAST)
            bench_use(forward_dress(tables, &decision, decision.egress, frame, &dressed)->n_tags);
        else if (decision.verdict == VERDICT_FLOOD)
            for (port_id id = forward_next_egress(tables, &decision, 0); id != PORT_NONE;
                 id = forward_next_egress(tables, &decision, id + 1u))
                bench_use(forward_dress(tables, &decision, id, frame, &dressed)->n_tags);
        else
            die("a frame was dropped");
    }
}

static struct subject *new_subject(uint16_t ethertype)
{
    const struct bridge_params params = {
        .name = "bench",
        .max_ports = PORTS + 1,
        .max_entries = 4096,
        .aging_ns = 300 * NS_PER_SEC,
        .reserved = reserved_settings_of(RESERVED_CUSTOMER_BRIDGE),
        .ethertype = ethertype,
    };
    struct subject *s = calloc(1, sizeof(*s));

    if (!s || bridge_new(&params, &s->bridge) < 0)
        die("out of memory");
    for (uint32_t i = 0; i < PORTS; i++)
        add_port(s->bridge, i);
    return s;
}

static void free_subject(struct subject *s)
{
    bridge_free(s->bridge);
    free(s);
}

/* Between known hosts on different ports. */
static void fill_unicast(struct subject *s)
{
    for (uint32_t i = 0; i < FRAMES; i++)
        make_frame(s, i,
                   HOST((i + 1 + bench_random() % (PORTS - 1)) % PORTS, bench_random() % HOSTS));
    /* Every host has been heard of before the first frame to it counts. */
    for (uint32_t port = 0; port < PORTS; port++) {
        for (uint32_t n = 0; n < HOSTS; n++) {
            struct fdb_plan plan;

            fdb_plan_learn(bridge_fdb(s->bridge), bridge_vlans(s->bridge) ? VID : 0, HOST(port, n),
                           (port_id)port, 1, &plan);
            fdb_commit(bridge_fdb(s->bridge), &plan);
        }
    }
}

static void fill_broadcast(struct subject *s)
{
    for (uint32_t i = 0; i < FRAMES; i++)
        make_frame(s, i, MAC_BROADCAST);
}

static struct subject *transparent(void (*fill)(struct subject *s))
{
    struct subject *s = new_subject(0);

    fill(s);
    return s;
}

/* Half of the ports leave tags to the frames, half have none outside. */
static struct subject *in_vlans(void (*fill)(struct subject *s))
{
    struct subject *s = new_subject(VLAN_TPID_C);

    for (uint32_t i = 0; i < PORTS; i++) {
        struct vlan_settings settings = {
            .mode = i % 2 == 0 ? VLAN_MODE_ACCESS : VLAN_MODE_NATIVE_TAGGED, .pvid = VID};

        if (i % 2 == 1)
            vidset_add_range(&settings.allowed, 1, VID_MAX);
        bridge_set_port_vlan(s->bridge, (port_id)i, &settings, 0);
    }
    fill(s);
    return s;
}

/* Each port has a group of its own and a limit that it does not reach: everything is looked at and
 * nothing is refused. */
static struct subject *with_policies(void (*fill)(struct subject *s))
{
    struct subject *s = new_subject(0);

    for (uint32_t i = 0; i < PORTS; i++) {
        struct port_policy policy = PORT_POLICY_DEFAULT;

        policy.isolation_group = i + 1;
        policy.mac_limit = (struct mac_limit){.max = 2 * HOSTS, .action = MAC_LIMIT_DROP};
        bridge_set_port_policy(s->bridge, (port_id)i, &policy, 0);
    }
    fill(s);
    return s;
}

static void bench(const char *const names[3], void (*fill)(struct subject *s))
{
    const struct bench_contestant contestants[] = {
        {names[0], transparent(fill), NULL, run},
        {names[1], in_vlans(fill), NULL, run},
        {names[2], with_policies(fill), NULL, run},
    };
    const size_t n = sizeof(contestants) / sizeof(contestants[0]);

    bench_compare("\"ports\": 8, \"hosts\": 512", OPERATIONS, contestants, n);
    for (size_t i = 0; i < n; i++)
        free_subject(contestants[i].arg);
}

/* ---- whole turns ---- */

/* Frames of the subject, over and over. */
struct endless_source {
    struct rx_source source;
    const struct subject *subject;
    uint32_t next;
};

static uint32_t endless_batch(struct rx_source *source, struct frame *ret_frames, uint32_t max)
{
    struct endless_source *s = (struct endless_source *)source;

    for (uint32_t i = 0; i < max; i++)
        ret_frames[i] = s->subject->frames[s->next++ % FRAMES];
    return max;
}

static uint64_t endless_arrival(const struct rx_source *source, uint32_t i)
{
    return 1;
}

static void endless_release(struct rx_source *source)
{
}

static void count_tx(struct port *port, const struct frame *frame)
{
    port_count_accepted(port, frame_weigh(frame));
}

static void count_flush(struct port *port)
{
}

static const struct rx_source_ops endless_ops = {
    .batch = endless_batch, .arrival = endless_arrival, .release = endless_release};

static void run_turns(void *arg)
{
    struct endless_source source = {.source = {.ops = &endless_ops, .fd = -1}, .subject = arg};

    for (uint32_t done = 0; done < OPERATIONS;)
        done += bridge_poll(source.subject->bridge, &source.source, 1).frames;
}

static struct subject *timed(struct port_ops *ops, uint32_t every)
{
    struct subject *s = transparent(fill_unicast);
    struct latency *latency;

    *ops = *bridge_port(s->bridge, 0)->ops;
    ops->tx = count_tx;
    ops->flush = count_flush;
    for (port_id id = 0; id < PORTS; id++)
        bridge_port(s->bridge, id)->ops = ops;
    if (every > 0 && latency_new(every, PORTS, clock_wall, &latency) < 0)
        die("out of memory");
    if (every > 0)
        bridge_set_latency(s->bridge, latency);
    return s;
}

/* All that comes in is copied to one more port. */
static struct subject *mirrored(struct port_ops *ops)
{
    const struct mirror_settings settings = {
        .name = "m", .direction = MIRROR_INGRESS, .vlans = vidset_all(), .output_port = "p8"};
    struct subject *s = timed(ops, 0);
    struct mirrors *mirrors;

    add_port(s->bridge, PORTS);
    bridge_port(s->bridge, PORTS)->ops = ops;
    if (bridge_new_mirrors(s->bridge, &settings, 1, &mirrors) < 0)
        die("out of memory");
    bridge_set_mirrors(s->bridge, mirrors, 1);
    return s;
}

static void bench_turns(void)
{
    struct port_ops ops;
    const struct bench_contestant contestants[] = {
        {"turn", timed(&ops, 0), NULL, run_turns},
        {"turn_timed_64", timed(&ops, 64), NULL, run_turns},
        {"turn_timed_1", timed(&ops, 1), NULL, run_turns},
        {"turn_mirrored", mirrored(&ops), NULL, run_turns},
    };
    const size_t n = sizeof(contestants) / sizeof(contestants[0]);

    bench_compare("\"ports\": 8, \"hosts\": 512", OPERATIONS, contestants, n);
    for (size_t i = 0; i < n; i++)
        free_subject(contestants[i].arg);
}

int main(void)
{
    static const char *const unicast[] = {"unicast", "unicast_vlans", "unicast_policies"};
    static const char *const flood[] = {"flood", "flood_vlans", "flood_policies"};

    log_set_level(LOG_LEVEL_ERROR);
    bench(unicast, fill_unicast);
    bench(flood, fill_broadcast);
    bench_turns();
    return EXIT_SUCCESS;
}
