/* SPDX-License-Identifier: ISC */
#include "ringspan/loopback.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DIGITS 5

static const char no_address[] =
    "is not an address and a port, as in \"127.0.0.1:9955\" or \"[::1]:9955\"";
static const char no_loopback[] = "can be reached from other machines; 127.0.0.1 and [::1] cannot";
static const char no_port[] = "has no port within 1..65535";

/* 0 if it is none. */
static uint16_t parse_port(const char *text)
{
    size_t len = strspn(text, "0123456789");
    unsigned long port;

    if (len == 0 || len > PORT_DIGITS || text[len] != '\0' || *text == '0')
        return 0;
    port = strtoul(text, NULL, 10);
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static const char *parse_v4(const char *host, uint16_t port, struct loopback *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        return no_address;
    if (ntohl(v4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        return no_loopback;
    ret->address.v4 = v4;
    ret->len = sizeof(v4);
    return NULL;
}

static const char *parse_v6(const char *host, uint16_t port, struct loopback *ret)
{
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    struct in6_addr any;

    if (inet_pton(AF_INET6, host, &any) != 1)
        return no_address;
    if (!IN6_IS_ADDR_LOOPBACK(&any))
        return no_loopback;
    if (strcmp(host, "::1") != 0) /* one spelling, for whoever looks for it in files */
        return no_address;
    ret->address.v6 = v6;
    ret->len = sizeof(v6);
    return NULL;
}

const char *loopback_parse(const char *text, struct loopback *ret)
{
    const char *colon = strrchr(text, ':');
    bool is_v6 = *text == '[';
    char host[INET6_ADDRSTRLEN];
    uint16_t port;
    size_t len;

    if (!colon || (is_v6 && (colon == text || colon[-1] != ']')))
        return no_address;
    text += is_v6;
    len = (size_t)(colon - text) - is_v6;
    if (len >= sizeof(host))
        return no_address;
    memcpy(host, text, len);
    host[len] = '\0';
    port = parse_port(colon + 1);
    if (port == 0)
        return no_port;
    return is_v6 ? parse_v6(host, port, ret) : parse_v4(host, port, ret);
}
