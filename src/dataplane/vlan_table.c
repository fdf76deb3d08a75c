/* SPDX-License-Identifier: ISC */
#include "ringspan/vlan_table.h"

#include <errno.h>
#include <stdlib.h>

static const char *const mode_names[] = {
    [VLAN_MODE_ACCESS] = "access",
    [VLAN_MODE_TRUNK] = "trunk",
    [VLAN_MODE_NATIVE_UNTAGGED] = "native_untagged",
    [VLAN_MODE_NATIVE_TAGGED] = "native_tagged",
    [VLAN_MODE_DOT1Q_TUNNEL] = "dot1q_tunnel",
    [VLAN_MODE_NONE] = "none",
};

static const char *const frame_types_names[] = {
    [VLAN_FRAMES_ALL] = "all",
    [VLAN_FRAMES_VLAN_TAGGED] = "vlan_tagged",
    [VLAN_FRAMES_UNTAGGED_AND_PRIORITY] = "untagged_and_priority",
};

static const struct {
    const char *name;
    uint16_t tpid;
} ethertypes[] = {
    [VLAN_ETHERTYPE_8100] = {"0x8100", VLAN_TPID_C},
    [VLAN_ETHERTYPE_88A8] = {"0x88a8", VLAN_TPID_S},
    [VLAN_ETHERTYPE_9100] = {"0x9100", VLAN_TPID_OLD},
};

_Static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == VLAN_MODE_NONE + 1, "one name a mode");
_Static_assert(sizeof(frame_types_names) / sizeof(frame_types_names[0]) == VLAN_N_FRAME_TYPES,
               "one name a kind");

_Static_assert(sizeof(ethertypes) / sizeof(ethertypes[0]) == VLAN_N_ETHERTYPES, "one row each");

const char *vlan_ethertype_name(enum vlan_ethertype ethertype)
{
    return ethertypes[ethertype].name;
}

uint16_t vlan_ethertype_tpid(enum vlan_ethertype ethertype)
{
    return ethertypes[ethertype].tpid;
}

const char *vlan_mode_name(enum vlan_mode mode)
{
    return mode_names[mode];
}

const char *vlan_frame_types_name(enum vlan_frame_types types)
{
    return frame_types_names[types];
}

bool vlan_mode_has_pvid(enum vlan_mode mode)
{
    return mode != VLAN_MODE_TRUNK && mode != VLAN_MODE_NONE;
}

bool vlan_mode_has_allowed(enum vlan_mode mode)
{
    return mode == VLAN_MODE_TRUNK || mode == VLAN_MODE_NATIVE_UNTAGGED ||
           mode == VLAN_MODE_NATIVE_TAGGED;
}

bool vlan_mode_interprets(enum vlan_mode mode)
{
    return mode == VLAN_MODE_ACCESS || vlan_mode_has_allowed(mode);
}

bool vlan_translates_from(const struct vlan_translations *translations, uint16_t vid)
{
    for (uint32_t i = 0; i < translations->n; i++) {
        if (translations->list[i].outside == vid)
            return true;
    }
    return false;
}

bool vlan_translates_to(const struct vlan_translations *translations, uint16_t vid)
{
    for (uint32_t i = 0; i < translations->n; i++) {
        if (translations->list[i].inside == vid)
            return true;
    }
    return false;
}

/* VID_NONE: outside of the port the VID is nobody's. */
static uint16_t to_inside(const struct vlan_translations *translations, uint16_t vid)
{
    for (uint32_t i = 0; i < translations->n; i++) {
        if (translations->list[i].outside == vid)
            return translations->list[i].inside;
    }
    return vlan_translates_to(translations, vid) ? VID_NONE : vid;
}

static uint16_t to_outside(const struct vlan_translations *translations, uint16_t vid)
{
    for (uint32_t i = 0; i < translations->n; i++) {
        if (translations->list[i].inside == vid)
            return translations->list[i].outside;
    }
    return vid;
}

/* A VLAN whose VID is another's outside has none there, and cannot cross the port. */
struct vidset vlan_settings_members(const struct vlan_settings *settings)
{
    const struct vlan_translations *translations = &settings->translations;
    struct vidset members = {{0}};

    if (vlan_mode_has_allowed(settings->mode))
        members = settings->allowed;
    for (uint32_t i = 0; i < translations->n; i++) {
        uint16_t vid = translations->list[i].outside;

        if (!vlan_translates_to(translations, vid))
            vidset_del(&members, vid);
    }
    if (vlan_mode_has_pvid(settings->mode))
        vidset_add(&members, (uint16_t)settings->pvid);
    return members;
}

