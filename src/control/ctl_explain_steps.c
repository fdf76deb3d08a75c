/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl_explain.h"
#include "ringspan/clock.h"
#include "ringspan/mac.h"

/*
 * What happens at each stage, in sentences. What happens is in the decision; the tables say why.
 */

#define TEXT_SIZE 512

struct teller {
    const struct bridge *bridge;
    const struct forward_tables *tables;
    const struct explanation *e;
    const struct port *ingress;
    char text[TEXT_SIZE];
    size_t len;
};

/* Adds to the sentence. What does not fit is cut. */
static void say(struct teller *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct teller *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->text + t->len, sizeof(t->text) - t->len, format, args);
    va_end(args);
    t->len += n > 0 ? (size_t)n : 0;
    if (t->len >= sizeof(t->text))
        t->len = sizeof(t->text) - 1;
}

static void say_mac(struct teller *t, uint64_t mac)
{
    char text[MAC_STRING_SIZE];

    say(t, "%s", mac_format(mac, text));
}

static const char *name_of(const struct teller *t, port_id id)
{
    const struct port *port = bridge_port(t->bridge, id);

    return port ? port->name : "?";
}

static void say_vlan(struct teller *t)
{
    if (t->tables->vlans)
        say(t, " in VLAN %u", t->e->decision.vid);
}

static void say_tag(struct teller *t, struct vlan_tag tag)
{
    say(t, "0x%04x, VID %u, PCP %u%s", tag.tpid, vlan_vid(tag), tag.tci >> 13,
        tag.tci & 0x1000 ? ", DEI" : "");
}

static void tell_admit(struct teller *t)
{
    const struct port *port = t->ingress;

    if (t->e->decision.reason == DROP_INGRESS_DOWN && t->e->stage == EXPLAIN_ADMIT) {
        say(t, "; %s is %s%s%s", port->name, port_state_name(port->state), *port->why ? ": " : "",
            port->why);
    } else if (t->e->stage > EXPLAIN_ADMIT) {
        say(t, "%s is %s; ", port->name, port_state_name(port->state));
        if (t->e->frame.n_tags == 0) {
            say(t, "the frame has no tag that comes off");
        } else {
            say(t, "the frame's tag comes off: ");
            say_tag(t, t->e->frame.tags[0]);
        }
    }
}

static void tell_reserved(struct teller *t)
{
    enum reserved_action action =
        reserved_action_of(t->tables->reserved[t->e->frame.ingress], frame_dst(&t->e->frame));

    say(t, t->len > 0 ? "; " : "");
    say_mac(t, frame_dst(&t->e->frame));
    say(t, " is reserved (%s), for which %s has: %s",
        reserved_protocol_name(t->e->decision.reserved), t->ingress->name,
        reserved_action_name(action));
}

static void say_mode(struct teller *t, const struct vlan_port *port)
{
    if (port->mode == VLAN_MODE_NONE)
        say(t, "%s has no VLANs", t->ingress->name);
    else
        say(t, "%s has mode %s", t->ingress->name, vlan_mode_name((enum vlan_mode)port->mode));
    if (port->acceptable_frame_types != VLAN_FRAMES_ALL)
        say(t, " and takes %s",
            vlan_frame_types_name((enum vlan_frame_types)port->acceptable_frame_types));
}

static void tell_classify(struct teller *t)
{
    const struct explanation *e = t->e;
    uint16_t vid = e->frame.n_tags > 0 ? vlan_vid(e->frame.tags[0]) : VID_NONE;

    say(t, t->len > 0 ? "; " : "");
    say_mode(t, &t->tables->vlans->ports[e->frame.ingress]);
    if (e->stage == EXPLAIN_CLASSIFY)
        return;
    say(t, ": VLAN %u", e->decision.vid);
    if (!e->decision.class.pops || vid == VID_NONE)
        say(t, ", its pvid");
    else if (vid != e->decision.vid)
        say(t, ", which is VID %u outside", vid);
    else
        say(t, ", by the tag");
}

