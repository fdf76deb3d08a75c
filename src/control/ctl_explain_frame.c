/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_explain.h"
#include "ringspan/limits.h"
#include "ringspan/mac.h"

/*
 * A frame out of parameters: either all of its first bytes as hex, or its header in words. Behind
 * what was said there are zeros, up to its size.
 */

#define SIZE_DEFAULT      60
#define ETHERTYPE_DEFAULT 0x0800
#define ETHERTYPE_MIN     0x0600 /* what is less is a length */
#define ETHERTYPE_IPV6    0x86dd
#define IPV4_HEADER_SIZE  20
#define IPV6_HEADER_SIZE  40
#define TCP_HEADER_SIZE   20
#define IP_PROTOCOL_TCP   6
#define IP_PROTOCOL_UDP   17
#define SOURCE_DEFAULT    UINT64_C(0x020000000000) /* an individual address of nobody's */

/* What the parameters say; -1: nothing. */
struct description {
    const char *hex;
    uint64_t dst;
    uint64_t src;
    int64_t vlan;
    int64_t pcp;
    int64_t ethertype;
    int64_t size;
    int64_t gso_size;
};

static bool is_given(const struct json_object *params, const char *key)
{
    return json_object_object_get_ex(params, key, NULL);
}

static bool take_mac(const struct json_object *params, const char *key, uint64_t *ret_mac,
                     struct ctl_fault *ret_fault)
{
    const char *text = NULL;

    if (!ctl_params_string(params, key, &text, ret_fault))
        return false;
    if (!text || mac_parse(text, ret_mac))
        return true;
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                  "%s: '%.64s' is not an address like 02:00:00:00:00:01", key, text);
    return false;
}

static bool take_ethertype(const struct json_object *params, int64_t *ret_ethertype,
                           struct ctl_fault *ret_fault)
{
    const char *text = NULL;
    unsigned long value;
    char *end;

    if (!ctl_params_string(params, "ethertype", &text, ret_fault))
        return false;
    if (!text)
        return true;
    value = strtoul(text, &end, 16);
    if (strncmp(text, "0x", 2) == 0 && strlen(text) == 6 && !*end && value >= ETHERTYPE_MIN) {
        *ret_ethertype = (int64_t)value;
        return true;
    }
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                  "ethertype: '%.64s' is not one from 0x0600 to 0xffff, like 0x0806", text);
    return false;
}

static bool take_numbers(const struct json_object *params, struct description *d,
                         struct ctl_fault *ret_fault)
{
    return ctl_params_integer(params, "vlan", 0, 4095, &d->vlan, ret_fault) &&
           ctl_params_integer(params, "pcp", 0, 7, &d->pcp, ret_fault) &&
           ctl_params_integer(params, "size", 1, LIMIT_SUPERFRAME_SIZE, &d->size, ret_fault) &&
           ctl_params_integer(params, "gso_size", 1, UINT16_MAX, &d->gso_size, ret_fault);
}

/* One or the other. */
static bool is_described_once(const struct json_object *params, struct ctl_fault *ret_fault)
{
    static const char *const words[] = {"dst", "src", "vlan", "pcp", "ethertype"};

    if (!is_given(params, "hex") && !is_given(params, "dst")) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "dst: missing (or hex, the frame's bytes)");
        return false;
    }
    for (size_t i = 0; is_given(params, "hex") && i < sizeof(words) / sizeof(words[0]); i++) {
        if (!is_given(params, words[i]))
            continue;
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: hex says that already", words[i]);
        return false;
    }
    return true;
}

static bool take_description(const struct json_object *params, struct description *ret,
                             struct ctl_fault *ret_fault)
{
    *ret = (struct description){.src = SOURCE_DEFAULT,
                                .vlan = -1,
                                .pcp = -1,
                                .ethertype = ETHERTYPE_DEFAULT,
                                .size = -1,
                                .gso_size = -1};
    return is_described_once(params, ret_fault) &&
           ctl_params_string(params, "hex", &ret->hex, ret_fault) &&
           take_mac(params, "dst", &ret->dst, ret_fault) &&
           take_mac(params, "src", &ret->src, ret_fault) &&
           take_ethertype(params, &ret->ethertype, ret_fault) &&
           take_numbers(params, ret, ret_fault);
}

static bool has_tag(const struct description *d)
{
    return d->vlan >= 0 || d->pcp >= 0;
}

