/* SPDX-License-Identifier: ISC */
#include "crossing.h"

static void count_arrival(struct vlan_table *vlans, uint16_t vid, const struct frame *frame)
{
    struct vlan_counters *counters = &vlans->counters[vid];

    counters->rx_packets++;
    counters->rx_bytes += frame_wire_len(frame);
}

static void await(struct crossings *crossings, struct port *ingress,
                  const struct decision *decision, struct frame *frame)
{
    struct crossing *crossing = &crossings->list[crossings->n++];

    *crossing =
        (struct crossing){.ingress = ingress, .vid = decision->vid, .reserved = decision->reserved};
    frame->tally = &crossing->tally;
}

void crossings_add(struct crossings *crossings, struct port *ingress, struct vlan_table *vlans,
                   const struct decision *decision, struct frame *frame)
{
    bool is_reserved = decision->reserved != RESERVED_N_PROTOCOLS;

    if (decision->vid != VID_NONE)
        count_arrival(vlans, decision->vid, frame);
    switch (decision->verdict) {
    case VERDICT_UNICAST:
    case VERDICT_FLOOD:
        if (is_reserved || decision->vid != VID_NONE)
            await(crossings, ingress, decision, frame);
        break;
    case VERDICT_DROP:
        if (is_reserved)
            ingress->reserved_counters[decision->reserved].dropped++;
        break;
    case VERDICT_CONSUME:
        ingress->reserved_counters[decision->reserved].consumed++;
        break;
    }
}

static void settle(const struct crossing *crossing, struct vlan_table *vlans)
{
    if (crossing->vid != VID_NONE) {
        vlans->counters[crossing->vid].tx_packets += crossing->tally.frames;
        vlans->counters[crossing->vid].tx_bytes += crossing->tally.bytes;
    }
    if (crossing->reserved != RESERVED_N_PROTOCOLS) {
        struct reserved_counters *counters =
            &crossing->ingress->reserved_counters[crossing->reserved];

        if (crossing->tally.frames > 0)
            counters->forwarded++;
        else
            counters->dropped++;
    }
}

void crossings_settle(struct crossings *crossings, struct vlan_table *vlans)
{
    for (uint32_t i = 0; i < crossings->n; i++)
        settle(&crossings->list[i], vlans);
    crossings->n = 0;
}