/* Why the source is none that would be learned. */
static void say_no_learning(struct teller *t)
{
    if (t->tables->mode != BRIDGE_SWITCH)
        say(t, "a %s learns nothing", bridge_mode_name(t->tables->mode));
    else if (!t->e->decision.looks_up)
        say(t, "nothing is learned in VLAN %u", t->e->decision.vid);
    else if (!bridge_port_policy(t->bridge, t->ingress->id)->learning)
        say(t, "%s does not learn", t->ingress->name);
    else if (t->e->decision.verdict == VERDICT_DROP && t->e->stage == EXPLAIN_METER)
        say(t, "nothing, for it is dropped by a meter");
    else
        say(t, "nothing: such frames cost no host its place among those of mac_limit");
}

static void say_room(struct teller *t)
{
    switch (t->e->decision.learn.room) {
    case FDB_ROOM_OWN:
    case FDB_ROOM_FREE:
    case FDB_ROOM_STALE:
    case FDB_ROOM_EXPIRED:
    case FDB_ROOM_OLDEST:
        break;
    case FDB_ROOM_FULLEST:
        say(t, ", in the place of another: the table is full");
        break;
    }
}

static void say_refused_move(struct teller *t)
{
    const struct fdb_entry *source = &t->e->source;

    say(t, "stays on %s, ", name_of(t, source->port));
    if (source->is_static)
        say(t, "where it is static");
    else if (source->is_sticky)
        say(t, "where it is sticky");
    else
        say(t, "for it moved too often");
}

static void tell_learn(struct teller *t)
{
    const struct decision *decision = &t->e->decision;

    say(t, t->len > 0 ? "; " : "");
    if (decision->learn.action == FDB_NOTHING) {
        say_no_learning(t);
        return;
    }
    say_mac(t, frame_src(&t->e->frame));
    say_vlan(t);
    say(t, " ");
    switch (decision->learn.action) {
    case FDB_NOTHING:
        break;
    case FDB_REFUSE_MOVE:
    case FDB_HOLD:
        say_refused_move(t);
        break;
    case FDB_REFUSE_INSERT:
        say(t, "would be new, and all entries are static");
        break;
    case FDB_REFUSE_LIMIT:
        say(t, "would be one more than the %u of %s",
            bridge_port_policy(t->bridge, t->ingress->id)->mac_limit.max, t->ingress->name);
        if (decision->port_action == PORT_ACTION_SHUT_DOWN)
            say(t, ", which is shut down");
        break;
    case FDB_REFRESH:
        say(t, "is known on %s, and refreshed", t->ingress->name);
        break;
    case FDB_MOVE:
        say(t, "moves from %s to %s", name_of(t, t->e->source.port), t->ingress->name);
        break;
    case FDB_INSERT:
        say(t, "is learned on %s", t->ingress->name);
        say_room(t);
        break;
    }
}

static void say_entry(struct teller *t)
{
    const struct fdb_entry *entry = &t->e->destination;

    say(t, " is on %s, ", name_of(t, entry->port));
    if (entry->mac == frame_src(&t->e->frame))
        say(t, "being the source itself");
    else if (entry->is_static)
        say(t, "a static entry");
    else
        say(t, "%sheard of %" PRIu64 " s ago", entry->is_sticky ? "sticky, " : "",
            (t->e->now - entry->seen) / NS_PER_SEC);
}

static void tell_lookup(struct teller *t)
{
    uint64_t dst = frame_dst(&t->e->frame);

    if (t->tables->mode != BRIDGE_SWITCH) {
        say(t, "a %s looks nothing up", bridge_mode_name(t->tables->mode));
        return;
    }
    if (!t->e->decision.looks_up) {
        say(t, "everything in VLAN %u is flooded", t->e->decision.vid);
        return;
    }
    say_mac(t, dst);
    if (mac_is_group(dst)) {
        say(t, " is a %s address: flooded", dst == MAC_BROADCAST ? "broadcast" : "multicast");
        return;
    }
    say_vlan(t);
    if (t->e->is_found)
        say_entry(t);
    else
        say(t, " is on no known port: flooded");
}

static void tell_egress(struct teller *t)
{
    const struct decision *decision = &t->e->decision;

    if (t->e->stage == EXPLAIN_EGRESS)
        return;
    if (t->e->is_found)
        say(t, "one port, %s", name_of(t, t->e->destination.port));
    else if (decision->verdict == VERDICT_FLOOD)
        say(t, "%u %s", decision->fanout, decision->fanout == 1 ? "port" : "ports");
    else
        say(t, "every port that takes such floods");
}

