/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "bridge_private.h"

/* ---- what leaves ---- */

static bool is_policed_out(const struct port_meters *meters, const struct frame *copy)
{
    return port_meters_has(meters, METER_EGRESS) && !reserved_is_vital(frame_dst(copy));
}

/* A copy that is too long leaves what the meter has to those that are not. */
enum drop_reason bridge_refusal(const struct bridge *bridge, const struct port *port,
                                const struct frame *copy, uint64_t now)
{
    const struct port_meters *meters = &bridge->meters[port->id];

    if (!frame_fits_mtu(copy, port->mtu))
        return DROP_TOO_LONG;
    if (is_policed_out(meters, copy) && !meter_passes(&meters->meters[METER_EGRESS], now))
        return DROP_POLICED_OUT;
    return DROP_NONE;
}

/* A copy that is not refused takes from the meter what it is worth. */
static enum drop_reason admit_out(struct bridge *bridge, const struct port *port,
                                  const struct frame *copy, uint64_t now)
{
    enum drop_reason refusal = bridge_refusal(bridge, port, copy, now);
    struct port_meters *meters = &bridge->meters[port->id];

    if (refusal == DROP_NONE && is_policed_out(meters, copy)) {
        struct meter_charge charge = meter_charge_of(copy, now);

        meter_take(&meters->meters[METER_EGRESS], &charge);
    }
    return refusal;
}

static void flush_egress(struct bridge *bridge)
{
    for (uint32_t i = 0; i < bridge->n_to_flush; i++) {
        port_flush(bridge->to_flush[i]);
        bridge->to_flush[i]->flush_place = 0;
        if (bridge->latency)
            latency_flushed(bridge->latency, i + 1);
    }
    bridge->n_to_flush = 0;
    if (bridge->capture)
        capture_settle(bridge->capture);
    if (bridge->latency)
        latency_settle(bridge->latency); /* after captures, which complete the tallies */
}

static inline void flush_later(struct bridge *bridge, struct port *port)
{
    if (port->flush_place == 0) {
        bridge->to_flush[bridge->n_to_flush++] = port;
        port->flush_place = bridge->n_to_flush;
    }
}

/* Room was seen to for the copies that were decided; those of mirrors come on top. */
static const struct frame *note(struct bridge *bridge, struct port *port, const struct frame *copy,
                                const char *mirror, struct frame *noted)
{
    if (!bridge->capture || !port->capture)
        return copy;
    if (!capture_has_room(bridge->capture, 0))
        flush_egress(bridge);
    return capture_copy(bridge->capture, port, copy, mirror, noted);
}

static void send_by_detour(struct bridge *bridge, const struct decision *decision,
                           struct port *port, const struct frame *copy, uint64_t now)
{
    struct frame noted;
    const struct frame *sent = note(bridge, port, copy, NULL, &noted);
    enum drop_reason refusal = admit_out(bridge, port, sent, now);

    flush_later(bridge, port);
    if (refusal != DROP_NONE) {
        port_refuse(port, refusal, sent);
        return;
    }
    port_tx(port, sent);
    if (bridge->mirrors)
        bridge_mirror_copy(bridge, decision, port->id, copy);
}

void bridge_send_mirrored(struct bridge *bridge, const struct mirror *mirror, struct port *port,
                          const struct frame *copy, uint64_t now)
{
    struct frame noted;
    const struct frame *sent = note(bridge, port, copy, mirror->name, &noted);
    enum drop_reason refusal = admit_out(bridge, port, sent, now);

    flush_later(bridge, port);
    if (refusal != DROP_NONE)
        port_refuse_mirrored(port, refusal, sent);
    else
        port_tx_mirrored(port, sent);
}

