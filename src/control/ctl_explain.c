/* SPDX-License-Identifier: ISC */
#include "ctl_explain.h"

#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"
#include "ringspan/clock.h"
#include "ringspan/mac.h"

/*
 * explain: a decision of one moment, taken and told at once; then its copies, which may be
 * thousands, port by port. As in all lists each of them is as it is when its row is made.
 */

#define PORTS_PER_PIECE 64

enum phase {
    PHASE_HEAD,
    PHASE_EGRESS,
    PHASE_MIRRORS,
    PHASE_EXCLUDED,
    PHASE_OVER,
};

struct explaining {
    const struct daemon *daemon;
    uint64_t bridge; /* its number */
    enum phase phase;
    uint32_t next;   /* port */
    uint32_t mirror; /* of those that copy the frame */
    struct described_frame described;
    struct explanation explanation;
    struct byte_queue head;
};

/* ---- what is of one moment ---- */

static void put_mac(struct json_writer *writer, const char *key, uint64_t mac)
{
    char text[MAC_STRING_SIZE];

    json_put_string(writer, key, mac_format(mac, text));
}

static void put_hex16(struct json_writer *writer, const char *key, uint32_t number)
{
    char text[] = "0x0000";

    for (int i = 5; i > 1; i--, number >>= 4)
        text[i] = "0123456789abcdef"[number & 0xf];
    json_put_string(writer, key, text);
}

static uint32_t load_be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static void put_tag(struct json_writer *writer, struct vlan_tag tag)
{
    json_open_object(writer, NULL);
    put_hex16(writer, "ethertype", tag.tpid);
    json_put_u64(writer, "vlan", vlan_vid(tag));
    json_put_u64(writer, "pcp", tag.tci >> 13);
    json_put_bool(writer, "dei", tag.tci & 0x1000);
    json_close_object(writer);
}

static bool is_tpid(uint32_t type)
{
    return type == VLAN_TPID_C || type == VLAN_TPID_S || type == VLAN_TPID_OLD;
}

#define TAGS_MAX 8

void ctl_put_tags(struct json_writer *writer, const struct frame *frame)
{
    uint32_t n = 0;

    json_open_array(writer, "tags");
    for (; n < frame->n_tags; n++)
        put_tag(writer, frame->tags[n]);
    for (uint32_t at = 12; n < TAGS_MAX && at + 6 <= frame->len; at += VLAN_TAG_SIZE, n++) {
        uint32_t type = load_be16(frame->data + at);

        if (!is_tpid(type))
            break;
        put_tag(writer, (struct vlan_tag){.tpid = (uint16_t)type,
                                          .tci = (uint16_t)load_be16(frame->data + at + 2)});
    }
    json_close_array(writer);
}

/* A runt may not even have addresses. */
static void put_frame(struct json_writer *writer, const struct frame *frame)
{
    uint32_t ethertype = 0;
    bool has_header = frame->len >= ETHER_HEADER_SIZE;

    if (has_header) {
        put_mac(writer, "dst", frame_dst(frame));
        put_mac(writer, "src", frame_src(frame));
    } else {
        json_put_null(writer, "dst");
        json_put_null(writer, "src");
    }
    if (has_header && frame_network_offset(frame, &ethertype) > 0)
        put_hex16(writer, "ethertype", ethertype);
    else
        json_put_null(writer, "ethertype");
    json_put_u64(writer, "size", frame_wire_len(frame));
    json_put_u64(writer, "segments", frame->defect == DROP_NONE ? frame_weigh(frame).segments : 1);
    ctl_put_tags(writer, frame);
}

static void put_reason(struct json_writer *writer, enum drop_reason reason)
{
    json_put_string(writer, "reason", reason == DROP_NONE ? NULL : drop_reason_name(reason));
    json_put_string(writer, "sentence", reason == DROP_NONE ? NULL : drop_reason_sentence(reason));
}

static void put_destination(struct json_writer *writer, const struct bridge *bridge,
                            const struct explanation *e)
{
    const struct port *port = e->is_found ? bridge_port(bridge, e->destination.port) : NULL;

    if (!port) {
        json_put_null(writer, "fdb");
        return;
    }
    json_open_object(writer, "fdb");
    put_mac(writer, "mac", e->destination.mac);
    json_put_u64(writer, "vlan", e->destination.vid);
    json_put_string(writer, "port", port->name);
    json_put_u64(writer, "age", (e->now - e->destination.seen) / NS_PER_SEC);
    ctl_put_entry_kind(writer, e->destination.is_static, e->destination.is_sticky);
    json_close_object(writer);
}

static void put_port(struct json_writer *writer, const struct daemon *daemon,
                     const struct port *port)
{
    json_put_string(writer, "port", port->name);
    json_put_string(writer, "ifname", ctl_current_ifname(daemon, port));
}

