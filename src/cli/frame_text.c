/* SPDX-License-Identifier: ISC */
#include "frame_text.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "ringspan/mac.h"

#define MAX_TAGS 4

/* What is left of the frame. */
struct rest {
    const uint8_t *at;
    uint32_t len;
};

static uint16_t load_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* The next @n bytes, or NULL and all is as it was. */
static const uint8_t *take(struct rest *rest, uint32_t n)
{
    const uint8_t *at = rest->at;

    if (n > rest->len)
        return NULL;
    rest->at += n;
    rest->len -= n;
    return at;
}

static void write_mac(FILE *out, const uint8_t *at)
{
    char text[MAC_STRING_SIZE];

    fputs(mac_format(mac_load(at), text), out);
}

/* ---- addresses and ports ---- */

static const char *protocol_name(uint8_t protocol)
{
    static const struct {
        uint8_t protocol;
        const char *name;
    } names[] = {{1, "ICMP"}, {2, "IGMP"},    {6, "TCP"},   {17, "UDP"},   {47, "GRE"},
                 {50, "ESP"}, {58, "ICMPv6"}, {89, "OSPF"}, {112, "VRRP"}, {132, "SCTP"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (names[i].protocol == protocol)
            return names[i].name;
    }
    return NULL;
}

struct conversation {
    int family;
    const uint8_t *src;
    const uint8_t *dst;
    uint8_t protocol;
    bool is_fragment; /* not the first: no header of the protocol comes next */
};

static bool has_ports(const struct conversation *conversation)
{
    return !conversation->is_fragment &&
           (conversation->protocol == 6 || conversation->protocol == 17 ||
            conversation->protocol == 132);
}

static void write_end(FILE *out, int family, const uint8_t *address, const uint8_t *port)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(family, address, text, sizeof(text));
    if (!port)
        fputs(text, out);
    else
        fprintf(out, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, load_u16(port));
}

/* As tcpdump(1) has them. */
static void write_flags(FILE *out, uint8_t flags)
{
    static const char letters[] = "FSRP.U";

    fputs(" [", out);
    for (unsigned i = 0; letters[i]; i++) {
        if (flags >> i & 1)
            putc(letters[i], out);
    }
    putc(']', out);
}

static void write_conversation(FILE *out, const struct conversation *conversation,
                               struct rest *rest)
{
    const char *name = protocol_name(conversation->protocol);
    const uint8_t *head = has_ports(conversation) ? take(rest, 4) : NULL;

    putc(' ', out);
    write_end(out, conversation->family, conversation->src, head);
    fputs(" > ", out);
    write_end(out, conversation->family, conversation->dst, head ? head + 2 : NULL);
    if (name)
        fprintf(out, " %s", name);
    else
        fprintf(out, " protocol %u", conversation->protocol);
    if (conversation->is_fragment)
        fputs(" fragment", out);
    if (head && conversation->protocol == 6 && rest->len >= 10)
        write_flags(out, rest->at[9]);
}

/* ---- what it carries ---- */

static void write_ipv4(FILE *out, struct rest *rest)
{
    const uint8_t *head = take(rest, 20);
    struct conversation conversation;

    if (!head || head[0] >> 4 != 4 || (head[0] & 15) < 5 || !take(rest, (head[0] & 15) * 4u - 20))
        return;
    conversation = (struct conversation){
        .family = AF_INET,
        .src = head + 12,
        .dst = head + 16,
        .protocol = head[9],
        .is_fragment = load_u16(head + 6) & 0x1fff,
    };
    write_conversation(out, &conversation, rest);
}

static void write_ipv6(FILE *out, struct rest *rest)
{
    const uint8_t *head = take(rest, 40);
    struct conversation conversation;

    if (!head || head[0] >> 4 != 6)
        return;
    conversation = (struct conversation){
        .family = AF_INET6, .src = head + 8, .dst = head + 24, .protocol = head[6]};
    if (conversation.protocol == 0 && rest->len >= 8) { /* hop-by-hop options, as of MLD */
        conversation.protocol = rest->at[0];
        if (!take(rest, rest->at[1] * 8u + 8))
            rest->len = 0;
    }
    write_conversation(out, &conversation, rest);
}

static void write_arp(FILE *out, struct rest *rest)
{
    const uint8_t *head = take(rest, 28);

    if (!head || load_u16(head + 2) != 0x0800 || head[4] != 6 || head[5] != 4)
        return;
    if (load_u16(head + 6) == 1) {
        fputs(" who has ", out);
        write_end(out, AF_INET, head + 24, NULL);
        fputs(", tell ", out);
        write_end(out, AF_INET, head + 14, NULL);
    } else {
        putc(' ', out);
        write_end(out, AF_INET, head + 14, NULL);
        fputs(" is at ", out);
        write_mac(out, head + 8);
    }
}

static void write_type(FILE *out, uint16_t type, struct rest *rest)
{
    static const struct {
        uint16_t type;
        const char *name;
        void (*write_more)(FILE *out, struct rest *rest);
    } types[] = {
        {0x0800, "IPv4", write_ipv4},      {0x0806, "ARP", write_arp},
        {0x86dd, "IPv6", write_ipv6},      {0x8808, "MAC control", NULL},
        {0x8809, "slow protocols", NULL},  {0x8847, "MPLS", NULL},
        {0x8863, "PPPoE discovery", NULL}, {0x8864, "PPPoE", NULL},
        {0x888e, "EAPOL", NULL},           {0x88cc, "LLDP", NULL},
        {0x88e5, "MACsec", NULL},          {0x88f7, "PTP", NULL},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (types[i].type != type)
            continue;
        fputs(types[i].name, out);
        if (types[i].write_more)
            types[i].write_more(out, rest);
        return;
    }
    if (type < 0x0600)
        fputs("802.3", out);
    else
        fprintf(out, "0x%04x", type);
}

static bool is_tag(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

void frame_text_write(FILE *out, const uint8_t *bytes, uint32_t len)
{
    struct rest rest = {bytes, len};
    const uint8_t *addresses = take(&rest, 12);
    const uint8_t *type = take(&rest, 2);

    if (!addresses || !type) {
        fputs("no Ethernet header", out);
        return;
    }
    write_mac(out, addresses + 6);
    fputs(" > ", out);
    write_mac(out, addresses);
    for (int i = 0; i < MAX_TAGS && is_tag(load_u16(type)) && rest.len >= 4; i++) {
        uint16_t tci = load_u16(rest.at);

        fprintf(out, load_u16(type) == 0x8100 ? ", vlan %u" : ", s-vlan %u", tci & 0xfffu);
        if (tci >> 13)
            fprintf(out, " p %u", tci >> 13);
        type = rest.at + 2;
        take(&rest, 4);
    }
    fputs(", ", out);
    write_type(out, load_u16(type), &rest);
}