static void send_copy(struct bridge *bridge, const struct decision *decision, port_id egress,
                      const struct frame *frame, uint64_t now)
{
    struct port *port = bridge->ports[egress];
    const struct frame *copy;
    struct frame dressed;

    copy = forward_dress(&bridge->tables, decision, egress, frame, &dressed);
    if (bridge->has_detour) {
        send_by_detour(bridge, decision, port, copy, now);
        return;
    }
    flush_later(bridge, port);
    port_tx(port, copy);
}

static void count_received(struct ledger_port *ledger, const struct frame *frame)
{
    struct frame_weight weight = {.bytes = frame_wire_len(frame), .segments = 1};

    if (frame->defect == DROP_NONE)
        weight = frame_weigh(frame);
    ledger->received.frames++;
    ledger->received.segments += weight.segments;
    ledger->received.bytes += weight.bytes;
}

/* Of the flushes to come, the last one that a copy of the frame waits for; 0: there is no copy. */
static uint32_t last_flush(const struct bridge *bridge, const struct decision *decision)
{
    uint32_t last = 0;

    if (decision->verdict == VERDICT_UNICAST)
        return bridge->ports[decision->egress]->flush_place;
    if (decision->verdict != VERDICT_FLOOD)
        return 0;
    for (port_id id = forward_next_egress(&bridge->tables, decision, 0); id != PORT_NONE;
         id = forward_next_egress(&bridge->tables, decision, id + 1u)) {
        if (last < bridge->ports[id]->flush_place)
            last = bridge->ports[id]->flush_place;
    }
    return last;
}

static void note_time(struct bridge *bridge, const struct frame *frame,
                      const struct decision *decision)
{
    const struct rx_source *source = bridge->timed;
    uint32_t flush = last_flush(bridge, decision);
    uint32_t i = (uint32_t)(frame - bridge->batch);

    if (flush != 0)
        latency_note(bridge->latency, source->ops->arrival(source, i), frame->tally, flush);
}

static void carry_out(struct bridge *bridge, struct ledger_port *ledger, const struct frame *frame,
                      const struct decision *decision, uint64_t now)
{
    ledger->fanout += decision->fanout;
    switch (decision->verdict) {
    case VERDICT_DROP:
        ledger->in_dropped[decision->reason]++;
        break;
    case VERDICT_UNICAST:
        ledger->unicast++;
        send_copy(bridge, decision, decision->egress, frame, now);
        break;
    case VERDICT_FLOOD:
        ledger->flooded++;
        for (port_id id = forward_next_egress(&bridge->tables, decision, 0); id != PORT_NONE;
             id = forward_next_egress(&bridge->tables, decision, id + 1u))
            send_copy(bridge, decision, id, frame, now);
        break;
    case VERDICT_CONSUME:
        ledger->consumed++;
        break;
    }
}

static void shut_down(struct bridge *bridge, const struct port *port)
{
    const struct mac_limit *limit = &bridge->port_policies.ports[port->id].mac_limit;
    char after[sizeof("tried again in 4294967295 s, or ")] = "";
    char why[PORT_WHY_SIZE];

    if (limit->recovery > 0)
        snprintf(after, sizeof(after), "tried again in %u s, or ", limit->recovery);
    snprintf(why, sizeof(why),
             "shut down: more addresses than its mac_limit of %u (%sringspan port set %s up)",
             limit->max, after, port->name);
    if (bridge->on_port_shut)
        bridge->on_port_shut(bridge->on_port_shut_arg, port, why, limit->recovery);
    else
        bridge_set_port_state(bridge, port->id, PORT_ERROR, why);
}

static void tell_of_hold(struct bridge *bridge, const struct fdb_plan *plan)
{
    port_id port = fdb_lookup(bridge->fdb, plan->vid, plan->mac, plan->now);

    if (bridge->on_hold)
        bridge->on_hold(bridge->on_hold_arg, bridge, plan->vid, plan->mac, bridge->ports[port],
                        bridge->ports[plan->port]);
}