static void say_meter(struct teller *t, enum meter_use use)
{
    char rate[RATE_STRING_SIZE];
    const struct meter_settings *settings = bridge_port_meter(t->bridge, t->ingress->id, use);

    if (settings)
        say(t, "%s %s %s", meter_use_purpose(use), meter_use_name(use),
            rate_format(settings->rate, rate));
}

static void tell_meter(struct teller *t)
{
    uint32_t uses = t->e->decision.charge.uses;
    const char *separator = "within ";

    if (t->e->decision.verdict == VERDICT_DROP)
        return;
    for (uint32_t left = uses; left; left &= left - 1) {
        say(t, "%s", separator);
        say_meter(t, (enum meter_use)__builtin_ctz(left));
        separator = ", ";
    }
    if (uses == 0)
        say(t, "none of %s's rates is about it", t->ingress->name);
}

static void (*const tellers[])(struct teller *) = {
    [EXPLAIN_ADMIT] = tell_admit,       [EXPLAIN_RESERVED] = tell_reserved,
    [EXPLAIN_CLASSIFY] = tell_classify, [EXPLAIN_LEARN] = tell_learn,
    [EXPLAIN_LOOKUP] = tell_lookup,     [EXPLAIN_EGRESS] = tell_egress,
    [EXPLAIN_METER] = tell_meter,
};

_Static_assert(sizeof(tellers) / sizeof(tellers[0]) == EXPLAIN_N_STAGES, "one teller a stage");

/* Some of the stages are about nothing that this frame or its bridge has. */
static bool is_passed(const struct teller *t, enum explain_stage stage)
{
    if (stage == EXPLAIN_RESERVED)
        return t->e->decision.reserved != RESERVED_N_PROTOCOLS;
    if (stage == EXPLAIN_CLASSIFY)
        return t->tables->vlans != NULL;
    if (stage == EXPLAIN_METER)
        return t->tables->meters && t->tables->meters[t->ingress->id].in_use != 0;
    return true;
}

static void put_step(struct json_writer *writer, struct teller *t, enum explain_stage stage)
{
    const struct decision *decision = &t->e->decision;
    bool is_last = stage == t->e->stage;
    const char *outcome = "pass";

    t->len = 0;
    t->text[0] = '\0';
    if (is_last && decision->verdict == VERDICT_DROP) {
        outcome = verdict_name(VERDICT_DROP);
        say(t, "%s", drop_reason_sentence(decision->reason));
    } else if (is_last && decision->verdict == VERDICT_CONSUME) {
        outcome = verdict_name(VERDICT_CONSUME);
    }
    tellers[stage](t);
    json_open_object(writer, NULL);
    json_put_string(writer, "step", explain_stage_name(stage));
    json_put_string(writer, "outcome", outcome);
    json_put_string(writer, "text", t->text);
    json_close_object(writer);
}

void ctl_put_steps(struct json_writer *writer, const struct bridge *bridge,
                   const struct explanation *explanation)
{
    struct teller t = {
        .bridge = bridge,
        .tables = bridge_tables(bridge),
        .e = explanation,
        .ingress = bridge_port(bridge, explanation->frame.ingress),
    };

    json_open_array(writer, "steps");
    for (unsigned stage = 0; stage <= explanation->stage; stage++) {
        if (is_passed(&t, (enum explain_stage)stage))
            put_step(writer, &t, (enum explain_stage)stage);
    }
    json_close_array(writer);
}

const char *ctl_fdb_action_name(enum fdb_action action)
{
    static const char *const names[] = {
        [FDB_NOTHING] = "nothing",
        [FDB_REFUSE_MOVE] = "refuse_move",
        [FDB_REFUSE_INSERT] = "refuse_insert",
        [FDB_REFUSE_LIMIT] = "refuse_limit",
        [FDB_HOLD] = "hold",
        [FDB_REFRESH] = "refresh",
        [FDB_MOVE] = "move",
        [FDB_INSERT] = "insert",
    };

    return names[action];
}