static struct vlan_port port_of(const struct vlan_settings *settings)
{
    return (struct vlan_port){
        .mode = (uint8_t)settings->mode,
        .acceptable_frame_types = (uint8_t)settings->acceptable_frame_types,
        .pvid = (uint16_t)settings->pvid,
        .translations = settings->translations,
    };
}

/* Which frames of a port are in which VLAN. */
struct ways_in {
    struct vidset members;
    uint16_t untagged;          /* their VLAN, or VID_NONE: they do not come in */
    bool any_tag;               /* and those with tags are in the same */
    uint16_t tagged[VID_LIMIT]; /* by VLAN: the VID that its frames wear, or VID_NONE */
};

static void find_tagged(const struct vlan_port *port, const struct vidset *members,
                        uint16_t tagged[VID_LIMIT])
{
    const struct vlan_translations *translations = &port->translations;

    for (uint16_t vid = VID_MIN; vid <= VID_MAX; vid++)
        tagged[vid] = vidset_has(members, vid) ? vid : VID_NONE;
    for (uint32_t i = 0; i < translations->n; i++)
        tagged[translations->list[i].outside] = VID_NONE;
    for (uint32_t i = 0; i < translations->n; i++) {
        if (vidset_has(members, translations->list[i].inside))
            tagged[translations->list[i].inside] = translations->list[i].outside;
    }
}

static void find_ways_in(const struct vlan_port *port, const struct vidset *members,
                         struct ways_in *ret)
{
    enum vlan_mode mode = (enum vlan_mode)port->mode;
    uint8_t types = port->acceptable_frame_types;

    *ret = (struct ways_in){.members = *members, .any_tag = mode == VLAN_MODE_DOT1Q_TUNNEL};
    if (vlan_mode_has_pvid(mode) && types != VLAN_FRAMES_VLAN_TAGGED)
        ret->untagged = port->pvid;
    if (vlan_mode_has_allowed(mode) && types != VLAN_FRAMES_UNTAGGED_AND_PRIORITY)
        find_tagged(port, members, ret->tagged);
}

/* VLANs that the port leaves, and those that some frames came into, and these come into no more. */
static struct vidset find_left(const struct ways_in *were, const struct ways_in *are)
{
    struct vidset left = vidset_minus(&were->members, &are->members);

    for (uint16_t vid = VID_MIN; vid <= VID_MAX; vid++) {
        bool takes_any = are->any_tag && are->untagged == vid;

        if (were->tagged[vid] != VID_NONE && were->tagged[vid] != are->tagged[vid] && !takes_any)
            vidset_add(&left, vid);
    }
    if (were->untagged != VID_NONE &&
        (were->untagged != are->untagged || (were->any_tag && !are->any_tag)))
        vidset_add(&left, were->untagged);
    return left;
}

struct vidset vlan_settings_left(const struct vlan_settings *before,
                                 const struct vlan_settings *after)
{
    const struct vidset was_in = vlan_settings_members(before);
    const struct vidset is_in = vlan_settings_members(after);
    const struct vlan_port was = port_of(before);
    const struct vlan_port is = port_of(after);
    struct ways_in were;
    struct ways_in are;

    find_ways_in(&was, &was_in, &were);
    find_ways_in(&is, &is_in, &are);
    return find_left(&were, &are);
}

int vlan_table_new(uint16_t ethertype, uint32_t max_ports, struct vlan_table **ret)
{
    struct vlan_table *table = calloc(1, sizeof(*table));

    if (!table)
        return -ENOMEM;
    table->ethertype = ethertype;
    table->max_ports = max_ports;
    table->ports = calloc(max_ports, sizeof(table->ports[0]));
    table->members = calloc((size_t)((max_ports + 63) / 64) * VID_LIMIT, sizeof(uint64_t));
    table->counters = calloc(VID_LIMIT, sizeof(table->counters[0]));
    if (!table->ports || !table->members || !table->counters) {
        vlan_table_free(table);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < max_ports; i++)
        table->ports[i].mode = VLAN_MODE_NONE;
    *ret = table;
    return 0;
}

void vlan_table_free(struct vlan_table *table)
{
    if (!table)
        return;
    free(table->counters);
    free(table->members);
    free(table->ports);
    free(table);
}

static void set_members(struct vlan_table *table, port_id port, const struct vidset *members)
{
    uint64_t *column = &table->members[(uint64_t)(port / 64u) * VID_LIMIT];
    uint64_t bit = UINT64_C(1) << (port % 64u);

    for (uint32_t vid = VID_MIN; vid <= VID_MAX; vid++) {
        if (vidset_has(members, (uint16_t)vid))
            column[vid] |= bit;
        else if (column[vid] & bit) /* a page that is all zero stays untouched */
            column[vid] &= ~bit;
    }
}