/* Up to the list of the copies, and not closed. */
static void put_head(struct json_writer *writer, const struct explaining *x,
                     const struct bridge *bridge, const struct port *port)
{
    const struct explanation *e = &x->explanation;

    json_open_object(writer, NULL);
    put_port(writer, x->daemon, port);
    json_put_string(writer, "master", bridge_name(bridge));
    put_frame(writer, &e->frame);
    json_put_string(writer, "verdict", verdict_name(e->decision.verdict));
    put_reason(writer, e->decision.reason);
    json_put_u64(writer, "vlan", e->decision.vid);
    json_put_string(writer, "learn", ctl_fdb_action_name(e->decision.learn.action));
    put_destination(writer, bridge, e);
    ctl_put_steps(writer, bridge, e);
}

/* ---- port by port ---- */

/* What became of the tag that the frame came with. */
static const char *tagging_of(const struct frame *in, const struct frame *out)
{
    if (out->n_tags != in->n_tags)
        return out->n_tags > in->n_tags ? "pushed" : "stripped";
    if (in->n_tags == 0)
        return "none";
    return in->tags[0].tci == out->tags[0].tci && in->tags[0].tpid == out->tags[0].tpid
               ? "kept"
               : "rewritten";
}

static void put_outcome(struct json_writer *writer, const struct explaining *x,
                        const struct port *port, const struct explained_copy *copy)
{
    put_port(writer, x->daemon, port);
    json_put_string(writer, "outcome", copy->refusal == DROP_NONE ? "send" : "drop");
    put_reason(writer, copy->refusal);
    json_put_string(writer, "tagging", tagging_of(&x->explanation.frame, &copy->frame));
    ctl_put_tags(writer, &copy->frame);
    json_put_u64(writer, "size", frame_wire_len(&copy->frame));
    json_put_u64(writer, "mtu", port->mtu);
}

static void put_copy(struct json_writer *writer, const struct explaining *x,
                     const struct bridge *bridge, const struct port *port)
{
    struct explained_copy copy;

    explain_copy(bridge, &x->explanation, port->id, &copy);
    json_open_object(writer, NULL);
    put_outcome(writer, x, port, &copy);
    json_close_object(writer);
}

/* @egress: PORT_NONE if there is nowhere to go. */
static void put_mirrored(struct json_writer *writer, const struct explaining *x,
                         const struct bridge *bridge, const struct explained_mirror *mirror,
                         port_id egress)
{
    const struct port *seen_at = bridge_port(bridge, mirror->seen_at);
    struct explained_copy copy;

    json_open_object(writer, NULL);
    json_put_string(writer, "mirror", mirror->mirror->name);
    json_put_string(writer, "direction", seen_at ? "egress" : "ingress");
    json_put_string(writer, "seen_at", seen_at ? seen_at->name : NULL);
    if (egress == PORT_NONE) {
        json_put_null(writer, "port");
        json_put_string(writer, "outcome", "drop");
    } else {
        explain_mirror_copy(bridge, &x->explanation, mirror, egress, &copy);
        put_outcome(writer, x, bridge_port(bridge, egress), &copy);
    }
    json_close_object(writer);
}

static void put_excluded(struct json_writer *writer, const struct explaining *x,
                         const struct bridge *bridge, const struct port *port)
{
    enum drop_reason reason = explain_excluded(bridge, &x->explanation, port->id);

    if (reason == DROP_NONE)
        return;
    json_open_object(writer, NULL);
    put_port(writer, x->daemon, port);
    json_put_string(writer, "state", port_state_name(port->state));
    json_put_string(writer, "reason", drop_reason_name(reason));
    json_close_object(writer);
}

/* NULL if it is gone. */
static struct bridge *find_bridge(const struct explaining *x)
{
    uint64_t number = x->bridge;
    struct bridge *bridge = daemon_bridge_from(x->daemon, &number);

    return number == x->bridge ? bridge : NULL;
}

static void next_phase(struct explaining *x, struct json_writer *writer, enum phase phase)
{
    static const char *const lists[] = {
        [PHASE_EGRESS] = "egress",
        [PHASE_MIRRORS] = "mirrors",
        [PHASE_EXCLUDED] = "excluded",
        [PHASE_OVER] = NULL,
    };

    if (x->phase != PHASE_HEAD)
        json_close_array(writer);
    if (lists[phase])
        json_open_array(writer, lists[phase]);
    else
        json_close_object(writer);
    x->phase = phase;
    x->next = 0;
}

static void next_copy(struct explaining *x, const struct bridge *bridge, struct json_writer *writer)
{
    port_id id = explain_next_egress(bridge, &x->explanation, x->next);

    if (id == PORT_NONE) {
        next_phase(x, writer, PHASE_MIRRORS);
        return;
    }
    put_copy(writer, x, bridge, bridge_port(bridge, id));
    x->next = id + 1u;
}