/* Those who look on are told of the frame before its copies are made. */
static void show(struct bridge *bridge, const struct frame *frame, const struct decision *decision)
{
    struct capture *capture = bridge->capture;
    const struct port *egress = NULL;

    if (decision->verdict == VERDICT_UNICAST)
        egress = bridge->ports[decision->egress];
    if (!capture_has_room(capture, decision->fanout))
        flush_egress(bridge);
    capture_arrival(capture, bridge->ports[frame->ingress], (uint32_t)(frame - bridge->batch),
                    frame, decision, egress);
}

static void carry_out_watched(struct bridge *bridge, struct ledger_port *ledger,
                              const struct frame *frame, const struct decision *decision,
                              uint64_t now)
{
    if (bridge->capture)
        show(bridge, frame, decision);
    if (bridge->mirrors)
        bridge_mirror_arrival(bridge, frame);
    carry_out(bridge, ledger, frame, decision, now);
    if (bridge->timed) /* before the copies of mirrors, for which there may have to be a flush */
        note_time(bridge, frame, decision);
    if (bridge->mirrors)
        bridge_mirror_send(bridge, frame, now);
}

static void forward_frame(struct bridge *bridge, struct frame *frame, uint64_t now)
{
    struct port *port = bridge->ports[frame->ingress];
    struct ledger_port *ledger = &port->ledger;
    struct decision decision;

    count_received(ledger, frame);
    forward_decide(&bridge->tables, frame, now, &decision);
    forward_commit(bridge->fdb, bridge->meters, &decision);
    crossings_add(&bridge->crossings, port, bridge->vlans, &decision, frame);
    if (bridge->is_watched)
        carry_out_watched(bridge, ledger, frame, &decision, now);
    else
        carry_out(bridge, ledger, frame, &decision, now);
    if (decision.learn.action == FDB_HOLD)
        tell_of_hold(bridge, &decision.learn);
    if (decision.port_action == PORT_ACTION_SHUT_DOWN)
        shut_down(bridge, bridge->ports[frame->ingress]);
}

static void forward_some(struct bridge *bridge, uint32_t from, uint32_t to, uint64_t now)
{
    for (uint32_t i = from; i < to; i++)
        forward_frame(bridge, &bridge->batch[i], now);
}

static void forward_sampled(struct bridge *bridge, const struct rx_source *source, uint32_t i,
                            uint64_t now)
{
    bool was_watched = bridge->is_watched;

    bridge->batch[i].tally = latency_tally(bridge->latency, i);
    bridge->timed = source;
    bridge->is_watched = true;
    forward_frame(bridge, &bridge->batch[i], now);
    bridge->is_watched = was_watched;
    bridge->timed = NULL;
}

static void forward_timed(struct bridge *bridge, const struct rx_source *source, uint32_t n,
                          uint64_t now)
{
    uint32_t done = 0;

    while (done < n) {
        uint32_t next = latency_next(bridge->latency, done, n);

        forward_some(bridge, done, next, now);
        if (next < n)
            forward_sampled(bridge, source, next, now);
        done = next + 1;
    }
}

/* ---- a turn ---- */

struct bridge_taken bridge_poll(struct bridge *bridge, struct rx_source *source, uint64_t now)
{
    struct bridge_taken taken = {0};

    taken.frames = source->ops->batch(source, bridge->batch, LIMIT_RX_BATCH);
    if (bridge->capture)
        capture_begin(bridge->capture, source);
    forward_prefetch(&bridge->tables, bridge->batch, taken.frames);
    for (uint32_t i = 0; i < taken.frames; i++)
        taken.bytes += bridge->batch[i].len;
    if (bridge->latency)
        forward_timed(bridge, source, taken.frames, now);
    else
        forward_some(bridge, 0, taken.frames, now);
    flush_egress(bridge);
    crossings_settle(&bridge->crossings, bridge->vlans);
    if (bridge->mirrors)
        mirrors_settle(bridge->mirrors, bridge->vlans);
    source->ops->release(source);
    return taken;
}