struct vidset vlan_table_set_port(struct vlan_table *table, port_id port,
                                  const struct vlan_settings *settings)
{
    const struct vidset before = vlan_table_members(table, port);
    const struct vidset members = vlan_settings_members(settings);
    struct ways_in were;
    struct ways_in are;

    find_ways_in(&table->ports[port], &before, &were);
    table->ports[port] = port_of(settings);
    find_ways_in(&table->ports[port], &members, &are);
    set_members(table, port, &members);
    return find_left(&were, &are);
}

void vlan_table_set_flooded(struct vlan_table *table, const struct vidset *vlans)
{
    table->flooded = *vlans;
    table->floods_some = !vidset_is_empty(vlans);
}

uint32_t vlan_table_n_members(const struct vlan_table *table, uint16_t vid, uint32_t id_limit)
{
    uint32_t n = 0;

    for (uint32_t word = 0; word < (id_limit + 63) / 64; word++)
        n += (uint32_t)__builtin_popcountll(vlan_table_word(table, vid, word));
    return n;
}

struct vidset vlan_table_members(const struct vlan_table *table, port_id port)
{
    struct vidset members = {{0}};

    for (uint32_t vid = VID_MIN; vid <= VID_MAX; vid++) {
        if (vlan_table_has(table, (uint16_t)vid, port))
            vidset_add(&members, (uint16_t)vid);
    }
    return members;
}

static struct vlan_class drop(enum drop_reason reason)
{
    return (struct vlan_class){.reason = reason};
}

/* @tci: PCP and DEI of a priority tag, or 0. */
static struct vlan_class classify_untagged(const struct vlan_port *port, uint16_t tci, bool pops)
{
    if (port->acceptable_frame_types == VLAN_FRAMES_VLAN_TAGGED)
        return drop(DROP_FRAME_TYPE);
    if (port->pvid == VID_NONE)
        return drop(DROP_NO_PVID);
    return (struct vlan_class){.tci = (uint16_t)(tci | port->pvid), .pops = pops};
}

static struct vlan_class classify_tagged(const struct vlan_table *table, port_id ingress,
                                         uint16_t tci)
{
    const struct vlan_port *port = &table->ports[ingress];
    uint16_t vid;

    if (port->acceptable_frame_types == VLAN_FRAMES_UNTAGGED_AND_PRIORITY)
        return drop(DROP_FRAME_TYPE);
    if (port->mode == VLAN_MODE_ACCESS)
        return drop(DROP_VLAN_TAGGED);
    vid = to_inside(&port->translations, tci & VLAN_VID_BITS);
    if (!vlan_table_has(table, vid, ingress))
        return drop(DROP_VLAN_NOT_ALLOWED);
    return (struct vlan_class){.tci = (uint16_t)((tci & ~VLAN_VID_BITS) | vid), .pops = true};
}

struct vlan_class vlan_table_classify(const struct vlan_table *table, const struct frame *frame)
{
    const struct vlan_port *port = &table->ports[frame->ingress];
    bool is_tunnel = port->mode == VLAN_MODE_DOT1Q_TUNNEL;
    uint16_t tci;

    if (is_tunnel || frame->n_tags == 0 || frame->tags[0].tpid != table->ethertype)
        return classify_untagged(port, 0, false);
    tci = frame->tags[0].tci;
    if ((tci & VLAN_VID_BITS) == VLAN_VID_BITS)
        return drop(DROP_VID_RESERVED);
    if ((tci & VLAN_VID_BITS) == VID_NONE)
        return classify_untagged(port, tci, true);
    return classify_tagged(table, frame->ingress, tci);
}

bool vlan_table_untags(const struct vlan_table *table, port_id port, uint16_t vid)
{
    const struct vlan_port *out = &table->ports[port];

    switch ((enum vlan_mode)out->mode) {
    case VLAN_MODE_ACCESS:
    case VLAN_MODE_DOT1Q_TUNNEL:
        return true;
    case VLAN_MODE_NATIVE_UNTAGGED:
        return out->pvid == vid;
    case VLAN_MODE_TRUNK:
    case VLAN_MODE_NATIVE_TAGGED:
    case VLAN_MODE_NONE:
        break;
    }
    return false;
}

void vlan_table_dress(const struct vlan_table *table, const struct vlan_class *class,
                      port_id egress, const struct frame *frame, struct frame *ret_frame)
{
    uint16_t vid = class->tci & VLAN_VID_BITS;
    struct vlan_tag tag = {.tpid = table->ethertype};

    *ret_frame = *frame;
    if (class->pops)
        frame_pop_tag(ret_frame);
    if (vlan_table_untags(table, egress, vid))
        return;
    tag.tci = (uint16_t)((class->tci & ~VLAN_VID_BITS) |
                         to_outside(&table->ports[egress].translations, vid));
    frame_push_tag(ret_frame, tag);
}