/* A reload may have changed mirrors since the piece before. */
static void next_mirrored(struct explaining *x, const struct bridge *bridge,
                          struct json_writer *writer)
{
    struct explained_mirror mirrors[LIMIT_MIRRORS];
    uint32_t n = explain_mirrors(bridge, &x->explanation, mirrors);
    const struct explained_mirror *mirror = &mirrors[x->mirror];
    port_id id;

    if (x->mirror >= n) {
        next_phase(x, writer, PHASE_EXCLUDED);
        return;
    }
    id = explain_next_mirror_egress(bridge, &x->explanation, mirror, x->next);
    if (id != PORT_NONE || x->next == 0)
        put_mirrored(writer, x, bridge, mirror, id);
    x->mirror += id == PORT_NONE;
    x->next = id == PORT_NONE ? 0 : id + 1u;
}

static void next_excluded(struct explaining *x, const struct bridge *bridge,
                          struct json_writer *writer)
{
    uint32_t end = x->next + PORTS_PER_PIECE;

    for (; x->next < end && x->next < bridge_id_limit(bridge); x->next++) {
        const struct port *port = bridge_port(bridge, (port_id)x->next);

        if (port)
            put_excluded(writer, x, bridge, port);
    }
    if (x->next >= bridge_id_limit(bridge))
        next_phase(x, writer, PHASE_OVER);
}

static enum ctl_row next_piece(void *state, struct json_writer *writer)
{
    struct explaining *x = state;
    const struct bridge *bridge = find_bridge(x);

    if (!bridge && x->phase != PHASE_OVER && x->phase != PHASE_HEAD)
        return CTL_ROW_ABORT;
    switch (x->phase) {
    case PHASE_HEAD:
        json_put_raw(writer, NULL, byte_queue_data(&x->head), x->head.len);
        next_phase(x, writer, PHASE_EGRESS);
        break;
    case PHASE_EGRESS:
        next_copy(x, bridge, writer);
        break;
    case PHASE_MIRRORS:
        next_mirrored(x, bridge, writer);
        break;
    case PHASE_EXCLUDED:
        next_excluded(x, bridge, writer);
        break;
    case PHASE_OVER:
        return CTL_ROW_END;
    }
    return CTL_ROW_WRITTEN;
}

static void free_explaining(void *state)
{
    struct explaining *x = state;

    byte_queue_fini(&x->head);
    free(x->described.bytes);
    free(x);
}

/* ---- the method ---- */

static struct explaining *new_explaining(const struct daemon *daemon, const struct bridge *bridge)
{
    struct explaining *x = calloc(1, sizeof(*x));

    if (!x)
        return NULL;
    x->daemon = daemon;
    x->bridge = daemon_bridge_number(daemon, bridge);
    byte_queue_init(&x->head, SIZE_MAX);
    return x;
}

static void explain(struct explaining *x, const struct bridge *bridge, const struct port *port)
{
    struct json_writer writer;
    struct frame frame;

    explain_arrival(port, x->described.bytes, x->described.len, &x->described.vnet, &frame);
    bridge_explain(bridge, &frame, daemon_now(x->daemon), &x->explanation);
    json_writer_init(&writer, &x->head);
    put_head(&writer, x, bridge, port);
}

static struct port *find_port(const struct daemon *daemon, const struct json_object *params,
                              struct bridge **ret_bridge, struct ctl_fault *ret_fault)
{
    static const char *const known[] = {"port",      "dst",  "src", "vlan",     "pcp",
                                        "ethertype", "size", "hex", "gso_size", NULL};
    const char *name = NULL;
    struct port *port;

    if (!ctl_params_known(params, known, ret_fault) ||
        !ctl_params_string(params, "port", &name, ret_fault))
        return NULL;
    if (!name) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "port: missing");
        return NULL;
    }
    port = ctl_find_port(daemon, name, ret_bridge);
    if (!port)
        ctl_fault_set(ret_fault, CTL_REFUSED, "there is no port named '%.64s'", name);
    return port;
}

void ctl_explain(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const struct ctl_rows pieces = {next_piece, free_explaining};
    const struct ctl_commands *commands = context;
    struct explaining *x = NULL;
    struct bridge *bridge;
    struct ctl_fault fault;
    struct port *port = find_port(commands->daemon, params, &bridge, &fault);

    if (!port)
        goto refuse;
    x = new_explaining(commands->daemon, bridge);
    if (!x) {
        ctl_fault_set(&fault, CTL_INTERNAL_ERROR, "out of memory");
        goto refuse;
    }
    if (!ctl_describe_frame(params, bridge_ethertype(bridge), &x->described, &fault))
        goto refuse;
    explain(x, bridge, port);
    ctl_call_pieces(call, &pieces, x);
    return;
refuse:
    if (x)
        free_explaining(x);
    ctl_call_fault(call, &fault);
}