/* How many bytes are said, which are the least that the frame has. */
static uint32_t length_of(const struct description *d)
{
    if (d->hex)
        return (uint32_t)strlen(d->hex) / 2;
    return ETHER_HEADER_SIZE + (has_tag(d) ? VLAN_TAG_SIZE : 0);
}

static uint32_t size_of(const struct description *d)
{
    if (d->size >= 0)
        return (uint32_t)d->size;
    return d->hex ? length_of(d) : SIZE_DEFAULT + (has_tag(d) ? VLAN_TAG_SIZE : 0);
}

static void store_be16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void write_header(const struct description *d, uint16_t ethertype, uint8_t *bytes)
{
    struct vlan_tag tag = {.tpid = ethertype};
    uint8_t *at = bytes + 12;

    mac_store(d->dst, bytes);
    mac_store(d->src, bytes + 6);
    if (has_tag(d)) {
        tag.tci = (uint16_t)((d->pcp > 0 ? d->pcp << 13 : 0) | (d->vlan > 0 ? d->vlan : 0));
        vlan_tag_store(tag, at);
        at += VLAN_TAG_SIZE;
    }
    store_be16(at, (uint32_t)d->ethertype);
}

/* Segments are TCP's if nobody says otherwise: as much of its headers as tells where they end. */
static void write_tcp(uint32_t ethertype, uint8_t *packet, uint32_t room)
{
    bool is_ipv6 = ethertype == ETHERTYPE_IPV6;
    uint32_t header = is_ipv6 ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE;

    if ((!is_ipv6 && ethertype != ETHERTYPE_DEFAULT) || room < header + TCP_HEADER_SIZE)
        return;
    packet[0] = is_ipv6 ? 0x60 : 0x45;
    packet[is_ipv6 ? 6 : 9] = IP_PROTOCOL_TCP;
    packet[header + 12] = TCP_HEADER_SIZE / 4 << 4;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool write_hex(const char *hex, uint8_t *bytes, struct ctl_fault *ret_fault)
{
    size_t len = strlen(hex);

    for (size_t i = 0; i < len; i++) {
        int digit = hex_digit(hex[i]);

        if (digit < 0) {
            ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                          "hex: what stands at %zu is no hexadecimal digit", i);
            return false;
        }
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | digit);
    }
    return true;
}

/* Segments of what the headers say: TCP, or UDP. */
static uint8_t gso_type_of(const struct described_frame *frame)
{
    struct frame view = {.data = frame->bytes, .len = frame->len};
    uint32_t ethertype = 0;
    uint32_t at = frame_network_offset(&view, &ethertype);
    bool is_ipv6 = ethertype == ETHERTYPE_IPV6;
    uint32_t protocol = at + (is_ipv6 ? 6 : 9);

    if (at > 0 && protocol < frame->len && frame->bytes[protocol] == IP_PROTOCOL_UDP)
        return VIRTIO_NET_HDR_GSO_UDP_L4;
    return is_ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

static bool is_long_enough(const struct description *d, struct ctl_fault *ret_fault)
{
    if (d->hex && (!*d->hex || strlen(d->hex) % 2 != 0)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "hex: %s",
                      *d->hex ? "an odd number of digits, of which a byte has two" : "empty");
        return false;
    }
    if (size_of(d) >= length_of(d))
        return true;
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "size: %u, and the frame has %u bytes already",
                  size_of(d), length_of(d));
    return false;
}

bool ctl_describe_frame(const struct json_object *params, uint16_t ethertype,
                        struct described_frame *ret_frame, struct ctl_fault *ret_fault)
{
    struct described_frame frame = {0};
    struct description d;

    if (!take_description(params, &d, ret_fault) || !is_long_enough(&d, ret_fault))
        return false;
    frame.len = size_of(&d);
    frame.bytes = calloc(1, frame.len);
    if (!frame.bytes) {
        ctl_fault_set(ret_fault, CTL_INTERNAL_ERROR, "out of memory");
        return false;
    }
    if (!d.hex) {
        write_header(&d, ethertype ? ethertype : VLAN_TPID_C, frame.bytes);
        if (d.gso_size > 0)
            write_tcp((uint32_t)d.ethertype, frame.bytes + length_of(&d),
                      frame.len - length_of(&d));
    } else if (!write_hex(d.hex, frame.bytes, ret_fault)) {
        free(frame.bytes);
        return false;
    }
    if (d.gso_size > 0) {
        frame.vnet.gso_type = gso_type_of(&frame);
        frame.vnet.gso_size = (uint16_t)d.gso_size;
    }
    *ret_frame = frame;
    return true;
}
